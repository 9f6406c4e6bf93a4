package sandbox

import (
	"slices"
	"time"
)

// maxJournal bounds the journal; the oldest entries go first.
const maxJournal = 20_000

// Entry is one request in the journal.
type Entry struct {
	Method    string    `json:"method"`
	Bot       string    `json:"bot"` // id; the secret is nowhere kept
	Peer      string    `json:"peer"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end,omitzero"` // answer, or the client's disconnect
	Status    int       `json:"status,omitempty"`
	Void      bool      `json:"void,omitempty"` // the client was gone before the answer
	Offset    int64     `json:"offset,omitempty"`
	Timeout   int       `json:"timeout_seconds,omitempty"`
	Delivered []int64   `json:"delivered,omitempty"`
}

func (e *Entry) isPoll() bool { return e.Method == "getupdates" }

// Verdict is what the journal shows. Times are of the server's own clock.
type Verdict struct {
	Requests          int     `json:"requests"`
	Polls             int     `json:"polls"`
	ConflictsLive     int     `json:"conflicts_live"` // a 409 that somebody received
	ConflictsVoid     int     `json:"conflicts_void"` // a 409 to a poll whose client was gone
	Overlaps          int     `json:"overlaps"`       // polls open at the same time as one of another connection
	DeliveredTwice    int     `json:"delivered_twice"`
	ConfirmedUnseen   int     `json:"confirmed_never_delivered"`
	Dropped           int     `json:"dropped"` // refused by a full queue
	Pending           int     `json:"pending"`
	LongestGapSeconds float64 `json:"longest_gap_seconds"` // of one bot without any poll, since its first
	DeliveryP50Millis float64 `json:"delivery_p50_millis"` // from update to delivery
	DeliveryMaxMillis float64 `json:"delivery_max_millis"`
}

// log appends an entry and returns it to be completed. The caller holds the lock.
func (s *Server) log(e *Entry) *Entry {
	if len(s.journal) >= maxJournal {
		s.journal = slices.Delete(s.journal, 0, maxJournal/10)
	}
	s.journal = append(s.journal, e)
	return e
}

// verdict judges the entries since the given time. The caller holds the lock.
func (s *Server) verdict(since time.Time) Verdict {
	v := Verdict{}
	var polls []*Entry
	for _, e := range s.journal {
		if e.Start.Before(since) {
			continue
		}
		v.Requests++
		if !e.isPoll() {
			continue
		}
		polls = append(polls, e)
		switch {
		case e.Status == 409 && e.Void:
			v.ConflictsVoid++
		case e.Status == 409:
			v.ConflictsLive++
		}
	}
	v.Polls = len(polls)
	byBot := map[string][]*Entry{}
	for _, e := range polls {
		byBot[e.Bot] = append(byBot[e.Bot], e)
	}
	for _, list := range byBot {
		overlaps, gap := judgePolls(list, time.Now())
		v.Overlaps += overlaps
		v.LongestGapSeconds = max(v.LongestGapSeconds, gap)
	}
	v.countUpdates(s.bots)
	return v
}

// judgePolls counts one bot's polls that were open while one of another connection was, and finds the
// longest time in which none was, up to now. Polls come in the order of their start.
func judgePolls(polls []*Entry, now time.Time) (overlaps int, gap float64) {
	var latest *Entry
	for _, e := range polls {
		if latest != nil {
			end := latest.End
			if end.IsZero() {
				end = now
			}
			switch d := e.Start.Sub(end); {
			case d > 0:
				gap = max(gap, d.Seconds())
			case d < 0 && e.Peer != latest.Peer:
				overlaps++
			}
			if !e.End.IsZero() && e.End.Before(end) {
				continue
			}
		}
		latest = e
	}
	if latest != nil && !latest.End.IsZero() {
		gap = max(gap, now.Sub(latest.End).Seconds())
	}
	return overlaps, gap
}

func (v *Verdict) countUpdates(bots map[string]*bot) {
	var delays []time.Duration
	for _, b := range bots {
		v.Dropped += b.queue.dropped
		v.Pending += len(b.queue.entries)
		for _, u := range slices.Concat(b.queue.past, b.queue.entries) {
			switch {
			case u.delivered > 1:
				v.DeliveredTwice++
			case u.delivered == 0 && u.confirmed:
				v.ConfirmedUnseen++
			}
			if u.delivered > 0 {
				delays = append(delays, u.first.Sub(u.at))
			}
		}
	}
	if len(delays) > 0 {
		slices.Sort(delays)
		v.DeliveryP50Millis = float64(delays[len(delays)/2].Microseconds()) / 1000
		v.DeliveryMaxMillis = float64(delays[len(delays)-1].Microseconds()) / 1000
	}
}
