package bot

import (
	"errors"
	"fmt"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

// command is one that the bot knows.
type command struct {
	name, help string
	answer     func(r *runner, m *tgbotapi.Message) string
}

// commands are in the order in which Telegram offers them.
var commands = []command{
	{"start", "say hello", func(r *runner, m *tgbotapi.Message) string {
		return "Hello" + named(m) + ". I am @" + r.name + ", the bot that comes with botctl.\nSend me a text and I send it back. /help lists what I know."
	}},
	{"help", "what this bot knows", func(*runner, *tgbotapi.Message) string { return helpText() }},
}

func helpText() string {
	return "/start: say hello\n/help: this list\nAny other text comes back to you."
}

func named(m *tgbotapi.Message) string {
	if m.From == nil || m.From.FirstName == "" {
		return ""
	}
	return ", " + m.From.FirstName
}

// reply is the answer to a message, "" for none.
func (r *runner) reply(m *tgbotapi.Message) string {
	if !m.IsCommand() {
		return m.Text
	}
	for _, c := range commands {
		if strings.EqualFold(c.name, m.Command()) {
			return c.answer(r, m)
		}
	}
	return fmt.Sprintf("I do not know /%s.\n%s", m.Command(), helpText())
}

// handle answers one update. A failure is logged and does not stop the others.
func (r *runner) handle(u tgbotapi.Update) {
	if u.Message == nil {
		return
	}
	text := r.reply(u.Message)
	if text == "" {
		return
	}
	if _, err := r.send.Send(tgbotapi.NewMessage(u.Message.Chat.ID, text)); err != nil {
		attrs := []any{"update", u.UpdateID, "cause", err}
		if api, ok := errors.AsType[*tgbotapi.Error](err); ok {
			attrs = append(attrs, "error_code", api.Code)
		}
		r.log.Error("answer was not sent", attrs...)
	}
}
