package policy

import "time"

// Decide answers one event: the state that follows, and what to do, in order. It
// is pure; the same arguments give the same answer. Pairs of phase and event
// that the table in the package documentation does not list change nothing.
// cfg must come from Config.Validate.
func Decide(cfg Config, s State, ev Event, now time.Time) (State, []Action) {
	t := turn{cfg: cfg, s: s, now: now}
	if s.Phase != Done && (t.lease(ev) || t.takeover(ev) || t.beside(ev)) || t.endsChildless(ev) {
		return t.s, t.acts
	}
	switch s.Phase {
	case Locking:
		t.locking(ev)
	case Standby:
		t.standby(ev)
	case Sweeping:
		t.sweeping(ev)
	case Checking:
		t.checking(ev)
	case Starting:
		t.starting(ev)
	case Running:
		t.running(ev)
	case Stopping:
		t.stopping(ev)
	case Waiting:
		t.waiting(ev)
	case Done:
	}
	return t.s, t.acts
}

// turn is one call of Decide.
type turn struct {
	cfg  Config
	s    State
	now  time.Time
	acts []Action
}

func (t *turn) do(a Action) { t.acts = append(t.acts, a) }

// endsChildless ends the run at once where no child has to be ended first, and says whether it did.
func (t *turn) endsChildless(ev Event) bool {
	switch t.s.Phase {
	case Starting, Running, Stopping, Done:
		return false
	}
	switch ev := ev.(type) {
	case StopAsked, KillAsked:
		t.finish(0, "")
	case LockLost:
		t.finish(exitLock, ev.Cause)
	default:
		return false
	}
	return true
}

func (t *turn) locking(ev Event) {
	switch ev := ev.(type) {
	case Began:
		t.s.Seed = t.cfg.Seed
		t.do(TakeLocks{})
	case LockTaken:
		t.sweep()
	case LockHeld:
		if t.cfg.TakeOver {
			t.takeOver()
			return
		}
		if t.cfg.WaitForLock {
			t.s.Phase = Standby
			t.do(WaitForLocks{})
			return
		}
		t.finish(exitTemp, ev.By)
	case LockFailed:
		t.finish(exitLock, ev.Cause)
	}
}

func (t *turn) standby(ev Event) {
	switch ev := ev.(type) {
	case LockTaken:
		t.s.Unlocked = false
		t.sweep()
	case LockFailed:
		t.finish(exitLock, ev.Cause)
	case Swept:
		t.count(ev)
	case Checked:
		t.s.CheckAsked = false
	}
}

func (t *turn) sweeping(ev Event) {
	switch ev := ev.(type) {
	case Swept:
		t.count(ev)
		switch {
		case ev.For == AtConflict && ev.Ended > 0:
			// The child ended before the sweep for its conflict did.
			t.localAfterAll()
		case ev.For == BeforeStart:
			if ev.Ended > 0 {
				t.localAfterAll()
			}
			t.afterSweep()
		}
	case Checked:
		t.s.CheckAsked = false
	}
}

func (t *turn) checking(ev Event) {
	switch ev := ev.(type) {
	case Checked:
		t.s.CheckAsked, t.s.NeedCheck = false, false
		switch ev.Verdict {
		case TokenRefused, WebhookStop:
			t.finish(exitConfig, ev.Detail)
		default:
			t.toStart()
		}
	case Swept:
		t.count(ev)
	}
}

func (t *turn) starting(ev Event) {
	switch ev := ev.(type) {
	case ChildStarted:
		if ev.Run != t.s.Run {
			return
		}
		t.started(ev.PID)
		if t.s.StopWanted {
			t.end(Finish, t.s.Cause)
			return
		}
		t.startedLeased()
	case StartFailed:
		if ev.Run == t.s.Run {
			t.startFailed(ev)
		}
	case StopAsked, KillAsked:
		t.s.StopWanted = true
	case LockLost:
		t.s.StopWanted, t.s.ExitCode, t.s.Why = true, exitLock, ev.Cause
	case Swept:
		t.count(ev)
	case Checked:
		t.s.CheckAsked = false
	}
}

