package supervisor

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"botctl/supervisor/control"
	"botctl/supervisor/lease"
	"botctl/supervisor/policy"
)

// LeaseOptions say how this supervisor takes part in a lease between machines.
type LeaseOptions struct {
	Store   lease.Store // nil: there is no lease
	Config  lease.Config
	Name    string // of the store, for people, without a secret
	EnvName string // of the environment, for people
	// Warnings says what is worth knowing of the store, once.
	Warnings func(context.Context) ([]string, error)
	Replay   bool // leave a batch unconfirmed that the bot works on when the lease ends; the next one gets it again
}

// leaveLimit bounds the last word to the store.
const leaveLimit = 3 * time.Second

// warnLimit bounds the question for warnings.
const warnLimit = 5 * time.Second

// news are the keeper's reports that wait for the loop. None is lost, since each may be the one that lets the bot poll; of trouble that goes
// on the latest word is enough, so that they stay as few as the changes of holder while the loop was stuck.
type news struct {
	ready chan struct{}

	mu   sync.Mutex
	list []lease.Report
}

func newNews() *news { return &news{ready: make(chan struct{}, 1)} }

func (n *news) add(rep lease.Report) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, trouble := rep.(lease.Trouble)
	if last := len(n.list) - 1; trouble && last >= 0 {
		if _, again := n.list[last].(lease.Trouble); again {
			n.list = n.list[:last]
		}
	}
	n.list = append(n.list, rep)
	select {
	case n.ready <- struct{}{}:
	default:
	}
}

func (n *news) take() []lease.Report {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.list
	n.list = nil
	return list
}

// newKeeper prepares the keeper of the lease; nil without one.
func (r *run) newKeeper() *lease.Keeper {
	if r.opts.Lease.Store == nil {
		return nil
	}
	return lease.NewKeeper(r.opts.Lease.Config, r.opts.Lease.Store, func(rep lease.Report) {
		if _, fenced := rep.(lease.Fenced); fenced && r.gate != nil {
			r.gate.Fence() // polls that are at the server are taken back before the loop hears of it
		}
		r.leaseNews.add(rep)
	})
}

// keepLease runs the keeper. It ends with ctx, or when the lease is left.
func (r *run) keepLease(ctx context.Context) {
	r.keeping.Do(func() {
		r.beside(func() { r.keeper.Run(ctx) })
	})
}

