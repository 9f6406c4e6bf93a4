package proc

import (
	"context"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var (
	errBusy = syscall.ETXTBSY
	sigKill = syscall.SIGKILL
)

// Lacks lists, a sentence each, what this system cannot do.
func Lacks() []string {
	return []string{
		"descendants of the bot that leave its process group are not found at a stop",
		"the bot is not ended when botctl is killed with SIGKILL",
		"connections of the bot cannot be read, so a bot that fell silent is not recognised by them",
	}
}

// BecomeSubreaper does nothing here: there is no such thing.
func BecomeSubreaper() error { return nil }

// SealDescriptors does nothing here: there is no such call.
func SealDescriptors() error { return nil }

// IgnorePipeSignal keeps a closed stdout from ending the process.
func IgnorePipeSignal() { ignoreSignal(syscall.SIGPIPE) }

// Reap waits for ctx: orphans never become children of ours here.
func Reap(ctx context.Context) { <-ctx.Done() }

// TreeSockets cannot read connections here.
func TreeSockets([]int, []netip.AddrPort) (Sockets, error) { return Sockets{}, ErrUnreadable }

func attributes(spec Spec) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if spec.Interactive {
		attr.Foreground, attr.Ctty = true, int(os.Stdin.Fd())
	}
	return attr
}

func startProcess(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	return os.StartProcess(path, argv, attr)
}

type member struct{ pid int }

func (member) dead() bool { return false }

// members is the leader alone: the others of the group are reached by its number.
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

// pollEvery is how often the group is looked at where the kernel tells no end.
const pollEvery = 10 * time.Millisecond

// waitDead looks for the leader's zombie, which keeps its group's number taken.
func waitDead(p *os.Process) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !isZombie(p.Pid) {
		<-tick.C
	}
}

func (c *Child) terminate() {
	unix.Kill(-c.PID(), unix.SIGTERM)
	unix.Kill(-c.PID(), unix.SIGCONT)
}

// killAll ends the group; what left it is out of reach.
func (c *Child) killAll() []int {
	unix.Kill(-c.PID(), unix.SIGKILL)
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
	time.AfterFunc(pollEvery, func() { close(ch) })
	return ch
}

func fillExit(e *Exit, state *os.ProcessState) {
	ws := state.Sys().(syscall.WaitStatus)
	e.Code = state.ExitCode()
	if ws.Signaled() {
		e.Signal, e.CoreDump = ws.Signal(), ws.CoreDump()
	}
}

func signalName(s syscall.Signal) string { return unix.SignalName(s) }

// stateZombie is SZOMB of sys/proc.h.
const stateZombie = 5

func isZombie(pid int) bool {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	return err != nil || info.Proc.P_stat == stateZombie
}
