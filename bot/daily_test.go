package bot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"botctl/bot/coin"
	"botctl/bot/digest"
	"botctl/bot/sandbox"
	"botctl/bot/store"
)

// clock is the schedule's, set by a test.
type clock struct{ at atomic.Int64 }

func clockAt(t time.Time) *clock {
	c := &clock{}
	c.set(t)
	return c
}

func (c *clock) set(t time.Time) { c.at.Store(t.UnixNano()) }
func (c *clock) now() time.Time  { return time.Unix(0, c.at.Load()).UTC() }

var nine = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// subscribed puts chats into the store that got yesterday's digest.
func (s *stage) subscribed(chats ...int64) {
	s.store(func(st *store.Store) {
		for _, id := range chats {
			if _, err := st.Update(id, func(c *store.Chat) {
				c.Subscribed, c.Since, c.Settled = true, nine.AddDate(0, 0, -10), digest.DayOf(nine.AddDate(0, 0, -1))
			}); err != nil {
				s.t.Fatal(err)
			}
		}
	})
}

// settled is the last day that is done for each chat.
func (s *stage) settled(chats ...int64) (days []digest.Day) {
	s.store(func(st *store.Store) {
		for _, id := range chats {
			c, _, _ := st.Chat(id)
			days = append(days, c.Settled)
		}
	})
	return days
}

// sent waits for n messages and returns all there are then.
func (s *stage) sent(n int) (list []sandbox.Sent) {
	s.t.Helper()
	eventually(s.t, func() bool {
		list, _ = s.box.Messages(s.t.Context(), 0, 0)
		return len(list) >= n
	}, func() string { return fmt.Sprintf("%d messages; there are %+v\n%s", n, list, s.log.String()) })
	return list
}

func TestTheDigestComesAtItsHour(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.subscribed(11, 12, 13)
	c := clockAt(nine.Add(-30 * time.Millisecond))
	s.cfg.now = c.now
	stop, _ := s.run()
	s.await("bot is ready")
	s.askIn(99, 0, "/help") // by then the schedule has had its first look
	if list := s.sent(1); len(list) != 1 {
		t.Errorf("before the hour: %+v", list)
	}
	c.set(nine)
	for _, m := range s.sent(4)[1:] {
		if !strings.HasPrefix(m.Text, "Crypto digest · Tue 24 Nov 2026, 09:00 UTC\n\nBTC $100.00") {
			t.Errorf("%q", m.Text)
		}
	}
	// The same day again, a clock set back, a clock set back over midnight, a restart: nothing comes twice.
	for _, at := range []time.Time{nine.Add(time.Hour), nine.Add(-time.Hour), nine, nine.AddDate(0, 0, -1), nine.Add(time.Minute)} {
		c.set(at)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		stop, _ = s.run()
		s.askIn(100+at.Unix()%1000, 0, "/help")
	}
	c.set(nine.AddDate(0, 0, 1))
	stop()
	stop, _ = s.run()
	s.sent(12)
	stop()
	list, _ := s.box.Messages(t.Context(), 0, 0)
	per := map[int64]int{}
	for _, m := range list {
		per[m.Chat]++
	}
	if per[11] != 2 || per[12] != 2 || per[13] != 2 {
		t.Errorf("two days, messages per chat %v", per)
	}
	if days := slices.Compact(s.settled(11, 12, 13)); days[0] != "2026-11-25" || len(days) != 1 {
		t.Errorf("settled %v", days)
	}
}

func TestLateAndLeftOut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		now  time.Time
		want string
	}{
		{"back at 09:20", nine.Add(20 * time.Minute), "Crypto digest · Tue 24 Nov 2026, 09:20 UTC\nLate: it was due at 09:00 UTC."},
		{"back after twelve hours", nine.Add(12 * time.Hour), "The digest of Tue 24 Nov 2026, 09:00 UTC is left out: it could not be sent for 12 hours. The next one comes on Wed 25 Nov 2026, 09:00 UTC"},
		{"back after three days", nine.AddDate(0, 0, 2).Add(time.Hour), "Crypto digest · Thu 26 Nov 2026, 10:00 UTC\nLate: it was due at 09:00 UTC.\nLeft out before it: 2."},
	} {
		s := newStage(t)
		s.subscribed(11)
		s.cfg.now = clockAt(tc.now).now
		stop, _ := s.run()
		if got := s.sent(1)[0].Text; !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		stop()
		if days := s.settled(11); days[0] < "2026-11-24" {
			t.Errorf("%s: settled %v", tc.name, days)
		}
	}
}

