package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"botctl/bot"
	"botctl/supervisor/token"
)

// botSettings are the settings of run that the bundled bot shares with it. It takes them from flags alone: what
// the folder's botctl.yaml and the environment say has been done by run, which may have given it a sandbox.
var botSettings = pickSettings("token-env", "token-file")

const sandboxHint = `"botctl run --sandbox" needs none`

func newBotCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bot",
		Short: "Run the bundled bot in the foreground",
		Long: `bot runs the bot that "botctl run" supervises when no command is given. It polls the Bot API at
TELEGRAM_API_BASE (default https://api.telegram.org) and answers.

Exit codes: 0 stopped, 75 another poller took the poll, 78 no token or token refused.`,
		Example: "  TELEGRAM_BOT_TOKEN=... botctl bot",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := workingFolder()
			if err != nil {
				return err
			}
			set, err := flagSettings(cmd.Flags(), botSettings)
			if err != nil {
				return err
			}
			found, err := findToken(set, os.Environ(), dir)
			if err != nil {
				return err
			}
			if found.Token == "" {
				return noToken(os.Getenv).hint(sandboxHint)
			}
			base, err := apiBase(set)
			if err != nil {
				return err
			}
			return runBot(cmd.Context(), found.Token, base)
		},
	}
	addFlags(cmd.Flags(), botSettings)
	return cmd
}

func runBot(ctx context.Context, tok token.Token, base string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := bot.Run(ctx, bot.Config{
		Token:   tok.Reveal(),
		APIBase: base,
		Log:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if conflict, ok := errors.AsType[*bot.ConflictError](err); ok {
		return fail(exitHeld, conflict)
	}
	if refused, ok := errors.AsType[*bot.RefusedError](err); ok {
		return configError(fmt.Errorf("bot token %s was refused: %w", tok, refused)).hint("get a new token from @BotFather")
	}
	if err != nil {
		return fail(exitFailed, err)
	}
	return nil
}
