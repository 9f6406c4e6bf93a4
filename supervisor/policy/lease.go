package policy

// mayPoll says whether the polls of a child may go to the server, as far as other supervisors go.
func (t *turn) mayPoll() bool {
	return !t.s.Unlocked && !t.s.HandingOut && (!t.cfg.Lease || t.s.Leased && !t.s.LeaseEnds)
}

// mayStart says whether a child may be started now: one that stands by with its polls held always may.
func (t *turn) mayStart() bool { return t.mayPoll() || t.cfg.StandbyWarm }

// toStart goes on to the start, or stands by for the lease first.
func (t *turn) toStart() {
	if t.mayStart() {
		t.start()
		return
	}
	t.s.Phase = Standby
	t.wantLease()
}

func (t *turn) wantLease() {
	if t.cfg.Lease && !t.s.Leased && !t.s.Asked {
		t.s.Asked = true
		t.do(WantLease{})
	}
}

func (t *turn) unwantLease() {
	if t.s.Asked {
		t.s.Asked = false
		if !t.s.Leased {
			t.do(UnwantLease{})
		}
	}
}

// serve lets the polls of the present child go to the server, if they may.
func (t *turn) serve() {
	if t.cfg.Gateway && t.mayPoll() {
		t.do(ServePolls{Run: t.s.Run})
	}
}

// lease takes what is said of the lease, and says whether ev was about it.
func (t *turn) lease(ev Event) bool {
	s := &t.s
	switch ev := ev.(type) {
	case LeaseGranted:
		s.Leased, s.LeaseEnds = true, false
		t.granted()
	case LeaseEnding:
		if s.Leased {
			s.LeaseEnds = true
			t.leaseEnds()
		}
	case LeaseLost:
		s.Fences++
		s.Leased, s.LeaseEnds, s.Claimed, s.HandingOut = false, false, false, false
		t.leaseLost()
	case LeaseTaken:
		// A parked child would go on with what it does by the clock, beside the one that polls.
		if s.Phase == Running && !s.Leased && !t.cfg.StandbyWarm {
			t.end(Again, ByLease)
		}
	case LeaseClaimed:
		if s.Leased {
			t.claimed()
		}
	case LeaseParted:
		t.parted()
	case LeaseTrouble:
		if ev.Lasting && ev.Fresh {
			t.neverLeased(ev.Detail)
		}
	case LeaseRefused, LeaseCalm:
		// Told of.
	default:
		return false
	}
	return true
}

// neverLeased ends a run whose store has never answered and never will: a deploy with a wrong password is to be seen to fail. A child that
// booted meanwhile has polled nothing.
func (t *turn) neverLeased(why string) {
	s := &t.s
	switch s.Phase {
	case Running:
		s.ExitCode, s.Why = exitConfig, why
		t.end(Finish, s.Cause)
	case Starting:
		s.StopWanted, s.ExitCode, s.Why = true, exitConfig, why
	case Stopping:
		s.Then, s.ExitCode, s.Why = Finish, exitConfig, why
	default:
		t.finish(exitConfig, why)
	}
}

// granted goes on with what waited for the lease.
func (t *turn) granted() {
	switch t.s.Phase {
	case Standby:
		if !t.s.Unlocked {
			t.start()
		}
	case Running:
		t.serve()
	default:
		// On its way to a child, or to the end of one.
	}
}

// leaseEnds makes sure that nothing polls when the lease is over. What polls through a gateway is held; anything else is ended, and
// there is time for that.
func (t *turn) leaseEnds() {
	switch {
	case t.s.Phase != Running:
	case t.cfg.Bypass:
		t.endInOrder(Again, ByLease)
	default:
		t.do(HoldPolls{Run: t.s.Run})
		t.do(ConfirmHeld{Run: t.s.Run})
	}
}

// leaseLost ends a child that could poll nevertheless, at once.
func (t *turn) leaseLost() {
	switch t.s.Phase {
	case Running:
		if !t.cfg.Bypass {
			t.do(HoldPolls{Run: t.s.Run})
			return
		}
		t.end(Again, ByLease)
		t.do(KillChild{})
	case Stopping:
		if t.cfg.Bypass {
			t.do(KillChild{})
		}
	default:
	}
}

