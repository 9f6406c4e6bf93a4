// Package stale finds processes that compete with a bot for its updates, and ends them. A process is
// judged by who it is: what it runs, read from the positions of its arguments, and what
// ties it to this bot; never by a substring of its command line. It is ended through a handle,
// after its identity was read again.
package stale

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v3/process"

	"botctl/supervisor/token"
)

// Finding is a process that is worth a word.
type Finding struct {
	PID         int       `json:"pid"`
	User        string    `json:"user"`
	StartedAt   time.Time `json:"started_at"`
	AgeSeconds  float64   `json:"age_seconds"`
	Command     string    `json:"command"` // tokens masked
	Verdict     Verdict   `json:"verdict"`
	Evidence    string    `json:"evidence"`
	Connected   bool      `json:"connected"` // holds a connection to the Bot API
	Outcome     Outcome   `json:"outcome"`
	RestartedBy string    `json:"restarted_by,omitempty"` // of one that came back; of a dry run, what would bring it back

	ticks uint64
	exe   string
}

// Report is what a sweep found and did.
type Report struct {
	Findings []Finding `json:"processes"`
	Unseen   int       `json:"unseen"` // processes of ours that could not be read
	Hidden   bool      `json:"hidden"` // the system hides other users' processes
}

// Ended counts the processes that are gone.
func (r Report) Ended() int { return r.count(EndedByTerm, EndedByKill, AlreadyGone) }

// Survived counts rivals that were to be ended and live.
func (r Report) Survived() int { return r.count(Survived) }

// Denied counts what could not be seen or signalled.
func (r Report) Denied() int {
	n := r.Unseen + r.count(NotPermitted)
	for _, f := range r.Findings {
		if f.Verdict == NotOurs {
			n++
		}
	}
	if r.Hidden {
		n++
	}
	return n
}

func (r Report) count(outcomes ...Outcome) (n int) {
	for _, f := range r.Findings {
		if slices.Contains(outcomes, f.Outcome) {
			n++
		}
	}
	return n
}

// Options are how a sweep goes about it.
type Options struct {
	DryRun   bool
	Conflict bool          // a conflict goes on: suspects that hold a connection to the Bot API are ended too
	Zombies  bool          // list dead processes that may have been this bot
	Lineage  bool          // look at every environment for the marks of earlier runs
	Grace    time.Duration // between SIGTERM and SIGKILL; 0: 5 s
}

// Finder sweeps for one target after the other and knows what it has ended. It is for one
// goroutine at a time.
type Finder struct {
	masker *token.Masker
	ended  map[string]bool // what was ended, by what it ran
	passed passed

	hook func() // of tests: between the scan and the end
}

// NewFinder returns a Finder whose findings show no token that masker knows.
func NewFinder(masker *token.Masker) *Finder {
	return &Finder{masker: masker, ended: map[string]bool{}}
}

// Sweep looks at every process and ends the rivals among them. The error says that processes cannot
// be listed at all.
func (f *Finder) Sweep(ctx context.Context, t Target, o Options) (Report, error) {
	report, err := f.scan(ctx, &t, o.Lineage)
	if err != nil {
		return report, err
	}
	if o.Zombies {
		if pids, err := listPIDs(); err == nil {
			report.Findings = append(report.Findings, t.zombies(pids, untouchable(pids, t.Keep), f.masker.String)...)
		}
	}
	if f.hook != nil {
		f.hook()
	}
	var doomed []*Finding
	for i := range report.Findings {
		found := &report.Findings[i]
		switch {
		case found.Verdict == NotOurs, found.Verdict == Zombie:
			found.Outcome = NotTouched
		case found.Verdict == Rival, o.Conflict && found.Connected:
			found.Outcome = WouldEnd
			doomed = append(doomed, found)
		default:
			found.Outcome = NotTouched
		}
		if o.DryRun && found.Verdict != Zombie {
			found.RestartedBy = keeper(found.PID)
		}
	}
	if o.DryRun || len(doomed) == 0 {
		return report, nil
	}
	for _, d := range doomed {
		if f.ended[d.Command] {
			d.RestartedBy = restarter(d.PID)
		}
	}
	end(ctx, doomed, o.Grace)
	for _, d := range doomed {
		f.ended[d.Command] = true
	}
	return report, nil
}

