package policy

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// everyEvent has each kind of event at least once, with each value that branches.
func everyEvent() []Event {
	evs := []Event{
		Began{}, LockTaken{}, LockHeld{By: "x"}, LockFailed{}, LockLost{},
		ChildStarted{Run: 1, PID: 1}, ChildStarted{Run: 9},
		StartFailed{Run: 1, Kind: Transient}, StartFailed{Run: 1, Kind: NotFound}, StartFailed{Run: 1, Kind: NotExecutable}, StartFailed{Run: 9},
		ChildExited{Run: 1}, ChildExited{Run: 9}, ChildExited{Run: 1, Exit: Exit{Code: 78}}, ChildExited{Run: 1, Exit: Exit{Code: 1, OOM: true}},
		SocketsProbed{Run: 1}, SocketsProbed{Run: 1, Readable: true}, SocketsProbed{Run: 1, Readable: true, Open: 1, Quiet: time.Hour},
		StopAsked{}, KillAsked{}, RestartAsked{}, TimePassed{},
		Notified{Run: 1, Ready: true}, Notified{Run: 1, Beat: true}, Notified{Run: 1, Trigger: true}, Notified{Run: 9, Trigger: true},
	}
	for p := BeforeStart; p <= AtConflict; p++ {
		evs = append(evs, Swept{For: p}, Swept{For: p, Ended: 1})
	}
	for v := CheckPassed; v <= WebhookStop; v++ {
		evs = append(evs, Checked{Verdict: v})
	}
	for k := range numKinds {
		evs = append(evs, SignSeen{Run: 1, Kind: k}, SignSeen{Run: 1, Kind: k, Logger: true})
	}
	return evs
}

// reached is one state per phase, each brought about by events alone.
func reached(t *testing.T) map[Phase]State {
	play := func(evs ...Event) State {
		p := newPlay(t, Config{WaitForLock: true, Preflight: true})
		return p.on(append([]Event{Began{}}, evs...)...).s
	}
	states := map[Phase]State{
		Locking:  play(),
		Standby:  play(LockHeld{}),
		Sweeping: play(LockTaken{}),
		Checking: play(LockTaken{}, Swept{}),
		Starting: play(LockTaken{}, Swept{}, Checked{}),
		Running:  play(LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1}),
		Stopping: play(LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1}, RestartAsked{}),
		Waiting:  play(LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1}, ChildExited{Run: 1}),
		Done:     play(StopAsked{}),
	}
	for p, s := range states {
		if s.Phase != p {
			t.Fatalf("state for %v is in %v", p, s.Phase)
		}
	}
	return states
}

// follows lists, for each phase, the phases that an event may lead to.
var follows = map[Phase][]Phase{
	Locking:  {Standby, Sweeping, Done},
	Standby:  {Sweeping, Done},
	Sweeping: {Checking, Starting, Waiting, Done},
	Checking: {Starting, Done},
	Starting: {Running, Stopping, Waiting, Done},
	Running:  {Stopping, Sweeping, Waiting, Done},
	Stopping: {Sweeping, Waiting, Done},
	Waiting:  {Sweeping, Done},
	Done:     {},
}

// TestEveryPair walks each phase with each event: the next phase is one that the table
// allows, Decide repeats itself, and a lone event never makes two of an action.
func TestEveryPair(t *testing.T) {
	cfg, _ := Config{WaitForLock: true, Preflight: true}.Validate()
	for phase, s := range reached(t) {
		for _, ev := range everyEvent() {
			next, acts := Decide(cfg, s, ev, t0.Add(time.Hour))
			again, _ := Decide(cfg, s, ev, t0.Add(time.Hour))
			if next != again {
				t.Errorf("%v × %T: two answers", phase, ev)
			}
			if next.Phase != phase && !contains(follows[phase], next.Phase) {
				t.Errorf("%v × %#v leads to %v", phase, ev, next.Phase)
			}
			if phase == Done && (next != s || len(acts) > 0) {
				t.Errorf("done × %#v does something", ev)
			}
			if next.Phase == Done && !next.Deadline().IsZero() {
				t.Errorf("%v × %#v: done with a deadline", phase, ev)
			}
		}
	}
}

// world carries out actions as the supervisor would and knows what must never happen.
type world struct {
	t      *testing.T
	rnd    *rand.Rand
	p      *play
	living uint32 // number of the living child, 0 without one
	ending bool
}

