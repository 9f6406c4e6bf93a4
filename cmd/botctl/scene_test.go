//go:build linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"botctl/bot/sandbox"
)

// The scene that botctl was made for: a stale bot.py and an api_server under uvicorn poll with the
// bot's token, both left over. Real python-telegram-bot, FastAPI and uvicorn.
func TestP16TheOldSystemsScene(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py", "api_server.py", "web.py")
	stale := p.start(p.env(), "python", "bot.py")
	api := p.start(p.env(), "uvicorn", "api_server:app", "--port", "0")
	web := p.start(p.env(), "uvicorn", "web:app", "--port", "0")
	until(t, patient, "both old ones fight", func() bool { return p.verdict().ConflictsLive >= 2 })

	run := p.botctl("run", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "bot started")
	for name, old := range map[string]*program{"bot.py": stale, "api_server": api} {
		if !old.ended() {
			t.Errorf("the stale %s lives", name)
		}
	}
	for _, want := range []string{
		`evidence="runs bot.py with this bot's token"`, `evidence="serves api_server:app with this bot's token"`,
	} {
		if run.stderr.count(want) != 1 {
			t.Errorf("botctl did not say once: %s", want)
		}
	}
	p.polling()
	p.box.Reset(t.Context())
	time.Sleep(60 * time.Second) // the promise is about this minute
	v := p.verdict()
	if v.ConflictsLive != 0 || v.Overlaps != 0 {
		t.Errorf("in the minute after the start: %+v", v)
	}
	p.answers("are you there?", "echo: are you there?")
	if web.ended() {
		t.Error("an app of the folder that never polls was ended")
	}
	if st := p.status(); len(st.Stale.Suspects) != 1 || !strings.Contains(st.Stale.Suspects[0].Command, "web:app") || st.Stale.EndedTotal != 2 || !st.Well {
		t.Errorf("status %+v", st)
	}
	p.botctl("stop").exits(0)
	run.exits(0)
}

// P28: a rival on this host begins to poll later.
func TestP28ALocalRivalLater(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py")
	run := p.botctl("run", "--gateway", "off", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "bot started")
	p.polling()
	until(t, patient, "the sweep beside the start is over", func() bool { return p.status().UptimeSeconds > 7 })
	second := p.start(p.env(), "python", "bot.py")
	select {
	case <-second.done:
	case <-time.After(patient):
		t.Fatal("the rival lives")
	}
	run.stdout.await(t, patient, 1, "bot started again")
	p.polling()
	if st := p.status(); st.Restarts.ByCause["conflict_local"] != 1 || st.Restarts.Total != 1 {
		t.Errorf("restarts %+v, want one for a local conflict", st.Restarts)
	}
	p.answers("who is it?", "echo: who is it?")
}

// P28: a rival that nothing on this host shows: another PID and network namespace.
func TestP28ARivalElsewhere(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py")
	run := p.botctl("run", "--gateway", "off", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "bot started")
	p.polling()
	self, _ := os.Executable()
	rival := p.start(append(p.env(), playRival+"="+p.sock, "RIVAL_TOKEN="+p.token), "unshare", "-pfn", "--mount-proc", "--kill-child", self)
	rival.stdout.await(t, patient, 1, "polling")

	run.stderr.await(t, 3*time.Minute, 1, "restarting the bot")
	run.stderr.await(t, 3*time.Minute, 1, "another machine polls this bot")
	st := p.status()
	if st.Restarts.Total != 1 || st.Restarts.ByCause["conflict_elsewhere"] != 1 || !st.Conflicts.Elsewhere || st.Well {
		t.Errorf("status %+v, want one restart and a conflict elsewhere", st)
	}
	p.botctl("status").exits(exitUnwell)
	pid := st.Child.PID
	time.Sleep(20 * time.Second)
	if again := p.status(); again.Child == nil || again.Child.PID != pid {
		t.Errorf("the bot was restarted again: %+v", again.Child)
	}
	if rival.ended() {
		t.Error("the rival was ended; it is not ours to end")
	}
}

