package gateway

import (
	"slices"
	"time"
)

// line decides about the getUpdates calls of one bot: which of them is at the server, what it asks there, and what
// its client is answered. It is pure: it is given the time and answers with steps; the caller sends,
// waits and writes. A bot has two, one for each of Telegram's environments. It is for one goroutine at a time.
type line struct {
	polls   []*poll // begun and not answered, oldest first
	serving seat    // whose polls go to the server; nobody: all are parked
	served  seat    // the latest that served: its offsets are acknowledgements
	owes    map[seat]bool

	// The queue at the server, as far as it is known from here.
	ack       int64 // every update below it is handled; 0: unknown
	last      int64 // the newest update that was delivered; 0: none
	confirmed int64 // the offset of the latest request that the server answered

	notBefore time.Time // no request goes to the server sooner
	lastLocal time.Time // the latest answer that was made here
	webhook   time.Time // since when one is known to be set; zero: none
	conflict  run       // polls in a row that another poller ended
	failing   run       // polls in a row that failed otherwise
	seed      uint64    // of the jitter

	begun  time.Time // the latest poll
	idle   time.Time // since when the seat that serves has no poll; zero: it has one, or never had
	update time.Time // the latest delivery
	gap    time.Duration
	count  counts
}

// seat numbers those who may use the gateway: one child each.
type seat uint32

const nobody seat = 0

// run is a number of polls in a row that met the same trouble.
type run struct {
	n     int
	since time.Time
}

// counts grow only.
type counts struct{ polls, conflicts, updates uint64 }

// poll is one getUpdates of a client.
type poll struct {
	ask

	id      uint64
	seat    seat
	begun   time.Time
	sent    time.Time // when its present request went to the server; zero: none is there
	sentAsk ask
	tries   int
	parked  bool // it had to wait for its seat to serve
	leaving fate
}

// fate is why a poll is to end without the server's answer. The zero fate is that it goes on.
type fate uint8

const (
	goesOn     fate = iota
	superseded      // a newer poll of the same child took its place
	freed           // it was to be freed, or its child is gone
)

// Times of the table in the package documentation.
const (
	pace       = time.Second // between two requests after trouble, and between two local answers to hasty polls
	hammer     = 3 * time.Second
	answerTime = 2 * time.Second // what an answer may take beyond the poll's own time
	backoffMin = time.Second
	backoffMax = 15 * time.Second
	maxRetry   = 5 * time.Minute  // of a 429's own wish, which may be wrong
	webhookTry = 30 * time.Second // a webhook may be deleted elsewhere
	readTime   = time.Second      // a request that was there so long without an error has been read
	swallowed  = 10               // offsets so far beyond the queue's end are believed (TQueue.cpp)
	maxParked  = 64
)

// step is what to do with a poll next.
type step struct {
	do     verb
	until  time.Time // of wait and send: look again at that time, at the latest
	ask    ask       // of send
	parked bool      // of empty: its seat does not serve
}

// verb is the kind of a step.
type verb uint8

const (
	wait   verb = iota // for until, or for news
	send               // ask the server
	cancel             // end the request that is there, and report it as canceled
	empty              // answer that there is nothing
	pass               // answer what the server said
)

// begin takes in a poll. ok is false when too many of its seat are parked.
func (l *line) begin(s seat, a ask, now time.Time) (p *poll, ok bool) {
	n := 0
	for _, other := range l.polls {
		if other.seat == s {
			n++
		}
	}
	if n >= maxParked {
		return nil, false
	}
	l.count.polls++
	p = &poll{ask: a, id: l.count.polls, seat: s, begun: now}
	for _, other := range l.polls {
		if other.seat == s && other.leaving == goesOn {
			other.leaving = superseded
		}
	}
	l.polls = append(l.polls, p)
	if l.served == s {
		l.acknowledge(a.offset)
		l.measure(now)
	}
	delete(l.owes, s)
	l.begun = now
	return p, true
}

// acknowledge records that everything below offset is handled. A client that names an offset beyond the next
// update is believed for that request alone: kept, it would swallow updates that are yet to come.
func (l *line) acknowledge(offset int64) {
	if l.last > 0 {
		offset = min(offset, l.last+1)
	}
	l.ack = max(l.ack, offset)
}

