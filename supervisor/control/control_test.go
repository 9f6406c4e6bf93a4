package control

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

type double struct {
	tail           *Tail
	restart, stops chan struct{}
}

func (d *double) Status() Status {
	return Status{SchemaVersion: 1, Key: "d-x", Phase: "running", Well: true}
}
func (d *double) Restart() { d.restart <- struct{}{} }
func (d *double) Stop()    { d.stops <- struct{}{} }

func (d *double) HandOut(context.Context) (HandedOut, error) { return HandedOut{Cursor: 42}, nil }
func (d *double) Logs() *Tail                                { return d.tail }

func serve(t *testing.T, dir string) (*double, *Client, *Server) {
	t.Helper()
	d := &double{tail: NewTail(), restart: make(chan struct{}, 1), stops: make(chan struct{}, 1)}
	srv, err := Serve(dir, "d-x", d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	c, err := Dial(t.Context(), dir, "d-x")
	if err != nil {
		t.Fatal(err)
	}
	return d, c, srv
}

func TestVerbsOverTheSocket(t *testing.T) {
	dir := t.TempDir()
	d, c, srv := serve(t, dir)
	if s, err := c.Status(t.Context()); err != nil || s.Phase != "running" || !s.Well {
		t.Errorf("%+v, %v", s, err)
	}
	if err := c.Restart(t.Context()); err != nil {
		t.Error(err)
	}
	<-d.restart
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-d.stops
	if info, err := os.Stat(filepath.Join(dir, "d-x.sock")); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != 0o600) {
		t.Errorf("socket %v, %v", info.Mode(), err)
	}
	srv.Close()
	if err := c.Gone(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := Dial(t.Context(), dir, "d-x"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("%v, want ErrNotRunning", err)
	}
}

func TestLogsFollow(t *testing.T) {
	d, c, _ := serve(t, t.TempDir())
	d.tail.Write([]byte("one\ntwo\nthree\n"))
	var got bytes.Buffer
	if err := c.Logs(t.Context(), &got, 2, false); err != nil || got.String() != "two\nthree\n" {
		t.Errorf("%q, %v", got.String(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &watched{want: "four\n", seen: cancel}
	done := make(chan error, 1)
	go func() { done <- c.Logs(ctx, r, 1, true) }()
	for ctx.Err() == nil { // the follower may come after a line or before it
		d.tail.Write([]byte("four\n"))
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	if err := <-done; err != nil || !strings.HasPrefix(r.String(), "three\n") && !strings.HasPrefix(r.String(), "four\n") {
		t.Errorf("%q, %v", r.String(), err)
	}
}

type watched struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	want string
	seen func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	if strings.Contains(w.buf.String(), w.want) {
		w.seen()
	}
	return len(p), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func TestOnlyADeadSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	_, _, srv := serve(t, dir)
	if _, err := Serve(dir, "d-x", &double{tail: NewTail()}); err == nil {
		t.Fatal("a live socket was replaced")
	}
	srv.Close()
	os.WriteFile(filepath.Join(dir, "d-x.sock"), nil, 0o600)
	again, err := Serve(dir, "d-x", &double{tail: NewTail()})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestALongPathStillHasASocket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	os.MkdirAll(dir, 0o700)
	_, c, _ := serve(t, dir)
	if _, err := c.Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestGarbageOnTheSocket(t *testing.T) {
	dir := t.TempDir()
	_, c, _ := serve(t, dir)
	for _, text := range []string{"\x00\xff\n\n", "GET /v1/logs?n=x HTTP/1.1\r\nHost: x\r\n\r\n", "DELETE / HTTP/1.0\r\n\r\n", strings.Repeat("x", 1<<20)} {
		conn, err := net.Dial("unix", filepath.Join(dir, "d-x.sock"))
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte(text))
		conn.Close()
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestASupervisorThatHangsIsNotWaitedForForEver(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "d-x.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := Dial(t.Context(), dir, "d-x") // the kernel takes the connection
	if err != nil {
		t.Fatal(err)
	}
	if limit := c.http.Transport.(*http.Transport).ResponseHeaderTimeout; limit != answerLimit {
		t.Errorf("limit %v", limit)
	}
	c.http.Transport.(*http.Transport).ResponseHeaderTimeout = 50 * time.Millisecond
	if err := c.Restart(t.Context()); err == nil || errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
}

func TestAFolderNamedLikeAPattern(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[bot]")
	os.Mkdir(dir, 0o700)
	if err := WriteState(dir, Status{Key: "d-x"}, false); err != nil {
		t.Fatal(err)
	}
	if list, errs := ReadStates(dir); len(list) != 1 || len(errs) != 0 {
		t.Errorf("%+v, %v", list, errs)
	}
}

func TestStateFile(t *testing.T) { // P36
	dir := t.TempDir()
	want := Status{SchemaVersion: 1, Key: "d-x", Phase: "running", BotID: "7"}
	for range 3 {
		if err := WriteState(dir, want, false); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "d-y"+stateSuffix), []byte("{garbage"), 0o600)
	list, errs := ReadStates(dir)
	if len(list) != 1 || list[0].BotID != "7" || len(errs) != 1 {
		t.Errorf("%+v, %v", list, errs)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
	// Neither a pipe, into which nobody writes, nor a link takes the place of a file.
	link := filepath.Join(dir, "d-x.state.tmp")
	os.Symlink(filepath.Join(dir, "victim"), link)
	if err := WriteState(dir, want, false); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "victim")); err == nil {
		t.Error("wrote through a link")
	}
	os.Mkdir(filepath.Join(dir, "d-z"+stateSuffix), 0o700)
	if _, errs := ReadStates(dir); len(errs) != 2 || !strings.Contains(errs[1].Error(), "not a regular file") {
		t.Errorf("a folder for a state file: %v", errs)
	}
	if err := WriteState(filepath.Join(dir, "none"), want, false); err == nil {
		t.Error("no error for a folder that is not there")
	}
}

func TestTailIsBounded(t *testing.T) {
	tail := NewTail()
	for range 100 {
		tail.Write(bytes.Repeat([]byte("x"), 100_000))
	}
	tail.Write(bytes.Repeat([]byte("y"), 1<<20))
	tail.Write([]byte("\nend\n"))
	if n := len(tail.buf); n > 2*tailSize {
		t.Errorf("%d bytes kept", n)
	}
	if got := tail.Lines(1); len(got) != 1 || got[0] != "end" {
		t.Errorf("last line %q", got)
	}
}
