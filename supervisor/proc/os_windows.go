package proc

import (
	"os"
	"syscall"
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

// IgnorePipeSignal does nothing here: there is no SIGPIPE.
func IgnorePipeSignal() {}

func attributes(Spec) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func startProcess(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	// Windows hands on no descriptors beyond the three.
	attr.Files = attr.Files[:3]
	return os.StartProcess(path, argv, attr)
}

// waitDead uses the handle that os.Process holds; the later Wait finds the status. An error means
// that the process is done already.
func waitDead(p *os.Process) {
	p.WithHandle(func(h uintptr) { syscall.WaitForSingleObject(syscall.Handle(h), syscall.INFINITE) })
}

func (c *Child) terminate() { c.proc.Kill() }

func (c *Child) force() { c.proc.Kill() }

func fillExit(e *Exit, state *os.ProcessState) { e.Code = state.ExitCode() }

func signalName(s syscall.Signal) string { return s.String() }
