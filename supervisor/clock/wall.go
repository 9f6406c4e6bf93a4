package clock

import (
	"sync"
	"time"
)

// guarded is for systems whose monotonic clock may stand still.
var guarded tripwire

// tripwire makes a clock of the monotonic one, which stands still while a machine is suspended, and the wall clock, which may
// be set. Where the wall clock has gone further by more than slack, the machine was suspended or the time was set
// forward; nobody can tell, and to have waited too long is the safe mistake.
type tripwire struct {
	mu      sync.Mutex
	last    time.Time
	elapsed time.Duration
}

const slack = time.Second

func (t *tripwire) now(at time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.last.IsZero() {
		mono, wall := at.Sub(t.last), at.Round(0).Sub(t.last.Round(0))
		if wall-mono > slack {
			mono = wall
		}
		t.elapsed += max(mono, 0)
	}
	t.last = at
	return t.elapsed
}
