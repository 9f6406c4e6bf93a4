//go:build linux

package frameworks

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// table is what was seen: by mode, framework and column.
type table struct {
	mu    sync.Mutex
	cells map[[3]string]outcome
}

func (tb *table) put(mode, bot, column string, o outcome) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.cells[[3]string{mode, bot, column}] = o
}

// modes are the halves of the matrix that this botctl can run.
func modes(t *testing.T) []mode {
	t.Helper()
	help, err := exec.Command(filepath.Join(os.Getenv(builtEnv), "botctl"), "run", "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("botctl run --help: %v\n%s", err, help)
	}
	if !strings.Contains(string(help), "--gateway") {
		return []mode{{name: "off"}}
	}
	return []mode{{name: "off", flags: []string{"--gateway", "off"}}, {name: "auto", flags: []string{"--gateway", "auto"}, gateway: true}}
}

func TestMatrix(t *testing.T) {
	switch *form {
	case "":
		t.Skip("scripts/matrix runs it")
	case "short", "full":
	default:
		t.Fatalf("-matrix %q: want short or full", *form)
	}
	names := strings.Fields(*only)
	for _, name := range names {
		if !slices.ContainsFunc(frameworks, func(f framework) bool { return f.name == name }) {
			t.Fatalf("no framework is named %q", name)
		}
	}
	seen := &table{cells: map[[3]string]outcome{}}
	list := modes(t)
	var loud sync.WaitGroup // noisy scenarios that are not over
	t.Run("bots", func(t *testing.T) {
		for _, m := range list {
			for _, f := range frameworks {
				if len(names) > 0 && !slices.Contains(names, f.name) {
					continue
				}
				for _, s := range scenarios {
					if *form == "full" || f.full || s.brief {
						if s.noise == noisy {
							loud.Add(1)
						}
						t.Run(m.name+"/"+f.name+"/"+s.columns[0], func(t *testing.T) {
							t.Parallel()
							switch s.noise {
							case noisy:
								defer loud.Done()
							case disturbed:
								loud.Wait()
							case idle:
							}
							s.run(newRig(t, f, m), func(column string, o outcome) {
								seen.put(m.name, f.name, column, o)
								t.Logf("%s: %v", column, o)
							})
						})
					}
				}
			}
		}
	})
}
