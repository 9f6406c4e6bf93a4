package sandbox

import (
	"time"
)

// Rules of getUpdates (telegram-bot-api Client.cpp: process_get_updates_query,
// do_get_updates, abort_long_poll, fail_query_conflict, long_poll_wakeup).
const (
	maxPoll       = 50 * time.Second
	defaultLimit  = 100
	hammerWindow  = 3 * time.Second // the same offset sooner makes a short poll a long one of this length
	limitWindow   = 500 * time.Millisecond
	conflictPause = 3 * time.Second
	wakeAfter     = time.Millisecond     // after the latest update
	wakeWithin    = 2 * time.Millisecond // after the first one
)

// The texts of a 409.
const (
	conflictOther   = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
	conflictWebhook = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
	conflictSet     = "Conflict: terminated by setWebhook request"
)

// poll is one getUpdates under way. Whoever takes it out of the slot answers it.
type poll struct {
	query

	from   int64
	since  time.Time
	answer chan reply // buffered, so that nobody waits for a client that is gone
	timer  *time.Timer
	wake   *time.Timer // armed by the first update
	wakeBy time.Time
}

// query is what getUpdates was asked, already clamped.
type query struct {
	caller

	offset  int64
	limit   int
	timeout time.Duration
}

// client is what the server keeps for one token.
type client struct {
	bot          *bot
	slot         *poll
	prevOffset   int64
	prevStart    time.Time
	nextConflict time.Time
	nextSet      time.Time // when setWebhook may be called again
	webhook      *hook
	allowed      map[string]bool // nil: the default set
	loaded       time.Time       // login
	unloaded     bool            // by close; the next call loads it again
	loggedOut    time.Time       // until then calls are refused
}

// load is what the first call of a token does, and the first one after close, logOut or a restart of the server.
func (c *client) load(now time.Time) {
	past := now.Add(-100 * time.Second)
	c.prevOffset, c.prevStart, c.nextConflict = -1, past, past
	c.loaded, c.unloaded, c.loggedOut = now, false, time.Time{}
}

// getUpdates answers at once or takes the slot. The caller holds the server's lock.
func (s *Server) getUpdates(c *client, q query) *poll {
	now := time.Now()
	p := &poll{query: q, since: now, answer: make(chan reply, 1)}
	if c.webhook != nil {
		s.conflict(c, p, conflictWebhook)
		return p
	}
	if q.offset == c.prevOffset {
		if since := now.Sub(c.prevStart); p.timeout < hammerWindow && since < hammerWindow {
			p.timeout = hammerWindow
		}
		if now.Sub(c.prevStart) < limitWindow {
			p.limit = 1
		}
	}
	c.prevOffset, c.prevStart = q.offset, now
	p.from = c.bot.queue.seek(q.offset)
	if list := c.bot.queue.read(p.from, p.limit, now); len(list) > 0 || p.timeout == 0 {
		p.answer <- updatesReply(list)
		return p
	}
	if old := c.takeSlot(); old != nil {
		s.conflict(c, old, conflictOther)
	}
	c.slot = p
	p.timer = time.AfterFunc(p.timeout, func() { s.expire(c, p) })
	return p
}

// takeSlot empties the slot and returns who was in it.
func (c *client) takeSlot() *poll {
	p := c.slot
	if p != nil {
		p.timer.Stop()
		c.slot = nil
	}
	return p
}

// expire ends a poll whose time is over.
func (s *Server) expire(c *client, p *poll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.slot == p {
		c.takeSlot()
		p.answer <- updatesReply(nil)
	}
}

// conflict answers p with a 409: at once, or when one went out in the last three seconds,
// after exactly three.
func (s *Server) conflict(c *client, p *poll, text string) {
	now := time.Now()
	r := errorReply(409, text)
	if !now.Before(c.nextConflict) {
		c.nextConflict = now.Add(conflictPause)
		p.answer <- r
		return
	}
	time.AfterFunc(conflictPause, func() { p.answer <- r })
}

// pushed wakes the polls of b, a little later, so that a burst goes out as one answer; and its webhooks.
func (s *Server) pushed(b *bot) {
	s.touch()
	now := time.Now()
	for _, c := range b.clients {
		if c.webhook != nil {
			s.deliver(c)
		}
		p := c.slot
		switch {
		case p == nil:
		case p.wake == nil:
			p.wakeBy = now.Add(wakeWithin)
			p.wake = time.AfterFunc(wakeAfter, func() { s.awake(c, p) })
		default:
			p.wake.Reset(min(wakeAfter, max(p.wakeBy.Sub(now), 0)))
		}
	}
}

func (s *Server) awake(c *client, p *poll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.slot == p {
		c.release(time.Now())
	}
}

// release answers the pending poll with what is there, as close, logOut and a shutdown do.
func (c *client) release(now time.Time) {
	if p := c.takeSlot(); p != nil {
		p.answer <- updatesReply(c.bot.queue.read(p.from, p.limit, now))
	}
}
