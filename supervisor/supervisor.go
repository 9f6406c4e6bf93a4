// Package supervisor runs one bot and keeps it polling: it takes the locks, ends
// stale rivals, starts the child, watches it, and does what package policy decides.
//
// One goroutine, the loop, owns the state; everything else reports events to it and
// carries out its actions. See Run for the list of goroutines.
package supervisor

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"botctl/supervisor/botapi"
	"botctl/supervisor/control"
	"botctl/supervisor/gateway"
	"botctl/supervisor/herald"
	"botctl/supervisor/lease"
	"botctl/supervisor/lock"
	"botctl/supervisor/notify"
	"botctl/supervisor/policy"
	"botctl/supervisor/proc"
	"botctl/supervisor/stale"
	"botctl/supervisor/token"
)

// DefaultAPIBase is the Bot API of Telegram itself.
const DefaultAPIBase = "https://api.telegram.org"

// Options is what a run is about. Argv, Dir, Env, StateDir, Stdout, Stderr, Log and
// Masker must be set.
type Options struct {
	Argv        []string // the child's command line
	Path        string   // its program, when Argv[0] does not name it
	Dir         string   // its working folder, absolute
	Env         []string // its environment; Run adds its own marks
	Interactive bool     // hand it the terminal

	Token       token.Token // zero: unknown, and nothing is asked of the Bot API
	TokenName   string      // of the variable that holds it, wherever that is; empty for a file
	TokenSource string      // for people, "environment BOT_TOKEN"
	TokenEnv    string      // --token-env, a further name under which rivals may hold a token
	APIBase     string      // default DefaultAPIBase
	Webhook     WebhookPolicy
	Gateway     GatewayMode
	Terminal    bool // a person sits before it: no webhook is deleted unasked
	Lease       LeaseOptions
	// Health opens where platforms ask how it is; nil: nowhere. It is tried until it succeeds, once the locks are held: another supervisor on
	// this machine may have the address until it ends.
	Health func(context.Context) (net.Listener, error)

	Policy   policy.Config // Preflight, Interactive, Gateway, Lease and Bypass are set by Run
	StateDir string
	Rivals   []string
	Spare    []string
	HostWide bool // --scope host
	Version  string
	Sandbox  bool
	Platform string // that is recognised, for people
	Manager  notify.Manager
	Guardian []string // argv with which this executable calls proc.BeGuardian; empty: no guardian

	Stdout, Stderr *proc.Sink // where the child's output goes
	Log            *slog.Logger
	Masker         *token.Masker

	NotifyChat string // where the bot itself tells its owner of trouble; empty: nowhere
	NotifyURL  string // likewise, as JSON

	// Observe, when set, sees every event with the state that follows. The loop
	// calls it, so it must not block.
	Observe func(policy.State, policy.Event)
}

// Result is how a run ended. ExitCode is botctl's own.
type Result struct {
	ExitCode int
	Why      string          // for people; empty when all is said
	Held     *lock.HeldError // set when another supervisor has the bot
	Output   []string        // the last lines of the child, masked, when its failed starts ended the run
}

// lastLines is how much of the child's output goes with a run that its failed starts ended.
const lastLines = 20

// run is one Run. The loop's goroutine owns what has no lock of its own.
type run struct {
	opts     Options
	cfg      policy.Config
	keys     []lock.Key
	socket   string   // key of the abstract socket; empty without a token
	marks    []string // what the child's environment gets, the run id first
	api      *botapi.Client
	peers    *peers
	finder   *stale.Finder
	tail     *control.Tail
	guardian *proc.Guardian
	began    time.Time

	pulse     chan struct{} // taken by the loop as long as it turns
	news      chan struct{} // something for the service manager
	broken    chan struct{} // closed by the first panic
	broke     sync.Once
	fresh     atomic.Bool // the locks say that this bot never ran here before
	suspended atomic.Bool // the child was stopped together with us
	fault     *PanicError // set before broken is closed
	events    chan policy.Event
	sweeps    chan policy.Purpose
	dirty     chan struct{} // the state file is out of date
	wg        sync.WaitGroup
	children  children
	wire      chan gateway.Event
	gate      *gateway.Gateway // nil without one; set before the loop begins
	gateURL   string
	keeper    *lease.Keeper // nil without a lease
	keeping   sync.Once     // its Run was begun
	warning   sync.Once     // what its store warns of was asked
	leaseNews *news
	yielded   chan struct{} // closed when the locks are given away
	locked    chan struct{} // closed when they are held for the first time
	wantGuard chan struct{} // closed when the first child is about to be started
	guarding  sync.Once
	turned    atomic.Int64 // when the loop turned last, in Unix milliseconds
	view      atomic.Pointer[view]
	repeats   repeats
	herald    *herald.Herald                                     // nil when there is nobody to tell
	perform   func(context.Context, policy.State, policy.Action) // do, but for tests of the loop

	writing  sync.Mutex // held while the state file is written
	mu       sync.Mutex // guards what follows
	locks    *lock.Set
	prepared *lock.Prepared // of a child that was started before the locks were held
	held     *lock.HeldError
	seen     seen
}

