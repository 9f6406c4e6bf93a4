package supervisor

// The attributes of botctl's own lines. They come from this list alone, so that
// whoever reads the lines by machine finds each fact under one name.
const (
	keyBot      = "bot"           // bot id
	keyPID      = "pid"           // of the process the line is about
	keyCommand  = "command"       // its command line, tokens masked
	keyExit     = "exit"          // how it ended
	keyUptime   = "uptime"        // how long it ran
	keyCause    = "cause"         // why something is done or failed
	keyNext     = "next_start_in" // pause before the next start
	keyEvidence = "evidence"      // why a process is held for a rival
	keyOutcome  = "outcome"       // what became of it
	keyToken    = "token_from"    // where the token was found
	keyAPI      = "api"           // Bot API server
	keyGateway  = "gateway"       // where the bot reaches it
	keyTimes    = "more_times"    // how often this came up without being said
	keySince    = "since"         // of the conflict or the holder
	keyLine     = "line"          // of the bot's output
	keyPath     = "path"          // of a file
	keyLease    = "lease"         // where it is kept
	keyHolder   = "holder"        // who has it
	keyEpoch    = "epoch"         // of the lease
	keyRestart  = "restarted_by"  // what brings a process back
)
