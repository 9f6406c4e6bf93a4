package herald

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"botctl/supervisor/botapi"
)

// fake is a destination whose answers are written down.
type fake struct {
	mu      sync.Mutex
	answers []error       // of the calls to come; nil once they are used up
	takes   time.Duration // how long a call takes
	got     []string
	begin   time.Time
}

func (f *fake) send(ctx context.Context, m Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, fmt.Sprintf("%v %s", time.Since(f.begin), strings.ReplaceAll(strings.TrimPrefix(m.Text, "botctl:\n"), "\n", " / ")))
	select {
	case <-time.After(f.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if len(f.answers) == 0 {
		return nil
	}
	err := f.answers[0]
	f.answers = f.answers[1:]
	return err
}

// inBubble runs a herald with one destination; do tells and waits, and returns when the run ends.
func inBubble(t *testing.T, f *fake, do func(h *Herald)) []string {
	t.Helper()
	var got []string
	synctest.Test(t, func(t *testing.T) {
		f.begin = time.Now()
		h := &Herald{lanes: []*lane{newLane("here", Options{}.withDefaults(), f)}}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { h.Run(ctx) })
		do(h)
		synctest.Wait()
		cancel()
		wg.Wait()
		got = f.got
	})
	return got
}

func TestDeliveries(t *testing.T) {
	down := errors.New("no route")
	for name, tc := range map[string]struct {
		fake *fake
		do   func(h *Herald)
		want []string
	}{
		"at once but for the merging": {
			&fake{}, func(h *Herald) {
				h.Tell(InTrouble("a"))
				time.Sleep(time.Hour)
			}, []string{"3s a"},
		},
		"again after trouble on the way": {
			&fake{answers: []error{down, down, nil}}, func(h *Herald) {
				h.Tell(InTrouble("a"))
				time.Sleep(time.Hour)
			}, []string{"3s a", "5s a", "9s a"},
		},
		"again when the server says so, and what comes meanwhile is the next message": {
			&fake{answers: []error{&laterError{90 * time.Second, down}, nil}}, func(h *Herald) {
				h.Tell(InTrouble("a"))
				time.Sleep(10 * time.Second)
				h.Tell(InTrouble("b"))
				time.Sleep(time.Hour)
			}, []string{"3s a", "1m33s a", "1m33s 00:00:10Z b"},
		},
		"never again when that is of no use, but the next message": {
			&fake{answers: []error{&neverError{down}}}, func(h *Herald) {
				h.Tell(InTrouble("a"))
				time.Sleep(10 * time.Second)
				h.Tell(InTrouble("b"))
				time.Sleep(time.Hour)
			}, []string{"3s a", "1m3s 00:00:10Z b / (one more was left out)"},
		},
		"five times at most": {
			&fake{answers: []error{down, down, down, down, down, down}}, func(h *Herald) {
				h.Tell(InTrouble("a"))
				time.Sleep(time.Hour)
			}, []string{"3s a", "5s a", "9s a", "17s a", "33s a"},
		},
		"the last word waits out a pause that fits": {
			&fake{answers: []error{&laterError{time.Second, down}}}, func(h *Herald) { h.Tell(InTrouble("a")) }, []string{"0s a", "1s a"},
		},
		"the last word does not wait for longer than there is": {
			&fake{answers: []error{&laterError{3 * time.Second, down}}}, func(h *Herald) { h.Tell(InTrouble("a")) }, []string{"0s a"},
		},
		"the last word is sent twice at most": {
			&fake{answers: []error{&laterError{time.Second, down}, &laterError{time.Second, down}}}, func(h *Herald) { h.Tell(InTrouble("a")) }, []string{"0s a", "1s a"},
		},
		"what is left when the run ends, whatever the limits": {
			&fake{}, func(h *Herald) {
				h.Tell(InTrouble("a"))
				time.Sleep(10 * time.Second)
				h.Tell(GivenUp("10 failures within 10m", 70, []string{"boom"}))
			}, []string{"3s a", "10s botctl has given up and ends with 70: 10 failures within 10m. The bot is not running / > boom"},
		},
		"a message that waited for its next try goes too": {
			&fake{answers: []error{&laterError{time.Hour, down}}}, func(h *Herald) {
				h.Tell(InTrouble("a"))
				time.Sleep(10 * time.Second)
			}, []string{"3s a", "10s a"},
		},
		"a hundred events at once are one message, and the rest is counted": {
			&fake{}, func(h *Herald) {
				for i := range 100 {
					h.Tell(InTrouble(fmt.Sprint("e", i)))
				}
				time.Sleep(time.Minute)
			}, nil, // which of them is a matter of the queue
		},
	} {
		got := inBubble(t, tc.fake, tc.do)
		if tc.want == nil {
			if len(got) != 1 || !strings.HasSuffix(got[0], "(92 more were left out)") {
				t.Errorf("%s: %q", name, got)
			}
			continue
		}
		if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
}

// A destination that never answers holds up neither who tells, nor the end by more than its limit.
func TestADeadDestinationHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{takes: 100 * time.Hour, begin: time.Now()}
		h := &Herald{lanes: []*lane{newLane("here", Options{}.withDefaults(), f)}}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { h.Run(ctx) })
		begin := time.Now()
		for i := range 1000 {
			h.Tell(InTrouble(fmt.Sprint(i)))
		}
		if time.Since(begin) != 0 {
			t.Error("Tell has waited")
		}
		time.Sleep(5 * time.Second)
		cancel()
		begin = time.Now()
		wg.Wait()
		if took := time.Since(begin); took > lastLimit {
			t.Errorf("the end took %v", took)
		}
		h.Tell(InTrouble("after the end"))
	})
	var nobody *Herald
	nobody.Tell(InTrouble("x"))
	nobody.Run(t.Context())
	if New(Options{Chat: "7"}) != nil {
		t.Error("a chat without a bot is somebody")
	}
}

