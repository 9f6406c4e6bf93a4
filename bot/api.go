package bot

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

// newAPI is the library's client for calls under ctx, each within limit (0: the HTTP client's own).
func newAPI(ctx context.Context, cfg Config, limit time.Duration) *tgbotapi.BotAPI {
	return (&doer{ctx: ctx, http: cfg.HTTP, token: cfg.Token, limit: limit}).api(cfg.APIBase)
}

func (d *doer) api(base string) *tgbotapi.BotAPI {
	api := &tgbotapi.BotAPI{Token: d.token, Client: d, Buffer: 100}
	api.SetAPIEndpoint(strings.TrimRight(base, "/") + "/bot%s/%s")
	return api
}

// doer gives the library's requests a context and takes the token out of their
// errors: net/http quotes the URL, and with it the token.
type doer struct {
	ctx   context.Context
	http  *http.Client
	token string
	limit time.Duration

	parked func() // is told of an answer that the supervisor gave in the server's place; may be nil
}

// parkedHeader marks the empty answers by which a supervisor's gateway holds the poll of a copy that is not to
// work yet.
const parkedHeader = "Botctl-Parked"

func (d *doer) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := d.ctx, context.CancelFunc(func() {})
	if d.limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, d.limit)
	}
	resp, err := d.http.Do(req.WithContext(ctx))
	if err != nil {
		cancel()
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		if masked := d.mask(err.Error()); masked != err.Error() {
			err = errors.New(masked)
		}
		return nil, err
	}
	if resp.Header.Get(parkedHeader) != "" && d.parked != nil {
		d.parked()
	}
	resp.Body = body{resp.Body, cancel}
	return resp, nil
}

func (d *doer) mask(s string) string {
	id, _, _ := strings.Cut(d.token, ":")
	return strings.ReplaceAll(s, d.token, id+":***")
}

// body ends the request's context when it has been read.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
