package sandbox

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPageFiles(t *testing.T) {
	s := New(Options{})
	ask := func(method, host, target, etag string) *http.Response {
		r := httptest.NewRequest(method, "http://"+host+target, nil)
		r.Header.Set("If-None-Match", etag)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result()
	}
	const local = "127.0.0.1:8081"
	for _, tc := range []struct {
		method, host, target string
		status               int
		kind                 string
	}{
		{"GET", local, "/", 200, "text/html; charset=utf-8"},
		{"HEAD", local, "/", 200, "text/html; charset=utf-8"},
		{"GET", "localhost", "/page/app.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "[::1]:80", "/page/base.css", 200, "text/css; charset=utf-8"},
		{"GET", local, "/favicon.ico", 200, "image/svg+xml"},
		{"GET", local, "/page/", 404, ""},
		{"GET", local, "/page/none.js", 404, ""},
		{"GET", local, "/page/../page.go", 404, ""},
		{"GET", local, "/page/..%2fserver.go", 404, ""},
		{"POST", local, "/", 405, ""},
		{"GET", "evil.example", "/", 403, ""},
	} {
		resp := ask(tc.method, tc.host, tc.target, "")
		h := resp.Header
		if resp.StatusCode != tc.status || tc.kind != "" && h.Get("Content-Type") != tc.kind {
			t.Errorf("%s %s%s: %d %s", tc.method, tc.host, tc.target, resp.StatusCode, h.Get("Content-Type"))
		}
		if tc.status == http.StatusForbidden {
			continue // refused before it is known what was asked for
		}
		if h.Get("Content-Security-Policy") != pagePolicy || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s %s: without its headers: %v", tc.method, tc.target, h)
		}
	}
	tag := ask("GET", local, "/", "").Header.Get("ETag")
	if again := ask("GET", local, "/", tag); tag == "" || again.StatusCode != http.StatusNotModified {
		t.Errorf("with ETag %q: %d", tag, again.StatusCode)
	}
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(pagePolicy, part) {
			t.Errorf("the policy has no %s", part)
		}
	}
}
