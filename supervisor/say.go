package supervisor

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"botctl/supervisor/herald"
	"botctl/supervisor/policy"
	"botctl/supervisor/proc"
	"botctl/supervisor/stale"
)

// toldLines is how many of the bot's last lines the owner is told.
const toldLines = 10

// causeText says in words why a bot is started again.
var causeText = [policy.NumCauses]string{
	policy.FirstStart:     "first start",
	policy.ByExit:         "it ended",
	policy.ByMemory:       "the kernel ended it: out of memory",
	policy.ByEventLoop:    "its event loop broke",
	policy.ByLocalRival:   "conflict with a process on this machine, which was ended",
	policy.ByRemoteRival:  "conflict with a poller on another machine",
	policy.ByRequest:      "restart was asked for",
	policy.ByStartFailure: "it could not be started",
	policy.ByHeartbeat:    "its heartbeat stopped: it hangs",
	policy.ByStall:        "updates waited and it asked for none: it hangs",
	policy.ByLease:        "another machine polls, or may by now",
}

// signText says in words what a sign is one of.
var signText = map[policy.Kind]string{
	policy.Conflict:     "a 409 conflict",
	policy.Webhook:      "an active webhook",
	policy.EventLoop:    "a broken event loop",
	policy.Unauthorized: "a refused token",
}

// publish makes the new state known: to status, to the log in at most one line, to the observer.
func (r *run) publish(old, now policy.State, ev policy.Event) {
	r.view.Store(&view{state: now, at: time.Now()})
	for _, c := range []chan struct{}{r.dirty, r.news} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	r.say(old, now, ev)
	if now.Phase == policy.Done && old.Phase != policy.Done && now.ExitCode != 0 && now.Run > 0 {
		r.herald.Tell(herald.GivenUp(now.Why, now.ExitCode, r.tail.Lines(toldLines)))
	}
	if r.opts.Observe != nil {
		r.opts.Observe(now, ev)
	}
}

func (r *run) say(old, now policy.State, ev policy.Event) {
	switch ev := ev.(type) {
	case policy.LockTaken:
		if old.Phase == policy.Running {
			r.opts.Log.Info("taken over: the bot polls from here now", keyPID, now.PID)
			return
		}
		r.sayBegin()
	case policy.LockHeld:
		if now.Unlocked {
			r.sayBegin()
			r.opts.Log.Info("taking over: " + ev.By)
			return
		}
		if now.Phase == policy.Standby {
			r.opts.Log.Info("standing by: "+ev.By, keyNext, "when it ends")
		}
	case policy.Checked:
		r.sayChecked(ev)
	case policy.ChildStarted:
		r.sayStarted(now, ev)
	case policy.StartFailed:
		if ev.Kind == policy.Transient {
			r.often(slog.LevelWarn, "bot was not started", ev.Detail, keyCause, ev.Detail, keyNext, pause(now))
		}
	case policy.SignSeen:
		r.saySign(old, ev)
	case policy.ChildExited:
		if ev.Run == old.Run {
			r.sayExit(old, now)
		} else {
			r.sayOtherExit(old, ev)
		}
	case policy.WireSeen:
		r.sayWire(now, ev)
	case policy.LeaseGranted, policy.LeaseLost, policy.LeaseTaken, policy.LeaseClaimed, policy.LeaseParted, policy.LeaseRefused, policy.LeaseTrouble, policy.LeaseCalm,
		policy.HandOutAsked:
		r.sayLease(old, now, ev)
	case policy.HandedOver:
		if old.Phase == policy.Running && now.Run == ev.Run && old.Run != ev.Run {
			r.herald.Tell(herald.HandedOver("the bot that was started beside it"))
			r.opts.Log.Info("bot started again; it has taken over", keyPID, now.PID, keyCause, causeText[now.Cause])
		}
	}
	if old.Phase == policy.Running && now.Phase == policy.Stopping {
		r.sayStopping(now)
	}
}

func (r *run) sayBegin() {
	attrs := []any{}
	if r.opts.Token != "" {
		attrs = append(attrs, keyBot, r.opts.Token.ID(), keyToken, r.opts.TokenSource)
	}
	if r.opts.APIBase != DefaultAPIBase {
		attrs = append(attrs, keyAPI, r.opts.APIBase)
	}
	r.opts.Log.Info("supervising the bot", append(attrs, keyCommand, r.command())...)
	if r.opts.Token == "" {
		r.opts.Log.Info("no bot token found in the environment or .env: no check of token and webhook, and rivals are told by their folder alone")
	}
	for _, lack := range append(proc.Lacks(), stale.Lacks()...) {
		r.opts.Log.Warn("on this system " + lack)
	}
}

func (r *run) command() string { return r.mask(strings.Join(r.opts.Argv, " ")) }

func (r *run) sayChecked(ev policy.Checked) {
	switch ev.Verdict {
	case policy.CheckTrouble:
		r.often(slog.LevelWarn, "Bot API not reached; the bot is run all the same", "check", keyCause, ev.Detail)
	case policy.WebhookDeleted:
		r.opts.Log.Warn(ev.Detail)
	case policy.WebhookKept:
		r.opts.Log.Warn(ev.Detail + ": --webhook keep leaves it")
	}
}

func (r *run) sayStarted(now policy.State, ev policy.ChildStarted) {
	r.herald.Tell(herald.StartedAgain())
	if ev.Run == now.Next {
		r.opts.Log.Info("the next bot boots beside the present one; its polls are held", keyPID, ev.PID)
		return
	}
	if now.Cause == policy.FirstStart {
		r.opts.Log.Info("bot started", keyPID, ev.PID)
		return
	}
	r.often(slog.LevelInfo, "bot started again", "started "+causeText[now.Cause], keyPID, ev.PID, keyCause, causeText[now.Cause])
}

