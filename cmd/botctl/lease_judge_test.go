//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"botctl/bot/sandbox"
)

// closing is how long the end of a connection may take through the relays until the sandbox notices.
const closing = 250 * time.Millisecond

// ruling is what the journal of the sandbox, on its one clock, says of pollers on several machines.
type ruling struct {
	overlaps []string        // a poll that began while one of another machine went on
	gaps     []time.Duration // between the last poll of one machine and the first of the next
	turns    []string        // who polled, in order
	first    []string        // the first poll of each turn
}

// excuse is from when on the sandbox cannot know that a machine's open poll has ended: it was stopped, or its link was cut without a word. The
// zero time: from the beginning.
type excuse struct {
	agent string
	from  time.Time
}

// judge looks at polls in the order of their starts. A poll that was open when an excuse began ended then. One that was answered by a conflict ended then: whether there was still somebody who waited for it is known on its machine alone, see
// neverTwo.
func judge(polls []sandbox.Entry, now time.Time, excuses ...excuse) ruling {
	var r ruling
	open := map[string]time.Time{} // by machine: the end of its latest poll
	var ended time.Time            // of the latest poll, as the sandbox saw it
	end := func(e sandbox.Entry) time.Time {
		for _, x := range excuses {
			if x.agent == e.Agent && (x.from.IsZero() || !e.Start.After(x.from) && (e.End.IsZero() || e.End.After(x.from))) {
				return x.from
			}
		}
		switch {
		case e.End.IsZero():
			return now
		case e.Void, e.Status == http.StatusConflict:
			return e.End.Add(-closing)
		}
		return e.End
	}
	slices.SortStableFunc(polls, func(a, b sandbox.Entry) int { return a.Start.Compare(b.Start) })
	last := ""
	for _, e := range polls {
		for who, until := range open {
			if who != e.Agent && until.After(e.Start) {
				r.overlaps = append(r.overlaps, fmt.Sprintf("%s began at %s while %s polled until %s", e.Agent, e.Start.Format("05.000"), who, until.Format("05.000")))
			}
		}
		if last != e.Agent {
			if last != "" {
				r.gaps = append(r.gaps, max(e.Start.Sub(ended), 0))
			}
			r.turns = append(r.turns, strings.TrimPrefix(e.Agent, "bot-"))
			r.first = append(r.first, fmt.Sprintf("%s %s to %s status %d void %v", e.Agent, e.Start.Format("05.0000"), e.End.Format("05.0000"), e.Status, e.Void))
			last = e.Agent
		}
		if e.End.After(ended) {
			ended = e.End
		}
		if at := end(e); at.After(open[e.Agent]) {
			open[e.Agent] = at
		}
	}
	return r
}

// neverTwo fails the test if two machines polled at one time.
func (f *fleet) neverTwo(excused ...string) ruling {
	f.t.Helper()
	for _, m := range f.machines {
		if n := m.stderr.count("another poller takes this bot's poll"); n > 0 && !slices.Contains(excused, "bot-"+m.name) {
			f.t.Errorf("machine %s waited for an answer when another one began", m.name)
		}
	}
	excuses := slices.Clone(f.excuses)
	for _, name := range excused {
		excuses = append(excuses, excuse{agent: name})
	}
	r := judge(f.polls(), time.Now(), excuses...)
	for _, o := range r.overlaps {
		f.t.Errorf("two polled at once: %s", o)
	}
	return r
}

// exactly fails the test unless every message was handled, each once, and no bot saw an error. What a server has put into a connection that
// was just being closed, and sent again, no bot has seen: so it is the bots that count.
func (f *fleet) exactly() {
	f.t.Helper()
	if twice := f.complete(); twice > 0 {
		f.t.Errorf("%d updates were handled twice", twice)
	}
}

// complete fails the test unless every message was handled and no bot saw an error, and says how many came twice: whoever loses the lease
// between handling and acknowledging leaves that to the next one.
func (f *fleet) complete() (twice int) {
	f.t.Helper()
	until(f.t, patient, "every update is acknowledged", func() bool { return f.verdict().Pending == 0 })
	v := f.verdict()
	handled := f.handled()
	var lost int
	for id, who := range handled {
		if twice += len(who) - 1; len(who) > 1 {
			f.t.Logf("update %s was handled by %v", id, who)
		}
	}
	if lost = v.Updates - len(handled); lost != 0 || v.Lost+v.ConfirmedUnseen > 0 {
		f.t.Errorf("%d updates: %d handled twice, %d never; the sandbox: lost %d, confirmed and never delivered %d", v.Updates, twice, lost, v.Lost, v.ConfirmedUnseen)
	}
	for _, m := range f.machines {
		if n := m.stdout.count("worker saw status"); n > 0 {
			f.t.Errorf("the bot of machine %s saw an error %d times", m.name, n)
		}
	}
	return twice
}

// handled lists who has handled each update, from the bots' own record.
func (f *fleet) handled() map[string][]string {
	f.t.Helper()
	text, err := os.ReadFile(f.record())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	by := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		by[id] = append(by[id], name)
	}
	return by
}

// record is the file in which bots write down what they have handled.
func (f *fleet) record() string { return filepath.Join(f.dir, "handled") }

func TestTheJudge(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second))) }
	poll := func(who string, from, to float64) sandbox.Entry {
		return sandbox.Entry{Agent: "bot-" + who, Start: at(from), End: at(to)}
	}
	for name, c := range map[string]struct {
		polls    []sandbox.Entry
		excused  []excuse
		overlaps int
	}{
		"one after the other":                  {[]sandbox.Entry{poll("a", 0, 10), poll("a", 10, 20), poll("b", 20.1, 30)}, nil, 0},
		"two at once":                          {[]sandbox.Entry{poll("a", 0, 10), poll("b", 9, 30)}, nil, 1},
		"one that is still open":               {[]sandbox.Entry{{Agent: "bot-a", Start: at(0)}, poll("b", 9, 30)}, nil, 1},
		"one that was stopped":                 {[]sandbox.Entry{{Agent: "bot-a", Start: at(0)}, poll("b", 9, 30)}, []excuse{{"bot-a", at(5)}}, 0},
		"one that was stopped, late":           {[]sandbox.Entry{poll("a", 0, 5), poll("b", 9, 30), poll("a", 12, 13)}, []excuse{{"bot-a", at(5)}}, 1},
		"one that comes back after a conflict": {[]sandbox.Entry{{Agent: "bot-a", Start: at(0), End: at(9), Status: 409}, poll("b", 9, 30), poll("a", 10, 20)}, nil, 1},
	} {
		if r := judge(c.polls, at(100), c.excused...); len(r.overlaps) != c.overlaps {
			t.Errorf("%s: %v", name, r.overlaps)
		}
	}
}
