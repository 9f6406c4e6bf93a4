package policy

import (
	"testing"
	"time"
)

// settled is a child that has been well for a while.
func settled(t *testing.T, cfg Config) *play {
	t.Helper()
	return newPlay(t, cfg).running().pass(2*time.Minute, polls)
}

// signs reports n signs, 2 s apart, with no local rival and the sockets as given.
func (p *play) signs(n int, kind Kind, logger bool, sockets SocketsProbed) *play {
	p.t.Helper()
	for range n {
		if p.s.Phase != Running {
			return p
		}
		p.on(SignSeen{Run: p.s.Run, Kind: kind, Logger: logger})
		p.answer(sockets)
		if p.s.Phase == Running {
			p.pass(2*time.Second, sockets)
		}
	}
	return p
}

// again brings a restart that is under way to the next running child.
func (p *play) again() *play {
	p.t.Helper()
	if p.s.Phase == Stopping {
		p.on(ChildExited{Run: p.s.Run, Exit: Exit{Signal: 15, Code: -1}})
	}
	for range 5 {
		switch p.s.Phase {
		case Sweeping:
			p.on(Swept{})
		case Waiting:
			p.pass(p.s.WakeAt.Sub(p.now), polls)
		case Checking:
			p.on(Checked{})
		case Starting:
			p.on(ChildStarted{Run: p.s.Run})
		}
	}
	return p.want(Running)
}

func TestConflictOfALocalRival(t *testing.T) { // P28
	p := settled(t, Config{})
	p.on(conflict).want(Running, Sweep{For: AtConflict}, ProbeSockets{Run: 1})
	p.on(Swept{For: AtConflict, Ended: 1}).want(Stopping, EndChild{Grace: 9 * time.Second})
	p.on(ChildExited{Run: 1}).want(Sweeping)
	p.on(Swept{}).want(Starting, StartChild{Run: 2})
	if p.s.Restarts[ByLocalRival] != 1 {
		t.Errorf("restarts %v", p.s.Restarts)
	}
}

func TestALocalRivalCountsEvenRightAfterAStart(t *testing.T) {
	p := newPlay(t, Config{}).running().on(conflict)
	p.on(Swept{For: AtConflict, Ended: 1}).want(Stopping)
}

func TestOneConflictIsNoReasonToRestart(t *testing.T) { // P28, healing
	p := settled(t, Config{}).signs(1, Conflict, true, polls).pass(10*time.Minute, polls)
	p.want(Running)
	if p.s.Conflicts != 1 || p.s.Suspect.Kind != NoSign {
		t.Errorf("conflicts %d, suspicion %+v", p.s.Conflicts, p.s.Suspect)
	}
}

func TestConflictsSoonAfterOurOwnStartAreNoise(t *testing.T) {
	p := newPlay(t, Config{}).running().signs(10, Conflict, true, polls)
	p.want(Running)
}

func TestRivalElsewhereGetsOneRestartThenWords(t *testing.T) { // P28, remote
	p := settled(t, Config{}).signs(3, Conflict, true, polls).want(Stopping)
	p.again()
	if p.s.Restarts[ByRemoteRival] != 1 {
		t.Fatalf("restarts %v", p.s.Restarts)
	}
	told := 0
	for range 9 * 60 / 10 { // nine minutes of conflicts, one each ten seconds
		p.on(SignSeen{Run: p.s.Run, Kind: Conflict, Logger: true})
		p.answer(polls)
		p.wantNo(ends, "restart")
		for range 10 {
			before := p.s.ConflictTold
			p.pass(time.Second, polls)
			told += p.s.ConflictTold - before
		}
		p.want(Running)
	}
	if p.s.ConflictTold != 3 { // at 0, 1 and 5 minutes
		t.Errorf("told %d times in nine minutes, want 3", p.s.ConflictTold)
	}
	p.pass(3*time.Minute, polls)
	if p.s.Elsewhere() {
		t.Error("a conflict without a sign for two minutes is not over")
	}
}

