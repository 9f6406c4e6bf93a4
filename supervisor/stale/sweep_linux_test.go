package stale

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"botctl/supervisor/token"
)

// The tests that end processes run again inside a PID namespace of their own.
const insideEnv = "BOTCTL_TEST_INSIDE"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[0] == "zombie-parent" {
		// leaves a zombie that nobody reaps
		c := exec.Command("true")
		c.Start()
		fmt.Println("ready")
		select {}
	}
	if os.Getenv("BOTCTL_TEST_ACTOR") != "" {
		if os.Getenv("BOTCTL_TEST_ACTOR") == "stubborn" {
			signal.Ignore(syscall.SIGTERM)
		}
		fmt.Println("ready")
		select {}
	}
	os.Exit(m.Run())
}

// inside runs the calling test again in a PID namespace; true in that second run.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		return true
	}
	args := []string{"-pf", "--mount-proc", "--kill-child", os.Args[0], "-test.run", "^" + t.Name() + "$", "-test.v"}
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), insideEnv+"=root")
	if os.Getuid() != 0 { // the namespace of users knows one user alone
		cmd = exec.Command("unshare", append([]string{"-Ur"}, args...)...)
		cmd.Env = append(os.Environ(), insideEnv+"=user")
	}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "Operation not permitted") && os.Getenv("CI") == "" {
		t.Skip("no PID namespace to be had here: ", string(out))
	}
	if err != nil {
		t.Errorf("inside the namespace: %v\n%s", err, out)
	}
	return false
}

// troupe are the actors of one test.
type troupe struct {
	t   *testing.T
	dir string // the project
}

// actor is a process under another name.
type actor struct {
	argv []string
	env  []string
	dir  string
	uid  int
	exe  string // default: the test binary
}

func (tr *troupe) play(a actor) int {
	tr.t.Helper()
	if a.dir == "" {
		a.dir = tr.dir
	}
	exe := a.exe
	if exe == "" {
		exe = "/proc/self/exe"
	}
	cmd := &exec.Cmd{Path: exe, Args: a.argv, Dir: a.dir, Env: append([]string{"BOTCTL_TEST_ACTOR=idle", "GORACE=atexit_sleep_ms=0"}, a.env...)}
	if a.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.uid)}}
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tr.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tr.t.Fatal(a.argv, err)
	}
	if n, err := out.Read(make([]byte, 10)); n == 0 {
		tr.t.Fatal(a.argv, "is not ready", err)
	}
	go cmd.Wait()
	return cmd.Process.Pid
}

func lives(pid int) bool {
	_, alive := startTicks(pid)
	return alive
}

func (tr *troupe) target() Target {
	return Target{Token: ourToken, Dir: tr.dir, Command: []string{"python", "bot.py"}, Keys: []string{"b-1"}}
}

func newTroupe(t *testing.T) *troupe {
	t.Helper()
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	os.Chmod(filepath.Dir(dir), 0o755)
	return &troupe{t: t, dir: dir}
}

