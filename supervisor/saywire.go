package supervisor

import (
	"context"
	"log/slog"
	"time"

	"botctl/supervisor/control"
	"botctl/supervisor/gateway"
	"botctl/supervisor/herald"
	"botctl/supervisor/policy"
)

// takeBase is what a bot must do to use the gateway.
const takeBase = "it must take its server from TELEGRAM_API_BASE, which is one line in any framework"

// troubleAfter is how long the Bot API may fail polls before the owner hears of it: the bot does not see it.
const troubleAfter = time.Minute

// sayWire speaks of what no restart and no change of phase tells.
func (r *run) sayWire(now policy.State, ev policy.WireSeen) {
	switch ev.Kind {
	case policy.WireRealToken:
		r.opts.Log.Error("the bot has the real token, which the gateway refuses: it reads it by itself, from .env or another file; " +
			"take it from the environment there, or run with --gateway auto")
	case policy.WireRefused:
		r.often(slog.LevelWarn, "the Bot API refused the bot's poll", "wire refused", keyCause, ev.Detail)
	case policy.WireTrouble:
		if time.Since(ev.Since) >= troubleAfter {
			r.often(slog.LevelWarn, "the Bot API does not answer polls; the bot waits", "wire trouble", keyCause, ev.Detail, keySince, ev.Since)
		}
	case policy.WireCalm:
		if time.Since(ev.Since) >= troubleAfter && now.WireSince.IsZero() {
			r.opts.Log.Info("the Bot API answers polls again", keySince, ev.Since)
		}
	case policy.WireRenumbered:
		r.opts.Log.Info("Telegram numbers updates anew, as it does after a week without any")
	case policy.WireUsed, policy.WirePolled, policy.WireConflict, policy.WireWebhook:
		// The policy lets these be told.
	}
}

func (r *run) tellWire(s policy.State, what policy.Word) {
	log := r.opts.Log
	switch what {
	case policy.GatewayUsed:
		log.Info("the bot polls through the gateway", keyGateway, r.gateURL)
	case policy.GatewayUnused:
		level, text := slog.LevelInfo, "the bot does not use the gateway, so its output alone tells of conflicts; to use it, "
		if r.opts.Gateway == GatewayRequire {
			level, text = slog.LevelWarn, "the bot does not use the gateway, and has no token for anything else; "
		}
		log.Log(context.Background(), level, text+takeBase)
	case policy.ConflictHeld:
		log.Warn("another poller takes this bot's poll; the gateway keeps the conflict from the bot, and rivals here are looked for")
	case policy.ConflictGoesOn:
		r.herald.Tell(herald.ConflictLasts(s.WireSince))
		log.Error("another deploy or machine polls this bot: if that is the new deploy, stop this one; else stop the other one (an earlier deploy, another server, a laptop)",
			"conflicts", s.Conflicts, keySince, s.WireSince)
	case policy.PollFreed:
		log.Warn("updates wait and the bot asks for none; it is restarted if that goes on")
	case policy.WarmFailed:
		log.Error("the next bot did not come so far as to poll; the present one goes on")
	case policy.RestartUnderWay:
		log.Info("a restart is under way")
	}
}

// sayOtherExit speaks of the end of a child that is not the present one.
func (r *run) sayOtherExit(old policy.State, ev policy.ChildExited) {
	r.mu.Lock()
	reason := r.seen.exitReason
	if r.seen.exitRun != ev.Run {
		reason = ""
	}
	r.mu.Unlock()
	switch ev.Run {
	case old.Old:
		r.opts.Log.Info("the bot before it has ended", keyExit, reason)
	case old.Next:
		r.opts.Log.Warn("the next bot ended", keyExit, reason)
	}
}

// gatewayStatus is what status says of the gateway; nil without one.
func (r *run) gatewayStatus(s policy.State) *control.Gateway {
	if r.gate == nil {
		return nil
	}
	seen := r.gate.Snapshot()
	return &control.Gateway{
		Mode: string(r.opts.Gateway), URL: r.gateURL, Used: s.WireUsed, PollsThrough: s.Wire,
		PollOpen: seen.AtServer > 0, Parked: seen.Parked, Holding: seen.Holding,
		Polls: seen.Polls, Updates: seen.Updates, Calls: seen.Calls, CallsOpen: seen.CallsOpen,
		ConflictsAbsorbed: seen.Conflicts, RefusedRequests: seen.Strangers,
		LastPollAt: stamp(seen.LastPoll), LastUpdateAt: stamp(seen.LastUpdate), LastCallAt: stamp(seen.CallBegan),
		Trouble: wireTrouble(seen),
	}
}

func wireTrouble(seen gateway.Snapshot) string {
	switch {
	case seen.Webhook:
		return "a webhook is set"
	case !seen.Conflict.IsZero():
		return "another poller takes the poll"
	case !seen.Trouble.IsZero():
		return "the Bot API does not answer polls"
	}
	return ""
}
