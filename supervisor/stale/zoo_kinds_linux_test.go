package stale

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// kind makes one animal of it; nil where the host is not for it.
type kind struct {
	name string
	make func(h *host) *animal
}

var kinds = slices.Concat(rivalKinds, namedKinds, bystanderKinds, otherBotKinds, listedKinds, realKinds)

var rivalKinds = []kind{
	{"our bot with the token", func(h *host) *animal { return h.wants(h.own().with(h.ours()), Rival) }},
	{"our bot, the token is nowhere or in .env", func(h *host) *animal { return h.wantsBare(h.own(), Rival) }},
	{"our bot, the token among its arguments", func(h *host) *animal {
		a := h.own()
		a.argv = append(a.argv, strings.Fields(h.pick("--token "+ourToken, "--token="+ourToken, "-t"+ourToken))...)
		return h.wants(a, Rival, Rival, Ambiguous) // without a token to compare, those are other arguments
	}},
	{"our bot, and the token of another in a variable of no meaning", func(h *host) *animal {
		return h.wants(h.own().with("LOG_BOT="+otherToken, h.ours()), Rival)
	}},
	{"a name that competes, with the token", func(h *host) *animal { return h.wants(h.literal().with(h.ours()), Rival) }},
	{"a name that competes, in the folder", func(h *host) *animal {
		if h.project.server {
			return nil // the command's arguments decide
		}
		return h.wantsBare(h.literal(), Rival)
	}},
	{"our bot, by a path from another folder", func(h *host) *animal {
		if h.project.script == "" {
			return nil
		}
		interpreter := map[string]string{".py": "python3", ".js": "node", ".sh": "/bin/sh"}[filepath.Ext(h.project.script)]
		a := h.act(append([]string{interpreter, filepath.Join(h.dir, h.project.script)}, h.project.args...)...).with(h.ours()).in("/")
		if h.IntN(2) == 0 {
			a.dir, a.argv[1] = h.root, filepath.Join(filepath.Base(h.dir), h.project.script)
		}
		return h.wants(a, Rival)
	}},
	{"our bot ignores SIGTERM", func(h *host) *animal { return h.deaf(h.wants(h.own().with(h.ours()), Rival)) }},
	{"our bot is stopped", func(h *host) *animal {
		a := h.wants(h.own().with(h.ours()), Rival)
		a.stopped = true
		return a
	}},
	{"our bot, its executable deleted", func(h *host) *animal {
		if h.project.native != "" {
			return nil
		}
		a := h.wants(h.own().with(h.ours()), Rival)
		a.exe, a.deleted = h.program(filepath.Join(h.root, "bin", fmt.Sprintf("python%d", h.Uint32()))), true
		return a
	}},
	{"our bot under a name from prctl", func(h *host) *animal {
		a := h.wants(h.own().with(h.ours()), Rival)
		a.comm = h.pick(comms...)
		return a
	}},
	{"our bot in an executable with parentheses", func(h *host) *animal {
		if h.project.native != "" {
			return nil
		}
		a := h.wants(h.own().with(h.ours()), Rival)
		a.exe = h.program(filepath.Join(h.root, "bin", h.pick("a) R (b", "py thon", ") Z 1 ")))
		return a
	}},
	{"our bot, its command line longer than a buffer", func(h *host) *animal {
		a := h.own()
		a.argv = append(a.argv, "--x="+strings.Repeat("x", 9000), "--token="+ourToken)
		return h.wants(a, Rival, Rival, Ambiguous)
	}},
	{"left over from our run", func(h *host) *animal {
		a := h.act(strings.Fields(h.pick("whatever --x", "sleep 1000", "vim notes", "redis-server", "bash"))...).in(h.elsewhere(""))
		keys := h.pick("b-1", "b-1+d-1", "b-1+d-9")
		if h.mode == blind {
			keys = h.pick("d-1", "b-7+d-1")
		}
		return h.wants(a.with(EnvRunID+"="+keys+".77", EnvSupervisor+"="+h.pick("999999:1", "1:99999999")), Rival)
	}},
	{"left over from a run that knew no token", func(h *host) *animal {
		return h.wants(h.act("sleep", "1000").with(EnvRunID+"=d-1.77", EnvSupervisor+"=999999:1"), Rival)
	}},
	{"wrapper with our bot", func(h *host) *animal {
		a := h.wants(h.own().with(h.ours()), Rival)
		return h.wrapped(a, h.wrapper()...)
	}},
	{"wrapper of a wrapper with our bot", func(h *host) *animal {
		a := h.wants(h.own().with(h.ours()), Rival)
		return h.wrapped(h.wrapped(a, h.wrapper()...), strings.Fields(h.pick("timeout 9d", "sudo -E", "nice", "dumb-init"))...)
	}},
	{"uv runs a file", func(h *host) *animal {
		a := h.wants(h.act("python3", "bot.py").with(h.ours()), Rival)
		w := h.wants(h.act(append(strings.Fields(h.pick("uv run", "uv run --no-project", "uv run --with-requirements r.txt", "uv run -s", "pdm run")), "bot.py")...).with(h.ours()), Rival)
		return twin(w, a)
	}},
	{"uv runs a module", func(h *host) *animal {
		a := h.wants(h.act("python3", "-m", "bot").with(h.ours()), Rival)
		return twin(h.wants(h.act("uv", "run", h.pick("-m", "--module"), "bot").with(h.ours()), Rival), a)
	}},
	{"shell with our bot alone", func(h *host) *animal {
		a := h.wants(h.own().with(h.ours()), Rival)
		if !plainPaths(a.argv) {
			return nil
		}
		w := h.wrapped(a)
		w.argv = append(strings.Fields(h.pick("sh -c", "bash -lc", "bash -c", "/bin/sh -ec", "bash -ce", "bash -o pipefail -c", "bash -eo pipefail -c", "sh -c --", "bash -c -l", "bash --norc -c", "bash +x -c")),
			h.pick("", "exec ", "exec nohup ", "DEBUG=1 ")+text(a.argv))
		return w
	}},
	{"npm with our bot", func(h *host) *animal {
		a := h.wants(h.own().with(h.ours()), Rival)
		if !plainPaths(a.argv) {
			return nil
		}
		sh := h.wrapped(a)
		sh.argv = []string{"sh", "-c", text(a.argv)}
		npm := h.act("npm", "start", "x", "y").with(h.ours())
		npm.title = h.pick("npm start", "npm run bot", "npm exec node bot.js")
		return twin(npm, sh)
	}},
	{"nodemon with our bot", func(h *host) *animal {
		if !strings.HasPrefix(h.project.command[0], "node") {
			a := h.wants(h.act("python", "-u", "bot.py").with(h.ours()), Rival)
			return twin(h.wants(h.act(append(strings.Fields(h.pick("nodemon", "node /usr/bin/nodemon", "npx nodemon")), "-w", "src", "--exec", "python -u", "bot.py")...).with(h.ours()), Rival), a)
		}
		a := h.wants(h.own().with(h.ours()), Rival)
		w := h.act(slices.Concat(strings.Fields(h.pick("nodemon", "/usr/bin/node /usr/bin/nodemon", "npx nodemon", "nodemon --watch src --ext js,json", "nodemon --delay 2 -q")), []string{h.project.script}, h.project.args)...)
		return twin(h.wants(w.with(h.ours()), Rival), a)
	}},
	{"uvicorn that reloads", func(h *host) *animal {
		if h.serverInDoubt() {
			return nil
		}
		a := h.wants(h.act("python3", "/srv/venv/bin/uvicorn", "--reload", "api_server:app").with(h.ours()), Rival)
		a.children = []*animal{
			h.act("/srv/venv/bin/python3", "-B", "-c", "from multiprocessing.resource_tracker import main;main(4)").with(h.ours()).named("resource tracker"),
			h.act("/srv/venv/bin/python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, pipe_handle=7)", "--multiprocessing-fork").with(h.ours()).named("spawned worker"),
		}
		return a
	}},
	{"gunicorn and its workers", func(h *host) *animal {
		if h.serverInDoubt() {
			return nil
		}
		argv := h.served("api_server:app")
		a := h.wants(h.act(argv...).with(h.ours()), Rival)
		for range 2 {
			a.children = append(a.children, h.wants(h.act(argv...).with(h.ours()), Rival))
		}
		return a
	}},
	{"title of gunicorn, environment left alone", func(h *host) *animal {
		a := h.wants(h.act("python3", "/srv/venv/bin/gunicorn", "api_server:app").with(h.ours()), Rival)
		a.title = "gunicorn: " + h.pick("master", "worker") + " [api_server:app]"
		return a
	}},
	{"title that is a command line", func(h *host) *animal {
		a := h.wants(h.act("python3", "bot.py", "some", "more", "arguments").with(h.ours()), Rival)
		a.title = h.pick("python bot.py", "/usr/bin/uvicorn api_server:app", "/usr/bin/python3 -u ./bot.py")
		return a
	}},
	{"what --rival names", func(h *host) *animal {
		return h.wants(h.act(h.pick("python", "node", "ruby"), h.pick("poller.py", "./poll.js", "tools/polling.rb"), "--x").with(h.ours()), Rival)
	}},
	{"a program that --rival names", func(h *host) *animal {
		a := h.wants(h.act("./pollbot", "run").with(h.ours()), Rival)
		a.exe = h.program(filepath.Join(h.dir, "pollbot"))
		return a
	}},
	{"profiler or debugger with bot.py", func(h *host) *animal {
		return h.wants(h.act(append([]string{"python3"}, strings.Fields(h.pick("-m cProfile -o out.prof bot.py", "-m debugpy --listen 5678 bot.py", "-m debugpy --listen 5678 --wait-for-client -m bot", "-m coverage run bot.py", "-m trace --trace bot.py", "-m coverage run -m bot"))...)...).with(h.ours()), Rival)
	}},
	{"other interpreters' tools with our script", func(h *host) *animal {
		if !strings.HasPrefix(h.project.command[0], "node") {
			return nil
		}
		a := h.act(append(strings.Fields(h.pick("node /usr/local/bin/ts-node", "node node_modules/.bin/tsx", "tsx watch", "bun run", "bun", "deno run -A", "npx tsx", "bun --watch run", "node --import tsx/esm")), append([]string{h.project.script}, h.project.args...)...)...)
		return h.wants(a.with(h.ours()), Rival)
	}},
}

