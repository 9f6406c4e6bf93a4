package policy

import (
	"testing"
	"time"
)

func TestAWarmRestart(t *testing.T) {
	p := onWire(t, Config{Warm: true})
	p.on(RestartAsked{}).want(Running, StartChild{Run: 2, Parked: true})
	p.on(RestartAsked{}).want(Running, Tell{What: RestartUnderWay})
	p.on(ChildStarted{Run: 2, PID: 200}).want(Running)
	p.wait(20 * time.Second) // it boots; the other one works
	if p.s.Run != 1 || p.s.PID != 100 {
		t.Fatalf("the present child is %d", p.s.Run)
	}
	p.on(WireSeen{Run: 2, Kind: WirePolled}).want(Running, HandOver{From: 1, To: 2, Limit: 3 * time.Second})
	p.on(HandedOver{Run: 2}).want(Running, Drain{Run: 1, Limit: 3 * time.Second})
	if p.s.Run != 2 || p.s.PID != 200 || p.s.Restarts[ByRequest] != 1 || !p.s.Wire {
		t.Fatalf("%+v", p.s)
	}
	p.on(Drained{Run: 1}).want(Running, EndOther{Run: 1, Grace: 9 * time.Second})
	p.on(ChildExited{Run: 1}).want(Running)
	if p.s.Old != 0 || p.s.Run != 2 {
		t.Errorf("old %d, present %d", p.s.Old, p.s.Run)
	}
	p.wait(time.Minute).on(RestartAsked{}).want(Running, StartChild{Run: 3, Parked: true})
}

func TestANextChildThatFailsChangesNothing(t *testing.T) { // L19
	for name, evs := range map[string][]Event{
		"is not started":          {StartFailed{Run: 2}},
		"ends before it polls":    {ChildStarted{Run: 2}, ChildExited{Run: 2, Exit: Exit{Code: 1}}},
		"ends while handing over": {ChildStarted{Run: 2}, WireSeen{Run: 2, Kind: WirePolled}, ChildExited{Run: 2}, HandedOver{Run: 2}},
	} {
		p := onWire(t, Config{Warm: true}).on(RestartAsked{}).on(evs...)
		p.want(Running, Tell{What: WarmFailed})
		if p.s.Run != 1 || p.s.Next != 0 || p.s.Restarts != ([NumCauses]uint32{}) || !p.s.NextBy.IsZero() {
			t.Errorf("%s: %+v", name, p.s)
		}
		p.on(RestartAsked{}).want(Running, StartChild{Run: 3, Parked: true})
	}
	p := onWire(t, Config{Warm: true}).on(RestartAsked{}, ChildStarted{Run: 2})
	p.now = p.s.NextBy
	p.on(TimePassed{}).want(Running, EndOther{Run: 2, Grace: 9 * time.Second}, Tell{What: WarmFailed})
	p.on(ChildExited{Run: 2}).want(Running).wantNo(tells(WarmFailed), "say it twice")
}

func TestTheNextChildTakesOverFromOneThatEnds(t *testing.T) {
	p := onWire(t, Config{Warm: true}).on(RestartAsked{}, ChildStarted{Run: 2, PID: 200})
	p.on(ChildExited{Run: 1, Exit: Exit{Code: 1}}).want(Running, ServePolls{Run: 2})
	if p.s.Run != 2 || p.s.PID != 200 || p.s.Restarts[ByExit] != 1 || p.s.Next != 0 {
		t.Errorf("%+v", p.s)
	}
	early := onWire(t, Config{Warm: true}).on(RestartAsked{}, ChildExited{Run: 1}).want(Starting)
	early.on(ChildStarted{Run: 2, PID: 200}).want(Running, ServePolls{Run: 2})
}

func TestAStopEndsBothChildren(t *testing.T) {
	p := onWire(t, Config{Warm: true}).on(RestartAsked{}, ChildStarted{Run: 2})
	p.on(StopAsked{}).want(Stopping, HoldPolls{Run: 1}, Drain{Run: 1, Limit: 3 * time.Second}, EndOther{Run: 2, Grace: 8 * time.Second})
	p.on(Drained{Run: 1}, ChildExited{Run: 1}).want(Stopping)
	p.on(ChildExited{Run: 2}).want(Stopping, Confirm{Limit: 4 * time.Second})
	p.on(Confirmed{}).wantDone(0)
	old := onWire(t, Config{Warm: true}).on(RestartAsked{}, ChildStarted{Run: 2}, WireSeen{Run: 2, Kind: WirePolled}, HandedOver{Run: 2})
	old.on(StopAsked{}).want(Stopping, HoldPolls{Run: 2}, EndOther{Run: 1, Grace: 8 * time.Second})
	old.on(Drained{Run: 2}, ChildExited{Run: 2}).want(Stopping)
	old.on(ChildExited{Run: 1}).want(Stopping, Confirm{Limit: 4 * time.Second})
}

func TestWithoutTheGatewayInUseARestartIsCold(t *testing.T) {
	p := newPlay(t, Config{Gateway: true, Warm: true}).running()
	p.on(RestartAsked{}).want(Stopping, EndChild{Grace: 9 * time.Second})
	if _, err := (Config{Warm: true}).Validate(); err == nil {
		t.Error("a warm restart without a gateway is accepted")
	}
}
