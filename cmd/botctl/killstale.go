package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"botctl/supervisor"
	"botctl/supervisor/control"
	"botctl/supervisor/lock"
	"botctl/supervisor/stale"
	"botctl/supervisor/token"
)

// staleSettings are the settings of run that kill-stale shares with it.
var staleSettings = pickSettings("token-env", "token-file", "api-base", "rival", "spare", "scope")

func pickSettings(names ...string) []setting {
	var rows []setting
	for _, name := range names {
		rows = append(rows, runSettings[indexOf(runSettings, name)])
	}
	return rows
}

func newKillStaleCmd() *cobra.Command {
	var dryRun, asJSON bool
	cmd := &cobra.Command{
		Use:   "kill-stale [flags] [-- COMMAND [ARG...]]",
		Short: "Find and end processes that compete with the bot, without starting anything",
		Long: `kill-stale ends stale processes that poll for this folder's bot: leftovers of an earlier run,
the bot's script, api_server, and servers that serve either, when the bot's token or this folder ties them to
the bot. COMMAND is the bot's own command line, as given to "botctl run", and need not be given when a
supervisor has run here. A running supervisor's bot is never touched.

Exit codes: 0 no rival is left, 1 one survived, 77 something could not be seen or signalled.`,
		Example: `  botctl kill-stale --dry-run
  botctl kill-stale -- python main.py
  botctl kill-stale --scope host --json`,
		Args: commandArgs,
		RunE: func(cmd *cobra.Command, argv []string) error {
			set, err := loadSettings(cmd.Flags(), staleSettings, os.Environ())
			if err != nil {
				return err
			}
			target, masker, err := staleTarget(cmd, set, argv)
			if err != nil {
				return err
			}
			report, err := stale.NewFinder(masker).Sweep(cmd.Context(), target, stale.Options{DryRun: dryRun, Lineage: true, Zombies: true})
			if err != nil {
				return fail(exitPermission, err)
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				err = writeFindings(cmd.OutOrStdout(), report, dryRun)
			}
			if err != nil {
				return err
			}
			return staleOutcome(report)
		},
	}
	addFlags(cmd.Flags(), staleSettings)
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "print what would be ended, end nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON (docs/cli-json.md)")
	return cmd
}

// staleTarget is the bot of this folder: from the flags, the environment, and what the last
// supervisor here ran.
func staleTarget(cmd *cobra.Command, set settings, argv []string) (stale.Target, *token.Masker, error) {
	dir, err := workingFolder()
	if err != nil {
		return stale.Target{}, nil, err
	}
	found, err := findToken(set, os.Environ(), dir)
	if err != nil {
		return stale.Target{}, nil, err
	}
	if len(argv) == 0 {
		argv = lastCommand(dir)
	}
	base, err := apiBase(set)
	if err != nil {
		return stale.Target{}, nil, err
	}
	target := targetOf(cmd.Context(), set, found.Token, dir, argv, base)
	if found.Token == "" && target.HostWide {
		f := noToken(os.Getenv)
		f.err = fmt.Errorf("--scope host needs the bot's token: %w", f.err)
		return target, nil, f
	}
	return target, token.NewMasker(found.Token), nil
}

// targetOf is the bot with this token, or without one that of this folder.
func targetOf(ctx context.Context, set settings, tok token.Token, dir string, argv []string, base string) stale.Target {
	target := stale.Target{
		Token: tok, TokenEnv: set.text("token-env"), Dir: dir, Command: argv,
		Rivals: set.list("rival"), Spare: set.list("spare"), HostWide: set.text("scope") == "host",
		Peers: supervisor.Addresses(ctx, base, os.Environ()),
	}
	if folder, err := lock.FolderKey(dir, stale.ReadProgram(argv, "").Name); err == nil {
		target.Keys = append(target.Keys, folder)
	}
	if tok != "" {
		target.Keys = append(target.Keys, lock.BotKey(tok.ID()))
	}
	return target
}

// lastCommand is what the latest supervisor of this folder ran; nil when none has.
func lastCommand(dir string) []string {
	state, err := stateDir()
	if err != nil {
		return nil
	}
	list, _ := control.ReadStates(state)
	var latest control.Status
	for _, s := range list {
		if sameDir(s.Dir, dir) && s.UpdatedAt.After(latest.UpdatedAt) {
			latest = s
		}
	}
	return latest.Command
}

func staleOutcome(r stale.Report) error {
	switch {
	case r.Survived() > 0:
		return quietExit(exitFailed)
	case r.Denied() > 0:
		return quietExit(exitPermission)
	}
	return nil
}

func writeFindings(w io.Writer, r stale.Report, dryRun bool) error {
	if len(r.Findings) == 0 {
		fmt.Fprintln(w, "no other process competes for this bot")
	} else {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "PID\tAGE\tCOMMAND\tEVIDENCE\tOUTCOME")
		for _, f := range r.Findings {
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\n", f.PID, ago(time.Duration(f.AgeSeconds*float64(time.Second))), shorten(oneLine(f.Command), 60), f.Evidence, outcomeText(f))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if r.Unseen > 0 {
		fmt.Fprintf(w, "%s could not be read\n", plural(r.Unseen, "process", "processes"))
	}
	if r.Hidden {
		fmt.Fprintln(w, "this system hides the processes of other users")
	}
	if dryRun && r.Ended() == 0 && len(r.Findings) > 0 {
		fmt.Fprintln(w, "dry run: nothing was ended")
	}
	return nil
}

func outcomeText(f stale.Finding) string {
	text := map[stale.Outcome]string{
		stale.NotTouched: "may poll; not touched", stale.WouldEnd: "would be ended", stale.EndedByTerm: "ended",
		stale.EndedByKill: "killed", stale.AlreadyGone: "gone", stale.IdentityChanged: "gone (pid has another owner)",
		stale.NotPermitted: "not permitted", stale.Survived: "SURVIVED",
	}[f.Outcome]
	if f.Verdict == stale.Zombie {
		text = "nothing to end"
	}
	if f.RestartedBy != "" {
		text += ", restarted by " + f.RestartedBy
	}
	return text
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
