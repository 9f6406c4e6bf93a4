package sandbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Rules of deliveries (WebhookActor.cpp: send_updates, handle, on_update_error).
const (
	hookTimeout       = time.Minute
	hookRetryFrom     = 2 * time.Second // the first retry is at once, the second after this, then doubling
	hookRetryCap      = time.Minute     // up to a random time between this and twice it
	maxHookRetryAfter = time.Hour
	hookGone          = 23 * time.Hour // of answers 410, and the webhook is removed
	maxHookAnswer     = 1 << 20        // bytes
)

// errElsewhere keeps deliveries on this machine, wherever a name or a redirect may lead.
var errElsewhere = errors.New("the sandbox delivers to this machine only")

// loopbackTransport dials loopback addresses alone, and takes any certificate there.
func loopbackTransport() http.RoundTripper {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || !loopbackHost(host) {
			return nil, errElsewhere
		}
		if host == "localhost" {
			addr = net.JoinHostPort("127.0.0.1", port)
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return &http.Transport{DialContext: dial, MaxIdleConnsPerHost: maxHookConns, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // loopback alone
}

// deliver starts a lane for each chat or user with an update and none under way. The caller holds the lock.
func (s *Server) deliver(c *client) {
	h := c.webhook
	if h == nil || !h.local {
		return
	}
	for _, u := range c.bot.queue.entries {
		if h.lanes[u.key] {
			continue
		}
		h.lanes[u.key] = true
		s.work.Go(func() { s.lane(c, h, u.key) })
	}
}

// lane delivers the updates of one key, one after the other, until there is none.
func (s *Server) lane(c *client, h *hook, key int64) {
	for {
		u := s.nextOf(c, h, key)
		if u == nil {
			return
		}
		for try := 0; ; try++ {
			wait, done := s.attempt(c, h, u, try)
			if done {
				break
			}
			if !pause(h.ctx, wait) {
				return
			}
		}
	}
}

// nextOf is the oldest update of a key; nil ends its lane.
func (s *Server) nextOf(c *client, h *hook, key int64) *update {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	c.bot.queue.collect(now)
	if h.ctx.Err() == nil {
		for _, u := range c.bot.queue.entries {
			if u.key == key && now.Before(u.expires) {
				return u
			}
		}
	}
	delete(h.lanes, key)
	return nil
}

// attempt delivers once; done says that the update is accepted, dropped or no longer wanted, wait when to try again.
func (s *Server) attempt(c *client, h *hook, u *update, try int) (wait time.Duration, done bool) {
	select {
	case h.slots <- struct{}{}:
	case <-h.ctx.Done():
		return 0, true
	}
	s.mu.Lock()
	e := s.log(&Entry{Method: "webhook", Bot: c.bot.id, Peer: hookHost(h.url), Start: time.Now(), tally: &c.bot.tally})
	s.mu.Unlock()
	resp, body, err := s.post(h, u) //nolint:bodyclose // read and closed there
	<-h.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e.End, e.Status = now, resp.StatusCode
	s.touch()
	if h.ctx.Err() != nil {
		return 0, true // the webhook is gone: the update stays for whoever comes
	}
	if err == nil && resp.StatusCode/100 == 2 {
		e.Delivered = []int64{u.id}
		c.bot.tally.deliver(u, now)
		c.bot.queue.take(u)
		h.goneSince = time.Time{}
		s.replyMethod(c, resp, body)
		return 0, true
	}
	return s.refused(c, h, u, try, resp, err)
}

// refused notes why a delivery failed and says when the next one is due. The caller holds the lock.
func (s *Server) refused(c *client, h *hook, u *update, try int, resp *http.Response, err error) (wait time.Duration, done bool) {
	now := time.Now()
	h.errorAt = now
	if h.lastError = fmt.Sprintf("Wrong response from the webhook: %s", resp.Status); err != nil {
		h.lastError = hookError(err)
	}
	if resp.StatusCode != http.StatusGone {
		h.goneSince = time.Time{}
	} else if h.goneSince.IsZero() {
		h.goneSince = now
	} else if now.Sub(h.goneSince) > hookGone {
		c.unhook()
		return 0, true
	}
	wait = max(backoff(try), retryAfter(resp.Header.Get("Retry-After")))
	if !now.Add(wait).Before(u.expires) {
		s.touch()
		c.bot.queue.drop(u)
		return 0, true
	}
	return wait, false
}

func backoff(try int) time.Duration {
	if try == 0 {
		return 0
	}
	limit := hookRetryCap + rand.N(hookRetryCap)
	return min(hookRetryFrom<<min(try-1, 10), limit)
}

// post sends one update. The response is never nil.
func (s *Server) post(h *hook, u *update) (*http.Response, []byte, error) {
	none := &http.Response{Header: http.Header{}}
	ctx, cancel := context.WithTimeout(h.ctx, hookTimeout)
	defer cancel()
	body := fmt.Appendf(nil, "{\"update_id\":%d,\n%s}", u.id, u.body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return none, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Del("User-Agent")
	if h.secret != "" {
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", h.secret)
	}
	resp, err := s.opts.Hooks.RoundTrip(req)
	if err != nil {
		return none, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxHookAnswer))
	return resp, answer, err
}

// hookError is what getWebhookInfo says of a delivery without an answer.
func hookError(err error) string {
	ne, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), isNet && ne.Timeout():
		return "Read timeout expired"
	case errors.Is(err, errElsewhere):
		return errElsewhere.Error()
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return "Connection refused"
	}
	return "Connection closed by the server"
}

func hookHost(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return ""
	}
	return u.Host
}

// replyMethod carries out a call that a webhook answered with, but for those that ask or that change where updates go.
func (s *Server) replyMethod(c *client, resp *http.Response, body []byte) {
	p := params{values: map[string]string{}}
	switch kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind {
	case "application/json":
		p.addJSON(body)
	case "application/x-www-form-urlencoded":
		p.addForm(string(body))
	}
	name := strings.ToLower(p.str("method"))
	switch name {
	case "setwebhook", "deletewebhook", "close", "logout":
		return
	}
	if do, ok := s.methods[name]; ok && !strings.HasPrefix(name, "get") {
		do(s, c, p)
	}
}
