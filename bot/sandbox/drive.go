package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sent is something that a bot has sent. Seq numbers them over all bots, from 1.
type Sent struct {
	Seq       int64     `json:"seq"`
	Bot       string    `json:"bot"`
	Chat      int64     `json:"chat"`
	MessageID int64     `json:"message_id"`
	Text      string    `json:"text"` // or caption
	At        time.Time `json:"at"`
}

// Bounds of what is kept of the bots' messages for Client.Messages.
const (
	maxSent      = 10_000
	maxSentBytes = 32 << 20
)

// Text is what a person writes to a bot.
type Text struct {
	Text    string `json:"text"`
	Bot     string `json:"bot,omitempty"`  // id; may be left out when there is one
	User    int64  `json:"user,omitempty"` // 0: 1000
	Chat    int64  `json:"chat,omitempty"` // 0: the user's own
	ReplyTo int64  `json:"reply_to,omitempty"`
}

// sendResult says what was queued, and after which Seq the answer will come.
type sendResult struct {
	UpdateID int64  `json:"update_id"`
	Bot      string `json:"bot"`
	After    int64  `json:"after"`
}

// stage is where a person does something.
type stage struct {
	bot  *bot
	user *user
	chat *chat
}

// stage finds bot, user and chat of a person's doing. The caller holds the lock.
func (s *Server) stage(botID string, userID, chatID int64) (stage, error) {
	b, err := s.pickBot(botID)
	if err != nil {
		return stage{}, err
	}
	if userID < 0 || userID == 0 && chatID > 0 {
		userID = chatID
	}
	if userID <= 0 {
		userID = defaultUser.ID
	}
	if chatID == 0 {
		chatID = userID
	}
	if chatID > 0 && chatID != userID {
		return stage{}, fmt.Errorf("chat %d is another person's: groups have ids below 0", chatID)
	}
	u := s.person(user{ID: userID, FirstName: defaultUser.FirstName, LanguageCode: "en"})
	return stage{b, u, s.chat(b, chatID)}, nil
}

// send queues a person's text. The caller holds the lock.
func (s *Server) send(req Text) (sendResult, error) {
	st, err := s.stage(req.Bot, req.User, req.Chat)
	if err != nil {
		return sendResult{}, err
	}
	text, entities := typed(req.Text)
	if text == "" || units(text) > maxText {
		return sendResult{}, fmt.Errorf("text: want 1 to %d characters", maxText)
	}
	return s.write(st, &message{Text: text, Entities: entities}, req.ReplyTo)
}

// write puts a person's message into the chat and the queue.
func (s *Server) write(st stage, m *message, replyTo int64) (sendResult, error) {
	if !st.bot.wants("message") {
		return sendResult{}, fmt.Errorf("bot %s does not want messages: its allowed_updates leaves them out", st.bot.id)
	}
	now := time.Now()
	m.ID, m.From, m.Chat, m.Date, m.at = st.bot.nextText, *st.user, st.chat.info, now.Unix(), now
	if old := st.chat.find(replyTo); old != nil {
		m.ReplyTo = old.quoted()
	}
	st.bot.nextText++
	s.kept.keep(st.chat, m)
	if st.chat.keyboard != nil && st.chat.keyboard.OneTime {
		st.chat.keyboard = nil
	}
	return s.queue(st, "message", m, m.Text+m.Caption), nil
}

// queue makes an update of what a person did.
func (s *Server) queue(st stage, kind string, body any, text string) sendResult {
	b := rawJSON(map[string]any{kind: body})
	u := &update{kind: kind, body: b[1 : len(b)-1], text: text, key: st.chat.info.ID}
	st.bot.tally.count.Updates++
	st.bot.queue.push(u, time.Now())
	s.pushed(st.bot)
	return sendResult{UpdateID: u.id, Bot: st.bot.id, After: s.sentSeq}
}

// uploadRequest is a file from a person.
type uploadRequest struct {
	bot     string
	user    int64
	chat    int64
	name    string
	caption string
	data    []byte
}

// upload queues a person's file: as a photo if it is one. The caller holds the lock.
func (s *Server) upload(req uploadRequest) (sendResult, error) {
	st, err := s.stage(req.bot, req.user, req.chat)
	switch {
	case err != nil:
		return sendResult{}, err
	case len(req.data) == 0:
		return sendResult{}, errors.New("body: want the file's content")
	case !st.bot.wants("message"):
		return sendResult{}, fmt.Errorf("bot %s does not want messages: its allowed_updates leaves them out", st.bot.id)
	}
	m := &message{}
	m.Caption, m.CaptionEntities = typed(req.caption)
	if units(m.Caption) > maxCaption {
		return sendResult{}, fmt.Errorf("caption: want at most %d characters", maxCaption)
	}
	up := upload{name: req.name, data: req.data}
	if conf, bad := photoConfig(req.data); bad == "" {
		m.Photo = s.files.put(st.bot, up, conf).photo()
	} else {
		m.Document = s.files.put(st.bot, up, image.Config{}).document()
	}
	return s.write(st, m, 0)
}

