package supervisor

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
func api(t *testing.T, status int, body string) *botAPI {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return newBotAPI(srv.URL+"/", secretToken)
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
		{502, `{"ok":false,"error_code":502,"description":"Bad Gateway"}`, false, "502 Bad Gateway"},
		{200, ``, false, "not an answer of the Bot API"},
	} {
		_, err := api(t, tc.status, tc.body).getMe(t.Context())
		_, refused := errors.AsType[*refusedError](err)
		if refused != tc.refused || (err == nil) != (tc.text == "") || err != nil && !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%d %s: %v", tc.status, tc.body, err)
		}
	}
}

func TestErrorsOfTheBotAPIHoldNoToken(t *testing.T) {
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hung.Close()
	for _, base := range []string{"http://127.0.0.1:1", "http://no such host", ":", "http://[::1", hung.URL} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := newBotAPI(base, secretToken).getMe(ctx)
		cancel()
		if err == nil || strings.Contains(err.Error(), secretToken.Secret()) {
			t.Errorf("%q: %v", base, err)
		}
	}
}

func TestAForeignTextIsShownInOneLineWithoutTheToken(t *testing.T) {
	for _, body := range []string{
		`{"ok":false,"error_code":404,"description":"no /bot` + secretToken.Reveal() + `/getMe\nhere\u001b[31m"}`,
		`{"ok":false,"error_code":500,"description":"no ` + secretToken.Reveal() + strings.Repeat(" x", 5000) + `"}`,
	} {
		_, err := api(t, 404, body).getMe(t.Context())
		if err == nil || strings.Contains(err.Error(), secretToken.Secret()) || strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 300 {
			t.Errorf("%q", err)
		}
	}
	for _, body := range []string{`{"ok":true}`, `{"ok":true,"result":null}`, `{"ok":true,"result":"x"}`, `{"ok":true,"result":{"id":"x"}}`} {
		if me, err := api(t, 200, body).getMe(t.Context()); err == nil || !strings.Contains(err.Error(), "not an answer of the Bot API") {
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
	if _, err := newBotAPI(srv.URL, secretToken).getMe(t.Context()); err == nil || !strings.Contains(err.Error(), "HTTP 302") || len(asked) != 1 {
		t.Errorf("%v after %q", err, asked)
	}
}

func TestTheWebhooksPathIsNotShown(t *testing.T) {
	for raw, want := range map[string]string{"https://a.example/x/SECRET": "a.example", "https://u:SECRET@b.example:8443/": "b.example:8443", "%%": "an unreadable URL"} {
		if got := (webhookInfo{URL: raw}).host(); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

func TestPeersKnowServerAndProxies(t *testing.T) {
	p := peersFor("http://127.0.0.1:8081", []string{"HTTPS_PROXY=http://u:p@127.0.0.2:3128", "all_proxy=127.0.0.3:1080", "HTTP_PROXY="})
	list, ok := p.addresses(t.Context())
	got := fmt.Sprint(list)
	for _, want := range []string{"127.0.0.1:8081", "127.0.0.2:3128", "127.0.0.3:1080"} {
		if !ok || !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if _, ok := peersFor("https://no-such-host.invalid", nil).addresses(t.Context()); ok {
		t.Error("a host that cannot be resolved proves something")
	}
}
