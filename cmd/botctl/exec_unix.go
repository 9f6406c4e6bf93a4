//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// execute does not return when the program starts.
func execute(path string, argv []string) error {
	err := syscall.Exec(path, argv, os.Environ())
	if errors.Is(err, syscall.ENOENT) {
		err = errors.New("its interpreter is not there")
	}
	return fail(exitNotExec, fmt.Errorf("start %q: %w", path, err)).commandHint()
}
