package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a real pseudo-terminal with a small screen behind it: enough of one to see what botctl draws.
type terminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File

	mu     sync.Mutex
	width  int
	height int
	rows   []string // what was ever written, also what has scrolled away
	at     int      // row of the cursor
	col    int
	raw    strings.Builder
	rest   string // the beginning of an escape sequence
	come   chan struct{}
}

func newTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	conn, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	term := &terminal{t: t, master: master, slave: slave, rows: []string{""}, come: make(chan struct{})}
	term.resize(width, height)
	done := make(chan struct{})
	go func() {
		term.read()
		close(done)
	}()
	t.Cleanup(func() {
		master.Close()
		<-done
	})
	return term
}

func (x *terminal) resize(width, height int) {
	x.mu.Lock()
	x.width, x.height = width, height
	x.mu.Unlock()
	if err := unix.IoctlSetWinsize(int(x.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(height), Col: uint16(width)}); err != nil {
		x.t.Error(err)
	}
}

// settings are the modes of the terminal, which must be the same afterwards.
func (x *terminal) settings() unix.Termios {
	x.t.Helper()
	got, err := unix.IoctlGetTermios(int(x.slave.Fd()), unix.TCGETS)
	if err != nil {
		x.t.Fatal(err)
	}
	return *got
}

func (x *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := x.master.Read(buf)
		if err != nil {
			return
		}
		x.mu.Lock()
		x.raw.Write(buf[:n])
		x.rest = x.draw(x.rest + string(buf[:n]))
		close(x.come)
		x.come = make(chan struct{})
		x.mu.Unlock()
	}
}

// escape finds what moves the cursor, and partial what may become that.
var (
	escape  = regexp.MustCompile(`^\x1b\[(\d*)([A-Za-z])`)
	partial = regexp.MustCompile(`^\x1b(\[\d*)?$`)
)

// draw returns what it does not understand yet.
func (x *terminal) draw(text string) string {
	for text != "" {
		if m := escape.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			n, _ := strconv.Atoi(m[1])
			top := max(0, len(x.rows)-x.height)
			switch m[2] {
			case "A":
				x.at = max(x.at-max(n, 1), top)
			case "K":
				x.rows[x.at] = x.rows[x.at][:min(x.col, len(x.rows[x.at]))]
			case "J":
				x.rows[x.at] = x.rows[x.at][:min(x.col, len(x.rows[x.at]))]
				x.rows = x.rows[:x.at+1]
			case "H":
				x.at, x.col = top, 0
			default:
				x.t.Errorf("unexpected %q", m[0])
			}
			continue
		}
		switch c := text[0]; c {
		case '\r':
			x.col = 0
		case '\n':
			if x.at++; x.at == len(x.rows) {
				x.rows = append(x.rows, "")
			}
		case '\x1b':
			if !partial.MatchString(text) {
				x.t.Errorf("unexpected %q", text)
			}
			return text
		default:
			row := x.rows[x.at]
			row += strings.Repeat(" ", max(0, x.col-len(row)))
			x.rows[x.at] = row[:x.col] + string(c) + row[min(x.col+1, len(row)):]
			x.col++
		}
		text = text[1:]
	}
	return ""
}

// await waits for a screen that is as it should be.
func (x *terminal) await(what string, ok func(screen string) bool) {
	x.t.Helper()
	limit := time.NewTimer(patient)
	defer limit.Stop()
	for {
		x.mu.Lock()
		now, come := strings.Join(x.rows, "\n"), x.come
		good := ok(now)
		x.mu.Unlock()
		if good {
			return
		}
		select {
		case <-come:
		case <-limit.C:
			x.t.Fatalf("%s: the screen has\n%s", what, now)
		}
	}
}

