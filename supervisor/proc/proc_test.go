//go:build linux

package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestP1ChildIgnoresTerm(t *testing.T) {
	c, out := start(t, "ignore-term")
	out.await(t, "ready", 1)
	c.Stop(50 * time.Millisecond)
	if e := ended(t, c); e.Signal != syscall.SIGKILL {
		t.Errorf("ended by %v, want SIGKILL", e)
	}
}

func TestP2ChildHandlesTerm(t *testing.T) {
	c, out := start(t, "slow-term")
	out.await(t, "ready", 1)
	c.Stop(20 * time.Second)
	if e := ended(t, c); e.Code != 7 || e.Signal != 0 {
		t.Errorf("ended by %v, want exit 7", e)
	}
}

func TestP3LeaderGoesAndAMemberStays(t *testing.T) {
	c, out := start(t, "leader-goes")
	out.await(t, "ready", 1)
	tree := c.Tree()
	if len(tree) != 2 {
		t.Fatalf("tree %v, want two", tree)
	}
	c.Stop(100 * time.Millisecond)
	<-c.Exited()
	if gone(tree[1]) {
		t.Error("the member was killed before the end of the grace")
	}
	ended(t, c)
	for _, pid := range tree {
		if !gone(pid) {
			t.Errorf("pid %d is left", pid)
		}
	}
}

func TestP4DaemonisedGrandchild(t *testing.T) {
	for _, stop := range []func(*Child){(*Child).Kill, func(c *Child) { c.Stop(20 * time.Millisecond) }} {
		c, out := start(t, "daemon")
		out.await(t, "ready", 1)
		until(t, "the middle process is gone", func() bool { return len(c.Tree()) == 2 })
		tree := c.Tree()
		stop(c)
		ended(t, c)
		if !gone(tree[1]) {
			t.Errorf("daemonised pid %d is left", tree[1])
		}
	}
}

func TestP5GrandchildHoldsStdoutOpen(t *testing.T) {
	c, out := start(t, "stdout-left-open")
	out.await(t, "ready", 1)
	// A stranger holds it open as well: nobody may end that one.
	held, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", c.PID()), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	unix.Kill(c.PID(), unix.SIGUSR1)
	if e := ended(t, c); e.Code != 3 {
		t.Errorf("ended by %v, want exit 3", e)
	}
}

func TestP6ClosedOutputIsNoExit(t *testing.T) {
	c, _ := start(t, "closes-output")
	until(t, "the helper has closed its output", func() bool {
		_, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", c.PID()))
		return err != nil
	})
	select {
	case <-c.Exited():
		t.Error("taken for an exit")
	default:
	}
	c.Kill()
	ended(t, c)
}

func TestP7ChildDiesWithItsSupervisor(t *testing.T) {
	c, out := start(t, "supervise")
	var pid int
	fmt.Sscanf(out.await(t, "\n", 1), "child %d", &pid)
	until(t, "the child lives", func() bool { return !gone(pid) })
	unix.Kill(c.PID(), unix.SIGKILL)
	until(t, "the child is dead", func() bool { return gone(pid) })
}

func TestP23Exits(t *testing.T) {
	for _, code := range []int{0, 1, 2, 75, 78, 255} {
		c, _ := start(t, "exit", fmt.Sprint(code))
		if e := ended(t, c); e.Code != code || e.String() != fmt.Sprintf("exit %d", code) {
			t.Errorf("%v, want exit %d", e, code)
		}
	}
	c, _ := start(t, "segv")
	if e := ended(t, c); e.Signal != syscall.SIGKILL || e.Code != -1 || e.String() != "killed by SIGKILL" {
		t.Errorf("%+v", e)
	}
}

func TestP24WhatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tc := range []struct {
		argv0, dir string
		kind       StartFailure
		text       string
	}{
		{"no-such-program", dir, NotFound, `start "no-such-program": not found in PATH`},
		{"./none", dir, NotFound, `start "./none": not found`},
		{write("plain", "x", 0o644), dir, NotExecutable, "permission denied"},
		{write("script", "#!/no/such/interpreter\n", 0o755), dir, NotExecutable, "its interpreter is not there"},
		{write("garbage", "\x00\x01", 0o755), dir, NotExecutable, "exec format error"},
		{dir, dir, NotExecutable, ""},
		{"true", filepath.Join(dir, "none"), NoDir, "no such file or directory"},
	} {
		s := spec()
		s.Argv, s.Dir = []string{tc.argv0}, tc.dir
		_, err := Start(s)
		se, ok := errors.AsType[*StartError](err)
		if !ok || se.Kind != tc.kind || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v, want kind %d and %q", tc.argv0, err, tc.kind, tc.text)
		}
	}
}