// scan is the two stages: a cheap pass over command lines, then everything about the few that are left.
func (f *Finder) scan(ctx context.Context, t *Target, lineage bool) (Report, error) {
	pids, err := listPIDs()
	if err != nil {
		return Report{}, fmt.Errorf("list processes: %w", err)
	}
	report := Report{Hidden: hidden()}
	spared := untouchable(pids, t.Keep)
	var reader lineReader
	for _, c := range f.sift(t, pids, lineage) {
		found, err := f.look(ctx, t, c.pid, c.argv, &reader)
		denied := errors.Is(err, os.ErrPermission)
		switch {
		case !denied && (err != nil || found.Verdict == None), spared(c.pid):
		case denied:
			report.Unseen++
		default:
			report.Findings = append(report.Findings, found)
		}
	}
	return report, nil
}

// candidate is a process that is worth a closer look.
type candidate struct {
	pid  int
	argv []string
}

// share is how many processes are worth a goroutine of their own: to read them takes a millisecond.
const share = 128

// sift is the cheap pass. The kernel writes a command line for each reader, so that several read faster than one; and a bot is waiting.
func (f *Finder) sift(t *Target, pids []int, lineage bool) []candidate {
	f.passed.begin(t, len(pids))
	n := min(runtime.GOMAXPROCS(0), len(pids)/share+1, 4)
	found := make([][]candidate, n)
	passed := make([][]uint64, n)
	faults := make([]any, n)
	var readers sync.WaitGroup
	for i := range n {
		readers.Go(func() {
			defer func() { faults[i] = recover() }()
			found[i], passed[i] = f.passed.sift(t, pids[len(pids)*i/n:len(pids)*(i+1)/n], lineage)
		})
	}
	readers.Wait()
	for _, fault := range faults {
		if fault != nil {
			panic(fault) // where the caller expects it
		}
	}
	for _, hash := range slices.Concat(passed...) {
		f.passed.lines[hash] = struct{}{}
	}
	return slices.Concat(found...)
}

// sift only reads what is remembered, and returns what is to be remembered.
func (p *passed) sift(t *Target, pids []int, lineage bool) (found []candidate, passed []uint64) {
	var reader lineReader
	for _, pid := range pids {
		line := reader.line(pid)
		if len(line) == 0 {
			continue // a zombie, a kernel thread, or gone
		}
		hash := maphash.Bytes(p.seed, line)
		_, pass := p.lines[hash]
		if pass && !lineage {
			continue
		}
		argv := strings.Split(string(line), "\x00")
		if !pass && !t.cheap(ReadProgram(argv, "")) {
			passed = append(passed, hash)
			pass = true
		}
		if !pass || lineage && reader.marked(pid) {
			found = append(found, candidate{pid, argv})
		}
	}
	return found, passed
}

// look collects the facts about a candidate and judges it. Where it runs acquits most, and then it is asked no more.
func (f *Finder) look(ctx context.Context, t *Target, pid int, argv []string, reader *lineReader) (Finding, error) {
	p := &process.Process{Pid: int32(pid)} // NewProcess looks twice more whether it is there
	ticks, ok := startTicks(pid)
	if !ok || !sameNamespace(pid) {
		return Finding{}, os.ErrNotExist
	}
	facts := facts{pid: pid, argv: argv, ticks: ticks, ours: true, user: "unknown"}
	if uid, ok := owner(ctx, p); ok {
		facts.ours = uid == os.Geteuid()
		facts.user = userName(uid)
	}
	facts.exe, _ = p.ExeWithContext(ctx)
	var denied error
	var err error
	if facts.dir, err = p.CwdWithContext(ctx); errors.Is(err, os.ErrPermission) {
		denied = err
	}
	program := ReadProgram(argv, facts.exe)
	t.locate(program, &facts, t.isHome(facts.dir))
	if denied == nil && !t.possible(program, facts) && !reader.marked(pid) {
		return Finding{}, nil
	}
	if facts.env, err = p.EnvironWithContext(ctx); errors.Is(err, os.ErrPermission) {
		denied = err
	}
	relate(t, program, &facts)
	verdict, evidence := t.judge(facts)
	switch {
	case denied != nil && facts.ours:
		return Finding{}, denied
	case verdict == None:
		return Finding{}, nil
	}
	found := Finding{
		PID: pid, User: facts.user, Command: f.masker.String(strings.Join(argv, " ")), Verdict: verdict, Evidence: f.masker.String(evidence),
		Connected: facts.ours && connected(ctx, p, t.Peers), ticks: ticks, exe: facts.exe,
	}
	if ms, err := p.CreateTimeWithContext(ctx); err == nil {
		at := time.UnixMilli(ms).UTC()
		found.StartedAt, found.AgeSeconds = at, time.Since(at).Seconds()
	}
	return found, nil
}

