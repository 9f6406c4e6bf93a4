package supervisor

import "time"

// repeats keeps a cause that comes again and again from filling the log: it is said at once,
// and then at most when 1, 5 and 30 minutes have passed since, with the count of
// what was left out, and every 30 minutes after that. It belongs to the loop's goroutine.
type repeats map[string]*repeated

type repeated struct {
	first, last time.Time
	step        int // of the schedule
	left        int // occurrences not said
}

// repeatAfter is when a cause is said again, counted from its first time.
var repeatAfter = [...]time.Duration{0, time.Minute, 5 * time.Minute, 30 * time.Minute}

// forgetAfter is how long a cause must not have come up to be new again.
const forgetAfter = 30 * time.Minute

// say reports whether key is to be said now, and how often it came up unsaid since the last time.
func (r repeats) say(key string, now time.Time) (left int, ok bool) {
	e := r[key]
	if e == nil || now.Sub(e.last) >= forgetAfter {
		r[key] = &repeated{first: now, last: now, step: 1}
		return 0, true
	}
	e.last = now
	if now.Before(e.first.Add(e.due())) {
		e.left++
		return 0, false
	}
	for !now.Before(e.first.Add(e.due())) {
		e.step++
	}
	left, e.left = e.left, 0
	return left, true
}

func (e *repeated) due() time.Duration {
	last := len(repeatAfter) - 1
	if e.step <= last {
		return repeatAfter[e.step]
	}
	return repeatAfter[last] * time.Duration(e.step-last+1)
}
