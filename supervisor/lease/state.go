package lease

import "time"

// Mode is where a supervisor stands. The zero Mode is Away.
type Mode uint8

// The modes.
const (
	Away    Mode = iota // takes no part: not begun, or left
	Waiting             // stands by
	Holding             // may poll until the fence
	Parting             // polls no more; the release is being written
	numModes
)

var modeNames = [numModes]string{"away", "waiting", "holding", "parting"}

func (m Mode) String() string {
	if m < numModes {
		return modeNames[m]
	}
	return "unknown"
}

// State is all that Decide remembers. It is copied by value and comparable. Times are of package clock, zero when unset.
type State struct {
	Mode   Mode
	Wanted bool          // it would poll at once
	Gen    uint64        // of its deploy; 0 until the record gave it one
	Seen   bool          // Snap holds something
	Snap   Snapshot      // the latest
	Since  time.Duration // when what a waiter compares last changed
	Op     Op            // under way; one at a time
	Ops    uint64        // number of the latest
	LookAt time.Duration // next look at the record
	Hinted bool          // a hint came while a call was under way, whose answer may be from before
	Epoch  uint64        // of this holding
	High   uint64        // the highest epoch that was seen, on whatever server
	Until  time.Duration // end of the lease
	Renew  time.Duration // next renewal

	Ended     bool // Ending was said, and no renewal has come since
	Claimed   bool // Claimed was said
	Refused   bool // Refused was said, of this epoch
	Leaving   bool // away when it has parted
	Cursor    int64
	Guarded   bool          // the guard is held
	GuardFree time.Duration // since when the holder's guard is free, its record unchanged
	Failing   uint32        // calls in a row without an answer
}

// Op is a call of the store.
type Op struct {
	Kind OpKind // the zero kind: none
	ID   uint64
	Sent time.Duration
	To   Record // of a swap
}

// OpKind is what a call is for.
type OpKind uint8

// The kinds.
const (
	noOp OpKind = iota
	look
	acquire
	renewal
	claim // and signs of a deploy that waits
	release
)

// Fence is from when on nothing is forwarded; 0: nothing is now.
func (s State) Fence(c Config) time.Duration {
	if s.Mode != Holding {
		return 0
	}
	return s.Until - c.margin()
}

// Deadline is the earliest time at which Decide wants a Tick; 0: none.
func (s State) Deadline(c Config) time.Duration {
	var first time.Duration
	at := func(t time.Duration) {
		if t > 0 && (first == 0 || t < first) {
			first = t
		}
	}
	switch s.Mode {
	case Away:
		return 0
	case Holding:
		at(s.Fence(c))
		if !s.Ended {
			at(s.Fence(c) - c.Lead)
		}
	case Parting:
		at(s.Until)
	case Waiting:
	}
	if s.Op.Kind == noOp {
		at(s.LookAt)
		if s.Mode == Holding {
			at(s.Renew)
		}
	}
	return first
}

// Event is something that has happened. The set is closed.
type Event interface{ event() }

type (
	// Begun is the first event.
	Begun struct{}
	// Want says that this supervisor would poll if it had the lease.
	Want struct{}
	// Unwant takes that back. It is for one that does not hold it.
	Unwant struct{}
	// Hint reports that the record may have changed.
	Hint struct{}
	// Tick reports that the deadline has come.
	Tick struct{}
	// Answer is the outcome of call number ID. Failed: there was none, and nobody knows what became of it.
	Answer struct {
		ID      uint64
		Failed  bool
		Swapped bool
		Snap    Snapshot
	}
	// Part asks for the release, from one that polls no more. Cursor: every update below is handled; 0: unknown.
	Part struct{ Cursor int64 }
	// Leave is Part for one that does not come back; one that does not hold the lease takes its claim back.
	Leave struct{ Cursor int64 }
	// GuardHeld reports that the holder of this epoch has the store's guard.
	GuardHeld struct{ Epoch uint64 }
	// GuardLost reports that it has it no more.
	GuardLost struct{ Epoch uint64 }
	// GuardFreed reports that no session holds it, although the record at hand says so.
	GuardFreed struct{ Epoch uint64 }
)

func (Begun) event()      {}
func (Want) event()       {}
func (Unwant) event()     {}
func (Hint) event()       {}
func (Tick) event()       {}
func (Answer) event()     {}
func (Part) event()       {}
func (Leave) event()      {}
func (GuardHeld) event()  {}
func (GuardLost) event()  {}
func (GuardFreed) event() {}

// Action is something to do, or to tell the owner of the poll. The set is closed.
type Action interface{ action() }

type (
	// Load asks for an Answer.
	Load struct{ ID uint64 }
	// Swap asks for an Answer.
	Swap struct {
		ID   uint64
		From uint64
		To   Record
	}
	// Granted says that polls may go to the server, from Cursor on.
	Granted struct {
		Epoch  uint64
		Cursor int64
	}
	// Ending says that the fence comes in Config.Lead unless a renewal is answered.
	Ending struct{}
	// Fenced says that nothing may be forwarded from now on.
	Fenced struct{ Why Why }
	// Taken says that another one holds the lease.
	Taken struct{ By Member }
	// Claimed says that a newer deploy asks for the lease.
	Claimed struct{ By Claim }
	// Refused says that this one does not ask for it, since its holder is of another environment.
	Refused struct{ Holder Member }
	// Parted says that the lease is released.
	Parted struct{}
	// Left says that all is over.
	Left struct{}
)

func (Load) action()    {}
func (Swap) action()    {}
func (Granted) action() {}
func (Ending) action()  {}
func (Fenced) action()  {}
func (Taken) action()   {}
func (Claimed) action() {}
func (Refused) action() {}
func (Parted) action()  {}
func (Left) action()    {}

// Why is the reason of a fence.
type Why uint8

// The reasons.
const (
	NoAnswer     Why = iota // no renewal was answered in time
	IsAnothers              // the record says that another one holds it
	OtherServer             // the store's server is another one, or has lost data
	SessionEnded            // the guard's session ended
	numWhys
)

var whyTexts = [numWhys]string{
	"the lease was not renewed in time", "another supervisor holds the lease", "the lease's server is another one, or has lost its data", "the session of the lease has ended",
}

func (w Why) String() string {
	if w < numWhys {
		return whyTexts[w]
	}
	return "unknown"
}
