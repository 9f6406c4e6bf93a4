//go:build linux

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"botctl/bot/sandbox"
	"botctl/supervisor/lease/leasetest"
)

// chaosTime is how long a run of chaos takes; scripts/chaos makes it longer.
func chaosTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("BOTCTL_CHAOS_TIME")); err == nil {
		return d
	}
	return time.Minute
}

// chaosSeed is that of the environment, or a new one.
func chaosSeed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("BOTCTL_CHAOS_SEED"), 10, 64); err == nil {
		return n
	}
	return rand.Uint64N(1 << 32)
}

// chaos is three supervisors under faults that are drawn from a seed.
type chaos struct {
	*fleet

	rnd   *rand.Rand
	boots int
	crew  []*machine // of now
	done  map[string]int
}

// TestChaos: whatever happens, no two poll at one time, and no message is lost. The schedule of faults follows from the seed.
func TestChaos(t *testing.T) {
	onEngines(t, func(t *testing.T, f *fleet) {
		seed := chaosSeed()
		t.Logf("seed %d: BOTCTL_CHAOS_SEED=%d repeats the schedule", seed, seed)
		c := &chaos{fleet: f, rnd: rand.New(rand.NewPCG(seed, 0)), done: map[string]int{}}
		for range 3 {
			c.crew = append(c.crew, c.fresh("first"))
		}
		c.crew[0].stdout.await(t, patient, 1, "polls through the gateway")
		stop := f.pour(20)
		for end := time.Now().Add(chaosTime()); time.Now().Before(end) && !t.Failed(); {
			c.one()
			c.polls() // before the sandbox forgets them
		}
		until(t, 2*patient, "somebody polls when all is well again", func() bool { return holders(c.crew) == 1 })
		stop()
		r := c.verdictOf()
		again := 0
		for _, who := range f.handled() {
			again += len(who) - 1
		}
		v := f.verdict()
		if lost := v.Updates - len(f.handled()); lost != 0 || v.Lost+v.ConfirmedUnseen > 0 {
			t.Errorf("%d of %d updates were never handled; the sandbox: %+v", lost, v.Updates, v)
		}
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
		fmt.Printf("%s: seed %d, faults %v, %d holders one after the other, %d updates, never handled 0, handled twice %d, two at once %d\n",
			t.Name(), seed, c.done, len(r.turns), v.Updates, again, len(r.overlaps))
	})
}

// verdictOf is neverTwo for machines that may be stopped between the check of the lease and their poll: then one stale poll reaches the
// server, and the holder takes it for a stranger's.
func (c *chaos) verdictOf() ruling {
	c.t.Helper()
	r := judge(c.polls(), time.Now(), c.excuses...)
	for _, o := range r.overlaps {
		c.t.Errorf("two polled at once: %s", o)
	}
	return r
}

// fresh boots a machine.
func (c *chaos) fresh(deploy string) *machine {
	c.boots++
	return c.boot(spec{
		name: fmt.Sprintf("m%d", c.boots), deploy: deploy,
		args: append(slices.Clone(warm), "--lease-ttl", "3s", "--on-partition", "replay"),
	})
}

// pause is a time of up to three leases.
func (c *chaos) pause() time.Duration { return time.Duration(c.rnd.Int64N(int64(9 * time.Second))) }

