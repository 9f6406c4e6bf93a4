package policy

import "time"

// Phase is where the supervisor stands. The zero Phase is Locking.
type Phase uint8

// The phases, in the order in which a healthy run passes them.
const (
	Locking  Phase = iota // taking the locks
	Standby               // another supervisor holds the bot; waiting for its lock, or for the lease
	Sweeping              // ending stale rivals before a start
	Checking              // asking the Bot API about token and webhook
	Starting              // the child is being started
	Running               // the child runs
	Stopping              // the child's tree is being ended
	Waiting               // back-off before the next start
	Done                  // over; ExitCode holds the answer
	numPhases
)

var phaseNames = [numPhases]string{"locking", "standby", "sweeping", "checking", "starting", "running", "stopping", "waiting", "done"}

func (p Phase) String() string { return name(phaseNames[:], int(p)) }

// Kind is what a sign is a sign of.
type Kind uint8

// The kinds of sign. NoSign is the zero Kind.
const (
	NoSign       Kind = iota
	Conflict          // 409: another getUpdates took the poll
	Webhook           // 409: a webhook is set
	EventLoop         // the bot's event loop is closed or broken
	Unauthorized      // 401 or 404: the token was refused
	numKinds
)

var kindNames = [numKinds]string{"none", "conflict", "webhook", "event_loop", "unauthorized"}

func (k Kind) String() string { return name(kindNames[:], int(k)) }

// Cause is why a child was, or is to be, started again.
type Cause uint8

// The causes of a restart. FirstStart is the zero Cause and is not counted.
const (
	FirstStart     Cause = iota
	ByExit               // the child ended by itself
	ByMemory             // the kernel ended it for want of memory
	ByEventLoop          // its event loop broke
	ByLocalRival         // a conflict; a rival on this host was ended
	ByRemoteRival        // a conflict; no rival on this host
	ByRequest            // botctl restart, SIGHUP
	ByStartFailure       // it was not started for want of something that may come back
	ByHeartbeat          // it spoke of its watchdog and then fell silent
	ByStall              // updates wait, and it asks for none
	ByLease              // another machine polls, or polled
	NumCauses
)

var causeNames = [NumCauses]string{"first_start", "exit", "out_of_memory", "event_loop", "conflict_local", "conflict_elsewhere", "request", "start_failure", "heartbeat", "stalled", "lease"}

func (c Cause) String() string { return name(causeNames[:], int(c)) }

// Exit is how a child ended.
type Exit struct {
	Code      int // -1 when a signal ended it
	Signal    int // 0 when it exited by itself
	OOM       bool
	Survivors int // processes of its tree that could not be ended
}

// ExitCode is the code with which a shell would report e.
func (e Exit) ExitCode() int {
	if e.Signal != 0 {
		return 128 + e.Signal
	}
	return e.Code
}

// Suspicion is what the output of the child made us suspect and what has been
// seen of it since. The zero value means that nothing is suspected.
type Suspicion struct {
	Kind      Kind
	Since     time.Time    // the first sign
	Last      time.Time    // the latest sign
	Loggers   [3]time.Time // the latest three signs of a framework's own logger, newest first
	NoneSince time.Time    // since when no connection to the API was seen; zero: one was open
	Deaf      bool         // the sockets confirmed it
}

// Stall is what was seen of a child that asks for no updates while some wait. The zero value: nothing.
type Stall struct {
	Looks   int // that have seen it, one after the other
	Pending int // updates, at the latest of them
}

