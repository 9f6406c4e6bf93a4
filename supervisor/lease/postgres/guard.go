package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// roundTime is how long one statement waits for the lock. While it does, VACUUM leaves what was deleted since in the whole database.
const roundTime = 10 * time.Second

// Hold is lease.Guard's.
func (s *Store) Hold(ctx context.Context, held func()) error {
	return s.guard(ctx, func(ctx context.Context, c *conn) error {
		if err := c.take(ctx, "pg_advisory_lock", "pg_try_advisory_lock"); err != nil {
			return err
		}
		held()
		for {
			// Reading all the while, it hears of the end of the session at once.
			for until := time.Now().Add(s.ttl / 5); time.Until(until) > 0; {
				if err := c.wait(ctx, time.Until(until)); err != nil {
					return err
				}
			}
			if err := c.alive(ctx, s.ttl/10); err != nil {
				return err
			}
		}
	})
}

// Await is lease.Guard's. The lock is shared, so that many can wait, and the transaction's, so that it is gone with the statement. A
// server that was promoted knows nothing of the locks of the one before it: nil means what it says only if Snapshot.Server is the
// record's.
func (s *Store) Await(ctx context.Context) error {
	return s.guard(ctx, func(ctx context.Context, c *conn) error {
		return c.take(ctx, "pg_advisory_xact_lock_shared", "pg_try_advisory_xact_lock_shared")
	})
}

// guard runs f with a session whose server ends it when it is idle for the TTL, and for no other reason.
func (s *Store) guard(ctx context.Context, f func(context.Context, *conn) error) error {
	began := time.Now()
	if !s.begin() {
		return s.failure(ctx, began, errClosed)
	}
	defer s.work.Done()
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	c, err := s.session(ctx, nil)
	if err == nil {
		if err = c.settle(ctx); err == nil {
			err = f(ctx, c)
		}
		if err == nil {
			c.end()
			return nil
		}
		c.leave(ctx)
	}
	if ctx.Err() != nil && s.ctx.Err() == nil {
		return context.Cause(ctx)
	}
	return s.failure(ctx, began, err)
}

// settle sets what the server may end a session or a statement for. Some of it is not known to every version.
func (c *conn) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sessionTime)
	defer cancel()
	results, err := c.query(ctx, fmt.Sprintf("select pg_is_in_recovery() or current_setting('transaction_read_only')::bool; select name, set_config(name, case name when 'idle_session_timeout' then '%d' when 'lock_timeout' then '%d' else '0' end, false)"+
		" from pg_settings where name in ('idle_session_timeout', 'lock_timeout', 'statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')",
		c.store.ttl.Milliseconds(), c.store.round.Milliseconds()))
	if err != nil {
		return err
	}
	if len(results) != 2 || len(results[0].Rows) != 1 {
		return errForm
	}
	if string(results[0].Rows[0][0]) == "t" { // the locks of a standby are its own
		return errReadOnly
	}
	for _, row := range results[1].Rows {
		if string(row[0]) == "idle_session_timeout" {
			return nil
		}
	}
	return c.store.refuse(errors.New("the guard needs PostgreSQL 14 or later (idle_session_timeout)"))
}

// take waits for the guard's lock. A round that ends without it is caught by the server itself, whose log would have an error for
// each otherwise; the function that only tries then says how it went.
func (c *conn) take(ctx context.Context, wait, try string) error {
	key := c.store.lockKey()
	round := fmt.Sprintf("do 'begin perform %s(%d); exception when lock_not_available then null; end'; select %s(%d)", wait, key, try, key)
	for {
		limited, cancel := context.WithTimeout(ctx, c.store.round+watchLimit)
		rows, err := c.rows(limited, round)
		cancel()
		if err != nil {
			return err
		}
		if len(rows) == 1 && string(rows[0][0]) == "t" {
			return nil
		}
	}
}
