package logscan

import "strings"

// level is how grave a record says it is.
type level uint8

const (
	unset   level = iota // the record has no level
	calm                 // below WARNING
	warning              // WARNING
	failure              // ERROR and above
)

// record is a line taken apart: columns in any order, then the message.
type record struct {
	level  level
	name   string // of the logger, lower case; empty when none is printed
	early  bool   // the name stands where no message can: before the level, or as in LEVEL:name:
	time   bool
	slash  bool // the time has the form of Go's package log
	cols   int
	line   string // in lower case, without space in front
	msg    text
	indent bool // the line begins with space and has no columns
}

// parser walks over the columns.
type parser struct {
	t    text
	i    int
	r    record
	soft int // where the first column stands that only counts in a record with a level, or -1
}

// parseRecord takes a line apart. What belongs to no column is the message; a level is taken
// once, so that the text of a message can never raise it.
func parseRecord(t text) record {
	in := t.trim()
	p := parser{t: in, soft: -1}
	for p.r.cols < 12 && p.column() {
		p.r.cols++
		p.separators()
	}
	p.r.indent = p.r.cols == 0 && len(in.low) < len(t.low)
	p.r.line = in.low
	if p.r.level == unset && p.soft >= 0 {
		p.i = p.soft
		if p.r.cols = 0; p.r.time {
			p.r.cols = 1
		}
	}
	p.r.msg = in.from(p.i)
	return p.r
}

func (p *parser) rest() string { return p.t.low[p.i:] }

// separators passes over what stands between columns.
func (p *parser) separators() {
	for p.i < len(p.t.low) {
		switch rest := p.rest(); {
		case strings.IndexByte(" \t|:,;", rest[0]) >= 0:
			p.i++
		case hasAny(rest, "- ", "--", "-[", "> ", "» "):
			p.i++
		case hasAny(rest, "— ", "– ", "› "):
			p.i += len("—")
		default:
			return
		}
	}
}

// column takes the next column, if there is one.
func (p *parser) column() bool {
	if !p.r.time {
		if n := cutTime(p.rest()); n > 0 && (p.i+n == len(p.t.low) || !isWord(p.t.low[p.i+n])) {
			p.r.slash = n > 8 && p.rest()[4] == '/'
			p.i += n
			p.r.time = true
			return true
		}
	}
	return p.bracket() || p.levelWord() || p.special() || p.pair() || p.logger() || p.process()
}

// softly notes a column that a user's name could be, too.
func (p *parser) softly() {
	if p.soft < 0 {
		p.soft = p.i
	}
}

// levelWord takes ERROR, "error:", "Info:"; a word in another case is part of the message.
func (p *parser) levelWord() bool {
	if p.r.level != unset {
		return false
	}
	rest := p.rest()
	n := 0
	for n < len(rest) && rest[n] >= 'a' && rest[n] <= 'z' {
		n++
	}
	l := wordLevel(rest[:n])
	if l == unset || n < len(rest) && isWord(rest[n]) {
		return false
	}
	raw := p.t.raw[p.i : p.i+n]
	if raw != strings.ToUpper(raw) {
		if n == len(rest) || rest[n] != ':' || hasAny(raw, "Error", "Fatal", "Panic") {
			return false
		}
	}
	p.r.level = l
	p.i += n
	return true
}

// wordLevel knows the names of levels, in lower case.
func wordLevel(w string) level {
	switch w {
	case "trace", "trce", "trc", "debug", "dbug", "dbg", "verbose", "info", "inf", "information", "notice", "success", "log":
		return calm
	case "warn", "warning", "wrn":
		return warning
	case "error", "err", "eror", "fail", "critical", "crit", "fatal", "ftl", "severe", "alert", "emerg", "emergency":
		return failure
	}
	return unset
}

// special takes "E, " of Ruby, "E0820 10:00:03.411 7 file.go:42] " of glog and "local.ERROR: " of Monolog.
func (p *parser) special() bool {
	rest := p.rest()
	if p.r.level != unset || len(rest) < 6 {
		return false
	}
	letter := letterLevel(rest[0])
	switch {
	case letter != unset && p.r.cols == 0 && rest[1:4] == ", [":
		p.i += 2
		return true
	case letter != unset && p.r.cols == 0 && isDigit(rest[1]) && isDigit(rest[4]) && rest[5] == ' ':
		end := strings.Index(rest, "] ")
		if end < 0 || end > 80 || cutTime(rest[6:]) == 0 {
			return false
		}
		p.r.level = letter
		p.i += end + 1
		return true
	}
	colon := strings.IndexByte(rest[:min(len(rest), 48)], ':')
	dot := strings.LastIndexByte(rest[:max(colon, 0)], '.')
	if dot <= 0 || strings.ContainsAny(rest[:dot], " [\"'") {
		return false
	}
	word := p.t.raw[p.i+dot+1 : p.i+colon]
	if l := wordLevel(rest[dot+1 : colon]); l != unset && word == strings.ToUpper(word) {
		p.r.level = l
		p.i += colon
		return true
	}
	return false
}

func letterLevel(b byte) level {
	switch b {
	case 'd', 'v', 'i', 't', 'n':
		return calm
	case 'w':
		return warning
	case 'e', 'f', 'c':
		return failure
	}
	return unset
}

// pair takes the leading key=value columns of logfmt. With msg= the message begins.
func (p *parser) pair() bool {
	rest := p.rest()
	eq := strings.IndexByte(rest[:min(len(rest), 16)], '=')
	if eq <= 0 || eq+1 >= len(rest) {
		return false
	}
	value := rest[eq+1:]
	if value[0] == '"' {
		value = value[1:]
	}
	skip := len(rest) - len(value)
	switch rest[:eq] {
	case "msg", "message", "event":
		p.i += skip
		p.r.cols++
		return false
	case "level", "lvl", "severity":
		n := 0
		for n < len(value) && value[n] >= 'a' && value[n] <= 'z' {
			n++
		}
		if p.r.level != unset || wordLevel(value[:n]) == unset {
			return false
		}
		p.r.level = wordLevel(value[:n])
	case "time", "ts", "t", "timestamp", "logger", "caller", "component", "source", "pid":
	default:
		return false
	}
	end := strings.IndexAny(value, "\" ")
	if skip == eq+2 {
		end = strings.IndexByte(value, '"') + 1
	}
	if end <= 0 {
		return false
	}
	p.i += skip + end
	return true
}
