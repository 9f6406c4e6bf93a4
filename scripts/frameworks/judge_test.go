//go:build linux

package frameworks

import (
	"fmt"
	"strings"
	"testing"
)

// What may be wrong with the answers to numbered messages.
const (
	loses     = "loses"
	doubles   = "doubles"
	disorders = "disorders"
)

// tally is what became of numbered messages.
type tally struct {
	sent       int
	lost       int // never answered
	doubled    int // answered more than once
	disordered int // answered after one that was written later
}

// judge counts the answers to the messages 1 to n of a format such as "echo %d".
func judge(format string, n int, answers []string) tally {
	number := make(map[string]int, n)
	for i := 1; i <= n; i++ {
		number[fmt.Sprintf(format, i)] = i
	}
	times := make([]int, n+1)
	highest := 0
	t := tally{sent: n}
	for _, text := range answers {
		i := number[text]
		if i == 0 {
			continue
		}
		switch times[i]++; times[i] {
		case 1:
			if i < highest {
				t.disordered++
			}
			highest = max(highest, i)
		case 2:
			t.doubled++
		}
	}
	for i := 1; i <= n; i++ {
		if times[i] == 0 {
			t.lost++
		}
	}
	return t
}

// faults are what went wrong, in the order of its weight.
func (t tally) faults() (kinds, counts []string) {
	for _, f := range []struct {
		n          int
		kind, what string
	}{{t.lost, loses, "lost"}, {t.doubled, doubles, "doubled"}, {t.disordered, disorders, "out of order"}} {
		if f.n > 0 {
			kinds, counts = append(kinds, f.kind), append(counts, fmt.Sprintf("%d %s", f.n, f.what))
		}
	}
	return kinds, counts
}

// String tells what went wrong.
func (t tally) String() string {
	_, list := t.faults()
	if len(list) == 0 {
		return fmt.Sprintf("all %d once, in order", t.sent)
	}
	return strings.Join(list, ", ")
}

func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers []string
		want    string
	}{
		{"all", []string{"n 1", "n 2", "n 3", "n 4"}, "all 4 once, in order"},
		{"others do not count", []string{"x", "n 1", "n 2", "n 3", "n 4", "n 5"}, "all 4 once, in order"},
		{"none", nil, "4 lost"},
		{"one twice", []string{"n 1", "n 2", "n 2", "n 3", "n 2", "n 4"}, "1 doubled"},
		{"two changed places", []string{"n 2", "n 1", "n 3", "n 4"}, "1 out of order"},
		{"a gap and a repetition", []string{"n 1", "n 3", "n 1", "n 3"}, "2 lost, 2 doubled"},
	} {
		if got := judge("n %d", 4, tc.answers).String(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
