package lease

import (
	"context"
	"errors"
	"fmt"
)

// Store keeps one Record for one bot, on a server that every supervisor of the bot can reach. It knows nothing of time
// or of who may poll: it loads, compares and swaps. Every implementation passes leasetest.Run.
//
// Load and Swap are called one at a time, always with a deadline, and must return when it is over: a call that goes on behind
// the caller's back could be applied at any later time. After a call that failed, the next one uses a fresh connection. Watch
// runs beside them.
//
// Errors are *StoreError. An error of Swap says nothing of whether it was applied: the caller reads again.
type Store interface {
	// Load returns what is there. A record that was never written is the zero Snapshot but for Server.
	Load(ctx context.Context) (Snapshot, error)
	// Swap writes to if the version there is still from (0: nothing is there), and tells whoever watches. swapped says whether it
	// did; the snapshot is what is there now in either case.
	Swap(ctx context.Context, from uint64, to Record) (now Snapshot, swapped bool, err error)
	// Watch calls hint whenever somebody may have swapped, until ctx ends or the connection is lost. Hints may come late,
	// twice, or not at all. It calls hint once as soon as it listens. ErrNoWatch: this server cannot; polling is all there is.
	Watch(ctx context.Context, hint func()) error
	// Close lets go of every connection. Nothing is released by it.
	Close() error
}

// Guard is what a Store may offer beside: a lock that the server itself takes from a holder whose session dies.
// It shortens the wait after a death (see Config.Fast) and decides nothing else.
type Guard interface {
	// Hold takes the lock on a session of its own, and keeps that alive, until ctx ends. It calls held once it has the lock and
	// returns when it has it no more, with the reason. A session that is idle for the lease's TTL is ended by the server, so the
	// implementation speaks on it at least every fifth of that.
	Hold(ctx context.Context, held func()) error
	// Await returns nil when nobody holds the lock, having waited until that was so; an error when it cannot tell.
	Await(ctx context.Context) error
}

// Snapshot is what a store holds at a moment.
type Snapshot struct {
	Record  Record
	Version uint64 // grows with each Swap; 0: there is none
	// Server names the server that answered and the history of its data: it is another one after a fail-over, and after a
	// restart that may have lost what was written last. Never empty.
	Server string
}

// ErrNoWatch says that a server has no way to tell of changes.
var ErrNoWatch = errors.New("this server does not tell of changes")

// Problem is what is wrong with a store.
type Problem uint8

// The problems. Those before Misconfigured may pass by themselves.
const (
	Unreachable   Problem = iota // no connection, no answer in time, or one that was cut
	Busy                         // it answers that it cannot serve now: starting, loading, out of memory or connections
	ReadOnly                     // a replica, or one that has too few replicas to take writes
	Misconfigured                // a setting that waiting does not mend; Err says which
	Denied                       // user or password is wrong, or may not do what is needed
	Untrusted                    // TLS: no certificate that is trusted, or none at all
	Pooled                       // a pooler is in between that keeps no sessions, and one is needed
	numProblems
)

var problemNames = [numProblems]string{"unreachable", "busy", "read_only", "misconfigured", "denied", "untrusted", "pooled"}

func (p Problem) String() string {
	if p < numProblems {
		return problemNames[p]
	}
	return "unknown"
}

// StoreError is a call of a store that did not come to an answer. Its text is one line without a secret.
type StoreError struct {
	Problem Problem
	Server  string // "redis 10.0.0.7:6379", for people
	Err     error
}

func (e *StoreError) Error() string { return fmt.Sprintf("lease at %s: %v", e.Server, e.Err) }

func (e *StoreError) Unwrap() error { return e.Err }

// Lasting says whether waiting does not help.
func (e *StoreError) Lasting() bool { return e.Problem >= Misconfigured }
