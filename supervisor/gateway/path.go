package gateway

import (
	"net/url"
	"strings"
)

// target is what the path of a request asks for.
type target struct {
	token string // as the client wrote it, unescaped
	file  bool   // a download, /file/bot<token>/<path>
	test  bool   // Telegram's test environment: it has a poll and a queue of its own
	rest  string // behind the token, unescaped: "sendMessage", "test/sendMessage", "photos/file_0.jpg"
}

// parsePath reads an unescaped path as the real server does (HttpConnection.cpp: handle). ok is false where
// it answers 404, and for steps upward: an upstream that resolves them would leave the token's place.
func parsePath(path string) (t target, ok bool) {
	rest, file := strings.CutPrefix(path, "/file")
	if file {
		t.file = true
	} else {
		rest = path
	}
	rest, ok = strings.CutPrefix(rest, "/bot")
	if !ok {
		return target{}, false
	}
	t.token, t.rest, ok = strings.Cut(rest, "/")
	if !ok || t.token == "" || climbs(t.rest) {
		return target{}, false
	}
	t.test = strings.HasPrefix(t.rest, "test/")
	return t, true
}

// climbs says whether a step of path leads upward, or nowhere, for some server.
func climbs(path string) bool {
	for step := range strings.FieldsFuncSeq(path, func(c rune) bool { return c == '/' || c == '\\' }) {
		name, _, _ := strings.Cut(step, ";") // some servers take what follows for parameters
		if name == "." || name == ".." {
			return true
		}
	}
	return strings.ContainsRune(path, 0)
}

// method is the name of the method in lower case; "" when a parameter is to name it.
func (t target) method() string {
	if t.file {
		return ""
	}
	name := t.rest
	if t.test {
		name = strings.TrimPrefix(name, "test/")
	}
	return strings.ToLower(name)
}

// under is the escaped path of t below base, with another token in the place of the client's.
func (t target) under(base, token string) string {
	var b strings.Builder
	b.Grow(len(base) + len("/file/bot/") + len(token) + len(t.rest) + 8)
	b.WriteString(base)
	if t.file {
		b.WriteString("/file")
	}
	b.WriteString("/bot")
	b.WriteString(token)
	b.WriteString("/")
	b.WriteString(escaped(t.rest))
	return b.String()
}

// escaped is path fit for a request line. Almost every path is as it stands.
func escaped(path string) string {
	for i := range len(path) {
		if c := path[i]; !plainByte[c] {
			return (&url.URL{Path: "/" + path}).EscapedPath()[1:]
		}
	}
	return path
}

var plainByte = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") {
		t[c] = true
	}
	return t
}()
