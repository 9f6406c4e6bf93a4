package control

import (
	"bytes"
	"context"
	"slices"
	"sync"
)

// Bounds of what is kept of the child's output, and of what a slow follower may be behind.
const (
	tailSize     = 256 << 10 // bytes
	followerSize = 64        // chunks
)

// Tail keeps the end of the child's output, already masked, for "botctl logs". It is safe
// for concurrent use, and Write never waits for a follower.
type Tail struct {
	mu        sync.Mutex
	buf       []byte
	followers map[chan []byte]bool
}

// NewTail returns an empty Tail.
func NewTail() *Tail { return &Tail{followers: map[chan []byte]bool{}} }

// Write appends p and hands a copy to each follower; one that is too far behind
// loses it.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(p) >= tailSize {
		t.buf = append(t.buf[:0], p[len(p)-tailSize:]...)
	} else {
		if over := len(t.buf) + len(p) - 2*tailSize; over > 0 {
			// Cut to half in one go, so that small writes do not move the buffer each time.
			t.buf = append(t.buf[:0], t.buf[len(t.buf)-tailSize:]...)
		}
		t.buf = append(t.buf, p...)
	}
	if len(t.followers) > 0 {
		chunk := slices.Clone(p)
		for ch := range t.followers {
			select {
			case ch <- chunk:
			default:
			}
		}
	}
	return len(p), nil
}

// Lines returns the last n lines; all that is kept when n is negative.
func (t *Tail) Lines(n int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return split(t.last(n))
}

func split(b []byte) []string {
	var lines []string
	for line := range bytes.Lines(b) {
		lines = append(lines, string(bytes.TrimRight(line, "\r\n")))
	}
	return lines
}

// last is the end of buf with n lines. The caller holds the lock.
func (t *Tail) last(n int) []byte {
	if n < 0 {
		return t.buf
	}
	at := len(t.buf)
	for ; n > 0 && at > 0; n-- {
		at = bytes.LastIndexByte(t.buf[:at-1], '\n') + 1
	}
	return t.buf[at:]
}

// Follow returns the last n lines and a channel with what comes after them, until ctx ends.
func (t *Tail) Follow(ctx context.Context, n int) ([]byte, <-chan []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ch := make(chan []byte, followerSize)
	t.followers[ch] = true
	context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.followers, ch)
		close(ch)
	})
	return slices.Clone(t.last(n)), ch
}
