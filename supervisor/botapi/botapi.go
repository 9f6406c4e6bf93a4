// Package botapi asks the Bot API what one may ask beside a bot that polls: never getUpdates, which would take the
// poll from it. Its errors are one line and never hold the token. It stands below the leaves, as package token does.
package botapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"botctl/supervisor/token"
)

// maxAnswer bounds what is read of an answer, in bytes; those of the methods here have a few thousand.
const maxAnswer = 64 << 10

// callLimit only keeps a forgotten call from hanging: every call should have a context with a deadline.
const callLimit = 10 * time.Second

// Client talks to one server with one token, with the owner's proxy settings. It may be used concurrently.
type Client struct {
	// Clock, when set, is given the Date of each answer that has one, to the second, and when the request was
	// sent and its answer came by our own clock.
	Clock func(server, sent, came time.Time)
	// Transport carries the requests; nil is http.DefaultTransport.
	Transport http.RoundTripper

	base  string
	token token.Token
}

// New returns a Client for the server at base.
func New(base string, tok token.Token) *Client {
	return &Client{base: strings.TrimRight(base, "/"), token: tok}
}

// stay keeps a client from following a redirect: Telegram never sends one, and the Referer of a second request would
// hold the token.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// RefusedError says that the Bot API answered and refused the token.
type RefusedError struct {
	Code        int
	Description string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Description) }

// AnswerError is any other error of the Bot API itself.
type AnswerError struct {
	Method      string
	Base        string // of the server, as it may be shown
	Code        int
	Description string
	RetryAfter  time.Duration // of a 429; 0: none was given
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s at %s: %d %s", e.Method, e.Base, e.Code, e.Description)
}

// Identity is what getMe tells.
type Identity struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
}

// Webhook is what getWebhookInfo tells. It touches neither poll nor queue.
type Webhook struct {
	URL     string `json:"url"`
	Pending int    `json:"pending_update_count"`

	token token.Token // that its server knows, and may have been given a name by
}

// Host is the part of the webhook's URL that may be shown: paths often hold a secret.
func (w Webhook) Host() string {
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" {
		return "an unreadable URL"
	}
	return shown(w.token, u.Host)
}

// GetMe asks whose the token is.
func (c *Client) GetMe(ctx context.Context) (Identity, error) {
	var me Identity
	err := c.call(ctx, "getMe", nil, &me)
	me.Username = c.shown(me.Username)
	return me, err
}

// GetWebhookInfo asks whether a webhook is set.
func (c *Client) GetWebhookInfo(ctx context.Context) (Webhook, error) {
	info := Webhook{token: c.token}
	err := c.call(ctx, "getWebhookInfo", nil, &info)
	return info, err
}

// DeleteWebhook keeps the pending updates.
func (c *Client) DeleteWebhook(ctx context.Context) error {
	return c.call(ctx, "deleteWebhook", url.Values{"drop_pending_updates": {"false"}}, nil)
}

// SendMessage sends plain text, of at most 4096 characters, to a chat: its id, or the @name of a channel.
func (c *Client) SendMessage(ctx context.Context, chat, text string) error {
	return c.call(ctx, "sendMessage", url.Values{
		"chat_id": {chat}, "text": {text}, "link_preview_options": {`{"is_disabled":true}`},
	}, nil)
}

// envelope is the form of every answer of the Bot API.
type envelope struct {
	OK          bool            `json:"ok"`
	Result      json.RawMessage `json:"result"`
	ErrorCode   int             `json:"error_code"`
	Description string          `json:"description"`
	Parameters  struct {
		RetryAfter int `json:"retry_after"`
	} `json:"parameters"`
}

// call sends one request. A *RefusedError or *AnswerError is the Bot API's; any other error is trouble on the way.
func (c *Client) call(ctx context.Context, method string, form url.Values, result any) error {
	fail := func(cause string) error { return fmt.Errorf("%s at %s: %s", method, c.shown(c.base), cause) }
	target := c.base + "/bot" + c.token.Reveal() + "/" + method
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("%s: API base %q is not a URL", method, c.shown(c.base))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "botctl-supervisor")
	sent := time.Now()
	client := http.Client{Transport: c.Transport, Timeout: callLimit, CheckRedirect: stay}
	resp, err := client.Do(req)
	if err != nil {
		// *url.Error quotes the path, and with it the token.
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err
		}
		return fail(c.shown(err.Error()))
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && c.Clock != nil {
		c.Clock(date, sent, time.Now())
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fail(c.shown(err.Error()))
	}
	var env envelope
	err = json.Unmarshal(body, &env)
	if err == nil && env.OK && result != nil {
		err = object(env.Result, result)
	}
	switch {
	case err != nil, !env.OK && env.ErrorCode == 0:
		return fail(fmt.Sprintf("HTTP %d, not an answer of the Bot API", resp.StatusCode))
	case env.OK:
		return nil
	case env.ErrorCode == http.StatusUnauthorized || env.ErrorCode == http.StatusNotFound:
		return &RefusedError{Code: env.ErrorCode, Description: c.shown(env.Description)}
	}
	return &AnswerError{
		Method: method, Base: c.shown(c.base), Code: env.ErrorCode, Description: c.shown(env.Description),
		RetryAfter: time.Duration(min(max(env.Parameters.RetryAfter, 0), maxRetryAfter)) * time.Second,
	}
}

// maxRetryAfter bounds, in seconds, what a server may ask for: a day. A longer time would overflow, or is a mistake.
const maxRetryAfter = 24 * 60 * 60

// object wants one: null would leave result as it is.
func object(raw json.RawMessage, result any) error {
	if len(raw) == 0 || raw[0] != '{' {
		return errors.New("not an object")
	}
	return json.Unmarshal(raw, result)
}

// maxShown is how much of a foreign text is shown, in characters.
const maxShown = 200

// shown is a foreign text, or the base, for one line.
func (c *Client) shown(s string) string { return shown(c.token, s) }

// shown hides tok in a foreign text and makes it fit for one line: nothing that moves a cursor, and no more than
// maxShown. A server may repeat the path it was asked for, with the token in it, escaped as it likes.
func shown(tok token.Token, s string) string {
	s = token.NewMasker(tok).String(s)
	if secret := tok.Secret(); len(secret) > 16 { // shorter ones are of tests, and may be words
		s = strings.ReplaceAll(s, secret, token.Mask)
	}
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return '?'
		}
		return c
	}, strings.Join(strings.Fields(s), " "))
	if r := []rune(s); len(r) > maxShown {
		s = string(r[:maxShown]) + "…"
	}
	return s
}
