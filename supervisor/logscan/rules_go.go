package logscan

// goRules are the lines of Go's libraries: go-telegram-bot-api has no words of its own (see byReport);
// tucnak/telebot bot_raw.go, only with Verbose; go-telegram/bot raw_request.go, bot.go; gotgbot
// ext/updater.go; telego long_polling.go, logger.go.
var goRules = []rule{
	{framework: "telebot (Go)", head: "telegram: conflict: ", by: byLog},
	{framework: "telebot (Go)", head: "telegram: unauthorized (401)", kind: Unauthorized, by: byLog},
	{framework: "telebot (Go)", head: "telegram: not found (404)", kind: Unauthorized, by: byLog},
	{framework: "telebot (Go)", head: "telebot: telegram: ", by: byLog},

	{framework: "go-telegram/bot", head: "[tgbot] [error] ", by: byLog},
	{framework: "go-telegram/bot", head: "error get updates, conflict, ", by: byLog},
	{framework: "go-telegram/bot", head: "error get updates, unauthorized, ", kind: Unauthorized, by: byLog},
	{framework: "go-telegram/bot", head: "error call getme, ", by: byLog},

	{framework: "gotgbot", head: "failed to get updates; sleeping ", by: byLog},
	{framework: "gotgbot", head: "unable to getupdates: ", by: byApp},
	{framework: "gotgbot", head: "unable to getme: ", by: byApp},
	{framework: "gotgbot", head: "failed to check bot token: ", by: byLog},

	{framework: "telego", head: "getting updates: telego: ", by: byLog},
	{framework: "telego", head: "execution error getupdates: ", by: byLog},
	{framework: "telego", head: "telego: ", by: byLog},
}
