package proc

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"
)

var (
	errBusy error = syscall.ERROR_ACCESS_DENIED
	sigKill       = syscall.SIGKILL
)

// Lacks lists, a sentence each, what this system cannot do.
func Lacks() []string {
	return []string{
		"a stop kills the bot at once: there is no SIGTERM",
		"processes that the bot has started are not ended with it",
		"connections of the bot cannot be read, so a bot that fell silent is not recognised by them",
	}
}

// BecomeSubreaper does nothing here: there is no such thing.
func BecomeSubreaper() error { return nil }

// SealDescriptors does nothing here: there is no such call.
func SealDescriptors() error { return nil }

// IgnorePipeSignal does nothing here: there is no SIGPIPE.
func IgnorePipeSignal() {}

// Reap waits for ctx: there are no zombies here.
func Reap(ctx context.Context) { <-ctx.Done() }

// TreeSockets cannot read connections here.
func TreeSockets([]int, []netip.AddrPort) (Sockets, error) { return Sockets{}, ErrUnreadable }

func attributes(Spec) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func startProcess(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	// Windows hands on no descriptors beyond the three.
	attr.Files = attr.Files[:3]
	return os.StartProcess(path, argv, attr)
}

type member struct{ pid int }

func (member) dead() bool { return false }

func (c *Child) members() []member {
	select {
	case <-c.exited:
		return nil
	default:
		return []member{{c.PID()}}
	}
}

func stateOf(int) byte { return 0 }
func forget(int)       {}
func oomKills() uint64 { return 0 }

// waitDead uses the handle that os.Process holds; the later Wait finds the status.
func waitDead(p *os.Process) {
	err := p.WithHandle(func(h uintptr) { syscall.WaitForSingleObject(syscall.Handle(h), syscall.INFINITE) })
	if errors.Is(err, os.ErrProcessDone) {
		return
	}
}

func (c *Child) terminate() { c.proc.Kill() }

func (c *Child) killAll() []int {
	c.proc.Kill()
	limit := time.NewTimer(5 * time.Second)
	defer limit.Stop()
	select {
	case <-c.exited:
		return nil
	case <-limit.C:
		return []int{c.PID()}
	}
}

func anyDead([]int) <-chan struct{} {
	ch := make(chan struct{})
	time.AfterFunc(10*time.Millisecond, func() { close(ch) })
	return ch
}

func fillExit(e *Exit, state *os.ProcessState) { e.Code = state.ExitCode() }

func signalName(s syscall.Signal) string { return s.String() }
