package policy

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world carries out actions as the supervisor would, in any order in which they may come to an end, and knows what must never
// happen.
type world struct {
	t        *testing.T
	rnd      *rand.Rand
	seed     uint64
	p        *play
	alive    map[uint32]*toy
	serving  uint32 // whose polls go to the server
	seats    map[uint32]bool
	confirms int
	queues   map[string][]Event // by whoever reports them, in its order
}

// toy is a child.
type toy struct{ ending, polled bool }

func newWorld(t *testing.T, seed uint64, cfg Config) *world {
	w := &world{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 1)), alive: map[uint32]*toy{}, seats: map[uint32]bool{}, queues: map[string][]Event{}}
	w.p = newPlay(t, cfg)
	w.queue("loop", Began{})
	return w
}

func (w *world) queue(who string, ev Event) { w.queues[who] = append(w.queues[who], ev) }

func child(run uint32) string { return "child " + string(rune('a'+run%20)) }

func (w *world) fatal(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d in %v: "+format, append([]any{w.seed, w.p.s.Phase}, args...)...)
}

// do begins an action; its outcome is queued.
func (w *world) do(a Action) {
	switch a := a.(type) {
	case TakeLocks, WaitForLocks:
		w.queue("locks", LockTaken{})
	case Sweep:
		w.queue("sweeper", Swept{For: a.For, Ended: w.rnd.IntN(8) / 7})
	case Check:
		w.queue("check", Checked{Verdict: []Verdict{CheckPassed, CheckTrouble, WebhookDeleted}[w.rnd.IntN(3)]})
	case StartChild:
		w.start(a)
	case EndChild:
		w.end(w.p.s.Run, "the present child")
	case EndOther:
		if a.Run == w.p.s.Run {
			w.fatal("the present child is ended as another")
		}
		w.end(a.Run, "another child")
	case KillChild:
		for _, run := range slices.Sorted(maps.Keys(w.alive)) {
			w.end(run, "")
		}
	case ProbeSockets:
		w.queue("probe", SocketsProbed{Run: a.Run, Readable: w.rnd.IntN(3) > 0, Open: w.rnd.IntN(2), Quiet: time.Duration(w.rnd.IntN(90)) * time.Second})
	case HoldPolls:
		if w.serving == a.Run {
			w.serving = 0
		}
	case ServePolls:
		w.serve(a.Run)
	case Drain:
		w.queue("drain", Drained{Run: a.Run})
	case HandOver:
		if w.serving == a.From {
			w.serving = 0
		}
		w.queue("hand over", HandedOver{Run: a.To})
	case Confirm:
		if len(w.alive) > 0 {
			w.fatal("confirmed while a child lives")
		}
		w.confirms++
		w.queue("confirm", Confirmed{})
	case LookAtWire:
		w.queue("look", WireLooked{Run: a.Run, Open: w.rnd.IntN(2) == 0, Idle: time.Duration(w.rnd.IntN(400)) * time.Second, Asked: a.Pending, Pending: w.rnd.IntN(3) - 1, Begun: w.p.now})
	}
}

func (w *world) start(a StartChild) {
	living := 0
	for run := range w.alive {
		if run != w.p.s.Old {
			living++
		}
	}
	if living > 1 || living > 0 && !a.Parked {
		w.fatal("child %d is to start beside %v", a.Run, slices.Sorted(maps.Keys(w.alive)))
	}
	if w.seats[a.Run] {
		w.fatal("child %d has been started before", a.Run)
	}
	if w.rnd.IntN(10) == 0 {
		w.queue(child(a.Run), StartFailed{Run: a.Run})
		return
	}
	w.alive[a.Run], w.seats[a.Run] = &toy{}, true
	if !a.Parked {
		w.serve(a.Run)
	}
	w.queue(child(a.Run), ChildStarted{Run: a.Run, PID: int(a.Run)})
}

// serve is refused by a gateway that has no such seat.
func (w *world) serve(run uint32) {
	if w.alive[run] != nil {
		w.serving = run
	}
}

func (w *world) end(run uint32, what string) {
	c := w.alive[run]
	if c == nil || c.ending {
		return // it has just ended
	}
	if what == "" && w.rnd.IntN(2) == 0 {
		return
	}
	c.ending = true
	w.queue(child(run), ChildExited{Run: run, Exit: Exit{Signal: 15, Code: -1}})
}

