package bot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"botctl/bot/store"
)

// chatOf is the chat that an update belongs to; 0 for kinds that getUpdates does not ask for.
func chatOf(u tgbotapi.Update) int64 {
	switch {
	case u.Message != nil:
		return u.Message.Chat.ID
	case u.CallbackQuery != nil && u.CallbackQuery.Message != nil:
		return u.CallbackQuery.Message.Chat.ID
	case u.CallbackQuery != nil:
		return u.CallbackQuery.From.ID
	case u.MyChatMember != nil:
		return u.MyChatMember.Chat.ID
	}
	return 0
}

// handle answers one update. It is false when the bot is ending and the answer has certainly not been sent: the update
// is for the next start then. Any other failure is logged, and does not come again.
func (r *runner) handle(u tgbotapi.Update) (finished bool) {
	if r.ending.Err() != nil {
		return false
	}
	defer func() {
		// The same update would end the next start in the same way.
		if v := recover(); v != nil {
			r.log.Error("update was not handled", "update", u.UpdateID, "panic", v, "stack", string(debug.Stack()))
			finished = true
		}
	}()
	ctx, cancel := context.WithTimeout(r.ending, answerLimit)
	defer cancel()
	err := r.answer(ctx, u)
	if err == nil {
		return true
	}
	if r.ending.Err() != nil && isUnsent(err) {
		return false
	}
	if _, gone := errors.AsType[*goneError](err); gone {
		r.forget(chatOf(u), err)
		return true
	}
	attrs := []any{"update", u.UpdateID, "chat", chatOf(u), "cause", err}
	if api, ok := errors.AsType[*tgbotapi.Error](err); ok {
		attrs = append(attrs, "error_code", api.Code)
	}
	r.log.Error("answer was not sent", attrs...)
	return true
}

func (r *runner) answer(ctx context.Context, u tgbotapi.Update) error {
	switch {
	case u.Message != nil:
		return r.message(ctx, u.Message)
	case u.CallbackQuery != nil:
		return r.press(ctx, u.CallbackQuery)
	case u.MyChatMember != nil:
		m := u.MyChatMember
		if s := m.NewChatMember; s.HasLeft() || s.WasKicked() {
			r.forget(m.Chat.ID, errors.New("the bot was blocked or removed"))
		}
	}
	return nil
}

// forget ends the subscription of a chat to which nothing can be sent.
func (r *runner) forget(chat int64, why error) {
	c, known, err := r.store.Chat(chat)
	if err == nil && known && c.Subscribed {
		_, err = r.store.Update(chat, func(c *store.Chat) { c.Subscribed = false })
		r.log.Warn("chat was unsubscribed", "chat", chat, "cause", why)
	}
	if err != nil {
		r.log.Error("chat was not unsubscribed", "chat", chat, "cause", err)
	}
}

// request is a message of a chat to the bot.
type request struct {
	*tgbotapi.Message
	args string
}

func (r *runner) message(ctx context.Context, m *tgbotapi.Message) error {
	switch {
	case m.MigrateToChatID != 0:
		r.follow(m.Chat.ID, m.MigrateToChatID)
		return nil
	case m.MigrateFromChatID != 0:
		r.follow(m.MigrateFromChatID, m.Chat.ID)
		return nil
	case !m.IsCommand():
		return r.smallTalk(ctx, m)
	}
	name, to, addressed := strings.Cut(m.CommandWithAt(), "@")
	if addressed && !strings.EqualFold(to, r.name) {
		return nil // another bot's
	}
	list := commands()
	i := slices.IndexFunc(list, func(c command) bool { return strings.EqualFold(c.name, name) })
	switch {
	case i < 0 && !addressed && !m.Chat.IsPrivate():
		return nil // most likely another bot's
	case i < 0:
		return r.say(ctx, m.Chat.ID, fmt.Sprintf("I do not know /%s.\n\n%s", name, helpText()))
	case list[i].changes && !r.mayChange(m.Chat, m.From):
		return r.say(ctx, m.Chat.ID, "In a group, that is for my administrators. You can use it in a private chat with me.")
	}
	return list[i].do(r, ctx, request{m, strings.TrimSpace(m.CommandArguments())})
}

// smallTalk answers what is no command. In groups people talk to each other.
func (r *runner) smallTalk(ctx context.Context, m *tgbotapi.Message) error {
	switch {
	case !m.Chat.IsPrivate():
		return nil
	case m.Text != "":
		return r.say(ctx, m.Chat.ID, "I only understand commands.\n\n"+helpText())
	case m.Caption != "" || m.Photo != nil || m.Sticker != nil || m.Voice != nil || m.Video != nil || m.Document != nil || m.Audio != nil || m.Location != nil || m.Contact != nil:
		return r.say(ctx, m.Chat.ID, "I cannot do anything with that.\n\n"+helpText())
	}
	return nil // a service message
}

// isAdmin: without a list everybody is one.
func (r *runner) isAdmin(u *tgbotapi.User) bool {
	return len(r.cfg.Admins) == 0 || u != nil && slices.Contains(r.cfg.Admins, u.ID)
}

// mayChange says whether u decides what a chat gets: everybody for themselves, administrators for groups.
func (r *runner) mayChange(c *tgbotapi.Chat, u *tgbotapi.User) bool {
	return c.IsPrivate() || r.isAdmin(u)
}

// say sends plain text.
func (r *runner) say(ctx context.Context, chat int64, text string) error {
	_, err := r.out.send(ctx, chat, plain(text))
	return err
}
