package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"botctl/bot/sandbox"
	"botctl/supervisor/botapi"
	"botctl/supervisor/herald"
	"botctl/supervisor/token"
)

// The bot itself writes to its owner while it polls: the poll stays where it is. A limit of the server is kept to.
func TestTheOwnerHearsOfItInAChatAndAtAnAddress(t *testing.T) {
	p := newProject(t)
	after, err := p.box.Send(t.Context(), "", "/start")
	if err != nil {
		t.Fatal(err)
	}
	p.confirmed()
	posted := make(chan herald.Message, 4)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m herald.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		posted <- m
	}))
	defer hook.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(self, filepath.Join(p.dir, pollerName)); err != nil {
		t.Fatal(err)
	}
	bot := p.start(p.env(), "./"+pollerName)
	p.polling()
	if err := p.box.Fault(t.Context(), sandbox.Fault{Method: "sendMessage", Status: 429, RetryAfter: 1}); err != nil {
		t.Fatal(err)
	}
	tok := token.Token(p.token)
	h := herald.New(herald.Options{
		Chat: "1000", API: botapi.New(p.base, tok), URL: hook.URL, BotID: tok.ID(), Host: "here",
		Masker: token.NewMasker(tok), Merge: 50 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { h.Run(ctx) })
	h.Tell(herald.Crashed("code 1", 3*time.Second, time.Second, []string{"Traceback (most recent call last):", "InvalidToken: " + p.token}))
	h.Tell(herald.ConflictLasts(time.Now()))
	list, err := p.box.Messages(t.Context(), after, 30*time.Second)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	m := <-posted
	for _, text := range []string{list[0].Text, m.Text} {
		for _, want := range []string{"botctl, bot " + tok.ID() + ", on here:", "the bot ended after 3s (code 1) and is started again in 1s", "> InvalidToken: " + tok.String(), "another machine has polled"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in %q", want, text)
			}
		}
		if strings.Contains(text, tok.Secret()) {
			t.Errorf("it tells the token: %q", text)
		}
	}
	h.Tell(herald.GivenUp("10 failures within 10m", 70, nil))
	cancel() // the run ends: what is left is told, whatever the limits
	wg.Wait()
	if list, err = p.box.Messages(t.Context(), list[0].Seq, 30*time.Second); err != nil || len(list) != 1 || !strings.Contains(list[0].Text, "botctl has given up and ends with 70") {
		t.Errorf("%+v, %v", list, err)
	}
	if m := <-posted; m.Events[0].Kind != herald.GaveUp {
		t.Errorf("%+v", m)
	}
	if v := p.verdict(); v.ConflictsLive+v.Overlaps > 0 || bot.ended() {
		t.Errorf("the poll was disturbed: %+v", v)
	}
}

// confirmed takes the updates that wait: the poller, which confirms none, would get them again and again.
func (p *project) confirmed() {
	p.t.Helper()
	resp, err := http.Get(p.base + "/bot" + p.token + "/getUpdates")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Result []struct {
			ID int64 `json:"update_id"`
		} `json:"result"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Result) == 0 {
		p.t.Fatalf("%+v, %v", answer, err)
	}
	next := answer.Result[len(answer.Result)-1].ID + 1
	if resp, err = http.Get(fmt.Sprintf("%s/bot%s/getUpdates?offset=%d", p.base, p.token, next)); err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
}
