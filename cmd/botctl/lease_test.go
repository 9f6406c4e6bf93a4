//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"botctl/bot/sandbox"
	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// The fault cases of the lease, on real servers, with real botctl, each on a machine of its own. The lease is short, and its parts keep
// their proportions.
const shortTTL = 5 * time.Second

// brief is warm with the short lease.
var brief = append(slices.Clone(warm), "--lease-ttl", shortTTL.String())

// onEngines runs a case on each engine.
func onEngines(t *testing.T, run func(t *testing.T, f *fleet)) {
	t.Helper()
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		run(t, newFleet(t, redisEngine{leasetest.Redis(t, "--appendonly", "yes", "--appendfsync", "always")}).known())
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		run(t, newFleet(t, postgresEngine{leasetest.Postgres(t)}).known())
	})
}

// pair is a holder and a replica of it that stands by.
func (f *fleet) pair(args []string, env ...string) (a, b *machine) {
	f.t.Helper()
	a = f.boot(spec{name: "a", deploy: "one", args: args, env: env})
	a.holds()
	b = f.boot(spec{name: "b", deploy: "one", args: args, env: env})
	b.standsBy()
	return a, b
}

func TestL1ANewDeployWhileTheHolderIsIdle(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", args: warm})
		a.holds()
		b := f.boot(spec{name: "b", args: warm})
		b.holds()
		if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-b did") {
			t.Errorf("answered by %q", got)
		}
		r := f.neverTwo()
		f.exactly()
		if !slices.Equal(r.turns, []string{"a", "b"}) || b.ask().Lease.Epoch != 3 {
			t.Errorf("turns %v, epoch %d: want one step", r.turns, b.ask().Lease.Epoch)
		}
		t.Logf("without a poller for %v", r.gaps)
	})
}

func TestL2ANewDeployWhileTheBotWorks(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		args := append(slices.Clone(warm), "--stop-timeout", "15s")
		a := f.boot(spec{name: "a", args: args, env: []string{"WORKER_DELAY=3s"}})
		a.holds()
		after, err := f.box.Send(t.Context(), "", "work")
		if err != nil {
			t.Fatal(err)
		}
		b := f.boot(spec{name: "b", args: args})
		b.holds()
		list, err := f.box.Messages(t.Context(), after, 30*time.Second)
		if err != nil || len(list) != 1 || !strings.HasPrefix(list[0].Text, "bot-a did") {
			t.Errorf("handled: %+v (%v), want once, by the old one", list, err)
		}
		f.say("next")
		f.neverTwo()
		f.exactly()
	})
}

func TestL3AHandlerThatOutlastsTheDrain(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", args: warm, env: []string{"WORKER_DELAY=60s"}})
		a.holds()
		f.box.Send(t.Context(), "", "work")
		until(t, patient, "the bot works", func() bool { return f.verdict().DeliveryMaxMillis > 0 })
		b := f.boot(spec{name: "b", args: warm})
		a.stderr.await(t, patient, 1, "handed over while the bot works; its last updates may be handled twice")
		b.holds()
		until(t, patient, "the new one gets it again", func() bool { return f.verdict().DeliveredTwice == 1 })
		f.neverTwo()
		if v := f.verdict(); v.Lost+v.ConfirmedUnseen > 0 {
			t.Errorf("%+v", v)
		}
	})
}

func TestL4TheHolderIsKilled(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, b := f.pair(brief, "WORKER_DELAY=30s")
		f.box.Send(t.Context(), "", "work")
		until(t, patient, "the bot works", func() bool { return f.verdict().DeliveryMaxMillis > 0 })
		killed := time.Now()
		a.signal(syscall.SIGKILL)
		b.holds()
		t.Logf("the other one polls after %v", time.Since(killed))
		until(t, patient, "what was not acknowledged comes again", func() bool { return f.verdict().DeliveredTwice == 1 })
		f.neverTwo()
		if v := f.verdict(); v.Lost+v.ConfirmedUnseen > 0 || v.DeliveredTwice != 1 {
			t.Errorf("%+v", v)
		}
	})
}

