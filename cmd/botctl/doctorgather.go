package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"botctl/supervisor/botapi"
	"botctl/supervisor/control"
	"botctl/supervisor/doctor"
	"botctl/supervisor/platform"
	"botctl/supervisor/stale"
	"botctl/supervisor/token"
)

// gather looks at everything that doctor judges. Its error says that a setting is wrong: what is wrong elsewhere is
// a fact.
func gather(ctx context.Context, set settings, argv []string) (doctor.Facts, error) {
	dir, err := workingFolder()
	if err != nil {
		return doctor.Facts{}, err
	}
	base, err := apiBase(set)
	if err != nil {
		return doctor.Facts{}, err
	}
	state, err := stateDir()
	if err != nil {
		return doctor.Facts{}, err
	}
	if len(argv) == 0 {
		argv = lastCommand(dir)
	}
	env := os.Environ()
	if path := set.text("env-file"); path != "" {
		if env, err = withEnvFile(env, path); err != nil {
			return doctor.Facts{}, err
		}
	}
	f := newFacts(dir, base)
	f.OnWebhook, f.Gateway = set.text("webhook"), set.text("gateway")
	found, err := findToken(set, env, dir)
	if failed, ok := errors.AsType[*failure](err); ok {
		f.TokenTrouble, f.TokenAdvice = failed.Error(), failed.hints
	}
	f.TokenID = found.Token.ID()
	f.Tokens = tokenPlaces(set, env, dir, found)
	if found.Token != "" {
		f.API = askAPI(ctx, base, found.Token)
	}
	findRivals(ctx, &f, targetOf(ctx, set, found.Token, dir, argv, base))
	f.Supervisors = runningHere(ctx, state, dir, f.TokenID)
	here := platform.Recognise(os.Getenv, hostName(), os.ReadFile)
	set.adapt(here)
	f.Platform = platformOf(set, here)
	if f.Lease, err = leaseOf(ctx, set, env, found.Token, here); err != nil {
		return doctor.Facts{}, err
	}
	f.Project, f.Partial = readFolder(dir, argv)
	return f, nil
}

// tokenPlaces are all places in which a token is looked for, with what they hold.
func tokenPlaces(set settings, env []string, dir string, found token.Found) []doctor.TokenPlace {
	var list []doctor.TokenPlace
	add := func(where string, t token.Token) {
		list = append(list, doctor.TokenPlace{
			Where: where, Masked: t.String(), Used: where == found.Source, Other: found.Token != "" && t != found.Token,
		})
	}
	if strings.HasPrefix(found.Source, "file ") {
		add(found.Source, found.Token)
	}
	names := slices.Clone(token.EnvNames)
	if extra := set.text("token-env"); extra != "" && !slices.Contains(names, extra) {
		names = append([]string{extra}, names...)
	}
	from := func(where string, get func(string) string) {
		for _, name := range names {
			v := get(name)
			own := token.FromEnv(func(n string) string {
				if n == name {
					return v
				}
				return ""
			}, name)
			switch {
			case len(own) > 0 && (name != "TOKEN" || token.LooksReal(v) || where+name == found.Source):
				add(where+name, own[0])
			case name != "TOKEN" && strings.TrimSpace(v) != "":
				add(where+name, "")
			}
		}
	}
	from("environment ", lookupEnv(env))
	path := filepath.Join(dir, ".env")
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		if vars, err := token.Dotenv(path); err == nil { // findToken has said so
			from(".env ", func(name string) string { return vars[name] })
		}
	}
	return list
}

// apiLimit bounds all that doctor asks the Bot API.
const apiLimit = 6 * time.Second

// askAPI asks for what does not disturb a poll.
func askAPI(ctx context.Context, base string, tok token.Token) doctor.API {
	ctx, cancel := context.WithTimeout(ctx, apiLimit)
	defer cancel()
	a := doctor.API{Asked: true}
	c := botapi.New(base, tok)
	c.Clock = func(server, sent, came time.Time) {
		middle := sent.Add(came.Sub(sent) / 2)
		a.Dated, a.Skew = true, middle.Sub(server.Add(500*time.Millisecond)) // a Date is cut to the second
	}
	me, err := c.GetMe(ctx)
	if refused, ok := errors.AsType[*botapi.RefusedError](err); ok {
		a.Refused = refused.Error()
		return a
	}
	if err != nil {
		a.Trouble = err.Error()
		return a
	}
	a.Name = me.Username
	info, err := c.GetWebhookInfo(ctx)
	switch {
	case err != nil:
		a.WebhookTrouble = err.Error()
	case info.URL != "":
		a.WebhookHost = info.Host()
		fallthrough
	default:
		a.Pending = info.Pending
	}
	return a
}

// findRivals sweeps without ending anything.
func findRivals(ctx context.Context, f *doctor.Facts, target stale.Target) {
	report, err := stale.NewFinder(token.NewMasker(target.Token)).Sweep(ctx, target, stale.Options{DryRun: true, Lineage: true, Zombies: true})
	if err != nil {
		f.RivalsFail = err.Error()
		return
	}
	for _, v := range report.Findings {
		f.Rivals = append(f.Rivals, doctor.Rival{
			PID: v.PID, Command: v.Command, Verdict: string(v.Verdict), Evidence: v.Evidence, RestartedBy: v.RestartedBy,
		})
	}
	f.Unseen, f.Hidden = report.Unseen, report.Hidden
}

// runningHere are the living supervisors of this folder, or of this bot.
func runningHere(ctx context.Context, state, dir, bot string) []doctor.Supervisor {
	list, _ := control.ReadStates(state)
	var out []doctor.Supervisor
	for _, last := range list {
		if !sameDir(last.Dir, dir) && (bot == "" || last.BotID != bot) {
			continue
		}
		c, err := control.Dial(ctx, state, last.Key)
		if err != nil {
			continue // it has ended
		}
		st, err := askStatus(ctx, c, last)
		s := doctor.Supervisor{
			PID: st.SupervisorPID, Version: st.Version, Phase: st.Phase, Well: st.Well, Trouble: st.Trouble,
			Uptime: time.Duration(st.UptimeSeconds * float64(time.Second)),
		}
		if err != nil {
			s.Silent = err.Error()
		}
		s.TakesPart = st.Lease != nil || st.BotID != bot // one of another bot has no part to take
		s.HoldsLease = st.Lease != nil && st.BotID == bot && st.Lease.Held
		if g := st.Gateway; g != nil {
			s.GatewayMode, s.GatewayUsed, s.PollsThrough = g.Mode, g.Used, g.PollsThrough
		}
		out = append(out, s)
	}
	return out
}
