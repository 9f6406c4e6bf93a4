package stale

import (
	"path"
	"slices"
	"strings"
)

// Program is what a command line runs, read from the positions of its arguments. The zero
// Program is one that botctl has no opinion of: an editor, grep, a shell with a script of
// several commands, an interpreter with code in -c.
type Program struct {
	Kind Kind
	Name string   // script path, module, app ("api_server:app") or program path
	Args []string // what follows it
}

// Kind is what Name names.
type Kind int

// The kinds of program.
const (
	Unknown Kind = iota
	Script       // an interpreter runs a file
	Module       // python -m
	App          // an ASGI or WSGI server serves module:attribute
	Native       // the program itself
)

// interpreters run the first operand as a script. The value lists the options that take
// a separate argument, by their first form; those that take code or a module are
// handled apart.
var interpreters = map[string][]string{
	"python":  {"-W", "-X", "--check-hash-based-pycs"},
	"pypy":    {"-W", "-X"},
	"node":    {"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file", "--title"},
	"nodejs":  {"-r", "--require", "--import", "--loader", "-C", "--conditions", "--env-file"},
	"deno":    {"-c", "--config", "--import-map", "--lock", "--env-file"},
	"bun":     {"-r", "--preload", "-c", "--config", "--env-file", "--cwd"},
	"tsx":     {"--tsconfig", "-r", "--require", "--import", "--env-file"},
	"ts-node": {"-P", "--project", "-r", "--require", "-O", "--compiler-options"},
	"ruby":    {"-I", "-r", "-C", "-E"},
	"php":     {"-c", "-d", "-z"},
	"perl":    {"-I", "-M"},
}

// codeOptions make an interpreter run its argument as code: no script then.
var codeOptions = map[string]bool{"-c": true, "-e": true, "--eval": true, "-p": true, "--print": true, "-r-code": true}

// servers serve module:attribute; the value lists options without an argument.
var servers = map[string][]string{
	"uvicorn":   {"--reload", "--use-colors", "--no-use-colors", "--access-log", "--no-access-log", "--proxy-headers", "--no-proxy-headers", "--server-header", "--no-server-header", "--date-header", "--no-date-header", "--factory", "--version"},
	"hypercorn": {"--reload", "--debug", "-h", "--help"},
	"gunicorn":  {"--reload", "--preload", "-D", "--daemon", "--check-config", "--print-config", "--no-sendfile", "--reuse-port", "--capture-output", "--log-syslog", "-R", "--enable-stdio-inheritance", "--spew", "--proxy-protocol"},
	"daphne":    {"--verbosity"},
	"granian":   {"--reload"},
}

// wrappers run the command that follows them. The value lists their options with a separate
// argument; operands says how many words of their own come before the command.
var wrappers = map[string]struct {
	options  []string
	operands int
}{
	"nohup": {}, "setsid": {}, "dumb-init": {}, "tini": {options: []string{"-e", "-p"}}, "exec": {}, "catchsegv": {},
	"env":      {options: []string{"-u", "--unset", "-C", "--chdir", "-S"}},
	"nice":     {options: []string{"-n", "--adjustment"}},
	"ionice":   {options: []string{"-c", "-n", "-p"}},
	"chrt":     {operands: 1},
	"stdbuf":   {options: []string{"-i", "-o", "-e"}},
	"timeout":  {options: []string{"-k", "--kill-after", "-s", "--signal"}, operands: 1},
	"time":     {options: []string{"-f", "-o"}},
	"xvfb-run": {options: []string{"-n", "-s", "-f", "-e", "-w"}},
	"sudo":     {options: []string{"-u", "-g", "-h", "-p", "-C", "-r", "-t", "-D"}},
	"gosu":     {operands: 1}, "su-exec": {operands: 1},
	"setpriv": {options: []string{}},
	"uv":      {options: []string{"--with", "--python", "-p", "--project", "--directory", "--env-file", "--extra", "--group"}},
	"poetry":  {options: []string{"-C", "--directory", "-P", "--project"}},
	"pipenv":  {}, "pdm": {options: []string{"-p", "--project"}}, "rye": {}, "hatch": {}, "conda": {options: []string{"-n", "-p"}},
	"npx": {options: []string{"-p", "--package"}}, "bunx": {}, "pnpx": {},
	"nodemon": {options: []string{"-w", "--watch", "-e", "--ext", "-i", "--ignore", "-d", "--delay", "-x", "--exec"}},
	"flock":   {options: []string{"-w", "-E"}, operands: 1},
	"chpst":   {options: []string{"-u", "-U", "-e", "-n", "-l", "-L", "-m", "-d", "-o", "-p", "-f", "-c", "-r", "-t", "-/"}},
	"doppler": {}, "dotenvx": {}, "op": {},
}

