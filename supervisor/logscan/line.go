package logscan

import (
	"regexp"
	"strings"
)

// strip removes colours and other terminal sequences, carriage returns, and NUL bytes.
func strip(s string) string {
	s = strings.TrimRight(s, "\r\n")
	if i := strings.LastIndexByte(s, '\r'); i >= 0 {
		s = s[i+1:] // what a terminal would show
	}
	if strings.ContainsAny(s, "\x1b\x00") {
		s = escapes.ReplaceAllString(s, "")
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b.`)

// transport is what container runtimes, syslog and platforms put before a line.
var transport = regexp.MustCompile(`^(?:` +
	`[A-Za-z0-9_.-]{1,40}\s*\| ` + // docker compose
	`|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+?(?:\[\d+\])?: ` + // syslog
	`|\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d (?:app|heroku)\[[\w.]+\]: ` + // Heroku
	`)`)

// stamp is a time stamp in one of the many forms, in brackets or not.
var stamp = regexp.MustCompile(`^[\[(]?(?:` +
	`\d{4}[-/.](?:\d\d|[A-Z][a-z]{2})[-/.]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?` +
	`|\d\d[-/.]\d\d[-/.]\d{2,4},? \d\d:\d\d:\d\d(?:[.,]\d+)?` +
	`|\d\d:\d\d:\d\d(?:[.,]\d+)?` +
	`|(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]?\d,? (?:\d{4} )?\d\d?:\d\d:\d\d(?: [A-Z]{2,4})?(?: \d{4})?` +
	`)[\])]?[ ,:|-]*`)

// group marks the lines of an exception group.
var group = regexp.MustCompile(`^\s*(?:\+-\+-+ ?|[|+] ?)`)

// unprefix returns the line without what stands before the program's own words.
func unprefix(s string) string {
	if loc := transport.FindStringIndex(s); loc != nil {
		s = s[loc[1]:]
	}
	s = group.ReplaceAllString(s, "")
	s = stamp.ReplaceAllString(strings.TrimLeft(s, " \t"), "")
	return strings.TrimSpace(s)
}

// record is the beginning of a log record: a time, or a level.
var record = regexp.MustCompile(`^(?:` + `[\[(]?\d{4}[-/.]|[\[(]?\d\d:\d\d|\s*[\[<]?(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b)`)

// startsRecord says whether a line begins something new, so that a block before it has ended.
func startsRecord(plain, _ string) bool { return record.MatchString(plain) }

// head is where a logger puts time, name and level.
func head(plain string) string { return plain[:min(len(plain), 120)] }

// The levels. Upper case as a word of its own, or as a field.
var (
	lowLevel  = regexp.MustCompile(`(?:^|[\s\[|(:<"=-])(?:INFO|DEBUG|TRACE|NOTICE)(?:[\s\]|):>",-]|$)|\blevel=(?:info|debug|trace)\b|"level":\s*(?:"(?:info|debug|trace)"|[123]0\b)`)
	highLevel = regexp.MustCompile(`(?:^|[\s\[|(:<"=/-])(?:WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE|PANIC)(?:[\s\]|):>",/-]|$)|\blevel=(?:warn|warning|error|fatal|panic|ERROR|WARN)\b|"level":\s*(?:"(?:warn|warning|error|critical|fatal)"|[456]0\b)`)
)

// exceptionLine is the last line of a traceback: a dotted class name and a colon.
var exceptionLine = regexp.MustCompile(`^(?:[A-Za-z_][\w]*\.)*(?:[A-Z]\w*)?(?:Error|Exception|Conflict|Unauthorized|InvalidToken|TerminatedByOtherGetUpdates|CantGetUpdates|AuthKeyDuplicated|Forbidden|TimedOut)(?::|$)`)

// chained are the sentences between two tracebacks.
func chained(text string) bool {
	return strings.HasPrefix(text, "During handling of the above exception") || strings.HasPrefix(text, "The above exception was the direct cause")
}
