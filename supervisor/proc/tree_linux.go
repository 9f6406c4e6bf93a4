package proc

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"botctl/supervisor/mutant"
)

// own are the processes that this package started and has not reaped. heir says that there were children
// before the first of them: a shell that started others and then became botctl by exec.
var own = struct {
	mu   sync.Mutex
	pids map[int]bool
	heir bool
}{pids: map[int]bool{}}

func forget(pid int) {
	own.mu.Lock()
	defer own.mu.Unlock()
	delete(own.pids, pid)
}

func isOwn(pid int) bool {
	own.mu.Lock()
	defer own.mu.Unlock()
	return own.pids[pid]
}

// member is a process of a tree, as /proc/PID/stat told it.
type member struct {
	pid, ppid, pgid, sid int
	state                byte
	threads              int
	start                uint64 // clock ticks since boot; with pid it names a process for good
}

// dead says that nothing of m runs any more. The first thread of a process is a zombie already while others
// are still on their way out, with its files and connections open.
func (m member) dead() bool { return m.state == 'X' || m.state == 'Z' && m.threads <= 1 }

// kinOfOurs lists our own children. The kernel keeps them by thread: of the one that forked, which is the starter, and of the first one of the
// process for orphans that became ours (find_new_reaper of kernel/exit.c). A process has one or two dozen threads, and
// this is asked each second, so the short way is for looks that come again; the long way asks them all.
func kinOfOurs(short bool) []int {
	tid := starterTID.Load()
	if !short || tid == 0 {
		return childrenOf(os.Getpid())
	}
	base := "/proc/self/task/"
	list, err := childrenOfThread(base+strconv.Itoa(os.Getpid()), nil)
	if err == nil {
		list, err = childrenOfThread(base+strconv.Itoa(int(tid)), list)
	}
	if err != nil {
		return childrenOf(os.Getpid())
	}
	return list
}

// members lists the tree: the leader, its descendants, and those who became children of ours
// when their parent died. The leader's zombie is among them, others' are too.
func (c *Child) members() []member { return c.look(false) }

// look is members; a short one is for the looks of each second.
func (c *Child) look(short bool) []member {
	leader, err := readStat(c.PID())
	if err != nil {
		leader = member{pid: c.PID(), pgid: c.PID(), state: 'X'}
	}
	list := []member{leader}
	seen := map[int]bool{c.PID(): true}
	// A process that dies during the look hands its children to one that was looked at before: so the look is
	// repeated until it finds nobody new.
	for found := true; found; {
		found = false
		walked := map[int]bool{}
		queue := childrenOf(c.PID())
		for _, pid := range kinOfOurs(short) {
			if pid != c.PID() && !isOwn(pid) && (seen[pid] || c.adopted(pid)) {
				queue = append(queue, pid)
			}
		}
		for ; len(queue) > 0; queue = queue[1:] {
			pid := queue[0]
			if walked[pid] {
				continue
			}
			walked[pid] = true
			if m, err := readStat(pid); err == nil && !seen[pid] {
				seen[pid], found = true, true
				list = append(list, m)
				c.remember(m)
			}
			queue = append(queue, childrenOf(pid)...)
		}
	}
	c.forgetOthers(seen)
	return list
}

// owns goes up from pid to the leader, or to us, who adopt what lost its parent.
func (c *Child) owns(pid int) bool {
	for pid > 1 {
		if pid == c.PID() {
			return true
		}
		m, err := readStat(pid)
		if err != nil || isOwn(pid) {
			return false
		}
		if m.ppid == os.Getpid() {
			return c.adopted(pid)
		}
		pid = m.ppid
	}
	return false
}

// adopted says whether pid, a child of ours that we did not start, stems from this tree. A
// subreaper's other children all do. PID 1 is given every orphan of its container, and an heir has
// children of somebody else's, so there the mark or the group must tell.
func (c *Child) adopted(pid int) bool {
	if os.Getpid() != 1 && !isHeir() || mutant.Is(mutant.NoHeirCheck) {
		return true
	}
	m, err := readStat(pid)
	if err != nil || m.pgid == c.PID() || c.remembers(m) {
		return err == nil
	}
	// A zombie has no environment left; ending it does no harm.
	return m.dead() || c.spec.Mark != "" && hasMark(pid, c.spec.Mark)
}

// spareCount descriptors are held for the kill path, which reads /proc and opens handles (P37).
const spareCount = 8

var spare = struct {
	mu  sync.Mutex
	fds []int
}{}

// spend gives the spare descriptors back to the kernel, save takes new ones.
func spend() {
	spare.mu.Lock()
	defer spare.mu.Unlock()
	for _, fd := range spare.fds {
		unix.Close(fd)
	}
	spare.fds = nil
}

func save() {
	spare.mu.Lock()
	defer spare.mu.Unlock()
	for len(spare.fds) < spareCount && !mutant.Is(mutant.NoSpareFiles) {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		spare.fds = append(spare.fds, fd)
	}
}

// remember keeps who was seen in the tree: a process on its way out has no environment to be known by any more,
// and is not dead yet.
func (c *Child) remember(m member) {
	c.kinMu.Lock()
	defer c.kinMu.Unlock()
	if c.kin == nil {
		c.kin = map[int]uint64{}
	}
	c.kin[m.pid] = m.start
}

