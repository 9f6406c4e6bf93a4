package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"botctl/bot/sandbox"
	"botctl/supervisor/doctor"
)

// doctor runs it and returns its report.
func (p *project) doctor(code int, env []string, args ...string) doctor.Report {
	p.t.Helper()
	pr := p.start(env, append([]string{"botctl", "doctor", "--json"}, args...)...).exits(code)
	var r doctor.Report
	decode(p.t, pr.stdout.String(), &r)
	return r
}

// says checks that some check about a thing has this verdict, and a fact with this text.
func says(t *testing.T, r doctor.Report, about string, v doctor.Verdict, part string) doctor.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.About == about && c.Verdict == v && strings.Contains(c.Fact, part) {
			return c
		}
	}
	t.Errorf("nothing says %s %s %q: %+v", v, about, part, r.Checks)
	return doctor.Check{}
}

const (
	shellBot   = "while :; do sleep 1; done\n" // the file is a script of the shell that is called bot.py
	twoPollers = "web: uvicorn api_server:app --port $PORT\nworker: python bot.py\n"
)

func TestDoctorOfABareFolder(t *testing.T) {
	p := newProject(t)
	r := p.doctor(0, p.env())
	says(t, r, "token", doctor.OK, "environment TELEGRAM_BOT_TOKEN")
	says(t, r, "bot api", doctor.OK, "takes the token: it is @")
	says(t, r, "webhook", doctor.OK, "none")
	says(t, r, "clock", doctor.Note, "no Date")
	says(t, r, "rivals", doctor.OK, "no other process")
	says(t, r, "botctl", doctor.Note, "none runs here")
	says(t, r, "entries", doctor.Note, "no Procfile")
	says(t, r, "lease", doctor.Note, "none configured")
	says(t, r, "gateway", doctor.Note, "no source of the bot")
	says(t, r, "versions", doctor.OK, "botctl ")
	if r.Failed != 0 || r.SchemaVersion != doctor.Schema || r.BotID == "" || r.Dir != p.dir || r.APIBase != p.base {
		t.Errorf("%+v", r)
	}
	journal, err := p.box.Journal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var methods []string
	for _, e := range journal {
		methods = append(methods, e.Method)
	}
	if got := strings.ToLower(strings.Join(methods, " ")); got != "getme getwebhookinfo" {
		t.Errorf("the Bot API was asked for %q", got)
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	p := newProject(t)
	p.write("bot.py", shellBot)
	p.write("Procfile", twoPollers)
	p.write("requirements.txt", "aiogram==3.31.0\n")
	p.write(".env", "BOT_TOKEN=110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE\n")
	if err := p.box.Fault(t.Context(), sandbox.Fault{Method: "getMe", Status: 401}); err != nil {
		t.Fatal(err)
	}
	a, b := p.start(p.env(), "sh", "bot.py"), p.start(p.env(), "sh", "bot.py")
	until(t, patient, "both run", func() bool { return a.cmd.Process != nil && b.cmd.Process != nil })
	r := p.doctor(1, p.env("BOTCTL_LEASE=redis://:hunter2@cache:6379/0"))
	says(t, r, "bot api", doctor.Fail, "refused the token: 401")
	says(t, r, "token", doctor.Warn, ".env BOT_TOKEN holds another token, 110201543:***")
	says(t, r, "rivals", doctor.Fail, "runs bot.py with this bot's token")
	says(t, r, "lease", doctor.Fail, "redis cache:6379 (environment BOTCTL_LEASE): ")
	says(t, r, "gateway", doctor.Note, "With aiogram it is one line")
	says(t, r, "versions", doctor.OK, "aiogram 3.31.0 (requirements.txt:1)")
	c := says(t, r, "entries", doctor.Warn, "Procfile:1 web (runs api_server:app) and Procfile:2 worker (runs bot.py) may both poll")
	if len(c.Where) != 2 || len(c.Next) != 1 || !strings.Contains(c.Next[0], "botctl guard --") {
		t.Errorf("%+v", c)
	}
	if a.ended() || b.ended() {
		t.Error("doctor has ended a process")
	}
}

func TestDoctorOnAScreen(t *testing.T) {
	p := newProject(t)
	p.write("Procfile", twoPollers)
	p.write("bot.py", "import telegram\napp.run_polling()\n")
	p.write("api_server.py", "import telegram\napp.run_polling()\n")
	pr := p.botctl("doctor").exits(1)
	for _, want := range []string{
		"\nfail  entries   Procfile:1 web (api_server.py:2 polls) and Procfile:2 worker (bot.py:2 polls) both poll for one bot\n                -> Procfile:1: put \"botctl guard --\" before its command, or take it out\n",
		"\n                -> .base_url(os.environ.get(\"TELEGRAM_API_BASE\", \"https://api.telegram.org\") + \"/bot\")\n",
		"\n1 failed, 0 warnings\n",
	} {
		if !strings.Contains("\n"+pr.stdout.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if pr.stderr.String() != "" {
		t.Errorf("stderr: %s", pr.stderr)
	}
	p.write("Procfile", strings.Replace(twoPollers, "uvicorn", "botctl guard -- uvicorn", 1))
	p.botctl("doctor").exits(0)
}

func TestDoctorOffline(t *testing.T) {
	p := newProject(t)
	r := p.doctor(0, p.env("TELEGRAM_API_BASE=http://127.0.0.1:1"))
	says(t, r, "bot api", doctor.Warn, "not reached")
	says(t, r, "rivals", doctor.OK, "no other process")
	says(t, r, "versions", doctor.OK, "botctl ")
}

func TestDoctorBesideABotctl(t *testing.T) {
	p := newProject(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(self, filepath.Join(p.dir, pollerName)); err != nil {
		t.Fatal(err)
	}
	run := p.botctl("run", "--", "./"+pollerName)
	run.stdout.await(t, patient, 1, "bot started")
	p.polling()
	until(t, patient, "the gateway sees the polls", func() bool { g := p.status().Gateway; return g != nil && g.PollsThrough })
	r := p.doctor(0, p.env())
	says(t, r, "botctl", doctor.OK, "runs here, running")
	says(t, r, "gateway", doctor.OK, "the bot polls through it")
	says(t, r, "rivals", doctor.OK, "no other process")
	if v := p.verdict(); v.ConflictsLive+v.Overlaps > 0 {
		t.Errorf("doctor took the poll: %+v", v)
	}
}

func TestDoctorAndTheExitTable(t *testing.T) {
	p := newProject(t)
	p.start(p.env("TELEGRAM_API_BASE=nonsense"), "botctl", "doctor").exits(exitConfig)
	p.botctl("doctor", "--no-such-flag").exits(exitUsage)
	// Two names with different tokens are a fact, and what run would say of them is its words.
	r := p.doctor(1, p.env("BOT_TOKEN="+sandbox.NewToken()))
	says(t, r, "token", doctor.Fail, "hold different bot tokens")
	r = p.doctor(1, p.env("BOT_TOKEN=oops"))
	says(t, r, "token", doctor.Fail, "environment BOT_TOKEN holds no bot token")
	p.write("compose.yaml", "services: {a: [\n")
	says(t, p.doctor(0, p.env()), "folder", doctor.Warn, "compose.yaml cannot be read")
}
