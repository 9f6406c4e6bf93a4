package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func serveHTTP(t *testing.T) (*Server, string) {
	t.Helper()
	s := New(Options{})
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv.URL
}

func ask(t *testing.T, method, target, kind, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestEveryFormOfARequest(t *testing.T) {
	_, base := serveHTTP(t)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("chat_id", "7")
	w.WriteField("text", "hi")
	w.Close()
	urlencoded := "application/x-www-form-urlencoded"
	for _, tc := range []struct{ name, method, path, kind, body string }{
		{"query", "GET", "/sendMessage?chat_id=7&text=hi", "", ""},
		{"any case", "GET", "/SENDMESSAGE?chat_id=7&text=hi", "", ""},
		{"form", "POST", "/sendMessage", urlencoded, "chat_id=7&text=hi"},
		{"JSON", "POST", "/sendMessage", "application/json", `{"chat_id":7,"text":"hi"}`},
		{"GET with a body", "GET", "/sendMessage", urlencoded, "chat_id=7&text=hi"},
		{"query before body", "POST", "/sendMessage?text=hi&chat_id=7", urlencoded, "text=&chat_id=x"},
		{"multipart", "POST", "/sendMessage", w.FormDataContentType(), form.String()},
		{"method as parameter", "POST", "/?method=sendMessage&chat_id=7&text=hi", "", ""},
	} {
		code, body := ask(t, tc.method, base+"/bot"+tok+tc.path, tc.kind, tc.body)
		if code != 200 || !strings.Contains(body, `"text":"hi"`) || !strings.HasPrefix(body, `{"ok":true,"result":{`) {
			t.Errorf("%s: %d %s", tc.name, code, body)
		}
	}
	if code, _ := ask(t, "POST", base+"/bot"+tok+"/getMe", "application/json", "null"); code != 200 {
		t.Errorf("null body: %d", code)
	}
	// Chunked, no Content-Length.
	req, _ := http.NewRequest(http.MethodPost, base+"/bot"+tok+"/sendMessage", io.MultiReader(strings.NewReader(form.String())))
	req.Header.Set("Content-Type", w.FormDataContentType())
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("chunked multipart: %v %v", resp, err)
	}
}

func TestErrorBodies(t *testing.T) {
	_, base := serveHTTP(t)
	for _, tc := range []struct {
		path string
		want string
	}{
		{"/bot" + tok + "/noSuch", `404 {"ok":false,"error_code":404,"description":"Not Found: method not found"}`},
		{"/nothing", `404 {"ok":false,"error_code":404,"description":"Not Found"}`},
		{"/bot123/getMe", `401 {"ok":false,"error_code":401,"description":"Unauthorized: invalid token specified"}`},
		{"/bot" + tok + "/sendMessage", `400 {"ok":false,"error_code":400,"description":"Bad Request: chat_id is empty"}`},
		{"/bot" + tok + "/sendMessage?chat_id=7", `400 {"ok":false,"error_code":400,"description":"Bad Request: message text is empty"}`},
		{"/bot" + tok + "/sendMessage?chat_id=x&text=y", `400 {"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`},
		{"/bot" + tok + "/sendMessage?chat_id=7&text=" + strings.Repeat("x", 4097), `400 {"ok":false,"error_code":400,"description":"Bad Request: message is too long"}`},
	} {
		code, body := ask(t, "GET", base+tc.path, "", "")
		if got := fmt.Sprintf("%d %s", code, body); got != tc.want {
			t.Errorf("%.40s: %s\nwant %s", tc.path, got, tc.want)
		}
	}
	if code, _ := ask(t, "POST", base+"/bot"+tok+"/getMe", "application/json", strings.Repeat("x", maxParams+1)); code != 413 {
		t.Errorf("a huge body: %d, want 413", code)
	}
	strict := httptest.NewServer(New(Options{Tokens: []string{tok}}))
	defer strict.Close()
	if code, body := ask(t, "GET", strict.URL+"/bot42:other/getMe", "", ""); code != 401 || !strings.Contains(body, `"Unauthorized"`) {
		t.Errorf("a token that was not given: %d %s", code, body)
	}
}

