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

const (
	surely = 3                      // so many such deliveries show a habit
	prompt = 100 * time.Millisecond // whoever asks when it has handled, asks so soon after its last call
)

func (h *habit) delivered(now time.Time) { h.fed, h.given, h.called = now, true, false }

// asks takes in a poll. open says that a call is open, ended when the latest one ended. A child that asks by the clock
// (node-telegram-bot-api: each 0.3 s) would look tidy as long as its handlers are quick.
func (h *habit) asks(open bool, ended, now time.Time) {
	switch {
	case !h.given || !h.called:
	case open, now.Sub(ended) > prompt:
		h.beside = true
	default:
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
