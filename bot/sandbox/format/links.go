package format

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Schemes says which links are taken.
type Schemes int

// AnyLink takes http, https, tg, ton and tonsite; HTTPSLink is for links that open a web app or log in.
const (
	AnyLink Schemes = iota
	HTTPSLink
)

// CheckLink writes a link as the server does: with a scheme ("http" if there is none), a lower-case host and a path.
// The error's text is meant to stand behind the name of what held the link: "URL 'x' is invalid: Wrong HTTP URL".
//
// Source: tdlib/td LinkManager.cpp: check_link.
func CheckLink(link string, schemes Schemes) (string, error) {
	checked, err := checkLink(link, schemes)
	if err == nil {
		return checked, nil
	}
	if !utf8.ValidString(link) {
		return "", causef("URL is invalid: %s", err.Error())
	}
	return "", causef("URL '%s' is invalid: %s", link, err.Error())
}

func checkLink(link string, schemes Schemes) (string, error) {
	scheme := ""
	for _, s := range []string{"tg", "ton", "tonsite"} {
		if rest, ok := cutFold(link, s+":"); ok {
			scheme, link = s, strings.TrimPrefix(rest, "//")
			break
		}
	}
	u, err := parseURL(link)
	if err != nil {
		return "", err
	}
	if schemes == HTTPSLink && (u.scheme != "https" || scheme != "") {
		return "", causef("Only HTTPS links are allowed")
	}
	if scheme != "" {
		return u.internal(scheme, link)
	}
	if !strings.Contains(u.host, ".") && u.host[0] != '[' {
		return "", causef("Wrong HTTP URL")
	}
	out := u.scheme + "://"
	if u.user != "" {
		out += u.user + "@"
	}
	out += u.host
	if u.port > 0 {
		out += ":" + strconv.Itoa(u.port)
	}
	return out + u.query, nil
}

// internal writes a link of the scheme tg, ton or tonsite.
func (u httpURL) internal(scheme, link string) (string, error) {
	if _, http := cutFold(link, "http://"); http || u.scheme == "https" || u.user != "" || u.port != 0 || u.host[0] == '[' {
		if scheme == "tg" {
			return "", causef("Wrong tg URL")
		}
		return "", causef("Wrong ton URL")
	}
	for i := range len(u.host) {
		if c := u.host[i]; !isAlnum(c) && c != '-' && c != '_' && (c != '.' || scheme != "tonsite") {
			return "", causef("Unallowed characters in URL host")
		}
	}
	query := u.query
	if strings.HasPrefix(query, "/?") {
		query = query[1:]
	}
	return scheme + "://" + u.host + query, nil
}

type httpURL struct {
	scheme, user, host, query string
	port                      int // 0 if none was named
}

// parseURL takes an address apart. Source: tdlib/td HttpUrl.cpp: parse_url.
func parseURL(s string) (httpURL, error) {
	u := httpURL{scheme: "http"}
	if i := strings.IndexAny(s, ":/?#@[]"); i >= 0 && strings.HasPrefix(s[i:], "://") {
		u.scheme = lower(s[:i])
		if u.scheme != "http" && u.scheme != "https" {
			return u, causef("Unsupported URL protocol")
		}
		s = s[i+3:]
	}
	authority := s
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		authority, u.query = s[:i], s[i:]
	}
	if i := strings.LastIndexAny(authority, ":]@"); i > 0 && authority[i] == ':' {
		port := strings.TrimLeft(authority[i+1:], "0")
		n, err := strconv.Atoi(port)
		if err != nil || n <= 0 || n > 65535 || port[0] == '+' {
			return u, causef("Wrong port number specified in the URL")
		}
		authority, u.port = authority[:i], n
	}
	i := strings.LastIndexByte(authority, '@')
	u.user, u.host = authority[:max(i, 0)], lower(authority[i+1:])
	u.query = escapedQuery(u.query)
	return u, checkHost(u.host)
}

