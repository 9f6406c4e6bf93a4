package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// raw is a client that writes what it likes.
type raw struct {
	net.Conn

	t *testing.T
	r *bufio.Reader
}

func (w *world) raw() *raw {
	conn, err := w.front.dial(w.t.Context(), "", "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return &raw{conn, w.t, bufio.NewReader(conn)}
}

// says writes beside, since nobody may read it.
func (c *raw) says(text string) {
	go io.WriteString(c.Conn, text)
}

func (c *raw) hears() (status int, body string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// closed waits for the end of the connection and says when it came.
func (c *raw) closed() time.Duration {
	start := time.Now()
	io.Copy(io.Discard, c.r)
	return time.Since(start)
}

// What two parties might read differently reaches the server as one well-formed request, or not at all.
func TestSmuggledRequestsAreNotPassedOn(t *testing.T) {
	head := func(w *world, method, rest string) string {
		return "POST " + w.bot(method) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + rest
	}
	smuggled := "GET /bot1:other/getMe HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, one := range map[string]struct {
		rest string
		want int
		body string // as the server must see it
	}{
		"length and chunks":        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, 200, ""},
		"two lengths":              {fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n%s", len(smuggled), smuggled), 400, ""},
		"two encodings":            {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled, 501, ""},
		"an odd encoding":          {"Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc", 501, ""},
		"a space before colon":     {"Content-Length : 5\r\n\r\nabcde", 400, ""},
		"a negative length":        {"Content-Length: -5\r\n\r\nabcde", 400, ""},
		"a length with a sign":     {"Content-Length: +5\r\n\r\nabcde", 400, ""},
		"a folded header":          {"X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok", 200, "ok"}, // one header, its value on two lines
		"a bare CR in a header":    {"X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok", 400, ""},
		"a chunk size of nonsense": {"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", 0, ""},
		"a named body length":      {"Connection: content-length\r\nContent-Length: 5\r\n\r\nabcde", 200, "abcde"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := build(t, Options{}, nil)
				c := w.raw()
				c.says(head(w, "sendMessage", one.rest))
				if status, body := c.hears(); one.want != 0 && status != one.want {
					t.Errorf("answered %d %s, want %d", status, body, one.want)
				}
				c.Close()
				synctest.Wait()
				for _, s := range w.requests() {
					if s.path != w.bot("sendMessage") || s.body != one.body {
						t.Errorf("the server got %s %s %q", s.method, s.path, s.body)
					}
				}
				if one.want == 200 && len(w.requests()) != 1 {
					t.Errorf("%d requests reached the server", len(w.requests()))
				}
			})
		})
	}
}

func TestHeadsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		c := w.raw()
		c.says("GET " + w.bot("getMe") + " HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 2*headLimit))
		if status, _ := c.hears(); status != 431 {
			t.Errorf("a huge header: %d", status)
		}
		c = w.raw()
		c.says("GET /bot" + strings.Repeat("1", 2*headLimit))
		if status, _ := c.hears(); status != 431 {
			t.Errorf("a huge path: %d", status)
		}
		c = w.raw()
		c.says("GET " + w.bot("getMe") + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: y\r\n", headLimit/4))
		if status, _ := c.hears(); status != 431 {
			t.Errorf("many headers: %d", status)
		}
		if n := len(w.requests()); n != 0 {
			t.Errorf("%d requests passed on", n)
		}
	})
}

func TestParametersAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		c := w.raw()
		c.says("POST " + w.bot("getUpdates") + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n" + strings.Repeat("x", 2*maxParams))
		if status, body := c.hears(); status != 413 {
			t.Errorf("a huge poll: %d %s", status, body)
		}
		if got := w.post(w.bot(""), "application/json", `{"method":"sendMessage","chat_id":1}`); got.status != 200 || w.requests()[0].body != `{"method":"sendMessage","chat_id":1}` {
			t.Errorf("a method as a parameter: %+v", got)
		}
	})
}

func TestSlowClientsAreCutOff(t *testing.T) {
	for name, one := range map[string]struct {
		says string
		want time.Duration
	}{
		"nothing at all":     {"", headTime},
		"half a head":        {"GET / HT", headTime},
		"a poll's half body": {"POST %s/getUpdates HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc", headTime},
		"half a small body":  {"POST %s/sendMessage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc", stallLimit},
		"half a chunk":       {"POST %s/sendPhoto HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc", stallLimit},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := build(t, Options{}, nil)
				c := w.raw()
				c.says(strings.Replace(one.says, "%s", strings.TrimSuffix(w.bot(""), "/"), 1))
				if d := c.closed(); d < one.want || d > one.want+time.Second {
					t.Errorf("cut off after %v, want %v", d, one.want)
				}
			})
		})
	}
}

