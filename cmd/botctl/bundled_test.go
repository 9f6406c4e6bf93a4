package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The bundled bot as its owner runs it: supervised, with prices from a server on loopback, and a store that the next
// start finds.
func TestTheBundledBot(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	market := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`[{"id":"bitcoin","symbol":"btc","name":"Bitcoin","current_price":65900,"market_cap":1.3e12,"price_change_percentage_24h":-2.85,"price_change_percentage_7d_in_currency":4.2,"last_updated":"` +
			time.Now().UTC().Format(time.RFC3339) + `","sparkline_in_7d":{"price":[63243.5,64000,65000,65900]}}]`))
	}))
	defer market.Close()
	env := p.env("COINGECKO_API_BASE="+market.URL, "COINPAPRIKA_API_BASE="+market.URL, "DIGEST_AT=00:00")
	run := p.start(env, "botctl", "run")
	run.stdout.await(t, patient, 1, "bot started")
	for _, step := range []struct{ say, want string }{
		{"/subscribe", "The digest comes every day at 00:00 UTC; the next one on "},
		{"/digest", "Crypto digest · "},
		{"/status", "Up for "},
	} {
		if got := p.hears(step.say); !strings.HasPrefix(got, step.want) {
			t.Errorf("%s: %q", step.say, got)
		}
	}
	if got := p.hears("/status"); !strings.Contains(got, "Subscribed chats: 1.\nNewest prices: CoinGecko, ") || !strings.Contains(got, "Supervisor: botctl ") || !strings.Contains(got, ". Restarts: 0. Conflicts: 0.") {
		t.Errorf("/status: %q", got)
	}
	p.botctl("restart").exits(0)
	run.stdout.await(t, patient, 1, "bot started again")
	if got := p.hears("/status"); !strings.Contains(got, "This chat's next digest: ") || !strings.Contains(got, "Restarts: 1 (the last one: ") {
		t.Errorf("/status after a restart: %q", got)
	}
	if st := p.status(); st.Child == nil || !st.Child.Ready || st.Child.Status != "polling" {
		t.Errorf("what the bot says of itself: %+v", st.Child)
	}
	run.cmd.Process.Signal(syscall.SIGTERM)
	run.exits(0)
	if v := p.verdict(); v.Pending != 0 || v.DeliveredTwice != 0 || v.ConfirmedUnseen != 0 || v.ConflictsLive != 0 {
		t.Errorf("%+v", v)
	}
	info, err := os.Stat(filepath.Join(p.state, "bot-"+strings.Split(p.token, ":")[0]+".db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("store: %v, %v", info, err)
	}
}

// --api-base is the server of the bundled bot too, whatever the environment says.
func TestTheServerReachesTheBundledBot(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	run := p.start(p.env("TELEGRAM_API_BASE=http://127.0.0.1:9"), "botctl", "run", "--api-base", p.base)
	run.stdout.await(t, patient, 1, "bot started")
	if got := p.hears("/help"); !strings.HasPrefix(got, "/start – ") {
		t.Errorf("%q", got)
	}
}

// Two bundled bots on one host, without supervisors: the second one takes the poll, and the first one ends with 75.
func TestTheBundledBotEndsOnAConflict(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	first := p.botctl("bot")
	first.stderr.await(t, patient, 1, "bot is ready")
	p.polling()
	p.start(p.env(envBotState+"="+t.TempDir()), "botctl", "bot")
	first.exits(exitHeld)
	if n := first.stderr.count("getUpdates refused"); n != 1 {
		t.Errorf("the conflict was told %d times:\n%s", n, first.stderr)
	}
}

func TestTheBundledBotWithoutAStore(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("file", "x")
	bot := p.start(p.env(envBotState+"="+filepath.Join(p.dir, "file", "x")), "botctl", "bot").exits(exitLock)
	if !strings.Contains(bot.stderr.String(), "state folder") || !strings.Contains(bot.stderr.String(), "BOT_STATE_DIR names another folder") {
		t.Errorf("%s", bot.stderr)
	}
	p.write("bot-"+strings.Split(p.token, ":")[0]+".db", strings.Repeat("no store ", 1000))
	bot = p.start(p.env(envBotState+"="+p.dir), "botctl", "bot").exits(exitLock)
	if !strings.Contains(bot.stderr.String(), "a damaged store can be moved away") {
		t.Errorf("%s", bot.stderr)
	}
}