// namedKinds speak of the bot and run something else, most of them with the token.
var namedKinds = []kind{
	speaks("editor", "vim bot.py", "nvim ./bot.py", "nano bot.py", "emacs -nw bot.py", "/usr/bin/vim.basic bot.py", "micro bot.py", "code --wait bot.py", "hx bot.py", "ed bot.py", "view bot.py"),
	speaks("grep", "grep -rn bot.py .", "rg api_server:app", "ag bot.py", "egrep bot.py x", "git grep bot.py", "zgrep bot.py log.gz"),
	speaks("tail", "tail -f bot.log bot.py", "tail -n 100 -F bot.py", "less +F bot.py", "more bot.py", "cat bot.py", "head bot.py", "multitail bot.py", "busybox tail -f bot.py"),
	speaks("test runner", "pytest bot.py", "python -m pytest bot.py", "python3 /srv/venv/bin/pytest -x bot.py", "python -m unittest bot", "py.test bot.py", "python -um pytest bot.py", "uv run pytest bot.py",
		"poetry run pytest bot.py", "python -m coverage run -m pytest bot.py", "coverage run -m pytest bot.py", "python -m coverage report bot.py", "node --test bot.js index.js dist/bot.js", "tox -e bot", "npx jest bot",
		"node --test index.js", "node --test dist/bot.js", "bun test bot", "python -m debugpy --listen 1 -m pytest bot.py", "uv run -m pytest bot.py"),
	speaks("checker", "mypy bot.py", "python -m mypy bot.py", "ruff check bot.py", "python -m pylint bot.py", "black bot.py", "node --check index.js", "node -c dist/bot.js", "php -l bot.py", "ruby -c bot.py",
		"bash -n start.sh", "sh -n ./start.sh", "python -m py_compile bot.py", "deno check bot.ts", "deno lint dist/bot.js", "bun build index.js", "perl -c bot.py", "node --check dist/bot.js"),
	speaks("remote", "ssh host python bot.py", "scp bot.py host:", "rsync -a bot.py host:", "docker run --rm img python bot.py", "docker exec -it c python bot.py", "kubectl exec p -- python bot.py", "podman run img bot.py",
		"mosh host -- python bot.py", "docker compose run bot python bot.py"),
	speaks("looking at processes", "pgrep -f bot.py", "pkill -f never.matches.bot.py", "ps aux", "watch pgrep -af bot.py", "htop -F bot.py", "strace -f python bot.py", "gdb --args python bot.py", "ltrace python bot.py", "perf record python bot.py"),
	speaks("multiplexer", "tmux new -d python bot.py", "screen -dmS bot python bot.py", "script -c python\\ bot.py", "expect bot.exp"),
	speaks("database", "psql postgres:///bot", "redis-cli", "sqlite3 bot.db", "mysql bot"),
	speaks("package tool", "uv sync", "uv pip install bot", "poetry install", "poetry add bot.py", "npm install bot", "pip install -e bot", "python -m pip install bot.py", "uv add run bot.py", "pdm add bot.py", "pipenv install bot.py"),
	speaks("code as an argument", "python -c import\\ bot;bot.main() bot.py", "python3 -uc import\\ bot bot.py", "node -e require('./bot.js') bot.js", "node -p 1 index.js", "ruby -e load bot.py", "perl -ne print\\ if/bot.py/ bot.py",
		"perl -pe s/x/bot.py bot.py", "perl -lpi.bak -e s/x/y/ bot.py", "ruby -ne s/x/bot.py bot.py", "php -r echo bot.py", "python -Ic 1 bot.py", "perl -E say bot.py", "node -pe 1 index.js", "python -Wcbot.py -c 1 bot.py"),
	speaks("java", "java -cp app.jar Main -jar bot.py", "java -Xmx1g Main -jar api_server.jar", "java -cp x bot.py"),
	speaks("the name as an argument", "ls bot.py", "touch bot.py", "wc -l bot.py", "inotifywait -m bot.py", "entr -r bot.py", "sleep 1000 bot.py", "tee bot.py", "sort bot.py", "xargs -n1 python bot.py", "parallel python bot.py"),
	speaks("shell of a person", "bash", "-bash", "zsh -l", "-zsh", "bash -i", "fish", "bash --rcfile bot.py -i", "bash --init-file /x/bot.py", "sh", "dash -i", "bash -s bot.py", "sh -s -- bot.py", "bash --rcfile start.sh", "sh -is ./start.sh"),
	speaks("botctl", "botctl run -- python bot.py", "/usr/local/bin/botctl run -- uvicorn api_server:app", "botctl status", "botctl kill-stale", "botctl guard -- python bot.py"),
	speaks("daemon", "redis-server *:6379", "nginx -c bot.py", "cron -f", "supervisord -c bot.conf", "/usr/bin/ssh-agent", "dbus-daemon --session"),
	speaks("file server or such", "php -S 127.0.0.1:80 bot.py", "python -m venv bot", "php -S 127.0.0.1:80 -t public index.js"),
	speaks("wrapper of something else", "timeout 5 tail -f bot.py", "nohup vim bot.py", "env A=b grep bot.py x", "sudo -u x less bot.py", "nice tail -f bot.py", "uv run mypy bot.py", "poetry run black bot.py", "npx eslint bot.js",
		"nodemon --exec pytest bot.py", "stdbuf -oL grep bot.py", "flock /tmp/x -c tail\\ -f\\ /srv/bot.py", "flock /tmp/x cat bot.py", "timeout 9 make bot.py", "conda run --name bots pytest bot.py", "op run --env-file x -- vim bot.py"),
	{"shell with the text among others", func(h *host) *animal {
		argv := []string{h.pick("bash", "sh", "/bin/bash", "zsh", "dash"), h.pick("-c", "-ec", "-ce", "-lc", "-xc")}
		if h.IntN(3) == 0 {
			argv = slices.Insert(argv, 1, "-o", "pipefail")
		}
		script := h.pick("bot.py", h.dir+"/bot.py", "/srv/x/bot.py", "./start.sh", "/srv/x/index.js", "dist/bot.js", "/x/api_server.py")
		argv = append(argv, h.pick("echo python "+script+"; read x", "tail -f "+script, "while sleep 1; do python "+script+"; done", "cd /srv && python "+script, "python "+script+" | tee log",
			"vim "+script, "ls "+script, "cat <"+script, "exec grep -r "+script, "python -c 'import x' "+script, "# python "+script, "sleep 1000 && true "+script, "less +F "+script, "test -e "+script+" && "+script))
		return h.maybeOurs(h.act(argv...))
	}},
	{"title that speaks of the bot", func(h *host) *animal {
		a := h.maybeOurs(h.act("python3", "/opt/tool", "some more arguments", "to make room for a title"))
		a.title = h.pick("sshd: bot@pts/0", "postgres: bot bot [local] idle", "python: bot.py", "node: dist/bot.js", "gunicorn: worker [bot]", "gunicorn: master [bot]", "tmux: server", "vim bot.py", "bot.py", "bash: ./start.sh",
			"celery: bot.py", "nginx: worker process", "bot.py: polling", "pytest bot.py", "sh: start.sh", "uvicorn:", " ", "node:", "grep -r bot.py .")
		return a
	}},
	{"program whose path has a space", func(h *host) *animal {
		a := h.maybeOurs(h.act())
		a.exe = h.program(filepath.Join(h.root, "apps", h.pick("python bot.py", "node index.js", "uvicorn api_server:app", "sh start.sh", "python main.py")))
		a.argv = []string{a.exe}
		return a
	}},
	{"names and nothing else", func(h *host) *animal {
		a := h.maybeOurs(h.act(strings.Fields(h.pick("bot", "./bot", "bot.py", "/srv/bot.py --x", "python", "python -i", "node", "api_server", "uvicorn", "gunicorn --check-config", "uvicorn --version", "python -", "python --version bot.py -V", "env", "uv", "uv run", "nodemon", "sh -c", "-", "--"))...))
		a.comm = h.pick(comms...)
		return a
	}},
	{"argument list with holes", func(h *host) *animal {
		return h.maybeOurs(h.act([][]string{{"python", "-c", "", "bot.py"}, {"bash", "-c", "", "bot.py"}, {"env", "", "x"}, {"uvicorn", ""}, {"timeout", "", "", ""}, {"sh", "-c", "'", "bot.py"}}[h.IntN(6)]...))
	}},
}

