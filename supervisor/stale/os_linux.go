package stale

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/unix"

	"botctl/supervisor/mutant"
)

// Lacks lists, a sentence each, what this system cannot do.
func Lacks() []string { return nil }

// listPIDs reads the numbers from the folder's entries as the kernel writes them (getdents64(2)), without a string for each.
func listPIDs() ([]int, error) {
	fd, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open /proc", err)
	}
	defer unix.Close(fd)
	pids := make([]int, 0, 512)
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.ReadDirent(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, os.NewSyscallError("getdents64", err)
		case n <= 0:
			slices.Sort(pids)
			return pids, nil
		}
		for rest := buf[:n]; len(rest) > direntName; {
			size := int(binary.NativeEndian.Uint16(rest[direntSize:]))
			if size <= direntName || size > len(rest) {
				return nil, errors.New("getdents64: an entry that cannot be read")
			}
			if pid := number(rest[direntName:size]); pid > 0 {
				pids = append(pids, pid)
			}
			rest = rest[size:]
		}
	}
}

// Where struct linux_dirent64 has its size and its name.
const (
	direntSize = 16
	direntName = 19
)

// number is the number that a name consists of, which a NUL ends; 0 when it is none.
func number(name []byte) (n int) {
	for _, c := range name {
		switch {
		case c == 0:
			return n
		case c < '0' || '9' < c || n > math.MaxInt32/10:
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// hidden says whether this system shows us our own processes only (hidepid, P19).
func hidden() bool {
	if os.Geteuid() == 0 {
		return false
	}
	_, err := os.Stat("/proc/1")
	return err != nil
}

// readProc reads a file of /proc/PID, into buf when it fits. A sweep reads one or two for each process, and package os makes
// nearly three times as many system calls for each.
func readProc(pid int, name string, buf []byte) ([]byte, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/" + name
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

// lineReader reads command lines into one buffer.
type lineReader struct{ buf [8192]byte }

// line is a command line with a NUL behind each argument, until the next call; empty for processes without one: zombies and kernel threads.
func (r *lineReader) line(pid int) []byte {
	text, err := readProc(pid, "cmdline", r.buf[:])
	if err != nil {
		return nil
	}
	return bytes.TrimRight(text, "\x00")
}

// marked says whether the environment of pid has the mark of a run. It reads the whole of it and
// keeps nothing.
func (r *lineReader) marked(pid int) bool {
	env, err := readProc(pid, "environ", r.buf[:])
	return err == nil && bytes.Contains(env, []byte(EnvRunID+"="))
}

type procStat struct {
	ppid    int
	state   byte
	start   uint64
	threads int
}

// dead says that nothing of it runs any more: of a zombie with threads some still do.
func (s procStat) dead() bool { return s.state == 'X' || s.state == 'Z' && s.threads <= 1 }

// readStat counts the fields from the last parenthesis: the name before it may hold anything (P17).
func readStat(pid int) (procStat, bool) {
	var buf [1024]byte
	b, err := readProc(pid, "stat", buf[:])
	if err != nil {
		return procStat{}, false
	}
	var s procStat
	n := 0
	for field := range bytes.FieldsSeq(b[bytes.LastIndexByte(b, ')')+1:]) {
		switch n {
		case 0:
			s.state = field[0]
		case 1:
			s.ppid, _ = strconv.Atoi(string(field))
		case 17:
			s.threads, _ = strconv.Atoi(string(field))
		case 19:
			s.start, err = strconv.ParseUint(string(field), 10, 64)
			return s, err == nil
		}
		n++
	}
	return procStat{}, false
}

// startTicks is when pid was started, in clock ticks since boot; false when it is dead.
func startTicks(pid int) (uint64, bool) {
	s, ok := readStat(pid)
	return s.start, ok && !s.dead()
}

// StartTicks is startTicks of this process, for EnvSupervisor.
func StartTicks() uint64 {
	ticks, _ := startTicks(os.Getpid())
	return ticks
}

// owner is the effective user of a process, who owns its folder in /proc. gopsutil reads the file status for it, which the kernel
// makes slowly.
func owner(_ context.Context, p *process.Process) (uid int, ok bool) {
	info, err := os.Stat("/proc/" + strconv.Itoa(int(p.Pid)))
	if err != nil {
		return 0, false
	}
	uid = uidOf(info)
	return uid, uid >= 0
}

func executable(pid int) string {
	exe, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	return exe
}

// untouchable says of a process whether it is this one, an ancestor of it, or in the trees below keep. Few are asked about, so the
// way up is read for each of them.
func untouchable(_, keep []int) func(pid int) bool {
	line := map[int]bool{}
	for pid := os.Getpid(); pid > 0; {
		line[pid] = true
		s, ok := readStat(pid)
		if !ok {
			break
		}
		pid = s.ppid
	}
	return func(pid int) bool {
		return line[pid] || len(keep) > 0 && !mutant.Is(mutant.NoKeep) && below(pid, keep)
	}
}

// climbs is how often the way up is begun: a process that ends meanwhile hands its children to another.
const climbs = 5

// below says whether pid is one of roots or descends from one.
func below(pid int, roots []int) bool {
	for range climbs {
		at := pid
		for at > 1 && !slices.Contains(roots, at) {
			s, ok := readStat(at)
			if !ok {
				at = -1
				break
			}
			at = s.ppid
		}
		if at >= 0 {
			return slices.Contains(roots, at)
		}
	}
	return false
}

var ownNamespace = sync.OnceValue(func() string {
	ns, _ := os.Readlink("/proc/self/ns/pid")
	return ns
})

// sameNamespace is false for processes of a container on this host (P21). Where it cannot be read the
// process belongs to another user, and is judged as such.
func sameNamespace(pid int) bool {
	ns, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/pid")
	return err != nil || ns == ownNamespace() || mutant.Is(mutant.AnyNamespace)
}

func resume(p *os.Process) { p.Signal(syscall.SIGCONT) }

// waitGone waits on the handle; without one, it compares start times.
func waitGone(ctx context.Context, p *os.Process, f *Finding, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		err := p.WithHandle(func(fd uintptr) {
			unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		})
		if ticks, alive := startTicks(f.PID); !alive || ticks != f.ticks {
			return true
		}
		if err != nil {
			unix.Poll(nil, 20) // no handle to wait on
		}
	}
	return false
}

// managers are programs that restart what they run, by name, with what an owner calls them.
var managers = map[string]string{
	"systemd": "systemd", "supervisord": "supervisord", "runsv": "runit", "s6-supervise": "s6", "crond": "cron", "cron": "cron",
	"containerd-shim": "docker", "containerd-shim-runc-v2": "docker", "circusd": "circus", "immortal": "immortal", "monit": "monit",
	"nodemon": "nodemon", "overmind": "overmind", "process-compose": "process-compose", "honcho": "honcho", "foreman": "foreman",
}

// restarter names the ancestor of pid that brings it back, "" when none is known.
func restarter(pid int) string {
	for range 16 {
		s, ok := readStat(pid)
		if !ok || s.ppid == 0 {
			return ""
		}
		pid = s.ppid
		b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		line := strings.ReplaceAll(string(b), "\x00", " ")
		if strings.Contains(line, "God Daemon") {
			return "pm2 (pid " + strconv.Itoa(pid) + ")"
		}
		for _, word := range strings.Fields(line)[:min(2, len(strings.Fields(line)))] {
			if name := managers[base(word)]; name != "" {
				return name + " (pid " + strconv.Itoa(pid) + ")"
			}
		}
	}
	return ""
}

func uidOf(info os.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}
