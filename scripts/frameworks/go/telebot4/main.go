// Command telebot4 is a bot with tucnak/telebot v4: /start and an echo.
package main

import (
	"cmp"
	"log"
	"os"
	"time"

	tele "gopkg.in/telebot.v4"

	"frameworks/work"
)

func main() {
	b, err := tele.NewBot(tele.Settings{
		Token:  os.Getenv("TELEGRAM_BOT_TOKEN"),
		URL:    cmp.Or(os.Getenv("TELEGRAM_API_BASE"), "https://api.telegram.org"),
		Poller: &tele.LongPoller{Timeout: 10 * time.Second},
	})
	if err != nil {
		log.Fatal(err)
	}
	b.Handle("/start", func(c tele.Context) error {
		return c.Send("Hello.")
	})
	b.Handle(tele.OnText, func(c tele.Context) error {
		work.On(c.Text())
		return c.Send(c.Text())
	})
	b.Start()
}
