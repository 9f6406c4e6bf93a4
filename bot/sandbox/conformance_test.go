package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const tok = "42:abc"

// answer is what a call got and when, counted from the call.
type answer struct {
	status int
	took   time.Duration
	text   string // description
	result json.RawMessage
	ids    []int64
}

// call is a request under way. cut closes its connection.
type call struct {
	done chan answer
	cut  context.CancelFunc
}

// rig is a server in a bubble of fake time.
type rig struct {
	t    *testing.T
	s    *Server
	next int
}

func bubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, s: New(Options{})}
		f(t, r)
		sleep(5 * time.Minute) // orphaned polls come to their end
		r.s.Shutdown()
		r.s.work.Wait()
	})
}

// get begins a call on a connection of its own; params are pairs.
func (r *rig) get(method string, pairs ...any) *call {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	req := httptest.NewRequestWithContext(ctx, "POST", "/bot"+tok+"/"+method, strings.NewReader(q.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Host = "127.0.0.1"
	r.next++
	req.RemoteAddr = fmt.Sprintf("127.0.0.1:%d", 1000+r.next)
	c := &call{done: make(chan answer, 1), cut: cancel}
	start := time.Now()
	go func() {
		w := httptest.NewRecorder()
		r.s.ServeHTTP(w, req)
		c.done <- read(w, time.Since(start))
	}()
	synctest.Wait()
	return c
}

func read(w *httptest.ResponseRecorder, took time.Duration) answer {
	a := answer{status: w.Code, took: took}
	var body struct {
		Description string          `json:"description"`
		Result      json.RawMessage `json:"result"`
	}
	json.Unmarshal(w.Body.Bytes(), &body)
	a.text, a.result = body.Description, body.Result
	var list []struct {
		ID int64 `json:"update_id"`
	}
	if json.Unmarshal(body.Result, &list) == nil {
		for _, u := range list {
			a.ids = append(a.ids, u.ID)
		}
	}
	return a
}

// push queues n updates and returns the id of the first.
func (r *rig) push(n int) int64 {
	r.t.Helper()
	var first int64
	for i := range n {
		r.s.mu.Lock()
		res, err := r.s.send(Text{Text: fmt.Sprint("m", i), Bot: "42"})
		r.s.mu.Unlock()
		if err != nil {
			r.t.Fatal(err)
		}
		if i == 0 {
			first = res.UpdateID
		}
	}
	synctest.Wait()
	return first
}

func (r *rig) sendText(text string) (sendResult, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.send(Text{Text: text})
}

func (r *rig) fault(f Fault) {
	r.t.Helper()
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if _, err := r.s.addFault(&f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) verdict() Verdict {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.verdict(nil)
}

func (c *call) pends(t *testing.T) {
	t.Helper()
	select {
	case a := <-c.done:
		t.Fatalf("answered %+v, want it pending", a)
	default:
	}
}

// wants waits for the answer and checks status, time, and the number of updates.
func (c *call) wants(t *testing.T, status int, took time.Duration, updates int) answer {
	t.Helper()
	a := <-c.done
	if a.status != status || a.took.Round(10*time.Millisecond) != took || len(a.ids) != updates {
		t.Fatalf("%d after %v with %d updates (%s), want %d after %v with %d", a.status, a.took, len(a.ids), a.text, status, took, updates)
	}
	return a
}

func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestS1TheOlderPollLoses(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		sleep(time.Second)
		b := r.get("getUpdates", "timeout", 30)
		if got := a.wants(t, 409, time.Second, 0); got.text != conflictOther {
			t.Errorf("text %q", got.text)
		}
		b.pends(t)
		sleep(time.Second)
		c := r.get("getUpdates", "timeout", 30)
		b.wants(t, 409, time.Second+conflictPause, 0)
		c.pends(t)
		c.wants(t, 200, 30*time.Second, 0)
	})
}

func TestS2AShortPollTakesNoSlot(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		r.get("getUpdates", "timeout", 0, "offset", 7).wants(t, 200, 0, 0)
		a.pends(t)
		r.push(1)
		a.wants(t, 200, 0, 1)
	})
}

