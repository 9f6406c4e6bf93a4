package logscan

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// members walks over the members of a JSON object that may be cut off anywhere.
type members struct {
	s string // from the next key or comma on
}

// next returns a key without its quotes and a value as it stands. ok is false at the end, and
// where the text is no JSON.
func (m *members) next() (key, value string, ok bool) {
	m.s = strings.TrimLeft(m.s, " \t,")
	if m.s == "" || m.s[0] != '"' {
		return "", "", false
	}
	n := stringLen(m.s)
	if n < 2 || n > 64 {
		return "", "", false
	}
	key = m.s[1 : n-1]
	m.s = strings.TrimLeft(m.s[n:], " \t")
	if m.s == "" || m.s[0] != ':' {
		return "", "", false
	}
	m.s = strings.TrimLeft(m.s[1:], " \t")
	n = valueLen(m.s)
	value, m.s = m.s[:n], m.s[n:]
	return key, value, n > 0
}

// stringLen is the length of the JSON string s begins with, or of all of s.
func stringLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

func valueLen(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == '"' {
		return stringLen(s)
	}
	if s[0] != '{' && s[0] != '[' {
		if n := strings.IndexAny(s, ",}]"); n >= 0 {
			return n
		}
		return len(s)
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += stringLen(s[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// object is what a log record in JSON tells. Fields it does not know, such as the text of a
// chat, are never looked at.
type object struct {
	level      level
	name       string
	msg        string // as it stands, quoted
	errs       [6]string
	n          int
	ok, failed bool // an answer of the Bot API
	code, desc string
}

// judgeObject judges a line that is a JSON object; ok is false when it is none.
func (sc *Scanner) judgeObject(t text) (finding, bool) {
	var o object
	in := members{t.raw[1:]}
	if _, _, ok := in.next(); !ok {
		return finding{}, false
	}
	o.collect(t.raw[1:], 0)
	if o.failed && o.desc != "" {
		t := sc.decode(o.desc)
		f := finding{kind: said(o.code + " " + t.low), framework: botAPI}
		return f, true
	}
	if o.ok || o.level != failure {
		return finding{}, true
	}
	if o.msg != "" {
		if f := sc.judgeField(o.msg, record{level: failure, name: o.name, cols: 1}, false); f.kind != none {
			return f, true
		}
	}
	for _, e := range o.errs[:o.n] {
		if f := sc.judgeError(e, o.name, 0); f.kind != none {
			return f, true
		}
	}
	return finding{}, true
}

// collect fills o from the members of an object.
func (o *object) collect(s string, depth int) {
	in := members{s}
	for {
		key, value, ok := in.next()
		if !ok {
			return
		}
		if depth == 0 && key == "fields" && value[0] == '{' { // tracing-subscriber
			o.collect(value[1:], 1)
			continue
		}
		switch fieldOf(key) {
		case levelField:
			o.level = max(o.level, valueLevel(value))
		case nameField:
			if value[0] == '"' {
				o.name = strings.ToLower(strings.Trim(value, "\""))
			}
		case msgField:
			if value[0] == '"' {
				o.msg = value
			}
		case errField:
			if o.n < len(o.errs) {
				o.errs[o.n] = value
				o.n++
			}
		case okField:
			o.ok, o.failed = value == "true", value == "false"
		case codeField:
			o.code = value
		case descField:
			o.desc = value
		}
	}
}

type fieldClass uint8

const (
	otherField fieldClass = iota
	levelField
	nameField
	msgField
	errField
	okField
	codeField
	descField
)

// fieldOf knows the names which loggers give their fields.
func fieldOf(key string) fieldClass {
	switch key {
	case "level", "Level", "LEVEL", "lvl", "severity", "Severity", "levelname", "level_name", "log.level", "log_level", "loglevel", "LogLevel", "@l", "logLevel":
		return levelField
	case "logger", "name", "logger_name", "loggerName", "log.logger", "Category", "target", "module":
		return nameField
	case "msg", "message", "Message", "MESSAGE", "event", "@m", "@mt", "short_message", "MessageTemplate", "RenderedMessage":
		return msgField
	case "err", "error", "Error", "exception", "Exception", "exc_info", "exc_text", "exc", "stack", "stack_trace", "stacktrace", "stackTrace", "trace",
		"traceback", "cause", "reason", "@x", "error_message", "errorMessage", "errorVerbose", "error.message", "error.stack_trace", "exception.message",
		"exception.stacktrace", "err_msg", "full_message":
		return errField
	case "ok":
		return okField
	case "error_code":
		return codeField
	case "description":
		return descField
	}
	return otherField
}

// valueLevel reads a level by name, or by number as pino and bunyan (50 is error) or syslog (3 is error) count.
func valueLevel(v string) level {
	if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
		if n >= 50 || n <= 3 && n >= 0 {
			return failure
		}
		return calm
	}
	w := strings.Trim(v, "\" ")
	if len(w) > 16 {
		return calm
	}
	var b [16]byte
	for i := range len(w) {
		b[i] = lower(w[i])
	}
	if l := wordLevel(string(b[:len(w)])); l == failure {
		return failure
	}
	return calm
}

// judgeField judges the lines of a string: the first as the message of r, or, in the field of an error,
// each as one.
func (sc *Scanner) judgeField(value string, r record, isErr bool) finding {
	t := sc.decode(value)
	for first := true; t.low != ""; first = false {
		end := strings.IndexByte(t.low, '\n')
		if end < 0 {
			end = len(t.low)
		}
		line := text{t.raw[:end], t.low[:end]}
		t = t.from(min(end+1, len(t.low)))
		line = line.trim()
		if line.low == "" || !first && !isErr && !raised(line.low) {
			continue
		}
		r.msg, r.line = line, line.low
		var s stream
		if !first || isErr {
			r.cols = 0
		}
		if f, done := sc.byRule(&s, r); done {
			return f
		}
		if f := byReport(r); f.kind != none {
			return f
		}
		if a, ok := find(line.low); ok && isErr && closes(line.low[a.end:]) && !holdsAny(line.low[:a.pos], chatWords) {
			return finding{kind: a.kind}
		}
	}
	return finding{}
}

// judgeError judges the field of an error: a string, or an object such as pino's.
func (sc *Scanner) judgeError(value, name string, depth int) finding {
	r := record{level: failure, name: name, cols: 1}
	if value[0] == '"' {
		return sc.judgeField(value, r, true)
	}
	if value[0] != '{' || depth > 2 {
		return finding{}
	}
	in := members{value[1:]}
	for {
		key, v, ok := in.next()
		if !ok {
			return finding{}
		}
		switch fieldOf(key) {
		case msgField, errField, descField:
			if f := sc.judgeError(v, name, depth+1); f.kind != none {
				return f
			}
		}
	}
}

// decode returns the content of a JSON string, also of one that is cut off.
func (sc *Scanner) decode(s string) text {
	s = strings.TrimPrefix(s, "\"")
	out := sc.field[:0]
	for i := 0; i < len(s) && s[i] != '"'; i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
		case 'u':
			if n, err := strconv.ParseUint(s[i+1:min(i+5, len(s))], 16, 32); err == nil {
				out = utf8.AppendRune(out, rune(n))
				i += 4
			}
		default:
			out = append(out, s[i])
		}
	}
	sc.field = out
	sc.fieldLow = appendLower(sc.fieldLow[:0], out)
	return view(sc.field, sc.fieldLow)
}
