package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// execute runs the program and ends with its code: Windows cannot replace a process.
func execute(path string, argv []string) error {
	cmd := &exec.Cmd{Path: path, Args: argv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err := cmd.Run()
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		return quietExit(exited.ExitCode())
	}
	if err != nil {
		return fail(exitNotExec, fmt.Errorf("start %q: %w", path, pathCause(err))).commandHint()
	}
	return nil
}
