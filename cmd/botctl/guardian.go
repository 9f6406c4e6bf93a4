package main

import (
	"errors"
	"io"

	"botctl/supervisor/proc"
)

// guardianVerb is what botctl run starts beside itself. It is no verb for people and in no help, and it is told
// apart before anything else is set up, since it lives as long as the supervisor.
const guardianVerb = "guardian"

func guard(stderr io.Writer) int {
	if !proc.BeGuardian(stderr) {
		err := usageError(errors.New(`"botctl guardian" is started by "botctl run", not by hand`))
		return report(stderr, err, false)
	}
	return exitDone
}
