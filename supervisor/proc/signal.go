package proc

import (
	"os"
	"os/signal"
)

// ignoreSignal lets sig do nothing here without letting children inherit that it is
// ignored, as signal.Ignore would.
func ignoreSignal(sig os.Signal) { signal.Notify(make(chan os.Signal, 1), sig) }
