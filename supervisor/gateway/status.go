package gateway

import "time"

// Snapshot is how the gateway stands. It holds no secret. Times are zero for what has not happened.
type Snapshot struct {
	Since     time.Time
	Holding   bool // no seat serves: polls are parked
	Webhook   bool // one is known to be set
	AtServer  int  // polls whose request is at the server
	Parked    int  // polls that wait here
	Polls     uint64
	Updates   uint64 // delivered
	Conflicts uint64 // absorbed
	Calls     uint64 // that are no polls
	CallsOpen int
	Strangers uint64 // requests refused, since they brought no token of ours

	LastPoll   time.Time // the latest one that began
	IdleSince  time.Time // since when the serving child has had no poll
	UsualGap   time.Duration
	LastUpdate time.Time
	CallBegan  time.Time // the latest call, polls not counted
	LastCall   time.Time // the latest call, polls not counted, that ended well
	Conflict   time.Time // since when polls are taken away one after the other
	Trouble    time.Time // since when the server does not answer polls as it should
	Cursor     int64     // every update below is acknowledged
}

// Snapshot returns how g stands: the usual environment, and both together where something is counted.
func (g *Gateway) Snapshot() Snapshot {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Snapshot{
		Since: g.began, Holding: g.lines[0].serving == nobody,
		Calls: g.calls.total, CallsOpen: g.calls.open, Strangers: g.calls.refused, LastCall: g.calls.served, CallBegan: g.calls.began,
		Cursor: g.lines[0].ack, Conflict: g.lines[0].conflict.since, Trouble: g.lines[0].failing.since,
		UsualGap: max(g.lines[0].gap, g.lines[1].gap),
	}
	for i := range g.lines {
		l := &g.lines[i]
		s.Webhook = s.Webhook || !l.webhook.IsZero()
		s.Polls += l.count.polls
		s.Updates += l.count.updates
		s.Conflicts += l.count.conflicts
		s.LastPoll = later(s.LastPoll, l.begun)
		s.LastUpdate = later(s.LastUpdate, l.update)
		s.IdleSince = later(s.IdleSince, l.idle)
		for _, p := range l.polls {
			if p.sent.IsZero() {
				s.Parked++
			} else {
				s.AtServer++
			}
		}
	}
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
