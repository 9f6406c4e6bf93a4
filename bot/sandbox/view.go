package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

// Bounds of a view, in pieces.
const (
	viewMessages = 200
	viewQueue    = 20
	viewRequests = 30
	viewUsers    = 200
	viewBots     = 200
	viewPause    = 50 * time.Millisecond // changes of so long come as one
)

// The view is what the chat page shows; docs/sandbox.md describes it.
type view struct {
	Version int64      `json:"version"`
	Now     time.Time  `json:"now"`
	Bots    []BotState `json:"bots"`
	Users   []viewUser `json:"users"`
	Chats   []viewChat `json:"chats"`
	Bot     *viewBot   `json:"bot"`
	Chat    *openChat  `json:"chat"`
	Poll    *viewPoll  `json:"poll"`
}

type viewUser struct {
	ID        int64  `json:"id"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name,omitempty"`
	Username  string `json:"username,omitempty"`
}

type viewChat struct {
	ID    int64  `json:"id"`
	Type  string `json:"type"`
	Title string `json:"title"`
}

type viewBot struct {
	Bot      string       `json:"bot"`
	Name     string       `json:"name"`
	Username string       `json:"username"`
	Commands []botCommand `json:"commands"`
}

type openChat struct {
	viewChat

	Action   string        `json:"action"`
	Keyboard *Keyboard     `json:"reply_keyboard"`
	Messages []viewMessage `json:"messages"`
	Notices  []Notice      `json:"notices"`
}

type viewMessage struct {
	ID       int64           `json:"message_id"`
	Mine     bool            `json:"mine"`
	From     string          `json:"from"`
	Date     time.Time       `json:"date"`
	Edited   bool            `json:"edited"`
	Text     string          `json:"text"`
	Entities json.RawMessage `json:"entities,omitempty"`
	Photo    *viewPhoto      `json:"photo,omitempty"`
	Document *viewDocument   `json:"document,omitempty"`
	Keyboard [][]Button      `json:"keyboard,omitempty"`
	ReplyTo  *viewQuote      `json:"reply_to,omitempty"`
}

type viewPhoto struct {
	File   string `json:"file"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type viewDocument struct {
	File string `json:"file"`
	Name string `json:"name"`
	Size int    `json:"size"`
}

type viewQuote struct {
	ID   int64  `json:"message_id"`
	From string `json:"from"`
	Text string `json:"text"`
}

// getView answers when the version is above after, or when wait is over.
func (s *Server) getView(r *http.Request) (any, error) {
	userID, err := number(r.FormValue("user"))
	chatID, err2 := number(r.FormValue("chat"))
	after, err3 := number(r.FormValue("after"))
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, errors.New("user, chat and after: want numbers")
	}
	ctx, cancel := patience(r)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.version <= after && ctx.Err() == nil && s.ctx.Err() == nil {
		s.watchers++
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
			pause(ctx, viewPause)
		case <-ctx.Done():
		case <-s.ctx.Done():
		}
		s.mu.Lock()
		s.watchers--
	}
	return s.view(r.FormValue("bot"), userID, chatID)
}

func (s *Server) view(botID string, userID, chatID int64) (view, error) {
	v := view{Version: s.version, Now: time.Now(), Users: []viewUser{}, Chats: []viewChat{}}
	v.Bots = s.states()
	v.Bots = v.Bots[:min(len(v.Bots), viewBots)]
	for _, u := range s.people[:min(len(s.people), viewUsers)] {
		v.Users = append(v.Users, viewUser{u.ID, u.FirstName, u.LastName, u.Username})
	}
	b := s.bots[botID]
	if b == nil && len(s.order) > 0 {
		b = s.order[0]
	}
	if b == nil {
		return v, nil
	}
	st, err := s.stage(b.id, userID, chatID)
	if err != nil {
		return v, err
	}
	for _, c := range b.recent[max(len(b.recent)-viewUsers, 0):] {
		v.Chats = append(v.Chats, c.view())
	}
	v.Bot = &viewBot{b.id, b.name, b.username, b.offered()}
	if v.Bot.Commands == nil {
		v.Bot.Commands = []botCommand{}
	}
	v.Chat = st.chat.open(st.user)
	v.Poll = s.viewPoll(b)
	v.Version = s.version // looking may have made a chat
	return v, nil
}

func (c *chat) view() viewChat {
	title := c.info.Title
	if title == "" {
		title = c.info.FirstName
	}
	return viewChat{c.info.ID, c.info.Type, title}
}

func (c *chat) open(me *user) *openChat {
	o := &openChat{viewChat: c.view(), Keyboard: c.keyboard, Messages: []viewMessage{}, Notices: slices.Clone(c.notices)}
	if o.Notices == nil {
		o.Notices = []Notice{}
	}
	if time.Now().Before(c.actionBy) {
		o.Action = c.action
	}
	for _, m := range c.messages[max(len(c.messages)-viewMessages, 0):] {
		o.Messages = append(o.Messages, m.view(me))
	}
	return o
}

func (m *message) view(me *user) viewMessage {
	v := viewMessage{
		ID: m.ID, Mine: m.From.ID == me.ID, From: m.From.FirstName, Date: m.at, Edited: m.EditDate != 0,
		Text: m.Text, Entities: m.Entities, Keyboard: m.rows,
	}
	if m.Text == "" {
		v.Text, v.Entities = m.Caption, m.CaptionEntities
	}
	if len(m.Photo) > 0 {
		v.Photo = &viewPhoto{m.Photo[0].FileID, m.Photo[0].Width, m.Photo[0].Height}
	}
	if m.Document != nil {
		v.Document = &viewDocument{m.Document.FileID, m.Document.Name, m.Document.Size}
	}
	if m.ReplyTo != nil {
		v.ReplyTo = &viewQuote{m.ReplyTo.ID, m.ReplyTo.From.FirstName, m.ReplyTo.Text + m.ReplyTo.Caption}
	}
	return v
}

type viewPoll struct {
	Open          []openPoll    `json:"open"`
	Last          *lastPoll     `json:"last"`
	Pending       int           `json:"pending"`
	Queue         []viewUpdate  `json:"queue"`
	NextOffset    int64         `json:"next_offset"`
	ConflictsLive int           `json:"conflicts_live"`
	ConflictsVoid int           `json:"conflicts_void"`
	Overlaps      int           `json:"overlaps"`
	LongestGap    float64       `json:"longest_gap_seconds"`
	Webhook       *viewHook     `json:"webhook"`
	Requests      []viewRequest `json:"requests"`
	Faults        []viewFault   `json:"faults"`
}

type openPoll struct {
	Peer    string    `json:"peer"`
	Agent   string    `json:"agent"`
	Rival   bool      `json:"rival"`
	Gone    bool      `json:"gone"` // its client has disconnected
	Since   time.Time `json:"since"`
	Timeout int       `json:"timeout_seconds"`
	Offset  int64     `json:"offset"`
	Limit   int       `json:"limit"`
}

type lastPoll struct {
	Peer   string    `json:"peer"`
	Agent  string    `json:"agent"`
	Rival  bool      `json:"rival"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Status int       `json:"status"`
	Offset int64     `json:"offset"`
}