// One that takes its answer, but slowly, is served; one that takes nothing is cut off.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, func(_ int, rw http.ResponseWriter, _ *http.Request) {
			for range 64 {
				rw.Write(make([]byte, 32<<10))
			}
		})
		c := w.raw()
		c.says("GET /file" + w.bot("x") + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		for range 20 {
			time.Sleep(stallLimit / 2)
			if _, err := io.ReadFull(c.r, make([]byte, 64<<10)); err != nil {
				t.Fatalf("a slow one: %v", err)
			}
		}
		time.Sleep(2 * stallLimit)
		synctest.Wait()
		if s := w.g.Snapshot(); s.CallsOpen != 0 {
			t.Error("the call is still open")
		}
		if _, err := io.ReadFull(c.r, make([]byte, 1<<20)); err == nil {
			t.Error("it still gets data")
		}
	})
}

func TestIdleConnectionsAreKeptAsTheServerKeepsThem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		c := w.raw()
		for range 3 {
			c.says("GET " + w.bot("getMe") + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
			if status, _ := c.hears(); status != 200 {
				t.Fatal(status)
			}
			time.Sleep(idleTime - time.Second)
		}
		c.says("GET " + w.bot("getMe") + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		c.hears()
		if d := c.closed(); d != idleTime {
			t.Errorf("closed after %v", d)
		}
	})
}

func TestStrangersCannotKeepTheBotOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		guest := w.raw()
		guest.says("GET " + w.bot("getMe") + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		guest.hears()
		for range 3 * maxGuests {
			w.raw() // says nothing
		}
		synctest.Wait()
		w.g.door.mu.Lock()
		n := len(w.g.door.guests)
		w.g.door.mu.Unlock()
		if n > maxGuests {
			t.Errorf("%d connections are open", n)
		}
		if got := w.get(w.bot("getMe")); got.status != 200 {
			t.Errorf("a new connection of the bot: %+v", got)
		}
		guest.says("GET " + w.bot("getMe") + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if status, _ := guest.hears(); status != 200 {
			t.Errorf("the bot's old connection: %d", status)
		}
		time.Sleep(2 * time.Second)
		w.raw()
		synctest.Wait()
		w.g.door.mu.Lock()
		n = len(w.g.door.strangers)
		w.g.door.mu.Unlock()
		if n > maxStrangers {
			t.Errorf("%d strangers are left after their time", n)
		}
	})
}

// The whole of what the gateway says anywhere, about calls of every kind and every trouble, holds no token.
func TestNoLeak(t *testing.T) {
	bubble(t, func(t *testing.T) {
		real := realToken.Reveal()
		n := 0
		w := build(t, Options{Substitute: true}, nil)
		w.g.up.transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			n++
			switch n % 3 {
			case 0:
				return nil, fmt.Errorf("Post %q: refused by proxy, which saw %s and %s", r.URL, real, realToken.Secret())
			case 1:
				body := fmt.Sprintf(`{"ok":false,"error_code":401,"description":"%s is no token"}`, real)
				return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{"Location": {r.URL.String()}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
			}
			return nil, errors.New(r.URL.Path)
		})
		var said strings.Builder
		for _, method := range []string{"getUpdates?timeout=5", "getMe", "sendMessage", "getUpdates?timeout=0", "", "x"} {
			for range 6 {
				got := w.get(w.bot(method))
				fmt.Fprintf(&said, "%+v\n", got)
			}
		}
		for _, path := range []string{"/bot" + real + "/getMe", "/bot" + real, "/" + real, "/file/bot" + real + "/../x"} {
			fmt.Fprintf(&said, "%+v\n", w.get(path))
		}
		w.g.mu.Lock()
		w.g.lines[0].acknowledge(5)
		w.g.mu.Unlock()
		w.s.Hold()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		fmt.Fprintln(&said, w.g.Confirm(ctx))
		snap, _ := json.Marshal(w.g.Snapshot())
		fmt.Fprintf(&said, "%s %+v %+v %v %+v", snap, w.g.Snapshot(), w.events, w.s.Token(), w.g.opts)
		if _, err := New(Options{Base: "http://x y/" + real, Token: realToken}); err == nil {
			t.Error("a base that is no URL is taken")
		} else {
			fmt.Fprintln(&said, err)
		}
		text := said.String()
		if len(w.events) < 5 || len(text) < 2000 {
			t.Fatalf("too little was said to prove anything: %s", text)
		}
		if i := strings.Index(text, realToken.Secret()); i >= 0 {
			t.Errorf("the real token is told: …%s", text[max(0, i-200):i])
		}
		status, _ := json.Marshal(w.g.Snapshot())
		if sub := w.s.Token().Secret(); strings.Contains(fmt.Sprint(w.events, string(status), w.s.Token()), sub) {
			t.Error("the substitute is told")
		}
	})
}
