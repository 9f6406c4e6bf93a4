package proc

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// guarded starts a supervisor with a guardian around a helper, and returns its tree.
func guarded(t *testing.T, args ...string) (sup *Child, tree []int) {
	t.Helper()
	sup, out := start(t, append([]string{"supervise-guarded"}, args...)...)
	text := out.await(t, "\n", 1)
	for f := range strings.FieldsSeq(strings.TrimPrefix(text, "tree")) {
		pid := 0
		fmt.Sscan(f, &pid)
		tree = append(tree, pid)
	}
	if len(tree) == 0 {
		t.Fatal(text)
	}
	return sup, tree
}

// orphaned waits until everything of tree is gone although its supervisor was killed. The supervisor's own
// tree is ended by this test's proc only after that.
func orphaned(t *testing.T, tree []int) {
	t.Helper()
	for _, pid := range tree {
		until(t, fmt.Sprintf("pid %d is dead", pid), func() bool { return gone(pid) })
	}
}

func TestP7TheGuardianEndsWhatLeftTheGroup(t *testing.T) {
	outsideOurTree(t, "daemon")
}

func TestP7AKilledGuardianIsReplaced(t *testing.T) {
	outsideOurTree(t, "daemon", func(sup int) {
		first := guardianOf(sup)
		unix.Kill(first, unix.SIGKILL)
		until(t, "there is another guardian", func() bool { g := guardianOf(sup); return g != 0 && g != first })
	})
}

func TestP7AGuardianIsNoTargetOfSignals(t *testing.T) {
	outsideOurTree(t, "daemon", func(sup int) {
		g := guardianOf(sup)
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
			unix.Kill(g, sig)
		}
		if guardianOf(sup) != g {
			t.Error("the guardian ended")
		}
	})
}

// outsideOurTree kills a guarded supervisor that is no descendant of a subreaper of this test, so that nothing
// but its guardian can end what it leaves.
func outsideOurTree(t *testing.T, helper string, before ...func(sup int)) {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(os.Args[0], "supervise-guarded", helper)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	own.mu.Lock()
	own.pids[cmd.Process.Pid] = true
	own.mu.Unlock()
	defer forget(cmd.Process.Pid)
	var text string
	until(t, "the tree is known", func() bool {
		b, _ := os.ReadFile(out)
		text = string(b)
		return strings.HasSuffix(text, "\n")
	})
	var tree []int
	for word := range strings.FieldsSeq(strings.TrimPrefix(text, "tree")) {
		pid := 0
		fmt.Sscan(word, &pid)
		tree = append(tree, pid)
	}
	if len(tree) < 2 {
		t.Fatalf("tree %q", text)
	}
	for _, f := range before {
		f(cmd.Process.Pid)
	}
	guardian := guardianOf(cmd.Process.Pid)
	cmd.Process.Kill()
	cmd.Wait()
	orphaned(t, tree)
	// It looks a while longer, as a child of this process by then, and would be one of the next test's tree.
	until(t, "the guardian is gone", func() bool { return guardian == 0 || gone(guardian) })
}

// The guardian dies with the supervisor: the kernel itself ends the group.
func TestP7TheLeashEndsTheGroup(t *testing.T) {
	outsideOurTree(t, "leader-goes", func(sup int) {
		unix.Kill(sup, unix.SIGSTOP) // so that no other guardian comes
		unix.Kill(guardianOf(sup), unix.SIGKILL)
	})
}

// The child alone had the reading end of its leash, and dies first, as by the parent-death signal of a supervisor that is being
// killed.
func TestP7TheLeashOutlivesTheChild(t *testing.T) {
	outsideOurTree(t, "keeps-to-itself", func(sup int) {
		unix.Kill(sup, unix.SIGSTOP)
		for _, pid := range childrenOf(sup) { // the guardian is one of them
			unix.Kill(pid, unix.SIGKILL)
			until(t, "it is dead", func() bool { return gone(pid) })
		}
	})
}

// The same for groups that were made in the tree: setsid, double fork.
func TestP7TheLeashEndsOtherGroups(t *testing.T) {
	for range 5 {
		outsideOurTree(t, "daemon", func(sup int) {
			unix.Kill(sup, unix.SIGSTOP)
			unix.Kill(guardianOf(sup), unix.SIGKILL)
		})
	}
}

// The look of each second asks two threads of ours for our children; one that is missed would not be tied.
func TestP4AShortLookSeesOrphansToo(t *testing.T) {
	c, out := start(t, "daemon")
	out.await(t, "ready", 1)
	until(t, "the middle process is gone", func() bool { return len(c.Tree()) == 2 })
	alive := func(list []member) (pids []int) {
		for _, m := range list {
			if !m.dead() { // what earlier tests have left is not reaped here
				pids = append(pids, m.pid)
			}
		}
		return pids
	}
	if short, tree := alive(c.look(true)), c.Tree(); !slices.Equal(short, tree) {
		t.Errorf("%v, want %v", short, tree)
	}
}

func TestP16WhatWeInheritedIsNotTheBots(t *testing.T) {
	out, err := exec.Command("sh", "-c", `sleep 1000 >/dev/null 2>&1 & echo $!; exec "$0" heir`, os.Args[0]).Output()
	if err != nil {
		t.Fatal(err)
	}
	var innocent, ended int
	if _, err := fmt.Sscanf(string(out), "%d\nended %d\n", &innocent, &ended); err != nil || ended < 2 {
		t.Fatalf("%q: %v", out, err)
	}
	if gone(innocent) {
		t.Error("a process that was there before us was ended with the bot")
	}
	unix.Kill(innocent, unix.SIGKILL)
}

func TestP37NoDescriptorsLeft(t *testing.T) {
	c, out := start(t, "starved")
	if e := ended(t, c); e.Code != 0 {
		t.Fatal(e)
	}
	if got := out.String(); got != "start true\ngone true\n" {
		t.Errorf("%q, want a transient failure of the start, and the whole tree gone", got)
	}
}

func TestP41ChildOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: only root may change the user of a process")
	}
	outsideOurTreeOfOne(t, "new-user")
}

func outsideOurTreeOfOne(t *testing.T, helper string) {
	t.Helper()
	sup, tree := guarded(t, helper)
	unix.Kill(sup.PID(), unix.SIGSTOP)
	unix.Kill(guardianOf(sup.PID()), unix.SIGKILL)
	unix.Kill(sup.PID(), unix.SIGKILL)
	orphaned(t, tree)
}

func TestP17NamesThatLookLikeFields(t *testing.T) {
	c, out := start(t, "odd-name")
	out.await(t, "ready", 1)
	odd := 0
	for _, pid := range childrenOf(c.PID()) {
		odd = pid
	}
	if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", odd)); string(b) != ") Z 1 1 1\n" {
		t.Fatalf("name %q", b)
	}
	c.Stop(0)
	ended(t, c)
	if !gone2(odd) {
		t.Error("it lives")
		unix.Kill(odd, unix.SIGKILL)
	}
}

// BenchmarkTree is a look at the tree of one process, which a supervisor takes each second and at each end.
func BenchmarkTree(b *testing.B) {
	s := spec()
	s.Argv, s.Stdout, s.Stderr = []string{"sleep", "infinity"}, io.Discard, io.Discard
	c, err := Start(s)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		c.Kill()
		<-c.Done()
	}()
	b.ReportAllocs()
	for b.Loop() {
		c.Tree()
	}
}
