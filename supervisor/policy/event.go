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
	// WireSeen reports what the gateway saw of child number Run; 0: nobody knows of which.
	WireSeen struct {
		Run    uint32
		Kind   Wire
		Count  int       // in a row
		Since  time.Time // the first of them
		Detail string
	}
	// WireLooked is the outcome of a LookAtWire. Pending is of interest when it was asked for: below 0 the server
	// did not say.
	WireLooked struct {
		Run     uint32
		Open    bool          // it has a poll under way
		Idle    time.Duration // since when it has none
		Gap     time.Duration // its usual time between two
		Begun   time.Time     // its latest poll or call
		Call    time.Time     // its latest call that is no poll; now, while one is open
		Asked   bool          // Pending was asked for
		Pending int           // updates that wait at the server
	}
	// Drained reports that child number Run is done with what it was given, or that the time for it is over. Its polls are held.
	Drained struct{ Run uint32 }
	// Confirmed reports that the server knows what was handled, or cannot be told.
	Confirmed struct{}
	// HandedOver reports that the polls of child number Run go to the server, and those of no other.
	HandedOver struct{ Run uint32 }
	// LeaseGranted reports that polls may go to the server until the lease ends.
	LeaseGranted struct{ Epoch uint64 }
	// LeaseEnding reports that the lease ends soon unless it is renewed.
	LeaseEnding struct{}
	// LeaseLost reports that nothing may go to the server any more.
	LeaseLost struct{ Cause string }
	// LeaseTaken reports that another machine has it.
	LeaseTaken struct{ By string }
	// LeaseClaimed reports that a newer deploy asks for it.
	LeaseClaimed struct{ By string }
	// LeaseParted reports that it is released, and with it what the child had acknowledged.
	LeaseParted struct{}
	// LeaseRefused reports that it will not be asked for, since its holder is of another environment.
	LeaseRefused struct{ Holder string }
	// LeaseTrouble reports that its store does not answer as it should. Lasting: waiting will not help.
	LeaseTrouble struct {
		Detail  string
		Since   time.Time
		Lasting bool
		Fresh   bool // the store has never answered
	}
	// LeaseCalm reports that it answers again.
	LeaseCalm struct{ Since time.Time }
	// HandOutAsked reports that another supervisor on this machine wants the locks.
	HandOutAsked struct{}
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
func (WireSeen) event()      {}
func (WireLooked) event()    {}
func (Drained) event()       {}
func (Confirmed) event()     {}
func (HandedOver) event()    {}
func (LeaseGranted) event()  {}
func (LeaseEnding) event()   {}
func (LeaseLost) event()     {}
func (LeaseTaken) event()    {}
func (LeaseClaimed) event()  {}
func (LeaseParted) event()   {}
func (LeaseRefused) event()  {}
func (LeaseTrouble) event()  {}
func (LeaseCalm) event()     {}
func (HandOutAsked) event()  {}
func (StopAsked) event()     {}
func (KillAsked) event()     {}
func (RestartAsked) event()  {}
func (TimePassed) event()    {}

// Wire is what a WireSeen is about.
type Wire uint8

// What the gateway sees.
const (
	WireUsed       Wire = iota // the child's first call
	WirePolled                 // its first poll
	WireRealToken              // it has the real token although it was given another
	WireConflict               // another poller took the poll; the child does not see it
	WireWebhook                // a webhook is set; polls wait
	WireRefused                // the server refused the token, and the child has seen it
	WireTrouble                // the server does not answer polls as it should
	WireCalm                   // it does again
	WireRenumbered             // Telegram has begun to number updates anew
	numWires
)

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
	// StartChild asks for ChildStarted or StartFailed, and later ChildExited. Parked: its polls are held, since another child,
	// or another machine, polls.
	StartChild struct {
		Run    uint32
		Parked bool
	}
	// EndChild ends the tree of the living child: SIGTERM, and SIGKILL after Grace.
	EndChild struct{ Grace time.Duration }
	// EndOther is EndChild for another one than the present child.
	EndOther struct {
		Run   uint32
		Grace time.Duration
	}
	// KillChild ends every child at once.
	KillChild struct{}
	// HoldPolls parks the polls of child number Run.
	HoldPolls struct{ Run uint32 }
	// ServePolls lets those of child number Run go to the server.
	ServePolls struct{ Run uint32 }
	// FreePoll answers the polls of child number Run with an empty list.
	FreePoll struct{ Run uint32 }
	// ResumePolls lets polls go on that wait for a webhook to go.
	ResumePolls struct{}
	// Drain asks for Drained, within Limit.
	Drain struct {
		Run   uint32
		Limit time.Duration
	}
	// HandOver parks the polls of From, waits for its acknowledgement at most for Limit, lets those of To go to the server, and
	// asks for HandedOver.
	HandOver struct {
		From, To uint32
		Limit    time.Duration
	}
	// Confirm asks for Confirmed, within Limit.
	Confirm struct{ Limit time.Duration }
	// LookAtWire asks for WireLooked. Pending: ask the server how many updates wait.
	LookAtWire struct {
		Run     uint32
		Pending bool
	}
	// WantLease asks for LeaseGranted.
	WantLease struct{}
	// UnwantLease takes that back.
	UnwantLease struct{}
	// HandOut parks the polls of a child, waits for its acknowledgement at most for Limit, and then is PartLease.
	HandOut struct {
		Run   uint32
		Limit time.Duration
	}
	// AskHandOut asks the supervisor that holds the locks to hand over, and for LockTaken.
	AskHandOut struct{}
	// YieldLocks gives the locks to the supervisor that has asked for them.
	YieldLocks struct{}
	// PartLease releases the lease and asks for LeaseParted.
	PartLease struct{}
	// ConfirmHeld tells the server, before the lease ends, what child number Run was given: it lives, and is handling that.
	ConfirmHeld struct{ Run uint32 }
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
func (EndOther) action()     {}
func (KillChild) action()    {}
func (HoldPolls) action()    {}
func (ServePolls) action()   {}
func (FreePoll) action()     {}
func (ResumePolls) action()  {}
func (Drain) action()        {}
func (HandOver) action()     {}
func (Confirm) action()      {}
func (LookAtWire) action()   {}
func (WantLease) action()    {}
func (UnwantLease) action()  {}
func (HandOut) action()      {}
func (AskHandOut) action()   {}
func (YieldLocks) action()   {}
func (PartLease) action()    {}
func (ConfirmHeld) action()  {}
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
	GatewayUsed                 // the child polls through it
	GatewayUnused               // the child has been well without it
	ConflictHeld                // another poller takes the poll, and the gateway keeps it from the child
	ConflictGoesOn              // that has lasted for a minute
	PollFreed                   // updates wait and the child asks for none: its poll was freed
	WarmFailed                  // the child that was to take over ended, or did not poll; the present one goes on
	RestartUnderWay             // a restart was asked for while one is under way
)
