package gateway

import (
	"slices"
	"testing"
	"time"
)

var t0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// played is a line with a clock.
type played struct {
	*line

	t   *testing.T
	now time.Time
}

func play(t *testing.T) *played {
	p := &played{line: &line{seed: 1}, t: t, now: t0}
	p.serve(1)
	return p
}

func (b *played) at(d time.Duration) *played {
	b.now = t0.Add(d)
	return b
}

func (b *played) poll(s seat, offset int64, timeout time.Duration) *poll {
	b.t.Helper()
	p, ok := b.begin(s, ask{offset: offset, limit: 100, timeout: timeout}, b.now)
	if !ok {
		b.t.Fatal("too many polls")
	}
	return p
}

// sends wants p to go to the server, with this offset and timeout.
func (b *played) sends(p *poll, offset int64, timeout time.Duration) {
	b.t.Helper()
	st := b.next(p, b.now)
	if st.do != send || st.ask.offset != offset || st.ask.timeout != timeout {
		b.t.Fatalf("at %v: %+v, want offset %d with timeout %v sent", b.now.Sub(t0), st, offset, timeout)
	}
}

// waits wants p to wait until a time.
func (b *played) waits(p *poll, until time.Duration) {
	b.t.Helper()
	if st := b.next(p, b.now); st.do != wait || !st.until.Equal(t0.Add(until)) {
		b.t.Fatalf("at %v: step %v until %v, want to wait until %v", b.now.Sub(t0), st.do, st.until.Sub(t0), until)
	}
}

func (b *played) does(p *poll, want verb) {
	b.t.Helper()
	if st := b.next(p, b.now); st.do != want {
		b.t.Fatalf("at %v: %+v, want %v", b.now.Sub(t0), st, want)
	}
}

// hears gives p an outcome and wants a step.
func (b *played) hears(p *poll, out outcome, want verb) (drop func(int64) bool, evs []Event) {
	b.t.Helper()
	st, drop, evs := b.result(p, out, b.now)
	if st.do != want {
		b.t.Fatalf("at %v: %+v, want %v", b.now.Sub(t0), st, want)
	}
	return drop, evs
}

// serves carries a poll through with these updates.
func (b *played) serves(s seat, offset int64, ids ...int64) {
	b.t.Helper()
	p := b.poll(s, offset, 10*time.Second)
	b.does(p, send)
	b.hears(p, outcome{kind: answered, ids: ids}, pass)
}

func kinds(evs []Event) (k []EventKind) {
	for _, ev := range evs {
		k = append(k, ev.Kind)
	}
	return k
}

func TestAPollGoesToTheServerAsItIs(t *testing.T) {
	b := play(t)
	p := b.poll(1, 0, 30*time.Second)
	b.sends(p, 0, 30*time.Second)
	b.at(30*time.Second).hears(p, outcome{kind: answered}, pass)
	if len(b.polls) != 0 {
		t.Error("the poll is still there")
	}
}

func TestTheNewerOfTwoPollsIsServed(t *testing.T) {
	b := play(t)
	old := b.poll(1, 5, 30*time.Second)
	b.sends(old, 5, 30*time.Second)
	b.at(2 * time.Second)
	young := b.poll(1, 5, 30*time.Second)
	b.does(old, cancel)
	b.waits(young, 32*time.Second)
	b.hears(old, outcome{}, empty)
	b.sends(young, 5, 30*time.Second)
}

func TestTwoPollersOfOneChildCannotMakeAHotLoop(t *testing.T) {
	b := play(t)
	current := b.poll(1, 0, 30*time.Second)
	b.does(current, send)
	rounds := 0
	for b.now.Before(t0.Add(10 * time.Second)) {
		rounds++
		next := b.poll(1, 0, 30*time.Second)
		b.does(current, cancel)
		if st, _, _ := b.result(current, outcome{}, b.now); st.do == wait {
			b.now = st.until
			b.does(current, empty)
		}
		b.does(next, send)
		current = next
	}
	if rounds > 12 {
		t.Errorf("%d polls were answered in 10 s", rounds)
	}
}

