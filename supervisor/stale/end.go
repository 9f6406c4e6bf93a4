package stale

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"botctl/supervisor/mutant"
)

// Outcome is what became of a process.
type Outcome string

// The outcomes.
const (
	NotTouched      Outcome = "not_touched"
	WouldEnd        Outcome = "would_end" // a dry run
	EndedByTerm     Outcome = "ended"
	EndedByKill     Outcome = "killed"
	AlreadyGone     Outcome = "gone"
	IdentityChanged Outcome = "identity_changed" // the pid belongs to somebody else by now
	NotPermitted    Outcome = "not_permitted"
	Survived        Outcome = "survived"
)

const (
	defaultGrace = 5 * time.Second
	killWait     = 3 * time.Second
)

// end ends all of list at once: SIGTERM, and SIGKILL to those who are left after grace.
func end(ctx context.Context, list []*Finding, grace time.Duration) {
	if grace <= 0 {
		grace = defaultGrace
	}
	var wg sync.WaitGroup
	for _, f := range list {
		wg.Go(func() { f.Outcome = endOne(ctx, f, grace) })
	}
	wg.Wait()
}

// endOne opens the handle first, then reads the identity again, then signals the handle: a
// pid that was given to somebody else since the scan is never signalled (P15).
func endOne(ctx context.Context, f *Finding, grace time.Duration) Outcome {
	p, err := os.FindProcess(f.PID)
	if err != nil {
		return AlreadyGone
	}
	defer p.Release()
	ticks, alive := startTicks(f.PID)
	if !alive {
		return AlreadyGone
	}
	if (ticks != f.ticks || executable(f.PID) != f.exe) && !mutant.Is(mutant.NoIdentityCheck) {
		return IdentityChanged
	}
	switch err := p.Signal(syscall.SIGTERM); {
	case errors.Is(err, os.ErrProcessDone):
		return AlreadyGone
	case errors.Is(err, os.ErrPermission):
		return NotPermitted
	case err != nil:
		return Survived
	}
	resume(p) // a stopped process sees SIGTERM when it goes on
	if waitGone(ctx, p, f, grace) {
		return EndedByTerm
	}
	if mutant.Is(mutant.NoStaleKill) {
		return Survived
	}
	p.Kill()
	if waitGone(ctx, p, f, killWait) {
		return EndedByKill
	}
	return Survived
}
