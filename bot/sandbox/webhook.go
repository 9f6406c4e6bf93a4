package sandbox

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rules of webhooks (Client.cpp: process_set_webhook_query, do_set_webhook; WebhookActor.cpp).
const (
	setPause       = time.Second // between two calls of setWebhook with a URL
	maxSecretToken = 256
	hookConns      = 40 // unless the call says otherwise, 1 to 100
	maxHookConns   = 100
)

// hookPorts are where the real server delivers to; on loopback any port will do.
var hookPorts = []string{"", "80", "88", "443", "8443"}

// hook is a webhook that is set.
type hook struct {
	url       string
	secret    string
	conns     int
	custom    bool // a certificate was sent along
	local     bool // on this machine, so that updates are delivered
	ctx       context.Context
	stop      context.CancelFunc
	slots     chan struct{}
	lanes     map[int64]bool // keys whose updates are under way
	lastError string
	errorAt   time.Time
	goneSince time.Time // of answers 410 in a row
}

// setWebhook ends the pending poll before it looks at the URL, as the real server does.
func (s *Server) setWebhook(c *client, p params) reply {
	target := p.str("url")
	if target == "" {
		return s.deleteWebhook(c, p)
	}
	now := time.Now()
	if now.Before(c.nextSet) {
		return retryReply(1)
	}
	c.nextSet = now.Add(setPause)
	if old := c.takeSlot(); old != nil {
		s.conflict(c, old, conflictSet)
	}
	local, bad := checkHook(target, p)
	if bad != "" {
		return errorReply(400, bad)
	}
	if names, ok := updateNames(p.str("allowed_updates")); ok {
		c.allowed = names
	}
	if p.bool("drop_pending_updates") {
		c.bot.queue.clear()
	}
	_, custom := p.files["certificate"]
	conns := int(min(max(p.int("max_connections", hookConns), 1), maxHookConns))
	if h := c.webhook; h != nil && h.url == target && !custom && !h.custom && h.conns == conns && h.secret == p.str("secret_token") {
		return okReply(true, "Webhook is already set")
	}
	c.unhook()
	h := &hook{url: target, secret: p.str("secret_token"), conns: conns, custom: custom, local: local, slots: make(chan struct{}, conns), lanes: map[int64]bool{}}
	h.ctx, h.stop = context.WithCancel(s.ctx)
	if !local {
		h.lastError, h.errorAt = "the sandbox delivers to this machine only", now
	}
	c.webhook = h
	s.deliver(c)
	s.touch()
	return okReply(true, "Webhook was set")
}

// checkHook says whether a webhook is on this machine; the text is the server's error.
func checkHook(target string, p params) (local bool, bad string) {
	u, err := url.Parse(target)
	secret := p.str("secret_token")
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return false, "Bad Request: invalid webhook URL specified"
	case len(secret) > maxSecretToken:
		return false, "Bad Request: secret token is too long"
	case strings.ContainsFunc(secret, notOfSecret):
		return false, "Bad Request: secret token contains unallowed characters"
	case loopbackHost(u.Host):
		return true, ""
	case u.Scheme != "https":
		return false, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
	case !slices.Contains(hookPorts, u.Port()):
		return false, "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast()) {
		return false, fmt.Sprintf("Bad Request: bad webhook: IP address %v is reserved", ip)
	}
	return false, ""
}

// unhook takes a webhook away. What is under way is cut, and stays in the queue.
func (c *client) unhook() {
	if c.webhook != nil {
		c.webhook.stop()
		c.webhook = nil
	}
}

// deleteWebhook does not touch a pending poll.
func (s *Server) deleteWebhook(c *client, p params) reply {
	if p.bool("drop_pending_updates") {
		c.bot.queue.clear()
	}
	s.touch()
	if c.webhook == nil {
		return okReply(true, "Webhook is already deleted")
	}
	c.unhook()
	return okReply(true, "Webhook was deleted")
}

func (s *Server) getWebhookInfo(c *client, _ params) reply {
	c.bot.queue.collect(time.Now())
	info := struct {
		URL       string   `json:"url"`
		Custom    bool     `json:"has_custom_certificate"`
		Pending   int      `json:"pending_update_count"`
		ErrorDate int64    `json:"last_error_date,omitempty"` // Unix seconds
		Error     string   `json:"last_error_message,omitempty"`
		Max       int      `json:"max_connections,omitempty"`
		IP        string   `json:"ip_address,omitempty"`
		Allowed   []string `json:"allowed_updates,omitempty"`
	}{Pending: len(c.bot.queue.entries)}
	if h := c.webhook; h != nil {
		info.URL, info.Custom, info.Max, info.IP = h.url, h.custom, h.conns, "<unknown>"
		if h.local {
			info.IP = "127.0.0.1"
		}
		if h.lastError != "" {
			info.ErrorDate, info.Error = h.errorAt.Unix(), h.lastError
		}
	}
	for name := range c.allowed {
		info.Allowed = append(info.Allowed, name)
	}
	slices.Sort(info.Allowed)
	return okReply(info, "")
}

// retryAfter reads the header that a webhook may answer with, in seconds.
func retryAfter(header string) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(header))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxHookRetryAfter)
}
