package bot

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// gate is a supervisor's: while it holds, polls are answered in the server's place.
type gate struct {
	holds atomic.Bool
	held  atomic.Int64 // polls that were answered so
}

// behind puts a gate before the stage's server.
func (s *stage) behind() *gate {
	g := &gate{}
	to, err := url.Parse(s.base)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ErrorLog: log.New(io.Discard, "", 0)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.holds.Load() || !strings.HasSuffix(r.URL.Path, "/getUpdates") {
			proxy.ServeHTTP(w, r)
			return
		}
		<-time.After(10 * time.Millisecond)
		g.held.Add(1)
		w.Header().Set(parkedHeader, "1")
		io.WriteString(w, `{"ok":true,"result":[]}`)
	}))
	s.t.Cleanup(srv.Close)
	s.cfg.APIBase = srv.URL
	return g
}

// after waits until as many further polls were held: the schedule has looked meanwhile.
func (g *gate) after(t *testing.T, polls int64) {
	t.Helper()
	from := g.held.Load()
	eventually(t, func() bool { return g.held.Load() >= from+polls }, func() string { return "polls that are held" })
}

func TestACopyWhosePollsAreHeldDoesNotBegin(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cfg.now = clockAt(nine).now
	s.cfg.DigestChat = 11
	g := s.behind()
	g.holds.Store(true)
	stop, _ := s.run()
	g.after(t, 20)
	if list, _ := s.box.Messages(t.Context(), 0, 0); len(list) > 0 {
		t.Errorf("sent: %+v", list)
	}
	if list, _ := filepath.Glob(filepath.Join(s.cfg.StateDir, "*")); len(list) > 0 {
		t.Errorf("opened: %v", list)
	}
	g.holds.Store(false)
	s.sent(1)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// One that has begun, and whose polls are held since another one may poll.
func TestABotWhosePollsAreHeldSendsNoDigest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.subscribed(11)
	c := clockAt(nine.Add(-30 * time.Millisecond)) // so it looks each 30 ms
	s.cfg.now = c.now
	g := s.behind()
	stop, _ := s.run()
	s.ask("/help")
	g.holds.Store(true)
	g.after(t, 2)
	c.set(nine)
	g.after(t, 20)
	if list := s.sent(1); len(list) != 1 {
		t.Errorf("sent while it was held: %+v", list[1:])
	}
	g.holds.Store(false)
	if got := s.sent(2)[1].Text; !strings.HasPrefix(got, "Crypto digest · Tue 24 Nov 2026, 09:00 UTC") {
		t.Errorf("%q", got)
	}
	stop()
}

// Two hosts, each with a store of its own: what docs/bot.md says of them.
func TestTheStoreOfAnotherHostDoesNotKnowWhatWasSent(t *testing.T) {
	t.Parallel()
	one := newStage(t)
	one.subscribed(11)
	one.cfg.now = clockAt(nine).now
	stop, _ := one.run()
	one.sent(1)
	stop()

	other := &stage{t: t, token: one.token, base: one.base, box: one.box, market: one.market, cfg: one.cfg}
	other.cfg.StateDir = t.TempDir() // new: it knows nobody
	other.cfg.DigestChat = 12
	other.cfg.now = clockAt(nine.Add(time.Hour)).now
	stop, _ = other.run()
	other.askIn(99, 0, "/help")
	stop()
	if list := one.sent(2); len(list) != 2 {
		t.Errorf("a new store has sent: %+v", list)
	}

	other.subscribed(11) // it had the bot until yesterday
	stop, _ = other.run()
	if got := one.sent(3)[2].Text; !strings.Contains(got, "Late: it was due at 09:00 UTC.") {
		t.Errorf("%q", got)
	}
	stop()
}