func TestL4TheHoldersMachineDies(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, b := f.pair(brief)
		a.die()
		b.holds()
		if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-b did") {
			t.Errorf("answered by %q", got)
		}
		f.neverTwo("bot-a") // nobody told the server that it is gone
	})
}

func TestL5TheOldOneIsKilledWithoutADrain(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", args: brief})
		a.holds()
		b := f.boot(spec{name: "b", args: brief})
		until(t, patient, "the new one is ready", func() bool { return b.ask().Ready })
		pid := a.pid()
		syscall.Kill(pid, syscall.SIGTERM)
		syscall.Kill(pid, syscall.SIGKILL)
		<-a.done
		if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-b did") {
			t.Errorf("answered by %q", got)
		}
		f.neverTwo()
		f.exactly()
	})
}

// told waits until the sandbox has given a bot the update that comes next.
func (f *fleet) told(what string) (id int64) {
	f.t.Helper()
	before := len(f.polls())
	if _, err := f.box.Send(f.t.Context(), "", what); err != nil {
		f.t.Fatal(err)
	}
	until(f.t, patient, "it is delivered", func() bool {
		for _, e := range f.polls()[max(before-2, 0):] {
			if len(e.Delivered) > 0 {
				id = e.Delivered[len(e.Delivered)-1]
			}
		}
		return id > 0
	})
	return id
}

// did says which bots have handled an update.
func (f *fleet) did(id int64) []string { return f.handled()[fmt.Sprint(id)] }

func TestL6TheHolderIsStoppedAndGoesOn(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, b := f.pair(brief)
		a.signal(syscall.SIGSTOP)
		id := f.told("to whom?") // the answer lies in the socket of the stopped one
		b.holds()
		until(t, patient, "the other one handles it", func() bool { return slices.Contains(f.did(id), "bot-b") })
		a.signal(syscall.SIGCONT)
		a.stdout.await(t, patient, 1, "standing by: another machine has the lease")
		for range 5 {
			if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-b did") {
				t.Errorf("answered by %q", got)
			}
		}
		if who := f.did(id); !slices.Equal(who, []string{"bot-b"}) {
			t.Errorf("handled by %v", who)
		}
		if r := f.neverTwo("bot-a"); !slices.Equal(r.turns, []string{"a", "b"}) {
			t.Errorf("turns %v", r.turns)
		}
	})
}

// faultBotctl is a botctl whose clock and pauses the tests steer.
var faultBotctl = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "faultclock")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "botctl")
	out, err := exec.Command("go", "build", "-tags", "faultclock", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// steered boots a machine with that botctl. Its clock is ahead by what the file shift says, and it stops at the point that the file stop names.
func (f *fleet) steered(s spec) (m *machine, shift, stop string) {
	f.t.Helper()
	binary, err := faultBotctl()
	if err != nil {
		f.t.Fatal(err)
	}
	shift, stop = filepath.Join(f.state, s.name+".shift"), filepath.Join(f.state, s.name+".stop")
	s.binary = binary
	s.env = append(s.env, "BOTCTL_FAULT_SHIFT="+shift, "BOTCTL_FAULT_STOP="+stop)
	return f.boot(s), shift, stop
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestL7TheHolderIsStoppedBetweenTheCheckAndThePoll(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, _, stop := f.steered(spec{name: "a", deploy: "one", args: brief})
		a.holds()
		b := f.boot(spec{name: "b", deploy: "one", args: brief})
		b.standsBy()
		write(t, stop, "before-send")
		f.say("and then it asks for more")
		pid := a.pid()
		until(t, patient, "it stands still", func() bool { return procState(pid) == "T" })
		b.holds()
		before := len(f.polls())
		syscall.Kill(pid, syscall.SIGCONT)
		a.stdout.await(t, patient, 1, "standing by: another machine has the lease")
		for range 3 {
			if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-b did") {
				t.Errorf("answered by %q", got)
			}
		}
		stale := 0
		for _, e := range f.polls()[before:] {
			if e.Agent == "bot-a" {
				stale++
			}
		}
		if stale > 1 {
			t.Errorf("%d stale polls, want one at most", stale)
		}
		if n := b.stdout.count("worker saw status"); n > 0 {
			t.Errorf("the bot saw the conflict %d times", n)
		}
	})
}

