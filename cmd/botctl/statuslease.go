package main

import (
	"cmp"
	"fmt"
	"strings"

	"botctl/supervisor/control"
)

// standsBy says that a supervisor waits for its turn, which is what it is there for and no trouble of its own.
func standsBy(st control.Status) bool {
	return st.Phase == "standby" || st.Phase == "running" && st.Lease != nil && !st.Lease.Held && st.Trouble != ""
}

// standbyLine explains the phase of one that does: its bot is started, or polls, when it is its turn.
func standbyLine(st control.Status) string {
	line := "standby"
	if st.Phase == "running" { // the bot is up, and its polls are held
		line = "running, standing by"
	}
	if st.Trouble != "" {
		line += ": " + st.Trouble
	}
	return line
}

// readyLine is what the platform is told at /readyz.
func readyLine(st control.Status) string {
	switch {
	case isOver(st):
		return ""
	case st.Ready && st.Lease != nil && !st.Lease.Held:
		return "yes: who holds the lease does not hand it over, and the platform may end it"
	case st.Ready:
		return "yes"
	case standsBy(st):
		return "no, it stands by"
	case st.Phase == "running" && st.Trouble == "":
		return "no, the bot does not poll yet"
	}
	return "no"
}

func isOver(st control.Status) bool { return st.Phase == "done" || st.Phase == "dead" }

// leaseLine says who polls, of several machines; empty without a lease, and when nobody here takes part in it any more.
func leaseLine(st control.Status) string {
	l := st.Lease
	if l == nil || isOver(st) {
		return ""
	}
	line := leaseHolder(l)
	if l.Claim != nil {
		if *l.Claim == l.Me {
			line += "; asked for from here"
		} else {
			line += "; asked for by " + leaseMember(*l.Claim)
		}
	}
	if l.Fences > 0 {
		line += fmt.Sprintf("; lost %s", plural(l.Fences, "time", "times"))
	}
	if l.HandOvers > 0 {
		line += fmt.Sprintf("; handed over %s", plural(l.HandOvers, "time", "times"))
	}
	line += " (" + l.Store + ")"
	if l.Trouble != "" {
		line += ": " + strings.TrimPrefix(l.Trouble, "lease at "+l.Store+": ")
	}
	return line
}

// leaseHolder is a leaseLine's beginning.
func leaseHolder(l *control.Lease) string {
	me := leaseMember(l.Me)
	switch {
	case l.Held:
		return "held here, by " + me
	case l.Mode == "parting":
		return "being handed over"
	case !l.Known:
		return "not known: its server has not answered"
	case l.Holder == nil:
		return "held by nobody; " + me + " waits for it"
	}
	return "held by " + leaseMember(*l.Holder) + "; " + me + " stands by"
}

// leaseMember names a supervisor as its own log does.
func leaseMember(m control.LeaseMember) string {
	text := cmp.Or(m.Name, "an unnamed machine")
	if m.Deploy != "" && m.Deploy != m.Name {
		text += ", deploy " + m.Deploy
	}
	return text
}

// leaseChange is what a watcher takes for a change of the lease.
func leaseChange(st control.Status) string {
	switch l := st.Lease; {
	case l == nil || isOver(st):
		return ""
	case l.Trouble != "":
		return "the lease's server is in trouble"
	case l.Held:
		return "it holds the lease"
	case l.Known && l.Holder != nil && *l.Holder != l.Me:
		return leaseMember(*l.Holder) + " holds the lease"
	}
	return "it waits for the lease"
}