// runWord follows these wrappers before the command: "uv run", "poetry run".
var runWord = map[string][]string{
	"uv": {"run"}, "poetry": {"run"}, "pipenv": {"run"}, "pdm": {"run"}, "rye": {"run"}, "hatch": {"run"}, "conda": {"run"},
	"doppler": {"run"}, "dotenvx": {"run"}, "op": {"run"},
}

// notPrograms are commands that only look at files or speak of them.
var notPrograms = map[string]bool{
	"vim": true, "vi": true, "nvim": true, "nano": true, "emacs": true, "code": true, "less": true, "more": true, "cat": true,
	"grep": true, "rg": true, "ag": true, "tail": true, "head": true, "watch": true, "git": true, "ssh": true, "scp": true,
	"rsync": true, "docker": true, "podman": true, "kubectl": true, "ps": true, "pgrep": true, "pkill": true, "kill": true,
	"tmux": true, "screen": true, "strace": true, "gdb": true, "tee": true, "sed": true, "awk": true, "find": true,
	"pytest": true, "mypy": true, "ruff": true, "black": true, "pylint": true, "flake8": true, "pyright": true,
	"psql": true, "redis-cli": true, "make": true, "systemctl": true, "journalctl": true, "cp": true, "mv": true, "rm": true,
}

// ReadProgram reads argv. exe is the path of the running executable, "" when unknown; it
// decides only for programs that are no interpreter.
func ReadProgram(argv []string, exe string) Program {
	argv = titleWords(argv)
	for depth := 0; len(argv) > 0 && depth < 8; depth++ {
		name := base(argv[0])
		if w, ok := wrappers[name]; ok {
			argv = unwrap(name, argv[1:], w.options, w.operands)
			continue
		}
		if text, ok := shellText(name, argv[1:]); ok {
			argv = simpleCommand(text)
			continue
		}
		p := read(name, argv, exe)
		if p.Name == "" {
			return Program{}
		}
		if p.Kind != Script || !isTool(base(p.Name)) {
			return p
		}
		// Installed tools are scripts themselves: python /venv/bin/uvicorn, node /usr/bin/npm.
		argv = append([]string{p.Name}, p.Args...)
	}
	return Program{}
}

func read(name string, argv []string, exe string) Program {
	if takes, ok := servers[name]; ok {
		return readServer(argv[1:], takes)
	}
	if takes, ok := interpreters[strip(name)]; ok {
		return readInterpreter(strip(name), argv[1:], takes)
	}
	switch {
	case name == "botctl":
		if len(argv) > 1 && argv[1] == "bot" {
			return Program{Kind: Native, Name: "botctl-bot", Args: argv[2:]}
		}
		return Program{}
	case name == "java":
		if i := slices.Index(argv, "-jar"); i >= 0 && i+1 < len(argv) {
			return Program{Kind: Script, Name: argv[i+1], Args: argv[i+2:]}
		}
		return Program{}
	case isShell(name):
		// "sh bot.sh": a script like any other.
		return readInterpreter("sh", argv[1:], []string{"-o", "+o", "-O"})
	case notPrograms[name]:
		return Program{}
	}
	if exe == "" {
		exe = argv[0]
	}
	return Program{Kind: Native, Name: strings.TrimSuffix(exe, " (deleted)"), Args: argv[1:]}
}

// strip removes the version: python3.11 is python.
func strip(name string) string {
	return strings.TrimRight(name, "0123456789.")
}

