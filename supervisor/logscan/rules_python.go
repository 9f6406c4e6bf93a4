package logscan

// pythonRules are the lines of Python's libraries. python-telegram-bot: ext/updater.py (13),
// ext/_updater.py (20), ext/_utils/networkloop.py (21.11); aiogram: dispatcher/dispatcher.py;
// pyTelegramBotAPI: telebot/__init__.py, async_telebot.py, apihelper.py.
var pythonRules = []rule{
	{framework: ptb, head: "error while getting updates: ", by: byLog, logger: "telegram."},
	{framework: ptb, head: "network retry loop (", has: "invalid token", kind: Unauthorized, by: byLog, logger: "telegram."},
	{framework: ptb, head: "invalid token; aborting", kind: Unauthorized, by: byLog, logger: "telegram."},
	{framework: ptb, head: "unhandled exception in bot:", kind: EventLoop, by: byLog, logger: "telegram."},
	{framework: ptb, head: "stopping due to exception in another thread", kind: EventLoop, by: byLog, logger: "telegram."},
	{framework: ptb, head: "telegram.error.invalidtoken", kind: Unauthorized, by: byTrace},
	{framework: ptb, head: "telegram.error.conflict: ", by: byTrace},
	{framework: ptb, head: "telegram.error.networkerror: ", by: byTrace},
	{framework: ptb, head: "telegram.error.telegramerror: ", by: byTrace},
	{framework: ptb, head: "telegram.error.unauthorized: unauthorized", kind: Unauthorized, by: byTrace},
	{framework: ptb, head: "telegram.error.forbidden: unauthorized", kind: Unauthorized, by: byTrace},
	{framework: ptb, head: "telegram.telegramerror: ", by: byTrace},
	{framework: ptb, head: "conflicted polling detected", kind: Conflict, by: byApp},

	{framework: aiogram, head: "failed to fetch updates - ", by: byLog, logger: "aiogram"},
	{framework: aiogram, head: "aiogram.exceptions.telegramconflicterror: ", by: byTrace},
	{framework: aiogram, head: "aiogram.exceptions.telegramunauthorizederror: ", kind: Unauthorized, by: byTrace},
	{framework: aiogram, head: "aiogram.exceptions.telegramnotfound: telegram server says - ", by: byTrace},
	{framework: aiogram, head: "aiogram.utils.token.tokenvalidationerror: token is invalid", kind: Unauthorized, by: byTrace},
	{framework: aiogram, head: "aiogram.utils.exceptions.terminatedbyothergetupdates", kind: Conflict, by: byTrace},
	{framework: aiogram, head: "aiogram.utils.exceptions.cantgetupdates", kind: WebhookActive, by: byTrace},
	{framework: aiogram, head: "aiogram.utils.exceptions.conflicterror: ", by: byTrace},
	{framework: aiogram, head: "aiogram.utils.exceptions.unauthorized: ", by: byTrace},
	{framework: aiogram, head: "aiogram.utils.exceptions.validationerror: token is invalid", kind: Unauthorized, by: byTrace},
	{framework: aiogram, head: "aiogram.utils.exceptions.notfound: ", by: byTrace},
	{framework: aiogram, head: "cause exception while getting updates", by: byLog, logger: "aiogram"},

	{framework: telebot, head: "threaded polling exception: ", by: byLog, logger: "telebot"},
	{framework: telebot, head: "infinity polling exception: ", by: byLog, logger: "telebot"},
	{framework: telebot, head: "unhandled exception (full traceback for debug level): ", by: byLog, logger: "telebot"},
	{framework: telebot, head: "a request to the telegram api was unsuccessful. ", by: byLog, logger: "telebot"},
	{framework: telebot, head: "apiexception occurred, args=", by: byLog, logger: "telebot"},
	{framework: telebot, head: "exception occurred, args=", by: byLog, logger: "telebot"},
	{framework: telebot, head: "getupdates failed. returned result: ", by: byLog, logger: "telebot"},
	{framework: telebot, head: "telebot.apihelper.api", by: byTrace},
	{framework: telebot, head: "telebot.asyncio_helper.api", by: byTrace},
	{framework: telebot, head: "valueerror: token must contain a colon", kind: Unauthorized, by: byTrace},
	{framework: telebot, head: "valueerror: token must not contain spaces", kind: Unauthorized, by: byTrace},
	{framework: telebot, head: "exception: token must contain a colon", kind: Unauthorized, by: byTrace},

	{framework: "telepot", head: "unauthorizederror: (", has: "401", kind: Unauthorized, by: byTrace},
	{framework: "telepot", head: "telepot.exception.", by: byTrace},

	{framework: "Telethon", head: "telethon.errors.rpcerrorlist.authkeyduplicated", kind: Unauthorized, by: byTrace},
	{framework: "Telethon", head: "telethon.errors.rpcerrorlist.authkeyunregistered", kind: Unauthorized, by: byTrace},
	{framework: "Telethon", head: "telethon.errors.rpcerrorlist.authkeyinvalid", kind: Unauthorized, by: byTrace},
	{framework: "Telethon", head: "telethon.errors.rpcerrorlist.accesstoken", kind: Unauthorized, by: byTrace},
	{framework: "Telethon", head: "telethon.errors.rpcerrorlist.sessionrevoked", kind: Unauthorized, by: byTrace},
	{framework: "Telethon", head: "telethon.errors.common.authkeynotfound", kind: Unauthorized, by: byTrace},
	{framework: "Pyrogram", head: "pyrogram.errors.exceptions.unauthorized_401.", kind: Unauthorized, by: byTrace},
	{framework: "Pyrogram", head: "pyrogram.errors.exceptions.not_acceptable_406.authkeyduplicated", kind: Unauthorized, by: byTrace},
	{framework: "Pyrogram", head: "pyrogram.errors.exceptions.bad_request_400.accesstoken", kind: Unauthorized, by: byTrace},
	{framework: "Pyrogram", head: "telegram says: [4", by: byApp},

	{framework: "requests", head: "requests.exceptions.httperror: 409 client error: conflict for url: https://api.telegram.org/", has: "/getupdates", kind: Conflict, by: byTrace},
	{framework: "requests", head: "requests.exceptions.httperror: 401 client error: unauthorized for url: https://api.telegram.org/", kind: Unauthorized, by: byTrace},
	{framework: "httpx", head: "httpx.httpstatuserror: client error '409 conflict' for url 'https://api.telegram.org/", has: "/getupdates", kind: Conflict, by: byTrace},
	{framework: "httpx", head: "httpx.httpstatuserror: client error '401 unauthorized' for url 'https://api.telegram.org/", kind: Unauthorized, by: byTrace},
	{framework: "aiohttp", head: "aiohttp.client_exceptions.clientresponseerror: 409, message='conflict', ", has: "api.telegram.org", kind: Conflict, by: byTrace},
	{framework: "aiohttp", head: "aiohttp.client_exceptions.clientresponseerror: 401, message='unauthorized', ", has: "api.telegram.org", kind: Unauthorized, by: byTrace},
}

