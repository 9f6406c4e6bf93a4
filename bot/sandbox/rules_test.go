package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestS9TheQueueSurvivesARestartTheSlotDoesNot(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		r.push(0)
		r.fault(Fault{Restart: true, ForSeconds: 3, After: 1})
		sleep(time.Second)
		a.wants(t, 200, time.Second, 0)
		if got := r.get("getMe").wants(t, 429, 0, 0); got.text != "Too Many Requests: retry after 5" {
			t.Errorf("text %q", got.text)
		}
		id := r.push(2)
		sleep(3 * time.Second)
		// Nothing is left of the throttle or of the anti-hammer rules either.
		if got := r.get("getUpdates", "timeout", 30).wants(t, 200, 0, 2); got.ids[0] != id {
			t.Errorf("update %d, want %d", got.ids[0], id)
		}
	})
}

func TestUpdatesExpireByKind(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.get("sendMessage", "chat_id", 1000, "text", "x", "reply_markup", `{"inline_keyboard":[[{"text":"a","callback_data":"b"}]]}`).wants(t, 200, 0, 0)
		r.s.mu.Lock()
		_, err := r.s.press(pressRequest{Message: 1, Data: "b"})
		r.s.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		id := r.push(1)
		sleep(callbackTTL)
		if got := r.get("getUpdates").wants(t, 200, 0, 1); got.ids[0] != id {
			t.Errorf("update %d, want the message, %d: the pressed button has expired", got.ids[0], id)
		}
		if v := r.verdict(); v.Pending != 2 || v.Lost != 0 {
			t.Errorf("%+v, want the expired one counted until it is collected", v)
		}
		sleep(collectFirst)
		if v := r.verdict(); v.Pending != 1 || v.Lost != 1 {
			t.Errorf("%+v, want one lost", v)
		}
	})
}

func TestCloseAndLogOut(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		r.get("close").wants(t, 200, 0, 0)
		a.wants(t, 200, 0, 0)
		r.get("close").wants(t, 400, 0, 0)
		id := r.push(1)
		if got := r.get("getUpdates", "timeout", 30).wants(t, 200, 0, 1); got.ids[0] != id {
			t.Error("close must keep the queue")
		}
		sleep(closeAge + time.Minute)
		r.get("close").wants(t, 200, 0, 0)
		r.get("getMe").wants(t, 200, 0, 0) // loaded anew, long after the server
		if got := r.get("close").wants(t, 429, 0, 0); !strings.Contains(got.text, "retry after 600") {
			t.Errorf("text %q", got.text)
		}
		r.get("logOut").wants(t, 200, 0, 0)
		if got := r.get("getMe").wants(t, 400, 0, 0); got.text != "Logged out" {
			t.Errorf("text %q", got.text)
		}
		sleep(logOutPause)
		r.get("getMe").wants(t, 200, 0, 0)
		r.get("getUpdates").wants(t, 200, 0, 0) // the queue is gone
		if v := r.verdict(); v.Lost != 0 || v.Pending != 0 {
			t.Errorf("%+v: the update was delivered once, so it is not lost", v)
		}
	})
}

func TestFaultsByTimeAndBySide(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.get("getMe").wants(t, 200, 0, 0)
		r.fault(Fault{Method: "getMe", Status: 500, After: 2, ForSeconds: 3})
		for sec := range 7 {
			want := 200
			if sec >= 2 && sec < 5 {
				want = 500
			}
			r.get("getMe").wants(t, want, 0, 0)
			sleep(time.Second)
		}
		r.fault(Fault{Method: "getMe", DelayMillis: 3000})
		r.get("getMe").wants(t, 200, 3*time.Second, 0)
		r.fault(Fault{Method: "sendMessage", Status: 403, Description: "Forbidden: x", Parameters: json.RawMessage(`{"migrate_to_chat_id":-1}`)})
		r.get("sendMessage", "chat_id", 7, "text", "a").wants(t, 403, 0, 0)
		r.fault(Fault{Method: "sendMessage", Status: 502, Late: true})
		r.get("sendMessage", "chat_id", 7, "text", "b").wants(t, 502, 0, 0)
		if len(r.s.sent) != 1 || r.s.sent[0].Text != "b" {
			t.Errorf("sent %+v, want the late one alone", r.s.sent)
		}
		id := r.push(2)
		r.fault(Fault{Method: "getUpdates", Status: 502, Early: true})
		r.get("getUpdates", "offset", id+1).wants(t, 502, 0, 0)
		r.get("getUpdates").wants(t, 200, 0, 2)
		sleep(4 * time.Second)
		r.fault(Fault{Method: "getUpdates", Status: 502})
		r.get("getUpdates", "offset", id+1).wants(t, 502, 0, 0)
		sleep(4 * time.Second)
		r.get("getUpdates").wants(t, 200, 0, 1)
	})
}

