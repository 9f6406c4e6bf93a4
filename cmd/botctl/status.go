package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"botctl/supervisor/control"
)

func newStatusCmd() *cobra.Command {
	var p chooser
	var asJSON, watching bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the bot is",
		Long: `status shows the bot of this folder: phase, pid, uptime, whether it is ready, restarts and why,
conflicts, the lease and who holds it, stale processes. It works from the last written state when no
supervisor runs. In phase standby another supervisor has the bot, here or on another machine; this one
takes over when that lets go.

With --watch it goes on until it is interrupted: on a terminal it redraws in place, with a plot of how long
the bot was without a poll; elsewhere it prints a line for each change, with --json an object.

Exit codes: 0 running and well, 1 dead with its state left behind, 3 not running, 4 cannot tell,
150 running but not well (back-off, standby, a conflict that lasts). --watch: 0 when it was interrupted.`,
		Example: `  botctl status
  botctl status --watch
  botctl status --watch --json | jq -c '{phase, well}'
  botctl status --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watching {
				err := watch(cmd.Context(), &p, &watcher{out: cmd.OutOrStdout(), size: terminalOf(os.Stdout, os.Getenv), asJSON: asJSON})
				if isGone(err) {
					return nil
				}
				return err
			}
			st, lives, err := current(cmd.Context(), &p)
			if err != nil {
				return err
			}
			code := statusCode(st, lives)
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), st)
			} else {
				err = writeStatus(cmd.OutOrStdout(), st, time.Now())
			}
			if err != nil {
				return err
			}
			return quietExit(code)
		},
	}
	p.flag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON (docs/cli-json.md)")
	cmd.Flags().BoolVarP(&watching, "watch", "w", false, "go on and show how it changes, until interrupted")
	return cmd
}

// statusCode is LSB's: a supervisor that ended in order has written so.
func statusCode(st control.Status, lives bool) int {
	switch {
	case !lives && st.Phase == "done":
		return exitNotRunning
	case !lives:
		return exitFailed
	case st.Well:
		return exitDone
	}
	return exitUnwell
}

func writeStatus(w io.Writer, st control.Status, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		if v := oneLine(fmt.Sprintf(format, args...)); v != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, v)
		}
	}
	row("bot", "%s", strings.TrimSpace(st.BotID+" "+st.BotName))
	row("phase", "%s", phaseLine(st))
	row("command", "%s", strings.Join(st.Command, " "))
	row("folder", "%s", st.Dir)
	if c := st.Child; c != nil {
		row("bot process", "pid %d, %s, up %s", c.PID, plural(c.Processes, "process", "processes"), ago(time.Duration(c.UptimeSeconds*float64(time.Second))))
		row("says", "%s", c.Status)
	}
	if !isOver(st) {
		row("ready", "%s", readyLine(st))
		row("supervisor", "pid %d, up %s, botctl %s", st.SupervisorPID, ago(now.Sub(st.StartedAt)), st.Version)
	} else {
		row("supervisor", "pid %d until %s, botctl %s", st.SupervisorPID, st.UpdatedAt.Format(time.RFC3339), st.Version)
	}
	if st.Token != "" {
		row("token", "%s from %s", st.Token, st.TokenSource)
	}
	if st.Sandbox {
		row("api", "%s (sandbox)", st.APIBase)
	} else {
		row("api", "%s", st.APIBase)
	}
	row("restarts", "%s", restartLine(st.Restarts, now))
	if e := st.LastExit; e != nil {
		row("last exit", "%s, %s ago", e.Reason, ago(now.Sub(e.At)))
	}
	if st.NextStartAt != nil && now.Before(*st.NextStartAt) {
		row("next start", "in %s", ago(st.NextStartAt.Sub(now)))
	}
	row("gateway", "%s", gatewayLine(st.Gateway, now))
	row("lease", "%s", leaseLine(st))
	row("platform", "%s", st.Platform)
	row("conflicts", "%s", conflictLine(st.Conflicts, now))
	row("stale ended", "%d", st.Stale.EndedTotal)
	for _, p := range st.Stale.Ended {
		row("", "pid %d %s: %s", p.PID, p.Command, p.Evidence)
	}
	for _, p := range st.Stale.Suspects {
		row("may poll", "pid %d %s: %s", p.PID, p.Command, p.Evidence)
	}
	row("lock", "%s/%s.lock", st.Lock, st.Key)
	return t.Flush()
}

func phaseLine(st control.Status) string {
	switch {
	case st.Phase == "done" && st.ExitCode != nil:
		line := fmt.Sprintf("ended with code %d", *st.ExitCode)
		if st.Why != "" {
			line += ": " + st.Why
		}
		return line
	case st.Phase == "dead":
		return `dead: the supervisor was killed; "botctl run" starts clean`
	case standsBy(st):
		return standbyLine(st)
	case st.Trouble != "":
		return st.Phase + ", not well: " + st.Trouble
	case st.Well:
		return st.Phase + ", well"
	}
	return st.Phase
}

func restartLine(r control.Restarts, now time.Time) string {
	if r.Total == 0 {
		return "none"
	}
	var by []string
	for _, cause := range slices.Sorted(maps.Keys(r.ByCause)) {
		by = append(by, fmt.Sprintf("%s %d", cause, r.ByCause[cause]))
	}
	line := fmt.Sprintf("%d (%s)", r.Total, strings.Join(by, ", "))
	if r.LastAt != nil {
		line += fmt.Sprintf(", last %s ago: %s", ago(now.Sub(*r.LastAt)), r.LastCause)
	}
	return line
}

// gatewayLine is empty without one.
func gatewayLine(g *control.Gateway, now time.Time) string {
	switch {
	case g == nil:
		return ""
	case !g.Used:
		return g.Mode + ", not used by the bot"
	case !g.PollsThrough:
		return g.Mode + ", the bot has not polled"
	}
	line := g.Mode
	switch {
	case g.Holding:
		line += ", holding polls"
	case g.PollOpen:
		line += ", a poll is open"
	}
	if g.LastPollAt != nil {
		line += fmt.Sprintf(", last poll %s ago", ago(now.Sub(*g.LastPollAt)))
	}
	line += fmt.Sprintf(", %s, %s", plural(int(g.Updates), "update", "updates"), plural(int(g.Calls), "other call", "other calls"))
	if g.ConflictsAbsorbed > 0 {
		line += fmt.Sprintf(", %s absorbed", plural(int(g.ConflictsAbsorbed), "conflict", "conflicts"))
	}
	if g.Trouble != "" {
		line += ": " + g.Trouble
	}
	return line
}

func conflictLine(c control.Conflicts, now time.Time) string {
	if c.Total == 0 {
		return "none"
	}
	line := fmt.Sprint(c.Total)
	if c.LastAt != nil {
		line += fmt.Sprintf(", last %s ago", ago(now.Sub(*c.LastAt)))
	}
	if c.Elsewhere {
		line += "; another machine polls this bot"
	}
	return line
}

// ago rounds for people.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < 24*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
