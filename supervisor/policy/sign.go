package policy

import "time"

// sign answers what the output of the living child shows. Text is only ever suspicion: what
// follows here looks for a sign that no chat can make.
func (t *turn) sign(ev SignSeen) {
	s := &t.s
	s.Signs++
	if s.Wire && ev.Kind != EventLoop {
		return // the wire decides
	}
	if s.Suspect.Kind != ev.Kind {
		s.Suspect = Suspicion{Kind: ev.Kind, Since: t.now}
	}
	s.Suspect.Last = t.now
	if ev.Logger {
		copy(s.Suspect.Loggers[1:], s.Suspect.Loggers[:2])
		s.Suspect.Loggers[0] = t.now
	}
	switch ev.Kind {
	case Conflict:
		s.Conflicts++
		s.ConflictLast = t.now
		if s.ConflictTold > 0 {
			s.CalmAt = t.now.Add(conflictQuiet)
		}
		if !s.ConflictSweep {
			s.ConflictSweep = true
			t.do(Sweep{For: AtConflict})
		}
		t.watch()
	case EventLoop:
		switch {
		case t.cfg.FirstSign, !s.Wire && t.repeated() && t.textMayRestart():
			t.restartByText(ByEventLoop)
		case s.Wire:
			s.LookAt = t.now.Add(loopSilence)
		default:
			t.watch()
		}
	case Webhook, Unauthorized:
		s.NeedCheck = true
		t.check(ev.Kind)
	}
}

// sweptForConflict goes on when it is known whether a rival was on this host.
func (t *turn) sweptForConflict(ended int) {
	if t.s.Wire || t.s.Suspect.Kind != Conflict {
		return
	}
	if ended > 0 {
		t.end(Again, ByLocalRival)
		return
	}
	switch {
	case t.cfg.FirstSign:
		t.remoteRival(false)
	case t.now.Sub(t.s.StartedAt) < startNoise && !t.restartedInVain():
		// A poll of the previous child, or of a deploy that is about to end.
	case t.repeated():
		t.remoteRival(true)
	}
}

// remoteRival answers a confirmed conflict without a rival on this host. A
// restart takes the poll away from the rival, who takes it back if it lives on:
// so one restart, and when that has proved useless, words.
func (t *turn) remoteRival(byText bool) {
	switch {
	case t.s.Suspect.Deaf:
		// It does not poll any more, so nothing is gained by leaving it alone.
	case t.cfg.OnConflict == TellIt,
		t.cfg.OnConflict == Auto && t.restartedInVain(),
		byText && !t.textMayRestart():
		if t.s.ConflictTold == 0 {
			t.tellConflict()
		}
		return
	}
	if byText {
		t.s.TextRestart = t.now
	}
	t.end(Again, ByRemoteRival)
}

// restartedInVain says that the latest restart for a rival elsewhere is so short ago that
// a conflict now shows it to have been useless.
func (t *turn) restartedInVain() bool {
	return !t.s.ConflictRestart.IsZero() && t.now.Sub(t.s.ConflictRestart) < uselessWithin
}

// conflictWait is the pause before the next start against a rival that is elsewhere: none for
// the first, then back-off. Ten minutes without a conflict forget the past.
func (t *turn) conflictWait() time.Duration {
	s := &t.s
	if !s.ConflictRestart.IsZero() && t.now.Sub(s.ConflictRestart) >= uselessWithin {
		s.ConflictStreak = 0
	}
	s.ConflictStreak++
	s.ConflictRestart = t.now
	if s.ConflictStreak == 1 {
		return 0
	}
	if s.ConflictTold == 0 {
		t.sayConflict()
	}
	return t.backoff(s.ConflictStreak - 1)
}

// localAfterAll corrects the cause of a start that was put down to a rival
// elsewhere: a sweep has ended one here.
func (t *turn) localAfterAll() {
	if t.s.Cause != ByRemoteRival {
		return
	}
	t.s.Cause = ByLocalRival
	t.s.WaitAfterSweep = 0
	t.s.ConflictStreak = max(t.s.ConflictStreak-1, 0)
}

// tellConflict says that the conflict lasts and sets the next time to say so.
func (t *turn) tellConflict() {
	t.sayConflict()
	t.s.TellAt = t.nextWord()
	t.s.CalmAt = later(t.s.ConflictLast, t.s.StartedAt).Add(conflictQuiet)
}

