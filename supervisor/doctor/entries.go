package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// starts says what the files of the folder would start that polls. Starts of one group run beside each other; those
// of different groups are ways to deploy, of which an owner takes one.
func (r *Report) starts(p Project) {
	var polling []Start
	for _, s := range p.Starts {
		if s.Polls != No && !s.Off {
			polling = append(polling, s)
		}
	}
	var groups []string
	for _, s := range polling {
		if !slices.Contains(groups, s.Group) {
			groups = append(groups, s.Group)
		}
	}
	for _, g := range groups {
		r.group(slices.DeleteFunc(slices.Clone(polling), func(s Start) bool { return s.Group != g }))
	}
	switch {
	case len(p.Starts) == 0:
		r.add("entries", Note, "no Procfile, compose file, unit, Dockerfile or package.json here starts anything")
	case len(polling) == 0:
		r.add("entries", Note, fmt.Sprintf("%s of this folder would start something, and none of it seems to poll", count(len(p.Starts), "entry", "entries")))
	case len(groups) > 1:
		var where []string
		for _, g := range groups {
			i := slices.IndexFunc(polling, func(s Start) bool { return s.Group == g })
			where = append(where, polling[i].where())
		}
		r.add("entries", Note, list(where)+" each start the bot", "they are ways to deploy it: use one").at(where...)
	}
}

const guardIt = `put "botctl guard --" before its command, or take it out`

// group judges entries that run beside each other.
func (r *Report) group(starts []Start) {
	var free []Start
	for _, s := range starts {
		if s.Wrap == Guarded {
			r.add("entries", OK, named(s)+" would poll, and botctl guard keeps it off the platform").at(s.where())
			continue
		}
		free = append(free, s)
	}
	for _, s := range free {
		if s.Many > 1 {
			fact := fmt.Sprintf("%s is started %d times, and each of them polls", named(s), s.Many)
			if s.Polls == Maybe {
				r.add("entries", Warn, strings.Replace(fact, "polls", "may poll", 1), "start one of it").at(s.where())
				continue
			}
			r.add("entries", Fail, fact, "start one of it").at(s.where())
		}
	}
	if len(free) == 1 {
		r.single(free[0])
		return
	}
	for len(free) > 0 {
		first := free[0]
		same := slices.DeleteFunc(slices.Clone(free), func(s Start) bool { return apart(first, s) })
		if len(same) == 1 {
			r.single(first)
		} else {
			r.several(same)
		}
		free = slices.DeleteFunc(free, func(s Start) bool { return !apart(first, s) })
	}
}

// apart says that two entries give their commands different tokens: the same variable or file, and not the same value.
func apart(a, b Start) bool {
	of := map[string]string{}
	for line := range strings.SplitSeq(a.Tied, "\n") {
		name, v, _ := strings.Cut(line, "=")
		of[name] = v
	}
	for line := range strings.SplitSeq(b.Tied, "\n") {
		name, v, _ := strings.Cut(line, "=")
		if have, ok := of[name]; ok && have != v {
			return true
		}
	}
	return false
}

// several are entries with one token that run beside each other.
func (r *Report) several(starts []Start) {
	var names, where []string
	sure := false
	for i, s := range starts {
		names, where = append(names, named(s)), append(where, s.where())
		for _, o := range starts[:i] {
			// Who sets a token where another takes what there is may set the same one, or not.
			sure = sure || s.Polls == Yes && o.Polls == Yes && o.Tied == s.Tied
		}
	}
	all := "all"
	if len(starts) == 2 {
		all = "both"
	}
	// What serves something is to be kept from polling; the bot itself is to poll.
	extra := starts[len(starts)-1]
	for _, s := range starts {
		if s.Wrap == Bare && (s.Entry == "web" || strings.Contains(s.Why, "api_server")) {
			extra = s
		}
	}
	next := extra.where() + ": " + guardIt
	if sure {
		r.add("entries", Fail, list(names)+" "+all+" poll for one bot", next).at(where...)
		return
	}
	r.add("entries", Warn, list(names)+" may "+all+" poll for one bot", next).at(where...)
}

func (r *Report) single(s Start) {
	switch {
	case s.Wrap == Supervised:
		r.add("entries", OK, named(s)+" polls, under botctl run").at(s.where())
	case s.Polls == Maybe:
		r.add("entries", Note, named(s)+" may poll").at(s.where())
	default:
		r.add("entries", Note, named(s)+" polls, without botctl", `put "botctl run --" before its command`).at(s.where())
	}
}

// named is "Procfile:2 worker (bot.py:31 polls)".
func named(s Start) string {
	name := s.where() + " " + shorten(s.Entry, 40)
	if s.Why != "" {
		name += " (" + s.Why + ")"
	}
	return name
}

func list(items []string) string {
	if len(items) < 3 {
		return strings.Join(items, " and ")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
