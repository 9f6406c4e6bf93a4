package gateway

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"botctl/supervisor/mutant"
	"botctl/supervisor/token"
)

// Options are what a gateway stands before. Base and Token must be set.
type Options struct {
	Base       string      // the Bot API server, "https://api.telegram.org"
	Token      token.Token // the bot's
	Substitute bool        // seats get tokens of their own, and the real one is accepted from nobody
	// Report, when set, is told what befalls the poll. It is called by whoever serves a request, so it must not block.
	Report func(Event)
	// Permit, when set, says whether anything of a poll may go to the server, or come from it, at this instant. It is asked right before each
	// of both, must not block, and where it says no all polls are parked until Serve.
	Permit func() bool
	// Transport carries requests to the server; nil: one that knows the owner's proxy settings.
	Transport http.RoundTripper
}

// Gateway stands before the Bot API for one bot. It may be used concurrently.
type Gateway struct {
	opts  Options
	up    upstream
	door  *door
	began time.Time

	mu    sync.Mutex
	lines [2]line // of the usual and of the test environment
	seats []*Seat
	next  seat
	wakes map[*poll]*waker
	told  bool // of the real token
	calls tally
	moved chan struct{} // closed and replaced when something changes while somebody waits for quiet
	await int
}

// tally counts the calls that are no polls.
type tally struct {
	total   uint64
	open    int
	began   time.Time // the latest one
	ended   time.Time // the latest end of one
	served  time.Time // the latest one that the server, or the gateway in its place, did not answer with 5xx
	refused uint64    // requests that brought no token of ours
}

// Seat is one child's access. Its methods may be called after Leave; they do nothing then.
type Seat struct {
	g      *Gateway
	number seat
	run    uint32
	token  token.Token
	swap   *swap // what the server says of the real token; nil: nothing is changed
	calls  tally
	habit  habit
	used   bool
	polled bool
}

// waker interrupts whoever carries a poll out.
type waker struct {
	news   chan struct{} // has room for one
	cancel context.CancelFunc
}

// New returns a gateway that has no seat yet, so everything is refused. It fails when the base is no URL.
func New(opts Options) (*Gateway, error) {
	base, err := url.Parse(strings.TrimRight(opts.Base, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("gateway: the API base is not a URL such as https://api.telegram.org")
	}
	if opts.Token == "" {
		return nil, errors.New("gateway: no bot token")
	}
	if opts.Transport == nil {
		opts.Transport = newTransport()
	}
	g := &Gateway{
		opts: opts, door: newDoor(), began: time.Now(), wakes: map[*poll]*waker{}, moved: make(chan struct{}),
		up: upstream{base: base, transport: opts.Transport, token: opts.Token, masker: token.NewMasker(opts.Token)},
	}
	for i := range g.lines {
		g.lines[i].seed = rand.Uint64()
	}
	return g, nil
}

// Listen opens a port on loopback that nobody chose.
func Listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		ln, err = lc.Listen(ctx, "tcp6", "[::1]:0")
	}
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return ln, nil
}

// Admit makes a seat for child number run. Its polls are parked until Serve is called on it. Without substitutes all seats have
// the one token, so there must be one at a time.
func (g *Gateway) Admit(run uint32) *Seat {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next++
	s := &Seat{g: g, number: g.next, run: run, token: g.opts.Token}
	if g.opts.Substitute {
		s.token = substitute(g.opts.Token)
		s.swap = newSwap(g.opts.Token, s.token)
	}
	g.seats = append(g.seats, s)
	return s
}

// Token is what the child of this seat is to be given.
func (s *Seat) Token() token.Token { return s.token }

// Serve lets the polls of this seat, and of no other, go to the server.
func (s *Seat) Serve() { s.g.serve(s.number) }

// Hold parks the polls of this seat: one that is at the server is taken back, and each is answered with an empty
// list after its own timeout (0 to 50 s; 0: at once, but one a second). What a parked poll names as its offset
// is recorded. A seat that does not serve is on hold already.
func (s *Seat) Hold() {
	g := s.g
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.lines {
		if g.lines[i].serving == s.number {
			g.lines[i].serve(nobody)
		}
	}
	g.stir()
}