// Run supervises until the bot is to run no more: a stop was asked for (ctx ended, a signal,
// the control socket) or the policy says so. It does not return before the whole
// tree of the child is gone, except for processes that the kernel will not end. The
// error says that the run could not begin; everything else is in the Result.
//
// Goroutines, each joined before Run returns:
//
//	loop            Run's own; ends in policy.Done
//	signals         turns signals into events; ends with the work's context
//	sweeper         one sweep at a time; the same
//	lock watch      notices a deleted or replaced lock file; the same
//	state writer    writes the state file, the newest state wins; the same
//	reaper          reaps orphans that became ours; the same
//	herald          tells the owner; ends with the work's context, and a last word of 3 s at most
//	guardian        keeps the guardian process alive, from right before the first child on; the same
//	manager         tells the service manager how it is; the same
//	listener        hears the bot's heartbeats; ends with the work
//	gateway         serves the bot's calls, a goroutine for each connection; ends with the work's context
//	wire            passes on what the gateway reports; the same
//	lease           passes on what the keeper of the lease reports; the same
//	keeper          takes part in the lease, with a watcher of its record; ends when the lease is left
//	health          answers the platform's checks; the same
//	control server  answers on the unix socket; ends with its Close
//	child           starts a child, waits for its tree; two at most
//	relays          two for each child, in package proc; end when its pipes do
//	check, probe, lock attempt, drain, hand-over, look, confirmation, word to the keeper   short, one each at most; end with their event
//
// A *PanicError says that botctl itself is at fault; the tree has been ended.
func Run(ctx context.Context, opts Options) (Result, error) {
	r, err := newRun(opts)
	if err != nil {
		return Result{}, err
	}
	if err := errors.Join(proc.SealDescriptors(), proc.BecomeSubreaper()); err != nil {
		opts.Log.Warn("processes that leave the bot's group may outlive it", keyCause, err.Error())
	}
	// The end of ctx asks for a stop; the work goes on until the stop is done.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if err := r.openGateway(work); err != nil {
		return Result{}, err
	}
	for _, f := range []func(context.Context){r.hearWire, r.hearLease, r.answerHealth, r.signals, r.sweeper, r.watchLocks, r.writeStates, r.manage, r.guard, r.herald.Run, proc.Reap} {
		r.beside(func() { f(work) })
	}
	final := r.guarded(work, ctx.Done())
	if r.fault == nil {
		r.leaveLease(work)
	}
	r.closeServer()
	cancel() // and with it a child that a panic left alive
	r.wg.Wait()
	r.closeServer() // of locks that were taken while the run ended
	r.writeState(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.locks != nil {
		r.locks.Close()
	}
	if r.prepared != nil {
		r.prepared.Close()
	}
	if r.fault != nil {
		return Result{}, r.fault
	}
	return r.result(final), nil
}

// guard keeps the guardian alive, from right before the first child on: until then there is nothing to guard, and its own start would take
// a processor from the sweep.
func (r *run) guard(ctx context.Context) {
	if len(r.opts.Guardian) == 0 {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-r.wantGuard:
	}
	r.guardian.Keep(ctx, func(err error) {
		r.opts.Log.Warn("after a kill -9 of botctl, processes that left the bot's group would live on", keyCause, err.Error())
	})
}

