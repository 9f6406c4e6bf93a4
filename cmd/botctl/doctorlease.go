package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"botctl/supervisor"
	"botctl/supervisor/doctor"
	"botctl/supervisor/lease"
	"botctl/supervisor/platform"
	"botctl/supervisor/policy"
	"botctl/supervisor/token"
)

// leaseLimit bounds all that doctor asks the lease's server.
const leaseLimit = 4 * time.Second

// platformOf is where this runs, with the settings that hang on it.
func platformOf(set settings, here platform.Platform) *doctor.Platform {
	return &doctor.Platform{
		Name: here.Name, Deploy: cmp.Or(set.text("deploy-id"), here.Deploy), Replica: here.Replica, Env: here.EnvName,
		Grace: here.StopGrace, Stop: set.duration("stop-timeout"), StopFrom: set["stop-timeout"].from, Listens: set.text("listen") != "",
	}
}

// leaseOf says who holds the lease. It goes about it as "botctl run" does, and takes no part. Its error says that the flag is wrong.
func leaseOf(ctx context.Context, set settings, env []string, tok token.Token, here platform.Platform) (doctor.Lease, error) {
	l := doctor.Lease{From: set["lease"].from}
	text, _, err := leaseURL(set, env)
	if failed, ok := errors.AsType[*failure](err); ok {
		if failed.code == exitUsage {
			return l, err
		}
		l.Trouble, l.Advice = failed.Error(), failed.hints
		return l, nil
	}
	if text == "" {
		return l, nil
	}
	opts := supervisor.Options{
		Token: tok, Env: env, Gateway: supervisor.GatewayMode(set.text("gateway")), Policy: policy.Config{StopTimeout: set.duration("stop-timeout")},
	}
	l.Set = true
	if tok == "" {
		l.Where, l.Unasked = leaseKind(text), "without the token nobody knows which bot it is for"
		return l, nil
	}
	if err := leaseOptions(ctx, set, &opts, here); err != nil {
		l.Trouble = err.Error()
		if failed, ok := errors.AsType[*failure](err); ok {
			l.Advice = failed.hints
		}
		return l, nil
	}
	defer opts.Lease.Store.Close()
	l.Where = opts.Lease.Name
	ctx, cancel := context.WithTimeout(ctx, leaseLimit)
	defer cancel()
	snap, err := opts.Lease.Store.Load(ctx)
	if err != nil {
		l.Unreached, l.Remedy = storeTrouble(err, l.From)
		return l, nil
	}
	l.Answer = answerOf(snap, opts.Lease.Config, here)
	if l.Warnings, err = opts.Lease.Warnings(ctx); err != nil {
		l.Warnings = []string{"what it is worth warning of is not known: " + err.Error()}
	}
	return l, nil
}

// leaseKind is the engine of a URL.
func leaseKind(text string) string {
	store, err := openStore(text, "bot", lease.DefaultTTL)
	if err != nil {
		return "which cannot be read"
	}
	defer store.Close()
	return store.String()
}

// remedies say what to do when a store gives no answer. The errors of the others say it themselves.
var remedies = map[lease.Problem]string{
	lease.Unreachable: "is it up, and may this machine reach it? a platform's private address is reached from that platform alone",
	lease.Busy:        "wait for it, and look at its memory, its disk and its connections",
	lease.ReadOnly:    "the URL must lead to the primary",
	lease.Denied:      "check user and password",
	lease.Pooled:      "take the URL of the direct connection",
}

// storeTrouble is what a store's error says, and what to do about it.
func storeTrouble(err error, from string) (trouble, remedy string) {
	se, ok := errors.AsType[*lease.StoreError](err)
	if !ok {
		return err.Error(), "check the URL in " + from
	}
	return se.Err.Error(), cmp.Or(remedies[se.Problem], "see to it there, or change the URL in "+from)
}

// answerOf reads a record, and asks the protocol itself what a botctl that starts here would come to.
func answerOf(snap lease.Snapshot, cfg lease.Config, here platform.Platform) *doctor.LeaseAnswer {
	member := func(m lease.Member) *doctor.LeaseMember {
		if m.Instance == "" {
			return nil
		}
		return &doctor.LeaseMember{Name: m.Name, Deploy: m.Deploy, Env: m.Env}
	}
	a := &doctor.LeaseAnswer{Known: snap.Version > 0, Holder: member(snap.Record.Holder), Claim: member(snap.Record.Claim.Member), Env: cmp.Or(here.Env, here.EnvName)}
	const now = time.Hour // by a clock of its own
	s, _ := lease.Decide(cfg, lease.State{}, lease.Begun{}, now)
	s, _ = lease.Decide(cfg, s, lease.Want{}, now)
	_, acts := lease.Decide(cfg, s, lease.Answer{ID: s.Op.ID, Snap: snap}, now)
	for _, act := range acts {
		switch act := act.(type) {
		case lease.Refused:
			a.Here = doctor.IsRefused
		case lease.Swap:
			if act.To.Claim.Instance == cfg.Me.Instance {
				a.Here = doctor.TakesOver
				if cfg.Force {
					a.Here = doctor.TakesByForce
				}
			}
		}
	}
	return a
}
