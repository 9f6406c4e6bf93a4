package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"botctl/supervisor/lock"
)

// pathCause is the cause alone, without the call and the path that package os puts before it.
func pathCause(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	if se, ok := errors.AsType[*os.SyscallError](err); ok {
		return se.Err
	}
	return err
}

func workingFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", configError(fmt.Errorf("working folder: %w", pathCause(err))).hint("it may have been deleted: cd to the bot's folder again")
	}
	return dir, nil
}

const stateHint = "BOTCTL_STATE_DIR names another folder for locks and state"

// stateDir is where running supervisors are found.
func stateDir() (string, error) {
	dir, err := lock.StateDir(os.Getenv)
	if err != nil {
		return "", fail(exitLock, err).hint(stateHint)
	}
	return filepath.Clean(dir), nil
}
