package lease

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

var testConfig, _ = Config{Me: Member{Instance: "me", Deploy: "mine"}, TTL: 10 * time.Second}.Validate()

// answerTo gives a state the answer to the call that is under way.
func answerTo(s State, snap Snapshot, swapped bool, now time.Duration) (State, []Action) {
	return Decide(testConfig, s, Answer{ID: s.Op.ID, Swapped: swapped, Snap: snap}, now)
}

// at is a time of the tests' clock.
func at(seconds float64) time.Duration {
	return time.Hour + time.Duration(seconds*float64(time.Second))
}

// waitingFor is a supervisor that wants the lease and has seen snap at the hour.
func waitingFor(cfg Config, snap Snapshot) (State, []Action) {
	s, _ := Decide(cfg, State{}, Want{}, at(0))
	s, _ = Decide(cfg, s, Begun{}, at(0))
	return Decide(cfg, s, Answer{ID: s.Op.ID, Snap: snap}, at(0))
}

func heldBy(m Member) Record {
	return Record{Epoch: 3, Seq: 9, Holder: m, TTL: 10 * time.Second, Server: "a", Gens: 1, Deploys: [maxDeploys]Deploy{{ID: "other", Gen: 1, Seen: 9}}}
}

func swapIn(acts []Action) (Swap, bool) {
	for _, a := range acts {
		if s, ok := a.(Swap); ok {
			return s, true
		}
	}
	return Swap{}, false
}

func has[A Action](acts []Action) bool {
	for _, a := range acts {
		if _, ok := a.(A); ok {
			return true
		}
	}
	return false
}

func TestWhenALeaseIsTaken(t *testing.T) {
	other := Member{Instance: "it", Deploy: "other", Gen: 1}
	released := heldBy(Member{})
	forAnother := released
	forAnother.Claim = Claim{Member: Member{Instance: "third", Deploy: "third", Gen: 2}}
	mine := heldBy(Member{Instance: "me", Deploy: "mine", Gen: 2})
	tests := []struct {
		name  string
		snap  Snapshot
		after float64 // seconds until it may be acquired
	}{
		{"released: at once", Snapshot{Record: released, Version: 7, Server: "a"}, 0},
		{"released, but its server is another one: after 1.1 TTL", Snapshot{Record: released, Version: 7, Server: "b"}, 11},
		{"released for another's claim: after 1.1 TTL", Snapshot{Record: forAnother, Version: 7, Server: "a"}, 11},
		{"never written: after 1.1 TTL", Snapshot{Server: "a"}, 11},
		{"mine of an earlier epoch: at once", Snapshot{Record: mine, Version: 7, Server: "a"}, 0},
		{"mine, on another server: after 1.1 TTL", Snapshot{Record: mine, Version: 7, Server: "b"}, 11},
		{"held by another that is silent: after 1.1 TTL", Snapshot{Record: heldBy(other), Version: 7, Server: "a"}, 11},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s, acts := waitingFor(testConfig, tc.snap)
			for sec := 0.0; ; sec += 0.25 {
				if swap, ok := swapIn(acts); ok && swap.To.Epoch > tc.snap.Record.Epoch {
					if sec < tc.after || sec > tc.after+0.5 {
						t.Fatalf("acquired after %v s, want %v", sec, tc.after)
					}
					if swap.To.Epoch != tc.snap.Record.Epoch+1 || swap.To.Server != tc.snap.Server || swap.To.Seq != tc.snap.Record.Seq+1 {
						t.Errorf("the record: %+v", swap.To)
					}
					return
				} else if ok { // a sign or a claim
					tc.snap.Record, tc.snap.Version = swap.To, tc.snap.Version+1
				}
				if sec > 20 {
					t.Fatal("never acquired")
				}
				if s.Op.Kind != noOp {
					_, swapped := swapIn(acts)
					s, acts = answerTo(s, tc.snap, swapped, at(sec))
					continue
				}
				s, acts = Decide(testConfig, s, Tick{}, at(sec+0.25))
			}
		})
	}
}

// holding is a supervisor whose acquisition was sent at the hour.
func holding(t *testing.T, cfg Config) State {
	t.Helper()
	s, acts := waitingFor(cfg, Snapshot{Record: heldBy(Member{}), Version: 7, Server: "a"})
	swap, ok := swapIn(acts)
	if !ok {
		t.Fatal("a released lease was not acquired")
	}
	s, acts = Decide(cfg, s, Answer{ID: s.Op.ID, Swapped: true, Snap: Snapshot{Record: swap.To, Version: 8, Server: "a"}}, at(0.5))
	if !has[Granted](acts) || s.Mode != Holding || s.Until != at(10) {
		t.Fatalf("%v in %+v", acts, s)
	}
	return s
}

