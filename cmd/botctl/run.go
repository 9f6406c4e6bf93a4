package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"botctl/supervisor"
	"botctl/supervisor/health"
	"botctl/supervisor/lock"
	"botctl/supervisor/notify"
	"botctl/supervisor/platform"
	"botctl/supervisor/policy"
	"botctl/supervisor/proc"
	"botctl/supervisor/token"
)

func newRunCmd() *cobra.Command {
	var printConfig, sandboxed bool
	cmd := &cobra.Command{
		Use:   "run [flags] [-- COMMAND [ARG...]]",
		Short: "Supervise a bot: be the only one, keep it polling",
		Long: `run starts COMMAND (without one, the bundled bot) and keeps it polling until it is told to
stop. Before each start it ends stale processes that compete for the bot; while it runs it
watches for 409 conflicts, a broken event loop, a refused token, and restarts the bot when that
helps.

A bot that takes its server from TELEGRAM_API_BASE goes through a gateway on loopback: conflicts
do not reach it, a poll that hangs is freed, and a restart loses nothing (docs/gateway.md).

With --lease one of several machines polls, and a new deploy takes over from the old one in
milliseconds (docs/lease.md).

Settings come from the flag, then the environment (BOTCTL_STOP_TIMEOUT for --stop-timeout),
then botctl.yaml in this folder, then the default. The bot's token is read from
TELEGRAM_BOT_TOKEN, BOT_TOKEN, TELEGRAM_TOKEN or TOKEN, or from .env; never from a flag's value.

Exit codes: 0 stopped, 2 usage, 70 gave up, 73 no lock or state, 75 another supervisor has the
bot, 78 configuration or token refused, 126/127 COMMAND not executable or not found; a bot that
never came up ends botctl with its own code.`,
		Example: `  botctl run -- python bot.py
  botctl run --sandbox                     the bundled bot against a local Telegram
  botctl run --sandbox -- python bot.py    any bot that reads TELEGRAM_API_BASE
  botctl run --on-held wait -- node bot.js
  botctl run --gateway require --restart-warm -- python bot.py
  botctl run --on-held takeover -- python bot.py       replace the one that runs here
  BOTCTL_LEASE=redis://cache:6379 botctl run --gateway require --standby warm -- python bot.py
  botctl run --lease env:DATABASE_URL --listen env:PORT -- python bot.py
  botctl run --print-config`,
		Args: commandArgs,
		RunE: func(cmd *cobra.Command, argv []string) error {
			set, err := loadSettings(cmd.Flags(), runSettings, os.Environ())
			if err != nil {
				return err
			}
			here := platform.Recognise(os.Getenv, hostName(), os.ReadFile)
			set.adapt(here)
			if printConfig {
				return writeConfig(cmd.OutOrStdout(), set, runSettings)
			}
			return superviseBot(cmd.Context(), set, argv, sandboxed, here)
		},
	}
	addFlags(cmd.Flags(), runSettings)
	cmd.Flags().BoolVar(&printConfig, "print-config", false, "print every setting and where it came from, and end")
	cmd.Flags().BoolVar(&sandboxed, "sandbox", false, "run against an embedded local Telegram, without a token or a network")
	return cmd
}