func (t *turn) running(ev Event) {
	switch ev := ev.(type) {
	case ChildExited:
		if ev.Run == t.s.Run {
			t.exited(ev.Exit)
		}
	case WireSeen:
		switch {
		case ev.Run == t.s.Run:
			t.wire(ev)
		case ev.Run == t.s.Next && ev.Kind == WirePolled:
			t.nextPolled()
		}
	case WireLooked:
		if ev.Run == t.s.Run && t.s.Wire {
			t.looked(ev)
		}
	case HandedOver:
		t.handedOver(ev)
	case SignSeen:
		if ev.Run == t.s.Run {
			t.sign(ev)
		}
	case SocketsProbed:
		if ev.Run == t.s.Run {
			t.probed(ev)
		}
	case Swept:
		t.count(ev)
		if ev.For == AtConflict {
			t.s.ConflictSweep = false
			t.sweptForConflict(ev.Ended)
		}
	case Checked:
		t.checkedBeside(ev)
	case Notified:
		if ev.Run == t.s.Run {
			t.notified(ev)
		}
	case TimePassed:
		t.due()
	case RestartAsked:
		t.restart()
	case LockLost:
		t.s.ExitCode, t.s.Why = exitLock, ev.Cause
		t.end(Finish, t.s.Cause)
	case StopAsked:
		t.endInOrder(Finish, t.s.Cause)
	case KillAsked:
		t.end(Finish, t.s.Cause)
		t.do(KillChild{})
	}
}

func (t *turn) stopping(ev Event) {
	switch ev := ev.(type) {
	case ChildExited:
		if ev.Run == t.s.Run {
			t.ended(ev.Exit)
		}
	case Drained:
		if ev.Run == t.s.Run && t.s.Draining {
			t.s.Draining = false
			t.do(EndChild{Grace: t.left()})
		}
	case HandedOver:
		t.handedOverLate(ev)
	case Confirmed:
		if t.s.Confirming {
			t.s.Confirming = false
			t.allEnded()
		}
	case StopAsked:
		t.s.Then = Finish
	case KillAsked:
		t.s.Then, t.s.Draining = Finish, false
		if t.s.Confirming {
			t.finish(t.s.ExitCode, t.s.Why)
			return
		}
		t.do(KillChild{})
	case LockLost:
		t.s.Then, t.s.ExitCode, t.s.Why = Finish, exitLock, ev.Cause
	case Swept:
		t.count(ev)
		if ev.For == AtConflict {
			t.s.ConflictSweep = false
		}
	case Checked:
		t.s.CheckAsked = false
	}
}

func (t *turn) waiting(ev Event) {
	switch ev := ev.(type) {
	case TimePassed:
		if !t.now.Before(t.s.WakeAt) {
			t.sweep()
		}
	case Swept:
		t.count(ev)
		if ev.For == AtConflict && ev.Ended > 0 {
			t.localAfterAll()
			t.sweep()
		}
	case Checked:
		t.s.CheckAsked = false
	case RestartAsked:
		t.sweep()
	}
}

// finish ends the run. No child lives when it is called.
func (t *turn) finish(code int, why string) {
	t.quiet()
	t.s.Phase, t.s.ExitCode, t.s.Why = Done, code, why
}

// sweep begins the way to a start.
func (t *turn) sweep() {
	t.s.WakeAt = time.Time{}
	t.s.Phase = Sweeping
	t.do(Sweep{For: BeforeStart})
}

// afterSweep goes on to the preflight, the start, or a back-off that waited
// for the sweep to say whether the rival was on this host.
func (t *turn) afterSweep() {
	if wait := t.s.WaitAfterSweep; wait > 0 {
		t.s.WaitAfterSweep = 0
		t.wait(wait)
		return
	}
	if t.cfg.Preflight && (t.s.Run == 0 || t.s.NeedCheck) {
		t.s.Phase = Checking
		t.do(Check{})
		return
	}
	t.toStart()
}

func (t *turn) wait(d time.Duration) {
	t.s.Phase = Waiting
	t.s.WakeAt = t.now.Add(d)
}

