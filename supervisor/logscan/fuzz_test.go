package logscan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScanner: nothing panics, memory is bounded, no way of cutting changes the evidence, and no line
// that the search for needles passes over would have given any.
func FuzzScanner(f *testing.F) {
	for i, out := range outputs() {
		f.Add([]byte(out), uint64(i))
	}
	f.Fuzz(func(t *testing.T, out []byte, seed uint64) {
		want := chunked(out, nil)
		r := rand.New(rand.NewPCG(seed, 1))
		var cut []int
		for end := 0; ; {
			end += r.IntN(1 + r.IntN(40))
			if end >= len(out) || len(cut) > 10000 {
				break
			}
			cut = append(cut, end)
		}
		if got := chunked(out, cut); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut at %v: %+v, want %+v", cut, got, want)
		}
		var sc Scanner
		sc.Write(Stderr, out, at, func(e Evidence) {
			if e.Kind == none || e.Kind >= kinds || len(e.Line) > maxShown || !utf8.ValidString(e.Line) {
				t.Fatalf("evidence %+v", e)
			}
		})
		if n := cap(sc.streams[Stderr].buf); n > 2*maxObject {
			t.Fatalf("%d bytes kept", n)
		}
		for line := range bytes.SplitSeq(out, []byte("\n")) {
			line = appendClean(nil, line[:min(len(line), maxLine)])
			if needleIn(line) >= 0 {
				continue
			}
			if f := new(Scanner).judge(new(stream), view(line, appendLower(nil, line))); f.kind != none {
				t.Fatalf("%v without a needle in %q", f.kind, line)
			}
		}
	})
}

// silent are ways in which applications print what a user wrote, that never give evidence.
var silent = []func(text string) string{
	func(s string) string { return "INFO:bot.handlers:" + s },
	func(s string) string { return "2027-02-11 10:00:01,100 - bot - INFO - " + s },
	func(s string) string { return "2027-02-11 10:00:01.100 | DEBUG    | app.chat:answer:88 - " + s },
	func(s string) string { return "2027-02-11 10:00:01,100 - bot - INFO - message from 42: " + s },
	func(s string) string { return "2027/02/11 10:00:01 [alice] " + s },
	func(s string) string { return "2027/02/11 10:00:01 [42] " + s },
	func(s string) string { return "[alice] " + s },
	func(s string) string { return "[@bob_b] " + s },
	func(s string) string { return "alice: " + s },
	func(s string) string { return "Alice Smith: " + s },
	func(s string) string { return "<alice> " + s },
	func(s string) string { return "Message from alice: " + s },
	func(s string) string { return "User 42 said: " + s },
	func(s string) string { return "New message: " + s },
	func(s string) string { return "got message text=" + s },
	func(s string) string { return fmt.Sprintf("text=%q chat=42", s) },
	func(s string) string { return fmt.Sprintf("update %q", s) },
	func(s string) string { return fmt.Sprintf("{'message_id': 7, 'text': '%s'}", s) },
	func(s string) string { return fmt.Sprintf("  text: '%s',", s) },
	func(s string) string { return fmt.Sprintf(`{"level":"info","msg":%s}`, quoted(s)) },
	func(s string) string { return fmt.Sprintf(`{"level":50,"msg":"failed","text":%s}`, quoted(s)) },
	func(s string) string { return fmt.Sprintf(`{"update_id":9,"message":{"text":%s}}`, quoted(s)) },
	func(s string) string { return fmt.Sprintf(`{"ok":true,"result":[{"message":{"text":%s}}]}`, quoted(s)) },
	func(s string) string { return "bot-1  | 2027-02-11 10:00:01,100 - bot - INFO - " + s },
}

