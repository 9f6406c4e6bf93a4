package supervisor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"botctl/supervisor/control"
	"botctl/supervisor/logscan"
	"botctl/supervisor/notify"
	"botctl/supervisor/policy"
	"botctl/supervisor/proc"
	"botctl/supervisor/stale"
)

// view is what the loop publishes: the state, as of a moment. Readers get it whole.
type view struct {
	state policy.State
	at    time.Time
}

// seen is what the workers have learned besides; guarded by run.mu.
type seen struct {
	server       *control.Server
	name         string            // of the bot, without its @
	ended        []control.Process // newest first
	suspects     []control.Process
	told         map[int]bool // suspects that were told of, by pid
	exit         *control.LastExit
	exitReason   string
	exitRun      uint32 // the child that ended so
	signLine     string // of the bot's output, masked
	notify       *notify.Listener
	botStatus    string // what the bot says of itself, masked
	botStatusRun uint32 // the child that said it
	stateError   bool   // the state file could not be written, and that was said
}

// maxEnded bounds the ended processes that status lists.
const maxEnded = 10

func (r *run) noteName(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.name = name
}

func (r *run) noteSign(e logscan.Evidence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.signLine = r.mask(e.Line)
}

func (r *run) noteExit(n uint32, e proc.Exit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.exitReason, r.seen.exitRun = e.String(), n
	r.seen.exit = &control.LastExit{Code: e.Code, Signal: int(e.Signal), Reason: e.String(), At: time.Now().UTC()}
}

// maxSuspectLines is how many processes that are left alone a sweep names in the log. Status has them all.
const maxSuspectLines = 5

// noteSweep keeps a sweep's findings for status and says what is new in them.
func (r *run) noteSweep(report stale.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := map[int]bool{}
	news := 0
	r.seen.suspects = nil
	for _, f := range report.Findings {
		p := control.Process{PID: f.PID, Command: f.Command, Evidence: f.Evidence, Outcome: string(f.Outcome)}
		switch f.Outcome {
		case stale.NotTouched:
			r.seen.suspects = append(r.seen.suspects, p)
			told[f.PID] = true
			if r.seen.told[f.PID] {
				break
			}
			if news++; news <= maxSuspectLines {
				r.saySuspect(f)
			}
		case stale.EndedByTerm, stale.EndedByKill:
			r.seen.ended = append([]control.Process{p}, r.seen.ended...)
			r.seen.ended = r.seen.ended[:min(len(r.seen.ended), maxEnded)]
			r.sayEnded(f)
		case stale.Survived, stale.NotPermitted:
			r.sayEnded(f)
		}
	}
	if news > maxSuspectLines {
		r.opts.Log.Info(fmt.Sprintf(`%d more may poll for this bot; not touched: "botctl status" lists them`, news-maxSuspectLines))
	}
	r.seen.told = told
}

// Status is what the control socket answers.
func (r *run) Status() control.Status {
	v := r.view.Load()
	s := v.state
	now := time.Now()
	st := control.Status{
		SchemaVersion: control.SchemaVersion,
		Version:       r.opts.Version,
		Key:           r.key(),
		UpdatedAt:     now.UTC(),
		BotID:         r.opts.Token.ID(),
		Token:         r.opts.Token.String(),
		TokenSource:   r.opts.TokenSource,
		APIBase:       r.mask(r.opts.APIBase),
		Sandbox:       r.opts.Sandbox,
		Phase:         s.Phase.String(),
		Well:          s.Phase == policy.Running && s.Suspect.Kind == policy.NoSign && !s.Elsewhere() && s.Stall.Looks == 0 && r.parkedFor(s) == "",
		SupervisorPID: os.Getpid(),
		StartedAt:     r.began.UTC(),
		UptimeSeconds: now.Sub(r.began).Seconds(),
		Dir:           r.opts.Dir,
		Lock:          r.opts.StateDir,
		Conflicts:     control.Conflicts{Total: int(s.Conflicts), LastAt: stamp(s.ConflictLast), Elsewhere: s.Elsewhere()},
		Stale:         control.Stale{EndedTotal: int(s.Ended)},
		NextStartAt:   stamp(s.WakeAt),
		Why:           r.mask(s.Why),
	}
	for _, a := range r.opts.Argv {
		st.Command = append(st.Command, r.mask(a))
	}
	st.Restarts = restarts(s)
	st.Trouble = r.trouble(s)
	if s.Phase == policy.Done {
		st.ExitCode = new(s.ExitCode)
	}
	c := r.children.get(s.Run)
	if c == nil {
		c = r.children.latest()
	}
	if c != nil {
		tree := c.Tree()
		st.Child = &control.Child{
			PID: c.PID(), StartedAt: c.Started().UTC(), UptimeSeconds: now.Sub(c.Started()).Seconds(),
			State: strings.Trim(string(c.State()), "\x00"), Processes: len(tree),
		}
		if st.Child.State == "T" {
			st.Well, st.Trouble = false, cmp.Or(st.Trouble, "the bot is stopped (SIGSTOP); SIGCONT wakes it")
		}
	}
	st.Gateway = r.gatewayStatus(s)
	st.Lease = r.leaseStatus(s)
	st.Platform = r.opts.Platform
	st.Ready = r.health().Ready
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.name != "" {
		st.BotName = "@" + r.seen.name
	}
	if st.Child != nil {
		st.Child.Ready = s.Ready
		if r.seen.botStatusRun == s.Run {
			st.Child.Status = r.seen.botStatus
		}
	}
	st.LastExit = r.seen.exit
	st.Stale.Ended = slices.Clone(r.seen.ended)
	st.Stale.Suspects = slices.Clone(r.seen.suspects)
	return st
}

