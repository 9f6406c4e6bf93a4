// Command telego is a bot with telego: /start and an echo.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/mymmrac/telego"
	th "github.com/mymmrac/telego/telegohandler"
	tu "github.com/mymmrac/telego/telegoutil"

	"frameworks/work"
)

func main() {
	bot, err := telego.NewBot(os.Getenv("TELEGRAM_BOT_TOKEN"),
		telego.WithAPIServer(cmp.Or(os.Getenv("TELEGRAM_API_BASE"), "https://api.telegram.org")),
	)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	updates, _ := bot.UpdatesViaLongPolling(context.Background(), nil)
	bh, _ := th.NewBotHandler(bot, updates)
	defer func() { _ = bh.Stop() }()
	bh.HandleMessage(func(ctx *th.Context, message telego.Message) error {
		_, err := ctx.Bot().SendMessage(ctx, tu.Message(message.Chat.ChatID(), "Hello."))
		return err
	}, th.CommandEqual("start"))
	bh.HandleMessage(func(ctx *th.Context, message telego.Message) error {
		work.On(message.Text)
		_, err := ctx.Bot().SendMessage(ctx, tu.Message(message.Chat.ChatID(), message.Text))
		return err
	}, th.AnyMessageWithText())
	_ = bh.Start()
}
