//go:build unix

package supervisor

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"botctl/supervisor/policy"
)

// signals turns signals into events: SIGTERM and SIGQUIT ask for a stop, so does the first SIGINT; the
// second one kills. SIGHUP restarts, unless the terminal has hung up.
func (r *run) signals(ctx context.Context) {
	// Deep enough that a burst at the start is not lost.
	ch := make(chan os.Signal, 16)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(ch)
	// What nohup or a shell's & made us ignore stays so, for the bot too (P44).
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if !signal.Ignored(sig) {
			signal.Notify(ch, sig)
		}
	}
	hadTerminal := hasTerminal()
	interrupts := 0
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-ch:
			switch sig {
			case syscall.SIGINT:
				interrupts++
				if interrupts > 1 {
					r.send(ctx, policy.KillAsked{})
					continue
				}
				r.send(ctx, policy.StopAsked{})
			case syscall.SIGHUP:
				if hadTerminal && !hasTerminal() {
					r.send(ctx, policy.StopAsked{})
					continue
				}
				r.send(ctx, policy.RestartAsked{})
			default:
				r.send(ctx, policy.StopAsked{})
			}
		}
	}
}

// hasTerminal says whether this process has a controlling terminal that is still there.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}
