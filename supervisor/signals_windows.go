package supervisor

import (
	"context"
	"os"
	"os/signal"

	"botctl/supervisor/policy"
)

// signals turns Ctrl-C into events: the first asks for a stop, the second kills.
func (r *run) signals(ctx context.Context) {
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, os.Interrupt)
	defer signal.Stop(ch)
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-ch:
			if first {
				r.send(ctx, policy.StopAsked{})
			} else {
				r.send(ctx, policy.KillAsked{})
			}
		}
	}
}
