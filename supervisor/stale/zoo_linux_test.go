package stale

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"botctl/supervisor/token"
)

// TestP16Zoo generates hosts full of processes, each from a seed, and holds the finder to
// the verdict that every kind of process has coming. BOTCTL_ZOO_SEED=N repeats one host and says
// what lived there; BOTCTL_ZOO_HOSTS is their number.
func TestP16Zoo(t *testing.T) {
	if os.Getenv(insideEnv) != "" {
		visit(t)
		return
	}
	hosts := 20
	if os.Getenv("BOTCTL_TEST_FULL") != "" {
		hosts = 1000
	}
	if n, err := strconv.Atoi(os.Getenv("BOTCTL_ZOO_HOSTS")); err == nil {
		hosts = n
	}
	seeds := make([]string, hosts)
	for i := range seeds {
		seeds[i] = strconv.Itoa(i + 1)
	}
	one := os.Getenv("BOTCTL_ZOO_SEED")
	if one != "" {
		seeds = []string{one}
	}
	stage := t.TempDir()
	os.Chmod(filepath.Dir(stage), 0o755) // other users' actors come through here
	os.Chmod(stage, 0o755)
	build := exec.Command("go", "build", "-o", filepath.Join(stage, "actor"), "./testdata/actor")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the actor: %v\n%s", err, out)
	}
	env := append(os.Environ(), insideEnv+"=1", "BOTCTL_ZOO_STAGE="+stage, "BOTCTL_ZOO_PYTHON="+realPython())

	began := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	animals := 0
	queue := make(chan string)
	for range max(2, runtime.NumCPU()) {
		wg.Go(func() {
			for seed := range queue {
				cmd := exec.Command("unshare", "-pf", "--mount-proc", "--kill-child", os.Args[0], "-test.run", "^TestP16Zoo$", "-test.v", "-test.timeout", "2m")
				cmd.Env = append(slices.Clone(env), "BOTCTL_ZOO_SEED="+seed)
				out, err := cmd.CombinedOutput()
				mu.Lock()
				switch text := string(out); {
				case err != nil && strings.Contains(text, "Operation not permitted") && os.Getenv("CI") == "":
					t.Log("no PID namespace to be had here: ", text)
				case err != nil:
					t.Errorf("host %s (BOTCTL_ZOO_SEED=%s repeats it): %v\n%s", seed, seed, err, text)
				case one != "":
					t.Log(text)
				}
				if _, count, ok := strings.Cut(string(out), "the zoo has "); ok {
					n := 0
					fmt.Sscan(count, &n)
					animals += n
				}
				mu.Unlock()
			}
		})
	}
	for i, seed := range seeds {
		if end, ok := t.Deadline(); ok && time.Until(end) < 2*time.Minute {
			t.Logf("only %d of %d hosts: -timeout is near", i, len(seeds))
			break
		}
		queue <- seed
	}
	close(queue)
	wg.Wait()
	if animals == 0 && !t.Failed() {
		t.Skip("no host could be made")
	}
	t.Logf("%d hosts with %d processes in %.1f s", len(seeds), animals, time.Since(began).Seconds())
}

