package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"botctl/supervisor/token"
)

const realToken = token.Token("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE")

// pipes is a network without a kernel: its time may be a test's.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (n *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *pipes) Close() error   { n.once.Do(func() { close(n.done) }); return nil }
func (n *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (n *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case n.conns <- there:
		return here, nil
	case <-n.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// world is a gateway, the server behind it, and clients before it.
type world struct {
	t      *testing.T
	g      *Gateway
	s      *Seat
	server *server
	front  *pipes
	client *http.Client
	stop   context.CancelFunc
	over   sync.WaitGroup

	mu     sync.Mutex
	events []Event
	began  time.Time
}

// server is a Bot API server of a test's own making.
type server struct {
	answer func(n int, w http.ResponseWriter, r *http.Request) // n counts the requests from 1

	mu   sync.Mutex
	seen []seen
	open int // polls
	most int
}

// seen is a request that reached the server, and when.
type seen struct {
	at      time.Duration
	method  string
	path    string
	query   string
	body    string
	header  http.Header
	length  int64
	chunked bool
}

// build makes a world within a bubble. answer may be nil: then every call is answered true, and every poll empty at its timeout.
func build(t *testing.T, opts Options, answer func(n int, w http.ResponseWriter, r *http.Request)) *world {
	t.Helper()
	w := &world{t: t, front: newPipes(), server: &server{answer: answer}, began: time.Now()}
	back := newPipes()
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r) }), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	w.over.Go(func() { srv.Serve(back) })
	opts.Base = "http://api.test"
	if opts.Token == "" {
		opts.Token = realToken
	}
	up := newTransport()
	up.Proxy, up.DialContext = nil, back.dial
	opts.Transport = up
	opts.Report = func(ev Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, ev)
	}
	var err error
	if w.g, err = New(opts); err != nil {
		t.Fatal(err)
	}
	w.s = w.g.Admit(1)
	w.s.Serve()
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.over.Go(func() { w.g.Serve(ctx, w.front) })
	w.client = &http.Client{Transport: &http.Transport{DialContext: w.front.dial, DisableCompression: true, MaxIdleConnsPerHost: 100}}
	t.Cleanup(func() {
		stop()
		w.front.Close()
		w.client.CloseIdleConnections()
		srv.Close()
		back.Close()
		w.over.Wait()
	})
	return w
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	s := w.server
	s.mu.Lock()
	s.seen = append(s.seen, seen{
		at: time.Since(w.began), method: r.Method, path: r.URL.EscapedPath(), query: r.URL.RawQuery, body: string(body), header: r.Header,
		length: r.ContentLength, chunked: slices.Contains(r.TransferEncoding, "chunked"),
	})
	n := len(s.seen)
	poll := strings.HasSuffix(r.URL.Path, "/getUpdates")
	if poll {
		s.open++
		w.over.Go(s.count)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if poll {
			s.open--
		}
	}()
	if s.answer != nil {
		s.answer(n, rw, r)
		return
	}
	if poll {
		quiet(rw, r)
		return
	}
	io.WriteString(rw, `{"ok":true,"result":true}`)
}

// count looks a moment later: a connection that was closed before this poll came may not have been noticed.
func (s *server) count() {
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = max(s.most, s.open)
}

// quiet answers a poll as the real server does while nothing happens.
func quiet(rw http.ResponseWriter, r *http.Request) {
	timer := time.NewTimer(formOf(r).ask().timeout)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
	io.WriteString(rw, `{"ok":true,"result":[]}`)
}

func formOf(r *http.Request) params {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	p, _ := paramsOf(r.URL.RawQuery, r.Header.Get("Content-Type"), "", body)
	return p
}

func fails(rw http.ResponseWriter, code int, text string) {
	rw.WriteHeader(code)
	fmt.Fprintf(rw, `{"ok":false,"error_code":%d,"description":%q}`, code, text)
}

const conflictText = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"

// reply is what a client got, and when.
type reply struct {
	status int
	body   string
	header http.Header
	after  time.Duration
	err    error
}

func (w *world) do(req *http.Request) reply {
	start := time.Now()
	resp, err := w.client.Do(req)
	if err != nil {
		return reply{err: err, after: time.Since(start)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{status: resp.StatusCode, body: string(body), header: resp.Header, after: time.Since(start), err: err}
}

func (w *world) get(path string) reply {
	req, err := http.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(req)
}

func (w *world) post(path, kind, body string) reply {
	req, err := http.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return w.do(req)
}

// bot is the path of a method for the world's first seat.
func (w *world) bot(method string) string { return "/bot" + w.s.Token().Reveal() + "/" + method }

// later does something beside and returns where its reply comes.
func (w *world) beside(f func() reply) <-chan reply {
	ch := make(chan reply, 1)
	go func() { ch <- f() }()
	return ch
}

func (w *world) requests() []seen {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	return slices.Clone(w.server.seen)
}

func (w *world) reported() (k []EventKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ev := range w.events {
		if ev.Kind != Used && ev.Kind != Polled {
			k = append(k, ev.Kind)
		}
	}
	return k
}

func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }
