//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wrong is an invocation that must fail: its whole stderr and its exit code. It runs in a folder of its own, with the
// token 2:SECRETb in its environment.
type wrong struct {
	name  string
	args  string                            // separated by blanks
	argv  []string                          // instead of args, for what they cannot express
	env   string                            // NAME=value, one a line; !NAME, when alone: not set
	files map[string]string                 // a name that ends in "/" is a folder
	setup func(t *testing.T, cmd *exec.Cmd) // then it is a process of its own
	alone bool                              // the same, for what may hang or gets as far as to supervise
	code  int
	want  string // stderr without "botctl: "; {dir} is the folder; a line is a prefix when it ends in …
}

const (
	hintVerbs  = "hint: \"botctl --help\" lists the verbs, \"botctl VERB --help\" their flags"
	hintRun    = "hint: \"botctl run --help\" shows what it takes"
	hintToken  = "hint: the token stands alone, as @BotFather gave it: one line, no quotes, no NAME="
	hintPipe   = "hint: for a token that a program prints: TELEGRAM_BOT_TOKEN=\"$(PROGRAM)\" botctl ..."
	hintState  = "hint: BOTCTL_STATE_DIR names another folder for locks and state"
	hintStart  = "hint: start one: \"botctl run -- COMMAND\""
	hintFile   = "hint: botctl.yaml has one \"setting: value\" a line, such as \"stop-timeout: 20s\""
	hintList   = "hint: \"botctl run --print-config\" lists every setting"
	hintBad    = "hint: botctl run writes it anew; delete it when none runs"
	hintOther  = "hint: what listens on d-x.sock in the state folder is another program, or another version of botctl"
	hintBox    = "hint: start one: \"botctl run --sandbox\" or \"botctl sandbox\""
	hintPath   = "hint: the command is what follows --; it is looked up in PATH of this environment"
	hintChmod  = "hint: a program is made executable by chmod +x; a script is started by its interpreter: python bot.py"
	hintSecret = "hint: every user can read a command line: put the token in TELEGRAM_BOT_TOKEN, in .env, or in the file that --token-file names"
)

// withoutToken keeps a run from asking the Bot API, and from the lock of the bot, which is one for all rows.
const withoutToken = "TELEGRAM_BOT_TOKEN="

// realToken has the form of a real one, so that it is masked wherever it stands.
const realToken = "123456789:SECRET-abcdefghijklmnopqrstuvwxyz12"

var wrongArguments = []wrong{
	{name: "unknown verb", args: "rnu", code: 2, want: "error: unknown command \"rnu\" for \"botctl\"\nhint: did you mean run?\n" + hintVerbs},
	{name: "a token for a verb", args: realToken, code: 2, want: "error: unknown command \"123456789:***\" for \"botctl\"\n" + hintVerbs},
	{name: "unknown flag", args: "run --nope", code: 2, want: "error: unknown flag: --nope\n" + hintRun},
	{name: "unknown flag before the verb", args: "--nope", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl --help\" shows what it takes"},
	{name: "unknown letter", args: "run -z", code: 2, want: "error: unknown flag: -z\n" + hintRun},
	{name: "a token for a flag", args: "run --" + realToken, code: 2, want: "error: unknown flag: --123456789:***\n" + hintRun},
	{name: "flag without its value", args: "run --stop-timeout", code: 2, want: "error: flag --stop-timeout: its value is missing\n" + hintRun},
	{name: "malformed flag", args: "run --=x", code: 2, want: "error: bad flag syntax: --=x\n" + hintRun},
	{name: "logs, unknown flag", args: "logs --nope", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl logs --help\" shows what it takes"},
	{name: "restart, unknown flag", args: "restart --nope", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl restart --help\" shows what it takes"},
	{name: "stop, unknown flag", args: "stop --nope", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl stop --help\" shows what it takes"},
	{name: "kill-stale, unknown flag", args: "kill-stale --nope", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl kill-stale --help\" shows what it takes"},
	{name: "guard, unknown flag", args: "guard --nope -- x", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl guard --help\" shows what it takes"},
	{name: "bot, unknown flag", args: "bot --nope", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl bot --help\" shows what it takes"},
	{name: "sandbox, unknown flag", args: "sandbox --listen 0.0.0.0:80", code: 2, want: "error: unknown flag: --listen\nhint: \"botctl sandbox --help\" shows what it takes"},
	{name: "sandbox send, unknown flag", args: "sandbox send --nope", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl sandbox send --help\" shows what it takes"},
	{name: "version, unknown flag", args: "version --nope", code: 2, want: "error: unknown flag: --nope\nhint: \"botctl version --help\" shows what it takes"},
	{name: "status, too many arguments", args: "status x", code: 2, want: "error: unexpected argument \"x\"\nhint: \"botctl status --help\" shows what it takes"},
	{name: "logs, too many arguments", args: "logs x", code: 2, want: "error: unexpected argument \"x\"\nhint: \"botctl logs --help\" shows what it takes"},
	{name: "restart, too many arguments", args: "restart bot.py", code: 2, want: "error: unexpected argument \"bot.py\"\nhint: \"botctl restart --help\" shows what it takes"},
	{name: "stop, too many arguments", args: "stop now", code: 2, want: "error: unexpected argument \"now\"\nhint: \"botctl stop --help\" shows what it takes"},
	{name: "bot, too many arguments", args: "bot bot.py", code: 2, want: "error: unexpected argument \"bot.py\"\nhint: \"botctl bot --help\" shows what it takes"},
	{name: "version, too many arguments", args: "version x", code: 2, want: "error: unexpected argument \"x\"\nhint: \"botctl version --help\" shows what it takes"},
	{name: "sandbox, unknown verb", args: "sandbox sned x", code: 2, want: "error: unknown command \"sned\" for \"botctl sandbox\"\nhint: did you mean send?\nhint: \"botctl sandbox --help\" shows what it takes"},
	{name: "help on an unknown verb", args: "help nope", code: 2, want: "error: unknown command \"nope\" for \"botctl\"\n" + hintVerbs},
	{name: "the guardian by hand", args: "guardian", code: 2, want: "error: \"botctl guardian\" is started by \"botctl run\", not by hand"},
	{name: "completion for no shell", args: "completion", code: 2, want: "error: the shell is missing: want bash, zsh, fish or powershell\nhint: \"botctl completion --help\" shows what it takes"},
	{name: "completion for another shell", args: "completion tcsh", code: 2, want: "error: shell \"tcsh\": want bash, zsh, fish or powershell\nhint: \"botctl completion --help\" shows what it takes"},
	{name: "completion for two shells", args: "completion bash zsh", code: 2, want: "error: unexpected argument \"zsh\"\nhint: \"botctl completion bash --help\" shows what it takes"},

	{name: "forgotten dashes", args: "run python bot.py", code: 2, want: "error: unexpected argument \"python\"\nhint: put the bot's command behind \"--\": botctl run -- python bot.py"},
	{name: "words on both sides of the dashes", args: "run python -- bot.py", code: 2, want: "error: unexpected argument \"python\"\nhint: put the bot's command behind \"--\": botctl run -- python bot.py"},
	{name: "nothing behind the dashes", args: "run --", code: 2, want: "error: there is no command behind \"--\"\nhint: was it in a variable that is not set? without \"--\" none is needed"},
	{name: "an empty command", argv: []string{"run", "--", ""}, code: 2, want: "error: the command's name is empty\nhint: was it in a variable that is not set?"},
	{name: "a token for a command", args: "run " + realToken, code: 2, want: "error: unexpected argument \"123456789:***\"\nhint: put the bot's command behind \"--\": botctl run -- 123456789:***"},
	{name: "a token as a flag", args: "run --token 1:SECRET", code: 2, want: "error: unknown flag: --token\n" + hintSecret + "\n" + hintRun},
	{name: "a token as a flag, with =", args: "bot --token=1:SECRET", code: 2, want: "error: unknown flag: --token\n" + hintSecret + "\nhint: \"botctl bot --help\" shows what it takes"},
	{name: "a token behind a letter", args: "run -t1:SECRET", code: 2, want: "error: unknown flag: -t\n" + hintRun},
	{name: "a token for a variable's name", args: "run --token-env 1:SECRET", code: 2, want: "error: flag --token-env: want the name of a variable, not its value"},
	{name: "a token for a file's name", args: "run --token-file 1:SECRET", code: 2, want: "error: flag --token-file: want the name of a file, not the token itself"},
	{name: "a token for a bot's id", args: "status --bot 1:SECRET", code: 2, want: "error: flag --bot: want a bot's id, the digits of its token"},
	{name: "control characters", argv: []string{"run", "a\x1b[2J\rb"}, code: 2, want: "error: unexpected argument \"a\\x1b[2J\\rb\"\nhint: put the bot's command behind \"--\": botctl run -- a?[2J?b"},
	{name: "logs, lines in words", args: "logs -n x", code: 2, want: "error: flag --lines \"x\": want a whole number\nhint: \"botctl logs --help\" shows what it takes"},
	{name: "logs, fewer than none", args: "logs -n -2", code: 2, want: "error: flag --lines \"-2\": want 0 or more, or -1 for all"},
	{name: "logs, all of nothing", args: "logs -n -1", code: 3, want: "error: no supervisor has run here\n" + hintStart},
	{name: "logs, too many lines", args: "logs -n 99999999999999999999", code: 2, want: "error: flag --lines \"99999999999999999999\": want a smaller number\nhint: \"botctl logs --help\" shows what it takes"},
	{name: "stop, no time", args: "stop --wait 0", code: 2, want: "error: flag --wait \"0s\": want more than 0"},
	{name: "stop, time in words", args: "stop --wait soon", code: 2, want: "error: flag --wait \"soon\": want a duration such as 9s\nhint: \"botctl stop --help\" shows what it takes"},
	{name: "kill-stale, forgotten dashes", args: "kill-stale 1234", code: 2, want: "error: unexpected argument \"1234\"\nhint: put the bot's command behind \"--\": botctl kill-stale -- 1234"},
	{name: "kill-stale, nothing behind the dashes", args: "kill-stale --", code: 2, want: "error: there is no command behind \"--\"\nhint: was it in a variable that is not set? without \"--\" none is needed"},
	{name: "kill-stale, unknown scope", args: "kill-stale --scope x", code: 2, want: "error: flag --scope \"x\": want project, host"},
	{name: "kill-stale, host scope without a token", args: "kill-stale --scope host", env: withoutToken, code: 78, want: "error: --scope host needs the bot's token: no bot token\nhint: set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you"},
	{name: "guard without a command", args: "guard", code: 2, want: "error: the command is missing\nhint: put it behind \"--\": botctl guard -- uvicorn api_server:app"},
	{name: "guard with an empty command", argv: []string{"guard", "--", ""}, code: 2, want: "error: the command's name is empty\nhint: was it in a variable that is not set?"},
	{name: "guard with an unknown command", args: "guard -- no-such-command", code: 127, want: "error: start \"no-such-command\": not found\n" + hintPath},
	{name: "guard with a folder", args: "guard ./d", files: map[string]string{"d/": ""}, code: 126, want: "error: start \"./d\": is a directory\n" + hintChmod},
	{name: "guard with a text", args: "guard ./f", files: map[string]string{"f": ""}, code: 126, want: "error: start \"./f\": permission denied\n" + hintChmod},
	{name: "guard with a script of an unknown interpreter", args: "guard ./f", setup: executable("f", "#!/no/such\n"), code: 126, want: "error: start \"./f\": its interpreter is not there\n" + hintChmod},
	{name: "guard with an empty variable", argv: []string{"guard", "--deny-env", "", "x"}, code: 2, want: "error: flag --deny-env: want the name of a variable"},
	{name: "guard refuses, with a token in the command", args: "guard x " + realToken, env: "RAILWAY_ENVIRONMENT=1", code: 78, want: "error: refused to start \"x 123456789:***\": RAILWAY_ENVIRONMENT is set, and where it is set this command would poll beside the bot\nhint: take the entry out of the Procfile, or run it without its poller\nhint: \"botctl guard --deny-env NAME\" changes the variables that forbid it"},
	{name: "a command that is not there", alone: true, args: "run -- no-such-command", env: withoutToken, code: 127, want: "error: start \"no-such-command\": not found in PATH\n" + hintPath},
	{name: "a command that is a folder", alone: true, args: "run -- ./d", env: withoutToken, files: map[string]string{"d/": ""}, code: 126, want: "error: start \"./d\": is a directory\n" + hintChmod},
	{name: "a command that is a text", alone: true, args: "run -- ./f", env: withoutToken, files: map[string]string{"f": ""}, code: 126, want: "error: start \"./f\": permission denied\n" + hintChmod},
	{name: "a command that is no program", args: "run -- ./f", env: withoutToken, setup: executable("f", "\x00\x01"), code: 126, want: "error: start \"{dir}/f\": exec format error\n" + hintChmod},
	{name: "a command of an unknown interpreter", args: "run -- ./f", env: withoutToken, setup: executable("f", "#!/no/such\n"), code: 126, want: "error: start \"{dir}/f\": its interpreter is not there\n" + hintChmod},

	{name: "nothing runs", args: "status", code: 3, want: "error: no supervisor has run here\n" + hintStart},
	{name: "nothing to stop", args: "stop", code: 3, want: "error: no supervisor has run here\n" + hintStart},
	{name: "nothing to restart", args: "restart", code: 3, want: "error: no supervisor has run here\n" + hintStart},
	{name: "nothing to follow", args: "logs -f", code: 3, want: "error: no supervisor has run here\n" + hintStart},
	{name: "another bot", args: "status --bot 5", code: 3, want: "error: no supervisor has run bot 5 here\nhint: \"botctl status\" without --bot shows what has run"},

	{name: "sandbox, no such port", args: "sandbox --port 99999", code: 2, want: "error: flag --port \"99999\": want 0 to 65535"},
	{name: "sandbox, port in words", args: "sandbox --port http", code: 2, want: "error: flag --port \"http\": want a whole number\nhint: \"botctl sandbox --help\" shows what it takes"},
	{name: "sandbox, token of another form", args: "sandbox --port 0 --token SECRET", code: 2, want: "error: flag --token: not a bot token: want \"<digits>:<secret>\""},
	{name: "sandbox, ready file in no folder", args: "sandbox --port 0 --ready-file no/such", code: 1, want: "error: ready file \"no/such\": no such file or directory"},
	{name: "no sandbox", args: "sandbox send hi", code: 3, want: "error: no sandbox is running\n" + hintBox},
	{name: "no sandbox any more", args: "sandbox verdict --url http://127.0.0.1:1", code: 3, want: "error: sandbox at http://127.0.0.1:1: connection refused\n" + hintBox},
	{name: "sandbox that is no URL", args: "sandbox send --url 8081 hi", code: 2, want: "error: flag --url \"8081\": want a URL such as https://api.telegram.org"},
	{name: "sandbox with a password", args: "sandbox verdict --url http://a:SECRET@127.0.0.1:1", code: 2, want: "error: flag --url \"http://***@127.0.0.1:1\": want a URL without user and password: it is shown in logs and status"},
	{name: "nothing to send", args: "sandbox send", code: 2, want: "error: TEXT is missing\nhint: \"botctl sandbox send --help\" shows what it takes"},
	{name: "words to send", args: "sandbox send are you there", code: 2, want: "error: unexpected argument \"you\"\nhint: quotes keep several words together\nhint: \"botctl sandbox send --help\" shows what it takes"},
	{name: "no trouble named", args: "sandbox fault", code: 2, want: "error: KIND is missing\nhint: \"botctl sandbox fault --help\" shows what it takes"},
	{name: "trouble that is none", args: "sandbox fault 200", code: 2, want: "error: KIND \"200\": want a status from 400 to 599, or one of hang, reset, slow, rival, restart, clear"},
	{name: "trouble for less than no time", args: "sandbox fault hang --for -1s", code: 2, want: "error: flags --for, --after, --delay, --count, --retry-after: want nothing below 0, and some --delay"},
	{name: "trouble in no sandbox", args: "sandbox fault hang", code: 3, want: "error: no sandbox is running\n" + hintBox},
	{name: "a rate of one", args: "sandbox send hi --rate 5", code: 2, want: "error: flag --rate: want --count too"},
	{name: "a token for a bot's id", args: "sandbox verdict --bot 123:SECRET", code: 2, want: "error: flag --bot: want a bot's id, the digits of its token"},
	{name: "reset of what", args: "sandbox reset everything", code: 2, want: "error: unexpected argument \"everything\"\nhint: \"botctl sandbox reset --help\" shows what it takes"},
	{name: "too long to wait", args: "sandbox send --wait 1h hi", code: 2, want: "error: flag --wait \"1h0m0s\": want more than 0 and at most 1m0s"},
	{name: "a record of a sandbox that is garbage", args: "sandbox verdict", files: map[string]string{"state/": "", "state/sandbox.json": "SECRET"}, code: 3, want: "error: no sandbox is running\n" + hintBox},

	{name: "JSON, unknown flag", args: "status --json --nope", code: 2, want: `{"error":{"code":2,"hints":["\"botctl status --help\" shows what it takes"],"message":"unknown flag: --nope"}}`},
	{name: "JSON, by its long form", args: "kill-stale --json=true --scope x", code: 2, want: `{"error":{"code":2,"hints":[],"message":"flag --scope \"x\": want project, host"}}`},
	{name: "JSON, neither true nor false", args: "status --json=perhaps", code: 2, want: "error: flag --json \"perhaps\": want true or false\nhint: \"botctl status --help\" shows what it takes"},
	{name: "JSON, too many arguments", args: "version --json " + realToken, code: 2, want: `{"error":{"code":2,"hints":["\"botctl version --help\" shows what it takes"],"message":"unexpected argument \"123456789:***\""}}`},
}