func TestAHolderIsFencedInTime(t *testing.T) {
	s := holding(t, testConfig)
	if got := s.Fence(testConfig); got != at(8) {
		t.Errorf("the fence is at %v, want 8 s after the request was sent", got-at(0))
	}
	s, acts := Decide(testConfig, s, Tick{}, at(2)) // the renewal is sent, and never answered
	if _, ok := swapIn(acts); !ok {
		t.Fatal("no renewal")
	}
	s, acts = Decide(testConfig, s, Tick{}, at(7.5))
	if !has[Ending](acts) {
		t.Errorf("%v, want Ending", acts)
	}
	late := s
	s, acts = Decide(testConfig, s, Tick{}, at(8))
	if !has[Fenced](acts) || s.Mode != Waiting {
		t.Errorf("%v, want Fenced", acts)
	}
	// The answer that comes in the instant of the fence does not undo it.
	rec := late.Op.To
	s, acts = Decide(testConfig, late, Answer{ID: late.Op.ID, Swapped: true, Snap: Snapshot{Record: rec, Version: 9, Server: "a"}}, at(8))
	if !has[Fenced](acts) || has[Granted](acts) {
		t.Errorf("%v, want Fenced alone", acts)
	}
	if swap, ok := swapIn(acts); !ok || swap.To.Epoch != rec.Epoch+1 {
		t.Errorf("its own record is to be acquired anew at once: %v", acts)
	}
	_ = s
}

func TestAHolderBelievesTheRecordOnly(t *testing.T) {
	for name, snap := range map[string]struct {
		server string
		holder string
		why    Why
	}{
		"another holds it":          {"a", "it", IsAnothers},
		"the server is another":     {"b", "me", OtherServer},
		"both, and that comes last": {"b", "it", IsAnothers},
	} {
		t.Run(name, func(t *testing.T) {
			s := holding(t, testConfig)
			s, _ = Decide(testConfig, s, Tick{}, at(1))
			rec := s.Snap.Record
			rec.Holder.Instance = snap.holder
			_, acts := answerTo(s, Snapshot{Record: rec, Version: 9, Server: snap.server}, false, at(1))
			if len(acts) == 0 || acts[0] != (Fenced{Why: snap.why}) {
				t.Errorf("%v, want Fenced: %v", acts, snap.why)
			}
		})
	}
}

func TestWhoMayClaim(t *testing.T) {
	holder := Member{Instance: "it", Deploy: "other", Gen: 1}
	elsewhere := holder
	elsewhere.Env = "production"
	known := heldBy(holder)
	known.Gens, known.Deploys[1] = 2, Deploy{ID: "mine", Gen: 2, Seen: 9}
	newer := known
	newer.Holder.Gen, newer.Gens, newer.Deploys[0].Gen = 3, 3, 3
	gone := newer
	gone.Seq, gone.Deploys[1].Seen = 100, 60
	replica := heldBy(Member{Instance: "it", Deploy: "mine", Gen: 1})
	replica.Deploys[0].ID = "mine"
	claimed := known
	claimed.Claim = Claim{Member: Member{Instance: "third", Gen: 3}}
	forced := testConfig
	forced.Force = true
	tests := []struct {
		name    string
		cfg     Config
		rec     Record
		claims  bool
		refused bool
	}{
		{"a deploy that the record does not know is newer", testConfig, heldBy(holder), true, false},
		{"a newer deploy claims", testConfig, known, true, false},
		{"an older one stands by", testConfig, newer, false, false},
		{"an older one that was gone is a rollback", testConfig, gone, true, false},
		{"a replica of the holder's deploy stands by", testConfig, replica, false, false},
		{"another environment is refused", testConfig, heldBy(elsewhere), false, true},
		{"unless forced", forced, heldBy(elsewhere), true, false},
		{"an even newer claim stays", testConfig, claimed, false, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, acts := waitingFor(tc.cfg, Snapshot{Record: tc.rec, Version: 7, Server: "a"})
			swap, _ := swapIn(acts)
			if got := swap.To.Claim.Instance == "me"; got != tc.claims {
				t.Errorf("claims: %v, want %v (%v)", got, tc.claims, acts)
			}
			if got := has[Refused](acts); got != tc.refused {
				t.Errorf("refused: %v, want %v", got, tc.refused)
			}
		})
	}
}

func TestAClaimIsToldOnceAndAnsweredByARelease(t *testing.T) {
	s := holding(t, testConfig)
	rec := s.Snap.Record
	rec.Claim = Claim{Member: Member{Instance: "new", Deploy: "new", Gen: rec.Gens + 1}}
	s, _ = Decide(testConfig, s, Hint{}, at(1))
	s, acts := answerTo(s, Snapshot{Record: rec, Version: 9, Server: "a"}, false, at(1))
	if !has[Claimed](acts) {
		t.Fatalf("%v, want Claimed", acts)
	}
	s, _ = Decide(testConfig, s, Hint{}, at(1.1))
	s, acts = answerTo(s, Snapshot{Record: rec, Version: 9, Server: "a"}, false, at(1.1))
	if has[Claimed](acts) {
		t.Error("told twice")
	}
	s, acts = Decide(testConfig, s, Part{Cursor: 42}, at(1.2))
	swap, ok := swapIn(acts)
	if !ok || swap.To.Held() || swap.To.Cursor != 42 || swap.To.Claim != rec.Claim {
		t.Fatalf("%+v, want a release with the cursor", acts)
	}
	if s.Fence(testConfig) != 0 {
		t.Error("it may still poll")
	}
	// The answer is lost; the record shows that it was applied.
	s, _ = Decide(testConfig, s, Answer{ID: s.Op.ID, Failed: true}, at(1.4))
	s, _ = Decide(testConfig, s, Tick{}, at(2.3))
	_, acts = answerTo(s, Snapshot{Record: swap.To, Version: 10, Server: "a"}, false, at(2.3))
	if !has[Parted](acts) {
		t.Errorf("%v, want Parted", acts)
	}
}

