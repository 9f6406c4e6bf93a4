//go:build linux

package frameworks

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// job is one scenario of one framework in one mode.
type job struct {
	mode mode
	bot  framework
	scenario
}

func (j job) String() string { return j.mode.name + "/" + j.bot.name + "/" + j.columns[0] }

// modes are the parts of the matrix.
var modes = []mode{
	{name: "off", flags: []string{"--gateway", "off"}},
	{name: "auto", flags: []string{"--stall-after", stallAfter.String()}, gateway: true},
	{name: "warm", flags: []string{"--gateway", "require", "--restart-warm"}, gateway: true, only: "restart"},
}

// jobs are what was asked for. Those of all frameworks are mixed, so that the slow ones do not end up last.
func jobs(t *testing.T) []job {
	t.Helper()
	names := strings.Fields(*only)
	for _, name := range names {
		if !slices.ContainsFunc(frameworks, func(f framework) bool { return f.name == name }) {
			t.Fatalf("no framework is named %q", name)
		}
	}
	var list []job
	for _, s := range scenarios {
		for _, f := range frameworks {
			if len(names) > 0 && !slices.Contains(names, f.name) || *form != "full" && !f.full && !s.brief {
				continue
			}
			for _, m := range modes {
				if m.only != "" && m.only != s.columns[0] {
					continue
				}
				j := job{m, f, s}
				if f.spins && !m.gateway && (s.columns[0] == "401" || s.columns[0] == "5xx") {
					j.turn = last // it takes a whole processor
				}
				list = append(list, j)
			}
		}
	}
	return list
}

func TestMatrix(t *testing.T) {
	switch *form {
	case "":
		t.Skip("scripts/matrix runs it")
	case "short", "full":
	default:
		t.Fatalf("-matrix %q: want short or full", *form)
	}
	seen := &table{cells: map[place]outcome{}}
	var under [turns]sync.WaitGroup
	t.Run("bots", func(t *testing.T) {
		for _, j := range jobs(t) {
			if j.turn != anytime {
				under[j.turn].Add(1)
			}
			t.Run(j.String(), func(t *testing.T) {
				t.Parallel()
				if j.turn != anytime {
					defer under[j.turn].Done()
				}
				for earlier := range max(j.turn, first) {
					under[earlier].Wait()
				}
				j.run(newRig(t, j.bot, j.mode), func(column string, o outcome) {
					seen.put(j.mode.name, j.bot.name, column, o)
					if class := expected(j.mode.name, j.bot.name, column); !o.meets(class) {
						t.Errorf("%s: %v; expected %q", column, o, class)
					}
				})
			})
		}
	})
	if err := os.WriteFile(*out, []byte(seen.report(*form == "full" && *only == "")), 0o644); err != nil {
		t.Fatal(err)
	}
}
