package logscan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

const sentence = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"

var t0 = time.Unix(1_000_000, 0)

// scan reads text in pieces of n bytes.
func scan(text string, n int) []Evidence {
	var got []Evidence
	var s Scanner
	for len(text) > 0 {
		k := min(n, len(text))
		s.Write(Stderr, []byte(text[:k]), t0, func(e Evidence) { got = append(got, e) })
		text = text[k:]
	}
	s.Close(t0, func(e Evidence) { got = append(got, e) })
	return got
}

func TestWhatFrameworksPrint(t *testing.T) {
	trace := "Traceback (most recent call last):\n  File \"x.py\", line 1, in y\n    z()\n"
	for _, tc := range []struct {
		name, text string
		kind       Kind
		logger     bool
	}{
		{"python-telegram-bot", "2026-03-01 09:02:11,123 - telegram.ext.Updater - ERROR - Error while getting Updates: " + sentence, Conflict, true},
		{"python-telegram-bot, last resort", "Error while getting Updates: " + sentence, Conflict, true},
		{"python-telegram-bot 22", "2026-03-01 09:02:11,123 - telegram.ext.Application - ERROR - No error handlers are registered, logging exception.\n" + trace + "telegram.error.Conflict: " + sentence, Conflict, true},
		{"aiogram 3", "ERROR:aiogram.dispatcher:Failed to fetch updates - TelegramConflictError: Telegram server says - " + sentence, Conflict, true},
		{"aiogram 2", "ERROR:aiogram.dispatcher.dispatcher:Cause exception while getting updates.\n" + trace + "aiogram.utils.exceptions.TerminatedByOtherGetUpdates: Terminated by other getUpdates request; Make sure that only one bot instance is running", Conflict, true},
		{"pyTelegramBotAPI", `2026-03-01 09:02:11,690 (__init__.py:1087 MainThread) ERROR - TeleBot: "Threaded polling exception: A request to the Telegram API was unsuccessful. Error code: 409. Description: ` + sentence + `"`, Conflict, true},
		{"grammY", "GrammyError: Call to 'getUpdates' failed! (409: " + sentence + ")", Conflict, true},
		{"Telegraf", "TelegramError: 409: " + sentence, Conflict, true},
		{"node-telegram-bot-api", `error: [polling_error] {"code":"ETELEGRAM","message":"ETELEGRAM: 409 ` + sentence + `"}`, Conflict, true},
		{"go-telegram-bot-api", "2026/03/01 11:34:36 " + sentence, Conflict, true},
		{"go-telegram/bot", "2026/03/01 12:24:45 [TGBOT] [ERROR] error get updates, conflict, " + sentence, Conflict, true},
		{"telego, coloured", "[\x1b[34mSun Mar 1 12:24:45 UTC 2026\x1b[0m] \x1b[31mERROR\x1b[0m Getting updates: telego: getUpdates: api: 409 \"" + sentence + "\"", Conflict, true},
		{"teloxide", " ERROR teloxide::error_handlers > An error from the update listener: Api(TerminatedByOtherGetUpdates)", Conflict, true},
		{"gotgbot", "2026/03/01 10:00:03 Failed to get updates; sleeping 1s: unable to getUpdates: " + sentence, Conflict, true},
		{"pengrad, at level info", `INFO: Update listener error for request {"method":"getUpdates"} with response 409 ` + sentence, Conflict, true},
		{"httpx, at level info", `2026-03-01 09:02:11 - httpx - INFO - HTTP Request: POST https://api.telegram.org/bot1:***/getUpdates "HTTP/1.1 409 Conflict"`, Conflict, true},
		{"the bundled bot", `time=2026-03-01T09:00:00.000Z level=ERROR msg="getUpdates refused" error_code=409 cause="` + sentence + `"`, Conflict, true},
		{"an application's own sentence", "Polling error: " + sentence, Conflict, false},
		{"behind docker compose", "bot-1  | 2026-03-01 09:02:11 ERROR    Error while getting Updates: " + sentence, Conflict, true},
		{"behind syslog", "Mar  1 09:02:11 host bot[77]: telegram.ext.Updater - ERROR - Error while getting Updates: " + sentence, Conflict, true},
		{"JSON record", `{"level":"error","logger":"telegram.ext.Updater","message":"Error while getting Updates: ` + sentence + `"}`, Conflict, true},

		{"webhook", "ERROR:aiogram.dispatcher:Failed to fetch updates - TelegramConflictError: Telegram server says - Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first", WebhookActive, true},
		{"setWebhook elsewhere", "TelegramError: 409: Conflict: terminated by setWebhook request", WebhookActive, true},

		{"event loop closed", trace + "RuntimeError: Event loop is closed", EventLoop, true},
		{"loop in HTTP", trace + "telegram.error.NetworkError: Unknown error in HTTP implementation: RuntimeError('Event loop is closed')", EventLoop, true},
		{"loop of a thread", trace + "RuntimeError: There is no current event loop in thread 'Thread-1'.", EventLoop, true},
		{"nested run", trace + "RuntimeError: asyncio.run() cannot be called from a running event loop", EventLoop, true},
		{"another loop", trace + "RuntimeError: Task <Task pending> got Future <Future pending> attached to a different loop", EventLoop, true},
		{"in an exception group", "  | RuntimeError: Event loop is closed", EventLoop, false},

		{"token revoked", "2026-03-01 09:02:11 - telegram.ext.Updater - ERROR - Error while getting Updates: Unauthorized", Unauthorized, true},
		{"InvalidToken", trace + "telegram.error.InvalidToken: The token `1:***` was rejected by the server.", Unauthorized, true},
		{"aiogram 401", "ERROR:aiogram.dispatcher:Failed to fetch updates - TelegramUnauthorizedError: Telegram server says - Unauthorized", Unauthorized, true},
		{"grammY 401", "GrammyError: Call to 'getMe' failed! (401: Unauthorized)", Unauthorized, true},
		{"the bundled bot refused", `time=2026-03-01T09:00:00.000Z level=ERROR msg="token refused" error_code=401 cause=Unauthorized`, Unauthorized, true},
	} {
		got := scan(tc.text+"\n", 1<<20)
		if len(got) != 1 || got[0].Kind != tc.kind || got[0].Logger != tc.logger {
			t.Errorf("%s: %+v, want one %v, logger %v", tc.name, got, tc.kind, tc.logger)
		}
	}
}