// sayConflict says it without a deadline, for a child that is gone; its
// successor gets the deadlines in started.
func (t *turn) sayConflict() {
	if t.s.ConflictTold == 0 {
		t.s.ConflictSince = t.now
	}
	t.s.ConflictTold++
	t.do(Tell{What: ConflictLasts})
}

// nextWord is the next time of the schedule, counted from the beginning of the conflict.
// Times that passed unused, because no child ran, are skipped.
func (t *turn) nextWord() time.Time {
	for {
		told, last := t.s.ConflictTold, len(tellAfter)-1
		after := tellAfter[min(told, last)]
		if told > last {
			after = tellAfter[last] * time.Duration(told-last+1)
		}
		if at := t.s.ConflictSince.Add(after); at.After(t.now) {
			return at
		}
		t.s.ConflictTold++
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// repeated says whether the framework's own logger printed the sign three times
// within a minute.
func (t *turn) repeated() bool {
	third := t.s.Suspect.Loggers[confirmingSign-1]
	return !third.IsZero() && t.now.Sub(third) <= repeatWithin
}

func (t *turn) textMayRestart() bool {
	return t.s.TextRestart.IsZero() || t.now.Sub(t.s.TextRestart) >= textEvery
}

func (t *turn) restartByText(cause Cause) {
	t.s.TextRestart = t.now
	t.end(Again, cause)
}

// watch begins to look at the child's connections, unless it is looked at already.
func (t *turn) watch() {
	if !t.s.Probing && t.s.ProbeAt.IsZero() {
		t.probe()
	}
}

func (t *turn) probe() {
	t.s.Probing = true
	t.do(ProbeSockets{Run: t.s.Run})
}

// probed judges whether the child is deaf: no connection to the API, or none
// that has moved data for longer than any poll lasts. Where sockets cannot be read
// it is never judged.
func (t *turn) probed(ev SocketsProbed) {
	t.s.Probing = false
	sus := &t.s.Suspect
	if sus.Kind != Conflict && sus.Kind != EventLoop {
		return
	}
	if t.now.Sub(sus.Last) > suspectFor {
		*sus = Suspicion{} // it polls, or nobody can tell
		return
	}
	t.s.ProbeAt = t.now.Add(probeEvery)
	switch {
	case !ev.Readable:
		sus.NoneSince = time.Time{}
		return
	case ev.Open > 0:
		sus.NoneSince = time.Time{}
		sus.Deaf = ev.Quiet >= quietLimit
	case sus.NoneSince.IsZero():
		sus.NoneSince = t.now
	default:
		sus.Deaf = t.now.Sub(sus.NoneSince) >= deafAfter
	}
	if !sus.Deaf {
		return
	}
	if sus.Kind == EventLoop {
		t.end(Again, ByEventLoop)
		return
	}
	t.remoteRival(false)
}

// check asks the Bot API whether a 401 or a webhook that the output, or the gateway, speaks of is real.
func (t *turn) check(what Kind) {
	s := &t.s
	s.CheckFor = what
	if !t.cfg.Preflight {
		t.do(Tell{What: unproven(what)})
		return
	}
	if s.CheckAsked || !s.CheckedAt.IsZero() && t.now.Sub(s.CheckedAt) < checkEvery {
		return
	}
	s.CheckAsked, s.CheckedAt = true, t.now
	t.do(Check{})
}

// checkedBeside takes the answer to a check for a running child.
func (t *turn) checkedBeside(ev Checked) {
	s := &t.s
	s.CheckAsked = false
	switch ev.Verdict {
	case TokenRefused, WebhookStop:
		s.ExitCode, s.Why = exitConfig, ev.Detail
		t.end(Finish, s.Cause)
	case WebhookDeleted:
		s.NeedCheck = false
		t.do(Tell{What: WebhookWasSet})
		t.resume()
	case WebhookKept:
		t.do(Tell{What: WebhookIsSet})
	case CheckPassed, CheckTrouble:
		if s.CheckFor == Unauthorized {
			t.do(Tell{What: RefusedUnproven})
		}
		if ev.Verdict == CheckPassed {
			t.resume()
		}
	}
}

// resume lets polls go on that waited for a webhook.
func (t *turn) resume() {
	if t.s.Wire && t.s.CheckFor == Webhook {
		t.do(ResumePolls{})
	}
}

func unproven(k Kind) Word {
	if k == Webhook {
		return WebhookIsSet
	}
	return RefusedUnproven
}
