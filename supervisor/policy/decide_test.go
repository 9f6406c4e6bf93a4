package policy

import (
	"slices"
	"testing"
	"time"
)

var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// play is a run of Decide under a clock that the test moves.
type play struct {
	t    *testing.T
	cfg  Config
	s    State
	now  time.Time
	acts []Action // of the latest event
	told map[Word]int
}

func newPlay(t *testing.T, cfg Config) *play {
	t.Helper()
	cfg, err := cfg.Validate()
	if err != nil {
		t.Fatal(err)
	}
	return &play{t: t, cfg: cfg, now: t0, told: map[Word]int{}}
}

func (p *play) on(evs ...Event) *play {
	for _, ev := range evs {
		p.s, p.acts = Decide(p.cfg, p.s, ev, p.now)
		for _, a := range p.acts {
			if a, ok := a.(Tell); ok {
				p.told[a.What]++
			}
		}
	}
	return p
}

// pass moves the clock by d and reports each deadline at its time, with ok as
// the answer to every look at the sockets and every sweep on the way.
func (p *play) pass(d time.Duration, sockets SocketsProbed) *play {
	p.t.Helper()
	end := p.now.Add(d)
	for range 10_000 {
		next := p.s.Deadline()
		if next.IsZero() || next.After(end) {
			p.now = end
			return p
		}
		if next.After(p.now) {
			p.now = next
		}
		p.on(TimePassed{})
		p.answer(sockets)
	}
	p.t.Fatalf("hot loop: 10,000 deadlines within %v in %v", d, p.s.Phase)
	return p
}

// answer carries out the looks at sockets and the sweeps that were asked for.
func (p *play) answer(sockets SocketsProbed) {
	for _, a := range slices.Clone(p.acts) {
		switch a := a.(type) {
		case ProbeSockets:
			sockets.Run = a.Run
			p.on(sockets)
		case Sweep:
			p.on(Swept{For: a.For})
		}
	}
}

// running brings the play to a child that has just started.
func (p *play) running() *play {
	p.on(Began{}, LockTaken{}, Swept{}, ChildStarted{Run: 1, PID: 100})
	p.want(Running)
	return p
}

func (p *play) want(phase Phase, acts ...Action) *play {
	p.t.Helper()
	if p.s.Phase != phase {
		p.t.Fatalf("phase %v, want %v (cause %v, exit code %d, %q)", p.s.Phase, phase, p.s.Cause, p.s.ExitCode, p.s.Why)
	}
	for _, a := range acts {
		if !slices.Contains(p.acts, a) {
			p.t.Fatalf("actions %#v, want %#v among them", p.acts, a)
		}
	}
	return p
}

func (p *play) wantDone(code int) {
	p.t.Helper()
	p.want(Done)
	if p.s.ExitCode != code {
		p.t.Fatalf("exit code %d, want %d (%s)", p.s.ExitCode, code, p.s.Why)
	}
}

func (p *play) wantNo(kind func(Action) bool, what string) {
	p.t.Helper()
	if slices.ContainsFunc(p.acts, kind) {
		p.t.Fatalf("actions %#v, want none that %s", p.acts, what)
	}
}

func ends(a Action) bool { _, ok := a.(EndChild); return ok }

var (
	polls    = SocketsProbed{Readable: true, Open: 1, Quiet: time.Second}
	closed   = SocketsProbed{Readable: true}
	unknown  = SocketsProbed{}
	conflict = SignSeen{Run: 1, Kind: Conflict, Logger: true}
)

func TestAHealthyStart(t *testing.T) {
	p := newPlay(t, Config{Preflight: true})
	p.on(Began{}).want(Locking, TakeLocks{})
	p.on(LockTaken{}).want(Sweeping, Sweep{For: BeforeStart})
	p.on(Swept{}).want(Checking, Check{})
	p.on(Checked{}).want(Starting, StartChild{Run: 1})
	p.on(ChildStarted{Run: 1, PID: 7}).want(Running)
	p.pass(WellAfter, polls)
	if !p.s.EverWell {
		t.Error("not well after 60 s")
	}
	p.on(StopAsked{}).want(Stopping, EndChild{Grace: 9 * time.Second})
	p.on(ChildExited{Run: 1}).wantDone(0)
}

