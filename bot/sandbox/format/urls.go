package format

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pathEnd are the characters that no address ends with.
const pathEnd = ".:;,('?!`"

// isURL says that r can be within an address at all (MessageEntity.cpp: is_url_unicode_symbol).
func isURL(r rune) bool {
	if r >= 0x2000 && r <= 0x206f {
		return r == 0x200c || r == 0x200d || r >= 0x2010 && r <= 0x2015
	}
	return !unicode.Is(unicode.Z, r)
}

func isPath(r rune) bool {
	return !strings.ContainsRune("\n<>\"«»", r) && isURL(r)
}

func isUserData(r rune) bool {
	return !strings.ContainsRune("\n/[]{}()'`<>\"@«»", r) && isURL(r)
}

func isDomain(r rune) bool {
	if r < 0xc0 {
		return r < 0x80 && isAlnum(byte(r)) || strings.ContainsRune("._-~", r)
	}
	return isURL(r)
}

func isScheme(r rune) bool {
	if r < 0x80 {
		return isAlnum(byte(r)) || r == '+' || r == '-'
	}
	return !unicode.Is(unicode.Z, r)
}

// back is where the characters of a kind before i begin, not before lo; ahead is where those from i on end.
func back(s string, lo, i int, kind func(rune) bool) int {
	for i > lo {
		r, n := utf8.DecodeLastRuneInString(s[lo:i])
		if !kind(r) {
			break
		}
		i -= n
	}
	return i
}

func ahead(s string, i int, kind func(rune) bool) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !kind(r) {
			break
		}
		i += n
	}
	return i
}

// withPath is the end of an address whose host ends at i: with what follows "/", "?" or "#".
func withPath(s string, i int) int {
	if c := byteAt(s, i); c == 0 || strings.IndexByte("/?#", c) < 0 {
		return i
	}
	end := ahead(s, i+1, isPath)
	for end > i+1 && strings.IndexByte(pathEnd, s[end-1]) >= 0 {
		end--
	}
	if s[i] != '/' && end == i+1 {
		return i
	}
	return end
}

// tgURLs finds addresses of Telegram's own schemes (MessageEntity.cpp: match_tg_urls).
func tgURLs(s string) []span {
	var out []span
	for i := 0; ; {
		n := strings.Index(s[i:], "://")
		if n < 0 {
			return out
		}
		at := i + n
		i = at + len("://")
		scheme := ""
		for _, known := range []string{"tg", "ton", "tonsite"} {
			if strings.HasSuffix(lower(s[max(0, at-len(known)):at]), known) {
				scheme = known
			}
		}
		host := i
		for i < len(s) && i-host < 253 && (isAlnum(s[i]) || s[i] == '_' || s[i] == '-') {
			i++
		}
		if scheme == "" || i == host {
			i = host
			continue
		}
		i = withPath(s, i)
		out = append(out, span{at - len(scheme), i})
	}
}

// addresses finds what looks like a host name with what belongs to it, and tells addresses of pages from those of
// mailboxes. Source: MessageEntity.cpp: match_urls, find_urls.
func addresses(s string) (urls, emails []span) {
	for lo := 0; ; {
		n := strings.IndexByte(s[lo:], '.')
		if n < 0 || lo+n+1 == len(s) {
			return urls, emails
		}
		dot := lo + n
		if s[dot+1] == ' ' {
			lo = dot + 2
			continue
		}
		u, ok := addressAt(s, lo, dot)
		if ok && u.to > dot+1 {
			text := s[u.from:u.to]
			mail, _ := strings.CutPrefix(text, "mailto:")
			if isEmail(mail) {
				emails = append(emails, span{u.to - len(mail), u.to})
			} else if kept := properURL(text); kept != "" {
				urls = append(urls, span{u.from, u.from + len(kept)})
			}
		}
		lo = u.to
		if ok {
			for lo < len(s) && s[lo] == '.' {
				lo++
			}
		} else {
			lo = strings.LastIndexByte(s[:lo], '.') + 1
		}
		lo = max(lo, dot+1)
	}
}

// addressAt is the address around a dot, of which nothing is before lo; ok is false if what stands before forbids it.
func addressAt(s string, lo, dot int) (u span, ok bool) {
	from := back(s, lo, dot, isDomain)
	to := ahead(s, dot, func(r rune) bool { return r == '@' || isDomain(r) })
	hasAt := strings.IndexByte(s[dot:to], '@') >= 0
	if hasAt {
		from = back(s, lo, from, isUserData)
	}
	to = withPath(s, withPort(s, to))
	for to > dot+1 && s[to-1] == '.' {
		to--
	}
	ok = true
	if from > lo && s[from-1] == '@' {
		user := back(s, lo, from-1, isUserData)
		ok = !hasAt && user < from-1
		from = user
	}
	if from == lo {
		return span{from, to}, ok
	}
	if from-lo < 6 || s[from-3:from] != "://" {
		r := runeBefore(s, from)
		return span{from, to}, ok && !isWord(r) && r != '/' && r != '#' && r != '@'
	}
	n := schemeLength(lower(s[back(s, lo, from-3, isScheme) : from-3]))
	return span{from - n, to}, ok && n > 0
}

// withPort is the end of an address whose host ends at i: with a port, if it is one.
func withPort(s string, i int) int {
	if byteAt(s, i) != ':' {
		return i
	}
	end := i + 1
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	port := strings.TrimLeft(s[i+1:end], "0")
	if n, err := strconv.Atoi(port); err != nil || len(port) > 5 || n > 65535 {
		return i
	}
	return end
}

// schemeLength is how much of the letters before "://" belongs to the address, with "://"; 0 if it is no scheme.
func schemeLength(before string) int {
	switch {
	case strings.HasSuffix(before, "http") && before != "shttp":
		return len("http://")
	case strings.HasSuffix(before, "https"):
		return len("https://")
	case strings.HasSuffix(before, "ftp") && before != "tftp" && before != "sftp":
		return len("ftp://")
	case strings.HasSuffix(before, "tonsite"):
		return len("tonsite://")
	}
	return 0
}

// isEmail: MessageEntity.cpp: is_email_address.
func isEmail(s string) bool {
	user, domain, _ := strings.Cut(s, "@")
	return plainUser(user) && plainDomain(domain)
}

// plainUser: up to eleven parts with dots or plus signs between, all but the last one up to 26 characters and maybe
// empty, the last one 1 to 35.
func plainUser(s string) bool {
	parts := strings.Split(strings.ReplaceAll(s, "+", "."), ".")
	last := parts[len(parts)-1]
	if len(parts) > 11 || last == "" || len(last) > 35 {
		return false
	}
	for _, p := range parts {
		if !isLabel(p) || p != last && len(p) > 26 {
			return false
		}
	}
	return true
}

// plainDomain: one to six labels of up to 30 characters, then a top-level domain of 2 to 8 letters.
func plainDomain(s string) bool {
	parts := strings.Split(s, ".")
	top := parts[len(parts)-1]
	if len(parts) < 2 || len(parts) > 7 || len(top) < 2 || len(top) > 8 {
		return false
	}
	for i := range len(top) {
		if !isAlpha(top[i]) {
			return false
		}
	}
	return !slices.ContainsFunc(parts[:len(parts)-1], func(p string) bool {
		return p == "" || len(p) > 30 || !isLabel(p) || !isAlnum(p[0]) || !isAlnum(p[len(p)-1])
	})
}

func isLabel(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 || !isAlnum(byte(r)) && r != '_' && r != '-' }) < 0
}
