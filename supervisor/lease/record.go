package lease

import (
	"encoding/json"
	"fmt"
	"time"
)

// Schema is the version of the record's form. A record of a higher one is not touched.
const Schema = 1

// Record is what the supervisors of one bot know of each other. Nothing in it is a secret. It is comparable.
type Record struct {
	Schema  int
	Epoch   uint64        // number of the holding period; grows with each acquisition
	Seq     uint64        // grows with each acquisition and renewal, over all epochs
	Holder  Member        // zero: released, or never held
	TTL     time.Duration // of the holder, or of the latest one
	Guarded bool          // the holder has the store's guard; see Guard
	Server  string        // Snapshot.Server when it was acquired, renewed or released last
	Cursor  int64         // every update below it is handled; 0: unknown
	Claim   Claim         // who asks the holder to hand over; zero: nobody
	Gens    uint64        // the highest number given to a deploy
	Deploys [maxDeploys]Deploy
}

// maxDeploys is how many deploys a record remembers; the one that was there the longest ago goes first.
const maxDeploys = 8

// Member is one supervisor.
type Member struct {
	Instance string `json:"instance"`         // a number of its own, at random, for each start
	Deploy   string `json:"deploy,omitempty"` // the platform's name for what was deployed; replicas share it
	Gen      uint64 `json:"gen,omitempty"`    // of the deploy: the higher, the newer
	Env      string `json:"env,omitempty"`    // the platform's name for the environment; "" where there is none
	Name     string `json:"name,omitempty"`   // for people: replica or host
}

// Claim asks the holder to hand over. Force: although it is of another environment, or of a newer deploy.
type Claim struct {
	Member

	Force bool `json:"force,omitempty"`
}

// Deploy is the number of a deploy, and Record.Seq when one of its supervisors was there last.
type Deploy struct {
	ID   string `json:"id"`
	Gen  uint64 `json:"gen"`
	Seen uint64 `json:"seen"`
}

// Held says whether somebody holds the lease, as far as the record says.
func (r Record) Held() bool { return r.Holder.Instance != "" }

// wireRecord is a Record's form in a store.
type wireRecord struct {
	Schema  int      `json:"schema"`
	Epoch   uint64   `json:"epoch"`
	Seq     uint64   `json:"seq"`
	Holder  *Member  `json:"holder,omitempty"`
	TTLms   int64    `json:"ttl_ms"`
	Guarded bool     `json:"guarded,omitempty"`
	Server  string   `json:"server,omitempty"`
	Cursor  int64    `json:"cursor,omitempty"`
	Claim   *Claim   `json:"claim,omitempty"`
	Gens    uint64   `json:"gens,omitempty"`
	Deploys []Deploy `json:"deploys,omitempty"`
}

// MarshalJSON writes r as stores keep it.
func (r Record) MarshalJSON() ([]byte, error) {
	w := wireRecord{
		Schema: Schema, Epoch: r.Epoch, Seq: r.Seq, TTLms: r.TTL.Milliseconds(), Guarded: r.Guarded, Server: r.Server,
		Cursor: r.Cursor, Gens: r.Gens,
	}
	if r.Held() {
		w.Holder = &r.Holder
	}
	if r.Claim.Instance != "" {
		w.Claim = &r.Claim
	}
	for _, d := range r.Deploys {
		if d.Gen > 0 {
			w.Deploys = append(w.Deploys, d)
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON refuses what a newer botctl, or somebody else, has written.
func (r *Record) UnmarshalJSON(b []byte) error {
	var w wireRecord
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("not a lease record: %w", err)
	}
	if w.Schema != Schema {
		return fmt.Errorf("lease record of form %d, want %d: another version of botctl has written it", w.Schema, Schema)
	}
	*r = Record{
		Schema: w.Schema, Epoch: w.Epoch, Seq: w.Seq, TTL: time.Duration(w.TTLms) * time.Millisecond, Guarded: w.Guarded, Server: w.Server,
		Cursor: w.Cursor, Gens: w.Gens,
	}
	if w.Holder != nil {
		r.Holder = *w.Holder
	}
	if w.Claim != nil {
		r.Claim = *w.Claim
	}
	copy(r.Deploys[:], w.Deploys)
	return nil
}
