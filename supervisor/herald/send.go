package herald

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
	"strings"
	"time"

	"botctl/supervisor/botapi"
)

// laterError says when to try again.
type laterError struct {
	after time.Duration
	err   error
}

func (e *laterError) Error() string { return e.err.Error() }

func (e *laterError) Unwrap() error { return e.err }

// neverError says that trying again is of no use.
type neverError struct{ err error }

func (e *neverError) Error() string { return e.err.Error() }

func (e *neverError) Unwrap() error { return e.err }

// pauseAfter says when a message that was tried so often is tried again; false when it is not.
func pauseAfter(err error, tries int) (time.Duration, bool) {
	if _, never := errors.AsType[*neverError](err); err == nil || never || tries >= maxTries {
		return 0, false
	}
	pause := firstPause << (tries - 1)
	if l, ok := errors.AsType[*laterError](err); ok {
		pause = max(pause, l.after)
	}
	return pause, true
}

// chat is a chat that the bot itself writes to.
type chat struct {
	api *botapi.Client
	id  string
}

func (c *chat) send(ctx context.Context, m Message) error {
	err := c.api.SendMessage(ctx, c.id, m.Text)
	if refused, ok := errors.AsType[*botapi.RefusedError](err); ok {
		return &neverError{refused}
	}
	if e, ok := errors.AsType[*botapi.AnswerError](err); ok {
		switch {
		case e.Code == http.StatusTooManyRequests:
			return &laterError{after: e.RetryAfter, err: e}
		case e.Code >= 400 && e.Code < 500: // no such chat, or the bot may not write there
			return &neverError{e}
		}
	}
	return err
}

// hook is an address that messages are posted to.
type hook struct {
	url  string
	http *http.Client
}

// stay keeps a client from following a redirect: what is posted is meant for one server.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// maxRetryAfter is the longest pause that a server may ask for.
const maxRetryAfter = 24 * time.Hour

// send posts m. Its errors name the host alone: the path of such addresses is their secret.
func (h *hook) send(ctx context.Context, m Message) error {
	host := "its server"
	if u, err := url.Parse(h.url); err == nil {
		host = u.Host
	}
	body, err := json.Marshal(m)
	if err != nil {
		return &neverError{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return &neverError{errors.New("not a URL")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "botctl-supervisor")
	resp, err := h.http.Do(req)
	if err != nil {
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err // without the address
		}
		return fmt.Errorf("post to %s: %s", host, strings.ReplaceAll(err.Error(), h.url, host))
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, 4096) // so that the connection can be used again
	err = fmt.Errorf("post to %s: HTTP %d", host, resp.StatusCode)
	switch code := resp.StatusCode; {
	case code < 300:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &laterError{after: min(time.Duration(min(max(seconds, 0), 1<<20))*time.Second, maxRetryAfter), err: err}
	case code >= 500 || code == http.StatusRequestTimeout:
		return err
	}
	return &neverError{err}
}

// ValidChat is the check of the setting notify-chat, which may be empty. Its error says what is wanted.
func ValidChat(text string) error {
	name, isName := strings.CutPrefix(text, "@")
	_, err := strconv.ParseInt(text, 10, 64)
	plain := !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if text == "" || err == nil && text != "0" && !strings.HasPrefix(text, "+") || isName && name != "" && plain {
		return nil
	}
	return errors.New("the id of a chat such as 123456789 or -1001234567890, or the @name of a channel")
}

// ValidURL is the check of the setting notify-url, which may be empty. Its error quotes nothing.
func ValidURL(text string) error {
	u, err := url.Parse(text)
	if text == "" || err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http") {
		return nil
	}
	return errors.New("a URL such as https://example.org/hook")
}
