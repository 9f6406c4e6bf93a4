package supervisor

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/logscan"
	"botctl/supervisor/policy"
)

// logged are ways in which bots log what a user wrote that put words of their own before it, and JSON.
var logged = []func(text string) string{
	func(s string) string { return "INFO:bot.handlers:" + s },
	func(s string) string { return "2027-02-11 10:00:01,100 - bot - INFO - message from 42: " + s },
	func(s string) string { return "2027-02-11 10:00:01,100 - bot - ERROR - no answer to: " + s },
	func(s string) string { return "2027-02-11 10:00:01.100 | WARNING  | app.chat:answer:88 - " + s },
	func(s string) string { return "2027-02-11 10:00:01,100 - INFO - " + s },
	func(s string) string { return "INFO:     " + s },
	func(s string) string { return "[10:00:03 INF] " + s },
	func(s string) string { return "2027/02/11 10:00:01 [alice] " + s },
	func(s string) string { return "Message from alice: " + s },
	func(s string) string { return "<alice> " + s },
	func(s string) string { return "level=info user=42 text=" + s },
	func(s string) string { return `{"level":"info","msg":` + asJSON(s) + `}` },
	func(s string) string { return `{"level":"error","msg":"no answer","text":` + asJSON(s) + `}` },
	func(s string) string {
		return `{"time":"2027-02-11T10:00:01Z","severity":"INFO","logger":"bot","message":` + asJSON("got "+s) + `}`
	},
	func(s string) string { return `{"update_id":9,"message":{"text":` + asJSON(s) + `}}` },
	func(s string) string {
		return "2027-02-11 10:00:01,100 - telegram.ext.Application - DEBUG - Processing update Update(message=Message(text='" + s + "'))"
	},
	func(s string) string { return "2027-02-11 10:00:01,100 - bot - ERROR - " + s },
	func(s string) string { return "alice: " + s },
	func(s string) string { return "Received: '" + s + "'" },
	func(s string) string { return "{ text: '" + s + "' }" },
	func(s string) string { return "update: {'message': {'text': '" + s + "'}}" },
	func(s string) string { return "I, [2027-02-11T10:00:01.100000 #7]  INFO -- : " + s },
	func(s string) string {
		return "2027-02-11T10:00:01.100Z\tINFO\tbot/main.go:42\tmessage\t{\"text\": " + asJSON(s) + "}"
	},
	func(s string) string {
		return "2027-02-11T10:00:01.100Z\tERROR\tbot/main.go:42\tno answer\t{\"text\": " + asJSON(s) + "}"
	},
	func(s string) string { return "10:00AM ERR no answer text=" + asJSON(s) },
	func(s string) string { return `time="2027-02-11T10:00:01Z" level=info msg=` + asJSON(s) },
	func(s string) string {
		return `time="2027-02-11T10:00:01Z" level=error msg="no answer" text=` + asJSON(s)
	},
	func(s string) string { return "2027/02/11 10:00:01 INFO message text=" + asJSON(s) },
	func(s string) string { return "2027-02-11T10:00:01.100000Z  INFO bot::chat: message text=" + s },
	func(s string) string { return "2027-02-11 10:00:01.100  INFO 1 --- [main] com.example.Bot : " + s },
	func(s string) string { return "bot-1  | INFO:bot:" + s },
	func(s string) string { return "info: Bot.Handler[0]\n      Received: " + s },
	func(s string) string {
		return "2027-02-11 10:00:01 [error    ] no answer                      text=" + s + " user=42"
	},
	func(s string) string {
		return "2027-02-11 10:00:01.100 | ERROR    | app.chat:answer:88 - no answer to " + s
	},
	func(s string) string {
		return "[2027-02-11 10:00:01] bot.ERROR: no answer {\"text\":" + asJSON(s) + "} []"
	},
}

// bareShapes print a text as a framework might print its own.
var bareShapes = []func(text string) string{
	func(s string) string { return s },
	func(s string) string { return "2027/02/11 10:00:01 " + s },
	func(s string) string { return "ERROR " + s },
	func(s string) string { return "[ERROR] bot: " + s },
}

func asJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

const takenAway = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"

