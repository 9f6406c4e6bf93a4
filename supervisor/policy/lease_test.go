package policy

import (
	"testing"
	"time"
)

// leased is a config with a lease between machines.
func leased(c Config) Config {
	c.Lease, c.Preflight = true, true
	return c
}

// require is behind a gateway that cannot be passed by.
var require = leased(Config{Gateway: true})

// cold runs a child whose lease is held.
func cold(t *testing.T, c Config) *play {
	t.Helper()
	p := newPlay(t, c).on(Began{}, LockTaken{}, Swept{})
	p.on(Checked{}).want(Standby, WantLease{})
	p.on(LeaseGranted{Epoch: 1}).want(Starting, StartChild{Run: 1})
	return p.on(ChildStarted{Run: 1, PID: 100})
}

func TestAColdStandbyStartsNothingWithoutTheLease(t *testing.T) {
	p := newPlay(t, require).on(Began{}, LockTaken{}, Swept{}, Checked{})
	p.on(LeaseTaken{By: "another"}, LeaseTrouble{Detail: "away"}).wait(time.Hour).want(Standby)
	p.on(LeaseGranted{}).want(Starting, StartChild{Run: 1})
	p.on(ChildStarted{Run: 1}).want(Running, ServePolls{Run: 1})
}

func TestAWarmStandbyClaimsWhenItsChildPolls(t *testing.T) {
	c := require
	c.StandbyWarm = true
	p := newPlay(t, c).on(Began{}, LockTaken{}, Swept{})
	p.on(Checked{}).want(Starting, StartChild{Run: 1, Parked: true})
	p.on(ChildStarted{Run: 1}).want(Running)
	p.on(WireSeen{Run: 1, Kind: WirePolled}).want(Running, WantLease{})
	p.on(LeaseGranted{}).want(Running, ServePolls{Run: 1})
}

func TestAWarmStandbyWhoseChildEndsClaimsNothing(t *testing.T) { // L19
	c := require
	c.StandbyWarm = true
	p := newPlay(t, c).on(Began{}, LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1})
	p.on(ChildExited{Run: 1, Exit: Exit{Code: 3}}).wantNo(func(a Action) bool { _, ok := a.(WantLease); return ok }, "claim")
	for range 4 {
		p.wait(time.Minute).on(TimePassed{}, Swept{}).on(ChildStarted{Run: p.s.Run}).on(ChildExited{Run: p.s.Run, Exit: Exit{Code: 3}})
	}
	p.wantDone(3)
	p = newPlay(t, c).on(Began{}, LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1}, WireSeen{Run: 1, Kind: WirePolled})
	p.on(ChildExited{Run: 1, Exit: Exit{Code: 3}}).want(Waiting, UnwantLease{})
}

func TestAClaimIsAnsweredWhenTheChildHasAskedForMore(t *testing.T) {
	p := cold(t, require).on(WireSeen{Run: 1, Kind: WirePolled})
	p.on(LeaseClaimed{By: "new"}).want(Running, HandOut{Run: 1, Limit: 3 * time.Second})
	p.on(LeaseParted{}).want(Stopping, HoldPolls{Run: 1}, Drain{Run: 1, Limit: 3 * time.Second})
	p.on(Drained{Run: 1}).want(Stopping, EndChild{Grace: 8 * time.Second})
	p.on(ChildExited{Run: 1}).want(Sweeping, Sweep{For: BeforeStart})
	p.on(Swept{}).want(Standby, WantLease{}) // the spare
	if p.s.Leased || p.s.HandOvers != 1 || p.s.Fails != 0 {
		t.Errorf("%+v", p.s)
	}
	p.on(StopAsked{}).wantDone(0)
}

func TestAClaimWithoutAGatewayWaitsForTheEndOfTheChild(t *testing.T) {
	c := leased(Config{Bypass: true})
	p := cold(t, c)
	p.on(LeaseClaimed{By: "new"}).want(Stopping, EndChild{Grace: 9 * time.Second})
	p.on(ChildExited{Run: 1}).want(Sweeping, PartLease{}, Sweep{For: BeforeStart})
	p.on(LeaseParted{}).on(Swept{}).want(Standby, WantLease{})
}

func TestAClaimWithoutAChildIsAnsweredAtOnce(t *testing.T) {
	p := cold(t, require).on(ChildExited{Run: 1, Exit: Exit{Code: 1}})
	p.want(Waiting)
	p.on(LeaseClaimed{By: "new"}).want(Waiting, PartLease{})
	p.wait(time.Minute).on(TimePassed{}).want(Sweeping)
	p.on(Swept{}).want(Standby, WantLease{})
}