func TestConflictsAreAbsorbedWithGrowingPauses(t *testing.T) {
	b := play(t)
	p := b.poll(1, 0, 50*time.Second)
	b.sends(p, 0, 50*time.Second)
	_, evs := b.at(time.Second).hears(p, outcome{kind: conflicted}, wait)
	if !slices.Equal(kinds(evs), []EventKind{Conflict}) || evs[0].Count != 1 || evs[0].Pause != time.Second {
		t.Fatalf("reported %+v", evs)
	}
	b.at(2*time.Second-1).waits(p, 2*time.Second)
	b.at(2*time.Second).sends(p, 0, 48*time.Second)
	longest := time.Duration(0)
	for n := 2; n < 40; n++ {
		st, _, evs := b.result(p, outcome{kind: conflicted}, b.now)
		if evs[0].Count != n || evs[0].Pause < time.Second || evs[0].Pause >= 15*time.Second {
			t.Fatalf("conflict %d: %+v", n, evs[0])
		}
		longest = max(longest, evs[0].Pause)
		if b.now = st.until; b.next(p, b.now).do == empty {
			p = b.poll(1, 0, 50*time.Second)
			b.now = b.notBefore
			b.does(p, send)
			continue
		}
		if p.sent.IsZero() { // too little time was left
			b.now = b.localAt(p)
			b.does(p, empty)
			p = b.poll(1, 0, 50*time.Second)
			b.now = later(b.now, b.notBefore)
			b.does(p, send)
		}
	}
	if longest < 10*time.Second {
		t.Errorf("the longest pause was %v, want up to 15s", longest)
	}
	_, evs = b.hears(p, outcome{kind: answered}, pass)
	if !slices.Equal(kinds(evs), []EventKind{Undisturbed}) || evs[0].Count != 39 {
		t.Errorf("one undisturbed poll reports %+v", evs)
	}
	if b.count.conflicts != 39 || b.conflict.n != 0 {
		t.Errorf("%d conflicts counted, %d in a row", b.count.conflicts, b.conflict.n)
	}
}

func TestAConflictAtTheEndOfAPollIsAnsweredEmptyAtItsOwnTimeout(t *testing.T) {
	b := play(t)
	p := b.poll(1, 0, 10*time.Second)
	b.sends(p, 0, 10*time.Second)
	b.at(8*time.Second).hears(p, outcome{kind: conflicted}, wait)
	b.at(9*time.Second).waits(p, 10*time.Second) // one second is too little for another try
	b.at(10*time.Second).does(p, empty)
}

func TestParkedPollsAreAnsweredAtTheirOwnTimeout(t *testing.T) {
	b := play(t)
	b.serves(1, 0, 7)
	b.serve(nobody)
	p := b.poll(1, 8, 20*time.Second)
	b.waits(p, 20*time.Second)
	if offset, due := b.cursor(); offset != 8 || !due {
		t.Errorf("cursor %d %v, want the parked offset", offset, due)
	}
	b.at(20*time.Second).does(p, empty)
	hasty := b.poll(1, 8, 0)
	b.waits(hasty, 21*time.Second)
	b.at(21*time.Second).does(hasty, empty)
	b.at(23*time.Second).does(b.poll(1, 8, 0), empty)
}

func TestHoldTakesAPollBackAndServeLetsItGoOn(t *testing.T) {
	b := play(t)
	p := b.poll(1, 3, 30*time.Second)
	b.sends(p, 3, 30*time.Second)
	b.serve(nobody)
	b.does(p, cancel)
	b.hears(p, outcome{}, wait)
	b.at(10 * time.Second).serve(1)
	b.sends(p, 3, 20*time.Second)
}

func TestAnAnswerThatComesAfterTheHoldIsNotDelivered(t *testing.T) {
	b := play(t)
	p := b.poll(1, 3, 30*time.Second)
	b.does(p, send)
	b.serve(nobody)
	b.hears(p, outcome{kind: answered, ids: []int64{3, 4}}, wait)
	if b.last != 0 || b.owes[1] {
		t.Error("the updates count as delivered")
	}
}

func TestNothingBelowTheAcknowledgedOffsetIsAskedFor(t *testing.T) {
	b := play(t)
	b.serves(1, 0, 10, 11)
	b.serves(1, 12)
	b.serve(2) // the next child knows nothing
	p := b.poll(2, 0, time.Second)
	b.sends(p, 12, time.Second)
	b.hears(p, outcome{kind: answered, ids: []int64{12}}, pass)
	if _, due := b.cursor(); due {
		t.Error("the server has read this offset")
	}
}

func TestANegativeOffsetPassesButDeliversNothingTwice(t *testing.T) {
	b := play(t)
	b.serves(1, 0, 10)
	b.serve(nobody)
	b.poll(1, 11, time.Second) // acknowledged, and the server does not know
	b.serve(1)
	b.at(5 * time.Second)
	p := b.poll(1, -1, time.Second)
	b.sends(p, -1, time.Second)
	drop, _ := b.hears(p, outcome{kind: answered, ids: []int64{10}}, pass)
	if drop == nil || !drop(10) || drop(11) {
		t.Error("update 10 would be delivered again")
	}
}

func TestANegativeOffsetThatWasParkedForgetsNothing(t *testing.T) {
	b := play(t)
	b.serves(1, 0, 10)
	p := b.poll(2, -1, 30*time.Second)
	b.waits(p, 30*time.Second)
	b.poll(1, 11, 30*time.Second)
	b.serve(2)
	b.sends(p, 11, 30*time.Second)
}

func TestAnOffsetBeyondTheNextUpdateIsNotKept(t *testing.T) {
	b := play(t)
	b.serves(1, 0, 10)
	p := b.poll(1, 15, time.Second)
	b.sends(p, 15, time.Second)
	if b.ack != 11 {
		t.Errorf("%d is kept as acknowledged, want 11", b.ack)
	}
}

