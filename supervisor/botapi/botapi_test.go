package botapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/token"
)

const secretToken = token.Token("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE")

// api answers every call with status and body.
func api(t *testing.T, status int, body string) *Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return New(srv.URL+"/", secretToken)
}

func TestOnlyTheBotAPIRefuses(t *testing.T) {
	for _, tc := range []struct {
		status  int
		body    string
		refused bool
		text    string
	}{
		{200, `{"ok":true,"result":{"id":7,"username":"x_bot"}}`, false, ""},
		{401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`, true, "401 Unauthorized"},
		{404, `{"ok":false,"error_code":404,"description":"Not Found"}`, true, "404 Not Found"},
		{401, `<html>proxy login</html>`, false, "HTTP 401, not an answer of the Bot API"},
		{404, `{}`, false, "HTTP 404, not an answer of the Bot API"},
		{200, `{"ok":true,"result":null}`, false, "not an answer of the Bot API"},
		{502, `{"ok":false,"error_code":502,"description":"Bad Gateway"}`, false, "502 Bad Gateway"},
		{200, ``, false, "not an answer of the Bot API"},
	} {
		_, err := api(t, tc.status, tc.body).GetMe(t.Context())
		_, refused := errors.AsType[*RefusedError](err)
		if refused != tc.refused || (err == nil) != (tc.text == "") || err != nil && !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%d %s: %v", tc.status, tc.body, err)
		}
	}
}

func TestAnErrorSaysWhenToComeAgain(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}`: 7 * time.Second,
		`{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":9000000000000}}`:                    24 * time.Hour,
		`{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":-3}}`:                               0,
		`{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`:                                     0,
	} {
		err := api(t, 200, body).SendMessage(t.Context(), "7", "text")
		if e, ok := errors.AsType[*AnswerError](err); !ok || e.RetryAfter != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestErrorsHoldNoToken(t *testing.T) {
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hung.Close()
	for _, base := range []string{"http://127.0.0.1:1", "http://no such host", ":", "http://[::1", hung.URL} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := New(base, secretToken).GetMe(ctx)
		cancel()
		if err == nil || strings.Contains(err.Error(), secretToken.Secret()) || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%q: %v", base, err)
		}
	}
	echo := fmt.Sprintf(`{"ok":false,"error_code":400,"description":"path /bot%s/x\u001b[2J\nnext %s"}`, secretToken.Reveal(), strings.ReplaceAll(secretToken.Reveal(), ":", "%3a"))
	_, err := api(t, 400, echo).GetMe(t.Context())
	if err == nil || strings.Contains(err.Error(), secretToken.Secret()) || strings.ContainsAny(err.Error(), "\r\n\x1b") {
		t.Errorf("%v", err)
	}
}

func TestAForeignTextIsShownInOneLineWithoutTheToken(t *testing.T) {
	for _, body := range []string{
		`{"ok":false,"error_code":404,"description":"no /bot` + secretToken.Reveal() + `/getMe\nhere\u001b[31m"}`,
		`{"ok":false,"error_code":500,"description":"no ` + secretToken.Reveal() + strings.Repeat(" x", 5000) + `"}`,
		`{"ok":false,"error_code":500,"description":"alone: ` + secretToken.Secret() + `"}`,
	} {
		_, err := api(t, 404, body).GetMe(t.Context())
		if err == nil || strings.Contains(err.Error(), secretToken.Secret()) || strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 300 {
			t.Errorf("%q", err)
		}
	}
	for _, body := range []string{`{"ok":true}`, `{"ok":true,"result":null}`, `{"ok":true,"result":"x"}`, `{"ok":true,"result":{"id":"x"}}`} {
		if me, err := api(t, 200, body).GetMe(t.Context()); err == nil || !strings.Contains(err.Error(), "not an answer of the Bot API") {
			t.Errorf("%s: %+v, %v", body, me, err)
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) { // its Referer would hold the token
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.Referer())
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer srv.Close()
	if _, err := New(srv.URL, secretToken).GetMe(t.Context()); err == nil || !strings.Contains(err.Error(), "HTTP 302") || len(asked) != 1 {
		t.Errorf("%v after %q", err, asked)
	}
}

func TestADeletedWebhookKeepsItsUpdates(t *testing.T) {
	var form string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm(); strings.HasSuffix(r.URL.Path, "/deleteWebhook") {
			form = r.PostForm.Encode()
		}
		fmt.Fprint(w, `{"ok":true,"result":true}`)
	}))
	defer srv.Close()
	if err := New(srv.URL, secretToken).DeleteWebhook(t.Context()); err != nil || form != "drop_pending_updates=false" {
		t.Errorf("%v after %q", err, form)
	}
	err := api(t, 500, `{"ok":false,"error_code":500,"description":"Internal"}`).DeleteWebhook(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "deleteWebhook at http://127.0.0.1:") || !strings.HasSuffix(err.Error(), ": 500 Internal") {
		t.Error(err)
	}
}

func TestTheHostOfAWebhookHidesTheToken(t *testing.T) {
	info, err := api(t, 200, `{"ok":true,"result":{"url":"https://`+secretToken.Secret()+`.example.org/","pending_update_count":3}}`).GetWebhookInfo(t.Context())
	if err != nil || info.Host() != token.Mask+".example.org" || info.Pending != 3 {
		t.Errorf("%v, %q, %d", err, info.Host(), info.Pending)
	}
}

func TestOfAWebhookTheHostAloneIsShown(t *testing.T) {
	for url, want := range map[string]string{
		"https://example.org/hook/secret?x=y": "example.org", "https://u:p@example.org:8443/s": "example.org:8443", "%%": "an unreadable URL", "nonsense": "an unreadable URL", "": "an unreadable URL",
	} {
		if got := (Webhook{URL: url}).Host(); got != want {
			t.Errorf("%q: %q", url, got)
		}
	}
}

func TestTheClockOfTheServerIsTold(t *testing.T) {
	date := time.Date(2026, 11, 23, 20, 11, 41, 0, time.UTC)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		if strings.HasSuffix(r.URL.Path, "/getWebhookInfo") {
			w.Header()["Date"] = nil
		}
		fmt.Fprint(w, `{"ok":true,"result":{}}`)
	}))
	defer srv.Close()
	told := 0
	c := New(srv.URL, secretToken)
	c.Clock = func(server, sent, came time.Time) {
		if told++; !server.Equal(date) || came.Before(sent) {
			t.Errorf("%v, %v, %v", server, sent, came)
		}
	}
	c.GetMe(t.Context())
	c.GetWebhookInfo(t.Context())
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