func (w *world) do(acts []Action) []Event {
	var evs []Event
	for _, a := range acts {
		switch a := a.(type) {
		case TakeLocks, WaitForLocks:
			evs = append(evs, LockTaken{})
		case Sweep:
			if a.For == BeforeStart && w.living != 0 {
				w.t.Fatalf("sweep for a start while child %d lives", w.living)
			}
			evs = append(evs, Swept{For: a.For, Ended: w.rnd.IntN(8) / 7})
		case Check:
			evs = append(evs, Checked{Verdict: []Verdict{CheckPassed, CheckTrouble, WebhookDeleted}[w.rnd.IntN(3)]})
		case StartChild:
			if w.living != 0 {
				w.t.Fatalf("child %d is to start while child %d lives", a.Run, w.living)
			}
			if w.rnd.IntN(10) == 0 {
				evs = append(evs, StartFailed{Run: a.Run})
				continue
			}
			w.living, w.ending = a.Run, false
			evs = append(evs, ChildStarted{Run: a.Run, PID: int(a.Run)})
		case EndChild, KillChild:
			if w.living == 0 {
				w.t.Fatalf("%T without a child", a)
			}
			if !w.ending {
				w.ending = true
				evs = append(evs, ChildExited{Run: w.living, Exit: Exit{Signal: 15, Code: -1}})
			}
		case ProbeSockets:
			evs = append(evs, SocketsProbed{Run: a.Run, Readable: w.rnd.IntN(3) > 0, Open: w.rnd.IntN(2), Quiet: time.Duration(w.rnd.IntN(90)) * time.Second})
		}
	}
	return evs
}

// TestRandomRuns lets the outside world do what it likes and checks what must hold in
// any order: one child at most, an answer to every stop, no endless chain without time.
func TestRandomRuns(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		cfg := Config{Seed: seed, StartTries: -1, Preflight: rnd.IntN(2) == 0, OnConflict: OnConflict(rnd.IntN(3)), FirstSign: rnd.IntN(4) == 0}
		w := &world{t: t, rnd: rnd, p: newPlay(t, cfg)}
		pending := []Event{Began{}}
		for step := range 600 {
			for chain := 0; len(pending) > 0; chain++ {
				if chain > 100 {
					t.Fatalf("seed %d step %d: endless chain in %v", seed, step, w.p.s.Phase)
				}
				ev := pending[0]
				if _, gone := ev.(ChildExited); gone {
					w.living = 0
				}
				w.p.on(ev)
				pending = append(pending[1:], w.do(w.p.acts)...)
			}
			if next := w.p.s.Deadline(); !next.IsZero() && rnd.IntN(2) == 0 {
				w.p.now = next
				pending = append(pending, TimePassed{})
				continue
			}
			w.p.now = w.p.now.Add(time.Duration(rnd.IntN(5000)) * time.Millisecond)
			pending = append(pending, w.outside())
		}
		for chain := 0; w.p.s.Phase != Done; chain++ {
			if chain > 50 {
				t.Fatalf("seed %d: a stop in %v is not answered", seed, w.p.s.Phase)
			}
			w.p.on(StopAsked{})
			for _, ev := range w.do(w.p.acts) {
				if _, gone := ev.(ChildExited); gone {
					w.living = 0
				}
				w.p.on(ev)
			}
		}
		if w.living != 0 || w.p.s.ExitCode != 0 {
			t.Fatalf("seed %d: ended %d with child %d alive", seed, w.p.s.ExitCode, w.living)
		}
	}
}

func (w *world) outside() Event {
	switch run := w.p.s.Run; w.rnd.IntN(6) {
	case 0:
		return SignSeen{Run: run, Kind: Kind(w.rnd.IntN(int(numKinds))), Logger: w.rnd.IntN(2) == 0}
	case 1:
		if w.living != 0 && !w.ending {
			return ChildExited{Run: w.living, Exit: Exit{Code: w.rnd.IntN(3)}}
		}
	case 2:
		if w.rnd.IntN(10) == 0 {
			return RestartAsked{}
		}
	}
	return TimePassed{}
}

func contains(list []Phase, p Phase) bool {
	return slices.Contains(list, p)
}

func BenchmarkDecide(b *testing.B) {
	cfg, _ := Config{}.Validate()
	s, _ := Decide(cfg, State{}, Began{}, t0)
	for _, ev := range []Event{LockTaken{}, Swept{}, ChildStarted{Run: 1}} {
		s, _ = Decide(cfg, s, ev, t0)
	}
	for b.Loop() {
		Decide(cfg, s, TimePassed{}, t0)
	}
}
