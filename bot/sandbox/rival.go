package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// rivalPause is how long a rival waits after an error.
const rivalPause = time.Second

// startRival makes another poller of the bot. The caller holds the lock.
func (s *Server) startRival(f *Fault) error {
	b, err := s.pickBot(f.Bot)
	if err != nil {
		return err
	}
	token := s.tokenOf(b)
	if f.ForSeconds == 0 {
		f.until = f.from.Add(rivalTime)
	}
	ctx, stop := context.WithCancel(s.ctx)
	f.Bot, f.stop, f.what = b.id, stop, "a rival polls"
	peer := fmt.Sprintf("rival-%d", s.lastID+1)
	s.work.Go(func() {
		defer s.retire(f)
		if pause(ctx, time.Until(f.from)) {
			ctx, end := context.WithDeadline(ctx, f.until)
			defer end()
			s.rival(ctx, peer, token)
		}
	})
	return nil
}

func (s *Server) retire(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.stop()
	s.disarm(f)
}

// tokenOf is a token of b, without its "/test".
func (s *Server) tokenOf(b *bot) string {
	for token, c := range s.clients {
		if c.bot == b {
			return strings.TrimSuffix(token, "/test")
		}
	}
	return ""
}

// rival polls like a second copy of the bot until ctx ends, which cuts its poll like a killed process's.
func (s *Server) rival(ctx context.Context, peer, token string) {
	offset := int64(0)
	for ctx.Err() == nil {
		p := params{values: map[string]string{"timeout": "50"}}
		if offset > 0 {
			p.values["offset"] = strconv.FormatInt(offset, 10)
		}
		rep, e := s.exchange(ctx, request{
			caller: caller{peer: peer, agent: "rival", rival: true, watcher: true}, token: token, method: "getupdates", params: p,
		})
		if e == nil {
			return
		}
		for _, u := range rep.updates {
			offset = u.id + 1
		}
		if rep.status != http.StatusOK && !pause(ctx, rivalPause) {
			return
		}
	}
}

// pause waits and says whether ctx is still there.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// startRestart ends the server as the real one ends, and brings it back. The caller holds the lock.
func (s *Server) startRestart(f *Fault) {
	if f.ForSeconds == 0 {
		f.until = f.from.Add(restartTime)
	}
	s.work.Go(func() {
		if !pause(s.ctx, time.Until(f.from)) {
			return
		}
		s.mu.Lock()
		s.shut()
		s.mu.Unlock()
		if !pause(s.ctx, time.Until(f.until)) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closing, s.started = false, time.Now()
		for _, c := range s.clients {
			if c.loggedOut.IsZero() {
				c.load(s.started)
			}
		}
		s.disarm(f)
	})
}

// Injection is messages at a rate, made by the sandbox itself.
type Injection struct {
	Bot   string  `json:"bot,omitempty"`
	Count int     `json:"count"`
	Rate  float64 `json:"rate,omitempty"`  // a second; 0: all at once
	Text  string  `json:"text,omitempty"`  // "{n}" in it is the number, from 1
	Users int     `json:"users,omitempty"` // over which they are spread, from user 1000 on; 0: 1
}

// maxInjected bounds one injection, in messages.
const maxInjected = 1_000_000

// inject makes messages by and by; what is late is made up for. The caller holds the lock.
func (s *Server) inject(req Injection) (int64, error) {
	b, err := s.pickBot(req.Bot)
	switch {
	case err != nil:
		return 0, err
	case req.Count < 1 || req.Count > maxInjected:
		return 0, fmt.Errorf("count %d: want 1 to %d", req.Count, maxInjected)
	case req.Rate < 0 || req.Users < 0 || req.Users > maxUsers/2:
		return 0, fmt.Errorf("rate and users: want no number below 0, and at most %d users", maxUsers/2)
	case len(s.faults) >= maxFaults:
		return 0, errors.New("too much is under way: clear it first")
	}
	if req.Text == "" {
		req.Text = "message {n}"
	}
	req.Bot, req.Users = b.id, max(req.Users, 1)
	ctx, stop := context.WithCancel(s.ctx)
	f := &Fault{Bot: b.id, stop: stop, left: req.Count, what: "messages come in"}
	s.work.Go(func() {
		defer s.retire(f)
		s.injectAll(ctx, req, f)
	})
	return s.arm(f), nil
}

func (s *Server) injectAll(ctx context.Context, req Injection, f *Fault) {
	start := time.Now()
	for n := range req.Count {
		if req.Rate > 0 && !pause(ctx, time.Until(start.Add(time.Duration(float64(n)/req.Rate*float64(time.Second))))) || ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		_, err := s.send(Text{Bot: req.Bot, User: defaultUser.ID + int64(n%req.Users), Text: strings.ReplaceAll(req.Text, "{n}", strconv.Itoa(n+1))})
		f.left--
		s.mu.Unlock()
		if err != nil {
			return // the bot wants no messages any more
		}
	}
}

// pickBot finds a bot by id, or the only one. The caller holds the lock.
func (s *Server) pickBot(id string) (*bot, error) {
	if id != "" {
		if b := s.bots[id]; b != nil {
			return b, nil
		}
		return nil, fmt.Errorf("bot %q is not known here", id)
	}
	switch len(s.order) {
	case 0:
		return nil, errors.New("no bot has called yet")
	case 1:
		return s.order[0], nil
	}
	return nil, errors.New("several bots have called: say which")
}

// rawJSON is v as JSON. What cannot be marshalled is none of ours.
func rawJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}
