package stale

import (
	"fmt"
	"slices"
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
		{"python -um bot", Module, "bot"},
		{"python -Bmbot", Module, "bot"},
		{"python -um pytest bot.py", Unknown, ""},
		{"python -uW ignore bot.py", Script, "bot.py"},
		{"python -bXdev bot.py", Script, "bot.py"},
		{"python -Wonce::c:bot -c|1|bot.py", Unknown, ""},
		{"python -IVc bot.py", Unknown, ""},
		{"python --version bot.py", Unknown, ""},
		{"python - bot.py", Unknown, ""},
		{"python3.13t bot.py", Script, "bot.py"},
		{"python3-dbg bot.py", Script, "bot.py"},
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
		{"python -m cProfile -m bot", Module, "bot"},
		{"python -m coverage run bot.py", Script, "bot.py"},
		{"python -m coverage run -m pytest bot.py", Unknown, ""},
		{"python -m coverage run pytest bot.py", Unknown, ""},
		{"python -m coverage report bot.py", Unknown, ""},
		{"python -m debugpy --listen 5678 --wait-for-client -m bot", Module, "bot"},
		{"node bot.js", Script, "bot.js"},
		{"node --test bot.js", Unknown, ""},
		{"node --check bot.js", Unknown, ""},
		{"node -pe 1 bot.js", Unknown, ""},
		{"node --inspect-port 9230 --watch-path src bot.js", Script, "bot.js"},
		{"node --unhandled-rejections strict bot.js", Script, "bot.js"},
		{"node node_modules/.bin/ts-node bot.ts", Script, "bot.ts"},
		{"node /usr/bin/tsx bot.ts", Script, "bot.ts"},
		{"node --inspect -r dotenv/config bot.js x", Script, "bot.js"},
		{"node --require ./x.js --env-file .env bot.js", Script, "bot.js"},
		{"node -e|require('./bot.js')", Unknown, ""},
		{"deno run -A bot.ts", Script, "bot.ts"},
		{"deno bot.ts", Script, "bot.ts"},
		{"deno test bot.ts", Unknown, ""},
		{"deno lint bot.ts", Unknown, ""},
		{"deno task bot", Unknown, ""},
		{"bun test bot", Unknown, ""},
		{"bun build bot.ts", Unknown, ""},
		{"bun run test", Script, "test"},
		{"bun --watch run bot.ts", Script, "bot.ts"},
		{"bun run bot.ts", Script, "bot.ts"},
		{"bun bot.ts", Script, "bot.ts"},
		{"npx tsx bot.ts", Script, "bot.ts"},
		{"tsx watch bot.ts", Script, "bot.ts"},
		{"ts-node -P tsconfig.json bot.ts", Script, "bot.ts"},
		{"ruby -I lib bot.rb", Script, "bot.rb"},
		{"ruby -e|load 'bot.rb'", Unknown, ""},
		{"ruby -ne|s/x/bot.rb|bot.rb", Unknown, ""},
		{"ruby -W0 -rset bot.rb", Script, "bot.rb"},
		{"perl -pe|s/x/bot.py|bot.py", Unknown, ""},
		{"perl -lpi.bak -e|s/x/bot.py|bot.py", Unknown, ""},
		{"perl -w -Mstrict bot.pl", Script, "bot.pl"},
		{"php -l bot.php", Unknown, ""},
		{"php -S 127.0.0.1:80 bot.php", Unknown, ""},
		{"php -dx=1 -f bot.php", Script, "bot.php"},
		{"php -d memory_limit=1G bot.php", Script, "bot.php"},
		{"php -r|require 'bot.php';", Unknown, ""},
		{"java -Xmx1g -jar bot.jar --x", Script, "bot.jar"},
		{"java -cp . Bot", Unknown, ""},
		{"java -cp . Main -jar bot.jar", Unknown, ""},
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
		{"gunicorn -w4 -kuvicorn.workers.UvicornWorker -b0.0.0.0:80 api_server:app", App, "api_server:app"},
		{"gunicorn -w4 -k uvicorn.workers.UvicornWorker api_server:app", App, "api_server:app"},
		{"gunicorn --check-config api_server:app", Unknown, ""},
		{"daphne --verbosity 2 -p 80 api_server:app", App, "api_server:app"},
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
		{"uv run bot.py", Script, "bot.py"},
		{"uv run --with-requirements r.txt bot.py", Script, "bot.py"},
		{"uv run -m bot", Module, "bot"},
		{"uv run -m pytest bot.py", Unknown, ""},
		{"uv --directory run sync bot.py", Unknown, ""},
		{"uv run mytool bot.py", Native, "mytool"},
		{"pdm run bot.py", Script, "bot.py"},
		{"conda run --name bots --cwd /srv python bot.py", Script, "bot.py"},
		{"hatch -e dev run python bot.py", Script, "bot.py"},
		{"doppler run -p bots -c prd -- python bot.py", Script, "bot.py"},
		{"op run --env-file .env.tpl -- python bot.py", Script, "bot.py"},
		{"dotenvx run -f .env.prod -- python bot.py", Script, "bot.py"},
		{"busybox tail -f bot.py", Unknown, ""},
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
		{"flock /tmp/x -c|python bot.py", Script, "bot.py"},
		{"flock /tmp/x -c|tail -f /srv/bot.py", Unknown, ""},
		{"nodemon --delay 2 --signal SIGTERM bot.js", Script, "bot.js"},

		// Shells.
		{"sh -c|python bot.py", Script, "bot.py"},
		{"/bin/sh -c|exec python -u 'my bot/bot.py'", Script, "my bot/bot.py"},
		{"/bin/sh -c|python b\xf6t.py", Script, "b\xf6t.py"},
		{"bash -lc|exec uvicorn api_server:app", App, "api_server:app"},
		{"bash -c|BOT=1 python bot.py", Script, "bot.py"},
		{"sh -ec|python bot.py", Script, "bot.py"},
		{"sh -ce|python bot.py", Script, "bot.py"},
		{"sh -ce|tail -f /srv/bot.py", Unknown, ""},
		{"sh -c --|python bot.py", Script, "bot.py"},
		{"bash -c -l|python bot.py", Script, "bot.py"},
		{"bash +x -c|python bot.py", Script, "bot.py"},
		{"bash -o pipefail -c|python bot.py", Script, "bot.py"},
		{"bash -o pipefail -c|tail -f /srv/bot.py", Unknown, ""},
		{"bash -euo pipefail bot.sh", Script, "bot.sh"},
		{"bash -n bot.sh", Unknown, ""},
		{"bash -s bot.sh", Unknown, ""},
		{"bash --rcfile bot.sh -i", Unknown, ""},
		{"bash --init-file /x/bot.sh", Unknown, ""},
		{"/bin/sh /usr/bin/xvfb-run -a python bot.py", Script, "bot.py"},
		{"/bin/sh /usr/bin/code bot.py", Unknown, ""},
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

func TestTitles(t *testing.T) {
	for _, tc := range []struct {
		title, exe string
		want       string // kind and name
	}{
		{"gunicorn: worker [api_server:app]", "/usr/bin/python3", "3 api_server:app titled"},
		{"gunicorn: worker [bot]", "/usr/bin/python3", "4 /usr/bin/python3 titled"}, // -n gives any name
		{"uvicorn api_server:app --port 80", "/usr/bin/python3", "3 api_server:app titled"},
		{"python bot.py", "/usr/bin/python3", "1 bot.py titled"},
		{"python: bot.py", "/usr/bin/python3", "4 /usr/bin/python3 titled"}, // describes
		{"sh: bot.sh polls", "/bin/sh", "4 /bin/sh titled"},
		{"sshd: bot@pts/0", "/usr/sbin/sshd", "4 /usr/sbin/sshd titled"},
		{"vim bot.py", "/usr/bin/vim", "0  titled"},
		{"npm start", "/usr/bin/node", "4 /usr/bin/node titled"},
		{"/srv/python bot.py", "/srv/python bot.py", "4 /srv/python bot.py"}, // a path
		{"./python bot.py", "/srv/python bot.py (deleted)", "4 /srv/python bot.py"},
		{" ", "/bin/x", "0 "},
	} {
		p := ReadProgram([]string{tc.title}, tc.exe)
		got := fmt.Sprint(int(p.Kind), " ", p.Name)
		if p.Titled {
			got += " titled"
		}
		if p.Kind == Unknown {
			got, tc.want = "0", tc.want[:1]
		}
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.title, got, tc.want)
		}
	}
}

