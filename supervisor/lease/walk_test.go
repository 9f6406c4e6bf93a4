package lease

import (
	"fmt"
	"hash/maphash"
	"os"
	"testing"
	"time"
)

// The walk goes through every state that supervisors, a store and the network between them can come to within some time, over
// the real Decide. It assumes: every clock runs at the same rate (the tenth by which patience exceeds the TTL is for those that do not); a call
// is answered, fails and was never applied, was applied and its answer is lost, or is applied later, when its caller has given
// up; a supervisor stands still (SIGSTOP) for any time between two events; the store may lose the latest write or everything and is then
// another server. It demands that no two supervisors may poll at one instant, and that somebody polls again when all is well.

// unit is a tick of the walk's clock.
const unit = time.Second

// walkBase is the present of every normalised world.
const walkBase = 1000 * unit

// node is one supervisor in the world.
type node struct {
	s      State
	paused bool
	zombie Record // a swap whose caller has given up, and which may still be applied; zero: none
	from   uint64
}

// world is all that a future depends on. It is comparable.
type world struct {
	nodes [2]node
	snap  Snapshot
	prev  Snapshot // what a lost write goes back to
	budge uint8    // faults that may still happen
}

// walker explores.
type walker struct {
	t        *testing.T
	cfg      [2]Config
	lie      time.Duration // TTL that a holder writes, of the negative control
	hash     maphash.Seed
	seen     map[uint64]int8 // hashes of worlds, with the ticks that were left
	worlds   int
	ends     int
	violated bool
	stuck    bool
}

func newWalker(t *testing.T) *walker {
	w := &walker{t: t, hash: maphash.MakeSeed(), seen: map[uint64]int8{}}
	for i := range w.cfg {
		cfg, err := Config{Me: Member{Instance: fmt.Sprint("i", i), Deploy: fmt.Sprint("d", i)}, TTL: 5 * unit}.Validate()
		if err != nil {
			t.Fatal(err)
		}
		w.cfg[i] = cfg
	}
	return w
}

// start is a world in which both want the lease.
func (w *walker) start(faults uint8) world {
	x := world{snap: Snapshot{Server: "a"}, prev: Snapshot{Server: "a"}, budge: faults}
	if faults > 0 { // somebody had it before; the long wait for a record that nobody wrote is in the walk without faults
		x.snap = Snapshot{Server: "a", Version: 1, Record: Record{Epoch: 1, Seq: 1, TTL: 5 * unit, Server: "a"}}
		x.prev = x.snap
	}
	for i := range x.nodes {
		x.nodes[i].s, _ = Decide(w.cfg[i], State{}, Want{}, walkBase)
		x.nodes[i].s, _ = Decide(w.cfg[i], x.nodes[i].s, Begun{}, walkBase)
	}
	return x
}

// explore goes on from x for a number of ticks.
func (w *walker) explore(x world, ticks int) {
	if w.violated {
		return
	}
	key := maphash.Comparable(w.hash, x)
	if left, ok := w.seen[key]; ok && int(left) >= ticks {
		return
	}
	w.seen[key] = int8(ticks)
	w.worlds++
	w.check(x)
	if ticks == 0 {
		if w.ends++; w.ends%8 == 0 && !w.recovers(x) {
			w.stuck = true
		}
		return
	}
	for _, y := range w.storeFaults(x) {
		for _, first := range []int{0, 1} {
			for _, z := range w.turns(y, first) {
				for _, v := range w.turns(z, 1-first) {
					w.check(v)
					w.explore(w.later(v), ticks-1)
				}
			}
		}
	}
}

// check is made when time has passed and when something was done.
func (w *walker) check(x world) { w.violated = w.violated || w.polls(x, 0) && w.polls(x, 1) }

// polls says whether a supervisor would forward a poll now.
func (w *walker) polls(x world, i int) bool {
	return walkBase < x.nodes[i].s.Fence(w.cfg[i])
}

