//go:build linux

package frameworks

import (
	"fmt"
	"time"

	"botctl/bot/sandbox"
)

// outcome is what a scenario came to: of its class something is expected, the detail was measured.
type outcome struct{ class, detail string }

func (o outcome) String() string {
	if o.detail == "" {
		return o.class
	}
	return o.class + ", " + o.detail
}

// scenario is one column, or several that one life of a bot shows.
type scenario struct {
	columns []string
	brief   bool // in the short form for every framework
	run     func(r *rig, put func(column string, o outcome))
}

var scenarios = []scenario{
	{[]string{"start", "echo", "conflict", "stop"}, true, life},
	{[]string{"webhook"}, false, webhook},
	{[]string{"webhook set"}, false, webhookSet},
	{[]string{"401"}, false, revoked},
	{[]string{"5xx"}, false, badGateway},
	{[]string{"refused"}, false, refused},
	{[]string{"hung poll"}, false, hungPoll},
	{[]string{"restart"}, false, restart},
	{[]string{"kill -9"}, false, killed},
}

// Times of the scenarios.
const (
	rivalTime   = 8 * time.Second
	troubleTime = 10 * time.Second // of 5xx and of refused connections
	webhookWait = 30 * time.Second // for a webhook to be healed
	revokedWait = 30 * time.Second // for botctl to see that the token was revoked
	hungWait    = 100 * time.Second
	busyMillis  = 700 // of the handler that a stop meets
)

// life is an ordinary one: a start, messages, a rival, and the platform's stop.
func life(r *rig, put func(string, outcome)) {
	up := r.begin()
	r.write("/start")
	if !r.answered("Hello.", 1, patient) {
		r.t.Fatal("/start is not answered")
	}
	put("start", outcome{"polls", "in " + seconds(up)})

	const n = 20
	if err := r.Inject(r.t.Context(), sandbox.Injection{Count: n, Text: "echo {n}"}); err != nil {
		r.t.Fatal(err)
	}
	r.within(patient, func() bool { return judge("echo %d", n, r.answers()).lost == 0 })
	got := judge("echo %d", n, r.answers())
	put("echo", got.outcome(""))

	put("conflict", r.conflict())
	put("stop", r.stop())
}

// outcome is t as what a scenario came to.
func (t tally) outcome(detail string) outcome {
	class := "exact"
	switch {
	case t.lost > 0 && t.doubled > 0:
		class = "loses and doubles"
	case t.lost > 0:
		class = "loses"
	case t.doubled > 0:
		class = "doubles"
	}
	if t.disordered > 0 {
		class += ", disorders"
	}
	text := t.String()
	if detail != "" {
		text += ", " + detail
	}
	return outcome{class, text}
}

// conflict lets another poller take the poll for a while.
func (r *rig) conflict() outcome {
	restarts := r.status().Restarts.Total
	r.fault(sandbox.Fault{Rival: true, ForSeconds: 3600})
	r.pass(rivalTime)
	if _, err := r.ClearFaults(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return r.back("after the conflict", restarts)
}

// back is how long it takes until the bot answers again, and what became of its process.
func (r *rig) back(text string, restarts int) outcome {
	took, ok := r.ask(text, patient)
	if r.ended() {
		return outcome{"botctl ends", fmt.Sprintf("with %d", r.run.cmd.ProcessState.ExitCode())}
	}
	n := r.status().Restarts.Total - restarts
	class := "stays"
	if n > 0 {
		class = "restarted"
	}
	if !ok {
		return outcome{class + ", deaf", "no answer in " + seconds(patient)}
	}
	detail := "back in " + seconds(took)
	if n > 1 {
		detail = fmt.Sprintf("%d times, %s", n, detail)
	}
	return outcome{class, detail}
}

// pass lets time pass: it is the length of a trouble.
func (r *rig) pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.run.done:
	}
}

func (r *rig) ended() bool {
	select {
	case <-r.run.done:
		return true
	default:
		return false
	}
}

// stop meets a bot with SIGTERM in the middle of a handler, and then an idle one.
func (r *rig) stop() outcome {
	text := fmt.Sprintf("work %d", busyMillis)
	id := r.write(text)
	r.until("the update is delivered", func() bool { return r.delivered(id) })
	// Whoever confirms an update while its handler works does so at once.
	r.within(busyMillis*time.Millisecond/4, func() bool { return r.acknowledged(id) })
	took, how := r.end()
	answers, pending := count(r.answers(), text), r.state().Pending
	class := how + ", " + []string{"answered", "delivered again"}[min(pending, 1)]
	if answers == 0 && pending == 0 {
		class = how + ", LOST"
	}
	r.begin()
	if pending > 0 && !r.answered(text, answers+1, patient) {
		r.t.Error("what was not confirmed did not come again")
	}
	if answers+pending > 1 {
		class = how + ", answered twice"
	}
	idle, _ := r.end()
	return outcome{class, fmt.Sprintf("%s, idle %s", seconds(took), seconds(idle))}
}

