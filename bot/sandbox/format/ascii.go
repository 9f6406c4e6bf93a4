package format

import (
	"strconv"
	"strings"
)

// integer reads a decimal number as the server would write it (tdlib/td misc.h: to_integer_safe).
func integer(s string, bits int) (int64, error) {
	n, err := strconv.ParseInt(s, 10, bits)
	if err != nil || strconv.FormatInt(n, 10) != s {
		return 0, causef("Can't parse as an integer string \"%s\"", s)
	}
	return n, nil
}

// cutFold cuts a prefix off, given in lower case, whatever its case.
func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || lower(s[:len(prefix)]) != prefix {
		return s, false
	}
	return s[len(prefix):], true
}

// lower changes the letters of ASCII alone.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// isSpace is true for NUL too: the end of a text ends a word.
func isSpace(c byte) bool { return strings.IndexByte(" \t\r\n\x00\v", c) >= 0 }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// leadingInt32 reads as many digits as there are, and wraps (tdlib/td misc.h: to_integer).
func leadingInt32(s string) int64 {
	s, negative := strings.CutPrefix(s, "-")
	var n uint32
	for i := 0; i < len(s) && isDigit(s[i]); i++ {
		n = n*10 + uint32(s[i]-'0')
	}
	if negative {
		n = -n
	}
	return int64(int32(n))
}
