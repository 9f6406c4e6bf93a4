// Package control is how botctl talks to a running supervisor: an HTTP API on a unix
// socket that is private to the user, and a small state file that can be read when no
// supervisor runs.
package control

import "time"

// SchemaVersion grows when a field of Status changes its meaning; new fields do not
// change it. docs/cli-json.md promises the fields.
const SchemaVersion = 1

// Status is what "botctl status --json" prints. No field holds a secret.
type Status struct {
	SchemaVersion int       `json:"schema_version"`
	Version       string    `json:"version"` // of the supervisor
	Key           string    `json:"key"`     // names lock, socket and state file
	UpdatedAt     time.Time `json:"updated_at"`

	BotID       string `json:"bot_id,omitempty"`
	BotName     string `json:"bot_name,omitempty"` // with its @
	Token       string `json:"token,omitempty"`    // masked
	TokenSource string `json:"token_source,omitempty"`
	APIBase     string `json:"api_base,omitempty"`
	Sandbox     bool   `json:"sandbox,omitempty"`

	Phase         string    `json:"phase"` // see package policy; "done" when it has ended
	Well          bool      `json:"well"`  // runs, and nothing is suspected
	Ready         bool      `json:"ready"` // what /readyz says: it may poll and does
	Trouble       string    `json:"trouble,omitempty"`
	SupervisorPID int       `json:"supervisor_pid"`
	StartedAt     time.Time `json:"started_at"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	Command       []string  `json:"command"` // tokens masked
	Dir           string    `json:"dir"`
	Lock          string    `json:"lock"` // folder of locks and state

	Child       *Child     `json:"child,omitempty"`
	Restarts    Restarts   `json:"restarts"`
	LastExit    *LastExit  `json:"last_exit,omitempty"`
	NextStartAt *time.Time `json:"next_start_at,omitempty"`
	Conflicts   Conflicts  `json:"conflicts"`
	Gateway     *Gateway   `json:"gateway,omitempty"`
	Lease       *Lease     `json:"lease,omitempty"`
	Platform    string     `json:"platform,omitempty"` // that is recognised
	Stale       Stale      `json:"stale"`

	ExitCode *int   `json:"exit_code,omitempty"` // of botctl, once it has ended
	Why      string `json:"why,omitempty"`
}

// Child is the living child.
type Child struct {
	PID           int       `json:"pid"`
	State         string    `json:"state,omitempty"` // the kernel's letter: R, S, D, T …
	StartedAt     time.Time `json:"started_at"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	Processes     int       `json:"processes,omitempty"` // of its whole tree
	Ready         bool      `json:"ready"`               // it said so (sd_notify), or has lived for five seconds
	Status        string    `json:"status,omitempty"`    // what it says of itself (sd_notify), tokens masked
}

// Restarts counts starts after the first, by cause.
type Restarts struct {
	Total     int            `json:"total"`
	ByCause   map[string]int `json:"by_cause"`
	LastCause string         `json:"last_cause,omitempty"`
	LastAt    *time.Time     `json:"last_at,omitempty"`
}

// LastExit is how the latest child ended.
type LastExit struct {
	Code   int       `json:"code"` // -1 when a signal ended it
	Signal int       `json:"signal,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Gateway is what stands between the bot and the Bot API.
type Gateway struct {
	Mode              string     `json:"mode"` // auto or require
	URL               string     `json:"url"`  // on loopback
	Used              bool       `json:"used"` // some bot of this run has made a call through it
	PollsThrough      bool       `json:"polls_through"`
	PollOpen          bool       `json:"poll_open"` // one is at the server
	Parked            int        `json:"parked"`    // polls that wait in the gateway
	Holding           bool       `json:"holding"`   // no poll goes to the server
	Polls             uint64     `json:"polls"`
	Updates           uint64     `json:"updates"`
	Calls             uint64     `json:"calls"` // that are no polls
	CallsOpen         int        `json:"calls_open"`
	ConflictsAbsorbed uint64     `json:"conflicts_absorbed"`
	RefusedRequests   uint64     `json:"refused_requests"` // without the bot's token
	LastPollAt        *time.Time `json:"last_poll_at,omitempty"`
	LastUpdateAt      *time.Time `json:"last_update_at,omitempty"`
	LastCallAt        *time.Time `json:"last_call_at,omitempty"`
	Trouble           string     `json:"trouble,omitempty"`
}

// Lease is who of several machines polls.
type Lease struct {
	Store       string       `json:"store"` // engine and address, without a secret
	Mode        string       `json:"mode"`  // away, waiting, holding or parting
	Held        bool         `json:"held"`  // by this supervisor
	Known       bool         `json:"known"` // the store has answered
	Epoch       uint64       `json:"epoch"` // number of the holding period
	Holder      *LeaseMember `json:"holder,omitempty"`
	Claim       *LeaseMember `json:"claim,omitempty"` // who asks the holder to hand over
	Me          LeaseMember  `json:"me"`
	TTL         float64      `json:"ttl_seconds"`
	LeftSeconds float64      `json:"left_seconds"` // until nothing is forwarded any more, unless it is renewed
	Fences      int          `json:"fences"`       // how often it was lost
	HandOvers   int          `json:"hand_overs"`   // how often it was handed to another one
	Trouble     string       `json:"trouble,omitempty"`
}

// LeaseMember is one supervisor that takes part.
type LeaseMember struct {
	Name        string `json:"name,omitempty"`
	Deploy      string `json:"deploy,omitempty"`
	Number      uint64 `json:"number,omitempty"` // of the deploy: the higher, the newer
	Environment string `json:"environment,omitempty"`
}

// Conflicts counts what the bot's output, or the gateway, said of a 409.
type Conflicts struct {
	Total     int        `json:"total"`
	LastAt    *time.Time `json:"last_at,omitempty"`
	Elsewhere bool       `json:"elsewhere"` // one goes on whose rival is not on this host
}

// Stale is what the sweeps found.
type Stale struct {
	EndedTotal int       `json:"ended_total"`
	Ended      []Process `json:"ended,omitempty"`    // the latest, newest first
	Suspects   []Process `json:"suspects,omitempty"` // may poll; not touched
}

// Process is another process that a sweep found.
type Process struct {
	PID      int    `json:"pid"`
	Command  string `json:"command"` // tokens masked
	Evidence string `json:"evidence"`
	Outcome  string `json:"outcome,omitempty"`
}