func TestTheExecutableIsTheWrappers(t *testing.T) {
	for line, want := range map[string]string{"timeout 5 ./mybot": "./mybot", "./mybot": "/usr/bin/x", "sh -c ./mybot": "./mybot"} {
		if got := ReadProgram(strings.Fields(line), "/usr/bin/x").Name; got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestArgumentsAndEnvFiles(t *testing.T) {
	for _, tc := range []struct {
		argv        []string
		args, files string
	}{
		{[]string{"python", "-u", "bot.py", "-v", "x"}, "-v x", ""},
		{[]string{"uvicorn", "--port", "80", "api_server:app", "--reload"}, "--port 80 --reload", ""},
		{[]string{"uv", "run", "--env-file", "b.env", "python", "bot.py"}, "", "b.env"},
		{[]string{"sh", "-c", "node --env-file=b.env bot.js --env-file c"}, "--env-file c", "b.env c"},
	} {
		p := ReadProgram(tc.argv, "")
		if got := strings.Join(p.Args, " "); got != tc.args {
			t.Errorf("%q: arguments %q, want %q", tc.argv, got, tc.args)
		}
		if got := strings.Join(p.EnvFiles, " "); got != tc.files {
			t.Errorf("%q: env files %q, want %q", tc.argv, got, tc.files)
		}
	}
}

func TestPlace(t *testing.T) {
	for want, list := range map[string][]Program{
		"/p/bot":     {{Kind: Script, Name: "bot.py"}, {Kind: Script, Name: "./x/../bot"}, {Kind: Script, Name: "/p/bot.js"}, {Kind: Module, Name: "bot"}, {Kind: Module, Name: "bot.__main__"}, {Kind: Script, Name: "bot/__main__.py"}, {Kind: App, Name: "bot:app"}, {Kind: Native, Name: "./bot"}},
		"/p/src/bot": {{Kind: Script, Name: "src/bot.py"}, {Kind: Module, Name: "src.bot"}, {Kind: App, Name: "src.bot:create()"}, {Kind: App, Name: "src/bot.py:app"}},
		"/p":         {{Kind: Script, Name: "."}, {Kind: Script, Name: "./"}},
	} {
		for _, p := range list {
			if got, _ := p.place("/p"); got != want {
				t.Errorf("%+v: %q, want %q", p, got, want)
			}
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

func BenchmarkReadProgram(b *testing.B) {
	for _, line := range []string{
		"/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main",
		"python bot.py",
		"/srv/bot/.venv/bin/python -u -m bot.main --config prod.yaml",
		"uvicorn api_server:app --host 0.0.0.0 --port 8000 --reload",
		"sh -c exec uv run --env-file .env python bot.py",
	} {
		argv := strings.Split(line, " ")
		if i := slices.Index(argv, "-c"); i > 0 {
			argv = append(argv[:i+1:i+1], strings.Join(argv[i+1:], " "))
		}
		b.Run(argv[0]+" "+argv[len(argv)-1], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ReadProgram(argv, "")
			}
		})
	}
}
