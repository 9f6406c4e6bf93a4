package sandbox

import (
	"math/rand/v2"
	"slices"
	"time"
)

// maxJournal bounds the journal; the oldest entries go first. The verdict counts on.
const maxJournal = 20_000

// Entry is one request in the journal, or one delivery to a webhook.
type Entry struct {
	Method    string    `json:"method"` // in lower case; "webhook" for a delivery
	Bot       string    `json:"bot"`    // id; the secret is nowhere kept
	Peer      string    `json:"peer"`
	Agent     string    `json:"agent,omitempty"` // User-Agent
	Rival     bool      `json:"rival,omitempty"` // a poller of the sandbox's own
	Start     time.Time `json:"start"`
	End       time.Time `json:"end,omitzero"` // answer, or the client's disconnect
	Status    int       `json:"status,omitempty"`
	Void      bool      `json:"void,omitempty"` // the client was gone before the answer
	Offset    int64     `json:"offset,omitempty"`
	Timeout   int       `json:"timeout_seconds,omitempty"`
	Delivered []int64   `json:"delivered,omitempty"`

	tally *tally // that counts it
}

func (e *Entry) isPoll() bool { return e.Method == "getupdates" }

// log appends an entry and returns it to be completed. The caller holds the lock.
func (s *Server) log(e *Entry) *Entry {
	if len(s.journal) >= maxJournal {
		s.journal = slices.Delete(s.journal, 0, maxJournal/10)
	}
	s.journal = append(s.journal, e)
	s.touch()
	return e
}

// entries returns copies of the newest limit entries of a bot; "" is any bot, 0 all. The caller holds the lock.
func (s *Server) entries(bot string, limit int) []Entry {
	list := []Entry{}
	for _, e := range slices.Backward(s.journal) {
		if bot != "" && e.Bot != bot {
			continue
		}
		if list = append(list, *e); len(list) == limit {
			break
		}
	}
	slices.Reverse(list)
	return list
}

// Verdict is what the requests of one bot or of all come to. Times are of the server's own clock.
type Verdict struct {
	Requests          int     `json:"requests"`
	Polls             int     `json:"polls"`
	ConflictsLive     int     `json:"conflicts_live"` // a 409 that somebody received
	ConflictsVoid     int     `json:"conflicts_void"` // a 409 to a poll whose client was gone
	Overlaps          int     `json:"overlaps"`       // polls begun while one of another connection was open
	Updates           int     `json:"updates"`        // made
	DeliveredTwice    int     `json:"delivered_twice"`
	ConfirmedUnseen   int     `json:"confirmed_never_delivered"`
	Lost              int     `json:"lost"` // refused by a full queue, expired, or dropped by a call
	Pending           int     `json:"pending"`
	LongestGapSeconds float64 `json:"longest_gap_seconds"` // of one bot without any poll, since its first
	DeliveryP50Millis float64 `json:"delivery_p50_millis"` // from update to first delivery
	DeliveryP99Millis float64 `json:"delivery_p99_millis"`
	DeliveryMaxMillis float64 `json:"delivery_max_millis"`
}

// maxDelays bounds the delays that are kept: beyond, they are a fair sample.
const maxDelays = 100_000

// tally counts for the verdict as things happen, so that it does not depend on how much the journal keeps.
type tally struct {
	count     Verdict // times are computed from what follows
	open      []*Entry
	began     bool
	idleSince time.Time // while nothing is open
	gap       time.Duration
	delays    []time.Duration
	delivered int // delays seen
}

func (t *tally) begin(e *Entry) {
	t.count.Requests++
	if !e.isPoll() {
		return
	}
	t.count.Polls++
	if slices.ContainsFunc(t.open, func(o *Entry) bool { return o.Peer != e.Peer }) {
		t.count.Overlaps++
	}
	if t.began && len(t.open) == 0 {
		t.gap = max(t.gap, e.Start.Sub(t.idleSince))
	}
	t.began = true
	t.open = append(t.open, e)
}

func (t *tally) end(e *Entry) {
	if i := slices.Index(t.open, e); i >= 0 {
		t.open = slices.Delete(t.open, i, i+1)
		t.idleSince = e.End
	}
	if e.isPoll() && e.Status == 409 {
		if e.Void {
			t.count.ConflictsVoid++
		} else {
			t.count.ConflictsLive++
		}
	}
}

// voided counts an entry whose end was noted before its answer, or whose answer did not arrive.
func (t *tally) voided(e *Entry) {
	if e.isPoll() && e.Status == 409 {
		t.count.ConflictsVoid++
	}
}

func (t *tally) deliver(u *update, now time.Time) {
	switch u.delivered++; u.delivered {
	case 1:
		t.sample(now.Sub(u.at))
	case 2:
		t.count.DeliveredTwice++
	}
}

func (t *tally) undeliver(u *update) {
	if u.delivered--; u.delivered == 1 {
		t.count.DeliveredTwice--
	}
}

// sample keeps a delay; of more than maxDelays each has the same chance to be among those kept.
func (t *tally) sample(d time.Duration) {
	t.delivered++
	t.count.DeliveryMaxMillis = max(t.count.DeliveryMaxMillis, millis(d))
	if len(t.delays) < maxDelays {
		t.delays = append(t.delays, d)
	} else if i := rand.IntN(t.delivered); i < maxDelays {
		t.delays[i] = d
	}
}

// retire counts an update that leaves the queue: confirmed by an offset or an accepted delivery, or lost.
func (t *tally) retire(u *update, confirmed bool) {
	switch {
	case u.delivered > 0:
	case confirmed:
		t.count.ConfirmedUnseen++
	default:
		t.count.Lost++
	}
}

// forget begins anew. Polls under way go on.
func (t *tally) forget(now time.Time) {
	*t = tally{open: t.open, began: len(t.open) > 0, idleSince: now}
}

// verdict judges one bot, or all of them together when b is nil. The caller holds the lock.
func (s *Server) verdict(b *bot) Verdict {
	now := time.Now()
	v := s.nobody.count
	bots := s.order
	if b != nil {
		bots, v = []*bot{b}, Verdict{}
	}
	var delays []time.Duration
	for _, b := range bots {
		b.queue.collect(now)
		t := &b.tally
		c := t.count
		v.Requests += c.Requests
		v.Polls += c.Polls
		v.ConflictsLive += c.ConflictsLive
		v.ConflictsVoid += c.ConflictsVoid
		v.Overlaps += c.Overlaps
		v.Updates += c.Updates
		v.DeliveredTwice += c.DeliveredTwice
		v.ConfirmedUnseen += c.ConfirmedUnseen
		v.Lost += c.Lost
		v.Pending += len(b.queue.entries)
		v.LongestGapSeconds = max(v.LongestGapSeconds, t.longestGap(now).Seconds())
		v.DeliveryMaxMillis = max(v.DeliveryMaxMillis, c.DeliveryMaxMillis)
		delays = append(delays, t.delays...)
	}
	if n := len(delays); n > 0 {
		slices.Sort(delays)
		v.DeliveryP50Millis = millis(delays[n/2])
		v.DeliveryP99Millis = millis(delays[min(n*99/100, n-1)])
	}
	return v
}

func (t *tally) longestGap(now time.Time) time.Duration {
	if t.began && len(t.open) == 0 {
		return max(t.gap, now.Sub(t.idleSince))
	}
	return t.gap
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
