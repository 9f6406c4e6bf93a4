package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ErrNotRunning says that no supervisor answers for a key.
var ErrNotRunning = errors.New("no supervisor is running")

// answerLimit is how long a supervisor may take to answer: one that was stopped, or hangs, still takes
// connections.
const answerLimit = 10 * time.Second

// Client talks to the supervisor of one key. It may be used concurrently.
type Client struct {
	path string
	http *http.Client
}

// Dial returns the client of key; ErrNotRunning when nobody answers.
func Dial(ctx context.Context, dir, key string) (*Client, error) {
	path, err := socketPath(dir, key)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	conn.Close()
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{DialContext: dial, ResponseHeaderTimeout: answerLimit}}}, nil
}

// Status asks for it.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/v1/status")
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxState)).Decode(&s); err != nil {
		return Status{}, fmt.Errorf("read the supervisor's answer: %w", err)
	}
	return s, nil
}

// Restart asks for a restart of the bot.
func (c *Client) Restart(ctx context.Context) error { return c.ask(ctx, "/v1/restart") }

// Stop asks for the end of bot and supervisor.
func (c *Client) Stop(ctx context.Context) error { return c.ask(ctx, "/v1/stop") }

// HandOut asks the supervisor to hand over to the one that asks, and waits until it has: a third of its stop time at most. A
// supervisor of an earlier version cannot, and is asked to stop instead.
func (c *Client) HandOut(ctx context.Context) (HandedOut, error) {
	resp, err := c.do(ctx, http.MethodPost, "/v1/handout")
	if s, ok := errors.AsType[*statusError](err); ok && s.code == http.StatusNotFound {
		return HandedOut{Ending: true}, c.Stop(ctx)
	}
	if err != nil {
		return HandedOut{}, err
	}
	defer resp.Body.Close()
	var out HandedOut
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxState)).Decode(&out); err != nil {
		return HandedOut{}, fmt.Errorf("read the supervisor's answer: %w", err)
	}
	return out, nil
}

// Logs copies the last n lines of the bot's output to w, and with follow what comes
// after them, until ctx ends or the supervisor does.
func (c *Client) Logs(ctx context.Context, w io.Writer, n int, follow bool) error {
	q := url.Values{"n": {strconv.Itoa(n)}}
	if follow {
		q.Set("follow", "1")
	}
	resp, err := c.do(ctx, http.MethodGet, "/v1/logs?"+q.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	if ctx.Err() != nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // asked to end, or the supervisor ended
	}
	return err
}

// Gone waits until nobody answers any more, or ctx ends.
func (c *Client) Gone(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("unix", c.path); err != nil {
			return nil
		} else {
			conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (c *Client) ask(ctx context.Context, path string) error {
	resp, err := c.do(ctx, http.MethodPost, path)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (c *Client) do(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://botctl"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return nil, fmt.Errorf("supervisor does not answer: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		resp.Body.Close()
		return nil, &statusError{code: resp.StatusCode, path: path}
	}
	return resp, nil
}

// statusError is an answer that is no success.
type statusError struct {
	code int
	path string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("supervisor answered %d %s to %s", e.code, http.StatusText(e.code), e.path)
}

func discard() *log.Logger { return log.New(io.Discard, "", 0) }