// bystanderKinds have a reason of their own to be left alone.
var bystanderKinds = []kind{
	{"zombie of our bot", func(h *host) *animal {
		dead := h.own().with(h.ours())
		dead.zombie, dead.comm = true, h.pick("", "a) R (b")
		return &animal{argv: []string{"keeper", "of the dead"}, env: []string{h.ours()}, children: []*animal{dead}, stay: true}
	}},
	{"our living child", func(h *host) *animal {
		a := h.own().with(h.ours())
		a.keep = true
		a.children, a.stay = []*animal{h.own().with(h.ours()).named("child of our living child")}, true
		return a
	}},
	{"of a living supervisor", func(h *host) *animal {
		return h.own().with(h.ours(), EnvRunID+"="+h.pick("b-1", "b-1+d-1", "b-2+d-1", "d-1")+".5", fmt.Sprintf("%s=%d:%d", EnvSupervisor, os.Getpid(), StartTicks()))
	}},
	{"of a supervisor that cannot be told", func(h *host) *animal {
		return h.own().with(h.ours(), EnvRunID+"=b-1+d-1.5", EnvSupervisor+"="+h.pick("", "x", "1", "1:", ":1", "1:x"))
	}},
	{"left over from another bot", func(h *host) *animal {
		return h.act(h.pick("whatever", "tail", "vim"), "bot.py").with(EnvRunID+"="+h.pick("b-2.77", "d-2.77", "b-11+d-11.77", "b.77", ".77", "b-2+d-2"), EnvSupervisor+"=999999:1")
	}},
	{"left over from another bot of this folder", func(h *host) *animal { // two bots may live in one folder
		return h.wants(h.act("whatever").with(EnvRunID+"=b-2+d-1.77", EnvSupervisor+"=999999:1"), None, None, Rival)
	}},
	{"in a container", func(h *host) *animal {
		if os.Geteuid() != 0 {
			return nil
		}
		a := h.own().with(h.ours())
		a.contained = true
		return a
	}},
	{"spared", func(h *host) *animal { return h.act("python", h.pick("spared.py", "./spared_bot.py")).with(h.ours()) }},
	{"another user's editor", func(h *host) *animal { return h.other(h.act("vim", "bot.py").with(h.ours())) }},
	{"another user's bot of another folder", func(h *host) *animal {
		return h.other(h.act("python", "bot.py").in(h.elsewhere("")))
	}},
	{"another user's left over", func(h *host) *animal {
		return h.other(h.act("sleep", "1000").with(EnvRunID+"=b-1.77", EnvSupervisor+"=999999:1"))
	}},
	{"another user's, of another bot, in this folder", func(h *host) *animal {
		return h.other(h.wants(h.own().with(h.theirs()), None, None, NotOurs))
	}},
}