// recovers says whether somebody polls when nothing has gone wrong for two waits.
func (w *walker) recovers(x world) bool {
	x.budge = 0
	for range 2*6 + 2 {
		for i := range x.nodes {
			x.nodes[i].zombie, x.nodes[i].from = Record{}, 0
			list := w.fates(x, i)
			x = list[len(list)-1]
		}
		x = w.later(x)
	}
	return w.polls(x, 0) || w.polls(x, 1)
}

// storeFaults are the worlds in which the store did, or did not, lose something.
func (w *walker) storeFaults(x world) []world {
	list := []world{x}
	if x.budge == 0 {
		return list
	}
	lost, empty := x, x
	lost.budge, empty.budge = x.budge-1, x.budge-1
	lost.snap = x.prev
	lost.snap.Server, empty.snap = x.snap.Server+"'", Snapshot{Server: x.snap.Server + "'"}
	lost.prev, empty.prev = lost.snap, empty.snap
	return append(list, lost, empty)
}

// turns are the worlds after one supervisor's turn within a tick.
func (w *walker) turns(x world, i int) (list []world) {
	n := &x.nodes[i]
	// A swap whose caller has given up arrives.
	if n.zombie.Schema != 0 {
		y := x
		y.write(n.from, n.zombie)
		y.nodes[i].zombie, y.nodes[i].from = Record{}, 0
		list = append(list, w.fates(y, i)...)
	}
	list = append(list, w.fates(x, i)...)
	// It stands still.
	if x.budge > 0 || n.paused {
		y := x
		if !n.paused {
			y.budge--
		}
		y.nodes[i].paused = true
		list = append(list, y)
	}
	return list
}

// fates are the worlds after a supervisor was given its time, and what may become of the calls that it begins then. One that is not
// spoilt is answered within the tick; the caller of any other gives up in the next.
func (w *walker) fates(x world, i int) []world {
	n := &x.nodes[i]
	n.paused = false
	if op := n.s.Op; op.Kind != noOp {
		w.give(&x, i, Answer{ID: op.ID, Failed: true})
	}
	w.give(&x, i, Tick{})
	return w.calls(x, i, maxCalls)
}

// maxCalls is how many calls one after the other fit into a tick.
const maxCalls = 4

func (w *walker) calls(x world, i, more int) []world {
	op, from := x.nodes[i].s.Op, x.nodes[i].s.Snap.Version
	if op.Kind == noOp || more == 0 {
		return []world{x}
	}
	list := []world{}
	if x.budge > 0 {
		never := x
		never.budge--
		list = append(list, never)
		if op.Kind != look {
			lost, late := never, never
			lost.write(from, w.lied(op.To))
			late.nodes[i].zombie, late.nodes[i].from = op.To, from
			late.nodes[i].zombie.Schema = Schema
			list = append(list, lost, late)
		}
	}
	swapped := op.Kind != look && x.write(from, w.lied(op.To))
	w.give(&x, i, Answer{ID: op.ID, Swapped: swapped, Snap: x.snap})
	return append(list, w.calls(x, i, more-1)...)
}

// lied is a record as the negative control writes it.
func (w *walker) lied(to Record) Record {
	if w.lie > 0 {
		to.TTL = w.lie
	}
	return to
}

func (w *walker) give(x *world, i int, ev Event) {
	var acts []Action
	x.nodes[i].s, acts = Decide(w.cfg[i], x.nodes[i].s, ev, walkBase)
	for _, a := range acts {
		if _, claimed := a.(Claimed); claimed { // an idle bot has nothing to finish
			x.nodes[i].s, _ = Decide(w.cfg[i], x.nodes[i].s, Part{}, walkBase)
			x.nodes[i].s, _ = Decide(w.cfg[i], x.nodes[i].s, Want{}, walkBase)
		}
	}
}

// write is the store's compare and swap.
func (x *world) write(from uint64, to Record) bool {
	if x.snap.Version != from {
		return false
	}
	x.prev = x.snap
	to.Schema = 0
	x.snap.Record = to
	x.snap.Version++
	return true
}

