package proc

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"botctl/supervisor/mutant"
)

// Reap takes the status of orphans that became children of ours, until ctx ends. It never
// touches a process that Start started. Nothing else in the process may run
// children, by os/exec say, while it does (P42).
func Reap(ctx context.Context) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	for {
		reapOrphans()
		select {
		case <-ctx.Done():
			return
		case <-ended:
		}
	}
}

func reapOrphans() {
	for _, pid := range childrenOf(os.Getpid()) {
		if stateOf(pid) == 'Z' {
			reapStranger(pid)
		}
	}
}

// reapStranger holds the lock so that no start can be under way: a child that dies at
// once is known before it can be taken for an orphan.
func reapStranger(pid int) {
	own.mu.Lock()
	defer own.mu.Unlock()
	if !own.pids[pid] || mutant.Is(mutant.ReapEverything) {
		unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
}