func TestIdsThatBeginAnewAreDelivered(t *testing.T) {
	b := play(t)
	b.serves(1, 0, 900_000_000)
	p := b.poll(1, 900_000_001, time.Second)
	b.sends(p, 900_000_001, time.Second)
	drop, evs := b.hears(p, outcome{kind: answered, ids: []int64{5_000_000}}, pass)
	if drop != nil || !slices.Equal(kinds(evs), []EventKind{Renumbered}) {
		t.Errorf("drop %v, reported %+v", drop != nil, evs)
	}
	b.serves(1, 5_000_001)
	if b.ack != 5_000_001 {
		t.Errorf("acknowledged %d", b.ack)
	}
}

func TestAHotLoopOnErrorsReachesTheServerOnceASecond(t *testing.T) {
	for _, out := range []outcome{{kind: refused}, {kind: rejected}, {kind: troubled}, {kind: throttled}, {kind: hooked}, {kind: conflicted}} {
		b := play(t)
		sent := 0
		for b.now.Before(t0.Add(60 * time.Second)) {
			p := b.poll(1, 0, 0)
			for st := b.next(p, b.now); st.do != pass && st.do != empty; {
				switch st.do {
				case send:
					sent++
					st, _, _ = b.result(p, out, b.now)
				default:
					b.now = st.until
					st = b.next(p, b.now)
				}
			}
		}
		if sent > 60 || sent < 2 {
			t.Errorf("outcome %d: %d polls reached the server in 60 s", out.kind, sent)
		}
	}
}

func TestARefusalIsPassedOnAndReported(t *testing.T) {
	b := play(t)
	p := b.poll(1, 0, time.Second)
	b.does(p, send)
	_, evs := b.hears(p, outcome{kind: refused, detail: "401 Unauthorized"}, pass)
	if !slices.Equal(kinds(evs), []EventKind{Refused}) || evs[0].Detail != "401 Unauthorized" {
		t.Errorf("reported %+v", evs)
	}
}

func TestAWebhookParksPollsUntilToldOrHalfAMinute(t *testing.T) {
	b := play(t)
	p := b.poll(1, 0, 50*time.Second)
	b.does(p, send)
	_, evs := b.hears(p, outcome{kind: hooked}, wait)
	if !slices.Equal(kinds(evs), []EventKind{Webhook}) {
		t.Errorf("reported %+v", evs)
	}
	b.at(2*time.Second).waits(p, 30*time.Second)
	b.webhook = time.Time{}
	b.sends(p, 0, 48*time.Second)
	b.hears(p, outcome{kind: hooked}, wait)
	b.at(32*time.Second).sends(p, 0, 18*time.Second)
}

func TestA429IsWaitedFor(t *testing.T) {
	b := play(t)
	p := b.poll(1, 0, 50*time.Second)
	b.does(p, send)
	b.hears(p, outcome{kind: throttled, retry: 7 * time.Second}, wait)
	b.at(6*time.Second).waits(p, 7*time.Second)
	b.at(7*time.Second).sends(p, 0, 43*time.Second)
}

func TestAnAnswerThatIsLateIsNotWaitedFor(t *testing.T) {
	b := play(t)
	p := b.poll(1, 0, 10*time.Second)
	b.does(p, send)
	b.at(12*time.Second-1).waits(p, 12*time.Second)
	b.at(12*time.Second).does(p, cancel)
	b.hears(p, outcome{kind: troubled, detail: "no answer in time"}, empty)
}

func TestAFreedPollIsAnsweredAtOnce(t *testing.T) {
	b := play(t)
	p := b.poll(1, 0, 50*time.Second)
	b.does(p, send)
	if n := b.release(1); n != 1 {
		t.Errorf("%d polls freed", n)
	}
	b.does(p, cancel)
	b.hears(p, outcome{}, empty)
}

func TestParkedPollsAreBounded(t *testing.T) {
	b := play(t)
	for range maxParked {
		b.poll(1, 0, 50*time.Second)
	}
	if _, ok := b.begin(1, ask{}, b.now); ok {
		t.Error("one poll too many is taken in")
	}
	if _, ok := b.begin(2, ask{}, b.now); !ok {
		t.Error("another child pays for it")
	}
}

func TestTheUsualGapIsTheLongestSlowlyForgotten(t *testing.T) {
	b := play(t)
	for _, pause := range []time.Duration{time.Second, 90 * time.Second, time.Second} {
		b.serves(1, 0)
		b.now = b.now.Add(pause)
	}
	b.serves(1, 0)
	if b.gap < 70*time.Second || b.gap > 90*time.Second {
		t.Errorf("usual gap %v", b.gap)
	}
	for range 100 {
		b.now = b.now.Add(time.Second)
		b.serves(1, 0)
	}
	if b.gap > 2*time.Second {
		t.Errorf("usual gap %v after a hundred short ones", b.gap)
	}
}

func TestAParkedChildAcknowledgesNothing(t *testing.T) {
	b := play(t)
	b.serves(1, 0, 10)
	b.poll(2, 1000, time.Second)
	if b.ack != 0 {
		t.Errorf("acknowledged %d", b.ack)
	}
}
