// Package sandbox is a Bot API server for one machine: exact where long-polling bots
// get hurt (the one poll per token, conflicts and their throttle, offsets, webhooks that
// shut polling out), small in everything else. Bots are tried against it without a
// token or a network, and tests use its journal as the judge.
//
// Rules follow the source of the real server, tdlib/telegram-bot-api, file Client.cpp.
//
// Left out, because no bot that polls is hurt by it: delivery to a webhook (its URL is
// stored and shuts polling out, no update is sent there), files, edits, inline
// keyboards, expiry of updates by kind (all live 24 h), flood limits, the limit of one setWebhook a second, the test
// environment, and the queue's survival of a restart of the server.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are how a Server behaves. The zero value accepts any token and says nothing.
type Options struct {
	Tokens []string     // accepted ones; empty: any of the form digits:text
	Log    *slog.Logger // one line per request at level debug; nil: none
}

// maxMethod bounds what the journal keeps of a method's name, in bytes.
const maxMethod = 64

// maxBots bounds how many bots a lenient server makes up.
const maxBots = 10_000

// Server is a Bot API server. It is safe for concurrent use.
type Server struct {
	opts  Options
	began chan struct{} // closed at the first call of any bot

	mu       sync.Mutex
	bots     map[string]*bot
	clients  map[string]*client // by token
	journal  []*Entry
	since    time.Time // of the verdict
	faults   []*Fault
	closing  bool
	called   map[string]bool
	sentSeq  int64
	sent     []Sent
	sentCome chan struct{} // closed and replaced when a bot has sent something
}

// bot is what the server keeps for one bot id: two tokens of one bot share it.
type bot struct {
	id       string
	queue    *queue
	clients  []*client
	nextText int64 // message ids
	commands json.RawMessage
}

// New returns a server with the bots of opts.Tokens.
func New(opts Options) *Server {
	s := &Server{
		opts: opts, began: make(chan struct{}), sentCome: make(chan struct{}), since: time.Now(),
		bots: map[string]*bot{}, clients: map[string]*client{}, called: map[string]bool{},
	}
	for _, t := range opts.Tokens {
		s.client(t)
	}
	return s
}

// NewToken makes up a token of the real form.
func NewToken() string {
	const digits = "0123456789"
	const last = "AEIMQUYcgkosw048" // what a secret of 35 characters may end in
	b := make([]byte, 10+34+1)
	rand.Read(b)
	id := []byte{"123456789"[b[0]%9]}
	for _, c := range b[1:10] {
		id = append(id, digits[c%10])
	}
	secret := []byte("AA")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	for _, c := range b[10:42] {
		secret = append(secret, alphabet[c%64])
	}
	return string(id) + ":" + string(append(secret, last[b[42]%16]))
}

// SupervisorAgent begins the User-Agent of whoever looks after a bot: its calls are no calls of a bot.
const SupervisorAgent = "botctl-supervisor"

// FirstCall is closed once any bot has called.
func (s *Server) FirstCall() <-chan struct{} { return s.began }

// Serve answers on ln until ctx ends, then lets pending polls go as the real server does.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 500 * time.Second, MaxHeaderBytes: 256 << 10}
	stop := context.AfterFunc(ctx, func() {
		s.Shutdown()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		srv.Shutdown(grace)
		srv.Close()
	})
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown answers every pending poll; requests from now on get 429.
func (s *Server) Shutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for _, c := range s.clients {
		c.release(time.Now())
	}
}

// tokenForm is what a token must look like to be one.
var tokenForm = regexp.MustCompile(`^[1-9][0-9]{0,15}:[A-Za-z0-9_-]+$`)

// client finds or makes what belongs to a token; nil when the token is refused. The
// caller holds the lock, or is New.
func (s *Server) client(token string) *client {
	if c := s.clients[token]; c != nil {
		return c
	}
	known := slices.Contains(s.opts.Tokens, token)
	if len(s.opts.Tokens) > 0 && !known || len(token) > 80 || !tokenForm.MatchString(token) || len(s.clients) >= maxBots {
		return nil
	}
	id, _, _ := strings.Cut(token, ":")
	b := s.bots[id]
	if b == nil {
		b = &bot{id: id, queue: newQueue(firstUpdateID()), nextText: 1}
		s.bots[id] = b
	}
	past := time.Now().Add(-100 * time.Second)
	c := &client{bot: b, prevOffset: -1, prevStart: past, nextConflict: past}
	b.clients = append(b.clients, c)
	s.clients[token] = c
	return c
}