func procState(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:min(len(rest), 1)]
}

func TestL8TheHolderIsCutOffFromTheStore(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, b := f.pair(brief)
		f.say("before")
		a.store.Hold()
		a.stderr.await(t, patient, 1, "the lease is lost; nothing polls from here")
		b.holds()
		if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-b did") {
			t.Errorf("answered by %q", got)
		}
		r := f.neverTwo()
		f.exactly()
		t.Logf("without a poller for %v", r.gaps)
		a.store.Pass()
		a.stdout.await(t, patient, 1, "standing by: another machine has the lease")
		f.say("after")
		f.neverTwo()
	})
}

// A bot that can go round the gateway is stopped before the fence.
func TestL8ABotWithoutTheGatewayIsStoppedBeforeTheFence(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		args := []string{"--gateway", "off", "--stop-timeout", "1s", "--lease-ttl", "9s"}
		a := f.boot(spec{name: "a", deploy: "one", args: args})
		a.stdout.await(t, patient, 1, "worker up")
		f.say("before")
		b := f.boot(spec{name: "b", deploy: "one", args: args})
		b.standsBy()
		if b.stdout.count("worker up") > 0 {
			t.Error("a cold standby started its bot")
		}
		a.store.Hold()
		b.stdout.await(t, patient, 1, "worker up")
		if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-b did") {
			t.Errorf("answered by %q", got)
		}
		f.neverTwo()
		if n := a.stderr.count("the lease is lost"); n != 1 || a.ask().Child != nil {
			t.Errorf("lost %d times; its bot: %+v", n, a.ask().Child)
		}
	})
}

func TestL9TheHolderIsCutOffFromTelegram(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, b := f.pair(brief)
		a.api.Hold()
		until(t, patient, "three leases have passed", waited(3*shortTTL))
		if st := a.ask(); !st.Lease.Held || st.Restarts.Total != 0 || b.ask().Lease.Held {
			t.Errorf("%+v, %+v", st.Lease, st.Restarts)
		}
		a.api.Cut()
		a.api.Pass()
		if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-a did") {
			t.Errorf("answered by %q", got)
		}
		f.exactly()
	})
}

// waited is true when the time that the case is about has passed.
func waited(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}

func TestL10TheStoreIsAwayAndComesBack(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", args: brief})
		a.holds()
		pid := a.ask().Child.PID
		f.engine.kill()
		a.stderr.await(t, patient, 1, "the lease's server does not answer as it should; the bot polls on until the lease ends")
		a.stderr.await(t, patient, 1, "the lease is lost; nothing polls from here")
		f.box.Send(t.Context(), "", "waits")
		until(t, patient, "two leases have passed", waited(2*shortTTL))
		if st := a.ask(); st.Child == nil || st.Child.PID != pid || st.Ready || st.Well || st.Gateway.PollOpen {
			t.Errorf("while it lasts: %+v, gateway %+v", st, st.Gateway)
		}
		f.engine.restart()
		a.stdout.await(t, patient, 1, "the lease's server answers again")
		a.holds()
		if st := a.ask(); st.Child.PID != pid || st.Restarts.Total != 0 {
			t.Errorf("%+v", st.Restarts)
		}
		f.say("after")
		f.exactly()
	})
}

func TestL11TheStoreForgetsEverything(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, b := f.pair(brief)
		epoch := a.ask().Lease.Epoch
		f.engine.empty()
		a.stderr.await(t, patient, 1, "the lease is lost; nothing polls from here")
		f.heir(a, b).beyond(epoch)
		f.say("after")
		f.neverTwo()
		f.exactly()
	})
}

