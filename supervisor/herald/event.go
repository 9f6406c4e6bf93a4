package herald

import (
	"fmt"
	"time"
)

// Kind is what an Event is one of.
type Kind string

// The kinds. Started is never told: it is how the end of a restart loop is known.
const (
	Conflict     Kind = "conflict"      // it lasts
	ConflictOver Kind = "conflict_over" // its end
	Crash        Kind = "crash"
	Started      Kind = "started"
	LoopBegan    Kind = "restart_loop" // made of crashes
	LoopOver     Kind = "restart_loop_over"
	Handover     Kind = "hand_over"
	GaveUp       Kind = "gave_up"
	Trouble      Kind = "trouble" // whatever else a person must see to
)

// Event is something that the owner should know.
type Event struct {
	Kind  Kind
	At    time.Time // zero: now
	Text  string    // one sentence
	Lines []string  // the bot's last lines
}

// ConflictLasts says that another poller takes the updates, and that a restart does not help.
func ConflictLasts(since time.Time) Event {
	return Event{Kind: Conflict, Text: fmt.Sprintf("another machine has polled this bot since %s, and a restart does not help: "+
		"stop the other one (an earlier deploy, another server, a laptop), or stop this one if the other is the new deploy", clock(since))}
}

// ConflictEnded says that it is over.
func ConflictEnded() Event {
	return Event{Kind: ConflictOver, Text: "the conflict is over: no sign of another poller"}
}

// Crashed says that the bot ended although nobody asked for it. reason is how, such as "code 1"; next is how long its
// next start is away, 0 for at once.
func Crashed(reason string, uptime, next time.Duration, lines []string) Event {
	text := fmt.Sprintf("the bot ended after %s (%s) and is started again", short(uptime), reason)
	if next > 0 {
		text += " in " + short(next)
	}
	return Event{Kind: Crash, Text: text, Lines: lines}
}

// StartedAgain says that the bot runs, which ends a restart loop if it goes on doing so.
func StartedAgain() Event { return Event{Kind: Started} }

// HandedOver says that updates go to another one from now on: the next deploy, or a fresh bot.
func HandedOver(to string) Event {
	return Event{Kind: Handover, Text: "updates go to " + to + " from now on"}
}

// GivenUp says that botctl ends, and that the bot is not started again.
func GivenUp(why string, code int, lines []string) Event {
	return Event{Kind: GaveUp, Text: fmt.Sprintf("botctl has given up and ends with %d: %s. The bot is not running", code, why), Lines: lines}
}

// InTrouble is for whatever else a person must see to.
func InTrouble(text string) Event { return Event{Kind: Trouble, Text: text} }

func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }

// short drops the digits nobody reads.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}
