package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"botctl/supervisor/lease"
)

// The health of a subscription: it is asked each pingEvery, and lost when nothing has come for silence.
const (
	pingEvery = 3 * time.Second
	silence   = 8 * time.Second
)

// Watch subscribes on a connection of its own. A connection on which nothing arrives any more is noticed within 8 s. A user
// who may not subscribe gets an error that is a *StoreError and lease.ErrNoWatch.
func (s *Store) Watch(ctx context.Context, hint func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.life, func() { cancel(errClosed) })()
	err := s.watch(ctx, hint)
	if reply, ok := errors.AsType[redis.Error](err); ok && strings.HasPrefix(string(reply), "NOPERM") {
		return s.fail(lease.Denied, fmt.Errorf("the user may not subscribe, so changes are polled for: +subscribe +ping &%s*: %w", prefix, lease.ErrNoWatch))
	}
	return s.explain(ctx, err)
}

func (s *Store) watch(ctx context.Context, hint func()) error {
	start, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	c, err := s.dial(start)
	if err != nil {
		return err
	}
	defer c.drop()
	return c.during(ctx, func() error { return c.listen(ctx, s.key, hint) })
}

// listen passes on hints until the connection is lost, which it is once ctx has ended; see during.
func (c *conn) listen(ctx context.Context, channel string, hint func()) error {
	subscription := redis.PubSubConn{Conn: c.redis}
	if !c.extend(ctx) {
		return context.Cause(ctx)
	}
	if err := subscription.Subscribe(channel); err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	var pings sync.WaitGroup
	defer pings.Wait()
	defer end()
	pinging := false
	for {
		switch got := subscription.Receive().(type) {
		case error:
			return got
		case redis.Subscription:
			hint()
			if !pinging {
				pinging = true
				pings.Go(func() { c.ping(ctx, subscription) })
			}
		case redis.Message:
			hint()
		}
		if !c.extend(ctx) {
			return context.Cause(ctx)
		}
	}
}

// extend moves the deadline of reading and writing on, unless ctx has ended, whose end must not be overwritten.
func (c *conn) extend(ctx context.Context) bool {
	c.net.SetDeadline(time.Now().Add(silence))
	return ctx.Err() == nil
}

// ping asks for a sign of life. redigo lets one goroutine send while another receives.
func (c *conn) ping(ctx context.Context, subscription redis.PubSubConn) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if subscription.Ping("") != nil {
				return // which the receiver sees, too
			}
		case <-ctx.Done():
			return
		}
	}
}