// State is all that Decide remembers. It is copied by value and comparable.
// Times are zero when unset.
type State struct {
	Phase    Phase
	ExitCode int    // of botctl, in Done, and in Stopping when Then is Finish
	Why      string // what ended it, for people; empty on an ordinary stop
	Then     Then   // what follows Stopping
	Cause    Cause  // of the start that is under way or comes next
	Last     Cause  // of the latest restart
	LastAt   time.Time

	Run        uint32 // number of the child, counted from 1; 0 before the first
	Runs       uint32 // the highest number that was given to a child
	PID        int    // of the living child, 0 without one
	Alive      bool   // there is one
	StartedAt  time.Time
	LastExit   Exit
	StopWanted bool // a stop came while the child was being started

	Ready     bool          // the child said READY=1, or has lived for sweepAfter
	BeatEvery time.Duration // the child's own interval of heartbeats; 0: Config.Heartbeat

	EverWell   bool // a child was well for WellAfter under this supervisor
	StartFails int  // exits in a row before any child was well
	Fails      int  // exits in a row of children that had not become well
	Failures   [maxGiveUp]time.Time
	NeedCheck  bool // the preflight is due before the next start
	CheckAsked bool // a preflight for the running child is under way
	CheckedAt  time.Time

	Suspect         Suspicion
	Probing         bool          // a look at the sockets is under way
	ConflictSweep   bool          // a sweep for a conflict is under way
	ConflictLast    time.Time     // the latest sign of one
	ConflictStreak  int           // starts forced by a rival elsewhere, since ten quiet minutes
	ConflictRestart time.Time     // the latest of those
	ConflictTold    int           // how often the owner was told; 0 when no conflict lasts
	ConflictSince   time.Time     // when the one that lasts began
	TextRestart     time.Time     // the latest restart that rested on text alone
	WaitAfterSweep  time.Duration // back-off to take unless the sweep ends a rival

	// What is seen on the wire, by the gateway.
	Wire      bool      // the child polls through it, so that it decides and text does not
	WireUsed  bool      // a child has used it at all
	WireTold  bool      // that it is used, or that it is not
	WireSince time.Time // when the conflict that it absorbs began
	WireLong  bool      // the owner was told that this one lasts
	Stall     Stall
	CheckFor  Kind // what the latest check of a running child was for

	// A stop in order, and a child beside the child.
	EndBy       time.Time // when the stop that is under way must be over
	WasSettled  bool      // the child that it ended had been well
	Draining    bool      // the child is to finish what it was given
	Confirming  bool      // it is gone, and the server is told what it has handled
	Confirmed   bool      // that was done in this stop
	Survivors   int       // processes of other children that could not be ended
	Next        uint32    // number of the child that boots beside it; 0 without one
	NextPID     int
	NextAlive   bool // it is started
	NextGone    bool // it ended while polls were being handed over to it
	HandingOver bool
	Old         uint32 // number of the child whose polls were handed over, until it is gone

	// The lease, and the hand-over on one machine.
	Leased     bool // it may poll, as far as other machines go
	Asked      bool // the lease is wanted
	LeaseEnds  bool // it will be lost unless it is renewed soon
	Claimed    bool // a newer deploy wants it, and has to wait for the child
	HandingOut bool // the child's polls are being handed to another supervisor
	Fences     uint32
	HandOvers  uint32
	Unlocked   bool // the locks of this machine are held by the supervisor that is to hand over
	Yielding   bool // another supervisor on this machine wants them

	Conflicts, Signs uint32 // counted for status
	Restarts         [NumCauses]uint32
	Ended            uint32 // stale processes ended

	// Deadlines. The earliest one is when Decide wants a TimePassed.
	WakeAt  time.Time // end of the back-off
	WellAt  time.Time // the child counts as well
	BeatAt  time.Time // without a heartbeat until then, it hangs; zero: it has never sent one
	SweepAt time.Time // next sweep beside the running child
	ProbeAt time.Time // next look at the child's sockets
	TellAt  time.Time // next word about a conflict that lasts
	CalmAt  time.Time // without another sign until then, it is over

	LookAt     time.Time // next look at the child's calls
	WireTellAt time.Time // next word about a conflict on the wire
	WireCalmAt time.Time // without another one until then, it is over
	NextBy     time.Time // until then the child that boots beside must poll

	Seed uint64 // of the jitter
}

// Then is what follows when the tree is gone.
type Then uint8

// What may follow Stopping.
const (
	Again  Then = iota // start the child again
	Finish             // end with ExitCode
)

// Deadline returns the earliest deadline of s; the zero time when it has none.
func (s State) Deadline() time.Time {
	var first time.Time
	for _, t := range [...]time.Time{s.WakeAt, s.WellAt, s.BeatAt, s.SweepAt, s.ProbeAt, s.TellAt, s.CalmAt, s.LookAt, s.WireTellAt, s.WireCalmAt, s.NextBy} {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Elsewhere says whether a conflict goes on whose rival is not on this host.
func (s State) Elsewhere() bool { return s.ConflictTold > 0 || s.WireLong }

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}