// realPython is the interpreter itself: what is found in the PATH may be a shell script before it.
func realPython() string {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// animal is a process of the zoo, and what the finder owes it.
type animal struct {
	kind string
	argv []string
	env  []string
	dir  string
	exe  string // default: the actor
	uid  int
	want Verdict

	stubborn, stopped, deleted bool
	comm, title                string
	blank                      bool      // its environment is overwritten
	connected                  bool      // to the Bot API
	keep                       bool      // it is our living child
	contained                  bool      // in a PID namespace of its own
	real                       bool      // no actor: it has started when exec has
	children                   []*animal // of a wrapper, which goes when they have gone
	stay                       bool      // the wrapper does not
	zombie                     bool

	id, pid int
	ticks   uint64
}

func (a *animal) String() string {
	argv := slices.Clone(a.argv)
	for i, w := range argv {
		argv[i] = w[:min(len(w), 200)]
	}
	return fmt.Sprintf("%q argv %q title %q in %s, pid %d, env %q", a.kind, argv, a.title, a.dir, a.pid, a.env)
}

// each calls f for a and all below it.
func (a *animal) each(f func(*animal)) {
	f(a)
	for _, c := range a.children {
		c.each(f)
	}
}

// goes says whether a is gone after a sweep that ends what doomed says; sure is false for a wrapper that
// ends by itself some time after what it ran.
func (a *animal) goes(doomed func(*animal) bool) (gone, sure bool) {
	switch {
	case doomed(a):
		return true, true
	case len(a.children) == 0 || a.stay:
		return false, true
	}
	for _, c := range a.children {
		if left, _ := c.goes(doomed); !left && !c.zombie {
			return false, true
		}
	}
	return true, false
}

// host is a machine with one bot of ours.
type host struct {
	*rand.Rand
	t       *testing.T
	stage   string // where the actor is
	python  string
	root    string // of its folders
	dir     string // the project, as the kernel names it
	mode    mode
	project project
	dotenv  token.Token // in the project's .env
	target  Target
	port    int

	top  []*animal
	all  []*animal
	rude int              // how many ignore SIGTERM
	gone map[*animal]bool // in an earlier sweep
}

// mode is how much the target knows.
type mode int

const (
	plain mode = iota
	wide       // --scope host
	blind      // no token is known
)

func newHost(t *testing.T, seed uint64) *host {
	h := &host{Rand: rand.New(rand.NewPCG(seed, 0x200)), t: t, stage: os.Getenv("BOTCTL_ZOO_STAGE"), python: os.Getenv("BOTCTL_ZOO_PYTHON"), root: t.TempDir(), gone: map[*animal]bool{}}
	os.Chmod(filepath.Dir(h.root), 0o755)
	os.Chmod(h.root, 0o755)
	h.dir = filepath.Join(h.root, h.pick("project", "my bot", "bot.py", "a) R (b", "py=thon;bot", "bot's", "проект"))
	h.mkdir(h.dir)
	h.mode = []mode{plain, plain, plain, plain, plain, plain, plain, wide, wide, blind}[h.IntN(10)]
	h.project = projects[h.IntN(len(projects))]
	for name, text := range h.project.files {
		h.write(filepath.Join(h.dir, name), text)
	}
	h.target = Target{Token: ourToken, Dir: h.dir, Command: h.project.command, Keys: []string{"b-1", "d-1"}, Rivals: []string{"poll*"}, Spare: []string{"spared*"}, HostWide: h.mode == wide}
	switch h.IntN(8) {
	case 0, 1, 2:
		h.dotenv = ourToken
	case 3:
		h.dotenv = otherToken
	case 4:
		h.write(filepath.Join(h.dir, ".env"), "LOG_LEVEL=debug\nTOKEN=ghp_no_bot\n")
	}
	if h.dotenv != "" {
		h.write(filepath.Join(h.dir, ".env"), "export "+h.pick(token.EnvNames...)+"='"+h.dotenv.Reveal()+"'\n")
	}
	if h.mode == blind {
		h.target.Token, h.target.Keys = "", []string{"d-1"}
	}
	if h.IntN(4) == 0 {
		h.target.TokenEnv = "OUR_BOT"
	}
	if h.IntN(4) == 0 {
		link := filepath.Join(h.root, "current")
		os.Symlink(h.dir, link)
		h.target.Dir = link
	}
	api, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	h.port = api.Addr().(*net.TCPAddr).Port
	return h
}

func (h *host) pick(list ...string) string { return list[h.IntN(len(list))] }

func (h *host) mkdir(dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) write(path, text string) {
	h.mkdir(filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// program is the actor under a path of its own.
func (h *host) program(path string) string {
	if _, err := os.Stat(path); err == nil {
		return path
	}
	h.mkdir(filepath.Dir(path))
	actor := filepath.Join(h.stage, "actor")
	if os.Link(actor, path) == nil {
		return path
	}
	binary, err := os.ReadFile(actor)
	if err == nil {
		err = os.WriteFile(path, binary, 0o755)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return path
}

// populate takes one of each kind, then any, until the host is full.
func (h *host) populate() {
	size := 200 + h.IntN(200)
	for i := 0; len(h.all) < size; i++ {
		k := kinds[i%len(kinds)]
		if i >= len(kinds) {
			k = kinds[h.IntN(len(kinds))]
		}
		a := k.make(h)
		if a == nil {
			continue
		}
		h.top = append(h.top, a)
		a.each(func(a *animal) {
			if a.kind == "" {
				a.kind = k.name
			}
			if a.dir == "" {
				a.dir = h.dir
			}
			if a.exe == "" {
				a.exe = filepath.Join(h.stage, "actor")
			}
			a.id = len(h.all)
			h.all = append(h.all, a)
		})
	}
	h.Shuffle(len(h.top), func(i, j int) { h.top[i], h.top[j] = h.top[j], h.top[i] })
}

// environ tells the actor of a what it does, see testdata/actor. One thread less starts sooner.
func (h *host) environ(a *animal) []string {
	type child struct {
		Exe       string
		Argv, Env []string
		Dir       string
		Dies      bool
	}
	var children []child
	for _, c := range a.children {
		children = append(children, child{Exe: c.exe, Argv: c.argv, Env: h.environ(c), Dir: c.dir, Dies: c.zombie})
	}
	port := 0
	if a.connected {
		port = h.port
	}
	text, err := json.Marshal(map[string]any{
		"ID": a.id, "Stubborn": a.stubborn, "Comm": a.comm, "Title": a.title, "Blank": a.blank, "Port": port,
		"Children": children, "Stay": a.stay, "Dies": a.zombie,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return append(slices.Clone(a.env), "GOMAXPROCS=1", "ZOO_PART="+string(text))
}

// open starts everybody and returns when all have said that they are there.
func (h *host) open() {
	ready, out, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	in, forever, err := os.Pipe() // they wait for its end
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { forever.Close() })
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	queue := make(chan *animal)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for a := range queue {
				files := []*os.File{in, out, os.Stderr}
				if a.real {
					files = []*os.File{h.stdin(), null, null} // node makes a shared one non-blocking
				}
				attr := &os.ProcAttr{Dir: a.dir, Env: h.environ(a), Files: files, Sys: &syscall.SysProcAttr{}}
				if a.uid != 0 {
					attr.Sys.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.uid)}
				}
				if a.contained {
					attr.Sys.Cloneflags = syscall.CLONE_NEWPID
				}
				p, err := os.StartProcess(a.exe, a.argv, attr)
				if err != nil {
					h.t.Error(a, err)
					out.Close() // the reader need not wait for more
					continue
				}
				a.pid = p.Pid
				p.Release()
			}
		})
	}
	expected := 0
	for _, a := range h.top {
		a.each(func(a *animal) {
			if !a.real {
				expected++
			}
		})
	}
	go func() {
		defer close(queue)
		for _, a := range h.top {
			queue <- a
		}
	}()
	told := make([]int, len(h.all))
	lines := bufio.NewScanner(ready)
	for n := 0; n < expected && lines.Scan(); n++ {
		var id, pid int
		if _, err := fmt.Sscanf(lines.Text(), "ready %d %d", &id, &pid); err != nil {
			h.t.Fatal(lines.Text())
		}
		told[id] = pid
	}
	wg.Wait()
	if h.t.Failed() {
		h.t.FailNow()
	}
	for _, a := range h.all {
		if a.pid == 0 {
			a.pid = told[a.id]
		}
		if a.deleted {
			os.Remove(a.exe)
		}
		if a.stopped {
			unix.Kill(a.pid, unix.SIGSTOP)
		}
		if a.keep {
			h.target.Keep = append(h.target.Keep, a.pid)
		}
		s, ok := readStat(a.pid)
		if !ok || (s.state == 'Z') != a.zombie {
			h.t.Fatalf("%v is not there: %+v", a, s)
		}
		a.ticks = s.start
	}
}

