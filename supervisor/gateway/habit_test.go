package gateway

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestABotThatHandlesBeforeItAsksIsDoneWhenItAsks(t *testing.T) {
	for _, tc := range []struct {
		name       string
		deliveries int
		beside     bool
		want       time.Duration
	}{
		{"seen often", 3, false, 0},
		{"not seen often", 2, false, quietFor},
		{"handles beside", 5, true, quietFor},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := build(t, Options{}, batch(100, 101, 102, 103, 104, 105))
				w.get(w.bot("setMyCommands")) // before it is given anything
				for i := range tc.deliveries {
					w.get(w.bot(fmt.Sprintf("getUpdates?timeout=10&limit=1&offset=%d", 100+i)))
					if !tc.beside {
						w.get(w.bot("sendMessage"))
					}
				}
				ask := fmt.Sprintf("getUpdates?timeout=10&limit=1&offset=%d", 100+tc.deliveries)
				w.s.Hold()
				ch := w.beside(func() reply { return w.get(w.bot(ask)) })
				synctest.Wait()
				if tc.beside {
					w.get(w.bot("sendMessage"))
				}
				start := time.Now()
				if err := w.s.Drain(t.Context()); err != nil || time.Since(start) != tc.want {
					t.Errorf("drained after %v: %v; want %v", time.Since(start), err, tc.want)
				}
				<-ch
			})
		})
	}
}

// A handler that computes before it says anything is not to be taken for an idle bot.
func TestDrainGivesASilentHandlerASecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, batch(100))
		w.get(w.bot("getMe"))
		time.Sleep(time.Minute)
		w.get(w.bot("getUpdates?timeout=10"))
		start := time.Now()
		w.s.Hold()
		ch := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=10&offset=101")) })
		if err := w.s.Drain(t.Context()); err != nil || time.Since(start) != quietFor {
			t.Errorf("drained after %v: %v", time.Since(start), err)
		}
		<-ch
	})
}

func TestDrainOfABotThatWasGivenNothingIsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		w.get(w.bot("getMe"))
		ch := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=10&offset=1")) })
		synctest.Wait()
		w.s.Hold()
		start := time.Now()
		if err := w.s.Drain(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("drained after %v: %v", time.Since(start), err)
		}
		if err := w.g.Confirm(t.Context()); err != nil || len(w.requests()) != 2 {
			t.Errorf("%d requests, want no confirmation of what was never given: %v", len(w.requests()), err)
		}
		<-ch
	})
}

func TestHabit(t *testing.T) {
	for _, tc := range []struct {
		name, acts string // d delivered, p asks at once, l late, w while a call is open, c calls before a poll, o calls during one
		want       bool
	}{
		{"nothing", "", false},
		{"commands beside the first poll", "pooodcpdcpdcp", true},
		{"two are too few", "pdcpdcp", false},
		{"updates without a call show nothing", "pdpdpdpdp", false},
		{"asks first", "pdpodpodpo", false},
		{"asks by the clock", "pdcldcpdcpdcp", false},
		{"asks while it works", "pdcwdcpdcpdcp", false},
		{"once beside is enough", "pdcpdcpdcpodcpdcpdcp", false},
	} {
		var h habit
		now := time.Now()
		for _, a := range tc.acts {
			switch a {
			case 'd':
				h.delivered(now)
			case 'p':
				h.asks(false, now, now)
			case 'l':
				h.asks(false, now.Add(-prompt-1), now)
			case 'w':
				h.asks(true, now, now)
			default:
				h.calls(a == 'o')
			}
		}
		if h.oneByOne() != tc.want {
			t.Errorf("%s: %t", tc.name, !tc.want)
		}
	}
}