// otherBotKinds have the role, and are another bot's.
var otherBotKinds = []kind{
	{"another token in its environment", func(h *host) *animal { return h.wants(h.own().with(h.theirs()), None, None, Rival) }},
	{"another token, and a name that competes", func(h *host) *animal {
		return h.wants(h.act("python", "api_server.py").with(h.theirs()), None, None, Rival)
	}},
	{"another token among its arguments", func(h *host) *animal {
		a := h.own()
		a.argv = append(a.argv, "--token", otherToken)
		return h.wants(a, None, None, Ambiguous)
	}},
	{"another token among its arguments, ours in its environment", func(h *host) *animal {
		a := h.own().with(h.ours())
		a.argv = append(a.argv, "--token="+otherToken)
		return h.wants(a, None, None, Ambiguous)
	}},
	{"another token behind a long command line", func(h *host) *animal {
		a := h.own()
		a.argv = append(a.argv, "--x="+strings.Repeat("x", 9000), "--token="+otherToken)
		return h.wants(a, None, None, Ambiguous)
	}},
	{"another token in a shell's text", func(h *host) *animal {
		if h.project.server {
			return nil
		}
		a := h.wants(h.own().with(h.theirs()), None, None, Rival)
		w := h.act("sh", "-c", "BOT_TOKEN="+otherToken+" python bot.py")
		w.stay = true
		return twin(h.wants(w, None, None, Rival), a)
	}},
	{"wrapper with another token", func(h *host) *animal {
		a := h.wants(h.own().with(h.theirs()), None, None, Rival)
		return h.wrapped(a, h.wrapper()...)
	}},
	{"another project's bot", func(h *host) *animal { return h.act("python", "bot.py").in(h.elsewhere("")) }},
	{"another project's bot with its token", func(h *host) *animal {
		return h.act("python", "bot.py").with(h.theirs()).in(h.elsewhere(""))
	}},
	{"another project's bot with its token in .env", func(h *host) *animal { return h.act("python", "bot.py").in(h.elsewhere(otherToken)) }},
	{"another project's bot by its path", func(h *host) *animal {
		dir := h.elsewhere(h.pick("", otherToken))
		return h.act("python", filepath.Join(dir, "bot.py")).in("/")
	}},
	{"another project's bot by its path, started from our folder", func(h *host) *animal {
		a := h.wantsBare(h.act("python", filepath.Join(h.elsewhere(otherToken), "bot.py")), Ambiguous)
		if h.mode == plain && h.dotenv == "" {
			a.want = None // the one .env that may count has another token
		}
		return a
	}},
	{"another project's server", func(h *host) *animal {
		return h.act(h.served(h.pick("api_server:app", "bot:app", "main:app"))...).in(h.elsewhere(h.pick("", otherToken)))
	}},
	{"another project's uvicorn with our token", func(h *host) *animal {
		return h.act(h.served("web:app")...).with(h.ours()).in(h.elsewhere(""))
	}},
	{"another script", func(h *host) *animal {
		return h.act(append(h.interpreter(), h.pick("worker.py", "other.py", "bot_test.py", "mybot.py", "bot.py.bak", "robot.py", "bot.pyx/run", "-"), "bot.py")...)
	}},
	{"another script with another token", func(h *host) *animal {
		return h.act("python", "worker.py").with(h.theirs())
	}},
	{"gunicorn's title over another bot's environment", func(h *host) *animal {
		a := h.act("python3", "/srv/venv/bin/gunicorn", "-k", "uvicorn.workers.UvicornWorker", "-w", "1", "api_server:app").with(h.theirs())
		a.title, a.blank = "gunicorn: "+h.pick("master", "worker")+" [api_server:app]", true
		return h.wantsBare(a, h.unlessBlind(Ambiguous))
	}},
	{"a command line as a title, the token out of sight", func(h *host) *animal {
		a := h.act("python3", "bot.py", "--token", otherToken)
		a.title = "python3 bot.py"
		return h.wantsBare(a, h.unlessBlind(Ambiguous))
	}},
}

