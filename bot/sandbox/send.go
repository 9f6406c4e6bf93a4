package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Bounds of what a bot sends, in UTF-16 units (core.telegram.org/bots/api: sendMessage, sendPhoto, answerCallbackQuery).
const (
	maxText    = 4096
	maxCaption = 1024
	maxNotice  = 200
)

// target finds the chat of chat_id. Any number but 0 is a chat here. The text is the server's error.
func (s *Server) target(c *client, p params) (*chat, string) {
	raw := p.str("chat_id")
	if raw == "" {
		return nil, "Bad Request: chat_id is empty"
	}
	id, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || id == 0 {
		return nil, "Bad Request: chat not found"
	}
	return s.chat(c.bot, id), ""
}

// draft is a message that a bot is about to send.
type draft struct {
	chat    *chat
	replyTo *message
	markup  *markup
}

// draft reads what all sending methods have in common.
func (s *Server) draft(c *client, p params) (draft, string) {
	ch, bad := s.target(c, p)
	if bad != "" {
		return draft{}, bad
	}
	d := draft{chat: ch}
	if d.replyTo, bad = replyTarget(ch, p); bad != "" {
		return d, bad
	}
	d.markup, bad = parseMarkup(p.str("reply_markup"), ch.info.ID > 0)
	return d, bad
}

// replyTarget finds the message that a new one answers.
func replyTarget(ch *chat, p params) (*message, string) {
	var to struct {
		ID      int64 `json:"message_id"`
		Without bool  `json:"allow_sending_without_reply"`
	}
	to.ID, to.Without = p.int("reply_to_message_id", 0), p.bool("allow_sending_without_reply")
	if raw := p.str("reply_parameters"); raw != "" && json.Unmarshal([]byte(raw), &to) != nil {
		return nil, "Bad Request: can't parse reply parameters JSON object"
	}
	if to.ID == 0 {
		return nil, ""
	}
	m := ch.find(to.ID)
	if m == nil && !to.Without {
		return nil, "Bad Request: message to be replied not found"
	}
	return m, ""
}

func (s *Server) sendMessage(c *client, p params) reply {
	d, bad := s.draft(c, p)
	if bad != "" {
		return errorReply(400, bad)
	}
	text, entities, bad := formatted(p, "text", "entities")
	switch {
	case bad != "":
		return errorReply(400, bad)
	case text == "":
		return errorReply(400, emptyText(p))
	case units(text) > maxText:
		return errorReply(400, "Bad Request: message is too long")
	}
	return s.sendOut(c, p, d, &message{Text: text, Entities: entities})
}

// emptyText tells a text that is missing from one that shows nothing (Client.cpp: get_input_message_text).
func emptyText(p params) string {
	if p.str("text") == "" {
		return "Bad Request: message text is empty"
	}
	return "Bad Request: text must be non-empty"
}

func (s *Server) sendPhoto(c *client, p params) reply {
	return s.sendFile(c, p, "photo", func(m *message, f *file) { m.Photo = f.photo() })
}

func (s *Server) sendDocument(c *client, p params) reply {
	return s.sendFile(c, p, "document", func(m *message, f *file) { m.Document = f.document() })
}

func (s *Server) sendFile(c *client, p params, name string, put func(*message, *file)) reply {
	d, bad := s.draft(c, p)
	if bad != "" {
		return errorReply(400, bad)
	}
	caption, entities, bad := formatted(p, "caption", "caption_entities")
	switch {
	case bad != "":
		return errorReply(400, bad)
	case units(caption) > maxCaption:
		return errorReply(400, "Bad Request: message caption is too long")
	}
	f, bad := s.attached(c, p, name, name == "photo")
	if bad != "" {
		return errorReply(400, bad)
	}
	m := &message{Caption: caption, CaptionEntities: entities}
	put(m, f)
	return s.sendOut(c, p, d, m)
}

// sendOut gives the message its place and answers with it.
func (s *Server) sendOut(c *client, p params, d draft, m *message) reply {
	now := time.Now()
	m.ID, m.From, m.Chat, m.Date, m.at = c.bot.nextText, c.bot.user(), d.chat.info, now.Unix(), now
	m.Protected = p.bool("protect_content")
	c.bot.nextText++
	if d.replyTo != nil {
		m.ReplyTo = d.replyTo.quoted()
	}
	if d.markup != nil {
		d.markup.show(m)
		d.markup.apply(d.chat)
	}
	d.chat.action = ""
	s.kept.keep(d.chat, m)
	s.note(m, c.bot)
	return okReply(m, "")
}

