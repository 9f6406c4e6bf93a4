package supervisor

import (
	"context"
	"errors"
	"os"
	"time"

	"botctl/supervisor/lock"
	"botctl/supervisor/policy"
	"botctl/supervisor/proc"
	"botctl/supervisor/stale"
)

// takeLocks tries once. With the locks it also opens the control socket, which belongs to
// whoever holds them.
func (r *run) takeLocks(ctx context.Context) policy.Event {
	ev := r.tryLocks(ctx)
	if _, taken := ev.(policy.LockTaken); taken {
		r.beside(func() { r.writeState(false) }) // from here on status can find us; a disk is not waited for
	}
	return ev
}

func (r *run) tryLocks(ctx context.Context) policy.Event {
	owner := lock.Owner{PID: os.Getpid(), Since: r.began.UTC(), Bot: r.opts.Token.ID(), Dir: r.opts.Dir}
	set, err := lock.Take(r.opts.StateDir, r.keys, r.socket, owner)
	r.mu.Lock()
	defer r.mu.Unlock()
	if held, ok := errors.AsType[*lock.HeldError](err); ok {
		r.held = held
		return policy.LockHeld{By: held.Error()}
	}
	if err != nil {
		return policy.LockFailed{Cause: err.Error()}
	}
	if r.prepared != nil {
		if err := set.Adopt(r.prepared); err != nil {
			set.Close()
			r.held = &lock.HeldError{Key: r.key(), Bot: r.opts.Token.ID()}
			return policy.LockHeld{By: err.Error()}
		}
	}
	r.held, r.locks = nil, set
	r.fresh.Store(set.Fresh())
	close(r.locked)
	r.openServer()
	r.openNotify(ctx)
	return policy.LockTaken{}
}

// waitForLocks tries until it has them or ctx ends. The kernel tells nobody that a flock has
// become free, so it looks every quarter of a second.
func (r *run) waitForLocks(ctx context.Context) { r.awaitLocks(ctx, 250*time.Millisecond) }

func (r *run) awaitLocks(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ev := r.takeLocks(ctx)
		if _, held := ev.(policy.LockHeld); !held {
			r.send(ctx, ev)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// settledBeats is the number of seconds between two looks at the groups of a tree that is older than a minute: a bot makes them when it starts.
const settledBeats = 5

// watchLocks reports a lock that was lost. A deleted file is made anew without a word. On the same beat, for the
// sake of few wake-ups, the tree is looked at for groups that it has made.
func (r *run) watchLocks(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, c := range r.children.all() {
			if n%settledBeats == 0 || time.Since(c.Started()) < policy.WellAfter {
				c.Tighten()
			}
		}
		if err := r.verifyLocks(); err != nil {
			r.send(ctx, policy.LockLost{Cause: err.Error()})
			return
		}
	}
}

func (r *run) verifyLocks() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.locks == nil {
		return nil
	}
	return r.locks.Verify()
}

// childLock takes what the child is to inherit.
func (r *run) childLock() ([]*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.locks == nil {
		return r.prepare()
	}
	if err := r.locks.TakeChild(); err != nil {
		return nil, err
	}
	return r.locks.ChildFiles(), nil
}

// askSweep hands a sweep to the sweeper. Its queue is longer than the policy ever asks
// for at a time; were it full, the next look beside the child would make up for it.
func (r *run) askSweep(p policy.Purpose) {
	select {
	case r.sweeps <- p:
	default:
	}
}

// sweeper runs one sweep at a time, in the order in which they were asked for.
func (r *run) sweeper(ctx context.Context) {
	for first := true; ; {
		select {
		case <-ctx.Done():
			return
		case p := <-r.sweeps:
			r.send(ctx, r.sweep(ctx, p, first))
			first = first && p != policy.BeforeStart
		}
	}
}

// sweep looks for rivals and ends them. Leftovers of an earlier run can only be there before our first start, and where there
// was one, so only the first sweep reads every environment, and none does in a new container.
func (r *run) sweep(ctx context.Context, p policy.Purpose, first bool) policy.Swept {
	target := stale.Target{
		Token:    r.opts.Token,
		TokenEnv: r.opts.TokenEnv,
		Dir:      r.opts.Dir,
		Command:  r.opts.Argv,
		Keys:     r.keyNames(),
		Rivals:   r.opts.Rivals,
		Spare:    r.opts.Spare,
		HostWide: r.opts.HostWide,
	}
	if p == policy.AtConflict {
		target.Peers, _ = r.peers.addresses(ctx)
	}
	target.Keep = r.children.trees()
	report, err := r.finder.Sweep(ctx, target, stale.Options{Conflict: p == policy.AtConflict, Lineage: first && !r.fresh.Load()})
	if err != nil {
		r.opts.Log.Warn("stale processes could not be looked for", keyCause, err.Error())
	}
	r.noteSweep(report)
	return policy.Swept{For: p, Ended: report.Ended(), Survived: report.Survived()}
}

// probe looks at the connections of the child's tree to the Bot API.
func (r *run) probe(ctx context.Context, n uint32) policy.SocketsProbed {
	ev := policy.SocketsProbed{Run: n}
	addrs, ok := r.peers.addresses(ctx)
	c := r.children.get(n)
	if c == nil || !ok {
		return ev
	}
	s, err := proc.TreeSockets(c.Tree(), addrs)
	if err != nil {
		return ev
	}
	ev.Readable, ev.Open, ev.Quiet = true, s.Open, s.Quiet
	return ev
}
