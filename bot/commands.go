package bot

import (
	"context"
	"fmt"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"botctl/bot/digest"
	"botctl/bot/store"
)

// command is one that the bot knows.
type command struct {
	name, help string
	changes    bool // what the chat gets
	do         func(r *runner, ctx context.Context, m request) error
}

// commands are in the order in which Telegram offers them.
func commands() []command {
	return []command{
		{"start", "what this bot is", false, (*runner).start},
		{"help", "what this bot knows", false, (*runner).help},
		{"digest", "the prices now", false, (*runner).digestNow},
		{"subscribe", "get the digest every day", true, (*runner).subscribeChat},
		{"unsubscribe", "no more daily digest", true, (*runner).unsubscribeChat},
		{"coins", "choose the coins of the digest, and how its chart looks", true, (*runner).coins},
		{"time", "choose the hour of the digest (UTC)", true, (*runner).hour},
		{"test_digest", "the next daily digest, now and as a test", false, (*runner).testDigest},
		{"status", "how the bot is", false, (*runner).status},
	}
}

func helpText() string {
	var b strings.Builder
	for _, c := range commands() {
		fmt.Fprintf(&b, "/%s – %s\n", c.name, c.help)
	}
	return strings.TrimSpace(b.String())
}

func (r *runner) start(ctx context.Context, m request) error {
	hello := "Hello"
	if m.From != nil && m.From.FirstName != "" {
		hello += ", " + m.From.FirstName
	}
	return r.say(ctx, m.Chat.ID, hello+". I am @"+r.name+", and I send a digest of coin prices, now or once a day.\n\n"+helpText())
}

func (r *runner) help(ctx context.Context, m request) error { return r.say(ctx, m.Chat.ID, helpText()) }

// subscribe makes c get the digest from now on. A chat that has it keeps its place.
func (r *runner) subscribe(c *store.Chat) {
	if !c.Subscribed {
		c.Subscribed, c.Since, c.Owed = true, r.cfg.now(), false
	}
}

func (r *runner) subscribeChat(ctx context.Context, m request) error {
	c, err := r.change(ctx, m.Chat.ID, r.subscribe)
	if err != nil {
		return err
	}
	plan := c.Plan(r.cfg.DigestAt)
	return r.say(ctx, m.Chat.ID, fmt.Sprintf("The digest comes every day at %v UTC; the next one on %s.\n/coins and /time change it, /unsubscribe ends it.", plan.At, digest.Moment(plan.Next(r.cfg.now()))))
}

func (r *runner) unsubscribeChat(ctx context.Context, m request) error {
	had := false
	_, err := r.change(ctx, m.Chat.ID, func(c *store.Chat) { had, c.Subscribed = c.Subscribed, false })
	switch {
	case err != nil:
		return err
	case m.Chat.ID == r.cfg.DigestChat:
		return r.say(ctx, m.Chat.ID, "No daily digest for now. This chat is named in "+envChat+", so it comes back with my next start.")
	case !had:
		return r.say(ctx, m.Chat.ID, "This chat was not subscribed. /subscribe begins a daily digest.")
	}
	return r.say(ctx, m.Chat.ID, "No more daily digest. /subscribe begins it again, /digest sends one at once.")
}

// change updates what is known of a chat, and wakes the schedule. The chat is told when that fails.
func (r *runner) change(ctx context.Context, chat int64, with func(*store.Chat)) (store.Chat, error) {
	c, err := r.store.Update(chat, with)
	if err != nil {
		r.say(ctx, chat, "I cannot write to my store, so nothing was changed.")
		return c, err
	}
	r.daily.wake()
	return c, nil
}

func (r *runner) digestNow(ctx context.Context, m request) error {
	return r.sendNow(ctx, m, func(store.Chat, digest.Plan) digest.Head { return digest.Head{Now: r.cfg.now()} })
}

func (r *runner) testDigest(ctx context.Context, m request) error {
	return r.sendNow(ctx, m, func(c store.Chat, plan digest.Plan) digest.Head {
		now := r.cfg.now()
		if !c.Subscribed {
			plan.Since = now
		}
		return digest.Head{Now: now, Test: plan.Next(now), Unordered: !c.Subscribed}
	})
}

// sendNow answers with a digest of the prices now, or of the latest that are known, with a word on it.
func (r *runner) sendNow(ctx context.Context, m request, head func(store.Chat, digest.Plan) digest.Head) error {
	c, _, err := r.store.Chat(m.Chat.ID)
	if err != nil {
		r.say(ctx, m.Chat.ID, "I cannot read my store.")
		return err
	}
	h := head(c, c.Plan(r.cfg.DigestAt))
	asking, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	market, err := r.feed.Fresh(asking)
	if err != nil {
		if ctx.Err() != nil {
			return &unsentError{ctx.Err()}
		}
		r.log.Warn("no prices", "chat", m.Chat.ID, "cause", err)
		latest, known := r.feed.Latest()
		if !known {
			return r.say(ctx, m.Chat.ID, "No price source answers now. Please try again in a minute.")
		}
		market, h.Old = latest, true
	}
	return r.post(ctx, m.Chat.ID, market, c, h)
}

// plain is a text for any chat.
func plain(text string) func(int64) tgbotapi.Chattable {
	return func(chat int64) tgbotapi.Chattable { return tgbotapi.NewMessage(chat, text) }
}
