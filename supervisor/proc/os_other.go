//go:build !linux

package proc

import (
	"context"
	"io"
	"net/netip"
	"os"
	"time"
)

// BecomeSubreaper does nothing here: there is no such thing.
func BecomeSubreaper() error { return nil }

// SealDescriptors does nothing here: there is no such call.
func SealDescriptors() error { return nil }

// Reap waits for ctx: orphans never become children of ours here.
func Reap(ctx context.Context) { <-ctx.Done() }

// TreeSockets cannot read connections here.
func TreeSockets([]int, []netip.AddrPort) (Sockets, error) { return Sockets{}, ErrUnreadable }

type member struct{ pid int }

func (member) dead() bool { return false }

// members is the leader alone: the others are not known here.
func (c *Child) members() []member {
	select {
	case <-c.exited:
		return nil
	default:
		return []member{{c.PID()}}
	}
}

// killAll ends what force reaches; what left it is out of reach.
func (c *Child) killAll() []int {
	c.force()
	limit := time.NewTimer(5 * time.Second)
	defer limit.Stop()
	select {
	case <-c.exited:
		return nil
	case <-limit.C:
		return []int{c.PID()}
	}
}

// pollEvery is how often a process is looked at where the kernel tells no end.
const pollEvery = 10 * time.Millisecond

func anyDead([]int) <-chan struct{} {
	ch := make(chan struct{})
	time.AfterFunc(pollEvery, func() { close(ch) })
	return ch
}

func (c *Child) owns(pid int) bool { return pid == c.PID() }

func stateOf(int) byte { return 0 }
func forget(int)       {}
func oomKills() uint64 { return 0 }

func newLeash() (theirs, ours *os.File, err error) { return nil, nil, nil }
func tie(*os.File, int)                            {}

// Tighten does nothing here.
func (c *Child) Tighten() {}

func (c *Child) tieLeader() {}
func (c *Child) unleash()   {}

// Guardian does nothing here.
type Guardian struct{}

// NewGuardian returns one that does nothing.
func NewGuardian([]string, string) *Guardian { return &Guardian{} }

// Keep waits for ctx.
func (*Guardian) Keep(ctx context.Context, _ func(error)) { <-ctx.Done() }

// Up is closed: nothing is waited for.
func (*Guardian) Up() <-chan struct{} {
	up := make(chan struct{})
	close(up)
	return up
}

// Watch does nothing.
func (*Guardian) Watch(*Child) {}

// BeGuardian is of no use here.
func BeGuardian(io.Writer) bool { return false }

// SelfPath is the path of the running executable.
func SelfPath() string {
	path, _ := os.Executable()
	return path
}
