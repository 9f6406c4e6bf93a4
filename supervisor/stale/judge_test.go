package stale

import (
	"testing"

	"botctl/supervisor/token"
)

const (
	ourToken   = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE"
	otherToken = "220201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE"
)

func TestJudge(t *testing.T) {
	with := func(tok string) []string { return []string{"PATH=/bin", "BOT_TOKEN=" + tok} }
	marks := func(keys ...string) func(*facts) {
		return func(f *facts) { f.markKeys = keys }
	}
	for _, tc := range []struct {
		name string
		argv []string
		env  []string
		set  func(*facts)
		aim  func(*Target)
		want Verdict
	}{
		{name: "role and token here", argv: []string{"python", "bot.py"}, env: with(ourToken), set: here, want: Rival},
		{name: "role, no token, here", argv: []string{"python", "bot.py"}, set: here, want: Rival},
		{name: "role, no token, elsewhere", argv: []string{"python", "bot.py"}, want: None},
		{name: "role and token elsewhere", argv: []string{"python", "bot.py"}, env: with(ourToken), want: Suspect},
		{name: "the same, host wide", argv: []string{"python", "bot.py"}, env: with(ourToken), aim: hostWide, want: Rival},
		{name: "no token, here, host wide", argv: []string{"python", "bot.py"}, set: here, aim: hostWide, want: None},
		{name: "another token acquits", argv: []string{"python", "bot.py"}, env: with(otherToken), set: here, want: None},
		{name: "another token in its arguments acquits", argv: []string{"python", "bot.py", "--token", otherToken}, set: here, want: None},
		{name: "this token in its arguments", argv: []string{"python", "bot.py", "--token=" + ourToken}, set: here, want: Rival},
		{name: "another token in its .env acquits", argv: []string{"python", "bot.py"}, set: func(f *facts) { here(f); f.dotenv = []token.Token{otherToken} }, want: None},
		{name: "this token in an .env elsewhere", argv: []string{"python", "bot.py"}, set: func(f *facts) { f.dotenv = []token.Token{ourToken} }, want: Suspect},
		{name: "api_server under uvicorn", argv: []string{"uvicorn", "api_server:app"}, env: with(ourToken), set: here, want: Rival},
		{name: "api_server as a script", argv: []string{"python", "api_server.py"}, set: here, want: Rival},
		{name: "bot served by uvicorn", argv: []string{"uvicorn", "bot:app"}, set: here, want: Rival},
		{name: "another app here", argv: []string{"uvicorn", "web:app"}, env: with(ourToken), set: here, want: Suspect},
		{name: "another app here, no token", argv: []string{"uvicorn", "web:app"}, set: here, want: Suspect},
		{name: "another app elsewhere with the token", argv: []string{"uvicorn", "web:app"}, env: with(ourToken), want: None},
		{name: "another app of another bot", argv: []string{"uvicorn", "web:app"}, env: with(otherToken), set: here, want: None},
		{name: "another script here with the token", argv: []string{"python", "worker.py"}, env: with(ourToken), set: here, want: Suspect},
		{name: "another script here", argv: []string{"python", "worker.py"}, set: here, want: None},
		{name: "shell with the token", argv: []string{"bash"}, env: with(ourToken), set: here, want: None},
		{name: "psql with the token", argv: []string{"psql"}, env: with(ourToken), set: here, want: None},
		{name: "vim bot.py with the token", argv: []string{"vim", "bot.py"}, env: with(ourToken), set: here, want: None},
		{name: "same script, other arguments, no token", argv: []string{"python", "bot.py", "--env", "staging"}, set: here, want: Ambiguous},
		{name: "same script, other env file", argv: []string{"python", "bot.py", "--env-file=b.env"}, set: here, want: Ambiguous},
		{name: "same script, other arguments, this token", argv: []string{"python", "bot.py", "-v"}, env: with(ourToken), set: here, want: Rival},
		{name: "a script that names its interpreter", argv: []string{"/bin/sh", "./start.sh"}, set: here, aim: func(t *Target) { t.Command = []string{"./start.sh"} }, want: Rival},
		{name: "--rival", argv: []string{"python", "poller.py"}, set: here, aim: func(t *Target) { t.Rivals = []string{"poll*"} }, want: Rival},
		{name: "--rival names a program", argv: []string{"./mybot"}, set: here, aim: func(t *Target) { t.Rivals = []string{"mybot"} }, want: Rival},
		{name: "--spare", argv: []string{"python", "bot.py"}, env: with(ourToken), set: here, aim: func(t *Target) { t.Spare = []string{"bot.py"} }, want: None},
		{name: "another user's", argv: []string{"python", "bot.py"}, set: func(f *facts) { here(f); f.ours = false }, want: NotOurs},
		{name: "another user's editor", argv: []string{"vim", "bot.py"}, set: func(f *facts) { here(f); f.ours = false }, want: None},
		{name: "left over from our run", argv: []string{"sleep", "9"}, set: marks("b-1"), want: Rival},
		{name: "left over from a run of the folder", argv: []string{"sleep", "9"}, set: marks("d-1"), want: Rival},
		{name: "left over from another bot", argv: []string{"sleep", "9"}, set: marks("b-2"), want: None},
		{name: "of a living botctl", argv: []string{"python", "bot.py"}, env: with(ourToken), set: func(f *facts) { here(f); marks("b-1")(f); f.markAlive = true }, want: None},
	} {
		target := &Target{Token: ourToken, Dir: "/project", Command: []string{"python", "bot.py"}, Keys: []string{"b-1", "d-1"}}
		if tc.aim != nil {
			tc.aim(target)
		}
		f := facts{pid: 9, argv: tc.argv, env: tc.env, dir: "/elsewhere", exe: "/usr/bin/" + tc.argv[0], ours: true}
		if tc.set != nil {
			tc.set(&f)
		}
		if got, why := target.judge(f); got != tc.want {
			t.Errorf("%s: %q (%s), want %q", tc.name, got, why, tc.want)
		}
	}
}

func TestWithoutATokenTheFolderLinks(t *testing.T) {
	target := &Target{Dir: "/project", Command: []string{"python", "main.py"}}
	for argv0, want := range map[string]Verdict{"main.py": Rival, "bot.py": Rival, "worker.py": None} {
		f := facts{argv: []string{"python", argv0}, ours: true, inDir: true, dir: "/project", env: []string{"BOT_TOKEN=" + otherToken}}
		if got, _ := target.judge(f); got != want {
			t.Errorf("%s: %q, want %q", argv0, got, want)
		}
	}
}

func here(f *facts)      { f.dir, f.inDir = "/project", true }
func hostWide(t *Target) { t.HostWide = true }
