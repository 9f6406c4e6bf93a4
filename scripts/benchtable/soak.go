//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"botctl/bot/sandbox"
)

// Bounds of a soak.
const (
	soakKept   = 9000              // messages; the sandbox keeps 10,000 answers
	soakRate   = 2.0               // a second, at most
	soakCalm   = 60 * time.Second  // between two troubles, at most
	growthMiB  = 3                 // of botctl's memory that is no leak, whatever it began with
	growthPart = 0.15              // the same, as a part of what it began with
	strayTime  = 100 * time.Second // for a stray to be found: two of botctl's looks, and its own boot
)

// soaked is what a soak comes to.
type soaked struct {
	troubles   map[string]int
	messages   int
	missed     int
	doubled    int
	conflicts  int // that the bot spoke of
	absorbed   int // 409 answers of the server
	duplicates int // looks that saw the bot twice
	looks      int
	strays     int // that lived on
	gap        float64
	delay      float64
	before     float64 // MiB of botctl and its guardian
	after      float64
}

// soak runs a real bot under botctl for so long, with trouble now and then, and judges.
func soak(l *lab, length time.Duration) error {
	t, err := l.town("")
	if err != nil {
		return err
	}
	defer t.close()
	run, err := t.supervised()
	if err != nil {
		return err
	}
	if err := t.polling(); err != nil {
		return t.explain(err)
	}
	rate := min(soakRate, soakKept/length.Seconds())
	s := &soaked{troubles: map[string]int{}, messages: int(rate * length.Seconds())}
	if err := t.box.Reset(l.ctx); err != nil {
		return err
	}
	if err := t.write(s.messages, rate); err != nil {
		return err
	}
	l.say("soak: %d messages, %.2g a second, for %v", s.messages, rate, length)
	if err := t.troubled(run, length, s); err != nil {
		return t.explain(err)
	}
	if err := t.calm(s.messages, 30*time.Second); err != nil {
		return t.explain(err)
	}
	if err := t.judge(s); err != nil {
		return err
	}
	fmt.Print(s.table(length))
	if list := s.faults(); len(list) > 0 {
		return errors.New("soak: " + strings.Join(list, ", "))
	}
	return nil
}

// troubled looks at the processes each second, and brings trouble in turns.
func (t *town) troubled(run *started, length time.Duration, s *soaked) error {
	every := min(soakCalm, length/12)
	begin := time.Now()
	var memory []float64
	doubles := 0 // in a row
	for next, n := begin.Add(every), 0; time.Since(begin) < length; {
		if err := t.l.pass(time.Second); err != nil {
			return err
		}
		select {
		case <-run.done:
			return errors.New("botctl has ended")
		default:
		}
		bots, u := t.look(run)
		s.looks++
		if memory = append(memory, u.rssKiB/1024); len(bots) > 1 {
			doubles++
		} else {
			doubles = 0
		}
		if doubles > 1 { // a process that forks to run something looks like two for a moment
			s.duplicates++
		}
		if time.Now().Before(next) || time.Since(begin) > length-every {
			continue
		}
		trouble := troubles[n%len(troubles)]
		s.troubles[trouble.name]++
		if err := trouble.bring(t, bots, s); err != nil {
			return fmt.Errorf("%s: %w", trouble.name, err)
		}
		next, n = time.Now().Add(every), n+1
	}
	warm := len(memory) / 5 // until then it is still getting to its size
	part := max(len(memory)/10, 1)
	s.before, s.after = middle(memory[warm:warm+part]), middle(memory[len(memory)-part:])
	return nil
}

// troubles are what is brought, in turns.
var troubles = []struct {
	name  string
	bring func(t *town, bots []int, s *soaked) error
}{
	{"strays", func(t *town, _ []int, s *soaked) error {
		stray := t.command(python()[0], python()[1:]...)
		stray.Stdout, stray.Stderr = nil, nil
		r, err := t.begins(stray)
		if err != nil {
			return err
		}
		select {
		case <-r.done:
		case <-time.After(strayTime):
			s.strays++
			return r.end(unix.SIGKILL, patient)
		case <-t.l.ctx.Done():
		}
		return nil
	}},
	{"conflicts", func(t *town, _ []int, _ *soaked) error {
		return t.box.Fault(t.l.ctx, sandbox.Fault{Method: "getUpdates", Status: 409, Count: 3})
	}},
	{"restarts", func(t *town, _ []int, _ *soaked) error { return t.verb("restart") }},
	{"kills", func(_ *town, bots []int, _ *soaked) error {
		if len(bots) == 0 {
			return nil
		}
		return unix.Kill(bots[0], unix.SIGKILL)
	}},
}

// look finds the bots below botctl, and what botctl itself takes.
func (t *town) look(run *started) (bots []int, u usage) {
	for _, pid := range family(run.cmd.Process.Pid) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if argv := strings.Split(string(line), "\x00"); len(argv) > 1 && argv[1] == "bot.py" {
			bots = append(bots, pid)
		}
	}
	u, _ = usageOf(family(run.cmd.Process.Pid, bots...))
	return bots, u
}

// judge fills in what the sandbox and the bot's output say.
func (t *town) judge(s *soaked) error {
	v, err := t.verdict()
	if err != nil {
		return err
	}
	s.absorbed, s.gap, s.delay = v.ConflictsLive, v.LongestGapSeconds, v.DeliveryMaxMillis/1000
	if s.missed, s.doubled, err = t.answers(s.messages); err != nil {
		return err
	}
	text, err := os.ReadFile(t.out.Name())
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "botctl: ") && strings.Contains(line, "Conflict") {
			s.conflicts++
		}
	}
	return nil
}

func (s *soaked) faults() (list []string) {
	for _, f := range []struct {
		n    int
		what string
	}{{s.conflicts, "conflicts reached the bot"}, {s.missed, "answers are missing"}, {s.duplicates, "looks saw the bot twice"}, {s.strays, "strays lived on"}} {
		if f.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", f.n, f.what))
		}
	}
	if s.after > s.before*(1+growthPart) && s.after > s.before+growthMiB {
		list = append(list, fmt.Sprintf("botctl grew from %.1f to %.1f MiB", s.before, s.after))
	}
	return list
}

func (s *soaked) table(length time.Duration) string {
	var out strings.Builder
	row := func(what, value string) { fmt.Fprintf(&out, "%-44s %s\n", what, value) }
	row("length", length.String())
	for _, trouble := range troubles {
		row(trouble.name+" brought", fmt.Sprint(s.troubles[trouble.name]))
	}
	row("messages", fmt.Sprint(s.messages))
	row("answers missing", fmt.Sprint(s.missed))
	row("answers doubled (the bot was killed at work)", fmt.Sprint(s.doubled))
	row("conflicts that the bot spoke of", fmt.Sprint(s.conflicts))
	row("conflicts that the server answered with", fmt.Sprint(s.absorbed))
	row("looks that saw the bot twice", fmt.Sprintf("%d of %d", s.duplicates, s.looks))
	row("strays that lived on", fmt.Sprint(s.strays))
	row("longest time without a poll", fmt.Sprintf("%.1f s", s.gap))
	row("longest delay of an update", fmt.Sprintf("%.1f s", s.delay))
	row("memory of botctl, then and at the end", fmt.Sprintf("%.1f MiB, %.1f MiB", s.before, s.after))
	return out.String()
}

func middle(list []float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return quantile(list, .5)
}