func TestLocks(t *testing.T) {
	newPlay(t, Config{}).on(Began{}, LockHeld{By: "pid 4"}).wantDone(75)
	newPlay(t, Config{}).on(Began{}, LockFailed{Cause: "read-only"}).wantDone(73)
	p := newPlay(t, Config{WaitForLock: true}).on(Began{}, LockHeld{}).want(Standby, WaitForLocks{})
	p.on(LockTaken{}).want(Sweeping)
	newPlay(t, Config{WaitForLock: true}).on(Began{}, LockHeld{}, StopAsked{}).wantDone(0)
	lost := newPlay(t, Config{}).running().on(LockLost{Cause: "replaced"}).want(Stopping)
	lost.on(ChildExited{Run: 1}).wantDone(73)
}

func TestThePreflightDecidesAboutTheStart(t *testing.T) {
	for verdict, code := range map[Verdict]int{TokenRefused: 78, WebhookStop: 78} {
		newPlay(t, Config{Preflight: true}).on(Began{}, LockTaken{}, Swept{}, Checked{Verdict: verdict}).wantDone(code)
	}
	for _, verdict := range []Verdict{CheckPassed, CheckTrouble, WebhookDeleted, WebhookKept} {
		newPlay(t, Config{Preflight: true}).on(Began{}, LockTaken{}, Swept{}, Checked{Verdict: verdict}).want(Starting)
	}
	p := newPlay(t, Config{Preflight: true}).on(Began{}, LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1}, ChildExited{Run: 1})
	p.pass(time.Minute, polls).want(Starting) // skipped on a respawn
}

func TestACommandThatCannotStartEndsTheRun(t *testing.T) { // P24
	p := func() *play { return newPlay(t, Config{}).on(Began{}, LockTaken{}, Swept{}) }
	p().on(StartFailed{Run: 1, Kind: NotFound}).wantDone(127)
	p().on(StartFailed{Run: 1, Kind: NotExecutable}).wantDone(126)
	p().on(StartFailed{Run: 1, Kind: Transient}).want(Waiting) // P37
}

func TestBackOffGrowsAndIsForgottenOnceWell(t *testing.T) { // P26
	p := newPlay(t, Config{StartTries: -1}).running()
	limit := time.Second
	for n := 1; n <= 12; n++ {
		p.on(ChildExited{Run: p.s.Run, Exit: Exit{Code: 1}}).want(Waiting)
		wait := p.s.WakeAt.Sub(p.now)
		if wait < jitterFloor || wait > limit {
			t.Fatalf("pause %d is %v, want %v to %v", n, wait, jitterFloor, limit)
		}
		limit = min(2*limit, time.Minute)
		p.pass(wait, polls).want(Starting)
		p.on(ChildStarted{Run: p.s.Run})
	}
	p.pass(WellAfter, polls)
	p.on(ChildExited{Run: p.s.Run, Exit: Exit{Code: 1}}).want(Sweeping) // at once: it was well
	p.on(Swept{}, ChildStarted{Run: p.s.Run}, ChildExited{Run: p.s.Run})
	if wait := p.s.WakeAt.Sub(p.now); wait > time.Second {
		t.Errorf("first pause after a well child is %v, want at most 1s", wait)
	}
}

func TestPausesAreSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for seed := range uint64(50) {
		p := newPlay(t, Config{Seed: seed}).running().on(ChildExited{Run: 1})
		seen[p.s.WakeAt.Sub(p.now)] = true
	}
	if len(seen) < 45 {
		t.Errorf("50 seeds give %d pauses", len(seen))
	}
}

func TestFiveFailedStartsEndWithTheChildsCode(t *testing.T) {
	for code, want := range map[int]int{3: 3, 0: 1} {
		p := newPlay(t, Config{}).running()
		for p.s.Run < 5 {
			p.on(ChildExited{Run: p.s.Run, Exit: Exit{Code: code}}).want(Waiting)
			p.pass(time.Minute, polls).on(ChildStarted{Run: p.s.Run})
		}
		p.on(ChildExited{Run: 5, Exit: Exit{Code: code}}).wantDone(want)
	}
	signal := newPlay(t, Config{StartTries: 1}).running()
	signal.on(ChildExited{Run: 1, Exit: Exit{Code: -1, Signal: 11}}).wantDone(139)
}

func TestOnceWellItNeverGivesUp(t *testing.T) {
	p := newPlay(t, Config{}).running().pass(WellAfter, polls)
	for range 50 {
		p.on(ChildExited{Run: p.s.Run, Exit: Exit{Code: 1}})
		p.answer(polls)
		p.pass(time.Minute, polls).want(Starting).on(ChildStarted{Run: p.s.Run})
	}
}

