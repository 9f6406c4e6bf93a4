package logscan

import "strings"

// sentence is what Telegram, asyncio or an MTProto server says, in lower case.
type sentence struct {
	words string
	kind  Kind
	more  string // belongs to it when it follows
	alone bool   // is a message of its own, without any word of a framework before it
}

// sentences are looked for in this order. The texts of the Bot API are those of
// tdlib/telegram-bot-api, Client.cpp, now and before 2018; those of the loop CPython's.
var sentences = []sentence{
	{"terminated by other getupdates request", Conflict, "; make sure that only one bot instance is running", true},
	{"terminated by other long poll or webhook", Conflict, "", true},
	{"terminated by other long poll", Conflict, "", true},
	{"terminatedbyothergetupdates", Conflict, "", false},
	{"use getupdates method while webhook is active", WebhookActive, "; use deletewebhook to delete the webhook first", true},
	{"terminated by setwebhook request", WebhookActive, "", true},
	{"another webhook is active", WebhookActive, "", true},
	{"cantgetupdates", WebhookActive, "", false},

	{"event loop is closed", EventLoop, "", true},
	{"this event loop is already running", EventLoop, "", true},
	{"cannot close a running event loop", EventLoop, "", true},
	{"asyncio.run() cannot be called from a running event loop", EventLoop, "", true},
	{"there is no current event loop in thread", EventLoop, "", true},
	{"timeout context manager should be used inside a task", EventLoop, "", true},
	{"set_wakeup_fd only works in main thread", EventLoop, " of the main interpreter", true},
	{"cannot run the event loop while another loop is running", EventLoop, "", true},
	{"no running event loop", EventLoop, "", true},
	{"attached to a different loop", EventLoop, "", false},
	{"bound to a different event loop", EventLoop, "", false},
	{"future belongs to a different loop", EventLoop, "", false},
	{"event loop stopped before future completed", EventLoop, "", true},
	{"promise timed out after", EventLoop, " 90000 milliseconds", false},

	{"api(invalidtoken)", Unauthorized, "", false},
	{"invalid api key defined!", Unauthorized, "", false},
	{"was rejected by the server", Unauthorized, "", false},
	{"the authorization key (session file) was used under two different ip addresses", Unauthorized, "", false},
	{"auth_key_duplicated", Unauthorized, "", false},
	{"auth_key_unregistered", Unauthorized, "", false},
	{"auth_key_invalid", Unauthorized, "", false},
	{"session_revoked", Unauthorized, "", false},
	{"access_token_invalid", Unauthorized, "", false},
	{"access_token_expired", Unauthorized, "", false},
	{"authkeyduplicated", Unauthorized, "", false},
	{"authkeyunregistered", Unauthorized, "", false},
}

// answer is a sentence found in a message, from byte pos to byte end.
type answer struct {
	*sentence
	pos, end int
}

// find looks for the first sentence of the list in a message.
func find(low string) (answer, bool) {
	for i := range sentences {
		s := &sentences[i]
		pos := strings.Index(low, s.words)
		if pos < 0 {
			continue
		}
		end := pos + len(s.words)
		if s.more != "" && strings.HasPrefix(low[end:], s.more) {
			end += len(s.more)
		}
		if s.kind == WebhookActive { // its first word has an apostrophe, quoted in many ways
			if can := strings.LastIndex(low[max(0, pos-12):pos], "can"); can >= 0 {
				pos = max(0, pos-12) + can
			}
		}
		return answer{s, pos, end}, true
	}
	return answer{}, false
}

// said is what the rest of a message that a framework's words began says about polling.
func said(rest string) Kind {
	if a, ok := find(rest); ok {
		return a.kind
	}
	if holdsAny(rest, conflictCodes) {
		return Conflict
	}
	if holdsAny(rest, elsewhere) {
		return none
	}
	if holdsAny(rest, refusals) || strings.Trim(rest, " .!\"'") == "not found" ||
		strings.Contains(rest, "404") && strings.Contains(rest, "not found") && !strings.Contains(rest, "not found:") {
		return Unauthorized
	}
	return none
}

var (
	conflictCodes = []string{"<response [409]>", "http 409 conflict", "409: conflict", "409 conflict", "[409] conflict", "with message 'conflict'"}
	refusals      = []string{"unauthorized", "invalid token", "invalidtoken", "token is invalid", "invalid bot token", "<response [401]>"}
	elsewhere     = []string{"tunnel connection failed", "proxy authentication"}
)

// lead takes from the end of head what Telegram itself, or a code or a quote, puts before a sentence.
func lead(head string) string {
	for {
		was := head
		head = strings.TrimRight(head, " \"'`({[\\")
		for _, s := range []string{
			"conflict:", "conflict -", "[error]:", "(409:", "[409]", "409:", "409,", "409", "401:", "[401]", "401", "404:", "[404]", "404",
			"u\"", "u'", "b'", "[406", "[401", "bad request:",
		} {
			if rest, ok := strings.CutSuffix(head, s); ok && (rest == "" || !isWord(rest[len(rest)-1]) || !isWord(s[0])) {
				head = rest
				break
			}
		}
		if head == was {
			return head
		}
	}
}

// closes says whether what follows a sentence is what the report of an error may go on with, not
// the rest of somebody's remark.
func closes(tail string) bool {
	if name, ok := strings.CutPrefix(tail, " '"); ok && len(name) < 60 && (strings.HasSuffix(name, "'") || strings.HasSuffix(name, "'.")) {
		return true // a thread's name
	}
	trimmed := strings.TrimLeft(tail, " \"'`)]}>.,;!\\-—–|(")
	if trimmed == "" {
		return true
	}
	if hasAny(trimmed, "409", "at ", "in /", "in c:", "{", "retry", "restart", "reconnect", "wait", "sleep", "attempt", "next ", "exit", "stopp",
		"caused by", "parameters", "response", "error_code", "ok:", "on:", "trying", "will ", "backing off", "thread-", "mainthread", "<",
		"file ", "line ", "stack", "n'") {
		return true
	}
	word := 0
	for word < len(trimmed) && (isWord(trimmed[word]) || trimmed[word] == '.') {
		word++
	}
	return word > 0 && word < len(trimmed) && (trimmed[word] == '=' || strings.HasPrefix(trimmed[word:], "\":"))
}
