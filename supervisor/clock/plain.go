//go:build !faultclock

package clock

import "time"

func now() time.Duration { return boot() }

// Pause does nothing in this build.
func Pause(string) {}
