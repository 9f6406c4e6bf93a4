package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// callTime is the limit of a call that is to succeed.
const callTime = 20 * time.Second

func TestEveryStorePasses(t *testing.T) {
	server := leasetest.Redis(t)
	conform(t, "redis://"+server.Addr(), server)
}

func TestEveryStorePassesThroughARelay(t *testing.T) {
	server := leasetest.Redis(t)
	relay := leasetest.NewRelay(t, server.Addr())
	conform(t, "redis://"+relay.Addr()+"/3", nil, func(s *leasetest.Server) {
		s.Stall = func(*testing.T) func() { relay.Hold(); return relay.Pass }
	})
}

func conform(t *testing.T, url string, server *leasetest.RedisServer, more ...func(*leasetest.Server)) {
	faults := leasetest.Server{}
	if server != nil {
		faults.Stall = func(*testing.T) func() { server.Stop(); return server.Continue }
		faults.Plant = func(_ *testing.T, key, record string) func() string {
			server.Do("HSET", prefix+key, "version", "2", "record", record)
			return func() string { return server.Do("HGETALL", prefix+key) }
		}
	}
	for _, f := range more {
		f(&faults)
	}
	leasetest.Run(t, func(t *testing.T, key string) lease.Store {
		s, err := Open(url, key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, faults)
}

// client is a store whose calls must succeed.
type client struct {
	t *testing.T
	*Store
}

func open(t *testing.T, url, key string, opts ...Option) client {
	t.Helper()
	s, err := Open(url, key, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return client{t, s}
}

func (c client) load() lease.Snapshot {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), callTime)
	defer cancel()
	now, err := c.Load(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	return now
}

func (c client) swap(from uint64, to lease.Record) (lease.Snapshot, bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), callTime)
	defer cancel()
	now, swapped, err := c.Swap(ctx, from, to)
	if err != nil {
		c.t.Fatal(err)
	}
	return now, swapped
}

func (c client) written(from uint64, to lease.Record) lease.Snapshot {
	c.t.Helper()
	now, swapped := c.swap(from, to)
	if !swapped {
		c.t.Fatalf("a swap from %d was refused, %d is there", from, now.Version)
	}
	return now
}

// fails runs a call that must fail within limit and a little.
func (c client) fails(limit time.Duration, call func(context.Context) error) *lease.StoreError {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	began := time.Now()
	err := call(ctx)
	if took := time.Since(began); took > limit+2*time.Second {
		c.t.Errorf("took %v of %v", took, limit)
	}
	return storeError(c.t, err)
}

func storeError(t *testing.T, err error) *lease.StoreError {
	t.Helper()
	se, ok := errors.AsType[*lease.StoreError](err)
	if !ok {
		t.Fatalf("%v (%T) is not a *lease.StoreError", err, err)
	}
	if text := err.Error(); strings.ContainsAny(text, "\n\r") || strings.Contains(text, "hunter") {
		t.Errorf("%q", text)
	}
	return se
}

// refuses wants each kind of call to fail as p, with text in its error.
func (c client) refuses(p lease.Problem, text string) {
	c.t.Helper()
	for name, call := range map[string]func(context.Context) error{
		"Load": func(ctx context.Context) error { _, err := c.Load(ctx); return err },
		"Swap": func(ctx context.Context) error { _, _, err := c.Swap(ctx, 0, held("a", 1, 1)); return err },
	} {
		c.refusesCall(p, text, name, call)
	}
}

func (c client) refusesCall(p lease.Problem, text, name string, call func(context.Context) error) {
	c.t.Helper()
	if se := c.fails(callTime, call); se.Problem != p || !strings.Contains(se.Error(), text) {
		c.t.Errorf("%s: %v: %v\nwant %v: … %s", name, se.Problem, se, p, text)
	}
}

// held is a record of a holder.
func held(instance string, epoch, seq uint64) lease.Record {
	return lease.Record{Schema: lease.Schema, Epoch: epoch, Seq: seq, TTL: 10 * time.Second, Holder: lease.Member{Instance: instance}}
}

func newKey() string { return rand.Text() }

