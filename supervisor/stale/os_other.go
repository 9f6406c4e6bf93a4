//go:build !linux

package stale

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/process"
)

// Lacks lists, a sentence each, what this system cannot do.
func Lacks() []string {
	return []string{
		"stale processes are found by their command line and folder; tokens in their environment may not be readable",
	}
}

func listPIDs() ([]int, error) {
	list, err := process.Pids()
	if err != nil {
		return nil, err
	}
	pids := make([]int, 0, len(list))
	for _, pid := range list {
		pids = append(pids, int(pid))
	}
	slices.Sort(pids)
	return pids, nil
}

func hidden() bool { return false }

type lineReader struct{}

func (*lineReader) line(pid int) []byte {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return nil
	}
	argv, _ := p.CmdlineSlice()
	return []byte(strings.Join(argv, "\x00"))
}

func (*lineReader) marked(pid int) bool {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return false
	}
	env, _ := p.Environ()
	return lookupIn(env)(EnvRunID) != ""
}

// startTicks is the start in milliseconds here.
func startTicks(pid int) (uint64, bool) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return 0, false
	}
	ms, err := p.CreateTime()
	return uint64(ms), err == nil
}

// StartTicks is startTicks of this process, for EnvSupervisor.
func StartTicks() uint64 {
	ticks, _ := startTicks(os.Getpid())
	return ticks
}

func owner(ctx context.Context, p *process.Process) (uid int, ok bool) {
	uids, err := p.UidsWithContext(ctx)
	if err != nil || len(uids) < 2 {
		return 0, false
	}
	return int(uids[1]), true
}

func executable(pid int) string {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return ""
	}
	exe, _ := p.Exe()
	return exe
}

func untouchable(pids, keep []int) func(pid int) bool {
	spared := map[int]bool{}
	for pid := int32(os.Getpid()); pid > 0; {
		spared[int(pid)] = true
		p, err := process.NewProcess(pid)
		if err != nil {
			break
		}
		if pid, err = p.Ppid(); err != nil || spared[int(pid)] {
			break
		}
	}
	parent := map[int]int{}
	for _, pid := range pids {
		if p, err := process.NewProcess(int32(pid)); err == nil {
			if ppid, err := p.Ppid(); err == nil {
				parent[pid] = int(ppid)
			}
		}
	}
	for _, pid := range pids {
		for at, depth := pid, 0; at > 1 && depth < 64; at, depth = parent[at], depth+1 {
			if slices.Contains(keep, at) {
				spared[pid] = true
				break
			}
		}
	}
	return func(pid int) bool { return spared[pid] }
}

func sameNamespace(int) bool { return true }

func resume(*os.Process) {}

func waitGone(ctx context.Context, _ *os.Process, f *Finding, limit time.Duration) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		if ticks, alive := startTicks(f.PID); !alive || ticks != f.ticks {
			return true
		}
		select {
		case <-tick.C:
		case <-end.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func restarter(int) string { return "" }

func keeper(int) string { return "" }

// zombies are not looked for here.
func (t *Target) zombies([]int, func(int) bool, func(string) string) []Finding { return nil }
