package logscan

import "strings"

// cutTransport returns the length of what containers, syslog and platforms put before the
// lines of a process. p is in lower case. What follows keeps its indentation.
func cutTransport(p string) int {
	n := 0
	for range 3 {
		k := cutHost(p[n:])
		if k == 0 {
			k = cutContainer(p[n:])
		}
		if k == 0 {
			break
		}
		n += k
	}
	return n
}

// cutContainer handles "name  | ", "10:00:03 worker.1 | " and "0|name  | ".
func cutContainer(p string) int {
	i := cutTime(p)
	if i > 0 && i < len(p) && p[i] == ' ' {
		i++
	}
	start, letters := i, false
	for i < len(p) && (isWord(p[i]) || p[i] == '.' || p[i] == '-' || p[i] == '|' && i > start && isDigit(p[i-1]) && !letters) {
		letters = letters || p[i] >= 'a' && p[i] <= 'z'
		i++
	}
	name := p[start:i]
	for i < len(p) && p[i] == ' ' {
		i++
	}
	if !letters || len(name) > 64 || i >= len(p) || p[i] != '|' || wordLevel(name) != unset {
		return 0
	}
	if i++; i < len(p) && p[i] != ' ' {
		return 0
	}
	return min(i+1, len(p))
}

// cutHost handles "TIME host prog[7]: " (syslog, journald), "TIME app[worker.1]: " (Heroku),
// "TIME app[1a2b] ams [info]" (Fly), "TIME [APP/0] ERR " (Cloud Foundry) and "[pod/name/container] " (kubectl).
func cutHost(p string) int {
	if hasAny(p, "[pod/") {
		if i := strings.Index(p, "] "); i > 0 {
			return i + 2
		}
	}
	i := cutTime(p)
	if i == 0 {
		return 0
	}
	if hasAny(p[i:], " [app/") {
		if end := strings.IndexByte(p[i:], ']'); end > 0 {
			rest := strings.TrimLeft(p[i+end+1:], " ")
			if hasAny(rest, "err ", "out ") {
				return len(p) - len(rest) + len("err ")
			}
		}
	}
	for words := 0; words < 2 && i < len(p) && p[i] == ' '; words++ {
		i++
		for i < len(p) && (isWord(p[i]) || p[i] == '.' || p[i] == '-' || p[i] == '/' || p[i] == '@') {
			i++
		}
		if i < len(p) && p[i] == '[' {
			return cutProcess(p, i)
		}
	}
	return 0
}

// cutProcess ends cutHost at the bracket after the name of the process.
func cutProcess(p string, i int) int {
	if p[i-1] == ' ' {
		return 0
	}
	end := strings.IndexByte(p[i:], ']')
	if end < 0 || end > 64 {
		return 0
	}
	i += end + 1
	if i+1 < len(p) && p[i] == ':' && p[i+1] == ' ' {
		return i + 2
	}
	if i+1 == len(p) && p[i] == ':' {
		return i + 1
	}
	for _, level := range []string{" [info]", " [error]"} {
		if k := strings.Index(p[i:], level); k >= 0 && k <= 6 {
			rest := strings.TrimPrefix(p[i+k+len(level):], " ")
			return len(p) - len(rest)
		}
	}
	return 0
}

// timeClass is the part that a word plays in a time stamp.
type timeClass uint8

const (
	noTime timeClass = iota
	date
	clock
	month
	weekday
	year
	zone
	day
)