// superviseBot is the main job.
func superviseBot(ctx context.Context, set settings, argv []string, sandboxed bool, here platform.Platform) error {
	proc.IgnorePipeSignal()
	trustRoots()
	out, errs := proc.NewSink(os.Stdout, "stdout"), proc.NewSink(os.Stderr, "stderr")
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		out.Close(flush)
		errs.Close(flush)
	}()
	opts, err := runOptions(set, argv, sandboxed)
	if err != nil {
		return err
	}
	var box *embedded
	if sandboxed {
		if box, err = startSandbox(ctx, &opts); err != nil {
			return err
		}
		defer box.stop()
	}
	if err := leaseOptions(ctx, set, &opts, here); err != nil {
		return err
	}
	opts.Platform = here.Name
	if at := set.text("listen"); at != "" {
		if opts.Health, err = health.Listen(ctx, at, lookupEnv(opts.Env)); err != nil {
			return listenError(err)
		}
		defer opts.Health.Close()
	}
	opts.Masker = token.NewMasker(opts.Token)
	mask := func(line string) string { return opts.Masker.String(line) }
	opts.Stdout, opts.Stderr = out, errs
	opts.Log = slog.New(&lineHandler{
		out:   func(line string) { out.WriteLine(mask(line)) },
		err:   func(line string) { errs.WriteLine(mask(line)) },
		json:  set.text("log-format") == "json",
		quiet: set.bool("quiet"),
	})
	if box != nil {
		box.watch(&opts)
	}
	if name := malformedToken(lookupEnv(opts.Env)); opts.Token == "" && name != "" {
		opts.Log.Warn("environment " + name + ": " + token.ErrForm.Error() + "; the bot is run all the same")
	}
	res, err := supervisor.Run(ctx, opts)
	if fault, ok := errors.AsType[*supervisor.PanicError](err); ok {
		f := fail(exitFailed, err).hint("the bot was ended; this is a fault of botctl, not of the bot: please report it")
		if fault.File != "" {
			f.hint("the details are in " + fault.File)
		}
		return f
	}
	if err != nil {
		return fail(exitFailed, err)
	}
	return outcome(res, opts)
}

// listenError adds the next step.
func listenError(err error) error {
	f := configError(err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		f.hint("another program has it, or a botctl that runs here already (\"botctl status\"); --listen names another address")
	case strings.Contains(err.Error(), "variable is not set"):
		f.hint("platforms set it for services that they ask from outside; else set it, or name the address: --listen 0.0.0.0:8080")
	}
	return f
}

// outcome turns the end of a run into an error with its code and advice.
func outcome(res supervisor.Result, opts supervisor.Options) error {
	if res.ExitCode == exitDone {
		return nil
	}
	for _, line := range res.Output {
		opts.Stderr.WriteLine("botctl: last output: " + line)
	}
	err := errors.New(opts.Masker.String(res.Why))
	if res.Why == "" {
		return quietExit(res.ExitCode)
	}
	f := fail(res.ExitCode, err)
	switch {
	case strings.HasPrefix(res.Why, "start "): // else 126 and 127 are the bot's own
		f.commandHint()
	case res.ExitCode == exitHeld:
		f.hint(`"botctl status" shows it, "botctl stop" ends it; "botctl run --on-held takeover" replaces it, "--on-held wait" takes over when it ends`)
	case res.ExitCode == exitLock:
		f.hint(stateHint)
	case res.ExitCode == exitConfig && strings.HasPrefix(res.Why, "lease at "):
		f.hint("the lease's URL is redis://USER:PASSWORD@HOST:PORT/DB or postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for special characters of a password")
		f.hint("without --lease the bot runs as on a single machine")
	case res.ExitCode == exitConfig && strings.Contains(res.Why, "webhook"):
		f.hint("--webhook delete removes it, pending updates kept; --webhook keep runs the bot all the same")
	case res.ExitCode == exitConfig && strings.Contains(res.Why, "token"):
		f.hint("get a new token from @BotFather, and check where it is set")
	}
	return f
}

