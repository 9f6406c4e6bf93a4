//go:build linux

package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// helpers are the programs that the test binary plays as a child: botctl-test NAME.
var helpers = map[string]func(){
	"ignore-term": func() {
		signal.Ignore(syscall.SIGTERM)
		say("ready")
		forever()
	},
	"slow-term": func() {
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		say("ready")
		<-term
		time.Sleep(200 * time.Millisecond)
		os.Exit(7)
	},
	"leader-goes": func() { // P3: the member ignores SIGTERM, the leader does not
		spawn(false, "ignore-term")
		forever()
	},
	"keeps-to-itself": func() { // as Node: no child of it has what it inherited itself
		unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
		spawn(false, "ignore-term")
		forever()
	},
	"daemon": func() { // P4: double fork and setsid, then wait
		spawn(true, "fork-and-go")
		forever()
	},
	"fork-and-go": func() { spawn(true, "ignore-term") },
	"stdout-left-open": func() { // P5
		cmd := exec.Command("setsid", "sleep", "60")
		cmd.Stdout = os.Stdout
		cmd.Start()
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGUSR1)
		say("ready")
		<-told
		os.Exit(3)
	},
	"closes-output": func() { // P6
		os.Stdout.Close()
		os.Stderr.Close()
		forever()
	},
	"exit": func() {
		var code int
		fmt.Sscan(os.Args[2], &code)
		os.Exit(code)
	},
	"segv": func() {
		signal.Reset(syscall.SIGSEGV)
		unix.Kill(os.Getpid(), unix.SIGKILL)
	},
	"bomb": func() { // P38, small: two for one, five deep
		depth := 0
		fmt.Sscan(os.Args[2], &depth)
		for range 2 {
			if depth < 5 {
				cmd := exec.Command(os.Args[0], "bomb", fmt.Sprint(depth+1))
				cmd.Stdout = os.Stdout
				cmd.Start()
			}
		}
		if depth == 5 {
			say("ready")
		}
		forever()
	},
	"supervise": func() { // a supervisor that is killed while its child runs
		c, err := Start(spec("ignore-term"))
		if err != nil {
			panic(err)
		}
		say("child", c.PID())
		forever()
	},
	"guardian": func() { BeGuardian(os.Stderr) },
	"supervise-guarded": func() { // says who it is about: its child, what left the child's group, its guardian
		if err := BecomeSubreaper(); err != nil {
			panic(err)
		}
		s := spec(os.Args[2:]...)
		g := NewGuardian([]string{os.Args[0], "guardian"}, s.Mark)
		go g.Keep(context.Background(), func(err error) { panic(err) })
		c, err := Start(s)
		if err != nil {
			panic(err)
		}
		g.Watch(c)
		s.Stdout.(*lines).until("ready")
		for guardianOf(os.Getpid()) == 0 {
			time.Sleep(time.Millisecond)
		}
		for range 20 { // as the supervisor does
			c.Tighten()
			time.Sleep(5 * time.Millisecond)
		}
		say("tree", strings.Trim(fmt.Sprint(c.Tree()), "[]"))
		forever()
	},
	"heir": func() { // was a shell with a child of its own
		if err := BecomeSubreaper(); err != nil {
			panic(err)
		}
		s := spec("daemon")
		c, err := Start(s)
		if err != nil {
			panic(err)
		}
		s.Stdout.(*lines).until("ready")
		tree := c.Tree()
		c.Kill()
		<-c.Done()
		say("ended", len(tree))
	},
	"starved": func() { // P37: no descriptor is to be had when the tree is to be ended
		if err := BecomeSubreaper(); err != nil {
			panic(err)
		}
		s := spec("daemon")
		c, err := Start(s)
		if err != nil {
			panic(err)
		}
		s.Stdout.(*lines).until("ready")
		for len(c.Tree()) != 2 {
			time.Sleep(time.Millisecond)
		}
		tree := c.Tree()
		unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 256, Max: 256})
		for {
			if _, err := unix.Dup(0); err != nil {
				break
			}
		}
		_, err = Start(s)
		se, ok := errors.AsType[*StartError](err)
		say("start", ok && se.Kind == Transient)
		c.Kill()
		<-c.Done()
		say("gone", gone2(tree[1]))
	},
	"new-user": func() { // P41
		syscall.Setgroups(nil)
		if err := errors.Join(syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			panic(err)
		}
		signal.Ignore(syscall.SIGTERM)
		say("ready")
		forever()
	},
	"odd-name": func() { // P17: what looks like a zombie when read from the first parenthesis
		if os.Getenv("ODD") == "" {
			os.Setenv("ODD", "1")
			spawn(true, "odd-name")
			forever()
		}
		signal.Ignore(syscall.SIGTERM)
		os.WriteFile("/proc/self/comm", []byte(") Z 1 1 1"), 0)
		say("ready")
		forever()
	},
	"tells-limits": func() { // P44
		s := spec()
		s.Argv = []string{"sh", "-c", "ulimit -Sn; echo $((0x$(sed -n 's/^SigIgn:.*\\(.\\)$/\\1/p' /proc/$$/status) & 1))"}
		c, err := Start(s)
		if err != nil {
			panic(err)
		}
		<-c.Done()
		fmt.Print(s.Stdout.(*lines).String())
	},
	"orphans": func() { // leaves its argument many orphans that exit at once
		n := 0
		fmt.Sscan(os.Args[2], &n)
		for range n {
			exec.Command("sh", "-c", "true &").Run()
		}
	},
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if help, ok := helpers[os.Args[1]]; ok {
			help()
			return
		}
	}
	if err := errors.Join(BecomeSubreaper(), SealDescriptors()); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func say(a ...any) { fmt.Fprintln(os.Stdout, a...) }