func TestGiveUpLimit(t *testing.T) {
	p := newPlay(t, Config{GiveUp: 3, GiveUpWithin: time.Hour, StartTries: -1}).running()
	for range 2 {
		p.on(ChildExited{Run: p.s.Run}).pass(time.Minute, polls).on(ChildStarted{Run: p.s.Run})
	}
	p.on(ChildExited{Run: p.s.Run}).wantDone(70)

	slow := newPlay(t, Config{GiveUp: 3, GiveUpWithin: 2 * time.Minute}).running()
	for range 9 { // every 90 s: never trips (P26)
		slow.pass(90*time.Second, polls).on(ChildExited{Run: slow.s.Run})
		slow.answer(polls)
		slow.want(Starting).on(ChildStarted{Run: slow.s.Run})
	}
}

func TestExit78IsFinal(t *testing.T) {
	newPlay(t, Config{}).running().on(ChildExited{Run: 1, Exit: Exit{Code: 78}}).wantDone(78)
}

func TestWithTheTerminalAPersonEndsTheBot(t *testing.T) {
	for _, e := range []Exit{{}, {Code: 130}, {Code: -1, Signal: 2}} {
		newPlay(t, Config{Interactive: true}).running().on(ChildExited{Run: 1, Exit: e}).wantDone(0)
		newPlay(t, Config{}).running().on(ChildExited{Run: 1, Exit: e}).want(Waiting)
	}
	newPlay(t, Config{Interactive: true}).running().on(ChildExited{Run: 1, Exit: Exit{Code: 1}}).want(Waiting)
}

func TestStopDuringAnyPauseStartsNothing(t *testing.T) { // P27
	newPlay(t, Config{}).on(Began{}, StopAsked{}).wantDone(0)
	newPlay(t, Config{}).on(Began{}, LockTaken{}, StopAsked{}).wantDone(0)
	newPlay(t, Config{Preflight: true}).on(Began{}, LockTaken{}, Swept{}, StopAsked{}).wantDone(0)
	newPlay(t, Config{}).running().on(ChildExited{Run: 1}, StopAsked{}).wantDone(0)
	p := newPlay(t, Config{}).on(Began{}, LockTaken{}, Swept{}).want(Starting)
	p.on(StopAsked{}, ChildStarted{Run: 1}).want(Stopping, EndChild{Grace: 9 * time.Second})
	p.on(ChildExited{Run: 1}).wantDone(0)
}

func TestSecondInterruptKills(t *testing.T) { // P43
	p := newPlay(t, Config{}).running().on(StopAsked{}, KillAsked{}).want(Stopping, KillChild{})
	p.on(ChildExited{Run: 1, Exit: Exit{Signal: 9}}).wantDone(0)
}

func TestRestartOnRequest(t *testing.T) {
	p := newPlay(t, Config{}).running().on(RestartAsked{}).want(Stopping)
	p.on(ChildExited{Run: 1}).want(Sweeping).on(Swept{}).want(Starting, StartChild{Run: 2})
	if p.s.Restarts[ByRequest] != 1 {
		t.Errorf("restarts %v", p.s.Restarts)
	}
	waits := newPlay(t, Config{}).running().on(ChildExited{Run: 1}).want(Waiting)
	waits.on(RestartAsked{}).want(Sweeping)
}

func TestAStopOverridesARestart(t *testing.T) {
	newPlay(t, Config{}).running().on(RestartAsked{}, StopAsked{}, ChildExited{Run: 1}).wantDone(0)
}

func TestSweepsBesideTheChild(t *testing.T) {
	p := newPlay(t, Config{}).running().pass(4*time.Second, polls)
	var at []time.Duration
	for p.now.Before(t0.Add(time.Minute + 6*time.Second)) {
		before := p.s.SweepAt
		p.pass(time.Second, polls)
		if p.s.SweepAt != before {
			at = append(at, p.now.Sub(t0))
		}
	}
	want := []time.Duration{5 * time.Second, 35 * time.Second, 65 * time.Second}
	if !slices.Equal(at, want) {
		t.Errorf("swept at %v, want %v", at, want)
	}
}

// running is a play with a child that has just been started.
func running(t *testing.T, cfg Config) *play {
	t.Helper()
	p := newPlay(t, cfg).on(Began{}, LockTaken{}, Swept{}, ChildStarted{Run: 1, PID: 7})
	if p.s.Phase != Running {
		t.Fatal(p.s.Phase)
	}
	return p
}

