package stale

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"botctl/supervisor/token"
)

// bare are words that a shell passes on as they are.
var bare = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+$`)

// FuzzReadProgram: any command line is read, alone and behind wrappers and shells, and what only
// looks at a bot's files or runs code of its own is never taken for the bot.
func FuzzReadProgram(f *testing.F) {
	for _, line := range []string{
		"python -u bot.py", "python3.11 -um pkg.bot --x", "node --require ./x.js --env-file .env bot.js", "uvicorn --port 80 api_server:app --reload",
		"env -u X A=b timeout -k 3 5 nodemon --exec python bot.py", "gunicorn: worker [api_server:app]", "/venv/bin/python3 /venv/bin/uvicorn app:x",
		"sh -c exec", "uv run --env-file .env python bot.py", "java -jar bot.jar", "botctl bot", "./mybot --x", "-bash", "npx tsx bot.ts", "php -d a=b bot.php", "busybox sh bot.sh",
	} {
		f.Add(strings.ReplaceAll(line, " ", "\x00"), "/usr/bin/x")
	}
	f.Add("sh\x00-c\x00exec 'uvicorn", "")
	f.Add("sh\x00-c\x00A=b exec \"python\" 'my bot.py'", "")
	f.Add("gunicorn: master [api_server:app]", "")
	f.Add("python\x00", "")
	f.Fuzz(func(t *testing.T, line, exe string) {
		argv := strings.Split(line, "\x00")
		kept := slices.Clone(argv)
		p := ReadProgram(argv, exe)
		if !slices.Equal(argv, kept) {
			t.Fatalf("%q was changed to %q", kept, argv)
		}
		if (p.Kind == Unknown) != (p.Name == "") || p.Kind == Unknown && p.Args != nil {
			t.Fatalf("%q: %+v", argv, p)
		}
		if p.Name != "botctl-bot" && !strings.Contains(exe, p.Name) && !strings.Contains(line, p.Name) && !quoted(line) {
			t.Fatalf("%q: %+v comes from nowhere", argv, p)
		}
		if stem := p.Stem(); stem != "/" && strings.ContainsAny(stem, `/\`) {
			t.Fatalf("%q: stem %q", argv, stem)
		}
		behind(t, argv)
		bystanders(t, argv)
	})
}

// quoted says whether the reader may have put words together from parts of a shell's.
func quoted(line string) bool { return strings.ContainsAny(line, `'"`) }

// behind reads argv behind wrappers and a shell: that changes nothing.
func behind(t *testing.T, argv []string) {
	first := argv[0]
	depth := 0
	for _, w := range argv {
		if _, wraps := wrappers[base(w)]; wraps || isShell(base(w)) || isTool(base(w)) {
			depth++
		}
	}
	// One word with spaces is a title. A wrapper's own options, settings and run word are its own.
	if depth > 3 || first == "" || first[0] == '-' || first[0] == '+' || first == "run" || strings.ContainsAny(line(argv), "= \n") {
		return
	}
	want := ReadProgram(argv, "")
	for _, w := range [][]string{{"nohup"}, {"/usr/bin/env", "A=b", "-u", "C"}, {"timeout", "-k", "3", "5"}, {"nice", "-n", "5"}, {"dumb-init", "--"}, {"poetry", "run"}, {"flock", "-n", "/x"}} {
		if got := ReadProgram(append(slices.Clone(w), argv...), ""); !same(got, want) {
			t.Fatalf("%q: %+v, behind %q %+v", argv, want, w, got)
		}
	}
	if !slices.ContainsFunc(argv, func(w string) bool { return !bare.MatchString(w) }) {
		for _, text := range []string{line(argv), "exec " + line(argv), "A=b  '" + strings.Join(argv, `' "`) + `"`} {
			if strings.Count(text, "'")%2 == 1 {
				text = "'" + strings.Join(argv, `' '`) + "'"
			}
			if got := ReadProgram([]string{"/bin/sh", "-ec", text}, ""); !same(got, want) {
				t.Fatalf("%q: %+v, as sh -c %q %+v", argv, want, text, got)
			}
		}
	}
}

func line(argv []string) string { return strings.Join(argv, " ") }

func same(a, b Program) bool {
	return a.Kind == b.Kind && a.Name == b.Name && slices.Equal(a.Args, b.Args)
}

// bystanders puts argv behind what is no poller, whatever follows it.
func bystanders(t *testing.T, argv []string) {
	for _, head := range [][]string{
		{"vim"}, {"/usr/bin/grep", "-r"}, {"tail", "-f"}, {"nohup", "less"}, {"python", "-c"}, {"python3.12", "-uc"}, {"node", "-e"}, {"ruby", "-e"}, {"php", "-r"},
		{"python", "-m", "pytest"}, {"botctl", "run", "--"}, {"/opt/botctl", "guard"}, {"uv", "sync"}, {"docker", "run"}, {"ssh", "host"}, {"sh", "-c", "true; true"}, {"java", "-cp"},
	} {
		if head[0] == "java" && slices.Contains(argv, "-jar") {
			continue
		}
		if got := ReadProgram(append(slices.Clone(head), argv...), ""); got.Kind != Unknown {
			t.Fatalf("%q: %+v", append(head, argv...), got)
		}
	}
}