// cutTime returns the length of the time stamp at the beginning of p, in nearly any form, or 0.
func cutTime(p string) int {
	var seen [day + 1]bool
	end := 0
	for i := 0; ; {
		j := i
		for j < len(p) && (isWord(p[j]) || strings.IndexByte(":.,-/+", p[j]) >= 0) {
			j++
		}
		word := strings.TrimRight(p[i:j], ":,.-/")
		c := classOf(word)
		switch c {
		case day:
			if !seen[month] && !monthNext(p[j:]) || seen[day] {
				c = noTime
			}
		case year:
			if !seen[month] {
				c = noTime
			}
		case zone:
			if !seen[clock] {
				c = noTime
			}
		}
		if c == noTime || c != zone && seen[c] {
			break
		}
		seen[c] = true
		if c == date && strings.IndexByte(word, ':') >= 0 {
			seen[clock] = true
		}
		end = i + len(word)
		if j-end > 1 || j >= len(p) || p[j] != ' ' {
			break
		}
		for i = j; i < len(p) && p[i] == ' ' && i < j+2; {
			i++
		}
	}
	if !seen[date] && !seen[clock] {
		return 0
	}
	return end
}

func monthNext(p string) bool { return len(p) > 4 && p[0] == ' ' && isMonth(p[1:4]) }

func isMonth(w string) bool {
	return len(w) >= 3 && strings.Contains("jan feb mar apr may jun jul aug sep oct nov dec", w[:3])
}

// classOf tells what part of a time a word may be. Dates with a clock in one word count as date.
func classOf(w string) timeClass {
	if len(w) == 0 {
		return noTime
	}
	if !isDigit(w[0]) {
		switch {
		case len(w) >= 3 && len(w) <= 9 && isMonth(w):
			return month
		case len(w) == 3 && strings.Contains("mon tue wed thu fri sat sun", w):
			return weekday
		case (w[0] == '+' || w[0] == '-') && len(w) >= 5 && isDigit(w[1]):
			return zone
		}
		switch w {
		case "utc", "gmt", "z", "am", "pm", "cet", "cest", "msk", "est", "edt", "pst", "pdt", "ist", "jst":
			return zone
		}
		return noTime
	}
	digits := 0
	for digits < len(w) && isDigit(w[digits]) {
		digits++
	}
	if digits == len(w) {
		switch {
		case digits <= 2:
			return day
		case digits == 4 && (w[0] == '1' && w[1] == '9' || w[0] == '2' && w[1] == '0'):
			return year
		case digits == 10 || digits == 13:
			return date // seconds or milliseconds since 1970
		}
		return noTime
	}
	if digits <= 2 && isClock(w) {
		return clock
	}
	return dateClass(w, digits)
}

// isClock accepts 9:05, 09:05:01, 09:05:01.123, 09:05:01,123Z, 9:05am, 09:05:01+02:00.
func isClock(w string) bool {
	i := 0
	for i < len(w) && i < 2 && isDigit(w[i]) {
		i++
	}
	if i+2 >= len(w) || w[i] != ':' || !isDigit(w[i+1]) || !isDigit(w[i+2]) {
		return false
	}
	for _, b := range []byte(w[i+3:]) {
		if !isDigit(b) && strings.IndexByte(":.,+-zampm", b) < 0 {
			return false
		}
	}
	return true
}

// dateClass accepts 2026-08-20, 2026/08/20, 20.08.2026, 2026.aug.15, 20/aug/2026:10:00:03 and
// 2026-08-20t10:00:03.411z. n is the number of digits w begins with.
func dateClass(w string, n int) timeClass {
	if n == 10 && w[n] == '.' {
		return date // 1724147000.123
	}
	sep := w[n]
	if n > 4 || n == 3 || sep != '-' && sep != '/' && sep != '.' {
		return noTime
	}
	i := n + 1
	for i < len(w) && isWord(w[i]) {
		i++
	}
	middle := w[n+1 : i]
	if len(middle) == 0 || len(middle) > 2 && !isMonth(middle) || i >= len(w) || w[i] != sep {
		return noTime
	}
	last := i + 1
	for i = last; i < len(w) && isDigit(w[i]); {
		i++
	}
	if i == last || i-last > 4 {
		return noTime
	}
	if i == len(w) {
		return date
	}
	if i+1 < len(w) && (w[i] == 't' || w[i] == ':' || w[i] == '_' || w[i] == '-') && isClock(w[i+1:]) {
		return date
	}
	return noTime
}
