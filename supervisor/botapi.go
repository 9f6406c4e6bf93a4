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

func (a *botAPI) getMe(ctx context.Context) (identity, error) {
	var me identity
	err := a.call(ctx, "getMe", nil, &me)
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
		return fmt.Errorf("%s: API base %q is not a URL", method, a.base)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "botctl-supervisor")
	resp, err := a.http.Do(req)
	if err != nil {
		// *url.Error quotes the path, and with it the token.
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err
		}
		return fmt.Errorf("%s at %s: %w", method, a.base, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s at %s: %w", method, a.base, err)
	}
	var env envelope
	if err := json.Unmarshal(body, &env); err != nil || !env.OK && env.ErrorCode == 0 {
		return fmt.Errorf("%s at %s: HTTP %d, not an answer of the Bot API", method, a.base, resp.StatusCode)
	}
	switch {
	case env.OK && result == nil:
		return nil
	case env.OK:
		return json.Unmarshal(env.Result, result)
	case env.ErrorCode == http.StatusUnauthorized || env.ErrorCode == http.StatusNotFound:
		return &refusedError{Code: env.ErrorCode, Description: env.Description}
	default:
		return fmt.Errorf("%s at %s: %d %s", method, a.base, env.ErrorCode, env.Description)
	}
}

// newBotAPI talks to base with the owner's proxy settings. Every call needs a context with
// a deadline; the client's own limit only keeps a forgotten one from hanging.
func newBotAPI(base string, tok token.Token) *botAPI {
	return &botAPI{
		base:  strings.TrimRight(base, "/"),
		token: tok,
		http:  &http.Client{Timeout: 10 * time.Second},
	}
}