func TestS3HammeringBecomesALongPoll(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30, "offset", 5)
		sleep(5 * time.Second)
		r.get("getUpdates", "timeout", 0, "offset", 6).wants(t, 200, 0, 0)
		sleep(time.Second)
		second := r.get("getUpdates", "timeout", 0, "offset", 6)
		a.wants(t, 409, 6*time.Second, 0)
		second.wants(t, 200, 3*time.Second, 0)
	})
	bubble(t, func(t *testing.T, r *rig) {
		r.get("getMe").wants(t, 200, 0, 0)
		r.push(5)
		r.get("getUpdates").wants(t, 200, 0, 5)
		sleep(100 * time.Millisecond)
		r.get("getUpdates").wants(t, 200, 0, 1)
		sleep(100 * time.Millisecond)
		r.get("getUpdates").wants(t, 200, 0, 1)
		sleep(600 * time.Millisecond)
		r.get("getUpdates").wants(t, 200, 0, 5)
	})
}

func TestS4ADeadPollerBlocksNobody(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		a.cut()
		sleep(10 * time.Second)
		b := r.get("getUpdates", "timeout", 30) // its 409 goes into the void and arms the throttle
		b.pends(t)
		sleep(time.Second)
		c := r.get("getUpdates", "timeout", 30)
		b.wants(t, 409, 4*time.Second, 0)
		c.cut()
		sleep(time.Second)
		id := r.push(1)
		if got := r.get("getUpdates", "timeout", 30).wants(t, 200, 0, 1); got.ids[0] != id {
			t.Errorf("update %d, want %d: an answer into the void confirms nothing", got.ids[0], id)
		}
		v := r.verdict()
		if v.ConflictsLive != 1 || v.ConflictsVoid != 1 {
			t.Errorf("%+v, want one conflict received and one in the void", v)
		}
	})
}

func TestS5Offsets(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.get("getMe").wants(t, 200, 0, 0)
		first := r.push(3)
		poll := func(offset int64, updates int) answer {
			t.Helper()
			sleep(4 * time.Second)
			return r.get("getUpdates", "offset", offset).wants(t, 200, 0, updates)
		}
		poll(first+1, 2) // confirms the first, on arrival
		poll(0, 2)
		poll(first+3+11, 2) // in the future: confirms nothing
		poll(first-200_000, 2)
		r.push(2)
		if got := poll(-1, 1); got.ids[0] != first+4 {
			t.Errorf("offset -1 returns %d, want the newest, %d", got.ids[0], first+4)
		}
		poll(0, 1)
		poll(first+5+5, 0) // taken literally: the next five are swallowed
		r.push(5)
		poll(0, 0)
		r.push(1)
		poll(0, 1)
	})
}

func TestS5AConfirmationCountsThoughTheAnswerIsLost(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.get("getMe").wants(t, 200, 0, 0)
		id := r.push(1)
		r.get("getUpdates", "timeout", 30).wants(t, 200, 0, 1)
		c := r.get("getUpdates", "timeout", 30, "offset", id+1)
		c.cut()
		sleep(5 * time.Second)
		r.get("getUpdates").wants(t, 200, 0, 0)
	})
}

func TestS6SetWebhookEndsThePoll(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		if got := r.get("setWebhook", "url", "http://example.org/x").wants(t, 400, 0, 0); !strings.Contains(got.text, "An HTTPS URL must be provided") {
			t.Errorf("text %q", got.text)
		}
		if got := a.wants(t, 409, 0, 0); got.text != conflictSet {
			t.Errorf("text %q", got.text)
		}
		r.push(2)
		sleep(4 * time.Second)
		r.get("getUpdates", "timeout", 1).wants(t, 200, 0, 2)
		sleep(4 * time.Second)
		id := r.push(1)
		b := r.get("getUpdates", "timeout", 30, "offset", id+1)
		r.push(0)
		r.get("deleteWebhook", "drop_pending_updates", "true").wants(t, 200, 0, 0)
		b.pends(t)
		sleep(4 * time.Second)
		r.get("getUpdates", "offset", 1).wants(t, 200, 0, 0)
	})
}

func TestS7AnActiveWebhookPacesTheLoop(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.get("setWebhook", "url", "https://example.org/x").wants(t, 200, 0, 0)
		if got := r.get("getUpdates").wants(t, 409, 0, 0); got.text != conflictWebhook {
			t.Errorf("text %q", got.text)
		}
		r.get("getUpdates").wants(t, 409, 3*time.Second, 0)
	})
}