func TestARivalTakesTurnsWithTheBot(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		sleep(time.Second)
		r.fault(Fault{Rival: true, ForSeconds: 20})
		synctest.Wait()
		a.wants(t, 409, time.Second, 0)
		id := r.push(1) // the rival gets it
		sleep(10 * time.Second)
		if got := r.get("getUpdates", "timeout", 50).wants(t, 409, 4*time.Second, 0); got.text != conflictOther {
			t.Errorf("text %q", got.text)
		}
		sleep(30 * time.Second) // the rival is killed, its poll stays and blocks nobody
		b := r.get("getUpdates", "timeout", 10)
		b.wants(t, 200, 10*time.Second, 0)
		v := r.verdict()
		if v.ConfirmedUnseen != 0 || v.Overlaps < 2 || v.Updates != 1 {
			t.Errorf("%+v", v)
		}
		if next := r.s.bots["42"].queue.first(); next != id+1 {
			t.Errorf("the queue begins at %d, want %d: the rival has confirmed", next, id+1)
		}
	})
}

// hooks plays a webhook's owner.
type hooks struct {
	mu      sync.Mutex
	got     []string
	at      []time.Time
	answers []hookAnswer // one a call; the last one stays
}

type hookAnswer struct {
	status int
	after  string
	kind   string
	body   string
	err    error
}

func (h *hooks) RoundTrip(req *http.Request) (*http.Response, error) {
	b, _ := io.ReadAll(req.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got, h.at = append(h.got, string(b)+req.Header.Get("X-Telegram-Bot-Api-Secret-Token")), append(h.at, time.Now())
	a := h.answers[0]
	if len(h.answers) > 1 {
		h.answers = h.answers[1:]
	}
	if a.err != nil {
		return nil, a.err
	}
	resp := &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.body))}
	resp.Header.Set("Retry-After", a.after)
	resp.Header.Set("Content-Type", a.kind)
	return resp, nil
}

func hooked(t *testing.T, h *hooks, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, s: New(Options{Hooks: h})}
		f(t, r)
		r.s.Shutdown()
		r.s.work.Wait()
	})
}

func (r *rig) hooked() bool {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.clients[tok].webhook != nil
}

func TestWebhookRetries(t *testing.T) {
	h := &hooks{answers: []hookAnswer{{status: 500}, {err: errors.New("gone")}, {status: 503, after: "30"}, {status: 500}, {status: 200}}}
	hooked(t, h, func(t *testing.T, r *rig) {
		r.get("setWebhook", "url", "http://127.0.0.1:1/hook", "secret_token", "s3cret").wants(t, 200, 0, 0)
		start := time.Now()
		r.push(1)
		sleep(5 * time.Minute)
		want := []time.Duration{0, 0, 2 * time.Second, 32 * time.Second, 40 * time.Second}
		if len(h.at) != len(want) {
			t.Fatalf("%d deliveries: %v", len(h.at), h.at)
		}
		for i, at := range h.at {
			if at.Sub(start) != want[i] {
				t.Errorf("delivery %d after %v, want %v", i, at.Sub(start), want[i])
			}
		}
		if !strings.HasSuffix(h.got[0], "s3cret") || !strings.Contains(h.got[0], `"text":"m0"`) {
			t.Errorf("got %s", h.got[0])
		}
		if v := r.verdict(); v.Pending != 0 || v.DeliveredTwice != 0 || v.ConfirmedUnseen != 0 {
			t.Errorf("%+v", v)
		}
	})
}

