package proc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"botctl/supervisor/mutant"
)

// Guardian keeps a second process beside the supervisor that ends the bot's tree when the supervisor is
// killed: what the parent-death signal and the leash do not reach, because it left the
// group of the bot. It holds the reading end of a pipe whose other end only the supervisor has, so
// that the kernel tells it.
type Guardian struct {
	argv []string
	env  []string

	up    chan struct{} // closed when the first one has been started, or none will be
	first sync.Once

	mu   sync.Mutex
	pipe *os.File // nil while there is none
	news []string // what a guardian must know: the mark, then the living leader
}

// NewGuardian prepares one. argv makes this executable call BeGuardian; mark is the entry of the
// environment, "NAME=value", by which the run's processes are recognised.
func NewGuardian(argv []string, mark string) *Guardian {
	return &Guardian{argv: argv, news: []string{"mark " + mark}, env: []string{"GOMAXPROCS=1"}, up: make(chan struct{})}
}

// Up is closed when the first guardian has been started, or Keep has found that there will be none.
func (g *Guardian) Up() <-chan struct{} { return g.up }

func (g *Guardian) isUp() { g.first.Do(func() { close(g.up) }) }

// guardianPause is the rest before a guardian that died is replaced: at once, but not in a hot loop.
const guardianPause = 10 * time.Millisecond

// Keep starts a guardian, and another one when it dies, until ctx ends. The error of a start is reported to
// warn, once. As PID 1 there is none: the kernel ends everything in the namespace with us.
func (g *Guardian) Keep(ctx context.Context, warn func(error)) {
	defer g.isUp()
	if os.Getpid() == 1 || mutant.Is(mutant.NoGuardian) {
		return
	}
	pause := time.NewTicker(guardianPause)
	defer pause.Stop()
	for ctx.Err() == nil {
		p, err := g.start()
		g.isUp()
		if err != nil && warn != nil {
			warn(err)
			warn = nil
		}
		if err == nil {
			g.attend(ctx, p)
		}
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

// attend waits for the end of p, or of ctx: then the tree is gone, and nothing is left to guard.
func (g *Guardian) attend(ctx context.Context, p *os.Process) {
	end := context.AfterFunc(ctx, func() { p.Kill() })
	waitDead(p)
	end()
	g.drop()
	p.Wait()
	forget(p.Pid)
}

func (g *Guardian) start() (*os.Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	defer null.Close()
	// What it must know lies in the pipe before it lives: from the fork on, whatever becomes of us, it does its work.
	g.mu.Lock()
	g.pipe = w
	for _, line := range g.news {
		io.WriteString(w, line+"\n")
	}
	g.mu.Unlock()
	// A session of its own keeps it out of reach of the terminal and of signals to our group. Its
	// environment has no token and no mark.
	p, err := startProcess(SelfPath(), g.argv, &os.ProcAttr{
		Dir: "/", Env: g.env, Files: []*os.File{r, null, os.Stderr}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		g.drop()
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	return p, nil
}

func (g *Guardian) drop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pipe.Close()
	g.pipe = nil
}

// Watch tells the guardian of a child that lives. The latest one counts.
func (g *Guardian) Watch(c *Child) {
	m, err := readStat(c.PID())
	if err != nil {
		return
	}
	line := fmt.Sprintf("leader %d %d", m.pid, m.start)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.news = append(g.news[:1], line)
	if g.pipe != nil {
		io.WriteString(g.pipe, line+"\n")
	}
}

// SelfPath is the running executable, even when its file has been replaced or deleted.
func SelfPath() string { return "/proc/self/exe" }

// BeGuardian is the guardian's whole life: it reads what the supervisor tells on stdin until that ends, then ends
// the tree and says so on w. False: stdin is no pipe, so nobody's supervisor started this process.
func BeGuardian(w io.Writer) bool {
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return false
	}
	// A service manager may signal everything of a unit; the end of the pipe is what counts.
	ignoreSignal(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	var o orphanage
	for sc := bufio.NewScanner(os.Stdin); sc.Scan(); {
		o.learn(sc.Text())
	}
	if n := o.clear(); n > 0 {
		fmt.Fprintf(w, "botctl: the supervisor was killed; ended what it left of the bot: %d processes\n", n)
	}
	return true
}

// orphanage is what a guardian knows of the tree.
type orphanage struct {
	mark   string
	leader member
	group  int // pidfd of the leader, which names its group for good; 0 without one
}

func (o *orphanage) learn(line string) {
	f := strings.Fields(line)
	switch {
	case len(f) == 2 && f[0] == "mark":
		o.mark = f[1]
	case len(f) == 3 && f[0] == "leader":
		if o.group > 0 {
			unix.Close(o.group)
		}
		o.leader, o.group = member{}, 0
		o.leader.pid, _ = strconv.Atoi(f[1])
		o.leader.start, _ = strconv.ParseUint(f[2], 10, 64)
		if fd, err := unix.PidfdOpen(o.leader.pid, 0); err == nil {
			o.group = fd
		}
	}
}

// A process in the middle of an execve shows no environment for an instant, so the tree is gone only after
// several looks in a row that found nothing.
const (
	cleanLooks = 4
	lookPause  = 10 * time.Millisecond
	clearLimit = 30 * time.Second
)

// clear kills the leader's group and everything with the mark, until none is left, and counts them.
func (o *orphanage) clear() int {
	ended := map[member]bool{}
	limit := time.NewTimer(clearLimit)
	defer limit.Stop()
	for clean := 0; clean < cleanLooks; clean++ {
		o.killGroup()
		for _, m := range o.marked() {
			clean = 0
			m.signal(syscall.SIGKILL)
			m.state, m.ppid = 0, 0 // the same one, whatever has become of it
			ended[m] = true
		}
		pause := time.NewTimer(lookPause)
		select {
		case <-pause.C:
		case <-limit.C:
			return len(ended)
		}
	}
	return len(ended)
}

// pidfdSignalProcessGroup is PIDFD_SIGNAL_PROCESS_GROUP of linux/pidfd.h, since Linux 6.9.
const pidfdSignalProcessGroup = 1 << 2

// killGroup reaches the group by the handle of its leader. Where the kernel cannot, by
// number, as long as the leader itself is there to vouch for it.
func (o *orphanage) killGroup() {
	if o.group > 0 && unix.PidfdSendSignal(o.group, unix.SIGKILL, nil, pidfdSignalProcessGroup) == nil {
		return
	}
	if now, err := readStat(o.leader.pid); err == nil && now.start == o.leader.start && now.pgid == now.pid {
		unix.Kill(-o.leader.pid, unix.SIGKILL)
	}
}

// marked lists the living processes with the run's mark in their environment.
func (o *orphanage) marked() []member {
	if o.mark == "" {
		return nil
	}
	dir, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var list []member
	for _, e := range dir {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		// The start time comes first, so that a pid that is given away meanwhile is never signalled.
		if m, err := readStat(pid); err == nil && !m.dead() && hasMark(pid, o.mark) {
			list = append(list, m)
		}
	}
	return list
}

func hasMark(pid int, mark string) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && slices.Contains(strings.Split(string(env), "\x00"), mark)
}
