// Package digest decides when a chat's daily digest is due and writes its text. It is pure: no clock, no I/O.
package digest

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Day is a date in UTC as "2006-01-02"; "" is before every other. Days compare as texts do.
type Day string

// DayOf is the day of t in UTC.
func DayOf(t time.Time) Day { return Day(t.UTC().Format(time.DateOnly)) }

// Start is the day's first moment.
func (d Day) Start() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d)) // the zero time for ""
	return t
}

func (d Day) plus(days int) Day { return DayOf(d.Start().AddDate(0, 0, days)) }

// Minute is a time of day in minutes after midnight UTC, 0 to 1439.
type Minute int

// ParseMinute reads "09:00".
func ParseMinute(text string) (Minute, error) {
	t, err := time.Parse("15:04", strings.TrimSpace(text))
	if err != nil {
		return 0, errors.New("a time of day in UTC, HH:MM, such as 09:00")
	}
	return Minute(t.Hour()*60 + t.Minute()), nil
}

func (m Minute) String() string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

// On is the moment of m on day d.
func (m Minute) On(d Day) time.Time { return d.Start().Add(time.Duration(m) * time.Minute) }

// Limits of being late.
const (
	Punctual = 5 * time.Minute // later than this, the digest says that it is late
	TooLate  = 12 * time.Hour  // from here on it is left out, with a note
)

// Plan is what a chat has ordered.
type Plan struct {
	At      Minute
	Since   time.Time // no digest is due whose hour came before
	Owed    bool      // but for that of Since's own day, which is due at Since
	Settled Day       // the last day whose digest was sent, or left out with a note
}

// What is to be done for a chat.
type What int

const (
	Wait What = iota // until Decision.Next
	Send             // the digest of Decision.Day
	Skip             // say that the digest of Decision.Day is left out
	Mend             // set Settled back to Decision.Day: it lies in a future that was none
)

// maxAhead is how far a settled day may lie ahead of the clock and still be believed, in days: a clock that was
// set back waits until it has caught up.
const maxAhead = 7

// Decision is the answer of Decide.
type Decision struct {
	What   What
	Day    Day
	Due    time.Time // when the digest of Day was due
	Missed int       // days before Day whose digest was due and neither sent nor left out with a note
	Next   time.Time // when to ask again
}

// Late is how late the digest would be at now; 0: not worth a word.
func (d Decision) Late(now time.Time) time.Duration {
	if late := now.Sub(d.Due); late > Punctual {
		return late
	}
	return 0
}

// Decide says what p wants at now. Only the newest day that has come due is sent; a day that is settled is never
// sent again, also when the clock was set back.
func Decide(now time.Time, p Plan) Decision {
	day := DayOf(now)
	due, ordered := p.due(day)
	if !ordered || now.Before(due) {
		day = day.plus(-1)
		due, ordered = p.due(day)
	}
	next := p.At.On(day.plus(1))
	if next.Before(p.Since) {
		next = p.Since
	}
	d := Decision{Day: day, Due: due, Next: next}
	switch {
	case p.Settled > DayOf(now).plus(maxAhead):
		// The clock was far ahead once. Whether today's was sent is not known any more: it counts as sent, for
		// twice is worse than a day without.
		d.What, d.Day = Mend, DayOf(now)
	case p.Settled >= day, !ordered, now.Before(due):
		d.What = Wait
	case now.Sub(due) >= TooLate:
		d.What = Skip
	default:
		d.What = Send
	}
	d.Missed = p.missed(day)
	return d
}

// due is when the digest of day is due; false when none was ordered for that day.
func (p Plan) due(day Day) (time.Time, bool) {
	at := p.At.On(day)
	if !at.Before(p.Since) {
		return at, true
	}
	if p.Owed && DayOf(p.Since) == day {
		return p.Since, true
	}
	return at, false
}

// maxMissed bounds the count: a chat is not told of months.
const maxMissed = 30

func (p Plan) missed(day Day) (n int) {
	for d := day.plus(-1); d > p.Settled && n < maxMissed; d = d.plus(-1) {
		if _, ordered := p.due(d); !ordered {
			break
		}
		n++
	}
	return n
}

// Next is when the digest after now comes.
func (p Plan) Next(now time.Time) time.Time {
	for d := DayOf(now); ; d = d.plus(1) {
		if due, ordered := p.due(d); ordered && p.Settled < d && !due.Before(now) {
			return due
		}
	}
}

// Reschedule is p with another time of day, from now on. The digest of today is not lost by it: when its new
// hour is over and it has not been sent, it is due at once.
func (p Plan) Reschedule(now time.Time, at Minute) Plan {
	day := DayOf(now)
	_, ordered := p.due(day)
	owed := ordered && p.Settled < day && at.On(day).Before(now)
	p.At = at
	if owed {
		p.Since, p.Owed = now, true
	}
	return p
}
