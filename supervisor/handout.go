package supervisor

import (
	"context"
	"errors"
	"os"
	"time"

	"botctl/supervisor/control"
	"botctl/supervisor/lock"
	"botctl/supervisor/policy"
)

// retireLimit bounds how long the control socket's last answers may take, when the locks are given away.
const retireLimit = time.Second

// lockEvery is how often locks are tried that are about to become free. The kernel tells nobody.
const lockEvery = 2 * time.Millisecond

// HandOut serves the control socket: it asks the policy, and waits for what comes of it.
func (r *run) HandOut(ctx context.Context) (control.HandedOut, error) {
	v := r.view.Load().state
	if v.Phase == policy.Done {
		return control.HandedOut{}, errors.New("the supervisor is ending")
	}
	r.ask(policy.HandOutAsked{})
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.yielded:
			return control.HandedOut{Cursor: r.cursor()}, nil
		case <-ctx.Done():
			return control.HandedOut{}, ctx.Err()
		case <-tick.C:
		}
		s := r.view.Load().state
		if !s.HandingOut && !s.Unlocked && (s.Phase == policy.Stopping && s.Then == policy.Finish || s.Phase == policy.Done || s.StopWanted) {
			return control.HandedOut{Ending: true}, nil
		}
	}
}

// yieldLocks lets whoever asked know that it may have them, and gives them away. The child that still lives cannot poll any more.
func (r *run) yieldLocks() {
	close(r.yielded)
	r.writing.Lock() // from here on the state file is the other one's
	r.mu.Lock()
	server, set, notifier := r.seen.server, r.locks, r.seen.notify
	r.seen.server, r.locks = nil, nil
	r.mu.Unlock()
	r.writing.Unlock()
	if server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), retireLimit)
		defer cancel()
		server.Retire(ctx)
	}
	if notifier != nil {
		notifier.Close()
	}
	if set != nil {
		set.Yield()
	}
}

// askHandOut asks the supervisor that holds the locks to hand over, and takes them as soon as they are free.
func (r *run) askHandOut(ctx context.Context) {
	out, err := r.requestHandOut(ctx)
	if err != nil {
		r.opts.Log.Warn("the other supervisor does not hand over; waiting for its end", keyCause, err.Error())
	}
	if r.gate != nil {
		r.gate.Resume(out.Cursor)
	}
	pause := lockEvery
	if out.Ending || err != nil {
		pause = 10 * lockEvery
	}
	r.awaitLocks(ctx, pause)
}

func (r *run) requestHandOut(ctx context.Context) (control.HandedOut, error) {
	c, err := control.Dial(ctx, r.opts.StateDir, r.key())
	if err != nil {
		return control.HandedOut{}, err
	}
	return c.HandOut(ctx)
}

// prepare opens the files of the child's locks for a child that is started before the locks are held. The caller holds the lock.
func (r *run) prepare() ([]*os.File, error) {
	if r.prepared == nil {
		p, err := lock.Prepare(r.opts.StateDir, r.keys)
		if err != nil {
			return nil, err
		}
		r.prepared = p
	}
	return r.prepared.Files(), nil
}
