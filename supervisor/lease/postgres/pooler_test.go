//go:build unix

package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// L14.
func TestBehindAPoolerOfTransactionsThereIsTheRowAlone(t *testing.T) {
	pg := leasetest.Postgres(t)
	bouncer := leasetest.PgBouncer(t, pg, "transaction")
	one, other := open(t, bouncer.URL("sslmode=disable"), "a"), open(t, bouncer.URL("sslmode=disable"), "a")
	swap(t, one, 0, 1)
	for i := range uint64(50) {
		now := swap(t, []*Store{one, other}[i%2], i+1, i+2)
		if there := load(t, []*Store{other, one}[i%2]); there != now {
			t.Errorf("%+v is there, want %+v", there, now)
		}
	}
	direct := open(t, pg.URL("sslmode=disable"), "a")
	if now := load(t, direct); now != load(t, one) {
		t.Errorf("not behind it is %+v", now)
	}
	for s, want := range map[*Store]bool{one: true, direct: false} {
		if pooled, err := s.Pooled(limit(t, aWhile)); err != nil || pooled != want {
			t.Errorf("pooled %t, %v, want %t", pooled, err, want)
		}
	}
	if err := one.Watch(limit(t, aWhile), func() { t.Error("a hint") }); !errors.Is(err, lease.ErrNoWatch) {
		t.Errorf("Watch: %v", err)
	}
	wantProblem(t, one.Hold(limit(t, aWhile), func() { t.Error("held") }), lease.Pooled, "direct URL")
	wantProblem(t, one.Await(limit(t, aWhile)), lease.Pooled, "direct URL")
	if list, err := one.Warnings(limit(t, aWhile)); err != nil || len(list) != 1 || !strings.Contains(list[0], "pooler") {
		t.Errorf("%q, %v", list, err)
	}
	if left := pg.SQL("select count(*) from pg_locks where locktype = 'advisory'"); left != "0" {
		t.Errorf("%s locks are left in its sessions", left)
	}
}

// With the sessions of others in the way, both connections of the probe have different ones by chance.
func TestABusyPoolerOfTransactionsIsSeenToo(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t)
	bouncer := leasetest.PgBouncer(t, pg, "transaction")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 6)
	for range cap(ended) {
		other := open(t, bouncer.URL("sslmode=disable"), "b")
		go func() {
			var err error
			for err == nil {
				_, err = other.Load(ctx)
			}
			ended <- err
		}()
	}
	s := open(t, bouncer.URL("sslmode=disable"), "a")
	var longest time.Duration
	for range 5 {
		began := time.Now()
		if pooled, err := s.Pooled(limit(t, aWhile)); err != nil || !pooled {
			t.Errorf("pooled %t, %v", pooled, err)
		}
		longest = max(longest, time.Since(began))
	}
	t.Logf("at most %v", longest)
	cancel()
	for range cap(ended) {
		<-ended
	}
}

func TestBehindAPoolerOfSessionsThereIsEverything(t *testing.T) {
	pg := leasetest.Postgres(t)
	bouncer := leasetest.PgBouncer(t, pg, "session")
	url := bouncer.URL("sslmode=disable")
	s := open(t, url, "a")
	swap(t, s, 0, 1)
	if list, err := s.Warnings(limit(t, aWhile)); err != nil || len(list) != 0 {
		t.Errorf("%q, %v", list, err)
	}
	cmd := holder(t, url)
	done := await(t.Context(), s)
	waits(t, pg, "1")
	killed := time.Now()
	cmd.Process.Kill()
	t.Logf("from SIGKILL to Await's nil: %v", wantNil(t, done).Sub(killed))
}

func TestWhatAPoolerDoesNotTake(t *testing.T) {
	pg := leasetest.Postgres(t)
	bouncer := leasetest.PgBouncer(t, pg, "transaction", "server_login_retry = 1")
	for _, query := range []string{"options=-c%20statement_timeout=5s", "search_path=public"} {
		_, err := open(t, bouncer.URL("sslmode=disable&"+query), "a").Load(limit(t, aWhile))
		wantProblem(t, err, lease.Misconfigured, "leave it out")
	}
	swap(t, open(t, bouncer.URL("sslmode=disable&pgbouncer=true&connection_limit=1&application_name=x"), "a"), 0, 1)
	pg.Kill9()
	s := open(t, bouncer.URL("sslmode=disable"), "a")
	for range 3 {
		_, err := s.Load(limit(t, 2*time.Second))
		if se, ok := errors.AsType[*lease.StoreError](err); !ok || se.Lasting() {
			t.Errorf("%v", err)
		}
		t.Log(err)
	}
	pg.Start()
	leasetest.Eventually(t, "a call that works again", func() bool {
		_, err := s.Load(limit(t, 5*time.Second))
		return err == nil
	})
}

// A pooler takes what a server that stalls does not, and delivers it later.
func TestASwapBehindAPoolerIsNotDoneAfterItsDeadline(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t)
	for _, mode := range []string{"transaction", "session"} {
		s := open(t, leasetest.PgBouncer(t, pg, mode).URL("sslmode=disable"), mode)
		swap(t, s, 0, 1)
		pg.Pause()
		for range 2 {
			began := time.Now()
			_, _, err := s.Swap(limit(t, 300*time.Millisecond), 1, record(2))
			if se, ok := errors.AsType[*lease.StoreError](err); !ok || se.Lasting() || time.Since(began) > 2*time.Second {
				t.Errorf("%s: %v after %v", mode, err, time.Since(began))
			}
		}
		pg.Resume()
		leasetest.Eventually(t, "a call that works again", func() bool {
			_, err := s.Load(limit(t, 5*time.Second))
			return err == nil
		})
		pg.SQL("select pg_sleep(0.3)")
		if now := load(t, s); now.Version != 1 {
			t.Errorf("%s: %+v is there", mode, now)
		}
	}
}

func TestAPoolerIsKnownByItsName(t *testing.T) {
	for url, want := range map[string]bool{
		"postgres://u:p@ep-cool-1-pooler.eu-central-1.aws.neon.tech/db": true, "postgres://u:p@ep-cool-1.eu-central-1.aws.neon.tech/db": false,
		"postgres://u:p@h,db-pooler:6432/db": true, "postgres://u:p@pooler.example.org:6543/db": false,
	} {
		if got := open(t, url, "a").poolerByName(); got != want {
			t.Errorf("%s: %t", url, got)
		}
	}
}
