package logscan

// otherRules are the lines of the libraries of Java, .NET, Ruby, PHP and Rust: rubenlagus
// DefaultBotSession (2-6), BotSession.java (7-9), TelegramApiRequestException; Telegram.Bot
// ApiRequestException.cs; telegram-bot-ruby client.rb; nutgram, longman, telegram-bot/api;
// teloxide error_handlers.rs; frankenstein's examples.
var otherRules = []rule{
	{framework: rubenlagus, head: "error getting updates: [4", by: byLog, logger: "o"},
	{framework: rubenlagus, head: "org.telegram.telegrambots.", by: byTrace},
	{framework: rubenlagus, head: "409: org.telegram.telegrambots.", has: "apierrorresponseexception", kind: Conflict, by: byTrace},
	{framework: rubenlagus, head: "401: org.telegram.telegrambots.", has: "apierrorresponseexception", kind: Unauthorized, by: byTrace},
	{framework: rubenlagus, head: "error executing org.telegram.telegrambots.", by: byLog, logger: "o"},
	{framework: rubenlagus, head: "error removing old webhook: [4", by: byLog, logger: "o"},
	{framework: "java-telegram-bot-api", head: "update listener error for request {\"method\":\"getupdates\"", by: byLog},
	{framework: "java-telegram-bot-api", head: "getupdatesresponse{ok=false", by: byApp},
	{framework: "ktgbotapi", head: "dev.inmo.tgbotapi.bot.exceptions.getupdatesconflict", kind: Conflict, by: byTrace},
	{framework: "ktgbotapi", head: "dev.inmo.tgbotapi.bot.exceptions.unauthorizedexception", kind: Unauthorized, by: byTrace},

	{framework: telegramBot, head: "telegram.bot.exceptions.", by: byTrace},
	{framework: telegramBot, head: "telegram bot api error 4", by: byLog},
	{framework: telegramBot, head: "telegram api error: ", by: byApp},
	{framework: telegramBot, head: "system.aggregateexception: ", has: "telegram.bot.exceptions.", by: byTrace},

	{framework: telegramBot, head: "system.argumentexception: bot token invalid", kind: Unauthorized, by: byTrace},

	{framework: "telegram-bot-ruby", head: "telegram api has returned the error. (", by: byLog},
	{framework: "telegram-bot-ruby", head: "telegram::bot::exceptions::responseerror: ", by: byLog},
	{framework: "telegram-bot-ruby", head: "/", has: ": telegram api has returned the error. (", by: byLog},

	{framework: "PHP", head: "php fatal error: ", has: "uncaught ", by: byLog},
	{framework: "PHP", head: "fatal error: ", has: "uncaught ", by: byLog},
	{framework: "PHP", head: "longman\\telegrambot\\exception\\telegramexception: invalid api key defined", kind: Unauthorized, by: byLog},
	{framework: "PHP", head: "longman\\telegrambot\\exception\\", by: byLog},
	{framework: "PHP", head: "exception 'longman\\telegrambot\\exception\\", by: byLog},
	{framework: "PHP", head: "telegram\\bot\\exceptions\\", by: byLog},
	{framework: "PHP", head: "sergix44\\nutgram\\telegram\\exceptions\\", by: byLog},
	{framework: "PHP", head: "client error: `post https://api.telegram.org/bot", has: "/getupdates`", by: byApp},
	{framework: "PHP", head: "}, reason: {\"error_code\":4", by: byApp},

	{framework: teloxide, head: "an error from the update listener: ", by: byLog, logger: "teloxide"},
	{framework: teloxide, head: "thread '", has: "panicked at ", by: byLog},
	{framework: teloxide, head: "called `result::unwrap()` on an `err` value: ", by: byLog},
	{framework: "frankenstein", head: "api(errorresponse { ok: false, ", by: byApp},
	{framework: "frankenstein", head: "failed to get updates: api(errorresponse { ok: false, ", by: byApp},

	// the answer of the Bot API itself, as a shell, Python 3 or Python 2 shows it
	{framework: botAPI, head: "{\"ok\":false,", by: byApp},
	{framework: botAPI, head: "[b'{\"ok\":false,", by: byApp},
	{framework: botAPI, head: "b'{\"ok\":false,", by: byApp},
	{framework: botAPI, head: "[{\"ok\":false,", by: byApp},
	{framework: botAPI, head: "{'ok': false, 'error_code': ", by: byApp},
	{framework: botAPI, head: "{u'ok': false, u'error_code': ", by: byApp},
	{framework: botAPI, head: "{'error_code': ", has: "'ok': false", by: byApp},
	{framework: botAPI, head: "{u'error_code': ", has: "u'ok': false", by: byApp},
	{framework: botAPI, head: "http 409: {\"ok\":false,", by: byApp},
	{framework: botAPI, head: "http 401: {\"ok\":false,", by: byApp},
	{framework: botAPI, head: "getupdates resp: {\"ok\":false,", by: byApp},
}

const (
	rubenlagus  = "TelegramBots (Java)"
	telegramBot = "Telegram.Bot"
	teloxide    = "teloxide"
	botAPI      = "Bot API"
)
