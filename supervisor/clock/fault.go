//go:build faultclock

package clock

import (
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Files that steer this build. Shift holds a duration by which the clock is ahead, such as 1h; Stop holds the name of the point
// at which the process is to stop itself once, as by SIGSTOP.
const (
	EnvShift = "BOTCTL_FAULT_SHIFT"
	EnvStop  = "BOTCTL_FAULT_STOP"
)

var stopped atomic.Bool

func now() time.Duration {
	at := boot()
	if b, err := os.ReadFile(os.Getenv(EnvShift)); err == nil {
		if d, err := time.ParseDuration(strings.TrimSpace(string(b))); err == nil {
			at += d
		}
	}
	return at
}

// Pause stops the process at the point that the file names, once.
func Pause(point string) {
	b, err := os.ReadFile(os.Getenv(EnvStop))
	if err == nil && strings.TrimSpace(string(b)) == point && !stopped.Swap(true) {
		halt()
	}
}
