package lease

import (
	"fmt"
	"time"

	"botctl/supervisor/mutant"
)

// Config is what one supervisor brings. Me.Instance and Me.Deploy must be set; Me.Gen is found in the record.
type Config struct {
	Me    Member
	TTL   time.Duration // how long the lease lasts without a renewal; default DefaultTTL
	Lead  time.Duration // how long before the fence Ending comes; default 1/10 of TTL
	Force bool          // claim although the holder is of a newer deploy or another environment
	Fast  bool          // believe a Guard of the store that the holder is dead
}

// Times of the protocol. Those that hang on the TTL are methods of Config.
const (
	DefaultTTL = 10 * time.Second
	MinTTL     = time.Second
	MaxTTL     = 10 * time.Minute
	netEvery   = 500 * time.Millisecond // looks, whatever hints come
	guardWait  = 2 * time.Second        // after the death of a session, for its holder to notice
	absentFor  = 30                     // renewals without a sign of a deploy: it is gone
	seenEvery  = 5                      // renewals between two signs of a deploy that waits
	maxText    = 128                    // bytes of a Member's texts
)

// Validate completes c with its defaults or says what cannot be.
func (c Config) Validate() (Config, error) {
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.Lead == 0 {
		c.Lead = c.TTL / 10
	}
	for _, text := range []*string{&c.Me.Instance, &c.Me.Deploy, &c.Me.Env, &c.Me.Name} {
		*text = (*text)[:min(len(*text), maxText)]
	}
	switch {
	case c.Me.Instance == "" || c.Me.Deploy == "":
		return c, fmt.Errorf("lease: the instance and its deploy must have names")
	case c.TTL < MinTTL || c.TTL > MaxTTL:
		return c, fmt.Errorf("lease time %v: want %v to %v", c.TTL, MinTTL, MaxTTL)
	case c.Lead < 0 || c.Lead > c.TTL-c.margin()-2*c.renew():
		return c, fmt.Errorf("lease time %v: too short for a stop that takes %v; want at least %v", c.TTL, c.Lead, LeastTTL(c.Lead))
	}
	return c, nil
}

// LeastTTL is the shortest TTL that leaves lead before the fence, and two renewals before that.
func LeastTTL(lead time.Duration) time.Duration {
	return (lead * 5 / 2).Round(time.Second) + time.Second
}

func (c Config) renew() time.Duration  { return c.TTL / 5 }
func (c Config) margin() time.Duration { return c.TTL / 5 }

// attempt is how long one call of the store may take. A holder needs time for others; whoever waits has it, and may have to connect first, on a
// slow way.
func (c Config) attempt(m Mode) time.Duration {
	if m == Waiting {
		return c.TTL / 4
	}
	return c.TTL / 10
}

// patience is how long a record of a holder with this TTL must stay as it is.
func patience(ttl time.Duration) time.Duration {
	if mutant.Is(mutant.NoPatience) {
		return ttl / 2
	}
	return ttl + ttl/10
}
