package proc

import (
	"os"

	"golang.org/x/sys/unix"

	"botctl/supervisor/mutant"
)

// The leash is a pipe: we hold the writing end, the child inherits the reading end and need not know. When we
// are gone, however that came, the kernel closes our end and sends SIGKILL to the child's
// whole group: F_SETOWN and F_SETSIG of fcntl(2), with the group as the owner. It needs nobody alive to
// carry it out, while the parent-death signal reaches the direct child alone.

func newLeash() (theirs, ours *os.File, err error) { return os.Pipe() }

// tie makes the group of pid the owner of the pipe's signals. The kernel keeps the group itself, not its
// number, so a later group of that number is never meant.
func tie(theirs *os.File, pid int) {
	if mutant.Is(mutant.NoLeash) {
		return
	}
	fd := theirs.Fd()
	unix.FcntlInt(fd, unix.F_SETOWN, -pid)
	unix.FcntlInt(fd, unix.F_SETSIG, int(unix.SIGKILL))
	if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err == nil {
		unix.FcntlInt(fd, unix.F_SETFL, flags|unix.O_ASYNC)
	}
}