func TestP25ProgramBeingReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prog")
	text, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(text)
	s := spec()
	s.Argv = []string{path}
	timer := time.AfterFunc(30*time.Millisecond, func() { w.Close() })
	defer timer.Stop()
	c, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	if e := ended(t, c); e.Code != 0 {
		t.Error(e)
	}
}

func TestP38ForkBomb(t *testing.T) {
	c, out := start(t, "bomb", "0")
	out.await(t, "ready", 32)
	// A subreaper counts every orphan, and one of another test may not be reaped yet.
	tree := c.Tree()
	if len(tree) < 63 {
		t.Fatalf("%d processes, want 63", len(tree))
	}
	c.Stop(10 * time.Millisecond)
	if e := ended(t, c); len(e.Survivors) > 0 {
		t.Errorf("survivors %v", e.Survivors)
	}
	for _, pid := range tree {
		if !gone(pid) {
			t.Errorf("pid %d is left", pid)
		}
	}
}

func TestP39StoppedChild(t *testing.T) {
	c, out := start(t, "slow-term")
	out.await(t, "ready", 1)
	unix.Kill(c.PID(), unix.SIGSTOP)
	until(t, "stopped", func() bool { return c.State() == 'T' })
	c.Stop(20 * time.Second)
	if e := ended(t, c); e.Code != 7 {
		t.Errorf("ended by %v, want exit 7: SIGTERM waits for SIGCONT", e)
	}
}

func TestP44NoDescriptorLeaks(t *testing.T) {
	list := spec()
	list.Argv = []string{"/bin/sh", "-c", "for fd in $(seq 3 300); do [ -e /proc/$$/fd/$fd ] && readlink /proc/$$/fd/$fd; done; echo end"}
	c, err := Start(list)
	if err != nil {
		t.Fatal(err)
	}
	ended(t, c)
	if got := list.Stdout.(*lines).String(); !regexp.MustCompile(`^pipe:\[\d+\]\nend\n$`).MatchString(got) {
		t.Errorf("the child sees descriptors %q besides 0, 1, 2, want the leash alone", got)
	}
	count := func() int {
		dir, _ := os.ReadDir("/proc/self/fd")
		return len(dir)
	}
	before := count()
	bad := spec()
	bad.Argv = []string{"/dev/null"}
	for range 20 {
		c, err := Start(spec("exit", "0"))
		if err != nil {
			t.Fatal(err)
		}
		<-c.Done()
		Start(bad)
	}
	runtime.GC()
	if after := count(); after > before {
		t.Errorf("%d descriptors after 40 starts, %d before", after, before)
	}
}

func TestP44LimitsAndIgnoredSignalsAreTheOriginalOnes(t *testing.T) {
	out, err := exec.Command("sh", "-c", `ulimit -Sn 300; exec nohup "$0" tells-limits 2>/dev/null`, os.Args[0]).Output()
	if err != nil || string(out) != "300\n1\n" {
		t.Errorf("%q (%v), want the soft limit of 300 files, and SIGHUP ignored", out, err)
	}
}

func TestTheThreadThatAsksMayEnd(t *testing.T) {
	started := make(chan *Child)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine
		c, err := Start(spec("ignore-term"))
		if err != nil {
			t.Error(err)
		}
		started <- c
	}()
	c := <-started
	c.spec.Stdout.(*lines).await(t, "ready", 1)
	c.Kill()
	ended(t, c)
}

func TestP42OrphansAreReapedAndNoStatusIsLost(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var reaper sync.WaitGroup
	reaper.Go(func() { Reap(ctx) })
	bearer, _ := start(t, "orphans", "300")
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			c, err := Start(spec("exit", fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
				return
			}
			<-c.Done()
			if c.Exit().Code != i {
				t.Errorf("exit %d was taken for %v", i, c.Exit())
			}
		})
	}
	wg.Wait()
	ended(t, bearer)
	until(t, "no zombie is left", func() bool {
		for _, pid := range childrenOf(os.Getpid()) {
			if stateOf(pid) == 'Z' && !isOwn(pid) {
				unix.Kill(os.Getpid(), unix.SIGCHLD)
				return false
			}
		}
		return true
	})
	cancel()
	reaper.Wait()
}

