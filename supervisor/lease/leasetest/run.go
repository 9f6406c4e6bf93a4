package leasetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"botctl/supervisor/lease"
)

// Server is what a test can do to a store's server behind the back of its clients. Each field may be nil.
type Server struct {
	// Stall lets the server answer nobody, without any connection being lost, until resume.
	Stall func(t *testing.T) (resume func())
	// Plant writes a record's text, which is JSON, as some other program may have; there reads it back.
	Plant func(t *testing.T, key, record string) (there func() string)
	// NoWatch: Watch is to say lease.ErrNoWatch, and nothing else.
	NoWatch bool
}

// The limits of a call that is to succeed, and of one that is to fail; late is how much longer the latter may take on a machine
// that has much else to do.
const (
	callTime  = 20 * time.Second
	stallTime = 300 * time.Millisecond
	late      = 2 * time.Second
)

// Run is what every lease.Store passes. open returns a further client of the record of that key, which
// depends on no other client; the suite closes it. Keys are letters and digits, at random, so that every test has a record of its own.
func Run(t *testing.T, open func(t *testing.T, key string) lease.Store, server ...Server) {
	s := &suite{open: open}
	if len(server) > 0 {
		s.server = server[0]
	}
	tests := []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"a record that was never written is version 0", absent},
		{"the first swap makes version 1", first},
		{"a swap from another version returns what is there", wrongVersion},
		{"of many who swap at once one wins each version", contended},
		{"a record comes back in full", roundTrip},
		{"a record is not for another key", otherKey},
		{"an ended context ends a call, and the next one works", endedContext},
		{"nothing is released by Close", closed},
	}
	watch := []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"a hint comes after another client's swap and after an own one", hinted},
		{"Watch ends with its context", watchEnds},
		{"Watch ends with Close", watchClosed},
	}
	if s.server.NoWatch {
		tests = append(tests, struct {
			name string
			test func(*testing.T, *suite)
		}{"Watch says that it cannot", watchCannot})
	} else {
		tests = append(tests, watch...)
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) { tc.test(t, s) })
	}
	if s.server.Plant != nil {
		t.Run("what another version has written is left alone", func(t *testing.T) { unknown(t, s) })
	}
	if s.server.Stall != nil {
		t.Run("a deadline is kept while the server stalls, and the next call works", func(t *testing.T) { stalled(t, s) })
	}
}

type suite struct {
	open   func(t *testing.T, key string) lease.Store
	server Server
}

// clients opens n clients of one new record.
func (s *suite) clients(t *testing.T, n int) []client {
	t.Helper()
	key := rand.Text()
	list := make([]client, n)
	for i := range list {
		list[i] = s.client(t, key)
	}
	return list
}

// client is a store whose calls must succeed.
type client struct {
	t *testing.T
	lease.Store
}

func (s *suite) client(t *testing.T, key string) client {
	t.Helper()
	c := client{t, s.open(t, key)}
	t.Cleanup(func() { c.Close() })
	return c
}

func (c client) load() lease.Snapshot {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), callTime)
	defer cancel()
	now, err := c.Load(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.sound(now)
}

func (c client) swap(from uint64, to lease.Record) (lease.Snapshot, bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), callTime)
	defer cancel()
	now, swapped, err := c.Swap(ctx, from, to)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.sound(now), swapped
}

func (c client) sound(s lease.Snapshot) lease.Snapshot {
	c.t.Helper()
	if s.Server == "" {
		c.t.Error("a snapshot names no server")
	}
	return s
}

// written swaps and wants that to succeed.
func (c client) written(from uint64, to lease.Record) lease.Snapshot {
	c.t.Helper()
	now, swapped := c.swap(from, to)
	if !swapped {
		c.t.Fatalf("a swap from %d was refused: version %d is there", from, now.Version)
	}
	return now
}

func absent(t *testing.T, s *suite) {
	c := s.clients(t, 1)[0]
	now := c.load()
	if want := (lease.Snapshot{Server: now.Server}); now != want {
		t.Errorf("%+v, want %+v", now, want)
	}
	now, swapped := c.swap(7, record(1))
	if want := (lease.Snapshot{Server: now.Server}); now != want || swapped {
		t.Errorf("from version 7: swapped %t, %+v", swapped, now)
	}
	if now := c.load(); now.Version != 0 {
		t.Errorf("version %d is there", now.Version)
	}
}

func first(t *testing.T, s *suite) {
	two := s.clients(t, 2)
	before := two[0].load()
	now := two[0].written(0, record(1))
	if want := (lease.Snapshot{Record: record(1), Version: 1, Server: before.Server}); now != want {
		t.Errorf("after the swap %+v\nwant %+v", now, want)
	}
	if there := two[1].load(); there != now {
		t.Errorf("another client sees %+v\nwant %+v", there, now)
	}
	if now, swapped := two[1].swap(0, record(2)); swapped || now.Record != record(1) || now.Version != 1 {
		t.Errorf("a second first swap: %t, %+v", swapped, now)
	}
	if now := two[1].written(1, record(2)); now.Version != 2 {
		t.Errorf("version %d comes after 1", now.Version)
	}
}