// later lets a tick pass and normalises: times are relative, numbers that only grow begin at the lowest in use.
func (w *walker) later(x world) world {
	lowest := x.lowest()
	for i := range x.nodes {
		s := &x.nodes[i].s
		for _, at := range []*time.Duration{&s.Since, &s.Op.Sent, &s.LookAt, &s.Until, &s.Renew} {
			if *at > 0 {
				*at = max(*at-unit, walkBase-20*unit)
			}
		}
		if s.Mode != Holding {
			s.Renew = 0
		}
		s.Failing = min(s.Failing, 1)
		s.Ops = 1
		if s.Op.Kind != noOp {
			s.Op.ID = 1
		}
		s.Op.To = lowest.of(s.Op.To)
		s.Snap = lowest.snap(s.Snap)
		if s.Epoch > 0 {
			s.Epoch -= lowest.epoch
		}
		s.High -= min(lowest.epoch, s.High)
		if x.nodes[i].zombie.Schema != 0 {
			x.nodes[i].zombie = lowest.of(x.nodes[i].zombie)
			x.nodes[i].zombie.Schema = Schema
			x.nodes[i].from -= min(lowest.version, x.nodes[i].from)
		}
	}
	x.snap, x.prev = lowest.snap(x.snap), lowest.snap(x.prev)
	return x
}

// floor is what is taken from numbers that only grow.
type floor struct{ epoch, seq, version uint64 }

// lowest is one below the lowest numbers in use. Records that were never written have none.
func (x *world) lowest() floor {
	f := floor{epoch: 1 << 40, seq: 1 << 40, version: 1 << 40}
	take := func(v uint64, r Record) {
		if r.Epoch > 0 {
			f.epoch, f.seq = min(f.epoch, r.Epoch-1), min(f.seq, r.Seq-1)
		}
		for _, d := range r.Deploys {
			if d.Gen > 0 {
				f.seq = min(f.seq, d.Seen)
			}
		}
		if v > 0 {
			f.version = min(f.version, v-1)
		}
	}
	take(x.snap.Version, x.snap.Record)
	take(x.prev.Version, x.prev.Record)
	for i := range x.nodes {
		n := &x.nodes[i]
		take(n.s.Snap.Version, n.s.Snap.Record)
		take(n.from, n.zombie)
		take(0, n.s.Op.To)
		if n.s.Epoch > 0 {
			f.epoch = min(f.epoch, n.s.Epoch-1)
		}
		if n.from == 0 && n.zombie.Schema != 0 || n.s.Snap.Version == 0 || x.snap.Version == 0 || x.prev.Version == 0 {
			f.version = 0 // from nothing is a number too
		}
	}
	if f.epoch == 1<<40 {
		return floor{}
	}
	if f.version == 1<<40 {
		f.version = 0
	}
	return f
}

func (f floor) of(r Record) Record {
	if r.Epoch > 0 {
		r.Epoch -= f.epoch
		r.Seq -= f.seq
	}
	for i := range r.Deploys {
		if r.Deploys[i].Gen > 0 {
			r.Deploys[i].Seen -= min(f.seq, r.Deploys[i].Seen)
		}
	}
	return r
}

func (f floor) snap(s Snapshot) Snapshot {
	s.Record = f.of(s.Record)
	s.Version -= min(f.version, s.Version)
	return s
}

// horizon is how many ticks the walk looks ahead: longer than two leases and a wait.
func horizon(short int) int {
	if os.Getenv("BOTCTL_TEST_FULL") != "" {
		return short + 6
	}
	return short
}

func TestNoTwoHoldersInAnyWorld(t *testing.T) {
	for _, faults := range []uint8{0, 1, 2} {
		w := newWalker(t)
		w.explore(w.start(faults), horizon([]int{20, 15, 11}[faults]))
		if w.violated {
			t.Fatalf("with %d faults two supervisors may poll at one instant", faults)
		}
		if w.stuck {
			t.Fatalf("with %d faults nobody polls although all is well again", faults)
		}
		t.Logf("%d faults: %d worlds", faults, w.worlds)
	}
}

func TestTheWalkFindsALeaseThatIsTakenTooEarly(t *testing.T) {
	w := newWalker(t)
	w.lie = 2 * unit
	w.explore(w.start(1), horizon(12))
	if !w.violated {
		t.Error("a holder that writes a shorter TTL than it has was not found out")
	}
}
