package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"botctl/bot/sandbox"
)

// stage is a sandbox with a token.
type stage struct {
	t     *testing.T
	token string
	base  string
	box   *sandbox.Client
	log   syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newStage(t *testing.T) *stage {
	t.Helper()
	token := sandbox.NewToken()
	srv := httptest.NewServer(sandbox.New(sandbox.Options{Tokens: []string{token}}))
	t.Cleanup(srv.Close)
	return &stage{t: t, token: token, base: srv.URL, box: &sandbox.Client{Base: srv.URL}}
}

// run starts the bot; stop ends it and returns its error.
func (s *stage) run() (stop func() error, ended <-chan error) {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{Token: s.token, APIBase: s.base, PollSeconds: 5, Log: slog.New(slog.NewTextHandler(&s.log, nil))})
	}()
	return func() error { cancel(); return <-done }, done
}

func (s *stage) ask(text string) string {
	s.t.Helper()
	after, err := s.box.Send(s.t.Context(), "", text)
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := s.box.Messages(s.t.Context(), after, 30*time.Second)
	if err != nil || len(list) == 0 {
		s.t.Fatalf("no answer to %q: %v\n%s", text, err, s.log.String())
	}
	return list[0].Text
}

func TestAnswers(t *testing.T) {
	s := newStage(t)
	stop, _ := s.run()
	for _, tc := range []struct{ text, want string }{
		{"/start", "Hello, Sandbox user. I am @sandbox_"},
		{"/HELP", "/start: say hello"},
		{"hi there", "hi there"},
		{"/nosuch x", "I do not know /nosuch."},
	} {
		if got := s.ask(tc.text); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%q: %q, want %q", tc.text, got, tc.want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	v, _ := s.box.Verdict(t.Context())
	if v.Pending != 0 || v.DeliveredTwice != 0 || v.ConfirmedUnseen != 0 {
		t.Errorf("after an orderly stop: %+v", v)
	}
}

func TestConflictAndRefusalEndTheBot(t *testing.T) {
	for _, tc := range []struct {
		status int
		check  func(error) bool
	}{
		{409, func(err error) bool { _, ok := errors.AsType[*ConflictError](err); return ok }},
		{401, func(err error) bool { _, ok := errors.AsType[*RefusedError](err); return ok }},
		{404, func(err error) bool { _, ok := errors.AsType[*RefusedError](err); return ok }},
	} {
		s := newStage(t)
		s.box.Fault(t.Context(), sandbox.Fault{Method: "getUpdates", Status: tc.status})
		_, ended := s.run()
		if err := <-ended; !tc.check(err) {
			t.Errorf("%d: %v", tc.status, err)
		}
	}
}

func TestTroubleIsRiddenOut(t *testing.T) {
	s := newStage(t)
	s.box.Fault(t.Context(), sandbox.Fault{Status: 502, Count: 4})
	stop, _ := s.run()
	if got := s.ask("still there?"); got != "still there?" {
		t.Errorf("%q", got)
	}
	stop()
}

func TestTheTokenIsInNoLogAndNoError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + ln.Addr().String()
	ln.Close() // refuses from here on
	s := &stage{t: t, token: sandbox.NewToken(), base: base}
	stop, _ := s.run()
	for !strings.Contains(s.log.String(), "not reached") {
		select {
		case <-t.Context().Done():
			t.Fatal("no word about a server that refuses")
		case <-time.After(5 * time.Millisecond):
		}
	}
	stop()
	_, secret, _ := strings.Cut(s.token, ":")
	if strings.Contains(s.log.String(), secret) {
		t.Errorf("log holds the token: %s", s.log.String())
	}
}

func TestABaseThatIsNoURL(t *testing.T) {
	for _, base := range []string{"http://bad host", "http://127.0.0.1:x", "localhost:8081", "ftp://x", ":"} {
		s := &stage{t: t, token: sandbox.NewToken(), base: base}
		_, ended := s.run()
		err := <-ended
		_, secret, _ := strings.Cut(s.token, ":")
		if err == nil || strings.Contains(err.Error()+s.log.String(), secret) {
			t.Errorf("%q: %v\n%s", base, err, s.log.String())
		}
	}
}

// A send that hangs is cut when the bot is to stop, and the update counts as handled.
func TestAStopDoesNotWaitForAHangingAnswer(t *testing.T) {
	s := newStage(t)
	stop, _ := s.run()
	s.ask("hello")
	s.box.Fault(t.Context(), sandbox.Fault{Method: "sendMessage", Hang: true})
	if _, err := s.box.Send(t.Context(), "", "never answered"); err != nil {
		t.Fatal(err)
	}
	for hung := false; !hung; {
		list, err := s.box.Journal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last := list[len(list)-1]
		hung = last.Method == "sendmessage" && last.Status == 0
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if v, _ := s.box.Verdict(t.Context()); v.Pending != 0 {
		t.Errorf("%+v, want the update confirmed", v)
	}
}

func TestRestartsUnderAFlowLoseAndDoubleNothing(t *testing.T) {
	s := newStage(t)
	stop, _ := s.run()
	s.ask("first")
	var feeder sync.WaitGroup
	const n = 200
	feeder.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := range n {
			<-tick.C
			if _, err := s.box.Send(t.Context(), "", fmt.Sprint("flow ", i)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 10 {
		before, _ := s.box.Messages(t.Context(), 0, 0)
		s.box.Messages(t.Context(), int64(len(before)), time.Second) // at least one answer each time
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		stop, _ = s.run()
	}
	feeder.Wait()
	seen := map[string]int{}
	for deadline := time.Now().Add(time.Minute); len(seen) < n+1; {
		if time.Now().After(deadline) {
			v, _ := s.box.Verdict(t.Context())
			t.Fatalf("%d of %d answered, %+v\n%s", len(seen), n+1, v, s.log.String())
		}
		list, err := s.box.Messages(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		clear(seen)
		for _, m := range list {
			seen[m.Text]++
		}
	}
	stop()
	for text, times := range seen {
		if times != 1 {
			t.Errorf("%q answered %d times", text, times)
		}
	}
}

func TestReadyIsToldAfterTheFirstPoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	ln, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	s := newStage(t)
	stop, _ := s.run()
	s.ask("hello")
	buf := make([]byte, 100)
	n, _, err := ln.ReadFrom(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "READY=1") {
		t.Errorf("%q, %v", buf[:n], err)
	}
	stop()
}
