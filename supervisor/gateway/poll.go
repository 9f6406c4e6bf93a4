package gateway

import (
	"context"
	"net/http"
	"time"

	"botctl/supervisor/clock"
)

// poll carries a getUpdates through: whatever becomes of it at the server, its client gets an answer that fits a
// long poll.
func (g *Gateway) poll(w http.ResponseWriter, r *http.Request, s *Seat, t target, in params) {
	l := g.lineOf(t)
	p, wk := g.begin(l, s, in.ask())
	if p == nil {
		tooMany.write(w)
		return
	}
	defer g.leave(l, p)
	g.polled(s, t.test)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var a *answer
	for st := g.step(l, p); r.Context().Err() == nil; {
		switch st.do {
		case send:
			a, st = g.exchange(r, s, l, p, wk, t, in, st)
			continue
		case pass:
			s.swapped(a).write(w)
			return
		case empty:
			if st.parked {
				w.Header()[parkedHeader] = []string{"1"}
			}
			noUpdates.write(w)
			return
		case wait, cancel:
		}
		if !wk.rest(r.Context(), timer, st.until) {
			return
		}
		st = g.step(l, p)
	}
}

// parkedHeader marks the empty answers to a child that does not serve: what it has asked for has not reached the server, so it
// must not begin to work yet.
const parkedHeader = "Botctl-Parked"

// polled reports the first poll of a seat.
func (g *Gateway) polled(s *Seat, test bool) {
	g.mu.Lock()
	first := !s.polled
	s.polled = true
	g.mu.Unlock()
	if first {
		g.report(s.run, test, Event{Kind: Polled})
	}
}

func (g *Gateway) step(l *line, p *poll) step {
	g.mu.Lock()
	defer g.mu.Unlock()
	return l.next(p, time.Now())
}

// exchange asks the server for p, and returns its answer with what is to be done next.
func (g *Gateway) exchange(r *http.Request, s *Seat, l *line, p *poll, wk *waker, t target, in params, st step) (*answer, step) {
	ctx, end := context.WithDeadline(r.Context(), st.until)
	defer end()
	g.mu.Lock()
	wk.cancel = end
	if l.atServer(p, time.Now()).do == cancel { // decided since the step was
		end()
	}
	g.mu.Unlock()
	if !g.permitted() {
		return g.took(s, l, p, wk, nil, outcome{}, false)
	}
	clock.Pause("before-send")
	a, out := g.up.poll(ctx, r, t, in.query(st.ask.offset, st.ask.timeout))
	if !g.permitted() {
		a, out = nil, outcome{} // unconfirmed, so it comes again, to whoever may have it
	}
	return g.took(s, l, p, wk, a, out, r.Context().Err() != nil)
}

func (g *Gateway) lineOf(t target) *line {
	if t.test {
		return &g.lines[1]
	}
	return &g.lines[0]
}

func (g *Gateway) begin(l *line, s *Seat, a ask) (*poll, *waker) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	p, ok := l.begin(s.number, a, now)
	if !ok {
		return nil, nil
	}
	s.habit.asks(s.calls.open > 0, s.calls.ended, now)
	wk := &waker{news: make(chan struct{}, 1)}
	g.wakes[p] = wk
	g.stir()
	return p, wk
}

// leave forgets a poll that is answered or whose client is gone.
func (g *Gateway) leave(l *line, p *poll) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.wakes, p)
	p.sent = time.Time{}
	l.remove(p, time.Now())
	g.stir()
}

// took hands an outcome to the line and returns the answer as it is to be passed on, if it is.
func (g *Gateway) took(s *Seat, l *line, p *poll, wk *waker, a *answer, out outcome, gone bool) (*answer, step) {
	g.mu.Lock()
	wk.cancel = nil
	if gone && out.kind == troubled {
		out = outcome{} // by its client
	}
	now := time.Now()
	st, drop, evs := l.result(p, out, now)
	if st.do == pass && l.owes[s.number] {
		s.habit.delivered(now)
	}
	g.stir()
	g.mu.Unlock()
	g.report(s.run, l == &g.lines[1], evs...)
	if drop != nil {
		a = a.without(drop)
	}
	return a, st
}

// rest waits for news or until a time, and says whether the client is still there.
func (wk *waker) rest(client context.Context, timer *time.Timer, until time.Time) bool {
	timer.Reset(time.Until(until))
	select {
	case <-wk.news:
	case <-timer.C:
	case <-client.Done():
		return false
	}
	return true
}

// swapped is a with this seat's token in the place of the real one.
func (s *Seat) swapped(a *answer) *answer {
	if s.swap == nil {
		return a
	}
	return &answer{status: a.status, retry: a.retry, body: s.swap.bytes(a.body)}
}
