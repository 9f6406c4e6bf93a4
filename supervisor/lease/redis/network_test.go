package redis

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// short is the limit of a call that is to fail by its deadline.
const short = 300 * time.Millisecond

// through opens a client through a relay of its own, which has a connection already.
func through(t *testing.T, server *leasetest.RedisServer, key string) (*leasetest.Relay, client) {
	t.Helper()
	relay := leasetest.NewRelay(t, server.Addr())
	c := open(t, "redis://"+relay.Addr(), key)
	c.load()
	return relay, c
}

func swapOnce(c client, from uint64, to lease.Record) func(context.Context) error {
	return func(ctx context.Context) error { _, _, err := c.Swap(ctx, from, to); return err }
}

func loadOnce(c client) func(context.Context) error {
	return func(ctx context.Context) error { _, err := c.Load(ctx); return err }
}

// The store's part of L21.
func TestAnAnswerThatIsLostLeavesTheSwapApplied(t *testing.T) {
	server, key := leasetest.Redis(t), newKey()
	direct := open(t, "redis://"+server.Addr(), key)
	for name, fail := range map[string]func(*leasetest.Relay){
		"held to the deadline": func(*leasetest.Relay) {},
		"cut":                  (*leasetest.Relay).Cut,
	} {
		t.Run(name, func(t *testing.T) {
			relay, c := through(t, server, key)
			from := direct.load().Version
			relay.HoldAnswers()
			done := make(chan *lease.StoreError, 1)
			limit := 2 * time.Second
			go func() { done <- c.fails(limit, swapOnce(c, from, held(name, 1, from))) }()
			leasetest.Eventually(t, "the swap at the server", func() bool { return direct.load().Version == from+1 })
			fail(relay)
			if se := <-done; se.Problem != lease.Unreachable {
				t.Error(se)
			}
			relay.Pass()
			now := c.load()
			if now.Version != from+1 || now.Record != held(name, 1, from) {
				t.Errorf("%+v", now)
			}
			c.written(from+1, held(name, 1, from+1))
		})
	}
}

