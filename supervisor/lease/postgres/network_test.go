//go:build unix

package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// L8, L10.
func TestABlackHoleIsLeftWithTheDeadline(t *testing.T) {
	t.Parallel() // it waits, most of the time
	for _, setting := range []string{"ssl=off", "ssl=on"} {
		pg := leasetest.Postgres(t, setting)
		relay := leasetest.NewRelay(t, pg.Addr())
		s := open(t, leasetest.PGURL(relay.Addr(), ""), "a")
		swap(t, s, 0, 1)
		relay.Hold()
		for range 3 {
			for _, call := range []func(context.Context) error{
				func(ctx context.Context) error { _, err := s.Load(ctx); return err },
				func(ctx context.Context) error { _, _, err := s.Swap(ctx, 1, record(2)); return err },
			} {
				began := time.Now()
				wantProblem(t, call(limit(t, 300*time.Millisecond)), lease.Unreachable, "no answer in")
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("a call of 300 ms took %v", took)
				}
			}
		}
		// What the relay took is delivered now, and too late.
		relay.Pass()
		if now := load(t, s); now.Version != 1 {
			t.Errorf("%+v is there", now)
		}
		pg.SQL("select pg_sleep(0.3)")
		if now := load(t, s); now.Version != 1 {
			t.Errorf("and then %+v", now)
		}
		swap(t, s, 1, 3)
	}
}

// A name of which the first address takes nobody, as IPv6 often does, is used by its second one; and so are several hosts.
func TestAnAddressThatIsABlackHoleIsGoneRound(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t)
	hole := leasetest.NewRelay(t, pg.Addr())
	hole.Hold()
	s := open(t, leasetest.PGURL("a.name:5432", "sslmode=disable"), "a")
	s.config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{hole.Addr(), pg.Addr()}, nil }
	_, err := s.Load(limit(t, 300*time.Millisecond))
	wantProblem(t, err, lease.Unreachable, "no answer")
	swap(t, s, 0, 1)

	s = open(t, leasetest.PGURL(hole.Addr()+","+pg.Addr(), "sslmode=disable"), "a")
	if _, _, err := s.Swap(limit(t, 4*time.Second), 1, record(2)); err != nil {
		t.Error(err)
	}
}

// L21.
func TestAnAnswerThatIsLostAfterTheSwapWasDone(t *testing.T) {
	pg := leasetest.Postgres(t)
	relay := leasetest.NewRelay(t, pg.Addr())
	s := open(t, leasetest.PGURL(relay.Addr(), "sslmode=disable"), "a")
	swap(t, s, 0, 1)
	for i, lose := range []func(){relay.HoldAnswers, func() {
		relay.HoldAnswers()
		go func() {
			leasetest.Eventually(t, "the write", func() bool { return pg.SQL("select version from botctl_lease") == "3" })
			relay.Cut()
		}()
	}} {
		from := uint64(i) + 1
		lose()
		_, swapped, err := s.Swap(limit(t, 2*time.Second), from, record(from+1))
		wantProblem(t, err, lease.Unreachable, "")
		if swapped {
			t.Error("it says that it was done")
		}
		relay.Cut()
		relay.Pass()
		// Read again, the record says who has written it; the same swap once more does nothing.
		if now := load(t, s); now.Version != from+1 || now.Record != record(from+1) {
			t.Errorf("%+v is there", now)
		}
		if now, swapped, err := s.Swap(limit(t, aWhile), from, record(from+1)); err != nil || swapped || now.Version != from+1 {
			t.Errorf("again: %t, %+v, %v", swapped, now, err)
		}
	}
}

func TestACutConnectionFailsOneCall(t *testing.T) {
	pg := leasetest.Postgres(t)
	relay := leasetest.NewRelay(t, pg.Addr())
	s := open(t, leasetest.PGURL(relay.Addr(), "sslmode=disable"), "a")
	now := swap(t, s, 0, 1)
	for range 5 {
		relay.Cut()
		_, err := s.Load(limit(t, aWhile))
		wantProblem(t, err, lease.Unreachable, "cut")
		now = swap(t, s, now.Version, now.Version+1)
	}
	relay.Refuse()
	for range 2 {
		_, err := s.Load(limit(t, aWhile))
		wantProblem(t, err, lease.Unreachable, "")
	}
	relay.Pass()
	load(t, s)
}

