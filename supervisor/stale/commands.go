package stale

// interpreter is a program that runs a file.
type interpreter struct {
	takes []string // options with a separate argument
	none  []string // options and first words with which it runs no file: code, a syntax check, a test runner
	rest  string   // letters whose value is the rest of their word
	skip  string   // a word that may stand before the file
}

var javascript = interpreter{
	takes: []string{"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file", "--env-file-if-exists", "--title", "--inspect-port", "--watch-path", "--tsconfig",
		"--unhandled-rejections", "--dns-result-order", "--disable-warning", "--max-http-header-size", "--trace-event-categories", "--redirect-warnings", "--diagnostic-dir", "--report-directory",
		"--report-filename", "--heapsnapshot-signal", "--secure-heap", "--tls-cipher-list", "--tls-keylog", "--experimental-default-type", "--input-type", "--icu-data-dir", "--openssl-config"},
	none: []string{"-c", "--check", "-e", "--eval", "-p", "--print", "-v", "--version", "-h", "--help", "--test", "--run", "--prof-process", "inspect"},
}

var interpreters = map[string]interpreter{
	"python":  {takes: []string{"-W", "-X", "--check-hash-based-pycs"}, none: []string{"-c", "-V", "--version", "-h", "--help", "-?"}},
	"pypy":    {takes: []string{"-W", "-X", "--jit", "--check-hash-based-pycs"}, none: []string{"-c", "-V", "--version", "-h", "--help"}},
	"node":    javascript,
	"nodejs":  javascript,
	"tsx":     {takes: javascript.takes, none: javascript.none, skip: "watch"},
	"ts-node": {takes: []string{"-P", "--project", "-r", "--require", "-O", "--compiler-options", "-C", "--compiler", "-I", "--ignore", "--cwd", "--dir"}, none: []string{"-e", "--eval", "-p", "--print", "-v", "--version", "-h", "--help", "--showConfig"}},
	"deno": {
		takes: []string{"-c", "--config", "--import-map", "--lock", "-L", "--log-level", "--cert", "--location", "--seed"},
		none: []string{"-V", "--version", "-h", "--help", "add", "bench", "bundle", "cache", "check", "clean", "compile", "completions", "coverage", "deploy", "doc", "eval", "fmt", "info", "init", "install", "jupyter", "lint", "lsp",
			"outdated", "publish", "remove", "repl", "task", "test", "types", "uninstall", "update", "upgrade", "vendor"},
		skip: "run",
	},
	"bun": {
		takes: []string{"-r", "--preload", "-c", "--config", "--env-file", "--cwd", "--define", "-d", "--tsconfig-override"},
		none: []string{"-e", "--eval", "-p", "--print", "-v", "--version", "-h", "--help", "add", "audit", "build", "create", "exec", "i", "info", "init", "install", "link", "outdated", "patch", "pm", "publish", "remove", "repl", "rm",
			"test", "unlink", "update", "upgrade", "why", "x"},
		skip: "run",
	},
	"ruby": {takes: []string{"-I", "-r", "-C", "-E"}, none: []string{"-e", "-c", "-h", "--help", "--version", "--copyright"}, rest: "WKTFix0"},
	"php":  {takes: []string{"-c", "-d", "-z", "-t"}, none: []string{"-r", "-l", "-S", "-s", "-w", "-i", "-m", "-v", "-h", "-R", "-B", "-E", "-a", "--run", "--syntax-check", "--server"}},
	"perl": {takes: []string{"-I"}, none: []string{"-e", "-E", "-c", "-v", "-V", "-h"}, rest: "MmiFDCx0"},
}

// servers serve module:attribute; the value lists options without an argument.
var servers = map[string][]string{
	"uvicorn":   {"--reset-contextvars", "--reload", "--use-colors", "--no-use-colors", "--access-log", "--no-access-log", "--proxy-headers", "--no-proxy-headers", "--server-header", "--no-server-header", "--date-header", "--no-date-header", "--factory"},
	"hypercorn": {"--reload", "--debug"},
	"gunicorn":  {"--reload", "--preload", "-D", "--daemon", "--no-sendfile", "--reuse-port", "--capture-output", "--log-syslog", "-R", "--enable-stdio-inheritance", "--spew", "--proxy-protocol"},
	"daphne":    {"--proxy-headers", "--no-server-name"},
	"granian":   {"--reload", "--no-reload", "--factory", "--no-factory", "--access-log", "--no-access-log", "--ws", "--no-ws", "--log", "--no-log", "--respawn-failed-workers"},
}

// servesNothing are options with which a server only says something.
var servesNothing = []string{"-h", "--help", "-v", "--version", "--check-config", "--print-config"}

// wrappers run the command that follows them. The value lists their options with a separate
// argument; operands says how many words of their own come before the command.
var wrappers = map[string]struct {
	options  []string
	operands int
}{
	"nohup": {}, "setsid": {}, "dumb-init": {}, "tini": {options: []string{"-e", "-p"}}, "exec": {options: []string{"-a"}}, "catchsegv": {},
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
	"setpriv": {}, "busybox": {},
	"uv": {options: []string{"--with", "--with-editable", "--with-requirements", "--python", "-p", "--project", "--directory", "--env-file", "--extra", "--no-extra", "--group", "--no-group", "--only-group",
		"--package", "--index", "--default-index", "-i", "--index-url", "--extra-index-url", "--cache-dir", "--config-file", "--color", "-P", "--upgrade-package", "--python-platform"}},
	"poetry": {options: []string{"-C", "--directory", "-P", "--project"}},
	"pipenv": {}, "pdm": {options: []string{"-p", "--project"}}, "rye": {}, "hatch": {options: []string{"-e", "--env", "-p", "--project"}},
	"conda": {options: []string{"-n", "--name", "-p", "--prefix", "--cwd"}},
	"npx":   {options: []string{"-p", "--package"}}, "bunx": {}, "pnpx": {},
	"nodemon": {options: []string{"-w", "--watch", "-e", "--ext", "-i", "--ignore", "-d", "--delay", "-s", "--signal", "--config", "--cwd"}},
	"flock":   {options: []string{"-w", "--timeout", "-E", "--conflict-exit-code"}, operands: 1},
	"chpst":   {options: []string{"-u", "-U", "-e", "-n", "-l", "-L", "-m", "-d", "-o", "-p", "-f", "-c", "-r", "-t", "-/"}},
	"doppler": {options: []string{"-p", "--project", "-c", "--config", "--scope", "--mount", "--fallback"}},
	"dotenvx": {options: []string{"-f", "--env-file", "-fk", "--env-keys-file", "-e", "--env"}},
	"op":      {options: []string{"--env-file", "--account", "--environment"}},
}

// runWord says that "run" stands between the wrapper and the command: "uv run", "poetry run".
var runWord = map[string]bool{
	"uv": true, "poetry": true, "pipenv": true, "pdm": true, "rye": true, "hatch": true, "conda": true, "doppler": true, "dotenvx": true, "op": true,
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

// runners are modules that run a script or another module; the value lists their options with a
// separate argument.
var runners = map[string][]string{
	"cProfile": {"-o", "--outfile", "-s", "--sort"}, "profile": {"-o", "--outfile", "-s", "--sort"},
	"trace":    {"-f", "--file", "-C", "--coverdir", "--ignore-module", "--ignore-dir"},
	"debugpy":  {"--listen", "--connect", "--log-to", "--adapter-access-token", "--parent-session-pid"},
	"coverage": {"--rcfile", "--source", "--include", "--omit", "--context", "--concurrency", "--data-file"},
}
