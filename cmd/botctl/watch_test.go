package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/control"
)

var update = flag.Bool("update", false, "write the golden files anew")

// watched is a moment of a bot that has seen something.
func watched() sample {
	now := time.Date(2026, 11, 23, 20, 11, 41, 0, time.UTC)
	before := func(d time.Duration) *time.Time { t := now.Add(-d); return &t }
	return sample{at: now, lives: true, st: control.Status{
		BotID: "110201543", BotName: "@x_bot", Phase: "running", Well: true, Ready: true, SupervisorPID: 7, StartedAt: now.Add(-time.Hour),
		Child:    &control.Child{PID: 34, Processes: 2, UptimeSeconds: 185, Status: "digest at 09:00"},
		Restarts: control.Restarts{Total: 3, ByCause: map[string]int{"exit": 2, "stalled": 1}, LastCause: "exit", LastAt: before(3 * time.Minute)},
		LastExit: &control.LastExit{Code: 1, Reason: "code 1", At: now.Add(-3 * time.Minute)},
		Gateway: &control.Gateway{
			Mode: "auto", Used: true, PollsThrough: true, PollOpen: true, Polls: 99, Updates: 12, Calls: 40,
			LastPollAt: before(12 * time.Second), LastUpdateAt: before(41 * time.Second),
		},
		Conflicts: control.Conflicts{Total: 1, LastAt: before(5 * time.Minute)},
	}}
}

// leased is a lease that another machine holds, and that this one has lost once.
func leased() *control.Lease {
	return &control.Lease{
		Store: "redis cache:6379", Mode: "waiting", Known: true, Epoch: 3, Fences: 1,
		Holder: &control.LeaseMember{Name: "replica-a", Deploy: "d1", Number: 1}, Me: control.LeaseMember{Name: "replica-b", Deploy: "d1", Number: 1},
	}
}

func TestFrames(t *testing.T) {
	someGaps := &gaps{}
	for _, ms := range []int{0, 0, 100, 0, 900, 2500, 4000, 0, 0, 300} {
		someGaps.seen = append(someGaps.seen, time.Duration(ms)*time.Millisecond)
	}
	bare := watched()
	bare.st.Gateway, bare.st.LastExit, bare.st.Child = nil, nil, nil
	bare.st.Phase, bare.st.Well, bare.st.Ready, bare.st.Trouble = "waiting", false, false, "it ended"
	bare.st.NextStartAt = new(bare.at.Add(7 * time.Second))
	silent := next(watched(), control.Status{}, false, errors.New("ask the supervisor, pid 7: no answer in 5s"), watched().at)
	hostile := watched()
	hostile.st.BotName, hostile.st.Child.Status = "@日本語\x1b[2J", strings.Repeat("wide 漢字 ", 30)
	standby := watched()
	standby.st.Well, standby.st.Ready, standby.st.Trouble, standby.st.Platform = false, false, "another machine has the lease: replica-a, deploy d1", "railway"
	standby.st.Lease = leased()
	for name, tc := range map[string]struct {
		s   sample
		scr screen
	}{
		"standby": {standby, screen{100, 24, true}},
		"well":    {watched(), screen{80, 24, true}}, "ascii": {watched(), screen{80, 24, false}}, "narrow": {watched(), screen{30, 24, true}}, "low": {watched(), screen{80, 4, true}},
		"bare": {bare, screen{80, 24, true}}, "silent": {silent, screen{80, 24, true}}, "hostile": {hostile, screen{80, 24, true}},
	} {
		var out bytes.Buffer
		lines, err := writeFrame(&out, tc.s, someGaps, tc.scr)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(out.String(), "\x1b[K\n", "\n")
		if lines != strings.Count(got, "\n") || lines > tc.scr.height-1 || strings.Contains(got, "\x1b") {
			t.Errorf("%s: %d lines: %q", name, lines, got)
		}
		for line := range strings.Lines(got) {
			cells := 0
			for _, c := range strings.TrimSuffix(line, "\n") {
				cells += cellsOf(c)
			}
			if cells >= tc.scr.width {
				t.Errorf("%s: %d cells: %q", name, cells, line)
			}
		}
		golden(t, filepath.Join("testdata", "watch", name+".txt"), got)
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", path, got, want)
	}
}

