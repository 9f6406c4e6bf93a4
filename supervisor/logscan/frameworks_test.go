package logscan

import (
	"strings"
	"testing"
	"time"
)

// What Telegram says, as of the Bot API server's sources.
const (
	taken    = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
	hooked   = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
	replaced = "Conflict: terminated by setWebhook request"
)

// shape is what a framework prints in one moment, and what it is evidence of.
type shape struct {
	name   string
	out    string // lines
	kind   Kind
	logger bool
}

var at = time.Date(2026, 8, 20, 10, 0, 3, 0, time.UTC)

// scan feeds text to a fresh scanner at one moment and returns the evidence.
func scan(out string) []Evidence {
	var sc Scanner
	var got []Evidence
	emit := func(e Evidence) { got = append(got, e) }
	sc.Write(Stderr, []byte(out), at, emit)
	sc.Close(at, emit)
	return got
}

func testShapes(t *testing.T, shapes []shape) {
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			got := scan(s.out + "\n")
			if len(got) != 1 {
				t.Fatalf("%d events, want 1: %+v\n%s", len(got), got, s.out)
			}
			if got[0].Kind != s.kind || got[0].Logger != s.logger {
				t.Errorf("got %v logger=%v, want %v logger=%v\n%s", got[0].Kind, got[0].Logger, s.kind, s.logger, s.out)
			}
			if !got[0].At.Equal(at) || got[0].Line == "" || !strings.Contains(s.out, got[0].Line) && !strings.ContainsAny(s.out, "\x1b\x00\r") {
				t.Errorf("event %+v of\n%s", got[0], s.out)
			}
		})
	}
}

const pyTrace = "Traceback (most recent call last):\n  File \"/app/bot.py\", line 9, in <module>\n    main()\n"

