package bot

import (
	"context"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// notifier speaks sd_notify(3). Without NOTIFY_SOCKET it does nothing.
type notifier struct {
	conn   net.Conn
	every  time.Duration // how often the watchdog wants a sign; 0: never
	ready  atomic.Bool
	latest atomic.Int64 // unix nanoseconds of the latest answered poll
}

func newNotifier() *notifier {
	n := &notifier{}
	n.latest.Store(time.Now().UnixNano())
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return n
	}
	conn, err := net.Dial("unixgram", path) // a leading @ is an abstract name
	if err != nil {
		return n
	}
	n.conn = conn
	if usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 {
		n.every = time.Duration(usec) * time.Microsecond / 2
	}
	return n
}

func (n *notifier) say(state string) {
	if n.conn != nil {
		n.conn.Write([]byte(state))
	}
}

// last is when a poll was answered last; the start before the first.
func (n *notifier) last() time.Time { return time.Unix(0, n.latest.Load()) }

// alive notes a poll that the supervisor answered.
func (n *notifier) alive() { n.latest.Store(time.Now().UnixNano()) }

// polled notes an answered poll; the first one means that the bot is ready.
func (n *notifier) polled() {
	n.alive()
	if n.ready.CompareAndSwap(false, true) {
		n.say("READY=1\nSTATUS=polling")
	}
}

// pollLimit is how old the latest answered poll may be for the bot to count as alive: a poll of
// 50 s, a conflict's delay, a pause of 30 s, and time for a handler.
const pollLimit = 2 * time.Minute

// watch sends WATCHDOG=1 while polls are answered, until ctx ends or stop is called: a ticker alone would vouch
// for a loop that hangs.
func (n *notifier) watch(ctx context.Context) (stop func()) {
	if n.conn == nil || n.every == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	n.latest.Store(time.Now().UnixNano())
	var ticker sync.WaitGroup
	ticker.Go(func() {
		tick := time.NewTicker(n.every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if time.Since(time.Unix(0, n.latest.Load())) < pollLimit {
				n.say("WATCHDOG=1")
			}
		}
	})
	return func() {
		cancel()
		ticker.Wait()
	}
}
