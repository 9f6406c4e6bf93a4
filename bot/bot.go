// Package bot is the bundled bot: what "botctl run" supervises when no command is
// given, and the reference for how a bot works together with a supervisor.
//
// It polls in a loop of its own instead of the library's channel, which hides
// errors and cannot be cancelled. An update is confirmed by the next poll, after its handler
// has ended. It speaks sd_notify when NOTIFY_SOCKET is set.
package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

// Config is what the bot needs. Token must be set.
type Config struct {
	Token   string
	APIBase string // default https://api.telegram.org
	Log     *slog.Logger
	// PollSeconds is how long a poll may wait, 1 to 50; 0: 50.
	PollSeconds int
	HTTP        *http.Client // default: one whose limit is above that of a poll
}

// ConflictError says that another poller took the poll, or a webhook is set. Retrying
// would take the poll away from the other in turn, so the bot ends instead.
type ConflictError struct{ Description string }

func (e *ConflictError) Error() string { return e.Description }

// RefusedError says that the Bot API refused the token.
type RefusedError struct{ Description string }

func (e *RefusedError) Error() string { return e.Description }

// ErrBase says that Config.APIBase is no URL.
var ErrBase = errors.New("API base")

// Times of the loop.
const (
	maxPollSeconds = 50
	conflictDelay  = 3 * time.Second // a 409 may come so much after the poll's own time
	margin         = 7 * time.Second
	retryFrom      = time.Second
	retryTo        = 30 * time.Second
	confirmLimit   = 3700 * time.Millisecond // the server may hold a call for 3 s whose offset it has just seen
	arrivalLimit   = 200 * time.Millisecond  // for a poll that a stop meets under way
	handlerLimit   = time.Second             // for the handler that a stop meets
	sendLimit      = 20 * time.Second
)

// runner is one Run.
type runner struct {
	cfg    Config
	poll   *tgbotapi.BotAPI // outlives the context of Run a little
	send   *tgbotapi.BotAPI // goes on while a handler ends
	log    *slog.Logger
	notify *notifier
	offset int // the next one to ask for
	sent   int // the offset of the last poll that reached the server
	name   string
}

// Run polls and answers until ctx ends; it then finishes the handler, confirms exactly what was
// handled, and returns nil. *ConflictError and *RefusedError end it for good.
func Run(ctx context.Context, cfg Config) error {
	if err := checkBase(cfg.APIBase); err != nil {
		return err
	}
	// A handler that a stop meets may end its work, but not keep the stop waiting. A poll is not
	// cut before it has arrived: one that arrives after its client has gone would take the slot from
	// the bot's successor.
	sending, endSending := outlive(ctx, handlerLimit)
	defer endSending()
	polling, endPolling := outlive(ctx, arrivalLimit)
	defer endPolling()
	r := newRunner(polling, sending, cfg)
	if err := r.introduce(ctx); err != nil {
		return orStopped(ctx, err)
	}
	defer r.notify.watch(ctx)()
	err := r.loop(ctx)
	if ctx.Err() == nil {
		return err
	}
	r.notify.say("STOPPING=1")
	r.confirm(context.WithoutCancel(ctx))
	return nil
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

// checkBase refuses what is no URL before the library quotes it, token and all, in an error.
func checkBase(base string) error {
	u, err := url.Parse(base)
	if base != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%w %q: want a URL such as https://api.telegram.org", ErrBase, base)
	}
	return nil
}

func newRunner(polling, sending context.Context, cfg Config) *runner {
	if cfg.APIBase == "" {
		cfg.APIBase = "https://api.telegram.org"
	}
	if cfg.PollSeconds <= 0 || cfg.PollSeconds > maxPollSeconds {
		cfg.PollSeconds = maxPollSeconds
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: time.Duration(cfg.PollSeconds)*time.Second + conflictDelay + margin}
	}
	return &runner{
		cfg:    cfg,
		poll:   newAPI(polling, cfg, 0),
		send:   newAPI(sending, cfg, sendLimit),
		log:    cfg.Log,
		notify: newNotifier(),
	}
}

func orStopped(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
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
	list := make([]tgbotapi.BotCommand, 0, len(commands))
	for _, c := range commands {
		list = append(list, tgbotapi.BotCommand{Command: c.name, Description: c.help})
	}
	if _, err := r.poll.Request(tgbotapi.NewSetMyCommands(list...)); err != nil && ctx.Err() == nil {
		r.log.Warn("commands were not registered", "cause", err)
	}
	r.log.Info("bot is ready", "bot", "@"+r.name)
	return ctx.Err()
}

// loop polls, handles in order, and polls again.
func (r *runner) loop(ctx context.Context) error {
	for try := 1; ctx.Err() == nil; {
		updates, err := r.getUpdates()
		if err != nil {
			if err := r.pause(ctx, "getUpdates", err, try); err != nil {
				return err
			}
			try++
			continue
		}
		if ctx.Err() != nil {
			break // not handled, so not confirmed: the next start gets them
		}
		try = 1
		r.notify.polled()
		for _, u := range updates {
			r.handle(u)
			r.offset = u.UpdateID + 1
			if ctx.Err() != nil {
				return nil
			}
		}
	}
	return nil
}

// pollParams: an absent offset begins at the oldest update that is not confirmed.
func (r *runner) getUpdates() ([]tgbotapi.Update, error) {
	p := tgbotapi.Params{"timeout": strconv.Itoa(r.cfg.PollSeconds), "allowed_updates": `["message"]`}
	if r.offset > 0 {
		p["offset"] = strconv.Itoa(r.offset)
	}
	resp, err := r.poll.MakeRequest("getUpdates", p)
	if err != nil {
		return nil, err
	}
	r.sent = r.offset
	var updates []tgbotapi.Update
	err = json.Unmarshal(resp.Result, &updates)
	return updates, err
}

// confirm tells the server what was handled, unless the last poll said so already. The answer
// holds at most one update, which stays unconfirmed.
func (r *runner) confirm(ctx context.Context) {
	if r.offset == r.sent {
		return
	}
	api := newAPI(ctx, r.cfg, confirmLimit)
	_, err := api.MakeRequest("getUpdates", tgbotapi.Params{"offset": strconv.Itoa(r.offset), "limit": "1", "timeout": "0"})
	if err != nil {
		r.log.Warn("handled updates were not confirmed; the next start may get them again", "below", r.offset, "cause", err)
	}
}

// pause waits before the next try, or returns what no further try can cure.
func (r *runner) pause(ctx context.Context, method string, err error, try int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	wait := jitter(try)
	if api, ok := errors.AsType[*tgbotapi.Error](err); ok {
		switch {
		case api.Code == http.StatusConflict:
			r.log.Error("getUpdates refused", "error_code", 409, "cause", api.Message)
			return &ConflictError{Description: api.Message}
		case api.Code == http.StatusUnauthorized, api.Code == http.StatusNotFound:
			r.log.Error("token refused", "error_code", api.Code, "cause", api.Message)
			return &RefusedError{Description: api.Message}
		case api.RetryAfter > 0:
			wait = time.Duration(api.RetryAfter) * time.Second
		}
	}
	r.log.Warn("Bot API not reached, trying again", "method", method, "cause", err, "in", wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jitter is a random pause below 1 s doubling to 30 s, and at least a tenth of that.
func jitter(try int) time.Duration {
	limit := retryTo
	if try < 6 {
		limit = min(retryFrom<<(try-1), retryTo)
	}
	return limit/10 + rand.N(limit-limit/10)
}
