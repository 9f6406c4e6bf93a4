package format

import (
	"strings"
	"unicode/utf8"
)

// decodeReference reads a character reference at s[i], an ampersand: a number, or one of four names; the semicolon
// may be missing. Code is 0 if there is none. Source: MessageEntity.cpp: decode_html_entity.
func decodeReference(s string, i int) (code rune, next int) {
	rest := s[i+1:]
	n := 0
	if digits, ok := strings.CutPrefix(rest, "#"); ok {
		var value uint32
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			for n < len(hex) && isHex(hex[n]) {
				value = value<<4 | uint32(strings.IndexByte("0123456789abcdef", hex[n]|0x20))
				n++
			}
			n++
		} else {
			for n < len(digits) && isDigit(digits[n]) {
				value = value*10 + uint32(digits[n]-'0')
				n++
			}
		}
		n++
		if value == 0 || value >= 0x10ffff || n+1 >= 10 {
			return 0, i
		}
		code = rune(value)
	} else {
		for n < len(rest) && isAlpha(rest[n]) {
			n++
		}
		code = names[rest[:n]]
		if code == 0 {
			return 0, i
		}
	}
	if n < len(rest) && rest[n] == ';' {
		n++
	}
	return code, i + 1 + n
}

var names = map[string]rune{"lt": '<', "gt": '>', "amp": '&', "quot": '"'}

// appendCode writes code in UTF-8, halves of surrogate pairs too: they make the text invalid, not another one.
func appendCode(b []byte, code rune) []byte {
	if code >= 0xd800 && code <= 0xdfff {
		return append(b, 0xe0|byte(code>>12), 0x80|byte(code>>6)&0x3f, 0x80|byte(code)&0x3f)
	}
	return utf8.AppendRune(b, code)
}
