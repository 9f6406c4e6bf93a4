//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// execute does not return when the program starts.
func execute(path string, argv []string) error {
	err := syscall.Exec(path, argv, os.Environ())
	if err == syscall.ENOENT {
		return fail(exitNotFound, fmt.Errorf("start %q: its interpreter is not there", path))
	}
	return fail(exitNotExec, fmt.Errorf("start %q: %w", path, err))
}