// measure keeps the usual time between a poll and the next: the longest, slowly forgotten.
func (l *line) measure(now time.Time) {
	if l.idle.IsZero() {
		return
	}
	l.gap = max(now.Sub(l.idle), l.gap-l.gap/8)
	l.idle = time.Time{}
}

// next says what to do with p now.
func (l *line) next(p *poll, now time.Time) step {
	if !p.sent.IsZero() {
		return l.atServer(p, now)
	}
	if at := l.localAt(p); !now.Before(at) {
		l.lastLocal = now
		l.remove(p, now)
		return step{do: empty, parked: l.serving != p.seat}
	} else if p.leaving != goesOn || l.serving != p.seat {
		p.parked = p.parked || l.serving != p.seat
		return step{until: at}
	} else if l.occupied() {
		return step{until: at} // the older one leaves; its end is news
	} else if free := l.free(); now.Before(free) {
		return step{until: earlier(free, at)}
	}
	return l.send(p, now)
}

// free is when the next request may go to the server.
func (l *line) free() time.Time {
	at := l.notBefore
	if again := l.webhook.Add(webhookTry); !l.webhook.IsZero() && at.Before(again) {
		at = again
	}
	return at
}

// atServer says what to do with a poll whose request is there.
func (l *line) atServer(p *poll, now time.Time) step {
	limit := l.limit(p)
	if p.leaving != goesOn || l.serving != p.seat || !now.Before(limit) {
		return step{do: cancel}
	}
	return step{until: limit}
}

// localAt is when p is answered here if the server has not: at its own timeout, at once when a newer poll took its
// place; but a client that comes back at once gets one such answer a second.
func (l *line) localAt(p *poll) time.Time {
	at := p.begun.Add(p.timeout)
	switch {
	case p.leaving == freed:
		return p.begun
	case p.leaving == superseded:
		at = p.begun
	case p.tries == 0 && l.serving == p.seat && p.timeout < pace:
		at = p.begun.Add(pace) // a short poll that is held up by pacing still gets its turn
	}
	if slow := l.lastLocal.Add(pace); !l.lastLocal.IsZero() && at.Before(slow) {
		at = slow
	}
	return at
}

func (l *line) occupied() bool {
	for _, p := range l.polls {
		if !p.sent.IsZero() {
			return true
		}
	}
	return false
}

// send lets p go to the server: with the time that it has left, and never below what was acknowledged.
func (l *line) send(p *poll, now time.Time) step {
	a := p.ask
	if late := now.Sub(p.begun); p.tries > 0 || late >= pace && a.timeout >= hammer {
		// With less time left, the server's own rule for hasty polls might make it too long.
		if a.timeout = (a.timeout - late).Truncate(time.Second); a.timeout < hammer {
			return step{until: l.localAt(p)}
		}
	}
	if a.offset < 0 && p.parked {
		a.offset = 0 // it would forget what came while another child was served
	}
	if a.offset >= 0 && a.offset < l.ack {
		a.offset = l.ack
	}
	p.tries++
	p.sent, p.sentAsk = now, a
	return step{do: send, ask: a, until: l.limit(p)}
}

// limit is when the server's answer is late.
func (l *line) limit(p *poll) time.Time {
	return p.sent.Add(max(p.sentAsk.timeout, hammer) + answerTime)
}

// remove forgets p: its client is answered, or gone.
func (l *line) remove(p *poll, now time.Time) {
	l.polls = slices.DeleteFunc(l.polls, func(other *poll) bool { return other == p })
	if p.seat == l.served && !slices.ContainsFunc(l.polls, func(other *poll) bool { return other.seat == p.seat }) {
		l.idle = now
	}
}

// serve lets the polls of s go to the server; nobody parks all.
func (l *line) serve(s seat) {
	l.serving = s
	if s != nobody && s != l.served {
		l.served, l.gap, l.idle = s, 0, time.Time{}
	}
}

// release ends the polls of s with an empty answer and returns how many there were.
func (l *line) release(s seat) (n int) {
	for _, p := range l.polls {
		if p.seat == s && p.leaving != freed {
			p.leaving = freed
			n++
		}
	}
	return n
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
