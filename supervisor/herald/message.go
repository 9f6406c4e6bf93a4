package herald

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// Message is what one call tells.
type Message struct {
	SchemaVersion int       `json:"schema_version"`
	BotID         string    `json:"bot_id,omitempty"`
	BotName       string    `json:"bot_name,omitempty"`
	Host          string    `json:"host,omitempty"`
	At            time.Time `json:"at"`
	Text          string    `json:"text"` // everything, as a chat shows it
	Events        []Told    `json:"events"`
	LeftOut       int       `json:"left_out"` // events that no message tells
}

// Told is one event of a Message, masked.
type Told struct {
	Kind  Kind      `json:"kind"`
	At    time.Time `json:"at"`
	Text  string    `json:"text"`
	Lines []string  `json:"lines,omitempty"`
}

// Schema is the version of a Message's form.
const Schema = 1

// The bounds of a message. A chat takes 4096 characters; some count those outside the basic plane twice.
const (
	maxText   = 4000 // UTF-16 units
	maxLines  = 10   // of the bot's output
	maxLine   = 200  // characters of one of them
	maxSaid   = 600  // characters of an event's text
	aloneFor  = 10 * time.Second
	maxMasked = 4096 // bytes of a line that are looked at
)

// message puts events into words. Only the latest of them shows the bot's lines.
func (o Options) message(events []Event, left int, now time.Time) Message {
	m := Message{SchemaVersion: Schema, BotID: o.BotID, BotName: o.clean(o.Name(), maxLine), Host: o.clean(o.Host, maxLine), At: now.UTC(), LeftOut: left}
	for _, ev := range events {
		t := Told{Kind: ev.Kind, At: ev.At.UTC(), Text: o.clean(ev.Text, maxSaid)}
		for _, line := range ev.Lines[max(0, len(ev.Lines)-maxLines):] {
			t.Lines = append(t.Lines, o.clean(line, maxLine))
		}
		m.Events = append(m.Events, t)
	}
	m.Text = m.words(now)
	return m
}

// words is the text of a message.
func (m Message) words(now time.Time) string {
	var b strings.Builder
	b.WriteString("botctl")
	switch {
	case m.BotName != "":
		b.WriteString(", bot " + m.BotName)
	case m.BotID != "":
		b.WriteString(", bot " + m.BotID)
	}
	if m.Host != "" {
		b.WriteString(", on " + m.Host)
	}
	b.WriteString(":\n")
	shows := -1
	for i, t := range m.Events {
		if len(t.Lines) > 0 {
			shows = i
		}
	}
	for i, t := range m.Events {
		if len(m.Events) > 1 || now.Sub(t.At) > aloneFor {
			b.WriteString(clock(t.At) + " ")
		}
		b.WriteString(t.Text + "\n")
		if i == shows {
			for _, line := range t.Lines {
				b.WriteString("> " + line + "\n")
			}
		}
	}
	switch m.LeftOut {
	case 0:
	case 1:
		b.WriteString("(one more was left out)\n")
	default:
		fmt.Fprintf(&b, "(%d more were left out)\n", m.LeftOut)
	}
	return cut(strings.TrimSuffix(b.String(), "\n"))
}

// clean makes a text one line without a secret.
func (o Options) clean(s string, most int) string {
	if len(s) > maxMasked {
		s = strings.ToValidUTF8(s[:maxMasked], "")
	}
	s = o.Masker.String(strings.Join(strings.Fields(s), " "))
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return s
}

// cut bounds a text by what a chat takes.
func cut(s string) string {
	n := 0
	for i, c := range s {
		if n += utf16.RuneLen(c); n > maxText {
			return s[:i] + "…"
		}
	}
	return s
}
