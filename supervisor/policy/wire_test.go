package policy

import (
	"slices"
	"testing"
	"time"
)

// onWire is a child that has polled through the gateway for a while.
func onWire(t *testing.T, cfg Config) *play {
	t.Helper()
	cfg.Gateway = true
	p := newPlay(t, cfg).running()
	p.on(WireSeen{Run: 1, Kind: WirePolled}).want(Running, Tell{What: GatewayUsed})
	return p.wait(2 * time.Minute)
}

// wait moves the clock; sweeps find nothing, and the gateway sees a poll under way.
func (p *play) wait(d time.Duration) *play {
	p.t.Helper()
	return p.waitAnd(d, func(a LookAtWire) WireLooked { return WireLooked{Run: a.Run, Open: true} })
}

func (p *play) waitAnd(d time.Duration, look func(LookAtWire) WireLooked) *play {
	p.t.Helper()
	end := p.now.Add(d)
	for range 10_000 {
		next := p.s.Deadline()
		if next.IsZero() || next.After(end) || p.s.Phase != Running {
			p.now = later(p.now, end)
			return p
		}
		p.now = later(p.now, next)
		p.on(TimePassed{})
		for todo := slices.Clone(p.acts); len(todo) > 0; todo = todo[1:] {
			switch a := todo[0].(type) {
			case Sweep:
				p.on(Swept{For: a.For})
			case LookAtWire:
				p.on(look(a))
				todo = append(todo, p.acts...)
			}
		}
	}
	p.t.Fatalf("hot loop: 10,000 deadlines within %v in %v", d, p.s.Phase)
	return p
}

func tells(w Word) func(Action) bool {
	return func(a Action) bool { return a == Action(Tell{What: w}) }
}

func TestAConflictOnTheWireRestartsNobody(t *testing.T) { // P28, seen on the wire
	p := onWire(t, Config{})
	p.on(WireSeen{Run: 1, Kind: WireConflict}).want(Running, Tell{What: ConflictHeld}, Sweep{For: AtConflict})
	p.on(Swept{For: AtConflict, Ended: 1}).want(Running)
	for range 300 / 5 {
		p.wait(5 * time.Second).on(WireSeen{Run: 1, Kind: WireConflict})
		p.answer(polls)
		if p.s.Elsewhere() != (p.told[ConflictGoesOn] > 0) {
			t.Fatalf("told %v, elsewhere %v", p.told, p.s.Elsewhere())
		}
	}
	p.want(Running)
	if p.told[ConflictHeld] != 1 || p.told[ConflictGoesOn] != 1 || p.s.Conflicts != 61 || p.s.Restarts[ByLocalRival]+p.s.Restarts[ByRemoteRival] != 0 {
		t.Errorf("told %v, %d conflicts", p.told, p.s.Conflicts)
	}
	p.now = p.now.Add(conflictQuiet)
	p.on(TimePassed{}).want(Running, Tell{What: ConflictOver})
	if p.s.Elsewhere() || p.s.WireSince != (time.Time{}) {
		t.Error("it is over")
	}
}

func TestALastingConflictIsToldOfAfterAMinute(t *testing.T) {
	p := onWire(t, Config{}).on(WireSeen{Run: 1, Kind: WireConflict}).on(Swept{For: AtConflict})
	p.wait(50 * time.Second).on(WireSeen{Run: 1, Kind: WireConflict}).on(Swept{For: AtConflict})
	p.wantNo(tells(ConflictGoesOn), "say so before a minute")
	p.now = p.s.WireTellAt
	p.on(TimePassed{}).want(Running, Tell{What: ConflictGoesOn})
	single := onWire(t, Config{}).on(WireSeen{Run: 1, Kind: WireConflict}).on(Swept{For: AtConflict})
	single.now = single.s.WireTellAt
	single.on(TimePassed{}).wantNo(tells(ConflictGoesOn), "call one conflict lasting")
}

