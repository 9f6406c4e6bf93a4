package logscan

import "testing"

// ownReports are what applications print about an error they caught, in their own words, and
// shapes of rarer libraries.
var ownReports = []struct {
	kind Kind
	out  string
}{
	{Conflict, "2027-02-11 10:00:01 - bot - ERROR - Exception while handling an update: " + taken},
	{Conflict, "An error occurred: " + taken},
	{Conflict, "[ERROR] Bot polling failed: " + taken},
	{Conflict, "Bot stopped due to error: " + taken},
	{Conflict, "🔥 Polling crashed: " + taken + ". Restarting in 5 seconds..."},
	{Conflict, "2027-02-11 10:00:01.100 | ERROR    | __main__:main:42 - Bot crashed: Telegram server says - " + taken},
	{Conflict, "Polling error: Error: ETELEGRAM: 409 " + taken},
	{Conflict, "polling_error ETELEGRAM: 409 " + taken},
	{Conflict, "Error in bot.launch(): 409: " + taken},
	{Conflict, "Failed to start telegram bot: Call to 'getUpdates' failed! (409: " + taken + ")"},
	{Conflict, "level=error ts=2027-02-11T10:00:01Z caller=telegram.go:91 component=telegram msg=\"failed to get updates\" err=\"" + taken + "\""},
	{Conflict, "{\"level\":\"error\",\"error\":\"telegram: " + taken + " (409)\",\"time\":\"2027-02-11T10:00:01Z\",\"message\":\"poll failed\"}"},
	{Conflict, "2027-02-11T10:00:01.100Z ERROR telegram_bot: polling failed: Telegram API error 409: " + taken},
	{Conflict, "Ошибка polling: " + taken},
	{Conflict, "Exception: Telegram returned error: " + taken},
	{Conflict, "thread 'tokio-runtime-worker' panicked at src/main.rs:12:34:\nTelegram error: Api(TerminatedByOtherGetUpdates)"},
	{Conflict, "Exception in thread \"main\" com.pengrad.telegrambot.TelegramException: " + taken},
	{Conflict, "kotlin.RuntimeException: Error getting updates: [409] " + taken},
	{Conflict, "(node:17) UnhandledPromiseRejectionWarning: TelegramError: 409: " + taken},
	{Conflict, "Uncaught TelegramError: 409: " + taken},
	{Conflict, "telebot.apihelper.ApiTelegramException: A request to the Telegram API was unsuccessful. Error code: 409. Description: " + taken},
	{Conflict, "Telegram API Error: [409] " + taken},
	{Conflict, "Telegram bot error: ApiRequestException: " + taken},
	{Conflict, "[2027-02-11 10:00:01] production.ERROR: Telegram polling: " + taken + " {\"exception\":\"x\"}"},
	{Conflict, "[2027-02-11 10:00:01 +0000] [7] [ERROR] Error while getting Updates: " + taken},
	{Conflict, "** (EXIT) an exception was raised:\n    ** (ExGram.Error) " + taken},
	{Conflict, "getUpdates error: 409 " + taken},
	{Conflict, "WARN: getUpdates returned 409 Conflict, another instance is running"},
	{WebhookActive, "Polling error: " + hooked},
	{WebhookActive, "ERROR TeleBot: A request to the Telegram API was unsuccessful. Error code: 409. Description: " + hooked},
	{WebhookActive, "thread 'main' panicked at 'called `Result::unwrap()` on an `Err` value: Api(Unknown(\"Conflict: can\\'t use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first\"))'"},
	{WebhookActive, "panic: " + hooked},
	{WebhookActive, "Telegram\\Bot\\Exceptions\\TelegramResponseException: " + hooked + " in /app/x.php:58"},
	{WebhookActive, "{\"ok\": false, \"error_code\": 409, \"description\": \"" + hooked + "\"}"},
	{EventLoop, "ERROR:__main__:Fatal error: Cannot close a running event loop"},
	{EventLoop, "An unexpected error occurred: This event loop is already running"},
	{EventLoop, "❌ Error starting bot: asyncio.run() cannot be called from a running event loop"},
	{EventLoop, "Exception in thread Thread-2 (run_bot):\nRuntimeError: There is no current event loop in thread 'Thread-2 (run_bot)'."},
	{EventLoop, "Error sending message: Unknown error in HTTP implementation: RuntimeError('Event loop is closed')"},
	{EventLoop, "RuntimeError: Cannot run the event loop while another loop is running"},
	{EventLoop, "ERROR:asyncio:Task exception was never retrieved\nfuture: <Task finished name='Task-2' coro=<main() done> exception=RuntimeError('Session is closed and Event loop is closed')>"},
	{EventLoop, "[asyncio] ERROR - Unhandled exception in event loop: RuntimeError: Event loop is closed"},
	{Unauthorized, "Failed to start bot: 401: Unauthorized"},
	{Unauthorized, "telegram.error.InvalidToken: Not Found"},
	{Unauthorized, "ERROR - Invalid token: The token `123:***` was rejected by the server."},
	{Unauthorized, "2027/02/11 10:00:03 telegram: unauthorized (401)"},
	{Unauthorized, "panic: telego: invalid token"},
	{Unauthorized, "Error creating bot: Unauthorized"},
	{Unauthorized, "org.telegram.telegrambots.meta.exceptions.TelegramApiRequestException: Error removing old webhook: [401] Unauthorized"},
	{Unauthorized, "Unhandled exception. System.ArgumentException: Bot token invalid (Parameter 'token')"},
	{Unauthorized, "thread 'main' panicked at src/main.rs:5:10: Failed to get me: Api(InvalidToken)"},
	{Unauthorized, "PHP Fatal error:  Uncaught Longman\\TelegramBot\\Exception\\TelegramException: Invalid API KEY defined!"},
	{Unauthorized, "ERROR:pyrogram.session.session:Unauthorized: [401 AUTH_KEY_UNREGISTERED] The key is not registered"},
	{Unauthorized, "telegram_bot_1 | ERROR: Telegram says: [401 SESSION_REVOKED] - The authorization has been invalidated"},
	{Unauthorized, "WARNING:telethon.client.updates:Failed to fetch updates: The authorization key (session file) was used under two different IP addresses simultaneously"},
	{Unauthorized, "Telegram::Bot::Exceptions::ResponseError: Telegram API has returned the error. (ok: false, error_code: 404, description: \"Not Found\")"},
}

func TestReports(t *testing.T) {
	for _, r := range ownReports {
		if got := scan(r.out + "\n"); len(got) != 1 || got[0].Kind != r.kind {
			t.Errorf("got %+v, want %v for\n%s", got, r.kind, r.out)
		}
	}
}
