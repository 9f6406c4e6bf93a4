package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"botctl/bot/sandbox"
)

// maxWait is how long the sandbox itself waits for an answer.
const maxWait = time.Minute

// boxCall is what the verbs that drive a sandbox have in common.
type boxCall struct{ url, bot string }

func (b *boxCall) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.url, "url", "", "the sandbox (default: the one that was started last)")
	cmd.Flags().StringVar(&b.bot, "bot", "", "bot id, when the sandbox serves several")
}

// do finds the sandbox and calls it within limit. Where no bot is named, it is that of "botctl run --sandbox".
func (b *boxCall) do(cmd *cobra.Command, limit time.Duration, call func(ctx context.Context, c *sandbox.Client) error) error {
	if strings.Trim(b.bot, "0123456789") != "" { // not quoted: it may be the whole token
		return usageError(errors.New("flag --bot: want a bot's id, the digits of its token"))
	}
	c, known, err := sandboxClient(b.url)
	if err != nil {
		return err
	}
	if b.bot == "" {
		b.bot = known
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), limit)
	defer cancel()
	err = call(ctx, c)
	if _, ours := errors.AsType[*failure](err); err == nil || ours {
		return err
	}
	return sandboxError(c.Base, err)
}

func newSandboxSendCmd() *cobra.Command {
	var box boxCall
	var text sandbox.Text
	var wait time.Duration
	var count int
	var rate float64
	cmd := &cobra.Command{
		Use:   "send TEXT",
		Short: "Write to the bot as a person would, and show its answer",
		Long: `send writes TEXT to the bot and prints what the bot sends next. With --count it makes that many
messages ("{n}" in TEXT is the number) and does not wait for answers.`,
		Example: `  botctl sandbox send "/start"
  botctl sandbox send "/start" --user 1001
  botctl sandbox send "message {n}" --count 1000 --rate 50`,
		Args: oneArg("TEXT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case wait <= 0 || wait > maxWait:
				return usageError(fmt.Errorf(`flag --wait "%v": want more than 0 and at most %v`, wait, maxWait))
			case count < 0 || rate < 0:
				return usageError(errors.New("flags --count and --rate: want no number below 0"))
			case count == 0 && rate > 0:
				return usageError(errors.New("flag --rate: want --count too"))
			case count > 0 && (text.User != 0 || text.Chat != 0):
				return usageError(errors.New("flag --count: goes without --user and --chat"))
			}
			return box.do(cmd, wait+answerLimit, func(ctx context.Context, c *sandbox.Client) error {
				if count > 0 {
					return c.Inject(ctx, sandbox.Injection{Bot: box.bot, Text: args[0], Count: count, Rate: rate})
				}
				text.Text, text.Bot = args[0], box.bot
				return writeAndShow(ctx, cmd, c, text, wait)
			})
		},
	}
	box.flags(cmd)
	cmd.Flags().DurationVar(&wait, "wait", 15*time.Second, "how long to wait for the answer, at most 60s")
	cmd.Flags().Int64Var(&text.User, "user", 0, "id of the person who writes (default 1000)")
	cmd.Flags().Int64Var(&text.Chat, "chat", 0, "chat, below 0 for a group (default: the person's own)")
	cmd.Flags().IntVar(&count, "count", 0, "so many messages, without waiting for answers")
	cmd.Flags().Float64Var(&rate, "rate", 0, "messages a second for --count; 0: all at once")
	return cmd
}

func writeAndShow(ctx context.Context, cmd *cobra.Command, c *sandbox.Client, text sandbox.Text, wait time.Duration) error {
	after, err := c.Write(ctx, text)
	if err != nil {
		return err
	}
	list, err := c.Messages(ctx, after, wait)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fail(exitFailed, fmt.Errorf("no answer in %v", wait)).hint(`"botctl status" shows how the bot is, "botctl logs" what it printed`)
	}
	for _, m := range list {
		fmt.Fprintln(cmd.OutOrStdout(), m.Text)
	}
	return nil
}

const faultKinds = "a status from 400 to 599, or one of hang, reset, slow, rival, restart, clear"

