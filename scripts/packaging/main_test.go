package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The tests look at what scripts/release --snapshot made: the folder is in BOTCTL_DIST, the bots' libraries in TOOLS, as
// scripts/test sets them.
const insideEnv = "BOTCTL_TEST_INSIDE" // the tests run in a PID namespace of their own

// TestMain moves the tests into a PID namespace, so that no sweep of a botctl ever meets a process that is not of these tests.
func TestMain(m *testing.M) {
	if runtime.GOOS != "linux" || os.Getenv(insideEnv) != "" {
		os.Exit(m.Run())
	}
	args := []string{"-pf", "--mount-proc", "--kill-child", "sh", "-c", `"$@"; exit $?`, "sh"} // the shell reaps
	if os.Getuid() != 0 {
		args = append([]string{"-Ur"}, args...)
	}
	cmd := exec.Command("unshare", append(args, os.Args...)...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "in a PID namespace:", err)
		os.Exit(1)
	}
}

// made is the one file of the release whose name fits.
func made(t *testing.T, pattern string) string {
	t.Helper()
	dist := os.Getenv("BOTCTL_DIST")
	if dist == "" {
		t.Fatal("BOTCTL_DIST is not set: run scripts/test release")
	}
	found, err := filepath.Glob(filepath.Join(dist, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s in %s: found %q, want one (%v)", pattern, dist, found, err)
	}
	return found[0]
}

// mine is the same for a pattern with this machine's platform, as a kind of package names it.
func mine(t *testing.T, pattern string, amd64, arm64 string) string {
	t.Helper()
	return made(t, fmt.Sprintf(pattern, map[string]string{"amd64": amd64, "arm64": arm64}[runtime.GOARCH]))
}

func tools(t *testing.T, parts ...string) string {
	t.Helper()
	dir := os.Getenv("TOOLS")
	if dir == "" {
		t.Fatal("TOOLS is not set: run scripts/test release")
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

// command is a program that must succeed, and what it prints.
func command(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// need says whether a program is there. In CI it has to be.
func need(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}
