package sandbox

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// maxText is how long a message may be, in UTF-16 units.
const maxText = 4096

// methods are the calls besides getUpdates, by lower-cased name.
var methods = map[string]func(*Server, *client, params) reply{
	"getme":          (*Server).getMe,
	"setwebhook":     (*Server).setWebhook,
	"deletewebhook":  (*Server).deleteWebhook,
	"getwebhookinfo": (*Server).getWebhookInfo,
	"close":          (*Server).closeBot,
	"logout":         (*Server).logOut,
	"sendmessage":    (*Server).sendMessage,
	"sendchataction": (*Server).sendChatAction,
	"setmycommands":  (*Server).setMyCommands,
	"getmycommands":  (*Server).getMyCommands,
}

type user struct {
	ID        int64  `json:"id"`
	IsBot     bool   `json:"is_bot"`
	FirstName string `json:"first_name"`
	Username  string `json:"username,omitempty"`
}

func (b *bot) user() user {
	n, _ := strconv.ParseInt(b.id, 10, 64)
	return user{ID: n, IsBot: true, FirstName: "Sandbox bot", Username: "sandbox_" + b.id + "_bot"}
}

func (s *Server) getMe(c *client, _ params) reply {
	return okReply(struct {
		user
		CanJoinGroups  bool `json:"can_join_groups"`
		CanReadAll     bool `json:"can_read_all_group_messages"`
		SupportsInline bool `json:"supports_inline_queries"`
		CanConnect     bool `json:"can_connect_to_business"`
		HasMainWebApp  bool `json:"has_main_web_app"`
	}{user: c.bot.user(), CanJoinGroups: true}, "")
}

// setWebhook ends the pending poll before it looks at the URL, as the real server does. Plain http
// is taken for loopback hosts only.
func (s *Server) setWebhook(c *client, p params) reply {
	target := p["url"]
	if target == "" {
		return s.deleteWebhook(c, p)
	}
	if old := c.takeSlot(); old != nil {
		s.conflict(c, old, conflictSet)
	}
	u, err := url.Parse(target)
	switch {
	case err != nil || u.Host == "":
		return errorReply(400, "Bad Request: invalid webhook URL specified")
	case u.Scheme != "https" && !loopbackHost(u.Host):
		return errorReply(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
	}
	if names, ok := updateNames(p["allowed_updates"]); ok {
		c.allowed = names
	}
	if p.bool("drop_pending_updates") {
		c.bot.queue.clear()
	}
	if c.webhook == target {
		return okReply(true, "Webhook is already set")
	}
	c.webhook = target
	return okReply(true, "Webhook was set")
}

// deleteWebhook does not touch a pending poll.
func (s *Server) deleteWebhook(c *client, p params) reply {
	if p.bool("drop_pending_updates") {
		c.bot.queue.clear()
	}
	if c.webhook == "" {
		return okReply(true, "Webhook is already deleted")
	}
	c.webhook = ""
	return okReply(true, "Webhook was deleted")
}

func (s *Server) getWebhookInfo(c *client, _ params) reply {
	info := struct {
		URL     string   `json:"url"`
		Custom  bool     `json:"has_custom_certificate"`
		Pending int      `json:"pending_update_count"`
		Max     int      `json:"max_connections,omitempty"`
		Allowed []string `json:"allowed_updates,omitempty"`
	}{URL: c.webhook, Pending: len(c.bot.queue.entries)}
	if c.webhook != "" {
		info.Max = 40
	}
	for name := range c.allowed {
		info.Allowed = append(info.Allowed, name)
	}
	return okReply(info, "")
}

func (s *Server) closeBot(c *client, _ params) reply {
	c.release(time.Now())
	return okReply(true, "")
}

func (s *Server) logOut(c *client, _ params) reply {
	c.release(time.Now())
	c.webhook, c.allowed = "", nil
	c.bot.queue.clear()
	return okReply(true, "")
}

func (s *Server) sendMessage(c *client, p params) reply {
	text := strings.TrimSpace(p["text"])
	chat, err := strconv.ParseInt(p["chat_id"], 10, 64)
	switch {
	case p["chat_id"] == "":
		return errorReply(400, "Bad Request: chat_id is empty")
	case err != nil || chat == 0:
		return errorReply(400, "Bad Request: chat not found")
	case text == "":
		return errorReply(400, "Bad Request: message text is empty")
	case len(utf16.Encode([]rune(text))) > maxText:
		return errorReply(400, "Bad Request: message is too long")
	}
	id := c.bot.nextText
	c.bot.nextText++
	s.note(Sent{Bot: c.bot.id, Chat: chat, MessageID: id, Text: text, At: time.Now()})
	return okReply(message(id, c.bot.user(), chat, text, time.Now()), "")
}

func (s *Server) sendChatAction(_ *client, p params) reply {
	if p["chat_id"] == "" {
		return errorReply(400, "Bad Request: chat_id is empty")
	}
	return okReply(true, "")
}

func (s *Server) setMyCommands(c *client, p params) reply {
	var list []struct {
		Command     string `json:"command"`
		Description string `json:"description"`
	}
	if json.Unmarshal([]byte(p["commands"]), &list) != nil {
		return errorReply(400, "Bad Request: can't parse BotCommand: Expected an Array of BotCommand")
	}
	c.bot.commands = json.RawMessage(p["commands"])
	return okReply(true, "")
}

func (s *Server) getMyCommands(c *client, _ params) reply {
	if c.bot.commands == nil {
		return okReply([]string{}, "")
	}
	return okReply(c.bot.commands, "")
}

// message is a text message as the Bot API shows it.
func message(id int64, from user, chat int64, text string, at time.Time) map[string]any {
	m := map[string]any{
		"message_id": id,
		"from":       from,
		"chat":       map[string]any{"id": chat, "type": chatType(chat), "first_name": "Sandbox user"},
		"date":       at.Unix(),
		"text":       text,
	}
	if strings.HasPrefix(text, "/") {
		command, _, _ := strings.Cut(text, " ")
		m["entities"] = []map[string]any{{"type": "bot_command", "offset": 0, "length": len(utf16.Encode([]rune(command)))}}
	}
	return m
}

func chatType(chat int64) string {
	if chat < 0 {
		return "group"
	}
	return "private"
}

// updateNames reads allowed_updates; ok is false for what the real server ignores:
// nothing, and anything but an array of strings. An empty set stands for the default one.
func updateNames(s string) (names map[string]bool, ok bool) {
	var list []string
	if s == "" || json.Unmarshal([]byte(s), &list) != nil || list == nil {
		return nil, false
	}
	for _, name := range list {
		name = strings.ToLower(name)
		if updateKinds[name] {
			if names == nil {
				names = map[string]bool{}
			}
			names[name] = true
		}
	}
	return names, true
}

// updateKinds are those that can be named; the sandbox makes messages only.
var updateKinds = map[string]bool{
	"message": true, "edited_message": true, "channel_post": true, "edited_channel_post": true,
	"inline_query": true, "chosen_inline_result": true, "callback_query": true, "shipping_query": true,
	"pre_checkout_query": true, "poll": true, "poll_answer": true, "my_chat_member": true,
	"chat_member": true, "chat_join_request": true, "message_reaction": true,
	"message_reaction_count": true, "chat_boost": true, "removed_chat_boost": true,
}

// wants says whether an update of that kind is to be made for c: decided now, not when it is read.
func (c *client) wants(kind string) bool { return c.allowed == nil || c.allowed[kind] }
