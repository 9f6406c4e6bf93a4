//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lab is what all measurements share.
type lab struct {
	ctx     context.Context
	quick   bool
	dir     string // of everything that this run makes
	found   found
	machine machine
	marks   *marks
	server  string // a Bot API that answers at once; empty until it is needed
	scenes  int
	ends    []func()
}

// machine is the class of the machine: enough to compare, and nothing that tells whose it is.
type machine struct {
	CPU        string `json:"cpu"`
	Processors int    `json:"processors"`
	MemoryGiB  int    `json:"memory_gib"`
	Kernel     string `json:"kernel"`
	System     string `json:"system"`
	Go         string `json:"go"`
	Date       string `json:"date"`
	Quick      bool   `json:"quick"`
	Load       string `json:"load_at_start"`
}

func newLab(ctx context.Context, quick bool) (*lab, error) {
	dir, err := os.MkdirTemp("", "b") // short, for the paths of sockets
	if err != nil {
		return nil, err
	}
	l := &lab{ctx: ctx, quick: quick, dir: dir, machine: thisMachine()}
	l.machine.Quick = quick
	l.ends = append(l.ends, func() { os.RemoveAll(dir) })
	if l.marks, err = newMarks(filepath.Join(dir, "marks")); err != nil {
		l.close()
		return nil, err
	}
	l.ends = append(l.ends, l.marks.close)
	return l, nil
}

// close ends and removes what is left, the newest first.
func (l *lab) close() {
	for i := len(l.ends) - 1; i >= 0; i-- {
		l.ends[i]()
	}
	l.ends = nil
}

// say tells on stderr how far it is.
func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s bench: %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// times is how often something is repeated.
func (l *lab) times(quick, full int) int {
	if l.quick {
		return quick
	}
	return full
}

// pass lets time pass: it is the length of what is measured.
func (l *lab) pass(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
}

// reading is one value of one metric.
type reading struct {
	metric, unit string
	value        float64
}

// subject is something that is measured in turns with others.
type subject struct {
	name   string
	as     role
	every  int // takes part in each so-manieth round only; 0: in all
	sample func() ([]reading, error)
}

// rounds measures the subjects in turns, in another order each time, so that whatever else the machine does hits all of
// them alike. One that fails twice is left out from then on, and said to be.
func (l *lab) rounds(bench string, n int, subjects []subject) error {
	failed := map[string]int{}
	for _, s := range subjects {
		l.found.known(bench, s.name, s.as)
	}
	for round := range n {
		for _, i := range rand.Perm(len(subjects)) {
			s := subjects[i]
			if s.every > 1 && round%s.every != 0 || failed[s.name] > 1 {
				continue
			}
			if l.ctx.Err() != nil {
				return l.ctx.Err()
			}
			list, err := s.sample()
			if err != nil {
				l.say("%s: %s: %v", bench, s.name, err)
				if failed[s.name]++; failed[s.name] > 1 {
					l.found.lacks(bench, s.name, err.Error())
					if s.as != peer {
						return fmt.Errorf("%s: %w", s.name, err)
					}
				}
				continue
			}
			for _, r := range list {
				l.found.add(bench, r.metric, r.unit, s.name, s.as, r.value)
			}
		}
	}
	return nil
}

// millis is the time between two readings of the clock.
func millis(from, to int64) float64 { return float64(to-from) / 1e6 }

// now is CLOCK_MONOTONIC, which the child reads too.
func now() int64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}

func thisMachine() machine {
	m := machine{Processors: runtime.NumCPU(), Go: runtime.Version() + " " + runtime.GOARCH, Date: time.Now().UTC().Format("2006-01-02"), CPU: "unknown", System: "Linux"}
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		release, _, _ := strings.Cut(unix.ByteSliceToString(uts.Release[:]), "-")
		m.Kernel = release
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.MemoryGiB = int((info.Totalram*uint64(info.Unit) + 1<<29) >> 30)
		m.Load = fmt.Sprintf("%.2f", float64(info.Loads[0])/(1<<16))
	}
	m.CPU = field("/proc/cpuinfo", "model name", ":", m.CPU)
	m.System = strings.Trim(field("/etc/os-release", "PRETTY_NAME", "=", m.System), `"`)
	return m
}

// field is the value behind name in a file of lines.
func field(file, name, sep, def string) string {
	f, err := os.Open(file)
	if err != nil {
		return def
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if k, v, ok := strings.Cut(sc.Text(), sep); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return def
}

// started is a program that a measurement runs.
type started struct {
	cmd  *exec.Cmd
	done chan struct{}
	at   int64 // before it was started
	gone int64 // when it was seen to be gone; valid once done is closed
}

func start(cmd *exec.Cmd) (*started, error) {
	s := &started{cmd: cmd, done: make(chan struct{}), at: now()}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // until the program ends, which its starter sees to
		cmd.Wait()
		s.gone = now()
		close(s.done)
	}()
	return s, nil
}

// end sends a signal and waits; SIGKILL follows after limit.
func (s *started) end(sig unix.Signal, limit time.Duration) error {
	s.cmd.Process.Signal(sig)
	select {
	case <-s.done:
		return nil
	case <-time.After(limit):
		s.cmd.Process.Kill()
		<-s.done
		return fmt.Errorf("did not end within %v of signal %d", limit, sig)
	}
}
