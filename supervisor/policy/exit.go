package policy

import (
	"fmt"
	"time"
)

// sigInt is SIGINT everywhere.
const sigInt = 2

// exited answers a child that ended by itself.
func (t *turn) exited(e Exit) {
	if t.heir(e) {
		return
	}
	cause := t.causeOf(e)
	settled := t.settled()
	t.gone(e)
	if e.Signal == 0 && e.Code == exitConfig {
		t.finish(exitConfig, "the bot exited 78: it says that its configuration cannot work")
		return
	}
	if t.cfg.Interactive && (e.Signal == sigInt || e.Signal == 0 && (e.Code == 0 || e.Code == 128+sigInt)) {
		t.finish(0, "")
		return
	}
	t.s.Cause = cause
	t.failed(settled, e.ExitCode())
}

// ended answers a child whose tree we ended.
func (t *turn) ended(e Exit) {
	t.s.WasSettled = t.settled()
	t.gone(e)
	t.s.Draining = false
	t.s.Survivors += e.Survivors
	t.allEnded()
}

// allEnded goes on after a stop when no child is left.
func (t *turn) allEnded() {
	s := &t.s
	if s.Alive || s.Next != 0 || s.Old != 0 || s.Confirming {
		return
	}
	if t.confirms() {
		return
	}
	if s.Then == Finish {
		if s.Survivors > 0 && s.ExitCode == 0 {
			t.finish(1, fmt.Sprintf("%d processes of the bot could not be ended; they may still poll", s.Survivors))
			return
		}
		t.finish(s.ExitCode, s.Why)
		return
	}
	if s.Claimed {
		t.part()
	}
	settled := s.WasSettled
	switch t.s.Cause {
	case ByRequest, ByLocalRival, ByLease:
		t.sweep()
	default:
		// Our own signal ended it, so its exit code says nothing.
		t.failed(settled, 1)
	}
}

// confirms tells the server once, before this supervisor lets go of the bot, what was handled, and says whether that is to be waited for.
func (t *turn) confirms() bool {
	s := &t.s
	last := s.Then == Finish && s.ExitCode == 0 && s.Survivors == 0 || s.Then == Again && s.Claimed
	if !last || s.Confirmed || !s.WireUsed || !t.mayPoll() {
		return false
	}
	s.Confirming, s.Confirmed = true, true
	t.do(Confirm{Limit: min(max(s.EndBy.Sub(t.now), confirmReserve), confirmMost)})
	return true
}

// gone forgets the child.
func (t *turn) gone(e Exit) {
	t.quiet()
	t.s.PID, t.s.Alive, t.s.LastExit = 0, false, e
	t.s.Suspect, t.s.ConflictSweep, t.s.Probing = Suspicion{}, false, false
	t.s.Stall = Stall{}
	if t.cfg.StandbyWarm {
		t.unwantLease() // the next one has to ask for its first update first
	}
}

// settled says whether the child ran long enough for its end to be no failed start.
func (t *turn) settled() bool { return t.now.Sub(t.s.StartedAt) >= WellAfter }

// causeOf names what an exit goes back to: a sign shortly before it explains it.
func (t *turn) causeOf(e Exit) Cause {
	recent := t.s.Suspect.Kind != NoSign && t.now.Sub(t.s.Suspect.Last) <= signFor
	switch {
	case e.OOM:
		return ByMemory
	case recent && t.s.Suspect.Kind == Conflict:
		return ByRemoteRival
	case recent && t.s.Suspect.Kind == EventLoop:
		return ByEventLoop
	default:
		return ByExit
	}
}

// failed goes on after a child that ended or had to be ended for s.Cause. code is
// what botctl ends with when it has to end for it.
func (t *turn) failed(settled bool, code int) {
	s := &t.s
	if t.givesUp() {
		t.finish(exitGaveUp, fmt.Sprintf("%d failures within %v", t.cfg.GiveUp, t.cfg.GiveUpWithin))
		return
	}
	if s.Cause == ByRemoteRival {
		// No fault of the bot, so it does not count as a failed start. Whether the
		// rival was on this host is known after the sweep.
		s.WaitAfterSweep = t.conflictWait()
		t.sweep()
		return
	}
	if settled {
		s.EverWell, s.Fails, s.StartFails = true, 0, 0
		t.sweep()
		return
	}
	s.Fails++
	if !s.EverWell {
		s.StartFails++
		if t.cfg.StartTries > 0 && s.StartFails >= t.cfg.StartTries {
			if code == 0 {
				code = 1 // the platform shall see a failed deploy
			}
			t.finish(code, fmt.Sprintf("the bot ended %d times in a row without having run for %v", s.StartFails, WellAfter))
			return
		}
	}
	t.wait(t.backoff(s.Fails))
}

// startFailed answers a child that was not started.
func (t *turn) startFailed(ev StartFailed) {
	t.s.PID, t.s.Cause = 0, ByStartFailure
	switch {
	case t.s.StopWanted:
		t.finish(t.s.ExitCode, t.s.Why)
	case ev.Kind == NotFound:
		t.finish(exitNotFound, ev.Detail)
	case ev.Kind == NotExecutable:
		t.finish(exitNotExec, ev.Detail)
	default:
		t.failed(false, 1)
	}
}

// givesUp records a failure and says whether it was one too many.
func (t *turn) givesUp() bool {
	n := t.cfg.GiveUp
	if n == 0 {
		return false
	}
	copy(t.s.Failures[1:], t.s.Failures[:maxGiveUp-1])
	t.s.Failures[0] = t.now
	oldest := t.s.Failures[n-1]
	return !oldest.IsZero() && t.now.Sub(oldest) <= t.cfg.GiveUpWithin
}

// backoff is the pause before try n, counted from 1: full jitter below 1 s
// doubling to 60 s, and never so short that a crash at once makes a hot loop.
func (t *turn) backoff(n int) time.Duration {
	limit := backoffMax
	if n < 7 { // 1 s << 6 is past the limit
		limit = min(backoffMin<<max(n-1, 0), backoffMax)
	}
	return jitterFloor + time.Duration(t.random()%uint64(limit-jitterFloor))
}

// random is one step of splitmix64.
func (t *turn) random() uint64 {
	t.s.Seed += 0x9e3779b97f4a7c15
	z := t.s.Seed
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
