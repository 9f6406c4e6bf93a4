package doctor

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func about(r Report, what string) []Check {
	return slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return c.About != what })
}

// said are the checks about one thing, a line each: "verdict fact -> next".
func said(r Report, what string) []string {
	var list []string
	for _, c := range about(r, what) {
		line := string(c.Verdict) + " " + c.Fact
		if len(c.Next) > 0 {
			line += " -> " + strings.Join(c.Next, "; ")
		}
		list = append(list, line)
	}
	return list
}

func TestVerdicts(t *testing.T) {
	well := API{Asked: true, Name: "x_bot", Dated: true}
	with := func(change func(a *API)) API {
		a := well
		change(&a)
		return a
	}
	for name, tc := range map[string]struct {
		facts Facts
		about string
		want  []string // how each line begins
	}{
		"a token in two places": {
			Facts{TokenID: "1", Tokens: []TokenPlace{{Where: "environment BOT_TOKEN", Masked: "1:***", Used: true}, {Where: ".env BOT_TOKEN", Masked: "1:***"}}},
			"token", []string{"ok 1:*** from environment BOT_TOKEN", "note .env BOT_TOKEN holds it too"},
		},
		"another bot's token, an old one, and none": {
			Facts{TokenID: "1", Tokens: []TokenPlace{{Where: "a", Masked: "2:***", Other: true}, {Where: "b", Masked: "1:***", Other: true}, {Where: "c"}}},
			"token", []string{"warn a holds another token, 2:***", "warn b holds another token of this bot", "fail c holds no bot token"},
		},
		"two that conflict": {Facts{TokenTrouble: "A and B hold different bot tokens", TokenAdvice: []string{"x"}}, "token", []string{"fail A and B hold different bot tokens -> x"}},
		"no token":          {Facts{}, "token", []string{"warn none found"}},
		"accepted":          {Facts{API: well, Telegram: true}, "bot api", []string{"ok Telegram takes the token: it is @x_bot"}},
		"refused":           {Facts{API: with(func(a *API) { a.Refused = "401 Unauthorized" }), APIBase: "http://h"}, "bot api", []string{"fail http://h refused the token: 401 Unauthorized"}},
		"offline":           {Facts{API: with(func(a *API) { a.Trouble = "no route" })}, "bot api", []string{"warn not reached, so token and webhook are not checked: no route"}},
		"offline, webhook":  {Facts{API: with(func(a *API) { a.Trouble = "no route" })}, "webhook", nil},
		"no webhook":        {Facts{API: well}, "webhook", []string{"ok none"}},
		"a webhook":         {Facts{API: with(func(a *API) { a.WebhookHost, a.Pending = "example.org", 3 })}, "webhook", []string{"warn one is set, at example.org, so nothing can poll; updates that wait: 3"}},
		"a webhook to keep": {Facts{OnWebhook: "keep", API: with(func(a *API) { a.WebhookHost = "example.org" })}, "webhook", []string{"fail one is set"}},
		"a webhook to go":   {Facts{OnWebhook: "delete", API: with(func(a *API) { a.WebhookHost = "example.org" })}, "webhook", []string{"note one is set"}},
		"clocks agree":      {Facts{API: with(func(a *API) { a.Skew = -30 * time.Second })}, "clock", []string{"ok "}},
		"a clock ahead":     {Facts{API: with(func(a *API) { a.Skew = 31 * time.Second })}, "clock", []string{"warn this machine is 31s ahead"}},
		"a clock behind":    {Facts{API: with(func(a *API) { a.Skew = -time.Hour })}, "clock", []string{"warn this machine is 1h0m0s behind"}},
		"no Date":           {Facts{API: with(func(a *API) { a.Dated = false })}, "clock", []string{"note not compared"}},
		"one rival, which may be the bot itself": {
			Facts{Rivals: []Rival{{PID: 7, Command: "python bot.py", Verdict: "rival", Evidence: "runs bot.py", RestartedBy: "systemd (bot.service)"}}},
			"rivals", []string{"warn runs without botctl: pid 7, python bot.py: runs bot.py; systemd (bot.service) restarts it -> stop it where it is started: systemctl disable --now bot.service"},
		},
		"two rivals, and others": {
			Facts{Unseen: 2, Rivals: []Rival{{PID: 7, Verdict: "rival", RestartedBy: "cron (pid 3)"}, {PID: 8, Verdict: "rival"}, {PID: 9, Verdict: "suspect"}, {PID: 10, Verdict: "zombie"}, {PID: 11, Verdict: "other_user"}}},
			"rivals", []string{"fail pid 7", "fail pid 8", "note may poll: pid 9", "note pid 10", "warn pid 11", "warn 2 processes could not be read"},
		},
		"a rival beside a botctl": {
			Facts{Supervisors: []Supervisor{{PID: 3, Well: true}}, Rivals: []Rival{{PID: 7, Verdict: "rival"}}}, "rivals", []string{"fail pid 7"},
		},
		"no rival":  {Facts{}, "rivals", []string{"ok no other process"}},
		"unlisted":  {Facts{RivalsFail: "x"}, "rivals", []string{"warn not looked for: x"}},
		"no botctl": {Facts{}, "botctl", []string{"note none runs here"}},
		"botctls": {
			Facts{Supervisors: []Supervisor{{PID: 1, Phase: "running", Well: true, Uptime: time.Minute}, {PID: 2, Phase: "waiting", Trouble: "it ended"}, {PID: 3, Silent: "no answer"}}},
			"botctl", []string{"ok pid 1 runs here, running, well, up 1m0s", "warn pid 2 runs here, waiting, not well: it ended", "warn pid 3 runs here and does not answer"},
		},
		"no lease":     {Facts{}, "lease", []string{"note none configured"}},
		"gateway used": {Facts{Supervisors: []Supervisor{{GatewayMode: "auto", PollsThrough: true, GatewayUsed: true}}}, "gateway", []string{"ok used: the bot polls through it"}},
		"gateway unused although": {
			Facts{Supervisors: []Supervisor{{GatewayMode: "auto"}}, Project: Project{TakesBase: []string{"bot.py:3"}}}, "gateway", []string{"warn not used by the bot that runs, although bot.py:3"},
		},
		"gateway to come": {Facts{Project: Project{TakesBase: []string{"bot.py:3"}}}, "gateway", []string{"ok bot.py:3 takes its server"}},
		"gateway off":     {Facts{Gateway: "off"}, "gateway", []string{"note off"}},
		"the line": {
			Facts{Project: Project{Sources: 1, Frameworks: []Used{{Name: "grammY", Line: "client: x"}}}}, "gateway", []string{"note not used: no source here takes its server from TELEGRAM_API_BASE. With grammY it is one line: -> client: x"},
		},
		"no framework": {Facts{Project: Project{Sources: 1}}, "gateway", []string{"note no source here takes"}},
		"no source":    {Facts{}, "gateway", []string{"note no source of the bot"}},
		"versions": {
			Facts{Version: "v2 (go)", Supervisors: []Supervisor{{PID: 7, Version: "v1"}}, Project: Project{
				Versions: []Version{{"python", "3.12", ".python-version", 1}}, Frameworks: []Used{{Name: "aiogram", Version: "3.4", Where: "r.txt:1"}, {Name: "grammY", Where: "bot.js"}},
			}},
			"versions", []string{"ok botctl v2 (go)", "note the botctl that runs here, pid 7, is v1", "ok python 3.12 (.python-version:1)", "ok aiogram 3.4 (r.txt:1)", "note grammY, of no version in particular (bot.js)"},
		},
		"a file of another form": {Facts{Project: Project{Unread: []string{"a/compose.yaml"}}, Partial: "too many"}, "folder", []string{"warn a/compose.yaml cannot be read", "note not all of it was read: too many"}},
	} {
		got := said(Judge(tc.facts), tc.about)
		ok := len(got) == len(tc.want)
		for i := range tc.want {
			ok = ok && strings.HasPrefix(got[i], tc.want[i])
		}
		if !ok {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
}

func TestEntriesThatBothPoll(t *testing.T) {
	sources := map[string]string{"bot.py": pollingBot, "api_server.py": pollingAPI, "web.py": quietWeb}
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"web and worker": {
			map[string]string{"Procfile": "web: uvicorn api_server:app\nworker: botctl run -- python bot.py\n"},
			[]string{`fail Procfile:1 web (api_server.py:2 polls) and Procfile:2 worker (bot.py:3 polls) both poll for one bot -> Procfile:1: put "botctl guard --" before its command, or take it out`},
		},
		"guarded": {
			map[string]string{"Procfile": "web: botctl guard -- uvicorn api_server:app\nworker: botctl run -- python bot.py\n"},
			[]string{"ok Procfile:1 web (api_server.py:2 polls) would poll, and botctl guard keeps it off the platform", "ok Procfile:2 worker (bot.py:3 polls) polls, under botctl run"},
		},
		"one command that starts both": {
			map[string]string{"Procfile": "web: python bot.py & uvicorn api_server:app\n"},
			[]string{"fail Procfile:1 web (bot.py:3 polls) and Procfile:1 web (api_server.py:2 polls) both poll"},
		},
		"ways to deploy": {
			map[string]string{"Procfile": "worker: python bot.py\n", "Dockerfile": "FROM x\nCMD python bot.py\n"},
			[]string{`note Procfile:1 worker (bot.py:3 polls) polls, without botctl -> put "botctl run --" before its command`, "note Dockerfile:2 CMD (bot.py:3 polls)", "note Procfile:1 and Dockerfile:2 each start the bot -> they are ways to deploy it: use one"},
		},
		"bots with tokens of their own": {
			map[string]string{"compose.yaml": "services:\n  a:\n    command: python bot.py\n    environment: {BOT_TOKEN: \"${A}\"}\n  b:\n    command: python bot.py\n    environment: [\"BOT_TOKEN=${B}\"]\n"},
			[]string{"note compose.yaml:3 a", "note compose.yaml:6 b"},
		},
		"one of them with a token that may be the same": {
			map[string]string{"compose.yaml": "services:\n  a:\n    command: python bot.py\n    env_file: .env\n  b:\n    command: python bot.py\n    environment: [\"BOT_TOKEN=${B}\"]\n"},
			[]string{"warn compose.yaml:3 a (bot.py:3 polls) and compose.yaml:6 b (bot.py:3 polls) may both poll"},
		},
		"copies": {
			map[string]string{"compose.yaml": "services:\n  a:\n    command: python bot.py\n    scale: 2\n"},
			[]string{"fail compose.yaml:3 a (bot.py:3 polls) is started 2 times, and each of them polls -> start one of it", "note compose.yaml:3 a"},
		},
		"nothing polls": {map[string]string{"Procfile": "web: uvicorn web:app\n"}, []string{"note 1 entry of this folder would start something, and none of it seems to poll"}},
		"nothing there": {nil, []string{"note no Procfile, compose file"}},
	} {
		files := map[string]string{}
		for _, from := range []map[string]string{sources, tc.files} {
			maps.Copy(files, from)
		}
		got := said(Judge(Facts{Project: Read(Folder{Files: files, Program: plainProgram})}), "entries")
		ok := len(got) == len(tc.want)
		for i := range tc.want {
			ok = ok && len(got) > i && strings.HasPrefix(got[i], tc.want[i])
		}
		if !ok {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
}

func TestFailedAndWarnedAreCounted(t *testing.T) {
	r := Judge(Facts{TokenTrouble: "x", API: API{Asked: true, Trouble: "y"}, RivalsFail: "z"})
	if r.Failed != 1 || r.Warned != 2 || r.SchemaVersion != Schema {
		t.Errorf("%+v", r)
	}
}

// The README has the same lines, for the same frameworks, in the same order.
func TestTheTableIsTheReadmes(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| framework | the line |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	if len(rows) != len(frameworkTable) {
		t.Fatalf("%d rows, and %d in the code", len(rows), len(frameworkTable))
	}
	for i, f := range frameworkTable {
		name, line, _ := strings.Cut(strings.Trim(rows[i], "| "), " | ")
		name, variant, _ := strings.Cut(name, ", ")
		title, version, _ := strings.Cut(name, " ")
		m, ok := major(version)
		if title != f.title || variant != f.variant || strings.Trim(line, "`") != f.line || !ok || !f.any && m != f.major {
			t.Errorf("%s\nin the code: %s %s %d: %s", rows[i], f.title, f.variant, f.major, f.line)
		}
	}
}

func TestPlaces(t *testing.T) {
	if got := fmt.Sprint(list([]string{"a"}), "; ", list([]string{"a", "b"}), "; ", list([]string{"a", "b", "c"})); got != "a; a and b; a, b and c" {
		t.Error(got)
	}
}
