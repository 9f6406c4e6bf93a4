package logscan

import "strings"

// bracket takes [..], (..), {..} when all in it is time, level, process, thread, place or logger.
func (p *parser) bracket() bool {
	rest := p.rest()
	if rest == "" {
		return false
	}
	open := strings.IndexByte("[({", rest[0])
	if open < 0 {
		return false
	}
	end := strings.IndexByte(rest[:min(len(rest), 120)], "])}"[open])
	if end < 0 {
		return false
	}
	was := *p
	inner := p.t.low[p.i+1 : p.i+end]
	if !p.inside(inner) || p.soft > was.soft && p.r.slash && p.r.level == unset {
		*p = was // a number behind Go's time is rather a chat than a process
		if p.r.level < warning || !isTag(inner) || strings.Contains(inner, "error") || inner == "grammy runner" || inner == "tgbot" {
			return false
		}
	}
	p.i = was.i + end + 1
	return true
}

// isTag accepts what the name of a thread or component may be.
func isTag(s string) bool {
	return s != "" && len(s) <= 40 && strings.IndexFunc(s, func(r rune) bool {
		return r >= 0x80 || !isWord(byte(r)) && !strings.ContainsRune(" .:-#/", r)
	}) < 0
}

// inside takes the content of a bracket apart, and fails at the first word it does not know.
func (p *parser) inside(low string) bool {
	found := false
	for i := 0; i < len(low); {
		if strings.IndexByte(" :,|/-@", low[i]) >= 0 {
			i++
			continue
		}
		if n := cutTime(low[i:]); n > 0 && !p.r.time {
			p.r.time = true
			i += n
			found = true
			continue
		}
		j := i
		for j < len(low) && strings.IndexByte(" ,|@", low[j]) < 0 {
			j++
		}
		if k := strings.IndexByte(low[i:j], '/'); k > 0 && wordLevel(low[i:i+k]) != unset {
			j = i + k
		}
		if !p.part(low[i:j]) {
			return false
		}
		i = j
		found = true
	}
	return found
}

// part takes one word of a bracket.
func (p *parser) part(low string) bool {
	low = strings.TrimSuffix(low, ":")
	if key, value, ok := strings.Cut(low, ":"); ok && (key == "level" || key == "lvl") {
		low = value
	}
	if p.r.level == unset {
		if p.r.level = wordLevel(low); p.r.level == unset && len(low) == 1 {
			p.r.level = letterLevel(low[0])
		}
		if p.r.level != unset {
			return true
		}
	}
	if isPlace(low) || isProcess(low) || strings.Contains(low, "thread") {
		p.softly()
		return true
	}
	if p.r.name == "" && (isLogger(low) || isFramework(low)) {
		if !isFramework(low) {
			p.softly()
		}
		p.r.name, p.r.early = low, p.r.level == unset
		return true
	}
	return false
}

// isPlace accepts a place in a source: file.py:12, /app/bot.py, line:542, func:poll.
func isPlace(s string) bool {
	if hasAny(s, "/", "line:", "func:", "file:", "module:", "logger:") {
		return true
	}
	colon := strings.LastIndexByte(s, ':')
	return colon > 0 && colon+1 < len(s) && isDigit(s[colon+1]) && strings.IndexByte(s[:colon], '.') > 0
}

// isProcess accepts 4121, #4121, p4121, 0x7f0a, a1b2c3d4-....
func isProcess(s string) bool {
	s = strings.TrimLeft(s, "#p")
	if s == "" {
		return false
	}
	for _, b := range []byte(s) {
		if !isDigit(b) && (b < 'a' || b > 'f') && b != '-' && b != 'x' {
			return false
		}
	}
	return isDigit(s[0])
}

// isLogger accepts a dotted name, or one with "::", that is no class of an exception.
func isLogger(s string) bool {
	if strings.IndexFunc(s, func(r rune) bool {
		return r >= 0x80 || !isWord(byte(r)) && !strings.ContainsRune(".:$-/[]", r)
	}) >= 0 {
		return false
	}
	dot := strings.IndexByte(s, '.')
	qualified := dot > 0 && dot+1 < len(s) || strings.Contains(s, "::")
	return qualified && !isDigit(s[0]) && !isClass(lastPart(s))
}