const (
	ptb     = "python-telegram-bot"
	aiogram = "aiogram"
	telebot = "pyTelegramBotAPI"
	asyncio = "asyncio"
)

// loopRules are errors of an event loop, CPython's asyncio. A task's report names the task's
// exception; one that polled takes polling with it, whatever ended it.
var loopRules = []rule{
	{framework: asyncio, head: "runtimeerror: ", by: byTrace},
	{framework: asyncio, head: "valueerror: set_wakeup_fd only works in main thread", kind: EventLoop, by: byTrace},
	{framework: asyncio, head: "valueerror: the future belongs to a different loop", kind: EventLoop, by: byTrace},
	{framework: asyncio, head: "future: <task finished ", has: "exception=runtimeerror(", by: byLog, logger: asyncio},
	{framework: asyncio, head: "task: <task finished ", has: "exception=runtimeerror(", by: byLog, logger: asyncio},
	{framework: asyncio, head: "future: <task finished ", has: "exception=terminatedbyothergetupdates(", kind: Conflict, by: byLog, logger: asyncio},
	{framework: asyncio, head: "future: <task finished ", has: "exception=telegramconflicterror(", by: byLog, logger: asyncio},
	{framework: asyncio, head: "future: <task finished ", has: "exception=cantgetupdates(", kind: WebhookActive, by: byLog, logger: asyncio},
	{framework: asyncio, head: "future: <task finished ", has: "exception=unauthorized(", by: byLog, logger: asyncio},
	{framework: asyncio, head: "future: <task finished ", has: "exception=telegramunauthorizederror(", by: byLog, logger: asyncio},
	{framework: asyncio, head: "future: <task finished ", has: ".start_polling() done", kind: EventLoop, by: byLog, logger: asyncio},
}
