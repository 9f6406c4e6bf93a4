package sandbox

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// method is a call besides getUpdates.
type method func(*Server, *client, params) reply

// methodTable has them by lower-cased name.
func methodTable() map[string]method {
	return map[string]method{
		"getme":                  (*Server).getMe,
		"setwebhook":             (*Server).setWebhook,
		"deletewebhook":          (*Server).deleteWebhook,
		"getwebhookinfo":         (*Server).getWebhookInfo,
		"close":                  (*Server).closeBot,
		"logout":                 (*Server).logOut,
		"sendmessage":            (*Server).sendMessage,
		"sendphoto":              (*Server).sendPhoto,
		"senddocument":           (*Server).sendDocument,
		"getfile":                (*Server).getFile,
		"editmessagetext":        (*Server).editMessageText,
		"editmessagecaption":     (*Server).editMessageCaption,
		"editmessagereplymarkup": (*Server).editMessageReplyMarkup,
		"deletemessage":          (*Server).deleteMessage,
		"answercallbackquery":    (*Server).answerCallbackQuery,
		"sendchataction":         (*Server).sendChatAction,
		"setmycommands":          (*Server).setMyCommands,
		"deletemycommands":       (*Server).deleteMyCommands,
		"getmycommands":          (*Server).getMyCommands,
		"getchat":                (*Server).getChat,
	}
}

func (s *Server) getMe(c *client, _ params) reply {
	return okReply(struct {
		user

		CanJoinGroups  bool `json:"can_join_groups"`
		CanReadAll     bool `json:"can_read_all_group_messages"`
		SupportsInline bool `json:"supports_inline_queries"`
		CanConnect     bool `json:"can_connect_to_business"`
		HasMainWebApp  bool `json:"has_main_web_app"`
	}{user: c.bot.user(), CanJoinGroups: true, CanReadAll: true}, "")
}

// Times of close and logOut (Client.cpp: on_cmd, finish_closing).
const (
	closeAge    = 10 * time.Minute // a client younger than this is not closed, unless the server is as young
	logOutAge   = 30 * time.Minute
	logOutPause = 30 * time.Minute // a client that logs out younger than logOutAge refuses calls so long,
	logOutShort = time.Second      // an older one so long
)

// closed loads a client that was closed, or answers for one that may not be called.
func (c *client) closed(method string, now time.Time) (reply, bool) {
	switch {
	case now.Before(c.loggedOut):
		return errorReply(400, "Logged out"), true
	case !c.loggedOut.IsZero():
		c.load(now)
	case c.unloaded && method == "close":
		return errorReply(400, "Bad Request: the bot has already been closed"), true
	case c.unloaded:
		c.load(now)
	}
	return reply{}, false
}

func (s *Server) closeBot(c *client, _ params) reply {
	now := time.Now()
	if age := now.Sub(c.loaded); age < closeAge && c.loaded.Sub(s.started) > closeAge {
		return retryReply(int((closeAge - age).Seconds()))
	}
	c.release(now)
	c.unloaded = true
	return okReply(true, "")
}

func (s *Server) logOut(c *client, _ params) reply {
	now := time.Now()
	c.release(now)
	c.unhook()
	c.allowed = nil
	c.bot.queue.clear()
	pause := logOutShort
	if now.Sub(c.loaded) < logOutAge {
		pause = logOutPause
	}
	c.loggedOut = now.Add(pause)
	return okReply(true, "")
}

// actions are what sendChatAction takes.
var actions = []string{
	"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "record_audio", "upload_audio",
	"upload_document", "choose_sticker", "pick_up_location", "find_location", "record_video_note", "upload_video_note",
}

func (s *Server) sendChatAction(c *client, p params) reply {
	ch, bad := s.target(c, p)
	switch {
	case bad != "":
		return errorReply(400, bad)
	case p.str("action") == "cancel":
		ch.action = ""
		return okReply(true, "")
	case !slices.Contains(actions, p.str("action")):
		return errorReply(400, "Bad Request: wrong parameter action in request")
	}
	ch.action, ch.actionBy = p.str("action"), time.Now().Add(actionTime)
	// Whoever watches sees it end.
	time.AfterFunc(actionTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.touch()
	})
	return okReply(true, "")
}

// botCommand is one of setMyCommands.
type botCommand struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

func isCommand(name string) bool {
	return 0 < len(name) && len(name) <= 32 && !strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || 'z' < r) && !isDigit(r) && r != '_' })
}

const (
	maxCommands    = 100
	maxDescription = 256 // UTF-16 units
	maxCommandSets = 1000
)

