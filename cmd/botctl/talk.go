package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"botctl/supervisor/control"
)

// chooser is how the verbs that talk to a supervisor find it: --bot, else the one of this folder,
// else the only one there is.
type chooser struct{ bot string }

func (p *chooser) flag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.bot, "bot", "", "bot id, when this folder has several or none")
}

// find returns the last state of the supervisor that is meant; living ones go first.
func (p *chooser) find(ctx context.Context) (dir string, st control.Status, client *control.Client, err error) {
	dir, err = stateDir()
	if err != nil {
		return dir, st, nil, err
	}
	list, _ := control.ReadStates(dir)
	here, _ := os.Getwd()
	list = slices.DeleteFunc(list, func(s control.Status) bool { return p.bot != "" && s.BotID != p.bot })
	if local := slices.DeleteFunc(slices.Clone(list), func(s control.Status) bool { return !sameDir(s.Dir, here) }); p.bot == "" && len(local) > 0 {
		list = local
	}
	var living []control.Status
	clients := map[string]*control.Client{}
	for _, s := range list {
		if c, err := control.Dial(ctx, dir, s.Key); err == nil {
			living = append(living, s)
			clients[s.Key] = c
		}
	}
	if len(living) > 0 {
		list = living
	}
	switch {
	case len(list) == 0:
		return dir, st, nil, fail(exitNotRunning, errors.New("no supervisor has run here")).hint(`start one: "botctl run -- COMMAND"`)
	case len(living) > 1:
		return dir, st, nil, usageError(fmt.Errorf("several supervisors are running: bots %s", strings.Join(ids(living), ", "))).hint("--bot ID says which one")
	}
	slices.SortFunc(list, func(a, b control.Status) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	return dir, list[0], clients[list[0].Key], nil
}

func ids(list []control.Status) []string {
	var out []string
	for _, s := range list {
		id := s.BotID
		if id == "" {
			id = "(unknown, in " + s.Dir + ")"
		}
		out = append(out, id)
	}
	return out
}

func sameDir(a, b string) bool {
	ia, erra := os.Stat(a)
	ib, errb := os.Stat(b)
	return erra == nil && errb == nil && os.SameFile(ia, ib)
}

// living is find for verbs that need an answer.
func (p *chooser) living(ctx context.Context) (*control.Client, control.Status, error) {
	_, st, c, err := p.find(ctx)
	if err != nil {
		return nil, st, err
	}
	if c == nil {
		return nil, st, fail(exitNotRunning, errors.New("no supervisor is running")).
			hint(`"botctl status" shows how the last one ended; start one: "botctl run -- COMMAND"`)
	}
	return c, st, nil
}

func newLogsCmd() *cobra.Command {
	var p chooser
	var follow bool
	var n int
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show what the bot printed",
		Example: `  botctl logs -n 100
  botctl logs -f`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			c, _, err := p.living(ctx)
			if err != nil {
				return err
			}
			if err := c.Logs(ctx, cmd.OutOrStdout(), n, follow); err != nil {
				return fail(exitFailed, err)
			}
			return nil
		},
	}
	p.flag(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().IntVarP(&n, "lines", "n", 20, "how many lines; -1: all that is kept (256 KiB)")
	return cmd
}

func newRestartCmd() *cobra.Command {
	var p chooser
	cmd := &cobra.Command{
		Use:     "restart",
		Short:   "Restart the bot; its supervisor goes on",
		Example: "  botctl restart",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := p.living(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.Restart(cmd.Context()); err != nil {
				return fail(exitNotRunning, err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), `restart asked for; "botctl status" shows it`)
			return err
		},
	}
	p.flag(cmd)
	return cmd
}

func newStopCmd() *cobra.Command {
	var p chooser
	var wait time.Duration
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "Stop the bot and its supervisor, and wait until both are gone",
		Example: "  botctl stop",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := p.living(cmd.Context())
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			if err := c.Stop(ctx); err != nil {
				return fail(exitNotRunning, err)
			}
			if err := c.Gone(ctx); err != nil {
				return fail(exitFailed, fmt.Errorf("still running after %v", wait)).hint(`"botctl status" shows what it waits for`)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "stopped")
			return err
		},
	}
	p.flag(cmd)
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the end")
	return cmd
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