// A relay or a name that goes to another server all at once.
func TestAFailOverBehindOneAddress(t *testing.T) {
	pg := leasetest.Postgres(t)
	relay := leasetest.NewRelay(t, pg.Addr())
	s := open(t, leasetest.PGURL(relay.Addr(), "sslmode=disable"), "a")
	first := swap(t, s, 0, 1)
	standby := pg.Standby(t)
	pg.Follows(standby)
	relay.Target(standby.Addr())
	if now := load(t, s); now != first {
		t.Errorf("on the connection of before %+v", now)
	}
	relay.Cut()
	s.Load(limit(t, aWhile))
	_, err := s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.ReadOnly, "standby")
	standby.Promote()
	if now := load(t, s); now.Server == first.Server || now.Record != first.Record {
		t.Errorf("after it %+v\nbefore %+v", now, first)
	}
	// The old one still takes writes: its name is the old one, and its record goes another way.
	relay.Target(pg.Addr())
	relay.Cut()
	s.Load(limit(t, aWhile))
	if now := load(t, s); now != first {
		t.Errorf("back at the old one %+v", now)
	}
}

func TestAWatchOfADeadConnectionEndsWithinTenSeconds(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t)
	relay := leasetest.NewRelay(t, pg.Addr())
	s := open(t, leasetest.PGURL(relay.Addr(), "sslmode=disable"), "a")
	for _, tc := range []struct {
		name string
		die  func()
		in   time.Duration
	}{{"cut", relay.Cut, 2 * time.Second}, {"ended by the server", func() {
		pg.SQL("select pg_terminate_backend(pid) from pg_stat_activity where query like 'unlisten%' or query like 'listen%'")
	}, 2 * time.Second}, {"black hole", relay.Hold, 10 * time.Second}} {
		listens, ended := make(chan struct{}, 10), make(chan error, 1)
		go func() { ended <- s.Watch(t.Context(), func() { listens <- struct{}{} }) }()
		<-listens
		began := time.Now()
		tc.die()
		err := <-ended
		t.Logf("%s: %v after %v", tc.name, err, time.Since(began))
		if se, ok := errors.AsType[*lease.StoreError](err); !ok || se.Lasting() || time.Since(began) > tc.in {
			t.Errorf("%s: %v after %v", tc.name, err, time.Since(began))
		}
		relay.Cut()
		relay.Pass()
	}
}

func TestAHintComesWithinMilliseconds(t *testing.T) {
	pg := leasetest.Postgres(t)
	one, other := open(t, pg.URL("sslmode=disable"), "a"), open(t, pg.URL("sslmode=disable"), "a")
	ctx, cancel := context.WithCancel(t.Context())
	hints, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() { ended <- one.Watch(ctx, func() { hints <- struct{}{} }) }()
	<-hints
	var sum time.Duration
	const times = 50
	for i := range uint64(times) {
		swap(t, other, i, i+1)
		began := time.Now()
		<-hints
		sum += time.Since(began)
	}
	t.Logf("a hint comes %v after the swap's answer", sum/times)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
}

// The holder is cut off: its session ends when the server has not heard of it for the TTL, and it knows earlier.
func TestTheGuardOfAHolderThatIsCutOff(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t)
	relay := leasetest.NewRelay(t, pg.Addr())
	s, other := open(t, leasetest.PGURL(relay.Addr(), "sslmode=disable"), "a"), open(t, pg.URL("sslmode=disable"), "a")
	first := hold(t.Context(), t, s)
	waiting := await(t.Context(), other)
	waits(t, pg, "1")
	relay.Hold()
	began := time.Now()
	wantProblem(t, <-first, lease.Unreachable, "no answer")
	knows := time.Since(began)
	free := wantNil(t, waiting).Sub(began)
	t.Logf("the holder knows after %v, it is free after %v, with a TTL of %v", knows, free, guardTTL)
	if knows > guardTTL/2 || free < guardTTL*3/4 || free > guardTTL+3*time.Second {
		t.Error("that is not in time")
	}
}