// pressRequest is a pressed inline button.
type pressRequest struct {
	Bot     string `json:"bot,omitempty"`
	User    int64  `json:"user,omitempty"`
	Chat    int64  `json:"chat,omitempty"`
	Message int64  `json:"message_id"`
	Data    string `json:"data"`
}

// press queues a callback query. The caller holds the lock.
func (s *Server) press(req pressRequest) (sendResult, error) {
	st, err := s.stage(req.Bot, req.User, req.Chat)
	if err != nil {
		return sendResult{}, err
	}
	m := st.chat.find(req.Message)
	has := func(row []Button) bool {
		return slices.ContainsFunc(row, func(b Button) bool { return b.Kind == "callback" && b.Data == req.Data })
	}
	switch {
	case m == nil:
		return sendResult{}, fmt.Errorf("message %d is not in this chat", req.Message)
	case !slices.ContainsFunc(m.rows, has):
		return sendResult{}, fmt.Errorf("message %d has no button with the data %q", req.Message, req.Data)
	case !st.bot.wants("callback_query"):
		return sendResult{}, fmt.Errorf("bot %s does not want callback queries: its allowed_updates leaves them out", st.bot.id)
	}
	now := time.Now()
	for id, cb := range st.bot.callbacks {
		if now.Sub(cb.at) > callbackTTL {
			delete(st.bot.callbacks, id)
		}
	}
	id := strconv.FormatInt(st.bot.nextCall, 10)
	st.bot.nextCall++
	res := s.queue(st, "callback_query", struct {
		ID       string   `json:"id"`
		From     user     `json:"from"`
		Message  *message `json:"message"`
		Instance string   `json:"chat_instance"`
		Data     string   `json:"data"`
	}{id, *st.user, m, strconv.FormatInt(st.chat.info.ID, 10), req.Data}, req.Data)
	st.bot.callbacks[id] = &callback{chat: st.chat, update: res.UpdateID, at: now}
	return res, nil
}

// note keeps what a bot sent and wakes who waits for it. The caller holds the lock.
func (s *Server) note(m *message, b *bot) {
	s.sentSeq++
	sent := Sent{Seq: s.sentSeq, Bot: b.id, Chat: m.Chat.ID, MessageID: m.ID, Text: m.Text + m.Caption, At: m.at}
	s.sent = append(s.sent, sent)
	s.sentSize += len(sent.Text)
	for len(s.sent) > maxSent || s.sentSize > maxSentBytes {
		s.sentSize -= len(s.sent[0].Text)
		s.sent = s.sent[1:]
	}
	close(s.sentCome)
	s.sentCome = make(chan struct{})
	s.touch()
}

// botRequest makes a bot.
type botRequest struct {
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty"`
}

// maxName bounds names, in UTF-16 units (core.telegram.org/bots/api: setMyName, and what clients allow).
const maxName = 64

// addBot makes up a bot with its token. The caller holds the lock.
func (s *Server) addBot(req botRequest) (id, token string, err error) {
	switch {
	case len(s.opts.Tokens) > 0:
		return "", "", errors.New("this sandbox serves the tokens that it was started with, and no others")
	case units(req.Name) > maxName || units(req.Username) > maxName:
		return "", "", fmt.Errorf("name and username: want at most %d characters", maxName)
	}
	token = NewToken()
	c := s.client(token, "")
	if c == nil {
		return "", "", fmt.Errorf("%d bots are here: reset all first", maxBots)
	}
	if req.Name != "" {
		c.bot.name = req.Name
	}
	if req.Username != "" {
		c.bot.username = strings.TrimPrefix(req.Username, "@")
	}
	return c.bot.id, token, nil
}

// addUser makes up a user. The caller holds the lock.
func (s *Server) addUser(u user) (int64, error) {
	u.FirstName = strings.TrimSpace(u.FirstName)
	if u.FirstName == "" || units(u.FirstName) > maxName || units(u.LastName) > maxName || units(u.Username) > maxName || len(u.LanguageCode) > 8 {
		return 0, fmt.Errorf("first_name: want 1 to %d characters, and no more in the other names", maxName)
	}
	u.IsBot, u.Username = false, strings.TrimPrefix(u.Username, "@")
	for u.ID = defaultUser.ID + 1; s.users[u.ID] != nil; {
		u.ID++
	}
	s.person(u)
	return u.ID, nil
}

// setHook does what the bot's own setWebhook or deleteWebhook would do. The caller holds the lock.
func (s *Server) setHook(b *bot, target string) error {
	rep := s.setWebhook(b.clients[0], params{values: map[string]string{"url": target}})
	var said struct {
		OK          bool   `json:"ok"`
		Description string `json:"description"`
	}
	if json.Unmarshal(rep.body, &said) != nil || !said.OK {
		return errors.New(said.Description)
	}
	return nil
}
