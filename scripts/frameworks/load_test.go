//go:build linux

package frameworks

import (
	"strings"
	"syscall"
	"time"

	"botctl/bot/sandbox"
)

// The load of restart and kill -9: a message every 20 ms, each of which takes 10.
const (
	loadCount = 200
	loadRate  = 50
	loadText  = "work 10 n%d"
	loadQuiet = 3 * time.Second // with nothing pending and no answer: what is missing is lost
)

// restart asks for a new child in the middle of the flow.
func restart(r *rig, put func(string, outcome)) {
	r.settled()
	put("restart", r.load(func() {
		p := r.botctl("restart")
		<-p.done
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			r.t.Fatalf("botctl restart: %d\n%s", code, p.out.String())
		}
	}))
}

// killed ends the bot with SIGKILL in the middle of the flow.
func killed(r *rig, put func(string, outcome)) {
	r.settled()
	pid := r.pid()
	put("kill -9", r.load(func() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			r.t.Fatal(err)
		}
	}))
}

// load lets messages flow, does something to the bot in their middle, and counts what became of them.
func (r *rig) load(act func()) outcome {
	r.t.Helper()
	defer r.cpu()()
	pid := r.pid()
	if err := r.Reset(r.t.Context()); err != nil { // the gap counts from here
		r.t.Fatal(err)
	}
	in := sandbox.Injection{Count: loadCount, Rate: loadRate, Text: strings.Replace(loadText, "%d", "{n}", 1)}
	if err := r.Inject(r.t.Context(), in); err != nil {
		r.t.Fatal(err)
	}
	r.until("a third is answered", func() bool { return loadCount-judge(loadText, loadCount, r.answers()).lost >= loadCount/3 })
	act()
	r.until("another child runs", func() bool { c := r.status().Child; return c != nil && c.PID != pid })
	var answers, pending int
	last := time.Now() // when something was answered or confirmed
	r.within(3*patient, func() bool {
		list, v := r.answers(), r.verdict()
		if len(list) != answers || v.Pending != pending {
			answers, pending, last = len(list), v.Pending, time.Now()
		}
		missing := judge(loadText, loadCount, list).lost
		return v.Updates == loadCount && v.Pending == 0 && (missing == 0 || time.Since(last) > loadQuiet)
	})
	gap := time.Duration(r.verdict().LongestGapSeconds * float64(time.Second))
	return counted(judge(loadText, loadCount, r.answers()), seconds(gap)+" without a poller")
}
