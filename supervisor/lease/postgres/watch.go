package postgres

import (
	"context"
	"errors"
	"time"

	"botctl/supervisor/lease"
)

// A dead connection is noticed after at most the sum of both.
const (
	watchQuiet = 5 * time.Second
	watchLimit = 3 * time.Second
)

// Watch is lease.Store's. It has a connection of its own.
func (s *Store) Watch(ctx context.Context, hint func()) error {
	began := time.Now()
	if !s.begin() {
		return s.failure(ctx, began, errClosed)
	}
	defer s.work.Done()
	ctx, cancel := s.within(ctx, 0)
	defer cancel()
	told := 0
	c, err := s.session(ctx, func(string) { told++ })
	if err == nil {
		err = c.watch(ctx, &told, hint)
		c.leave(ctx)
	}
	switch {
	case errors.Is(err, errPooled):
		return lease.ErrNoWatch
	case ctx.Err() != nil && s.ctx.Err() == nil:
		return context.Cause(ctx)
	}
	return s.failure(ctx, began, err)
}

func (c *conn) watch(ctx context.Context, told *int, hint func()) error {
	limited, cancel := context.WithTimeout(ctx, sessionTime)
	_, err := c.query(limited, "listen "+c.store.channel())
	cancel()
	if err != nil {
		return err
	}
	hint()
	for heard := *told; ; heard = *told {
		if err := c.wait(ctx, watchQuiet); err != nil {
			return err
		}
		if *told == heard {
			if err := c.alive(ctx, watchLimit); err != nil {
				return err
			}
		}
		if *told != heard {
			hint()
		}
	}
}

// leave ends a session in order when it is we who want that, and nothing is being asked.
func (c *conn) leave(ctx context.Context) {
	if ctx.Err() != nil && !c.pg.IsClosed() {
		c.end()
		return
	}
	c.abort()
}
