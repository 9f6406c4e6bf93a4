package supervisor

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

// DefaultAPIBase is the Bot API of Telegram itself.
const DefaultAPIBase = "https://api.telegram.org"

// maxAnswer bounds what is read of an answer, in bytes; getMe and getWebhookInfo have a few hundred.
const maxAnswer = 64 << 10

// botAPI asks the Bot API what a supervisor may ask: never getUpdates, which would take
// the poll from the bot. Its errors never hold the token. It may be used concurrently.
type botAPI struct {
	base  string
	token token.Token
	http  *http.Client
}

// refusedError says that the Bot API answered, and refused the token.
type refusedError struct {
	Code        int
	Description string
}

// Error is one line without a secret: call has seen to the description.
func (e *refusedError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Description) }

// envelope is the form of every answer of the Bot API.
type envelope struct {
	OK          bool            `json:"ok"`
	Result      json.RawMessage `json:"result"`
	ErrorCode   int             `json:"error_code"`
	Description string          `json:"description"`
}

// identity is what getMe tells.
type identity struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
}

// webhookInfo is what getWebhookInfo tells. It touches neither poll nor queue.
type webhookInfo struct {
	URL     string `json:"url"`
	Pending int    `json:"pending_update_count"`
}

// host is the part of the webhook's URL that may be shown: paths often hold a secret.
func (w webhookInfo) host() string {
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" {
		return "an unreadable URL"
	}
	return u.Host
}

// maxShown is how much of a foreign text is shown, in characters.
const maxShown = 200

// shown makes a foreign text fit for one line: nothing that moves a cursor, and no more than maxShown.
func shown(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return '?'
		}
		return c
	}, s)
	if r := []rune(s); len(r) > maxShown {
		s = string(r[:maxShown]) + "…"
	}
	return s
}

func (a *botAPI) getMe(ctx context.Context) (identity, error) {
	var me identity
	err := a.call(ctx, "getMe", nil, &me)
	me.Username = a.shown(me.Username)
	return me, err
}

func (a *botAPI) getWebhookInfo(ctx context.Context) (webhookInfo, error) {
	var info webhookInfo
	err := a.call(ctx, "getWebhookInfo", nil, &info)
	return info, err
}

// deleteWebhook keeps the pending updates.
func (a *botAPI) deleteWebhook(ctx context.Context) error {
	return a.call(ctx, "deleteWebhook", url.Values{"drop_pending_updates": {"false"}}, nil)
}

// call sends one request. A *refusedError means that the token was refused; any
// other error is trouble on the way or with the server.
func (a *botAPI) call(ctx context.Context, method string, form url.Values, result any) error {
	target := a.base + "/bot" + a.token.Reveal() + "/" + method
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("%s: API base %q is not a URL", method, a.shown(a.base))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "botctl-supervisor")
	resp, err := a.http.Do(req)
	if err != nil {
		// *url.Error quotes the path, and with it the token.
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err
		}
		return fmt.Errorf("%s at %s: %s", method, a.shown(a.base), a.shown(err.Error()))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s at %s: %s", method, a.shown(a.base), a.shown(err.Error()))
	}
	var env envelope
	err = json.Unmarshal(body, &env)
	if err == nil && env.OK && result != nil {
		err = unmarshalObject(env.Result, result)
	}
	switch {
	case err != nil, !env.OK && env.ErrorCode == 0:
		return fmt.Errorf("%s at %s: HTTP %d, not an answer of the Bot API", method, a.shown(a.base), resp.StatusCode)
	case env.OK:
		return nil
	case env.ErrorCode == http.StatusUnauthorized || env.ErrorCode == http.StatusNotFound:
		return &refusedError{Code: env.ErrorCode, Description: a.shown(env.Description)}
	default:
		return fmt.Errorf("%s at %s: %d %s", method, a.shown(a.base), env.ErrorCode, a.shown(env.Description))
	}
}

// unmarshalObject wants an object: null would leave result as it is.
func unmarshalObject(raw json.RawMessage, result any) error {
	if len(raw) == 0 || raw[0] != '{' {
		return errors.New("not an object")
	}
	return json.Unmarshal(raw, result)
}

// shown is a foreign text, or the base, for one line. A server may repeat the path it was asked for, with
// the token in it, escaped as it likes.
func (a *botAPI) shown(s string) string {
	s = token.NewMasker(a.token).String(s)
	if secret := a.token.Secret(); len(secret) > 16 { // shorter ones are of tests, and may be words
		s = strings.ReplaceAll(s, secret, token.Mask)
	}
	return shown(s)
}

// newBotAPI talks to base with the owner's proxy settings. Every call needs a context with
// a deadline; the client's own limit only keeps a forgotten one from hanging.
func newBotAPI(base string, tok token.Token) *botAPI {
	return &botAPI{
		base:  strings.TrimRight(base, "/"),
		token: tok,
		http: &http.Client{
			Timeout: 10 * time.Second,
			// Telegram never redirects, and the Referer of a second request would hold the token.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}
