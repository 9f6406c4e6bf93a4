//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deploys is how many are made in a row.
func deploys() int {
	if os.Getenv("BOTCTL_TEST_FULL") != "" {
		return 200
	}
	return 20
}

// pour sends messages at a rate, in messages a second, until the returned function is called, which waits until the last of them is handled.
func (f *fleet) pour(rate int) (stop func()) {
	quit := make(chan struct{})
	var work sync.WaitGroup
	sent := 0
	work.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			if _, err := f.box.Send(f.t.Context(), "", fmt.Sprint("message ", sent)); err != nil {
				f.t.Errorf("send: %v", err)
				return
			}
			sent++
		}
	})
	return func() {
		close(quit)
		work.Wait()
		until(f.t, patient, "every message is handled", func() bool { v := f.verdict(); return v.Pending == 0 && v.Updates >= sent })
	}
}

// report prints the times without a poller, and keeps them for scripts/bench where that asks for them.
func (f *fleet) report(what string, gaps []time.Duration) {
	f.t.Helper()
	if path := os.Getenv("BOTCTL_GAPS"); path != "" {
		var text strings.Builder
		for _, g := range gaps {
			fmt.Fprintf(&text, "%s\t%d\n", what, g.Nanoseconds())
		}
		out, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			f.t.Fatal(err)
		}
		defer out.Close()
		if _, err := out.WriteString(text.String()); err != nil {
			f.t.Fatal(err)
		}
	}
	slices.Sort(gaps)
	if len(gaps) > 0 {
		fmt.Printf("%s: without a poller: p50 %v, p99 %v, max %v of %d\n", what, gaps[len(gaps)/2], gaps[min(len(gaps)*99/100, len(gaps)-1)], gaps[len(gaps)-1], len(gaps))
	}
}

// kind names the engine of a test.
func (f *fleet) kind() string {
	_, name, _ := strings.Cut(f.t.Name(), "/")
	return name
}

// unhurried is warm with time for a batch that a busy machine makes long: a hand-over waits for it, a third of the stop time at most.
var unhurried = append(slices.Clone(warm), "--stop-timeout", "60s")

func TestManyDeploysInARow(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		last := f.boot(spec{name: "d0", args: unhurried})
		last.holds()
		stop := f.pour(50)
		var ending sync.WaitGroup
		for i := range deploys() {
			next := f.boot(spec{name: fmt.Sprint("d", i+1), args: unhurried})
			next.holds()
			old := last
			old.signal(syscall.SIGTERM) // the platform ends it when the new one is ready
			ending.Go(func() { <-old.done })
			last = next
		}
		stop()
		ending.Wait()
		r := f.neverTwo()
		f.exactly()
		if len(r.turns) != deploys()+1 {
			t.Errorf("turns %v:\n%s", r.turns, strings.Join(r.first, "\n"))
		}
		for _, m := range f.machines[:len(f.machines)-1] {
			if code := m.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("machine %s ended with %d", m.name, code)
			}
		}
		f.report("warm hand-over, "+f.kind(), r.gaps)
	})
}

func TestColdDeploys(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		args := []string{"--gateway", "auto", "--stop-timeout", "60s"} // which the lease's time follows
		last := f.boot(spec{name: "d0", args: args})
		last.holds()
		stop := f.pour(50)
		for i := range 3 {
			next := f.boot(spec{name: fmt.Sprint("d", i+1), args: args})
			next.holds()
			last.signal(syscall.SIGTERM)
			<-last.done
			last = next
		}
		stop()
		r := f.neverTwo()
		f.exactly()
		f.report("cold hand-over, "+f.kind(), r.gaps)
	})
}