// deafBot polls by hand; on a 409 it says so in the words of python-telegram-bot, closes its
// connection and never polls again.
const deafBot = `
import http.client, os, sys, time, urllib.parse
url = urllib.parse.urlparse(os.environ["TELEGRAM_API_BASE"])
conn = http.client.HTTPConnection(url.hostname, url.port)
print("polling", flush=True)
while True:
    conn.request("POST", "/bot%s/getUpdates?timeout=20" % os.environ["TELEGRAM_BOT_TOKEN"])
    status = conn.getresponse()
    body = status.read()
    if status.status == 409:
        print("2026-03-01 09:00:00,000 - telegram.ext.Updater - ERROR - Error while getting Updates: Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", file=sys.stderr, flush=True)
        conn.close()
        time.sleep(100000)
`

func TestP28ADeafBotIsRestartedWithin15Seconds(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("deaf.py", deafBot)
	run := p.botctl("run", "--gateway", "off", "--", "python3", "deaf.py")
	run.stdout.await(t, patient, 1, "polling")
	p.polling()
	p.box.Fault(t.Context(), sandbox.Fault{Method: "getUpdates", Status: 409})
	// The next poll gets the 409: the pending one is answered by a message.
	if _, err := p.box.Send(t.Context(), "", "wake up"); err != nil {
		t.Fatal(err)
	}
	run.stderr.await(t, patient, 1, "speaks of a 409 conflict")
	said := time.Now()
	run.stdout.await(t, patient, 1, "bot started again")
	if took := time.Since(said); took > 15*time.Second || took < 9*time.Second {
		t.Errorf("restarted after %v, want 10s to 15s", took)
	}
	run.stdout.await(t, patient, 2, "polling")
}

// A grammY bot that catches the error stays connected without a poll: the 70 s rule.
func TestP28ACaughtGrammyBotIsRestarted(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "caught.js")
	run := p.botctl("run", "--gateway", "off", "--", "node", "caught.js")
	run.stdout.await(t, patient, 1, "polling")
	p.polling()
	p.box.Fault(t.Context(), sandbox.Fault{Method: "getUpdates", Status: 409})
	p.answers("last words", "echo: last words")
	run.stderr.await(t, patient, 1, "speaks of a 409 conflict")
	run.stdout.await(t, 2*time.Minute, 1, "bot started again")
	p.polling()
	p.answers("back?", "echo: back?")
}

func TestABrokenEventLoop(t *testing.T) {
	t.Parallel()
	needFrameworks(t)

	t.Run("the process ends: restarted, cause named", func(t *testing.T) {
		t.Parallel()
		p := newProject(t)
		p.write("bot.py", loopEnds)
		run := p.botctl("run", "--", "python", "bot.py")
		run.stderr.await(t, patient, 1, `cause="its event loop broke"`)
		run.stdout.await(t, patient, 1, "bot started again")
		run.stdout.await(t, patient, 1, "second life")
	})
	t.Run("it lives on deaf: restarted", func(t *testing.T) {
		t.Parallel()
		p := newProject(t)
		p.write("bot.py", loopInThread)
		run := p.botctl("run", "--", "python", "bot.py")
		run.stderr.await(t, patient, 1, "RuntimeError: There is no current event loop in thread")
		run.stdout.await(t, patient, 1, "bot started again")
	})
	t.Run("a code error at every start ends the run", func(t *testing.T) {
		t.Parallel()
		p := newProject(t)
		p.write("bot.py", "import asyncio\nasync def main():\n    asyncio.run(main())\nasyncio.run(main())\n")
		run := p.botctl("run", "--", "python", "bot.py").exits(1)
		if run.stderr.count("botctl: last output: RuntimeError: asyncio.run() cannot be called from a running event loop") == 0 || run.stderr.count("ended 5 times in a row") != 1 {
			t.Errorf("the platform does not see why:\n%s", run.stderr)
		}
	})
}

// loopEnds dies of a closed event loop once.
const loopEnds = `
import asyncio, os, sys, time
if os.path.exists("died"):
    print("second life", flush=True)
    time.sleep(100000)
open("died", "w").close()
loop = asyncio.new_event_loop()
loop.close()
loop.run_until_complete(asyncio.sleep(1))
`

