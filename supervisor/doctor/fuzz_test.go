package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// readable says that a file may hold anything: reading it ends soon, without a panic, with places inside the file,
// and what is said of it is short and has no token in it.
func readable(t *testing.T, name, text string) {
	t.Helper()
	begin := time.Now()
	p := Read(Folder{Files: map[string]string{name: text, "bot.py": pollingBot}, Program: plainProgram, Command: []string{"python", "bot.py"}})
	if took := time.Since(begin); took > 2*time.Second {
		t.Fatalf("%v for %d bytes", took, len(text))
	}
	lines := strings.Count(text, "\n") + 1
	for _, s := range p.Starts {
		if s.File != name || s.Line < 1 || s.Line > lines {
			t.Fatalf("%s of %d lines in %q", s.where(), lines, text)
		}
	}
	r := Judge(Facts{Project: p})
	for _, c := range r.Checks {
		for _, said := range append([]string{c.Fact}, c.Next...) {
			if reads().secret.MatchString(said) {
				t.Fatalf("%q tells a token of %q", said, text)
			}
			if len(said) > 4096+100*len(p.Starts) {
				t.Fatalf("%d bytes are said", len(said))
			}
		}
	}
}

func FuzzCommands(f *testing.F) {
	for _, text := range []string{"python bot.py", `cd a && exec sh -c "python 'b c.py' | tee x" & `, "a $(b `c` ${d:-\"e\"}) 2>&1", "a\\", "`", "$(", "'", `"\`, "&>", "<<EOF", "((((", "a || b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list := commands(text)
		total := 0
		for _, c := range list {
			if len(c.words) == 0 {
				t.Fatalf("%q has a command without words", text)
			}
			total += len(strings.Join(c.words, " "))
		}
		if len(list) > maxCommands || total > len(text)+len(list) {
			t.Fatalf("%q: %d commands of %d bytes", text, len(list), total)
		}
		if again := fmt.Sprint(commands(text)); again != fmt.Sprint(list) {
			t.Fatalf("%q: %v, then %s", text, list, again)
		}
		nested(strings.Fields(text))
	})
}

func FuzzProcfile(f *testing.F) {
	for _, text := range []string{"worker: botctl run -- python bot.py\nweb: botctl guard -- uvicorn api_server:app\n", ":", "a:\nb: c\n", "release: x", "web: botctl run --", "w: concurrently 'a b' 'c d'", "w: npm run w"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { readable(t, "Procfile", text) })
}

func FuzzCompose(f *testing.F) {
	for _, text := range []string{
		"services:\n  bot:\n    command: python bot.py\n", "x: &x {a: 1, <<: *x}\nservices: *x\n", "services: &s\n  <<: [*s, *s, *s, *s]\n",
		"services: {a: {build: {context: ., dockerfile: 7}, deploy: {replicas: x}, entrypoint: [], command: ''}}", "services: [a]", "a: *b", "services:\n  a: null\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		readable(t, "compose.yaml", text)
		readable(t, "render.yaml", text)
	})
}

func FuzzUnit(f *testing.F) {
	for _, text := range []string{"[Service]\nExecStart=/usr/bin/python bot.py\nEnvironment=\"BOT_TOKEN=x\" A=b\n", "[Service]\nExecStart=\\\n\\\n", "ExecStart=x", "[Service]\nExecStart=@-:+!|", "[\n=\n", "[program:bot]\ncommand=python bot.py\n[program:x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		readable(t, "bot.service", text)
		readable(t, "supervisord.conf", text)
		Read(Folder{Dir: "/srv", Crontabs: map[string]string{"/etc/crontab": text, "/var/spool/cron/x": text}, Program: plainProgram})
	})
}

func FuzzDockerfile(f *testing.F) {
	for _, text := range []string{"FROM x\nCMD [\"python\", \"bot.py\"]\n", "ENTRYPOINT []\nCMD []", "ENTRYPOINT [\"\"]\nCMD a", "FROM a AS b\nFROM b\nFROM", "CMD \\\n# c\n\\\n", "cmd null", "ENTRYPOINT [\"a.sh\"]\nCMD python bot.py"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { readable(t, "Dockerfile", text) })
}

func FuzzManifests(f *testing.F) {
	for _, text := range []string{
		`{"scripts":{"start":"npm run start"},"dependencies":{"grammy":"^1"}}`, `{"scripts":[],"engines":1,"dependencies":{"a":1}}`, "[project]\ndependencies = [\"aiogram==3\"]\n",
		"[tool.poetry.dependencies]\npython = 3\naiogram = {version = 1}\n", "[deploy]\nstartCommand = \"python bot.py\"\n[processes]\na = \"python bot.py\"\n", "module x\n\nrequire gopkg.in/telebot.v3 v3.3.8\n", "aiogram[x] == 3 ; y\n\x00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"package.json", "pyproject.toml", "Pipfile", "requirements.txt", "go.mod", "railway.toml", "railway.json", "fly.toml", ".python-version"} {
			readable(t, name, text)
		}
	})
}

func FuzzSource(f *testing.F) {
	for _, text := range []string{pollingBot, pollingAPI, "from .. import (a,\n b)\nimport a.b as c, d\n", "import x from './y'\nrequire('../../../../etc')\n", "import (\n\t\"fmt\"\n)\n", "from . import *\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"a/main.py", "b.js", "c.ts", "d.go"} {
			p := Read(Folder{Files: map[string]string{name: text, "bot.py": pollingBot, "Procfile": "w: python a/main.py\nx: node b.js\n"}, Program: plainProgram})
			for _, n := range append(p.sources[name].polls, p.sources[name].base...) {
				if n < 1 || n > strings.Count(text, "\n")+1 {
					t.Fatalf("line %d of %q", n, text)
				}
			}
			Judge(Facts{Project: p})
		}
	})
}