var pythonShapes = []shape{
	{"ptb 13 with logging", "2027-02-11 10:00:03,443 - telegram.ext.updater - ERROR - Error while getting Updates: " + taken, Conflict, true},
	{"ptb 13 without logging", "Error while getting Updates: " + taken, Conflict, true},
	{"ptb 13 level first", "ERROR:telegram.ext.updater:Error while getting Updates: " + taken, Conflict, true},
	{"ptb 20 home assistant", "2027-02-11 10:00:03.443 ERROR (MainThread) [telegram.ext._updater] Error while getting Updates: " + taken, Conflict, true},
	{"ptb 20 webhook set while polling", "2027-02-11 10:00:03,443 - telegram.ext.Updater - ERROR - Error while getting Updates: " + replaced, WebhookActive, true},
	{"ptb 21.6 run_polling", "No error handlers are registered, logging exception.\n" + pyTrace + "telegram.error.Conflict: " + taken, Conflict, true},
	{"ptb 21.6 start_polling", "2027-02-11 10:00:03,1 - telegram.ext.Updater - ERROR - Exception happened while polling for updates.\n" + pyTrace + "telegram.error.Conflict: " + hooked, WebhookActive, true},
	{"ptb under docker compose", "bot-1  | Traceback (most recent call last):\nbot-1  |   File \"/app/bot.py\", line 9, in main\nbot-1  | telegram.error.Conflict: " + taken, Conflict, true},
	{"ptb example error handler", `2027-02-11 10:00:03,443 - __main__ - WARNING - Update "None" caused error "` + taken + `"`, Conflict, false},
	{"ptb own error handler", "2027-02-11 10:00:03,443 - bot - ERROR - Polling error: " + taken, Conflict, false},
	{"ptb print", "Error: " + taken, Conflict, false},
	{"ptb 22 token revoked", "2027-02-11 10:00:03,443 - telegram.ext.Updater - ERROR - Network Retry Loop (Polling Updates): Invalid token. Aborting retry loop.", Unauthorized, true},
	{"ptb 20 token revoked", "telegram.ext.Updater - ERROR - Invalid token; aborting", Unauthorized, true},
	{"ptb 20 bad token", pyTrace + "telegram.error.InvalidToken: The token `123456:***` was rejected by the server.", Unauthorized, true},
	{"ptb 13 bad token", pyTrace + "telegram.error.Unauthorized: Unauthorized", Unauthorized, true},
	{"ptb 13 revoked", "2027-02-11 10:00:03 ERROR telegram.ext.updater Error while getting Updates: Unauthorized", Unauthorized, true},
	{"ptb 13 thread", "2027-02-11 10:00:03,443 - telegram.ext.updater - CRITICAL - unhandled exception in Bot:123456:updater", EventLoop, true},
	{"httpx below ptb", `2027-02-11 10:00:03,400 - httpx - INFO - HTTP Request: POST https://api.telegram.org/bot123456:***/getUpdates "HTTP/1.1 409 Conflict"`, Conflict, true},
	{"httpx below ptb, basicConfig", `INFO:httpx:HTTP Request: POST https://api.telegram.org/bot123456:***/getUpdates "HTTP/1.1 401 Unauthorized"`, Unauthorized, true},
	{"urllib3 at debug", `2027-02-11 10:00:03,400 - urllib3.connectionpool - DEBUG - https://api.telegram.org:443 "POST /bot123456:***/getUpdates HTTP/1.1" 409 143`, Conflict, true},
	{"aiogram 3", "ERROR:aiogram.dispatcher:Failed to fetch updates - TelegramConflictError: Telegram server says - " + taken, Conflict, true},
	{"aiogram 3 loguru", "2027-02-11 10:00:03.411 | ERROR    | aiogram.dispatcher:_listen_updates:172 - Failed to fetch updates - TelegramConflictError: Telegram server says - " + hooked, WebhookActive, true},
	{"aiogram 3 revoked", "2027-02-11 10:00:03,411 - aiogram.dispatcher - ERROR - Failed to fetch updates - TelegramUnauthorizedError: Telegram server says - Unauthorized", Unauthorized, true},
	{"aiogram 3 bad token at start", pyTrace + "aiogram.exceptions.TelegramUnauthorizedError: Telegram server says - Unauthorized", Unauthorized, true},
	{"aiogram 3 malformed token", pyTrace + "aiogram.utils.token.TokenValidationError: Token is invalid!", Unauthorized, true},
	{"aiogram 3 token of no bot", pyTrace + "aiogram.exceptions.TelegramNotFound: Telegram server says - Not Found", Unauthorized, true},
	{"aiogram 3 journald", "Feb 11 10:00:03 vps python[1]: ERROR:aiogram.dispatcher:Failed to fetch updates - TelegramConflictError: Telegram server says - " + taken, Conflict, true},
	{"aiogram 2", "ERROR:aiogram.dispatcher.dispatcher:Cause exception while getting updates.\n" + pyTrace + "aiogram.utils.exceptions.TerminatedByOtherGetUpdates: Terminated by other getUpdates request; Make sure that only one bot instance is running", Conflict, true},
	{"aiogram 2 task", "Task exception was never retrieved\nfuture: <Task finished name='Task-1' coro=<Dispatcher.start_polling() done, defined at /app/dispatcher.py:332> exception=Unauthorized('Unauthorized')>", Unauthorized, true},
	{"aiogram 2 task, other end", "ERROR:asyncio:Task exception was never retrieved\nfuture: <Task finished name='Task-1' coro=<Dispatcher.start_polling() done, defined at /app/dispatcher.py:332> exception=KeyError('x')>", EventLoop, true},
	{"telebot 4 sync", `2027-02-11 10:00:03,411 (__init__.py:1281 MainThread) ERROR - TeleBot: "Threaded polling exception: A request to the Telegram API was unsuccessful. Error code: 409. Description: ` + taken + `"`, Conflict, true},
	{"telebot 4 async", `2027-02-11 10:00:03,411 (async_telebot.py:481 MainThread) ERROR - TeleBot: "Unhandled exception (full traceback for debug level): A request to the Telegram API was unsuccessful. Error code: 409. Description: ` + hooked + `"`, WebhookActive, true},
	{"telebot 4 uncaught", pyTrace + "telebot.apihelper.ApiTelegramException: A request to the Telegram API was unsuccessful. Error code: 409. Description: " + taken, Conflict, true},
	{"telebot 4 bad token", pyTrace + "telebot.apihelper.ApiTelegramException: A request to the Telegram API was unsuccessful. Error code: 401. Description: Unauthorized", Unauthorized, true},
	{"telebot 4 malformed token", pyTrace + "telebot.apihelper.ApiTelegramException: A request to the Telegram API was unsuccessful. Error code: 404. Description: Not Found", Unauthorized, true},
	{"telebot 4 no colon", pyTrace + "ValueError: Token must contain a colon", Unauthorized, true},
	{"telebot 3 two lines", "(__init__.py:417 MainThread) ERROR - TeleBot: \"A request to the Telegram API was unsuccessful. The server returned HTTP 409 Conflict. Response body:\n[b'{\"ok\":false,\"error_code\":409,\"description\":\"" + taken + "\"}']\"", Conflict, true},
	{"telebot 0", pyTrace + "telebot.apihelper.ApiException: getUpdates failed. Returned result: <Response [409]>", Conflict, true},
	{"telepot", pyTrace + "telepot.exception.UnauthorizedError: ('Unauthorized', 401, {'ok': False, 'error_code': 401, 'description': 'Unauthorized'})", Unauthorized, true},
	{"Telethon", pyTrace + "telethon.errors.rpcerrorlist.AuthKeyDuplicatedError: The authorization key (session file) was used under two different IP addresses simultaneously, and can no longer be used.", Unauthorized, true},
	{"Telethon bad token", pyTrace + "telethon.errors.rpcerrorlist.AccessTokenInvalidError: The provided token is not valid (caused by ImportBotAuthorizationRequest)", Unauthorized, true},
	{"Pyrogram", pyTrace + "pyrogram.errors.exceptions.unauthorized_401.AuthKeyUnregistered: Telegram says: [401 AUTH_KEY_UNREGISTERED] - The key is not registered in the system.", Unauthorized, true},
	{"Pyrogram bad token", pyTrace + "pyrogram.errors.exceptions.bad_request_400.AccessTokenInvalid: Telegram says: [400 ACCESS_TOKEN_INVALID] - The bot token is invalid (caused by \"auth.ImportBotAuthorization\")", Unauthorized, true},
	{"requests", pyTrace + "requests.exceptions.HTTPError: 409 Client Error: Conflict for url: https://api.telegram.org/bot123456:***/getUpdates?offset=1", Conflict, true},
	{"exception group", "  + Exception Group Traceback (most recent call last):\n  |   File \"/app/bot.py\", line 3, in run\n  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)\n  +-+---------------- 1 ----------------\n    |   File \"/app/bot.py\", line 8, in poll\n    | telegram.error.Conflict: " + taken, Conflict, true},
}