func count(list []string, text string) (n int) {
	for _, s := range list {
		if s == text {
			n++
		}
	}
	return n
}

func (r *rig) delivered(id int64) bool {
	for _, e := range r.journal() {
		for _, d := range e.Delivered {
			if d == id && !e.Rival && !e.Void {
				return true
			}
		}
	}
	return false
}

func (r *rig) acknowledged(id int64) bool {
	for _, e := range r.journal() {
		if e.Offset > id {
			return true
		}
	}
	return false
}

// webhook was left behind by somebody, with three updates waiting.
func webhook(r *rig, put func(string, outcome)) {
	r.call("setWebhook?url=https://example.org/hook")
	for i := range 3 {
		r.write(fmt.Sprintf("early %d", i+1))
	}
	begin := time.Now()
	r.run = r.botctl(r.argv()...)
	ok := r.within(webhookWait, func() bool { return judge("early %d", 3, r.answers()).lost == 0 })
	if !ok {
		put("webhook", outcome{"shut out", "no answer in " + seconds(webhookWait)})
		return
	}
	put("webhook", outcome{"deleted, updates kept", "answers in " + seconds(time.Since(begin))})
}

// webhookSet is one that is set beside a bot that polls.
func webhookSet(r *rig, put func(string, outcome)) {
	r.settled()
	restarts := r.status().Restarts.Total
	r.call("setWebhook?url=https://example.org/hook")
	took, ok := r.ask("after the webhook", webhookWait)
	switch n := r.status().Restarts.Total - restarts; {
	case r.ended():
		put("webhook set", outcome{"botctl ends", fmt.Sprintf("with %d", r.run.cmd.ProcessState.ExitCode())})
	case !ok:
		put("webhook set", outcome{"shut out", fmt.Sprintf("no answer in %s, %d restarts", seconds(webhookWait), n)})
	case n > 0:
		put("webhook set", outcome{"restarted", "back in " + seconds(took)})
	default:
		put("webhook set", outcome{"stays", "back in " + seconds(took)})
	}
}

// revoked: the token is refused from now on.
func revoked(r *rig, put func(string, outcome)) {
	r.settled()
	for _, method := range []string{"getUpdates", "getMe", "sendMessage", "getWebhookInfo", "deleteWebhook", "setWebhook"} {
		r.fault(sandbox.Fault{Method: method, Status: 401, ForSeconds: 3600})
	}
	polls := r.verdict().Polls
	begin := time.Now()
	r.release()
	r.pass(revokedWait)
	took := time.Since(begin)
	switch {
	case r.ended():
		put("401", outcome{fmt.Sprintf("botctl ends with %d", r.run.cmd.ProcessState.ExitCode()), "in " + seconds(took)})
	default:
		put("401", outcome{"not noticed", fmt.Sprintf("%s a second", rate(r.verdict().Polls-polls, took))})
	}
}

func rate(polls int, took time.Duration) string {
	n := float64(polls) / took.Seconds()
	if n >= 10 {
		return fmt.Sprintf("%.0f polls", n)
	}
	return fmt.Sprintf("%.1f polls", n)
}

// badGateway: every poll gets 502. The bot's answers do not: what a bot without an error handler does when an
// answer fails is another matter.
func badGateway(r *rig, put func(string, outcome)) {
	r.settled()
	restarts := r.status().Restarts.Total
	r.fault(sandbox.Fault{Method: "getUpdates", Status: 502, ForSeconds: troubleTime.Seconds()})
	polls := r.verdict().Polls
	r.release()
	r.pass(troubleTime)
	n := r.verdict().Polls - polls
	o := r.back("after 502", restarts)
	o.detail = fmt.Sprintf("%d polls, %s", n, o.detail)
	put("5xx", o)
}

// refused: nobody listens for a while.
func refused(r *rig, put func(string, outcome)) {
	r.settled()
	restarts := r.status().Restarts.Total
	r.shut()
	r.pass(troubleTime)
	r.reopen()
	put("refused", r.back("after the gap", restarts))
}

// hungPoll: one poll is never answered.
func hungPoll(r *rig, put func(string, outcome)) {
	r.settled()
	restarts := r.status().Restarts.Total
	r.fault(sandbox.Fault{Method: "getUpdates", Hang: true, Count: 1})
	polls := r.verdict().Polls
	r.release()
	r.until("the next poll begins", func() bool { return r.verdict().Polls > polls })
	took, ok := r.ask("after the hang", hungWait)
	switch n := r.status().Restarts.Total - restarts; {
	case !ok:
		put("hung poll", outcome{"deaf", "no answer in " + seconds(hungWait)})
	case n > 0:
		put("hung poll", outcome{"restarted", "back in " + seconds(took)})
	default:
		put("hung poll", outcome{"stays", "back in " + seconds(took)})
	}
}

func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
