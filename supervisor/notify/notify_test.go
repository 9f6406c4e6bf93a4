package notify

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Message{
		"READY=1":                            {Ready: true},
		"READY=0\nSTATUS=x":                  {Status: "x"},
		"WATCHDOG=1\nREADY=1":                {Ready: true, Beat: true},
		"WATCHDOG=trigger":                   {Trigger: true},
		"WATCHDOG_USEC=5000000":              {Every: 5 * time.Second},
		"WATCHDOG_USEC=1":                    {Every: time.Second},
		"WATCHDOG_USEC=-1":                   {},
		"WATCHDOG_USEC=99999999999999999":    {},
		"STATUS=a\x1b[31mb\x00\xff":          {Status: "a[31mb"},
		"STOPPING=1":                         {Stopping: true},
		"":                                   {},
		"=\n\n=1\nREADY\nX=READY=1\nready=1": {},
	} {
		if got := parse([]byte(text)); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	if m := parse([]byte("STATUS=" + strings.Repeat("ä", 5000))); len([]rune(m.Status)) != maxStatus {
		t.Errorf("a status of %d characters", len([]rune(m.Status)))
	}
}

func TestManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	env := map[string]string{EnvSocket: path, EnvWatchdog: "4000000"}
	m := ManagerOf(func(name string) string { return env[name] })
	if !m.Present() || m.Every != 4*time.Second {
		t.Errorf("%+v", m)
	}
	if err := m.Tell("READY=1", "STATUS=x"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, _ := conn.Read(buf); string(buf[:n]) != "READY=1\nSTATUS=x" {
		t.Errorf("%q", buf[:n])
	}
	env[EnvWatchdogPID] = "1"
	if os.Getpid() != 1 && ManagerOf(func(name string) string { return env[name] }).Every != 0 {
		t.Error("the watchdog of another process is ours")
	}
	if (Manager{}).Tell("READY=1") != nil || (Manager{socket: "x"}).Tell("READY=1") == nil {
		t.Error("no manager, or one at no address")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=x\nWATCHDOG_USEC=12"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := parse(data)
		if strings.ContainsAny(m.Status, "\n\r\x1b\x00") || m.Every < 0 || m.Every > 24*time.Hour {
			t.Errorf("%q: %+v", data, m)
		}
	})
}
