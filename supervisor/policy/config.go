package policy

import (
	"fmt"
	"time"
)

// OnConflict says what a conflict is answered with whose rival is not on this host.
type OnConflict uint8

// The values of --on-conflict.
const (
	Auto    OnConflict = iota // one restart; if it comes back within ten minutes, tell
	Restart                   // restart at each confirmed conflict, under back-off
	TellIt                    // never restart for it, tell
)

// Config is what the owner decided. The zero value of a field means its default.
type Config struct {
	WaitForLock  bool          // --on-held wait: stand by instead of ending with 75
	StartTries   int           // exits in a row before any child was well; default 5, negative: never end for it
	GiveUp       int           // failures within GiveUpWithin that end the run; 0: never
	GiveUpWithin time.Duration // default 10 min
	OnConflict   OnConflict
	FirstSign    bool          // --restart-on-first-sign: a sign needs no confirmation
	Interactive  bool          // the bot has the terminal: an end by Ctrl-C, or with 0, is a person's wish
	StopTimeout  time.Duration // for the whole of a stop; default 9 s
	Heartbeat    time.Duration // how long a child that sends heartbeats may be silent; 0: for ever
	StallAfter   time.Duration // how long a child may ask for no updates while some wait; default 2 min, negative: for ever
	Preflight    bool          // a token is known, so the Bot API can be asked
	Gateway      bool          // one stands before the Bot API; whether a child uses it is seen
	Warm         bool          // --restart-warm: boot the next child beside the present one; needs a gateway that cannot be passed by
	Lease        bool          // one between machines says who polls
	Bypass       bool          // a child can go round the gateway, or there is none: without the lease none may live
	StandbyWarm  bool          // boot the child while standing by, its polls held; needs a gateway that cannot be passed by
	TakeOver     bool          // --on-held takeover: ask the supervisor that holds the locks to hand over
	Seed         uint64        // of the jitter; any value will do
}

// maxGiveUp bounds Config.GiveUp, since State remembers that many failures.
const maxGiveUp = 32

// Times and counts of the table in the package documentation.
const (
	WellAfter      = 60 * time.Second // a child that ran so long is well
	backoffMin     = time.Second
	backoffMax     = 60 * time.Second
	jitterFloor    = 100 * time.Millisecond
	startNoise     = 60 * time.Second // conflicts so soon after our own start prove nothing
	signFor        = 60 * time.Second // an exit so soon after a sign is its consequence
	repeatWithin   = 60 * time.Second // three signs of the framework's logger within it confirm
	deafAfter      = 10 * time.Second // without any connection to the API
	quietLimit     = 70 * time.Second // a poll ends within 50 s: longer silence is no poll
	suspectFor     = 80 * time.Second // after the last sign; past quietLimit, so that silence can be seen
	uselessWithin  = 10 * time.Minute // a conflict back so soon shows that a restart was useless
	textEvery      = 10 * time.Minute // text alone restarts at most so often
	sweepAfter     = 5 * time.Second  // after a start
	sweepEvery     = 30 * time.Second
	probeEvery     = time.Second
	beatFresh      = 2 * time.Second  // a deadline so long past shows that we did not run ourselves
	conflictQuiet  = 2 * time.Minute  // without a sign, a conflict is over
	checkEvery     = 10 * time.Second // checks for a running child, at most
	wireLasts      = time.Minute      // a conflict on the wire that goes on for so long is told of again
	wireOnce       = 15 * time.Second // conflicts within it are one that is over
	loopSilence    = time.Minute      // without a call, a child whose event loop is said to be broken
	stallBusy      = 5                // times StallAfter has a child that makes other calls: it may be working
	stallLooks     = 4                // in one StallAfter
	warmLimit      = 2 * time.Minute  // for a child that boots beside another to poll
	confirmReserve = time.Second      // of the stop time, for the last word to the server
	confirmMost    = 4 * time.Second
	defaultTries   = 5
	defaultStop    = 9 * time.Second
	defaultGiveUp  = 10 * time.Minute
	defaultStall   = 2 * time.Minute
	exitConfig     = 78
	exitTemp       = 75
	exitLock       = 73
	exitGaveUp     = 70
	exitNotFound   = 127
	exitNotExec    = 126
	confirmingSign = 3
)

// tellAfter is when the owner hears of a conflict that lasts, counted from its
// confirmation; after the last one every 30 minutes.
var tellAfter = [...]time.Duration{0, time.Minute, 5 * time.Minute, 30 * time.Minute}

// Validate completes c with its defaults or says which field cannot be.
func (c Config) Validate() (Config, error) {
	if c.StartTries == 0 {
		c.StartTries = defaultTries
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = defaultStop
	}
	if c.GiveUpWithin == 0 {
		c.GiveUpWithin = defaultGiveUp
	}
	if c.StallAfter == 0 {
		c.StallAfter = defaultStall
	}
	switch {
	case c.Warm && !c.Gateway:
		return c, fmt.Errorf("a warm restart needs the gateway")
	case c.StandbyWarm && (c.Bypass || !c.Gateway):
		return c, fmt.Errorf("a warm standby needs a gateway that cannot be passed by")
	case c.StopTimeout < 0:
		return c, fmt.Errorf("stop timeout %v: want more than 0", c.StopTimeout)
	case c.Heartbeat < 0:
		return c, fmt.Errorf("heartbeat %v: want 0 or more", c.Heartbeat)
	case c.GiveUp < 0 || c.GiveUp > maxGiveUp:
		return c, fmt.Errorf("give up after %d failures: want 0 to %d", c.GiveUp, maxGiveUp)
	case c.GiveUpWithin < 0:
		return c, fmt.Errorf("give up within %v: want more than 0", c.GiveUpWithin)
	}
	return c, nil
}
