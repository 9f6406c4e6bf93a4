package proc

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"botctl/supervisor/mutant"
)

// Child is a started process with its whole tree. Its methods may be used concurrently.
type Child struct {
	spec      Spec
	proc      *os.Process
	started   time.Time
	exited    chan struct{}
	done      chan struct{}
	stop      chan time.Duration // the grace of the first Stop
	kill      chan struct{}
	stopped   sync.Once
	killed    sync.Once
	leash     *os.File // closed by our end, it kills the group; nil where there is no such thing
	leashMu   sync.Mutex
	leashes   []*os.File   // of the groups that Tighten found
	leashed   map[int]bool // those groups
	unleashed bool         // the tree is gone
	kinMu     sync.Mutex
	kin       map[int]uint64 // start times of processes that were seen in the tree
	oomSeen   uint64         // kills that the kernel had counted at the start
	exit      Exit           // set before done is closed
}

// drainLimit is how long output may still come after the tree is gone: a stranger that
// inherited a pipe must not hide the end of the bot (P5).
const drainLimit = time.Second

// Start starts spec. Its errors are *StartError.
//
// Two goroutines copy the pipes and end with them, one waits for the end of the
// tree; all are done when Done is closed.
func Start(spec Spec) (*Child, error) {
	path, err := find(spec)
	if err != nil {
		return nil, err
	}
	c := &Child{
		spec:    spec,
		exited:  make(chan struct{}),
		done:    make(chan struct{}),
		stop:    make(chan time.Duration, 1),
		kill:    make(chan struct{}),
		oomSeen: oomKills(),
	}
	pipes, err := c.spawn(path)
	if err != nil {
		return nil, err
	}
	go c.watch(pipes)
	return c, nil
}

// spawn starts the process and returns the reading ends of its pipes.
func (c *Child) spawn(path string) (pipes []*os.File, err error) {
	files := make([]*os.File, 0, 3+len(c.spec.Extra))
	var ours []*os.File // the child's ends, closed here once it has them
	defer func() {
		closeAll(ours)
		if err != nil {
			closeAll(pipes)
		}
	}()
	stdin := os.Stdin
	if !c.spec.Interactive {
		if stdin, err = os.Open(os.DevNull); err != nil {
			return nil, &StartError{Kind: Transient, Path: path, Err: bare(err)}
		}
		ours = append(ours, stdin)
	}
	files = append(files, stdin)
	for range 2 {
		r, w, perr := os.Pipe()
		if perr != nil {
			return pipes, &StartError{Kind: Transient, Path: path, Err: bare(perr)}
		}
		pipes, ours, files = append(pipes, r), append(ours, w), append(files, w)
	}
	files = append(files, c.spec.Extra...)
	theirs, leash, err := newLeash()
	if err != nil {
		return pipes, &StartError{Kind: Transient, Path: path, Err: bare(err)}
	}
	if theirs != nil {
		ours, files = append(ours, theirs), append(files, theirs)
	}
	attr := &os.ProcAttr{Dir: c.spec.Dir, Env: c.spec.Env, Files: files, Sys: attributes(c.spec)}
	c.proc, err = startProcess(path, c.spec.Argv, attr)
	c.started = time.Now()
	if err != nil {
		leash.Close()
		return pipes, classify(path, err)
	}
	if theirs != nil {
		tie(theirs, c.PID())
		c.tieLeader()
	}
	c.leash = leash
	return pipes, nil
}

// PID is the leader's process id, which is its group's as well.
func (c *Child) PID() int { return c.proc.Pid }

// Started is when it was started.
func (c *Child) Started() time.Time { return c.started }

// Exited is closed when the leader is dead.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Done is closed when nothing of the tree is left and its output has been passed on.
func (c *Child) Done() <-chan struct{} { return c.done }

// Exit says how it ended. It may be called once Done is closed.
func (c *Child) Exit() Exit { return c.exit }