// pasted are what users paste who ask for help with a bot of their own.
var pasted = []string{
	"\n", " ", "    ", "telegram.error." + takenAway, "Traceback (most recent call last):\n  File \"bot.py\", line 3, in <module>\n    x()\n",
	"2027-02-11 10:00:03,443 - telegram.ext.updater - ERROR - Error while getting Updates: " + takenAway, "Exception happened while polling for updates.",
	"2027-02-11 10:00:03,443 - httpx - INFO - HTTP Request: POST https://api.telegram.org/bot1:x/getUpdates \"HTTP/1.1 409 Conflict\"",
	"RuntimeError: Event loop is closed", "ERROR:asyncio:Task exception was never retrieved\nfuture: <Task finished name='Task-3' coro=<Updater.start_polling() done, defined at x> exception=RuntimeError('Event loop is closed')>",
	"ERROR:aiogram.dispatcher:Failed to fetch updates - TelegramConflictError: Telegram server says - " + takenAway, "GrammyError: Call to 'getUpdates' failed! (409: " + takenAway + ")",
	`{"ok":false,"error_code":409,"description":"` + takenAway + `"}`, `{"level":"error","msg":"` + takenAway + `"}`, "telegram.error.InvalidToken: Unauthorized", "panic: Unauthorized",
	"Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first", "Exception ignored in: <function X.__del__>\n", "\x1b[31m", "\r", "\x00",
	"During handling of the above exception, another exception occurred:\n\n", "Unhandled exception in bot:", "2027/02/11 10:00:03 ", "ERROR ", "CRITICAL - ", "error: [polling_error] ",
}

// chat plays a bot that polls well and logs what its users write, under a clock of its own.
type chat struct {
	t        *testing.T
	cfg      policy.Config
	s        policy.State
	now      time.Time
	scanner  *logscan.Scanner
	quiet    time.Duration // since data last moved on its connection
	restarts []time.Time
}

func newChat(t *testing.T, cfg policy.Config) *chat {
	t.Helper()
	cfg, err := cfg.Validate()
	if err != nil {
		t.Fatal(err)
	}
	c := &chat{t: t, cfg: cfg, now: time.Date(2027, 2, 11, 10, 0, 0, 0, time.UTC)}
	c.on(policy.Began{})
	return c
}

// on decides about ev and carries out what follows, in a world where every look finds a bot that polls.
func (c *chat) on(ev policy.Event) {
	next, acts := policy.Decide(c.cfg, c.s, ev, c.now)
	c.s = next
	for _, a := range acts {
		switch a := a.(type) {
		case policy.TakeLocks:
			c.on(policy.LockTaken{})
		case policy.Sweep:
			c.on(policy.Swept{For: a.For})
		case policy.Check:
			c.on(policy.Checked{Verdict: policy.CheckPassed})
		case policy.StartChild:
			c.scanner = &logscan.Scanner{}
			c.on(policy.ChildStarted{Run: a.Run, PID: 7})
		case policy.ProbeSockets:
			c.on(policy.SocketsProbed{Run: a.Run, Readable: true, Open: 1, Quiet: c.quiet})
		case policy.EndChild:
			c.restarts = append(c.restarts, c.now)
			c.scanner.Close(c.now, c.emit(c.s.Run))
			c.on(policy.ChildExited{Run: c.s.Run, Exit: policy.Exit{Code: -1, Signal: 15}})
		}
	}
}

func (c *chat) emit(run uint32) func(logscan.Evidence) {
	return func(e logscan.Evidence) {
		c.on(policy.SignSeen{Run: run, Kind: kindOf(e.Kind), Logger: e.Logger})
	}
}

// print passes output of the child to the scanner.
func (c *chat) print(from logscan.Stream, line string) {
	if c.s.Phase == policy.Running {
		c.scanner.Write(from, []byte(line+"\n"), c.now, c.emit(c.s.Run))
	}
}

// pass moves the clock, and reports each deadline at its time.
func (c *chat) pass(d time.Duration) {
	for end := c.now.Add(d); ; {
		at := c.s.Deadline()
		if at.IsZero() || at.After(end) {
			c.now = end
			return
		}
		if at.After(c.now) {
			c.now = at
		}
		c.on(policy.TimePassed{})
	}
}

// pauses between two messages, about the limits of the policy.
var pauses = []time.Duration{
	0, 100 * time.Millisecond, 600 * time.Millisecond, time.Second, 5 * time.Second, 19 * time.Second, 29 * time.Second, 59 * time.Second,
	61 * time.Second, 2 * time.Minute, 5 * time.Minute, 9*time.Minute + 59*time.Second, 10 * time.Minute, 11 * time.Minute, 3 * time.Second, 2 * time.Second,
}

