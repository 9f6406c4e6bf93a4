package proc

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"botctl/supervisor/mutant"
)

// A leash is a pipe with an owner: when its writing end is closed, the kernel sends SIGKILL to a whole process
// group (F_SETOWN and F_SETSIG of fcntl(2)). We hold the writing ends, so when we are gone, however
// that came, the groups are, and nobody needs to be alive to see to it. The parent-death
// signal reaches the direct child alone.
//
// The child's own group is tied at its start; the child inherits the reading end and need not know. That end lives no longer than who has
// it: the parent-death signal may end the child before our descriptors are closed, and Node lets none of its children have what it
// inherited. So the group is tied once more with both ends ours, as are the groups that its descendants make later, which Tighten finds.

func newLeash() (theirs, ours *os.File, err error) { return os.Pipe() }

// tie makes group the owner of the pipe's signals. The kernel keeps the group itself, not its
// number, so a later group of that number is never meant.
func tie(reader *os.File, group int) {
	if mutant.Is(mutant.NoLeash) {
		return
	}
	fd := reader.Fd()
	unix.FcntlInt(fd, unix.F_SETOWN, -group)
	unix.FcntlInt(fd, unix.F_SETSIG, int(unix.SIGKILL))
	if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err == nil {
		unix.FcntlInt(fd, unix.F_SETFL, flags|unix.O_ASYNC)
	}
}

// tieLeader ties the child's own group, as Tighten does with others.
func (c *Child) tieLeader() {
	m, err := readStat(c.PID())
	if err != nil || m.pgid != m.pid || mutant.Is(mutant.NoOwnEnd) {
		return
	}
	c.leashMu.Lock()
	defer c.leashMu.Unlock()
	c.tieOwn(m)
}

// maxLeashes bounds the groups that are tied besides the child's own: four descriptors each.
const maxLeashes = 16

// Tighten ties the groups that the tree has made since it was looked at last. It is for one goroutine at a time
// and to be called about once a second while the tree is young. What leaves the group in between is the guardian's.
func (c *Child) Tighten() {
	members := c.look(true)
	ours, err := unix.Getsid(0)
	if err != nil {
		return
	}
	c.leashMu.Lock()
	defer c.leashMu.Unlock()
	for _, m := range members {
		// A group that a process joined need not be the bot's: it must be one that was made in the tree, by a
		// member that leads it, or in a session that is not ours.
		made := m.sid != ours || slices.ContainsFunc(members, func(l member) bool { return l.pid == m.pgid })
		if m.dead() || m.pgid == c.PID() || !made || c.leashed[m.pgid] || len(c.leashed) >= maxLeashes || c.unleashed {
			continue
		}
		if c.leashed == nil {
			c.leashed = map[int]bool{}
		}
		c.leashed[m.pgid] = true
		c.tieOwn(m)
	}
}

// tieOwn holds both ends. At our death the kernel closes our descriptors one by one, in an order that it does not
// promise (seen: the last one first), and a reader that goes first takes its signal along: so there are two pipes, of either order.
func (c *Child) tieOwn(m member) {
	var readers, writers []*os.File
	for i := range 2 {
		r, w, err := os.Pipe()
		if err != nil {
			break
		}
		if i == 1 {
			fd, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, int(w.Fd())+1)
			if err != nil {
				closeAll([]*os.File{r, w})
				break
			}
			r.Close()
			r = os.NewFile(uintptr(fd), "leash") // behind its writer now, where the first stands before it
		}
		tie(r, m.pgid)
		readers, writers = append(readers, r), append(writers, w)
	}
	// While m lives in it the number of the group was not given to another.
	if now, err := readStat(m.pid); err != nil || now.start != m.start || now.pgid != m.pgid {
		closeAll(readers) // first, so that nobody is signalled
		closeAll(writers)
		delete(c.leashed, m.pgid)
		return
	}
	c.leashes = append(append(c.leashes, writers...), readers...)
}

// unleash closes what Tighten opened, once the tree is gone.
func (c *Child) unleash() {
	c.leashMu.Lock()
	defer c.leashMu.Unlock()
	closeAll(c.leashes)
	c.leashes, c.unleashed = nil, true
}