// FuzzJudge: whatever a process looks like, it is held for something only if it is ours, runs a program, and no
// other token acquits it; for a rival only in this project or, host wide, with this token. Or it carries the marks of
// a run whose supervisor is gone.
func FuzzJudge(f *testing.F) {
	f.Add("python\x00bot.py", "BOT_TOKEN="+ourToken, "python\x00bot.py", "", "", uint16(0xffff))
	f.Add("uvicorn\x00api_server:app", "TOKEN=x", "python\x00main.py", "api*", "", uint16(3))
	f.Add("python\x00bot.py\x00"+otherToken, "BOT_TOKEN="+ourToken, "./bot.sh", "", "spared*", uint16(14))
	f.Add("python\x00/project/bot.py", "API_TOKEN="+otherToken, "python\x00bot.py", "", "", uint16(10))
	f.Add("python\x00bot.py", "", "", "", "", uint16(13))
	f.Add("node\x00.", "", "python\x00.", "", "", uint16(12))
	f.Add("gunicorn: worker [api_server:app]", "BOT_TOKEN="+ourToken, "gunicorn\x00api_server:app", "", "", uint16(14))
	f.Fuzz(func(t *testing.T, argv, env, command, rival, spare string, bits uint16) {
		bit := func(n int) bool { return bits>>n&1 == 1 }
		target := &Target{Dir: "/project", Command: strings.Split(command, "\x00"), Keys: []string{"b-1", "d-1"}, Rivals: []string{rival}, Spare: []string{spare}, HostWide: bit(0)}
		if bit(1) {
			target.Token = ourToken
		}
		x := facts{argv: strings.Split(argv, "\x00"), env: strings.Split(env, "\x00"), dir: "/elsewhere", ours: bit(3), markAlive: bit(4)}
		for i, key := range []string{"b-1", "d-1", "b-2"} {
			if bit(5 + i) {
				x.markKeys = append(x.markKeys, key)
			}
		}
		for i, tok := range []token.Token{ourToken, otherToken} {
			if bit(8 + i) {
				x.dotenv = append(x.dotenv, tok)
			}
		}
		if bit(10) {
			x.exe = "/usr/bin/x"
		}
		p := ReadProgram(x.argv, x.exe)
		target.locate(p, &x, bit(2))
		verdict, why := target.judge(x)
		if verdict != None && !target.possible(p, x) && len(x.markKeys) == 0 {
			t.Fatalf("%q is a %s, and would not have been looked at: %s", argv, verdict, why)
		}
		if again, _ := target.judge(x); again != verdict || (verdict == None) != (why == "") {
			t.Fatalf("%q %q", verdict, why)
		}
		if len(x.markKeys) > 0 && x.markAlive && verdict != None {
			t.Fatalf("the bot of a living supervisor is a %s: %s", verdict, why)
		}
		if verdict == None || verdict == NotOurs || len(x.markKeys) > 0 && target.left(x.markKeys) {
			return
		}
		has := func(tok token.Token) bool { return strings.Contains(argv+"\x00"+env, tok.Reveal()) }
		ofOther := len(token.FromEnv(lookupIn(x.env), "")) > 0 || secretInArgs().MatchString(argv)
		switch {
		case !x.ours:
			t.Fatalf("another user's process is a %s: %s", verdict, why)
		case p.Kind == Unknown:
			t.Fatalf("%q is a %s: %s", argv, verdict, why)
		case target.Token != "" && !has(ourToken) && ofOther:
			t.Fatalf("another bot's process is a %s: %s", verdict, why)
		case target.Token != "" && !strings.Contains(argv, ourToken) && secretInArgs().MatchString(argv):
			t.Fatalf("a bot with another token in its arguments is a %s: %s", verdict, why)
		case verdict == Rival && !x.inDir && !target.HostWide:
			t.Fatalf("a process elsewhere is a %s: %s", verdict, why)
		case verdict == Rival && target.HostWide && (target.Token == "" || !has(ourToken)):
			t.Fatalf("a process without the token is a %s: %s", verdict, why)
		}
	})
}

func TestNoNameIsNoProgram(t *testing.T) {
	for _, argv := range [][]string{{"python", ""}, {"uvicorn", ""}, {"java", "-jar", ""}, {"python", "-m", ""}, {""}} {
		if got := ReadProgram(argv, ""); !reflect.DeepEqual(got, Program{}) {
			t.Errorf("%q: %+v", argv, got)
		}
	}
}
