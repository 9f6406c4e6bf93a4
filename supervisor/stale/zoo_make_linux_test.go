package stale

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// project is what our bot is, and how else its script may be run with the same arguments.
type project struct {
	command []string
	files   map[string]string
	args    []string // what follows the script in command
	script  string   // its file, if it has one
	server  bool     // the script is served
	native  string   // the program's path inside the project
	guise   func(h *host) []string
}

var projects = []project{
	{command: []string{"python", "bot.py"}, script: "bot.py", guise: python("bot.py")},
	{command: []string{"python3", "-u", "main.py"}, script: "main.py", guise: python("main.py")},
	{command: []string{"python", "src/bot.py"}, script: "src/bot.py", guise: python("src/bot.py")},
	{command: []string{"python", "bots/echo/main.py", "--verbose"}, script: "bots/echo/main.py", args: []string{"--verbose"}, guise: python("bots/echo/main.py")},
	{command: []string{"python", "manage.py", "runbot"}, script: "manage.py", args: []string{"runbot"}, guise: python("manage.py")},
	{command: []string{"python", "-m", "bot"}, guise: module("bot")},
	{command: []string{"python", "-m", "pkg.main"}, guise: module("pkg.main")},
	{command: []string{"uv", "run", "bot.py"}, script: "bot.py", guise: python("bot.py")},
	{command: []string{"node", "index.js"}, script: "index.js", guise: node("index.js")},
	{command: []string{"node", "dist/bot.js", "--poll"}, script: "dist/bot.js", args: []string{"--poll"}, guise: node("dist/bot.js")},
	{command: []string{"uvicorn", "api_server:app"}, server: true, guise: uvicorn("api_server:app")},
	{command: []string{"uvicorn", "app.main:app"}, server: true, guise: uvicorn("app.main:app")},
	{command: []string{"./bin/worker"}, native: "bin/worker", guise: func(*host) []string { return []string{"./bin/worker"} }},
	{command: []string{"./start.sh"}, script: "start.sh", files: map[string]string{"start.sh": "#!/bin/sh\nread x\n"}, guise: func(h *host) []string {
		return []string{h.pick("sh", "/bin/sh", "bash", "/usr/bin/bash"), h.pick("./start.sh", "start.sh")}
	}},
}

// options picks some of list, each a number of words.
func (h *host) options(list ...string) []string {
	var words []string
	for range h.IntN(3) {
		words = append(words, strings.Fields(h.pick(list...))...)
	}
	return words
}

// script is a way to write the path of a file in the project.
func (h *host) script(name string) string {
	return h.pick(name, "./"+name, filepath.Join(h.dir, name), "../"+filepath.Base(h.dir)+"/"+name, "x/../"+name)
}

func (h *host) interpreter() []string {
	list := h.options("-u", "-B", "-uB", "-X dev", "-Xdev", "-W ignore", "-Wignore", "-OO", "-I", "-uW ignore", "-E -s", "--check-hash-based-pycs always", "-bX utf8")
	return append([]string{h.pick("python", "python3", "/usr/bin/python3.11", "/srv/venv/bin/python", "/usr/bin/python3.13t", "pypy3", "/opt/pypy3.10/bin/pypy3.10")}, list...)
}

func python(name string) func(*host) []string {
	return func(h *host) []string {
		argv := h.interpreter()
		if h.IntN(8) == 0 {
			argv = append(argv, "--")
		}
		return append(argv, h.script(name))
	}
}

func module(name string) func(*host) []string {
	return func(h *host) []string {
		return append(h.interpreter(), strings.Fields(h.pick("-m "+name, "-m"+name, "-um "+name, "-Bm"+name))...)
	}
}

func node(name string) func(*host) []string {
	return func(h *host) []string {
		argv := []string{h.pick("node", "nodejs", "/usr/bin/node", "/root/.nvm/versions/node/v20.1.0/bin/node", "/usr/bin/node22")}
		argv = append(argv, h.options("--inspect", "-r dotenv/config", "--require ./x.js", "--max-old-space-size=512", "--import ./x.mjs", "--inspect-port 9230",
			"--watch", "--watch-path ./src", "--enable-source-maps", "-C development", "--title x")...)
		return append(argv, h.script(name))
	}
}

// uvicorn has the arguments of the command: a server with others may be another bot's.
func uvicorn(app string) func(*host) []string {
	return func(h *host) []string {
		return append(strings.Fields(h.pick("uvicorn", "/srv/venv/bin/uvicorn", "/srv/venv/bin/python3 /srv/venv/bin/uvicorn", "python -m uvicorn", "python3 -um uvicorn")), app)
	}
}