// runOptions puts together what a run is about, the token among it.
func runOptions(set settings, argv []string, sandboxed bool) (supervisor.Options, error) {
	dir, err := workingFolder()
	if err != nil {
		return supervisor.Options{}, err
	}
	child := os.Environ()
	if path := set.text("env-file"); path != "" {
		if child, err = withEnvFile(child, path); err != nil {
			return supervisor.Options{}, err
		}
	}
	var found token.Found
	if !sandboxed { // which has its own
		if found, err = findToken(set, child, dir); err != nil {
			return supervisor.Options{}, err
		}
	}
	state, err := stateDir()
	if err != nil {
		return supervisor.Options{}, err
	}
	base, err := apiBase(set)
	if err != nil {
		return supervisor.Options{}, err
	}
	count, within, _ := giveUp(set.text("give-up"))
	opts := supervisor.Options{
		Argv: argv, Dir: dir, Env: child,
		Interactive: set.bool("interactive"),
		Token:       found.Token, TokenSource: found.Source, TokenName: found.Name, TokenEnv: set.text("token-env"),
		APIBase:  base,
		Webhook:  supervisor.WebhookPolicy(set.text("webhook")),
		Gateway:  supervisor.GatewayMode(set.text("gateway")),
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Policy: policy.Config{
			WaitForLock:  set.text("on-held") == "wait",
			TakeOver:     set.text("on-held") == "takeover",
			StandbyWarm:  set.text("standby") == "warm",
			StartTries:   set.int("start-tries"),
			GiveUp:       count,
			GiveUpWithin: within,
			OnConflict:   map[string]policy.OnConflict{"auto": policy.Auto, "restart": policy.Restart, "tell": policy.TellIt}[set.text("on-conflict")],
			FirstSign:    set.bool("restart-on-first-sign"),
			StopTimeout:  set.duration("stop-timeout"),
			Heartbeat:    set.duration("heartbeat"),
			StallAfter:   cmp.Or(set.duration("stall-after"), -1),
			Warm:         set.bool("restart-warm"),
			Seed:         uint64(time.Now().UnixNano()),
		},
		StateDir: state,
		Rivals:   set.list("rival"), Spare: set.list("spare"), HostWide: set.text("scope") == "host",
		Version:    thisVersion(),
		NotifyChat: set.text("notify-chat"), NotifyURL: set.text("notify-url"),
		Manager:  notify.ManagerOf(os.Getenv),
		Guardian: []string{"botctl", guardianVerb},
	}
	if err := gatewayFits(set, found.Token != "" || sandboxed); err != nil {
		return opts, err
	}
	if len(argv) == 0 {
		if found.Token == "" && !sandboxed {
			return opts, noToken(lookupEnv(child)).hint(sandboxHint)
		}
		useBundledBot(&opts, found)
	}
	return opts, nil
}

// adapt gives the settings that hang on the platform the platform's value, where the owner has set none.
func (s settings) adapt(here platform.Platform) {
	if v := s["stop-timeout"]; v.from == "default" && here.Name != "" {
		s["stop-timeout"] = value{text: here.StopTimeout().String(), from: "platform " + here.Name}
	}
}

// gatewayFits says whether the gateway that is asked for can be had.
func gatewayFits(set settings, hasToken bool) error {
	require := set.text("gateway") == string(supervisor.GatewayRequire)
	switch {
	case set.bool("restart-warm") && !require:
		return configError(errors.New("restart-warm: needs gateway require")).hint("a bot that can go round the gateway would poll beside its successor")
	case set.text("standby") == "warm" && !require:
		return configError(errors.New("standby warm: needs gateway require")).hint("a bot that can go round the gateway would poll while it stands by")
	case require && !hasToken:
		return noToken(os.Getenv).hint("--gateway require puts another one in its place, so it must know it")
	}
	return nil
}

// useBundledBot makes botctl itself the child, through the running executable, not its path:
// the file may have been replaced. A token from a file and the server are handed on in the environment.
func useBundledBot(opts *supervisor.Options, found token.Found) {
	opts.Argv, opts.Path = []string{"botctl", "bot"}, proc.SelfPath()
	opts.Env = setEnv(opts.Env, "TELEGRAM_API_BASE", opts.APIBase)
	if found.Token != "" && !slices.ContainsFunc(opts.Env, func(kv string) bool { return found.Name != "" && strings.HasPrefix(kv, found.Name+"=") }) {
		opts.Env = append(opts.Env, "TELEGRAM_BOT_TOKEN="+found.Token.Reveal())
	}
}

func findToken(set settings, env []string, dir string) (token.Found, error) {
	src := token.Sources{
		Getenv: lookupEnv(env),
		Env:    set.text("token-env"),
		File:   set.text("token-file"),
		Dir:    dir,
	}
	found, err := token.Find(src)
	if err != nil {
		return found, tokenError(err, src)
	}
	return found, nil
}