func TestAConflictOutlivesARestart(t *testing.T) {
	p := onWire(t, Config{}).on(WireSeen{Run: 1, Kind: WireConflict})
	p.on(ChildExited{Run: 1}, Swept{}, ChildStarted{Run: 2}).want(Running)
	p.on(WireSeen{Run: 2, Kind: WireConflict}).wantNo(tells(ConflictHeld), "begin it anew")
	p.now = p.now.Add(wireLasts)
	p.on(WireSeen{Run: 2, Kind: WireConflict}).want(Running, Tell{What: ConflictGoesOn})
}

func TestTextIsNoEvidenceWhileTheGatewaySeesThePolls(t *testing.T) {
	p := onWire(t, Config{})
	for range 20 {
		for _, k := range []Kind{Conflict, Webhook, Unauthorized} {
			p.on(SignSeen{Run: 1, Kind: k, Logger: true})
			if len(p.acts) > 0 || p.s.Suspect != (Suspicion{}) {
				t.Fatalf("a line about %v: %#v", k, p.acts)
			}
		}
	}
	if p.s.Conflicts != 0 || p.s.Signs != 60 {
		t.Errorf("%d conflicts, %d signs", p.s.Conflicts, p.s.Signs)
	}
}

func TestABrokenEventLoopBehindTheGateway(t *testing.T) {
	sign := SignSeen{Run: 1, Kind: EventLoop, Logger: true}
	p := onWire(t, Config{}).on(sign, sign, sign).want(Running)
	last := p.now
	p.waitAnd(loopSilence, func(a LookAtWire) WireLooked {
		return WireLooked{Run: a.Run, Open: true, Begun: last.Add(-time.Second)}
	})
	p.want(Stopping, EndChild{Grace: 8 * time.Second})
	if p.s.Cause != ByEventLoop {
		t.Errorf("cause %v", p.s.Cause)
	}
	lives := onWire(t, Config{}).on(sign)
	last = lives.now
	lives.waitAnd(10*time.Minute, func(a LookAtWire) WireLooked { return WireLooked{Run: a.Run, Open: true, Begun: last.Add(time.Second)} }).want(Running)
	if lives.s.Suspect != (Suspicion{}) {
		t.Error("its loop turns, and it is still suspected")
	}
}

func TestA401OnTheWireEndsTheRun(t *testing.T) { // P31
	p := onWire(t, Config{})
	p.cfg.Preflight = true
	p.on(WireSeen{Run: 1, Kind: WireRefused, Detail: "401 Unauthorized"}).want(Running, Check{})
	p.on(Checked{Verdict: TokenRefused, Detail: "refused"}).want(Stopping, HoldPolls{Run: 1})
	p.on(ChildExited{Run: 1}).wantDone(78)
	fine := onWire(t, Config{})
	fine.cfg.Preflight = true
	fine.on(WireSeen{Run: 1, Kind: WireRefused}, Checked{Verdict: CheckPassed}).want(Running, Tell{What: RefusedUnproven})
}

func TestAWebhookOnTheWireIsHealed(t *testing.T) { // P29
	p := onWire(t, Config{})
	p.cfg.Preflight = true
	p.on(WireSeen{Run: 1, Kind: WireWebhook}).want(Running, Check{})
	p.on(Checked{Verdict: WebhookDeleted}).want(Running, Tell{What: WebhookWasSet}, ResumePolls{})
	p.wait(time.Minute).on(WireSeen{Run: 1, Kind: WireWebhook}).want(Running, Check{})
	p.on(Checked{Verdict: WebhookStop, Detail: "a webhook"}).want(Stopping)
	p.on(ChildExited{Run: 1}).wantDone(78)
}

// idle answers every look: no poll for as long, with so many updates waiting.
func idle(gap, call time.Duration, pending ...int) func(p *play) func(LookAtWire) WireLooked {
	return func(p *play) func(LookAtWire) WireLooked {
		began := p.now
		return func(a LookAtWire) WireLooked {
			ev := WireLooked{Run: a.Run, Idle: p.now.Sub(began), Gap: gap, Begun: began, Asked: a.Pending}
			if call >= 0 {
				ev.Call = p.now.Add(-call)
			}
			if a.Pending {
				ev.Pending = pending[0]
				if len(pending) > 1 {
					pending = pending[1:]
				}
			}
			return ev
		}
	}
}