func TestTheDeathOfASessionShortensTheWait(t *testing.T) {
	fast := testConfig
	fast.Fast = true
	rec := heldBy(Member{Instance: "it", Deploy: "other", Gen: 5})
	rec.Guarded = true
	for name, cfg := range map[string]Config{"2 s": fast, "1.1 TTL without Fast": testConfig} {
		t.Run(name, func(t *testing.T) {
			s, _ := waitingFor(cfg, Snapshot{Record: rec, Version: 7, Server: "a"})
			s, _ = Decide(cfg, s, Answer{ID: s.Op.ID, Swapped: true, Snap: Snapshot{Record: s.Op.To, Version: 8, Server: "a"}}, at(0))
			s, _ = Decide(cfg, s, GuardFreed{Epoch: 3}, at(1))
			if s.Op.Kind == look {
				s, _ = Decide(cfg, s, Answer{ID: s.Op.ID, Snap: s.Snap}, at(2.9))
			}
			_, acts := Decide(cfg, s, Tick{}, at(3))
			swap, ok := swapIn(acts)
			if got := ok && swap.To.Holder.Instance == "me"; got != cfg.Fast {
				t.Errorf("acquired after 2 s: %v, want %v", got, cfg.Fast)
			}
		})
	}
}

func TestARecordSurvivesAStore(t *testing.T) {
	rec := Record{
		Schema: Schema, Epoch: 1<<63 + 1, Seq: 2, Holder: Member{Instance: "i", Deploy: "d", Gen: 3, Env: "e", Name: "n"}, TTL: 10 * time.Second, Guarded: true,
		Server: "s", Cursor: -1 << 62, Claim: Claim{Member: Member{Instance: "c", Deploy: "x", Gen: 4}, Force: true}, Gens: 9,
	}
	for i := range rec.Deploys {
		rec.Deploys[i] = Deploy{ID: string(rune('a' + i)), Gen: uint64(i + 1), Seen: 1 << 60}
	}
	b, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	var got Record
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, rec) {
		t.Errorf("%+v (%v), want %+v", got, err, rec)
	}
	for _, bad := range []string{`{"schema":2}`, `{}`, `[]`, `{"schema":1,"epoch":-1}`} {
		if json.Unmarshal([]byte(bad), &got) == nil {
			t.Errorf("%s was taken for a record", bad)
		}
	}
}

func TestSettingsThatDoNotFit(t *testing.T) {
	me := Member{Instance: "i", Deploy: "d"}
	for name, c := range map[string]Config{
		"no instance":                     {Me: Member{Deploy: "d"}},
		"too short":                       {Me: me, TTL: time.Millisecond},
		"a stop that is longer than that": {Me: me, TTL: 20 * time.Second, Lead: 11 * time.Second},
	} {
		if _, err := c.Validate(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := (Config{Me: me, TTL: 30 * time.Second, Lead: 11 * time.Second}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestAServerAfterAFailOverKnowsNoSessions(t *testing.T) {
	fast := testConfig
	fast.Fast = true
	rec := heldBy(Member{Instance: "it", Deploy: "other", Gen: 5})
	rec.Guarded = true
	s, _ := waitingFor(fast, Snapshot{Record: rec, Version: 7, Server: "b"})
	s, _ = Decide(fast, s, GuardFreed{Epoch: 3}, at(1))
	if s.GuardFree != 0 {
		t.Error("a lock that the new server never had was taken for free")
	}
}

func TestAHintDuringALookIsNotForgotten(t *testing.T) {
	rec := heldBy(Member{Instance: "it", Deploy: "other", Gen: 5})
	rec.Gens, rec.Deploys[1] = 5, Deploy{ID: "mine", Gen: 1, Seen: 9}
	snap := Snapshot{Record: rec, Version: 7, Server: "a"}
	s, _ := waitingFor(testConfig, snap)
	for s.Op.Kind != noOp { // its sign
		snap.Record, snap.Version = s.Op.To, snap.Version+1
		s, _ = answerTo(s, snap, true, at(0))
	}
	s, _ = Decide(testConfig, s, Hint{}, at(0.1))
	if s.Op.Kind != look {
		t.Fatal("a hint is followed by a look")
	}
	s, _ = Decide(testConfig, s, Hint{}, at(0.2))
	s, _ = answerTo(s, snap, false, at(0.3)) // from before the second hint
	if s.Op.Kind != look {
		t.Error("the second hint is forgotten until the next look by the clock")
	}
}