func TestTheKeyHasNoExpiry(t *testing.T) {
	server := leasetest.Redis(t)
	key := newKey()
	c := open(t, "redis://"+server.Addr(), key)
	c.written(0, held("a", 1, 1))
	c.written(1, held("a", 1, 2))
	if ttl := server.Do("TTL", prefix+key); ttl != "-1" {
		t.Errorf("TTL %s", ttl)
	}
	if fields := strings.Fields(server.Do("HKEYS", prefix+key)); len(fields) != 2 {
		t.Errorf("fields %q", fields)
	}
	if keys := server.Do("KEYS", "*"); keys != prefix+key {
		t.Errorf("keys %q", keys)
	}
}

func TestTheScriptIsSentAgainWhenTheServerHasForgottenIt(t *testing.T) {
	server := leasetest.Redis(t)
	c := open(t, "redis://"+server.Addr(), newKey())
	for v := range uint64(3) {
		c.written(v, held("a", 1, v))
		server.Do("SCRIPT", "FLUSH")
	}
	if now := c.load(); now.Version != 3 {
		t.Errorf("version %d", now.Version)
	}
}

func TestWhatBotctlHasNotWrittenIsLeftAlone(t *testing.T) {
	server := leasetest.Redis(t)
	for name, plant := range map[string][]string{
		"a list":             {"RPUSH", "KEY", "x"},
		"a text":             {"SET", "KEY", "x"},
		"another hash":       {"HSET", "KEY", "other", "x"},
		"no record":          {"HSET", "KEY", "version", "1"},
		"no version":         {"HSET", "KEY", "record", `{"schema":1}`},
		"version 0":          {"HSET", "KEY", "version", "0", "record", `{"schema":1}`},
		"an odd version":     {"HSET", "KEY", "version", "0x1", "record", `{"schema":1}`},
		"a negative version": {"HSET", "KEY", "version", "-1", "record", `{"schema":1}`},
		"too high a version": {"HSET", "KEY", "version", "18446744073709551615", "record", `{"schema":1}`},
		"no JSON":            {"HSET", "KEY", "version", "1", "record", "{"},
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey()
			plant[1] = prefix + key
			server.Do(plant...)
			before := server.Do("DUMP", prefix+key)
			c := open(t, "redis://"+server.Addr(), key)
			c.refuses(lease.Misconfigured, "")
			c.refusesCall(lease.Misconfigured, "", "Swap", func(ctx context.Context) error { _, _, err := c.Swap(ctx, 1, held("a", 1, 1)); return err })
			if now := server.Do("DUMP", prefix+key); now != before {
				t.Errorf("%q has become %q", before, now)
			}
		})
	}
}

// A rival that is at the same version of another history is not overwritten.
func TestTheSameVersionOfAnotherHistoryIsAnotherOne(t *testing.T) {
	server := leasetest.Redis(t)
	key := newKey()
	two := []client{open(t, "redis://"+server.Addr(), key), open(t, "redis://"+server.Addr(), key)}
	two[0].written(0, held("a", 1, 1))
	server.Do("FLUSHALL")
	rival := two[1].written(0, held("b", 1, 1))
	if now, swapped := two[0].swap(1, held("a", 1, 2)); swapped || now != rival {
		t.Errorf("swapped %t, %+v", swapped, now)
	}
	two[0].written(1, held("a", 2, 2)) // now it knows
}

func TestNothingOfAPasswordIsShown(t *testing.T) {
	server := leasetest.Redis(t, "--requirepass", "hunter2")
	c := open(t, "redis://:hunter3@"+server.Addr(), newKey())
	c.refuses(lease.Denied, "user or password is wrong")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := sprintf(verb, c.Store); strings.Contains(text, "hunter") || !strings.Contains(text, server.Addr()) {
			t.Errorf("%s: %s", verb, text)
		}
	}
}

func TestClose(t *testing.T) {
	server := leasetest.Redis(t)
	c := open(t, "redis://"+server.Addr(), newKey())
	c.load()
	server.Stop()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Load(t.Context())
		ended <- err
	}()
	leasetest.Eventually(t, "a call under way", func() bool { return len(c.turn) == 1 })
	began := time.Now()
	c.Close()
	c.Close()
	if se := storeError(t, <-ended); !errors.Is(se, errClosed) || time.Since(began) > 2*time.Second {
		t.Errorf("%v, after %v", se, time.Since(began))
	}
	server.Continue()
	c.refuses(lease.Unreachable, "closed")
	leasetest.Eventually(t, "no connection left but that which asks", func() bool {
		return strings.Count(server.Do("CLIENT", "LIST"), "id=") == 1
	})
}
