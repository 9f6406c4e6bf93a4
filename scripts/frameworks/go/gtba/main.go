// Command gtba is a bot with go-telegram-bot-api v5: /start and an echo.
package main

import (
	"cmp"
	"log"
	"os"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"frameworks/work"
)

func main() {
	bot, err := tgbotapi.NewBotAPIWithAPIEndpoint(os.Getenv("TELEGRAM_BOT_TOKEN"), cmp.Or(os.Getenv("TELEGRAM_API_BASE"), "https://api.telegram.org")+"/bot%s/%s")
	if err != nil {
		log.Panic(err)
	}
	u := tgbotapi.NewUpdate(0)
	u.Timeout = 60
	for update := range bot.GetUpdatesChan(u) {
		if update.Message == nil {
			continue
		}
		text := update.Message.Text
		if update.Message.Command() == "start" {
			text = "Hello."
		}
		work.On(text)
		if _, err := bot.Send(tgbotapi.NewMessage(update.Message.Chat.ID, text)); err != nil {
			log.Println(err)
		}
	}
}