// Stop asks the tree to end: SIGTERM and SIGCONT to all of it, SIGKILL to what is left
// after grace. It does not wait, and only the first call counts.
func (c *Child) Stop(grace time.Duration) { c.stopped.Do(func() { c.stop <- grace }) }

// Kill ends the tree at once, after a Stop as well as without one.
func (c *Child) Kill() { c.killed.Do(func() { close(c.kill) }) }

// Tree lists the processes of the tree that are alive, the leader first.
func (c *Child) Tree() []int {
	var pids []int
	for _, m := range c.members() {
		if !m.dead() {
			pids = append(pids, m.pid)
		}
	}
	return pids
}

// Owns says whether pid belongs to the tree.
func (c *Child) Owns(pid int) bool {
	return mutant.Is(mutant.AnyHeartbeat) || c.owns(pid)
}

// State is the kernel's letter for the leader's state, 'T' when it is stopped; 0 when
// it is gone or the system does not tell.
func (c *Child) State() byte { return stateOf(c.PID()) }

// watch waits for the end and sees to it that it is one of the whole tree. The leader
// stays unreaped until then, so that its group id cannot be given to strangers.
func (c *Child) watch(pipes []*os.File) {
	var relays sync.WaitGroup
	relays.Go(func() { relay(c.spec.Stdout, pipes[0]) })
	relays.Go(func() { relay(c.spec.Stderr, pipes[1]) })
	go func() {
		waitDead(c.proc)
		close(c.exited)
	}()

	select {
	case <-c.exited:
	case grace := <-c.stop:
		c.wind(grace)
	case <-c.kill:
	}
	c.exit.Uptime = time.Since(c.started)
	c.exit.Survivors = c.killAll()
	if len(c.exit.Survivors) == 0 || !slices.Contains(c.exit.Survivors, c.PID()) {
		<-c.exited
		c.reap()
	}
	c.leash.Close()
	c.unleash()
	drained := make(chan struct{})
	go func() {
		relays.Wait()
		close(drained)
	}()
	limit := time.NewTimer(drainLimit)
	defer limit.Stop()
	late := limit.C
	if mutant.Is(mutant.NoDrainLimit) {
		late = nil
	}
	select {
	case <-drained:
	case <-late:
	}
	closeAll(pipes) // ends the relays
	<-drained
	close(c.done)
}

// wind lets the tree end by itself within grace. When the leader has gone first, the others
// keep the rest of the time (P3).
func (c *Child) wind(grace time.Duration) {
	c.terminate()
	limit := time.NewTimer(grace)
	defer limit.Stop()
	select {
	case <-c.exited:
	case <-limit.C:
		return
	case <-c.kill:
		return
	}
	for {
		rest := c.rest()
		if len(rest) == 0 {
			return
		}
		select {
		case <-anyDead(rest):
		case <-limit.C:
			return
		case <-c.kill:
			return
		}
	}
}

// rest lists what lives of the tree besides the leader.
func (c *Child) rest() []int {
	return slices.DeleteFunc(c.Tree(), func(pid int) bool { return pid == c.PID() })
}

// reap takes the leader's status.
func (c *Child) reap() {
	state, err := c.proc.Wait()
	forget(c.proc.Pid)
	if err != nil {
		c.exit.Code = -1
		return
	}
	fillExit(&c.exit, state)
	c.exit.OOMKilled = c.exit.Signal == sigKill && oomKills() > c.oomSeen
}

// chunks of relays that have ended are taken by those of the next child.
var chunks = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// relay copies one pipe in chunks, so that a line may have any length (P32).
func relay(dst io.Writer, src *os.File) {
	chunk := chunks.Get().(*[64 << 10]byte)
	defer chunks.Put(chunk)
	buf := chunk[:]
	for {
		n, err := src.Read(buf)
		if n > 0 {
			dst.Write(buf[:n])
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
