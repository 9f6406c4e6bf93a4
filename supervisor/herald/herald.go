// Package herald tells the owner what a supervisor has to say: a conflict that lasts, a restart loop, a crash with its
// last lines, a hand-over, a give-up. It writes to a chat as the bot itself, which needs no poll, and posts to a URL.
//
// What happens within a few seconds is one message; there is at most one message a minute and twenty an hour, and what
// was left out is counted in the next. Supervision never waits for it: Tell puts an event into a queue, or counts it.
// Each destination has a lane of its own, a goroutine with a pure core (core.go), so that a chat which is slow or
// limited does not hold up the other.
package herald

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"botctl/supervisor/botapi"
	"botctl/supervisor/token"
)

// Options say whom to tell, and how. Without Chat and URL there is nobody to tell.
type Options struct {
	Chat string         // id of a chat, or @name of a channel; needs API
	API  *botapi.Client // of the bot
	URL  string         // where each message is posted as JSON

	BotID string
	Name  func() string // of the bot, "" while it is unknown; may be nil
	Host  string        // where botctl runs
	Log   *slog.Logger

	// Masker hides tokens in everything that is told; nil masks what has a token's form.
	Masker *token.Masker

	Merge   time.Duration // what happens within it is one message; 0: 3 s
	Every   time.Duration // between two messages at least; 0: a minute
	PerHour int           // messages an hour at most; 0: 20
}

// Herald tells. A nil Herald has nobody to tell, and all its methods do nothing.
type Herald struct{ lanes []*lane }

// queueLength is how many events a lane's goroutine may be behind.
const queueLength = 64

// New returns nil when there is nobody to tell.
func New(o Options) *Herald {
	o = o.withDefaults()
	h := &Herald{}
	if o.Chat != "" && o.API != nil {
		h.lanes = append(h.lanes, newLane("the chat of notify-chat", o, &chat{api: o.API, id: o.Chat}))
	}
	if o.URL != "" {
		h.lanes = append(h.lanes, newLane("the address of notify-url", o, &hook{url: o.URL, http: &http.Client{CheckRedirect: stay}}))
	}
	if len(h.lanes) == 0 {
		return nil
	}
	return h
}

func (o Options) withDefaults() Options {
	if o.Name == nil {
		o.Name = func() string { return "" }
	}
	if o.Masker == nil {
		o.Masker = token.NewMasker()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Merge <= 0 {
		o.Merge = 3 * time.Second
	}
	if o.Every <= 0 {
		o.Every = time.Minute
	}
	if o.PerHour <= 0 {
		o.PerHour = 20
	}
	return o
}

// Tell takes an event in and returns at once. It may be called concurrently, also when Run has ended.
func (h *Herald) Tell(ev Event) {
	if h == nil {
		return
	}
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	for _, l := range h.lanes {
		select {
		case l.queue <- ev:
		default:
			l.missed.Add(1)
		}
	}
}

// Run sends until ctx ends, and then what is left, for which it takes three seconds at most. Its goroutines, one for
// each destination and one for a call that is under way, are joined before it returns.
func (h *Herald) Run(ctx context.Context) {
	if h == nil {
		return
	}
	var wg sync.WaitGroup
	for _, l := range h.lanes {
		wg.Go(func() { l.run(ctx) })
	}
	wg.Wait()
}

// sender is a destination.
type sender interface {
	// send delivers a message. A *laterError says when to try again, a *neverError that trying again is of no use.
	send(ctx context.Context, m Message) error
}

// lane is the way to one destination.
type lane struct {
	to     string // for people
	sender sender
	log    *slog.Logger
	queue  chan Event
	missed atomic.Int64 // events that found the queue full
	core   core
	failed bool // the last delivery failed, and that was said
}

func newLane(to string, o Options, s sender) *lane {
	return &lane{to: to, sender: s, log: o.Log, queue: make(chan Event, queueLength), core: newCore(o)}
}

// The limits of a delivery.
const (
	callLimit  = 10 * time.Second // of one attempt
	lastLimit  = 3 * time.Second  // of all that is left when the run ends
	maxTries   = 5
	firstPause = 2 * time.Second // after a failure; doubles
)

// attempt is a message on its way.
type attempt struct {
	message Message
	tries   int
	again   time.Time // when the next try is due; zero while one is under way
}

// run owns the core. The one call that may be under way reports through done.
func (l *lane) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	done := make(chan error, 1)
	send := func(a *attempt) {
		a.tries, a.again = a.tries+1, time.Time{}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(calls, callLimit)
			defer cancel()
			done <- l.sender.send(ctx, a.message)
		})
	}
	var under *attempt
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		switch {
		case under != nil && !under.again.IsZero() && !now.Before(under.again):
			send(under)
		case under == nil:
			l.core.leave(int(l.missed.Swap(0)))
			if m, ok := l.core.due(now); ok {
				under = &attempt{message: m}
				send(under)
			}
		}
		select {
		case ev := <-l.queue:
			l.core.observe(ev)
		case err := <-done:
			under = l.judge(under, err, time.Now())
		case <-arm(timer, l.wake(under)):
		case <-ctx.Done():
			l.last(under, done, cancel)
			return
		}
	}
}

// wake is when something is due without an event.
func (l *lane) wake(under *attempt) time.Time {
	if under != nil {
		return under.again
	}
	return l.core.next()
}

// arm makes timer come at a moment; the zero time never does.
func arm(timer *time.Timer, at time.Time) <-chan time.Time {
	if at.IsZero() {
		return nil
	}
	timer.Reset(time.Until(at))
	return timer.C
}

// judge decides what becomes of a message whose call has ended; nil when it is through with.
func (l *lane) judge(a *attempt, err error, now time.Time) *attempt {
	pause, again := pauseAfter(err, a.tries)
	switch {
	case err == nil:
		if l.failed {
			l.log.Info("the owner hears of it again through " + l.to)
		}
		l.failed = false
		return nil
	case again:
		a.again = now.Add(pause)
		return a
	}
	l.core.lost(a.message)
	if !l.failed {
		l.log.Warn("the owner was not told through "+l.to, "cause", err.Error())
	}
	l.failed = true
	return nil
}

// last sends what is left when the run ends: a give-up is told then. A call that is under way may end first.
func (l *lane) last(under *attempt, done <-chan error, cancel func()) {
	ctx, stop := context.WithTimeout(context.Background(), lastLimit)
	defer stop()
	if under != nil && under.again.IsZero() {
		select {
		case err := <-done:
			under = l.judge(under, err, time.Now())
		case <-ctx.Done():
			cancel()
			<-done
			l.log.Warn("the owner was not told through "+l.to, "cause", "no answer in time")
			return
		}
	}
	for {
		select {
		case ev := <-l.queue:
			l.core.observe(ev)
			continue
		default:
		}
		break
	}
	if under != nil { // it waited for a better moment, which does not come
		l.try(ctx, under.message)
	}
	l.core.leave(int(l.missed.Swap(0)))
	if m, ok := l.core.rest(time.Now()); ok {
		l.try(ctx, m)
	}
}

// try sends m, and once more when the server asks for a pause that leaves time for it: nothing comes after this.
func (l *lane) try(ctx context.Context, m Message) {
	err := l.sender.send(ctx, m)
	if later, ok := errors.AsType[*laterError](err); ok && waited(ctx, later.after) {
		err = l.sender.send(ctx, m)
	}
	if err != nil {
		l.log.Warn("the owner was not told through "+l.to, "cause", err.Error())
	}
}

// waited waits for pause, and says no when ctx would end before.
func waited(ctx context.Context, pause time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
