//go:build linux

package main

import (
	"os"
	"os/exec"
)

// insideEnv says that this program is inside already.
const insideEnv = "BENCH_INSIDE"

// moveInside runs this program again in a PID namespace of its own, where every sweep of botctl meets only what was
// started for the measurement. The shell is PID 1 there, and reaps.
func moveInside() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"-pf", "--mount-proc", "--kill-child", "sh", "-c", `"$@"; exit $?`, "sh", self}
	if os.Getuid() != 0 {
		args = append([]string{"-Ur"}, args...)
	}
	cmd := exec.Command("unshare", append(args, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil {
			return err
		}
		return errMoved
	}
	return nil
}