// Both sources fail: chats and administrators are told once, and the digest comes when one answers, with a word on it.
func TestWithoutPrices(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.subscribed(11)
	s.cfg.Admins = []int64{77}
	c := clockAt(nine.Add(10 * time.Minute))
	s.cfg.now = c.now
	s.market.fail(http.StatusServiceUnavailable)
	stop, _ := s.run()
	list := s.sent(2)
	slices.SortFunc(list, func(a, b sandbox.Sent) int { return int(a.Chat - b.Chat) })
	if !strings.HasPrefix(list[0].Text, "The digest of 09:00 UTC is late: no price source answers.") {
		t.Errorf("the chat was told %q", list[0].Text)
	}
	if want := "Digests are late, for no price source answers:\nCoinGecko: 503 Service Unavailable\nCoinPaprika: 503 Service Unavailable"; list[1].Text != want {
		t.Errorf("the administrator was told %q", list[1].Text)
	}
	if got := s.askIn(12, 0, "/digest"); got != "No price source answers now. Please try again in a minute." {
		t.Errorf("%q", got)
	}
	s.market.fail(0)
	if got := s.sent(4)[3].Text; !strings.HasPrefix(got, "Crypto digest · Tue 24 Nov 2026, 09:10 UTC\nLate: it was due at 09:00 UTC, when no price source answered.") {
		t.Errorf("%q", got)
	}
	stop()
	if n := len(s.sent(4)); n != 4 {
		t.Errorf("%d messages, want 4", n)
	}
}

// A chat that blocked the bot is unsubscribed, and the others get theirs.
func TestBlocked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.subscribed(11)
	s.cfg.now = clockAt(nine.Add(time.Minute)).now
	s.box.Fault(t.Context(), sandbox.Fault{Method: "sendPhoto", Status: 403, Description: "Forbidden: bot was blocked by the user"})
	stop, _ := s.run()
	s.await("chat was unsubscribed")
	stop()
	s.store(func(st *store.Store) {
		if c, _, _ := st.Chat(11); c.Subscribed || c.Settled != "2026-11-23" {
			t.Errorf("%+v", c)
		}
	})
}

// A group that becomes a supergroup in the very moment of its digest gets it there, once.
func TestMigration(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.subscribed(-500)
	c := clockAt(nine.Add(time.Minute))
	s.cfg.now = c.now
	s.box.Fault(t.Context(), sandbox.Fault{Method: "sendPhoto", Status: 400, Description: "Bad Request: group chat was upgraded to a supergroup chat", Parameters: []byte(`{"migrate_to_chat_id":-1001}`)})
	stop, _ := s.run()
	if m := s.sent(1)[0]; m.Chat != -1001 {
		t.Errorf("sent to %d", m.Chat)
	}
	stop()
	c.set(nine.Add(time.Hour))
	stop, _ = s.run()
	s.askIn(99, 0, "/help")
	stop()
	if n := len(s.sent(2)); n != 2 {
		t.Errorf("%d messages, want the digest and the help", n)
	}
	s.store(func(st *store.Store) {
		if c, _, _ := st.Chat(-1001); !c.Subscribed || c.Settled != "2026-11-24" {
			t.Errorf("%+v", c)
		}
		if _, known, _ := st.Chat(-500); known {
			t.Error("the old group is still there")
		}
	})
}

// What the server wants of rest is given, 5xx and broken connections are tried again, and a picture that it refuses
// is left away.
func TestTroubleWithSending(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault sandbox.Fault
		times int // sendPhoto
	}{
		{"429", sandbox.Fault{Method: "sendPhoto", Status: 429, RetryAfter: 2}, 2},
		{"502 of a proxy", sandbox.Fault{Method: "sendPhoto", Status: 502, HTML: true, Count: 2}, 3},
		{"500", sandbox.Fault{Method: "sendPhoto", Status: 500}, 2},
		{"reset", sandbox.Fault{Method: "sendPhoto", Reset: true}, 2},
		{"no rights for pictures", sandbox.Fault{Method: "sendPhoto", Status: 400, Description: "Bad Request: not enough rights to send photos to the chat"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.subscribed(11)
			s.cfg.now = clockAt(nine.Add(time.Minute)).now
			s.box.Fault(t.Context(), tc.fault)
			began := time.Now()
			stop, _ := s.run()
			got := s.sent(1)
			if tc.fault.RetryAfter > 0 && time.Since(began) < 2*time.Second {
				t.Error("retry_after was not obeyed")
			}
			stop()
			if list := s.sent(1); len(list) != 1 || !strings.HasPrefix(got[0].Text, "Crypto digest") || s.settled(11)[0] != "2026-11-24" {
				t.Errorf("%+v\n%s", list, s.log.String())
			}
			if n := s.calls("sendphoto"); n != tc.times {
				t.Errorf("sendPhoto was called %d times, want %d", n, tc.times)
			}
		})
	}
}

