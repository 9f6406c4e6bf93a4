package logscan

import (
	"strings"
	"unsafe"
)

// text is a line, or the rest of one, as printed and in lower case; both have the same length.
type text struct{ raw, low string }

// view looks at bytes as text without a copy. It holds as long as the bytes are not changed.
func view(raw, low []byte) text {
	return text{unsafe.String(unsafe.SliceData(raw), len(raw)), unsafe.String(unsafe.SliceData(low), len(low))}
}

// from is the rest after n bytes.
func (t text) from(n int) text { return text{t.raw[n:], t.low[n:]} }

// trim is the text without space in front.
func (t text) trim() text { return t.from(len(t.low) - len(strings.TrimLeft(t.low, " \t"))) }

// hasAny says whether p begins with one of the words.
func hasAny(p string, words ...string) bool {
	for _, w := range words {
		if strings.HasPrefix(p, w) {
			return true
		}
	}
	return false
}

// hasEnd says whether p ends with one of the words, but for space.
func hasEnd(p string, words ...string) bool {
	p = strings.TrimRight(p, " \t\r")
	for _, w := range words {
		if strings.HasSuffix(p, w) {
			return true
		}
	}
	return false
}

// holdsAny says whether p holds one of the words.
func holdsAny(p string, words []string) bool {
	for _, w := range words {
		if strings.Contains(p, w) {
			return true
		}
	}
	return false
}

func isWord(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