// served is app under any server with any options.
func (h *host) served(app string) []string {
	port := fmt.Sprint(8000 + h.IntN(1000))
	var argv []string
	switch h.IntN(5) {
	case 0, 1:
		argv = strings.Fields(h.pick("uvicorn", "/srv/venv/bin/python3 /srv/venv/bin/uvicorn", "python -m uvicorn"))
		argv = append(argv, h.options("--host 0.0.0.0", "--port "+port, "--port="+port, "--reload", "--log-level info", "--no-access-log", "--proxy-headers", "--workers 2", "--loop uvloop", "--reload-dir src")...)
	case 2, 3:
		argv = strings.Fields(h.pick("gunicorn", "/srv/venv/bin/python3 /srv/venv/bin/gunicorn", "python -m gunicorn"))
		argv = append(argv, h.options("-k uvicorn.workers.UvicornWorker", "--worker-class=uvicorn.workers.UvicornWorker", "-kuvicorn.workers.UvicornWorker", "-w 4", "-w4", "--workers 2",
			"-b 0.0.0.0:"+port, "-b0.0.0.0:"+port, "--preload", "--timeout 60", "-c gunicorn.conf.py", "--access-logfile -", "-n bots")...)
	default:
		argv = append([]string{"hypercorn"}, h.options("-b 0.0.0.0:"+port, "-w2", "-k uvloop", "--reload", "--access-logfile -")...)
	}
	if h.IntN(5) == 0 {
		return append(argv, app, "--log-level", "info")
	}
	return append(argv, app)
}

// self is our bot's script in some guise, with args after it.
func (h *host) self(args ...string) *animal {
	a := h.act(append(h.project.guise(h), args...)...)
	if h.project.native != "" {
		a.exe = h.program(filepath.Join(h.dir, h.project.native))
	}
	return a
}

// own is self with the arguments of the command.
func (h *host) own() *animal { return h.self(h.project.args...) }

// literal is a program with a name that always competes.
func (h *host) literal() *animal {
	switch n := h.IntN(4); {
	case n == 0:
		return h.act(python("bot.py")(h)...)
	case n == 1:
		return h.act(module(h.pick("bot", "src.bot", "bot.__main__"))(h)...)
	case n == 2 && !h.serverInDoubt():
		return h.act(h.served(h.pick("api_server:app", "src.api_server:app", "api_server:create_app()"))...)
	}
	return h.act(python("api_server.py")(h)...)
}

// serverInDoubt says that a server with other arguments than ours may be another bot's, for there is no token
// to tell.
func (h *host) serverInDoubt() bool { return h.mode == blind && h.project.server }

// act is an actor in the project's folder, with a harmless environment.
func (h *host) act(argv ...string) *animal {
	env := []string{"PATH=/usr/bin:/bin", "HOME=/root"}
	for range h.IntN(3) {
		env = append(env, h.pick("LANG=C.UTF-8", "TOKEN=ghp_0123456789012345678901234567890123456", "REDIS_URL=redis://:pw@cache:6379/0", "VIRTUAL_ENV=/srv/venv",
			"PYTHONUNBUFFERED=1", "MY_BOTCTL_RUN_ID=b-1.5", "BOT_TOKEN=", "SENTRY_DSN=https://0123456789abcdef@o1.example/2", "BOTS=bot.py api_server:app", "PWD="+h.dir))
	}
	return &animal{argv: argv, env: env}
}

