//go:build linux

package main

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"botctl/supervisor/lease/leasetest"
)

// Cases that are of one engine.

// fast believes the server that a holder is dead when its session is.
var fast = append(slices.Clone(brief), "--lease-takeover", "fast")

func TestL4AKilledHolderIsNoticedByItsSession(t *testing.T) {
	t.Parallel()
	f := newFleet(t, postgresEngine{leasetest.Postgres(t)}).known()
	// A lease so long that nobody could wait for its end here.
	args := append(slices.Clone(warm), "--lease-ttl", "10m", "--lease-takeover", "fast")
	a, b := f.pair(args)
	until(t, patient, "the record says that the holder has its session", func() bool {
		return strings.Contains(f.engine.(postgresEngine).SQL("SELECT record FROM botctl_lease"), `"guarded": true`) ||
			strings.Contains(f.engine.(postgresEngine).SQL("SELECT record FROM botctl_lease"), `"guarded":true`)
	})
	killed := time.Now()
	a.signal(syscall.SIGKILL)
	b.holds()
	t.Logf("the other one polls after %v", time.Since(killed))
	f.say("hello")
	f.neverTwo()
}

func TestL13PostgresRestarts(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"strict": brief, "fast": fast} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := leasetest.Postgres(t)
			f := newFleet(t, postgresEngine{pg}).known()
			a, _ := f.pair(args)
			pid, epoch := a.ask().Child.PID, a.ask().Lease.Epoch
			if name == "fast" {
				until(t, patient, "the session is there", func() bool { return strings.Contains(pg.SQL("SELECT record FROM botctl_lease"), "guarded") })
			}
			pg.Restart()
			if name == "fast" {
				a.stderr.await(t, patient, 1, `cause="the session of the lease has ended"`)
			}
			if heir := f.heir(f.machines...); name == "fast" {
				heir.beyond(epoch)
			}
			f.say("after")
			f.neverTwo()
			f.exactly()
			if st := a.ask(); st.Child == nil || st.Child.PID != pid {
				t.Errorf("its bot was restarted: %+v", st.Restarts)
			}
		})
	}
}

func TestL13PostgresFailsOver(t *testing.T) {
	t.Parallel()
	pg := leasetest.Postgres(t)
	standby := pg.Standby(t)
	f := newFleet(t, postgresEngine{pg}).known()
	a, b := f.pair(brief)
	epoch := a.ask().Lease.Epoch
	pg.Kill9()
	standby.Promote()
	for _, m := range []*machine{a, b} {
		m.store.Target(standby.Addr())
		m.store.Cut()
	}
	a.stderr.await(t, patient, 1, "the lease is lost; nothing polls from here")
	f.heir(a, b).beyond(epoch)
	f.say("after")
	f.neverTwo()
	f.exactly()
}

func TestL12AReplicaIsPromotedThatNeverSawTheAcquisition(t *testing.T) {
	t.Parallel()
	primary, replica := leasetest.Redis(t), leasetest.Redis(t)
	f := newFleet(t, redisEngine{primary}).known()
	link := leasetest.NewRelay(t, primary.Addr())
	host, port, _ := strings.Cut(link.Addr(), ":")
	replica.Do("REPLICAOF", host, port)
	replica.Wait("master_link_status:up", "INFO", "replication")
	link.Hold() // from here on the replica learns nothing
	a, b := f.pair(brief)
	replica.Do("REPLICAOF", "NO", "ONE")
	for _, m := range []*machine{a, b} {
		m.store.Target(replica.Addr())
		m.store.Cut()
	}
	a.stderr.await(t, patient, 1, "the lease is lost; nothing polls from here")
	until(t, patient, "one of them polls", func() bool { return holders([]*machine{a, b}) == 1 })
	f.say("after")
	f.neverTwo()
	f.complete() // on a slow machine the lease of 5 s may be lost once more meanwhile
}

func TestL14APoolerThatKeepsNoSessions(t *testing.T) {
	t.Parallel()
	pg := leasetest.Postgres(t)
	pool := leasetest.PgBouncer(t, pg, "transaction")
	f := newFleet(t, pooledEngine{postgresEngine{pg}, pool}).known()
	a := f.boot(spec{name: "a", args: warm})
	a.holds()
	a.stderr.await(t, patient, 1, "the lease's server: ")
	b := f.boot(spec{name: "b", args: warm})
	b.holds()
	f.say("hello")
	f.neverTwo()
	f.exactly()
	refused := f.boot(spec{name: "c", args: append(slices.Clone(warm), "--lease-takeover", "fast")})
	refused.exits(exitConfig)
	if refused.stderr.count("pooler") == 0 {
		t.Error(refused.stderr)
	}
}

// pooledEngine is PostgreSQL behind a pooler.
type pooledEngine struct {
	postgresEngine

	pool *leasetest.Bouncer
}

func (e pooledEngine) addr() string { return e.pool.Addr() }

func TestL20NotificationsAreLost(t *testing.T) {
	t.Parallel()
	redis, pg := leasetest.Redis(t), leasetest.Postgres(t)
	for name, c := range map[string]struct {
		engine engine
		deaf   func()
	}{
		"redis":    {redisEngine{redis}, func() { redis.Do("CLIENT", "KILL", "TYPE", "pubsub") }},
		"postgres": {postgresEngine{pg}, func() { pg.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, c.engine).known()
			a := f.boot(spec{name: "a", args: warm})
			a.holds()
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for {
					c.deaf()
					select {
					case <-stop:
						return
					case <-time.After(50 * time.Millisecond):
					}
				}
			}()
			b := f.boot(spec{name: "b", args: warm})
			b.holds()
			close(stop)
			<-done
			f.say("hello")
			f.neverTwo()
			f.exactly()
		})
	}
}