func wrongVersion(t *testing.T, s *suite) {
	two := s.clients(t, 2)
	two[0].written(0, record(1))
	want := two[0].written(1, record(2))
	for _, from := range []uint64{0, 1, 3, math.MaxInt64} {
		for i, c := range two {
			if now, swapped := c.swap(from, record(3)); swapped || now != want {
				t.Errorf("client %d from %d: swapped %t, %+v\nwant %+v", i, from, swapped, now, want)
			}
		}
	}
	if now := two[1].load(); now != want {
		t.Errorf("%+v\nwant %+v", now, want)
	}
	if now := two[1].written(2, record(4)); now.Version != 3 || now.Record != record(4) {
		t.Errorf("%+v", now)
	}
}

// contended has every client do as supervisors do: load, swap from there, go on from what came back.
func contended(t *testing.T, s *suite) {
	const clients, versions = 8, 120
	var (
		mu     sync.Mutex
		winner = map[uint64]uint64{} // version: Seq, which names the attempt
		seen   = map[uint64]uint64{} // version: Seq, as any client was told
	)
	tell := func(m map[uint64]uint64, now lease.Snapshot) {
		mu.Lock()
		defer mu.Unlock()
		if seq, ok := m[now.Version]; ok && seq != now.Record.Seq {
			t.Errorf("version %d is of %d and of %d", now.Version, seq, now.Record.Seq)
		}
		m[now.Version] = now.Record.Seq
	}
	var work sync.WaitGroup
	for i, c := range s.clients(t, clients) {
		work.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), callTime)
			now, err := c.Load(ctx)
			cancel()
			for try := uint64(0); err == nil && now.Version < versions; try++ {
				from, swapped, seq := now.Version, false, try*clients+uint64(i)+1
				ctx, cancel := context.WithTimeout(t.Context(), callTime)
				now, swapped, err = c.Swap(ctx, from, record(seq))
				cancel()
				switch {
				case err != nil:
				case swapped && (now.Version != from+1 || now.Record != record(seq)):
					t.Errorf("a swap from %d has made %+v", from, now)
				case !swapped && now.Version <= from:
					t.Errorf("a swap from %d was refused, and version %d is there", from, now.Version)
				case swapped:
					mu.Lock()
					if _, taken := winner[now.Version]; taken {
						t.Errorf("two have won version %d", now.Version)
					}
					mu.Unlock()
					tell(winner, now)
				}
				tell(seen, now)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if t.Failed() {
		return
	}
	for v := range uint64(versions) {
		if seq, ok := winner[v+1]; !ok || seen[v+1] != seq {
			t.Errorf("version %d was won by %d, and told to be of %d", v+1, seq, seen[v+1])
		}
	}
	if len(winner) != versions {
		t.Errorf("%d have won, for %d versions", len(winner), versions)
	}
}

func roundTrip(t *testing.T, s *suite) {
	full := lease.Record{
		Schema: lease.Schema, Epoch: math.MaxUint64, Seq: math.MaxUint64 - 1, TTL: 30*time.Second + time.Millisecond, Guarded: true,
		Server: "4f1c:9", Cursor: math.MaxInt64, Gens: math.MaxUint64 - 2,
		Holder: lease.Member{Instance: "i1", Deploy: "d\"1\\", Gen: math.MaxUint64 - 3, Env: "production & <test>", Name: "wörker\u20281\n👋"},
		Claim:  lease.Claim{Member: lease.Member{Instance: "i2", Deploy: "d2", Gen: 1<<53 + 1, Env: "e2", Name: "n2"}, Force: true},
	}
	for i := range full.Deploys {
		full.Deploys[i] = lease.Deploy{ID: fmt.Sprintf("deploy %d", i), Gen: math.MaxUint64 - uint64(i), Seen: 1<<63 + uint64(i)}
	}
	released := full
	released.Holder, released.Claim, released.Guarded, released.Cursor = lease.Member{}, lease.Claim{}, false, math.MinInt64
	two := s.clients(t, 2)
	for i, r := range []lease.Record{full, released, {Schema: lease.Schema}, full} {
		now := two[0].written(uint64(i), r)
		if now.Record != r {
			t.Errorf("record %d was swapped as %+v\nwant %+v", i, now.Record, r)
		}
		if there := two[1].load(); there != now {
			t.Errorf("record %d is there as %+v\nwant %+v", i, there, now)
		}
	}
}

