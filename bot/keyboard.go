package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"botctl/bot/coin"
	"botctl/bot/digest"
	"botctl/bot/store"
)

// What buttons say when they are pressed: what shall be, not what shall change, so that one that comes twice does
// nothing the second time.
const (
	pressCoin  = "coin"  // coin:ID:on, coin:ID:off
	pressChart = "chart" // chart:dark, chart:light
	pressTime  = "time"  // time:HH:MM
	pressDone  = "done"
)

const coinsPerRow, hoursPerRow = 3, 6

func (r *runner) coins(ctx context.Context, m request) error {
	c, _, err := r.store.Chat(m.Chat.ID)
	if err != nil {
		return err
	}
	return r.sayWith(ctx, m.Chat.ID, coinsText(c), coinsKeyboard(c))
}

func coinsText(c store.Chat) string {
	return fmt.Sprintf("The digest follows %d of at most %d coins. Tap to change.", len(c.Follows()), coin.MaxFollowed)
}

func coinsKeyboard(c store.Chat) tgbotapi.InlineKeyboardMarkup {
	var buttons []tgbotapi.InlineKeyboardButton
	follows := c.Follows()
	for _, known := range coin.All() {
		if slices.Contains(follows, known) {
			buttons = append(buttons, tgbotapi.NewInlineKeyboardButtonData("✓ "+known.Symbol, pressCoin+":"+known.ID+":off"))
		} else {
			buttons = append(buttons, tgbotapi.NewInlineKeyboardButtonData(known.Symbol, pressCoin+":"+known.ID+":on"))
		}
	}
	look := tgbotapi.NewInlineKeyboardButtonData("Chart: light", pressChart+":dark")
	if c.Dark {
		look = tgbotapi.NewInlineKeyboardButtonData("Chart: dark", pressChart+":light")
	}
	done := tgbotapi.NewInlineKeyboardButtonData("Done", pressDone)
	return keyboard(slices.Collect(slices.Chunk(buttons, coinsPerRow)), []tgbotapi.InlineKeyboardButton{look, done})
}

func keyboard(rows [][]tgbotapi.InlineKeyboardButton, last []tgbotapi.InlineKeyboardButton) tgbotapi.InlineKeyboardMarkup {
	return tgbotapi.NewInlineKeyboardMarkup(append(rows, last)...)
}

func (r *runner) hour(ctx context.Context, m request) error {
	if m.args != "" {
		at, err := digest.ParseMinute(m.args)
		if err != nil {
			return r.say(ctx, m.Chat.ID, "I cannot read that. Please give "+err.Error()+": /time 09:00")
		}
		c, err := r.setHour(ctx, m.Chat.ID, at)
		if err != nil {
			return err
		}
		return r.say(ctx, m.Chat.ID, r.hourText(c))
	}
	c, _, err := r.store.Chat(m.Chat.ID)
	if err != nil {
		return err
	}
	return r.sayWith(ctx, m.Chat.ID, r.hourText(c)+"\nTap an hour, or write one: /time 07:30", r.hourKeyboard(c))
}

func (r *runner) hourText(c store.Chat) string {
	plan := c.Plan(r.cfg.DigestAt)
	if !c.Subscribed {
		return fmt.Sprintf("The hour of this chat's digest is %v UTC, once it subscribes: /subscribe.", plan.At)
	}
	return fmt.Sprintf("The digest comes every day at %v UTC; the next one on %s.", plan.At, digest.Moment(plan.Next(r.cfg.now())))
}

func (r *runner) hourKeyboard(c store.Chat) tgbotapi.InlineKeyboardMarkup {
	var buttons []tgbotapi.InlineKeyboardButton
	for h := range 24 {
		at := digest.Minute(h * 60)
		text := at.String()
		if at == c.Plan(r.cfg.DigestAt).At {
			text = "✓ " + text
		}
		buttons = append(buttons, tgbotapi.NewInlineKeyboardButtonData(text, pressTime+":"+at.String()))
	}
	return keyboard(slices.Collect(slices.Chunk(buttons, hoursPerRow)), []tgbotapi.InlineKeyboardButton{tgbotapi.NewInlineKeyboardButtonData("Done", pressDone)})
}

