package stale

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Program is what a command line runs, read from the positions of its arguments. The zero
// Program is one that botctl has no opinion of: an editor, grep, a shell with a script of
// several commands, an interpreter with code in -c.
type Program struct {
	Kind Kind
	Name string   // script path, module, app ("api_server:app") or program path
	Args []string // what follows it; of a server, everything else

	EnvFiles []string // of --env-file, wherever it stands
	Titled   bool     // the program has overwritten its command line: its real arguments cannot be seen
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

// ReadProgram reads argv. exe is the path of the running executable, "" when unknown; it
// decides only for programs that are no interpreter.
func ReadProgram(argv []string, exe string) Program {
	exe = strings.TrimSuffix(exe, " (deleted)")
	var titled bool
	argv, titled = titleWords(argv, exe)
	files := envFiles(argv)
	for depth := 0; len(argv) > 0 && depth < 8; depth++ {
		name := base(argv[0])
		if w, ok := wrappers[name]; ok {
			argv, exe = unwrap(name, argv[1:], w.options, w.operands), "" // exe is the wrapper's
			continue
		}
		var p Program
		if isShell(name) {
			var text string
			if text, p = readShell(argv[1:]); text != "" {
				argv, exe = simpleCommand(text), ""
				files = append(files, envFiles(argv)...)
				continue
			}
		} else {
			p = read(name, argv, exe)
		}
		if p.Name == "" {
			return Program{}
		}
		if p.Kind != Script || !isTool(base(p.Name)) {
			p.EnvFiles, p.Titled = files, titled
			return p
		}
		// Installed tools are scripts themselves: python /venv/bin/uvicorn, node /usr/bin/npm.
		argv = append([]string{p.Name}, p.Args...)
	}
	return Program{}
}

func read(name string, argv []string, exe string) Program {
	if flags, ok := servers[name]; ok {
		return readServer(argv[1:], flags)
	}
	if x, ok := interpreters[strip(name)]; ok {
		return x.read(strip(name), argv[1:])
	}
	switch {
	case name == "botctl":
		if len(argv) > 1 && argv[1] == "bot" {
			return Program{Kind: Native, Name: "botctl-bot", Args: argv[2:]}
		}
		return Program{}
	case name == "java":
		return readJava(argv[1:])
	case notPrograms[name]:
		return Program{}
	}
	if exe == "" {
		exe = argv[0]
	}
	return Program{Kind: Native, Name: exe, Args: argv[1:]}
}

// strip removes the version and the build: python3.11 and python3.13t are python.
func strip(name string) string {
	if strings.HasPrefix(name, "python") {
		name = strings.TrimRight(strings.TrimSuffix(name, "-dbg"), "tdmw")
	}
	return strings.TrimRight(name, "0123456789.")
}

func base(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path.Base(strings.ReplaceAll(strings.TrimPrefix(s, "-"), `\`, "/"))), ".exe"), ".cmd")
}

func isShell(name string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "zsh", "ash", "ksh"}, name)
}

// read finds the script or module among the arguments.
func (x interpreter) read(name string, args []string) Program {
	python := name == "python" || name == "pypy"
	skip := x.skip
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-" || slices.Contains(x.none, a):
			return Program{}
		case a == "--":
			if i++; i == len(args) {
				return Program{}
			}
			return Program{Kind: Script, Name: args[i], Args: args[i+1:]}
		case slices.Contains(x.takes, a):
			i++
		case strings.HasPrefix(a, "--"):
		case strings.HasPrefix(a, "-"):
			at, what := x.cluster(a[1:], python)
			switch {
			case what == 'm':
				words := args[i+1:]
				if mod := a[at+2:]; mod != "" {
					words = append([]string{mod}, words...)
				}
				return readModule(words)
			case what == 'n':
				return Program{}
			case what == 't' && at == len(a)-2:
				i++
			}
		case skip != "" && a == skip:
			skip = ""
			x.none = nil // "bun run test" runs a script of that name
		default:
			return Program{Kind: Script, Name: a, Args: args[i+1:]}
		}
	}
	return Program{}
}

// cluster reads a word of short options, such as -uW. It says where the first is that decides, and what: 'm' a
// module follows, 'n' no file is run, 't' it takes an argument.
func (x interpreter) cluster(letters string, python bool) (at int, what byte) {
	for i := range len(letters) {
		switch c := letters[i]; {
		case python && c == 'm':
			return i, 'm'
		case slices.Contains(x.none, "-"+string(c)):
			return i, 'n'
		case slices.Contains(x.takes, "-"+string(c)):
			return i, 't'
		case strings.IndexByte(x.rest, c) >= 0:
			return i, 0
		}
	}
	return 0, 0
}

// readJava finds the archive: -jar behind the main class is an argument of it.
func readJava(args []string) Program {
	takes := []string{"-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens", "--add-exports", "--upgrade-module-path"}
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-jar" && i+1 < len(args):
			return Program{Kind: Script, Name: args[i+1], Args: args[i+2:]}
		case slices.Contains(takes, a):
			i++
		case !strings.HasPrefix(a, "-"):
			return Program{}
		}
	}
	return Program{}
}

// readModule reads what follows python -m. It looks through modules that run something else.
func readModule(words []string) Program {
	if len(words) == 0 {
		return Program{}
	}
	mod, rest := words[0], words[1:]
	if flags, ok := servers[mod]; ok {
		return readServer(rest, flags)
	}
	switch mod {
	case "pytest", "unittest", "mypy", "pip", "black", "ruff", "pylint", "flake8", "pdb", "timeit", "py_compile", "compileall", "venv":
		return Program{}
	case "coverage":
		if len(rest) == 0 || rest[0] != "run" {
			return Program{} // a report
		}
		rest = rest[1:]
	}
	takes, ok := runners[mod]
	if !ok {
		return Program{Kind: Module, Name: mod, Args: rest}
	}
	for i := 0; i < len(rest); i++ {
		switch a := rest[i]; {
		case a == "-m" || a == "--module":
			return readModule(rest[i+1:])
		case slices.Contains(takes, a):
			i++
		case !strings.HasPrefix(a, "-"):
			if isTool(base(a)) {
				return Program{}
			}
			return Program{Kind: Script, Name: a, Args: rest[i+1:]}
		}
	}
	return Program{}
}

// readServer finds the app: the first operand.
func readServer(args, flags []string) Program {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case slices.Contains(servesNothing, a):
			return Program{}
		case strings.HasPrefix(a, "-"):
			attached := strings.Contains(a, "=") || len(a) > 2 && a[1] != '-' // -w4
			if !attached && !slices.Contains(flags, a) {
				i++
			}
		case a == "":
			return Program{}
		default:
			return Program{Kind: App, Name: a, Args: slices.Concat(args[:i], args[i+1:])}
		}
	}
	return Program{}
}

// unwrap drops a wrapper's own options, settings and operands.
func unwrap(name string, args, takes []string, operands int) []string {
	running := !runWord[name]
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return args[i+1:]
		case name == "nodemon" && (a == "--exec" || a == "-x") && i+1 < len(args):
			return append(simpleCommand(args[i+1]), args[i+2:]...)
		case name == "flock" && (a == "-c" || a == "--command"):
			return append([]string{"sh", "-c"}, args[i+1:]...)
		case name == "uv" && (a == "-m" || a == "--module"):
			return append([]string{"python", "-m"}, args[i+1:]...)
		case slices.Contains(takes, a):
			i++
		case strings.HasPrefix(a, "-"):
		case name == "env" && strings.Contains(a, "="):
		case name == "sudo" && strings.Contains(a, "="):
		case !running && a == "run":
			running = true
		case !running:
			return nil // "uv sync", "poetry install": runs no program of the owner's
		case operands > 0:
			operands--
		case name == "nodemon":
			return append([]string{"node"}, args[i:]...)
		case (name == "uv" || name == "pdm") && strings.HasSuffix(a, ".py"):
			return append([]string{"python"}, args[i:]...)
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
	return wraps || serves || notPrograms[name] || name == "tsx" || name == "ts-node"
}

// readShell finds the text of -c, or the script. The text is the first operand, wherever -c stands among the
// options ("sh -ec TEXT", "bash -c -l TEXT").
func readShell(args []string) (text string, script Program) {
	var code, none bool
	i := 0
options:
	for ; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--" || a == "-":
			i++
			break options
		case a == "--rcfile" || a == "--init-file":
			i++
		case a == "--version" || a == "--help":
			return "", Program{}
		case strings.HasPrefix(a, "--"):
		case strings.HasPrefix(a, "-") || strings.HasPrefix(a, "+"):
			for _, c := range a[1:] {
				switch c {
				case 'c':
					code = true
				case 'n', 's': // checks the script; reads standard input
					none = true
				case 'o', 'O':
					i++
				}
			}
		default:
			break options
		}
	}
	switch {
	case i >= len(args) || !code && none:
		return "", Program{}
	case code:
		return args[i], Program{}
	}
	return "", Program{Kind: Script, Name: args[i], Args: args[i+1:]}
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

// titleWords splits a command line that the program has overwritten with one string, such as
// "gunicorn: worker [api_server:app]". A path with a space in it is none.
func titleWords(argv []string, exe string) (words []string, titled bool) {
	if len(argv) != 1 || !strings.Contains(argv[0], " ") || path.Base(argv[0]) == path.Base(exe) {
		return argv, false
	}
	words = strings.Fields(argv[0])
	if len(words) != 3 || !strings.HasSuffix(words[0], ":") {
		return words, true
	}
	// "python: bot.py" describes; gunicorn names its app, unless its owner gave it another name.
	server, app := strings.TrimSuffix(words[0], ":"), strings.Trim(words[2], "[]")
	if servers[base(server)] != nil && (words[1] == "worker" || words[1] == "master") && strings.Contains(app, ":") {
		return []string{server, app}, true
	}
	return words, true
}

// envFiles are the values of --env-file in an argument list.
func envFiles(argv []string) []string {
	var list []string
	for i, a := range argv {
		if v, ok := strings.CutPrefix(a, "--env-file="); ok {
			list = append(list, v)
		} else if a == "--env-file" && i+1 < len(argv) {
			list = append(list, argv[i+1])
		}
	}
	return list
}

// Stem is the name by which programs are compared: "src/bot.py", "pkg.bot" and "bot:app" are all "bot".
func (p Program) Stem() string {
	place, _ := p.place("")
	return path.Base(place)
}

// place is the path of what p runs when its folder is dir, without what may be left out of it: "python bot.py",
// "python bot", "python -m bot", "python bot/__main__.py" and "uvicorn bot:app" all run dir/bot. ext is the
// extension that was taken off.
func (p Program) place(dir string) (place, ext string) {
	name := strings.ReplaceAll(p.Name, `\`, "/")
	switch p.Kind {
	case App:
		name, _, _ = strings.Cut(name, ":")
		fallthrough
	case Module:
		if !strings.HasSuffix(name, ".py") {
			name = strings.ReplaceAll(name, ".", "/") + ".py"
		}
	}
	if !filepath.IsAbs(name) {
		name = path.Join(filepath.ToSlash(dir), name)
	}
	ext = path.Ext(name)
	place = strings.TrimSuffix(path.Clean(strings.TrimSuffix(name, ext)), "/__main__")
	return place, ext
}
