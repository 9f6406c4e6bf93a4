package sandbox

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Limits of a bot's queue and of one answer, as the real server has them (tdlib/td
// TQueue.cpp, telegram-bot-api Client.cpp).
const (
	maxPending    = 100_000
	maxQueueBytes = 128 << 20
	maxUpdate     = 512 << 10 // bytes
	maxUpdateID   = 2_000_000_000
	maxBody       = 4 << 20 // bytes of updates in one answer
	bodyPerEntry  = 50      // bytes that each update counts besides its own
	futureOffset  = 10      // an offset this far behind the tail is taken literally
	pastOffset    = 100_000 // one this far before the head is taken for the head
	updateTTL     = 24 * time.Hour
	callbackTTL   = 150 * time.Second
	collectFirst  = 10 * time.Minute // after the start expired updates leave the queue for the first time,
	collectEvery  = time.Minute      // and then so often; reads skip them before
)

// update is one entry of a queue.
type update struct {
	id        int64
	kind      string          // "message", "callback_query" …
	body      json.RawMessage // the object's members after update_id
	text      string          // for people
	key       int64           // chat or user: a webhook gets the updates of one key in order
	at        time.Time
	expires   time.Time
	delivered int // times it went out on a connection that was still there
}

// queue is the updates of one bot id: ordered, with tail as the next id. It is pure:
// the caller serialises and brings the time.
type queue struct {
	entries []*update // ids ascending
	bytes   int
	head    int64 // ids below are forgotten; may lie past tail, and then swallows
	tail    int64
	next    time.Time // collection
	gone    func(u *update, confirmed bool)
}

func newQueue(firstID int64, now time.Time) *queue {
	return &queue{head: firstID, tail: firstID, next: now.Add(collectFirst), gone: func(*update, bool) {}}
}

// push appends an update and gives it its id. One whose id an offset has already passed is swallowed; a full
// queue drops the new one, which then has no id.
func (q *queue) push(u *update, now time.Time) {
	u.at, u.expires = now, now.Add(ttl(u.kind))
	if q.tail >= maxUpdateID || len(u.body) > maxUpdate || len(q.entries) >= maxPending || q.bytes+len(u.body) > maxQueueBytes {
		q.gone(u, false)
		return
	}
	u.id = q.tail
	q.tail++
	if u.id < q.head {
		q.gone(u, true)
		return
	}
	q.entries = append(q.entries, u)
	q.bytes += len(u.body)
}

// ttl is how long an update of a kind may wait (Client.cpp: add_update). Of the others that the sandbox makes
// none is shorter.
func ttl(kind string) time.Duration {
	if kind == "callback_query" {
		return callbackTTL
	}
	return updateTTL
}

// seek applies an offset: it forgets what the offset confirms, delivered or not, and
// returns the id to read from.
func (q *queue) seek(offset int64) int64 {
	switch {
	case offset < 0:
		if n := int64(len(q.entries)); n > -offset {
			q.forget(q.entries[n+offset].id, true)
		}
		return q.first()
	case offset == 0, offset > q.tail+futureOffset, offset < q.first()-pastOffset:
		return q.first()
	}
	q.forget(offset, true)
	return offset
}

// first is the id of the oldest update, or the next one's.
func (q *queue) first() int64 {
	if len(q.entries) > 0 {
		return q.entries[0].id
	}
	return max(q.head, q.tail)
}

func (q *queue) forget(below int64, confirmed bool) {
	q.head = max(q.head, below)
	n := 0
	for n < len(q.entries) && q.entries[n].id < below {
		q.remove(n, confirmed)
		n++
	}
	q.entries = q.entries[n:]
}

// remove accounts for an entry that is about to leave the list.
func (q *queue) remove(i int, confirmed bool) {
	u := q.entries[i]
	q.entries[i] = nil
	q.bytes -= len(u.body)
	q.gone(u, confirmed)
}

// take forgets one update, wherever it stands: what a webhook has accepted.
func (q *queue) take(u *update) {
	if i := slices.Index(q.entries, u); i >= 0 {
		q.remove(i, true)
		q.entries = slices.Delete(q.entries, i, i+1)
	}
}

// collect forgets what has expired, when it is time to.
func (q *queue) collect(now time.Time) {
	if now.Before(q.next) {
		return
	}
	q.next = now.Add(collectEvery)
	list := q.entries[:0]
	for i, u := range q.entries {
		if now.Before(u.expires) {
			list = append(list, u)
			continue
		}
		q.bytes -= len(u.body)
		q.gone(q.entries[i], false)
	}
	clear(q.entries[len(list):])
	q.entries = list
}

// read returns up to limit updates from id on. It reserves nothing: another reader
// gets the same ones.
func (q *queue) read(from int64, limit int, now time.Time) []*update {
	q.collect(now)
	var list []*update
	size := 0
	start, _ := slices.BinarySearchFunc(q.entries, from, func(u *update, id int64) int { return cmp.Compare(u.id, id) })
	for _, u := range q.entries[start:] {
		if !now.Before(u.expires) {
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

// clear drops everything.
func (q *queue) clear() {
	if n := len(q.entries); n > 0 {
		q.forget(q.entries[n-1].id+1, false)
	}
}

// drop forgets one update that nobody has taken.
func (q *queue) drop(u *update) {
	if i := slices.Index(q.entries, u); i >= 0 {
		q.remove(i, false)
		q.entries = slices.Delete(q.entries, i, i+1)
	}
}