// Without an engine: the next botctl on the same machine replaces the one that runs.
func TestManyTakeOversOnOneMachine(t *testing.T) {
	t.Parallel()
	f := newFleet(t, nil)
	link := f.dir + "/" + workerName
	self, _ := os.Executable()
	os.Symlink(self, link)
	start := func(i int) *machine {
		m := &machine{f: f, name: fmt.Sprint("d", i), state: f.state}
		args := append([]string{"botctl", "run", "--on-held", "takeover"}, unhurried...)
		m.program = f.start(f.env("WORKER_NAME=bot-"+m.name, "WORKER_RECORD="+f.record()), append(args, "--", link)...)
		f.machines = append(f.machines, m)
		return m
	}
	last := start(0)
	last.stdout.await(t, patient, 1, "the bot polls through the gateway")
	f.polling()
	stop := f.pour(50)
	for i := range deploys() {
		next := start(i + 1)
		next.stdout.await(t, patient, 1, "taken over: the bot polls from here now")
		last.exits(0)
		last = next
	}
	stop()
	r := f.neverTwo()
	f.exactly()
	if len(r.turns) != deploys()+1 {
		t.Errorf("turns %v", r.turns)
	}
	if st := last.ask(); st.SupervisorPID != last.cmd.Process.Pid || !st.Well {
		t.Errorf("status is not of the one that runs: %+v", st)
	}
	f.report("warm take-over on one machine", r.gaps)
	// A kill -9 after all that leaves nobody who polls: the child has inherited the lock that was taken for it.
	last.cmd.Process.Kill()
	<-last.done
	again := start(99)
	again.stdout.await(t, patient, 1, "bot started")
	f.polling()
	f.neverTwo()
}

func TestAColdTakeOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t, nil)
	link := f.dir + "/" + workerName
	self, _ := os.Executable()
	os.Symlink(self, link)
	first := f.start(f.env("WORKER_NAME=bot-a", "WORKER_RECORD="+f.record()), "botctl", "run", "--gateway", "off", "--", link)
	first.stdout.await(t, patient, 1, "worker up")
	f.say("before")
	second := f.start(f.env("WORKER_NAME=bot-b", "WORKER_RECORD="+f.record()), "botctl", "run", "--on-held", "takeover", "--", link)
	first.exits(0)
	second.stdout.await(t, patient, 1, "worker up")
	f.say("after")
	f.report("cold take-over on one machine", f.neverTwo().gaps)
}

// A real framework's bot, deployed anew while people write to it.
func TestARealBotIsHandedOver(t *testing.T) {
	needFrameworks(t)
	onEngines(t, func(t *testing.T, f *fleet) {
		text, err := os.ReadFile("testdata/bots/bot.py")
		if err != nil {
			t.Fatal(err)
		}
		f.write("bot.py", string(text))
		python := []string{venv(t) + "/bin/python", "bot.py"}
		// It acknowledges before it handles, so it needs the time to finish, which a busy machine makes long.
		last := f.boot(spec{name: "d0", args: unhurried, argv: python})
		last.holds()
		stop := f.pour(20)
		for i := range 3 {
			next := f.boot(spec{name: fmt.Sprint("d", i+1), args: unhurried, argv: python})
			next.holds()
			last.signal(syscall.SIGTERM)
			<-last.done
			last = next
		}
		stop()
		v := f.verdict()
		until(t, patient, "every message is answered", func() bool { return f.answered() >= v.Updates })
		if v.Lost+v.ConfirmedUnseen > 0 {
			t.Errorf("%+v", v)
		}
		for _, m := range f.machines {
			if m.stdout.count("Conflict")+m.stderr.count("Conflict") > 0 {
				t.Errorf("the bot of machine %s saw a conflict", m.name)
			}
		}
		if n := f.answered(); n != v.Updates {
			t.Errorf("%d answers to %d messages", n, v.Updates)
		}
	})
}

// answered counts what bots have sent.
func (f *fleet) answered() (n int) {
	f.t.Helper()
	list, err := f.box.Messages(f.t.Context(), 0, time.Second)
	if err != nil {
		f.t.Fatal(err)
	}
	return len(list)
}

// Platforms ask at one address, whoever answers there.
func TestATakeOverTakesTheHealthAddressToo(t *testing.T) {
	t.Parallel()
	f := newFleet(t, nil)
	link := f.dir + "/" + workerName
	self, _ := os.Executable()
	os.Symlink(self, link)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := ln.Addr().String()
	ln.Close()
	ready := func(pid int) func() bool {
		return func() bool {
			resp, err := http.Get("http://" + at + "/readyz")
			if err != nil {
				return false
			}
			resp.Body.Close()
			return resp.StatusCode == http.StatusOK && f.status().SupervisorPID == pid
		}
	}
	start := func(name string) *program {
		args := append([]string{"botctl", "run", "--on-held", "takeover", "--listen", at}, warm...)
		return f.start(f.env("WORKER_NAME=bot-"+name, "WORKER_RECORD="+f.record()), append(args, "--", link)...)
	}
	first := start("a")
	until(t, patient, "the first one is ready", ready(first.cmd.Process.Pid))
	second := start("b")
	first.exits(0)
	until(t, patient, "the second one is ready", ready(second.cmd.Process.Pid))
}
