package main

import (
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// run is the whole of botctl: one verb, one exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == guardianVerb {
		return guard(stderr)
	}
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
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
  botctl kill-stale --dry-run       what else polls with this token?`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newRunCmd(), newStatusCmd(), newLogsCmd(), newRestartCmd(), newStopCmd(),
		newKillStaleCmd(), newGuardCmd(), newBotCmd(), newSandboxCmd(), newVersionCmd(),
	)
	return root
}

// wantsJSON looks for --json before "--": errors in parsing the flags take its form too.
func wantsJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json")
}
