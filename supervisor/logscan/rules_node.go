package logscan

// nodeRules are the lines of JavaScript's libraries: grammY core/error.ts and runner.ts, Telegraf
// core/network/error.ts and polling.ts (4), telegraf.js (3), node-telegram-bot-api telegramPolling.js
// (0, 1) and core/longpoll.ts (2). An error that nobody catches is printed as the process dies.
var nodeRules = []rule{
	{framework: "grammY", head: "grammyerror: call to '", by: byLog},
	{framework: "grammY", head: "[grammy runner] ", by: byLog},
	{framework: "grammY", head: "call to '", has: "' failed! (4", by: byApp},
	{framework: "grammY", head: "(409: conflict: ", by: byApp},

	{framework: "Telegraf", head: "telegramerror: ", by: byLog},
	{framework: "Telegraf", head: "failed to process updates. ", by: byLog},
	{framework: "Telegraf", head: "error: 409: conflict: ", by: byLog},
	{framework: "Telegraf", head: "error: 401: unauthorized", kind: Unauthorized, by: byLog},
	{framework: "Telegraf", head: "timeouterror: promise timed out after ", kind: EventLoop, by: byLog},

	{framework: "node-telegram-bot-api", head: "[polling_error] {", by: byLog},
	{framework: "node-telegram-bot-api", head: "error: etelegram: ", by: byLog},
	{framework: "node-telegram-bot-api", head: "etelegram: ", by: byApp},
	{framework: "node-telegram-bot-api", head: "telegramapierror: ", by: byLog},
	{framework: "node-telegram-bot-api", head: "error: 4", has: "{\"ok\":false,\"error_code\":4", by: byLog},
	{framework: "node-telegram-bot-api", head: "error: error: 4", has: "{\"ok\":false,\"error_code\":4", by: byLog},
	{framework: "node-telegram-bot-api", head: "409 {\"ok\":false", by: byApp},

	// the fields of an error as util.inspect and a pretty-printer of JSON show them
	{head: "description: '", by: byApp},
	{head: "description: \"", by: byApp},
	{head: "\"description\": \"", by: byApp},
	{head: "message: 'etelegram: ", by: byApp},
	{head: "message: '409: conflict: ", by: byApp},
	{head: "response: {", has: "ok: false", by: byApp},
	{head: "error: grammyerror: ", by: byApp},
	{head: "[cause]: ", has: "error: ", by: byApp},
}
