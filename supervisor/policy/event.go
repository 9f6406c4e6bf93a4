package policy

import "time"

// Event is something that has happened. The set is closed.
type Event interface{ event() }

type (
	// Began is the first event of a run.
	Began struct{}
	// LockTaken reports that this supervisor holds every lock it needs.
	LockTaken struct{}
	// LockHeld reports that another supervisor holds one.
	LockHeld struct{ By string }
	// LockFailed reports that a lock cannot be had at all.
	LockFailed struct{ Cause string }
	// LockLost reports that a lock was taken away while held.
	LockLost struct{ Cause string }
	// Swept is the outcome of a Sweep. Ended counts the rivals that are gone.
	Swept struct {
		For      Purpose
		Ended    int
		Survived int
	}
	// Checked is the outcome of a Check.
	Checked struct {
		Verdict Verdict
		Detail  string
	}
	// ChildStarted reports that child number Run lives.
	ChildStarted struct {
		Run uint32
		PID int
	}
	// StartFailed reports that it could not be started.
	StartFailed struct {
		Run    uint32
		Kind   StartFailure
		Detail string
	}
	// ChildExited reports that child number Run and its whole tree are gone.
	ChildExited struct {
		Run  uint32
		Exit Exit
	}
	// SignSeen reports a sign in the output of child number Run. Logger says that the
	// framework's own logger printed it.
	SignSeen struct {
		Run    uint32
		Kind   Kind
		Logger bool
	}
	// SocketsProbed is the outcome of a ProbeSockets. Readable is false where the
	// sockets of the tree cannot be read. Quiet is the time since data last
	// moved on any open connection to the API.
	SocketsProbed struct {
		Run      uint32
		Readable bool
		Open     int
		Quiet    time.Duration
	}
	// Notified reports what the tree of child number Run said by sd_notify.
	Notified struct {
		Run     uint32
		Ready   bool
		Beat    bool
		Trigger bool          // it asks to be treated as if a heartbeat had been missed
		Every   time.Duration // another interval; 0: as before
	}
	// StopAsked is SIGTERM, the first SIGINT, or botctl stop.
	StopAsked struct{}
	// KillAsked is the second SIGINT.
	KillAsked struct{}
	// RestartAsked is SIGHUP or botctl restart.
	RestartAsked struct{}
	// TimePassed reports that the earliest deadline has come.
	TimePassed struct{}
)

func (Began) event()         {}
func (LockTaken) event()     {}
func (LockHeld) event()      {}
func (LockFailed) event()    {}
func (LockLost) event()      {}
func (Swept) event()         {}
func (Checked) event()       {}
func (ChildStarted) event()  {}
func (StartFailed) event()   {}
func (ChildExited) event()   {}
func (SignSeen) event()      {}
func (SocketsProbed) event() {}
func (Notified) event()      {}
func (StopAsked) event()     {}
func (KillAsked) event()     {}
func (RestartAsked) event()  {}
func (TimePassed) event()    {}

// Purpose is what a sweep is for.
type Purpose uint8

// The purposes of a sweep.
const (
	BeforeStart Purpose = iota // whole host, nothing of ours runs
	BesideChild                // 5 s after a start, then every 30 s
	AtConflict                 // a sign of a conflict: suspects that hold a connection to the API go too
)

// Verdict is what the preflight found.
type Verdict uint8

// The verdicts of the preflight.
const (
	CheckPassed    Verdict = iota
	CheckTrouble           // no answer, or not from the Bot API: no reason not to start
	TokenRefused           // 401 or 404
	WebhookDeleted         // one was set and is gone
	WebhookKept            // one is set and stays, by --webhook keep
	WebhookStop            // one is set and --webhook says to stop
)

// StartFailure is why a child could not be started.
type StartFailure uint8

// The failures of a start. Transient is worth another try.
const (
	Transient StartFailure = iota
	NotFound
	NotExecutable
)

// Action is something to do. The set is closed.
type Action interface{ action() }

type (
	// TakeLocks asks for LockTaken, LockHeld or LockFailed.
	TakeLocks struct{}
	// WaitForLocks asks for LockTaken once the holder is gone.
	WaitForLocks struct{}
	// Sweep asks for Swept.
	Sweep struct{ For Purpose }
	// Check asks for Checked.
	Check struct{}
	// StartChild asks for ChildStarted or StartFailed, and later ChildExited.
	StartChild struct{ Run uint32 }
	// EndChild ends the tree of the living child: SIGTERM, and SIGKILL after Grace.
	EndChild struct{ Grace time.Duration }
	// KillChild ends it at once.
	KillChild struct{}
	// ProbeSockets asks for SocketsProbed.
	ProbeSockets struct{ Run uint32 }
	// Tell says something to the owner that no change of phase says.
	Tell struct{ What Word }
)

func (TakeLocks) action()    {}
func (WaitForLocks) action() {}
func (Sweep) action()        {}
func (Check) action()        {}
func (StartChild) action()   {}
func (EndChild) action()     {}
func (KillChild) action()    {}
func (ProbeSockets) action() {}
func (Tell) action()         {}

// Word is what a Tell is about.
type Word uint8

// The words.
const (
	ConflictLasts   Word = iota // the rival is elsewhere and a restart did not help
	ConflictOver                // no sign of it any more
	WebhookIsSet                // it stays, by --webhook keep
	WebhookWasSet               // it was deleted while the child ran
	RefusedUnproven             // the child was refused; the Bot API says the token is fine, or cannot be asked
)