func TestGapsOfAWatchedBot(t *testing.T) {
	begin := watched()
	begin.st.Gateway.LastPollAt = nil
	var g gaps
	open := true
	for i, ms := range []int{0, 500, 1000, 1500, 2000, 2500, 3000} {
		s := begin
		gate := *begin.st.Gateway
		s.st.Gateway = &gate
		if i == 3 { // no poll from here to the last sample
			open = false
		}
		gate.PollOpen = open || i == 6
		s.at = begin.at.Add(time.Duration(ms) * time.Millisecond)
		g.note(s)
	}
	want := []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 0}
	if len(g.seen) != len(want) {
		t.Fatalf("%v", g.seen)
	}
	for i := range want {
		if g.seen[i] != want[i] {
			t.Errorf("second %d: %v, want %v", i, g.seen[i], want[i])
		}
	}
	if line, highest, seconds := g.plot(3, blocks); line != "▄█▁" || highest != 1500*time.Millisecond || seconds != 3 {
		t.Errorf("%q, %v, %d", line, highest, seconds)
	}
	for range 2000 {
		begin.at = begin.at.Add(time.Second)
		g.note(begin)
	}
	if len(g.seen) > maxGaps {
		t.Errorf("%d seconds are kept", len(g.seen))
	}
	g.note(sample{at: begin.at})
	if line, _, _ := g.plot(60, plain); line != "" {
		t.Errorf("of a run that has ended: %q", line)
	}
}

// What moves with every poll is no change; what an owner would look up for is.
func TestALineForEachChange(t *testing.T) {
	var out bytes.Buffer
	w := &watcher{out: &out, size: func() (screen, bool) { return screen{}, false }}
	s := watched()
	show := func(change func()) {
		t.Helper()
		change()
		if err := w.show(s); err != nil {
			t.Fatal(err)
		}
	}
	show(func() {})
	show(func() {
		s.at = s.at.Add(time.Hour)
		gate := *s.st.Gateway
		gate.PollOpen, gate.Polls, gate.Updates, gate.LastPollAt = false, 200, 99, nil
		s.st.Gateway = &gate
	})
	show(func() { s.st.Conflicts.Total, s.st.Conflicts.Elsewhere, s.st.Well = 2, true, false })
	show(func() { s = next(s, control.Status{}, false, errors.New("no answer"), s.at) })
	show(func() { s.st.Phase, s.st.Child, s.silent = "dead", nil, "" })
	show(func() {
		s = watched()
		s.st.Lease = leased()
	})
	show(func() { s.st.Lease.LeftSeconds, s.st.Lease.Epoch, s.st.Ready = 3, 4, false })
	show(func() { s.st.Lease.Held, s.st.Lease.Holder, s.st.Ready = true, &s.st.Lease.Me, true })
	want := `2026-11-23T20:11:41Z running, well; pid 34; it polls; ready; conflicts 1; restarts 3 (exit 2, stalled 1)
2026-11-23T21:11:41Z running; pid 34; it polls; ready; conflicts 2; another machine polls this bot; restarts 3 (exit 2, stalled 1)
2026-11-23T21:11:41Z running; no answer; pid 34; it polls; ready; conflicts 2; another machine polls this bot; restarts 3 (exit 2, stalled 1)
2026-11-23T21:11:41Z dead: the supervisor was killed; "botctl run" starts clean; it polls; conflicts 2; another machine polls this bot; restarts 3 (exit 2, stalled 1)
2026-11-23T20:11:41Z running, well; pid 34; it polls; ready; replica-a, deploy d1 holds the lease; conflicts 1; restarts 3 (exit 2, stalled 1)
2026-11-23T20:11:41Z running, well; pid 34; it polls; replica-a, deploy d1 holds the lease; conflicts 1; restarts 3 (exit 2, stalled 1)
2026-11-23T20:11:41Z running, well; pid 34; it polls; ready; it holds the lease; conflicts 1; restarts 3 (exit 2, stalled 1)
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
	out.Reset()
	w.asJSON, w.said = true, false
	show(func() {})
	show(func() {})
	var st control.Status
	decode(t, out.String(), &st)
	if st.Phase != "running" || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%s", &out)
	}
}
