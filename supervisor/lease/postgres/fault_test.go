//go:build unix

package postgres

import (
	"errors"
	"sync"
	"testing"
	"time"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

func TestARestartKeepsTheServer(t *testing.T) {
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	first := swap(t, s, 0, 1)
	for _, restart := range []func(){pg.Restart, func() { pg.Kill9(); pg.Start() }} {
		restart()
		if now, err := s.Load(limit(t, aWhile)); err == nil {
			t.Errorf("a call on a connection of before the restart: %+v", now)
		}
		if now := load(t, s); now != first {
			t.Errorf("after a restart %+v\nwant %+v", now, first)
		}
	}
}

func TestARestartOfAServerThatMayLoseWritesIsAnotherServer(t *testing.T) {
	pg := leasetest.Postgres(t, "fsync=off")
	s := open(t, pg.URL("sslmode=disable"), "a")
	first := swap(t, s, 0, 1)
	pg.Restart()
	s.Load(limit(t, aWhile))
	if now := load(t, s); now.Server == first.Server || now.Record != first.Record {
		t.Errorf("before %+v\nafter %+v", first, now)
	}
}

func TestARoleThatMayNotAskHasTheStartOfTheServer(t *testing.T) {
	pg := leasetest.Postgres(t)
	pg.SQL("revoke execute on function pg_control_system() from public")
	s := open(t, pg.URL("sslmode=disable"), "a")
	first := swap(t, s, 0, 1)
	if again := load(t, s); again != first {
		t.Errorf("%+v\nthen %+v", first, again)
	}
	pg.Restart()
	s.Load(limit(t, aWhile))
	if now := load(t, s); now.Server == first.Server {
		t.Errorf("after a restart it is still %q", now.Server)
	}
}

func TestATableThatWasMadeAnewIsAnotherServer(t *testing.T) {
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	first := swap(t, s, 0, 1)
	pg.SQL("drop table botctl_lease")
	now, swapped, err := s.Swap(limit(t, aWhile), 1, record(2))
	if err != nil || swapped || now.Version != 0 || now.Server == first.Server {
		t.Errorf("%t, %+v, %v", swapped, now, err)
	}
}

// L13, and the fail-over of L12.
func TestAPromotedStandbyIsAnotherServer(t *testing.T) {
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	first := swap(t, s, 0, 1)
	standby := pg.Standby(t)
	pg.Follows(standby)
	other := open(t, standby.URL("sslmode=disable"), "a")
	_, err := other.Load(limit(t, aWhile))
	wantProblem(t, err, lease.ReadOnly, "standby")
	_, _, err = other.Swap(limit(t, aWhile), 0, record(2))
	wantProblem(t, err, lease.ReadOnly, "standby")
	if list, err := s.Warnings(limit(t, aWhile)); err != nil || len(list) != 1 {
		t.Errorf("warnings %q, %v", list, err)
	}
	pg.Kill9()
	standby.Promote()
	now := load(t, other)
	if now.Server == first.Server || now.Record != first.Record || now.Version != first.Version {
		t.Errorf("before %+v\nafter %+v", first, now)
	}
	t.Logf("%s, then %s", first.Server, now.Server)
	standby.Restart()
	other.Load(limit(t, aWhile))
	if again := load(t, other); again != now {
		t.Errorf("and after a restart %+v\nwant %+v", again, now)
	}
}

func TestOfSeveralHostsTheOneThatTakesWritesIsUsed(t *testing.T) {
	pg := leasetest.Postgres(t)
	swap(t, open(t, pg.URL("sslmode=disable"), "a"), 0, 1)
	standby := pg.Standby(t)
	pg.Follows(standby)
	s := open(t, leasetest.PGURL(standby.Addr()+","+pg.Addr(), "sslmode=disable"), "a")
	swap(t, s, 1, 2)
	pg.Kill9()
	standby.Promote()
	s.Load(limit(t, aWhile))
	load(t, s)
}

// What a stopped server has taken from us, it carries out when it goes on. It must see then that it is too late.
func TestASwapIsNotDoneAfterItsDeadline(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t)
	for _, mode := range []string{"disable", "prefer"} {
		s := open(t, pg.URL("sslmode="+mode), mode)
		swap(t, s, 0, 1)
		pg.Pause()
		began := time.Now()
		_, _, err := s.Swap(limit(t, 500*time.Millisecond), 1, record(2))
		wantProblem(t, err, lease.Unreachable, "no answer in")
		_, _, err = s.Swap(limit(t, 500*time.Millisecond), 1, record(3))
		wantProblem(t, err, lease.Unreachable, "no answer in")
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("two calls of 0.5 s took %v", took)
		}
		pg.Resume()
		now := load(t, s)
		pg.SQL("select pg_sleep(0.2)")
		if later := load(t, s); now.Version != 1 || later != now {
			t.Errorf("%+v is there, then %+v", now, later)
		}
	}
}

// L15: what the server's clock says is of no account; that it was set between two calls costs one of them.
func TestAServerWhoseClockWasSet(t *testing.T) {
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	now := swap(t, s, 0, 1)
	for range 2 {
		s.conn.clock.server -= time.Hour.Microseconds() // as if it had been set forward since
		_, _, err := s.Swap(limit(t, aWhile), now.Version, record(9))
		wantProblem(t, err, lease.Unreachable, "its clock was set")
		now = swap(t, s, now.Version, now.Version+1)
		s.conn.clock.server += time.Hour.Microseconds()
		now = swap(t, s, now.Version, now.Version+1)
	}
}

func TestASwapThatWaitsForTheRowEndsWithTheCall(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	swap(t, s, 0, 1)
	var other sync.WaitGroup
	other.Go(func() { pg.SQL("begin; update botctl_lease set holder = 'me'; select pg_sleep(2); rollback") })
	leasetest.Eventually(t, "the other's lock", func() bool {
		return pg.SQL("select count(*) from pg_locks where relation = 'botctl_lease'::regclass and mode = 'RowExclusiveLock'") != "0"
	})
	_, _, err := s.Swap(limit(t, 500*time.Millisecond), 1, record(2))
	wantProblem(t, err, lease.Unreachable, "in time")
	other.Wait()
	if now := load(t, s); now.Version != 1 {
		t.Errorf("%+v is there", now)
	}
	swap(t, s, 1, 3)
}

func TestAServerThatIsGoneIsSaidAtOnce(t *testing.T) {
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	swap(t, s, 0, 1)
	pg.Kill9()
	// A process of the server may still have said that it goes.
	_, err := s.Load(limit(t, aWhile))
	if se, ok := errors.AsType[*lease.StoreError](err); !ok || se.Lasting() {
		t.Errorf("%v", err)
	}
	began := time.Now()
	_, err = s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.Unreachable, "connection refused")
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("after %v", took)
	}
	pg.Start()
	swap(t, s, 1, 2)
}
