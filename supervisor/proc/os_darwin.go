package proc

import (
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

// IgnorePipeSignal keeps a closed stdout from ending the process.
func IgnorePipeSignal() { ignoreSignal(syscall.SIGPIPE) }

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

// stateZombie is SZOMB of sys/proc.h.
const stateZombie = 5

// waitDead looks for the leader's zombie, which keeps its group's number taken.
func waitDead(p *os.Process) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		info, err := unix.SysctlKinfoProc("kern.proc.pid", p.Pid)
		if err != nil || info.Proc.P_stat == stateZombie {
			return
		}
		<-tick.C
	}
}

func (c *Child) terminate() {
	unix.Kill(-c.PID(), unix.SIGTERM)
	unix.Kill(-c.PID(), unix.SIGCONT)
}

// Signal sends sig to the child's group.
func (c *Child) Signal(sig syscall.Signal) { unix.Kill(-c.PID(), sig) }

func (c *Child) force() { unix.Kill(-c.PID(), unix.SIGKILL) }

func fillExit(e *Exit, state *os.ProcessState) {
	ws := state.Sys().(syscall.WaitStatus)
	e.Code = state.ExitCode()
	if ws.Signaled() {
		e.Signal, e.CoreDump = ws.Signal(), ws.CoreDump()
	}
}

func signalName(s syscall.Signal) string { return unix.SignalName(s) }
