package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"botctl/supervisor/control"
)

// moment is watched with what status alone shows.
func moment() control.Status {
	st := watched().st
	st.Version, st.Key, st.Command, st.Dir, st.Lock = "v1.0.0", "bot-110201543", []string{"python", "bot.py"}, "/srv/bot", "/run/botctl"
	st.Token, st.TokenSource, st.APIBase, st.Platform = "110201543:***", "environment BOT_TOKEN", "https://api.telegram.org", "railway"
	return st
}

func TestStatusOnAScreen(t *testing.T) {
	holding, standby, cold := moment(), moment(), moment()
	holding.Lease = leased()
	holding.Lease.Held, holding.Lease.Mode, holding.Lease.Holder, holding.Lease.Claim = true, "holding", &holding.Lease.Me, &control.LeaseMember{Name: "replica-c", Deploy: "d2"}
	standby.Lease, standby.Ready, standby.Well, standby.Trouble = leased(), false, false, "another machine has the lease: replica-a, deploy d1"
	cold.Lease, cold.Ready, cold.Well, cold.Phase, cold.Child, cold.Gateway = leased(), false, false, "standby", nil, nil
	cold.Trouble, cold.Lease.Trouble, cold.Lease.Known, cold.Lease.Holder = "the lease's server does not answer", "lease at redis cache:6379: connection refused", false, nil
	ended := moment()
	ended.Phase, ended.ExitCode, ended.Child, ended.Gateway, ended.Lease, ended.UpdatedAt = "done", new(int), nil, nil, leased(), watched().at
	for name, st := range map[string]control.Status{"alone": moment(), "holding": holding, "standby": standby, "cold": cold, "ended": ended} {
		var out bytes.Buffer
		if err := writeStatus(&out, st, watched().at); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", "status", name+".txt"), out.String())
	}
}

func TestWhoHasTheLease(t *testing.T) {
	for want, change := range map[string]func(*control.Lease){
		"held by replica-a, deploy d1; replica-b, deploy d1 stands by; lost 1 time (redis cache:6379)":                      func(*control.Lease) {},
		"held by replica-a, deploy d1; replica-b, deploy d1 stands by; asked for from here; lost 1 time (redis cache:6379)": func(l *control.Lease) { l.Claim = new(l.Me) },
		"held by nobody; replica-b, deploy d1 waits for it (redis cache:6379)":                                              func(l *control.Lease) { l.Holder, l.Fences = nil, 0 },
		"being handed over; lost 1 time; handed over 2 times (redis cache:6379)":                                            func(l *control.Lease) { l.Mode, l.HandOvers = "parting", 2 },
		"not known: its server has not answered; lost 1 time (redis cache:6379): no answer":                                 func(l *control.Lease) { l.Known, l.Trouble = false, "no answer" },
		"held here, by replica-b, deploy d1 (redis cache:6379)":                                                             func(l *control.Lease) { l.Held, l.Fences = true, 0 },
	} {
		st := control.Status{Phase: "running", Lease: leased()}
		if change(st.Lease); leaseLine(st) != want {
			t.Errorf("%q, want %q", leaseLine(st), want)
		}
	}
	for _, st := range []control.Status{{Phase: "running"}, {Phase: "dead", Lease: leased()}} {
		if leaseLine(st)+leaseChange(st) != "" {
			t.Errorf("a lease where there is none: %+v", st)
		}
	}
}

func TestWhetherItIsReady(t *testing.T) {
	st := control.Status{Phase: "running", Lease: leased(), Ready: true}
	if got := readyLine(st); got != "yes: who holds the lease does not hand it over, and the platform may end it" {
		t.Error(got)
	}
	st.Ready, st.Trouble = false, "another machine has the lease"
	if got := readyLine(st); got != "no, it stands by" {
		t.Error(got)
	}
	st = control.Status{Phase: "running"}
	if got := readyLine(st); got != "no, the bot does not poll yet" {
		t.Error(got)
	}
	for phase, want := range map[string]string{"waiting": "no", "standby": "no, it stands by", "done": "", "dead": ""} {
		if got := readyLine(control.Status{Phase: phase}); got != want {
			t.Errorf("%s: %q", phase, got)
		}
	}
}
