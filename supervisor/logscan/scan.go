// Package logscan reads what a bot prints and says what it is evidence of: a 409 conflict, an active
// webhook, a broken event loop, a refused token. It is pure: the time comes with the bytes.
//
// A line counts only in the shapes in which frameworks print it: behind their logger at level
// warning or above, as the last line of a traceback, as an error report that ends in Telegram's own
// sentence. What users write reaches a log too, so a line at level info, one that quotes a
// message, and an "Exception ignored in" block are no evidence. Text is never proof: policy
// decides what a sign is worth, and Evidence.Logger says which ones may be counted.
package logscan

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is what a line is evidence of.
type Kind uint8

// The kinds.
const (
	None Kind = iota
	Conflict
	WebhookActive
	EventLoop
	Unauthorized
	numKinds
)

func (k Kind) String() string {
	return [numKinds]string{"none", "conflict", "webhook_active", "event_loop", "unauthorized"}[k]
}

// Stream is where bytes were read from.
type Stream uint8

// The streams.
const (
	Stdout Stream = iota
	Stderr
	numStreams
)

// Evidence is one event in the output.
type Evidence struct {
	Kind   Kind
	At     time.Time
	Logger bool   // a framework's own logger, or the last line of a traceback
	Line   string // what was printed, at most 300 bytes of valid UTF-8
}

const (
	maxLine  = 8 << 10 // bytes of a line that are looked at; the rest is passed over (P32)
	maxShown = 300
	oneEvent = 500 * time.Millisecond // lines of one kind within it are one event
)

// Scanner reads the output of one child. The zero value is ready. It is for one goroutine at a time; its
// memory is bounded by two lines of 8 KiB.
type Scanner struct {
	streams [numStreams]lines
	last    [numKinds]time.Time
}

// lines is one stream's unfinished line and what the lines before it were.
type lines struct {
	part    []byte // of the unfinished line
	skip    bool   // it is longer than maxLine
	ignored bool   // inside an "Exception ignored in" block
	trace   bool   // the line before belongs to a traceback
	quoted  bool   // the record before is a message at level info: its further lines are a user's
}

// Write reads p, however the output was cut, and reports what it finds.
func (s *Scanner) Write(from Stream, p []byte, at time.Time, emit func(Evidence)) {
	l := &s.streams[from]
	// Most output has nothing to do with us. One look at the whole piece tells, unless a line or
	// block from before goes on.
	if end := bytes.LastIndexByte(p, '\n') + 1; end > 0 && !l.ignored && len(l.part) == 0 && !l.skip && !suspicious(p[:end]) {
		l.pass(p[:end])
		p = p[end:]
	}
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.add(p)
			return
		}
		if len(l.part) == 0 && !l.skip {
			s.line(l, p[:min(i, maxLine)], at, emit)
		} else {
			l.add(p[:i])
			s.line(l, l.part, at, emit)
			l.part, l.skip = l.part[:0], false
		}
		p = p[i+1:]
	}
}

// Close reads the last line, which may lack its end.
func (s *Scanner) Close(at time.Time, emit func(Evidence)) {
	for i := range s.streams {
		l := &s.streams[i]
		if len(l.part) > 0 {
			s.line(l, l.part, at, emit)
		}
		*l = lines{}
	}
}

func (l *lines) add(p []byte) {
	room := maxLine - len(l.part)
	if len(p) > room {
		p, l.skip = p[:max(room, 0)], true
	}
	l.part = append(l.part, p...)
}

// line judges one line in the light of those before it.
func (s *Scanner) line(l *lines, raw []byte, at time.Time, emit func(Evidence)) {
	plain := strip(string(raw))
	text := unprefix(plain)
	if text == "" {
		return
	}
	defer l.follow(plain, text)
	if l.ignored && !startsRecord(plain, text) {
		return // the harmless noise of an interpreter that shuts down
	}
	f := judge(plain, text, l)
	if f.kind == None {
		return
	}
	if last := s.last[f.kind]; !last.IsZero() && at.Sub(last) < oneEvent {
		s.last[f.kind] = at
		return
	}
	s.last[f.kind] = at
	emit(Evidence{Kind: f.kind, At: at, Logger: f.logger, Line: shown(text)})
}

// follow remembers what the next line may belong to.
func (l *lines) follow(plain, text string) {
	indented := plain != "" && (plain[0] == ' ' || plain[0] == '\t')
	switch {
	case strings.Contains(text, "Exception ignored in"):
		l.ignored, l.trace, l.quoted = true, false, false
	case l.ignored && exceptionLine.MatchString(text) && !indented:
		l.ignored = false // the block's last line
	case l.ignored && startsRecord(plain, text):
		l.ignored = false
	}
	l.trace = strings.HasPrefix(text, "Traceback (most recent call last)") || indented || chained(text)
	if record.MatchString(plain) {
		l.quoted = lowLevel.MatchString(head(plain))
	}
}

// pass remembers of lines that hold nothing of interest what follow would have: whether the last
// one is a frame of a traceback, and the level of the last record.
func (l *lines) pass(p []byte) {
	for last := true; len(p) > 0; last = false {
		p = p[:len(p)-1]
		begin := bytes.LastIndexByte(p, '\n') + 1
		plain := strip(string(p[begin:][:min(len(p)-begin, maxLine)]))
		p = p[:begin]
		text := unprefix(plain)
		if last && text != "" {
			l.follow(plain, text)
		}
		if text != "" && record.MatchString(plain) {
			l.quoted = lowLevel.MatchString(head(plain))
			return
		}
	}
}

// needles are what the interesting lines have in common, cheap to look for in a whole piece.
var needles = [][]byte{
	[]byte("onflict"), []byte("409"), []byte("401"), []byte("vent loop"), []byte("nauthorized"), []byte("webhook is active"),
	[]byte("erminated"), []byte("nvalid token"), []byte("nvalidToken"), []byte("ignored in"), []byte("Traceback"), []byte("uth"),
	[]byte("event_loop"), []byte("different loop"), []byte("wakeup_fd"), []byte("AUTH_KEY"), []byte("context manager"), []byte("cantgetupdates"),
	[]byte("rejected by the server"), []byte("oken is invalid"), []byte("exception in another thread"),
}

func suspicious(p []byte) bool {
	for _, n := range needles {
		if bytes.Contains(p, n) {
			return true
		}
	}
	return false
}

func shown(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
