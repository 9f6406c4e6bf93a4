package health

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// served is a running server.
type served struct {
	t     *testing.T
	addr  string
	now   atomic.Pointer[Health]
	stop  context.CancelFunc
	ended chan error
}

func serve(t *testing.T, h Health) *served {
	t.Helper()
	ln, err := Listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	s := &served{t: t, addr: ln.Addr().String(), stop: stop, ended: make(chan error, 1)}
	s.now.Store(&h)
	go func() { s.ended <- Serve(ctx, ln, func() Health { return *s.now.Load() }) }()
	t.Cleanup(func() { s.end() })
	return s
}

// end stops the server and waits for it.
func (s *served) end() {
	s.stop()
	if err, open := <-s.ended; open {
		close(s.ended)
		if err != nil {
			s.t.Errorf("the server ended with %v", err)
		}
	}
}

// get asks as an ordinary client.
func (s *served) get(method, path string, head ...string) (int, string, http.Header) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.addr+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(head); i += 2 {
		if req.Header.Add(head[i], head[i+1]); head[i] == "Host" {
			req.Host = head[i+1]
		}
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// dial opens a connection that nothing is sent on.
func (s *served) dial() *net.TCPConn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// raw sends text as it is and returns the status line.
func (s *served) raw(text string) string {
	s.t.Helper()
	conn := s.dial()
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

var (
	running = Health{Alive: true, Ready: true, Phase: "running", Holder: "worker.1 of v42"}
	standby = Health{Alive: true, Phase: "standby", Holder: "worker.1 of v41", Why: "asked the holder to hand over 3s ago"}
	hung    = Health{Ready: true, Phase: "running", Why: "the loop has not turned for 30s"}
)

func TestAnswers(t *testing.T) {
	for name, one := range map[string]struct {
		health Health
		path   string
		status int
		body   string
	}{
		"running is alive":                {running, "/healthz", 200, "alive, running, held by worker.1 of v42\n"},
		"running is ready":                {running, "/readyz", 200, "ready, running, held by worker.1 of v42\n"},
		"standby is alive":                {standby, "/healthz", 200, "alive, standby, held by worker.1 of v41: asked the holder to hand over 3s ago\n"},
		"standby is not ready":            {standby, "/readyz", 503, "not ready, standby, held by worker.1 of v41: asked the holder to hand over 3s ago\n"},
		"a loop that hangs is not alive":  {hung, "/healthz", 503, "not alive, running\n"},
		"nor ready, whatever it was last": {hung, "/readyz", 503, "not ready, running\n"},
		"nothing is known":                {Health{}, "/readyz", 503, "not ready\n"},
		"a query that means nothing":      {running, "/readyz?probe=1&x", 200, "ready, running, held by worker.1 of v42\n"},
		"json":                            {standby, "/readyz?format=json", 503, `{"alive":true,"ready":false,"phase":"standby","holder":"worker.1 of v41","why":"asked the holder to hand over 3s ago"}` + "\n"},
		"json without what there is not":  {Health{Alive: true, Ready: true, Phase: "running"}, "/healthz?format=json", 200, `{"alive":true,"ready":true,"phase":"running"}` + "\n"},
		"another format is text":          {running, "/healthz?format=xml", 200, "alive, running, held by worker.1 of v42\n"},
		"the root":                        {running, "/", 404, "not found: there are /healthz and /readyz\n"},
		"a path below":                    {running, "/readyz/", 404, "not found: there are /healthz and /readyz\n"},
		"two slashes":                     {running, "//readyz", 404, "not found: there are /healthz and /readyz\n"},
		"dots are not resolved":           {running, "/x/../readyz", 404, "not found: there are /healthz and /readyz\n"},
		"a path in capitals":              {running, "/READYZ", 404, "not found: there are /healthz and /readyz\n"},
		"metrics":                         {running, "/metrics", 404, "not found: there are /healthz and /readyz\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, one.health)
			status, body, head := s.get("GET", one.path)
			if status != one.status || body != one.body {
				t.Errorf("GET %s: %d %q, want %d %q", one.path, status, body, one.status, one.body)
			}
			if head.Get("Cache-Control") != "no-store" || head.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("GET %s: %v", one.path, head)
			}
			status, empty, same := s.get("HEAD", one.path)
			if status != one.status || empty != "" || same.Get("Content-Type") != head.Get("Content-Type") {
				t.Errorf("HEAD %s: %d %q %v, want as GET without a body", one.path, status, empty, same)
			}
		})
	}
}

