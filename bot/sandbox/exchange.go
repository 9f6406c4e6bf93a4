package sandbox

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// caller is who makes a call.
type caller struct {
	peer    string // address and port
	agent   string // User-Agent
	rival   bool   // one of our own making
	watcher bool   // looks after a bot, and is none
}

// request is one call of the Bot API.
type request struct {
	caller

	token  string
	env    string // "" or "/test"
	method string // in lower case
	params params
}

// answer carries a call of an HTTP client through.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, req request) {
	rep, e := s.exchange(r.Context(), req)
	if e == nil {
		return
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeLimit)) // not offered by every writer: then there is none
	if err := rep.write(w); err != nil {
		s.unsent(e, rep)
	}
	http.NewResponseController(w).SetWriteDeadline(time.Time{})
}

// exchange makes a call and returns its answer, which its journal entry already has; no entry when the
// caller went away before. ctx is the caller's connection.
func (s *Server) exchange(ctx context.Context, req request) (reply, *Entry) {
	s.mu.Lock()
	e, c := s.begin(req)
	wait, f := s.call(c, req)
	s.mu.Unlock()
	select {
	case rep := <-wait:
		if rep, ok := f.spoil(ctx, rep); ok {
			s.finish(e, rep, ctx.Err() != nil)
			return rep, e
		}
		s.leave(e)
	case <-ctx.Done():
		// Nothing links the connection to the slot: the poll stays, and its answer
		// goes nowhere.
		s.leave(e)
		if wait != nil {
			s.work.Go(func() { s.void(e, wait) })
		}
	}
	return reply{}, nil
}

// begin opens a journal entry. The caller holds the lock.
func (s *Server) begin(req request) (*Entry, *client) {
	e := &Entry{Method: req.method[:min(len(req.method), maxMethod)], Peer: req.peer, Agent: req.agent, Rival: req.rival, Start: time.Now()}
	if e.isPoll() {
		e.Offset, e.Timeout = req.params.int("offset", 0), int(req.params.int("timeout", 0))
	}
	c := s.client(req.token, req.env)
	if c == nil {
		if isToken(req.token) { // of what is no token nothing is kept: it may be a secret
			e.Bot, _, _ = strings.Cut(req.token, ":")
		}
		e.tally = &s.nobody
		e.tally.begin(e)
		return s.log(e), nil
	}
	e.Bot = c.bot.id
	if !req.watcher && !s.called[e.Bot] {
		if len(s.called) == 0 {
			close(s.began)
		}
		s.called[e.Bot] = true
	}
	e.tally = &c.bot.tally
	e.tally.begin(e)
	return s.log(e), c
}

// call begins a method and returns where its answer comes, and the fault that is to spoil it. The caller
// holds the lock.
func (s *Server) call(c *client, req request) (<-chan reply, *Fault) {
	switch {
	case s.closing:
		return at(retryReply(5)), nil
	case len(req.token) > maxToken || !isToken(req.token):
		return at(errorReply(401, "Unauthorized: invalid token specified")), nil
	case c == nil:
		return at(errorReply(401, "Unauthorized")), nil
	}
	f := s.fault(c.bot.id, req.method)
	if f != nil && !f.carriesOut() {
		return s.suffer(c, f, req), nil
	}
	if rep, shut := c.closed(req.method, time.Now()); shut {
		return at(rep), f
	}
	if req.method == "getupdates" {
		return s.poll(c, req), f
	}
	do, ok := s.methods[req.method]
	if !ok {
		return at(errorReply(404, "Not Found: method not found")), f
	}
	return at(do(s, c, req.params)), f
}

// poll is getUpdates from its parameters.
func (s *Server) poll(c *client, req request) <-chan reply {
	p := req.params
	if names, ok := updateNames(p.str("allowed_updates")); ok && c.webhook == nil {
		c.allowed = names
	}
	return s.getUpdates(c, query{
		caller:  req.caller,
		offset:  p.int("offset", 0),
		limit:   int(min(max(p.int("limit", defaultLimit), 1), defaultLimit)),
		timeout: min(max(time.Duration(p.int("timeout", 0))*time.Second, 0), maxPoll),
	}).answer
}

// finish notes the answer of a call, which is void when the caller was gone before it.
func (s *Server) finish(e *Entry, rep reply, void bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.End, e.Status, e.Void = time.Now(), rep.status, void
	for _, u := range rep.updates {
		e.Delivered = append(e.Delivered, u.id)
		if !void {
			e.tally.deliver(u, e.End)
		}
	}
	e.tally.end(e)
	if s.opts.Log != nil {
		s.opts.Log.Debug("answered", "method", e.Method, "bot", e.Bot, "status", rep.status, "took", e.End.Sub(e.Start))
	}
	s.touch()
}

// unsent takes back what finish has noted, when the connection turned out to be gone.
func (s *Server) unsent(e *Entry, rep reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Void {
		return
	}
	e.Void = true
	for _, u := range rep.updates {
		e.tally.undeliver(u)
	}
	e.tally.voided(e)
	s.touch()
}

// leave notes that the caller of a call under way is gone.
func (s *Server) leave(e *Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.End, e.Void = time.Now(), true
	e.tally.end(e)
	s.touch()
}

// void waits for what the server made of a call whose caller is gone.
func (s *Server) void(e *Entry, wait <-chan reply) {
	select {
	case rep := <-wait:
		s.mu.Lock()
		e.Status = rep.status
		e.tally.voided(e)
		s.touch()
		s.mu.Unlock()
	case <-s.ctx.Done():
	}
}

// at is an answer that is there already.
func at(r reply) <-chan reply {
	ch := make(chan reply, 1)
	ch <- r
	return ch
}

// touch tells whoever watches that something has changed. The caller holds the lock.
func (s *Server) touch() {
	s.version++
	if s.watchers > 0 {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}
