package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"botctl/supervisor"
	"botctl/supervisor/platform"
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
		if opts.Health, err = healthAt(ctx, at, lookupEnv(opts.Env), set.text("on-held") != "fail"); err != nil {
			return listenError(err)
		}
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
