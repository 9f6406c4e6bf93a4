package herald

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/token"
)

var midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return midnight.Add(time.Duration(seconds * float64(time.Second)))
}

// script is what happens at which second; said is what is told, with when.
func play(c *core, until float64, script map[float64]Event) (said []string) {
	for tick := 0; tick <= int(until*10); tick++ {
		now := at(float64(tick) / 10)
		if ev, ok := script[float64(tick)/10]; ok {
			ev.At = now
			c.observe(ev)
		}
		if m, ok := c.due(now); ok {
			said = append(said, fmt.Sprintf("%v: %s", now.Sub(midnight), strings.ReplaceAll(strings.TrimPrefix(m.Text, "botctl:\n"), "\n", " / ")))
		}
	}
	return said
}

func crash(lines ...string) Event { return Crashed("code 1", 3*time.Second, 0, lines) }

func TestWhatIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		script map[float64]Event
		until  float64
		want   []string
	}{
		"one crash, three seconds later, with its lines": {
			map[float64]Event{1: crash("Traceback", "boom")}, 300,
			[]string{"4s: the bot ended after 3s (code 1) and is started again / > Traceback / > boom"},
		},
		"what happens together is one message": {
			map[float64]Event{1: crash(), 2: HandedOver("the fresh bot"), 2.5: ConflictLasts(at(0))}, 60,
			[]string{"4s: 00:00:01Z the bot ended after 3s (code 1) and is started again / 00:00:02Z updates go to the fresh bot from now on / 00:00:02Z another machine has polled this bot since 00:00:00Z, and a restart does not help: stop the other one (an earlier deploy, another server, a laptop), or stop this one if the other is the new deploy"},
		},
		"a minute lies between two messages": {
			map[float64]Event{1: ConflictLasts(at(0)), 10: ConflictEnded()}, 120,
			[]string{"4s: another machine", "1m4s: 00:00:10Z the conflict is over"},
		},
		"a restart loop begins and is over": {
			map[float64]Event{1: crash(), 1.5: StartedAgain(), 10: crash(), 10.5: StartedAgain(), 20: crash("last words"), 20.5: StartedAgain(), 30: crash(), 30.5: StartedAgain(), 50: crash(), 50.5: StartedAgain()}, 300,
			[]string{
				"4s: the bot ended",
				"1m4s: 00:00:20Z a restart loop has begun: 3 crashes since 00:00:01Z. The latest: the bot ended after 3s (code 1) and is started again / > last words",
				"2m4s: 00:01:50Z the restart loop is over: the bot has run for 1m0s, after 5 crashes since 00:00:01Z",
			},
		},
		"crashes that lie apart are no loop": {
			map[float64]Event{1: crash(), 2: StartedAgain(), 70: crash(), 71: StartedAgain(), 140: crash(), 141: StartedAgain()}, 300,
			[]string{"4s: the bot ended", "1m13s: the bot ended", "2m23s: the bot ended"},
		},
		"the same thing twice is said once": {
			map[float64]Event{1: InTrouble("x"), 2: InTrouble("x")}, 30, []string{"4s: x / (one more was left out)"},
		},
	} {
		c := newCore(Options{}.withDefaults())
		got := play(&c, tc.until, tc.script)
		ok := len(got) == len(tc.want)
		for i := range tc.want {
			ok = ok && strings.HasPrefix(got[i], tc.want[i])
		}
		if !ok {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
}

func TestTwentyMessagesAnHourAndTheRestIsCounted(t *testing.T) {
	c := newCore(Options{}.withDefaults())
	var sent []time.Time
	told, left := 0, 0
	for s := range 3 * 3600 {
		now := at(float64(s))
		ev := InTrouble(fmt.Sprintf("number %d", s))
		ev.At = now
		c.observe(ev)
		if m, ok := c.due(now); ok {
			sent = append(sent, now)
			told, left = told+len(m.Events), left+m.LeftOut
			if len(m.Events) > maxPending {
				t.Fatalf("%d events in a message", len(m.Events))
			}
		}
	}
	for i, from := range sent {
		n := 0
		for _, to := range sent[i:] {
			if to.Sub(from) < time.Hour {
				n++
			}
		}
		if n > 20 {
			t.Fatalf("%d messages within an hour from %v", n, from)
		}
		if i > 0 && from.Sub(sent[i-1]) < time.Minute {
			t.Fatalf("%v between two", from.Sub(sent[i-1]))
		}
	}
	if len(sent) < 59 || told+left+len(c.pending)+c.left != 3*3600 {
		t.Errorf("%d messages: %d told, %d left out, %d and %d to come, of %d", len(sent), told, left, len(c.pending), c.left, 3*3600)
	}
}

func TestAFullMessageKeepsWhatMatters(t *testing.T) {
	c := newCore(Options{}.withDefaults())
	c.observe(Event{Kind: Conflict, At: at(0), Text: "conflict"})
	for i := range 2 {
		c.observe(Event{Kind: Crash, At: at(1 + float64(i)*200), Text: fmt.Sprint("crash ", i)})
	}
	for i := range 10 {
		c.observe(Event{Kind: Trouble, At: at(500), Text: fmt.Sprint("trouble ", i)})
	}
	c.observe(Event{Kind: GaveUp, At: at(501), Text: "gave up"})
	m, ok := c.rest(at(502))
	if !ok || len(m.Events) != maxPending || m.Events[maxPending-1].Kind != GaveUp || slices.ContainsFunc(m.Events, func(t Told) bool { return t.Kind == Crash }) || m.LeftOut != 6 {
		t.Errorf("%+v", m)
	}
}

func TestAMessageNamesTheBotAndShowsNoToken(t *testing.T) {
	const secret = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE"
	o := Options{BotID: "7", Name: func() string { return "@x_bot" }, Host: "web-1", Masker: token.NewMasker("7:abc")}.withDefaults()
	lines := []string{"first, which is too old"}
	for i := range maxLines - 2 {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	lines = append(lines, "token "+secret+"\x1b[31m\n7:abc", strings.Repeat("🤖", 500))
	m := o.message([]Event{{Kind: Crash, At: at(0), Text: "ended: " + secret, Lines: lines}}, 3, at(1))
	if !strings.HasPrefix(m.Text, "botctl, bot @x_bot, on web-1:\nended: 110201543:***\n> line 0\n") || !strings.HasSuffix(m.Text, "…\n(3 more were left out)") {
		t.Errorf("%q", m.Text)
	}
	if text := fmt.Sprintf("%+v", m); strings.Contains(text, secret[10:]) || strings.Contains(text, "7:abc") || strings.ContainsAny(text, "\x1b") {
		t.Errorf("%q", text)
	}
}

func TestValidSettings(t *testing.T) {
	for text, good := range map[string]bool{"": true, "123": true, "-1001234567890": true, "@news_1": true, "0": false, "+5": false, "@": false, "@a b": false, "x": false, "1.5": false, "t.me/x": false} {
		if (ValidChat(text) == nil) != good {
			t.Errorf("chat %q", text)
		}
	}
	for text, good := range map[string]bool{"": true, "https://example.org/hook?x=1": true, "http://127.0.0.1:80": true, "ftp://x": false, "example.org": false, "https://": false, ":": false} {
		if (ValidURL(text) == nil) != good {
			t.Errorf("url %q", text)
		}
	}
}

// FuzzMessage: the bot's output may be anything.
func FuzzMessage(f *testing.F) {
	f.Add("ended", "line\x1b[2J", 3, "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE")
	f.Add(strings.Repeat("🤖", 3000), "\xff\xfe", 0, "")
	f.Fuzz(func(t *testing.T, text, line string, left int, name string) {
		o := Options{Name: func() string { return name }, Masker: token.NewMasker("7:abcdefgh")}.withDefaults()
		events := []Event{{Kind: Crash, Text: text, Lines: []string{line, line}}, {Kind: GaveUp, Text: text, Lines: slices.Repeat([]string{line}, 30)}}
		for range 6 {
			events = append(events, Event{Kind: Trouble, Text: text + line})
		}
		m := o.message(events, left, midnight)
		units := 0
		for _, c := range m.Text {
			if units++; c > 0xffff {
				units++
			}
			if c == '\r' || c == '\x1b' {
				t.Fatalf("%q", m.Text)
			}
		}
		if units > maxText+1 || token.NewMasker("7:abcdefgh").String(m.Text) != m.Text {
			t.Fatalf("%d units: %q", units, m.Text)
		}
	})
}
