package gateway

import "time"

// outcome is what became of a request to the server.
type outcome struct {
	kind   outcomeKind
	ids    []int64       // of updates, in the order of the answer
	retry  time.Duration // of a 429
	code   int           // of a refusal
	detail string        // for people, without a secret
}

type outcomeKind uint8

const (
	canceled   outcomeKind = iota // by ourselves, or its client is gone
	answered                      // 200
	conflicted                    // 409: another getUpdates
	hooked                        // 409: a webhook
	refused                       // 401, 404: the token
	throttled                     // 429
	troubled                      // 5xx, or no answer that makes sense
	rejected                      // any other refusal: it is the client's
)

// result takes the outcome of p's request, and answers with what is to be done with p, which updates of the answer are not to be
// delivered, and what there is to report.
func (l *line) result(p *poll, out outcome, now time.Time) (st step, drop func(id int64) bool, evs []Event) {
	asked, sent := p.sentAsk, p.sent
	p.sent = time.Time{}
	switch out.kind {
	case canceled:
		if now.Sub(sent) >= readTime {
			l.confirm(asked)
		}
	case answered:
		return l.success(p, asked, out, now)
	case conflicted:
		l.confirm(asked) // it was read before the poll was taken in
		l.count.conflicts++
		l.conflict.again(now)
		pause := l.pause(l.conflict.n)
		l.notBefore = now.Add(pause)
		evs = append(evs, Event{Kind: Conflict, Count: l.conflict.n, Since: l.conflict.since, Pause: pause})
	case hooked:
		l.webhook = now
		l.notBefore = now.Add(pace)
		evs = append(evs, Event{Kind: Webhook})
	case refused, rejected:
		// Passed on, so that the client learns of it; but one that asks again at once must wait (telebot sends
		// thousands a second).
		l.notBefore = now.Add(pace)
		if out.kind == refused {
			evs = append(evs, Event{Kind: Refused, Detail: out.detail})
		}
		if l.goes(p) {
			l.remove(p, now)
			return step{do: pass}, nil, evs
		}
	case throttled:
		l.failing.again(now)
		pause := min(max(out.retry, pace), maxRetry)
		l.notBefore = now.Add(pause)
		evs = append(evs, Event{Kind: Trouble, Count: l.failing.n, Since: l.failing.since, Pause: pause, Detail: out.detail})
	case troubled:
		l.failing.again(now)
		pause := l.pause(l.failing.n)
		l.notBefore = now.Add(pause)
		evs = append(evs, Event{Kind: Trouble, Count: l.failing.n, Since: l.failing.since, Pause: pause, Detail: out.detail})
	}
	return l.next(p, now), nil, evs
}

// goes says whether the server's word may go to p's client.
func (l *line) goes(p *poll) bool { return p.leaving == goesOn && l.serving == p.seat }

// success takes a 200.
func (l *line) success(p *poll, asked ask, out outcome, now time.Time) (st step, drop func(int64) bool, evs []Event) {
	if l.conflict.n > 0 || l.failing.n > 0 {
		evs = append(evs, Event{Kind: Undisturbed, Count: l.conflict.n + l.failing.n, Since: earliest(l.conflict.since, l.failing.since)})
	}
	l.conflict, l.failing, l.webhook = run{}, run{}, time.Time{}
	l.confirm(asked)
	newest := int64(0)
	for _, id := range out.ids {
		newest = max(newest, id)
	}
	if newest > 0 && asked.offset > 0 && newest < asked.offset-swallowed {
		// The server takes an offset so far beyond its queue for an old one (TQueue.cpp: get), so the ids
		// have begun anew: after a week without an update they do.
		evs = append(evs, Event{Kind: Renumbered})
		l.ack, l.last, l.confirmed = 0, 0, 0
	}
	if !l.goes(p) {
		return l.next(p, now), nil, evs // unconfirmed, so it comes again
	}
	ack := l.ack
	drop = func(id int64) bool { return id < ack }
	left := 0
	for _, id := range out.ids {
		if !drop(id) {
			l.last = max(l.last, id)
			left++
		}
	}
	if left > 0 {
		if l.owes == nil {
			l.owes = map[seat]bool{}
		}
		l.owes[p.seat] = true
		l.update = now
		l.count.updates += uint64(left)
	}
	l.remove(p, now)
	if left == len(out.ids) {
		drop = nil
	}
	return step{do: pass}, drop, evs
}

// confirm records that the server has read a request.
func (l *line) confirm(asked ask) {
	if asked.offset > 0 {
		l.confirmed = asked.offset
	}
}

// cursor is the offset that tells the server what is handled. due is false when it knows, or nothing is. What a client
// acknowledges that was given nothing, it knows by itself and will say again.
func (l *line) cursor() (offset int64, due bool) {
	return l.ack, l.last > 0 && l.confirmed < l.ack
}

// unacknowledged is the offset behind what was delivered; due is false when all of that is acknowledged.
func (l *line) unacknowledged() (offset int64, due bool) {
	return l.last + 1, l.last > 0 && l.ack <= l.last
}

func (r *run) again(now time.Time) {
	if r.n == 0 {
		r.since = now
	}
	r.n++
}

// pause is what to wait after trouble number n in a row: full jitter below 1 s doubling to 15 s, and never less than the pace.
func (l *line) pause(n int) time.Duration {
	limit := backoffMax
	if n <= 4 { // 1 s << 4 is past the limit
		limit = min(backoffMin<<(n-1), backoffMax)
	}
	return max(pace, time.Duration(l.random()%uint64(limit)))
}

// random is one step of splitmix64.
func (l *line) random() uint64 {
	l.seed += 0x9e3779b97f4a7c15
	z := l.seed
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
