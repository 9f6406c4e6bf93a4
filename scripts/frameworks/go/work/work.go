// Package work is what the handlers of these bots do before they answer.
package work

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// On takes MS milliseconds for a text "work MS ...", as a handler that asks elsewhere; for "block MS" too, but once in this
// folder; and no time for any other.
func On(text string) {
	rest, ok := strings.CutPrefix(text, "work ")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "block "); !ok || blocked() {
			return
		}
	}
	ms, _, _ := strings.Cut(rest, " ")
	n, _ := strconv.Atoi(ms)
	time.Sleep(time.Duration(n) * time.Millisecond)
}

// blocked says whether some start of the bot was blocked before.
func blocked() bool {
	f, err := os.OpenFile("blocked", os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return true
	}
	f.Close()
	return false
}