func TestABlackHoleHonoursDeadlines(t *testing.T) {
	server := leasetest.Redis(t)
	relay, c := through(t, server, newKey())
	relay.Hold()
	unused := open(t, "redis://"+relay.Addr(), newKey())
	for range 2 { // the second time on a connection that is not made yet
		for _, c := range []client{c, unused} {
			for _, call := range []func(context.Context) error{loadOnce(c), swapOnce(c, 0, held("a", 1, 1)), func(ctx context.Context) error { _, err := c.Warnings(ctx); return err }} {
				if se := c.fails(short, call); se.Problem != lease.Unreachable || !strings.Contains(se.Error(), "no answer in time") {
					t.Error(se)
				}
			}
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := c.Load(cancelled); ended <- err }()
	leasetest.Eventually(t, "a call under way", func() bool { return len(c.turn) == 1 })
	cancel()
	if se := storeError(t, <-ended); se.Problem != lease.Unreachable || se.Err != context.Canceled { //nolint:errorlint // exactly
		t.Error(se)
	}
	relay.Pass()
	c.load()
	unused.load()
}

// A swap that was given up arrives when the network is back, and comes too late.
func TestASwapThatArrivesLateOverwritesNothing(t *testing.T) {
	server, key := leasetest.Redis(t), newKey()
	relay, c := through(t, server, key)
	relay.Hold()
	c.fails(short, swapOnce(c, 0, held("late", 1, 1)))
	rival := open(t, "redis://"+server.Addr(), key)
	want := rival.written(0, held("rival", 1, 1))
	seen := evals(server)
	relay.Pass()
	leasetest.Eventually(t, "the late swap", func() bool { return evals(server) > seen })
	if now := rival.load(); now != want {
		t.Errorf("%+v", now)
	}
	if now := c.load(); now != want {
		t.Errorf("%+v", now)
	}
}

// evals is how often the script ran.
func evals(server *leasetest.RedisServer) int {
	return calls(server, "evalsha") + calls(server, "eval")
}

func calls(server *leasetest.RedisServer, command string) int {
	_, after, _ := strings.Cut(server.Do("INFO", "commandstats"), "cmdstat_"+command+":calls=")
	number, _, _ := strings.Cut(after, ",")
	n, _ := strconv.Atoi(number)
	return n
}

func TestACutConnectionFailsOneCall(t *testing.T) {
	server := leasetest.Redis(t)
	relay, c := through(t, server, newKey())
	relay.Cut()
	if se := c.fails(callTime, loadOnce(c)); se.Problem != lease.Unreachable {
		t.Error(se)
	}
	c.load()
	relay.Refuse()
	c.refuses(lease.Unreachable, "")
	relay.Pass()
	if now := c.written(0, held("a", 1, 1)); now.Version != 1 {
		t.Errorf("%+v", now)
	}
	server.Kill()
	if se := c.fails(callTime, loadOnce(c)); se.Problem != lease.Unreachable {
		t.Error(se)
	}
	direct := open(t, "redis://"+server.Addr(), newKey())
	direct.refuses(lease.Unreachable, "connection refused")
	nowhere := open(t, "redis://nowhere.invalid", newKey())
	nowhere.refuses(lease.Unreachable, "host not found")
}

func TestHintsThatAreLost(t *testing.T) {
	server, key := leasetest.Redis(t), newKey()
	relay, c := through(t, server, key)
	rival := open(t, "redis://"+server.Addr(), key)
	hints, ended := watched(t, c)
	<-hints

	relay.HoldAnswers()
	rival.written(0, held("b", 1, 1))
	select {
	case <-hints:
		t.Error("a hint got through")
	case err := <-ended:
		t.Error(err)
	default:
	}
	relay.Pass() // late is as good as at once
	<-hints

	relay.HoldAnswers()
	rival.written(1, held("b", 1, 2))
	relay.Cut()
	if se := storeError(t, <-ended); se.Problem != lease.Unreachable {
		t.Error(se)
	}
	relay.Pass()
	c.fails(callTime, loadOnce(c)) // it was cut, too
	hints, _ = watched(t, c)
	<-hints // the one at the beginning stands for what was lost
	if now := c.load(); now.Version != 2 {
		t.Errorf("%+v", now)
	}
}

// watched watches until the test ends.
func watched(t *testing.T, c client) (hints chan struct{}, ended chan error) {
	t.Helper()
	hints, ended = make(chan struct{}, 100), make(chan error, 1)
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		ended <- c.Watch(t.Context(), func() { hints <- struct{}{} })
	}()
	t.Cleanup(func() { <-joined }) // t.Context ends before
	return hints, ended
}

// One server is stopped, the way to another falls into a black hole, and that to a third is only quiet.
func TestADeadSubscriptionIsNoticed(t *testing.T) {
	t.Parallel()
	type watcher struct {
		server *leasetest.RedisServer
		relay  *leasetest.Relay
		key    string
		hints  chan struct{}
		ended  chan error
	}
	var list []watcher
	for range 3 {
		w := watcher{server: leasetest.Redis(t), key: newKey()}
		var c client
		w.relay, c = through(t, w.server, w.key)
		w.hints, w.ended = watched(t, c)
		<-w.hints
		list = append(list, w)
	}
	for _, w := range list {
		leasetest.Eventually(t, "a subscription that is asked how it is", func() bool { return calls(w.server, "ping") > 0 })
	}
	list[0].server.Stop()
	list[1].relay.Hold()
	began := time.Now()
	for _, w := range list[:2] {
		se := storeError(t, <-w.ended)
		if took := time.Since(began); se.Problem != lease.Unreachable || !strings.Contains(se.Error(), "no answer in time") || took > silence+2*time.Second {
			t.Errorf("%v, after %v", se, took)
		}
	}
	limit := time.NewTimer(silence + pingEvery - time.Since(began))
	defer limit.Stop()
	select {
	case err := <-list[2].ended:
		t.Fatal(err)
	case <-limit.C:
	}
	list[2].server.Do("PUBLISH", prefix+list[2].key, "7")
	<-list[2].hints
}
