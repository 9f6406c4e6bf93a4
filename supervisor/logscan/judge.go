package logscan

import (
	"encoding/json"
	"regexp"
	"strings"
)

// finding is what one line was judged to be.
type finding struct {
	kind   Kind
	logger bool
}

// Telegram's own sentences, in lower case: aiogram 2 lower-cases them.
var sentences = []struct {
	kind Kind
	text string
}{
	{WebhookActive, "can't use getupdates method while webhook is active"},
	{WebhookActive, "terminated by setwebhook request"},
	{Conflict, "terminated by other getupdates request"},
	{Conflict, "terminated by other long poll or webhook"},
	{Conflict, "terminatedbyothergetupdates"}, // teloxide and aiogram 2 print the class only
	{WebhookActive, "cantgetupdates"},
}

// judge decides about one line. plain has its prefix, text has not.
func judge(plain, text string, l *lines) finding {
	low := strings.ToLower(text)
	if strings.HasPrefix(text, "botctl: ") || strings.Contains(low, `"ok":true`) || strings.Contains(low, `"ok": true`) {
		return finding{}
	}
	if strings.HasPrefix(text, "{") {
		if f, ok := judgeJSON(text); ok {
			return f
		}
	}
	if own := ownReport(low); own.kind != None {
		return own
	}
	if lowLevel.MatchString(head(plain)) || quotes(low) {
		return finding{}
	}
	if l.quoted && !record.MatchString(plain) && !l.trace {
		return finding{} // a further line of a message that was logged
	}
	level := highLevel.MatchString(head(plain))
	if f := judgeSentence(low, level, l.trace); f.kind != None {
		return f
	}
	if f := judgeClass(text, low, level, l.trace); f.kind != None {
		return f
	}
	return judgeCode(low, level)
}

// ownReport are reports that frameworks make at level info.
func ownReport(low string) finding {
	switch {
	case strings.Contains(low, `{"method":"getupdates"`) && strings.Contains(low, "update listener error"): // pengrad
		return byCode(low, "with response 409", "with response 401")
	case strings.Contains(low, "http request: ") && strings.Contains(low, "/getupdates ") && strings.Contains(low, "api.telegram.org"): // httpx
		return byCode(low, `" 409`, `" 401`, `/1.1 409`, `/1.1 401`)
	}
	return finding{}
}

func byCode(low string, codes ...string) finding {
	for _, c := range codes {
		if !strings.Contains(low, c) {
			continue
		}
		kind := Conflict
		if strings.HasSuffix(c, "401") {
			kind = Unauthorized
		}
		for _, s := range sentences {
			if kind == Conflict && strings.Contains(low, s.text) {
				kind = s.kind
				break
			}
		}
		return finding{kind, true}
	}
	return finding{}
}

// quoting are the signs of a line that shows what somebody wrote.
var quoting = regexp.MustCompile(`\b(?:text|message_text|caption|body|query|content|prompt)\s*[=:]\s*["'u(]|message from|msg from|said:|wrote:|incoming|\breceived\b|\[@\w|<@\w|user message|new message|echo:|sent to|reply to|unhandled update: update|^\+ `)

func quotes(low string) bool { return quoting.MatchString(low) }

// framework is the mark of a framework's own logger or error class.
var framework = regexp.MustCompile(`telegram\.ext|telegram\.error|telegram\.vendor|telebot|aiogram|getting updates|failed to get updates|failed to fetch updates|fetch(?:ing)? updates|polling_error|etelegram|grammyerror|\[grammy|telegramerror|telegramapierror|\[tgbot\]|telego|update listener|teloxide|telegrambots|telegram\.bot\.|telegram::bot|telegram\\bot|telegrambot\\api|longman|apirequestexception|telegram bot api error|telegram: |telegramapi|nutgram|getupdates resp|telegram api has returned|exception happened while polling|call to 'getupdates'|no error handlers|getupdates refused|token refused|telethon|pyrogram|failed to process updates`)

// errorish words make a head of a line an error report.
var errorish = regexp.MustCompile(`error|exception|fail|unable|fatal|critical|uncaught|unhandled|panic|telegram|getupdates|409|poll|conflict|retry|rejection|crash|ошибк|fehler|erreur|❌|⚠|✖`)

// label is a head that ends in a name in brackets: the author of what follows.
var label = regexp.MustCompile(`^\[[^\]]{1,40}\]\s*$`)

// tail is what may follow Telegram's sentence in a report; more is a text about it.
var tail = regexp.MustCompile(`^(?:; make sure that only one bot instance is running|; use deletewebhook to delete the webhook first)?[\s"'.)\]},:;*\\/` + "`" + `]*(?:[({\["'].*|\(\d+\).*|at .*|retry.*|sleep.*|<.*|error_code.*|in /.*|\n.*|[a-z_]+=.*)?$`)

// judgeSentence looks for one of Telegram's sentences, and at what stands before and behind it.
func judgeSentence(low string, level, trace bool) finding {
	for _, s := range sentences {
		i := strings.Index(low, s.text)
		if i < 0 {
			continue
		}
		before := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(low[:i]), "conflict:"))
		known := framework.MatchString(low)
		class := exceptionLine.MatchString(strings.TrimSpace(low)) || trace
		switch {
		case label.MatchString(before) && !level && !known:
			return finding{}
		case before == "" || before == "(409:" || before == "description:" || before == "description: '":
			// GTBA prints the sentence alone; in a dump it is a field.
			return finding{s.kind, true}
		case known, class && level:
			return finding{s.kind, true}
		case level, errorish.MatchString(before):
			if !tail.MatchString(low[i+len(s.text):]) && !level {
				return finding{}
			}
			return finding{s.kind, known}
		}
		return finding{}
	}
	return finding{}
}