func TestOnlyReadingIsServed(t *testing.T) {
	s := serve(t, running)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FANCY"} {
		if status, _, head := s.get(method, "/readyz"); status != 405 || head.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, want 405", method, status)
		}
	}
	for text, want := range map[string]string{
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                                            "HTTP/1.1 404 Not Found",
		"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n":                              "HTTP/1.1 404 Not Found",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                                 "HTTP/1.1 404 Not Found",
		"GET http://example.org/x HTTP/1.1\r\nHost: x\r\n\r\n":                             "HTTP/1.1 404 Not Found",
		"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n":                             "HTTP/1.1 400 Bad Request", // TLS
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 3*headLimit) + "\r\n\r\n": "HTTP/1.1 431 Request Header Fields Too Large",
	} {
		if got := s.raw(text); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}

func TestAnyHostNameIsServed(t *testing.T) {
	s := serve(t, running)
	for _, host := range []string{"healthcheck.railway.app", "shop.onrender.com", "10.1.2.3:8080", "[fd00::1]:8080", "localhost", "_", "a_b.internal", "ümläut", strings.Repeat("a", 300)} {
		if status, _, _ := s.get("GET", "/readyz", "Host", host); status != 200 {
			t.Errorf("Host %q: %d", host, status)
		}
	}
	for name, head := range map[string]string{
		"HTTP/1.0 without a host":        "GET /readyz HTTP/1.0\r\n\r\n",
		"an empty host":                  "GET /readyz HTTP/1.1\r\nHost:\r\n\r\n",
		"a host in the path":             "GET http://elsewhere/readyz HTTP/1.1\r\nHost: x\r\n\r\n",
		"a body that nobody asked for":   "GET /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
		"a wish to keep the connection":  "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
		"a wish for another protocol":    "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n",
		"the headers of a load balancer": "GET /readyz HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nOrigin: https://example.org\r\n\r\n",
	} {
		if got := s.raw(head); !strings.HasSuffix(got, " 200 OK") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheFormatThatIsAccepted(t *testing.T) {
	s := serve(t, running)
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false, "text/plain, application/json": false,
		"application/json": true, "application/json; charset=utf-8": true, "APPLICATION/JSON, text/plain, */*": true, "image/png, application/json": true,
		";;,,": false, "json": false,
	} {
		_, body, head := s.get("GET", "/healthz", "Accept", accept)
		if is := json.Valid([]byte(body)); is != want || (head.Get("Content-Type") == "application/json") != want {
			t.Errorf("Accept %q: %s as %s", accept, body, head.Get("Content-Type"))
		}
		if strings.Count(body, "\n") != 1 {
			t.Errorf("Accept %q: not one line: %q", accept, body)
		}
	}
	if _, body, _ := s.get("GET", "/healthz?format=text", "Accept", "application/json"); json.Valid([]byte(body)) {
		t.Errorf("the query does not go before Accept: %s", body)
	}
}

func TestAnAnswerIsOneLineWhateverItSays(t *testing.T) {
	s := serve(t, Health{Alive: true, Phase: "standby\r\nX-Injected: 1", Holder: "\x1b[2Jevil \u202e", Why: "line\nline\t" + strings.Repeat("ü", 1000) + "\xff"})
	for _, path := range []string{"/readyz", "/readyz?format=json"} {
		status, body, head := s.get("GET", path)
		if status != 503 || head.Get("X-Injected") != "" || strings.ContainsAny(body, "\x1b\r\u202e") || strings.Count(body, "\n") != 1 || len(body) > 3*maxText+100 {
			t.Errorf("%d %q %v", status, body, head)
		}
	}
}

// Slow clients, and such as send nothing, keep nobody out and are gone after the time for a request.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	s := serve(t, running)
	begin := time.Now()
	silent, slow, done := s.dial(), s.dial(), make(chan struct{})
	go func() { // a byte now and then
		defer close(done)
		for _, b := range []byte("GET /readyz HTTP/1.1\r\nHost: " + strings.Repeat("x", 1000)) {
			if _, err := slow.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	half := s.dial() // sends its request and closes that direction, as some probes do
	io.WriteString(half, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
	half.CloseWrite()
	if line, err := bufio.NewReader(half).ReadString('\n'); err != nil || line != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("a client that is half closed: %q, %v", line, err)
	}
	if status, _, _ := s.get("GET", "/readyz"); status != 200 {
		t.Errorf("beside slow clients: %d", status)
	}
	for name, conn := range map[string]net.Conn{"silent": silent, "slow": slow} {
		conn.SetReadDeadline(begin.Add(readTime + 10*time.Second))
		if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("the %s one is still there after %v: %v", name, time.Since(begin), err)
		}
		if took := time.Since(begin); took < readTime-time.Second {
			t.Errorf("the %s one was sent away after %v", name, took)
		}
	}
	<-done
}

// More connections than there are places: the oldest go, and a probe is answered at once.
func TestTooManyClients(t *testing.T) {
	s := serve(t, running)
	var conns []*net.TCPConn
	for range 3 * maxConns {
		conns = append(conns, s.dial())
	}
	begin := time.Now()
	if status, _, _ := s.get("GET", "/readyz"); status != 200 {
		t.Errorf("with %d connections: %d", len(conns), status)
	}
	if took := time.Since(begin); took > readTime/2 {
		t.Errorf("the probe was answered after %v", took)
	}
	conns[0].SetReadDeadline(time.Now().Add(readTime / 2))
	if _, err := conns[0].Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("the oldest is still there: %v", err)
	}
}