// claimed hands the lease over. Behind a gateway the child's acknowledgement is all that is waited for, and it is stopped afterwards.
func (t *turn) claimed() {
	s := &t.s
	switch s.Phase {
	case Starting, Stopping:
		s.Claimed = true
	case Running:
		switch {
		case s.HandingOut:
			return // to another supervisor on this machine
		case t.cfg.Bypass, !s.Wire, s.Next != 0, s.Old != 0:
			s.Claimed = true
			t.endInOrder(Again, ByLease)
			return
		}
		s.HandingOut = true
		t.do(HandOut{Run: s.Run, Limit: t.cfg.StopTimeout / 3})
	default:
		t.part()
	}
}

// part releases the lease. No child of ours polls when it is called.
func (t *turn) part() {
	t.s.Leased, t.s.Asked, t.s.LeaseEnds, t.s.Claimed = false, false, false, false
	t.s.HandOvers++
	t.do(PartLease{})
}

// parted stops the child whose polls were handed over. From here on this supervisor is the spare, or has no more to do.
func (t *turn) parted() {
	s := &t.s
	if !s.HandingOut {
		return
	}
	s.HandingOut = false
	s.Leased, s.Asked, s.LeaseEnds, s.Claimed = false, false, false, false
	s.HandOvers++
	if s.Yielding {
		s.Unlocked = true
		t.do(YieldLocks{})
	}
	switch {
	case s.Yielding && s.Phase == Stopping:
		s.Then = Finish
	case s.Yielding && s.Phase == Running:
		t.endInOrder(Finish, s.Cause)
	case s.Yielding:
		t.finish(0, "")
	case s.Phase == Running:
		t.endInOrder(Again, ByLease)
	case s.Phase == Standby:
		t.wantLease()
	}
}

// startedLeased goes on with a child that has just been started: the lease may have gone meanwhile.
func (t *turn) startedLeased() {
	switch {
	case t.s.Claimed:
		t.endInOrder(Again, ByLease)
	case t.cfg.Bypass && !t.mayPoll():
		t.end(Again, ByLease)
	default:
		t.serve()
	}
}

// polled goes on with a child that stood by and has asked for its first update: now it could take over at once.
func (t *turn) polled() {
	if t.s.Unlocked {
		t.do(AskHandOut{})
		return
	}
	t.wantLease()
}

// takeOver begins to replace the supervisor that holds the locks of this machine: behind the gateway with a child that has booted
// by then, else by asking at once.
func (t *turn) takeOver() {
	t.s.Unlocked = true
	switch {
	case !t.cfg.StandbyWarm:
		t.s.Phase = Standby
		t.do(AskHandOut{})
	case t.cfg.Preflight:
		t.s.Phase = Checking
		t.do(Check{})
	default:
		t.start()
	}
}

// takeover takes what passes between two supervisors of one machine, and says whether ev was about that.
func (t *turn) takeover(ev Event) bool {
	s := &t.s
	switch ev.(type) {
	case LockTaken:
		if !s.Unlocked || s.Phase == Standby || s.Phase == Locking {
			return false
		}
		s.Unlocked = false
		if s.Phase == Running {
			t.do(Sweep{For: BesideChild})
			t.wantLease()
			t.serve()
		}
	case HandOutAsked:
		t.yield()
	default:
		return false
	}
	return true
}

// yield gives way to another supervisor of this machine. Where the child cannot be held by the gateway alone, it is ended first, and the
// locks with this supervisor.
func (t *turn) yield() {
	s := &t.s
	switch s.Phase {
	case Running:
		if s.HandingOut {
			s.Yielding = true
			return
		}
		if t.cfg.Bypass || !s.Wire || s.Next != 0 || s.Old != 0 || s.Unlocked {
			t.endInOrder(Finish, s.Cause)
			return
		}
		s.Yielding, s.HandingOut = true, true
		t.do(HandOut{Run: s.Run, Limit: t.cfg.StopTimeout / 3})
	case Starting:
		s.StopWanted = true
	case Stopping:
		s.Then = Finish
	default:
		t.finish(0, "")
	}
}