// firstUpdateID is random, as a new queue's is.
func firstUpdateID() int64 {
	var b [4]byte
	rand.Read(b[:])
	return 2_000_001 + int64(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]))%900_000_000
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.page(w, r) {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/sandbox/") {
		s.admin(w, r)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/bot")
	token, method, slash := strings.Cut(rest, "/")
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	if !ok || !slash {
		errorReply(404, "Not Found").write(w)
		return
	}
	p, err := readParams(w, r)
	if err != nil {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if method == "" {
		method = p["method"]
	}
	s.serve(w, r, token, strings.ToLower(method), p)
}

// serve answers one call and keeps its journal.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, token, method string, p params) {
	id := "" // of what is no token nothing is kept: it may be a secret
	if tokenForm.MatchString(token) {
		id, _, _ = strings.Cut(token, ":")
	}
	s.mu.Lock()
	e := s.log(&Entry{Method: method[:min(len(method), maxMethod)], Bot: id, Peer: r.RemoteAddr, Start: time.Now()})
	if method == "getupdates" {
		e.Offset, e.Timeout = p.int("offset", 0), int(p.int("timeout", 0))
	}
	if !strings.HasPrefix(r.UserAgent(), SupervisorAgent) {
		s.noteCall(token)
	}
	wait := s.call(token, method, p)
	s.mu.Unlock()

	var rep reply
	select {
	case rep = <-wait:
	case <-r.Context().Done():
		// Nothing links the connection to the slot: the poll stays, and its answer
		// goes nowhere.
		s.leave(e, wait)
		return
	}
	s.finish(e, rep, r.Context().Err() != nil)
	rep.write(w)
}

// leave notes a client that went away, and what became of its call afterwards.
func (s *Server) leave(e *Entry, wait <-chan reply) {
	s.mu.Lock()
	e.End, e.Void = time.Now(), true
	s.mu.Unlock()
	if wait == nil {
		return
	}
	rep := <-wait
	s.mu.Lock()
	e.Status = rep.status
	s.mu.Unlock()
}

func (s *Server) finish(e *Entry, rep reply, void bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e.End, e.Status, e.Void = now, rep.status, void
	for _, u := range rep.updates {
		e.Delivered = append(e.Delivered, u.id)
		if !void {
			if u.delivered == 0 {
				u.first = now
			}
			u.delivered++
		}
	}
	if s.opts.Log != nil {
		s.opts.Log.Debug("answered", "method", e.Method, "bot", e.Bot, "status", rep.status, "took", now.Sub(e.Start))
	}
}

// noteCall remembers that the bot of a token has called. The caller holds the lock.
func (s *Server) noteCall(token string) {
	c := s.client(token)
	if c == nil || s.called[c.bot.id] {
		return
	}
	if len(s.called) == 0 {
		close(s.began)
	}
	s.called[c.bot.id] = true
}

// call begins a method and returns where its answer comes. The caller holds the lock.
func (s *Server) call(token, method string, p params) <-chan reply {
	c := s.client(token)
	switch {
	case s.closing:
		return at(retryReply(5))
	case !tokenForm.MatchString(token):
		return at(errorReply(401, "Unauthorized: invalid token specified"))
	case c == nil:
		return at(errorReply(401, "Unauthorized"))
	}
	if f := s.fault(c.bot.id, method); f != nil {
		return s.suffer(c, f)
	}
	if method == "getupdates" {
		if names, ok := updateNames(p["allowed_updates"]); ok && c.webhook == "" {
			c.allowed = names
		}
		return s.getUpdates(c, query{
			offset:  p.int("offset", 0),
			limit:   int(min(max(p.int("limit", defaultLimit), 1), defaultLimit)),
			timeout: min(max(time.Duration(p.int("timeout", 0))*time.Second, 0), maxPoll),
		}).answer
	}
	do, ok := methods[method]
	if !ok {
		return at(errorReply(404, "Not Found: method not found"))
	}
	return at(do(s, c, p))
}

// at is an answer that is there already.
func at(r reply) <-chan reply {
	ch := make(chan reply, 1)
	ch <- r
	return ch
}
