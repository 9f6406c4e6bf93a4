//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// shapes are the ways in which owners start a bot. Each ends in one poller.
var shapes = map[string][]string{
	"direct":  {"./" + pollerName},
	"shell":   {"sh", "-c", "./poller; true"},
	"wrapper": {"sh", "-c", "./poller & wait"},
	"setsid":  {"sh", "-c", "setsid ./poller & wait"},
	"daemon":  {"sh", "-c", "(setsid sh -c './poller & wait' &) ; sleep 1000"},
	"npm":     {"npm", "start"},
}

// census counts the pollers of a folder until it is closed, and remembers whether there ever were two.
type census struct {
	dir  string
	most atomic.Int32
	stop chan struct{}
	done chan struct{}
}

func newCensus(dir string) *census {
	c := &census{dir: dir, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-c.stop:
				return
			case <-tick.C:
				c.most.Store(max(c.most.Load(), int32(len(c.pollers()))))
			}
		}
	}()
	return c
}

// pollers lists the living pollers of the folder.
func (c *census) pollers() (pids []int) {
	dir, _ := os.ReadDir("/proc")
	for _, e := range dir {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil || !strings.HasPrefix(string(b), "./"+pollerName+"\x00") {
			continue
		}
		if cwd, _ := os.Readlink("/proc/" + e.Name() + "/cwd"); cwd == c.dir {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (c *census) close() {
	close(c.stop)
	<-c.done
}

// guardianOf waits for the guardian among the children of pid, 0 when pid has gone meanwhile.
func guardianOf(pid int) int {
	for {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/task", pid)); err != nil {
			return 0
		}
		var list []byte
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		for _, t := range tasks {
			b, _ := os.ReadFile(t)
			list = append(list, b...)
		}
		for f := range bytes.FieldsSeq(list) {
			if line, _ := os.ReadFile("/proc/" + string(f) + "/cmdline"); strings.HasSuffix(string(line), "\x00"+guardianVerb+"\x00") {
				n, _ := strconv.Atoi(string(f))
				return n
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// orphanLimit is how long a bot may outlive its supervisor.
const orphanLimit = 3 * time.Second

// P7: kill -9 of the supervisor, its guardian, or both, at random moments of its life: never two bots, no
// orphan that polls on, and the next run starts clean. BOTCTL_KILL_SEED repeats a run.
func TestP7KilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	moments, seed := 100, uint64(time.Now().UnixNano())
	if os.Getenv("BOTCTL_TEST_FULL") != "" {
		moments = 1000
	}
	if v, err := strconv.ParseUint(os.Getenv("BOTCTL_KILL_SEED"), 10, 64); err == nil {
		seed = v
	}
	const workers = 4
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { killing(t, moments/workers, seed, uint64(w)) })
	}
	wg.Wait()
	if t.Failed() {
		t.Logf("BOTCTL_KILL_SEED=%d repeats it", seed)
	}
}

func killing(t *testing.T, moments int, seed, worker uint64) {
	rnd := rand.New(rand.NewPCG(seed, worker))
	p := newProject(t)
	self, _ := os.Executable()
	if err := os.Link(self, filepath.Join(p.dir, pollerName)); err != nil {
		t.Fatal(err)
	}
	p.write("package.json", `{"name":"bot","scripts":{"start":"./poller"}}`)
	seen := newCensus(p.dir)
	defer seen.close()
	names := []string{"direct", "shell", "wrapper", "setsid", "daemon"}
	for i := range moments {
		shape := names[rnd.IntN(len(names))]
		if i%25 == 7 {
			shape = "npm"
		}
		moment := []string{"starting", "running", "restarting", "stopping", "sweeping"}[rnd.IntN(5)]
		victim := []string{"supervisor", "supervisor", "guardian first", "both"}[rnd.IntN(4)]
		wait := time.Duration(rnd.IntN(80)) * time.Millisecond
		what := fmt.Sprintf("moment %d of worker %d: %s, %s + %v, %s", i, worker, shape, moment, wait, victim)

		var rival *program
		if moment == "sweeping" {
			rival = p.start(p.env(), "./"+pollerName)
		}
		run := p.botctl(append([]string{"run", "--quiet", "--rival", pollerName, "--"}, shapes[shape]...)...)
		if moment != "starting" && moment != "sweeping" {
			until(t, patient, what+": a poller lives", func() bool { return len(seen.pollers()) > 0 || run.ended() })
		}
		switch moment {
		case "restarting":
			run.cmd.Process.Signal(syscall.SIGHUP)
		case "stopping":
			run.cmd.Process.Signal(syscall.SIGTERM)
		}
		// What left the group a moment ago is known to the guardian alone. When that is killed in the same instant, only
		// the kernel's leashes are left, which are looked after once a second: then the next run ends it. A guardian that
		// is killed first is replaced before the supervisor dies only where the run is settled.
		together := victim == "both" || victim == "guardian first" && moment != "running"
		young := together && (shape == "setsid" || shape == "daemon")
		// The bot's own group is tied when its program has been executed, a tenth of a millisecond later; what a shell starts before that
		// is known to the guardian alone, too.
		young = young || together && shape != "direct" && moment != "running" && moment != "stopping"
		if young && moment == "running" {
			wait += 2500 * time.Millisecond
			young = false
		}
		time.Sleep(wait)
		kill9(run.cmd.Process.Pid, victim, moment == "running")
		<-run.done
		if rival != nil && !rival.ended() {
			rival.cmd.Process.Kill() // not the bot: whoever started it has to end it
			<-rival.done
		}
		died := time.Now()
		if rnd.IntN(2) == 0 && !young { // nobody comes to help
			until(t, orphanLimit, what+": no orphan polls", func() bool { return len(seen.pollers()) == 0 })
		}
		if t.Failed() {
			return
		}
		next := p.botctl("run", "--quiet", "--", "./"+pollerName)
		until(t, patient, what+": the next run has a bot", func() bool {
			st := p.status()
			return st.SupervisorPID == next.cmd.Process.Pid && st.Child != nil && len(seen.pollers()) == 1
		})
		next.cmd.Process.Signal(syscall.SIGTERM)
		next.exits(0)
		if left := seen.pollers(); len(left) > 0 {
			t.Errorf("%s: pollers %v are left %v after it", what, left, time.Since(died))
		}
		if n := seen.most.Load(); n > 1 {
			t.Errorf("%s: %d pollers at once", what, n)
		}
		if t.Failed() {
			t.Logf("the killed one said:\n%s%s\nthe next one said:\n%s%s", run.stdout, run.stderr, next.stdout, next.stderr)
			return
		}
	}
	if v := p.verdict(); v.Overlaps != 0 || v.ConflictsLive != 0 {
		t.Errorf("verdict %+v", v)
	}
}

// kill9 kills by SIGKILL what victim names. A guardian that is killed first and alone is replaced.
func kill9(pid int, victim string, settled bool) {
	g := guardianOf(pid)
	if g == 0 {
		victim = "" // it has just ended by itself
	}
	switch victim {
	case "guardian first":
		syscall.Kill(g, syscall.SIGKILL)
		if settled {
			for guardianOf(pid) == g {
				time.Sleep(time.Millisecond)
			}
		}
	case "both":
		syscall.Kill(g, syscall.SIGKILL)
	}
	syscall.Kill(pid, syscall.SIGKILL)
}