func newSandboxFaultCmd() *cobra.Command {
	var box boxCall
	var f sandbox.Fault
	var lasting, after, delay time.Duration
	cmd := &cobra.Command{
		Use:   "fault KIND",
		Short: "Bring trouble to the bot on purpose",
		Long: `fault brings trouble to the calls that follow: to one, to --count of them, or to all for some time (--for).
KIND is an HTTP status (409, 401, 429, 502 ...), or

  hang      no answer at all
  reset     the connection is reset
  slow      the right answer, --delay later
  rival     another poller of the bot, for --for (30s)
  restart   the server goes away as the real one does, for --for (3s)
  clear     end what is under way`,
		Example: `  botctl sandbox fault 409
  botctl sandbox fault 429 --retry-after 3 --method sendMessage --count 2
  botctl sandbox fault slow --delay 3s --for 30s
  botctl sandbox fault rival --for 1m
  botctl sandbox fault clear`,
		Args:      oneArg("KIND"),
		ValidArgs: []string{"409", "401", "429", "502", "hang", "reset", "slow", "rival", "restart", "clear"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if lasting < 0 || after < 0 || delay <= 0 || f.Count < 0 || f.RetryAfter < 0 {
				return usageError(errors.New("flags --for, --after, --delay, --count, --retry-after: want nothing below 0, and some --delay"))
			}
			f.ForSeconds, f.After = lasting.Seconds(), after.Seconds()
			if args[0] != "clear" && !setKind(&f, args[0], delay) {
				return usageError(fmt.Errorf("KIND %q: want %s", args[0], faultKinds))
			}
			return box.do(cmd, answerLimit, func(ctx context.Context, c *sandbox.Client) error {
				f.Bot = box.bot
				if args[0] != "clear" {
					return c.Fault(ctx, f)
				}
				n, err := c.ClearFaults(ctx)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "ended %d\n", n)
				}
				return err
			})
		},
	}
	box.flags(cmd)
	cmd.Flags().StringVar(&f.Method, "method", "", "this method only, such as getUpdates (default: any)")
	cmd.Flags().IntVar(&f.Count, "count", 0, "so many calls (default: one, or with --for any number)")
	cmd.Flags().DurationVar(&lasting, "for", 0, "for so long")
	cmd.Flags().DurationVar(&after, "after", 0, "begin so much later")
	cmd.Flags().DurationVar(&delay, "delay", 3*time.Second, "of slow")
	cmd.Flags().IntVar(&f.RetryAfter, "retry-after", 0, "seconds, of 429 (default 5)")
	return cmd
}

// setKind reads KIND.
func setKind(f *sandbox.Fault, kind string, delay time.Duration) bool {
	switch kind {
	case "hang":
		f.Hang = true
	case "reset":
		f.Reset = true
	case "slow":
		f.DelayMillis = int(delay.Milliseconds())
	case "rival":
		f.Rival = true
	case "restart":
		f.Restart = true
	default:
		status, err := strconv.Atoi(kind)
		f.Status = status
		return err == nil && status >= 400 && status <= 599
	}
	return true
}

func newSandboxVerdictCmd() *cobra.Command {
	var box boxCall
	var assert bool
	cmd := &cobra.Command{
		Use:   "verdict",
		Short: "Print what the sandbox has seen, as JSON: conflicts, overlaps, losses",
		Long: `verdict prints what the requests since the start, or since "botctl sandbox reset", come to. With --assert
it fails, and names what is wrong, unless there was no conflict, no overlap, nothing lost, nothing
delivered twice and nothing left in the queue.`,
		Example: `  botctl sandbox verdict
  botctl sandbox verdict --assert`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return box.do(cmd, answerLimit, func(ctx context.Context, c *sandbox.Client) error {
				v, err := c.VerdictOf(ctx, box.bot)
				if err != nil {
					return err
				}
				if err := writeJSON(cmd.OutOrStdout(), v); err != nil || !assert {
					return err
				}
				if faults := wrongIn(v); len(faults) > 0 {
					return fail(exitFailed, errors.New("verdict: "+strings.Join(faults, ", ")))
				}
				return nil
			})
		},
	}
	box.flags(cmd)
	cmd.Flags().BoolVar(&assert, "assert", false, "fail unless all went well")
	return cmd
}

// wrongIn names what should not have been.
func wrongIn(v sandbox.Verdict) []string {
	var list []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{v.ConflictsLive, "conflicts"},
		{v.Overlaps, "overlaps of pollers"},
		{v.Lost, "updates lost"},
		{v.ConfirmedUnseen, "updates confirmed and never delivered"},
		{v.DeliveredTwice, "updates delivered twice"},
		{v.Pending, "updates pending"},
	} {
		if c.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return list
}

func newSandboxResetCmd() *cobra.Command {
	var box boxCall
	var all bool
	cmd := &cobra.Command{
		Use:     "reset",
		Short:   "Begin a new journal and verdict, and end the faults",
		Example: "  botctl sandbox reset",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return box.do(cmd, answerLimit, func(ctx context.Context, c *sandbox.Client) error {
				if all {
					return c.ResetAll(ctx)
				}
				return c.Reset(ctx)
			})
		},
	}
	cmd.Flags().StringVar(&box.url, "url", "", "the sandbox (default: the one that was started last)")
	cmd.Flags().BoolVar(&all, "all", false, "forget bots and chats too")
	return cmd
}
