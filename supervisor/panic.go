package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"botctl/supervisor/mutant"
)

// PanicError is a fault of botctl itself. The bot's tree has been ended when Run returns it.
type PanicError struct {
	Value string // what the panic said, masked
	File  string // where the details are; "" when they could not be written
}

func (e *PanicError) Error() string { return "internal fault: " + e.Value }

// beside runs f in a goroutine that Run joins. A panic in it ends the run: the bot must not outlive its
// supervisor, and a person gets a sentence, not a stack (P9).
func (r *run) beside(f func()) {
	r.wg.Go(func() {
		defer r.catch()
		f()
	})
}

// catch is deferred where a panic may come up. The first one counts.
func (r *run) catch() {
	if mutant.Is(mutant.NoPanicGuard) {
		return
	}
	if v := recover(); v != nil {
		r.broke.Do(func() {
			r.fault = &PanicError{Value: r.mask(fmt.Sprint(v)), File: r.report(v)}
			close(r.broken)
		})
	}
}

// report keeps the details of a panic for whoever can use them.
func (r *run) report(v any) string {
	path := filepath.Join(r.opts.StateDir, "fault.txt")
	text := fmt.Sprintf("botctl %s\n%v\n\n%s", r.opts.Version, v, debug.Stack())
	if err := os.WriteFile(path, []byte(r.mask(text)), 0o600); err != nil {
		return ""
	}
	return path
}