// settle reports what has been queued, in any order among those who report, until nothing is left.
func (w *world) settle(upTo int) {
	for chain := 0; len(w.queues) > 0 && chain < upTo; chain++ {
		if chain > 200 {
			w.fatal("endless chain")
		}
		who := slices.Sorted(maps.Keys(w.queues))[w.rnd.IntN(len(w.queues))]
		ev := w.queues[who][0]
		if w.queues[who] = w.queues[who][1:]; len(w.queues[who]) == 0 {
			delete(w.queues, who)
		}
		switch ev := ev.(type) {
		case ChildExited:
			delete(w.alive, ev.Run)
			if w.serving == ev.Run {
				w.serving = 0
			}
		case HandedOver:
			w.serve(ev.Run)
		}
		w.report(ev)
	}
}

func (w *world) report(ev Event) {
	w.p.on(ev)
	for _, a := range w.p.acts {
		w.do(a)
	}
}

// check wants what must be true whenever nothing is under way.
func (w *world) check() {
	s := w.p.s
	if len(w.queues) > 0 {
		return
	}
	switch {
	case s.Phase == Running && w.serving != s.Run && w.p.cfg.Gateway && !s.HandingOver:
		w.fatal("child %d runs, and the polls of %d are served", s.Run, w.serving)
	case s.Phase == Stopping && w.serving != 0 && w.p.cfg.Gateway:
		w.fatal("the polls of %d are served", w.serving)
	case len(w.alive) > 2:
		w.fatal("children %v live", w.alive)
	}
	for run := range w.alive {
		if run != s.Run && run != s.Next && run != s.Old {
			w.fatal("child %d is forgotten; known are %d, %d, %d", run, s.Run, s.Next, s.Old)
		}
	}
	for _, run := range []uint32{s.Next, s.Old} {
		if run != 0 && w.alive[run] == nil {
			w.fatal("child %d is waited for, and is gone", run)
		}
	}
}

// TestRandomRuns lets the outside world do what it likes and checks what must hold in
// any order: one child at most, or two of which one is served; an answer to every stop, no endless chain without time.
func TestRandomRuns(t *testing.T) {
	warm, over := 0, 0
	for seed := range uint64(1000) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		cfg := Config{Seed: seed, StartTries: -1, Preflight: rnd.IntN(2) == 0, OnConflict: OnConflict(rnd.IntN(3)), FirstSign: rnd.IntN(4) == 0, Gateway: rnd.IntN(3) > 0}
		cfg.Warm = cfg.Gateway && rnd.IntN(3) > 0
		w := newWorld(t, seed, cfg)
		for range 600 {
			w.settle(rnd.IntN(3) * rnd.IntN(3) * rnd.IntN(100))
			w.check()
			if w.p.s.Next != 0 {
				warm++
			}
			if w.p.s.Old != 0 {
				over++
			}
			if next := w.p.s.Deadline(); !next.IsZero() && rnd.IntN(2) == 0 {
				w.p.now = later(w.p.now, next)
				w.report(TimePassed{})
				continue
			}
			w.p.now = w.p.now.Add(time.Duration(rnd.IntN(5000)) * time.Millisecond)
			w.report(w.outside())
		}
		for range 50 {
			if w.p.s.Phase == Done {
				break
			}
			w.report(StopAsked{})
			w.settle(1000)
		}
		if w.p.s.Phase != Done {
			w.fatal("a stop is not answered")
		}
		delete(w.alive, w.p.s.Old) // the end of the run ends it
		if len(w.alive) > 0 || w.p.s.ExitCode != 0 {
			w.fatal("ended %d with children %v alive", w.p.s.ExitCode, w.alive)
		}
	}
	if warm < 1000 || over < 25 {
		t.Errorf("%d moments with a child that boots beside another, %d with an old one: too few to prove anything", warm, over)
	}
}

func (w *world) outside() Event {
	runs := slices.Sorted(maps.Keys(w.alive))
	if len(runs) == 0 {
		return TimePassed{}
	}
	run := runs[w.rnd.IntN(len(runs))]
	if next := w.p.s.Next; w.alive[next] != nil && w.rnd.IntN(2) == 0 {
		run = next
	}
	c := w.alive[run]
	if len(w.queues[child(run)]) > 0 {
		return TimePassed{} // it is not known yet
	}
	switch w.rnd.IntN(8) {
	case 0:
		return SignSeen{Run: run, Kind: Kind(w.rnd.IntN(int(numKinds))), Logger: w.rnd.IntN(2) == 0}
	case 1:
		if !c.ending {
			c.ending = true
			w.queue(child(run), ChildExited{Run: run, Exit: Exit{Code: w.rnd.IntN(3)}})
		}
	case 2:
		if w.rnd.IntN(2) == 0 {
			return RestartAsked{}
		}
	case 3, 4:
		if !c.polled && w.p.cfg.Gateway {
			c.polled = true
			return WireSeen{Run: run, Kind: WirePolled}
		}
	case 5:
		if c.polled {
			return WireSeen{Run: run, Kind: Wire(w.rnd.IntN(int(numWires)))}
		}
	}
	return TimePassed{}
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