func forever() { select {} }

func spawn(newSession bool, name string) {
	cmd := exec.Command(os.Args[0], name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: newSession}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
}

// spec runs a helper, its output discarded.
func spec(args ...string) Spec {
	return Spec{
		Argv:   append([]string{os.Args[0]}, args...),
		Dir:    os.TempDir(),
		Env:    append(os.Environ(), "GORACE=atexit_sleep_ms=0", "BOTCTL_RUN_ID=test."+fmt.Sprint(os.Getpid())),
		Mark:   "BOTCTL_RUN_ID=test." + fmt.Sprint(os.Getpid()),
		Stdout: new(lines),
		Stderr: new(lines),
	}
}

// lines collects output and tells when a text has come.
type lines struct {
	mu   sync.Mutex
	cond *sync.Cond
	buf  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p)
	if l.cond != nil {
		l.cond.Broadcast()
	}
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// until waits for text, in a helper.
func (l *lines) until(text string) {
	for !strings.Contains(l.String(), text) {
		time.Sleep(time.Millisecond)
	}
}

// await waits until text has come n times.
func (l *lines) await(t *testing.T, text string, n int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cond == nil {
		l.cond = sync.NewCond(&l.mu)
	}
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cond.Broadcast()
	})
	defer stop()
	for strings.Count(l.buf.String(), text) < n {
		if ctx.Err() != nil {
			t.Fatalf("output %q, want %q %d times", l.buf.String(), text, n)
		}
		l.cond.Wait()
	}
	return l.buf.String()
}

// start starts a helper and sees to it that it ends with the test.
func start(t *testing.T, args ...string) (*Child, *lines) {
	t.Helper()
	s := spec(args...)
	c, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		<-c.Done()
	})
	return c, s.Stdout.(*lines)
}

func ended(t *testing.T, c *Child) Exit {
	t.Helper()
	select {
	case <-c.Done():
		return c.Exit()
	case <-time.After(30 * time.Second):
		buf := make([]byte, 64<<10)
		t.Fatalf("not done after 30 s: tree %v\n%s", c.Tree(), buf[:runtime.Stack(buf, true)])
		return Exit{}
	}
}

// until polls for what the kernel tells nobody.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// gone2 is gone by other means than the code under test.
func gone2(pid int) bool { return unix.Kill(pid, 0) != nil }

// guardianOf finds the guardian among the children of pid, 0 without one.
func guardianOf(pid int) int {
	for _, child := range childrenOf(pid) {
		if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child)); strings.HasSuffix(string(b), "\x00guardian\x00") {
			return child
		}
	}
	return 0
}

func gone(pid int) bool {
	m, err := readStat(pid)
	return err != nil || m.dead()
}
