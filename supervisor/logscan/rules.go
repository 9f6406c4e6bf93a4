package logscan

import "strings"

// finding is what one line is a sign of.
type finding struct {
	kind      Kind
	framework string
	logger    bool
	breaksOff bool // before the text of the answer
}

// printer is who prints the lines of a rule.
type printer uint8

const (
	byApp   printer = iota // an application, or a dump that anybody may print
	byLog                  // the framework's own logger, or the runtime as the process dies
	byTrace                // the last line of a traceback
)

// rule accepts a message by its beginning.
type rule struct {
	framework string
	head      string // beginning of the message, in lower case
	has       string // stands behind the head, if not empty
	kind      Kind   // none: what is said behind the head decides
	by        printer
	logger    string // beginning of the name of the framework's logger, where it has one
}

// families are all rules, by language. The heads of one family do not matter to another.
var families = [][]rule{pythonRules, loopRules, nodeRules, goRules, otherRules}

// wrappers are put before an error's own text by runtimes.
var wrappers = []string{
	"panic: ", "caused by: ", "uncaught ", "unhandled rejection at: ", "unhandled rejection ", "unhandledpromiserejectionwarning: ",
	"<rejected> ", "unhandled exception. ", "unhandled exception: ", "{ ", "exception: ",
}

// judge decides about one line.
func (sc *Scanner) judge(s *stream, t text) finding {
	t = t.from(cutTransport(t.low))
	if hasAny(t.low, "botctl: ", "+ ", "$ ", "> ", "e   ") || holdsAny(t.low, answeredOK) {
		return finding{}
	}
	if strings.HasPrefix(t.low, "{") {
		if f, ok := sc.judgeObject(t); ok {
			return f
		}
	}
	r := parseRecord(cutGroup(t))
	if f := byClient(r); f.kind != none {
		return f
	}
	if r.level == calm {
		return sc.byCalm(s, r)
	}
	if r.name == "telebot" {
		r.msg = r.msg.from(len(r.msg.low) - len(strings.TrimPrefix(r.msg.low, "\"")))
	}
	if f, done := sc.byRule(s, r); done {
		return f
	}
	return byReport(r)
}

var answeredOK = []string{`"ok":true`, `"ok": true`, `'ok': true`, `\"ok\":true`, "ok: true"}

// cutGroup cuts the frame that Python draws round the parts of an ExceptionGroup.
func cutGroup(t text) text {
	for {
		in := t.trim()
		if !strings.HasPrefix(in.low, "| ") {
			return t
		}
		t = in.from(2)
	}
}

// byRule tries the rules of all families. done says that nothing else may judge the line.
func (sc *Scanner) byRule(s *stream, r record) (f finding, done bool) {
	msg, wrapped := r.msg.low, false
	if _, rest, ok := strings.Cut(msg, ") "); ok && strings.HasPrefix(msg, "(node:") {
		msg = rest
	}
	for range 3 {
		for _, w := range wrappers {
			if rest, ok := strings.CutPrefix(msg, w); ok {
				msg, wrapped = strings.TrimLeft(rest, " "), true
				break
			}
		}
	}
	if wrapped && strings.HasPrefix(r.msg.low, "panic: ") && (msg == "unauthorized" || msg == "not found") {
		return finding{kind: Unauthorized, framework: "go-telegram-bot-api", logger: true}, true
	}
	for _, family := range families {
		for i := range family {
			if f, done := sc.try(s, r, &family[i], msg, wrapped); done {
				return f, true
			}
		}
	}
	return finding{}, false
}

// try is one rule.
func (sc *Scanner) try(s *stream, r record, rule *rule, msg string, wrapped bool) (f finding, done bool) {
	rest, ok := strings.CutPrefix(msg, rule.head)
	if !ok || !strings.Contains(rest, rule.has) {
		return finding{}, false
	}
	f = finding{kind: rule.kind, framework: rule.framework}
	if f.kind == none {
		if f.kind = said(rest); f.kind == none {
			return finding{}, false
		}
	}
	f.breaksOff = f.kind == Conflict && hasEnd(rest, "response body:", "response:")
	switch rule.by {
	case byLog:
		f.logger = r.name == "" || rule.logger != "" && strings.HasPrefix(r.name, rule.logger)
	case byTrace:
		if r.cols > 0 {
			break
		}
		f.logger = true
		if prev, ok := sc.before(s); ok && !wrapped {
			if prev.level == calm {
				return finding{}, true // a line of a longer text that was logged
			}
			f.logger = prev.indent
		}
	}
	return f, true
}

// before takes the line before apart. It fails when nothing is known of it.
func (sc *Scanner) before(s *stream) (record, bool) {
	if len(s.prev) == 0 {
		return record{}, false
	}
	sc.prev = appendClean(sc.prev[:0], s.prev)
	sc.prevLow = appendLower(sc.prevLow[:0], sc.prev)
	t := view(sc.prev, sc.prevLow)
	return parseRecord(cutGroup(t.from(cutTransport(t.low)))), true
}

// byClient knows the line in which an HTTP client logs its request at any level. Only a client's
// own logger makes it count.
func byClient(r record) finding {
	low := r.msg.low
	code := ""
	switch {
	case hasAny(low, "http request: post ", "http request: get "): // httpx
		_, code, _ = strings.Cut(low, "\"http/")
		_, code, _ = strings.Cut(code, " ")
	case hasAny(low, "https://", "http://") && (strings.Contains(low, " \"post /bot") || strings.Contains(low, " \"get /bot")): // urllib3
		_, code, _ = strings.Cut(low, " http/")
		_, code, _ = strings.Cut(code, "\" ")
	}
	if len(code) < 3 || r.name != "httpx" && !strings.HasPrefix(r.name, "urllib3") && r.name != "" {
		return finding{}
	}
	at := strings.Index(low, "/bot")
	if at < 0 || at+4 >= len(low) || !isDigit(low[at+4]) {
		return finding{}
	}
	switch {
	case code[:3] == "409" && strings.Contains(low, "/getupdates"):
		return finding{kind: Conflict, framework: r.name, logger: r.early && r.level != unset}
	case code[:3] == "401" && (strings.Contains(low, "/getupdates") || strings.Contains(low, "/getme")):
		return finding{kind: Unauthorized, framework: r.name, logger: r.early && r.level != unset}
	}
	return finding{}
}

// byCalm knows what frameworks log below WARNING. pengrad's library does so through
// java.util.logging, which prints the logger in a line before.
func (sc *Scanner) byCalm(s *stream, r record) finding {
	rest, ok := strings.CutPrefix(r.msg.low, "update listener error for request {\"method\":\"getupdates\"")
	if !ok || r.name != "" && !hasAny(r.name, "okhttp3.", "com.pengrad.") {
		return finding{}
	}
	f := finding{kind: said(rest), framework: "java-telegram-bot-api"}
	if prev, ok := sc.before(s); ok {
		f.logger = strings.Contains(prev.msg.low, "okhttp") || strings.Contains(prev.msg.low, "pengrad")
	}
	return f
}
