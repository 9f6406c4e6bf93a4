package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"botctl/supervisor/botapi"
	"botctl/supervisor/policy"
	"botctl/supervisor/token"
)

const secretToken = token.Token("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE")

// answers is a Bot API that gives each method an answer of its own.
type answers map[string][]byte

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	method := req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]
	body, ok := a[method]
	if !ok {
		return nil, fmt.Errorf("dial %s: \x1b[31m\nno such host", req.URL)
	}
	code := 200 + int(body[0])<<1
	return &http.Response{StatusCode: code, ProtoMajor: 1, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body[1:])), Request: req}, nil
}

// FuzzBotAPI: whatever the Bot API answers, the preflight ends with one of its verdicts, a token is refused
// only by a 401 or 404 that says so, and what is said is one short line without a secret.
func FuzzBotAPI(f *testing.F) {
	const (
		me   = `{"ok":true,"result":{"id":7,"is_bot":true,"username":"x_bot"}}`
		none = `{"ok":true,"result":{"url":"","pending_update_count":0}}`
		hook = `{"ok":true,"result":{"url":"https://u:p@h.example:8443/secret","pending_update_count":3}}`
		done = `{"ok":true,"result":true}`
	)
	path := "/bot" + secretToken.Reveal() + "/getMe"
	for _, s := range [][3]string{
		{me, none, done}, {me, hook, done}, {me, hook, `{"ok":false,"error_code":500,"description":"x"}`}, {`{"ok":false,"error_code":401,"description":"Unauthorized"}`, "", ""},
		{`{"ok":false,"error_code":404,"description":"Not Found: ` + path + `\n\u001b[31m"}`, "", ""}, {"<html>", "", ""}, {`{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 5"}`, "", ""}, {`{"ok":true,"result":null}`, `{"ok":true}`, ""}, {`{"ok":true,"result":{"username":"a\nb"}}`, none, ""},
		{me, `{"ok":true,"result":{"url":"%%","pending_update_count":1e9}}`, "null"}, {me, `{"ok":true,"result":{"url":"https://` + secretToken.Reveal() + `/","pending_update_count":-1}}`, done}, {me, `{"ok":true,"result":{"url":"x","url":" "}}`, `{"ok":false}`},
		{strings.Repeat("[", 20000), "", ""}, {`{"ok":false,"error_code":401.0}`, "", ""}, {`{"OK":true,"RESULT":{"ID":7}}`, `{"ok":true,"result":[]}`, done}, {me, `{"ok":true,"result":{"url":"https://[fe80::1%25\u202e]:1/"}}`, ""},
	} {
		f.Add([]byte("\x00"+s[0]), []byte("\x00"+s[1]), []byte("\x00"+s[2]), uint8(len(s[0])))
	}
	policies := []WebhookPolicy{WebhookAuto, WebhookDelete, WebhookKeep, WebhookFail}
	f.Fuzz(func(t *testing.T, getMe, info, del []byte, bits uint8) {
		a := botapi.New("http://api.example/"+secretToken.Reveal(), secretToken)
		given := answers{}
		for method, body := range map[string][]byte{"getMe": getMe, "getWebhookInfo": info, "deleteWebhook": del} {
			if len(body) > 0 {
				given[method] = body
			}
		}
		a.Transport = given
		r := &run{opts: Options{
			Token: secretToken, TokenSource: "environment BOT_TOKEN", Webhook: policies[bits&3], Terminal: bits&4 != 0,
			Log: slog.New(slog.DiscardHandler), Masker: token.NewMasker(secretToken),
		}, api: a}
		got := r.preflight(t.Context())
		fits(t, got.Detail)
		if r.seen.name != "" {
			fits(t, r.seen.name)
		}
		_, err := a.GetMe(t.Context())
		switch got.Verdict {
		case policy.TokenRefused:
			var answer struct {
				OK   bool `json:"ok"`
				Code int  `json:"error_code"`
			}
			if json.Unmarshal(getMe[1:], &answer) != nil || answer.OK || answer.Code != 401 && answer.Code != 404 || err == nil {
				t.Fatalf("%q refuses the token: %+v", getMe, got)
			}
		case policy.CheckPassed, policy.WebhookDeleted, policy.WebhookKept, policy.WebhookStop:
			if err != nil {
				t.Fatalf("%+v, and getMe gives %v", got, err)
			}
		}
		for _, err := range []error{err, a.DeleteWebhook(t.Context()), errOf(a.GetWebhookInfo(t.Context()))} {
			if err != nil {
				fits(t, err.Error())
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if got := r.preflight(ended); got.Verdict == policy.TokenRefused && len(given) == 0 {
			t.Fatalf("%+v without an answer", got)
		}
	})
}

func errOf(_ botapi.Webhook, err error) error { return err }

// fits checks a text that is printed as part of one line.
func fits(t *testing.T, s string) {
	t.Helper()
	if strings.Contains(s, secretToken.Secret()) || len(s) > 2500 || !utf8.ValidString(s) {
		t.Fatalf("not fit to be shown: %q", s)
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			t.Fatalf("moves the cursor: %q", s)
		}
	}
}
