package supervisor

import (
	"slices"
	"testing"
	"time"
)

func TestARepeatedCauseIsSaidAt1And5And30Minutes(t *testing.T) {
	r := repeats{}
	begin := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var at []int
	total := 0
	for second := range 3700 {
		left, ok := r.say("exit 1", begin.Add(time.Duration(second)*time.Second))
		if ok {
			at = append(at, second)
			total += left + 1
		}
	}
	if want := []int{0, 60, 300, 1800, 3600}; !slices.Equal(at, want) {
		t.Errorf("said at second %v, want %v", at, want)
	}
	if total != 3601 {
		t.Errorf("counted %d occurrences up to the last word, want 3601", total)
	}
	if _, ok := r.say("exit 2", begin); !ok {
		t.Error("another cause was not said at once")
	}
	if left, ok := r.say("exit 1", begin.Add(5*time.Hour)); !ok || left != 0 {
		t.Error("a cause that had not come up for hours is not new")
	}
}