func base(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path.Base(strings.ReplaceAll(strings.TrimPrefix(s, "-"), `\`, "/"))), ".exe"), ".cmd")
}

func isShell(name string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "zsh", "ash", "ksh", "busybox"}, name)
}

// readInterpreter finds the script or module of an interpreter's arguments.
func readInterpreter(name string, args, takes []string) Program {
	python := name == "python" || name == "pypy"
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			continue
		case python && (a == "-m" || strings.HasPrefix(a, "-m")):
			mod, rest := strings.TrimPrefix(a, "-m"), args[i+1:]
			if mod == "" {
				if len(rest) == 0 {
					return Program{}
				}
				mod, rest = rest[0], rest[1:]
			}
			return readModule(mod, rest)
		case name != "sh" && codeOptions[a], python && clustered(a, 'c'), name == "php" && a == "-r":
			return Program{}
		case slices.Contains(takes, a):
			i++
		case strings.HasPrefix(a, "-") && a != "-":
		case name == "deno" && a == "run", name == "bun" && a == "run", name == "tsx" && a == "watch":
		default:
			return Program{Kind: Script, Name: a, Args: args[i+1:]}
		}
	}
	return Program{}
}

// clustered says whether a is a cluster of short options with c in it, such as -uc.
func clustered(a string, c byte) bool {
	return len(a) > 2 && a[0] == '-' && a[1] != '-' && a[len(a)-1] == c && !strings.ContainsAny(a, "=WX")
}

// readModule looks through modules that run something else.
func readModule(mod string, rest []string) Program {
	if takes, ok := servers[mod]; ok {
		return readServer(rest, takes)
	}
	switch mod {
	case "pytest", "unittest", "mypy", "pip", "black", "ruff", "pylint", "flake8", "pdb", "timeit", "py_compile", "compileall", "venv":
		return Program{}
	case "cProfile", "profile", "trace", "debugpy", "coverage":
		for i, a := range rest {
			if strings.HasSuffix(a, ".py") {
				return Program{Kind: Script, Name: a, Args: rest[i+1:]}
			}
		}
		return Program{}
	}
	return Program{Kind: Module, Name: mod, Args: rest}
}

// readServer finds the app: the operand with a colon, or the only operand.
func readServer(args, flags []string) Program {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case strings.HasPrefix(a, "-"):
			if !strings.Contains(a, "=") && !slices.Contains(flags, a) {
				i++
			}
		case strings.HasPrefix(a, "["): // a title: "gunicorn: worker [api_server:app]"
			return Program{Kind: App, Name: strings.Trim(a, "[]"), Args: args[i+1:]}
		default:
			return Program{Kind: App, Name: a, Args: args[i+1:]}
		}
	}
	return Program{}
}

// unwrap drops a wrapper's own options, settings and operands.
func unwrap(name string, args, takes []string, operands int) []string {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return args[i+1:]
		case name == "nodemon" && (a == "--exec" || a == "-x") && i+1 < len(args):
			return append(strings.Fields(args[i+1]), args[i+2:]...)
		case slices.Contains(takes, a):
			i++
		case strings.HasPrefix(a, "-"):
		case name == "env" && strings.Contains(a, "="):
		case name == "sudo" && strings.Contains(a, "="):
		case slices.Contains(runWord[name], a):
		case operands > 0:
			operands--
		case len(runWord[name]) > 0 && !slices.Contains(args[:i], runWord[name][0]):
			return nil // "uv sync", "poetry install": runs no program of the owner's
		case name == "nodemon":
			return append([]string{"node"}, args[i:]...)
		default:
			return args[i:]
		}
	}
	return nil
}

// isTool says whether a script of that name runs or serves something else, or nothing.
func isTool(name string) bool {
	_, wraps := wrappers[name]
	_, serves := servers[name]
	return wraps || serves || notPrograms[name]
}

// shellText is what "sh -c TEXT" runs.
func shellText(name string, args []string) (string, bool) {
	if !isShell(name) {
		return "", false
	}
	for i, a := range args {
		if !strings.HasPrefix(a, "-") {
			return "", false
		}
		if strings.HasSuffix(a, "c") && !strings.HasPrefix(a, "--") && i+1 < len(args) {
			return args[i+1], true
		}
	}
	return "", false
}

// simpleCommand splits a single command without any of the shell's own signs; nil otherwise. A script
// of several commands is the shell's business: its children are looked at themselves.
func simpleCommand(s string) []string {
	if strings.ContainsAny(s, ";&|<>()`$*?[]{}\n\\#~") {
		return nil
	}
	var words []string
	var word strings.Builder
	var quote byte
	open := false
	for _, c := range []byte(s) { // a path need not be UTF-8
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case c == ' ' || c == '\t':
			if open || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteByte(c)
		}
	}
	if quote != 0 {
		return nil
	}
	if open || word.Len() > 0 {
		words = append(words, word.String())
	}
	for len(words) > 0 && strings.Contains(words[0], "=") {
		words = words[1:] // settings before the command
	}
	return words
}

// titleWords splits a command line that the program has rewritten into one string, such as
// "gunicorn: worker [api_server:app]".
func titleWords(argv []string) []string {
	if len(argv) == 1 && strings.Contains(argv[0], " ") {
		if argv = strings.Fields(argv[0]); len(argv) == 0 {
			return nil
		}
		argv[0] = strings.TrimSuffix(argv[0], ":")
		if servers[base(argv[0])] != nil && len(argv) > 2 && (argv[1] == "worker" || argv[1] == "master") {
			argv = slices.Delete(slices.Clone(argv), 1, 2)
		}
	}
	return argv
}

// Stem is the name by which programs are compared: "src/bot.py", "pkg.bot" and "bot:app" are all "bot".
func (p Program) Stem() string {
	name := p.Name
	switch p.Kind {
	case App:
		name, _, _ = strings.Cut(name, ":")
		fallthrough
	case Module:
		name = strings.TrimSuffix(name, ".__main__")
		if i := strings.LastIndexByte(name, '.'); i >= 0 && !strings.HasSuffix(name, ".py") {
			name = name[i+1:]
		}
	}
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	return strings.TrimSuffix(name, path.Ext(name))
}
