package leasetest

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Relay is a TCP relay on loopback, between a client and a server, that can do what networks do. It begins by passing.
// Its methods may be called concurrently; once one has returned, no byte goes the other way.
type Relay struct {
	listener net.Listener
	work     sync.WaitGroup
	ended    chan struct{} // closed when nothing is accepted any more

	mu      sync.Mutex
	target  string
	hold    [2]bool       // requests, answers
	refuse  bool          // new connections are reset
	moved   chan struct{} // closed and made anew when one of these changes
	links   map[*link]bool
	closing bool
	marks   map[string]chan struct{} // addresses that connections of our own come from; closed when one has been accepted
}

// The directions of a link.
const (
	requests = 0 // client to server
	answers  = 1
)

// link is one connection of a client, and that to the server once it is made.
type link struct {
	client, server *net.TCPConn
	gone           chan struct{} // closed when it is cut
}

// NewRelay starts a relay to a server at target, until the test ends.
func NewRelay(t testing.TB, target string) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{listener: l, target: target, ended: make(chan struct{}), moved: make(chan struct{}), links: map[*link]bool{}, marks: map[string]chan struct{}{}}
	r.work.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

// Addr is what clients connect to.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Pass lets everything through, what was held first.
func (r *Relay) Pass() { r.change(func() { r.hold, r.refuse = [2]bool{}, false }) }

// Hold is a black hole: bytes of both directions are taken and held, ends of connections too. New connections are accepted, and
// the server does not hear of them.
func (r *Relay) Hold() { r.change(func() { r.hold, r.refuse = [2]bool{true, true}, false }) }

// HoldAnswers lets requests reach the server, and holds what it answers.
func (r *Relay) HoldAnswers() { r.change(func() { r.hold, r.refuse = [2]bool{false, true}, false }) }

// Target sends new connections to another server. Those that there are stay; see Cut.
func (r *Relay) Target(addr string) { r.change(func() { r.target = addr }) }

// Cut resets every connection that there is, and drops what was held of it.
func (r *Relay) Cut() {
	r.caughtUp()
	r.change(r.cut)
}

// Refuse resets every connection that there is, and each new one until Pass or one of the Holds.
func (r *Relay) Refuse() {
	r.caughtUp()
	r.change(func() { r.refuse = true; r.cut() })
}

func (r *Relay) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.moved)
	r.moved = make(chan struct{})
}

// caughtUp waits until every connection that a client has made is accepted: the kernel says yes before us, in order.
func (r *Relay) caughtUp() {
	r.mu.Lock()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		r.mu.Unlock()
		return // the test is over
	}
	defer c.Close()
	accepted := make(chan struct{})
	r.marks[c.LocalAddr().String()] = accepted
	r.mu.Unlock()
	select {
	case <-accepted:
	case <-r.ended:
	}
}

// cut is called with the lock held.
func (r *Relay) cut() {
	for l := range r.links {
		delete(r.links, l)
		l.cut()
	}
}

func (l *link) cut() {
	close(l.gone)
	for _, c := range []*net.TCPConn{l.client, l.server} {
		if c != nil {
			c.SetLinger(0) // a reset instead of an end
			c.Close()
		}
	}
}

func (r *Relay) close() {
	r.listener.Close()
	r.change(func() { r.closing = true; r.cut() })
	r.work.Wait()
}

func (r *Relay) accept() {
	defer close(r.ended)
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		l := &link{client: c.(*net.TCPConn), gone: make(chan struct{})}
		r.mu.Lock()
		from := c.RemoteAddr().String()
		switch {
		case r.marks[from] != nil:
			close(r.marks[from])
			delete(r.marks, from)
			c.Close()
		case r.closing || r.refuse:
			l.cut()
		default:
			r.links[l] = true
			r.work.Go(func() { r.serve(l) })
		}
		r.mu.Unlock()
	}
}

// serve makes the other half of a link and copies both ways until one has ended.
func (r *Relay) serve(l *link) {
	var pair sync.WaitGroup
	if r.pass(l, requests, func() error { return r.dial(l) }) {
		pair.Go(func() { r.copy(l, requests) })
		pair.Go(func() { r.copy(l, answers) })
		pair.Wait()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.links[l] {
		delete(r.links, l)
		l.cut()
	}
}

// dial is called with the lock held.
func (r *Relay) dial(l *link) error {
	c, err := net.DialTimeout("tcp", r.target, time.Second)
	if err != nil {
		return err
	}
	l.server = c.(*net.TCPConn)
	return nil
}

// copy passes the bytes of one direction, and then its end.
func (r *Relay) copy(l *link, way int) {
	from, to := l.client, l.server
	if way == answers {
		from, to = to, from
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		switch {
		case n > 0:
			if !r.pass(l, way, func() error { _, err := to.Write(buf[:n]); return err }) {
				return
			}
		case err == io.EOF: //nolint:errorlint // net.Conn gives it bare
			r.pass(l, way, to.CloseWrite)
			return
		case err != nil: // a reset is passed on as one
			r.pass(l, way, func() error { delete(r.links, l); l.cut(); return nil })
			return
		}
	}
}

// pass runs f under the lock, as soon as that way is open. It says whether the link still lives.
func (r *Relay) pass(l *link, way int, f func() error) bool {
	for {
		r.mu.Lock()
		if !r.links[l] {
			r.mu.Unlock()
			return false
		}
		if !r.hold[way] {
			err := f()
			r.mu.Unlock()
			return err == nil
		}
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-l.gone:
			return false
		}
	}
}
