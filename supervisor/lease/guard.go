package lease

import (
	"context"
	"time"
)

// guardTask is what is done with a store's guard: held by the holder, awaited by who waits for a holder that has it.
type guardTask struct {
	hold  bool
	epoch uint64 // 0: nothing is done
}

// mind begins and ends the work with the guard as the state wants it.
func (l *loop) mind() {
	if l.guard == nil {
		return
	}
	want := guardTask{}
	switch rec := l.s.Snap.Record; l.s.Mode {
	case Holding:
		want = guardTask{hold: true, epoch: l.s.Epoch}
	case Waiting:
		if rec.Guarded && l.s.GuardFree == 0 {
			want = guardTask{epoch: rec.Epoch}
		}
	case Away, Parting:
	}
	if want == l.guardFor {
		return
	}
	if l.guarding != nil {
		l.guarding()
		l.guarding = nil
	}
	l.guardFor = want
	if want.epoch == 0 {
		return
	}
	ctx, cancel := context.WithCancel(l.ctx)
	l.guarding = cancel
	l.wg.Go(func() { l.work(ctx, want) })
}

// work ends with ctx. What it reports of an epoch that is over is not heard.
func (l *loop) work(ctx context.Context, task guardTask) {
	post := func(ev Event) {
		select {
		case l.events <- ev:
		case <-ctx.Done():
		}
	}
	pause := time.NewTimer(time.Hour)
	defer pause.Stop()
	for ctx.Err() == nil {
		if l.tried(ctx, task, post) {
			return
		}
		pause.Reset(netEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
}

// tried says whether the task is done. A guard that was never had is none that is lost.
func (l *loop) tried(ctx context.Context, task guardTask, post func(Event)) bool {
	if !task.hold {
		if err := l.guard.Await(ctx); err != nil {
			return false
		}
		post(GuardFreed{Epoch: task.epoch})
		return true
	}
	had := false
	l.guard.Hold(ctx, func() { //nolint:errcheck // the reason is that of every failed call
		had = true
		post(GuardHeld{Epoch: task.epoch})
	})
	if had {
		post(GuardLost{Epoch: task.epoch})
	}
	return had
}
