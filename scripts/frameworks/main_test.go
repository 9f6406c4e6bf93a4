//go:build linux

package frameworks

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	form  = flag.String("matrix", "", "run the bots: short or full; empty: not at all")
	out   = flag.String("out", "", "write the tables to this file")
	tools = flag.String("tools", "", "folder where scripts/matrix has installed the frameworks")
	only  = flag.String("only", "", "names of the frameworks to run, separated by spaces; empty: all")
)

const (
	insideEnv = "BOTCTL_MATRIX_INSIDE" // the tests run in a PID namespace of their own
	builtEnv  = "BOTCTL_MATRIX_BUILT"  // folder of what was built for them
)

// TestMain builds botctl and the bots in Go, and moves the tests into a PID namespace, so that no sweep ever
// meets a process that is not of these tests.
func TestMain(m *testing.M) {
	flag.Parse()
	if *form == "" || os.Getenv(insideEnv) != "" {
		os.Exit(m.Run())
	}
	os.Exit(outside())
}

func outside() int {
	dir, err := os.MkdirTemp("", "matrix")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, build := range [][]string{
		{"build", "-o", filepath.Join(dir, "botctl"), "botctl/cmd/botctl"},
		{"build", "-C", "go", "-o", dir + "/", "./..."},
	} {
		if text, err := exec.Command("go", build...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go %v: %v\n%s", build, err, text)
			return 1
		}
	}
	// The shell is PID 1 there, and reaps.
	args := []string{"-pf", "--mount-proc", "--kill-child", "sh", "-c", `"$@"; exit $?`, "sh"}
	if os.Getuid() != 0 {
		args = append([]string{"-Ur"}, args...)
	}
	cmd := exec.Command("unshare", append(args, os.Args...)...)
	cmd.Env = append(os.Environ(), insideEnv+"=1", builtEnv+"="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 {
			fmt.Fprintln(os.Stderr, "no PID namespace to be had here:", err)
		}
		return 1
	}
	return 0
}