// forgetOthers keeps what is remembered as small as the tree.
func (c *Child) forgetOthers(seen map[int]bool) {
	c.kinMu.Lock()
	defer c.kinMu.Unlock()
	for pid := range c.kin {
		if !seen[pid] {
			delete(c.kin, pid)
		}
	}
}

func (c *Child) remembers(m member) bool {
	c.kinMu.Lock()
	defer c.kinMu.Unlock()
	start, ok := c.kin[m.pid]
	return ok && start == m.start
}

func isHeir() bool {
	own.mu.Lock()
	defer own.mu.Unlock()
	return own.heir
}

// terminate sends SIGTERM, and SIGCONT since a stopped process does not see it before (P39).
func (c *Child) terminate() {
	c.Signal(syscall.SIGTERM)
	if !mutant.Is(mutant.NoContinue) {
		c.Signal(syscall.SIGCONT)
	}
}

// Signal sends sig to the whole tree.
func (c *Child) Signal(sig syscall.Signal) {
	unix.Kill(-c.PID(), sig)
	for _, m := range c.members() {
		if m.pgid != c.PID() && !m.dead() {
			m.signal(sig)
		}
	}
}

// signal reaches m and nobody who got its number since: the handle comes first, then
// the start time is compared, then the handle is signalled.
func (m member) signal(sig syscall.Signal) {
	p, err := os.FindProcess(m.pid)
	if err != nil {
		return
	}
	defer p.Release()
	if now, err := readStat(m.pid); err == nil && now.start == m.start {
		p.Signal(sig)
	}
}

// killLimit is how long killAll tries. What lives on then is beyond reach: in an
// uninterruptible wait of the kernel, or of another user.
const killLimit = 10 * time.Second

// killAll ends the tree and returns what it could not end. New processes may appear while
// it works, so the rounds go on until one finds nothing, and from the second on they freeze the tree before they
// kill it (P38).
func (c *Child) killAll() (survivors []int) {
	spend()
	defer save()
	limit := time.NewTimer(killLimit)
	defer limit.Stop()
	for round := 0; ; round++ {
		if mutant.Is(mutant.NoTreeKill) {
			unix.Kill(c.PID(), unix.SIGKILL)
			return nil
		}
		unix.Kill(-c.PID(), unix.SIGKILL)
		var alive []member
		for _, m := range c.members() {
			switch {
			case !m.dead():
				alive = append(alive, m)
			case m.pid != c.PID() && m.ppid == os.Getpid():
				unix.Wait4(m.pid, nil, unix.WNOHANG, nil)
			}
		}
		if len(alive) == 0 {
			return nil
		}
		if round > 0 {
			alive = c.freeze(limit.C)
		}
		pids := make([]int, 0, len(alive))
		for _, m := range alive {
			m.signal(syscall.SIGKILL)
			pids = append(pids, m.pid)
		}
		select {
		case <-anyDead(pids):
		case <-limit.C:
			return pids
		}
	}
}

// freezeLooks bounds the looks of a freeze: an ordinary tree stands still after two.
const freezeLooks = 200

// freeze stops every process before any is killed: one that is stopped cannot fork, and keeps its place where
// the number of processes is limited, while one that is killed makes room for the next.
func (c *Child) freeze(limit <-chan time.Time) (alive []member) {
	for range freezeLooks {
		alive = nil
		moving := false
		for _, m := range c.members() {
			if m.dead() {
				continue
			}
			alive = append(alive, m)
			if m.state != 'T' {
				moving = true
				m.signal(syscall.SIGSTOP)
			}
		}
		select {
		case <-limit:
			return alive
		default:
		}
		if !moving {
			break
		}
	}
	return alive
}

// anyDead is closed when one of pids is dead, or after a moment when that cannot be
// watched. It watches 64 at most: it is called again until none is left.
func anyDead(pids []int) <-chan struct{} {
	ch := make(chan struct{})
	go func() {
		defer close(ch)
		var fds []unix.PollFd
		for _, pid := range pids[:min(len(pids), 64)] {
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				continue // dead already, or no pidfd: the poll below then ends by its limit
			}
			fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
		defer func() {
			for _, f := range fds {
				unix.Close(int(f.Fd))
			}
		}()
		if len(fds) < len(pids) && len(fds) < 64 {
			unix.Poll(fds, 5)
			return
		}
		unix.Poll(fds, 100)
	}()
	return ch
}

// oomKills is how often the kernel has ended a process of our cgroup for want of memory; 0 where it does not tell.
func oomKills() uint64 {
	path := oomFile()
	if path == "" {
		return 0
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ := strconv.ParseUint(strings.TrimSpace(v), 10, 64)
			return n
		}
	}
	return 0
}

// oomFile is memory.events of our own cgroup v2, or memory.oom_control of v1, "" without either. A container
// may see its own cgroup at the root of the mount.
var oomFile = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	var files []string
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(f) < 3:
		case f[0] == "0":
			files = append(files, "/sys/fs/cgroup"+f[2]+"/memory.events", "/sys/fs/cgroup/unified"+f[2]+"/memory.events")
		case f[1] == "memory":
			files = append(files, "/sys/fs/cgroup/memory"+f[2]+"/memory.oom_control", "/sys/fs/cgroup/memory/memory.oom_control")
		}
	}
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil && strings.Contains(string(b), "oom_kill ") {
			return file
		}
	}
	return ""
})
