package supervisor

import (
	"context"
	"time"

	"botctl/supervisor/policy"
)

// loop is the only place that decides: next event, decide, publish, do. It returns
// the last state, in policy.Done. asked is closed to ask for a stop.
func (r *run) loop(ctx context.Context, asked <-chan struct{}) policy.State {
	var s policy.State
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ev := policy.Event(policy.Began{}); ; {
		r.turned.Store(time.Now().UnixMilli())
		next, acts := policy.Decide(r.cfg, s, ev, time.Now())
		r.publish(s, next, ev)
		s = next
		for _, a := range acts {
			r.perform(ctx, s, a)
		}
		if s.Phase == policy.Done {
			return s
		}
		if ev, asked = r.next(timer, s.Deadline(), asked); ev == nil {
			return s
		}
	}
}

// next is the only place that blocks: the next event, nil when botctl itself is broken. asked is
// returned nil once it has been closed: from then on the events of the stop drive the loop.
func (r *run) next(timer *time.Timer, due time.Time, asked <-chan struct{}) (policy.Event, <-chan struct{}) {
	for {
		select {
		case ev := <-r.events:
			return ev, asked
		case <-deadline(timer, due):
			return policy.TimePassed{}, asked
		case <-asked:
			return policy.StopAsked{}, nil
		case <-r.pulse: // that it is taken is the answer
		case <-r.broken:
			return nil, asked
		}
	}
}

// guarded is loop, but for a panic.
func (r *run) guarded(ctx context.Context, asked <-chan struct{}) (s policy.State) {
	defer r.catch()
	return r.loop(ctx, asked)
}

// deadline arms timer for at; the zero time never comes.
func deadline(timer *time.Timer, at time.Time) <-chan time.Time {
	if at.IsZero() {
		return nil
	}
	timer.Reset(time.Until(at))
	return timer.C
}

// do carries out one action. It returns within milliseconds: whatever takes
// longer runs beside and reports one event.
func (r *run) do(ctx context.Context, s policy.State, a policy.Action) {
	switch a := a.(type) {
	case policy.TakeLocks:
		r.beside(func() { r.send(ctx, r.takeLocks(ctx)) })
	case policy.WaitForLocks:
		r.beside(func() { r.waitForLocks(ctx) })
	case policy.Sweep:
		r.askSweep(a.For)
	case policy.Check:
		r.beside(func() { r.send(ctx, r.preflight(ctx)) })
	case policy.StartChild:
		r.beside(func() { r.runChild(ctx, a.Run, a.Parked) })
	case policy.EndChild:
		r.stopChild(s.Run, a.Grace)
	case policy.EndOther:
		r.stopChild(a.Run, a.Grace)
	case policy.KillChild:
		for _, c := range r.children.all() {
			c.Kill()
		}
	case policy.ProbeSockets:
		r.beside(func() { r.send(ctx, r.probe(ctx, a.Run)) })
	case policy.Tell:
		r.tell(s, a.What)
	default:
		r.doWire(ctx, a)
		r.doLease(ctx, a)
	}
}

// doWire is do for what concerns the gateway.
func (r *run) doWire(ctx context.Context, a policy.Action) {
	switch a := a.(type) {
	case policy.HoldPolls:
		if seat := r.seatOf(a.Run); seat != nil {
			seat.Hold()
		}
	case policy.ServePolls:
		if seat := r.seatOf(a.Run); seat != nil {
			seat.Serve()
		}
	case policy.FreePoll:
		if seat := r.seatOf(a.Run); seat != nil {
			seat.FreePoll()
		}
	case policy.ResumePolls:
		if r.gate != nil {
			r.gate.WebhookGone()
		}
	case policy.Drain:
		r.beside(func() { r.drain(ctx, a) })
	case policy.HandOver:
		r.beside(func() { r.handOver(ctx, a) })
	case policy.Confirm:
		r.beside(func() { r.confirm(ctx, a.Limit) })
	case policy.LookAtWire:
		r.beside(func() { r.lookAtWire(ctx, a) })
	}
}

func (r *run) stopChild(run uint32, grace time.Duration) {
	if c := r.children.get(run); c != nil {
		c.Stop(grace)
	}
}