// Fence parks the polls of every seat, as Hold does for one.
func (g *Gateway) Fence() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.lines {
		g.lines[i].serve(nobody)
	}
	g.stir()
}

// permitted asks Options.Permit. A poll that comes too late for it is parked with all others.
func (g *Gateway) permitted() bool {
	if g.opts.Permit == nil || mutant.Is(mutant.NoFence) || g.opts.Permit() {
		return true
	}
	g.Fence()
	return false
}

// Resume begins where another gateway for this bot has ended: nothing is asked below cursor, for all that is handled. 0 is ignored.
func (g *Gateway) Resume(cursor int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines[0].ack = max(g.lines[0].ack, cursor)
}

func (g *Gateway) serve(n seat) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.ContainsFunc(g.seats, func(s *Seat) bool { return s.number == n }) {
		return
	}
	for i := range g.lines {
		g.lines[i].serve(n)
	}
	g.stir()
}

// Leave ends the seat: its token is refused from now on, and its polls are answered. What was acknowledged stays.
func (s *Seat) Leave() {
	s.Hold()
	s.FreePoll()
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	s.g.seats = slices.DeleteFunc(s.g.seats, func(other *Seat) bool { return other == s })
	for i := range s.g.lines {
		delete(s.g.lines[i].owes, s.number)
	}
}

// FreePoll answers every poll of this seat with an empty list at once, and lets go of connections that are not in
// use, one of which may be dead. It returns how many polls there were.
func (s *Seat) FreePoll() int {
	g := s.g
	g.mu.Lock()
	n := 0
	for i := range g.lines {
		n += g.lines[i].release(s.number)
	}
	g.stir()
	g.mu.Unlock()
	g.up.closeIdle()
	return n
}

// WebhookGone says that no webhook is set any more: polls that were parked for it go on at once.
func (g *Gateway) WebhookGone() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.lines {
		g.lines[i].webhook = time.Time{}
	}
	g.stir()
}

// stir lets everybody look again. The caller holds the lock.
func (g *Gateway) stir() {
	now := time.Now()
	for i := range g.lines {
		for _, p := range g.lines[i].polls {
			w := g.wakes[p]
			if w == nil {
				continue
			}
			if w.cancel != nil && !p.sent.IsZero() && g.lines[i].atServer(p, now).do == cancel {
				w.cancel()
			}
			select {
			case w.news <- struct{}{}:
			default:
			}
		}
	}
	g.move()
}

// move tells whoever waits for quiet. The caller holds the lock.
func (g *Gateway) move() {
	if g.await > 0 {
		close(g.moved)
		g.moved = make(chan struct{})
	}
}

// seatOf finds the seat of a token, in a time that does not depend on how much of it is right.
func (g *Gateway) seatOf(tok string) *Seat {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found *Seat
	for _, s := range g.seats {
		if subtle.ConstantTimeCompare([]byte(s.token.Reveal()), []byte(tok)) == 1 {
			found = s
		}
	}
	if found == nil {
		g.calls.refused++
	}
	return found
}

// exposed reports, once, that the bot has the real token although it was to have a substitute.
func (g *Gateway) exposed(tok string) {
	if !g.opts.Substitute || subtle.ConstantTimeCompare([]byte(g.opts.Token.Reveal()), []byte(tok)) == 0 {
		return
	}
	g.mu.Lock()
	first := !g.told
	g.told = true
	g.mu.Unlock()
	if first {
		g.report(0, false, Event{Kind: RealToken})
	}
}

// report hands events on, outside of the lock.
func (g *Gateway) report(run uint32, test bool, evs ...Event) {
	if g.opts.Report == nil {
		return
	}
	for _, ev := range evs {
		ev.Run, ev.Test = run, test
		g.opts.Report(ev)
	}
}