// uncounted are ways in which evidence may be given, but none that counts as a framework's own.
var uncounted = []func(text string) string{
	func(s string) string { return "INFO " + s },
	func(s string) string { return "INFO:     " + s },
	func(s string) string { return "2027-02-11 10:00:01,100 - INFO - " + s },
	func(s string) string { return "[10:00:03 INF] " + s },
	func(s string) string { return "2027-02-11T10:00:01.100Z info: " + s },
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// FuzzChat: one line of user text, whatever it holds, is no evidence in the shapes of silent,
// and is never counted as the framework's own in those of uncounted.
func FuzzChat(f *testing.F) {
	for _, out := range outputs() {
		for line := range strings.Lines(out) {
			f.Add(strings.TrimSpace(line))
		}
	}
	f.Fuzz(func(t *testing.T, s string) { testChat(t, strings.ReplaceAll(s, "\n", " ")) })
}

func testChat(t *testing.T, s string) {
	for _, shape := range silent {
		if got := scan(shape(s) + "\n"); len(got) > 0 {
			t.Fatalf("%v logger=%v from %q", got[0].Kind, got[0].Logger, shape(s))
		}
	}
	for _, shape := range uncounted {
		if got := scan(shape(s) + "\n"); len(got) > 0 && got[0].Logger {
			t.Fatalf("%v counts from %q", got[0].Kind, shape(s))
		}
	}
}

// fragments are what frameworks print, in pieces, and what stands between them.
func fragments() []string {
	var parts []string
	for _, family := range families {
		for _, r := range family {
			parts = append(parts, r.head, r.head+r.has)
		}
	}
	for _, s := range sentences {
		parts = append(parts, s.words, s.words+s.more)
	}
	parts = append(parts, wrappers...)
	parts = append(parts, frameworkLoggers...)
	parts = append(parts, conflictCodes...)
	return append(parts, taken, hooked, "Error: ", "ERROR ", "ERROR:", "CRITICAL - ", "INFO ", "INFO:", "error: ", "WARNING | ", "[ERROR] ", "[INFO]", "(", ")", "[", "] ", "{", "}",
		"\"", "'", "`", ": ", " - ", " | ", "| ", ", ", "=", "err=", " error=\"", "text=", "2027-02-11 10:00:03,443 - ", "2027/02/11 10:00:03 ", "10:00:03 ", "[7] ",
		"telegram.ext.updater", "httpx", "TeleBot: \"", "httpx - INFO - ", "HTTP Request: POST https://api.telegram.org/bot1:x/getUpdates \"HTTP/1.1 409 Conflict\"",
		"bot-1  | ", "Feb 11 10:00:03 vps bot[7]: ", "level=error ", "msg=\"", "\x1b[0m", "\r", "\x00", "\t", " ", "  ", "\\", "Unauthorized", "Not Found", "404", "409 ", "panic: ",
		" caused error \"", "Update \"", "Traceback (most recent call last):", "\xff", "é", "❌ ")
}

// TestChatOfFragments strings fragments together at random.
func TestChatOfFragments(t *testing.T) {
	parts := fragments()
	r := rand.New(rand.NewPCG(7, 7))
	for range 4000 {
		var b strings.Builder
		for range 1 + r.IntN(5) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		testChat(t, b.String())
	}
}

// FuzzChatOfFragments is FuzzChat for a text that two bytes each pick a fragment of: what a fuzzer of
// bytes is slow to find.
func FuzzChatOfFragments(f *testing.F) {
	parts := fragments()
	r := rand.New(rand.NewPCG(8, 8))
	for range 200 {
		picks := make([]byte, 2*(1+r.IntN(5)))
		for i := range picks {
			picks[i] = byte(r.Uint32())
		}
		f.Add(picks)
	}
	f.Fuzz(func(t *testing.T, picks []byte) {
		var b strings.Builder
		for ; len(picks) > 1 && b.Len() < 2000; picks = picks[2:] {
			b.WriteString(parts[(int(picks[0])<<8|int(picks[1]))%len(parts)])
		}
		testChat(t, b.String())
	})
}
