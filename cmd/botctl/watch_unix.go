//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// screenSignals tell that the terminal has another size, and that we were stopped and go on below what the shell
// has printed since.
func screenSignals() (resized, afresh <-chan os.Signal, release func()) {
	winch, cont := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(winch, syscall.SIGWINCH)
	signal.Notify(cont, syscall.SIGCONT)
	return winch, cont, func() {
		signal.Stop(winch)
		signal.Stop(cont)
	}
}
