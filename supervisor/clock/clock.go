// Package clock reads the one clock by which a lease may be judged: it goes on while the machine is suspended and does not
// jump when somebody sets the time. Builds with the tag faultclock let a test shift it, or stop the process at a named
// point; see Pause.
package clock

import "time"

// Now is the time since some moment before this process began. It only grows, suspended hours included. It may be called
// concurrently.
func Now() time.Duration { return now() }