// scope is which of a bot's command lists a call means.
func scope(p params) (string, string) {
	sc := struct {
		Type   string `json:"type"`
		ChatID any    `json:"chat_id,omitempty"`
		UserID any    `json:"user_id,omitempty"`
	}{Type: "default"}
	if raw := p.str("scope"); raw != "" && json.Unmarshal([]byte(raw), &sc) != nil {
		return "", "Bad Request: can't parse BotCommandScope: Expected an Object as BotCommandScope"
	}
	if lang := p.str("language_code"); lang != "" && len(lang) != 2 {
		return "", "Bad Request: invalid language code specified"
	}
	key, _ := json.Marshal(sc)
	return string(key) + p.str("language_code"), ""
}

func (s *Server) setMyCommands(c *client, p params) reply {
	key, bad := scope(p)
	if bad != "" {
		return errorReply(400, bad)
	}
	var list []botCommand
	if raw := p.str("commands"); raw != "" && json.Unmarshal([]byte(raw), &list) != nil {
		return errorReply(400, "Bad Request: can't parse commands JSON object")
	}
	for i := range list {
		cmd := &list[i]
		cmd.Command = strings.TrimPrefix(strings.TrimSpace(cmd.Command), "/")
		cmd.Description = strings.TrimSpace(cmd.Description)
		switch {
		case !isCommand(cmd.Command):
			return errorReply(400, "Bad Request: BOT_COMMAND_INVALID")
		case cmd.Description == "" || units(cmd.Description) > maxDescription:
			return errorReply(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
		}
	}
	if len(list) > maxCommands || len(c.bot.commands) >= maxCommandSets {
		return errorReply(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
	}
	raw, _ := json.Marshal(list)
	c.bot.commands[key] = raw
	if len(list) == 0 {
		delete(c.bot.commands, key)
	}
	return okReply(true, "")
}

func (s *Server) deleteMyCommands(c *client, p params) reply {
	key, bad := scope(p)
	if bad != "" {
		return errorReply(400, bad)
	}
	delete(c.bot.commands, key)
	return okReply(true, "")
}

func (s *Server) getMyCommands(c *client, p params) reply {
	key, bad := scope(p)
	switch {
	case bad != "":
		return errorReply(400, bad)
	case c.bot.commands[key] == nil:
		return okReply([]string{}, "")
	}
	return okReply(c.bot.commands[key], "")
}

// offered are the commands that the chat page shows: those of all private chats, else the default ones.
func (b *bot) offered() []botCommand {
	var list []botCommand
	for _, key := range []string{`{"type":"all_private_chats"}`, `{"type":"default"}`} {
		if raw := b.commands[key]; raw != nil {
			json.Unmarshal(raw, &list) // it was marshalled here
			break
		}
	}
	return list
}

func (s *Server) getChat(c *client, p params) reply {
	id, err := strconv.ParseInt(p.str("chat_id"), 10, 64)
	ch := c.bot.chats[id]
	switch {
	case p.str("chat_id") == "":
		return errorReply(400, "Bad Request: chat_id is empty")
	case err != nil || ch == nil:
		return errorReply(400, "Bad Request: chat not found")
	}
	var names []string
	if ch.info.Username != "" {
		names = []string{ch.info.Username}
	}
	return okReply(struct {
		chatInfo

		Names    []string        `json:"active_usernames,omitempty"`
		Gifts    map[string]bool `json:"accepted_gift_types"`
		Accent   int             `json:"accent_color_id"`
		MaxReact int             `json:"max_reaction_count"`
	}{
		chatInfo: ch.info, Names: names, MaxReact: 11,
		Gifts: map[string]bool{"unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false, "premium_subscription": false, "gifts_from_channels": false},
	}, "")
}

// units counts UTF-16 units, in which Telegram counts everything.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
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

// updateKinds are those that can be named; the sandbox makes messages and callback queries only.
var updateKinds = map[string]bool{
	"message": true, "edited_message": true, "channel_post": true, "edited_channel_post": true,
	"business_connection": true, "business_message": true, "edited_business_message": true, "deleted_business_messages": true,
	"inline_query": true, "chosen_inline_result": true, "callback_query": true, "shipping_query": true,
	"pre_checkout_query": true, "purchased_paid_media": true, "poll": true, "poll_answer": true, "my_chat_member": true,
	"chat_member": true, "chat_join_request": true, "message_reaction": true,
	"message_reaction_count": true, "chat_boost": true, "removed_chat_boost": true,
}

// wants says whether an update of that kind is to be made for c: decided now, not when it is read.
func (c *client) wants(kind string) bool { return c.allowed == nil || c.allowed[kind] }

// want says whether any token of b wants updates of that kind.
func (b *bot) wants(kind string) bool {
	return slices.ContainsFunc(b.clients, func(c *client) bool { return c.wants(kind) })
}
