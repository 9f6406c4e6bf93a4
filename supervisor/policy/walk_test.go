package policy

import (
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
		Drained{Run: 1}, Drained{Run: 9}, Confirmed{}, HandedOver{Run: 2}, HandedOver{Run: 9}, ChildStarted{Run: 2}, StartFailed{Run: 2}, ChildExited{Run: 2},
		WireLooked{Run: 1, Open: true}, WireLooked{Run: 1, Idle: time.Hour}, WireLooked{Run: 1, Idle: time.Hour, Asked: true, Pending: 3},
		WireLooked{Run: 1, Idle: time.Hour, Asked: true}, WireLooked{Run: 1, Idle: time.Hour, Asked: true, Pending: -1}, WireLooked{Run: 9, Idle: time.Hour, Asked: true, Pending: 3},
		Notified{Run: 1, Ready: true}, Notified{Run: 1, Beat: true}, Notified{Run: 1, Trigger: true}, Notified{Run: 9, Trigger: true},
	}
	evs = append(evs, LeaseGranted{}, LeaseEnding{}, LeaseLost{}, LeaseTaken{}, LeaseClaimed{}, LeaseParted{}, LeaseRefused{}, LeaseCalm{}, HandOutAsked{},
		LeaseTrouble{}, LeaseTrouble{Lasting: true, Fresh: true})
	for p := BeforeStart; p <= AtConflict; p++ {
		evs = append(evs, Swept{For: p}, Swept{For: p, Ended: 1})
	}
	for v := CheckPassed; v <= WebhookStop; v++ {
		evs = append(evs, Checked{Verdict: v})
	}
	for w := range numWires {
		evs = append(evs, WireSeen{Run: 1, Kind: w}, WireSeen{Run: 2, Kind: w}, WireSeen{Run: 9, Kind: w}, WireSeen{Kind: w})
	}
	for k := range numKinds {
		evs = append(evs, SignSeen{Run: 1, Kind: k}, SignSeen{Run: 1, Kind: k, Logger: true})
	}
	return evs
}

// behind is the configuration under which every phase can be had: behind the gateway, with warm restarts.
var behind = Config{WaitForLock: true, Preflight: true, Gateway: true, Warm: true}

// standing is a state of a phase, by what goes on in it.
type standing struct {
	name  string
	phase Phase
	state State
}

// reached is each phase at least once, and what may go on in it, each brought about by events alone.
func reached(t *testing.T) []standing {
	var list []standing
	at := func(name string, phase Phase, evs ...Event) {
		s := newPlay(t, behind).on(append([]Event{Began{}}, evs...)...).s
		if s.Phase != phase {
			t.Fatalf("%s: in %v, want %v", name, s.Phase, phase)
		}
		list = append(list, standing{name, phase, s})
	}
	up := []Event{LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1}}
	wire := append(slices.Clip(up), WireSeen{Run: 1, Kind: WirePolled})
	booting := append(slices.Clip(wire), RestartAsked{}, ChildStarted{Run: 2})
	handing := append(slices.Clip(booting), WireSeen{Run: 2, Kind: WirePolled})
	warm := append(slices.Clip(handing), HandedOver{Run: 2})
	after := func(evs []Event, more ...Event) []Event { return append(slices.Clip(evs), more...) }
	at("locking", Locking)
	at("standby", Standby, LockHeld{})
	at("sweeping", Sweeping, LockTaken{})
	at("checking", Checking, LockTaken{}, Swept{})
	at("starting", Starting, LockTaken{}, Swept{}, Checked{})
	at("running", Running, up...)
	at("running on the wire", Running, wire...)
	at("absorbing a conflict", Running, after(wire, WireSeen{Run: 1, Kind: WireConflict})...)
	at("starting another beside", Running, after(wire, RestartAsked{})...)
	at("another boots beside", Running, booting...)
	at("handing over", Running, handing...)
	at("handing over to one that is gone", Running, after(handing, ChildExited{Run: 2})...)
	at("the old one drains", Running, warm...)
	at("starting the heir", Starting, after(wire, RestartAsked{}, ChildExited{Run: 1})...)
	at("stopping", Stopping, after(up, RestartAsked{})...)
	at("draining", Stopping, after(wire, StopAsked{})...)
	at("ending behind the gateway", Stopping, after(wire, StopAsked{}, Drained{Run: 1})...)
	at("confirming", Stopping, after(wire, StopAsked{}, Drained{Run: 1}, ChildExited{Run: 1})...)
	at("stopping two", Stopping, after(booting, StopAsked{})...)
	at("stopping while handing over", Stopping, after(handing, StopAsked{})...)
	at("stopping while the old one drains", Stopping, after(warm, StopAsked{})...)
	at("waiting", Waiting, after(up, ChildExited{Run: 1})...)
	at("waiting while the old one drains", Waiting, after(warm, ChildExited{Run: 2})...)
	at("done", Done, StopAsked{})
	return list
}