func sweep(t *testing.T, f *Finder, target Target, o Options) Report {
	t.Helper()
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	r, err := f.Sweep(context.Background(), target, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newFinder() *Finder { return NewFinder(token.NewMasker(ourToken)) }

func TestP16RivalsGoAndBystandersStay(t *testing.T) {
	if !inside(t) {
		return
	}
	tr := newTroupe(t)
	ours := []string{"BOT_TOKEN=" + ourToken}
	elsewhere := t.TempDir()
	spaced := filepath.Join(tr.dir, "a) R (b")
	os.Symlink("/proc/self/exe", spaced)
	copied := filepath.Join(tr.dir, "python3")
	binary, _ := os.ReadFile("/proc/self/exe")
	os.WriteFile(copied, binary, 0o755)
	deleted := tr.play(actor{argv: []string{"python3", "bot.py"}, env: ours, exe: copied})
	os.Remove(copied)

	rivals := map[string]int{
		"bot.py with the token":   tr.play(actor{argv: []string{"python", "-u", "bot.py"}, env: ours}),
		"bot.py in the folder":    tr.play(actor{argv: []string{"python3.11", "bot.py"}}),
		"api_server":              tr.play(actor{argv: []string{"uvicorn", "api_server:app", "--port", "8000"}, env: ours}),
		"api_server under python": tr.play(actor{argv: []string{"/venv/bin/python3", "/venv/bin/uvicorn", "api_server:app"}}),
		"stubborn":                tr.play(actor{argv: []string{"python", "bot.py"}, env: append(ours, "BOTCTL_TEST_ACTOR=stubborn")}),
		"stopped":                 tr.play(actor{argv: []string{"python", "bot.py"}, env: ours}),
		"left over":               tr.play(actor{argv: []string{"whatever"}, dir: elsewhere, env: []string{EnvRunID + "=b-1+d-9.77", EnvSupervisor + "=999999:1"}}),
		"absolute path":           tr.play(actor{argv: []string{"python", filepath.Join(tr.dir, "bot.py")}, dir: "/", env: ours}),
		"deleted executable":      deleted,
		"wrapper":                 tr.play(actor{argv: []string{"uv", "run", "python", "bot.py"}, env: ours}),
	}
	unix.Kill(rivals["stopped"], unix.SIGSTOP)
	alive := fmt.Sprintf("%d:%d", os.Getpid(), StartTicks())
	bystanders := map[string]int{
		"editor with the token":    tr.play(actor{argv: []string{"vim", "bot.py"}, env: ours}),
		"grep":                     tr.play(actor{argv: []string{"grep", "-r", "bot.py", "."}}),
		"tail":                     tr.play(actor{argv: []string{"tail", "-f", "bot.log"}}),
		"shell with the token":     tr.play(actor{argv: []string{"bash"}, env: ours}),
		"shell with the text":      tr.play(actor{argv: []string{"bash", "-c", "echo python bot.py; sleep 1"}, env: ours}),
		"psql with the token":      tr.play(actor{argv: []string{"psql"}, env: ours}),
		"pytest of the bot":        tr.play(actor{argv: []string{"python", "-m", "pytest", "bot.py"}, env: ours}),
		"language server":          tr.play(actor{argv: []string{"node", "/x/pyright-langserver.js", "--stdio"}, env: ours}),
		"ssh with the text":        tr.play(actor{argv: []string{"ssh", "host", "python", "bot.py"}, env: ours}),
		"another bot here":         tr.play(actor{argv: []string{"python", "bot.py"}, env: []string{"BOT_TOKEN=" + otherToken}}),
		"another project's bot":    tr.play(actor{argv: []string{"python", "bot.py"}, dir: elsewhere}),
		"app that never polls":     tr.play(actor{argv: []string{"uvicorn", "web:app"}, env: ours}),
		"bot.py as an argument":    tr.play(actor{argv: []string{"python", "other.py", "bot.py"}}),
		"name with parentheses":    tr.play(actor{argv: []string{"a) R (b", "bot.py"}, exe: spaced, env: ours}),
		"other arguments":          tr.play(actor{argv: []string{"python", "bot.py", "--env", "staging"}}),
		"of a living botctl":       tr.play(actor{argv: []string{"python", "bot.py"}, env: append(ours, EnvRunID+"=b-1.5", EnvSupervisor+"="+alive)}),
		"left over of another bot": tr.play(actor{argv: []string{"whatever"}, env: []string{EnvRunID + "=b-2.77", EnvSupervisor + "=999999:1"}}),
		"the parent of a zombie":   tr.play(actor{argv: []string{"zombie-parent", "x"}, env: ours}),
		"our living child":         tr.play(actor{argv: []string{"python", "bot.py"}, env: ours}),
	}
	listed := map[string]Verdict{"app that never polls": Suspect, "other arguments": Ambiguous}
	denied := 0
	if os.Getenv(insideEnv) == "root" {
		bystanders["another user's"] = tr.play(actor{argv: []string{"python", "bot.py"}, uid: 65534})
		listed["another user's"], denied = NotOurs, 1
	}
	target := tr.target()
	target.Keep = []int{bystanders["our living child"]}

	dry := sweep(t, newFinder(), target, Options{DryRun: true, Lineage: true})
	for name, pid := range rivals {
		if f := find(dry, pid); f == nil || f.Verdict != Rival || f.Outcome != WouldEnd {
			t.Errorf("dry run, %s: %+v", name, f)
		}
	}
	report := sweep(t, newFinder(), target, Options{Lineage: true, Grace: 300 * time.Millisecond})
	for name, pid := range rivals {
		if f := find(report, pid); f == nil || lives(pid) {
			t.Errorf("%s lives: %+v", name, f)
		}
	}
	for name, pid := range bystanders {
		if !lives(pid) {
			t.Errorf("%s was ended: %+v", name, find(report, pid))
		}
	}
	if f := find(report, rivals["stubborn"]); f == nil || f.Outcome != EndedByKill { // P20
		t.Errorf("stubborn: %+v, want it killed", f)
	}
	for name, want := range listed {
		if f := find(report, bystanders[name]); f == nil || f.Verdict != want || f.Outcome != NotTouched {
			t.Errorf("%s: %+v, want it listed as %s", name, f, want)
		}
	}
	if report.Ended() != len(rivals) || report.Denied() != denied {
		t.Errorf("ended %d of %d, denied %d", report.Ended(), len(rivals), report.Denied())
	}
	for _, f := range report.Findings {
		if strings.Contains(f.Command+f.Evidence, "AAHdq") {
			t.Errorf("the token shows: %+v", f)
		}
	}
}

func TestP20ARivalThatIgnoresSIGTERM(t *testing.T) {
	if !inside(t) {
		return
	}
	tr := newTroupe(t)
	rival := tr.play(actor{argv: []string{"python", "bot.py"}, env: []string{"BOTCTL_TEST_ACTOR=stubborn"}})
	report := sweep(t, newFinder(), tr.target(), Options{Grace: 100 * time.Millisecond})
	if f := find(report, rival); f == nil || f.Outcome != EndedByKill || lives(rival) || report.Survived() != 0 {
		t.Errorf("%+v, want it killed", f)
	}
}

func TestP18AZombieIsSkippedAndNamed(t *testing.T) {
	if !inside(t) {
		return
	}
	tr := newTroupe(t)
	script := filepath.Join(tr.dir, "neglect.py")
	os.WriteFile(script, []byte("import os, sys, time\npid = os.fork()\nif pid == 0:\n    os._exit(0)\nprint(pid, flush=True)\ntime.sleep(1000)\n"), 0o644)
	cmd := exec.Command("python3", "-u", script)
	cmd.Dir = tr.dir
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	dead := 0
	if _, err := fmt.Fscan(out, &dead); err != nil {
		t.Fatal(err)
	}
	for !zombie(dead) {
		time.Sleep(time.Millisecond)
	}
	if unix.Kill(dead, 0) != nil {
		t.Error("kill(0) does not reach a zombie here")
	}
	report := sweep(t, newFinder(), tr.target(), Options{Zombies: true, Lineage: true})
	f := find(report, dead)
	want := fmt.Sprintf("not reaped by its parent, pid %d ", cmd.Process.Pid)
	if f == nil || f.Verdict != Zombie || f.Outcome != NotTouched || !strings.Contains(f.Evidence, want) || report.Ended() != 0 {
		t.Errorf("%+v, want a zombie %q", report.Findings, want)
	}
	if r := sweep(t, newFinder(), tr.target(), Options{Lineage: true}); len(r.Findings) != 0 {
		t.Errorf("%+v: a run has no use for zombies", r.Findings)
	}
}

func find(r Report, pid int) *Finding {
	for i := range r.Findings {
		if r.Findings[i].PID == pid {
			return &r.Findings[i]
		}
	}
	return nil
}

func TestP15APidThatWasGivenToAStranger(t *testing.T) {
	if !inside(t) {
		return
	}
	tr := newTroupe(t)
	rival := tr.play(actor{argv: []string{"python", "bot.py"}})
	stranger := 0
	f := newFinder()
	f.hook = func() {
		unix.Kill(rival, unix.SIGKILL)
		for lives(rival) || zombie(rival) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond) // start times have ticks of 10 ms
		for range 1000 {
			os.WriteFile("/proc/sys/kernel/ns_last_pid", fmt.Append(nil, rival-1), 0)
			if stranger = tr.play(actor{argv: []string{"vim"}}); stranger == rival {
				return
			}
		}
	}
	report := sweep(t, f, tr.target(), Options{})
	if stranger != rival {
		t.Fatalf("pid %d was not given out again", rival)
	}
	if !lives(stranger) {
		t.Error("the stranger was ended")
	}
	if got := find(report, rival); got == nil || got.Outcome != IdentityChanged {
		t.Errorf("%+v, want identity_changed", got)
	}
}

func zombie(pid int) bool {
	s, ok := readStat(pid)
	return ok && s.state == 'Z'
}

func TestP21AnotherNamespaceIsNotOurs(t *testing.T) {
	if !inside(t) {
		return
	}
	tr := newTroupe(t)
	cmd := exec.Command("unshare", "-pf", "--kill-child", "/proc/self/exe", "x")
	cmd.Env = []string{"BOTCTL_TEST_ACTOR=idle", "BOT_TOKEN=" + ourToken}
	cmd.Dir = tr.dir
	cmd.Args = []string{"unshare", "-pf", "--kill-child", "bash", "-c", "exec -a python " + exePath() + " bot.py"}
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	if n, err := out.Read(make([]byte, 10)); n == 0 {
		t.Fatal(err)
	}
	if r := sweep(t, newFinder(), tr.target(), Options{}); len(r.Findings) != 0 {
		t.Errorf("%+v, want nothing: it lives in another PID namespace", r.Findings)
	}
}

func exePath() string {
	p, _ := os.Executable()
	return p
}

func TestAComebackNamesItsManager(t *testing.T) {
	if !inside(t) {
		return
	}
	tr := newTroupe(t)
	script := filepath.Join(tr.dir, "manager.sh")
	os.WriteFile(script, []byte("while true; do (exec -a python "+exePath()+" bot.py); done\n"), 0o755)
	cmd := exec.Command("bash", "-c", "exec -a supervisord bash "+script)
	cmd.Dir = tr.dir
	cmd.Env = []string{"BOTCTL_TEST_ACTOR=idle", "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	f := newFinder()
	for try := range 3 {
		if n, err := out.Read(make([]byte, 10)); n == 0 {
			t.Fatal(err)
		}
		r := sweep(t, f, tr.target(), Options{})
		if len(r.Findings) != 1 {
			t.Fatalf("%+v", r.Findings)
		}
		if got := r.Findings[0].RestartedBy; try > 0 && !strings.HasPrefix(got, "supervisord (pid ") {
			t.Errorf("comeback %d: restarted by %q, want supervisord", try, got)
		}
	}
}

// BenchmarkScan sweeps a host of 300 processes, twelve of which are scripts of other projects: they are looked at closely. The floor lists
// /proc and reads each command line.
func BenchmarkScan(b *testing.B) {
	child := idle(b, exec.Command("sleep", "infinity"))
	for range 287 {
		idle(b, exec.Command("sleep", "infinity"))
	}
	for range 12 {
		cmd := exec.Command(exePath())
		cmd.Args, cmd.Dir = []string{"python3", "/srv/site/manage.py", "runserver"}, b.TempDir()
		cmd.Env = append(os.Environ(), "BOTCTL_TEST_ACTOR=idle")
		idle(b, cmd)
	}
	f := newFinder()
	target := Target{Token: ourToken, Dir: b.TempDir(), Command: []string{"python", "bot.py"}}
	for _, tc := range []struct {
		name string
		o    Options
		keep []int
	}{
		{"before a restart", Options{DryRun: true}, nil},
		{"beside the child", Options{DryRun: true}, []int{child}},
		{"before the first start", Options{DryRun: true, Lineage: true}, nil},
	} {
		b.Run(tc.name, func(b *testing.B) {
			target.Keep = tc.keep
			b.ReportAllocs()
			for b.Loop() {
				f.Sweep(context.Background(), target, tc.o)
			}
		})
	}
	b.Run("floor", func(b *testing.B) {
		for b.Loop() {
			pids, _ := listPIDs()
			var r lineReader
			for _, pid := range pids {
				r.line(pid)
			}
		}
	})
}

// idle starts a process that lives as long as the benchmark.
func idle(b *testing.B, cmd *exec.Cmd) (pid int) {
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process.Pid
}