// loopInThread is python-telegram-bot in a thread beside a web server: the thread dies.
const loopInThread = `
import os, threading, time
from telegram.ext import ApplicationBuilder
base = os.environ["TELEGRAM_API_BASE"]
def poll():
    app = ApplicationBuilder().token(os.environ["TELEGRAM_BOT_TOKEN"]).base_url(base + "/bot").build()
    import asyncio
    asyncio.get_event_loop()
    app.run_polling()
threading.Thread(target=poll).start()
time.sleep(100000)
`

// P30: what users write, the noise of a shutdown, and what is printed after our own SIGTERM do nothing.
func TestP30WhatIsNoSignDoesNothing(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("bot.py", `
import signal, sys, time
def end(*_):
    print("RuntimeError: Event loop is closed", file=sys.stderr, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
say = lambda s: print(s, file=sys.stderr, flush=True)
for _ in range(5):
    say("2026-03-01 09:00:00,000 - bot - INFO - message from 7: RuntimeError: Event loop is closed")
    say("2026-03-01 09:00:00,000 - bot - INFO - text='Conflict: terminated by other getUpdates request; make sure that only one bot instance is running'")
    say("Exception ignored in: <function _ProactorBasePipeTransport.__del__ at 0x1>")
    say("Traceback (most recent call last):")
    say('  File "base_events.py", line 510, in _check_closed')
    say("RuntimeError: Event loop is closed")
print("ready", flush=True)
time.sleep(100000)
`)
	run := p.botctl("run", "--", "python3", "bot.py")
	run.stdout.await(t, patient, 1, "ready")
	time.Sleep(12 * time.Second) // longer than a deaf bot is given
	if st := p.status(); st.Restarts.Total != 0 || !st.Well {
		t.Errorf("status %+v", st)
	}
	p.botctl("stop").exits(0)
	run.exits(0)
	if run.stderr.count("speaks of") != 0 {
		t.Errorf("taken for a sign:\n%s", run.stderr)
	}
}

