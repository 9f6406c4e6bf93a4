//go:build !linux

package main

import (
	"fmt"
	"os"
)

func program() int {
	fmt.Fprintln(os.Stderr, "scripts/bench: needs Linux: processes are measured by /proc, in a PID namespace")
	return 1
}
