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
TELEGRAM_API_BASE (default https://api.telegram.org), answers commands, and sends a digest of coin
prices to the chats that subscribed to it, daily at 09:00 UTC unless a chat chose another hour.

Environment, beside the token:
  DIGEST_AT             the hour of chats that chose none, HH:MM in UTC (09:00)
  DIGEST_CHAT_ID        a chat that is subscribed from the start
  BOT_ADMINS            user ids with commas between them: they alone change what groups get, see
                        all of /status, and hear of it when there are no prices
  BOT_STATE_DIR         folder of the store, bot-ID.db (the state folder of botctl)
  COINGECKO_API_BASE    the source of the prices, and COINGECKO_API_KEY its key, if you have one
  COINPAPRIKA_API_BASE  the source that is asked when the first one fails

Exit codes: 0 stopped, 73 the store cannot be used, 75 another poller took the poll, 78 no token,
token refused, or a wrong setting.`,
		Example: `  TELEGRAM_BOT_TOKEN=... botctl bot
  DIGEST_AT=07:30 DIGEST_CHAT_ID=-1001234567890 botctl run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			trustRoots()
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
			cfg, err := bot.FromEnv(os.Getenv)
			if err != nil {
				return configError(err)
			}
			if cfg.StateDir = os.Getenv(envBotState); cfg.StateDir == "" {
				if cfg.StateDir, err = stateDir(); err != nil {
					return err
				}
			}
			cfg.APIBase = base
			return runBot(cmd.Context(), found.Token, cfg)
		},
	}
	addFlags(cmd.Flags(), botSettings)
	return cmd
}

// envBotState names the folder of the bundled bot's store.
const envBotState = "BOT_STATE_DIR"

func runBot(ctx context.Context, tok token.Token, cfg bot.Config) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg.Token, cfg.Log = tok.Reveal(), slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := bot.Run(ctx, cfg)
	if conflict, ok := errors.AsType[*bot.ConflictError](err); ok {
		return fail(exitHeld, conflict)
	}
	if refused, ok := errors.AsType[*bot.RefusedError](err); ok {
		return configError(fmt.Errorf("bot token %s was refused: %w", tok, refused)).hint("get a new token from @BotFather")
	}
	if trouble, ok := errors.AsType[*bot.StoreError](err); ok {
		f := fail(exitLock, trouble)
		if trouble.Held() {
			return f.hint("another bot with this token runs here: end it, or give this one a folder of its own with " + envBotState)
		}
		return f.hint(envBotState + " names another folder; a damaged store can be moved away, the bot then begins a new one without its subscriptions")
	}
	if err != nil {
		return fail(exitFailed, err)
	}
	return nil
}
