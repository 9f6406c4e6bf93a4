package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/policy"
	"botctl/supervisor/proc"
	"botctl/supervisor/token"
)

// TestMain lets the test binary be a supervisor: botctl-test supervise DIR STATE [panic].
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "supervise" {
		superviseTest(os.Args[2], os.Args[3], len(os.Args) > 4)
		return
	}
	os.Exit(m.Run())
}

// superviseTest says the pid of a bot of two processes, panics if that is wanted, and stops otherwise.
func superviseTest(dir, state string, panics bool) {
	out := proc.NewSink(os.Stdout, "stdout")
	ctx, stop := context.WithCancel(context.Background())
	_, err := Run(ctx, Options{
		Argv: []string{"sh", "-c", "sleep 1000 & wait"}, Dir: dir, StateDir: state, Env: os.Environ(),
		Stdout: out, Stderr: out, Log: slog.New(slog.DiscardHandler), Masker: token.NewMasker(),
		Observe: func(_ policy.State, ev policy.Event) {
			started, ok := ev.(policy.ChildStarted)
			if !ok {
				return
			}
			for {
				if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", started.PID, started.PID)); len(b) > 0 {
					fmt.Println("tree", started.PID, string(b))
					break
				}
				time.Sleep(time.Millisecond)
			}
			if panics {
				panic("5016462891:AAfSXEiM3J1hTGdGIx-m7hZfcQ-Bn7OWm-x is a secret")
			}
			stop()
		},
	})
	if fault, ok := errors.AsType[*PanicError](err); ok {
		fmt.Println("fault", fault, fault.File)
		os.Exit(1)
	}
}

func TestP9APanicEndsTheBotToo(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	supervise := func(args ...string) (string, error) {
		cmd := exec.Command(os.Args[0], append([]string{"supervise", dir, state}, args...)...)
		cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := supervise("panic")
	if err == nil || strings.Contains(out, "goroutine") || !strings.Contains(out, "fault internal fault: 5016462891:*** is a secret "+filepath.Join(state, "fault.txt")) {
		t.Errorf("%v: %s", err, out)
	}
	var leader, member int
	fmt.Sscanf(out, "tree %d %d", &leader, &member)
	for _, pid := range []int{leader, member} {
		if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); len(b) > 0 || pid == 0 {
			t.Errorf("pid %d of the bot lives: %q", pid, b)
		}
	}
	details, err := os.ReadFile(filepath.Join(state, "fault.txt"))
	if err != nil || !strings.Contains(string(details), "superviseTest") || strings.Contains(string(details), "AAfSX") {
		t.Errorf("details %q: %v", details, err)
	}
	if out, err := supervise(); err != nil {
		t.Errorf("the next start: %v %s", err, out)
	}
}

// A panic beside the loop does the same.
func TestP9APanicBesideTheLoop(t *testing.T) {
	r := &run{opts: Options{Masker: token.NewMasker(), StateDir: t.TempDir()}, broken: make(chan struct{})}
	r.beside(func() { panic("one") })
	r.wg.Wait()
	<-r.broken
	if r.fault == nil || r.fault.Value != "one" {
		t.Errorf("%+v", r.fault)
	}
	if ev, _ := r.next(time.NewTimer(time.Hour), time.Time{}, nil); ev != nil {
		t.Errorf("the loop goes on with %T", ev)
	}
}
