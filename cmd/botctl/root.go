package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// run is the whole of botctl: one verb, one exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == guardianVerb {
		return guard(stderr)
	}
	log.SetOutput(io.Discard) // libraries print there; botctl does not
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	addCompletion(root)
	return report(stderr, root.Execute(), wantsJSON(args))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "botctl",
		Short: "Supervise a long-polling Telegram bot: one poller, always polling",
		Long: `botctl runs a long-polling Telegram bot and keeps it polling.

Telegram serves one getUpdates poller per token. A second one means "409 Conflict",
lost or doubled updates, or a bot that lives and no longer answers. botctl makes sure
that there is one: it holds a lock, ends stale processes that poll with the same
token, starts the bot, watches it, and restarts it when that helps.`,
		Example: `  botctl run -- python bot.py       supervise a bot
  botctl run --sandbox              try it without a token or a network
  botctl status                     how is it?
  botctl doctor                     what is wrong here, and the next step
  botctl kill-stale --dry-run       what else polls with this token?`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelpCmd())
	root.AddCommand(
		newRunCmd(), newStatusCmd(), newLogsCmd(), newRestartCmd(), newStopCmd(),
		newKillStaleCmd(), newDoctorCmd(), newGuardCmd(), newBotCmd(), newSandboxCmd(), newVersionCmd(),
	)
	return root
}

// addCompletion is cobra's own verb, which keeps the root's output of this moment. Left alone it prints its help
// and succeeds, whatever shell was asked for.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Args, c.RunE = cobra.ArbitraryArgs, refuseShell
		for _, shell := range c.Commands() {
			shell.Args = noArgs
		}
	}
}

func refuseShell(cmd *cobra.Command, args []string) error {
	err := errors.New("the shell is missing")
	if len(args) > 0 {
		err = fmt.Errorf("shell %q", args[0])
	}
	return usageError(fmt.Errorf("%w: want bash, zsh, fish or powershell", err)).hint(helpHint(cmd))
}

// newHelpCmd is cobra's, but for a topic that is not there: that is an error.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB]",
		Short: "Show help for a verb",
		RunE: func(cmd *cobra.Command, args []string) error {
			of, _, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			return of.Help()
		},
	}
}

// wantsJSON looks for --json before "--": errors in parsing the flags take its form too.
func wantsJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.ContainsFunc(args, func(a string) bool {
		on, err := strconv.ParseBool(strings.TrimPrefix(a, "--json="))
		return a == "--json" || err == nil && on && strings.HasPrefix(a, "--json=")
	})
}