// loopTexts are the causes of a broken event loop.
var loopTexts = regexp.MustCompile(`event loop is closed|this event loop is already running|cannot close a running event loop|there is no current event loop|attached to a different loop|timeout context manager should be used inside a task|asyncio\.run\(\) cannot be called from a running event loop|set_wakeup_fd only works in main thread|no running event loop`)

// refusedClass are exceptions by which libraries say that the token or session is refused.
var refusedClass = regexp.MustCompile(`(?:telegram\.error\.(?:unauthorized|invalidtoken)|telegramunauthorizederror|aiogram\.utils\.exceptions\.(?:unauthorized|validationerror)|tokenvalidationerror|authkeyduplicated|auth_key_duplicated|^unauthorizederror: \(|accesstokeninvalid|authkeyunregistered|apitelegramexception:.*error code: 401)`)

// judgeClass knows exceptions by their class.
func judgeClass(text, low string, level, trace bool) finding {
	atStart := exceptionLine.MatchString(text)
	if loopTexts.MatchString(low) {
		switch {
		case strings.Contains(low, "deprecationwarning"):
			return finding{}
		case atStart, strings.Contains(low, "runtimeerror("):
			return finding{EventLoop, atStart && trace || level || framework.MatchString(low)}
		case strings.HasPrefix(low, "there is no current event loop in thread"), level && errorish.MatchString(low):
			return finding{EventLoop, false}
		}
		return finding{}
	}
	if refusedClass.MatchString(low) && !strings.Contains(low, "forbidden") && (atStart || level || trace || strings.Contains(low, "rpc error") || strings.Contains(low, "failed to fetch updates")) {
		return finding{Unauthorized, true}
	}
	return finding{}
}

// Codes in the words of frameworks, where Telegram's sentence is missing.
var (
	conflictCode = regexp.MustCompile(`getupdates failed\..*<response \[409\]>|telegrambot\\api\\httpexception' with message 'conflict'|caused by: 409: org\.telegram|server returned http 409 conflict|error code: 409\. description: conflict|call to 'getupdates' failed! \(409|error_code: 409`)
	refusedCode  = regexp.MustCompile(`error while getting updates: (?:unauthorized|invalid token)|error code: 401\. description: unauthorized|etelegram: (?:401 unauthorized|404 not found)|call to '\w+' failed! \((?:401: unauthorized|404: not found)|telegramerror: (?:401: unauthorized|404: not found)|telegramapierror: 401|error call getme, (?:unauthorized|not found)|error get updates, unauthorized|getupdates: api: 401|telegram: unauthorized|invalid token\. aborting retry loop|invalid token; aborting|token ` + "`" + `[^` + "`" + `]*` + "`" + ` was rejected by the server|api\((?:unauthorized|invalidtoken|notfound)\)|unable to get(?:updates|me): (?:unauthorized|not found)|\[401\] unauthorized|telegrambots.*401|telegram bot api error 401|apirequestexception: unauthorized|token is invalid!|token refused"? error_code=40[14]|failed to (?:fetch|get) updates.*unauthorized`)
	goAlone      = regexp.MustCompile(`^(?:unauthorized|not found)$`)
)

func judgeCode(low string, level bool) finding {
	switch {
	case conflictCode.MatchString(low):
		return finding{Conflict, true}
	case refusedCode.MatchString(low):
		return finding{Unauthorized, true}
	case level && goAlone.MatchString(low):
		return finding{}
	}
	return finding{}
}

// judgeJSON reads a log record or an answer of the Bot API. ok says that it was one of them.
func judgeJSON(text string) (finding, bool) {
	var m map[string]any
	if json.Unmarshal([]byte(text), &m) != nil {
		return finding{}, false
	}
	if answered, isAnswer := m["ok"].(bool); isAnswer {
		if answered {
			return finding{}, true
		}
		d, _ := m["description"].(string)
		switch code, _ := m["error_code"].(float64); code {
		case 409:
			return judgeSentence(strings.ToLower(d), true, false), true
		case 401:
			return finding{Unauthorized, true}, true
		}
		return finding{}, true
	}
	if !severe(m) {
		return finding{}, true
	}
	var parts []string
	for _, name := range []string{"logger", "name", "message", "msg", "event", "error", "err", "exc_info", "exception", "stack"} {
		switch v := m[name].(type) {
		case string:
			parts = append(parts, v)
		case map[string]any:
			b, _ := json.Marshal(v)
			parts = append(parts, string(b))
		}
	}
	for _, part := range parts {
		for line := range strings.Lines(part) {
			line = strings.TrimSpace(line)
			low := strings.ToLower(line)
			if quotes(low) {
				continue
			}
			if f := judgeSentence(low, true, true); f.kind != None {
				return finding{f.kind, framework.MatchString(low)}, true
			}
			if f := judgeClass(line, low, true, true); f.kind != None {
				return f, true
			}
			if f := judgeCode(low, true); f.kind != None {
				return f, true
			}
		}
	}
	return finding{}, true
}

// severe says whether a JSON record is at level error or above.
func severe(m map[string]any) bool {
	for _, name := range []string{"level", "severity", "levelname", "lvl", "log.level"} {
		switch v := m[name].(type) {
		case string:
			switch strings.ToLower(v) {
			case "error", "err", "critical", "fatal", "panic", "severe", "emergency", "alert":
				return true
			}
			return false
		case float64:
			return v >= 50
		}
	}
	return false
}