func TestWordsGoOnEveryHalfHour(t *testing.T) {
	p := settled(t, Config{OnConflict: TellIt}).signs(3, Conflict, true, polls).want(Running)
	began := p.s.ConflictSince
	var at []time.Duration
	for p.now.Sub(began) < 2*time.Hour {
		before := p.s.ConflictTold
		p.on(SignSeen{Run: 1, Kind: Conflict, Logger: true})
		p.answer(polls)
		p.pass(time.Minute, polls)
		if p.s.ConflictTold > before {
			at = append(at, p.now.Sub(began).Round(time.Minute))
		}
	}
	want := []time.Duration{1, 5, 30, 60, 90, 120}
	if len(at) < len(want)-1 || len(at) > len(want) {
		t.Fatalf("told at %v, want about %v minutes", at, want)
	}
}

func TestTextAloneRestartsOnceInTenMinutes(t *testing.T) { // P30, a pasted traceback
	for _, cfg := range []Config{{}, {OnConflict: Restart}} {
		for _, kind := range []Kind{Conflict, EventLoop} {
			p := settled(t, cfg)
			restarts := 0
			for begin := p.now; p.now.Sub(begin) < 50*time.Minute; {
				p.on(SignSeen{Run: p.s.Run, Kind: kind, Logger: true})
				p.answer(polls)
				if p.s.Phase == Stopping {
					restarts++
					p.again()
				}
				p.pass(time.Second, polls)
			}
			if restarts > 5 {
				t.Errorf("%v: %d restarts by text in 50 minutes, want at most 5", kind, restarts)
			}
		}
	}
}

func TestSignsThatNoLoggerPrintedNeverRestart(t *testing.T) { // P30
	settled(t, Config{}).signs(200, Conflict, false, polls).want(Running)
	settled(t, Config{}).signs(200, EventLoop, false, polls).want(Running)
	settled(t, Config{}).signs(200, Conflict, false, unknown).want(Running)
}

func TestADeafBotIsRestarted(t *testing.T) { // P28, deaf
	for _, kind := range []Kind{Conflict, EventLoop} {
		p := settled(t, Config{})
		begin := p.now
		p.on(SignSeen{Run: 1, Kind: kind})
		p.answer(closed)
		for p.s.Phase == Running && p.now.Sub(begin) < time.Minute {
			p.pass(time.Second, closed)
		}
		p.want(Stopping)
		if took := p.now.Sub(begin); took < deafAfter || took > 15*time.Second {
			t.Errorf("%v: deaf after %v, want 10s to 15s", kind, took)
		}
	}
}

func TestAConnectionWithoutTrafficIsDeafAfter70s(t *testing.T) {
	p := settled(t, Config{}).on(conflict)
	p.answer(SocketsProbed{Readable: true, Open: 1})
	begin := p.now
	for p.s.Phase == Running && p.now.Sub(begin) < 3*time.Minute {
		p.pass(time.Second, SocketsProbed{Readable: true, Open: 1, Quiet: p.now.Sub(begin)})
	}
	p.want(Stopping)
	if took := p.now.Sub(begin); took < quietLimit || took > quietLimit+3*time.Second {
		t.Errorf("deaf after %v, want 70s", took)
	}
}

func TestDeafnessIsNeverInferredFromUnreadableSockets(t *testing.T) {
	settled(t, Config{}).signs(1, Conflict, true, unknown).pass(10*time.Minute, unknown).want(Running)
}

func TestADeafBotIsRestartedInEveryMode(t *testing.T) {
	for _, mode := range []OnConflict{Auto, Restart, TellIt} {
		p := settled(t, Config{OnConflict: mode}).on(conflict)
		p.answer(closed)
		p.pass(time.Minute, closed).want(Stopping)
	}
}

func TestABotThatExitsAtEachConflictIsNoHotLoop(t *testing.T) {
	p := settled(t, Config{})
	starts, begin := 0, p.now
	for p.now.Sub(begin) < 10*time.Minute {
		p.on(SignSeen{Run: p.s.Run, Kind: Conflict, Logger: true}, ChildExited{Run: p.s.Run, Exit: Exit{Code: 1}})
		p.again()
		starts++
		p.pass(time.Second, polls)
	}
	if starts > 60 {
		t.Errorf("%d starts in ten minutes", starts)
	}
	if p.s.Phase == Done {
		t.Error("ended for a rival that is no fault of the bot")
	}
	if p.s.ConflictTold == 0 {
		t.Error("the owner was not told")
	}
}

