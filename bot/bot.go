// Package bot is the bundled bot: what "botctl run" supervises when no command is
// given, and the reference for how a bot works together with a supervisor. It answers commands and sends a daily
// digest of coin prices to the chats that subscribed to it.
//
// It polls in a loop of its own instead of the library's channel, which hides errors and cannot be cancelled. The
// updates of one answer are handled side by side, those of one chat in order, and the next poll confirms them when
// all are done. It speaks sd_notify when NOTIFY_SOCKET is set. Nothing is opened or sent on its own account before
// the first answered poll, so that a copy whose polls are held back stays silent.
//
// What is kept is in the store, one file in Config.StateDir. A digest is recorded as sent after Telegram's answer:
// killed between the two, the bot sends it a second time.
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"botctl/bot/prices"
	"botctl/bot/store"
)

// ConflictError says that another poller took the poll, or a webhook is set. Retrying
// would take the poll away from the other in turn, so the bot ends instead.
type ConflictError struct{ Description string }

func (e *ConflictError) Error() string { return e.Description }

// RefusedError says that the Bot API refused the token.
type RefusedError struct{ Description string }

func (e *RefusedError) Error() string { return e.Description }

// StoreError says that the store cannot be used.
type StoreError struct{ cause error }

func (e *StoreError) Error() string { return e.cause.Error() }
func (e *StoreError) Unwrap() error { return e.cause }

// Held says whether another process has the store, so that a later try may do.
func (e *StoreError) Held() bool { return errors.Is(e.cause, store.ErrHeld) }

// Times of an end, together less than five seconds: the poll arrives, handlers end, what they did is confirmed.
const (
	arrivalLimit = 200 * time.Millisecond
	handlerLimit = 2500 * time.Millisecond
	confirmLimit = 2 * time.Second
)

// storeWait is how long a predecessor may take to close the store.
const storeWait = 20 * time.Second

// runner is one Run.
type runner struct {
	cfg    Config
	log    *slog.Logger
	notify *notifier
	poll   *tgbotapi.BotAPI // outlives the context of Run a little
	out    *outbox          // goes on while a handler ends
	ending context.Context  // of handlers: it ends handlerLimit after that of Run
	fail   context.CancelCauseFunc
	name   string
	began  time.Time
	parked bool        // the latest answer was not the server's
	held   atomic.Bool // the same, for the schedule: another copy of the bot may poll now, and send

	offset int   // the next one to ask for
	sent   int   // the offset of the last poll that reached the server
	done   []int // handled and not known to be confirmed
	ahead  map[int]bool

	store *store.Store // nil before the first answered poll
	feed  *prices.Feed
	album album
	daily daily
}

// Run polls and answers until ctx ends; it then finishes the handlers, confirms exactly what was
// handled, and returns nil. *ConflictError, *RefusedError and *StoreError end it for good.
func Run(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	stopped := ctx.Done() // a failure within is no stop
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	// A poll is not cut before it has arrived: one that arrives after its client has gone would take the slot from the
	// bot's successor.
	polling, endPolling := outlive(ctx, arrivalLimit)
	defer endPolling()
	ending, endHandlers := outlive(ctx, arrivalLimit+handlerLimit)
	defer endHandlers()
	r := newRunner(polling, ending, fail, cfg)
	err = r.run(ctx)
	select {
	case <-stopped:
		return nil
	default:
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
}

// outlive returns a context that ends so long after ctx.
func outlive(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(limit, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

func newRunner(polling, ending context.Context, fail context.CancelCauseFunc, cfg Config) *runner {
	r := &runner{
		cfg:    cfg,
		log:    cfg.Log,
		out:    newOutbox(newAPI(ending, cfg, sendLimit)),
		ending: ending,
		fail:   fail,
		notify: newNotifier(),
		began:  cfg.now(),
		feed:   prices.NewFeed(cfg.Prices),
		ahead:  map[int]bool{},
		daily:  newDaily(),
	}
	d := &doer{ctx: polling, http: cfg.HTTP, token: cfg.Token, parked: func() { r.parked = true }}
	r.poll = d.api(cfg.APIBase)
	r.out.moved, r.out.refuse = r.follow, func(err error) { fail(err) }
	return r
}

// run does the work between start and end.
func (r *runner) run(ctx context.Context) error {
	if err := r.introduce(ctx); err != nil {
		return err
	}
	defer r.notify.watch(ctx)()
	var daily sync.WaitGroup
	err := r.loop(ctx, func() { daily.Go(func() { r.schedule(ctx) }) })
	r.fail(err) // ends the schedule, if nothing else has
	r.notify.say("STOPPING=1")
	daily.Wait()
	if r.store == nil {
		return err
	}
	if _, conflict := errors.AsType[*ConflictError](err); !conflict {
		r.finish(context.WithoutCancel(ctx))
	}
	// What is still not confirmed comes again, and was answered all the same.
	if err := r.store.SetAhead(r.done); err != nil {
		r.log.Warn("answered updates were not recorded; the next start may answer them again", "cause", err)
	}
	if err := r.store.Close(); err != nil {
		r.log.Error("store was not closed", "cause", err)
	}
	return err
}

// introduce asks who we are and registers the commands, until the Bot API answers.
func (r *runner) introduce(ctx context.Context) error {
	for try := 1; ; try++ {
		me, err := r.poll.GetMe()
		if err == nil {
			r.name = me.UserName
			break
		}
		if err := r.pause(ctx, "getMe", err, try); err != nil {
			return err
		}
	}
	var list []tgbotapi.BotCommand
	for _, c := range commands() {
		list = append(list, tgbotapi.BotCommand{Command: c.name, Description: c.help})
	}
	if _, err := r.poll.Request(tgbotapi.NewSetMyCommands(list...)); err != nil && ctx.Err() == nil {
		r.log.Warn("commands were not registered", "cause", err)
	}
	return ctx.Err()
}

// open opens the store: the poll is ours now.
func (r *runner) open(ctx context.Context) error {
	if r.store != nil {
		return nil
	}
	if err := os.MkdirAll(r.cfg.StateDir, 0o700); err != nil {
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			err = pe.Err
		}
		return &StoreError{fmt.Errorf("state folder %q: %w", r.cfg.StateDir, err)}
	}
	id, _, _ := strings.Cut(r.cfg.Token, ":")
	path := filepath.Join(r.cfg.StateDir, "bot-"+id+".db")
	for end := time.Now().Add(storeWait); ; {
		s, err := store.Open(path, 100*time.Millisecond)
		if err == nil {
			r.store = s
			break
		}
		if !errors.Is(err, store.ErrHeld) || time.Now().After(end) {
			return &StoreError{err}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	ids, err := r.store.Ahead()
	if err != nil {
		return &StoreError{err}
	}
	for _, id := range ids {
		r.ahead[id] = true
	}
	if chat := r.cfg.DigestChat; chat != 0 {
		if _, err := r.store.Update(chat, r.subscribe); err != nil {
			return &StoreError{err}
		}
	}
	r.log.Info("bot is ready", "bot", "@"+r.name)
	return nil
}

// follow takes what is known of a group to the supergroup that it became.
func (r *runner) follow(from, to int64) {
	r.log.Info("group became a supergroup", "chat", from, "new_chat", to)
	if err := r.store.Move(from, to); err != nil {
		r.log.Error("what is known of the group was not moved", "chat", from, "cause", err)
	}
}
