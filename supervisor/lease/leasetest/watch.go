package leasetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"botctl/supervisor/lease"
)

// hints watches until the test ends. Hints are counted in a channel of their own, which never blocks the store.
func (c client) hints(ctx context.Context) (hints chan struct{}, ended chan error) {
	hints, ended = make(chan struct{}, 1000), make(chan error, 1)
	go func() {
		ended <- c.Watch(ctx, func() { hints <- struct{}{} })
	}()
	return hints, ended
}

func hinted(t *testing.T, s *suite) {
	ctx, cancel := context.WithCancel(t.Context())
	two := s.clients(t, 2)
	hints, ended := two[0].hints(ctx)
	defer func() { cancel(); <-ended }()
	wantHint(t, "once it listens", hints, ended)
	version := uint64(0)
	for range 5 {
		for i, whose := range []string{"after the swap of another client", "after an own swap"} {
			for drained := false; !drained; { // hints may come twice
				select {
				case <-hints:
				default:
					drained = true
				}
			}
			two[1-i].written(version, record(version+1))
			version++
			wantHint(t, whose, hints, ended)
		}
	}
}

func wantHint(t *testing.T, when string, hints chan struct{}, ended chan error) {
	t.Helper()
	limit := time.NewTimer(callTime)
	defer limit.Stop()
	select {
	case <-hints:
	case err := <-ended:
		ended <- err
		t.Fatalf("%s: Watch has ended: %v", when, err)
	case <-limit.C:
		t.Fatalf("%s: no hint", when)
	}
}

func wantEnd(t *testing.T, ended chan error) error {
	t.Helper()
	limit := time.NewTimer(callTime)
	defer limit.Stop()
	select {
	case err := <-ended:
		return err
	case <-limit.C:
		t.Fatal("Watch goes on")
		return nil
	}
}

func watchEnds(t *testing.T, s *suite) {
	c := s.clients(t, 1)[0]
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		hints, ended := c.hints(ctx)
		wantHint(t, "once it listens", hints, ended)
		cancel()
		if err := wantEnd(t, ended); err == nil || errors.Is(err, lease.ErrNoWatch) {
			t.Errorf("Watch has ended with %v", err)
		}
		c.load()
	}
}

func watchClosed(t *testing.T, s *suite) {
	c := s.clients(t, 1)[0]
	hints, ended := c.hints(t.Context())
	wantHint(t, "once it listens", hints, ended)
	c.Close()
	if err := wantEnd(t, ended); err == nil || errors.Is(err, lease.ErrNoWatch) {
		t.Errorf("Watch has ended with %v", err)
	}
}

func watchCannot(t *testing.T, s *suite) {
	c := s.clients(t, 1)[0]
	ctx, cancel := context.WithTimeout(t.Context(), callTime)
	defer cancel()
	if err := c.Watch(ctx, func() { t.Error("a hint") }); !errors.Is(err, lease.ErrNoWatch) {
		t.Errorf("Watch has ended with %v", err)
	}
}

// Eventually waits until is says so, and fails the test when it does not. It is for what tells nobody when it changes.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(readyIn)
	defer limit.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not seen: %s", what)
		}
	}
}
