package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"botctl/supervisor"
	"botctl/supervisor/doctor"
)

// doctorSettings are the settings of run that doctor has flags for; the others it takes from the environment and botctl.yaml.
var doctorSettings = pickSettings("token-env", "token-file", "env-file", "api-base", "rival", "spare", "scope",
	"gateway", "lease", "deploy-id", "listen", "stop-timeout")

func newDoctorCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [flags] [-- COMMAND [ARG...]]",
		Short: "Say what is right and wrong here, and the next step",
		Long: `doctor looks at what decides whether this folder's bot can poll alone: token, webhook, clock,
other processes and what restarts them, a running botctl, entries of Procfile, compose files, units,
Dockerfile and package.json that would poll, the lease and who holds it, the platform and what a deploy
does there, the gateway and its line of code, versions. COMMAND is the bot's own command line, as given to
"botctl run"; it need not be given.

It asks the Bot API for getMe and getWebhookInfo, never for updates, and starts and ends nothing. It reads
the lease and does not take it; in PostgreSQL it makes the lease's table where there is none.

Exit codes: 0 nothing failed, 1 something did, 2 usage, 78 a setting is wrong.`,
		Example: `  botctl doctor
  botctl doctor -- python main.py
  botctl doctor --lease env:REDIS_URL
  botctl doctor --json`,
		Args: commandArgs,
		RunE: func(cmd *cobra.Command, argv []string) error {
			set, err := loadSettings(cmd.Flags(), runSettings, os.Environ())
			if err != nil {
				return err
			}
			trustRoots()
			facts, err := gather(cmd.Context(), set, argv)
			if err != nil {
				return err
			}
			r := doctor.Judge(facts)
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), masked(r))
			} else {
				err = writeDoctor(cmd.OutOrStdout(), masked(r))
			}
			if err == nil && r.Failed > 0 {
				return quietExit(exitFailed)
			}
			return err
		},
	}
	addFlags(cmd.Flags(), doctorSettings)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON (docs/cli-json.md)")
	return cmd
}

// masked is r fit for a terminal: names of files and services come from outside.
func masked(r doctor.Report) doctor.Report {
	r.Dir = shown(r.Dir)
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Fact = shown(c.Fact)
		for _, list := range [][]string{c.Next, c.Where} {
			for j := range list {
				list[j] = shown(list[j])
			}
		}
	}
	return r
}

// writeDoctor prints a line for each check, and below it what to do.
func writeDoctor(w io.Writer, r doctor.Report) error {
	for _, c := range r.Checks {
		if _, err := fmt.Fprintf(w, "%-4s  %-8s  %s\n", c.Verdict, c.About, c.Fact); err != nil {
			return err
		}
		if c.Verdict == doctor.OK {
			continue
		}
		for _, next := range c.Next {
			if _, err := fmt.Fprintf(w, "%16s-> %s\n", "", next); err != nil {
				return err
			}
		}
	}
	failed := "nothing failed"
	if r.Failed > 0 {
		failed = fmt.Sprintf("%d failed", r.Failed)
	}
	_, err := fmt.Fprintf(w, "%s, %s\n", failed, plural(r.Warned, "warning", "warnings"))
	return err
}

// buildName is botctl's own version, with what it was built for.
func buildName() string {
	return fmt.Sprintf("%s (%s, %s/%s)", thisVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newFacts(dir, base string) doctor.Facts {
	return doctor.Facts{Version: buildName(), Now: time.Now(), Dir: dir, APIBase: base, Telegram: base == supervisor.DefaultAPIBase}
}
