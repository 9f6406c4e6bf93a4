package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"botctl/supervisor/mutant"
)

// readProc reads a file of /proc, into buf when it fits. Package os makes nearly three times as many system calls, and this is
// done for each thread each second.
func readProc(path string, buf []byte) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	n, err := unix.Read(fd, buf)
	unix.Close(fd)
	if err != nil || n == len(buf) { // interrupted, or there is more
		return os.ReadFile(path)
	}
	return buf[:n], nil
}

// threadsOf lists the threads of a process by their names in /proc.
func threadsOf(base string) (names []string, err error) {
	fd, err := unix.Open(base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var buf [2048]byte
	for {
		n, err := unix.ReadDirent(fd, buf[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 || err != nil {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// childrenOf lists the direct children of pid, of all its threads.
func childrenOf(pid int) []int {
	base := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := threadsOf(base)
	if err != nil {
		return nil
	}
	var list []int
	for _, thread := range threads {
		next, err := childrenOfThread(base+"/"+thread, list)
		if errors.Is(err, os.ErrNotExist) {
			return childrenByScan(pid)
		}
		list = next
	}
	return list
}

// childrenOfThread appends the children that a thread started, or was given, to list.
func childrenOfThread(thread string, list []int) ([]int, error) {
	var buf [4096]byte
	b, err := readProc(thread+"/children", buf[:])
	for f := range bytes.FieldsSeq(b) {
		if n, err := strconv.Atoi(string(f)); err == nil {
			list = append(list, n)
		}
	}
	return list, err
}

// childrenByScan is for kernels without /proc/PID/task/TID/children.
func childrenByScan(ppid int) []int {
	dir, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var list []int
	for _, e := range dir {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if m, err := readStat(pid); err == nil && m.ppid == ppid {
			list = append(list, pid)
		}
	}
	return list
}

// readStat reads /proc/PID/stat. The name in it may hold anything, ") R (" too, so
// the fields are counted from the last parenthesis (P17).
func readStat(pid int) (member, error) {
	var buf [1024]byte
	b, err := readProc("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	if err != nil {
		return member{}, err
	}
	end := bytes.LastIndexByte(b, ')')
	if mutant.Is(mutant.FirstParenthesis) {
		end = bytes.IndexByte(b, ')')
	}
	m := member{pid: pid}
	into := [...]*int{1: &m.ppid, 2: &m.pgid, 3: &m.sid, 17: &m.threads, 19: nil}
	n := 0
	for field := range bytes.FieldsSeq(b[end+1:]) {
		switch {
		case n == 0:
			m.state = field[0]
		case n == len(into)-1:
			m.start, err = strconv.ParseUint(string(field), 10, 64)
			return m, err
		case into[n] != nil:
			*into[n], _ = strconv.Atoi(string(field))
		}
		n++
	}
	return member{}, fmt.Errorf("read /proc/%d/stat: too short", pid)
}

func stateOf(pid int) byte {
	m, err := readStat(pid)
	if err != nil {
		return 0
	}
	return m.state
}
