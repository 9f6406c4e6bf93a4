package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"botctl/bot/digest"
	"botctl/bot/store"
)

// Times of the schedule.
const (
	lookEvery    = 30 * time.Second // at least: the clock may be set, the machine may have slept
	retryAgain   = 30 * time.Second
	retryRefused = 10 * time.Minute // after a message that the server does not want
	tryLimit     = 10 * time.Minute
)

// maxPosts is how many digests are under way at once: more than the limit of messages a second needs.
const maxPosts = 50

// daily is the state of the schedule.
type daily struct {
	woken chan struct{}

	mu       sync.Mutex // guards what follows
	underWay map[int64]bool
	resting  map[int64]time.Time // not tried before; by a clock that nobody sets
	troubled bool                // administrators know that there are no prices
}

func newDaily() daily {
	return daily{woken: make(chan struct{}, 1), underWay: map[int64]bool{}, resting: map[int64]time.Time{}}
}

// wake makes the schedule look at once.
func (d *daily) wake() {
	select {
	case d.woken <- struct{}{}:
	default: // it has been woken already
	}
}

// take reserves a chat; false when its digest is under way, or it rests.
func (d *daily) take(chat int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.underWay[chat] || time.Now().Before(d.resting[chat]) {
		return false
	}
	d.underWay[chat] = true
	return true
}

// give returns a chat, which rests for so long; 0: not at all.
func (d *daily) give(chat int64, rest time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.underWay, chat)
	if rest == 0 {
		delete(d.resting, chat)
	} else {
		d.resting[chat] = time.Now().Add(rest)
	}
}

// schedule sends digests when they are due, until ctx ends. Those under way have ended when it returns.
func (r *runner) schedule(ctx context.Context) {
	var posts sync.WaitGroup
	defer posts.Wait()
	slots := make(chan struct{}, maxPosts)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.daily.woken:
		case <-timer.C:
		}
		timer.Reset(r.look(ctx, &posts, slots))
	}
}

// look starts what is due, and returns after what time to look again. While the polls are held nothing is due.
func (r *runner) look(ctx context.Context, posts *sync.WaitGroup, slots chan struct{}) (next time.Duration) {
	next = lookEvery
	if r.held.Load() {
		return min(next, r.cfg.retry)
	}
	chats, err := r.store.Subscribed()
	if err != nil {
		r.log.Error("store was not read", "cause", err)
		return next
	}
	for _, c := range chats {
		now := r.cfg.now()
		d := digest.Decide(now, c.Plan(r.cfg.DigestAt))
		if d.What == digest.Wait {
			next = min(next, max(0, d.Next.Sub(now)))
			continue
		}
		next = min(next, r.cfg.retry) // should it fail
		if !r.daily.take(c.ID) {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			r.daily.give(c.ID, 0)
			return next
		}
		posts.Go(func() {
			defer func() { <-slots }()
			r.due(ctx, c.ID)
		})
	}
	return next
}

// due does what a chat wants now, and returns it to the schedule.
func (r *runner) due(ctx context.Context, chat int64) {
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	c, _, err := r.store.Chat(chat)
	d := digest.Decide(r.cfg.now(), c.Plan(r.cfg.DigestAt))
	switch {
	case err != nil, !c.Subscribed, d.What == digest.Wait:
	case d.What == digest.Mend:
		r.log.Warn("clock was ahead: the schedule begins anew", "chat", chat, "settled", string(c.Settled))
		_, err = r.store.Update(chat, func(c *store.Chat) { c.Settled = d.Day })
	case d.What == digest.Skip:
		err = r.skip(ctx, c, d)
	default:
		if err = r.deliver(ctx, c, d); err == nil {
			r.log.Info("digest was sent", "chat", chat, "day", string(d.Day))
		}
	}
	if err == nil {
		r.daily.give(chat, 0)
		return
	}
	rest := r.cfg.retry
	if _, gone := errors.AsType[*goneError](err); gone {
		r.forget(chat, err)
	} else if ctx.Err() == nil {
		if _, refused := errors.AsType[*tgbotapi.Error](err); refused {
			rest = retryRefused
		}
		r.log.Error("digest was not sent; it is tried again", "chat", chat, "day", string(d.Day), "cause", err, "in", rest)
	}
	r.daily.give(chat, rest)
}

// deliver sends the digest and records it.
func (r *runner) deliver(ctx context.Context, c store.Chat, d digest.Decision) error {
	market, err := r.feed.Fresh(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.tellLate(ctx, c, d, err)
		}
		return err
	}
	r.pricesAreBack()
	now := r.cfg.now()
	h := digest.Head{Now: now, Missed: d.Missed, Failed: c.LateTold == d.Day}
	if d.Late(now) > 0 {
		h.Due = d.Due
	}
	if err := r.post(ctx, c.ID, market, c, h); err != nil {
		return err
	}
	return r.settle(c.ID, d.Day)
}

// skip says that the digest is left out, and records it. A chat that refuses the note is not asked again.
func (r *runner) skip(ctx context.Context, c store.Chat, d digest.Decision) error {
	_, err := r.out.send(ctx, c.ID, plain(digest.SkipNote(d, c.LateTold == d.Day, d.Next)))
	if api, ok := errors.AsType[*tgbotapi.Error](err); err != nil && (!ok || api.Code != http.StatusBadRequest) {
		return err
	}
	r.log.Warn("digest was left out", "chat", c.ID, "day", string(d.Day), "missed", d.Missed)
	return r.settle(c.ID, d.Day)
}

// settle records that day is done. The chat may have become another one on the way; Move has taken its record along.
func (r *runner) settle(chat int64, day digest.Day) error {
	if to, ok := r.out.movedTo(chat); ok {
		chat = to
	}
	return r.store.Settle(chat, day)
}

// tellLate tells a chat, once, and the administrators, once, that there are no prices.
func (r *runner) tellLate(ctx context.Context, c store.Chat, d digest.Decision, cause error) {
	if d.Late(r.cfg.now()) == 0 {
		return
	}
	if c.LateTold != d.Day {
		_, err := r.out.send(ctx, c.ID, plain(digest.LateNote(d.Due)))
		if err == nil {
			_, err = r.store.Update(c.ID, func(c *store.Chat) { c.LateTold = d.Day })
		}
		if err != nil {
			r.log.Error("chat was not told that its digest is late", "chat", c.ID, "cause", err)
		}
	}
	r.daily.mu.Lock()
	told := r.daily.troubled
	r.daily.troubled = true
	r.daily.mu.Unlock()
	if told {
		return
	}
	for _, admin := range r.cfg.Admins {
		text := fmt.Sprintf("Digests are late, for no price source answers:\n%v", cause)
		if _, err := r.out.send(ctx, admin, plain(text)); err != nil {
			r.log.Warn("administrator was not told", "chat", admin, "cause", err)
		}
	}
}

func (r *runner) pricesAreBack() {
	r.daily.mu.Lock()
	defer r.daily.mu.Unlock()
	r.daily.troubled = false
}
