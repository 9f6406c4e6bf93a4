package bot

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

// Times of the loop.
const (
	maxPollSeconds = 50
	conflictDelay  = 3 * time.Second // a 409 may come so much after the poll's own time
	margin         = 7 * time.Second
	retryFrom      = time.Second
	retryTo        = 30 * time.Second
	sendLimit      = 20 * time.Second
	answerLimit    = 30 * time.Second // for one update: it holds up the next poll
)

// loop polls, handles, and polls again. It calls begin after the first answered poll, with the store open.
func (r *runner) loop(ctx context.Context, begin func()) error {
	begun := false
	for try := 1; ctx.Err() == nil; {
		updates, err := r.getUpdates()
		if err != nil {
			if err := r.pause(ctx, "getUpdates", err, try); err != nil {
				return err
			}
			try++
			continue
		}
		try = 1
		if r.held.Store(r.parked); r.parked {
			r.notify.alive()
			continue
		}
		if !begun {
			if err := r.open(ctx); err != nil {
				return err
			}
			begin()
			begun = true
		}
		r.notify.polled()
		r.handleAll(updates)
	}
	return ctx.Err()
}

// firstPoll is the time of polls before the first answer, in seconds: until then the bot does not know that the poll is
// its own, and does nothing. A shorter one would not take the poll from another (below 3 s, the server answers at once or
// makes it 3 s).
const firstPoll = 3

// getUpdates is the long poll.
func (r *runner) getUpdates() ([]tgbotapi.Update, error) {
	seconds := r.cfg.PollSeconds
	if r.store == nil {
		seconds = min(seconds, firstPoll)
	}
	return r.askFrom(r.poll, tgbotapi.Params{"timeout": strconv.Itoa(seconds), "allowed_updates": `["message","callback_query","my_chat_member"]`})
}

// askFrom asks from offset on, which confirms all below; an absent offset begins at the oldest update that is not
// confirmed.
func (r *runner) askFrom(api *tgbotapi.BotAPI, p tgbotapi.Params) ([]tgbotapi.Update, error) {
	if r.offset > 0 {
		p["offset"] = strconv.Itoa(r.offset)
	}
	r.parked = false
	resp, err := api.MakeRequest("getUpdates", p)
	if err != nil {
		return nil, err
	}
	if !r.parked {
		r.reached(r.offset)
	}
	var updates []tgbotapi.Update
	err = json.Unmarshal(resp.Result, &updates)
	return updates, err
}

// reached notes that the server knows offset.
func (r *runner) reached(offset int) {
	r.sent = offset
	r.done = slices.DeleteFunc(r.done, func(id int) bool { return id < offset })
}

// handleAll handles the updates of one answer, those of different chats side by side. What a stop left undone, and
// all that came after it, is not confirmed.
func (r *runner) handleAll(updates []tgbotapi.Update) {
	updates = slices.DeleteFunc(updates, func(u tgbotapi.Update) bool {
		return u.UpdateID < r.offset // a server that restarts may begin anew below
	})
	finished := make([]bool, len(updates))
	byChat := map[int64][]int{}
	for i, u := range updates {
		byChat[chatOf(u)] = append(byChat[chatOf(u)], i)
	}
	var chats sync.WaitGroup
	for _, list := range byChat {
		chats.Go(func() {
			for _, i := range list {
				if finished[i] = r.ahead[updates[i].UpdateID] || r.handle(updates[i]); !finished[i] {
					return
				}
			}
		})
	}
	chats.Wait()
	whole := true
	for i, u := range updates {
		if finished[i] {
			r.done = append(r.done, u.UpdateID)
		}
		if whole = whole && finished[i]; whole {
			r.offset = u.UpdateID + 1
		}
	}
}

// finish tells the server what was handled. Its answer holds an update when one came meanwhile: that is handled too while
// there is time, and else stays unconfirmed.
func (r *runner) finish(ctx context.Context) {
	api := newAPI(ctx, r.cfg, confirmLimit)
	for r.offset != r.sent {
		updates, err := r.askFrom(api, tgbotapi.Params{"limit": "1", "timeout": "0"})
		if err != nil {
			r.log.Warn("handled updates were not confirmed", "below", r.offset, "cause", err)
			return
		}
		if r.ending.Err() == nil {
			r.handleAll(updates)
		}
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
	return waitUntil(ctx, time.Now().Add(wait))
}

// jitter is a random pause below 1 s doubling to 30 s, and at least a tenth of that.
func jitter(try int) time.Duration {
	limit := retryTo
	if try < 6 {
		limit = min(retryFrom<<(try-1), retryTo)
	}
	return limit/10 + rand.N(limit-limit/10)
}