// stdin never ends, and has no other reader.
func (h *host) stdin() *os.File {
	in, forever, err := os.Pipe()
	if err != nil {
		h.t.Error(err)
		return nil
	}
	h.t.Cleanup(func() { in.Close(); forever.Close() })
	return in
}

// visit makes the host of the seed and sweeps it three times: dry, in earnest, and in a conflict.
func visit(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("BOTCTL_ZOO_SEED"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t, seed)
	h.populate()
	h.open()
	fmt.Printf("the zoo has %d processes; %q in %s, .env %q, mode %d\n", len(h.all), h.project.command, h.target.Dir, h.dotenv.Reveal(), h.mode)

	f := NewFinder(token.NewMasker(ourToken, otherToken))
	report := h.sweep(f, Options{DryRun: true, Lineage: true})
	h.inspect("dry run", report, func(*animal) bool { return false })

	rival := func(a *animal) bool { return a.want == Rival }
	report = h.sweep(f, Options{Lineage: true, Grace: 200 * time.Millisecond})
	h.inspect("sweep", report, rival)
	for _, a := range h.all {
		if found := find(report, a.pid); a.want == Rival && a.stubborn && (found == nil || found.Outcome != EndedByKill) { // P20
			t.Errorf("%v: %+v, want it killed", a, found)
		}
	}

	h.target.Peers = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(h.port))}
	report = h.sweep(f, Options{Conflict: true, Grace: 200 * time.Millisecond})
	h.inspect("conflict", report, func(a *animal) bool {
		return rival(a) || a.connected && (a.want == Suspect || a.want == Ambiguous)
	})
}

func (h *host) sweep(f *Finder, o Options) Report {
	h.t.Helper()
	report, err := f.Sweep(context.Background(), h.target, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return report
}

// inspect compares a report, and who is left, with what every kind has coming.
func (h *host) inspect(when string, report Report, doomed func(*animal) bool) {
	h.t.Helper()
	byPID := map[int]*Finding{}
	for i := range report.Findings {
		found := &report.Findings[i]
		byPID[found.PID] = found
		if s := fmt.Sprint(*found); strings.Contains(s, token.Token(ourToken).Secret()) {
			h.t.Errorf("%s: a token shows: %s", when, s)
		}
	}
	for _, a := range h.all {
		found := byPID[a.pid]
		got, was := None, "nothing found"
		if found != nil {
			got, was = found.Verdict, fmt.Sprintf("%+v", *found)
		}
		delete(byPID, a.pid)
		gone, sure := a.goes(doomed)
		if got != a.want && !h.gone[a] {
			h.t.Errorf("%s: verdict %q, want %q: %v\n\t%s", when, got, a.want, a, was)
		}
		h.gone[a] = h.gone[a] || gone
		ticks, alive := startTicks(a.pid)
		switch alive = alive && ticks == a.ticks; {
		case a.zombie, !sure:
		case gone && alive:
			h.t.Errorf("%s: lives, and should not: %v\n\t%s", when, a, was)
		case !gone && !alive:
			h.t.Errorf("%s: was ended, and should not: %v\n\t%s", when, a, was)
		}
	}
	for _, found := range byPID {
		h.t.Errorf("%s: who is this? %+v", when, *found)
	}
	if h.t.Failed() {
		h.t.FailNow()
	}
}