// listedKinds may poll, and are left alone unless a conflict goes on and they are connected.
var listedKinds = []kind{
	{"web app of the folder", func(h *host) *animal {
		return h.maybeConnected(h.wantsBare(h.act(h.served(h.pick("web:app", "site.wsgi:application", "main2:app", "robot:app", "bot.web:app"))...), Suspect))
	}},
	{"web app of the folder with the token", func(h *host) *animal {
		return h.maybeConnected(h.wants(h.act(h.served(h.pick("web:app", "site.wsgi:application", "sender:app"))...).with(h.ours()), Suspect))
	}},
	{"script of the folder with the token", func(h *host) *animal {
		return h.maybeConnected(h.wants(h.act(append(h.interpreter(), h.pick("worker.py", "send.py", "tools/report.py", "web.py"))...).with(h.ours()), Suspect, Suspect, None))
	}},
	{"module or tool with the token", func(h *host) *animal {
		a := h.act(strings.Fields(h.pick("python -m http.server 8000", "python -m pyflakes bot.py", "python -m doctest bot.py", "python -m json.tool bot.py", "python -m flask --app bot run",
			"/srv/venv/bin/python /srv/venv/bin/celery -A bot worker", "node /usr/bin/vite bot.js", "python manage2.py bot.py", "php artisan queue:work", "python /srv/venv/bin/jupyter bot.py"))...)
		return h.maybeConnected(h.wants(a.with(h.ours()), Suspect, Suspect, None))
	}},
	{"language server with the token", func(h *host) *animal {
		return h.maybeConnected(h.wants(h.act("node", h.pick("/opt/pyright-langserver.js", "/opt/tsserver.js"), "--stdio").with(h.ours()), Suspect, Suspect, None))
	}},
	{"our bot with other arguments", func(h *host) *animal {
		return h.maybeConnected(h.wantsBare(h.self(append(slices.Clone(h.project.args), "--env", "staging")...), Ambiguous))
	}},
	{"our script with another command", func(h *host) *animal {
		if h.project.server {
			return nil
		}
		return h.maybeConnected(h.wants(h.self(h.pick("migrate", "runserver", "setwebhook", "queue:work")).with(h.ours()), Ambiguous))
	}},
	{"our bot with another env file", func(h *host) *animal {
		return h.maybeConnected(h.wantsBare(h.self(append(slices.Clone(h.project.args), strings.Fields(h.pick("--env-file b.env", "--env-file=b.env"))...)...), Ambiguous))
	}},
	{"shell with our bot and another env file", func(h *host) *animal {
		switch {
		case h.project.server:
			return h.wantsBare(h.act("sh", "-c", "uvicorn --env-file b.env "+h.project.command[1]), Ambiguous)
		case h.project.script == "index.js":
			return h.wantsBare(h.act("sh", "-c", "node --env-file=b.env index.js"), Ambiguous)
		}
		return nil
	}},
	{"our bot with two tokens", func(h *host) *animal {
		return h.maybeConnected(h.wants(h.own().with("BOT_TOKEN="+otherToken, "TELEGRAM_TOKEN="+ourToken), Ambiguous, Ambiguous, Rival))
	}},
	{"our bot with a token under a strange name", func(h *host) *animal {
		a := h.own().with(h.pick("API_TOKEN", "TG", "MY_TOKEN") + "=" + otherToken)
		return h.maybeConnected(h.wantsBare(a, h.unlessBlind(Ambiguous)))
	}},
	{"a namesake of our script", func(h *host) *animal {
		a := map[string]*animal{
			"main.py":           h.act("python", h.pick("web/main.py", "./tools/main.py", h.dir+"/web/main.py")),
			"bots/echo/main.py": h.act("python", h.pick("bots/web/main.py", "main.py", "echo/main.py"), "--verbose"),
			"index.js":          h.act("node", h.pick("web/index.js", "services/api/index.js")),
			"dist/bot.js":       h.act("node", h.pick("bot.js", "old/bot.js"), "--poll"),
			"manage.py":         h.act("python", "site/manage.py", "runbot"),
			"start.sh":          h.act("sh", h.pick("web/start.sh", "../start.sh")),
		}[h.project.script]
		if slices.Contains(h.project.command, "pkg.main") {
			a = h.act("python", "-m", h.pick("web.main", "main"))
		}
		if h.project.native != "" {
			a = h.act("./web/worker")
			a.exe = h.program(filepath.Join(h.dir, "web/worker"))
		}
		if a == nil {
			return nil
		}
		if h.IntN(2) == 0 {
			return h.maybeConnected(h.wants(a.with(h.ours()), Ambiguous))
		}
		return h.maybeConnected(h.wantsBare(a, Ambiguous))
	}},
	{"a namesake of our app", func(h *host) *animal {
		if !slices.Contains(h.project.command, "app.main:app") {
			return nil
		}
		return h.maybeConnected(h.wants(h.act("uvicorn", h.pick("web.main:app", "main:app")).with(h.ours()), Suspect))
	}},
	{"our bot of another folder with our token", func(h *host) *animal {
		return h.wants(h.act("python", "bot.py").with(h.ours()).in(h.elsewhere(h.pick("", otherToken))), Suspect, Rival, None)
	}},
	{"our bot of another folder, our token in its .env", func(h *host) *animal {
		return h.maybeConnected(h.wants(h.act("python", "bot.py").in(h.elsewhere(ourToken)), Suspect, Suspect, None))
	}},
	{"another user's bot of this folder", func(h *host) *animal {
		return h.other(h.wants(h.own().with(h.ours()), NotOurs))
	}},
	{"another user's api_server", func(h *host) *animal {
		a := h.other(h.wants(h.act(h.served("api_server:app")...), NotOurs))
		if a != nil && h.mode == plain && h.dotenv == otherToken {
			a.want = None
		}
		return a
	}},
}

