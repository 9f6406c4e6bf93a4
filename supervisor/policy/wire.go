package policy

import "time"

// wire takes what the gateway sees of the living child. It decides: text of a child that polls through it is no evidence.
func (t *turn) wire(ev WireSeen) {
	s := &t.s
	switch ev.Kind {
	case WireUsed:
		s.WireUsed = true
	case WirePolled:
		s.Wire, s.WireUsed = true, true
		s.LookAt = t.nextLook()
		s.Suspect, s.ProbeAt = Suspicion{}, time.Time{}
		t.polled()
		if !s.WireTold {
			s.WireTold = true
			t.do(Tell{What: GatewayUsed})
		}
	case WireConflict:
		t.wireConflict()
	case WireWebhook:
		s.NeedCheck = true
		t.check(Webhook)
	case WireRefused:
		s.NeedCheck = true
		t.check(Unauthorized)
	case WireRealToken, WireTrouble, WireCalm, WireRenumbered:
		// Told of, and nothing that a restart would help.
	}
}

// wireConflict answers one that the child does not see: rivals here are looked for, and the owner hears of it when it begins,
// when it lasts, and when it is over.
func (t *turn) wireConflict() {
	s := &t.s
	s.Conflicts++
	s.ConflictLast = t.now
	s.WireCalmAt = t.now.Add(conflictQuiet)
	switch {
	case s.WireSince.IsZero():
		s.WireSince, s.WireTellAt = t.now, t.now.Add(wireLasts)
		t.do(Tell{What: ConflictHeld})
	case t.now.Sub(s.WireSince) >= wireLasts:
		t.wireLasts()
	}
	if !s.ConflictSweep {
		s.ConflictSweep = true
		t.do(Sweep{For: AtConflict})
	}
}

// wireLasts says once that a conflict goes on.
func (t *turn) wireLasts() {
	t.s.WireTellAt = time.Time{}
	if !t.s.WireLong {
		t.s.WireLong = true
		t.do(Tell{What: ConflictGoesOn})
	}
}

// wireDue acts on the deadlines of the wire.
func (t *turn) wireDue() {
	s := &t.s
	if t.reached(s.WireCalmAt) {
		s.WireCalmAt, s.WireTellAt, s.WireSince, s.WireLong = time.Time{}, time.Time{}, time.Time{}, false
		t.do(Tell{What: ConflictOver})
	}
	if t.reached(s.WireTellAt) {
		s.WireTellAt = time.Time{}
		if s.ConflictLast.Sub(s.WireSince) >= wireOnce {
			t.wireLasts()
		}
	}
	if t.reached(s.LookAt) {
		s.LookAt = t.nextLook()
		t.do(LookAtWire{Run: s.Run})
	}
	if t.reached(s.NextBy) {
		s.NextBy = time.Time{}
		t.do(EndOther{Run: s.Next, Grace: t.cfg.StopTimeout})
		t.do(Tell{What: WarmFailed})
	}
}

// wireStarted gives a new child the deadlines of a conflict that goes on.
func (t *turn) wireStarted() {
	s := &t.s
	s.Wire, s.Stall = false, Stall{}
	if s.WireSince.IsZero() {
		return
	}
	s.WireCalmAt = t.now.Add(conflictQuiet)
	if !s.WireLong {
		s.WireTellAt = later(s.WireSince.Add(wireLasts), t.now)
	}
}

func (t *turn) nextLook() time.Time {
	every := sweepEvery
	if t.cfg.StallAfter > 0 {
		every = min(every, t.cfg.StallAfter/stallLooks)
	}
	return t.now.Add(every)
}

// looked judges what the child has asked for of late.
func (t *turn) looked(ev WireLooked) {
	s := &t.s
	if s.Suspect.Kind == EventLoop && t.now.Sub(s.Suspect.Last) >= loopSilence {
		if !ev.Begun.After(s.Suspect.Last) {
			t.end(Again, ByEventLoop)
			return
		}
		s.Suspect = Suspicion{} // its loop turns
	}
	limit := t.cfg.StallAfter
	if t.now.Sub(ev.Call) < limit/2 {
		limit *= stallBusy
	}
	switch {
	case limit < 0: // the owner wants none of it
	case ev.Open, ev.Idle < max(limit, 3*ev.Gap):
		s.Stall = Stall{}
	case !ev.Asked:
		t.do(LookAtWire{Run: s.Run, Pending: true})
	case ev.Pending < 0:
		// The server is away, and the child may be waiting for it.
	case ev.Pending == 0:
		s.Stall = Stall{} // nothing is lost yet
	case s.Stall.Looks == 0, ev.Pending < s.Stall.Pending:
		s.Stall = Stall{Looks: 1, Pending: ev.Pending}
	case s.Stall.Looks == 1:
		s.Stall = Stall{Looks: 2, Pending: ev.Pending}
		t.do(FreePoll{Run: s.Run})
		t.do(Tell{What: PollFreed})
	default:
		t.end(Again, ByStall)
	}
}