type viewUpdate struct {
	ID        int64     `json:"update_id"`
	Kind      string    `json:"kind"`
	Text      string    `json:"text"`
	At        time.Time `json:"at"`
	Delivered int       `json:"delivered"`
}

type viewHook struct {
	URL   string    `json:"url"`
	Error string    `json:"last_error,omitempty"`
	At    time.Time `json:"last_error_date,omitzero"`
}

type viewRequest struct {
	Method string    `json:"method"`
	Peer   string    `json:"peer"`
	Rival  bool      `json:"rival"`
	Start  time.Time `json:"start"`
	Millis *float64  `json:"millis,omitempty"`
	Status int       `json:"status,omitempty"`
	Void   bool      `json:"void"`
}

type viewFault struct {
	ID    int64     `json:"id"`
	What  string    `json:"what"`
	Left  *int      `json:"left,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

func (s *Server) viewPoll(b *bot) *viewPoll {
	now := time.Now()
	c := b.tally.count
	v := &viewPoll{
		Open: []openPoll{}, Pending: len(b.queue.entries), Queue: []viewUpdate{}, NextOffset: b.queue.tail, Requests: []viewRequest{}, Faults: []viewFault{},
		ConflictsLive: c.ConflictsLive, ConflictsVoid: c.ConflictsVoid, Overlaps: c.Overlaps, LongestGap: b.tally.longestGap(now).Seconds(),
	}
	for _, c := range b.clients {
		if p := c.slot; p != nil {
			gone := !slices.ContainsFunc(b.tally.open, func(e *Entry) bool { return e.Peer == p.peer })
			v.Open = append(v.Open, openPoll{p.peer, p.agent, p.rival, gone, p.since, int(p.timeout.Seconds()), p.offset, p.limit})
		}
		if h := c.webhook; h != nil {
			v.Webhook = &viewHook{h.url, h.lastError, h.errorAt}
		}
	}
	for _, u := range b.queue.entries[:min(len(b.queue.entries), viewQueue)] {
		v.Queue = append(v.Queue, viewUpdate{u.id, u.kind, u.text, u.at, u.delivered})
	}
	for _, f := range s.faults {
		if f.Bot != "" && f.Bot != b.id || !f.until.IsZero() && !now.Before(f.until) {
			continue
		}
		vf := viewFault{ID: f.id, What: f.String(), Until: f.until}
		if f.left > 0 {
			vf.Left = new(f.left)
		}
		v.Faults = append(v.Faults, vf)
	}
	s.viewRequests(b, v)
	return v
}

func (s *Server) viewRequests(b *bot, v *viewPoll) {
	for _, e := range slices.Backward(s.journal) {
		if e.Bot != b.id {
			continue
		}
		if v.Last == nil && e.isPoll() && !e.End.IsZero() {
			v.Last = &lastPoll{e.Peer, e.Agent, e.Rival, e.Start, e.End, e.Status, e.Offset}
		}
		if len(v.Requests) == viewRequests {
			if v.Last != nil {
				return
			}
			continue
		}
		r := viewRequest{Method: e.Method, Peer: e.Peer, Rival: e.Rival, Start: e.Start, Status: e.Status, Void: e.Void}
		if !e.End.IsZero() {
			r.Millis = new(millis(e.End.Sub(e.Start)))
		}
		v.Requests = append(v.Requests, r)
	}
}
