//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// usage is what a group of processes takes.
type usage struct {
	processes int
	rssKiB    float64
	pssKiB    float64
	anonKiB   float64 // of it: what is in no file, and so cannot be dropped
	threads   float64
	sleeps    float64 // voluntary context switches, of all threads
	cpu       float64 // milliseconds, of all threads
}

// usageOf adds up the processes of a list. Threads that have ended meanwhile are lost, as their figures are with /proc.
func usageOf(pids []int) (u usage, err error) {
	for _, pid := range pids {
		dir := fmt.Sprintf("/proc/%d", pid)
		u.processes++
		u.rssKiB += number64(dir+"/status", "VmRSS")
		u.pssKiB += number64(dir+"/smaps_rollup", "Pss")
		u.anonKiB += number64(dir+"/smaps_rollup", "Anonymous")
		tasks, err := filepath.Glob(dir + "/task/*")
		if err != nil || len(tasks) == 0 {
			return u, fmt.Errorf("process %d has ended", pid)
		}
		u.threads += float64(len(tasks))
		for _, t := range tasks {
			u.sleeps += number64(t+"/status", "voluntary_ctxt_switches")
			if b, err := os.ReadFile(t + "/schedstat"); err == nil {
				ns, _ := strconv.ParseFloat(strings.Fields(string(b))[0], 64)
				u.cpu += ns / 1e6
			}
		}
	}
	return u, nil
}

// number64 is the number behind name in a file of "name: number unit".
func number64(file, name string) float64 {
	v, _ := strconv.ParseFloat(strings.Fields(field(file, name, ":", "0"))[0], 64)
	return v
}

// family is pid and its descendants, without the trees below those left out.
func family(pid int, without ...int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := stat(n); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], n)
		}
	}
	var list []int
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		if p := queue[0]; !slices.Contains(without, p) {
			list = append(list, p)
			queue = append(queue, children[p]...)
		}
	}
	return list
}

// stat are the fields behind the name: the state is the first.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// processes counts those of the namespace.
func processes() (n int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			n++
		}
	}
	return n
}

func fileSize(path string) (megabytes float64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()) / 1e6, nil
}