func TestBeforeTheLeaseEnds(t *testing.T) {
	t.Run("a child behind the gateway is held, and served again", func(t *testing.T) {
		p := cold(t, require).on(WireSeen{Run: 1, Kind: WirePolled})
		p.on(LeaseEnding{}).want(Running, HoldPolls{Run: 1}, ConfirmHeld{Run: 1})
		p.on(LeaseGranted{}).want(Running, ServePolls{Run: 1})
		p.on(LeaseEnding{}, LeaseLost{Cause: "no answer"}).want(Running, HoldPolls{Run: 1})
		p.wait(time.Minute).on(LeaseGranted{}).want(Running, ServePolls{Run: 1})
	})
	t.Run("any other is ended, and started again", func(t *testing.T) {
		p := cold(t, leased(Config{Bypass: true}))
		p.on(LeaseEnding{}).want(Stopping, EndChild{Grace: 9 * time.Second})
		p.on(LeaseLost{}).want(Stopping, KillChild{})
		p.on(ChildExited{Run: 1}, Swept{}).want(Standby)
		p.on(LeaseGranted{}).want(Starting, StartChild{Run: 2})
	})
	t.Run("one that is just being started is not forgotten", func(t *testing.T) {
		p := newPlay(t, leased(Config{Bypass: true})).on(Began{}, LockTaken{}, Swept{}, Checked{}, LeaseGranted{}, LeaseLost{})
		p.on(ChildStarted{Run: 1}).want(Stopping, EndChild{Grace: 9 * time.Second})
	})
	t.Run("when another one has it, a cold standby keeps no child", func(t *testing.T) {
		p := cold(t, require).on(LeaseLost{})
		p.on(LeaseTaken{By: "it"}).want(Stopping, HoldPolls{Run: 1}, EndChild{Grace: 9 * time.Second})
	})
}

func TestNothingIsConfirmedWithoutTheLease(t *testing.T) {
	p := cold(t, require).on(WireSeen{Run: 1, Kind: WirePolled}, LeaseLost{})
	p.on(StopAsked{}, Drained{Run: 1}, ChildExited{Run: 1}).wantDone(0)
	p = cold(t, require).on(WireSeen{Run: 1, Kind: WirePolled})
	p.on(StopAsked{}, Drained{Run: 1}, ChildExited{Run: 1}).want(Stopping, Confirm{Limit: 4 * time.Second})
}

func TestAStoreThatNeverWillWorkEndsTheRun(t *testing.T) {
	p := newPlay(t, require).on(Began{}, LockTaken{}, Swept{}, Checked{})
	p.on(LeaseTrouble{Detail: "wrong password", Lasting: true, Fresh: true}).wantDone(78)
	cold(t, require).on(LeaseTrouble{Detail: "wrong password", Lasting: true}).want(Running)
	c := require
	c.StandbyWarm = true
	p = newPlay(t, c).on(Began{}, LockTaken{}, Swept{}, Checked{}, ChildStarted{Run: 1}, WireSeen{Run: 1, Kind: WirePolled})
	p.on(LeaseTrouble{Detail: "wrong password", Lasting: true, Fresh: true}).want(Stopping, EndChild{Grace: 8 * time.Second}).on(ChildExited{Run: 1}).wantDone(78)
}

func TestATakeOverOnOneMachine(t *testing.T) {
	warm := Config{Gateway: true, StandbyWarm: true, TakeOver: true}
	p := newPlay(t, warm).on(Began{})
	p.on(LockHeld{By: "it"}).want(Starting, StartChild{Run: 1, Parked: true})
	p.on(ChildStarted{Run: 1}).want(Running)
	p.on(WireSeen{Run: 1, Kind: WirePolled}).want(Running, AskHandOut{})
	p.on(LockTaken{}).want(Running, Sweep{For: BesideChild}, ServePolls{Run: 1})

	old := onWire(t, Config{})
	old.on(HandOutAsked{}).want(Running, HandOut{Run: 1, Limit: 3 * time.Second})
	old.on(LeaseParted{}).want(Stopping, YieldLocks{}, HoldPolls{Run: 1}, Drain{Run: 1, Limit: 3 * time.Second})
	old.on(Drained{Run: 1}, ChildExited{Run: 1}).wantDone(0)

	newPlay(t, Config{TakeOver: true}).on(Began{}).on(LockHeld{}).want(Standby, AskHandOut{}).on(LockTaken{}).want(Sweeping, Sweep{For: BeforeStart})
	bare := newPlay(t, Config{Bypass: true}).running()
	bare.on(HandOutAsked{}).want(Stopping, EndChild{Grace: 9 * time.Second}).on(ChildExited{Run: 1}).wantDone(0)
}