// watch starts "botctl status --watch" on the terminal.
func (p *project) watch(x *terminal) *exec.Cmd {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: self, Args: []string{"botctl", "status", "--watch"}, Dir: p.dir}
	cmd.Env = append(p.env("TERM=xterm"), playBotctl+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.slave, x.slave, x.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// pollingBotctl is a project whose bot polls through the gateway.
func pollingBotctl(t *testing.T) (*project, *program) {
	t.Helper()
	p := newProject(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(self, filepath.Join(p.dir, pollerName)); err != nil {
		t.Fatal(err)
	}
	run := p.botctl("run", "--", "./"+pollerName)
	run.stdout.await(t, patient, 1, "bot started")
	until(t, patient, "the gateway sees the polls", func() bool { g := p.status().Gateway; return g != nil && g.PollsThrough })
	return p, run
}

func TestWatchRedrawsInPlaceAndLeavesNothing(t *testing.T) {
	p, run := pollingBotctl(t)
	for name, sig := range map[string]os.Signal{"Ctrl-C": nil, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			x := newTerminal(t, 80, 24)
			fmt.Fprint(x.slave, "$ before\r\n")
			modes := x.settings()
			cmd := p.watch(x)
			frames := func(n int) func(string) bool {
				return func(now string) bool {
					return strings.Contains(now, "\nphase      running, well\n") && strings.Contains(now, "poll gap   ___") && strings.Count(x.raw.String(), "\x1b[J") >= n
				}
			}
			x.await("a few frames", frames(5))
			if sig != nil {
				cmd.Process.Signal(sig)
			} else {
				x.master.Write([]byte{3})
			}
			err := cmd.Wait()
			if sig != syscall.SIGKILL && err != nil {
				t.Errorf("it ended with %v", err)
			}
			fmt.Fprint(x.slave, "$ after\r\n")
			x.await("the shell's line", func(now string) bool { return strings.Contains(now, "$ after") })
			x.mu.Lock()
			defer x.mu.Unlock()
			now := strings.Join(x.rows, "\n")
			if !strings.HasPrefix(now, "$ before\nbot ") || strings.Count(now, "phase ") != 1 || !regexp.MustCompile(`(?m)^(\^C)?\$ after$`).MatchString(now) {
				t.Errorf("the screen has\n%s", now)
			}
			if x.settings() != modes {
				t.Errorf("the terminal's modes are %+v, and were %+v", x.settings(), modes)
			}
			if raw := x.raw.String(); strings.Contains(raw, "\x1b[?") || strings.Contains(raw, "\x1b[m") {
				t.Errorf("modes or colours were set: %q", raw)
			}
		})
	}
	run.cmd.Process.Signal(syscall.SIGTERM)
	run.exits(0)
}

func TestWatchFollowsTheTerminalsSizeAndTheBot(t *testing.T) {
	p, run := pollingBotctl(t)
	x := newTerminal(t, 80, 24)
	p.watch(x)
	x.await("a frame", func(now string) bool { return strings.Contains(now, "\nphase      running, well\n") })
	x.resize(24, 5)
	x.await("four lines of a narrow frame", func(now string) bool {
		lines := strings.Split(strings.TrimRight(now, "\n"), "\n")
		for _, line := range lines[max(0, len(lines)-4):] {
			if len(line) > 23 {
				return false
			}
		}
		return strings.HasPrefix(lines[max(0, len(lines)-4)], "bot ") && !strings.Contains(now, "poll gap")
	})
	x.resize(100, 30)
	x.await("a whole frame", func(now string) bool { return strings.Contains(now, "poll gap") })
	run.cmd.Process.Signal(syscall.SIGTERM)
	run.exits(0)
	x.await("its end", func(now string) bool { return strings.Contains(now, "phase      ended with code 0") })
}

func TestWatchThatIsPiped(t *testing.T) {
	p, run := pollingBotctl(t)
	text, objects := p.botctl("status", "--watch"), p.botctl("status", "--watch", "--json")
	text.stdout.await(t, patient, 1, "running, well; pid ")
	objects.stdout.await(t, patient, 1, `"phase":"running"`)
	p.botctl("restart").exits(0)
	text.stdout.await(t, patient, 1, "restarts 1 (request 1)")
	run.cmd.Process.Signal(syscall.SIGTERM)
	run.exits(0)
	text.stdout.await(t, patient, 1, "ended with code 0")
	objects.stdout.await(t, patient, 1, `"exit_code":0`)
	for _, w := range []*program{text, objects} {
		w.cmd.Process.Signal(os.Interrupt)
		w.exits(0)
		if strings.Contains(w.stdout.String(), "\x1b") || w.stderr.String() != "" {
			t.Errorf("%q, %q", w.stdout, w.stderr)
		}
	}
	for line := range strings.Lines(objects.stdout.String()) {
		var st map[string]any
		decode(t, line, &st)
	}
	p.start(append(p.env(), "BOTCTL_STATE_DIR="+t.TempDir()), "botctl", "status", "--watch").exits(exitNotRunning)
}
