//go:build unix

package supervisor

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"botctl/supervisor/policy"
)

// signals turns signals into events: SIGTERM and SIGQUIT ask for a stop, so does the first SIGINT; the
// second one kills. SIGHUP restarts, unless the terminal has hung up. Ctrl-Z and fg suspend and resume both
// of us.
func (r *run) signals(ctx context.Context) {
	// Deep enough that a burst at the start is not lost.
	ch := make(chan os.Signal, 16)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(ch)
	// What nohup or a shell's & made us ignore stays so, for the bot too (P44).
	wanted := []os.Signal{syscall.SIGINT, syscall.SIGHUP}
	if canSuspend() {
		wanted = append(wanted, syscall.SIGTSTP, syscall.SIGCONT)
	}
	for _, sig := range wanted {
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
			case syscall.SIGTSTP:
				r.suspend()
			case syscall.SIGCONT:
				r.resume()
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

// canSuspend says whether Ctrl-Z is ours to answer: with a terminal, and a shell behind us that can say fg.
func canSuspend() bool {
	sid, err := unix.Getsid(0)
	return err == nil && sid != os.Getpid() && hasTerminal()
}

// suspend stops the bot, which is in a group of its own that the terminal does not reach, and then
// ourselves. Whoever continues us continues it (P43).
func (r *run) suspend() {
	if !r.opts.Interactive {
		for _, c := range r.children.all() {
			c.Signal(syscall.SIGSTOP)
			r.suspended.Store(true)
		}
	}
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

func (r *run) resume() {
	if !r.suspended.Swap(false) {
		return
	}
	for _, c := range r.children.all() {
		c.Signal(syscall.SIGCONT)
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
