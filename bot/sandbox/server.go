// Package sandbox is a Bot API server for one machine: exact where long-polling bots
// get hurt (the one poll per token, conflicts and their throttle, offsets, webhooks that
// shut polling out), plain in everything else. Bots are tried against it without a
// token or a network, and tests use its journal as the judge. docs/sandbox.md describes
// how it is driven.
//
// Rules follow the source of the real server: tdlib/telegram-bot-api (Client.cpp,
// ClientManager.cpp, WebhookActor.cpp, HttpConnection.cpp, Query.cpp) and tdlib/td (TQueue.cpp).
//
// Left out, and why:
//   - "Conflict: terminated by other setWebhook": a webhook is set at once here, so no second call meets the first.
//   - 429 for too many new tokens of one address, for too many calls under way, and Telegram's flood limits: nothing
//     here is loaded or can be flooded; a fault brings a 429 to whoever wants one.
//   - The wait of calls while a bot logs in, and "500 restart" while it closes: both take no time here.
//   - 421 for ids that are no canonical number or belong to another server, and the checks of a secret's length
//     and last character: tokens such as 123:abc are common in tests. Options.Tokens is the strict mode.
//   - The size of a webhook's certificate; and 501, 505, 431 and the like are net/http's own.
//   - The queue on disk: it survives a restart of the server (the fault "restart"), not the end of the process.
//   - Webhooks beyond loopback: set, answered and shown, but nothing is delivered, since nothing leaves the machine.
//     On loopback any port and any certificate will do.
//   - Files by http URL, for the same reason; thumbnails and smaller sizes of photos.
//   - Chats must not be known before a bot writes to them: any number is a chat.
//   - Keep-alive against the client's "Connection: close", and pipelining beyond net/http's.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are how a Server behaves. The zero value accepts any token and says nothing.
type Options struct {
	Tokens []string     // accepted ones; empty: any of the form digits:text
	Log    *slog.Logger // one line per request at level debug; nil: none
	// Hooks carries deliveries to webhooks; nil: a transport that dials loopback alone.
	Hooks http.RoundTripper
}

// Bounds of what a server keeps. The oldest go first where something must go.
const (
	maxMethod  = 64     // bytes that the journal keeps of a method's name, and of a User-Agent
	maxBots    = 10_000 // that a lenient server makes up
	maxUsers   = 10_000
	maxChats   = 10_000 // of one bot
	maxConns   = 16_384
	maxHeaders = 256 << 10
	bodyLimit  = 2 * time.Minute // for a client to send its request
	writeLimit = time.Minute     // for a client to take its answer
)

// Server is a Bot API server. It is safe for concurrent use.
type Server struct {
	opts  Options
	began chan struct{} // closed at the first call of any bot
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup
	busy  chan struct{} // a place for each upload that is being read

	methods map[string]method

	mu       sync.Mutex
	started  time.Time
	bots     map[string]*bot
	order    []*bot             // as they came
	clients  map[string]*client // by token, with "/test" behind it for the test environment
	users    map[int64]*user
	people   []*user // as they came
	called   map[string]bool
	nobody   tally // calls of no bot
	since    time.Time
	journal  []*Entry
	faults   []*Fault
	lastID   int64 // of faults
	closing  bool
	sentSeq  int64
	sent     []Sent
	sentSize int
	sentCome chan struct{} // closed and replaced when a bot has sent something
	kept     attic
	files    shelf
	version  int64
	watchers int
	changed  chan struct{} // closed and replaced at a change, while somebody watches
}

// bot is what the server keeps for one bot id: two tokens of one bot share it.
type bot struct {
	id        string // with "/test" behind it in the test environment
	name      string
	username  string
	queue     *queue
	clients   []*client
	chats     map[int64]*chat
	recent    []*chat // the oldest first
	nextText  int64   // message ids
	nextCall  int64   // of callback queries
	callbacks map[string]*callback
	commands  map[string]json.RawMessage // by scope and language
	tally     tally
}

