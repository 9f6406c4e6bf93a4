package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// boot reads CLOCK_BOOTTIME: Go's own monotonic clock stands still in a suspended machine (runtime/sys_linux_amd64.s).
func boot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return guarded.now(time.Now())
	}
	return time.Duration(ts.Nano())
}
