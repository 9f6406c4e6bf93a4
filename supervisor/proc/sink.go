package proc

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"botctl/supervisor/mutant"
)

const (
	sinkSize  = 1 << 20         // bytes that may wait for a slow reader
	sinkPause = 5 * time.Second // how long a slow reader may hold the child up (P34)
)

// Sink writes to our own stdout or stderr beside the one who has something to say, so that
// a reader that stalls never stops the supervisor. While its buffer of 1 MiB is full
// a Write waits, which slows the child down as a pipe would; after 5 s bytes are dropped, counted,
// and the count is written when the reader goes on. A closed reader is as good as
// the null device (P35). It is safe for concurrent use.
type Sink struct {
	name string
	dst  io.Writer
	done chan struct{}

	mu      sync.Mutex
	change  sync.Cond // buf was filled or emptied, or closed
	buf     []byte
	writing bool
	midLine bool // the last byte was no line end
	dropped int64
	stalled bool // a Write has waited in vain, so the next ones do not wait
	broken  bool // the reader is gone
	closed  bool
}

// NewSink starts a Sink; name stands in the word about dropped bytes. Its goroutine ends with Close.
func NewSink(dst io.Writer, name string) *Sink {
	s := &Sink{name: name, dst: dst, done: make(chan struct{})}
	s.change.L = &s.mu
	go s.run()
	return s
}

// Write takes p whole; it never fails.
func (s *Sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for rest := p; len(rest) > 0; {
		room := sinkSize - len(s.buf)
		if room <= 0 && !s.waitForRoom() {
			s.dropped += int64(len(rest))
			break
		}
		n := min(len(rest), max(sinkSize-len(s.buf), 0))
		s.append(rest[:n])
		rest = rest[n:]
	}
	return len(p), nil
}

// WriteLine writes a line of botctl's own, never into the middle of a child's. It does
// not wait: a line that has no room is dropped and counted.
func (s *Sink) WriteLine(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.buf)+len(line) > 2*sinkSize {
		s.dropped += int64(len(line))
		return
	}
	if s.midLine {
		s.append([]byte{'\n'})
	}
	s.append([]byte(line + "\n"))
}

func (s *Sink) append(p []byte) {
	if s.broken || len(p) == 0 {
		return
	}
	s.buf = append(s.buf, p...)
	s.midLine = p[len(p)-1] != '\n'
	s.change.Broadcast()
}

// waitForRoom waits for the reader, the first time sinkPause, then not at all
// until it has read again.
func (s *Sink) waitForRoom() bool {
	if s.stalled || s.closed {
		return false
	}
	late := false
	timer := time.AfterFunc(sinkPause, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.change.Broadcast()
	})
	defer timer.Stop()
	for len(s.buf) >= sinkSize && (!late || mutant.Is(mutant.BlockingSink)) && !s.closed && !s.broken {
		s.change.Wait()
	}
	s.stalled = len(s.buf) >= sinkSize
	return !s.stalled
}

// run writes what has come together, until Close.
func (s *Sink) run() {
	defer close(s.done)
	var out []byte
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.buf) == 0 && !s.closed {
			s.change.Wait()
		}
		if len(s.buf) == 0 {
			return
		}
		out, s.buf = s.buf, out[:0]
		s.writing = true
		s.mu.Unlock()
		_, err := s.dst.Write(out)
		s.mu.Lock()
		s.writing = false
		if err != nil {
			s.broken, s.buf = true, nil
		}
		if s.dropped > 0 {
			lost := fmt.Sprintf("botctl: %d bytes of output dropped: the reader of %s stalled\n", s.dropped, s.name)
			if s.midLine {
				lost = "\n" + lost
			}
			s.dropped = 0
			s.append([]byte(lost))
		}
		s.stalled = false
		s.change.Broadcast()
	}
}

// Flush waits until everything is written, or ctx ends.
func (s *Sink) Flush(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.change.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for (len(s.buf) > 0 || s.writing) && ctx.Err() == nil {
		s.change.Wait()
	}
}

// Close writes what is left, as far as ctx allows, and ends the Sink's goroutine; one that
// hangs in a write of a stalled reader is left behind.
func (s *Sink) Close(ctx context.Context) {
	s.Flush(ctx)
	s.mu.Lock()
	s.closed = true
	s.change.Broadcast()
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-ctx.Done():
	}
}