func (s *stage) calls(method string) (n int) {
	s.t.Helper()
	list, err := s.box.Journal(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range list {
		if e.Method == method {
			n++
		}
	}
	return n
}

// Never more than 30 messages begin in a second, and none of one chat within a second of its last.
func TestTheLimitsOfTelegram(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var chats []int64
	for i := range int64(90) {
		chats = append(chats, 3000+i)
	}
	s.subscribed(chats...)
	s.cfg.now = clockAt(nine.Add(time.Minute)).now
	files := &uploads{}
	s.cfg.HTTP = &http.Client{Transport: files}
	stop, _ := s.run()
	s.sent(len(chats))
	for range 3 { // side by side in one chat
		s.box.Write(t.Context(), sandbox.Text{Text: "/digest", User: 11})
	}
	list := s.sent(len(chats) + 3)
	stop()
	var in11 []time.Time
	for i, m := range list {
		if m.Chat == 11 {
			in11 = append(in11, m.At)
		}
		if i >= 30 && m.At.Sub(list[i-30].At) < time.Second {
			t.Errorf("messages %d to %d within %v", i-30, i, m.At.Sub(list[i-30].At))
		}
	}
	for i := range in11[1:] {
		if gap := in11[i+1].Sub(in11[i]); gap < time.Second {
			t.Errorf("two messages of one chat within %v", gap)
		}
	}
	// One picture serves all who follow the same coins: it is uploaded until Telegram has named it.
	if n := files.n.Load(); n < 1 || n > 5 {
		t.Errorf("%d uploads for %d digests", n, len(list))
	}
}

// uploads counts requests that carry a file.
type uploads struct{ n atomic.Int32 }

func (u *uploads) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasPrefix(req.Header.Get("Content-Type"), "multipart/") {
		u.n.Add(1)
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestDigestNow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stop, _ := s.run()
	got := s.askIn(11, 0, "/digest")
	if !strings.Contains(got, "BTC $100.00 · cap $1.00B\n24 h ▲ 1.50% · 7 d ▼ 2.00%") || !strings.Contains(got, "Movers of the day") || !strings.Contains(got, "CoinGecko") {
		t.Errorf("%q", got)
	}
	if got := s.askIn(12, 0, "/test_digest"); !strings.HasPrefix(got, "Test of the daily digest · this chat gets none; /subscribe begins it") {
		t.Errorf("%q", got)
	}
	s.askIn(13, 0, "/subscribe")
	if got := s.askIn(13, 0, "/test_digest"); !strings.HasPrefix(got, "Test of the daily digest · the next one comes on ") {
		t.Errorf("%q", got)
	}
	stop()
	s.store(func(st *store.Store) {
		if c, _, _ := st.Chat(13); c.Settled != "" {
			t.Errorf("a test counts as the digest of the day: %+v", c)
		}
	})
}

// What is drawn reaches the chat as a picture.
func TestThePicture(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stop, _ := s.run()
	defer stop()
	s.askIn(11, 0, "/digest")
	resp, err := http.Get(s.base + "/sandbox/view?chat=11&user=11")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	var view any
	if err := json.Unmarshal(b, &view); err != nil {
		t.Fatalf("%s", b)
	}
	id := find(view, "file")
	if id == "" {
		t.Fatalf("no picture in %s", b)
	}
	resp, err = http.Get(s.base + "/bot" + s.token + "/getFile?file_id=" + id)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Result struct {
			FilePath string `json:"file_path"`
		}
	}
	json.NewDecoder(resp.Body).Decode(&file)
	resp.Body.Close()
	resp, err = http.Get(s.base + "/file/bot" + s.token + "/" + file.Result.FilePath)
	if err != nil {
		t.Fatal(err)
	}
	b, _ = io.ReadAll(resp.Body)
	resp.Body.Close()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil || img.Bounds().Dx() != 1080 {
		t.Errorf("%v, %d bytes from %s", err, len(b), file.Result.FilePath)
	}
}

// find is the first text under a name, anywhere in JSON.
func find(v any, name string) string {
	switch v := v.(type) {
	case map[string]any:
		if s, ok := v[name].(string); ok {
			return s
		}
		for _, inner := range v {
			if s := find(inner, name); s != "" {
				return s
			}
		}
	case []any:
		for _, inner := range v {
			if s := find(inner, name); s != "" {
				return s
			}
		}
	}
	return ""
}

