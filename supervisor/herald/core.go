package herald

import (
	"fmt"
	"slices"
	"time"
)

// core decides what is worth a message, and when. It is pure: it is told what happens and what time it is.
type core struct {
	opts    Options
	pending []Event // what the next message says
	first   time.Time
	left    int         // what no message says
	sent    []time.Time // of the latest hour
	loop    loop
}

// loop is what is known of a restart loop.
type loop struct {
	crashes []time.Time // the latest ones, oldest first
	on      bool
	since   time.Time
	count   int       // crashes since then
	well    time.Time // when the bot that runs will have run long enough; zero: none runs
}

// A restart loop begins with loopCrashes crashes within loopWithin, and is over when the bot has run for loopWell.
const (
	loopCrashes = 3
	loopWithin  = 2 * time.Minute
	loopWell    = time.Minute
)

// maxPending bounds what one message says, in events.
const maxPending = 8

func newCore(o Options) core { return core{opts: o} }

// observe takes an event in.
func (c *core) observe(ev Event) {
	c.settle(ev.At)
	switch ev.Kind {
	case Started:
		c.loop.well = ev.At.Add(loopWell)
		return
	case Crash:
		if ev = c.crash(ev); ev.Kind == "" {
			return
		}
	}
	c.add(ev)
}

// crash counts one, and turns it into what is to be said of it; nothing within a loop.
func (c *core) crash(ev Event) Event {
	l := &c.loop
	l.well = time.Time{}
	if l.on {
		l.count++
		return Event{}
	}
	l.crashes = append(slices.DeleteFunc(l.crashes, func(t time.Time) bool { return ev.At.Sub(t) > loopWithin }), ev.At)
	if len(l.crashes) < loopCrashes {
		return ev
	}
	l.on, l.since, l.count = true, l.crashes[0], len(l.crashes)
	c.pending = slices.DeleteFunc(c.pending, func(p Event) bool { return p.Kind == Crash && !p.At.Before(l.since) })
	ev.Text = fmt.Sprintf("a restart loop has begun: %d crashes since %s. The latest: %s", l.count, clock(l.since), ev.Text)
	ev.Kind = LoopBegan
	return ev
}

// settle notes that the bot has run for long enough.
func (c *core) settle(now time.Time) {
	l := &c.loop
	if l.well.IsZero() || now.Before(l.well) {
		return
	}
	if l.on {
		c.add(Event{Kind: LoopOver, At: l.well, Text: fmt.Sprintf("the restart loop is over: the bot has run for %s, after %d crashes since %s", short(loopWell), l.count, clock(l.since))})
	}
	c.loop = loop{}
}

// add puts an event into the next message. The same thing twice is said once, and a message that is full loses its
// oldest crash, or else its oldest event.
func (c *core) add(ev Event) {
	if i := slices.IndexFunc(c.pending, func(p Event) bool { return p.Kind == ev.Kind && p.Text == ev.Text }); i >= 0 {
		c.pending[i].Lines = ev.Lines
		c.left++
		return
	}
	if len(c.pending) == 0 {
		c.first = ev.At
	}
	if len(c.pending) == maxPending {
		i := max(slices.IndexFunc(c.pending, func(p Event) bool { return p.Kind == Crash }), 0)
		c.pending = slices.Delete(c.pending, i, i+1)
		c.left++
	}
	c.pending = append(c.pending, ev)
}

// leave counts events that were never seen.
func (c *core) leave(n int) { c.left += n }

// lost counts what a message that nobody got has said.
func (c *core) lost(m Message) { c.left += len(m.Events) + m.LeftOut }

// due is the next message, when its time has come.
func (c *core) due(now time.Time) (Message, bool) {
	c.settle(now)
	if at := c.sendAt(); at.IsZero() || now.Before(at) {
		return Message{}, false
	}
	return c.rest(now)
}

// rest is everything that is left, whatever the time.
func (c *core) rest(now time.Time) (Message, bool) {
	c.settle(now)
	if len(c.pending) == 0 {
		return Message{}, false
	}
	m := c.opts.message(c.pending, c.left, now)
	c.pending, c.left = nil, 0
	c.sent = append(slices.DeleteFunc(c.sent, func(t time.Time) bool { return now.Sub(t) >= time.Hour }), now)
	return m, true
}

// sendAt is when what is pending may be sent; zero when nothing is.
func (c *core) sendAt() time.Time {
	if len(c.pending) == 0 {
		return time.Time{}
	}
	at := c.first.Add(c.opts.Merge)
	if n := len(c.sent); n > 0 {
		at = later(at, c.sent[n-1].Add(c.opts.Every))
		if n >= c.opts.PerHour {
			at = later(at, c.sent[n-c.opts.PerHour].Add(time.Hour))
		}
	}
	return at
}

// next is when something is to be done without an event; zero: never.
func (c *core) next() time.Time {
	at := c.sendAt()
	if c.loop.on && !c.loop.well.IsZero() && (at.IsZero() || c.loop.well.Before(at)) {
		return c.loop.well
	}
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