// own finds the message that an edit means.
func (s *Server) own(c *client, p params) (*chat, *message, string) {
	if p.str("inline_message_id") != "" {
		return nil, nil, "Bad Request: MESSAGE_ID_INVALID"
	}
	ch, bad := s.target(c, p)
	switch {
	case bad != "":
		return nil, nil, bad
	case p.int("message_id", 0) <= 0:
		return nil, nil, "Bad Request: message identifier is not specified"
	}
	m := ch.find(p.int("message_id", 0))
	switch {
	case m == nil:
		return nil, nil, "Bad Request: message to edit not found"
	case m.From.ID != c.bot.user().ID:
		return nil, nil, "Bad Request: message can't be edited"
	}
	return ch, m, ""
}

const notModified = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"

func (s *Server) editMessageText(c *client, p params) reply {
	return s.editBody(c, p, "text", "entities", maxText)
}

func (s *Server) editMessageCaption(c *client, p params) reply {
	return s.editBody(c, p, "caption", "caption_entities", maxCaption)
}

func (s *Server) editBody(c *client, p params, body, entityName string, limit int) reply {
	_, m, bad := s.own(c, p)
	if bad != "" {
		return errorReply(400, bad)
	}
	text, entities, bad := formatted(p, body, entityName)
	isText := body == "text"
	switch {
	case bad != "":
		return errorReply(400, bad)
	case isText && m.Text == "":
		return errorReply(400, "Bad Request: there is no text in the message to edit")
	case !isText && m.Text != "":
		return errorReply(400, "Bad Request: there is no caption in the message to edit")
	case isText && text == "":
		return errorReply(400, emptyText(p))
	case units(text) > limit:
		return errorReply(400, map[bool]string{true: "Bad Request: MESSAGE_TOO_LONG", false: "Bad Request: message caption is too long"}[isText])
	}
	return s.edit(m, p, func(m *message) {
		if isText {
			m.Text, m.Entities = text, entities
		} else {
			m.Caption, m.CaptionEntities = text, entities
		}
	})
}

func (s *Server) editMessageReplyMarkup(c *client, p params) reply {
	_, m, bad := s.own(c, p)
	if bad != "" {
		return errorReply(400, bad)
	}
	return s.edit(m, p, func(*message) {})
}

// edit changes a message and its inline keyboard, which a call without one takes away.
func (s *Server) edit(m *message, p params, change func(*message)) reply {
	mk, bad := parseMarkup(p.str("reply_markup"), m.Chat.ID > 0)
	if bad != "" {
		return errorReply(400, bad)
	}
	if mk != nil && mk.kind != inlineMarkup {
		return errorReply(400, "Bad Request: inline keyboard expected")
	}
	after := *m
	change(&after)
	mk.show(&after)
	if after.Text == m.Text && string(after.Entities) == string(m.Entities) && after.Caption == m.Caption &&
		string(after.CaptionEntities) == string(m.CaptionEntities) && string(after.Markup) == string(m.Markup) {
		return errorReply(400, notModified)
	}
	s.kept.edit(m, func(m *message) {
		*m = after
		m.EditDate = time.Now().Unix()
	})
	s.touch()
	return okReply(m, "")
}

func (s *Server) deleteMessage(c *client, p params) reply {
	ch, bad := s.target(c, p)
	if bad != "" {
		return errorReply(400, bad)
	}
	m := ch.find(p.int("message_id", 0))
	if m == nil {
		return errorReply(400, "Bad Request: message to delete not found")
	}
	if time.Since(m.at) > 48*time.Hour {
		return errorReply(400, "Bad Request: message can't be deleted for everyone")
	}
	s.kept.delete(ch, m)
	s.touch()
	return okReply(true, "")
}

// callback is a pressed button that waits for its answer.
type callback struct {
	chat   *chat
	update int64
	at     time.Time
}

// Notice is the answer to a pressed button.
type Notice struct {
	Seq      int64  `json:"seq"` // from 1, of this bot
	UpdateID int64  `json:"update_id"`
	Text     string `json:"text"`
	Alert    bool   `json:"alert"`
	URL      string `json:"url"`
}

const maxNotices = 20

func (s *Server) answerCallbackQuery(c *client, p params) reply {
	id := p.str("callback_query_id")
	cb := c.bot.callbacks[id]
	switch {
	case cb == nil || time.Since(cb.at) > callbackTTL:
		return errorReply(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
	case units(p.str("text")) > maxNotice:
		return errorReply(400, "Bad Request: MESSAGE_TOO_LONG")
	}
	seq, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return errorReply(500, fmt.Sprintf("Internal Server Error: %v", err))
	}
	ch := cb.chat
	ch.notices = append(ch.notices, Notice{Seq: seq, UpdateID: cb.update, Text: p.str("text"), Alert: p.bool("show_alert"), URL: p.str("url")})
	if len(ch.notices) > maxNotices {
		ch.notices = ch.notices[1:]
	}
	s.touch()
	return okReply(true, "")
}