// one is one fault, from its beginning to its end, and a moment of peace.
func (c *chaos) one() {
	i := c.rnd.IntN(len(c.crew))
	m := c.crew[i]
	wait := c.pause()
	kind := []string{"cut", "black hole", "lost answers", "telegram away", "machine away", "stopped", "killed", "ended", "deploy", "engine killed", "engine away"}[c.rnd.IntN(11)]
	c.done[kind]++
	sleep := func(d time.Duration) { time.Sleep(d) } // the schedule is what the test is about
	switch kind {
	case "cut":
		m.store.Cut()
	case "black hole":
		m.store.Hold()
		sleep(wait)
		m.store.Cut()
		m.store.Pass()
	case "lost answers":
		m.store.HoldAnswers()
		sleep(wait / 3)
		m.store.Cut()
		m.store.Pass()
	case "telegram away":
		c.away(m, wait)
	case "machine away":
		m.store.Hold()
		c.away(m, wait)
		m.store.Cut()
		m.store.Pass()
	case "stopped":
		pid := m.pid()
		syscall.Kill(pid, syscall.SIGSTOP)
		c.excuses = append(c.excuses, excuse{"bot-" + m.name, time.Now()})
		sleep(wait)
		syscall.Kill(pid, syscall.SIGCONT)
	case "killed":
		m.signal(syscall.SIGKILL)
		<-m.done
		c.crew[i] = c.fresh(m.deploy)
	case "ended":
		m.signal(syscall.SIGTERM)
		<-m.done
		c.crew[i] = c.fresh(m.deploy)
	case "deploy":
		c.crew[i] = c.fresh(fmt.Sprint("deploy", c.boots))
		sleep(wait / 3)
		m.signal(syscall.SIGTERM)
		<-m.done
	case "engine killed":
		c.engine.kill()
		sleep(wait / 2)
		c.engine.restart()
	case "engine away":
		for _, each := range c.crew {
			each.store.Hold()
		}
		sleep(wait)
		for _, each := range c.crew {
			each.store.Cut()
			each.store.Pass()
		}
	}
	sleep(time.Duration(c.rnd.Int64N(int64(3 * time.Second))))
}

// away cuts a machine off from Telegram. Its poll stays open there, whatever becomes of it here.
func (c *chaos) away(m *machine, d time.Duration) {
	m.api.Hold()
	c.excuses = append(c.excuses, excuse{"bot-" + m.name, time.Now()})
	time.Sleep(d)
	m.api.Cut()
	m.api.Pass()
}

// naive is a poller with a lock that has nothing but a TTL, as one finds it: it refreshes the lock, and goes on as long as nobody has told it that it lost
// the lock.
type naive struct {
	f     *fleet
	name  string
	relay *leasetest.Relay
	stop  chan struct{}
	work  sync.WaitGroup
}

func (f *fleet) naive(name string, server *leasetest.RedisServer) *naive {
	n := &naive{f: f, name: name, relay: leasetest.NewRelay(f.t, server.Addr()), stop: make(chan struct{})}
	f.t.Cleanup(func() { close(n.stop); n.work.Wait() })
	n.work.Go(n.run)
	return n
}

func (n *naive) run() {
	has := false
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	c := &http.Client{}
	for {
		select {
		case <-n.stop:
			return
		case <-tick.C:
		}
		switch reply, err := n.redis(has); {
		case err != nil: // "a blip of the network"
		case reply == "+OK", reply == ":1":
			has = true
		default:
			has = false
		}
		if !has {
			continue
		}
		req, _ := http.NewRequest(http.MethodPost, n.f.base+"/bot"+n.f.token+"/getUpdates?timeout=1", nil)
		req.Header.Set("User-Agent", "bot-"+n.name)
		if resp, err := c.Do(req); err == nil {
			resp.Body.Close()
		}
	}
}

// redis takes the lock, or gives it two seconds more.
func (n *naive) redis(has bool) (string, error) {
	command := "SET naive " + n.name + " NX PX 2000"
	if has {
		command = "PEXPIRE naive 2000"
	}
	return speak(n.relay.Addr(), command)
}

// speak says one command to a Redis server.
func speak(addr, command string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	fmt.Fprintf(conn, "%s\r\n", command)
	reply, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(reply), err
}

// The negative control: the judge must not be kinder than the world.
func TestTheJudgeCatchesALockWithATTLAlone(t *testing.T) {
	t.Parallel()
	server := leasetest.Redis(t)
	f := newFleet(t, redisEngine{server})
	a := f.naive("a", server)
	until(t, patient, "the first one polls", func() bool { return len(f.polls()) > 0 })
	f.naive("b", server)
	a.relay.Hold()
	until(t, patient, "the second one polls", func() bool {
		return slices.ContainsFunc(f.polls(), func(e sandbox.Entry) bool { return e.Agent == "bot-b" })
	})
	until(t, patient, "and so does the first", func() bool {
		r := judge(f.polls(), time.Now())
		return len(r.overlaps) > 0
	})
	t.Log(strings.Join(judge(f.polls(), time.Now()).overlaps, "; "))
}
