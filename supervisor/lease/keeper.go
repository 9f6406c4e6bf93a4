package lease

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"botctl/supervisor/clock"
)

// Keeper carries the protocol out on a store. Its methods may be called concurrently.
type Keeper struct {
	cfg    Config
	store  Store
	guard  Guard // nil without one, or without Config.Fast
	tell   func(Report)
	now    func() time.Duration
	events chan Event
	done   chan struct{} // closed when Run returns
	fence  atomic.Int64  // until then polls may be forwarded; 0: none may
	view   atomic.Pointer[View]
	wg     sync.WaitGroup
}

// Report is what the owner of the poll is told: Granted, Ending, Fenced, Taken, Claimed, Refused, Parted, Left of this package, and
// Trouble and Calm.
type Report interface{ report() }

type (
	// Trouble says that the store did not answer as it should. It is told of each change of the problem, and once it has
	// gone on, each minute.
	Trouble struct {
		Err   error // *StoreError
		Since time.Time
	}
	// Calm says that the store answers again.
	Calm struct{ Since time.Time }
)

func (Granted) report() {}
func (Ending) report()  {}
func (Fenced) report()  {}
func (Taken) report()   {}
func (Claimed) report() {}
func (Refused) report() {}
func (Parted) report()  {}
func (Left) report()    {}
func (Trouble) report() {}
func (Calm) report()    {}

// View is how a keeper stands, for people.
type View struct {
	Mode    Mode
	Epoch   uint64 // of the record
	Holder  Member // zero: nobody, as far as is known
	Claim   Claim
	Claimed time.Duration // for how long a claim of ours stands; 0: there is none
	Me      Member
	Wanted  bool
	Known   bool          // the store has answered
	Left    time.Duration // of the lease, while it is held
	Problem error         // of the latest call; nil when it was answered

	claimed time.Duration // by the keeper's clock, when our claim was first seen; 0: there is none
}

// troubleAgain is how often trouble that goes on is told of.
const troubleAgain = time.Minute

// NewKeeper prepares a keeper. cfg must come from Config.Validate. tell is called by Run's goroutine and must not block; when it
// is told of Fenced or Ending, Valid is already so.
func NewKeeper(cfg Config, store Store, tell func(Report)) *Keeper {
	k := &Keeper{cfg: cfg, store: store, tell: tell, now: clock.Now, events: make(chan Event, 16), done: make(chan struct{})}
	if g, ok := store.(Guard); ok && cfg.Fast {
		k.guard = g
	}
	k.view.Store(&View{Me: cfg.Me})
	return k
}

// Valid says whether a poll may be forwarded, or its answer delivered, at this instant.
func (k *Keeper) Valid() bool {
	fence := k.fence.Load()
	return fence > 0 && int64(k.now()) < fence
}

// Until is when Valid ends unless the lease is renewed; the zero time when it is not valid.
func (k *Keeper) Until() time.Time {
	if !k.Valid() {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(k.fence.Load()) - k.now())
}

// View returns how k stands.
func (k *Keeper) View() View {
	v := *k.view.Load()
	if v.Mode == Holding {
		v.Left = max(time.Duration(k.fence.Load())-k.now(), 0)
	}
	if v.claimed > 0 {
		v.Claimed = k.now() - v.claimed
	}
	return v
}

// Want says that this supervisor would poll at once if it had the lease.
func (k *Keeper) Want() { k.post(Want{}) }

// Unwant takes that back.
func (k *Keeper) Unwant() { k.post(Unwant{}) }

// Part releases the lease. Nothing is forwarded any more from the call on; Parted is told when it is written.
func (k *Keeper) Part(cursor int64) {
	k.fence.Store(0)
	k.post(Part{Cursor: cursor})
}

// Leave releases the lease or takes a claim back, and ends the keeper. It returns when that is written, at the latest with ctx.
func (k *Keeper) Leave(ctx context.Context, cursor int64) {
	k.fence.Store(0)
	k.post(Leave{Cursor: cursor})
	select {
	case <-k.done:
	case <-ctx.Done():
	}
}

func (k *Keeper) post(ev Event) {
	select {
	case k.events <- ev:
	case <-k.done:
	}
}

// Run takes part until ctx ends or it was told to leave. The store is closed when it returns, and every goroutine joined:
// watcher, guard, and the call that is under way.
func (k *Keeper) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		k.fence.Store(0)
		close(k.done)
		cancel()
		k.wg.Wait()
		k.store.Close()
	}()
	l := loop{Keeper: k, ctx: ctx, answers: make(chan answer, 1)}
	k.wg.Go(l.watch)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ev := Event(Begun{}); ; {
		l.step(ev)
		if l.left {
			return
		}
		ev = l.next(timer)
		if ev == nil {
			return
		}
	}
}

