package lease

import "time"

// Decide answers one event: the state that follows, and what to do, in order. It is pure. cfg must come from
// Config.Validate; now is of package clock and above 0.
func Decide(cfg Config, s State, ev Event, now time.Duration) (State, []Action) {
	t := turn{cfg: cfg, s: s, now: now}
	t.fence()
	switch ev := ev.(type) {
	case Begun:
		if s.Mode == Away {
			t.s.Mode, t.s.LookAt = Waiting, now
		}
	case Want:
		t.s.Wanted = true
	case Unwant:
		t.s.Wanted = false
	case Hint:
		t.s.LookAt, t.s.Hinted = now, t.s.Op.Kind != noOp
	case Answer:
		t.answered(ev)
	case Part:
		t.part(ev.Cursor)
	case Leave:
		t.s.Leaving = true
		t.part(ev.Cursor)
	case GuardHeld:
		if t.s.Mode == Holding && t.s.Epoch == ev.Epoch {
			t.s.Guarded, t.s.Renew = true, now // everybody shall know of it
		}
	case GuardLost:
		if cfg.Fast && t.s.Mode == Holding && t.s.Epoch == ev.Epoch {
			t.lose(SessionEnded)
		}
	case GuardFreed:
		// A server after a fail-over knows no sessions, so there it says nothing.
		if cfg.Fast && t.s.Mode == Waiting && t.trusted() && t.s.Snap.Record.Guarded && t.s.Snap.Record.Epoch == ev.Epoch {
			t.s.GuardFree = now
		}
	case Tick:
	}
	t.next()
	return t.s, t.acts
}

// turn is one call of Decide.
type turn struct {
	cfg  Config
	s    State
	now  time.Duration
	acts []Action
}

func (t *turn) do(a Action) { t.acts = append(t.acts, a) }

// fence comes before everything else: an answer that is late does not undo it.
func (t *turn) fence() {
	if t.s.Mode != Holding {
		return
	}
	if at := t.s.Fence(t.cfg); t.now >= at {
		t.lose(NoAnswer)
	} else if !t.s.Ended && t.now >= at-t.cfg.Lead {
		t.s.Ended = true
		t.do(Ending{})
	}
}

// lose ends the holding without a release.
func (t *turn) lose(why Why) {
	t.s.Mode, t.s.Until, t.s.Epoch = Waiting, 0, 0
	t.s.Ended, t.s.Claimed, t.s.Guarded = false, false, false
	t.do(Fenced{Why: why})
}

// answered takes the outcome of a call.
func (t *turn) answered(ev Answer) {
	op := t.s.Op
	if op.Kind == noOp || ev.ID != op.ID {
		return
	}
	t.s.Op = Op{}
	if ev.Failed {
		t.s.Failing++
		pause := max(t.now, op.Sent+t.cfg.attempt(Holding))
		t.s.LookAt, t.s.Renew = pause, max(t.s.Renew, pause)
		return
	}
	t.s.Failing = 0
	t.s.LookAt = t.now + netEvery
	if t.s.Hinted {
		t.s.LookAt, t.s.Hinted = t.now, false
	}
	t.take(ev.Snap)
	if d := op.To.deploy(t.cfg.Me.Deploy); ev.Swapped && d.Gen > 0 {
		t.s.Gen = d.Gen
	}
	switch t.s.Mode {
	case Holding:
		t.held(op, ev)
	case Parting:
		t.parting(op, ev)
	case Waiting:
		if op.Kind == acquire && ev.Swapped && t.trusted() {
			t.grant(op)
		}
	case Away:
	}
}

// take keeps a snapshot, and the time since when what it says of the holder has been so.
func (t *turn) take(now Snapshot) {
	s := &t.s
	was, is := s.Snap, now
	if !s.Seen || was.Server != is.Server || (was.Version == 0) != (is.Version == 0) || !samePeriod(was.Record, is.Record) {
		s.Since, s.GuardFree, s.Refused = t.now, 0, false
	}
	if held := is.Record.Held() && !t.mine(is.Record); held && s.Mode == Waiting && (!s.Seen || was.Record.Holder.Instance != is.Record.Holder.Instance) {
		t.do(Taken{By: is.Record.Holder})
	}
	s.Snap, s.Seen = now, true
	s.High = max(s.High, is.Record.Epoch)
}

func samePeriod(a, b Record) bool {
	return a.Epoch == b.Epoch && a.Seq == b.Seq && a.Holder.Instance == b.Holder.Instance && a.Server == b.Server
}

func (t *turn) mine(r Record) bool { return r.Holder.Instance == t.cfg.Me.Instance }

// trusted says whether the server that answers is the one that the record was last held on.
func (t *turn) trusted() bool {
	return t.s.Snap.Version > 0 && t.s.Snap.Record.Server == t.s.Snap.Server
}

// held takes an answer while holding.
func (t *turn) held(op Op, ev Answer) {
	rec := t.s.Snap.Record
	switch {
	case !t.mine(rec) || rec.Epoch != t.s.Epoch:
		t.lose(IsAnothers)
		if rec.Held() && !t.mine(rec) {
			t.do(Taken{By: rec.Holder})
		}
	case !t.trusted():
		t.lose(OtherServer)
	case op.Kind == renewal && ev.Swapped:
		t.s.Until, t.s.Renew = op.Sent+t.cfg.TTL, op.Sent+t.cfg.renew()
		if t.s.Ended && t.now < t.s.Fence(t.cfg)-t.cfg.Lead {
			t.s.Ended = false
			t.do(Granted{Epoch: t.s.Epoch, Cursor: rec.Cursor})
		}
	case op.Kind == renewal:
		t.s.Renew = t.now // somebody else has written beside us
	}
	if t.s.Mode == Holding && !t.s.Claimed && yields(rec.Holder, rec.Claim) {
		t.s.Claimed = true
		t.do(Claimed{By: rec.Claim})
	}
}

// yields says whether a holder gives way to a claim.
func yields(holder Member, c Claim) bool {
	return c.Instance != "" && c.Instance != holder.Instance && (c.Force || c.Gen > holder.Gen && c.Env == holder.Env)
}

// grant begins a holding. The lease counts from when the request was sent.
func (t *turn) grant(op Op) {
	s := &t.s
	s.Mode, s.Epoch, s.Until, s.Renew = Holding, op.To.Epoch, op.Sent+t.cfg.TTL, op.Sent+t.cfg.renew()
	s.Ended, s.Claimed, s.Guarded = false, false, false
	if t.now >= s.Fence(t.cfg) {
		t.lose(NoAnswer)
		return
	}
	t.do(Granted{Epoch: s.Epoch, Cursor: s.Snap.Record.Cursor})
}

// part begins the release. Whoever parts has to say that it wants the lease again.
func (t *turn) part(cursor int64) {
	t.s.Wanted = false
	switch t.s.Mode {
	case Holding:
		t.s.Mode, t.s.Cursor = Parting, max(cursor, t.s.Snap.Record.Cursor)
		t.s.Guarded = false
	case Waiting:
		if !t.s.Leaving {
			t.do(Parted{}) // it was lost before
		}
	case Parting, Away:
	}
}

// parting takes an answer while the release is being written.
func (t *turn) parting(op Op, ev Answer) {
	rec := t.s.Snap.Record
	if op.Kind == release && ev.Swapped || !t.mine(rec) || rec.Epoch != t.s.Epoch {
		t.parted()
	}
}

func (t *turn) parted() {
	t.s.Mode, t.s.Until, t.s.Epoch, t.s.Claimed = Waiting, 0, 0, false
	t.do(Parted{})
}