func (t *turn) start() {
	t.s.Phase = Starting
	t.s.Runs++
	t.s.Run = t.s.Runs
	if t.s.Cause != FirstStart {
		t.s.Restarts[t.s.Cause]++
		t.s.Last, t.s.LastAt = t.s.Cause, t.now
	}
	t.do(StartChild{Run: t.s.Run, Parked: !t.mayPoll()})
}

func (t *turn) started(pid int) {
	t.s.Phase, t.s.PID, t.s.StartedAt = Running, pid, t.now
	t.s.Alive, t.s.Suspect = true, Suspicion{}
	t.s.Ready, t.s.BeatEvery = false, 0
	t.wireStarted()
	t.s.WellAt = t.now.Add(WellAfter)
	t.s.SweepAt = t.now.Add(sweepAfter)
	if t.s.ConflictTold > 0 {
		t.s.TellAt = t.nextWord()
		t.s.CalmAt = t.now.Add(conflictQuiet)
	}
}

// quiet takes back every deadline that only a running child has.
func (t *turn) quiet() {
	t.s.WakeAt, t.s.WellAt, t.s.SweepAt = time.Time{}, time.Time{}, time.Time{}
	t.s.ProbeAt, t.s.TellAt, t.s.CalmAt = time.Time{}, time.Time{}, time.Time{}
	t.s.BeatAt, t.s.LookAt, t.s.NextBy = time.Time{}, time.Time{}, time.Time{}
	t.s.WireTellAt, t.s.WireCalmAt = time.Time{}, time.Time{}
}

func (t *turn) count(ev Swept) { t.s.Ended += uint32(ev.Ended) }

// due acts on every deadline of a running child that has come.
func (t *turn) due() {
	s := &t.s
	if t.reached(s.WellAt) {
		s.WellAt = time.Time{}
		s.EverWell, s.Fails, s.StartFails = true, 0, 0
		if t.cfg.Gateway && !s.WireUsed && !s.WireTold {
			s.WireTold = true
			t.do(Tell{What: GatewayUnused})
		}
	}
	if t.reached(s.SweepAt) {
		s.SweepAt = t.now.Add(sweepEvery)
		s.Ready = true
		t.do(Sweep{For: BesideChild})
	}
	if t.reached(s.ProbeAt) {
		s.ProbeAt = time.Time{}
		t.probe()
	}
	if t.reached(s.CalmAt) {
		s.CalmAt, s.TellAt = time.Time{}, time.Time{}
		s.ConflictTold = 0
		t.do(Tell{What: ConflictOver})
	}
	if t.reached(s.TellAt) {
		t.tellConflict()
	}
	t.wireDue()
	if t.reached(s.BeatAt) {
		t.missed()
	}
}

// notified takes what the child says of itself. Only one that has sent a heartbeat is held to it.
func (t *turn) notified(ev Notified) {
	s := &t.s
	s.Ready = s.Ready || ev.Ready
	if ev.Every > 0 {
		s.BeatEvery = ev.Every
	}
	switch every := t.beatEvery(); {
	case every == 0:
	case ev.Trigger:
		t.end(Again, ByHeartbeat)
	case ev.Beat, ev.Every > 0 && !s.BeatAt.IsZero():
		s.BeatAt = t.now.Add(every)
	}
}

func (t *turn) beatEvery() time.Duration {
	if t.cfg.Heartbeat == 0 || t.s.BeatEvery == 0 {
		return t.cfg.Heartbeat
	}
	return t.s.BeatEvery
}

// missed ends a child whose heartbeat did not come, unless we were not running ourselves when it was due
// (SIGSTOP, a suspended machine): then it gets a fresh period (P8, P40).
func (t *turn) missed() {
	if t.now.Sub(t.s.BeatAt) > beatFresh {
		t.s.BeatAt = t.now.Add(t.beatEvery())
		return
	}
	t.end(Again, ByHeartbeat)
}

func (t *turn) reached(at time.Time) bool { return !at.IsZero() && !t.now.Before(at) }
