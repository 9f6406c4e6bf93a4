package doctor

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Platform is where this runs, and what of the settings hangs on it.
type Platform struct {
	Name    string // as package platform has it; "" when none is recognised
	Deploy  string
	Replica string
	Env     string // for people

	Grace    time.Duration // between the signal and SIGKILL; below 0: not known
	Stop     time.Duration // the setting stop-timeout
	StopFrom string
	Listens  bool // the setting listen
}

// host is what docs/platforms.md says of a platform.
type host struct {
	grace   string // what lengthens the time to stop
	overlap string // what becomes of two instances in a deploy; "" when nothing overlaps
	waits   bool   // it waits for a check before it ends the old one
	instead string // what ends the overlap without a lease
}

var hosts = map[string]host{
	"railway": {
		grace:   "RAILWAY_DEPLOYMENT_DRAINING_SECONDS=15, or drainingSeconds in railway.json",
		overlap: "the new instance is active before the old one ends", waits: true,
		instead: "with a volume the old one stops first",
	},
	"heroku": {overlap: "the new dyno and the old one run for up to 30 s", instead: "--gateway auto absorbs it"},
	"render": {
		grace:   "maxShutdownDelaySeconds in render.yaml",
		overlap: "both instances run for a minute", instead: "with a disk the old one stops first",
	},
	"fly":   {grace: "kill_timeout in fly.toml"},
	"koyeb": {overlap: "the new instance is well before the old one ends"},
	"dokku": {overlap: "the old container lives on for a while"},
	"kubernetes": {
		grace:   "terminationGracePeriodSeconds",
		overlap: "the new pod is ready before the old one ends", waits: true, instead: "strategy Recreate ends the old one first",
	},
	"docker": {grace: "stop_grace_period in compose, --stop-timeout of docker run"},
}

func (r *Report) platform(f Facts) {
	p := f.Platform
	switch {
	case p == nil:
		return
	case p.Name == "":
		fact := "none recognised"
		if p.Deploy != "" {
			fact += "; as a deploy counts this host, " + p.Deploy
		}
		r.add("platform", Note, fact)
	default:
		fact := []string{p.Name}
		for _, part := range [][2]string{{"deploy ", p.Deploy}, {"instance ", p.Replica}, {"environment ", p.Env}} {
			if part[1] != "" {
				fact = append(fact, part[0]+part[1])
			}
		}
		r.add("platform", OK, strings.Join(fact, ", "))
	}
	r.stopTime(*p)
	r.overlap(f, *p)
}

// stopTime compares what a stop may take with what there is.
func (r *Report) stopTime(p Platform) {
	if p.Name == "" || p.Stop <= 0 {
		return
	}
	more := hosts[p.Name].grace
	if more != "" {
		more = "more time: " + more
	}
	setting := fmt.Sprintf("stop-timeout %v (%s)", p.Stop, p.StopFrom)
	switch {
	case p.Grace < 0:
		r.add("platform", Note, fmt.Sprintf("%s does not say what it leaves for a stop; %s", p.Name, setting))
	case p.Grace == 0:
		r.add("platform", Warn, fmt.Sprintf("%s kills at once: a stop by hand cuts off what the bot is doing, and a lease is free only when its time is over", p.Name), more)
	case p.Stop >= p.Grace:
		r.add("platform", Warn, fmt.Sprintf("%s is more than the %v that %s leaves unless told otherwise: it kills before the stop is over", setting, p.Grace, p.Name),
			cmp.Or(more, fmt.Sprintf("a stop-timeout below %v", p.Grace)))
	default:
		r.add("platform", OK, fmt.Sprintf("%s fits into the %v that it leaves", setting, p.Grace))
	}
}

// overlap says what a deploy does to the bot.
func (r *Report) overlap(f Facts, p Platform) {
	h, lease := hosts[p.Name], f.Lease.Set && f.Lease.Trouble == ""
	switch {
	case p.Name == "":
		return
	case h.overlap == "":
		r.add("platform", OK, "in a deploy nothing overlaps unless you have it so")
		return
	case !lease:
		next := []string{"a lease ends that: --lease env:REDIS_URL --gateway require --standby warm"}
		if h.instead != "" {
			next = append(next, "or without one: "+h.instead)
		}
		r.add("platform", Warn, "in a deploy "+h.overlap+", so two poll", next...)
		return
	case h.waits && !p.Listens:
		r.add("platform", Warn, "in a deploy "+h.overlap+", and nothing tells it when the bot has been handed over",
			"--listen "+listenAt(p.Name)+", and its health check at /readyz")
	default:
		r.add("platform", OK, "in a deploy "+h.overlap+"; the lease lets one of them poll")
	}
	if p.Env == "" {
		next := "the bot of staging must have a token of its own"
		if p.Name == "heroku" {
			next = "heroku labs:enable runtime-dyno-metadata"
		}
		r.add("platform", Note, "it does not name the environment, so another one with this token and this store is not told from this one", next)
	}
}

// listenAt is where the platform's check finds it.
func listenAt(name string) string {
	if name == "kubernetes" {
		return "0.0.0.0:8080"
	}
	return "env:PORT"
}
