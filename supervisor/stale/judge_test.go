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
		{name: "no token is known, host wide", argv: []string{"python", "bot.py"}, set: here, aim: func(t *Target) { hostWide(t); t.Token = "" }, want: None},
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
		{name: "another token in its arguments beats ours in its environment", argv: []string{"python", "bot.py", "--token=" + otherToken}, env: with(ourToken), set: here, want: None},
		{name: "two tokens in its environment", argv: []string{"python", "bot.py"}, env: append(with(otherToken), "TELEGRAM_TOKEN="+ourToken), set: here, want: Ambiguous},
		{name: "our token, and another under a name of no meaning", argv: []string{"python", "bot.py"}, env: append(with(ourToken), "LOG_BOT="+otherToken), set: here, want: Rival},
		{name: "another token under a name of no meaning", argv: []string{"python", "bot.py"}, env: []string{"API_TOKEN=" + otherToken}, set: here, want: Ambiguous},
		{name: "our token under a name of no meaning", argv: []string{"python", "bot.py"}, env: []string{"API_TOKEN=" + ourToken}, set: here, aim: hostWide, want: Rival},
		{name: "an .env with both tokens", argv: []string{"python", "bot.py"}, set: func(f *facts) { here(f); f.dotenv = []token.Token{ourToken, otherToken} }, want: Ambiguous},
		{name: "a title hides the arguments", argv: []string{"gunicorn: worker [api_server:app]"}, set: titled, want: Ambiguous},
		{name: "a title, and the token", argv: []string{"gunicorn: worker [api_server:app]"}, env: with(ourToken), set: titled, want: Rival},
		{name: "another command of the same script", argv: []string{"python", "manage.py", "runserver"}, env: with(ourToken), set: here, aim: runs("python", "manage.py", "bot"), want: Ambiguous},
		{name: "a command, and ours has none", argv: []string{"python", "bot.py", "migrate"}, env: with(ourToken), set: here, want: Ambiguous},
		{name: "the same command", argv: []string{"python", "manage.py", "bot", "-v"}, env: with(ourToken), set: here, aim: runs("python", "manage.py", "bot"), want: Rival},
		{name: "another command of the same program", argv: []string{"go", "test", "./..."}, env: with(ourToken), set: func(f *facts) { here(f); f.exe = "/usr/bin/go" }, aim: runs("go", "run", "."), want: Ambiguous},
		{name: "main.py of another folder below", argv: []string{"python", "web/main.py"}, set: here, aim: runs("python", "bot/main.py"), want: Ambiguous},
		{name: "the same with the token", argv: []string{"python", "web/main.py"}, env: with(ourToken), set: here, aim: runs("python", "bot/main.py"), want: Ambiguous},
		{name: "http.server for server.py", argv: []string{"python", "-m", "http.server"}, set: here, aim: runs("python", "server.py"), want: Ambiguous},
		{name: "another language's", argv: []string{"node", "worker.js"}, set: here, aim: runs("python", "worker.py"), want: Ambiguous},
		{name: "another package's main", argv: []string{"uvicorn", "web.main:app"}, set: here, aim: runs("uvicorn", "bot.main:app"), want: Suspect},
		{name: "another program of that name", argv: []string{"./web/worker"}, set: func(f *facts) { here(f); f.exe = "/project/web/worker" }, aim: runs("./bin/worker"), want: Ambiguous},
		{name: "the program by its path", argv: []string{"./bin/worker"}, set: func(f *facts) { here(f); f.exe = "/project/bin/worker (deleted)" }, aim: runs("./bin/worker"), want: Rival},
		{name: "the program in a wrapper", argv: []string{"timeout", "5", "./bin/worker"}, set: func(f *facts) { here(f); f.exe = "/usr/bin/timeout" }, aim: runs("./bin/worker"), want: Rival},
		{name: "the program from the PATH", argv: []string{"mybot"}, set: func(f *facts) { here(f); f.exe = "/usr/bin/mybot" }, aim: runs("mybot"), want: Rival},
		{name: "the script as a module", argv: []string{"python", "-m", "pkg.main"}, set: here, aim: runs("python", "pkg/main.py"), want: Rival},
		{name: "the script as a path", argv: []string{"python", "/project/pkg/main.py"}, aim: runs("python", "pkg/main.py"), want: Rival},
		{name: "the script as a path from another folder", argv: []string{"python", "../project/main.py"}, aim: runs("python", "main.py"), want: Rival},
		{name: "the script's like in another folder, host wide", argv: []string{"python", "pkg/main.py"}, env: with(ourToken), aim: func(t *Target) { hostWide(t); runs("python", "pkg/main.py")(t) }, want: Rival},
		{name: "not its like", argv: []string{"python", "web/main.py"}, env: with(ourToken), aim: func(t *Target) { hostWide(t); runs("python", "pkg/main.py")(t) }, want: Suspect},
		{name: "a script from outside the project", argv: []string{"python", "/other/bot.py"}, set: here, want: Ambiguous},
		{name: "the same with the token", argv: []string{"python", "/other/bot.py"}, env: with(ourToken), set: here, want: Rival},
		{name: "another user's, of another bot", argv: []string{"python", "bot.py"}, env: with(otherToken), set: func(f *facts) { here(f); f.ours = false }, want: None},
		{name: "the app with other options before it", argv: []string{"uvicorn", "--port", "81", "api_server:app"}, set: here, aim: runs("uvicorn", "api_server:app"), want: Ambiguous},
		{name: "another app of the module", argv: []string{"uvicorn", "api_server:web"}, set: here, aim: runs("uvicorn", "api_server:app"), want: Ambiguous},
		{name: "an env file in a shell's text", argv: []string{"sh", "-c", "node --env-file=b.env index.js"}, set: here, aim: runs("node", "index.js"), want: Ambiguous},
		{name: "left over from another bot of the folder", argv: []string{"sleep", "9"}, set: marks("b-2", "d-1"), want: None},
		{name: "left over, and the token is not known", argv: []string{"sleep", "9"}, set: marks("b-2", "d-1"), aim: func(t *Target) { t.Keys = []string{"d-1"} }, want: Rival},
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
		target.locate(ReadProgram(f.argv, f.exe), &f, f.inDir)
		if got, why := target.judge(f); got != tc.want {
			t.Errorf("%s: %q (%s), want %q", tc.name, got, why, tc.want)
		}
	}
}

func TestWithoutATokenTheFolderLinks(t *testing.T) {
	target := &Target{Dir: "/project", Command: []string{"python", "main.py"}}
	for argv0, want := range map[string]Verdict{"main.py": Rival, "bot.py": Rival, "worker.py": None} {
		f := facts{argv: []string{"python", argv0}, ours: true, inDir: true, dir: "/project", env: []string{"BOT_TOKEN=" + otherToken}}
		target.locate(ReadProgram(f.argv, f.exe), &f, true)
		if got, _ := target.judge(f); got != want {
			t.Errorf("%s: %q, want %q", argv0, got, want)
		}
	}
}

func here(f *facts)      { f.dir, f.inDir = "/project", true }
func titled(f *facts)    { here(f); f.exe = "/usr/bin/python3" }
func hostWide(t *Target) { t.HostWide = true }

func runs(argv ...string) func(*Target) { return func(t *Target) { t.Command = argv } }