// realKinds are no actors: what the system really shows of a running interpreter.
var realKinds = []kind{
	{"real python with bot.py", func(h *host) *animal {
		if h.python == "" {
			return nil
		}
		h.write(filepath.Join(h.dir, "bot.py"), "import sys\nsys.stdin.read()\n")
		return h.really(h.wants(h.act(h.python, h.pick("-Xdev", "-u", "-Wignore"), h.pick("-B", "-s"), "bot.py").with(h.ours()), Rival), h.python)
	}},
	{"real python with something else", func(h *host) *animal {
		if h.python == "" {
			return nil
		}
		return h.really(h.act(h.python, "-c", "import sys; sys.stdin.read()", "bot.py").with(h.ours()), h.python)
	}},
	{"real node with our script", func(h *host) *animal {
		exe, err := exec.LookPath("node")
		if err != nil || h.project.command[0] != "node" {
			return nil
		}
		h.write(filepath.Join(h.dir, h.project.script), "process.stdin.resume()\n")
		return h.really(h.wants(h.act(append([]string{"node", h.project.script}, h.project.args...)...).with(h.ours()), Rival), exe)
	}},
	{"real shell with start.sh", func(h *host) *animal {
		if h.project.script != "start.sh" {
			return nil
		}
		return h.really(h.wants(h.act("sh", "./start.sh").with(h.ours()), Rival), "/bin/sh")
	}},
	{"real shell with a text", func(h *host) *animal {
		return h.really(h.act("sh", "-c", "read x; python bot.py").with(h.ours()), "/bin/sh")
	}},
	{"real grep", func(h *host) *animal { return h.really(h.act("grep", "bot.py").with(h.ours()), "/bin/grep") }},
	{"real tail", func(h *host) *animal {
		h.write(filepath.Join(h.dir, "bot.log"), "python bot.py\n")
		return h.really(h.act("tail", "-f", "bot.log").with(h.ours()), "/usr/bin/tail")
	}},
}