// executable makes an executable file.
func executable(name, text string) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		if err := os.WriteFile(filepath.Join(cmd.Dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrongInvocations(t *testing.T) {
	for group, rows := range map[string][]wrong{
		"arguments": wrongArguments, "settings": slices.Concat(badValues(), wrongSettings), "tokens": wrongTokens, "leases": wrongLeases, "folders": wrongFolders, "answers": wrongAnswers,
	} {
		t.Run(group, func(t *testing.T) {
			for _, w := range rows {
				t.Run(w.name, w.check)
			}
		})
	}
}

// wrongLimit is generous: what takes longer hangs.
const wrongLimit = time.Minute

// wrongMemory is what botctl may need to refuse anything, in KiB and under the race detector as well. The kernel begins to
// count with what the tests themselves have.
const wrongMemory = 200 << 10

// internals are the words of Go and its libraries, which say nothing to a bot's owner.
var internals = regexp.MustCompile(`goroutine |panic|\.go:\d|strconv|interface \{|Go value|json: |(^|[^.])yaml: |net/http|unmarshal|context (dead|canc)|map\[|<nil>|%!|stat |getwd`)

func (w wrong) check(t *testing.T) {
	own := w.alone || w.setup != nil
	if own {
		t.Parallel()
	}
	dir, err := filepath.EvalSymlinks(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range w.files {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if w.argv == nil {
		w.argv = strings.Fields(w.args)
	}
	call := w.inside
	if own {
		call = w.outside
	}
	code, out, errs := call(t, dir)
	if want := strings.ReplaceAll(w.want, "{dir}", dir); code != w.code || !same(errs, want) {
		t.Errorf("exit %d, stderr\n%swant %d,\n%s", code, errs, w.code, want)
	}
	if strings.Contains(out+errs, "SECRET") || internals.MatchString(errs) {
		t.Errorf("a secret, or words of Go:\n%s%s", out, errs)
	}
}

// inside is quick.
func (w wrong) inside(t *testing.T, dir string) (code int, out, errs string) {
	t.Chdir(dir)
	for _, kv := range w.environ(dir) {
		name, v, _ := strings.Cut(kv, "=")
		t.Setenv(name, v)
	}
	var stdout, stderr bytes.Buffer
	done := make(chan int, 1)
	go func() { done <- run(w.argv, &stdout, &stderr) }()
	select {
	case code = <-done:
	case <-time.After(wrongLimit):
		t.Fatal("hangs")
	}
	return code, stdout.String(), stderr.String()
}

// outside is a process, which can be killed, whose folder can be deleted and which can be another user's.
func (w wrong) outside(t *testing.T, dir string) (code int, out, errs string) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := &exec.Cmd{Path: self, Args: append([]string{"botctl"}, w.argv...), Dir: dir, Stdout: &stdout, Stderr: &stderr, WaitDelay: time.Second}
	cmd.Env = append(w.environ(dir), playBotctl+"=1", "GORACE=atexit_sleep_ms=0", "PATH="+os.Getenv("PATH"))
	if w.setup != nil {
		w.setup(t, cmd)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(wrongLimit, func() { cmd.Process.Kill() })
	cmd.Wait()
	if !limit.Stop() {
		t.Fatalf("hangs\n%s%s", &stdout, &stderr)
	}
	var ours syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ours)
	if its, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" && its.Maxrss > ours.Maxrss+wrongMemory {
		t.Errorf("took %d KiB, the tests %d", its.Maxrss, ours.Maxrss)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func (w wrong) environ(dir string) []string {
	env := []string{
		"HOME=" + dir, "BOTCTL_STATE_DIR=" + filepath.Join(dir, "state"),
		"TELEGRAM_BOT_TOKEN=2:SECRETb", "TELEGRAM_API_BASE=http://127.0.0.1:1",
	}
	for line := range strings.SplitSeq(w.env, "\n") {
		if name, gone := strings.CutPrefix(line, "!"); gone {
			env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		} else if line != "" {
			env = append(env, strings.ReplaceAll(line, "{dir}", dir))
		}
	}
	return env
}

// same compares line by line; want has no "botctl: " and may cut a line short with ….
func same(got, want string) bool {
	lines, wants := strings.Split(strings.TrimSuffix(got, "\n"), "\n"), strings.Split(want, "\n")
	if len(lines) != len(wants) {
		return false
	}
	for i, w := range wants {
		line := strings.TrimPrefix(lines[i], "botctl: ")
		if prefix, cut := strings.CutSuffix(w, "…"); cut && strings.HasPrefix(line, prefix) {
			continue
		}
		if line != w {
			return false
		}
	}
	return true
}
