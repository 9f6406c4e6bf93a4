package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const patient = 60 * time.Second

// owner is somebody with a bot in a folder, and with no Go: the programs within reach are those named in newOwner.
type owner struct {
	t    *testing.T
	dir  string
	path []string
	env  []string
}

func newOwner(t *testing.T, programs ...string) *owner {
	t.Helper()
	o := &owner{t: t, dir: t.TempDir()}
	reach := filepath.Join(o.dir, "reach")
	home := filepath.Join(o.dir, "home")
	for _, dir := range []string{reach, home} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range append(programs, "sh", "uname", "readlink", "env") {
		at, err := exec.LookPath(name)
		if name == "python3" { // which may be a script that chooses one
			var out []byte
			out, err = exec.Command(name, "-c", "import sys; print(sys.executable)").Output()
			at = strings.TrimSpace(string(out))
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(at, filepath.Join(reach, name)); err != nil {
			t.Fatal(err)
		}
	}
	o.path = []string{reach}
	// Sockets have short paths: the folder of a test would be too long.
	state, err := os.MkdirTemp("", "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(state) })
	o.env = []string{"HOME=" + home, "BOTCTL_STATE_DIR=" + state, "LANG=C.UTF-8"}
	return o
}

func (o *owner) environ() []string {
	return append([]string{"PATH=" + strings.Join(o.path, ":")}, o.env...)
}

func (o *owner) write(name, text string) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o644); err != nil {
		o.t.Fatal(err)
	}
}

// bot puts one of the bots of the command's own tests into the folder.
func (o *owner) bot(from, to string) {
	o.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "cmd", "botctl", "testdata", "bots", from))
	if err != nil {
		o.t.Fatal(err)
	}
	o.write(to, string(text))
}

// lookup finds a program as the owner's shell would.
func (o *owner) lookup(name string) (string, bool) {
	for _, dir := range o.path {
		at := filepath.Join(dir, name)
		if info, err := os.Stat(at); err == nil && info.Mode()&0o111 != 0 {
			return at, true
		}
	}
	return "", false
}

func (o *owner) does(name string, args ...string) string {
	o.t.Helper()
	at, ok := o.lookup(name)
	if !ok {
		o.t.Fatalf("%s: not on the owner's PATH %q", name, o.path)
	}
	return command(o.t, o.dir, o.environ(), at, args...)
}

// started is a program that runs on.
type started struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *lines
	done chan struct{}
}

func (o *owner) starts(name string, args ...string) *started {
	o.t.Helper()
	at, ok := o.lookup(name)
	if !ok {
		o.t.Fatalf("%s: not on the owner's PATH %q", name, o.path)
	}
	s := &started{t: o.t, cmd: exec.Command(at, args...), out: &lines{more: make(chan struct{})}, done: make(chan struct{})}
	s.cmd.Dir, s.cmd.Env = o.dir, o.environ()
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.WaitDelay = 5 * time.Second // a process that was left holds the pipe
	if err := s.cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() { s.cmd.Wait(); close(s.done) })
	o.t.Cleanup(func() { s.cmd.Process.Signal(syscall.SIGTERM); s.ends(); waiting.Wait() })
	return s
}

// ends waits, and is the exit code; -1 is a signal.
func (s *started) ends() int {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(patient):
		s.cmd.Process.Kill()
		<-s.done
		s.t.Errorf("%q does not end:\n%s", s.cmd.Args, s.out)
	}
	return s.cmd.ProcessState.ExitCode()
}

// lines is what a program prints.
type lines struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{} // closed and renewed with each write
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// says waits for a text in the output.
func (s *started) says(text string) {
	s.t.Helper()
	late := time.After(patient)
	for {
		s.out.mu.Lock()
		found, more := strings.Contains(s.out.buf.String(), text), s.out.more
		s.out.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-s.done:
			s.t.Fatalf("%q ended (%v) without %q:\n%s", s.cmd.Args, s.cmd.ProcessState, text, s.out)
		case <-late:
			s.t.Fatalf("%q does not say %q:\n%s", s.cmd.Args, text, s.out)
		}
	}
}

// runsABot lets a bot poll and answer in the sandbox, under the command that starts botctl, and ends that by SIGTERM. It
// is the exit code, and fails when a process of the folder is left. whatRuns is the program that got the signal.
func (o *owner) runsABot(botctl string, start ...string) (code int, whatRuns string) {
	o.t.Helper()
	if at, ok := o.lookup("go"); ok {
		o.t.Fatalf("there is a Go: %s", at)
	}
	run := o.starts(start[0], start[1:]...)
	run.says("bot started")
	o.path = append(o.path, filepath.Dir(botctl))
	if got := o.does("botctl", "sandbox", "send", "--wait", "30s", "hello"); got != "echo: hello\n" {
		o.t.Errorf("the bot answers %q", got)
	}
	whatRuns, _ = os.Readlink("/proc/" + strconv.Itoa(run.cmd.Process.Pid) + "/exe")
	if err := run.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		o.t.Fatal(err)
	}
	code = run.ends()
	if !strings.Contains(run.out.String(), "bot stopped") {
		o.t.Errorf("botctl did not end in order:\n%s", run.out)
	}
	if left := o.left(); len(left) > 0 {
		o.t.Errorf("left behind: %q", left)
	}
	return code, whatRuns
}

// left are the processes whose working folder is the owner's.
func (o *owner) left() []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		cwd, err := os.Readlink(filepath.Join(p, "cwd"))
		if err != nil || cwd != o.dir {
			continue
		}
		argv, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		found = append(found, string(bytes.ReplaceAll(argv, []byte{0}, []byte{' '})))
	}
	return found
}