func TestTheExitMayComeBeforeTheSweep(t *testing.T) {
	p := settled(t, Config{}).on(conflict, ChildExited{Run: 1, Exit: Exit{Code: 1}}).want(Sweeping)
	p.on(Swept{For: AtConflict, Ended: 1}).want(Sweeping).on(Swept{}).want(Starting)
	if p.s.Cause != ByLocalRival || p.s.ConflictStreak != 0 {
		t.Errorf("cause %v, streak %d", p.s.Cause, p.s.ConflictStreak)
	}
}

func TestEventLoop(t *testing.T) {
	p := settled(t, Config{}).on(SignSeen{Run: 1, Kind: EventLoop, Logger: true}, ChildExited{Run: 1, Exit: Exit{Code: 1}})
	if p.want(Sweeping); p.s.Cause != ByEventLoop {
		t.Errorf("cause %v", p.s.Cause)
	}
	late := settled(t, Config{}).on(SignSeen{Run: 1, Kind: EventLoop, Logger: true}).pass(5*time.Minute, polls)
	if late.on(ChildExited{Run: 1, Exit: Exit{Code: 1}}); late.s.Cause != ByExit {
		t.Errorf("cause %v for an exit five minutes after the sign", late.s.Cause)
	}
}

func TestAnEventLoopThatBreaksAtEachStartEndsTheRun(t *testing.T) {
	p := newPlay(t, Config{}).running()
	for p.s.Phase != Done && p.s.Run < 20 {
		p.on(SignSeen{Run: p.s.Run, Kind: EventLoop, Logger: true}, ChildExited{Run: p.s.Run, Exit: Exit{Code: 1}})
		if p.s.Phase != Done {
			p.again()
		}
	}
	p.wantDone(1)
}

func TestFirstSignMode(t *testing.T) {
	settled(t, Config{FirstSign: true}).on(SignSeen{Run: 1, Kind: EventLoop}).want(Stopping)
	settled(t, Config{FirstSign: true}).on(conflict, Swept{For: AtConflict}).want(Stopping)
}

func TestARefusedTokenIsAskedForBeforeItEndsTheRun(t *testing.T) { // P31
	refused := newPlay(t, Config{Preflight: true}).on(Began{}, LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1})
	refused.on(SignSeen{Run: 1, Kind: Unauthorized, Logger: true}).want(Running, Check{})
	refused.on(Checked{Verdict: TokenRefused}).want(Stopping).on(ChildExited{Run: 1}).wantDone(78)

	chat := newPlay(t, Config{Preflight: true}).on(Began{}, LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1})
	chat.on(SignSeen{Run: 1, Kind: Unauthorized}, Checked{Verdict: CheckPassed}).want(Running)
	chat.on(SignSeen{Run: 1, Kind: Unauthorized})
	chat.wantNo(func(a Action) bool { return a == Check{} }, "check again within ten seconds")
}

func TestAChildThatExitsOnA401IsCheckedBeforeTheNextStart(t *testing.T) {
	p := newPlay(t, Config{Preflight: true}).on(Began{}, LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1})
	p.on(SignSeen{Run: 1, Kind: Unauthorized}, ChildExited{Run: 1, Exit: Exit{Code: 1}}, Checked{Verdict: TokenRefused})
	p.want(Waiting).pass(time.Second, polls).want(Checking)
	p.on(Checked{Verdict: TokenRefused}).wantDone(78)
}

func TestWebhookWhileRunning(t *testing.T) { // P29
	run := func() *play {
		p := newPlay(t, Config{Preflight: true}).on(Began{}, LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1})
		return p.on(SignSeen{Run: 1, Kind: Webhook, Logger: true}).want(Running, Check{})
	}
	run().on(Checked{Verdict: WebhookDeleted}).want(Running, Tell{What: WebhookWasSet})
	run().on(Checked{Verdict: WebhookKept}).want(Running, Tell{What: WebhookIsSet})
	run().on(Checked{Verdict: WebhookStop}).want(Stopping).on(ChildExited{Run: 1}).wantDone(78)
}

func TestSignsOfAnEarlierChildOrAfterOurSignalDoNothing(t *testing.T) {
	p := settled(t, Config{})
	before := p.s
	p.on(SignSeen{Run: 9, Kind: Conflict, Logger: true})
	if p.s != before {
		t.Error("a sign of another child changed the state")
	}
	p.on(RestartAsked{})
	before = p.s
	p.on(conflict, SignSeen{Run: 1, Kind: EventLoop, Logger: true})
	if p.s != before {
		t.Error("a sign after our own signal changed the state")
	}
}