func TestHeartbeats(t *testing.T) { // P39
	busy := SocketsProbed{Run: 1, Readable: true, Open: 1}
	p := running(t, Config{Heartbeat: time.Minute})
	if p.pass(time.Hour, busy); p.s.Phase != Running {
		t.Error("a child that never sent a heartbeat was held to it")
	}
	p.on(Notified{Run: 1, Beat: true}).pass(59*time.Second, busy)
	p.on(Notified{Run: 1, Beat: true}).pass(59*time.Second, busy)
	if p.s.Phase != Running {
		t.Error("restarted although it beats")
	}
	if p.pass(2*time.Second, busy); p.s.Phase != Stopping || p.s.Cause != ByHeartbeat || p.s.Then != Again {
		t.Errorf("%v for %v after a minute of silence", p.s.Phase, p.s.Cause)
	}

	p = running(t, Config{Heartbeat: time.Minute})
	if p.on(Notified{Run: 1, Beat: true, Every: 5 * time.Second}).pass(6*time.Second, busy); p.s.Phase != Stopping {
		t.Error("the child's own interval does not count")
	}
	p = running(t, Config{Heartbeat: time.Minute})
	if p.on(Notified{Run: 1, Trigger: true}); p.s.Phase != Stopping || p.s.Cause != ByHeartbeat {
		t.Error("a trigger does nothing")
	}
	p = running(t, Config{})
	if p.on(Notified{Run: 1, Beat: true}, Notified{Run: 1, Trigger: true}).pass(time.Hour, busy); p.s.Phase != Running {
		t.Error("heartbeats are off, and count")
	}
	p = running(t, Config{Heartbeat: time.Minute})
	if p.on(Notified{Run: 2, Trigger: true}); p.s.Phase != Running {
		t.Error("another child's word counts")
	}
}

// P8, P40: we were stopped, or the machine was suspended, when the heartbeat was due.
func TestP40AHeartbeatThatCouldNotBeHeard(t *testing.T) {
	p := running(t, Config{Heartbeat: time.Minute}).on(Notified{Run: 1, Beat: true})
	p.now = p.now.Add(8 * time.Hour)
	if p.on(TimePassed{}); p.s.Phase != Running {
		t.Fatal("restarted at once")
	}
	if got := p.s.BeatAt.Sub(p.now); got != time.Minute {
		t.Errorf("%v are left, want a fresh period", got)
	}
	if p.pass(61*time.Second, SocketsProbed{Run: 1, Readable: true, Open: 1}); p.s.Phase != Stopping {
		t.Error("the fresh period is without end")
	}
}

func TestReady(t *testing.T) {
	p := running(t, Config{})
	if p.s.Ready {
		t.Error("ready at once")
	}
	if p.on(Notified{Run: 1, Ready: true}); !p.s.Ready {
		t.Error("it said READY=1")
	}
	p = running(t, Config{})
	if p.pass(5*time.Second, SocketsProbed{}); !p.s.Ready {
		t.Error("a child that says nothing is ready when it has lived for five seconds")
	}
}

// P26: the limiter trips for crashes every 100 ms and every 2 s, never for one every 90 s.
func TestP26TheLimiter(t *testing.T) {
	for _, tc := range []struct {
		life time.Duration
		want Phase
	}{{100 * time.Millisecond, Done}, {2 * time.Second, Done}, {90 * time.Second, Running}} {
		p := running(t, Config{StartTries: -1, GiveUp: 10, GiveUpWithin: 10 * time.Minute})
		longest := time.Duration(0)
		for range 200 {
			p.now = p.now.Add(tc.life)
			p.on(ChildExited{Run: p.s.Run, Exit: Exit{Code: 1}})
			if p.s.Phase == Waiting {
				longest = max(longest, p.s.WakeAt.Sub(p.now))
				p.now = p.s.WakeAt
				p.on(TimePassed{})
			}
			if p.s.Phase == Done {
				break
			}
			p.on(Swept{}, ChildStarted{Run: p.s.Run})
		}
		if p.s.Phase != tc.want || tc.want == Done && p.s.ExitCode != exitGaveUp {
			t.Errorf("a crash every %v: %v with %d", tc.life, p.s.Phase, p.s.ExitCode)
		}
		if longest > backoffMax || tc.want == Running && longest > 0 {
			t.Errorf("a crash every %v: waited for up to %v", tc.life, longest)
		}
	}
}