func TestAStalledChildIsFreedThenRestarted(t *testing.T) {
	p := onWire(t, Config{})
	look := idle(time.Second, -1, 3)(p)
	p.waitAnd(defaultStall+20*time.Second, look).want(Running)
	freed := false
	began := p.now
	for p.s.Phase == Running && p.now.Sub(began) < 5*time.Minute {
		p.waitAnd(time.Second, func(a LookAtWire) WireLooked {
			freed = freed || p.s.Stall.Looks == 2
			return look(a)
		})
	}
	p.want(Stopping)
	if !freed || p.s.Cause != ByStall || p.now.Sub(began) > 90*time.Second {
		t.Errorf("freed %v, cause %v, after %v", freed, p.s.Cause, p.now.Sub(began))
	}
}

func TestABusyChildIsNotStalled(t *testing.T) {
	for name, look := range map[string]func(*play) func(LookAtWire) WireLooked{
		"nothing waits":                  idle(time.Second, -1, 0),
		"the server does not say":        idle(time.Second, -1, -1),
		"fewer wait each time":           idle(time.Second, -1, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5, 4, 3, 2, 1, 0),
		"it often takes so long":         idle(4*time.Minute, -1, 5),
		"it makes calls, as a broadcast": idle(time.Second, time.Second, 5),
	} {
		p := onWire(t, Config{})
		if p.waitAnd(8*time.Minute, look(p)); p.s.Phase != Running {
			t.Errorf("%s: %v by %v", name, p.s.Phase, p.s.Cause)
		}
	}
	dead := onWire(t, Config{}) // its scheduler goes on, its polling does not
	if dead.waitAnd(15*time.Minute, idle(time.Second, time.Second, 5)(dead)); dead.s.Cause != ByStall {
		t.Errorf("a child whose polling is dead: %v", dead.s.Phase)
	}
}

func TestAStopInOrderBehindTheGateway(t *testing.T) {
	p := onWire(t, Config{})
	p.on(StopAsked{}).want(Stopping, HoldPolls{Run: 1}, Drain{Run: 1, Limit: 3 * time.Second})
	p.wantNo(ends, "end a child that may finish")
	p.now = p.now.Add(2 * time.Second)
	p.on(Drained{Run: 1}).want(Stopping, EndChild{Grace: 6 * time.Second})
	p.now = p.now.Add(time.Second)
	p.on(ChildExited{Run: 1}).want(Stopping, Confirm{Limit: 4 * time.Second})
	p.on(Confirmed{}).wantDone(0)

	restart := onWire(t, Config{}).on(RestartAsked{}).want(Stopping, Drain{Run: 1, Limit: 3 * time.Second})
	restart.on(Drained{Run: 1}, ChildExited{Run: 1}).want(Sweeping) // the gateway knows where to go on
	hasty := onWire(t, Config{}).on(StopAsked{}, KillAsked{}).want(Stopping, KillChild{})
	hasty.on(Drained{Run: 1}).wantNo(ends, "ask a killed child to end")
	hasty.on(ChildExited{Run: 1}, KillAsked{}).wantDone(0)
	crash := onWire(t, Config{}).on(StopAsked{}, ChildExited{Run: 1}).want(Stopping, Confirm{Limit: 4 * time.Second})
	crash.on(Drained{Run: 1}, Confirmed{}).wantDone(0)
	lost := onWire(t, Config{}).on(LockLost{Cause: "replaced"}).want(Stopping, HoldPolls{Run: 1}, EndChild{Grace: 8 * time.Second})
	lost.on(ChildExited{Run: 1}).wantDone(73)
}

func TestAChildThatPassesTheGatewayByIsToldOf(t *testing.T) {
	p := newPlay(t, Config{Gateway: true}).running()
	p.pass(WellAfter-time.Second, polls)
	p.now = p.s.WellAt
	p.on(TimePassed{}).want(Running, Tell{What: GatewayUnused})
	p.on(StopAsked{}).want(Stopping, EndChild{Grace: 9 * time.Second})
	p.on(ChildExited{Run: 1}).wantDone(0)
	without := newPlay(t, Config{}).running()
	without.now = without.s.WellAt
	without.on(TimePassed{}).wantNo(tells(GatewayUnused), "speak of what is not there")
}
