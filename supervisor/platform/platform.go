// Package platform tells from the environment where a supervisor runs: on which platform, of which deploy, in which environment, and how
// long it is given to stop. It asks nobody and starts nothing; what it reads is given to it.
//
// # What a deploy is
//
// A lease gives each deploy a number when it sees it for the first time, and the higher number may claim. Two things follow. Whatever is
// restarted must keep its number, or a container of the previous deploy that crashes would come back as the newest and take the bot from
// the present one. And what replaces it must have another, or it would wait for its predecessor until the platform ends that.
//
// So Deploy is what the platform calls the deploy. Where it has no name for it, it is the name of the host: a process that is
// restarted there has the same one, and two hosts are two deploys, of which the one that came later has the higher number. In a
// container the host is the container: one that is restarted keeps its id, one that is made anew has another.
// An id that changes at each start (systemd's INVOCATION_ID, a pid, a time) is never used.
//
// Replicas of one deploy share its name and never claim from each other. Where Deploy is the name of a host, replicas are deploys of their
// own: each claims once, when it comes, and that is the end of it.
//
// # Whose word it is
//
// Each fact about a platform says where it is from. "Unverified" means that no page of the platform was found that says so. None of it was
// tried on the platform itself.
package platform

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Platform is what is known of where this process runs. Nothing in it is a secret.
type Platform struct {
	// Name is railway, render, fly, koyeb, dokku, heroku, kubernetes or docker; "" where nothing is recognised.
	Name string
	// Deploy names what was deployed; see above. It is empty only if even the host has no name.
	Deploy string
	// Replica names this instance, for people.
	Replica string
	// Env names the environment (production, staging, a preview) so that it differs from every other one; "" where no platform names one.
	Env string
	// EnvName is Env for people.
	EnvName string
	// StopGrace is what the platform leaves between asking to stop and SIGKILL, as far as can be told from inside: its default, unless
	// a variable says otherwise. 0: nothing. UnknownGrace: it does not say.
	StopGrace time.Duration
}

// UnknownGrace is a StopGrace that is not known.
const UnknownGrace time.Duration = -1

// The times for a stop that is not set by the owner.
const (
	stopTime     = 9 * time.Second // inside Docker's 10
	longStopTime = 25 * time.Second
	longGrace    = 30 * time.Second
)

// StopTimeout is how long the whole of a stop may take here, so that it is over before SIGKILL: 9 s; 25 s where the platform gives 30 s or more
// (Heroku, Render, Kubernetes); less where it gives less than ten. A grace of 0 asks for no haste: nothing could be done within it anyway.
func (p Platform) StopTimeout() time.Duration {
	switch g := p.StopGrace; {
	case g >= longGrace:
		return longStopTime
	case g <= 0 || g > stopTime:
		return stopTime
	default:
		return max(g-time.Second, g/2)
	}
}

// host is what Recognise reads, and how.
type host struct {
	getenv   func(string) string
	name     string
	readFile func(string) ([]byte, error)
}

// Recognise finds out where this process runs. hostname is the name of the host as the system gives it; readFile reads a whole file, and may
// fail for each.
func Recognise(getenv func(string) string, hostname string, readFile func(name string) ([]byte, error)) Platform {
	h := host{getenv: getenv, name: clean(hostname), readFile: readFile}
	var p Platform
	// A platform that is built on another one may show that one's marks too, so the plainer come later.
	for _, recognise := range []func(host) (Platform, bool){railway, render, fly, koyeb, dokku, heroku, kubernetes, docker} {
		var ok bool
		if p, ok = recognise(h); ok {
			break
		}
		p = Platform{StopGrace: UnknownGrace}
	}
	p.Deploy = cmp.Or(p.Deploy, h.name)
	p.Replica = cmp.Or(p.Replica, h.name)
	p.EnvName = cmp.Or(p.EnvName, p.Env)
	return p
}

// env is a variable as it may be shown and kept.
func (h host) env(name string) string { return clean(h.getenv(name)) }

// has says whether there is a file.
func (h host) has(name string) bool {
	_, err := h.readFile(name)
	return err == nil
}

// maxName bounds what is taken from outside, in bytes. The longest real ones are two UUIDs.
const maxName = 128

// clean makes one short line of printable characters: names end up in a shared record, in logs and on other people's terminals.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	if len(text) > maxName {
		text = strings.ToValidUTF8(text[:maxName], "")
	}
	return strings.TrimSpace(text)
}

// join puts a slash between texts; "" if one of them is missing, so that half a name never passes for a whole one.
func join(texts ...string) string {
	if slices.Contains(texts, "") {
		return ""
	}
	return strings.Join(texts, "/")
}