func TestL15AClockThatIsAnHourOff(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, shift, _ := f.steered(spec{name: "a", args: brief})
		write(t, shift, "1h")
		a.holds()
		b := f.boot(spec{name: "b", args: brief})
		b.holds()
		c, shift, _ := f.steered(spec{name: "c", args: brief})
		write(t, shift, "1h")
		c.holds()
		f.say("hello")
		f.neverTwo()
		f.exactly()
	})
}

func TestL16ASuspendedMachineWakesUp(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, shift, _ := f.steered(spec{name: "a", args: brief})
		a.holds()
		epoch := a.ask().Lease.Epoch
		write(t, shift, "1h")
		f.say("who is it?")
		a.stderr.await(t, patient, 1, "the lease is lost; nothing polls from here")
		until(t, patient, "it has the lease again", func() bool { st := a.ask(); return st.Lease.Held && st.Lease.Epoch > epoch })
		f.say("after")
		if v := f.verdict(); v.Lost+v.ConfirmedUnseen > 0 {
			t.Errorf("%+v", v)
		}
	})
}

func TestL17SeveralClaimAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", args: brief})
		a.holds()
		var replicas []*machine
		for _, name := range []string{"b", "c", "d"} {
			replicas = append(replicas, f.boot(spec{name: name, deploy: "new", args: brief}))
		}
		for _, m := range replicas {
			m.stdout.await(t, patient, 1, "the bot polls through the gateway")
		}
		until(t, patient, "one has it", func() bool { return holders(replicas) == 1 })
		until(t, patient, "two leases have passed", waited(2*shortTTL))
		r := f.neverTwo()
		if holders(replicas) != 1 || len(r.turns) != 2 {
			t.Errorf("%d holders, turns %v", holders(replicas), r.turns)
		}
		f.exactly()
	})
}

// heir waits until one of them has the lease and polls.
func (f *fleet) heir(list ...*machine) (heir *machine) {
	f.t.Helper()
	until(f.t, patient, "one of them polls", func() bool {
		for _, m := range list {
			if st := m.ask(); st.Lease != nil && st.Lease.Held && st.Gateway.PollOpen {
				heir = m
			}
		}
		return heir != nil
	})
	return heir
}

// beyond fails the test unless the machine holds the lease under a later epoch.
func (m *machine) beyond(epoch uint64) {
	m.t.Helper()
	if got := m.ask().Lease.Epoch; got <= epoch {
		m.t.Errorf("epoch %d after %d", got, epoch)
	}
}

func holders(list []*machine) (n int) {
	for _, m := range list {
		if st := m.ask(); st.Lease != nil && st.Lease.Held {
			n++
		}
	}
	return n
}

func TestL18AnOldContainerComesBack(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", deploy: "old", args: brief})
		a.holds()
		b := f.boot(spec{name: "b", deploy: "new", args: brief})
		b.holds()
		a.signal(syscall.SIGKILL)
		<-a.done
		again := f.boot(spec{name: "again", deploy: "old", args: brief})
		again.standsBy()
		until(t, patient, "two leases have passed", waited(2*shortTTL))
		if st := again.ask(); st.Lease.Held || !b.ask().Lease.Held || st.Lease.Claim != nil {
			t.Errorf("the old one: %+v", st.Lease)
		}
		b.signal(syscall.SIGKILL)
		again.holds()
		f.say("hello")
		if r := f.neverTwo(); !slices.Equal(r.turns, []string{"a", "b", "again"}) {
			t.Errorf("turns %v", r.turns)
		}
	})
}

func TestL19ANewBotThatCrashesAtBoot(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", args: brief})
		a.holds()
		b := f.boot(spec{name: "b", args: append(slices.Clone(brief), "--start-tries", "2"), env: []string{"WORKER_FAILS=1"}})
		b.exits(3)
		f.say("still there?")
		if n := a.stdout.count("a newer deploy takes over"); n != 0 || !a.ask().Lease.Held {
			t.Errorf("the old one was disturbed %d times", n)
		}
		if r := f.neverTwo(); !slices.Equal(r.turns, []string{"a"}) {
			t.Errorf("turns %v", r.turns)
		}
		f.exactly()
	})
}