func TestClientDrivesTheSandbox(t *testing.T) {
	s, base := serveHTTP(t)
	c := &Client{Base: base}
	if _, err := c.Send(t.Context(), "", "hi"); err == nil || !strings.Contains(err.Error(), "no bot has called yet") {
		t.Errorf("send without a bot: %v", err)
	}
	ask(t, "GET", base+"/bot"+tok+"/getMe", "", "")
	<-s.FirstCall()
	after, err := c.Send(t.Context(), "", "/start")
	if err != nil {
		t.Fatal(err)
	}
	if _, body := ask(t, "GET", base+"/bot"+tok+"/getUpdates", "", ""); !strings.Contains(body, `"entities":[{"offset":0,"length":6,"type":"bot_command"}]`) {
		t.Errorf("update %s", body)
	}
	go http.Get(base + "/bot" + tok + "/sendMessage?chat_id=1000&text=hello")
	list, err := c.Messages(t.Context(), after, 20*time.Second)
	if err != nil || len(list) != 1 || list[0].Text != "hello" {
		t.Errorf("%+v, %v", list, err)
	}
	if v, err := c.Verdict(t.Context()); err != nil || v.Polls != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if j, err := c.Journal(t.Context()); err != nil || len(j) != 3 || strings.Contains(fmt.Sprint(j), "abc") {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestTheJournalKeepsNoSecretAndNoFlood(t *testing.T) {
	_, base := serveHTTP(t)
	ask(t, "GET", base+"/botSECRETwithoutcolon/getMe", "", "")
	ask(t, "GET", base+"/bot"+tok+"/"+strings.Repeat("m", 5000), "", "")
	_, body := ask(t, "GET", base+"/sandbox/journal", "", "")
	if strings.Contains(body, "SECRET") || len(body) > 1000 {
		t.Errorf("%d bytes: %.300s", len(body), body)
	}
	if code, _ := ask(t, "PUT", base+"/bot"+tok+"/getMe", "", ""); code != 501 {
		t.Errorf("PUT: %d, want 501", code)
	}
}

func TestResetBeginsANewVerdict(t *testing.T) {
	_, base := serveHTTP(t)
	c := &Client{Base: base}
	ask(t, "GET", base+"/bot"+tok+"/getMe", "", "")
	c.Send(t.Context(), "", "x")
	ask(t, "GET", base+"/bot"+tok+"/getUpdates", "", "")
	ask(t, "GET", base+"/bot"+tok+"/getUpdates", "", "")
	if v, _ := c.Verdict(t.Context()); v.DeliveredTwice != 1 {
		t.Errorf("%+v, want one delivered twice", v)
	}
	c.Reset(t.Context())
	if v, _ := c.Verdict(t.Context()); v.DeliveredTwice != 0 || v.Polls != 0 {
		t.Errorf("after a reset: %+v", v)
	}
}

func TestNoWebPageElsewhereDrivesIt(t *testing.T) {
	_, base := serveHTTP(t)
	for _, tc := range []struct{ host, origin string }{{"evil.example", ""}, {"", "https://evil.example"}} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/sandbox/state", nil)
		if tc.host != "" {
			req.Host = tc.host
		}
		if tc.origin != "" {
			req.Header.Set("Origin", tc.origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%+v: %d, want 403", tc, resp.StatusCode)
		}
	}
}

func TestNewTokenHasTheRealForm(t *testing.T) {
	for range 100 {
		tok := NewToken()
		id, secret, _ := strings.Cut(tok, ":")
		if len(id) != 10 || len(secret) != 35 || !isToken(tok) {
			t.Fatalf("token of %d and %d characters", len(id), len(secret))
		}
	}
}
