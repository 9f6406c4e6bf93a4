// Command gotgbot is a bot with gotgbot v2: /start and an echo.
package main

import (
	"cmp"
	"log"
	"os"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"
	"github.com/PaulSonOfLars/gotgbot/v2/ext"
	"github.com/PaulSonOfLars/gotgbot/v2/ext/handlers"
	"github.com/PaulSonOfLars/gotgbot/v2/ext/handlers/filters/message"

	"frameworks/work"
)

func main() {
	b, err := gotgbot.NewBot(os.Getenv("TELEGRAM_BOT_TOKEN"), &gotgbot.BotOpts{
		BotClient: &gotgbot.BaseBotClient{
			DefaultRequestOpts: &gotgbot.RequestOpts{APIURL: cmp.Or(os.Getenv("TELEGRAM_API_BASE"), gotgbot.DefaultAPIURL)},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	dispatcher := ext.NewDispatcher(&ext.DispatcherOpts{
		Error: func(_ *gotgbot.Bot, _ *ext.Context, err error) ext.DispatcherAction {
			log.Println("an error occurred while handling update:", err.Error())
			return ext.DispatcherActionNoop
		},
		MaxRoutines: ext.DefaultMaxRoutines,
	})
	dispatcher.AddHandler(handlers.NewCommand("start", start))
	dispatcher.AddHandler(handlers.NewMessage(message.Text, echo))
	updater := ext.NewUpdater(dispatcher, nil)
	err = updater.StartPolling(b, &ext.PollingOpts{
		GetUpdatesOpts: &gotgbot.GetUpdatesOpts{
			Timeout:     9,
			RequestOpts: &gotgbot.RequestOpts{Timeout: 10 * time.Second},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	updater.Idle()
}

func start(b *gotgbot.Bot, ctx *ext.Context) error {
	_, err := ctx.EffectiveChat.SendMessage(b, "Hello.", nil)
	return err
}

func echo(b *gotgbot.Bot, ctx *ext.Context) error {
	work.On(ctx.EffectiveMessage.Text)
	_, err := ctx.EffectiveChat.SendMessage(b, ctx.EffectiveMessage.Text, nil)
	return err
}
