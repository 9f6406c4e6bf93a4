package proc

import (
	"os"
	"os/signal"
)

// ignoreSignal lets sigs do nothing here without letting children inherit that they are
// ignored, as signal.Ignore would.
func ignoreSignal(sigs ...os.Signal) { signal.Notify(make(chan os.Signal, 1), sigs...) }
