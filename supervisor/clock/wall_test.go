package clock

import (
	"testing"
	"time"
)

func TestTheTripwire(t *testing.T) {
	var w tripwire
	begin := time.Now()
	if got := w.now(begin); got != 0 {
		t.Fatalf("began at %v", got)
	}
	if got := w.now(begin.Add(3 * time.Second)); got != 3*time.Second {
		t.Errorf("three seconds later: %v", got)
	}
	w.last = begin.Round(0) // without a monotonic reading both differences are of the wall clock
	w.elapsed = 0
	if got := w.now(begin.Add(-time.Hour)); got != 0 {
		t.Errorf("a clock that is set back took time: %v", got)
	}
}

func TestTheClockGrows(t *testing.T) {
	a := Now()
	b := Now()
	if b < a {
		t.Errorf("%v after %v", b, a)
	}
}
