package doctor

import (
	"cmp"
	"fmt"
)

// Lease is how machines are kept apart.
type Lease struct {
	Set     bool
	From    string   // where the setting stands
	Where   string   // the store, for people, without a secret
	Trouble string   // why "botctl run" would not take it
	Advice  []string // what to do about that
	Unasked string   // why the store was not asked

	Unreached string // why it gave no answer
	Remedy    string
	Answer    *LeaseAnswer // what it holds
	Warnings  []string     // what is worth knowing of the store
}

// LeaseAnswer is the record as it was found. It says nothing of whether its holder still lives.
type LeaseAnswer struct {
	Known  bool // somebody has had the lease once
	Holder *LeaseMember
	Claim  *LeaseMember // who asks the holder for it
	Here   Outcome
	Env    string // of this machine, for people
}

// LeaseMember is a supervisor that takes part.
type LeaseMember struct{ Name, Deploy, Env string }

func (m LeaseMember) String() string {
	text := cmp.Or(m.Name, "another machine")
	if m.Deploy != "" && m.Deploy != m.Name {
		text += ", deploy " + m.Deploy
	}
	return text
}

// Outcome is what a botctl that starts here would come to.
type Outcome uint8

// The outcomes.
const (
	StandsBy Outcome = iota
	TakesOver
	TakesByForce
	IsRefused
)

func (r *Report) lease(f Facts) {
	l := f.Lease
	switch {
	case l.Trouble != "":
		r.add("lease", Fail, l.Trouble, l.Advice...)
	case !l.Set:
		r.add("lease", Note, "none configured: a poller on another machine, such as the container of the previous deploy, is not kept away")
	case l.Unasked != "":
		r.add("lease", Note, fmt.Sprintf("configured, %s (%s); not asked: %s", l.Where, l.From, l.Unasked))
	case l.Unreached != "":
		r.add("lease", Fail, fmt.Sprintf("%s (%s): %s; until it answers nothing polls from here", l.Where, l.From, l.Unreached), l.Remedy)
	case l.Answer != nil:
		r.add("lease", OK, fmt.Sprintf("reached, %s (%s)", l.Where, l.From))
		r.holder(f, *l.Answer)
	}
	for _, w := range l.Warnings {
		r.add("lease", Warn, "the server: "+w)
	}
}

// holder says who has it, and what that means for a botctl here.
func (r *Report) holder(f Facts, a LeaseAnswer) {
	for _, s := range f.Supervisors {
		switch {
		case s.Silent != "":
		case s.HoldsLease:
			r.add("lease", OK, fmt.Sprintf("held by the botctl that runs here, pid %d", s.PID))
			return
		case !s.TakesPart:
			r.add("lease", Warn, fmt.Sprintf("the botctl that runs here, pid %d, takes no part in it, and polls whoever holds it", s.PID), "start it with the lease too")
		}
	}
	switch h := a.Holder; {
	case h == nil && !a.Known:
		r.add("lease", OK, "nobody has had it yet")
	case h == nil && a.Claim != nil:
		r.add("lease", OK, fmt.Sprintf("released; %s is to have it", a.Claim))
	case h == nil:
		r.add("lease", OK, "nobody holds it")
	case a.Here == IsRefused:
		r.add("lease", Warn, fmt.Sprintf("another environment holds it, %s (%s); a botctl that starts here, in %s, is refused", environment(h.Env), h, environment(a.Env)),
			"stop that one, give this one a bot of its own, or run once with --lease-force")
	case a.Here == TakesByForce:
		r.add("lease", Warn, fmt.Sprintf("held by %s; a botctl that starts here takes it over, whoever that is (lease-force)", h), "leave lease-force out once it is done")
	case a.Here == TakesOver:
		r.add("lease", Note, fmt.Sprintf("held by %s; a botctl that starts here is a newer deploy, and takes over", h))
	default:
		r.add("lease", Note, fmt.Sprintf("held by %s; a botctl that starts here stands by", h))
	}
	if a.Holder != nil && a.Claim != nil {
		r.add("lease", Note, fmt.Sprintf("%s has asked for it", a.Claim))
	}
}

func environment(name string) string { return cmp.Or(name, "no platform") }