// lastPart is what follows the last dot or colon of a name.
func lastPart(s string) string { return s[strings.LastIndexAny(s, ".:")+1:] }

// frameworkLoggers are names, or beginnings of names, under which libraries log.
var frameworkLoggers = []string{
	"telegram.", "aiogram.", "telebot", "httpx", "httpcore.", "urllib3.", "telethon.", "pyrogram.", "asyncio",
	"teloxide::", "org.telegram.", "o.t.t", "o.t.telegrambots", "com.pengrad.",
}

func isFramework(s string) bool {
	if strings.Contains(s, ".exceptions.") || strings.Contains(s, ".error.") || strings.Contains(s, ".errors.") {
		return false
	}
	for _, f := range frameworkLoggers {
		if rest, ok := strings.CutPrefix(s, f); ok && (rest == "" || strings.HasSuffix(f, ".") || strings.HasSuffix(f, ":") || rest[0] == '.' || strings.HasPrefix(f, "o.t")) {
			return true
		}
	}
	return s == "aiogram"
}

// logger takes a name: dotted or known, or any word where only a logger can stand.
func (p *parser) logger() bool {
	if p.r.name != "" {
		return false
	}
	rest := p.rest()
	n := 0
	for n < len(rest) && (isWord(rest[n]) || strings.IndexByte(".:$-/", rest[n]) >= 0) {
		n++
	}
	name := strings.TrimRight(rest[:n], ":-")
	glued := p.glued()
	if k := strings.IndexByte(name, ':'); glued && k > 0 && !strings.HasPrefix(name[k:], "::") {
		name = name[:k]
	}
	if name == "" || isDigit(name[0]) || wordLevel(name) != unset || isClass(lastPart(name)) {
		return false
	}
	colon := len(name) < len(rest) && rest[len(name)] == ':'
	strong := colon || n == len(name) && hasAny(strings.TrimLeft(rest[n:], " "), "- ", "| ", "> ", ": ")
	switch {
	case glued && colon:
	case isFramework(name) && strong:
	case p.r.level != unset && isLogger(name) && (strong || p.r.time && n < len(rest)):
	case p.r.level != unset && strong && !colon && p.r.level != calm:
	case strong && (!colon || isLogger(name)) && p.levelFollows(len(name)):
	default:
		return false
	}
	if p.r.level == unset && !isFramework(name) {
		p.softly()
	}
	p.r.name = name
	p.r.early = p.r.level == unset || glued
	p.i += len(name)
	return true
}

// glued says whether the place is that of NAME in "LEVEL:NAME:message".
func (p *parser) glued() bool {
	return p.r.level != unset && p.r.cols == 1 && p.i > 1 && p.t.low[p.i-1] == ':' && p.t.low[p.i-2] != ' '
}

// levelFollows says whether a level in capitals comes after the separator behind n bytes.
func (p *parser) levelFollows(n int) bool {
	q := *p
	q.i += n
	q.separators()
	rest := q.rest()
	if len(rest) > 0 && strings.IndexByte("[(", rest[0]) >= 0 {
		q.i++
		rest = rest[1:]
	}
	k := 0
	for k < len(rest) && rest[k] >= 'a' && rest[k] <= 'z' {
		k++
	}
	raw := q.t.raw[q.i : q.i+k]
	return p.r.level == unset && wordLevel(rest[:k]) != unset && raw == strings.ToUpper(raw)
}

// process takes "4121 ---" of Spring, "p4121", and "bot.go:451:" behind a time.
func (p *parser) process() bool {
	rest := p.rest()
	n := 0
	for n < len(rest) && (isWord(rest[n]) || strings.IndexByte("./:-", rest[n]) >= 0) {
		n++
	}
	if place := strings.TrimSuffix(rest[:n], ":"); p.r.time && isPlace(place) && !hasAny(place, "/") && (len(place) < n || p.levelFollows(n)) {
		p.i += len(place)
		return true
	}
	n = 0
	for n < len(rest) && isWord(rest[n]) {
		n++
	}
	if n == 0 || n == len(rest) || rest[n] != ' ' || !isProcess(rest[:n]) {
		return false
	}
	if spring := strings.HasPrefix(rest[n:], " --- "); !spring && (rest[0] != 'p' || !p.r.time) {
		return false
	}
	p.softly()
	p.i += n
	return true
}
