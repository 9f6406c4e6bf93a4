package logscan

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"

	"botctl/supervisor/mutant"
)

// Kind is what a line is a sign of.
type Kind uint8

const (
	none          Kind = iota
	Conflict           // 409: another getUpdates took the poll
	WebhookActive      // 409: a webhook is set, or was set while polling
	EventLoop          // the event loop is closed, missing or another one, or polling ended by an exception
	Unauthorized       // 401, 404 for a malformed token, or a session key that is void
	kinds              // number of the above
)

// String is the name of the kind in logs and in corpora.
func (k Kind) String() string {
	switch k {
	case Conflict:
		return "conflict"
	case WebhookActive:
		return "webhook_active"
	case EventLoop:
		return "event_loop"
	case Unauthorized:
		return "unauthorized"
	}
	return "none"
}

// Stream is where a chunk was read from.
type Stream uint8

const (
	Stdout Stream = iota
	Stderr
)

// Evidence is one event in the output of a bot.
type Evidence struct {
	Kind      Kind
	At        time.Time // of the chunk with the end of the deciding line
	Framework string    // whose line it is; empty for an application's own sentence
	Logger    bool      // the framework's own logger printed it, or it ends an uncaught traceback
	Line      string    // the deciding line without colours, at most 300 bytes, valid UTF-8; secrets are not masked here
}

const (
	maxLine   = 8 << 10  // bytes of a line that are looked at
	maxObject = 64 << 10 // the same for a line that begins with {, whose level may stand at the end
	maxShown  = 300
	maxPrev   = 512

	together  = 500 * time.Millisecond // lines of one kind this close are one event
	eventLast = 10 * time.Second       // after it a stream of lines begins a new event
)

// Scanner turns the output of one child into evidence. The zero value is ready; one
// goroutine at a time may use it.
type Scanner struct {
	streams  [2]stream
	events   [kinds]event
	clean    []byte // scratch: the line without colours
	low      []byte // scratch: the same in lower case
	prev     []byte // scratch: the line before
	prevLow  []byte
	field    []byte // scratch: a decoded field of JSON
	fieldLow []byte
}

// event is the latest one of its kind.
type event struct{ first, last time.Time }

// stream is one of the two pipes.
type stream struct {
	buf   []byte // beginning of the unfinished line
	over  bool   // that line is longer than is looked at, and was judged
	prev  []byte // beginning of the last line that was not blank
	keep  []byte // memory for prev between two calls
	block block
	told  [kinds]bool // reported in this block
	owed  finding     // its line breaks off before what Telegram answered, which the next line may tell
	line  string      // of owed
	since time.Time   // of owed
}

// Write takes the next bytes of a stream, split anywhere, and calls emit once for
// each event that begins in them. It keeps nothing of p. How the output is split into chunks
// changes nothing but At.
func (sc *Scanner) Write(from Stream, p []byte, at time.Time, emit func(Evidence)) {
	if mutant.Is(mutant.TrustText) && bytes.Contains(p, []byte("Event loop is closed")) {
		emit(Evidence{Kind: EventLoop, Logger: true, At: at})
	}
	s := &sc.streams[from&1]
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		switch {
		case s.over || len(s.buf) > 0 || i < 0:
			p = sc.unfinished(s, p, i, at, emit)
		default:
			last := bytes.LastIndexByte(p, '\n') + 1
			sc.lines(s, p[:last], at, emit)
			p = p[last:]
		}
	}
	s.remember()
}

// Close judges lines that have no end yet and forgets the blocks. The events stay known, so
// that a Scanner can go on.
func (sc *Scanner) Close(at time.Time, emit func(Evidence)) {
	for i := range sc.streams {
		s := &sc.streams[i]
		if len(s.buf) > 0 && !s.over {
			sc.line(s, s.buf, at, emit)
		}
		sc.settle(s, finding{}, emit)
		s.buf, s.over, s.prev, s.block = s.buf[:0], false, nil, outside
		s.told = [kinds]bool{}
	}
}

// unfinished goes on with the line in s.buf, or begins one; nl is the place of its end in p, or -1.
func (sc *Scanner) unfinished(s *stream, p []byte, nl int, at time.Time, emit func(Evidence)) []byte {
	line, rest := p, p[len(p):]
	if nl >= 0 {
		line, rest = p[:nl], p[nl+1:]
	}
	if !s.over {
		limit := maxLine
		if len(s.buf) > 0 && s.buf[0] == '{' || len(s.buf) == 0 && len(line) > 0 && line[0] == '{' {
			limit = maxObject
		}
		s.buf = append(s.buf, line[:min(len(line), limit-len(s.buf))]...)
		if s.over = len(s.buf) == limit; s.over || nl >= 0 {
			sc.line(s, s.buf, at, emit)
			s.remember()
		}
	}
	if nl >= 0 {
		s.buf, s.over = s.buf[:0], false
	}
	return rest
}