// escapedQuery begins with a slash and holds no blanks.
func escapedQuery(s string) string {
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	var b strings.Builder
	if s == "" || s[0] != '/' {
		b.WriteByte('/')
	}
	for i := range len(s) {
		if c := s[i]; c > ' ' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', "0123456789ABCDEF"[c/16], "0123456789ABCDEF"[c%16]})
		}
	}
	return b.String()
}

func checkHost(host string) error {
	switch {
	case host == "":
		return causef("URL host is empty")
	case host == ".":
		return causef("Host is invalid")
	case host[0] == '[' && host[len(host)-1] == ']':
		if a, err := netip.ParseAddr(host[1 : len(host)-1]); err != nil || !a.Is6() || a.Zone() != "" {
			return causef("Wrong IPv6 address specified in the URL")
		}
		return nil
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		switch {
		case isAlnum(c), c >= 0x80, strings.IndexByte(".-_!$,~*'();&+=", c) >= 0:
		case c == '%':
			if len(host) < i+3 || !isHex(host[i+1]) || !isHex(host[i+2]) {
				return causef("Wrong percent-encoded symbol in URL host")
			}
			i += 2
		default:
			return causef("Wrong URL host")
		}
	}
	return nil
}

// LinkedUser is the user that a link "tg://user?id=1" names; 0 if it names none.
//
// Source: tdlib/td LinkManager.cpp: get_link_user_id.
func LinkedUser(link string) int64 {
	query, ok := tgQuery(link, "user")
	if !ok {
		return 0
	}
	value, _ := queryValue(lower(query), "id")
	id, err := integer(value, 64)
	if err != nil || !validUser(id) {
		return 0
	}
	return id
}

// validUser: tdlib/td UserId.h.
func validUser(id int64) bool { return 0 < id && id < 1<<40 }

// linkedEmoji is the number in "tg://emoji?id=1" (LinkManager.cpp: get_link_custom_emoji_id).
func linkedEmoji(link string) (string, bool) {
	query, ok := tgQuery(link, "emoji")
	if !ok {
		return "", false
	}
	value, _ := queryValue(query, "id")
	return emojiID(value)
}

// emojiID is the canonical decimal of a custom emoji's number; ok is false if it is none.
func emojiID(s string) (string, bool) {
	id, err := integer(s, 64)
	if err != nil || id == 0 {
		return "", false
	}
	return strconv.FormatInt(id, 10), true
}

// linkedTime reads "tg://time?unix=1&format=r" (LinkManager.cpp: get_link_date_format).
func linkedTime(link string) (unix int64, format string, ok bool) {
	query, ok := tgQuery(link, "time")
	if !ok {
		return 0, "", false
	}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "unix":
			n, err := integer(value, 32)
			if err != nil || n <= 0 {
				return 0, "", false
			}
			unix = n
		case "format":
			format = value
		}
	}
	return unix, format, unix != 0
}

// dateFormat writes the format of a date_time in the one order the Bot API has, "r" or w, d or D, t or T; ok is false
// for anything else. Source: MessageEntity.cpp: get_date_flags, Bot API: MessageEntity.date_time_format.
func dateFormat(s string) (canonical string, ok bool) {
	if s == "r" || s == "R" {
		return "r", true
	}
	if strings.Trim(s, "tTdDwW") != "" {
		return "", false
	}
	for _, choice := range []string{"wW", "dD", "tT"} {
		if i := strings.IndexAny(choice, s); i >= 0 {
			canonical += choice[i : i+1]
		}
	}
	return strings.Replace(canonical, "W", "w", 1), true
}

// tgQuery is what stands behind the question mark of a link to a host of the scheme tg.
func tgQuery(link, host string) (query string, ok bool) {
	rest, ok := cutFold(link, "tg:")
	if !ok {
		return "", false
	}
	rest, ok = cutFold(strings.TrimPrefix(rest, "//"), host)
	if !ok {
		return "", false
	}
	query, ok = strings.CutPrefix(strings.TrimPrefix(rest, "/"), "?")
	query, _, _ = strings.Cut(query, "#")
	return query, ok
}

func queryValue(query, key string) (value string, ok bool) {
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, _ := strings.Cut(pair, "="); k == key {
			return v, true
		}
	}
	return "", false
}