// Many probes at once, while what they are told changes, and the end in the middle of it: nothing is left.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	s := serve(t, running)
	var wg sync.WaitGroup
	var good, bad atomic.Int64
	for range 8 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			for range 50 {
				resp, err := client.Get("http://" + s.addr + "/readyz")
				if err != nil {
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					good.Add(1)
				case http.StatusServiceUnavailable:
					bad.Add(1)
				default:
					t.Errorf("status %d", resp.StatusCode)
				}
			}
		})
	}
	for i := range 100 {
		h := running
		h.Ready = i%2 == 0
		s.now.Store(&h)
		runtime.Gosched()
	}
	for range 10 {
		s.dial() // silent ones, to be closed at the end
	}
	wg.Wait()
	begin := time.Now()
	s.end()
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the end took %v", took)
	}
	if good.Load()+bad.Load() != 400 {
		t.Errorf("%d probes were answered, want 400", good.Load()+bad.Load())
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
	if conn, err := net.Dial("tcp", s.addr); err == nil {
		conn.Close()
		t.Error("somebody still listens")
	}
}

func TestTheEnd(t *testing.T) {
	t.Run("before it has begun", func(t *testing.T) {
		ln, err := Listen(t.Context(), ":0", nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Serve(ctx, ln, func() Health { return running }); err != nil {
			t.Error(err)
		}
	})
	t.Run("with a request under way", func(t *testing.T) {
		ln, err := Listen(t.Context(), ":0", nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		inside, leave, ended := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			ended <- Serve(ctx, ln, func() Health { close(inside); <-leave; return running })
		}()
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
		<-inside
		cancel()
		io.Copy(io.Discard, conn) // it is closed by now
		select {
		case <-ended:
			t.Error("it did not wait for its own goroutine")
		default:
		}
		close(leave)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Run("by the listener's own fault", func(t *testing.T) {
		ln, err := Listen(t.Context(), ":0", nil)
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		want := fmt.Sprintf("health checks at %s: use of closed network connection", ln.Addr())
		if err := Serve(t.Context(), ln, func() Health { return running }); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	})
}
