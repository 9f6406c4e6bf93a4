package sandbox

import (
	"encoding/json"
	"time"
)

// Limits of a bot's queue and of one answer, as the real server has them (tdlib/td
// TQueue.cpp, telegram-bot-api Client.cpp).
const (
	maxPending   = 100_000
	maxUpdateID  = 2_000_000_000
	maxBody      = 4 << 20 // bytes of updates in one answer
	bodyPerEntry = 50      // bytes that each update counts besides its own
	futureOffset = 10      // an offset this far behind the tail is taken literally
	pastOffset   = 100_000 // one this far before the head is taken for the head
	updateTTL    = 24 * time.Hour
)

// update is one entry of a queue. Its counters are for the verdict.
type update struct {
	id        int64
	body      json.RawMessage // the object's members after update_id
	at        time.Time
	delivered int       // times it went out on a connection that was still there
	first     time.Time // of those
	confirmed bool
}

// queue is the updates of one bot id: ordered, with tail as the next id. It is pure:
// the caller serialises and brings the time.
type queue struct {
	entries []*update // ids ascending
	head    int64     // ids below are forgotten; may lie past tail, and then swallows
	tail    int64
	past    []*update // forgotten ones, for the verdict, at most maxPending
	dropped int       // new updates that a full queue refused
}

func newQueue(firstID int64) *queue { return &queue{head: firstID, tail: firstID} }

// push appends an update. One whose id an offset has already passed is swallowed; a full
// queue drops the new one.
func (q *queue) push(body json.RawMessage, now time.Time) int64 {
	u := &update{id: q.tail, body: body, at: now}
	q.tail++
	switch {
	case u.id < q.head:
		u.confirmed = true
		q.retire(u)
	case len(q.entries) >= maxPending:
		q.dropped++
	default:
		q.entries = append(q.entries, u)
	}
	return u.id
}

// seek applies an offset: it forgets what the offset confirms, delivered or not, and
// returns the id to read from.
func (q *queue) seek(offset int64) int64 {
	switch {
	case offset < 0:
		if n := int64(len(q.entries)); n > -offset {
			q.forget(q.entries[n+offset].id)
		}
		return q.first()
	case offset == 0, offset > q.tail+futureOffset, offset < q.first()-pastOffset:
		return q.first()
	}
	q.forget(offset)
	return offset
}

// first is the id of the oldest update, or the next one's.
func (q *queue) first() int64 {
	if len(q.entries) > 0 {
		return q.entries[0].id
	}
	return max(q.head, q.tail)
}

func (q *queue) forget(below int64) {
	q.head = max(q.head, below)
	n := 0
	for n < len(q.entries) && q.entries[n].id < below {
		q.entries[n].confirmed = true
		q.retire(q.entries[n])
		n++
	}
	q.entries = q.entries[n:]
}

func (q *queue) retire(u *update) {
	if len(q.past) < maxPending {
		u.body = nil
		q.past = append(q.past, u)
	}
}

// read returns up to limit updates from id on. It reserves nothing: another reader
// gets the same ones.
func (q *queue) read(from int64, limit int, now time.Time) []*update {
	var list []*update
	size := 0
	for _, u := range q.entries {
		if u.id < from || now.Sub(u.at) >= updateTTL {
			continue
		}
		size += len(u.body) + bodyPerEntry
		if len(list) == limit || size > maxBody && len(list) > 0 {
			break
		}
		list = append(list, u)
	}
	return list
}

func (q *queue) clear() {
	if n := len(q.entries); n > 0 {
		q.forget(q.entries[n-1].id + 1)
	}
}
