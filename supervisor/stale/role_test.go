package stale

import (
	"strings"
	"testing"
)

func TestReadProgram(t *testing.T) { // P16: argv positions, never substrings
	for _, tc := range []struct {
		line string // words separated by |, or by spaces when there is no |
		kind Kind
		name string
	}{
		// Interpreters and their options.
		{"python bot.py", Script, "bot.py"},
		{"python3 -u bot.py --debug", Script, "bot.py"},
		{"/usr/bin/python3.11 /srv/app/bot.py", Script, "/srv/app/bot.py"},
		{"python -X dev -W ignore -OO bot.py", Script, "bot.py"},
		{"python -Wignore -Xdev bot.py", Script, "bot.py"},
		{"python -- bot.py", Script, "bot.py"},
		{"pypy3 bot.py", Script, "bot.py"},
		{"python other.py bot.py", Script, "other.py"},
		{"python -m bot", Module, "bot"},
		{"python -um bot", Script, "bot"}, // a cluster with m is read as an option
		{"python -m pkg.bot --x", Module, "pkg.bot"},
		{"python -mbot", Module, "bot"},
		{"python -c|import bot; bot.main() # bot.py", Unknown, ""},
		{"python -uc|import bot", Unknown, ""},
		{"python", Unknown, ""},
		{"python -i", Unknown, ""},
		{"python -m pytest bot.py", Unknown, ""},
		{"python -m unittest bot", Unknown, ""},
		{"python -m mypy bot.py", Unknown, ""},
		{"python -m pip install bot", Unknown, ""},
		{"python -m cProfile -o x bot.py", Script, "bot.py"},
		{"node bot.js", Script, "bot.js"},
		{"node --inspect -r dotenv/config bot.js x", Script, "bot.js"},
		{"node --require ./x.js --env-file .env bot.js", Script, "bot.js"},
		{"node -e|require('./bot.js')", Unknown, ""},
		{"deno run -A bot.ts", Script, "bot.ts"},
		{"bun run bot.ts", Script, "bot.ts"},
		{"bun bot.ts", Script, "bot.ts"},
		{"npx tsx bot.ts", Script, "bot.ts"},
		{"tsx watch bot.ts", Script, "bot.ts"},
		{"ts-node -P tsconfig.json bot.ts", Script, "bot.ts"},
		{"ruby -I lib bot.rb", Script, "bot.rb"},
		{"ruby -e|load 'bot.rb'", Unknown, ""},
		{"php -d memory_limit=1G bot.php", Script, "bot.php"},
		{"php -r|require 'bot.php';", Unknown, ""},
		{"java -Xmx1g -jar bot.jar --x", Script, "bot.jar"},
		{"java -cp . Bot", Unknown, ""},
		{"bash bot.sh", Script, "bot.sh"},
		{"sh -e bot.sh", Script, "bot.sh"},

		// Servers.
		{"uvicorn api_server:app", App, "api_server:app"},
		{"uvicorn --host 0.0.0.0 --port 8000 api_server:app", App, "api_server:app"},
		{"uvicorn --reload api_server:app --port 80", App, "api_server:app"},
		{"uvicorn --port=80 pkg.api_server:app", App, "pkg.api_server:app"},
		{"/venv/bin/python3 /venv/bin/uvicorn api_server:app", App, "api_server:app"},
		{"python -m uvicorn --port 1 api_server:app", App, "api_server:app"},
		{"gunicorn -w 2 -k uvicorn.workers.UvicornWorker api_server:app", App, "api_server:app"},
		{"gunicorn --preload --bind 0.0.0.0:80 api_server:app", App, "api_server:app"},
		{"gunicorn: worker [api_server:app]", App, "api_server:app"},
		{"gunicorn: master [api_server:app]", App, "api_server:app"},
		{"hypercorn api_server:app", App, "api_server:app"},
		{"uvicorn --version", Unknown, ""},
		{"uvicorn --log-config api_server:app web:app", App, "web:app"},

		// Wrappers.
		{"env A=b C=d python bot.py", Script, "bot.py"},
		{"env -u X -i python bot.py", Script, "bot.py"},
		{"nohup python bot.py", Script, "bot.py"},
		{"timeout -k 3 5 python bot.py", Script, "bot.py"},
		{"timeout --signal=INT 5 python bot.py", Script, "bot.py"},
		{"nice -n 5 python bot.py", Script, "bot.py"},
		{"stdbuf -oL python bot.py", Script, "bot.py"},
		{"xvfb-run -a python bot.py", Script, "bot.py"},
		{"sudo -u bot -E python bot.py", Script, "bot.py"},
		{"gosu app python bot.py", Script, "bot.py"},
		{"dumb-init -- python bot.py", Script, "bot.py"},
		{"tini -g -- python bot.py", Script, "bot.py"},
		{"uv run bot.py", Native, "bot.py"},
		{"uv run python bot.py", Script, "bot.py"},
		{"uv run --env-file .env python -u bot.py", Script, "bot.py"},
		{"uv sync", Unknown, ""},
		{"poetry run python bot.py", Script, "bot.py"},
		{"poetry run uvicorn api_server:app", App, "api_server:app"},
		{"poetry install", Unknown, ""},
		{"pipenv run python bot.py", Script, "bot.py"},
		{"nodemon bot.js", Script, "bot.js"},
		{"nodemon -w src bot.js", Script, "bot.js"},
		{"nodemon --exec|python -u|bot.py", Script, "bot.py"},
		{"setsid nohup nice python bot.py", Script, "bot.py"},
		{"flock -n /tmp/x python bot.py", Script, "bot.py"},

		// Shells.
		{"sh -c|python bot.py", Script, "bot.py"},
		{"/bin/sh -c|exec python -u 'my bot/bot.py'", Script, "my bot/bot.py"},
		{"/bin/sh -c|python b\xf6t.py", Script, "b\xf6t.py"},
		{"bash -lc|exec uvicorn api_server:app", App, "api_server:app"},
		{"bash -c|BOT=1 python bot.py", Script, "bot.py"},
		{"bash -c|echo bot.py; sleep 100", Unknown, ""},
		{"bash -c|python bot.py | tee log", Unknown, ""},
		{"bash -c|while true; do python bot.py; done", Unknown, ""},
		{"bash", Unknown, ""},
		{"-bash", Unknown, ""},
		{"bash -i", Unknown, ""},

		// Bystanders.
		{"vim bot.py", Unknown, ""},
		{"nano bot.py", Unknown, ""},
		{"grep -r bot.py .", Unknown, ""},
		{"tail -f bot.log bot.py", Unknown, ""},
		{"less bot.py", Unknown, ""},
		{"git diff bot.py", Unknown, ""},
		{"ssh host python bot.py", Unknown, ""},
		{"docker run --rm img python bot.py", Unknown, ""},
		{"rsync -a bot.py host:", Unknown, ""},
		{"pytest bot.py", Unknown, ""},
		{"mypy bot.py", Unknown, ""},
		{"ps aux", Unknown, ""},
		{"pkill -f bot.py", Unknown, ""},
		{"watch cat bot.py", Unknown, ""},
		{"psql -c|select 'python bot.py'", Unknown, ""},
		{"botctl run -- python bot.py", Unknown, ""},
		{"tmux new python bot.py", Unknown, ""},
		{"strace -p 4 python bot.py", Unknown, ""},

		// Programs.
		{"./mybot --x", Native, "./mybot"},
		{"botctl bot", Native, "botctl-bot"},
	} {
		argv := strings.Fields(tc.line)
		if strings.Contains(tc.line, "|") {
			argv = nil
			for i, part := range strings.Split(tc.line, "|") {
				if i == 0 || !strings.ContainsAny(part, ";'") && i > 1 {
					argv = append(argv, strings.Fields(part)...)
				} else {
					argv = append(argv, part)
				}
			}
			if strings.Contains(tc.line, "| tee") {
				argv = []string{"bash", "-c", "python bot.py | tee log"}
			}
		}
		if strings.HasPrefix(tc.line, "gunicorn:") {
			argv = []string{tc.line}
		}
		got := ReadProgram(argv, "")
		if got.Kind != tc.kind || got.Name != tc.name {
			t.Errorf("%q: kind %d name %q, want %d %q", argv, got.Kind, got.Name, tc.kind, tc.name)
		}
	}
}

func TestStem(t *testing.T) {
	for want, list := range map[string][]Program{
		"bot":        {{Kind: Script, Name: "/srv/bot.py"}, {Kind: Module, Name: "pkg.bot"}, {Kind: App, Name: "src.bot:app"}, {Kind: Native, Name: "./bot"}},
		"api_server": {{Kind: App, Name: "api_server:app"}, {Kind: Script, Name: "api_server.py"}, {Kind: App, Name: "app/api_server.py:app"}},
	} {
		for _, p := range list {
			if got := p.Stem(); got != want {
				t.Errorf("%+v: %q, want %q", p, got, want)
			}
		}
	}
}
