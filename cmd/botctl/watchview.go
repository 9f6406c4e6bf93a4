package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"botctl/supervisor/control"
)

// sample is what a watcher saw at a moment.
type sample struct {
	at     time.Time
	st     control.Status
	lives  bool   // a supervisor answered
	silent string // why none did, when one should have
}

// gaps remembers how long the bot was without a poll, a value for each second that was watched.
type gaps struct {
	seen  []time.Duration // the longest gap in each second, oldest first
	until time.Time       // end of the latest second
	open  time.Time       // when a poll was seen open last
}

// maxBlind is how long a watcher may see nothing without forgetting what was before it: an answer may take five seconds.
const maxBlind = 10 * time.Second

// maxGaps is more than any terminal is wide.
const maxGaps = 512

// note takes a sample in. A gap that ends between two samples is not seen.
func (g *gaps) note(s sample) {
	gate := s.st.Gateway
	if !s.lives || gate == nil || !gate.PollsThrough {
		*g = gaps{} // nothing to plot; what follows is another run
		return
	}
	if s.at.Sub(g.until) > maxBlind {
		*g = gaps{} // we were stopped, or the machine slept
	}
	var gap time.Duration
	switch {
	case gate.PollOpen:
		g.open = s.at
	case !g.open.IsZero():
		gap = s.at.Sub(g.open)
	case gate.LastPollAt != nil:
		gap = s.at.Sub(*gate.LastPollAt)
	}
	gap = max(gap, 0)
	if len(g.seen) > 0 && s.at.Before(g.until) {
		g.seen[len(g.seen)-1] = max(g.seen[len(g.seen)-1], gap)
		return
	}
	g.until = s.at.Add(time.Second)
	if g.seen = append(g.seen, gap); len(g.seen) > maxGaps {
		g.seen = append(g.seen[:0], g.seen[len(g.seen)-maxGaps:]...)
	}
}

// The ramps of a plot, lowest first: for terminals that show Unicode, and for others.
var (
	blocks = []rune("▁▂▃▄▅▆▇█")
	plain  = []rune("_.-=+*#@")
)

// plot draws the latest n seconds, the highest of them full.
func (g *gaps) plot(n int, ramp []rune) (line string, highest time.Duration, seconds int) {
	seen := g.seen[max(0, len(g.seen)-max(n, 0)):]
	for _, gap := range seen {
		highest = max(highest, gap)
	}
	var b strings.Builder
	for _, gap := range seen {
		step := 0
		if gap > 0 { // anything at all is seen, and a tenth of a second is not drawn as a mountain
			step = 1 + int(float64(gap)/float64(max(highest, time.Second))*float64(len(ramp)-2))
		}
		b.WriteRune(ramp[min(step, len(ramp)-1)])
	}
	return b.String(), highest, len(seen)
}

// screen is what a frame is made for.
type screen struct {
	width, height int
	unicode       bool
}

