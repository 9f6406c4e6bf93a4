package doctor

import "time"

// Facts are what was seen. Nothing in them is a secret.
type Facts struct {
	Version  string // of botctl, with what it was built for
	Now      time.Time
	Dir      string
	APIBase  string
	Telegram bool // APIBase is Telegram's own

	Tokens       []TokenPlace
	TokenID      string // of the token in force; "" without one
	TokenTrouble string // why there is none that "botctl run" would take
	TokenAdvice  []string

	API        API
	OnWebhook  string // the setting webhook
	Gateway    string // the setting gateway
	Rivals     []Rival
	RivalsFail string // why processes could not be listed
	Unseen     int    // processes of ours that could not be read
	Hidden     bool   // the system hides those of others

	Supervisors []Supervisor
	Lease       Lease
	Platform    *Platform // nil: not looked at
	Project     Project
	Partial     string // why not all of the folder was read
}

// TokenPlace is a place that holds a bot's token, or something else in a token's place.
type TokenPlace struct {
	Where  string // "environment BOT_TOKEN"
	Masked string // "123456:***"; "" when it is none
	Used   bool   // this is the one that "botctl run" takes
	Other  bool   // it differs from the one in force
}

// API is what the Bot API said.
type API struct {
	Asked   bool
	Name    string // of the bot, without its @
	Refused string // why the token was refused
	Trouble string // why it could not be asked

	WebhookTrouble string
	WebhookHost    string // "" when none is set
	Pending        int

	Dated bool          // its answer said what time it is
	Skew  time.Duration // our clock ahead of its
}

// Rival is another process that competes for the bot, or may.
type Rival struct {
	PID         int
	Command     string // masked
	Verdict     string // as package stale has it
	Evidence    string
	RestartedBy string
}

// Supervisor is a botctl that runs this bot, or the bot of this folder.
type Supervisor struct {
	PID          int
	Version      string
	Phase        string
	Well         bool
	Trouble      string
	Silent       string // why it does not answer
	Uptime       time.Duration
	GatewayMode  string // "" when it has none
	GatewayUsed  bool
	PollsThrough bool
	TakesPart    bool // in the lease of its bot
	HoldsLease   bool
}
