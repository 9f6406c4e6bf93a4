package logscan

import "strings"

// block is what the lines of a stream belong to.
type block uint8

const (
	outside     block = iota
	reported          // after a finding, while its traceback, dump or stack goes on
	ignored           // "Exception ignored in:" and the like, up to the exception
	ignoredDone       // after that exception, which may be followed by one in whose handling it arose
)

// follow moves on to the next line, and says whether that line may be judged.
func (s *stream) follow(t text) bool {
	t = t.from(cutTransport(t.low))
	low := t.low
	switch s.block {
	case reported:
		if goesOn(low) {
			return true
		}
	case ignored:
		if goesOn(low) && !raised(low) || hasAny(low, "protocol: ", "transport: ", "handle: ", "object repr") {
			return false
		}
		if raised(low) {
			s.block = ignoredDone
			return false
		}
	case ignoredDone:
		if strings.TrimSpace(low) == "" {
			return false
		}
		if chained(low) {
			s.block = ignored
			return false
		}
	}
	if s.block != outside {
		s.block, s.told = outside, [kinds]bool{}
	}
	if harmless(t) {
		s.block = ignored
		return false
	}
	return true
}

// harmless says whether a line begins a report of an error that Python met while it tidied
// up, which ends nothing. The blocks look like tracebacks.
func harmless(t text) bool {
	if hasAny(t.low, "exception ignored in", "exception ignored while", "exception ignored on") {
		return true
	}
	const ssl = "fatal error on ssl transport"
	return strings.Contains(t.low, ssl) && strings.HasPrefix(parseRecord(t).msg.low, ssl)
}

// goesOn says whether a line may belong to the report of the line before.
func goesOn(low string) bool {
	if len(low) == 0 {
		return true
	}
	switch low[0] {
	case ' ', '\t', '}', ']', ')', '|', '+', '^', '#':
		return true
	}
	return chained(low) || raised(low) ||
		hasAny(low, "traceback (most recent call last)", "stack trace:", "caused by: ", "node.js v", "sys:1: ", "goroutine ")
}

// chained says whether a line joins two tracebacks.
func chained(low string) bool {
	return hasAny(low, "during handling of the above exception", "the above exception was the direct cause")
}

// raised says whether a line is of the form "module.Class: message" or "Class" that ends a traceback.
func raised(low string) bool {
	i := 0
	dotted := false
	for i < len(low) && (isWord(low[i]) || low[i] == '.' && i > 0) {
		dotted = dotted || low[i] == '.'
		i++
	}
	if i == 0 || i < len(low) && (low[i] != ':' || i+1 < len(low) && low[i+1] != ' ') {
		return false
	}
	if i == len(low) {
		dotted = false // "done." is no class
	}
	return dotted || isClass(low[:i])
}

// isClass says whether a name is that of an exception by Python's habits.
func isClass(name string) bool {
	for _, end := range []string{"error", "exception", "warning", "exit", "interrupt", "iteration", "timeout"} {
		if len(name) > len(end) && strings.HasSuffix(name, end) {
			return true
		}
	}
	return name == "conflict" || name == "unauthorized" || name == "invalidtoken" || hasAny(name, "authkey", "accesstoken", "sessionrevoked")
}
