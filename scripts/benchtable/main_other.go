//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "scripts/bench: needs Linux: processes are measured by /proc, in a PID namespace")
	os.Exit(1)
}
