package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

// Telegram's limits for messages (core.telegram.org/bots/faq, "My bot is hitting limits"). Both are kept from an answer to
// the next request, so that they hold at the server, whatever the way there takes.
const (
	perChat   = time.Second // between two messages to a chat
	perSecond = 30          // messages over all
)

// unsentError says that a message has certainly not been sent, and so may be sent later.
type unsentError struct{ cause error }

func (e *unsentError) Error() string { return "not sent: " + e.cause.Error() }
func (e *unsentError) Unwrap() error { return e.cause }

// goneError says that nothing can be sent to a chat any more: the bot was blocked, thrown out, or the chat is not there.
type goneError struct{ Description string }

func (e *goneError) Error() string { return e.Description }

// outbox sends messages within Telegram's limits and tries again where that helps. It may be used concurrently.
type outbox struct {
	api    *tgbotapi.BotAPI
	slots  chan time.Time // one for each message of a second: when it may be used again
	moved  func(from, to int64)
	refuse func(error) // is told when the token is refused
	jitter func(try int) time.Duration

	mu    sync.Mutex // guards what follows
	lanes map[int64]*lane
	moves map[int64]int64 // groups that became supergroups
}

// lane is the way to one chat.
type lane struct {
	users int           // who send or wait to send; guarded by the outbox's lock
	turn  chan struct{} // holds one token
	until time.Time     // nothing is sent before it. Guarded by turn.
}

func newOutbox(api *tgbotapi.BotAPI) *outbox {
	o := &outbox{
		api: api, jitter: jitter,
		slots: make(chan time.Time, perSecond),
		moved: func(int64, int64) {}, refuse: func(error) {},
		lanes: map[int64]*lane{},
		moves: map[int64]int64{},
	}
	for range perSecond {
		o.slots <- time.Time{}
	}
	return o
}

// movedTo is what a group became while this outbox sent to it.
func (o *outbox) movedTo(chat int64) (to int64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	to, ok = o.moves[chat]
	return to, ok
}

// maxLanes is how many idle ones are kept: they know when the chat's last message was sent.
const maxLanes = 10_000

// enter takes the lane of a chat, or gives up with ctx.
func (o *outbox) enter(ctx context.Context, chat int64) (*lane, error) {
	o.mu.Lock()
	l := o.lanes[chat]
	if l == nil {
		o.sweep()
		l = &lane{turn: make(chan struct{}, 1)}
		l.turn <- struct{}{}
		o.lanes[chat] = l
	}
	l.users++
	o.mu.Unlock()
	select {
	case <-l.turn:
		return l, nil
	case <-ctx.Done():
		o.mu.Lock()
		defer o.mu.Unlock()
		l.users--
		return nil, ctx.Err()
	}
}

func (o *outbox) leave(l *lane) {
	l.turn <- struct{}{}
	o.mu.Lock()
	defer o.mu.Unlock()
	l.users--
}

// sweep forgets lanes that hold nothing back any more.
func (o *outbox) sweep() {
	if len(o.lanes) < maxLanes {
		return
	}
	now := time.Now()
	for chat, l := range o.lanes {
		if l.users == 0 && now.After(l.until) {
			delete(o.lanes, chat)
		}
	}
}

// send sends what message makes for a chat, in its turn, until it is sent, it is clear that it cannot be, or ctx
// ends. A group that has become a supergroup is followed. Errors: *goneError; *unsentError when ctx ended before
// the server can have taken it; any other means that nobody knows, or that the server refused this message.
//
// A network error leaves open whether the message was taken: it is sent again, and so may come twice.
func (o *outbox) send(ctx context.Context, chat int64, message func(chat int64) tgbotapi.Chattable) (tgbotapi.Message, error) {
	for try, moves := 1, 0; ; try++ {
		var m tgbotapi.Message
		err := o.attempt(ctx, chat, func() (err error) {
			m, err = o.call(message(chat))
			return err
		})
		if err == nil {
			return m, nil
		}
		api, answered := errors.AsType[*tgbotapi.Error](err)
		switch {
		case answered && api.MigrateToChatID != 0 && moves < 3:
			o.moved(chat, api.MigrateToChatID)
			o.mu.Lock()
			o.moves[chat] = api.MigrateToChatID
			o.mu.Unlock()
			chat = api.MigrateToChatID
			moves++
			continue
		case answered && isGone(api):
			return m, &goneError{api.Message}
		case answered && api.Code == http.StatusUnauthorized:
			refused := &RefusedError{Description: api.Message}
			o.refuse(refused)
			return m, refused
		case answered && api.Code < 500 && api.Code != http.StatusTooManyRequests, isUnsent(err):
			return m, err
		}
		if err := o.rest(ctx, chat, api, try); err != nil {
			if answered || neverArrived(err) {
				err = &unsentError{err}
			}
			return m, err
		}
	}
}

// call is one request. The library leaves the code out of the error of an upload; its answer has it.
func (o *outbox) call(c tgbotapi.Chattable) (m tgbotapi.Message, err error) {
	resp, err := o.api.Request(c)
	if api, ok := errors.AsType[*tgbotapi.Error](err); ok && api.Code == 0 && resp != nil {
		api.Code = resp.ErrorCode
	}
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(resp.Result, &m)
}

// attempt is one try in the chat's lane, within the limits.
func (o *outbox) attempt(ctx context.Context, chat int64, do func() error) error {
	l, err := o.enter(ctx, chat)
	if err != nil {
		return &unsentError{err}
	}
	defer o.leave(l)
	if err := waitUntil(ctx, l.until); err != nil {
		return &unsentError{err}
	}
	var slot time.Time
	select {
	case slot = <-o.slots:
	case <-ctx.Done():
		return &unsentError{ctx.Err()}
	}
	if err := waitUntil(ctx, slot); err != nil {
		o.slots <- slot
		return &unsentError{err}
	}
	err = do()
	answered := time.Now()
	o.slots <- answered.Add(time.Second)
	l.until = answered.Add(perChat)
	if api, ok := errors.AsType[*tgbotapi.Error](err); ok && api.RetryAfter > 0 {
		l.until = answered.Add(time.Duration(api.RetryAfter) * time.Second)
	}
	return err
}

// rest waits before the next try: as long as the server wants, and else a random while.
func (o *outbox) rest(ctx context.Context, chat int64, api *tgbotapi.Error, try int) error {
	if api != nil && api.RetryAfter > 0 {
		wait := time.Duration(api.RetryAfter) * time.Second
		if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
			return fmt.Errorf("chat %d: the server wants %v of rest: %w", chat, wait, context.DeadlineExceeded)
		}
		return nil // the lane waits
	}
	return waitUntil(ctx, time.Now().Add(o.jitter(try)))
}

func waitUntil(ctx context.Context, t time.Time) error {
	wait := time.Until(t)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isGone: 403 is a bot that was blocked or thrown out, or a user who deleted the account; the server says 400 for chats
// that are not there.
func isGone(api *tgbotapi.Error) bool {
	return api.Code == http.StatusForbidden || api.Code == http.StatusBadRequest && (api.Message == "Bad Request: chat not found" || api.Message == "Bad Request: group chat was deactivated")
}

func isUnsent(err error) bool {
	_, ok := errors.AsType[*unsentError](err)
	return ok
}

// neverArrived: a connection that was not made carried nothing.
func neverArrived(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