// compose puts a message together: each pick is what pasted holds there, or a place in own.
func compose(own string, picks []byte) string {
	var b strings.Builder
	for _, p := range picks[:min(len(picks), 12)] {
		if int(p) < len(pasted) {
			b.WriteString(pasted[p])
		} else {
			b.WriteString(own)
		}
	}
	if len(picks) == 0 {
		return own
	}
	return b.String()
}

// FuzzChatRestarts: what users write, logged by a bot that polls, restarts it never when it is one line behind words
// of the bot's own or in JSON; and when it is several lines, or printed bare, at most once in ten minutes. It
// never ends botctl.
func FuzzChatRestarts(f *testing.F) {
	for i := range pasted {
		f.Add("hi", []byte{byte(i)}, []byte("4444444444"), uint16(i))
		f.Add("  File \"x\"", []byte{4, byte(i), 0, byte(i)}, []byte{3, 3, 3, 3, 3, 8, 3, 3, 3, 3}, uint16(i<<4))
		f.Add("é", []byte{byte(i), 255}, []byte{7, 23, 39, 55, 7, 7, 7, 12, 12, 12}, uint16(i<<8))
	}
	f.Fuzz(func(t *testing.T, own string, picks, times []byte, bits uint16) {
		cfg := policy.Config{OnConflict: policy.OnConflict(bits & 3 % 3), Preflight: bits&4 != 0, Seed: uint64(bits)}
		text := compose(own, picks)
		half := len(picks) / 2
		lines := []string{text, compose(own, picks[:half]), compose(own, picks[half:])} // one may go on what another began
		for i := range lines {
			lines[i] = strings.ReplaceAll(lines[i], "\n", " ")
		}
		if len(text) > 4096 || len(times) > 200 { // Telegram's limit
			return
		}
		well := time.Duration(bits>>15) * 2 * time.Minute
		c := newChat(t, cfg)
		c.pass(well)
		c.quiet = time.Duration(bits>>3&63%50) * time.Second // a poll lasts 50 s at most
		for i, b := range times {
			c.print(logscan.Stream(b>>7), logged[(i+int(b>>4))%len(logged)](lines[i%3]))
			c.pass(pauses[b&15])
		}
		for _, shape := range logged {
			for _, i := range []int{0, 1, 0, 2, 0} { // the third sign within a minute may confirm
				c.print(logscan.Stdout, shape(lines[i]))
				c.pass(2 * time.Second)
			}
		}
		if len(c.restarts) > 0 || c.s.Phase != policy.Running {
			t.Fatalf("one line restarts the bot: %v, %d restarts of cause %v\n%q", c.s.Phase, len(c.restarts), c.s.Last, lines)
		}

		c = newChat(t, cfg)
		c.pass(well)
		shapes := append(logged[:len(logged):len(logged)], bareShapes...)
		for i, b := range times {
			c.print(logscan.Stream(b>>7), shapes[(i+int(b>>4))%len(shapes)](text))
			c.pass(pauses[b&15])
		}
		c.pass(time.Hour)
		c.fewRestarts(text)
	})
}

// fewRestarts checks that no two restarts are within ten minutes, and that the run goes on.
func (c *chat) fewRestarts(text string) {
	c.t.Helper()
	for i := 1; i < len(c.restarts); i++ {
		if gap := c.restarts[i].Sub(c.restarts[i-1]); gap < 10*time.Minute {
			c.t.Fatalf("restarts %v apart, cause %v\n%q", gap, c.s.Last, text)
		}
	}
	if c.s.Phase != policy.Running {
		c.t.Fatalf("ended in %v with %d, %q\n%q", c.s.Phase, c.s.ExitCode, c.s.Why, text)
	}
}

// TestAPastedTracebackRestartsOnceInTenMinutes shows that the world of FuzzChatRestarts can restart a bot.
func TestAPastedTracebackRestartsOnceInTenMinutes(t *testing.T) {
	for _, last := range []string{"telegram.error." + takenAway, "RuntimeError: Event loop is closed"} {
		text := "help!\n" + pasted[4] + last
		c := newChat(t, policy.Config{OnConflict: policy.Restart})
		c.pass(2 * time.Minute)
		for range 25 * 30 {
			c.print(logscan.Stdout, logged[1](text))
			c.pass(2 * time.Second)
		}
		if len(c.restarts) != 3 {
			t.Errorf("%q: %d restarts in 25 minutes, want 3: %v", last, len(c.restarts), fmt.Sprint(c.restarts))
		}
		c.fewRestarts(text)
	}
}