// Buttons change what is followed, the chart's look and the hour; a press that comes twice changes nothing.
func TestButtons(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stop, _ := s.run()
	after, err := s.box.Write(t.Context(), sandbox.Text{Text: "/coins", User: 11})
	if err != nil {
		t.Fatal(err)
	}
	s.next(after, "/coins")
	list, _ := s.box.Messages(t.Context(), after, 0)
	for _, data := range []string{"coin:monero:on", "coin:bitcoin:off", "chart:dark"} {
		s.press(11, list[0].MessageID, data)
	}
	after, err = s.box.Write(t.Context(), sandbox.Text{Text: "/time", User: 12})
	if err != nil {
		t.Fatal(err)
	}
	s.next(after, "/time")
	list, _ = s.box.Messages(t.Context(), after, 0)
	s.press(12, list[0].MessageID, "time:18:00")
	stop()
	s.store(func(st *store.Store) {
		if c, _, _ := st.Chat(11); !c.Dark || !slices.Equal(c.Coins, []string{"ethereum", "ripple", "binancecoin", "solana", "monero"}) {
			t.Errorf("%+v", c)
		}
		if c, _, _ := st.Chat(12); c.At == nil || *c.At != 18*60 {
			t.Errorf("%+v", c)
		}
	})
}

// press waits until the button was answered.
func (s *stage) press(user, message int64, data string) {
	s.t.Helper()
	n := s.calls("answercallbackquery")
	body := fmt.Sprintf(`{"user":%d,"message_id":%d,"data":%q}`, user, message, data)
	resp, err := http.Post(s.base+"/sandbox/press", "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("press %q: %s %s\n%s", data, resp.Status, b, s.log.String())
	}
	eventually(s.t, func() bool { return s.calls("answercallbackquery") > n }, func() string { return "an answer to " + data })
}

func TestFollow(t *testing.T) {
	c := store.Chat{}
	for _, known := range coin.All() {
		follow(&c, known.ID, true)
	}
	if len(c.Coins) != coin.MaxFollowed {
		t.Errorf("follows %v", c.Coins)
	}
	for _, id := range slices.Clone(c.Coins) {
		follow(&c, id, false)
	}
	if len(c.Coins) != 1 {
		t.Errorf("follows %v, want one left", c.Coins)
	}
	before := c.Coins[0]
	for range 2 {
		if refusal := follow(&c, "sui", true); refusal != "" || !slices.Equal(c.Coins, []string{before, "sui"}) && !slices.Equal(c.Coins, []string{"sui", before}) {
			t.Errorf("%q, %v", refusal, c.Coins)
		}
	}
	if refusal := follow(&c, "nosuch", true); refusal == "" {
		t.Error("a coin that nobody knows")
	}
}

// In a group, administrators decide; in a private chat everybody does.
func TestAdministrators(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cfg.Admins, s.cfg.DigestChat = []int64{77}, -900
	stop, _ := s.run()
	for _, tc := range []struct {
		user, chat int64
		text, want string
	}{
		{78, -901, "/subscribe", "In a group, that is for my administrators."},
		{77, -902, "/subscribe", "The digest comes every day"},
		{78, 0, "/subscribe", "The digest comes every day"},
		{77, -900, "/unsubscribe", "No daily digest for now. This chat is named in DIGEST_CHAT_ID"},
	} {
		if got := s.askIn(tc.user, tc.chat, tc.text); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s by %d in %d: %q, want %q", tc.text, tc.user, tc.chat, got, tc.want)
		}
	}
	if got := s.askIn(79, 0, "/status"); strings.Contains(got, "Subscribed chats") {
		t.Errorf("told everybody: %q", got)
	}
	if got := s.askIn(77, 0, "/status"); !strings.Contains(got, "Subscribed chats: 2.") || !strings.Contains(got, "No supervisor") {
		t.Errorf("told an administrator: %q", got)
	}
	stop()
}

func TestAStoreThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cfg.StateDir = filepath.Join(t.TempDir(), "file")
	writeFile(t, s.cfg.StateDir, "x")
	_, ended := s.run()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "state folder") {
		t.Errorf("%v", err)
	}
	s.cfg.StateDir = t.TempDir()
	id, _, _ := strings.Cut(s.token, ":")
	writeFile(t, filepath.Join(s.cfg.StateDir, "bot-"+id+".db"), strings.Repeat("no store ", 1000))
	_, ended = s.run()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "bot-"+id+".db") {
		t.Errorf("%v", err)
	}
	if v, _ := s.box.Verdict(t.Context()); v.ConfirmedUnseen != 0 {
		t.Errorf("%+v", v)
	}
}
