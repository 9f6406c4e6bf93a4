package supervisor

import (
	"context"
	"net"
	"time"

	"botctl/supervisor/health"
	"botctl/supervisor/policy"
)

const (
	listenEvery = 250 * time.Millisecond
	listenTries = 120              // then the owner is told; a supervisor that is replaced has ended by then
	aliveFor    = 10 * time.Second // a loop that has had something to do and did not turn for so long hangs
	readySlack  = 2 * time.Second  // beyond the drain, for a holder to answer a claim
)

// answerHealth serves the platform's checks.
func (r *run) answerHealth(ctx context.Context) {
	if r.opts.Health == nil {
		return
	}
	select {
	case <-r.locked:
	case <-ctx.Done():
		return
	}
	ln := r.listenHealth(ctx)
	if ln == nil {
		return
	}
	if err := health.Serve(ctx, ln, r.health); err != nil {
		r.opts.Log.Error("the platform's health checks are not answered any more", keyCause, err.Error())
	}
}

// listenHealth tries until it succeeds; nil when ctx has ended.
func (r *run) listenHealth(ctx context.Context) net.Listener {
	pause := time.NewTimer(time.Hour)
	defer pause.Stop()
	for tries := 1; ; tries++ {
		ln, err := r.opts.Health(ctx)
		if err == nil {
			return ln
		}
		if tries == listenTries {
			r.opts.Log.Error("the platform's health checks are not answered", keyCause, err.Error())
		}
		pause.Reset(listenEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil
		}
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
	return v.Problem == nil && v.Claimed >= r.cfg.StopTimeout/3+readySlack
}

// loopTurns says whether the loop goes on: it answers at once, or has turned a moment ago.
func (r *run) loopTurns() bool {
	if time.Since(time.UnixMilli(r.turned.Load())) < aliveFor {
		return true
	}
	return r.turns(context.Background(), aliveFor/10)
}