func TestL21RepliesAreLost(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", args: brief})
		a.holds()
		b := f.boot(spec{name: "b", args: brief})
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ; i++ {
				m := []*machine{a, b}[i%2]
				m.store.HoldAnswers()
				select {
				case <-stop:
				case <-time.After(150 * time.Millisecond):
				}
				m.store.Cut() // what was applied is never heard of
				m.store.Pass()
				select {
				case <-stop:
					return
				case <-time.After(time.Second): // enough to connect anew
				}
			}
		}()
		until(t, patient, "the new one has it", func() bool { st := b.ask(); return st.Lease != nil && st.Lease.Held })
		close(stop)
		<-done
		b.holds()
		f.say("hello")
		f.neverTwo()
		f.exactly()
	})
}

func TestL22AStrangerPolls(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a := f.boot(spec{name: "a", args: brief})
		a.holds()
		pid := a.ask().Child.PID
		if err := f.box.Fault(t.Context(), sandbox.Fault{Rival: true, ForSeconds: 3600}); err != nil {
			t.Fatal(err)
		}
		a.stderr.await(t, patient, 1, "another poller takes this bot's poll")
		until(t, patient, "three conflicts are absorbed", func() bool { return a.ask().Gateway.ConflictsAbsorbed >= 3 })
		if _, err := f.box.ClearFaults(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.say("hello")
		if st := a.ask(); !st.Lease.Held || st.Lease.Fences != 0 || st.Child.PID != pid || a.stdout.count("worker saw status") != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestL23AHolderThatHardlyRuns(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		a, b := f.pair(brief)
		pid := a.pid()
		// A twentieth of a processor: it runs for 10 ms of 200.
		until(t, patient, "three leases have passed", func() bool {
			syscall.Kill(pid, syscall.SIGSTOP)
			time.Sleep(190 * time.Millisecond)
			syscall.Kill(pid, syscall.SIGCONT)
			time.Sleep(10 * time.Millisecond)
			return b.ask().Lease.Held || len(a.polls()) > 0 && time.Since(a.polls()[0].Start) > 3*shortTTL
		})
		f.say("hello")
		f.neverTwo()
	})
}

// polls are those of the machine.
func (m *machine) polls() []sandbox.Entry {
	return slices.DeleteFunc(m.f.polls(), func(e sandbox.Entry) bool { return e.Agent != "bot-"+m.name })
}

// stubborn is a holder of an earlier botctl: it renews, and knows nothing of claims. It is the store alone.
func (f *fleet) stubborn() (end func()) {
	f.t.Helper()
	store, err := openStore(f.engine.url(f.engine.addr()), f.key(), shortTTL)
	if err != nil {
		f.t.Fatal(err)
	}
	me := lease.Member{Instance: "stubborn", Deploy: "stubborn", Gen: 1}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer store.Close()
		for {
			snap, err := store.Load(f.t.Context())
			if err != nil {
				return
			}
			rec := snap.Record
			rec.Epoch, rec.Seq, rec.Holder, rec.TTL, rec.Server = 7, rec.Seq+1, me, shortTTL, snap.Server
			rec.Gens = max(rec.Gens, 1)
			store.Swap(f.t.Context(), snap.Version, rec)
			select {
			case <-stop:
				return
			case <-time.After(shortTTL / 10):
			}
		}
	}()
	return func() { close(stop); <-done }
}

func TestL24AHolderThatIgnoresClaims(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		end := f.stubborn()
		b := f.boot(spec{name: "b", args: brief})
		until(t, patient, "it claims", func() bool { st := b.ask(); return st.Lease != nil && st.Lease.Claim != nil })
		if b.ask().Ready {
			t.Error("ready before the holder had its time")
		}
		until(t, patient, "it says that it is ready, so that the platform ends the holder", func() bool { return b.ask().Ready })
		if b.ask().Lease.Held || len(f.polls()) > 0 {
			t.Error("it polls beside the holder")
		}
		end()
		b.holds()
		f.say("hello")
	})
}
