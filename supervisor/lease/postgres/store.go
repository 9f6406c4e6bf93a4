package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"botctl/supervisor/lease"
)

// Options has what a Store may be told beside where it is.
type Options struct {
	// TTL is after how long the server ends the guard's session when nothing is heard on it; zero is 10 s. The
	// lease's own goes into the record.
	TTL time.Duration
}

const defaultTTL = 10 * time.Second

// Store is the row of one bot. Load, Swap and Warnings run one at a time; everything else beside them, also several times.
type Store struct {
	at     place
	config *pgconn.Config
	key    string // the row's
	ttl    time.Duration
	round  time.Duration // roundTime, but for tests

	ctx   context.Context // ends with Close
	close context.CancelFunc

	turn chan struct{} // has one thing in it while nobody calls
	conn *conn         // of whose turn it is; nil: the next one makes one
	seen seen          // likewise

	work   sync.WaitGroup // every method that runs
	mu     sync.Mutex
	failed int     // how often no connection could be made
	dying  []*conn // aborted, and perhaps not done yet
}

// seen is the row as it was seen last, and understood.
type seen struct {
	version uint64
	text    string
}

var (
	_ lease.Store = (*Store)(nil)
	_ lease.Guard = (*Store)(nil)
)

// isKey keeps keys to what looks the same everywhere.
func isKey(key string) bool {
	return 0 < len(key) && len(key) <= 200 && all(key, func(c byte) bool { return '!' <= c && c <= '~' })
}

// Open takes a URL as the package's documentation has it, and key, which names the bot's record. It does not connect. Its errors are
// *lease.StoreError with Misconfigured.
func Open(url, key string, opts Options) (*Store, error) {
	refuse := func(at string, err error) error {
		return &lease.StoreError{Problem: lease.Misconfigured, Server: at, Err: err}
	}
	at, err := parsePlace(url)
	if err != nil {
		return nil, refuse("postgres", fmt.Errorf("the URL %w", err))
	}
	config, err := at.config()
	if err != nil {
		return nil, refuse(at.String(), fmt.Errorf("the URL %w", err))
	}
	at.password = config.Password // it may be of a file
	if !isKey(key) {
		return nil, refuse(at.String(), errors.New("the key of the record is not 1 to 200 printable characters"))
	}
	ttl := cmp.Or(opts.TTL, defaultTTL)
	if ttl < time.Second {
		return nil, refuse(at.String(), fmt.Errorf("a TTL of %v is too short for the guard's session, want 1s at least", ttl))
	}
	config.MaxProtocolMessageBodyLen = maxMessage
	s := &Store{at: at, config: config, key: key, ttl: ttl, round: roundTime, turn: make(chan struct{}, 1)}
	s.ctx, s.close = context.WithCancel(context.Background())
	s.turn <- struct{}{}
	return s, nil
}

// String is for people.
func (s *Store) String() string { return s.at.String() }

// channel is what changes of the record are told on. Its name needs no quotes.
func (s *Store) channel() string {
	sum := sha256.Sum256([]byte("botctl lease " + s.key))
	return "botctl_" + hex.EncodeToString(sum[:8])
}

// lockKey is the guard's, in the space that all advisory locks of a database share.
func (s *Store) lockKey() int64 {
	sum := sha256.Sum256([]byte("botctl guard " + s.key))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// Close ends every call that runs, and returns when no connection is left.
func (s *Store) Close() error {
	s.mu.Lock()
	s.close()
	s.mu.Unlock()
	s.work.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.end()
		s.conn = nil
	}
	for _, c := range s.dying {
		<-c.pg.CleanupDone()
	}
	s.dying = nil
	return nil
}

// begin counts what Close waits for. It says no once the store is closed.
func (s *Store) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.work.Add(1)
	return true
}

// callLimit is for a call without a deadline of its own.
const callLimit = 10 * time.Second

// call runs f with the connection of Load and Swap when it is its turn. After an error the connection is not used again.
func (s *Store) call(ctx context.Context, f func(context.Context, *conn) error) error {
	began := time.Now()
	if !s.begin() {
		return s.failure(ctx, began, errClosed)
	}
	defer s.work.Done()
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, callLimit)
		defer cancel()
	}
	select {
	case <-ctx.Done():
		return s.failure(ctx, began, ctx.Err())
	case <-s.turn:
	}
	defer func() { s.turn <- struct{}{} }()
	if ctx.Err() != nil {
		return s.failure(ctx, began, ctx.Err())
	}
	if s.conn == nil {
		c, err := s.connect(ctx, nil)
		if err != nil {
			return s.failure(ctx, began, err)
		}
		s.conn = c
	}
	if err := f(ctx, s.conn); err != nil {
		s.conn.abort()
		s.conn = nil
		return s.failure(ctx, began, err)
	}
	return nil
}

// within is ctx until limit is over (0: for ever) or the store is closed.
func (s *Store) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	cancel := context.CancelFunc(func() {})
	if limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { end(errClosed) })
	return ctx, func() { stop(); end(nil); cancel() }
}

var errClosed = errors.New("the store is closed")

// refuse is an error of what waiting does not mend.
func (s *Store) refuse(err error) error {
	return &lease.StoreError{Problem: lease.Misconfigured, Server: s.String(), Err: err}
}