func TestP10AHundredAtOnce(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	const n = 100
	all := make([]*program, n)
	for i := range all {
		all[i] = p.botctl("run")
	}
	var mu sync.Mutex
	winners := map[int]bool{}
	var wg sync.WaitGroup
	var losers []*program
	for _, run := range all {
		wg.Go(func() {
			for !run.ended() {
				if run.stdout.count("bot started") > 0 {
					mu.Lock()
					winners[run.cmd.Process.Pid] = true
					mu.Unlock()
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			mu.Lock()
			losers = append(losers, run)
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(winners) != 1 || len(losers) != n-1 {
		t.Fatalf("%d run, %d ended", len(winners), len(losers))
	}
	for pid := range winners {
		for _, run := range losers {
			run.exits(exitHeld)
			want := fmt.Sprintf("bot %s is already run by pid %d", strings.Split(p.token, ":")[0], pid)
			if !strings.Contains(run.stderr.String(), want) {
				t.Fatalf("a loser does not name the holder %d: %s", pid, run.stderr)
			}
		}
	}
	p.hears("one?")
}

// P7: kill -9 of the supervisor ends the bot, and the next run starts clean.
func TestP7KilledSupervisor(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("wrapper.sh", "#!/bin/sh\nsetsid sleep 1000 &\nsleep 1000\n")
	run := p.botctl("run", "--", "./wrapper.sh")
	run.stdout.await(t, patient, 1, "bot started")
	until(t, patient, "the tree is there", func() bool { c := p.status().Child; return c != nil && c.Processes == 3 })
	child := p.status().Child.PID
	run.cmd.Process.Kill()
	<-run.done
	until(t, patient, "the direct child is dead", func() bool { return syscall.Kill(child, 0) != nil || zombie(child) })
	until(t, patient, "what left its group is gone", func() bool {
		left, _ := exec.Command("pgrep", "-f", "^sleep 1000$").Output()
		return !ours(p.dir, string(left))
	})
	p.botctl("status").exits(1)

	again := p.botctl("run", "--", "sleep", "1000")
	again.stdout.await(t, patient, 1, "bot started")
	p.botctl("status").exits(0)
}

func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(b), ") Z ")
}

func TestOnHeldWaitTakesOver(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	first := p.botctl("run")
	first.stdout.await(t, patient, 1, "bot started")
	second := p.botctl("run", "--on-held", "wait")
	second.stdout.await(t, patient, 1, "standing by")
	first.cmd.Process.Signal(syscall.SIGTERM)
	first.exits(0)
	second.stdout.await(t, patient, 1, "bot started")
	p.hears("hi")
}

func TestThePreflight(t *testing.T) {
	t.Parallel()
	t.Run("token refused", func(t *testing.T) {
		t.Parallel()
		p := newProject(t)
		other := sandbox.NewToken()
		run := p.start(p.env("TELEGRAM_BOT_TOKEN="+other), "botctl", "run").exits(exitConfig)
		if !strings.Contains(run.stderr.String(), "the Bot API refused the token "+strings.Split(other, ":")[0]+":*** (from environment TELEGRAM_BOT_TOKEN): 401 Unauthorized") || run.stdout.count("bot started") != 0 {
			t.Errorf("%s%s", run.stdout, run.stderr)
		}
	})
	t.Run("network trouble is no reason not to start", func(t *testing.T) {
		t.Parallel()
		p := newProject(t)
		run := p.start(p.env("TELEGRAM_API_BASE=http://127.0.0.1:1"), "botctl", "run", "--", "sleep", "100")
		run.stdout.await(t, patient, 1, "bot started")
		run.stderr.await(t, patient, 1, "Bot API not reached")
	})
	for policy, code := range map[string]int{"fail": exitConfig, "auto": 0, "delete": 0, "keep": 0} {
		t.Run("webhook "+policy, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			resp, err := http.Get(p.base + "/bot" + p.token + "/setWebhook?url=https://example.org/secret-path")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			run := p.botctl("run", "--webhook", policy, "--", "sleep", "100")
			if code != 0 {
				run.exits(code)
			} else {
				run.stdout.await(t, patient, 1, "bot started")
				run.stderr.await(t, patient, 1, "example.org") // another pipe: it may come after what was said later
			}
			state, _ := p.box.State(t.Context())
			if gone := state[0].Webhook == ""; gone != (policy == "auto" || policy == "delete") {
				t.Errorf("webhook %q", state[0].Webhook)
			}
			if all := run.stdout.String() + run.stderr.String(); !strings.Contains(all, "example.org") || strings.Contains(all, "secret-path") {
				t.Errorf("the host is to be named, the path is not:\n%s", all)
			}
		})
	}
}

func TestTheSandboxInOneCommand(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	env := p.env("TELEGRAM_BOT_TOKEN=", "TELEGRAM_API_BASE=")
	run := p.start(env, "botctl", "run", "--sandbox")
	run.stdout.await(t, patient, 1, "bot started")
	if n := run.stdout.count("\n"); n > 4 {
		t.Errorf("a healthy start prints %d lines:\n%s", n, run.stdout)
	}
	send := p.start(env, "botctl", "sandbox", "send", "/start").exits(0)
	if !strings.HasPrefix(send.stdout.String(), "Hello, Sandbox user.") {
		t.Errorf("answer %q", send.stdout)
	}
	status := p.start(env, "botctl", "status").exits(0)
	for _, want := range []string{"running, well", "botctl bot", "(sandbox)", ":*** from the sandbox"} {
		if !strings.Contains(status.stdout.String(), want) {
			t.Errorf("status lacks %q:\n%s", want, status.stdout)
		}
	}
	p.start(env, "botctl", "restart").exits(0)
	run.stdout.await(t, patient, 1, "bot started again")
	logs := p.start(env, "botctl", "logs", "-n", "100")
	logs.exits(0)
	if !strings.Contains(logs.stdout.String(), "bot is ready") {
		t.Errorf("logs %q", logs.stdout)
	}
	p.start(env, "botctl", "stop").exits(0)
	run.exits(0)
	p.start(env, "botctl", "status").exits(exitNotRunning)
	p.start(env, "botctl", "sandbox", "send", "x").exits(exitNotRunning)
}

func TestABotThatIgnoresTheSandboxIsSaidSo(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	run := p.botctl("run", "--sandbox", "--", "sleep", "1000")
	run.stdout.await(t, patient, 1, "bot started")
	run.stderr.await(t, patient, 1, "the bot has not called the sandbox in 15s")
}

func TestRealBotInTheSandbox(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py")
	env := p.env("TELEGRAM_BOT_TOKEN=", "TELEGRAM_API_BASE=")
	run := p.start(env, "botctl", "run", "--sandbox", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "bot started")
	send := p.start(env, "botctl", "sandbox", "send", "--wait", "30s", "hello").exits(0)
	if got := send.stdout.String(); got != "echo: hello\n" {
		t.Errorf("answer %q", got)
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	for _, name := range []string{"RAILWAY_ENVIRONMENT", "RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID", "RAILWAY_ENVIRONMENT_NAME"} {
		g := p.start(p.env(name+"=x"), "botctl", "guard", "--", "echo", "ran").exits(exitConfig)
		if g.stdout.String() != "" || !strings.Contains(g.stderr.String(), name+" is set") {
			t.Errorf("%s: %s%s", name, g.stdout, g.stderr)
		}
	}
	if g := p.botctl("guard", "--", "echo", "ran").exits(0); g.stdout.String() != "ran\n" {
		t.Errorf("%s", g.stdout)
	}
	p.botctl("guard", "--", "sh", "-c", "exit 9").exits(9)
	p.botctl("guard", "--", "no-such-program").exits(exitNotFound)
	p.start(p.env("DYNO=1"), "botctl", "guard", "--deny-env", "DYNO", "--", "echo").exits(exitConfig)
	p.start(p.env("RAILWAY_ENVIRONMENT=x"), "botctl", "guard", "--deny-env", "DYNO", "--", "echo").exits(0)
}

func TestP22KillStaleBesideAHealthyRun(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py")
	run := p.botctl("run", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "bot started")
	until(t, patient, "the sweep beside the start is over", func() bool { return p.status().UptimeSeconds > 7 })
	p.write("api_server.py", "import time\nprint('ready', flush=True)\ntime.sleep(100000)\n")
	rival := p.start(p.env(), "python", "api_server.py")
	rival.stdout.await(t, patient, 1, "ready")
	dry := p.botctl("kill-stale", "--dry-run").exits(0)
	if !strings.Contains(dry.stdout.String(), "would be ended") || rival.ended() {
		t.Errorf("dry run: %s", dry.stdout)
	}
	var report struct {
		Processes []struct {
			PID     int    `json:"pid"`
			Outcome string `json:"outcome"`
			Command string `json:"command"`
		} `json:"processes"`
	}
	decode(t, p.botctl("kill-stale", "--json").exits(0).stdout.String(), &report)
	if len(report.Processes) != 1 || report.Processes[0].PID != rival.cmd.Process.Pid || report.Processes[0].Outcome != "ended" {
		t.Errorf("%+v, want the rival alone", report)
	}
	<-rival.done
	if st := p.status(); st.Restarts.Total != 0 {
		t.Errorf("the healthy bot was touched: %+v", st.Restarts)
	}
	p.botctl("kill-stale").exits(0)
}

func TestP1AndP4StopEndsTheWholeTree(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("tree.sh", "#!/bin/sh\ntrap '' TERM\n(setsid sh -c 'trap \"\" TERM; sleep 1000; sleep 1000') &\nsleep 1000; sleep 1000\n")
	run := p.botctl("run", "--stop-timeout", "1s", "--", "./tree.sh")
	run.stdout.await(t, patient, 1, "bot started")
	until(t, patient, "the tree is there", func() bool { c := p.status().Child; return c != nil && c.Processes == 4 })
	run.cmd.Process.Signal(syscall.SIGTERM)
	run.exits(0)
	left, _ := exec.Command("pgrep", "-f", "^sleep 1000$").Output()
	for pid := range strings.FieldsSeq(string(left)) {
		if cwd, _ := os.Readlink(filepath.Join("/proc", pid, "cwd")); cwd == p.dir {
			t.Errorf("pid %s is left", pid)
		}
	}
}