// New returns a server with the bots of opts.Tokens.
func New(opts Options) *Server {
	ctx, stop := context.WithCancel(context.Background())
	now := time.Now()
	s := &Server{
		opts: opts, methods: methodTable(), began: make(chan struct{}), ctx: ctx, stop: stop, busy: make(chan struct{}, 4),
		started: now, since: now, sentCome: make(chan struct{}), changed: make(chan struct{}), version: 1,
		bots: map[string]*bot{}, clients: map[string]*client{}, users: map[int64]*user{}, called: map[string]bool{},
	}
	s.files.init()
	if s.opts.Hooks == nil {
		s.opts.Hooks = loopbackTransport()
	}
	s.person(defaultUser)
	for _, t := range opts.Tokens {
		s.client(t, "")
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
	srv := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 500 * time.Second, MaxHeaderBytes: maxHeaders,
		ConnState: limitConns(maxConns), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	stop := context.AfterFunc(ctx, func() {
		s.Shutdown()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		srv.Shutdown(grace)
		srv.Close()
	})
	defer stop()
	err := srv.Serve(ln)
	s.stop()
	s.work.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// limitConns closes connections beyond a number as they come.
func limitConns(limit int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > limit {
				conn.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
}

// Shutdown answers every pending poll; requests from now on get 429, and what the server does by
// itself (deliveries, rivals, injections) ends.
func (s *Server) Shutdown() {
	s.mu.Lock()
	s.shut()
	s.mu.Unlock()
	s.stop()
}

// shut begins a shutdown. The caller holds the lock.
func (s *Server) shut() {
	s.closing = true
	for _, c := range s.clients {
		c.release(time.Now())
	}
	s.touch()
}

// isToken says what a token must look like to be one here. The real server wants 24 characters and more.
func isToken(s string) bool {
	id, secret, _ := strings.Cut(s, ":")
	number := 0 < len(id) && len(id) <= 16 && id[0] != '0' && !strings.ContainsFunc(id, func(r rune) bool { return !isDigit(r) })
	return number && secret != "" && !strings.ContainsFunc(secret, notOfSecret)
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// notOfSecret finds what neither the second part of a token nor the secret of a webhook may have.
func notOfSecret(r rune) bool {
	return (r|0x20 < 'a' || 'z' < r|0x20) && !isDigit(r) && r != '_' && r != '-'
}

// maxToken is how long a token may be, in bytes (ClientManager.cpp: send).
const maxToken = 80

// client finds or makes what belongs to a token; nil when the token is refused. env is "" or "/test".
// The caller holds the lock, or is New.
func (s *Server) client(token, env string) *client {
	if c := s.clients[token+env]; c != nil {
		return c
	}
	known := slices.Contains(s.opts.Tokens, token)
	if len(s.opts.Tokens) > 0 && !known || len(token) > maxToken || !isToken(token) || len(s.clients) >= maxBots {
		return nil
	}
	id, _, _ := strings.Cut(token, ":")
	b := s.bots[id+env]
	if b == nil {
		b = newBot(id + env)
		s.bots[b.id] = b
		s.order = append(s.order, b)
	}
	c := &client{bot: b}
	c.load(time.Now())
	b.clients = append(b.clients, c)
	s.clients[token+env] = c
	s.touch()
	return c
}

func newBot(id string) *bot {
	number, _, _ := strings.Cut(id, "/")
	b := &bot{
		id: id, name: "Sandbox bot", username: "sandbox_" + number + "_bot", queue: newQueue(firstUpdateID(), time.Now()), nextText: 1, nextCall: 1,
		chats: map[int64]*chat{}, callbacks: map[string]*callback{}, commands: map[string]json.RawMessage{},
	}
	b.queue.gone = b.tally.retire
	return b
}

func (b *bot) user() user {
	number, _, _ := strings.Cut(b.id, "/")
	n, _ := strconv.ParseInt(number, 10, 64)
	return user{ID: n, IsBot: true, FirstName: b.name, Username: b.username}
}

// firstUpdateID is random, as a new queue's is.
func firstUpdateID() int64 {
	var b [4]byte
	rand.Read(b[:])
	return 2_000_001 + int64(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]))%900_000_000
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Loopback alone would not keep a web page elsewhere from calling us through a browser. It may lead here, to the page, and no further.
	if !loopbackHost(r.Host) || !ownOrigin(r) && r.URL.Path != "/" {
		refuse(w, http.StatusForbidden, "the sandbox answers its own machine only: use 127.0.0.1 or localhost as the host")
		return
	}
	switch {
	case s.page(w, r):
	case strings.HasPrefix(r.URL.Path, "/sandbox/"):
		s.admin(w, r)
	case strings.HasPrefix(r.URL.Path, "/file/bot"):
		s.download(w, r)
	default:
		s.botAPI(w, r)
	}
}

// botAPI answers /bot<token>/<method>.
func (s *Server) botAPI(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = nil // the real server sends none
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		closeEmpty(w, http.StatusNotImplemented)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/bot")
	token, method, slash := strings.Cut(rest, "/")
	if r.URL.IsAbs() {
		errorReply(404, "Not Found: absolute URI is specified in the Request-Line").write(w)
		return
	}
	if !ok || !slash {
		errorReply(404, "Not Found").write(w)
		return
	}
	env := ""
	if name, test := strings.CutPrefix(method, "test/"); test {
		env, method = "/test", name
	}
	p, err := s.readParams(w, r)
	if err != nil {
		closeEmpty(w, http.StatusRequestEntityTooLarge)
		return
	}
	if method == "" {
		method = p.str("method")
	}
	agent := r.UserAgent()
	s.answer(w, r, request{
		caller: caller{peer: r.RemoteAddr, agent: agent[:min(len(agent), maxMethod)], watcher: strings.HasPrefix(agent, SupervisorAgent)},
		token:  token, env: env, method: strings.ToLower(method), params: p,
	})
}

// closeEmpty is what the real server's HTTP layer says: a status, no body, and the end of the connection.
func closeEmpty(w http.ResponseWriter, status int) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
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

// ownOrigin says that no other page sent the request. Browsers say so by Origin, and for what they send
// without one (an image, a link) by Sec-Fetch-Site; programs say neither.
func ownOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return false
	}
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "http://"+r.Host
}