func TestWhatIsNoEvidence(t *testing.T) { // P30
	for name, text := range map[string]string{
		"a message that quotes it": "2026-03-01 09:02:11 - bot - INFO - message from 42: " + sentence,
		"text field":               "2026-03-01 09:02:11 - bot - ERROR - failed to answer text='" + sentence + "'",
		"author in brackets":       "2026/03/01 11:34:36 [alice] " + sentence,
		"author with an @":         "INFO:bot.handlers:[@bob] Failed to fetch updates - TelegramConflictError: Telegram server says - " + sentence,
		"answer with a message":    `{"ok":true,"result":[{"update_id":1,"message":{"text":"` + sentence + `"}}]}`,
		"JSON at level info":       `{"level":"info","msg":"received","text":"` + sentence + `"}`,
		"JSON user text at error":  `{"level":"error","msg":"handler failed","text":"` + sentence + `"}`,
		"pasted second line":       "2026-03-01 09:02:11 - bot - INFO - message from 42: look\ntelegram.error.Conflict: " + sentence,
		"shutdown noise":           "Exception ignored in: <function X.__del__ at 0x1>\nTraceback (most recent call last):\n  File \"x\", line 1\nRuntimeError: Event loop is closed",
		"another service's 409":    "elasticsearch.ConflictError: ConflictError(409, 'version_conflict')",
		"another service's 401":    "openai.AuthenticationError: Error code: 401 - {'error': {'message': 'Incorrect API key'}}",
		"access log":               `INFO:     10.0.0.7:51234 - "POST /users HTTP/1.1" 409 Conflict`,
		"botctl's own words":       "botctl: warning: the bot's output speaks of a 409 conflict line=\"" + sentence + "\"",
		"grep":                     "+ grep -c 'terminated by other getUpdates' bot.log",
		"deprecation":              "x.py:1: DeprecationWarning: There is no current event loop",
		"handler bug":              "Traceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'DOGE'",
		"healthy":                  "2026-03-01 09:02:11 - telegram.ext.Application - INFO - Application started",
		"forbidden by a user":      "telegram.error.Unauthorized: Forbidden: bot was blocked by the user",
		"advice":                   "2026-03-01 10:00:01.100 | INFO     | app:answer:88 - assistant: A 409 " + sentence + " means two copies.",
		"a sentence in the middle": "the docs say " + sentence + " when two copies run",
	} {
		if got := scan(text+"\n", 1<<20); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestTheCutChangesNothing(t *testing.T) { // P33
	parts := []string{
		"2026-03-01 09:02:11 - x - INFO - fine\n", "telegram.error.Conflict: " + sentence + "\n", "Exception ignored in: <x>\n",
		"Traceback (most recent call last):\n", "  File \"x\"\n", "RuntimeError: Event loop is closed\n", "\x1b[31mERROR\x1b[0m Error while getting Updates: " + sentence + "\r\n",
		"\x00\xff\n", "plain\n", "2026-03-01 09:02:11 - x - INFO - message from 1: a\n",
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var b strings.Builder
		for range 1 + rnd.IntN(8) {
			b.WriteString(parts[rnd.IntN(len(parts))])
		}
		want := scan(b.String(), 1<<20)
		for _, n := range []int{1, 2, 7, 1 + rnd.IntN(100)} {
			if got := scan(b.String(), n); !slices.Equal(got, want) {
				t.Fatalf("%q in pieces of %d:\n%+v\nwhole\n%+v", b.String(), n, got, want)
			}
		}
	}
}

func TestLinesOfOneMomentAreOneEvent(t *testing.T) {
	var s Scanner
	n := 0
	line := []byte("Error while getting Updates: " + sentence + "\n")
	for i := range 10 {
		s.Write(Stderr, line, t0.Add(time.Duration(i)*100*time.Millisecond), func(Evidence) { n++ })
	}
	s.Write(Stderr, line, t0.Add(5*time.Second), func(Evidence) { n++ })
	if n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

func TestAnEndlessLineIsBounded(t *testing.T) { // P32
	var s Scanner
	for range 1600 {
		s.Write(Stdout, make([]byte, 64<<10), t0, func(Evidence) {})
	}
	if n := cap(s.streams[Stdout].part); n > 4*maxLine {
		t.Errorf("%d bytes kept of a line of 100 MB", n)
	}
	n := 0
	s.Write(Stdout, []byte("\nError while getting Updates: "+sentence+"\n"), t0, func(Evidence) { n++ })
	if n != 1 {
		t.Errorf("%d events after the endless line, want 1", n)
	}
}

// FuzzChat: one line that a user writes, logged as messages are, is no evidence at all.
func FuzzChat(f *testing.F) {
	for _, s := range []string{sentence, "telegram.error.Conflict: " + sentence, "RuntimeError: Event loop is closed", "ERROR " + sentence, "Unauthorized"} {
		f.Add(s)
	}
	shapes := []string{"2026-03-01 09:02:11,123 - bot - INFO - message from 42: %s", "INFO:bot:[@user] %s", `{"level":"info","msg":%q}`, "2026-03-01T09:02:11Z INFO bot: got text=%q"}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\n\r") {
			t.Skip()
		}
		for _, shape := range shapes {
			if got := scan(fmt.Sprintf(shape, text)+"\n", 1<<20); len(got) != 0 {
				t.Fatalf("%q: %+v", fmt.Sprintf(shape, text), got)
			}
		}
	})
}

func FuzzScanner(f *testing.F) {
	f.Add("Exception ignored in: x\nRuntimeError: Event loop is closed\n", 3)
	f.Add("\x1b[31mERROR\x1b[0m "+sentence, 1)
	f.Fuzz(func(t *testing.T, text string, n int) {
		want := scan(text, len(text)+1)
		if got := scan(text, max(1, n%50)); !slices.Equal(got, want) {
			t.Fatalf("pieces: %+v, whole %+v", got, want)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	plain := []byte(strings.Repeat("2026-03-01 09:02:11,123 - bot - INFO - handled update 12345 in 7 ms\n", 900))
	for name, text := range map[string][]byte{"plain": plain, "long line": []byte(strings.Repeat("x", 64<<10))} {
		b.Run(name, func(b *testing.B) {
			var s Scanner
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s.Write(Stdout, text, t0, func(Evidence) {})
			}
		})
	}
}
