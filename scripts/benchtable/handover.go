//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// handoverTests make many deploys in a row under a steady rate of messages, each botctl on a machine of its own, and judge them: a figure counts
// only if nothing was lost, doubled or polled twice.
const handoverTests = "^(TestManyDeploysInARow|TestColdDeploys|TestManyTakeOversOnOneMachine|TestAColdTakeOver)$"

// measureHandover is the time without a poller when one supervisor takes over from another: by a lease on each engine, and on one machine without any.
// The tests of the command do it, in a build without the race detector.
func measureHandover(l *lab) error {
	path := filepath.Join(l.dir, "gaps")
	cmd := exec.CommandContext(l.ctx, "go", "test", "-count=1", "-parallel=1", "-timeout=30m", "-run", handoverTests, "./cmd/botctl")
	cmd.Env = append(os.Environ(), "BOTCTL_GAPS="+path, "CI=true")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the deploys in a row were not all well: %w\n%s", err, out)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		subject, text, _ := strings.Cut(sc.Text(), "\t")
		ns, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("gap %q: %w", text, err)
		}
		l.found.add("handover", "without a poller", "ms", subject, ours, ns/1e6)
	}
	return nil
}
