package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	idleTime  = 500 * time.Second // as the real server's
	headLimit = 256 << 10         // bytes of a request's head; more is 431
)

// Serve answers on ln until ctx ends. Every connection is closed when it returns; the error is nil after ctx.
func (g *Gateway) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{
		Handler: g, ReadHeaderTimeout: headTime, IdleTimeout: idleTime, MaxHeaderBytes: headLimit - 4096, // net/http adds as much
		ConnContext: g.door.enter, ConnState: g.door.state,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	err := srv.Serve(ln)
	srv.Close()
	g.door.empty()
	g.up.closeIdle()
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ServeHTTP answers one request. What does not bring a seat's token never leaves the machine.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = nil // as the real server
	if !loopbackHost(r.Host) || foreignPage(r) {
		notHere.write(w)
		return
	}
	if r.URL.IsAbs() || r.URL.Host != "" {
		absoluteURI.write(w)
		return
	}
	t, ok := parsePath(r.URL.Path)
	if !ok {
		notFound.write(w)
		return
	}
	s := g.seatOf(t.token)
	if s == nil {
		g.exposed(t.token)
		if malformed(t.token) {
			notFound.write(w)
			return
		}
		unauthorized.write(w)
		return
	}
	g.door.trust(r.Context())
	g.welcome(s)
	if m := r.Method; m != http.MethodGet && m != http.MethodPost && (m != http.MethodHead || !t.file) {
		closeEmpty(w, http.StatusNotImplemented)
		return
	}
	g.route(w, r, s, t)
}

// route sends polls one way and everything else another.
func (g *Gateway) route(w http.ResponseWriter, r *http.Request, s *Seat, t target) {
	method := t.method()
	var in params
	if !t.file && (method == "" || method == "getupdates") {
		var err error
		if in, err = g.read(w, r); err != nil {
			return
		}
		if method == "" { // then a parameter names it
			method = strings.ToLower(in.get("method"))
		}
	}
	switch {
	case method == "getupdates":
		g.poll(w, r, s, t, in)
	case g.keptBack(s, method):
		g.local(w, s)
	default:
		g.forward(w, r, s, t)
	}
}

// read takes a request whole. When it cannot, it has answered.
func (g *Gateway) read(w http.ResponseWriter, r *http.Request) (params, error) {
	ctl := http.NewResponseController(w)
	ctl.SetReadDeadline(time.Now().Add(headTime)) //nolint:errcheck // a writer without deadlines has none to set
	var whole strings.Builder
	r.Body = &tee{r.Body, &whole}
	in, err := readParams(r)
	switch {
	case errors.Is(err, errTooLarge):
		closeEmpty(w, http.StatusRequestEntityTooLarge)
		return nil, err
	case err != nil:
		closeEmpty(w, http.StatusBadRequest)
		return nil, err
	}
	ctl.SetReadDeadline(time.Time{}) //nolint:errcheck // the same
	r.Body = io.NopCloser(strings.NewReader(whole.String()))
	r.ContentLength = int64(whole.Len())
	return in, nil
}

// tee keeps what is read, for a call whose name stood in its body.
type tee struct {
	io.ReadCloser

	kept *strings.Builder
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.kept.Write(p[:n])
	return n, err
}

// keptBack says whether a call would take the poll from whoever has it while this seat is parked.
func (g *Gateway) keptBack(s *Seat, method string) bool {
	switch method {
	case "setwebhook", "deletewebhook", "close", "logout":
	default:
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lines[0].serving != s.number
}

// welcome reports the first request of a seat.
func (g *Gateway) welcome(s *Seat) {
	g.mu.Lock()
	first := !s.used
	s.used = true
	g.mu.Unlock()
	if first {
		g.report(s.run, false, Event{Kind: Used})
	}
}

// malformed says whether the real server would not even look for the token (botapi: 404 then, 401 otherwise).
func malformed(tok string) bool {
	id, secret, ok := strings.Cut(tok, ":")
	if !ok || id == "" || secret == "" || len(tok) > 80 {
		return true
	}
	return strings.Trim(id, "0123456789") != ""
}

func loopbackHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// foreignPage says whether a browser sent the request for a page of another site. Programs send neither header.
func foreignPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return true
	}
	origin := r.Header.Get("Origin")
	return origin != "" && origin != "http://"+r.Host
}