// hearLease passes on what the keeper reports.
func (r *run) hearLease(ctx context.Context) {
	for {
		select {
		case <-r.leaseNews.ready:
			for _, rep := range r.leaseNews.take() {
				if r.keeper.View().Known {
					r.warnOfStore(ctx)
				}
				if ev := r.leaseEvent(rep); ev != nil {
					r.send(ctx, ev)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// warnOfStore says once, when the store has answered, what is worth knowing of it.
func (r *run) warnOfStore(ctx context.Context) {
	r.warning.Do(func() {
		if r.opts.Lease.Warnings == nil {
			return
		}
		r.beside(func() {
			ctx, cancel := context.WithTimeout(ctx, warnLimit)
			defer cancel()
			list, _ := r.opts.Lease.Warnings(ctx) // trouble of the store is told of by the keeper
			for _, w := range list {
				r.opts.Log.Warn("the lease's server: "+w, keyLease, r.opts.Lease.Name)
			}
		})
	})
}

// leaseEvent says a report in the policy's words; nil for what is none of its business.
func (r *run) leaseEvent(rep lease.Report) policy.Event {
	switch rep := rep.(type) {
	case lease.Granted:
		if r.gate != nil {
			r.gate.Resume(rep.Cursor)
		}
		return policy.LeaseGranted{Epoch: rep.Epoch}
	case lease.Ending:
		return policy.LeaseEnding{}
	case lease.Fenced:
		return policy.LeaseLost{Cause: rep.Why.String()}
	case lease.Taken:
		return policy.LeaseTaken{By: memberText(rep.By)}
	case lease.Claimed:
		return policy.LeaseClaimed{By: memberText(rep.By.Member)}
	case lease.Parted:
		return policy.LeaseParted{}
	case lease.Refused:
		return policy.LeaseRefused{Holder: memberText(rep.Holder)}
	case lease.Trouble:
		ev := policy.LeaseTrouble{Detail: r.mask(rep.Err.Error()), Since: rep.Since, Fresh: !r.keeper.View().Known}
		if se, ok := errors.AsType[*lease.StoreError](rep.Err); ok {
			ev.Lasting = se.Lasting()
		}
		return ev
	case lease.Calm:
		return policy.LeaseCalm{Since: rep.Since}
	}
	return nil
}

// memberText names a supervisor for people.
func memberText(m lease.Member) string {
	text := cmp.Or(m.Name, m.Instance)
	if m.Deploy != "" && m.Deploy != m.Name {
		text += ", deploy " + m.Deploy
	}
	return text
}

// doLease is do for what concerns the lease and the hand-over on one machine.
func (r *run) doLease(ctx context.Context, a policy.Action) {
	switch a := a.(type) {
	case policy.WantLease:
		r.keepLease(ctx)
		r.beside(r.keeper.Want)
	case policy.UnwantLease:
		r.beside(r.keeper.Unwant)
	case policy.PartLease:
		r.beside(func() { r.keeper.Part(r.cursor()) })
	case policy.HandOut:
		r.beside(func() { r.handOut(ctx, a) })
	case policy.ConfirmHeld:
		r.beside(func() { r.confirmHeld(ctx) })
	case policy.AskHandOut:
		r.beside(func() { r.askHandOut(ctx) })
	case policy.YieldLocks:
		r.beside(r.yieldLocks)
	}
}

// cursor is up to where the bot has handled everything, as far as the gateway knows.
func (r *run) cursor() int64 {
	if r.gate == nil {
		return 0
	}
	return r.gate.Snapshot().Cursor
}

// handOut parks the polls of a child, waits for its acknowledgement, and lets go of the lease.
func (r *run) handOut(ctx context.Context, a policy.HandOut) {
	if seat := r.seatOf(a.Run); seat != nil {
		seat.Hold()
		limited, cancel := context.WithTimeoutCause(ctx, a.Limit, errDrainTime)
		defer cancel()
		if err := seat.Asked(limited); err != nil {
			r.opts.Log.Warn("handed over while the bot works; its last updates may be handled twice", keyCause, err.Error())
		}
	}
	if r.keeper != nil {
		r.keeper.Part(r.cursor()) // which reports LeaseParted
		return
	}
	r.send(ctx, policy.LeaseParted{})
}

// confirmHeld tells the server what the bot is working on, as long as the lease allows.
func (r *run) confirmHeld(ctx context.Context) {
	if r.gate == nil || r.opts.Lease.Replay {
		return
	}
	until := r.keeper.Until()
	if until.IsZero() {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if err := r.gate.ConfirmHeld(ctx); err != nil {
		r.opts.Log.Warn("the server may not know what the bot works on; whoever polls next may get it again", keyCause, r.mask(err.Error()))
	}
}

// leaveLease releases the lease at the end of a run, or takes a claim back.
func (r *run) leaveLease(ctx context.Context) {
	if r.keeper == nil {
		return
	}
	began := true
	r.keeping.Do(func() { began = false })
	if !began {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	r.keeper.Leave(ctx, r.cursor())
}

// leaseStatus is what status says of the lease; nil without one.
func (r *run) leaseStatus(s policy.State) *control.Lease {
	if r.keeper == nil {
		return nil
	}
	v := r.keeper.View()
	out := &control.Lease{
		Store: r.opts.Lease.Name, Mode: v.Mode.String(), Held: s.Leased, Epoch: v.Epoch, Known: v.Known,
		Me:  control.LeaseMember{Name: v.Me.Name, Deploy: v.Me.Deploy, Number: v.Me.Gen, Environment: v.Me.Env},
		TTL: r.opts.Lease.Config.TTL.Seconds(), LeftSeconds: v.Left.Seconds(), Fences: int(s.Fences), HandOvers: int(s.HandOvers),
	}
	if v.Holder.Instance != "" {
		out.Holder = &control.LeaseMember{Name: v.Holder.Name, Deploy: v.Holder.Deploy, Number: v.Holder.Gen, Environment: v.Holder.Env}
	}
	if v.Claim.Instance != "" {
		out.Claim = &control.LeaseMember{Name: v.Claim.Name, Deploy: v.Claim.Deploy, Number: v.Claim.Gen, Environment: v.Claim.Env}
	}
	if v.Problem != nil {
		out.Trouble = r.mask(v.Problem.Error())
	}
	return out
}