// loop is what Run's goroutine owns.
type loop struct {
	*Keeper

	ctx     context.Context
	s       State
	answers chan answer
	left    bool

	problem  Problem
	err      error
	since    time.Time // of the trouble; zero: none
	told     time.Time
	guarding context.CancelFunc // of the guard that is held or awaited
	guardFor guardTask
}

// answer is an Answer with what went wrong.
type answer struct {
	Answer

	err error
}

// next is the only place that blocks; nil when ctx has ended.
func (l *loop) next(timer *time.Timer) Event {
	var due <-chan time.Time
	if at := l.s.Deadline(l.cfg); at > 0 {
		timer.Reset(at - l.now())
		due = timer.C
	}
	select {
	case <-l.ctx.Done():
		return nil
	case ev := <-l.events:
		return ev
	case a := <-l.answers:
		l.heard(a.err)
		return a.Answer
	case <-due:
		return Tick{}
	}
}

func (l *loop) step(ev Event) {
	var acts []Action
	l.s, acts = Decide(l.cfg, l.s, ev, l.now())
	// A fence that Part or Leave has taken away stays so: their event is under way.
	if was := l.fence.Load(); was > 0 || granted(acts) {
		l.fence.CompareAndSwap(was, int64(l.s.Fence(l.cfg)))
	}
	l.publish()
	for _, a := range acts {
		l.carryOut(a)
	}
	l.mind()
}

// granted says whether a holding begins with these actions.
func granted(acts []Action) bool {
	for _, a := range acts {
		if _, ok := a.(Granted); ok {
			return true
		}
	}
	return false
}

func (l *loop) publish() {
	me := l.cfg.Me
	me.Gen = l.s.Gen
	v := View{
		Mode: l.s.Mode, Epoch: l.s.Snap.Record.Epoch, Holder: l.s.Snap.Record.Holder, Claim: l.s.Snap.Record.Claim, Me: me,
		Wanted: l.s.Wanted, Known: l.s.Seen, Problem: l.err,
	}
	if v.Claim.Instance == me.Instance {
		v.claimed = cmp.Or(l.view.Load().claimed, l.now())
	}
	l.view.Store(&v)
}

func (l *loop) carryOut(a Action) {
	switch a := a.(type) {
	case Load:
		l.call(a.ID, func(ctx context.Context) (Snapshot, bool, error) {
			snap, err := l.store.Load(ctx)
			return snap, false, err
		})
	case Swap:
		l.call(a.ID, func(ctx context.Context) (Snapshot, bool, error) { return l.store.Swap(ctx, a.From, a.To) })
	case Left:
		l.left = true
		l.tell(a)
	case Report:
		l.tell(a)
	}
}

// call runs one call of the store beside the loop, which hears of its end.
func (l *loop) call(id uint64, do func(context.Context) (Snapshot, bool, error)) {
	limit := l.cfg.attempt(l.s.Mode)
	l.wg.Go(func() {
		ctx, cancel := context.WithTimeoutCause(l.ctx, limit, errAttempt)
		defer cancel()
		snap, swapped, err := do(ctx)
		l.answers <- answer{Answer: Answer{ID: id, Failed: err != nil, Swapped: swapped, Snap: snap}, err: err}
	})
}

var errAttempt = errors.New("no answer in time")

// heard tells of trouble when it begins, changes, goes on for long and ends.
func (l *loop) heard(err error) {
	now := time.Now()
	if err == nil {
		if !l.since.IsZero() {
			l.tell(Calm{Since: l.since})
		}
		l.since, l.err = time.Time{}, nil
		return
	}
	problem := Unreachable
	if se, ok := errors.AsType[*StoreError](err); ok {
		problem = se.Problem
	}
	begins := l.since.IsZero()
	if begins {
		l.since = now
	}
	l.err = err
	if begins || problem != l.problem || now.Sub(l.told) >= troubleAgain {
		l.told, l.problem = now, problem
		l.tell(Trouble{Err: err, Since: l.since})
	}
}

// watch passes hints on, from one connection after the other.
func (l *loop) watch() {
	pause := time.NewTimer(time.Hour)
	defer pause.Stop()
	for {
		err := l.store.Watch(l.ctx, func() {
			select {
			case l.events <- Hint{}:
			case <-l.ctx.Done():
			}
		})
		if l.ctx.Err() != nil || errors.Is(err, ErrNoWatch) {
			return
		}
		pause.Reset(netEvery)
		select {
		case <-pause.C:
		case <-l.ctx.Done():
			return
		}
	}
}