func (r *runner) setHour(ctx context.Context, chat int64, at digest.Minute) (store.Chat, error) {
	return r.change(ctx, chat, func(c *store.Chat) {
		plan := c.Plan(r.cfg.DigestAt)
		if c.Subscribed {
			plan = plan.Reschedule(r.cfg.now(), at)
		}
		minutes := int(at)
		c.At, c.Since, c.Owed = &minutes, plan.Since, plan.Owed
	})
}

// press does what a button says, and answers it.
func (r *runner) press(ctx context.Context, q *tgbotapi.CallbackQuery) error {
	note := r.pressed(ctx, q)
	// Only the person who pressed waits for this; it is no message, and worth no second try.
	if _, err := r.out.api.Request(tgbotapi.NewCallback(q.ID, note.text)); err != nil {
		r.log.Warn("button was not answered", "cause", err)
	}
	return note.err
}

// note is what a press comes to.
type note struct {
	text string // shown for a moment; may be empty
	err  error
}

func (r *runner) pressed(ctx context.Context, q *tgbotapi.CallbackQuery) note {
	if q.Message == nil {
		return note{text: "This is too old. Please ask again."}
	}
	if !r.mayChange(q.Message.Chat, q.From) {
		return note{text: "In a group, that is for my administrators."}
	}
	chat := q.Message.Chat.ID
	what, value, _ := strings.Cut(q.Data, ":")
	switch what {
	case pressCoin:
		id, state, _ := strings.Cut(value, ":")
		refusal := ""
		c, err := r.change(ctx, chat, func(c *store.Chat) { refusal = follow(c, id, state == "on") })
		if refusal != "" || err != nil {
			return note{refusal, err}
		}
		return note{err: r.redraw(ctx, q.Message, coinsText(c), coinsKeyboard(c))}
	case pressChart:
		c, err := r.change(ctx, chat, func(c *store.Chat) { c.Dark = value == "dark" })
		if err != nil {
			return note{err: err}
		}
		return note{err: r.redraw(ctx, q.Message, coinsText(c), coinsKeyboard(c))}
	case pressTime:
		at, err := digest.ParseMinute(value)
		if err != nil {
			break
		}
		c, err := r.setHour(ctx, chat, at)
		if err != nil {
			return note{err: err}
		}
		return note{err: r.redraw(ctx, q.Message, r.hourText(c), r.hourKeyboard(c))}
	case pressDone:
		return note{err: r.redraw(ctx, q.Message, q.Message.Text, tgbotapi.InlineKeyboardMarkup{InlineKeyboard: [][]tgbotapi.InlineKeyboardButton{}})}
	}
	return note{text: "I do not know this button. Please ask again."}
}

// follow adds or removes a coin; it says why it does not.
func follow(c *store.Chat, id string, on bool) (refusal string) {
	chosen, known := coin.ByID(id)
	if !known {
		return "I do not know this coin any more. Please ask again."
	}
	now := c.Follows()
	have := slices.Contains(now, chosen)
	switch {
	case on && !have && len(now) >= coin.MaxFollowed:
		return fmt.Sprintf("%d coins is as many as a digest can show.", coin.MaxFollowed)
	case on && !have:
		now = append(now, chosen)
	case !on && have && len(now) == 1:
		return "One coin has to stay. /unsubscribe ends the digest."
	case !on:
		now = slices.DeleteFunc(now, func(c coin.Coin) bool { return c == chosen })
	}
	c.Coins = nil
	for _, one := range now {
		c.Coins = append(c.Coins, one.ID)
	}
	return ""
}

// sayWith is say with buttons.
func (r *runner) sayWith(ctx context.Context, chat int64, text string, k tgbotapi.InlineKeyboardMarkup) error {
	_, err := r.out.send(ctx, chat, func(chat int64) tgbotapi.Chattable {
		m := tgbotapi.NewMessage(chat, text)
		m.ReplyMarkup = k
		return m
	})
	return err
}

// redraw shows the new state in the message whose button was pressed.
func (r *runner) redraw(ctx context.Context, m *tgbotapi.Message, text string, k tgbotapi.InlineKeyboardMarkup) error {
	_, err := r.out.send(ctx, m.Chat.ID, func(chat int64) tgbotapi.Chattable {
		return tgbotapi.NewEditMessageTextAndMarkup(chat, m.MessageID, text, k)
	})
	// What is shown already needs no change: the press came twice.
	if api, ok := errors.AsType[*tgbotapi.Error](err); ok && strings.Contains(api.Message, "message is not modified") {
		return nil
	}
	return err
}
