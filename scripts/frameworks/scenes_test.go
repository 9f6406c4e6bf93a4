//go:build linux

package frameworks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"botctl/bot/sandbox"
)

// scenario is one column, or several that one life of a bot shows.
type scenario struct {
	columns []string
	brief   bool // in the short form for every framework
	turn    turn
	run     func(r *rig, put func(column string, o outcome))
}

// turn is when a scenario may begin: when those of an earlier turn are over. How many updates a bot has in its hands
// depends on the load of the machine.
type turn int

const (
	first turn = iota
	quiet
	last
	turns
	anytime turn = -1 // it waits for nobody, and nobody for it
)

var scenarios = []scenario{
	{columns: []string{"hung poll"}, turn: anytime, run: hungPoll},
	{columns: []string{"busy", "stuck"}, turn: anytime, run: stuck},
	{columns: []string{"start", "echo", "conflict", "stop"}, brief: true, run: life},
	{columns: []string{"webhook"}, run: webhook},
	{columns: []string{"webhook set"}, run: webhookSet},
	{columns: []string{"401"}, run: revoked},
	{columns: []string{"5xx"}, run: badGateway},
	{columns: []string{"refused"}, run: refused},
	{columns: []string{"restart"}, turn: quiet, run: restart},
	{columns: []string{"kill -9"}, turn: quiet, run: killed},
}

// Times of the scenarios.
const (
	rivalTime   = 8 * time.Second
	troubleTime = 10 * time.Second // of 5xx and of refused connections
	healWait    = 30 * time.Second // for a bot to be rid of a webhook
	revokedWait = 20 * time.Second // for botctl to see that the token was revoked
	hungWait    = 90 * time.Second // the slowest framework that notices gives a poll 70 s
	busyMillis  = 700              // of the handler that a stop meets
	ackWait     = 400 * time.Millisecond
	stallAfter  = 5 * time.Second
	stuckWait   = 20 * time.Second // for a bot that nobody restarts; past that it is deaf
)

// What a bot came to.
const (
	stays     = "stays"
	restarted = "restarted"
	deaf      = "deaf"      // its process is there, and it answers nobody
	unseen    = "unseen"    // it stays, and has not been told of the conflict
	givesUp   = "ends with" // botctl itself, with the code behind it
	unnoticed = "not noticed"
)

// life is an ordinary one: a start, messages, a rival, and the platform's stop.
func life(r *rig, put func(string, outcome)) {
	up := r.begin()
	r.write("/start")
	if !r.answered("Hello.", 1, patient) {
		r.t.Fatal("/start is not answered")
	}
	put("start", outcome{class: "polls", detail: "in " + seconds(up)})

	const n = 20
	if err := r.Inject(r.t.Context(), sandbox.Injection{Count: n, Text: "echo {n}"}); err != nil {
		r.t.Fatal(err)
	}
	r.within(patient, func() bool { return judge("echo %d", n, r.answers()).lost == 0 })
	put("echo", counted(judge("echo %d", n, r.answers()), ""))

	put("conflict", r.conflict())
	put("stop", r.stop())
}

