package policy

import "time"

// restart is one that was asked for. A warm one boots the next child first; its polls are held until it asks for its
// first update. Nothing is changed for the present child until then.
func (t *turn) restart() {
	s := &t.s
	switch {
	case s.Next != 0 || s.Old != 0:
		t.do(Tell{What: RestartUnderWay})
	case t.cfg.Warm && s.Wire && t.mayPoll():
		s.Runs++
		s.Next, s.NextPID, s.NextAlive, s.NextGone = s.Runs, 0, false, false
		s.NextBy = t.now.Add(warmLimit)
		t.do(StartChild{Run: s.Next, Parked: true})
	default:
		t.endInOrder(Again, ByRequest)
	}
}

// beside takes what happens to the child that boots beside the present one, or to the one whose polls were handed over. It says
// whether ev was about one of them.
func (t *turn) beside(ev Event) bool {
	s := &t.s
	switch ev := ev.(type) {
	case ChildStarted:
		if s.Next == 0 || ev.Run != s.Next {
			return false
		}
		s.NextPID, s.NextAlive = ev.PID, true
		if s.Phase == Stopping {
			t.do(EndOther{Run: s.Next, Grace: t.left()})
		}
	case StartFailed:
		if s.Next == 0 || ev.Run != s.Next {
			return false
		}
		t.nextGone(Exit{})
	case ChildExited:
		switch {
		case s.Next != 0 && ev.Run == s.Next:
			t.nextGone(ev.Exit)
		case s.Old != 0 && ev.Run == s.Old:
			s.Old = 0
			s.Survivors += ev.Exit.Survivors
		default:
			return false
		}
	case Drained:
		if s.Old == 0 || ev.Run != s.Old {
			return false
		}
		t.do(EndOther{Run: ev.Run, Grace: t.cfg.StopTimeout})
		return true
	case HandedOver:
		if s.Phase == Running || s.Phase == Stopping || !s.HandingOver {
			return false
		}
		s.HandingOver, s.Next, s.NextPID, s.NextAlive, s.NextGone = false, 0, 0, false, false // both have ended meanwhile
		return true
	default:
		return false
	}
	if s.Phase == Stopping {
		t.allEnded()
	}
	return true
}

// nextGone goes on without the child that was to take over.
func (t *turn) nextGone(e Exit) {
	s := &t.s
	s.Survivors += e.Survivors
	if s.HandingOver {
		s.NextGone = true // whose polls are served is known when that is over
		return
	}
	s.Next, s.NextPID, s.NextAlive = 0, 0, false
	if s.Phase == Running && !s.NextBy.IsZero() {
		s.NextBy = time.Time{}
		t.do(Tell{What: WarmFailed})
	}
}

// nextPolled begins to hand the polls over: the next child has asked for its first update.
func (t *turn) nextPolled() {
	if t.s.HandingOver {
		return
	}
	t.s.HandingOver, t.s.NextBy = true, time.Time{}
	t.do(HandOver{From: t.s.Run, To: t.s.Next, Limit: t.cfg.StopTimeout / 3})
}

// handedOver makes the next child the present one and lets the other finish.
func (t *turn) handedOver(ev HandedOver) {
	s := &t.s
	if !s.HandingOver || ev.Run != s.Next {
		return
	}
	s.HandingOver = false
	if s.NextGone {
		s.Next, s.NextPID, s.NextAlive, s.NextGone = 0, 0, false, false
		t.serve()
		t.do(Tell{What: WarmFailed})
		return
	}
	s.Old, s.Cause = s.Run, ByRequest
	t.promote()
	s.Wire = true
	s.LookAt = t.nextLook()
	t.do(Drain{Run: s.Old, Limit: t.cfg.StopTimeout / 3})
}

// handedOverLate takes the end of a hand-over that a stop has come into.
func (t *turn) handedOverLate(ev HandedOver) {
	s := &t.s
	s.HandingOver = false
	t.do(HoldPolls(ev))
	if s.NextGone {
		s.Next, s.NextAlive, s.NextGone = 0, false, false
	}
	t.allEnded()
}

// promote makes the next child the present one.
func (t *turn) promote() {
	s := &t.s
	pid := s.NextPID
	s.Run, s.Next, s.NextPID, s.NextAlive, s.NextBy = s.Next, 0, 0, false, time.Time{}
	s.Restarts[s.Cause]++
	s.Last, s.LastAt = s.Cause, t.now
	t.started(pid)
}

// heir lets the next child take the place of one that ended while it booted, and says whether there is one.
func (t *turn) heir(e Exit) bool {
	s := &t.s
	if s.Next == 0 || s.NextGone {
		return false
	}
	polled, alive := s.HandingOver, s.NextAlive
	s.HandingOver = false
	s.Cause = t.causeOf(e)
	t.gone(e)
	t.promote()
	if !alive { // its start is under way, as that of any child
		s.Phase, s.Alive = Starting, false
		t.quiet()
		return true
	}
	if polled {
		s.Wire = true
		s.LookAt = t.nextLook()
	}
	t.serve()
	return true
}
