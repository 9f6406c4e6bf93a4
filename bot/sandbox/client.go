package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Client drives a sandbox from another process. It may be used concurrently.
type Client struct {
	Base string       // "http://127.0.0.1:port"
	HTTP *http.Client // nil: http.DefaultClient
}

// Send lets a person write text to a bot; bot may be empty when the sandbox knows one. It returns
// after which Seq the answer will come.
func (c *Client) Send(ctx context.Context, bot, text string) (after int64, err error) {
	return c.Write(ctx, Text{Text: text, Bot: bot})
}

// Write is Send for any user and chat.
func (c *Client) Write(ctx context.Context, t Text) (after int64, err error) {
	var res sendResult
	err = c.do(ctx, http.MethodPost, "send", nil, t, &res)
	return res.After, err
}

// Messages returns what bots sent after a Seq, waiting up to wait (at most 60 s) for the first.
func (c *Client) Messages(ctx context.Context, after int64, wait time.Duration) ([]Sent, error) {
	var list []Sent
	q := url.Values{"after": {strconv.FormatInt(after, 10)}, "wait": {strconv.FormatFloat(wait.Seconds(), 'f', 3, 64)}}
	err := c.do(ctx, http.MethodGet, "messages", q, nil, &list)
	return list, err
}

// Verdict judges everything since the last Reset.
func (c *Client) Verdict(ctx context.Context) (Verdict, error) { return c.VerdictOf(ctx, "") }

// VerdictOf is Verdict for one bot; "" is all of them.
func (c *Client) VerdictOf(ctx context.Context, bot string) (Verdict, error) {
	var v Verdict
	err := c.do(ctx, http.MethodGet, "verdict", url.Values{"bot": {bot}}, nil, &v)
	return v, err
}

// Journal returns every request that is kept.
func (c *Client) Journal(ctx context.Context) ([]Entry, error) {
	var list []Entry
	err := c.do(ctx, http.MethodGet, "journal", nil, nil, &list)
	return list, err
}

// State returns every bot that is known.
func (c *Client) State(ctx context.Context) ([]BotState, error) {
	var list []BotState
	err := c.do(ctx, http.MethodGet, "state", nil, nil, &list)
	return list, err
}

// Fault brings trouble to calls that are yet to come.
func (c *Client) Fault(ctx context.Context, f Fault) error {
	return c.do(ctx, http.MethodPost, "fault", nil, f, nil)
}

// Inject begins to make messages; they come by and by.
func (c *Client) Inject(ctx context.Context, in Injection) error {
	return c.do(ctx, http.MethodPost, "inject", nil, in, nil)
}

// ClearFaults ends faults, rivals and injections, and returns how many there were.
func (c *Client) ClearFaults(ctx context.Context) (int, error) {
	var res struct {
		Cleared int `json:"cleared"`
	}
	err := c.do(ctx, http.MethodPost, "fault/clear", nil, struct{}{}, &res)
	return res.Cleared, err
}

// Reset forgets journal and faults, and begins a new verdict.
func (c *Client) Reset(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "reset", nil, struct{}{}, nil)
}

// ResetAll is Reset, and bots and chats go too.
func (c *Client) ResetAll(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "reset", nil, map[string]bool{"all": true}, nil)
}

func (c *Client) do(ctx context.Context, method, path string, q url.Values, body, result any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	target := c.Base + "/sandbox/" + path
	if len(q) > 0 {
		target += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(b))
	if err != nil {
		return err
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer resp.Body.Close()
	b, err = io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(b, &refused) == nil && refused.Error != "" {
			return errors.New("sandbox: " + refused.Error)
		}
		return fmt.Errorf("sandbox: %s", resp.Status)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(b, result)
}
