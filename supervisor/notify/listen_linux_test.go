package notify

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary play a sender: botctl-test send TEXT.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "send" {
		if err := (Manager{socket: os.Getenv(EnvSocket)}).Tell(os.Args[2]); err != nil {
			fmt.Println(err)
		}
		return
	}
	os.Exit(m.Run())
}

func TestTheKernelSaysWhoSends(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "n"), filepath.Join(t.TempDir(), strings.Repeat("long", 30), "n")} {
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(l.Addr()); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		cmd := exec.Command(os.Args[0], "send", "READY=1")
		cmd.Env = []string{EnvSocket + "=" + l.Addr(), "GORACE=atexit_sleep_ms=0"}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%s %v", out, err)
		}
		m, pid, err := l.Next()
		if err != nil || !m.Ready || pid != cmd.Process.Pid {
			t.Errorf("%+v from %d (%v), want READY from %d", m, pid, err, cmd.Process.Pid)
		}
		l.Close()
		if _, err := os.Stat(l.Addr()); err == nil {
			t.Error("the socket is left")
		}
	}
}

func TestALeftSocketIsReplacedAndAFileIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	old, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	old.Close()
	for range 2 {
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	file := filepath.Join(t.TempDir(), "n")
	os.WriteFile(file, []byte("mine"), 0o600)
	if _, err := Listen(file); err == nil {
		t.Error("a file was replaced by a socket")
	}
	if b, _ := os.ReadFile(file); string(b) != "mine" {
		t.Errorf("the file holds %q", b)
	}
}

// A sender that passes descriptors waits until they are closed: systemd-notify does.
func TestDescriptorsAreClosedAndAFloodIsDropped(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "n"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: l.Addr(), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r, w, _ := os.Pipe()
	defer r.Close()
	raw, _ := conn.SyscallConn()
	raw.Control(func(fd uintptr) {
		err = unix.Sendmsg(int(fd), []byte("BARRIER=1"), unix.UnixRights(int(w.Fd())), nil, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, _, err := l.Next(); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("the descriptor that came along is open")
	}
	heard := make(chan int, 1)
	go func() {
		n := 0
		for {
			m, _, err := l.Next()
			if err != nil || m.Stopping {
				heard <- n
				return
			}
			n++
		}
	}()
	for range 2000 {
		conn.Write([]byte("WATCHDOG=1"))
	}
	// The bucket refills: the last word comes through in the end.
	for {
		conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)) // nobody may be there to read it
		conn.Write([]byte("STOPPING=1"))
		select {
		case n := <-heard:
			if n > 1500 {
				t.Errorf("%d of 2000 were heard", n)
			}
			return
		default:
		}
	}
}