// saySign is silent about what is printed after our own signal.
func (r *run) saySign(old policy.State, ev policy.SignSeen) {
	if old.Run != ev.Run || old.Phase != policy.Running {
		return
	}
	r.mu.Lock()
	line := r.seen.signLine
	r.mu.Unlock()
	r.often(slog.LevelWarn, "the bot's output speaks of "+signText[ev.Kind], "sign "+ev.Kind.String(), keyLine, line)
}

// sayExit speaks of an end that nobody asked for.
func (r *run) sayExit(old, now policy.State) {
	r.mu.Lock()
	reason := r.seen.exitReason
	r.mu.Unlock()
	uptime := time.Since(old.StartedAt)
	if old.Phase == policy.Stopping {
		if now.Then == policy.Finish && now.ExitCode == 0 {
			r.opts.Log.Info("bot stopped", keyExit, reason, keyUptime, uptime)
		}
		return
	}
	attrs := []any{keyExit, reason, keyUptime, uptime}
	if now.Phase == policy.Done && now.ExitCode == 0 {
		r.opts.Log.Info("bot ended", attrs...)
		return
	}
	if now.Cause != policy.ByExit && now.Phase != policy.Done {
		attrs = append(attrs, keyCause, causeText[now.Cause])
	}
	if now.Phase == policy.Waiting {
		attrs = append(attrs, keyNext, pause(now))
	}
	if now.Phase != policy.Done {
		r.herald.Tell(herald.Crashed(reason, uptime, pause(now), r.tail.Lines(toldLines)))
	}
	r.often(slog.LevelWarn, "bot ended", "exit "+reason+causeText[now.Cause], attrs...)
	if n := now.LastExit.Survivors; n > 0 {
		r.opts.Log.Error("processes of the bot could not be ended; a second one may poll", "processes", n)
	}
}

func (r *run) sayStopping(now policy.State) {
	switch {
	case now.Then == policy.Finish && now.ExitCode == 0:
		r.opts.Log.Info("stopping the bot")
	case now.Then == policy.Again && now.Cause == policy.ByLease:
		r.opts.Log.Info("stopping the bot, and standing by", keyCause, causeText[now.Cause])
	case now.Then == policy.Again:
		r.often(slog.LevelWarn, "restarting the bot", "stopping "+causeText[now.Cause], keyCause, causeText[now.Cause])
	}
}

// tell says what the policy wants said although nothing changes.
func (r *run) tell(s policy.State, what policy.Word) {
	switch what {
	case policy.ConflictLasts:
		r.herald.Tell(herald.ConflictLasts(s.ConflictSince))
		r.opts.Log.Error("another machine polls this bot, and a restart does not help: "+
			"stop the other one (an earlier deploy, another server, a laptop), or stop this one if the other is the new deploy",
			"conflicts", s.Conflicts, keySince, s.ConflictSince)
	case policy.ConflictOver:
		r.herald.Tell(herald.ConflictEnded())
		r.opts.Log.Info("the conflict is over: no sign of another poller for two minutes")
	case policy.GatewayUsed, policy.GatewayUnused, policy.ConflictHeld, policy.ConflictGoesOn, policy.PollFreed, policy.WarmFailed, policy.RestartUnderWay:
		r.tellWire(s, what)
	case policy.WebhookIsSet:
		r.often(slog.LevelError, "a webhook is set, so the bot cannot poll: delete it, or run with --webhook delete", "webhook")
	case policy.WebhookWasSet:
		r.often(slog.LevelWarn, "a webhook was set while the bot polled; it is deleted", "webhook")
	case policy.RefusedUnproven:
		if r.opts.Gateway == GatewayRequire {
			r.often(slog.LevelError, "the bot was refused, and its token is good: it goes round the gateway; "+takeBase, "refused")
			return
		}
		r.often(slog.LevelWarn, "the bot says that its token is refused, which botctl cannot confirm: does it use another token?", "refused")
	}
}

func (r *run) saySuspect(f stale.Finding) {
	advice := `"--rival NAME" ends it, "--spare NAME" hides it`
	if f.Verdict == stale.NotOurs {
		advice = "end it as its user"
	}
	r.opts.Log.Info("may poll for this bot; not touched: "+advice, keyPID, f.PID, keyCommand, f.Command, keyEvidence, f.Evidence)
}

func (r *run) sayEnded(f stale.Finding) {
	attrs := []any{keyPID, f.PID, keyCommand, f.Command, keyEvidence, f.Evidence}
	if f.RestartedBy != "" {
		attrs = append(attrs, keyRestart, f.RestartedBy)
	}
	switch f.Outcome {
	case stale.Survived:
		r.opts.Log.Error("stale process could not be ended", attrs...)
	case stale.NotPermitted:
		r.opts.Log.Error("stale process may not be signalled: run botctl as its user", attrs...)
	default:
		r.opts.Log.Warn("ended stale process", append(attrs, keyOutcome, string(f.Outcome))...)
	}
}

// often says a repeated cause at first, and then counted.
func (r *run) often(level slog.Level, msg, cause string, attrs ...any) {
	left, ok := r.repeats.say(msg+cause, time.Now())
	if !ok {
		return
	}
	if left > 0 {
		attrs = append(attrs, keyTimes, left)
	}
	r.opts.Log.Log(context.Background(), level, msg, attrs...)
}

func pause(s policy.State) time.Duration {
	if s.WakeAt.IsZero() {
		return 0
	}
	return time.Until(s.WakeAt)
}