// writeFrame writes what a watcher sees, in lines that fit the screen, the most important first; the last line of the
// screen is left free for the cursor.
func writeFrame(w io.Writer, s sample, g *gaps, scr screen) (lines int, err error) {
	var rows []string
	row := func(name, format string, args ...any) {
		if v := oneLine(fmt.Sprintf(format, args...)); v != "" {
			rows = append(rows, fmt.Sprintf("%-10s %s", name, v))
		}
	}
	st := s.st
	rows = append(rows, oneLine(fmt.Sprintf("%-10s %s  %s", "bot", strings.TrimSpace(st.BotID+" "+st.BotName), s.at.UTC().Format("15:04:05Z"))))
	row("phase", "%s", phaseLine(st))
	if s.silent != "" {
		row("", "%s", s.silent)
	}
	row("poll", "%s", pollLine(st.Gateway, s.at))
	row("update", "%s", updateLine(st.Gateway, s.at))
	row("ready", "%s", readyLine(st))
	row("lease", "%s", leaseLine(st))
	row("conflicts", "%s", conflictLine(st.Conflicts, s.at))
	row("restarts", "%s", restartLine(st.Restarts, s.at))
	ramp := plain
	if scr.unicode {
		ramp = blocks
	}
	if line, highest, seconds := g.plot(min(scr.width-40, 60), ramp); line != "" {
		most := "none"
		if highest > 0 {
			most = "at most " + shortDuration(highest)
		}
		row("poll gap", "%s  %s in %ds", line, most, seconds)
	}
	if c := st.Child; c != nil {
		row("process", "pid %d, %s, up %s", c.PID, plural(c.Processes, "process", "processes"), ago(time.Duration(c.UptimeSeconds*float64(time.Second))))
		row("says", "%s", c.Status)
	}
	if e := st.LastExit; e != nil {
		row("last exit", "%s, %s ago", e.Reason, ago(s.at.Sub(e.At)))
	}
	if st.NextStartAt != nil && s.at.Before(*st.NextStartAt) {
		row("next start", "in %s", ago(st.NextStartAt.Sub(s.at)))
	}
	row("platform", "%s", st.Platform)
	rows = rows[:min(len(rows), max(scr.height-1, 1))]
	for _, r := range rows {
		if _, err := io.WriteString(w, cut(r, scr.width-1, scr.unicode)+"\x1b[K\n"); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// pollLine says whether the bot is asking for updates right now.
func pollLine(g *control.Gateway, now time.Time) string {
	switch {
	case g == nil:
		return "not seen: there is no gateway"
	case !g.Used:
		return "not seen: the bot does not use the gateway"
	case !g.PollsThrough:
		return "none yet"
	}
	line := "none open"
	switch {
	case g.Holding:
		line = "held"
	case g.PollOpen:
		line = "open"
	}
	if g.LastPollAt != nil {
		line += fmt.Sprintf(", the last one began %s ago", ago(now.Sub(*g.LastPollAt)))
	}
	if g.Trouble != "" {
		line += ": " + g.Trouble
	}
	return line
}

func updateLine(g *control.Gateway, now time.Time) string {
	if g == nil || !g.PollsThrough {
		return ""
	}
	line := "none yet"
	if g.LastUpdateAt != nil {
		line = fmt.Sprintf("last %s ago, %d in all", ago(now.Sub(*g.LastUpdateAt)), g.Updates)
	}
	return line + fmt.Sprintf("; %s", plural(int(g.Calls), "other call", "other calls"))
}

// cut shortens a line to a terminal's cells, so that it never wraps: what moves up again counts on that.
func cut(line string, cells int, unicode bool) string {
	if !unicode {
		line = strings.Map(func(c rune) rune {
			if c > '~' {
				return '?'
			}
			return c
		}, line)
	}
	used := 0
	for i, c := range line {
		if used += cellsOf(c); used > cells {
			return line[:i]
		}
	}
	return line
}

// cellsOf is how wide a character is. Rather too wide than too narrow: a line that is cut early harms nobody.
func cellsOf(c rune) int {
	if c >= 0x1100 && (c < 0x2000 || c > 0x2bff) {
		return 2
	}
	return 1
}

// change is what a line of a watcher that is piped is about. A sample with another change is worth a line.
type change struct {
	phase, poll, trouble, silent string
	ready                        bool
	lease                        string
	pid, conflicts, restarts     int
	elsewhere                    bool
}

func changeOf(s sample) change {
	st := s.st
	c := change{
		phase: phaseLine(st), silent: s.silent, ready: st.Ready && !isOver(st), lease: leaseChange(st), conflicts: st.Conflicts.Total, elsewhere: st.Conflicts.Elsewhere, restarts: st.Restarts.Total,
	}
	if st.Child != nil {
		c.pid = st.Child.PID
	}
	if g := st.Gateway; g != nil {
		c.trouble = g.Trouble
		switch {
		case g.Holding:
			c.poll = "held"
		case g.PollsThrough:
			c.poll = "polls"
		case g.Used:
			c.poll = "used"
		}
	}
	return c
}

// changeLine is a sample in one line, for logs.
func changeLine(s sample) string {
	c := changeOf(s)
	line := s.at.UTC().Format(time.RFC3339) + " " + c.phase
	if c.silent != "" {
		line += "; " + c.silent
	}
	if c.pid > 0 {
		line += fmt.Sprintf("; pid %d", c.pid)
	}
	switch c.poll {
	case "held":
		line += "; polls are held"
	case "polls":
		line += "; it polls"
	case "used":
		line += "; it has not polled"
	}
	if c.trouble != "" {
		line += ": " + c.trouble
	}
	if c.ready {
		line += "; ready"
	}
	if c.lease != "" {
		line += "; " + c.lease
	}
	line += "; conflicts " + conflictLine(control.Conflicts{Total: s.st.Conflicts.Total, Elsewhere: c.elsewhere}, s.at)
	r := s.st.Restarts
	line += "; restarts " + restartLine(control.Restarts{Total: r.Total, ByCause: r.ByCause}, s.at)
	return oneLine(line)
}
