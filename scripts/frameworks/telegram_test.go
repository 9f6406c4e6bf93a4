//go:build linux

package frameworks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"botctl/bot/sandbox"
)

// telegram is a sandbox for one bot, behind a door that can be shut.
type telegram struct {
	*sandbox.Client // by a way of its own, which stays open

	t     *testing.T
	box   *sandbox.Server
	base  string // what the bot is given
	token string
	door  *http.Server
}

// hosts counts the loopback addresses that were given out. Each door has one of its own: no outgoing connection
// can take its port while it is shut.
var hosts atomic.Int32

func newTelegram(t *testing.T) *telegram {
	t.Helper()
	tg := &telegram{t: t, token: sandbox.NewToken()}
	tg.box = sandbox.New(sandbox.Options{Tokens: []string{tg.token}})
	drive := httptest.NewServer(tg.box)
	tg.Client = &sandbox.Client{Base: drive.URL, HTTP: drive.Client()}
	n := hosts.Add(1)
	tg.open(fmt.Sprintf("127.77.%d.%d:0", n/250, n%250+1))
	t.Cleanup(func() {
		tg.box.Shutdown()
		tg.door.Close()
		drive.Close()
	})
	return tg
}

func (tg *telegram) open(addr string) {
	tg.t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		tg.t.Fatal(err)
	}
	tg.door = &http.Server{Addr: ln.Addr().String(), Handler: tg.box}
	tg.base = "http://" + tg.door.Addr
	go tg.door.Serve(ln) // until Close
}

// shut cuts every connection; new ones are refused until reopen.
func (tg *telegram) shut() { tg.door.Close() }

func (tg *telegram) reopen() {
	tg.t.Helper()
	tg.open(tg.door.Addr)
}

// call is a method of the Bot API, as somebody else calls it who has the token.
func (tg *telegram) call(method string) {
	tg.t.Helper()
	resp, err := tg.HTTP.Post(tg.Base+"/bot"+tg.token+"/"+method, "", nil)
	if err != nil {
		tg.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		tg.t.Fatalf("%s: %s", method, resp.Status)
	}
}

// write lets a person write and returns the update's id.
func (tg *telegram) write(text string) int64 {
	tg.t.Helper()
	body, _ := json.Marshal(sandbox.Text{Text: text})
	resp, err := tg.HTTP.Post(tg.Base+"/sandbox/send", "application/json", bytes.NewReader(body))
	if err != nil {
		tg.t.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct {
		ID int64 `json:"update_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || said.ID == 0 {
		tg.t.Fatalf("send %q: %s, %v", text, resp.Status, err)
	}
	return said.ID
}

// fault brings trouble.
func (tg *telegram) fault(f sandbox.Fault) {
	tg.t.Helper()
	if err := tg.Fault(tg.t.Context(), f); err != nil {
		tg.t.Fatal(err)
	}
}

// release answers the pending poll empty, as the real server does when it ends, so that the next one begins.
func (tg *telegram) release() { tg.call("close") }

func (tg *telegram) state() sandbox.BotState {
	tg.t.Helper()
	list, err := tg.State(tg.t.Context())
	if err != nil || len(list) != 1 {
		tg.t.Fatalf("state: %+v, %v", list, err)
	}
	return list[0]
}

func (tg *telegram) verdict() sandbox.Verdict {
	tg.t.Helper()
	v, err := tg.Verdict(tg.t.Context())
	if err != nil {
		tg.t.Fatal(err)
	}
	return v
}

func (tg *telegram) journal() []sandbox.Entry {
	tg.t.Helper()
	list, err := tg.Journal(tg.t.Context())
	if err != nil {
		tg.t.Fatal(err)
	}
	return list
}

// answers are the texts that the bot has sent, in their order.
func (tg *telegram) answers() []string {
	tg.t.Helper()
	list, err := tg.Messages(tg.t.Context(), 0, 0)
	if err != nil {
		tg.t.Fatal(err)
	}
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = m.Text
	}
	return texts
}

// answered waits until the bot has sent text n times. The sandbox wakes it.
func (tg *telegram) answered(text string, n int, limit time.Duration) bool {
	tg.t.Helper()
	seq, seen := int64(0), 0
	for end := time.Now().Add(limit); seen < n; {
		list, err := tg.Messages(tg.t.Context(), seq, min(max(time.Until(end), 0), time.Minute))
		if err != nil {
			tg.t.Fatal(err)
		}
		for _, m := range list {
			if seq = m.Seq; m.Text == text {
				seen++
			}
		}
		if len(list) == 0 && !time.Now().Before(end) {
			return false
		}
	}
	return true
}

// ask writes and waits for the same text.
func (tg *telegram) ask(text string, limit time.Duration) (took time.Duration, ok bool) {
	tg.t.Helper()
	begin := time.Now()
	tg.write(text)
	ok = tg.answered(text, 1, limit)
	return time.Since(begin), ok
}
