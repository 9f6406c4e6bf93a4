package doctor

import (
	"time"

	"botctl/supervisor/token"
)

// Verdict is what a fact is worth.
type Verdict string

// The verdicts.
const (
	OK   Verdict = "ok"
	Note Verdict = "note" // good to know
	Warn Verdict = "warn" // may do harm, or could not be looked at
	Fail Verdict = "fail" // does harm
)

// Check is one fact with its verdict and the next step.
type Check struct {
	About   string   `json:"about"`
	Verdict Verdict  `json:"verdict"`
	Fact    string   `json:"fact"`
	Next    []string `json:"next,omitempty"`  // what to do, or to write; a line each
	Where   []string `json:"where,omitempty"` // "file:line"
}

// Schema is the version of a Report's form.
const Schema = 1

// Report is all that there is to say.
type Report struct {
	SchemaVersion int       `json:"schema_version"`
	Version       string    `json:"version"`
	At            time.Time `json:"at"`
	Dir           string    `json:"dir"`
	BotID         string    `json:"bot_id,omitempty"`
	APIBase       string    `json:"api_base"`
	Failed        int       `json:"failed"`
	Warned        int       `json:"warned"`
	Checks        []Check   `json:"checks"`
}

// masker hides tokens that an owner has put in the place of a name.
var masker = token.NewMasker()

// add adds a check.
func (r *Report) add(about string, v Verdict, fact string, next ...string) *Check {
	switch v {
	case Fail:
		r.Failed++
	case Warn:
		r.Warned++
	}
	var steps []string
	for _, n := range next {
		steps = append(steps, masker.String(n))
	}
	r.Checks = append(r.Checks, Check{About: about, Verdict: v, Fact: masker.String(fact), Next: steps})
	return &r.Checks[len(r.Checks)-1]
}
