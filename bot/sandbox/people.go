package sandbox

import (
	"encoding/json"
	"slices"
	"time"
)

// user is a person or a bot as the Bot API shows it.
type user struct {
	ID           int64  `json:"id"`
	IsBot        bool   `json:"is_bot"`
	FirstName    string `json:"first_name"`
	LastName     string `json:"last_name,omitempty"`
	Username     string `json:"username,omitempty"`
	LanguageCode string `json:"language_code,omitempty"`
}

// defaultUser writes where nobody else is named.
var defaultUser = user{ID: 1000, FirstName: "Sandbox user", Username: "sandbox_user", LanguageCode: "en"}

// person finds or makes the user of an id. The caller holds the lock, or is New.
func (s *Server) person(u user) *user {
	if known := s.users[u.ID]; known != nil {
		return known
	}
	if len(s.people) >= maxUsers {
		delete(s.users, s.people[1].ID) // the first one is the default
		s.people = slices.Delete(s.people, 1, 2)
	}
	s.users[u.ID] = &u
	s.people = append(s.people, &u)
	s.touch()
	return &u
}

// chatInfo is a chat as messages show it.
type chatInfo struct {
	ID        int64  `json:"id"`
	Title     string `json:"title,omitempty"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	Username  string `json:"username,omitempty"`
	Type      string `json:"type"`
	AllAdmins bool   `json:"all_members_are_administrators,omitempty"`
}

// chat is what the server keeps of one chat of a bot.
type chat struct {
	info     chatInfo
	messages []*message // ids ascending
	action   string     // of the bot: "typing" …
	actionBy time.Time  // when it ends
	keyboard *Keyboard
	notices  []Notice
}

// actionTime is how long a chat action is shown.
const actionTime = 5 * time.Second

// supergroups have ids below this one.
const supergroups = -1_000_000_000_000

// chat finds or makes a chat; any number but 0 is one. The caller holds the lock.
func (s *Server) chat(b *bot, id int64) *chat {
	if c := b.chats[id]; c != nil {
		return c
	}
	if len(b.recent) >= maxChats {
		old := b.recent[0]
		s.kept.forget(old)
		delete(b.chats, old.info.ID)
		b.recent = slices.Delete(b.recent, 0, 1)
	}
	c := &chat{info: chatInfo{ID: id}}
	switch {
	case id < supergroups:
		c.info.Type, c.info.Title = "supergroup", "Sandbox supergroup"
	case id < 0:
		c.info.Type, c.info.Title, c.info.AllAdmins = "group", "Sandbox group", true
	default:
		u := s.users[id]
		if u == nil {
			u = s.person(user{ID: id, FirstName: defaultUser.FirstName, LanguageCode: "en"})
		}
		c.info.Type, c.info.FirstName, c.info.LastName, c.info.Username = "private", u.FirstName, u.LastName, u.Username
	}
	b.chats[id] = c
	b.recent = append(b.recent, c)
	return c
}

// message is a message as the Bot API shows it, in its order of members.
type message struct {
	ID              int64           `json:"message_id"`
	From            user            `json:"from"`
	Chat            chatInfo        `json:"chat"`
	Date            int64           `json:"date"` // Unix seconds
	EditDate        int64           `json:"edit_date,omitempty"`
	ReplyTo         *message        `json:"reply_to_message,omitempty"`
	Text            string          `json:"text,omitempty"`
	Entities        json.RawMessage `json:"entities,omitempty"`
	Photo           []photoSize     `json:"photo,omitempty"`
	Document        *document       `json:"document,omitempty"`
	Caption         string          `json:"caption,omitempty"`
	CaptionEntities json.RawMessage `json:"caption_entities,omitempty"`
	Markup          json.RawMessage `json:"reply_markup,omitempty"`
	Protected       bool            `json:"has_protected_content,omitempty"`

	at   time.Time
	rows [][]Button // of Markup
}

// size is about what a message takes in memory, in bytes.
func (m *message) size() int {
	return 1024 + len(m.Text) + len(m.Entities) + len(m.Caption) + len(m.CaptionEntities) + len(m.Markup)
}

// quoted is the message as it stands in an answer to it.
func (m *message) quoted() *message {
	q := *m
	q.ReplyTo = nil
	return &q
}

func (c *chat) find(id int64) *message {
	i, ok := slices.BinarySearchFunc(c.messages, id, func(m *message, id int64) int { return int(m.ID - id) })
	if !ok {
		return nil
	}
	return c.messages[i]
}

// maxKept bounds the messages of all chats, in bytes.
const maxKept = 64 << 20

// attic keeps the messages of all chats within maxKept; the oldest go first.
type attic struct {
	list []kept
	size int
}

// kept is a message and where it stands.
type kept struct {
	in *chat
	m  *message
}

// keep puts a new message into its chat.
func (a *attic) keep(c *chat, m *message) {
	c.messages = append(c.messages, m)
	a.list = append(a.list, kept{c, m})
	a.size += m.size()
	for a.size > maxKept {
		k := a.list[0]
		a.list[0] = kept{}
		a.list = a.list[1:]
		a.size -= k.m.size()
		k.in.drop(k.m.ID)
	}
}

// forget drops a chat's messages.
func (a *attic) forget(c *chat) {
	a.list = slices.DeleteFunc(a.list, func(k kept) bool {
		if k.in == c {
			a.size -= k.m.size()
		}
		return k.in == c
	})
	c.messages = nil
}

func (c *chat) drop(id int64) {
	if i := slices.IndexFunc(c.messages, func(m *message) bool { return m.ID == id }); i >= 0 {
		c.messages = slices.Delete(c.messages, i, i+1)
	}
}

// edit changes a message, whose size may change with it.
func (a *attic) edit(m *message, change func(*message)) {
	a.size -= m.size()
	change(m)
	a.size += m.size()
}

// delete takes a message out of its chat. What stands in the list for it costs nothing more than its place.
func (a *attic) delete(c *chat, m *message) {
	a.list = slices.DeleteFunc(a.list, func(k kept) bool { return k.m == m })
	a.size -= m.size()
	c.drop(m.ID)
}
