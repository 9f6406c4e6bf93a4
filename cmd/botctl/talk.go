package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
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
	if strings.Trim(p.bot, "0123456789") != "" { // not quoted: it may be the whole token
		return dir, st, nil, usageError(errors.New("flag --bot: want a bot's id, the digits of its token"))
	}
	list, unreadable := control.ReadStates(dir)
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
	case len(list) == 0 && len(unreadable) > 0:
		return dir, st, nil, fail(exitCannotTell, unreadable[0]).hint("botctl run writes it anew; delete it when none runs")
	case len(list) == 0 && p.bot != "":
		return dir, st, nil, fail(exitNotRunning, fmt.Errorf("no supervisor has run bot %s here", p.bot)).hint(`"botctl status" without --bot shows what has run`)
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
	_, err = askStatus(ctx, c, st)
	return c, st, err
}

// answerLimit is how long a supervisor may take to answer: one that was stopped by a signal still takes
// connections.
const answerLimit = 5 * time.Second

// askStatus asks c, whose last state is st.
func askStatus(ctx context.Context, c *control.Client, st control.Status) (control.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	got, err := c.Status(ctx)
	if err == nil && got.Key != st.Key {
		err = errors.New("of somebody else")
	}
	if err != nil {
		return st, unanswered(ctx, st, answerLimit, err)
	}
	return got, nil
}

// unanswered says in a few words what kept the supervisor's answer from being read. Nothing of the answer is
// quoted: whoever listens there may not be botctl.
func unanswered(ctx context.Context, st control.Status, limit time.Duration, err error) error {
	who := fmt.Sprintf("ask the supervisor, pid %d", st.SupervisorPID)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return fail(exitFailed, fmt.Errorf("%s: interrupted", who))
	case ctx.Err() != nil, isNet && timeout.Timeout():
		return fail(exitCannotTell, fmt.Errorf("%s: no answer in %v", who, limit)).
			hint(fmt.Sprintf(`is it stopped? "kill -CONT %d" lets it go on`, st.SupervisorPID))
	case notThere(err):
		return fail(exitNotRunning, errors.New("no supervisor is running"))
	case brokenOff(err):
		return fail(exitCannotTell, fmt.Errorf("%s: the connection ended before the answer", who)).hint("it may be about to end; ask again")
	}
	return fail(exitCannotTell, fmt.Errorf("%s: not an answer of botctl", who)).
		hint(fmt.Sprintf("what listens on %s.sock in the state folder is another program, or another version of botctl", st.Key))
}

func notThere(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

func brokenOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
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
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			if n < -1 {
				return usageError(fmt.Errorf(`flag --lines "%d": want 0 or more, or -1 for all`, n))
			}
			c, st, err := p.living(ctx)
			if err != nil {
				return err
			}
			err = c.Logs(ctx, cmd.OutOrStdout(), n, follow)
			if _, ours := errors.AsType[*os.PathError](err); ours || err == nil {
				return err // our own output cannot be written to
			}
			return unanswered(ctx, st, answerLimit, err)
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
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, st, err := p.living(cmd.Context())
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), answerLimit)
			defer cancel()
			if err := c.Restart(ctx); err != nil {
				return unanswered(ctx, st, answerLimit, err)
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
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait <= 0 {
				return usageError(fmt.Errorf(`flag --wait "%v": want more than 0`, wait))
			}
			c, st, err := p.living(cmd.Context())
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			// One that ends at once may break off its answer.
			if err := c.Stop(ctx); err != nil && !brokenOff(err) && !notThere(err) {
				return unanswered(ctx, st, wait, err)
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
