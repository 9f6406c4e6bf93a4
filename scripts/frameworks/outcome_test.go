//go:build linux

package frameworks

import (
	"slices"
	"strings"
	"testing"
)

// outcome is what a scenario came to: something is expected of its class, and its detail was measured.
type outcome struct {
	class  string // in words; of counted messages what is wrong with them, or nothing
	counts bool
	detail string
}

// counted is the outcome of numbered messages.
func counted(t tally, more string) outcome {
	kinds, _ := t.faults()
	text := t.String()
	if more != "" {
		text += ", " + more
	}
	return outcome{class: strings.Join(kinds, " "), counts: true, detail: text}
}

// String is what stands in the table.
func (o outcome) String() string {
	switch {
	case o.counts:
		return o.detail
	case o.detail == "":
		return o.class
	}
	return o.class + ", " + o.detail
}

// meets says that o is what was wanted: the class itself; of counted messages nothing but the faults that are
// wanted, none of which must be seen.
func (o outcome) meets(want string) bool {
	if !o.counts {
		return o.class == want
	}
	for fault := range strings.FieldsSeq(o.class) {
		if !slices.Contains(strings.Fields(want), fault) {
			return false
		}
	}
	return true
}

func TestOutcomeMeets(t *testing.T) {
	lost := counted(judge("n %d", 2, []string{"n 1"}), "")
	fine := counted(judge("n %d", 2, []string{"n 1", "n 2"}), "")
	for _, tc := range []struct {
		o    outcome
		want string
		ok   bool
	}{
		{outcome{class: "stays"}, "stays", true},
		{outcome{class: "stays"}, "restarted", false},
		{outcome{class: "stays"}, "", false},
		{fine, "", true},
		{fine, loses, true},
		{lost, "", false},
		{lost, doubles, false},
		{lost, doubles + " " + loses, true},
	} {
		if tc.o.meets(tc.want) != tc.ok {
			t.Errorf("%+v meets %q: %v", tc.o, tc.want, !tc.ok)
		}
	}
}
