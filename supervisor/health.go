package supervisor

import (
	"context"
	"time"

	"botctl/supervisor/health"
	"botctl/supervisor/policy"
)

const (
	aliveFor   = 10 * time.Second // a loop that has had something to do and did not turn for so long hangs
	readySlack = 2 * time.Second  // beyond the drain, for a holder to answer a claim
)

// answerHealth serves the platform's checks.
func (r *run) answerHealth(ctx context.Context) {
	if r.opts.Health == nil {
		return
	}
	if err := health.Serve(ctx, r.opts.Health, r.health); err != nil {
		r.opts.Log.Error("the platform's health checks are not answered any more", keyCause, err.Error())
	}
}

// health is how this run is. Ready is a bot that may poll and does. A claim that the holder does not answer in time counts as ready too: the
// platform waits for that with ending the holder, and ending it is what helps.
func (r *run) health() health.Health {
	v := r.view.Load()
	s := v.state
	h := health.Health{Phase: s.Phase.String(), Alive: r.loopTurns(), Why: r.trouble(s)}
	if r.keeper != nil {
		if holder := r.keeper.View().Holder; holder.Instance != "" {
			h.Holder = memberText(holder)
		}
	}
	switch {
	case s.Phase == policy.Running && r.parkedFor(s) == "":
		h.Ready = r.polls(s)
		if !h.Ready && h.Why == "" {
			h.Why = "the bot does not poll yet"
		}
	case r.claimed(s):
		h.Ready, h.Why = true, ""
	case h.Why == "":
		h.Why = s.Phase.String()
	}
	return h
}

// polls says whether the bot does, as far as can be seen.
func (r *run) polls(s policy.State) bool {
	if r.gate == nil || !s.Wire {
		return s.Ready && r.opts.Gateway != GatewayRequire
	}
	seen := r.gate.Snapshot()
	return !seen.Holding && (seen.AtServer > 0 || time.Since(seen.LastPoll) < policy.WellAfter)
}

// claimed says whether this run has asked a holder for the lease for longer than that may take to finish.
func (r *run) claimed(s policy.State) bool {
	if r.keeper == nil || !s.Asked || s.Leased {
		return false
	}
	v := r.keeper.View()
	if v.Claim.Instance != v.Me.Instance || v.Problem != nil {
		r.claimSeen.Store(0)
		return false
	}
	now := time.Now().UnixMilli()
	if r.claimSeen.CompareAndSwap(0, now) {
		return false
	}
	return time.Duration(now-r.claimSeen.Load())*time.Millisecond >= r.cfg.StopTimeout/3+readySlack
}

// loopTurns says whether the loop goes on: it answers at once, or has turned a moment ago.
func (r *run) loopTurns() bool {
	if time.Since(time.UnixMilli(r.turned.Load())) < aliveFor {
		return true
	}
	return r.turns(context.Background(), aliveFor/10)
}
