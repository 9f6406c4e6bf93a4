// Command gotelegrambot is a bot with go-telegram/bot: /start and an echo.
package main

import (
	"cmp"
	"context"
	"os"
	"os/signal"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"frameworks/work"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	b, err := bot.New(os.Getenv("TELEGRAM_BOT_TOKEN"),
		bot.WithServerURL(cmp.Or(os.Getenv("TELEGRAM_API_BASE"), "https://api.telegram.org")),
		bot.WithMessageTextHandler("/start", bot.MatchTypeExact, start),
		bot.WithDefaultHandler(echo),
	)
	if err != nil {
		panic(err)
	}
	b.Start(ctx)
}

func start(ctx context.Context, b *bot.Bot, update *models.Update) {
	b.SendMessage(ctx, &bot.SendMessageParams{ChatID: update.Message.Chat.ID, Text: "Hello."})
}

func echo(ctx context.Context, b *bot.Bot, update *models.Update) {
	if update.Message == nil {
		return
	}
	work.On(update.Message.Text)
	b.SendMessage(ctx, &bot.SendMessageParams{ChatID: update.Message.Chat.ID, Text: update.Message.Text})
}