// lines judges whole lines. Those without a needle are passed over unseen, unless they may
// belong to a block or have bytes in them that could split a needle.
func (sc *Scanner) lines(s *stream, p []byte, at time.Time, emit func(Evidence)) {
	plain := !dirty(p)
	for len(p) > 0 {
		start := 0
		if plain && s.block == outside {
			hit := needleIn(p)
			if hit < 0 {
				s.setPrev(lastLine(p))
				return
			}
			start = bytes.LastIndexByte(p[:hit], '\n') + 1
			s.setPrev(lastLine(p[:start]))
		}
		end := start + bytes.IndexByte(p[start:], '\n')
		sc.line(s, p[start:end], at, emit)
		p = p[end+1:]
	}
}

// line judges one line, without its end.
func (sc *Scanner) line(s *stream, raw []byte, at time.Time, emit func(Evidence)) {
	limit := maxLine
	if len(raw) > 0 && raw[0] == '{' {
		limit = maxObject
	}
	raw = bytes.TrimSuffix(raw[:min(len(raw), limit)], []byte("\r"))
	line := raw
	if dirty(raw) {
		sc.clean = appendClean(sc.clean[:0], raw)
		line = sc.clean
	}
	if hit := needleIn(line) >= 0; hit || s.block != outside {
		sc.low = appendLower(sc.low[:0], line)
		text := view(line, sc.low)
		var f finding
		if s.follow(text) && hit {
			f = sc.judge(s, text)
		}
		f.logger = sc.settle(s, f, emit) || f.logger
		switch {
		case f.kind == none:
		case f.breaksOff:
			s.owed, s.line, s.since, s.block = f, shown(line), at, reported
		default:
			if sc.isNew(s, f.kind, at) {
				emit(f.evidence(shown(line), at))
			}
		}
	}
	s.setPrev(raw)
}

// settle reports what is owed, unless the next line f tells more; then it says whether f goes on
// what a framework's own logger began.
func (sc *Scanner) settle(s *stream, f finding, emit func(Evidence)) (logger bool) {
	owed := s.owed
	if s.owed = (finding{}); owed.kind == none {
		return false
	}
	if f.kind == Conflict || f.kind == WebhookActive {
		return owed.logger
	}
	if sc.isNew(s, owed.kind, s.since) {
		emit(owed.evidence(s.line, s.since))
	}
	return false
}

// isNew notes a sign of kind, and says whether it begins an event.
func (sc *Scanner) isNew(s *stream, kind Kind, at time.Time) bool {
	e := &sc.events[kind]
	known := s.told[kind] || !e.first.IsZero() && at.Sub(e.last).Abs() <= together && at.Sub(e.first).Abs() <= eventLast
	if s.block == outside {
		s.block = reported
	}
	s.told[kind] = true
	if e.last = at; !known {
		e.first = at
	}
	return !known
}

func (f finding) evidence(line string, at time.Time) Evidence {
	return Evidence{Kind: f.kind, At: at, Framework: f.framework, Logger: f.logger, Line: line}
}

// setPrev notes the line before the next one. Blank lines do not count.
func (s *stream) setPrev(line []byte) {
	if line = line[:min(len(line), maxPrev)]; !blank(line) {
		s.prev = line
	}
}

// remember copies prev, which may lie in the caller's memory or in buf.
func (s *stream) remember() {
	if len(s.prev) > 0 && (len(s.keep) == 0 || &s.prev[0] != &s.keep[0]) {
		s.keep = append(s.keep[:0], s.prev...)
		s.prev = s.keep
	}
}

// lastLine returns the last line of p that is not blank. p ends with a line end or is empty.
func lastLine(p []byte) []byte {
	for len(p) > 0 {
		p = p[:len(p)-1]
		start := bytes.LastIndexByte(p, '\n') + 1
		if line := p[start:]; !blank(line[:min(len(line), maxPrev)]) {
			return line
		}
		p = p[:start]
	}
	return nil
}

func blank(p []byte) bool { return len(bytes.TrimSpace(p)) == 0 }

func shown(line []byte) string {
	line = bytes.TrimSpace(line)
	if len(line) > maxShown {
		line = line[:maxShown]
		for i := 1; i < utf8.UTFMax && i < len(line); i++ {
			if tail := line[len(line)-i:]; utf8.RuneStart(tail[0]) {
				if !utf8.FullRune(tail) {
					line = line[:len(line)-i]
				}
				break
			}
		}
	}
	s := strings.ToValidUTF8(string(line), "?")
	return s[:min(len(s), maxShown)]
}
