package logscan

import "strings"

// errorWords mark the first clause of a message as the report of an error.
var errorWords = []string{
	"error", "err:", "err=", "exception", "fail", "fatal", "crash", "panic", "unhandled", "uncaught", "conflict", "reject",
	"unable", "cannot", "can't", "could not", "couldn't", "caught", "abort", "stopped", "lost", "invalid token", "unauthorized",
	"ошибка", "Ошибка", "не удалось", "Не удалось", "fehler", "erreur", "erro ", "erro:", "冲突", "错误", "失败",
}

// chatWords mark a message that repeats what somebody wrote.
var chatWords = []string{
	"text=", "text:", "\"text", "'text", "caption", "message from", "message by", "message '", "message \"", "message:'", "message=",
	" said", " says:", " wrote", " asked", "[@", "question", "prompt", "assistant", "reply", "forward", "insert into", "?",
	"body=", "content=", "content:", "query=", "user:", "user=", "username",
}

// tags may stand in brackets or before a colon in front of an application's report. A user
// could bear few of them as a name, so what follows never counts as a framework's own.
var tags = map[string]bool{
	"telegram": true, "tg": true, "bot": true, "tgbot": true, "telegrambot": true, "telegram-bot": true, "telegram_bot": true, "telegram bot": true,
	"polling": true, "poller": true, "telegram channel": true, "telegram polling": true, "channel": true, "gateway": true, "grammy": true,
	"telegraf": true, "error": true, "err": true, "fatal": true, "main": true, "worker": true, "server": true, "default": true, "app": true,
	"telegram error": true, "polling_error": true, "bot error": true, "process": true,
}

// reports says whether head, all that stands before a sentence, reports an error: its first
// clause has a word for that, before any quotation, and nothing tells that a chat is repeated.
// Where the level says so already, "telegram:" is enough.
func reports(head string, l level) bool {
	if holdsAny(head, chatWords) || len(head) > 300 {
		return false
	}
	if rest, ok := strings.CutPrefix(head, "** ("); ok { // Elixir
		head = rest
	}
	if strings.IndexByte("<>+$#@*\"'`", head[0]) >= 0 && !strings.HasPrefix(head, "<class '") {
		return false
	}
	for {
		end := strings.IndexByte(head, ']')
		if head == "" || head[0] != '[' || end < 0 || !tags[head[1:end]] {
			break
		}
		if head[1:end] == "error" || head[1:end] == "polling_error" {
			return true
		}
		head = strings.TrimLeft(head[end+1:], " :-")
	}
	if head != "" && (head[0] == '[' || head[0] == '(') {
		return false
	}
	for {
		clause, rest := cutClause(head)
		if at := firstOf(clause, errorWords); at >= 0 {
			quote := strings.IndexAny(clause, "\"'`“«>")
			return quote < 0 || at <= quote
		}
		if tag := tags[strings.TrimSpace(clause)]; rest == "" || !tag {
			return tag && l == failure
		}
		head = rest
	}
}

// cutClause cuts at the first colon, equals sign or dash between words.
func cutClause(head string) (clause, rest string) {
	for i := range len(head) {
		switch {
		case head[i] == ':' && (i+1 < len(head) && head[i+1] == ':' || i > 0 && head[i-1] == ':'):
		case head[i] == ':' || head[i] == '=' || head[i] == '|':
			return head[:i], strings.TrimLeft(head[i+1:], " ")
		case hasAny(head[i:], " - ", " — ", " – "):
			return head[:i], strings.TrimLeft(head[i+1:], " -—–")
		}
	}
	return head, ""
}

