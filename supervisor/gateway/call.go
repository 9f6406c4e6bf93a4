package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	stallLimit = time.Minute      // a client that sends or takes nothing for so long is cut off
	headTime   = 10 * time.Second // for the head of a request, and for a poll whole
	smallBody  = 64 << 10         // a body up to this is read before it is sent on, so that it can be sent twice
	chunkSize  = 32 << 10
)

// forward carries a call through as it comes: method, headers, query and body, in both directions as a stream.
func (g *Gateway) forward(w http.ResponseWriter, r *http.Request, s *Seat, t target) {
	g.callBegins(s)
	served := false
	defer func() { g.callEnds(s, served) }()
	ctl := http.NewResponseController(w)
	out := g.up.request(r.Context(), r, t)
	out.URL.RawQuery = r.URL.RawQuery
	if s.swap != nil {
		out.Header["Accept-Encoding"] = []string{"identity"} // what is swapped must be readable
	}
	if err := attach(out, r, ctl); err != nil {
		closeEmpty(w, http.StatusBadRequest)
		return
	}
	resp, err := g.up.transport.RoundTrip(out)
	if err != nil {
		if r.Context().Err() == nil {
			badGateway(g.up.plain(err)).write(w)
		}
		return
	}
	defer resp.Body.Close()
	if enc := resp.Header.Get("Content-Encoding"); s.swap != nil && enc != "" && enc != "identity" {
		badGateway("an encoded answer that was not asked for").write(w)
		return
	}
	served = resp.StatusCode < http.StatusInternalServerError
	if t.method() == "deletewebhook" && resp.StatusCode == http.StatusOK {
		g.WebhookGone()
	}
	h := w.Header()
	copyHeaders(h, resp.Header)
	h["Date"] = resp.Header["Date"] // the server's own, or none
	delete(h, "User-Agent")
	s.swap.headers(h)
	if s.swap != nil && len(s.token) != len(g.opts.Token) {
		h.Del("Content-Length")
	}
	w.WriteHeader(resp.StatusCode)
	if !relay(w, s.swap.reader(resp.Body), ctl) {
		panic(http.ErrAbortHandler) // the client must see that something is missing
	}
}

// attach gives out the body of r. A small one is read first: then the transport may send it again on another
// connection when the kept one turns out to be closed.
func attach(out, r *http.Request, ctl *http.ResponseController) error {
	out.ContentLength = r.ContentLength
	switch n := r.ContentLength; {
	case r.Body == nil || n == 0:
		out.Body = http.NoBody
	case n > 0 && n <= smallBody:
		b := make([]byte, n)
		if _, err := io.ReadFull(&pacedBody{r.Body, ctl, n}, b); err != nil {
			return err
		}
		ctl.SetReadDeadline(time.Time{}) //nolint:errcheck // a writer without deadlines has none to lift
		out.Body = io.NopCloser(bytes.NewReader(b))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	default:
		out.Body = &pacedBody{r.Body, ctl, n}
	}
	return nil
}

// pacedBody ends a body whose client sends nothing for stallLimit. The transport asks once more behind the last byte, to see that there
// is no other, and ends the connection if that fails; by then the answer may be under way and the client's body closed.
type pacedBody struct {
	io.ReadCloser

	ctl  *http.ResponseController
	left int64 // below 0: unknown
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	b.ctl.SetReadDeadline(time.Now().Add(stallLimit)) //nolint:errcheck // the same
	n, err := b.ReadCloser.Read(p)
	b.left -= min(int64(n), max(b.left, 0))
	if errors.Is(err, io.EOF) || b.left == 0 {
		b.ctl.SetReadDeadline(time.Time{}) //nolint:errcheck // the connection goes on
	}
	return n, err
}

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// relay copies an answer as it comes, and says whether it came to its end.
func relay(w http.ResponseWriter, from io.Reader, ctl *http.ResponseController) bool {
	buf := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(buf)
	for {
		n, err := from.Read(buf[:])
		if n > 0 {
			ctl.SetWriteDeadline(time.Now().Add(stallLimit)) //nolint:errcheck // the same
			if _, err := w.Write(buf[:n]); err != nil {
				return false
			}
			if err == nil { // the end is flushed by net/http
				ctl.Flush() //nolint:errcheck // a writer that cannot, need not
			}
		}
		if err != nil {
			ctl.SetWriteDeadline(time.Time{}) //nolint:errcheck // the same
			return errors.Is(err, io.EOF)
		}
	}
}

// local answers what a parked child must not do to the bot, as if it had been done.
func (g *Gateway) local(w http.ResponseWriter, s *Seat) {
	g.callBegins(s)
	defer g.callEnds(s, true)
	done.write(w)
}

func (g *Gateway) callBegins(s *Seat) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.habit.calls(s.polling())
	now := time.Now()
	for _, t := range []*tally{&g.calls, &s.calls} {
		t.total++
		t.open++
		t.began = now
	}
	g.move()
}

func (g *Gateway) callEnds(s *Seat, served bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for _, t := range []*tally{&g.calls, &s.calls} {
		t.open--
		t.ended = now
		if served {
			t.served = now
		}
	}
	g.move()
}