// conflict lets another poller take the poll for a while.
func (r *rig) conflict() outcome {
	before := r.status().Restarts.Total
	conflicts := r.conflicts()
	r.fault(sandbox.Fault{Rival: true, ForSeconds: 3600})
	r.pass(rivalTime)
	if _, err := r.ClearFaults(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	o := r.back("after the conflict", patient, before)
	if o.class == stays && !r.toldOfConflict() {
		o.class = unseen
	}
	o.detail = fmt.Sprintf("%d × 409, %s", r.conflicts()-conflicts, o.detail)
	return o
}

// conflicts counts the 409 that went to our side.
func (r *rig) conflicts() (n int) {
	for _, e := range r.journal() {
		if e.Method == "getupdates" && e.Status == 409 && !e.Rival && !e.Void {
			n++
		}
	}
	return n
}

// conflictWords are how the bots speak of a 409 when they do. A bot that never does is told of it all the same when
// nothing stands between it and the server.
var conflictWords = regexp.MustCompile(`(?i)conflict|\b409\b|terminated by other`)

func (r *rig) toldOfConflict() bool {
	if !r.mode.gateway {
		return true
	}
	for line := range strings.Lines(r.run.out.String()) {
		if !strings.HasPrefix(line, "botctl: ") && conflictWords.MatchString(line) {
			return true
		}
	}
	return false
}

// back writes to a bot whose trouble is over, or not, and says what became of it since it had been restarted so
// many times.
func (r *rig) back(text string, limit time.Duration, before int) outcome {
	took, ok := r.ask(text, limit)
	restarts := r.status().Restarts.Total - before
	switch {
	case r.ended():
		return outcome{class: fmt.Sprintf("%s %d", givesUp, r.run.cmd.ProcessState.ExitCode())}
	case !ok && restarts > 0:
		return outcome{class: deaf, detail: fmt.Sprintf("no answer in %s, restarts: %d", seconds(limit), restarts)}
	case !ok:
		return outcome{class: deaf, detail: "no answer in " + seconds(limit)}
	case restarts > 1:
		return outcome{class: restarted, detail: fmt.Sprintf("%d times, back in %s", restarts, seconds(took))}
	case restarts == 1:
		return outcome{class: restarted, detail: "back in " + seconds(took)}
	}
	return outcome{class: stays, detail: "back in " + seconds(took)}
}

// stop meets a bot with SIGTERM in the middle of a handler, and then an idle one.
func (r *rig) stop() outcome {
	text := fmt.Sprintf("work %d", busyMillis)
	defer r.cpu()()
	id := r.write(text)
	r.until("the update is delivered", func() bool { return r.delivered(id) })
	// Whoever confirms an update while its handler works does so by its next poll.
	r.within(ackWait, func() bool { return r.acknowledged(id) })
	took, how := r.end()
	answers, pending := count(r.answers(), text), r.state().Pending
	r.start()
	if pending > 0 && !r.answered(text, answers+1, patient) {
		r.t.Error("what was not confirmed did not come again")
	}
	class := how + ", answered"
	switch {
	case answers+pending > 1:
		class = how + ", answered twice"
	case pending > 0:
		class = how + ", answered by the next"
	case answers == 0:
		class = how + ", LOST"
	}
	again, _ := r.end()
	return outcome{class: class, detail: fmt.Sprintf("%s, idle %s", seconds(took), seconds(again))}
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
	return slices.ContainsFunc(r.journal(), func(e sandbox.Entry) bool { return !e.Rival && !e.Void && slices.Contains(e.Delivered, id) })
}

func (r *rig) acknowledged(id int64) bool {
	return slices.ContainsFunc(r.journal(), func(e sandbox.Entry) bool { return e.Offset > id })
}

// webhook was left behind by somebody, with three updates waiting.
func webhook(r *rig, put func(string, outcome)) {
	r.call("setWebhook?url=https://example.org/hook")
	for i := range 3 {
		r.write(fmt.Sprintf("early %d", i+1))
	}
	r.begin()
	begin := time.Now()
	if r.within(healWait, func() bool { return judge("early %d", 3, r.answers()).lost == 0 }) {
		put("webhook", outcome{class: "deleted, updates kept", detail: "answers after " + seconds(time.Since(begin))})
		return
	}
	put("webhook", outcome{class: deaf, detail: "no answer in " + seconds(healWait)})
}

// webhookSet is one that somebody sets beside a bot that polls.
func webhookSet(r *rig, put func(string, outcome)) {
	r.settled()
	before := r.status().Restarts.Total
	r.call("setWebhook?url=https://example.org/hook")
	put("webhook set", r.back("after the webhook", healWait, before))
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
	if r.ended() {
		put("401", outcome{class: fmt.Sprintf("%s %d", givesUp, r.run.cmd.ProcessState.ExitCode()), detail: "in " + seconds(took)})
		return
	}
	put("401", outcome{class: unnoticed, detail: fmt.Sprintf("%.0f polls a second", float64(r.verdict().Polls-polls)/took.Seconds())})
}

// badGateway: every poll gets 502. The bot's answers do not: what a bot without an error handler does when an
// answer fails is another matter.
func badGateway(r *rig, put func(string, outcome)) {
	r.settled()
	before := r.status().Restarts.Total
	r.fault(sandbox.Fault{Method: "getUpdates", Status: 502, ForSeconds: troubleTime.Seconds()})
	polls := r.verdict().Polls
	r.release()
	r.pass(troubleTime)
	polls = r.verdict().Polls - polls
	o := r.back("after 502", patient, before)
	o.detail = fmt.Sprintf("%d polls, %s", polls, o.detail)
	put("5xx", o)
}

// refused: nobody listens for a while.
func refused(r *rig, put func(string, outcome)) {
	r.settled()
	before := r.status().Restarts.Total
	r.shut()
	r.pass(troubleTime)
	r.reopen()
	put("refused", r.back("after the gap", patient, before))
}

// hungPoll: one poll is never answered.
func hungPoll(r *rig, put func(string, outcome)) {
	r.settled()
	before := r.status().Restarts.Total
	r.fault(sandbox.Fault{Method: "getUpdates", Hang: true, Count: 1})
	polls := r.verdict().Polls
	r.release()
	r.until("the next poll begins", func() bool { return r.verdict().Polls > polls })
	put("hung poll", r.back("after the hang", hungWait, before))
}

// stuck is a handler that never ends, in a way that holds up its thread, after one that was merely slow.
func stuck(r *rig, put func(string, outcome)) {
	r.settled()
	before := r.status().Restarts.Total
	const n, slow = 20, "work 400 n%d" // together longer than stallAfter
	if err := r.Inject(r.t.Context(), sandbox.Injection{Count: n, Text: strings.Replace(slow, "%d", "{n}", 1)}); err != nil {
		r.t.Fatal(err)
	}
	r.within(patient, func() bool { return judge(slow, n, r.answers()).lost == 0 })
	switch busy, again := counted(judge(slow, n, r.answers()), ""), r.status().Restarts.Total; {
	case again > before:
		put("busy", outcome{class: restarted, detail: busy.detail})
	default:
		put("busy", outcome{class: stays, detail: busy.detail})
	}
	id := r.write("block 3600000")
	r.until("the update is delivered", func() bool { return r.delivered(id) })
	r.within(ackWait, func() bool { return r.acknowledged(id) }) // what comes later is not confirmed together with it
	for i := range 3 {
		r.write(fmt.Sprintf("behind %d", i+1))
	}
	limit := stuckWait
	if r.mode.gateway { // a bot that was busy just now is given time
		limit = patient
	}
	put("stuck", r.back("after the block", limit, before))
}

func seconds(d time.Duration) string {
	if ms := d.Round(10 * time.Millisecond).Milliseconds(); ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