// tokenError adds the next step.
func tokenError(err error, src token.Sources) error {
	f := configError(err)
	if two, ok := errors.AsType[*token.AmbiguousError](err); ok {
		if strings.HasPrefix(two.Names[0], ".env ") {
			return f.hint("take one out of .env; or --env-file .env --token-env NAME says which one is this bot's")
		}
		return f.hint("--token-env NAME says which one is this bot's")
	}
	if errors.Is(err, token.ErrForm) {
		return f.hint("the token stands alone, as @BotFather gave it: one line, no quotes, no NAME=")
	}
	// Only a regular file is read, not the pipe of a process substitution either: a device has no end, and a
	// pipe nobody writes to never answers.
	if info, err := os.Stat(src.File); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		f.hint(`for a token that a program prints: TELEGRAM_BOT_TOKEN="$(PROGRAM)" botctl ...`)
	}
	return f
}

// malformedToken names the variable that was meant to hold the bot's token and does not; "" when there is none.
// TOKEN is not among them: it may hold anything.
func malformedToken(getenv func(string) string) string {
	for _, name := range token.EnvNames {
		if v := strings.TrimSpace(getenv(name)); name != "TOKEN" && v != "" {
			if _, err := token.Parse(v); err != nil {
				return name
			}
		}
	}
	return ""
}

// noToken is the error of a verb that cannot do without.
func noToken(getenv func(string) string) *failure {
	if name := malformedToken(getenv); name != "" {
		return configError(fmt.Errorf("environment %s: %w", name, token.ErrForm)).
			hint("the token stands alone, as @BotFather gave it: one line, no quotes, no NAME=")
	}
	return configError(errors.New("no bot token")).hint("set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you")
}

// apiBase is the Bot API server in force: --api-base, else TELEGRAM_API_BASE, else Telegram's.
func apiBase(set settings) (string, error) {
	base := cmp.Or(set.text("api-base"), os.Getenv("TELEGRAM_API_BASE"), supervisor.DefaultAPIBase)
	if err := validBase(base); err != nil {
		return "", configError(fmt.Errorf("environment TELEGRAM_API_BASE %q: want %w", withoutUser(base), err))
	}
	return strings.TrimRight(base, "/"), nil
}

// validBase is also the check of the setting, which may be empty. A method's path is put behind a base, and it
// is shown in logs and status.
func validBase(base string) error {
	u, err := url.Parse(base)
	switch {
	case base == "":
	case err == nil && u.User != nil:
		return errors.New("a URL without user and password: it is shown in logs and status")
	case err != nil, u.Hostname() == "", u.Scheme != "http" && u.Scheme != "https", strings.ContainsAny(base, "?# \t"), !validPort(u.Port()):
		return errors.New("a URL such as https://api.telegram.org")
	}
	return nil
}

func validPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}

// withoutUser hides what may be a password in a text that was meant to be a URL.
func withoutUser(text string) string {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return text
	}
	begin := 0
	if i := strings.Index(text, "//"); i >= 0 && i < at {
		begin = i + len("//")
	}
	return text[:begin] + "***" + text[at:]
}

func withEnvFile(env []string, path string) ([]string, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, configError(fmt.Errorf("env file %q: %w", path, pathCause(err)))
	}
	vars, err := token.Dotenv(path)
	if err != nil {
		return nil, configError(err)
	}
	have := lookupEnv(env)
	for name, v := range vars {
		if have(name) == "" {
			env = append(env, name+"="+v)
		}
	}
	return env, nil
}

// setEnv is env with name set to v alone.
func setEnv(env []string, name, v string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	return append(env, name+"="+v)
}

func lookupEnv(env []string) func(string) string {
	return func(name string) string {
		for _, kv := range slices.Backward(env) {
			if v, ok := strings.CutPrefix(kv, name+"="); ok {
				return v
			}
		}
		return ""
	}
}

// pathCause is the cause alone, without the call and the path that package os puts before it.
func pathCause(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	if se, ok := errors.AsType[*os.SyscallError](err); ok {
		return se.Err
	}
	return err
}

func workingFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", configError(fmt.Errorf("working folder: %w", pathCause(err))).hint("it may have been deleted: cd to the bot's folder again")
	}
	return dir, nil
}

const stateHint = "BOTCTL_STATE_DIR names another folder for locks and state"

// stateDir is where running supervisors are found.
func stateDir() (string, error) {
	dir, err := lock.StateDir(os.Getenv)
	if err != nil {
		return "", fail(exitLock, err).hint(stateHint)
	}
	return filepath.Clean(dir), nil
}
