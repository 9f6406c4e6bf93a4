package supervisor

import (
	"log/slog"
	"time"

	"botctl/supervisor/herald"
	"botctl/supervisor/policy"
)

// sayLease speaks of what other machines have to do with this bot.
func (r *run) sayLease(old, now policy.State, ev policy.Event) {
	log := r.opts.Log
	switch ev := ev.(type) {
	case policy.LeaseGranted:
		if old.Leased {
			log.Info("the lease was renewed after all", keyEpoch, ev.Epoch)
			return
		}
		log.Info("this machine has the lease", keyLease, r.opts.Lease.Name, keyEpoch, ev.Epoch)
	case policy.LeaseLost:
		log.Warn("the lease is lost; nothing polls from here", keyCause, ev.Cause)
	case policy.LeaseTaken:
		log.Info("standing by: another machine has the lease", keyHolder, ev.By)
	case policy.LeaseClaimed:
		log.Info("a newer deploy takes over; the bot finishes what it was given", keyHolder, ev.By)
	case policy.LeaseParted:
		if old.HandingOut || old.Claimed {
			log.Info("handed over")
			r.herald.Tell(herald.HandedOver(r.handedTo(old)))
		}
	case policy.LeaseRefused:
		log.Error("another environment has this bot, and is not asked for it: stop that one, give this one a bot of its own, or run once with --lease-force",
			keyHolder, ev.Holder, "here", r.hereText())
	case policy.LeaseTrouble:
		if now.Phase == policy.Done {
			return // it is the reason of the end
		}
		attrs := []any{keyCause, ev.Detail}
		if time.Since(ev.Since) > time.Second {
			attrs = append(attrs, keySince, ev.Since)
		}
		r.often(slog.LevelWarn, "the lease's server does not answer as it should; "+leaseConsequence(now), "lease "+ev.Detail, attrs...)
	case policy.LeaseCalm:
		log.Info("the lease's server answers again", keySince, ev.Since)
	case policy.HandOutAsked:
		log.Info("another supervisor on this machine takes over")
	}
}

// handedTo names who takes over, for people.
func (r *run) handedTo(old policy.State) string {
	if old.Yielding || r.keeper == nil {
		return "another botctl on this machine"
	}
	if c := r.keeper.View().Claim; c.Instance != "" {
		return memberText(c.Member)
	}
	return "a newer deploy"
}

// leaseConsequence is what the trouble means for the bot.
func leaseConsequence(s policy.State) string {
	if s.Leased {
		return "the bot polls on until the lease ends"
	}
	return "nothing polls from here until it does"
}

// hereText names this environment for people.
func (r *run) hereText() string {
	if name := r.opts.Lease.EnvName; name != "" {
		return name
	}
	return "no platform"
}