func TestWebhookToPollAndBack(t *testing.T) {
	h := &hooks{answers: []hookAnswer{{status: 500}}}
	hooked(t, h, func(t *testing.T, r *rig) {
		r.get("setWebhook", "url", "http://127.0.0.1:1/hook").wants(t, 200, 0, 0)
		if got := r.get("setWebhook", "url", "http://127.0.0.1:1/other").wants(t, 429, 0, 0); !strings.Contains(got.text, "retry after 1") {
			t.Errorf("text %q", got.text)
		}
		id := r.push(2)
		sleep(10 * time.Second)
		info := r.get("getWebhookInfo").wants(t, 200, 0, 0)
		for _, want := range []string{`"pending_update_count":2`, `"last_error_message":"Wrong response from the webhook`, `"max_connections":40`} {
			if !strings.Contains(string(info.result), want) {
				t.Errorf("%s lacks %s", info.result, want)
			}
		}
		r.get("deleteWebhook").wants(t, 200, 0, 0)
		if got := r.get("getUpdates", "timeout", 10).wants(t, 200, 0, 2); got.ids[0] != id {
			t.Errorf("what was not accepted is polled: %v", got.ids)
		}
		calls := len(h.at)
		sleep(10 * time.Minute)
		if len(h.at) != calls {
			t.Error("deliveries went on after deleteWebhook")
		}
		h.answers = []hookAnswer{{status: 200, kind: "application/json", body: `{"method":"sendMessage","chat_id":1000,"text":"answered"}`}}
		r.get("setWebhook", "url", "http://127.0.0.1:1/hook").wants(t, 200, 0, 0)
		sleep(time.Minute)
		if len(r.s.sent) != 2 || r.s.sent[0].Text != "answered" {
			t.Errorf("sent %+v, want what the webhook answered with, for both updates", r.s.sent)
		}
	})
}

func TestWebhookGoneForADayIsRemoved(t *testing.T) {
	h := &hooks{answers: []hookAnswer{{status: 410}}}
	hooked(t, h, func(t *testing.T, r *rig) {
		r.get("setWebhook", "url", "http://127.0.0.1:1/hook").wants(t, 200, 0, 0)
		r.push(1)
		sleep(22 * time.Hour)
		if !r.hooked() {
			t.Error("removed too early")
		}
		sleep(90 * time.Minute)
		if r.hooked() {
			t.Error("410 for more than 23 hours, and the webhook is still there")
		}
	})
}

func TestWebhookErrors(t *testing.T) {
	for target, want := range map[string]string{
		"nonsense":                      "Bad Request: invalid webhook URL specified",
		"http://example.org/":           "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
		"https://example.org:8081/":     "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
		"https://10.0.0.1/":             "Bad Request: bad webhook: IP address 10.0.0.1 is reserved",
		"https://example.org:8443/hook": "",
		"http://localhost:5000/hook":    "",
	} {
		if _, bad := checkHook(target, params{}); bad != want {
			t.Errorf("%s: %q, want %q", target, bad, want)
		}
	}
	for secret, want := range map[string]string{
		strings.Repeat("x", 257): "Bad Request: secret token is too long", "a b": "Bad Request: secret token contains unallowed characters", "ok_-1": "",
	} {
		if _, bad := checkHook("https://example.org", params{values: map[string]string{"secret_token": secret}}); bad != want {
			t.Errorf("%.10s: %q, want %q", secret, bad, want)
		}
	}
}

func TestTheTestEnvironmentHasASlotOfItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		a := r.get("getUpdates", "timeout", 30)
		b := r.get("test/getUpdates", "timeout", 30)
		a.pends(t)
		b.pends(t)
	})
}
