package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// BotState is what a bot's poll and queue look like.
type BotState struct {
	Bot      string `json:"bot"`
	Name     string `json:"name"`
	Username string `json:"username"`
	Called   bool   `json:"called"`
	Polling  int    `json:"polling"` // tokens of it with a pending poll
	Pending  int    `json:"pending"` // updates
	Webhook  string `json:"webhook,omitempty"`
}

// maxPatience is how long a call may wait for something to happen.
const maxPatience = time.Minute

// routes are the calls below /sandbox/ that answer at once; the server is locked meanwhile.
var routes = map[string]func(*Server, *http.Request, []byte) (any, error){
	"GET state":  func(s *Server, _ *http.Request, _ []byte) (any, error) { return s.states(), nil },
	"POST bots":  (*Server).postBots,
	"POST users": (*Server).postUsers,
	"POST send":  with((*Server).send),
	"POST press": with((*Server).press),
	"POST inject": with(func(s *Server, req Injection) (identified, error) {
		id, err := s.inject(req)
		return identified{id}, err
	}),
	"POST fault":       with(func(s *Server, f Fault) (identified, error) { id, err := s.addFault(&f); return identified{id}, err }),
	"POST fault/clear": (*Server).postClear,
	"POST webhook":     (*Server).postWebhook,
	"GET journal":      (*Server).getJournal,
	"GET verdict":      (*Server).getVerdict,
	"POST reset":       (*Server).postReset,
}

type identified struct {
	ID int64 `json:"id"`
}

// with makes a route of a function that takes the body.
func with[T, R any](do func(*Server, T) (R, error)) func(*Server, *http.Request, []byte) (any, error) {
	return func(s *Server, _ *http.Request, body []byte) (any, error) {
		var req T
		if err := decode(body, &req); err != nil {
			return nil, err
		}
		return do(s, req)
	}
}

func decode(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	err := json.Unmarshal(body, into)
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: want %v, not %s", te.Field, te.Type, te.Value)
	}
	if err != nil {
		return errors.New("body: want JSON")
	}
	return nil
}

// admin answers what drives the sandbox.
func (s *Server) admin(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/sandbox/")
	if id, ok := strings.CutPrefix(name, "file/"); ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		s.show(w, r, id)
		return
	}
	limit := int64(maxParams)
	if name == "upload" {
		limit = maxUpload
		s.busy <- struct{}{}
		defer func() { <-s.busy }()
	}
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(bodyLimit))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	control.SetReadDeadline(time.Time{})
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "the body is too large or did not come")
		return
	}
	result, err := s.route(r, r.Method+" "+name, body)
	switch {
	case errors.Is(err, errNoRoute):
		refuse(w, http.StatusNotFound, "no such call; docs/sandbox.md lists them")
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(result)
	}
}

var errNoRoute = errors.New("no such call")

func (s *Server) route(r *http.Request, route string, body []byte) (any, error) {
	switch route {
	case "GET messages":
		return s.getMessages(r)
	case "GET view":
		return s.getView(r)
	case "POST upload":
		return s.postUpload(r, body)
	}
	do, ok := routes[route]
	if !ok {
		return nil, errNoRoute
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(s, r, body)
}

// refuse answers with an error of the sandbox's own.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": text})
}

func (s *Server) postBots(_ *http.Request, body []byte) (any, error) {
	var req botRequest
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	id, token, err := s.addBot(req)
	return map[string]string{"bot": id, "token": token}, err
}

func (s *Server) postUsers(_ *http.Request, body []byte) (any, error) {
	var u user
	if err := decode(body, &u); err != nil {
		return nil, err
	}
	id, err := s.addUser(u)
	return identified{id}, err
}

func (s *Server) postUpload(r *http.Request, body []byte) (any, error) {
	q := r.URL.Query()
	userID, err := number(q.Get("user"))
	chatID, err2 := number(q.Get("chat"))
	if err != nil || err2 != nil {
		return nil, errors.New("user and chat: want numbers")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upload(uploadRequest{bot: q.Get("bot"), user: userID, chat: chatID, name: q.Get("name"), caption: q.Get("caption"), data: body})
}

func number(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	return strconv.ParseInt(s, 10, 64)
}

func (s *Server) postClear(_ *http.Request, body []byte) (any, error) {
	var req struct {
		Bot string `json:"bot"`
	}
	err := decode(body, &req)
	if err != nil {
		return nil, err
	}
	return map[string]int{"cleared": s.clearFaults(req.Bot)}, nil
}

func (s *Server) postWebhook(_ *http.Request, body []byte) (any, error) {
	var req struct {
		Bot string `json:"bot"`
		URL string `json:"url"`
	}
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	b, err := s.pickBot(req.Bot)
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.setHook(b, req.URL)
}

func (s *Server) getJournal(r *http.Request, _ []byte) (any, error) {
	limit, err := number(r.FormValue("limit"))
	if err != nil {
		return nil, errors.New("limit: want a number")
	}
	return s.entries(r.FormValue("bot"), int(limit)), nil
}

func (s *Server) getVerdict(r *http.Request, _ []byte) (any, error) {
	id := r.FormValue("bot")
	if id == "" {
		return s.verdict(nil), nil
	}
	b, err := s.pickBot(id)
	if err != nil {
		return nil, err
	}
	return s.verdict(b), nil
}

// postReset begins a new journal and verdict; with all, bots and chats go too.
func (s *Server) postReset(_ *http.Request, body []byte) (any, error) {
	var req struct {
		All bool `json:"all"`
	}
	if err := decode(body, &req); err != nil {
		return nil, err
	}
	now := time.Now()
	s.clearFaults("")
	s.journal, s.nobody = nil, tally{}
	for _, b := range s.order {
		b.tally.forget(now)
		for _, u := range b.queue.entries {
			u.delivered = 0
		}
	}
	if req.All {
		s.forgetBots(now)
	}
	s.touch()
	return struct{}{}, nil
}

// forgetBots drops bots and chats; those of the given tokens come back empty.
func (s *Server) forgetBots(now time.Time) {
	for _, c := range s.clients {
		c.release(now)
		c.unhook()
	}
	s.bots, s.clients, s.order, s.called = map[string]*bot{}, map[string]*client{}, nil, map[string]bool{}
	s.kept = attic{}
	s.files = shelf{}
	s.files.init()
	s.sent, s.sentSize = nil, 0
	for _, t := range s.opts.Tokens {
		s.client(t, "")
	}
}

func (s *Server) states() []BotState {
	list := make([]BotState, 0, len(s.order))
	for _, b := range s.order {
		st := BotState{Bot: b.id, Name: b.name, Username: b.username, Called: s.called[b.id], Pending: len(b.queue.entries)}
		for _, c := range b.clients {
			if c.slot != nil {
				st.Polling++
			}
			if c.webhook != nil {
				st.Webhook = c.webhook.url
			}
		}
		list = append(list, st)
	}
	return list
}

// patience reads how long a call may wait.
func patience(r *http.Request) (context.Context, context.CancelFunc) {
	wait, err := strconv.ParseFloat(r.FormValue("wait"), 64)
	if err != nil || wait < 0 {
		wait = 0
	}
	return context.WithTimeout(r.Context(), seconds(min(wait, maxPatience.Seconds())))
}

// getMessages returns what bots sent after a Seq; with wait not before something came.
func (s *Server) getMessages(r *http.Request) (any, error) {
	after, err := number(r.FormValue("after"))
	if err != nil {
		return nil, errors.New("after: want a number")
	}
	ctx, cancel := patience(r)
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
		case <-s.ctx.Done():
			return list, nil
		}
	}
}