func TestS8ABusyQueueShowsNoConflict(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.get("getMe").wants(t, 200, 0, 0)
		r.push(3)
		r.get("getUpdates", "timeout", 30).wants(t, 200, 0, 3)
		sleep(time.Second)
		r.get("getUpdates", "timeout", 30).wants(t, 200, 0, 3)
		if v := r.verdict(); v.DeliveredTwice != 3 || v.ConflictsLive != 0 {
			t.Errorf("%+v, want three delivered twice", v)
		}
	})
}

func TestS9Shutdown(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		r.s.Shutdown()
		synctest.Wait()
		a.wants(t, 200, 0, 0)
		r.get("getUpdates").wants(t, 429, 0, 0)
	})
}

func TestS10AllowedUpdatesAndLimits(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.get("getUpdates", "allowed_updates", `["callback_query"]`).wants(t, 200, 0, 0)
		if _, err := r.sendText("x"); err == nil {
			t.Error("a message was made for a bot that does not want one")
		}
		sleep(4 * time.Second)
		r.get("getUpdates", "allowed_updates", "garbage").wants(t, 200, 0, 0) // ignored, the old one stays
		if _, err := r.sendText("x"); err == nil {
			t.Error("garbage changed allowed_updates")
		}
		sleep(4 * time.Second)
		r.get("getUpdates", "allowed_updates", "[]").wants(t, 200, 0, 0) // the default set
		r.push(3)
		sleep(4 * time.Second)
		for limit, want := range map[string]int{"0": 1, "-3": 1, "2": 2, "999": 3, "null": 1, "": 3} {
			r.get("getUpdates", "limit", limit).wants(t, 200, 0, want)
			sleep(time.Second)
		}
	})
}

func TestBurstsComeAsOneAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		r.push(5)
		a.wants(t, 200, 0, 5)
	})
}

func TestTimeoutIsClampedTo50Seconds(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.get("getUpdates", "timeout", 600).wants(t, 200, 50*time.Second, 0)
	})
}

func TestFaults(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.fault(Fault{Method: "getUpdates", Status: 502, Count: 2})
		r.fault(Fault{Method: "getMe", Status: 401})
		r.get("getUpdates").wants(t, 502, 0, 0)
		r.get("GETUPDATES").wants(t, 502, 0, 0)
		r.get("getUpdates").wants(t, 200, 0, 0)
		r.get("getMe").wants(t, 401, 0, 0)
		r.get("getMe").wants(t, 200, 0, 0)
		r.fault(Fault{Hang: true})
		hung := r.get("getUpdates")
		sleep(time.Hour)
		hung.pends(t)
		hung.cut()
		synctest.Wait()
	})
}

func TestOverlapsAndGaps(t *testing.T) {
	for _, tc := range []struct {
		name     string
		polls    [][3]int // connection, begin, end in seconds
		overlaps int
		gap      float64
	}{
		{"one after the other", [][3]int{{1, 0, 5}, {1, 5, 9}, {2, 11, 12}}, 0, 2},
		{"side by side", [][3]int{{1, 0, 10}, {2, 3, 12}}, 1, 0},
		{"a short one inside", [][3]int{{1, 0, 10}, {2, 3, 4}, {3, 6, 7}}, 2, 2},
		{"one connection", [][3]int{{1, 0, 10}, {1, 3, 12}}, 0, 0},
	} {
		var c tally
		at := func(sec int) time.Time { return time.Unix(int64(1_000_000+sec), 0) }
		open := map[int]*Entry{}
		for sec := range 13 {
			for i, p := range tc.polls {
				if p[2] == sec {
					open[i].End = at(sec)
					c.end(open[i])
				}
			}
			for i, p := range tc.polls {
				if p[1] == sec {
					open[i] = &Entry{Method: "getupdates", Peer: fmt.Sprint(p[0]), Start: at(sec)}
					c.begin(open[i])
				}
			}
		}
		if gap := c.longestGap(at(12)).Seconds(); c.count.Overlaps != tc.overlaps || gap != tc.gap {
			t.Errorf("%s: %d overlaps, gap %v; want %d, %v", tc.name, c.count.Overlaps, gap, tc.overlaps, tc.gap)
		}
	}
}

func BenchmarkGetUpdatesDelivery(b *testing.B) {
	s := New(Options{})
	s.client(tok, "")
	for b.Loop() {
		s.mu.Lock()
		s.send(Text{Text: "x"})
		s.mu.Unlock()
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodGet, "/bot"+tok+"/getUpdates?offset=-1", nil)
		req.Host = "127.0.0.1"
		s.ServeHTTP(w, req)
	}
}
