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

func newBotCmd() *cobra.Command {
	var tokenEnv, tokenFile string
	cmd := &cobra.Command{
		Use:   "bot",
		Short: "Run the bundled bot in the foreground",
		Long: `bot runs the bot that "botctl run" supervises when no command is given. It polls the Bot API at
TELEGRAM_API_BASE (default https://api.telegram.org) and answers.

Exit codes: 0 stopped, 75 another poller took the poll, 78 no token or token refused.`,
		Example: "  TELEGRAM_BOT_TOKEN=... botctl bot",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.Getwd()
			if err != nil {
				return configError(fmt.Errorf("working folder: %w", err))
			}
			found, err := token.Find(token.Sources{Getenv: os.Getenv, Env: tokenEnv, File: tokenFile, Dir: dir})
			if err != nil {
				return configError(err)
			}
			if found.Token == "" {
				return configError(errors.New("no bot token")).
					hint("set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you").
					hint(`"botctl run --sandbox" needs none`)
			}
			return runBot(cmd.Context(), found.Token)
		},
	}
	cmd.Flags().StringVar(&tokenEnv, "token-env", "", "read the bot token from this environment variable alone")
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "read the bot token from this file")
	return cmd
}

func runBot(ctx context.Context, tok token.Token) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := bot.Run(ctx, bot.Config{
		Token:   tok.Reveal(),
		APIBase: os.Getenv("TELEGRAM_API_BASE"),
		Log:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if conflict, ok := errors.AsType[*bot.ConflictError](err); ok {
		return fail(exitHeld, conflict)
	}
	if refused, ok := errors.AsType[*bot.RefusedError](err); ok {
		return configError(fmt.Errorf("bot token %s was refused: %w", tok, refused)).hint("get a new token from @BotFather")
	}
	if errors.Is(err, bot.ErrBase) {
		return configError(err)
	}
	if err != nil {
		return fail(exitFailed, err)
	}
	return nil
}
