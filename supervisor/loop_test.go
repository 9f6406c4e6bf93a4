package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"botctl/supervisor/control"
	"botctl/supervisor/policy"
	"botctl/supervisor/token"
)

// script is a world without processes: a child lives for the times it is given, everything else
// succeeds at once.
type script struct {
	r     *run
	lives []time.Duration
	said  []string // when what was done, counted from the beginning
	began time.Time
	child context.CancelFunc
}

func (w *script) perform(ctx context.Context, _ policy.State, a policy.Action) {
	w.said = append(w.said, fmt.Sprintf("%v %T", time.Since(w.began), a))
	switch a := a.(type) {
	case policy.TakeLocks:
		w.reply(ctx, 0, policy.LockTaken{})
	case policy.Sweep:
		w.reply(ctx, 0, policy.Swept{For: a.For})
	case policy.Check:
		w.reply(ctx, 100*time.Millisecond, policy.Checked{})
	case policy.StartChild:
		life := time.Hour
		if len(w.lives) > 0 {
			life, w.lives = w.lives[0], w.lives[1:]
		}
		alive, end := context.WithTimeout(ctx, life)
		w.child = end
		w.r.wg.Go(func() {
			defer end()
			w.r.send(ctx, policy.ChildStarted{Run: a.Run, PID: 1})
			<-alive.Done()
			w.r.send(ctx, policy.ChildExited{Run: a.Run, Exit: policy.Exit{Code: 1}})
		})
	case policy.EndChild:
		w.child()
	}
}

func (w *script) reply(ctx context.Context, after time.Duration, ev policy.Event) {
	w.r.wg.Go(func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		<-timer.C
		w.r.send(ctx, ev)
	})
}

// play runs the loop in a bubble until stopAfter and returns the last state and what was done.
func play(t *testing.T, cfg policy.Config, stopAfter time.Duration, lives ...time.Duration) (final policy.State, said []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg, err := cfg.Validate()
		if err != nil {
			t.Fatal(err)
		}
		r := &run{
			opts: Options{Log: slog.New(slog.DiscardHandler), Masker: token.NewMasker()}, cfg: cfg,
			events: make(chan policy.Event, 8), dirty: make(chan struct{}, 1), repeats: repeats{}, tail: control.NewTail(),
		}
		w := &script{r: r, lives: lives, began: time.Now()}
		r.perform = w.perform
		stop := make(chan struct{})
		timer := time.AfterFunc(stopAfter, func() { close(stop) })
		defer timer.Stop()
		final = r.loop(t.Context(), stop)
		r.wg.Wait()
		said = w.said
	})
	return final, said
}

func TestTheLoopKeepsTime(t *testing.T) {
	final, said := play(t, policy.Config{Preflight: true}, 40*time.Second)
	want := []string{
		"0s policy.TakeLocks", "0s policy.Sweep", "0s policy.Check", "100ms policy.StartChild",
		"5.1s policy.Sweep", "35.1s policy.Sweep", "40s policy.EndChild",
	}
	if !slices.Equal(said, want) || final.ExitCode != 0 {
		t.Errorf("exit %d after\n%q, want\n%q", final.ExitCode, said, want)
	}
}

func TestASettledChildIsStartedAgainAtOnce(t *testing.T) {
	_, said := play(t, policy.Config{}, 100*time.Second, 61*time.Second)
	if !slices.Contains(said, "1m1s policy.StartChild") {
		t.Errorf("%q", said)
	}
}

func TestFailedStartsEndTheLoop(t *testing.T) {
	final, said := play(t, policy.Config{}, time.Hour, slices.Repeat([]time.Duration{time.Second}, 9)...)
	starts := 0
	for _, s := range said {
		if len(s) > 10 && s[len(s)-10:] == "StartChild" {
			starts++
		}
	}
	if starts != 5 || final.ExitCode != 1 || final.Phase != policy.Done {
		t.Errorf("%d starts, exit %d", starts, final.ExitCode)
	}
}

func TestAStopDuringThePauseIsImmediate(t *testing.T) { // P27
	final, said := play(t, policy.Config{StartTries: -1}, 1001*time.Millisecond, time.Second)
	if final.Phase != policy.Done || final.ExitCode != 0 || len(said) != 3 {
		t.Errorf("exit %d after %q", final.ExitCode, said)
	}
}