func TestPostingToAnAddress(t *testing.T) {
	answers := make(chan int, 8)
	posted := make(chan Message, 8)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m Message
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &m); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, body, err)
		}
		posted <- m
		code := <-answers
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
	}))
	defer srv.Close()
	h := &hook{url: srv.URL + "/hook/hunter2", http: &http.Client{CheckRedirect: stay}}
	m := Options{BotID: "7"}.withDefaults().message([]Event{{Kind: Crash, At: midnight, Text: "x", Lines: []string{"y"}}}, 2, midnight)
	for code, want := range map[int]string{200: "", 204: "", 302: "never", 404: "never", 429: "later 7s", 500: "again", 503: "later 7s"} {
		answers <- code
		err := h.send(t.Context(), m)
		got := <-posted
		if got.SchemaVersion != Schema || got.BotID != "7" || got.LeftOut != 2 || len(got.Events) != 1 || got.Events[0].Kind != Crash || got.Events[0].Lines[0] != "y" || got.Text != m.Text {
			t.Errorf("%+v", got)
		}
		kind := "again"
		if _, never := errors.AsType[*neverError](err); never {
			kind = "never"
		} else if later, ok := errors.AsType[*laterError](err); ok {
			kind = "later " + later.after.String()
		} else if err == nil {
			kind = ""
		}
		if kind != want || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d: %v, want %s", code, err, want)
		}
	}
	srv.Close()
	if err := h.send(t.Context(), m); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestTellingAChat(t *testing.T) {
	answer := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/sendMessage") || r.FormValue("chat_id") != "-100" || r.FormValue("text") != "text" {
			t.Errorf("%s %v", r.URL.Path, r.Form)
		}
		fmt.Fprint(w, answer)
	}))
	defer srv.Close()
	c := &chat{api: botapi.New(srv.URL, "7:abc"), id: "-100"}
	for text, want := range map[string]time.Duration{
		`{"ok":true,"result":{}}`: 0,
		`{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":30}}`: 30 * time.Second,
		`{"ok":false,"error_code":429,"description":"x"}`:                                 firstPause,
		`{"ok":false,"error_code":500,"description":"x"}`:                                 firstPause,
		`{"ok":false,"error_code":403,"description":"x"}`:                                 -1,
		`{"ok":false,"error_code":400,"description":"chat not found"}`:                    -1,
		`{"ok":false,"error_code":401,"description":"x"}`:                                 -1,
	} {
		answer = text
		err := c.send(t.Context(), Message{Text: "text"})
		pause, again := pauseAfter(err, 1)
		if again != (want > 0) || again && pause != want || (err == nil) != (want == 0) {
			t.Errorf("%s: %v, again %v in %v", text, err, again, pause)
		}
	}
}