func TestPython(t *testing.T) { testShapes(t, pythonShapes) }

const loopTrace = "Traceback (most recent call last):\n  File \"/app/bot.py\", line 9, in <module>\n    asyncio.run(main())\n"

var loopShapes = []shape{
	{"closed", loopTrace + "RuntimeError: Event loop is closed", EventLoop, true},
	{"running, then closed", loopTrace + "RuntimeError: This event loop is already running\n\nDuring handling of the above exception, another exception occurred:\n\n" + loopTrace + "RuntimeError: Cannot close a running event loop\nsys:1: RuntimeWarning: coroutine 'Application.shutdown' was never awaited", EventLoop, true},
	{"nested run", loopTrace + "RuntimeError: asyncio.run() cannot be called from a running event loop", EventLoop, true},
	{"nested run, swallowed", "Error: asyncio.run() cannot be called from a running event loop", EventLoop, false},
	{"thread", "Exception in thread Thread-1 (start_bot):\n" + loopTrace + "RuntimeError: There is no current event loop in thread 'Thread-1 (start_bot)'.", EventLoop, true},
	{"signals in a thread", loopTrace + "ValueError: set_wakeup_fd only works in main thread of the main interpreter", EventLoop, true},
	{"python 3.14", loopTrace + "RuntimeError: There is no current event loop in thread 'MainThread'.", EventLoop, true},
	{"other loop", loopTrace + "RuntimeError: Task <Task pending name='Task-3' coro=<main() running at /app/bot.py:4>> got Future <Future pending> attached to a different loop", EventLoop, true},
	{"other loop 3.10", loopTrace + "RuntimeError: <asyncio.locks.Event object at 0x7f1 [unset]> is bound to a different event loop", EventLoop, true},
	{"no task", loopTrace + "RuntimeError: Timeout context manager should be used inside a task", EventLoop, true},
	{"no loop", loopTrace + "RuntimeError: no running event loop", EventLoop, true},
	{"wrapped by ptb", loopTrace + "telegram.error.NetworkError: Unknown error in HTTP implementation: RuntimeError('Event loop is closed')", EventLoop, true},
	{"ptb polls on a closed loop", "Error while getting Updates: Unknown error in HTTP implementation: RuntimeError('Event loop is closed')", EventLoop, true},
	{"aiogram", "ERROR:aiogram.dispatcher:Failed to fetch updates - RuntimeError: Event loop is closed", EventLoop, true},
	{"own words", "2027-02-11 10:00:03,443 - bot - CRITICAL - Bot crashed: Event loop is closed", EventLoop, false},
	{"own words, stdout", "Fatal error: Cannot close a running event loop", EventLoop, false},
	{"task report", "ERROR:asyncio:Task exception was never retrieved\nfuture: <Task finished name='Task-9' coro=<poll() done, defined at /app/b.py:3> exception=RuntimeError('Event loop is closed')>", EventLoop, true},
	{"Telegraf 4 handler", "TimeoutError: Promise timed out after 90000 milliseconds\n    at Timeout._onTimeout (/app/node_modules/p-timeout/index.js:39:64)", EventLoop, true},
	{"Telegraf 4 launch", "❌ Failed to start bot: TimeoutError: Promise timed out after 90000 milliseconds", EventLoop, false},
	{"uvicorn worker", "ERROR:    Traceback (most recent call last):\n  File \"/app/api_server.py\", line 9, in startup\n    await app.run_polling()\nRuntimeError: Cannot close a running event loop", EventLoop, true},
	{"crash, then noise", loopTrace + "RuntimeError: Event loop is closed\nException ignored in: <coroutine object MTProtoSender._recv_loop at 0x7f>\n" + loopTrace + "RuntimeError: Event loop is closed", EventLoop, true},
}

func TestEventLoop(t *testing.T) { testShapes(t, loopShapes) }
