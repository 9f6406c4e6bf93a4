package digest

import (
	"testing"
	"time"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestDecide(t *testing.T) {
	nine := Plan{At: 9 * 60, Since: at("2026-11-20 10:00")}
	settled := func(p Plan, d Day) Plan { p.Settled = d; return p }
	for _, tc := range []struct {
		name   string
		now    string
		plan   Plan
		what   What
		day    Day
		missed int
		next   string
	}{
		{"before the hour of the first day", "2026-11-21 08:59", nine, Wait, "2026-11-20", 0, "2026-11-21 09:00"},
		{"at the hour", "2026-11-21 09:00", nine, Send, "2026-11-21", 0, "2026-11-22 09:00"},
		{"sent already", "2026-11-21 09:01", settled(nine, "2026-11-21"), Wait, "2026-11-21", 0, "2026-11-22 09:00"},
		{"back at 09:20", "2026-11-21 09:20", settled(nine, "2026-11-20"), Send, "2026-11-21", 0, "2026-11-22 09:00"},
		{"back just in time", "2026-11-21 20:59", settled(nine, "2026-11-20"), Send, "2026-11-21", 0, "2026-11-22 09:00"},
		{"back after twelve hours", "2026-11-21 21:00", settled(nine, "2026-11-20"), Skip, "2026-11-21", 0, "2026-11-22 09:00"},
		{"back in the night after", "2026-11-22 08:00", settled(nine, "2026-11-20"), Skip, "2026-11-21", 0, "2026-11-22 09:00"},
		{"back after three days", "2026-11-25 09:20", settled(nine, "2026-11-21"), Send, "2026-11-25", 3, "2026-11-26 09:00"},
		{"never ran since it was ordered", "2026-11-23 09:20", nine, Send, "2026-11-23", 2, "2026-11-24 09:00"},
		{"ordered after the hour", "2026-11-20 10:01", nine, Wait, "2026-11-19", 0, "2026-11-20 10:00"},
		{"the clock is set back over midnight", "2026-11-20 23:00", settled(nine, "2026-11-21"), Wait, "2026-11-19", 0, "2026-11-20 10:00"},
		{"the clock is set back within the day", "2026-11-21 08:30", settled(nine, "2026-11-21"), Wait, "2026-11-20", 0, "2026-11-21 09:00"},
		{"the clock was years ahead", "2026-11-21 09:30", settled(nine, "2030-01-01"), Mend, "2026-11-21", 0, "2026-11-22 09:00"},
		{"the clock leaps a day ahead", "2026-11-22 09:00", settled(nine, "2026-11-21"), Send, "2026-11-22", 0, "2026-11-23 09:00"},
		{"midnight", "2026-11-21 00:00", Plan{At: 0, Since: at("2026-11-20 10:00")}, Send, "2026-11-21", 0, "2026-11-22 00:00"},
		{"owed", "2026-11-20 10:00", Plan{At: 7 * 60, Since: at("2026-11-20 10:00"), Owed: true, Settled: "2026-11-19"}, Send, "2026-11-20", 0, "2026-11-21 07:00"},
	} {
		d := Decide(at(tc.now), tc.plan)
		if d.What != tc.what || d.What != Wait && d.Day != tc.day || d.What != Wait && d.Missed != tc.missed {
			t.Errorf("%s: %+v", tc.name, d)
		}
		if !d.Next.After(at(tc.now)) && d.What == Wait && tc.next > tc.now || d.Next != at(tc.next) {
			t.Errorf("%s: next %v, want %v", tc.name, d.Next, tc.next)
		}
	}
}

// Whatever the clock does, whenever the bot runs: no day twice, and a bot that runs all day misses none.
func TestNoDayTwice(t *testing.T) {
	start := at("2026-11-20 10:00")
	for _, jump := range []time.Duration{-48 * time.Hour, -25 * time.Hour, -time.Hour, -time.Minute, time.Minute, time.Hour, 13 * time.Hour, 100 * time.Hour} {
		p := Plan{At: 9 * 60, Since: start}
		sent := map[Day]int{}
		now := start
		for minute := range 10 * 24 * 60 {
			now = now.Add(time.Minute)
			if minute == 4*24*60 {
				now = now.Add(jump)
			}
			switch d := Decide(now, p); d.What {
			case Send:
				sent[d.Day]++
				p.Settled = d.Day
			case Skip, Mend:
				p.Settled = d.Day
			}
		}
		for day, n := range sent {
			if n != 1 {
				t.Errorf("jump of %v: %s was sent %d times", jump, day, n)
			}
		}
		want := 9 // ten days without the first one's hour
		if jump <= -25*time.Hour {
			want = 7 // days are lived twice, but nothing is sent twice
		}
		if len(sent) < want {
			t.Errorf("jump of %v: %d days sent, want %d", jump, len(sent), want)
		}
	}
}

func TestReschedule(t *testing.T) {
	p := Plan{At: 9 * 60, Since: at("2026-11-10 10:00"), Settled: "2026-11-19"}
	now := at("2026-11-20 08:00")
	for _, tc := range []struct {
		name string
		plan Plan
		to   Minute
		what What
		next string
	}{
		{"to a later hour", p, 12 * 60, Wait, "2026-11-20 12:00"},
		{"to an hour that is over: today's comes now", p, 7 * 60, Send, "2026-11-20 08:00"},
		{"after today's: no second one", Plan{At: 7 * 60, Since: p.Since, Settled: "2026-11-20"}, 12 * 60, Wait, "2026-11-21 12:00"},
		{"long after the hour", Plan{At: 22 * 60, Since: p.Since, Settled: "2026-11-19"}, 0, Send, "2026-11-20 08:00"},
	} {
		q := tc.plan.Reschedule(now, tc.to)
		if d := Decide(now, q); d.What != tc.what || d.What == Send && d.Late(now) != 0 {
			t.Errorf("%s: %+v", tc.name, d)
		}
		if next := q.Next(now); next != at(tc.next) {
			t.Errorf("%s: next %v", tc.name, next)
		}
	}
}

func TestParseMinute(t *testing.T) {
	for text, want := range map[string]Minute{"09:00": 540, "0:00": 0, "23:59": 1439, "00:05": 5, " 7:30 ": 450} {
		if got, err := ParseMinute(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "24:00", "9", "09:60", "9am", "-1:00", "09:00:00", "٠٩:٠٠"} {
		if got, err := ParseMinute(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	if got := Minute(545).String(); got != "09:05" {
		t.Error(got)
	}
}
