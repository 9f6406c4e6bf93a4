//go:build unix

package postgres

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// await runs Await beside the test.
func await(ctx context.Context, s *Store) chan error {
	done := make(chan error, 1)
	go func() { done <- s.Await(ctx) }()
	return done
}

// hold runs Hold beside the test and returns when it holds.
func hold(ctx context.Context, t *testing.T, s *Store) chan error {
	t.Helper()
	held, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Hold(ctx, func() { close(held) }) }()
	select {
	case <-held:
	case err := <-done:
		t.Fatal(err)
	}
	return done
}

// waits wants n sessions that wait for the guard.
func waits(t *testing.T, pg *leasetest.PG, n string) {
	t.Helper()
	leasetest.Eventually(t, n+" who wait", func() bool {
		return pg.SQL("select count(*) from pg_locks where locktype = 'advisory' and not granted") == n
	})
}

func wantNil(t *testing.T, done chan error) time.Time {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(aWhile):
		t.Fatal("it waits still")
	}
	return time.Now()
}

// L4.
func TestTheGuardIsFreeWhenItsHolderIsKilled(t *testing.T) {
	pg := leasetest.Postgres(t)
	url := pg.URL("sslmode=disable")
	s := open(t, url, "a")
	wantNil(t, await(t.Context(), s)) // nobody holds it
	var took []time.Duration
	for range 20 {
		cmd := holder(t, url)
		one, two := await(t.Context(), s), await(t.Context(), open(t, url, "a"))
		waits(t, pg, "2")
		killed := time.Now()
		cmd.Process.Kill()
		took = append(took, wantNil(t, one).Sub(killed))
		wantNil(t, two)
		cmd.Wait()
	}
	slices.Sort(took)
	t.Logf("from SIGKILL to Await's nil: %v in the middle, %v at most", took[len(took)/2], took[len(took)-1])
	if took[len(took)/2] > 500*time.Millisecond {
		t.Error("that is too long")
	}
}

// L6.
func TestTheGuardIsFreeWhenItsHolderIsStopped(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t)
	url := pg.URL("sslmode=disable")
	s := open(t, url, "a")
	cmd := holder(t, url)
	done := await(t.Context(), s)
	waits(t, pg, "1")
	cmd.Process.Signal(syscall.SIGSTOP)
	stopped := time.Now()
	took := wantNil(t, done).Sub(stopped)
	t.Logf("from SIGSTOP to Await's nil: %v, with a TTL of %v", took, guardTTL)
	if took < guardTTL*4/5-100*time.Millisecond || took > guardTTL+3*time.Second {
		t.Error("that is not the TTL")
	}
}

func TestHoldEndsWithItsSession(t *testing.T) {
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	for _, tc := range []struct {
		name string
		end  func()
		says string
	}{
		{"nothing but the collector of what nobody refers to", func() {
			runtime.GC()
			runtime.GC()
			if got := pg.SQL("select count(*) from pg_locks where locktype = 'advisory' and granted"); got != "1" {
				t.Errorf("%s hold it", got)
			}
			pg.SQL("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
		}, ""},
		{"ended by an administrator", func() { pg.SQL("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'") }, ""},
		{"a restart", pg.Restart, ""},
		{"a crash", func() { pg.Kill9(); pg.Start() }, ""},
	} {
		done := hold(t.Context(), t, s)
		began := time.Now()
		tc.end()
		err := <-done
		t.Logf("%s: %v, %v after it began", tc.name, err, time.Since(began))
		if se, ok := errors.AsType[*lease.StoreError](err); !ok || se.Lasting() {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	done := hold(t.Context(), t, s)
	pg.Pause()
	began := time.Now()
	err := <-done
	wantProblem(t, err, lease.Unreachable, "no answer")
	if took := time.Since(began); took > guardTTL {
		t.Errorf("of a stopped server it hears after %v", took)
	}
	pg.Resume()
}

func TestHoldEndsWithItsContextAndFreesTheGuard(t *testing.T) {
	pg := leasetest.Postgres(t)
	one, other := open(t, pg.URL("sslmode=disable"), "a"), open(t, pg.URL("sslmode=disable"), "a")
	reason := errors.New("handed over")
	for range 5 {
		ctx, cancel := context.WithCancelCause(t.Context())
		first := hold(ctx, t, one)
		waiting := await(t.Context(), other)
		waits(t, pg, "1")
		second := make(chan error, 1)
		next, end := context.WithCancelCause(t.Context())
		held := make(chan time.Time, 1)
		go func() { second <- other.Hold(next, func() { held <- time.Now() }) }()
		waits(t, pg, "2")
		cancel(reason)
		began := time.Now()
		if err := <-first; !errors.Is(err, reason) {
			t.Errorf("the first ends with %v", err)
		}
		wantNil(t, waiting)
		t.Logf("the next one holds after %v", (<-held).Sub(began))
		end(reason)
		if err := <-second; !errors.Is(err, reason) {
			t.Errorf("the second ends with %v", err)
		}
	}
	// Who waits can be told to stop, and is not in the queue then.
	ctx, cancel := context.WithCancelCause(t.Context())
	first := hold(ctx, t, one)
	short, stop := context.WithCancelCause(t.Context())
	waiting := await(short, other)
	waits(t, pg, "1")
	stop(reason)
	if err := <-waiting; !errors.Is(err, reason) {
		t.Errorf("Await ends with %v", err)
	}
	waits(t, pg, "0")
	cancel(reason)
	<-first
}

// A round ends and the next begins; who waits for longer is not ended, neither by the owner's settings.
func TestAwaitOutlastsARound(t *testing.T) {
	t.Parallel() // it waits, most of the time
	pg := leasetest.Postgres(t, "statement_timeout=2s", "lock_timeout=1s", "idle_in_transaction_session_timeout=1s", "idle_session_timeout=1s")
	one, other := open(t, pg.URL("sslmode=disable"), "a"), open(t, pg.URL("sslmode=disable"), "a")
	other.round = 1500 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	first := hold(ctx, t, one)
	waiting := await(t.Context(), other)
	select {
	case err := <-waiting:
		t.Fatalf("it has ended: %v", err)
	case err := <-first:
		t.Fatalf("the holder has ended: %v", err)
	case <-time.After(5 * time.Second):
	}
	waits(t, pg, "1")
	cancel()
	<-first
	wantNil(t, waiting)
}

func TestOtherKeysHaveOtherGuards(t *testing.T) {
	pg := leasetest.Postgres(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := hold(ctx, t, open(t, pg.URL("sslmode=disable"), "a"))
	wantNil(t, await(t.Context(), open(t, pg.URL("sslmode=disable"), "b")))
	cancel()
	<-first
}

func TestCloseEndsTheGuard(t *testing.T) {
	pg := leasetest.Postgres(t)
	s, other := open(t, pg.URL("sslmode=disable"), "a"), open(t, pg.URL("sslmode=disable"), "a")
	first := hold(t.Context(), t, s)
	waiting := await(t.Context(), other)
	waits(t, pg, "1")
	other.Close()
	wantProblem(t, <-waiting, lease.Unreachable, "closed")
	s.Close()
	wantProblem(t, <-first, lease.Unreachable, "closed")
}
