// Package work is what the handlers of these bots do before they answer.
package work

import (
	"strconv"
	"strings"
	"time"
)

// On takes MS milliseconds for a text "work MS ...", as a handler that asks elsewhere, and no time for any other.
func On(text string) {
	if rest, ok := strings.CutPrefix(text, "work "); ok {
		ms, _, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(ms)
		time.Sleep(time.Duration(n) * time.Millisecond)
	}
}
