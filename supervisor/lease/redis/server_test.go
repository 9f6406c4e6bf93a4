package redis

import (
	"context"
	"net"
	"strings"
	"testing"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// The store's part of L10.
func TestARestartWithTheSameDataIsAnotherServer(t *testing.T) {
	server, key := leasetest.Redis(t, "--appendonly", "yes"), newKey()
	c := open(t, "redis://"+server.Addr(), key)
	before := c.written(0, held("a", 1, 1))
	server.Restart()
	if se := c.fails(callTime, loadOnce(c)); se.Problem != lease.Unreachable {
		t.Error(se)
	}
	now := c.load()
	if now.Record != before.Record || now.Version != 1 || now.Server == before.Server {
		t.Errorf("before %+v\nnow %+v", before, now)
	}
	c.written(1, held("a", 2, 2))
}

// The store's part of L11.
func TestARestartWithNothingIsAnotherServer(t *testing.T) {
	server, key := leasetest.Redis(t), newKey()
	c := open(t, "redis://"+server.Addr(), key)
	before := c.written(0, held("a", 1, 1))
	server.RestartEmpty()
	c.fails(callTime, loadOnce(c))
	now := c.load()
	if want := (lease.Snapshot{Server: now.Server}); now != want || now.Server == before.Server {
		t.Errorf("before %+v\nnow %+v", before, now)
	}
	if now, swapped := c.swap(1, held("a", 1, 2)); swapped || now.Version != 0 {
		t.Errorf("swapped %t, %+v", swapped, now)
	}
	c.written(0, held("a", 2, 2))
}

// pair is a primary and a replica that has caught up, which hears from it through a relay.
func pair(t *testing.T) (primary, replica *leasetest.RedisServer, link *leasetest.Relay) {
	t.Helper()
	primary, replica = leasetest.Redis(t), leasetest.Redis(t)
	link = leasetest.NewRelay(t, primary.Addr())
	follow(t, replica, link.Addr())
	return primary, replica, link
}

func follow(t *testing.T, replica *leasetest.RedisServer, addr string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	replica.Do("REPLICAOF", host, port)
	replica.Wait("master_link_status:up", "INFO", "replication")
}

// The store's part of L12: the replica has not got the last swap. A rival is then at the same version as the client that knows only the
// old primary.
func TestAFailOverIsAnotherServer(t *testing.T) {
	primary, replica, link := pair(t)
	relay := leasetest.NewRelay(t, primary.Addr())
	key := newKey()
	c := open(t, "redis://"+relay.Addr(), key)
	c.written(0, held("a", 1, 1))
	replica.Wait("version", "HGETALL", prefix+key)
	link.Hold()
	before := c.written(1, held("a", 1, 2))

	primary.Kill()
	replica.Do("REPLICAOF", "NO", "ONE")
	rival := open(t, "redis://"+replica.Addr(), key)
	if now := rival.load(); now.Version != 1 || now.Record != held("a", 1, 1) {
		t.Errorf("the replica has %+v", now)
	}
	there := rival.written(1, held("b", 2, 2))
	relay.Target(replica.Addr())
	c.fails(callTime, loadOnce(c))
	now, swapped := c.swap(2, held("a", 1, 3))
	if swapped || now != there || now.Server == before.Server {
		t.Errorf("swapped %t, before %+v\nnow %+v", swapped, before, now)
	}
}

func TestAPrimaryThatWasAReplicaInBetweenIsAnotherServer(t *testing.T) {
	server, other := leasetest.Redis(t), leasetest.Redis(t)
	key := newKey()
	c := open(t, "redis://"+server.Addr(), key)
	before := c.written(0, held("a", 1, 1))
	follow(t, server, other.Addr())
	c.refuses(lease.ReadOnly, "a replica")
	server.Do("REPLICAOF", "NO", "ONE")
	now := c.load()
	if now.Server == before.Server || now.Version != 0 {
		t.Errorf("before %+v\nnow %+v", before, now)
	}
	follow(t, server, other.Addr()) // which has gone on with the same history
	server.Do("REPLICAOF", "NO", "ONE")
	if again := c.load(); again.Server == now.Server || again.Server == before.Server {
		t.Errorf("%s, then %s, then %s", before.Server, now.Server, again.Server)
	}
}

func TestReplicasThatComeAndGoChangeNothing(t *testing.T) {
	primary, replica := leasetest.Redis(t), leasetest.Redis(t)
	key := newKey()
	c := open(t, "redis://"+primary.Addr(), key)
	before := c.written(0, held("a", 1, 1))
	history := primary.Do("INFO", "replication")
	follow(t, replica, primary.Addr())
	if now := c.load(); now != before {
		t.Errorf("before %+v\nnow %+v", before, now)
	}
	if id := field(history, "master_replid"); id == field(primary.Do("INFO", "replication"), "master_replid") {
		t.Errorf("master_replid is still %s: then it could be asked as well", id)
	}
	replica.Kill()
	primary.Wait("connected_slaves:0", "INFO", "replication")
	if now := c.load(); now != before {
		t.Errorf("before %+v\nnow %+v", before, now)
	}
	if other := open(t, "redis://"+primary.Addr(), key).load(); other != before {
		t.Errorf("another client sees %+v", other)
	}
}

func field(info, name string) string {
	_, after, _ := strings.Cut(info, name+":")
	value, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(value)
}

func TestAChangeOfHolderWaitsForAReplica(t *testing.T) {
	primary, _, _ := pair(t)
	c := open(t, "redis://"+primary.Addr(), newKey())
	renewed, claimed := held("a", 1, 2), held("a", 1, 3)
	claimed.Claim.Instance = "b"
	released := claimed
	released.Holder = lease.Member{}
	want := 0
	for i, step := range []struct {
		to    lease.Record
		waits bool
	}{{held("a", 1, 1), true}, {renewed, false}, {claimed, false}, {released, true}, {held("a", 2, 4), true}} {
		c.written(uint64(i), step.to)
		if step.waits {
			want++
		}
		if got := calls(primary, "wait"); got != want {
			t.Errorf("step %d: waited %d times, want %d", i, got, want)
		}
	}
	c.swap(1, held("a", 1, 1))
	if got := calls(primary, "wait"); got != want {
		t.Errorf("a refused swap has waited")
	}
}

func TestAReplicaThatDoesNotAnswerHoldsAChangeOfHolderOnlyShortly(t *testing.T) {
	primary, _, link := pair(t)
	c := open(t, "redis://"+primary.Addr(), newKey())
	link.Hold()
	c.written(0, held("a", 1, 1)) // by its deadline, which is far longer than the wait
	if got := calls(primary, "wait"); got != 1 {
		t.Errorf("waited %d times", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), callTime)
	defer cancel()
	if _, swapped, err := c.Swap(ctx, 1, held("b", 2, 2)); err != nil || !swapped {
		t.Errorf("swapped %t, %v", swapped, err)
	}
}

func TestAReplicaIsNotTaken(t *testing.T) {
	primary, replica, _ := pair(t)
	key := newKey()
	open(t, "redis://"+primary.Addr(), key).written(0, held("a", 1, 1))
	replica.Wait("version", "HGETALL", prefix+key)
	c := open(t, "redis://"+replica.Addr(), key)
	c.refuses(lease.ReadOnly, "a replica, which takes no writes")

	replica.Do("CONFIG", "SET", "replica-read-only", "no")
	c.refuses(lease.ReadOnly, "a replica")
	c.refusesCall(lease.ReadOnly, "a replica", "Swap", swapOnce(c, 1, held("b", 1, 1)))
	if v := replica.Do("HGET", prefix+key, "version"); v != "1" {
		t.Errorf("version %s", v)
	}
	fresh := newKey()
	open(t, "redis://"+replica.Addr(), fresh).refuses(lease.ReadOnly, "a replica")
	if there := replica.Do("EXISTS", prefix+fresh); there != "0" {
		t.Error("a replica that takes writes was written to")
	}

	replica.Do("CONFIG", "SET", "replica-read-only", "yes")
	replica.Do("CONFIG", "SET", "replica-serve-stale-data", "no")
	primary.Kill()
	replica.Wait("master_link_status:down", "INFO", "replication")
	c.refuses(lease.ReadOnly, "a replica that has lost its primary")
}

func TestAServerThatTakesNoWrites(t *testing.T) {
	server := leasetest.Redis(t)
	c := open(t, "redis://"+server.Addr(), newKey())
	c.written(0, held("a", 1, 1))
	for _, tc := range []struct {
		setting, bad, good string
		problem            lease.Problem
		text               string
	}{
		{"maxmemory", "1", "0", lease.Busy, "its memory is full"},
		{"min-replicas-to-write", "1", "0", lease.ReadOnly, "too few replicas"},
	} {
		server.Do("CONFIG", "SET", tc.setting, tc.bad)
		now := c.load() // reading goes on
		c.refusesCall(tc.problem, tc.text, "Swap", swapOnce(c, now.Version, held("a", 1, now.Version+1)))
		if again := c.load(); again != now {
			t.Errorf("%s: %+v after %+v", tc.setting, again, now)
		}
		server.Do("CONFIG", "SET", tc.setting, tc.good)
		c.written(now.Version, held("a", 1, now.Version+1))
	}
}

func TestAServerThatHasNoRoom(t *testing.T) {
	server := leasetest.Redis(t)
	one := open(t, "redis://"+server.Addr(), newKey())
	one.load()
	server.Do("CONFIG", "SET", "maxclients", "1")
	other := open(t, "redis://"+server.Addr(), newKey())
	se := other.fails(callTime, loadOnce(other))
	if full := se.Problem == lease.Busy && strings.Contains(se.Error(), "maxclients"); !full && se.Problem != lease.Unreachable { // the reset may be faster than the answer
		t.Error(se)
	}
	one.load()
}

func TestAServerThatIsLoading(t *testing.T) {
	server := leasetest.Redis(t, "--enable-debug-command", "yes", "--appendonly", "yes", "--loading-process-events-interval-bytes", "1024")
	c := open(t, "redis://"+server.Addr(), newKey())
	c.written(0, held("a", 1, 1))
	server.Do("DEBUG", "POPULATE", "2000", "k", "200")
	server.Do("CONFIG", "SET", "key-load-delay", "1000") // 2 s of loading, or 20
	reload := make(chan struct{})
	go func() { defer close(reload); server.Do("DEBUG", "RELOAD") }()
	defer func() { <-reload }()
	leasetest.Eventually(t, "loading", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), callTime)
		defer cancel()
		_, err := c.Load(ctx)
		if err == nil {
			return false
		}
		se := storeError(t, err)
		return se.Problem == lease.Busy && strings.Contains(se.Error(), "still loads its data")
	})
	server.Do("CONFIG", "SET", "key-load-delay", "0")
}

func TestANodeOfACluster(t *testing.T) {
	server := leasetest.Redis(t, "--cluster-enabled", "yes")
	c := open(t, "redis://"+server.Addr(), newKey())
	c.refuses(lease.Busy, "its cluster is down")
	open(t, "redis://"+server.Addr()+"/1", newKey()).refuses(lease.Misconfigured, "a cluster has no databases")
}
