package redis

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"botctl/supervisor/lease"
)

// prefix is that of every key, and of the channel that has the key's name.
const prefix = "botctl:lease:"

// longest bounds a call whose context does not.
const longest = 10 * time.Second

// replicaTime is how long a change of holder waits for a replica to have it.
const replicaTime = 100 * time.Millisecond

// Store is one lease on a server. All its methods may be called concurrently; Load, Swap and Warnings take turns.
type Store struct {
	to    target
	roots *x509.CertPool // nil: the system's
	key   string

	life context.Context // until Close
	end  context.CancelFunc
	turn chan struct{} // has a token while a call is under way, which then owns what follows

	conn *conn // nil: none
	seen struct {
		version uint64 // 0: nothing has been seen
		record  string // as it is there
		lease.Record
	}
}

// Option is one of Open's.
type Option func(*Store)

// Roots are the authorities whose certificates are trusted, in place of the system's.
func Roots(pool *x509.CertPool) Option { return func(s *Store) { s.roots = pool } }

// Open returns the lease of that key at the server of a URL: redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS; only the host
// is required. With ?tls=insecure any certificate will do, for servers that have signed their own (Heroku): what
// is sent is then hidden from who listens, and not from who stands in between. Nothing is dialled yet. The error quotes nothing of the URL.
func Open(url, key string, opts ...Option) (*Store, error) {
	to, err := parse(url)
	if err != nil {
		return nil, err
	}
	if key == "" || !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return nil, fmt.Errorf("lease key %q: want printable characters without a space", key)
	}
	s := &Store{to: to, key: prefix + key, turn: make(chan struct{}, 1)}
	s.life, s.end = context.WithCancel(context.Background())
	for _, o := range opts {
		o(s)
	}
	return s, nil
}

// String names the server, for people.
func (s *Store) String() string { return "redis " + s.to.address }

// GoString is String: the fields hold the password.
func (s *Store) GoString() string { return s.String() }

// Close ends calls that are under way and closes every connection.
func (s *Store) Close() error {
	s.end()
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.conn != nil {
		s.conn.raw.Close()
		s.conn = nil
	}
	return nil
}

// Load returns what is there.
func (s *Store) Load(ctx context.Context) (now lease.Snapshot, err error) {
	err = s.call(ctx, func(_ context.Context, c *conn) error {
		now, _, err = s.ask(c, swap{})
		return err
	})
	return now, err
}

// Swap writes to if from is what is there. A from that is not the version that this client saw last is looked at first, so that nothing is ever
// overwritten that it does not understand.
func (s *Store) Swap(ctx context.Context, from uint64, to lease.Record) (now lease.Snapshot, swapped bool, err error) {
	record, err := json.Marshal(to)
	if err != nil {
		return lease.Snapshot{}, false, s.fail(lease.Misconfigured, err)
	}
	err = s.call(ctx, func(ctx context.Context, c *conn) error {
		if from != 0 && from != s.seen.version {
			if now, _, err = s.ask(c, swap{}); err != nil || now.Version != from {
				return err
			}
		}
		before := s.seen.Record
		var a answer
		now, a, err = s.ask(c, swap{strconv.FormatUint(from, 10), s.seen.record, strconv.FormatUint(from+1, 10), string(record)})
		if swapped = a.swapped && err == nil; swapped && a.replicas > 0 && (from == 0 || before.Holder != to.Holder || before.Epoch != to.Epoch) {
			c.await(ctx)
		}
		return err
	})
	if err != nil {
		return lease.Snapshot{}, false, err
	}
	return now, swapped, nil
}

// await waits until a replica has what was written. It was written, whatever comes of this.
func (c *conn) await(ctx context.Context) {
	limit := replicaTime
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/2)
	}
	if limit < time.Millisecond {
		return
	}
	if _, err := c.redis.Do("WAIT", 1, limit.Milliseconds()); err != nil {
		c.spent = true
	}
}

// call runs f on a connection that works as far as is known. Its error is a *StoreError.
func (s *Store) call(ctx context.Context, f func(context.Context, *conn) error) error {
	ctx, cancel := s.bound(ctx, longest)
	defer cancel()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return s.explain(ctx, context.Cause(ctx))
	}
	defer func() { <-s.turn }()
	switch {
	case s.life.Err() != nil:
		return s.fail(lease.Unreachable, errClosed)
	case ctx.Err() != nil:
		return s.explain(ctx, context.Cause(ctx))
	}
	if s.conn == nil {
		c, err := s.dial(ctx)
		if err != nil {
			return s.explain(ctx, err)
		}
		s.conn = c
	}
	c := s.conn
	err := c.during(ctx, func() error { return f(ctx, c) })
	if err != nil || c.spent {
		c.drop()
		s.conn = nil
	}
	return s.explain(ctx, err)
}

var errClosed = errors.New("closed")

// bound is ctx until Close, and for limit at most.
func (s *Store) bound(ctx context.Context, limit time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.life, func() { end(errClosed) })
	return ctx, func() { stop(); end(nil); cancel() }
}

// ask runs the script and remembers what it saw.
func (s *Store) ask(c *conn, what swap) (lease.Snapshot, answer, error) {
	a, err := c.run(s.key, what)
	if err != nil {
		return lease.Snapshot{}, a, err
	}
	if a.role == "slave" {
		return lease.Snapshot{}, a, s.fail(lease.ReadOnly, errReplica)
	}
	now := lease.Snapshot{Server: c.server(a)}
	if !a.exists {
		s.seen.version, s.seen.record, s.seen.Record = 0, "", lease.Record{}
		return now, a, nil
	}
	now.Version, err = strconv.ParseUint(string(a.version), 10, 64)
	if err != nil || now.Version == 0 || now.Version >= math.MaxInt64 {
		return lease.Snapshot{}, a, s.fail(lease.Misconfigured, fmt.Errorf("%s has no version: something else than botctl has written it", s.key))
	}
	if err := json.Unmarshal(a.record, &now.Record); err != nil {
		return lease.Snapshot{}, a, s.fail(lease.Misconfigured, fmt.Errorf("%s: %s", s.key, line(err.Error())))
	}
	s.seen.version, s.seen.record, s.seen.Record = now.Version, string(a.record), now.Record
	return now, a, nil
}

// nameLen is how much of an identifier of 40 hexadecimal digits is enough.
const nameLen = 16

// server names who answered; see the package's documentation.
func (c *conn) server(a answer) string {
	name := a.runID[:min(nameLen, len(a.runID))]
	if name == "" {
		name = c.raw.RemoteAddr().String()
	}
	if strings.Trim(a.replid2, "0") != "" { // it was made the primary
		name += "+" + a.replid[:min(nameLen, len(a.replid))]
	}
	return name
}
