//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// mark is a record of the child: see child/stamp.c.
type mark struct {
	kind byte
	at   int64
	pid  int
	text string
}

// marks reads the named pipe and hands the records out by their id.
type marks struct {
	path string
	pipe *os.File
	done chan struct{}

	mu   sync.Mutex
	byID map[string]chan mark
}

func newMarks(path string) (*marks, error) {
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0) // for writing too, so that it never ends
	if err != nil {
		return nil, err
	}
	m := &marks{path: path, pipe: f, done: make(chan struct{}), byID: map[string]chan mark{}}
	go m.read()
	return m, nil
}

func (m *marks) close() {
	m.pipe.Close()
	<-m.done
}

func (m *marks) read() {
	defer close(m.done)
	for sc := bufio.NewScanner(m.pipe); sc.Scan(); {
		f := strings.SplitN(sc.Text(), " ", 5)
		if len(f) < 4 {
			continue
		}
		at, _ := strconv.ParseInt(f[2], 10, 64)
		pid, _ := strconv.Atoi(f[3])
		r := mark{kind: f[1][0], at: at, pid: pid}
		if len(f) == 5 {
			r.text = f[4]
		}
		select {
		case m.of(f[0]) <- r:
		default: // nobody waits for a child that is started again and again
		}
	}
}

func (m *marks) of(id string) chan mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.byID[id]
	if c == nil {
		c = make(chan mark, 64)
		m.byID[id] = c
	}
	return c
}

// await returns the next record of a kind, and drops others before it.
func (m *marks) await(id string, kind byte, limit time.Duration) (mark, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case r := <-m.of(id):
			if r.kind == kind {
				return r, nil
			}
		case <-timer.C:
			return mark{}, fmt.Errorf("no record %q of the child within %v", kind, limit)
		case <-m.done:
			return mark{}, errors.New("the pipe of the records is closed")
		}
	}
}
