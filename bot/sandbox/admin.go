package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
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
	Text      string    `json:"text"`
	At        time.Time `json:"at"`
}

// BotState is what a bot's poll and queue look like.
type BotState struct {
	Bot     string `json:"bot"`
	Called  bool   `json:"called"`
	Polling int    `json:"polling"` // tokens of it with a pending poll
	Pending int    `json:"pending"` // updates
	Webhook string `json:"webhook,omitempty"`
}

// maxSent bounds what is kept of the bots' messages.
const maxSent = 10_000

// admin answers what drives the sandbox. Loopback alone would not keep a web page elsewhere from
// calling it through a browser, so the Host must be local and an Origin our own.
func (s *Server) admin(w http.ResponseWriter, r *http.Request) {
	if !loopbackHost(r.Host) || !ownOrigin(r) {
		http.Error(w, `{"error":"the sandbox answers its own machine only"}`, http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxParams)
	var result any
	var err error
	switch route := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/sandbox/"); route {
	case "POST send":
		result, err = s.adminSend(r)
	case "GET messages":
		result, err = s.adminMessages(r)
	case "GET journal":
		s.mu.Lock()
		list := make([]Entry, 0, len(s.journal))
		for _, e := range s.journal {
			list = append(list, *e)
		}
		s.mu.Unlock()
		result = list
	case "GET verdict":
		s.mu.Lock()
		result = s.verdict(s.since)
		s.mu.Unlock()
	case "GET state":
		result = s.state()
	case "POST fault":
		err = s.adminFault(r)
		result = struct{}{}
	case "POST reset":
		s.mu.Lock()
		s.forget()
		s.mu.Unlock()
		result = struct{}{}
	default:
		http.Error(w, `{"error":"not found"}`, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		result = map[string]string{"error": err.Error()}
	}
	json.NewEncoder(w).Encode(result)
}

// forget begins a new verdict. The caller holds the lock.
func (s *Server) forget() {
	s.journal, s.faults, s.since = nil, nil, time.Now()
	for _, b := range s.bots {
		b.queue.past, b.queue.dropped = nil, 0
		for _, u := range b.queue.entries {
			u.delivered = 0
		}
	}
}

func (s *Server) state() []BotState {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]BotState, 0, len(s.bots))
	for _, b := range s.bots {
		st := BotState{Bot: b.id, Called: s.called[b.id], Pending: len(b.queue.entries)}
		for _, c := range b.clients {
			if c.slot != nil {
				st.Polling++
			}
			st.Webhook += c.webhook
		}
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b BotState) int { return strings.Compare(a.Bot, b.Bot) })
	return list
}

// sendRequest is a message from a person to a bot.
type sendRequest struct {
	Text string `json:"text"`
	Bot  string `json:"bot,omitempty"`  // id; may be left out when there is one
	Chat int64  `json:"chat,omitempty"` // default 1000
}

// sendResult says what was queued, and after which Seq the answer will come.
type sendResult struct {
	UpdateID int64  `json:"update_id"`
	Bot      string `json:"bot"`
	After    int64  `json:"after"`
}

func (s *Server) adminSend(r *http.Request) (any, error) {
	var req sendRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, errors.New("body: want JSON with text")
	}
	return s.send(req)
}

func (s *Server) send(req sendRequest) (sendResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.pickBot(req.Bot)
	if err != nil {
		return sendResult{}, err
	}
	if req.Chat == 0 {
		req.Chat = 1000
	}
	res := sendResult{Bot: b.id, After: s.sentSeq}
	if !slices.ContainsFunc(b.clients, func(c *client) bool { return c.wants("message") }) {
		return res, fmt.Errorf("bot %s does not want messages: its allowed_updates leaves them out", b.id)
	}
	from := user{ID: req.Chat, FirstName: "Sandbox user", Username: "sandbox_user"}
	body, err := json.Marshal(map[string]any{"message": message(b.nextText, from, req.Chat, req.Text, time.Now())})
	if err != nil {
		return res, err
	}
	b.nextText++
	res.UpdateID = b.queue.push(body[1:len(body)-1], time.Now())
	s.pushed(b)
	return res, nil
}

func (s *Server) pickBot(id string) (*bot, error) {
	if id != "" {
		if b := s.bots[id]; b != nil {
			return b, nil
		}
		return nil, fmt.Errorf("bot %q is not known here", id)
	}
	switch len(s.bots) {
	case 0:
		return nil, errors.New("no bot has called yet")
	case 1:
		for _, b := range s.bots {
			return b, nil
		}
	}
	return nil, errors.New("several bots have called: say which")
}

// note keeps what a bot sent and wakes who waits for it. The caller holds the lock.
func (s *Server) note(m Sent) {
	s.sentSeq++
	m.Seq = s.sentSeq
	if len(s.sent) >= maxSent {
		s.sent = slices.Delete(s.sent, 0, maxSent/10)
	}
	s.sent = append(s.sent, m)
	close(s.sentCome)
	s.sentCome = make(chan struct{})
}

// adminMessages returns what bots sent after a Seq; with wait (seconds, at most 60) not before something came.
func (s *Server) adminMessages(r *http.Request) (any, error) {
	after, _ := strconv.ParseInt(r.FormValue("after"), 10, 64)
	wait, _ := strconv.ParseFloat(r.FormValue("wait"), 64)
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(min(wait, 60)*float64(time.Second)))
	defer cancel()
	for {
		s.mu.Lock()
		list := []Sent{}
		for _, m := range s.sent {
			if bot := r.FormValue("bot"); m.Seq > after && (bot == "" || bot == m.Bot) {
				list = append(list, m)
			}
		}
		come := s.sentCome
		s.mu.Unlock()
		if len(list) > 0 || ctx.Err() != nil {
			return list, nil
		}
		select {
		case <-come:
		case <-ctx.Done():
		}
	}
}

func (s *Server) adminFault(r *http.Request) error {
	f := &Fault{}
	if err := json.NewDecoder(r.Body).Decode(f); err != nil || !f.Hang && (f.Status < 400 || f.Status > 599) {
		return errors.New("body: want JSON with status from 400 to 599, or hang")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return nil
}

func loopbackHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func ownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}
