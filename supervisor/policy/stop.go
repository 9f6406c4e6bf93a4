package policy

import "time"

// end lets the tree of the living child be ended, and that of any other. Signs that come from now on are of our own making.
func (t *turn) end(then Then, cause Cause) {
	t.ending(then, cause)
	t.do(EndChild{Grace: t.left()})
}

// endInOrder is end for a child that may finish what it was given: its polls are held, and it is left alone until it is done with
// the last updates, for a third of the time at most.
func (t *turn) endInOrder(then Then, cause Cause) {
	if !t.s.Wire {
		t.end(then, cause)
		return
	}
	t.ending(then, cause)
	t.s.Draining = true
	t.do(Drain{Run: t.s.Run, Limit: t.cfg.StopTimeout / 3})
}

func (t *turn) ending(then Then, cause Cause) {
	s := &t.s
	t.quiet()
	s.Phase, s.Then, s.Cause = Stopping, then, cause
	s.EndBy = t.now.Add(t.cfg.StopTimeout)
	s.Survivors, s.Draining, s.Confirming, s.Confirmed = 0, false, false, false
	if t.cfg.Gateway {
		t.do(HoldPolls{Run: s.Run})
	}
	if s.NextAlive && !s.NextGone {
		t.do(HoldPolls{Run: s.Next})
		t.do(EndOther{Run: s.Next, Grace: t.left()})
	}
	if s.Old != 0 {
		t.do(EndOther{Run: s.Old, Grace: t.left()})
	}
}

// left is what a child still has of the stop time. Behind the gateway a little is kept for the last word to the server.
func (t *turn) left() time.Duration {
	left := t.s.EndBy.Sub(t.now)
	if t.s.Wire {
		left -= min(confirmReserve, t.cfg.StopTimeout/4)
	}
	return max(left, t.cfg.StopTimeout/10)
}
