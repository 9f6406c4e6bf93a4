package lease

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a store in memory, shared by keepers through their links.
type memory struct {
	mu   sync.Mutex
	snap Snapshot
	came chan struct{} // closed and replaced at each swap

	keepers int
}

func newMemory() *memory { return &memory{snap: Snapshot{Server: "a"}, came: make(chan struct{})} }

// link is one keeper's way to a memory, which can be cut.
type link struct {
	*memory

	mu  sync.Mutex
	cut bool
}

func (l *link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

// pass waits for ctx on a cut link, as a black hole does.
func (l *link) pass(ctx context.Context) error {
	l.mu.Lock()
	cut := l.cut
	l.mu.Unlock()
	if cut {
		<-ctx.Done()
		return &StoreError{Problem: Unreachable, Server: "memory", Err: context.Cause(ctx)}
	}
	return nil
}

func (l *link) Load(ctx context.Context) (Snapshot, error) {
	if err := l.pass(ctx); err != nil {
		return Snapshot{}, err
	}
	l.memory.mu.Lock()
	defer l.memory.mu.Unlock()
	return l.snap, nil
}

func (l *link) Swap(ctx context.Context, from uint64, to Record) (Snapshot, bool, error) {
	if err := l.pass(ctx); err != nil {
		return Snapshot{}, false, err
	}
	l.memory.mu.Lock()
	defer l.memory.mu.Unlock()
	if l.snap.Version != from {
		return l.snap, false, nil
	}
	l.snap.Record = to
	l.snap.Version++
	close(l.came)
	l.came = make(chan struct{})
	return l.snap, true, nil
}

func (l *link) Watch(ctx context.Context, hint func()) error {
	hint()
	for {
		l.memory.mu.Lock()
		came := l.came
		l.memory.mu.Unlock()
		select {
		case <-came:
			if l.pass(ctx) == nil {
				hint()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *link) Close() error { return nil }

// actor is a keeper with what it was told, and when.
type actor struct {
	*Keeper

	link  *link
	shift atomic.Int64 // of its clock
	mu    sync.Mutex
	told  []Report
}

func (a *actor) heard(want Report) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.told, want)
}

// act runs a keeper in the bubble. Its clock is the bubble's.
func act(t *testing.T, m *memory, deploy string) *actor {
	t.Helper()
	m.keepers++
	cfg, err := Config{Me: Member{Instance: fmt.Sprint(deploy, m.keepers), Deploy: deploy}}.Validate()
	if err != nil {
		t.Fatal(err)
	}
	a := &actor{link: &link{memory: m}}
	a.Keeper = NewKeeper(cfg, a.link, func(r Report) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.told = append(a.told, r)
	})
	began := time.Now()
	a.now = func() time.Duration { return time.Hour + time.Since(began) + time.Duration(a.shift.Load()) }
	go a.Run(t.Context())
	a.Want()
	return a
}

// sleep lets the bubble's time pass.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTheFirstEverWaitsOneLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := act(t, newMemory(), "one")
		sleep(10 * time.Second)
		if a.Valid() {
			t.Error("it polls although somebody may have had the lease on a store that forgot")
		}
		sleep(time.Second)
		if !a.Valid() || !a.heard(Granted{Epoch: 1}) {
			t.Errorf("not granted after 11 s: %+v", a.told)
		}
		sleep(time.Minute)
		if !a.Valid() {
			t.Error("it was not renewed")
		}
	})
}

func TestANewerDeployTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		old := act(t, m, "old")
		sleep(12 * time.Second)
		fresh := act(t, m, "new")
		synctest.Wait()
		if !slices.ContainsFunc(old.told, func(r Report) bool { c, ok := r.(Claimed); return ok && c.By.Deploy == "new" }) {
			t.Fatalf("the holder did not hear of the claim: %+v", old.told)
		}
		if !old.Valid() || fresh.Valid() {
			t.Error("the holder must finish first")
		}
		old.Part(77)
		if old.Valid() {
			t.Error("it may poll while it parts")
		}
		synctest.Wait()
		if !fresh.Valid() || !fresh.heard(Granted{Epoch: 2, Cursor: 77}) || !old.heard(Parted{}) {
			t.Errorf("no hand-over: %+v, %+v", old.told, fresh.told)
		}
		old.Want()
		sleep(time.Minute)
		if old.Valid() || !fresh.Valid() {
			t.Error("the older deploy took the lease back")
		}
		fresh.Leave(t.Context(), 80)
		synctest.Wait()
		if !old.Valid() {
			t.Errorf("the spare did not take over: %+v", old.View())
		}
	})
}

// L8, by the clock alone.
func TestACutHolderIsSilentBeforeAnotherOneBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a := act(t, m, "same")
		sleep(12 * time.Second)
		b := act(t, m, "same")
		synctest.Wait()
		a.link.set(true)
		cut := time.Now()
		var silent, begins time.Duration
		for begins == 0 && time.Since(cut) < time.Minute {
			if a.Valid() && b.Valid() {
				t.Fatal("two at once")
			}
			if silent == 0 && !a.Valid() {
				silent = time.Since(cut)
			}
			if b.Valid() {
				begins = time.Since(cut)
			}
			sleep(10 * time.Millisecond)
		}
		if silent < 5*time.Second || silent > 8*time.Second || begins < silent+3*time.Second || begins > 12*time.Second {
			t.Errorf("silent after %v, the other begins after %v", silent, begins)
		}
		a.link.set(false)
		sleep(time.Minute)
		if a.Valid() || !b.Valid() {
			t.Error("a replica took the lease back")
		}
		if !slices.ContainsFunc(a.told, func(r Report) bool { _, ok := r.(Trouble); return ok }) || !slices.ContainsFunc(a.told, func(r Report) bool { _, ok := r.(Calm); return ok }) {
			t.Errorf("the trouble was not told: %+v", a.told)
		}
	})
}

// L10.
func TestAStoreThatComesBackIsTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := act(t, newMemory(), "one")
		sleep(12 * time.Second)
		a.link.set(true)
		sleep(30 * time.Second)
		if a.Valid() || !a.heard(Ending{}) || !a.heard(Fenced{Why: NoAnswer}) {
			t.Errorf("not fenced: %+v", a.told)
		}
		a.link.set(false)
		sleep(4 * time.Second) // the call that hangs is given up first
		if !a.Valid() || !a.heard(Granted{Epoch: 2}) {
			t.Errorf("it does not go on by itself: %+v", a.told)
		}
	})
}

// L16: the clock goes on while the machine sleeps, and no timer does.
func TestASuspendedHolderForwardsNothingWhenItWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := act(t, newMemory(), "one")
		sleep(12 * time.Second)
		awake := a.Valid()
		a.shift.Store(int64(time.Hour))
		if !awake || a.Valid() {
			t.Error("it would forward with a lease from before the sleep")
		}
	})
}

func TestAnErrorOfAnotherKindIsUnreachable(t *testing.T) {
	if p := numProblems; p.String() != "unknown" {
		t.Error(p)
	}
	err := &StoreError{Problem: Denied, Server: "redis x", Err: errors.New("no")}
	if !err.Lasting() || err.Error() != "lease at redis x: no" {
		t.Error(err)
	}
}