// firstOf is the place of the first of the words in p, or -1.
func firstOf(p string, words []string) int {
	first := -1
	for _, w := range words {
		if at := strings.Index(p, w); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// byReport judges a message which an application worded itself: a sentence of Telegram or
// asyncio that ends a report of an error, or that is all of the message.
func byReport(r record) finding {
	low := strings.TrimRight(r.msg.low, " \t")
	a, ok := find(low)
	if !ok {
		return byWeakReport(r, low)
	}
	if a.kind != Unauthorized && !closes(low[a.end:]) {
		return finding{}
	}
	head := lead(low[:a.pos])
	if r.indent && isCall(low[:a.pos]) || head != "" && head[0] == '-' && r.cols == 0 {
		return finding{} // a line of source, or of a diff
	}
	if strings.HasPrefix(head, "update ") && (strings.HasSuffix(head, " caused error") && strings.HasSuffix(low[:a.pos], " caused error \"conflict: ") ||
		strings.HasSuffix(low[:a.pos], " caused error conflict: ")) {
		return finding{kind: a.kind, framework: ptb} // the error handler of its examples
	}
	switch {
	case head == "":
		if !a.alone || holdsAny(low[:a.pos], []string{"\"", "'", "`"}) {
			return finding{}
		}
		f := finding{kind: a.kind}
		if goTime(r) && a.kind != EventLoop {
			f.framework, f.logger = "go-telegram-bot-api", true
		}
		return f
	case reports(head, r.level), r.level >= warning && fieldOfError(head):
		return finding{kind: a.kind}
	}
	return finding{}
}

// isCall says whether head ends as the call of a function with a string does.
func isCall(head string) bool {
	open := strings.TrimRight(strings.TrimRight(head, "abcdefghijklmnopqrstuvwxyz: "), "\"'`")
	return len(open) > 1 && open[len(open)-1] == '(' && isWord(open[len(open)-2])
}

// fieldOfError says whether a structured logger's field for an error begins shortly before the end of head.
func fieldOfError(head string) bool {
	end := head[max(0, len(head)-60):]
	return !holdsAny(head, chatWords) && holdsAny(end, []string{" err=", " error=", " exception=", "\"error\":", "\"err\":", " cause=", " reason="})
}

// goTime says whether nothing but the time of Go's package log stands before the message.
func goTime(r record) bool {
	const form = "0000/00/00 00:00:00"
	if r.cols != 1 || !r.time || len(r.line)-len(r.msg.low) < len(form) {
		return false
	}
	for i := range len(form) {
		if b := r.line[i]; form[i] == '0' && !isDigit(b) || form[i] != '0' && form[i] != b {
			return false
		}
	}
	return true
}

// polling are words of which a report without a whole sentence must have one.
var polling = []string{"telegram", "telegraf", "grammy", "getme", "getupdates", "polling", "poller", "bot token", "bot ", " bot"}

// over tells that a conflict is past.
var over = []string{"resolved", "recovered", "cleared", "no conflict", "healthy", "ended"}

// byWeakReport judges a report that has only "409 Conflict" or "Unauthorized", and speaks of
// Telegram or of polling.
func byWeakReport(r record, low string) finding {
	if holdsAny(low, elsewhere) || strings.Contains(low, "http/1") || strings.Contains(low, "http/2") ||
		strings.Contains(low, "://") && !strings.Contains(low, "://api.telegram.org") {
		return finding{}
	}
	if whole := strings.TrimRight(low, " .!"); whole == "unauthorized" || whole == "not found" {
		if goTime(r) {
			return finding{kind: Unauthorized, framework: "go-telegram-bot-api"}
		}
		return finding{}
	}
	if r.level >= warning && strings.Contains(low, "getupdates") && !holdsAny(low, chatWords) && holdsAny(low, []string{"冲突", "衝突", "конфликт"}) {
		return finding{kind: Conflict}
	}
	if at := strings.Index(low, "conflict"); at >= 0 {
		head := low[:at+len("conflict")]
		if (r.level >= warning || strings.Contains(low, "409") && holdsAny(head, polling)) && holdsAny(low, polling[:7]) &&
			(strings.Contains(low, "409") || hasEnd(head, "polling conflict", "getupdates conflict")) &&
			!holdsAny(low, chatWords) && !holdsAny(low, over) && reports(head, r.level) {
			return finding{kind: Conflict}
		}
		return finding{}
	}
	for _, words := range []string{"unauthorized", "not found"} {
		at := strings.LastIndex(low, words)
		if at < 0 || words == "not found" && !strings.Contains(low, "404") || !closes(low[at+len(words):]) {
			continue
		}
		if head := lead(low[:at]); head != "" && reports(head, r.level) && (holdsAny(head, polling) || strings.HasPrefix(head, "bot")) {
			return finding{kind: Unauthorized}
		}
	}
	return finding{}
}
