// Package mutant takes a protection out of botctl on purpose, so that the tests of the fault
// cases can be seen to fail without it. scripts/faults --mutate builds with the tag mutate, one
// mutant at a time. In any other build Is is constantly false.
package mutant

// The mutants, each named for what it lacks. scripts/faults knows which case must fail in it.
const (
	NoTreeKill       = "no-tree-kill"       // P4: only the leader is killed
	NoSubreaper      = "no-subreaper"       // P4: daemonised descendants go to init
	NoDrainLimit     = "no-drain-limit"     // P5: output is waited for without end
	NoGuardian       = "no-guardian"        // P7: what left the group outlives a killed supervisor
	NoLeash          = "no-leash"           // P7: so does the group, when the guardian is killed too
	NoOwnEnd         = "no-own-end"         // P7: the leash of a group dies with the child
	NoChildLock      = "no-child-lock"      // P7: the child does not inherit its lock
	NoPanicGuard     = "no-panic-guard"     // P9: a panic is left to the runtime
	NoVerify         = "no-verify"          // P11: lock files are looked at once only
	FollowLinks      = "follow-links"       // P13: a lock file may be anything
	NoIdentityCheck  = "no-identity-check"  // P15: the pid is trusted
	NoHeirCheck      = "no-heir-check"      // P16: every child of ours is taken for the bot's
	NoTokenAcquittal = "no-token-acquittal" // P16: another bot's token acquits nobody
	FirstParenthesis = "first-parenthesis"  // P17: /proc/PID/stat is read from the first one
	NoStaleKill      = "no-stale-kill"      // P20: a rival that ignores SIGTERM is left alone
	AnyNamespace     = "any-namespace"      // P21: processes of containers are judged too
	NoKeep           = "no-keep"            // P22: the tree of a living supervisor is a candidate
	NoBusyRetry      = "no-busy-retry"      // P25: a program that is being replaced is a failed start
	TrustText        = "trust-text"         // P30: a text of a chat is a sign
	LineBuffer       = "line-buffer"        // P32: output is held back to the end of the line
	BlockingSink     = "blocking-sink"      // P34: a stalled reader stops the child for good
	DieOfPipe        = "die-of-pipe"        // P35: a closed stdout ends the supervisor
	NoSpareFiles     = "no-spare-files"     // P37: the kill path has no descriptors of its own
	NoContinue       = "no-continue"        // P39: a stopped child does not see SIGTERM
	AnyHeartbeat     = "any-heartbeat"      // P39: every process may speak for the bot
	ReapEverything   = "reap-everything"    // P42: the reaper takes the child's status
	NoFence          = "no-fence"           // L6: the gateway does not ask whether the lease is valid
	NoPatience       = "no-patience"        // L8: a lease is taken before its holder is silent
	LeakDescriptors  = "leak-descriptors"   // P44: the child inherits what we inherited
)
