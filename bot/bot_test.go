package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"botctl/bot/prices"
	"botctl/bot/sandbox"
	"botctl/bot/store"
)

// stage is a sandbox with a token, a price server and a folder for the store.
type stage struct {
	t      *testing.T
	token  string
	base   string
	box    *sandbox.Client
	market *priceServer
	cfg    Config
	log    syncBuffer
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
	s := stageAt(t, token, srv.URL)
	s.box = &sandbox.Client{Base: srv.URL}
	return s
}

func stageAt(t *testing.T, token, base string) *stage {
	s := &stage{t: t, token: token, base: base, market: newPriceServer(t)}
	s.cfg = Config{
		Token: token, APIBase: base, PollSeconds: 1, StateDir: t.TempDir(), DigestAt: 9 * 60, retry: 50 * time.Millisecond,
		Prices: prices.Config{GeckoBase: s.market.url, PaprikaBase: s.market.url},
	}
	return s
}

// run starts the bot; stop ends it and returns its error.
func (s *stage) run() (stop func() error, ended <-chan error) {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	cfg := s.cfg
	cfg.Log = slog.New(slog.NewTextHandler(&s.log, nil))
	go func() { done <- Run(ctx, cfg) }()
	return func() error { cancel(); return <-done }, done
}

// ask lets the default user write; each question in a chat of its own, so that the limit of a chat does not slow
// the test.
func (s *stage) ask(text string) string {
	s.t.Helper()
	return s.askIn(0, 0, text)
}

func (s *stage) askIn(user, chat int64, text string) string {
	s.t.Helper()
	after, err := s.box.Write(s.t.Context(), sandbox.Text{Text: text, User: user, Chat: chat})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.next(after, text)
}

// next is what the bot sends after a Seq.
func (s *stage) next(after int64, to string) string {
	s.t.Helper()
	list, err := s.box.Messages(s.t.Context(), after, time.Minute)
	if err != nil || len(list) == 0 {
		s.t.Fatalf("no answer to %q: %v\n%s", to, err, s.log.String())
	}
	return list[0].Text
}

// store opens the bot's store while it does not run.
func (s *stage) store(do func(*store.Store)) {
	s.t.Helper()
	id, _, _ := strings.Cut(s.token, ":")
	st, err := store.Open(filepath.Join(s.cfg.StateDir, "bot-"+id+".db"), time.Minute)
	if err != nil {
		s.t.Fatal(err)
	}
	do(st)
	if err := st.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// await waits until the bot's log holds text.
func (s *stage) await(text string) {
	s.t.Helper()
	eventually(s.t, func() bool { return strings.Contains(s.log.String(), text) }, func() string { return text + " in\n" + s.log.String() })
}

func eventually(t *testing.T, ok func() bool, what func() string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Minute); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("never came: ", what())
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stop, _ := s.run()
	for i, tc := range []struct{ text, want string }{
		{"/start", "Hello, "},
		{"/HELP", "/start – what this bot is"},
		{"/help@nosuchbot", ""},
		{"hi there", "I only understand commands."},
		{"/nosuch x", "I do not know /nosuch."},
		{"/unsubscribe", "This chat was not subscribed."},
		{"/subscribe", "The digest comes every day at 09:00 UTC; the next one on "},
		{"/time", "The hour of this chat's digest is 09:00 UTC, once it subscribes"},
		{"/time 7:05", "The hour of this chat's digest is 07:05 UTC"},
		{"/time late", "I cannot read that. Please give a time of day in UTC, HH:MM"},
		{"/coins", "The digest follows 5 of at most 10 coins."},
		{"/status", "Up for "},
	} {
		user := int64(2000 + i)
		if tc.want == "" {
			s.box.Write(t.Context(), sandbox.Text{Text: tc.text, User: user})
			continue
		}
		if got := s.askIn(user, 0, tc.text); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%q: %q, want %q", tc.text, got, tc.want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	list, _ := s.box.Messages(t.Context(), 0, 0)
	if len(list) != 11 {
		t.Errorf("%d answers, want 11: another bot's command has none\n%+v", len(list), list)
	}
	v, _ := s.box.Verdict(t.Context())
	if v.Pending != 0 || v.DeliveredTwice != 0 || v.ConfirmedUnseen != 0 {
		t.Errorf("after an orderly stop: %+v", v)
	}
}

func TestConflictAndRefusalEndTheBot(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	s := newStage(t)
	s.box.Fault(t.Context(), sandbox.Fault{Status: 502, Count: 4})
	stop, _ := s.run()
	if got := s.ask("still there?"); !strings.HasPrefix(got, "I only understand") {
		t.Errorf("%q", got)
	}
	stop()
}

func TestTheTokenIsInNoLogAndNoError(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + ln.Addr().String()
	ln.Close() // refuses from here on
	s := stageAt(t, sandbox.NewToken(), base)
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
		s := stageAt(t, sandbox.NewToken(), base)
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
	t.Parallel()
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

// Restarted a hundred times under a flow of updates, the bot answers each once.
func TestRestartsUnderAFlowLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stop, _ := s.run()
	s.ask("/help")
	const restarts = 100
	n := 1
	restarted := make(chan struct{})
	var feeder sync.WaitGroup
	feeder.Go(func() { // each from a user of its own, at two thirds of what Telegram lets a bot send
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for i := int64(0); ; i++ {
			select {
			case <-tick.C:
			case <-restarted:
				return
			}
			n++
			if _, err := s.box.Write(t.Context(), sandbox.Text{Text: "/nosuch", User: 5000 + i}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	answers := int64(0)
	for range restarts {
		list, err := s.box.Messages(t.Context(), answers, time.Minute) // at least one answer each time
		if err != nil {
			t.Fatal(err)
		}
		answers += int64(len(list))
		<-time.After(rand.N(100 * time.Millisecond)) // at any moment of the flow
		if err := stop(); err != nil {
			t.Fatalf("%v\n%s", err, s.log.String())
		}
		stop, _ = s.run()
	}
	close(restarted)
	feeder.Wait()
	var list []sandbox.Sent
	eventually(t, func() bool {
		list, _ = s.box.Messages(t.Context(), 0, 0)
		return len(list) >= n
	}, func() string { return fmt.Sprint(len(list), " answers") })
	if err := stop(); err != nil {
		t.Error(err)
	}
	list, _ = s.box.Messages(t.Context(), 0, 0)
	seen := map[int64]int{}
	for _, m := range list {
		if seen[m.Chat]++; seen[m.Chat] > 1 {
			t.Errorf("user %d was answered %d times", m.Chat, seen[m.Chat])
		}
	}
	v, err := s.box.Verdict(t.Context())
	t.Logf("%+v", v)
	if len(seen) != n || err != nil || v.Pending != 0 || v.Lost != 0 || v.ConfirmedUnseen != 0 || v.DeliveredTwice != 0 || v.ConflictsLive != 0 {
		t.Errorf("%d users answered of %d, %+v, %v", len(seen), n, v, err)
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

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
