package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hung is when a fuzz target takes what it waits for to hang. It is long, because fuzzing loads the host.
const hung = 20 * time.Second

// counting is a supervisor that counts what it is asked for.
type counting struct {
	tail          *Tail
	stop, restart atomic.Int32
}

func (c *counting) Status() Status { return Status{SchemaVersion: 1, Key: "d-x", Phase: "running"} }
func (c *counting) Restart()       { c.restart.Add(1) }
func (c *counting) Stop()          { c.stop.Add(1) }
func (c *counting) Logs() *Tail    { return c.tail }
func (c *counting) HandOut(context.Context) (HandedOut, error) {
	return HandedOut{}, nil
}

// FuzzServer: whatever comes in on the socket, the server neither dies nor hangs, does nothing that it was
// not asked for, and answers the next client.
func FuzzServer(f *testing.F) {
	const end = " HTTP/1.1\r\nHost: botctl\r\n\r\n"
	for _, text := range []string{
		"", "GET /v1/status" + end, "POST /v1/restart" + end, "POST /v1/stop" + end, "GET /v1/stop" + end, "GET /v1/logs?n=-1&follow=1" + end, "GET /v1/logs?n=99999999999999999999" + end,
		"GET /v1/logs?n=%zz" + end, "POST /v1/%73top" + end, "POST //v1/./stop" + end, "HEAD /v1/status HTTP/1.0\r\n\r\n", "GET /v1/status" + end + "GET /v1/logs?n=2" + end, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"POST /v1/restart HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", "POST /v1/restart HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", "GET /v1/logs HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
		"CONNECT /v1/stop" + end, "GET http://x/v1/logs?n=1" + end, "\x16\x03\x01\x00\xff", "GET " + strings.Repeat("/", 20<<10) + end, "GET /v1/logs?n=-9223372036854775808&n=1;" + end,
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	s := &counting{tail: NewTail()}
	s.tail.Write([]byte("one\ntwo\nthree"))
	srv, err := Serve(dir, "d-x", s)
	if err != nil {
		f.Fatal(err)
	}
	defer srv.Close()
	c, err := Dial(f.Context(), dir, "d-x")
	if err != nil {
		f.Fatal(err)
	}
	path, _ := socketPath(dir, "d-x")
	f.Fuzz(func(t *testing.T, text []byte) {
		s.stop.Store(0)
		s.restart.Store(0)
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(hung))
		go func() {
			conn.Write(text)
			conn.(*net.UnixConn).CloseWrite()
		}()
		answer, err := io.ReadAll(conn)
		if os.IsTimeout(err) {
			t.Fatalf("%q: no end of the answer %q", text, answer)
		}
		asked := int32(bytes.Count(text, []byte("POST ")))
		if n := s.stop.Load() + s.restart.Load(); n > asked {
			t.Fatalf("%q: asked %d times at most, %d times done", text, asked, n)
		}
		if done := s.stop.Load() + s.restart.Load(); int(done) > bytes.Count(answer, []byte("202 Accepted")) && err == nil {
			t.Fatalf("%q: %d done, answer %q", text, done, answer)
		}
		ctx, cancel := context.WithTimeout(t.Context(), hung)
		defer cancel()
		if st, err := c.Status(ctx); err != nil || st.Phase != "running" {
			t.Fatalf("after %q: %+v, %v", text, st, err)
		}
		var lines bytes.Buffer
		if err := c.Logs(ctx, &lines, 2, false); err != nil || lines.String() != "two\nthree" {
			t.Fatalf("after %q: logs %q, %v", text, lines.String(), err)
		}
		s.tail.mu.Lock()
		defer s.tail.mu.Unlock()
		if n := len(s.tail.followers); n > 100 {
			t.Fatalf("%d followers are left", n)
		}
	})
}

// FuzzClient: whatever answers on the socket, the client ends with an answer or one line of error.
func FuzzClient(f *testing.F) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, text := range []string{
		"", ok + "Content-Length: 2\r\n\r\n{}", ok + "\r\n{\"phase\":\"running\",\"well\":true}", ok + "Content-Length: 9\r\n\r\n{", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 500 a\rb\x1b[31m\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: /v1/stop\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n" + ok + "\r\n{}", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
		"HTTP/0.9", ok + "Content-Encoding: gzip\r\n\r\n\x1f\x8b", ok + "\r\n[" + strings.Repeat("[", 20000), ok + "\r\n{\"started_at\":\"x\"}", ok + "\r\n{\"uptime_seconds\":1e999}", "HTTP/1.1 204 No Content\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "d-x.sock"))
	if err != nil {
		f.Fatal(err)
	}
	defer ln.Close()
	var answer atomic.Pointer[[]byte]
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(hung))
				if n, _ := conn.Read(make([]byte, 4096)); n > 0 {
					conn.Write(*answer.Load())
				}
			}()
		}
	}()
	f.Fuzz(func(t *testing.T, text []byte) {
		answer.Store(&text)
		ctx, cancel := context.WithTimeout(t.Context(), hung)
		defer cancel()
		c, err := Dial(ctx, dir, "d-x")
		if err != nil {
			t.Fatal(err)
		}
		defer c.http.CloseIdleConnections()
		check := func(what string, err error) {
			if ctx.Err() != nil {
				t.Fatalf("%s hangs on %q", what, text)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b\x00") {
				t.Fatalf("%s: %q", what, err)
			}
		}
		st, err := c.Status(ctx)
		check("status", err)
		if err == nil {
			if _, err := json.Marshal(st); err != nil {
				t.Fatalf("%q gives a status that cannot be written: %v", text, err)
			}
		}
		check("restart", c.Restart(ctx))
		check("stop", c.Stop(ctx))
		var logs bytes.Buffer
		check("logs", c.Logs(ctx, &logs, 5, true))
	})
}