// with sets variables.
func (a *animal) with(env ...string) *animal {
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		a.env = append(slices.DeleteFunc(a.env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") }), kv)
	}
	return a
}

func (a *animal) in(dir string) *animal { a.dir = dir; return a }

func (a *animal) named(kind string) *animal { a.kind = kind; return a }

// wants are the verdicts when the token is known, for the whole host, and when it is not known.
func (h *host) wants(a *animal, verdicts ...Verdict) *animal {
	a.want = verdicts[min(int(h.mode), len(verdicts)-1)]
	return a
}

// wantsBare are those of a process without a token: the folder links it, unless its .env names another
// bot. For the whole host it does not, and an .env with our token makes a suspect of a bot.
func (h *host) wantsBare(a *animal, v Verdict) *animal {
	switch {
	case h.mode == wide && h.dotenv == ourToken && v != Suspect:
		v = Suspect
	case h.mode == wide, h.mode == plain && h.dotenv == otherToken:
		v = None
	}
	a.want = v
	return a
}

// unlessBlind is v where tokens can acquit.
func (h *host) unlessBlind(v Verdict) Verdict {
	if h.mode == blind {
		return Rival
	}
	return v
}

func (h *host) ours() string   { return h.variable() + "=" + ourToken }
func (h *host) theirs() string { return h.variable() + "=" + otherToken }

func (h *host) variable() string {
	if h.target.TokenEnv != "" && h.IntN(3) == 0 {
		return h.target.TokenEnv
	}
	return h.pick("TELEGRAM_BOT_TOKEN", "BOT_TOKEN", "TELEGRAM_TOKEN", "TOKEN")
}

// elsewhere is another project's folder.
func (h *host) elsewhere(dotenv string) string {
	dir := filepath.Join(h.root, h.pick("other", "bot", "x) S 1 (y", "project2"))
	if dotenv != "" {
		dir += "-" + dotenv[:4]
		h.write(filepath.Join(dir, ".env"), "# "+dotenv[:4]+"\nBOT_TOKEN="+dotenv+"\n")
	}
	h.mkdir(dir)
	return dir
}

// twin is a wrapper with what it runs.
func twin(outer, inner *animal) *animal {
	outer.children = []*animal{inner}
	return outer
}

// wrapped puts words before what the animal runs, and the animal below it.
func (h *host) wrapped(a *animal, words ...string) *animal {
	w := h.act(append(words, a.argv...)...)
	w.env, w.dir, w.want = slices.Clone(a.env), a.dir, a.want
	return twin(w, a)
}

var wrapping = []string{
	"uv run", "uv run --no-sync", "uv run --with httpx", "uv --quiet run --python 3.12 --", "uv run --env-file .env.common", "poetry run", "poetry -C . run", "pipenv run", "pdm run", "rye run", "hatch run",
	"conda run -n bots --no-capture-output", "timeout -k 5 3600", "timeout --foreground 1d", "dumb-init --", "tini -g --", "xvfb-run -a", "sudo -E -u bot", "doppler run -p bots -c prd --",
	"op run --env-file .env.tpl --", "dotenvx run -f .env.prod --", "flock -n /tmp/bot.lock", "nice -n 5", "setsid -w", "stdbuf -oL", "env -u DEBUG", "time -v",
	"/usr/bin/python3 /usr/bin/poetry run", "/usr/bin/python3 -u /opt/bin/pipenv run", "setpriv --no-new-privs", "chpst -u bot",
}

// wrapper has no env file of its own where that would make other arguments of it.
func (h *host) wrapper() []string {
	for {
		if words := h.pick(wrapping...); h.mode != blind || !strings.Contains(words, "--env-file") {
			return strings.Fields(words)
		}
	}
}

// text is argv as a shell's.
func text(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		words[i] = w
		if strings.ContainsAny(w, " '()") {
			words[i] = `"` + w + `"`
		}
	}
	return strings.Join(words, " ")
}

// plainPaths says that no word of argv needs a shell's care.
func plainPaths(argv []string) bool {
	return !strings.ContainsAny(strings.Join(argv, " "), "();")
}

// deaf makes few animals ignore SIGTERM: a sweep waits for them.
func (h *host) deaf(a *animal) *animal {
	h.rude++
	a.stubborn = h.rude <= 3
	return a
}

var comms = []string{"a) R (b", ") Z 1 1 (", "bot.py", "(sd-pam)", "kworker/0:1", "x y z", "))) 7 (((", "python"}

// speaks are command lines that are no bot, in which "\ " is a space inside a word.
func speaks(name string, lines ...string) kind {
	return kind{name, func(h *host) *animal {
		fields := strings.Fields(strings.ReplaceAll(h.pick(lines...), `\ `, "\x00"))
		for i := range fields {
			fields[i] = strings.ReplaceAll(fields[i], "\x00", " ")
		}
		a := h.maybeOurs(h.act(fields...))
		a.comm = h.pick("", "", "", h.pick(comms...))
		return a
	}}
}

// maybeOurs has the token more often than not: a token alone never convicts.
func (h *host) maybeOurs(a *animal) *animal {
	if h.IntN(3) > 0 {
		a.with(h.ours())
	}
	a.connected = h.IntN(8) == 0
	return a
}

// other makes a another user's; nil when that cannot be done.
func (h *host) other(a *animal) *animal {
	if os.Geteuid() != 0 {
		return nil
	}
	a.uid = []int{1, 1000, 65534}[h.IntN(3)]
	return a
}

func (h *host) maybeConnected(a *animal) *animal {
	a.connected = h.IntN(3) == 0
	return a
}

// really has exe run in the place of an actor; nil where there is none.
func (h *host) really(a *animal, exe string) *animal {
	if _, err := os.Stat(exe); err != nil {
		return nil
	}
	a.exe, a.real = exe, true
	return a
}