// passed remembers the command lines that are worth no closer look, each as a hash: the next sweep meets nearly the same ones, and so
// does no more than read them. What a command line runs depends on nothing else.
type passed struct {
	seed    maphash.Seed
	lines   map[uint64]struct{}
	command []string // whose rivals are looked for
	rivals  []string
}

// begin is called before each sweep, of n processes, and reads what all readers of it share. It forgets everything when another bot is
// meant, or when most of it must be of processes that are gone.
func (p *passed) begin(t *Target, n int) {
	t.program()
	if p.lines != nil && len(p.lines) <= 1024+2*n && slices.Equal(p.command, t.Command) && slices.Equal(p.rivals, t.Rivals) {
		return
	}
	p.seed, p.lines = maphash.MakeSeed(), map[uint64]struct{}{}
	p.command, p.rivals = slices.Clone(t.Command), slices.Clone(t.Rivals)
}

// cheap says whether what its command line runs makes a process worth a closer look.
func (t *Target) cheap(p Program) bool {
	if p.Kind == Native {
		child := t.program()
		return len(t.Rivals) > 0 || child.Kind == Native && path.Base(p.Name) == path.Base(child.Name)
	}
	return p.Kind != Unknown
}

// relate reads the .env files that a process may have taken a token from, and the marks of its environment.
func relate(t *Target, p Program, x *facts) {
	folders := []string{x.dir}
	if p.Kind == Script {
		if at, _ := p.place(x.dir); filepath.IsAbs(at) && path.Dir(at) != x.dir {
			folders = append(folders, path.Dir(at)) // load_dotenv() begins beside the script
		}
	}
	for _, dir := range folders {
		if dir == "" {
			continue
		}
		// A .env that cannot be read acquits nobody and convicts nobody.
		if vars, err := token.Dotenv(filepath.Join(dir, ".env")); err == nil {
			for _, found := range token.FromEnv(func(name string) string { return vars[name] }, t.TokenEnv) {
				if !slices.Contains(x.dotenv, found) {
					x.dotenv = append(x.dotenv, found)
				}
			}
		}
	}
	get := lookupIn(x.env)
	if id, _, ok := strings.Cut(get(EnvRunID), "."); ok {
		x.markKeys = strings.Split(id, "+")
		x.markAlive = supervisorLives(get(EnvSupervisor))
	}
}

// supervisorLives reads "<pid>:<start>" and says whether that very process is alive. What cannot
// be read is taken for alive: it convicts nobody.
func supervisorLives(mark string) bool {
	pid, start, ok := strings.Cut(mark, ":")
	n, err := strconv.Atoi(pid)
	ticks, terr := strconv.ParseUint(start, 10, 64)
	if !ok || err != nil || terr != nil {
		return true
	}
	now, alive := startTicks(n)
	return alive && now == ticks
}

func connected(ctx context.Context, p *process.Process, peers []netip.AddrPort) bool {
	if len(peers) == 0 {
		return false
	}
	conns, err := p.ConnectionsWithContext(ctx)
	if err != nil {
		return false
	}
	for _, c := range conns {
		ip, err := netip.ParseAddr(c.Raddr.IP)
		if err != nil || c.Status != "ESTABLISHED" {
			continue
		}
		for _, peer := range peers {
			if peer.Addr().Unmap() == ip.Unmap() && (peer.Port() == 0 || uint32(peer.Port()) == c.Raddr.Port) {
				return true
			}
		}
	}
	return false
}

// userNames remembers names by uid: the user database is a file that is read each time.
var userNames sync.Map

func userName(uid int) string {
	if name, ok := userNames.Load(uid); ok {
		return name.(string)
	}
	name := strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	userNames.Store(uid, name)
	return name
}