func otherKey(t *testing.T, s *suite) {
	one, other := s.clients(t, 1)[0], s.clients(t, 1)[0]
	one.written(0, record(1))
	if now := other.load(); now.Version != 0 {
		t.Errorf("another key has %+v", now)
	}
	other.written(0, record(2))
	if now := one.load(); now.Record != record(1) {
		t.Errorf("%+v", now)
	}
}

func endedContext(t *testing.T, s *suite) {
	c := s.clients(t, 1)[0]
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for i, ctx := range []context.Context{ended, over} {
		began := time.Now()
		_, err := c.Load(ctx)
		wantStoreError(t, err)
		_, swapped, err := c.Swap(ctx, uint64(i), record(1))
		wantStoreError(t, err)
		if took := time.Since(began); took > late || swapped {
			t.Errorf("swapped %t, after %v", swapped, took)
		}
		now := c.load()
		c.written(now.Version, record(uint64(i)+1)) // an error says nothing of whether it was applied
	}
}

func closed(t *testing.T, s *suite) {
	two := s.clients(t, 2)
	want := two[0].written(0, record(1))
	if err := two[0].Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), callTime)
	defer cancel()
	_, err := two[0].Load(ctx)
	wantStoreError(t, err)
	_, _, err = two[0].Swap(ctx, 1, record(2))
	wantStoreError(t, err)
	if now := two[1].load(); now != want {
		t.Errorf("%+v\nwant %+v", now, want)
	}
}

func unknown(t *testing.T, s *suite) {
	for _, text := range []string{
		`{"schema":2,"epoch":7,"seq":9,"new":"field"}`, `{"epoch":7,"seq":9}`, `{"schema":1,"epoch":"seven"}`, `{}`, `[]`, `"text"`, `null`,
	} {
		key := rand.Text()
		there := s.server.Plant(t, key, text)
		c, before := s.client(t, key), there()
		ctx, cancel := context.WithTimeout(t.Context(), callTime)
		_, err := c.Load(ctx)
		wantMisconfigured(t, text, err)
		for from := range uint64(4) {
			_, swapped, err := c.Swap(ctx, from, record(1))
			wantMisconfigured(t, text, err)
			if swapped {
				t.Errorf("%s: overwritten from %d", text, from)
			}
		}
		cancel()
		if now := there(); now != before {
			t.Errorf("%s has become %s", before, now)
		}
	}
}

func wantMisconfigured(t *testing.T, text string, err error) {
	t.Helper()
	if se := wantStoreError(t, err); se != nil && se.Problem != lease.Misconfigured {
		t.Errorf("%s: %v, %v", text, se.Problem, err)
	}
}

// stalled fails one call of each kind on connections of each age, and then wants the server to be as before.
func stalled(t *testing.T, s *suite) {
	key := rand.Text()
	used, unused := s.client(t, key), s.client(t, key)
	used.written(0, record(1))
	resume := s.server.Stall(t)
	for range 2 { // the second time none of them has a connection
		for _, c := range []client{used, unused} {
			wantLate(t, func(ctx context.Context) error { _, err := c.Load(ctx); return err })
			wantLate(t, func(ctx context.Context) error { _, _, err := c.Swap(ctx, 1, record(2)); return err })
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), stallTime)
	defer cancel()
	began := time.Now()
	if used.Watch(ctx, func() {}); time.Since(began) > stallTime+late {
		t.Errorf("Watch took %v", time.Since(began))
	}
	resume()
	for _, c := range []client{used, unused} {
		// A swap of before may be applied at any time now, but not after this one.
		for swapped := false; !swapped; {
			_, swapped = c.swap(c.load().Version, record(3))
		}
		if now := c.load(); now.Record != record(3) {
			t.Errorf("%+v is there", now)
		}
	}
}

// wantLate wants call to end with its deadline, as a server that does not answer.
func wantLate(t *testing.T, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stallTime)
	defer cancel()
	began := time.Now()
	err := call(ctx)
	took := time.Since(began)
	if se := wantStoreError(t, err); se != nil && se.Problem != lease.Unreachable {
		t.Errorf("%v: %v", se.Problem, err)
	}
	if took > stallTime+late {
		t.Errorf("took %v of %v", took, stallTime)
	}
}

func wantStoreError(t *testing.T, err error) *lease.StoreError {
	t.Helper()
	se, ok := errors.AsType[*lease.StoreError](err)
	if !ok {
		t.Errorf("%v (%T) is not a *lease.StoreError", err, err)
		return nil
	}
	if se.Server == "" || se.Err == nil {
		t.Errorf("%#v lacks something", se)
	}
	return se
}

// record is a held record that is told from others by its Seq.
func record(seq uint64) lease.Record {
	r := lease.Record{Schema: lease.Schema, Epoch: 3, Seq: seq, TTL: 10 * time.Second, Gens: 1, Holder: lease.Member{Instance: "i", Deploy: "d", Gen: 1}}
	r.Deploys[0] = lease.Deploy{ID: "d", Gen: 1, Seen: seq}
	return r
}
