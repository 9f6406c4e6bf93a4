package proc

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"botctl/supervisor/mutant"
)

var (
	errBusy = syscall.ETXTBSY
	sigKill = syscall.SIGKILL
)

// Lacks lists, a sentence each, what this system cannot do.
func Lacks() []string { return nil }

// BecomeSubreaper makes descendants that lose their parent children of this process.
// It is called once, by the supervisor, before the first Start.
func BecomeSubreaper() error {
	own.mu.Lock()
	own.heir = len(childrenOf(os.Getpid())) > len(own.pids)
	own.mu.Unlock()
	save()
	if mutant.Is(mutant.NoSubreaper) {
		return nil
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// SealDescriptors keeps what this process inherited from its own parent, beyond stdin, stdout and
// stderr, from its children (P44). It is called once, before anything is opened
// for a child.
func SealDescriptors() error {
	if mutant.Is(mutant.LeakDescriptors) {
		return nil
	}
	return unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
}

// IgnorePipeSignal keeps a closed stdout from ending the process: writes to it return EPIPE (P35).
func IgnorePipeSignal() {
	if !mutant.Is(mutant.DieOfPipe) {
		ignoreSignal(syscall.SIGPIPE)
	}
}

// attributes puts the child into a group of its own and lets it die with us.
func attributes(spec Spec) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if spec.Interactive && isTerminal(os.Stdin) {
		// Once the bot's group has the terminal, ours may only hand it on while it ignores SIGTTOU.
		signal.Ignore(syscall.SIGTTOU, syscall.SIGTTIN)
		attr.Foreground, attr.Ctty = true, int(os.Stdin.Fd())
	}
	return attr
}

// starterTID is the number of the thread that starts every child; 0 before the first start.
var starterTID atomic.Int64

// starter is the thread that starts every child. The kernel sends the parent-death signal when the
// thread that forked ends, not the process, so it must be one that never ends.
var starter = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		starterTID.Store(int64(unix.Gettid()))
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// busyTries and busyPause bound the wait for a program that is just being replaced (P25).
const (
	busyTries = 20
	busyPause = 10 * time.Millisecond
)

func startProcess(path string, argv []string, attr *os.ProcAttr) (p *os.Process, err error) {
	for range busyTries {
		answer := make(chan struct{})
		starter() <- func() {
			defer close(answer)
			// Held until the child is known, so that the reaper cannot take it for a stranger.
			own.mu.Lock()
			defer own.mu.Unlock()
			if p, err = os.StartProcess(path, argv, attr); err == nil {
				own.pids[p.Pid] = true
			}
		}
		<-answer
		if !errors.Is(err, syscall.ETXTBSY) || mutant.Is(mutant.NoBusyRetry) {
			break
		}
		timer := time.NewTimer(busyPause)
		<-timer.C
	}
	return p, err
}

// waitDead returns when p is dead, and leaves it unreaped.
func waitDead(p *os.Process) {
	err := p.WithHandle(func(fd uintptr) {
		for unix.Waitid(unix.P_PIDFD, int(fd), nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		}
	})
	if err == nil {
		return
	}
	// No pidfd (an old kernel, a sandbox): by number, which is ours until it is reaped.
	for unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

func fillExit(e *Exit, state *os.ProcessState) {
	ws := state.Sys().(syscall.WaitStatus)
	e.Code = state.ExitCode()
	if ws.Signaled() {
		e.Signal, e.CoreDump = ws.Signal(), ws.CoreDump()
	}
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return "signal " + s.String()
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