// reachedLeased is the same for what only a lease brings about.
func reachedLeased(t *testing.T, c Config) []standing {
	var list []standing
	at := func(name string, phase Phase, evs ...Event) {
		s := newPlay(t, c).on(append([]Event{Began{}, LockTaken{}, Swept{}, Checked{}}, evs...)...).s
		if s.Phase != phase {
			t.Fatalf("%s: in %v, want %v", name, s.Phase, phase)
		}
		list = append(list, standing{name, phase, s})
	}
	at("standing by for the lease", Standby)
	up := []Event{LeaseGranted{}, ChildStarted{Run: 1}, WireSeen{Run: 1, Kind: WirePolled}}
	after := func(more ...Event) []Event { return append(slices.Clip(up), more...) }
	at("leased", Running, up...)
	at("handing out", Running, after(LeaseClaimed{})...)
	at("parked", Running, after(LeaseLost{})...)
	at("ending", Running, after(LeaseEnding{})...)
	at("yielding", Running, after(HandOutAsked{})...)
	at("stopping after a hand-over", Stopping, after(LeaseClaimed{}, LeaseParted{})...)
	at("stopping while handing out", Stopping, after(LeaseClaimed{}, StopAsked{})...)
	return list
}

// follows lists, for each phase, the phases that an event may lead to.
var follows = map[Phase][]Phase{
	Locking:  {Standby, Sweeping, Done},
	Standby:  {Sweeping, Starting, Done},
	Sweeping: {Checking, Starting, Waiting, Standby, Done},
	Checking: {Starting, Standby, Done},
	Starting: {Running, Stopping, Waiting, Done},
	Running:  {Stopping, Sweeping, Starting, Waiting, Done}, // starting: an heir that is on its way
	Stopping: {Sweeping, Waiting, Done},
	Waiting:  {Sweeping, Done},
	Done:     {},
}

// TestEveryPair walks each phase with each event: the next phase is one that the table
// allows, Decide repeats itself, and a lone event never makes two of an action.
func TestEveryPair(t *testing.T) {
	cfg, _ := behind.Validate()
	seen := map[Phase]bool{}
	walkPairs(t, cfg, seen, reached(t))
	if len(seen) != int(numPhases) {
		t.Errorf("%d phases walked, there are %d", len(seen), numPhases)
	}
	lease, _ := require.Validate()
	walkPairs(t, lease, seen, reachedLeased(t, require))
}

func walkPairs(t *testing.T, cfg Config, seen map[Phase]bool, list []standing) {
	t.Helper()
	for _, from := range list {
		seen[from.phase] = true
		s := from.state
		for _, ev := range everyEvent() {
			next, acts := Decide(cfg, s, ev, t0.Add(time.Hour))
			again, _ := Decide(cfg, s, ev, t0.Add(time.Hour))
			if next != again {
				t.Errorf("%s × %T: two answers", from.name, ev)
			}
			if next.Phase != from.phase && !contains(follows[from.phase], next.Phase) {
				t.Errorf("%s × %#v leads to %v", from.name, ev, next.Phase)
			}
			if from.phase == Done && (next != s || len(acts) > 0) {
				t.Errorf("done × %#v does something", ev)
			}
			if next.Phase == Done && !next.Deadline().IsZero() {
				t.Errorf("%s × %#v: done with a deadline", from.name, ev)
			}
			for i, a := range acts {
				if slices.Contains(acts[:i], a) {
					t.Errorf("%s × %#v: %#v twice", from.name, ev, a)
				}
			}
		}
	}
}

func contains(list []Phase, p Phase) bool {
	return slices.Contains(list, p)
}