func newRun(opts Options) (*run, error) {
	cfg := opts.Policy
	cfg.Preflight, cfg.Interactive = opts.Token != "", opts.Interactive
	cfg.Gateway = opts.Token != "" && (opts.Gateway == GatewayAuto || opts.Gateway == GatewayRequire)
	cfg.Warm = cfg.Warm && opts.Gateway == GatewayRequire
	cfg.Lease, cfg.Bypass = opts.Lease.Store != nil, !cfg.Gateway || opts.Gateway != GatewayRequire
	cfg, err := cfg.Validate()
	if err != nil {
		return nil, err
	}
	if opts.APIBase == "" {
		opts.APIBase = DefaultAPIBase
	}
	folder, err := lock.FolderKey(opts.Dir, stale.ReadProgram(opts.Argv, "").Name)
	if err != nil {
		return nil, err
	}
	r := &run{
		opts:    opts,
		cfg:     cfg,
		keys:    []lock.Key{{Name: folder}},
		api:     botapi.New(opts.APIBase, opts.Token),
		peers:   peersFor(opts.APIBase, opts.Env),
		finder:  stale.NewFinder(opts.Masker),
		tail:    control.NewTail(),
		began:   time.Now(),
		pulse:   make(chan struct{}),
		news:    make(chan struct{}, 1),
		broken:  make(chan struct{}),
		events:  make(chan policy.Event, 64),
		sweeps:  make(chan policy.Purpose, 8),
		dirty:   make(chan struct{}, 1),
		wire:    make(chan gateway.Event, wireQueue),
		repeats: repeats{},

		leaseNews: newNews(),
		yielded:   make(chan struct{}),
		locked:    make(chan struct{}),
		wantGuard: make(chan struct{}),
	}
	r.keeper = r.newKeeper()
	if opts.Token != "" {
		r.socket = lock.BotKey(opts.Token.ID())
		r.keys = []lock.Key{{Name: folder, Shared: true}, {Name: r.socket}}
	}
	r.opts.Env = r.environ()
	r.guardian = proc.NewGuardian(opts.Guardian, r.marks[0])
	r.view.Store(&view{})
	r.perform = r.do
	r.herald = r.newHerald()
	return r, nil
}

// key names the run's socket and state file: the bot's key, or without a token the folder's.
func (r *run) key() string { return r.keys[len(r.keys)-1].Name }

func (r *run) keyNames() []string {
	names := make([]string, 0, len(r.keys))
	for _, k := range r.keys {
		names = append(names, k.Name)
	}
	return names
}

// environ completes the child's environment: the marks by which a later supervisor knows
// leftovers, and Python's output unbuffered unless the owner set it.
func (r *run) environ() []string {
	id := make([]byte, 8)
	rand.Read(id)
	r.marks = []string{
		fmt.Sprintf("%s=%s.%s", stale.EnvRunID, strings.Join(r.keyNames(), "+"), hex.EncodeToString(id)),
		fmt.Sprintf("%s=%d:%d", stale.EnvSupervisor, os.Getpid(), stale.StartTicks()),
	}
	// The service manager's socket is botctl's own: the bot is not the main process of the unit.
	notOurs := []string{stale.EnvRunID, stale.EnvSupervisor, notify.EnvSocket, notify.EnvWatchdog, notify.EnvWatchdogPID, control.EnvSocket}
	env := slices.DeleteFunc(slices.Clone(r.opts.Env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(notOurs, name)
	})
	if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "PYTHONUNBUFFERED=") }) {
		env = append(env, "PYTHONUNBUFFERED=1")
	}
	if r.opts.Gateway == GatewayRequire {
		env = r.withToken(env)
	}
	return append(env, r.marks...)
}

// withToken names the token in the environment of a child that must use the gateway, so that what was to be read from a file is
// found where it can be replaced: most loaders of .env leave a variable alone that is set.
func (r *run) withToken(env []string) []string {
	name := cmp.Or(r.opts.TokenName, token.EnvNames[0])
	if lookup(env, name) == "" {
		env = append(env, name+"="+r.opts.Token.Reveal())
	}
	return env
}

// mask hides every token in a text that leaves the process.
func (r *run) mask(s string) string { return r.opts.Masker.String(s) }

// send reports ev to the loop. It gives up with ctx, when the loop listens no more.
func (r *run) send(ctx context.Context, ev policy.Event) {
	select {
	case r.events <- ev:
	case <-ctx.Done():
	}
}

// result is called with the lock held.
func (r *run) result(s policy.State) Result {
	res := Result{ExitCode: s.ExitCode, Why: s.Why, Held: r.held}
	if s.ExitCode != 0 && s.StartFails > 0 {
		res.Output = r.tail.Lines(lastLines)
	}
	return res
}
