package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"time"
)

// quietFor is how long nothing may have been delivered to a child or asked by it before it counts as done with its updates.
const quietFor = time.Second

// Drain waits until the child of a seat on hold is done with what it was given: it has asked for more since the last
// delivery, no call of it is open, and none was for a second; of one that has been seen to handle a batch before it asks for
// more, or was given nothing, the second is not waited for. A child that acknowledges before it handles, and then computes for longer than
// a second between two calls, is done only by that measure.
// The error is ctx's, with what it was that went on.
func (s *Seat) Drain(ctx context.Context) error {
	return s.waitFor(ctx, func(now time.Time) (bool, time.Time) {
		quiet := later(later(s.calls.began, s.calls.ended), s.habit.fed).Add(quietFor)
		switch {
		case s.owing(), s.calls.open > 0:
			return false, time.Time{}
		case !s.habit.fed.IsZero() && !s.habit.oneByOne() && now.Before(quiet):
			return false, quiet
		}
		return true, time.Time{}
	})
}

// Asked waits until the child of a seat on hold has asked for more since the last delivery, so that its
// acknowledgement is known; calls of it may still be open. The error is as Drain's.
func (s *Seat) Asked(ctx context.Context) error {
	return s.waitFor(ctx, func(time.Time) (bool, time.Time) { return !s.owing(), time.Time{} })
}

// Polled waits until the child of a seat has a poll under way, parked or at the server.
func (s *Seat) Polled(ctx context.Context) error {
	return s.waitFor(ctx, func(time.Time) (bool, time.Time) {
		return s.polling(), time.Time{}
	})
}

// polling is called with the lock held.
func (s *Seat) polling() bool {
	for i := range s.g.lines {
		for _, p := range s.g.lines[i].polls {
			if p.seat == s.number && p.leaving == goesOn {
				return true
			}
		}
	}
	return false
}

// owing is called with the lock held.
func (s *Seat) owing() bool {
	for i := range s.g.lines {
		if s.g.lines[i].owes[s.number] {
			return true
		}
	}
	return false
}

// waitFor waits until is says so. is is called with the lock held; it may name a time to be asked again.
func (s *Seat) waitFor(ctx context.Context, is func(now time.Time) (bool, time.Time)) error {
	g := s.g
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.await++
	defer func() { g.await-- }()
	for {
		ok, again := is(time.Now())
		if ok {
			return nil
		}
		moved := g.moved
		var due <-chan time.Time
		if !again.IsZero() {
			timer.Reset(time.Until(again))
			due = timer.C
		}
		what := s.busy()
		g.mu.Unlock()
		var err error
		select {
		case <-moved:
		case <-due:
		case <-ctx.Done():
			err = fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
		g.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// busy says in a few words what a child does. The caller holds the lock.
func (s *Seat) busy() string {
	switch {
	case s.calls.open > 0:
		return fmt.Sprintf("the bot has %d calls open", s.calls.open)
	case s.owing():
		return "the bot has not asked for more since its last updates"
	}
	return "the bot still makes calls"
}

// Confirm tells the server what was acknowledged, so that whoever polls next begins there: getUpdates with exactly
// that offset, limit 1 and timeout 0, for each environment whose server does not know yet. No seat may serve. The
// server forgets when it reads a request, and may take 3 s to answer this one (when a poll with the same offset began less than
// 3 s ago), so a second after it was sent the answer is waited for no longer. The error names no secret; the
// confirmation may have arrived nevertheless.
func (g *Gateway) Confirm(ctx context.Context) error {
	for i := range g.lines {
		g.mu.Lock()
		offset, due := g.lines[i].cursor()
		g.mu.Unlock()
		if !due {
			continue
		}
		if err := g.confirmLine(ctx, i, offset); err != nil {
			return err
		}
	}
	return nil
}

// ConfirmHeld is Confirm for what was delivered and is not acknowledged: the child lives and works on it, and whoever polls next
// must not get it again. If the child dies before it has handled that, it is lost.
func (g *Gateway) ConfirmHeld(ctx context.Context) error {
	for i := range g.lines {
		g.mu.Lock()
		offset, due := g.lines[i].unacknowledged()
		g.mu.Unlock()
		if !due {
			continue
		}
		if err := g.confirmLine(ctx, i, offset); err != nil {
			return err
		}
	}
	return g.Confirm(ctx)
}

func (g *Gateway) confirmLine(ctx context.Context, i int, offset int64) error {
	if !g.permitted() {
		return fmt.Errorf("confirm offset %d: %w", offset, errNotPermitted)
	}
	if err := g.confirm(ctx, i == 1, offset); err != nil {
		return fmt.Errorf("confirm offset %d: %w", offset, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines[i].ack = max(g.lines[i].ack, offset)
	g.lines[i].confirm(ask{offset: offset})
	return nil
}

var errNotPermitted = errors.New("another supervisor may poll by now")

func (g *Gateway) confirm(ctx context.Context, test bool, offset int64) error {
	r := &http.Request{Method: http.MethodPost, Header: http.Header{"User-Agent": {"botctl-supervisor"}}}
	form := "offset=" + strconv.FormatInt(offset, 10) + "&limit=1&timeout=0"
	for {
		out, read := g.tell(ctx, r, target{test: test}, form)
		switch {
		case read, out.kind == answered, out.kind == conflicted:
			return nil
		case out.kind == refused, out.kind == hooked, out.kind == rejected:
			return errors.New(out.detail)
		}
		pause := time.NewTimer(max(pace, out.retry))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return errors.New(strings.TrimPrefix(out.detail+": "+context.Cause(ctx).Error(), ": "))
		}
	}
}

// tell is a poll whose answer is not waited for longer than it takes to be read, which is then reported.
func (g *Gateway) tell(ctx context.Context, r *http.Request, t target, form string) (out outcome, read bool) {
	sent := make(chan struct{})
	var once sync.Once
	ctx, cancel := context.WithCancel(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				once.Do(func() { close(sent) })
			}
		},
	}))
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		_, out := g.up.poll(ctx, r, t, form)
		done <- out
	}()
	select {
	case out = <-done:
		return out, false
	case <-sent:
	}
	limit := time.NewTimer(readTime)
	defer limit.Stop()
	select {
	case out = <-done:
	case <-limit.C:
		cancel()
		<-done
		read = true
	}
	return out, read
}