// FuzzReadStates: a state file of any content and name keeps nobody from reading the others, and what is
// read can be written and read again.
func FuzzReadStates(f *testing.F) {
	good, _ := json.Marshal(Status{SchemaVersion: 1, Key: "d-x", Phase: "running", Command: []string{"python", "bot.py"}, Restarts: Restarts{ByCause: map[string]int{"exit": 2}}})
	f.Add("d-x", good)
	f.Add("d-y", good)
	for _, text := range []string{"", "null", "{}", `{"key":"d-x","key":"d-y"}`, `{"KEY":"d-x","child":{"pid":1e400}}`, `{"key":"d-x","uptime_seconds":-1e308,"last_exit":{}}`, "\xef\xbb\xbf{}", `{"key":"d-x"}x`, `{"key":"d-x","started_at":"10000-01-01T00:00:00Z"}`} {
		f.Add("d-x", []byte(text))
	}
	f.Add("[", []byte(`{"key":"["}`))
	f.Add("", []byte(`{"key":""}`))
	f.Fuzz(func(t *testing.T, key string, text []byte) {
		if key == "d-sound" || key != filepath.Base(key) && key != "" || strings.ContainsAny(key, "/\x00") || len(key) > 100 || runtime.GOOS == "windows" {
			return
		}
		dir := filepath.Join(t.TempDir(), "a[b-]*?\\c") // no pattern
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		sound := Status{SchemaVersion: 1, Key: "d-sound", Phase: "done"}
		if err := WriteState(dir, sound, false); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, key+stateSuffix), text, 0o600); err != nil {
			return // a name that this file system cannot hold
		}
		list, errs := ReadStates(dir)
		if len(list)+len(errs) != 2 || len(list) == 0 || list[len(list)-1].Key != "d-sound" && list[0].Key != "d-sound" {
			t.Fatalf("%q %q: %+v, %v", key, text, list, errs)
		}
		for _, err := range errs {
			if strings.ContainsAny(err.Error(), "\n\r\x00") {
				t.Fatalf("%q", err)
			}
		}
		for _, s := range list {
			if err := WriteState(dir, s, false); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if again, errs2 := ReadStates(dir); len(again) != len(list) || len(errs2) != len(errs) {
			t.Fatalf("%q: read %+v, then %+v, %v", text, list, again, errs2)
		}
	})
}

// FuzzTail: the last n lines of what was written are given, whatever it was and however it came.
func FuzzTail(f *testing.F) {
	f.Add([]byte("one\ntwo\r\n\n\nthree"), 2, uint16(3))
	f.Add([]byte("\n"), 1, uint16(1))
	f.Add([]byte("x"), -1, uint16(0))
	f.Fuzz(func(t *testing.T, text []byte, n int, piece uint16) {
		tail := NewTail()
		ctx, cancel := context.WithCancel(t.Context())
		begin, more := tail.Follow(ctx, n)
		var mu sync.Mutex
		var got []byte
		done := make(chan struct{})
		go func() {
			defer close(done)
			for chunk := range more {
				mu.Lock()
				got = append(got, chunk...)
				mu.Unlock()
			}
		}()
		size := max(int(piece), len(text)/(followerSize/2), 1)
		for at := 0; at < len(text); at += size {
			tail.Write(text[at:min(at+size, len(text))])
		}
		cancel()
		<-done
		if len(begin) > 0 || !bytes.Equal(got, text) {
			t.Fatalf("followed %q, then %q; want %q", begin, got, text)
		}
		lines := tail.Lines(n)
		want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if len(text) == 0 {
			want = nil
		}
		if n >= 0 && len(want) > n {
			want = want[len(want)-n:]
		}
		if len(lines) != len(want) {
			t.Fatalf("%q: the last %d lines are %q", text, n, lines)
		}
		for i := range want {
			if lines[i] != strings.TrimRight(want[i], "\r") {
				t.Fatalf("%q: the last %d lines are %q", text, n, lines)
			}
		}
	})
}