func restarts(s policy.State) control.Restarts {
	out := control.Restarts{ByCause: map[string]int{}}
	for c := policy.ByExit; c < policy.NumCauses; c++ {
		if n := int(s.Restarts[c]); n > 0 {
			out.ByCause[c.String()] = n
			out.Total += n
		}
	}
	if s.Last != policy.FirstStart {
		out.LastCause, out.LastAt = s.Last.String(), stamp(s.LastAt)
	}
	return out
}

// parkedFor says why the polls of a bot are held although it runs; "" when they are not.
func (r *run) parkedFor(s policy.State) string {
	switch {
	case s.Unlocked:
		return "another supervisor on this machine has this bot"
	case r.keeper == nil || s.Leased && !s.LeaseEnds:
		return ""
	}
	v := r.keeper.View()
	switch {
	case v.Problem != nil:
		return "the lease's server does not answer"
	case v.Holder.Instance != "" && v.Holder.Instance != v.Me.Instance:
		return "another machine has the lease: " + memberText(v.Holder)
	}
	return "waiting for the lease"
}

// trouble says in a few words why a run is not well.
func (r *run) trouble(s policy.State) string {
	switch parked := r.parkedFor(s); {
	case parked != "" && (s.Phase == policy.Standby || s.Phase == policy.Running):
		return parked
	case s.Elsewhere():
		return "another machine polls this bot"
	case s.Phase == policy.Waiting:
		return "waiting before the next start: " + causeText[s.Cause]
	case s.Phase == policy.Standby:
		return "another supervisor has this bot"
	case s.Stall.Looks > 0:
		return "updates wait, and the bot asks for none"
	case s.Phase == policy.Running && s.Suspect.Kind != policy.NoSign:
		return "the bot's output speaks of " + signText[s.Suspect.Kind]
	}
	return ""
}

func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// Restart, Stop and Logs serve the control socket together with Status.
func (r *run) Restart() { r.ask(policy.RestartAsked{}) }

// Stop asks for an orderly end.
func (r *run) Stop() { r.ask(policy.StopAsked{}) }

// Logs is the end of the child's output.
func (r *run) Logs() *control.Tail { return r.tail }

// ask must not wait for a loop that has ended; the caller's own time limit ends the wait.
func (r *run) ask(ev policy.Event) {
	limit := time.NewTimer(5 * time.Second)
	defer limit.Stop()
	select {
	case r.events <- ev:
	case <-limit.C:
	}
}

// openServer is called with the lock held, once the locks are. Without a socket the bot is
// supervised all the same.
func (r *run) openServer() {
	srv, err := control.Serve(r.opts.StateDir, r.key(), r)
	if err != nil {
		r.opts.Log.Warn("status, logs, restart and stop will not work", keyCause, err.Error())
		return
	}
	r.seen.server = srv
}

func (r *run) closeServer() {
	r.mu.Lock()
	server := r.seen.server
	r.seen.server = nil
	r.mu.Unlock()
	if server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
		defer cancel()
		server.Retire(ctx)
	}
}

// lastAnswers is how long requests of the control socket may go on at the end.
const lastAnswers = 100 * time.Millisecond

// stateDelay is how old the state file may be. It also keeps the disk out of the way of a restart, which is over by then.
const stateDelay = 250 * time.Millisecond

// writeStates writes the state file when the loop has published something.
func (r *run) writeStates(ctx context.Context) {
	delay := time.NewTimer(stateDelay)
	defer delay.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.dirty:
		}
		delay.Reset(stateDelay)
		select {
		case <-ctx.Done():
			return
		case <-delay.C:
			r.writeState(true)
		}
	}
}

// writeState is for whoever holds the locks. A file that cannot be written is no reason to
// stop supervising (P12, P36).
func (r *run) writeState(durable bool) {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	mine := r.locks != nil
	r.mu.Unlock()
	if !mine {
		return
	}
	err := control.WriteState(r.opts.StateDir, r.Status(), durable)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && !r.seen.stateError {
		r.opts.Log.Warn("the state file is out of date", keyCause, err.Error())
	}
	r.seen.stateError = err != nil
}
