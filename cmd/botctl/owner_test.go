//go:build linux

package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"botctl/bot/sandbox"
	"botctl/supervisor/herald"
	"botctl/supervisor/lease/leasetest"
)

// owner reads what is told: in a chat of the sandbox, and at an address on loopback.
type owner struct {
	p     *project
	hook  *httptest.Server
	after int64 // of the chat

	mu     sync.Mutex
	posted []herald.Message
}

// owned is a project whose owner listens. hang, if there is one, keeps the address from answering until it is closed.
func owned(p *project, hang chan struct{}) *owner {
	p.t.Helper()
	o := &owner{p: p}
	o.hook = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m herald.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			p.t.Error(err)
		}
		o.mu.Lock()
		o.posted = append(o.posted, m)
		o.mu.Unlock()
		if hang != nil {
			<-hang
		}
	}))
	p.t.Cleanup(o.hook.Close)
	var err error
	if o.after, err = p.box.Send(p.t.Context(), "", "/start"); err != nil { // else the bot may not write there
		p.t.Fatal(err)
	}
	return o
}

// flags are those of botctl run.
func (o *owner) flags(more ...string) []string {
	return append([]string{"run", "--notify-chat", "1000", "--notify-url", o.hook.URL + "/hook-secret"}, more...)
}

// read is what stands in the chat, and what was posted.
func (o *owner) read() (chat []string, posted []herald.Message) {
	o.p.t.Helper()
	list, err := o.p.box.Messages(o.p.t.Context(), o.after, 0)
	if err != nil {
		o.p.t.Fatal(err)
	}
	for _, m := range list {
		if strings.HasPrefix(m.Text, "botctl, bot ") {
			chat = append(chat, m.Text)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return chat, slices.Clone(o.posted)
}

// A bot that prints its token and ends. Five of its ends in a row are a give-up; what is told of them is at most two messages, since
// there is one a minute and the rest comes at the end.
func TestTheOwnerHearsOfACrashLoopAndOfTheGiveUp(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("crash.sh", "echo \"InvalidToken: $TELEGRAM_BOT_TOKEN\"\nexit 3\n")
	o := owned(p, nil)
	if err := p.box.Fault(t.Context(), sandbox.Fault{Method: "sendMessage", Status: 429, RetryAfter: 1}); err != nil {
		t.Fatal(err)
	}
	run := p.botctl(o.flags("--", "sh", "crash.sh")...).exits(3)
	chat, posted := o.read()
	id, secret, _ := strings.Cut(p.token, ":")
	var kinds []herald.Kind
	texts := slices.Clone(chat)
	for _, m := range posted {
		texts = append(texts, m.Text)
		for _, ev := range m.Events {
			kinds = append(kinds, ev.Kind)
			texts = append(texts, append(ev.Lines, ev.Text)...)
		}
	}
	for name, n := range map[string]int{"chat": len(chat), "address": len(posted)} {
		if n < 1 || n > 2 {
			t.Errorf("%d messages at the %s, want one or two", n, name)
		}
	}
	if strings.Contains(strings.Join(texts, "\n"), secret) {
		t.Errorf("it tells the token: %q", texts)
	}
	if !slices.Contains(kinds, herald.LoopBegan) || len(kinds) == 0 || kinds[len(kinds)-1] != herald.GaveUp {
		t.Errorf("told of %v", kinds)
	}
	for _, m := range posted {
		if m.BotID != id || !strings.HasPrefix(m.BotName, "@") || m.Host == "" || m.SchemaVersion != herald.Schema {
			t.Errorf("%+v", m)
		}
	}
	said := strings.Join(chat, "\n")
	for _, want := range []string{"a restart loop has begun: 3 crashes since ", "(exit 3) and is started again", "botctl has given up and ends with 3: ", "> InvalidToken: " + id + ":***"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
	if run.stderr.count("the owner was not told") > 0 || strings.Contains(run.stderr.String()+run.stdout.String(), "hook-secret") {
		t.Errorf("%s", run.stderr)
	}
}

// A chat and an address that take a message and never answer hold up neither a restart nor a stop.
func TestSupervisionDoesNotWaitForTheOwner(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(self, filepath.Join(p.dir, pollerName)); err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	o := owned(p, hang)
	p.confirmed()
	t.Cleanup(func() { close(hang) })
	if err := p.box.Fault(t.Context(), sandbox.Fault{Method: "sendMessage", Hang: true, ForSeconds: 600}); err != nil {
		t.Fatal(err)
	}
	run := p.botctl(o.flags("--", "./"+pollerName)...)
	run.stdout.await(t, patient, 1, "bot started")
	crash := func() {
		t.Helper()
		pid := p.status().Child.PID
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, patient, "it runs again", func() bool { c := p.status().Child; return c != nil && c.PID != pid })
	}
	crash()
	until(t, patient, "both are being told", func() bool {
		journal, err := p.box.Journal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, posted := o.read()
		return len(posted) == 1 && slices.ContainsFunc(journal, func(e sandbox.Entry) bool { return e.Method == "sendmessage" })
	})
	for range 2 {
		crash()
	}
	p.polling()
	if st := p.status(); st.Phase != "running" || st.Restarts.ByCause["exit"] != 3 {
		t.Errorf("%+v", st)
	}
	stop := p.botctl("stop").exits(0)
	run.exits(0)
	if stop.took > 15*time.Second { // the last word has three
		t.Errorf("the stop took %v", stop.took)
	}
	run.stderr.await(t, patient, 1, "the owner was not told through the chat of notify-chat")
	run.stderr.await(t, patient, 1, "the owner was not told through the address of notify-url")
}

func TestTheOwnerHearsOfAHandOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisEngine{leasetest.Redis(t)}).known()
	o := owned(f.project, nil)
	args := append(slices.Clone(warm), "--notify-chat", "1000") // no address: a machine reaches the sandbox and the store alone
	a := f.boot(spec{name: "a", args: args})
	a.holds()
	b := f.boot(spec{name: "b", args: args})
	b.holds()
	var chat []string
	until(t, patient, "it is told", func() bool {
		chat, _ = o.read()
		return len(chat) > 0
	})
	if len(chat) != 1 || !strings.Contains(chat[0], "updates go to ") || !strings.Contains(chat[0], "deploy b from now on") {
		t.Errorf("%q", chat)
	}
	f.say("next")
	until(t, patient, "it is acknowledged", func() bool { return f.verdict().Pending == 0 })
	f.neverTwo()
	f.exactly()
}

// What is posted goes by the certificates that the process trusts.
func TestTheOwnersAddressMayBeHTTPS(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("crash.sh", "exit 3\n")
	posted := make(chan herald.Message, 4)
	hook := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m herald.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		posted <- m
	}))
	hook.Config.ErrorLog = log.New(io.Discard, "", 0) // which would speak of the handshake that fails
	hook.StartTLS()
	t.Cleanup(hook.Close)
	cert := filepath.Join(p.state, "hook.pem")
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	argv := []string{"botctl", "run", "--start-tries", "1", "--notify-url", hook.URL, "--", "sh", "crash.sh"}
	p.start(p.env("SSL_CERT_FILE="+cert), argv...).exits(3)
	if m := <-posted; len(m.Events) != 1 || m.Events[0].Kind != herald.GaveUp {
		t.Errorf("%+v", m)
	}
	run := p.start(p.env(), argv...).exits(3)
	if run.stderr.count("the owner was not told through the address of notify-url") != 1 || run.stderr.count("certificate signed by unknown authority") != 1 || len(posted) > 0 {
		t.Errorf("%s", run.stderr)
	}
}