func TestSocketsOfATree(t *testing.T) {
	for _, network := range []string{"127.0.0.1:0", "[::1]:0"} {
		ln, err := net.Listen("tcp", network)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		peer := ln.Addr().(*net.TCPAddr).AddrPort()
		pids := []int{os.Getpid()}
		look := func(peers ...netip.AddrPort) Sockets {
			s, err := TreeSockets(pids, peers)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if s := look(peer); s.Open != 0 {
			t.Errorf("%s: %+v before any connection", network, s)
		}
		out, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		in, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		out.Write([]byte("x"))
		in.Read(make([]byte, 1))
		if s := look(peer); s.Open != 1 || s.Quiet > 10*time.Second {
			t.Errorf("%s: %+v with one connection", network, s)
		}
		if s := look(netip.AddrPortFrom(peer.Addr(), 0)); s.Open == 0 {
			t.Errorf("%s: port 0 is not any port", network)
		}
		until(t, "silence shows", func() bool { return look(peer).Quiet >= 30*time.Millisecond })
		begin := time.Now()
		out.Write([]byte("x"))
		in.Read(make([]byte, 1))
		if s := look(peer); s.Quiet > time.Since(begin)+20*time.Millisecond { // the kernel counts in ticks
			t.Errorf("%s: quiet for %v, %v after data", network, s.Quiet, time.Since(begin))
		}
		if s := look(netip.MustParseAddrPort("192.0.2.1:443")); s.Open != 0 {
			t.Errorf("%s: %+v to another peer", network, s)
		}
		out.Close()
		in.Close()
		until(t, "closed", func() bool { return look(peer).Open == 0 })
	}
	if _, err := TreeSockets([]int{1 << 22}, nil); err != nil {
		t.Errorf("a process that is gone: %v", err)
	}
}

// gate is a reader that stalls until it is opened.
type gate struct {
	open chan struct{}
	buf  bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.buf.Write(p)
}

func TestP34StalledReader(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	s := NewSink(g, "stdout")
	chunk := bytes.Repeat([]byte("y"), 64<<10)
	for range 64 { // 4 MiB into a buffer of 1 MiB: waits once, then drops
		s.Write(chunk)
	}
	s.WriteLine("botctl: a word of our own")
	close(g.open)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s.Close(ctx)
	got := g.buf.String()
	if !strings.Contains(got, "bytes of output dropped: the reader of stdout stalled\n") {
		t.Errorf("no word about dropped bytes in %d bytes", len(got))
	}
	if !strings.Contains(got, "y\nbotctl: a word of our own\n") {
		t.Error("botctl's own line is lost, or stands in the middle of another")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestP35ClosedReader(t *testing.T) {
	s := NewSink(failing{}, "stdout")
	for range 1000 {
		s.Write(make([]byte, 64<<10))
	}
	s.Close(t.Context())
}

func TestP32OutputIsExact(t *testing.T) {
	var got bytes.Buffer
	s := NewSink(&got, "stdout")
	want := append(bytes.Repeat([]byte{'x'}, 5<<20), "\x00\xff\xfe\x1b[31m\r\nend"...)
	for rest := want; len(rest) > 0; {
		n := min(len(rest), 60_000)
		s.Write(rest[:n])
		rest = rest[n:]
	}
	s.Close(t.Context())
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes of %d, or others", got.Len(), len(want))
	}
}

func BenchmarkRespawn(b *testing.B) {
	b.Run("child", func(b *testing.B) {
		b.ReportAllocs()
		s := spec()
		s.Argv, s.Stdout, s.Stderr = []string{"/bin/true"}, io.Discard, io.Discard
		for b.Loop() {
			c, err := Start(s)
			if err != nil {
				b.Fatal(err)
			}
			<-c.Done()
		}
	})
	b.Run("floor", func(b *testing.B) {
		for b.Loop() {
			p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
			if err != nil {
				b.Fatal(err)
			}
			p.Wait()
		}
	})
}
