package main

import (
	"os"
	"strings"
	"testing"

	"botctl/bot/sandbox"
)

// P28, seen on the wire: a rival on this host is ended, and the bot is none the wiser.
func TestP28ALocalRivalBehindTheGateway(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py")
	run := p.botctl("run", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "the bot polls through the gateway")
	p.polling()
	pid := p.status().Child.PID
	second := p.start(p.env(), "python", "bot.py")
	<-second.done
	p.answers("who is it?", "echo: who is it?")
	st := p.status()
	if st.Restarts.Total != 0 || st.Child.PID != pid || st.Stale.EndedTotal != 1 || !st.Well {
		t.Errorf("%+v", st)
	}
	if run.stdout.count("Conflict")+run.stderr.count("Conflict") != 0 {
		t.Errorf("the bot saw a conflict:\n%s\n%s", run.stdout, run.stderr)
	}
}

// P28, seen on the wire: a rival elsewhere.
func TestP28ARivalElsewhereBehindTheGateway(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py")
	run := p.botctl("run", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "the bot polls through the gateway")
	p.polling()
	pid := p.status().Child.PID
	if err := p.box.Fault(t.Context(), sandbox.Fault{Rival: true, ForSeconds: 3600}); err != nil {
		t.Fatal(err)
	}
	run.stderr.await(t, patient, 1, "another poller takes this bot's poll")
	until(t, patient, "three conflicts are absorbed", func() bool { return p.status().Gateway.ConflictsAbsorbed >= 3 })
	if st := p.status(); st.Restarts.Total != 0 || st.Child.PID != pid || st.Gateway.Trouble != "another poller takes the poll" || st.Conflicts.Total < 3 {
		t.Errorf("%+v, gateway %+v", st, st.Gateway)
	}
	if _, err := p.box.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.answers("who is it?", "echo: who is it?")
	if run.stdout.count("Conflict")+run.stderr.count("Conflict") != 0 {
		t.Errorf("the bot saw a conflict:\n%s\n%s", run.stdout, run.stderr)
	}
}

// roundBot has its token from the environment, and goes to the server past TELEGRAM_API_BASE.
const roundBot = `
import os, time, urllib.request
print("token", os.environ["TELEGRAM_BOT_TOKEN"].partition(":")[0], flush=True)
open("token", "w").write(os.environ["TELEGRAM_BOT_TOKEN"])
while True:
    try:
        urllib.request.urlopen("%s/bot%s/getUpdates" % (os.environ["ELSEWHERE"], os.environ["TELEGRAM_BOT_TOKEN"]))
        print("polled", flush=True)
    except urllib.error.HTTPError as e:
        print("2026-03-01 09:00:00,000 - telegram.ext.Updater - ERROR - Error while getting Updates: Unauthorized", flush=True)
    time.sleep(0.2)
`

// A bot that goes round the gateway has a token that nobody else takes, and botctl says what to do.
func TestABotThatGoesRoundTheGateway(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("bot.py", roundBot)
	run := p.start(p.env("ELSEWHERE="+p.base), "botctl", "run", "--gateway", "require", "--", "python3", "bot.py")
	run.stderr.await(t, patient, 1, "it goes round the gateway; it must take its server from TELEGRAM_API_BASE")
	held, err := os.ReadFile(p.dir + "/token")
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ := strings.Cut(string(held), ":")
	if wantID, _, _ := strings.Cut(p.token, ":"); id != wantID || secret == "" || string(held) == p.token {
		t.Error("want a token of the same bot id and another secret")
	}
	if run.stdout.count("polled") != 0 {
		t.Error("it polled")
	}
	if n := run.stdout.count(secret) + run.stderr.count(secret); n != 0 {
		t.Errorf("the substitute was printed %d times", n)
	}
}

// realBot reads the real token from a file of its own, and uses the gateway.
const realBot = `
import os, time, urllib.request
token = open("secret").read()
while True:
    try:
        urllib.request.urlopen("%s/bot%s/getMe" % (os.environ["TELEGRAM_API_BASE"], token))
        print("served", flush=True)
    except urllib.error.HTTPError as e:
        print("status", e.code, flush=True)
    time.sleep(0.2)
`

func TestTheRealTokenIsRefusedByTheGateway(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("bot.py", realBot)
	p.write("secret", p.token)
	run := p.botctl("run", "--gateway", "require", "--", "python3", "bot.py")
	run.stderr.await(t, patient, 1, "the bot has the real token, which the gateway refuses")
	run.stdout.await(t, patient, 1, "status 401")
	if run.stdout.count("served") != 0 {
		t.Error("it was served")
	}
}

func TestGatewaySettingsThatDoNotFit(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	run := p.botctl("run", "--restart-warm", "--", "true")
	run.exits(exitConfig)
	if run.stderr.count("restart-warm: needs gateway require") != 1 {
		t.Error(run.stderr)
	}
	bare := p.start(p.env("TELEGRAM_BOT_TOKEN="), "botctl", "run", "--gateway", "require", "--", "true")
	bare.exits(exitConfig)
	if bare.stderr.count("--gateway require puts another one in its place") != 1 {
		t.Error(bare.stderr)
	}
}
