package gateway

import "time"

// habit is what was seen of how a child handles updates. Many handle a batch before they ask for the next, and are
// done with it when they do. Others ask at once and handle beside, in threads, tasks or out of a queue: then nothing but
// silence shows that they are done. A child counts among the first when it has been seen to be one, and never to be of the others.
type habit struct {
	fed    time.Time // the latest delivery
	given  bool      // updates were delivered and it has not asked for more
	called bool      // it has made a call since
	cycles int       // deliveries that calls followed before the next poll
	beside bool      // it has made a call while a poll of its own was under way
}

// surely is how many such deliveries show a habit.
const surely = 3

func (h *habit) delivered(now time.Time) { h.fed, h.given, h.called = now, true, false }

func (h *habit) asks() {
	if h.given && h.called {
		h.cycles++
	}
	h.given = false
}

// calls takes in a call that is no poll; polling says that a poll of the same child is under way. What a child says before it is
// given anything (its commands, its name) shows nothing.
func (h *habit) calls(polling bool) {
	h.called = true
	if polling && !h.fed.IsZero() {
		h.beside = true
	}
}

// oneByOne says whether a child that has asked for more is done with what it was given before.
func (h *habit) oneByOne() bool { return h.cycles >= surely && !h.beside }
