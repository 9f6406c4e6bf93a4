package gateway

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"botctl/supervisor/token"
)

// upstream is the Bot API server.
type upstream struct {
	base      *url.URL
	transport http.RoundTripper
	token     token.Token
	masker    *token.Masker
}

var errHuge = fmt.Errorf("an answer of more than %d MiB", maxUpdates>>20)

// newTransport talks to a server as long polling needs it: connections are kept, and a dead one is noticed. Proxies are the
// owner's (HTTPS_PROXY, HTTP_PROXY, NO_PROXY of our own environment).
func newTransport() *http.Transport {
	dial := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial.DialContext,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  10 * time.Minute, // an upload of 2 GB takes its time at the server too
		IdleConnTimeout:        50 * time.Second, // below the 60 s and more after which servers close them
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    128,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true, // what a client asks for is what it gets
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
	}
}

// request is one for the server, in the place of a client's, without a body yet.
func (u *upstream) request(ctx context.Context, r *http.Request, t target) *http.Request {
	path := t.under(u.base.EscapedPath(), u.token.Reveal())
	to := &url.URL{Scheme: u.base.Scheme, Host: u.base.Host, Path: path}
	if strings.Contains(path, "%") {
		to.RawPath = path
		to.Path, _ = url.PathUnescape(path) // it was escaped by us
	}
	out := &http.Request{
		Method: r.Method, URL: to, Host: u.base.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(r.Header)+1),
	}
	copyHeaders(out.Header, r.Header)
	return out.WithContext(ctx)
}

// poll asks for updates and says what the answer means. form is the whole of the parameters.
func (u *upstream) poll(ctx context.Context, r *http.Request, t target, form string) (*answer, outcome) {
	t.rest = "getUpdates"
	if t.test {
		t.rest = "test/getUpdates"
	}
	out := u.request(ctx, r, t)
	out.Method = http.MethodPost
	for _, name := range []string{"Content-Encoding", "Content-Length", "Content-Md5", "Accept"} {
		out.Header.Del(name)
	}
	out.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	out.Header["Accept-Encoding"] = []string{"gzip"}
	out.Body = io.NopCloser(strings.NewReader(form))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil }
	out.ContentLength = int64(len(form))
	a, err := u.whole(out)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, outcome{}
		}
		return nil, outcome{kind: troubled, detail: u.plain(err)}
	}
	o := judge(a)
	o.detail = u.masker.String(o.detail)
	return a, o
}

// whole sends a request and reads the answer to its end.
func (u *upstream) whole(out *http.Request) (*answer, error) {
	resp, err := u.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			return nil, err
		}
	}
	return readAnswer(resp, body)
}

// plain is an error for one line. A transport's errors name addresses and causes, but a proxy may say what it likes.
func (u *upstream) plain(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	text := u.masker.String(err.Error())
	if s := u.token.Secret(); len(s) >= longSecret {
		text = strings.ReplaceAll(text, s, token.Mask)
	}
	return strings.Join(strings.Fields(text), " ")
}

func (u *upstream) closeIdle() {
	if t, ok := u.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// hopByHop are the headers that belong to one connection (RFC 9110, 7.6.1), and Expect, which net/http has answered.
var hopByHop = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Expect": true,
}

// copyHeaders copies what is no matter of one connection.
func copyHeaders(dst, src http.Header) {
	named := src["Connection"]
	for name, values := range src {
		if hopByHop[name] || len(named) > 0 && listed(named, name) {
			continue
		}
		dst[name] = values
	}
	if _, ok := src["User-Agent"]; !ok {
		dst["User-Agent"] = nil // or net/http would make one up
	}
}

func listed(lists []string, name string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(one), name) {
				return true
			}
		}
	}
	return false
}
