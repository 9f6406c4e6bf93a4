// Package botctl_test holds the import law of ARCHITECTURE.md.
package botctl_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// fences names, for each third-party library, the one package that may import it.
var fences = map[string]string{
	"github.com/spf13/cobra":                             "botctl/cmd/botctl",
	"github.com/spf13/pflag":                             "botctl/cmd/botctl",
	"github.com/knadh/koanf":                             "botctl/cmd/botctl",
	"golang.org/x/term":                                  "botctl/cmd/botctl",
	"golang.org/x/crypto/x509roots/fallback":             "botctl/cmd/botctl",
	"github.com/gofrs/flock":                             "botctl/supervisor/lock",
	"github.com/shirou/gopsutil/v3":                      "botctl/supervisor/stale",
	"github.com/joho/godotenv":                           "botctl/supervisor/token",
	"go.yaml.in/yaml/v3":                                 "botctl/supervisor/doctor",
	"github.com/BurntSushi/toml":                         "botctl/supervisor/doctor",
	"github.com/go-telegram-bot-api/telegram-bot-api/v5": "botctl/bot",
	"go.etcd.io/bbolt":                                   "botctl/bot/store",
	"github.com/go-analyze/charts":                       "botctl/bot/chart",
	"github.com/gomodule/redigo":                         "botctl/supervisor/lease/redis",
	"github.com/jackc/pgx/v5":                            "botctl/supervisor/lease/postgres",
	"github.com/chromedp":                                "the tests of botctl/bot/sandbox", // whose imports are not looked at: no program has it
}

// below lists what each package may import of this module. Leaves import nothing but botapi, token and mutant (and clock); a lease's stores import lease.
var below = map[string][]string{
	"botctl/cmd/botctl":                 {"botctl/bot", "botctl/bot/sandbox", "botctl/supervisor", "botctl/supervisor/control", "botctl/supervisor/lock", "botctl/supervisor/notify", "botctl/supervisor/policy", "botctl/supervisor/proc", "botctl/supervisor/stale", "botctl/supervisor/token", "botctl/supervisor/lease", "botctl/supervisor/lease/redis", "botctl/supervisor/lease/postgres", "botctl/supervisor/platform", "botctl/supervisor/health", "botctl/supervisor/botapi", "botctl/supervisor/doctor", "botctl/supervisor/herald"},
	"botctl/supervisor":                 {"botctl/supervisor/mutant", "botctl/supervisor/control", "botctl/supervisor/gateway", "botctl/supervisor/lock", "botctl/supervisor/logscan", "botctl/supervisor/notify", "botctl/supervisor/policy", "botctl/supervisor/proc", "botctl/supervisor/stale", "botctl/supervisor/token", "botctl/supervisor/lease", "botctl/supervisor/health", "botctl/supervisor/botapi", "botctl/supervisor/herald"},
	"botctl/supervisor/control":         {"botctl/supervisor/mutant"},
	"botctl/supervisor/gateway":         {"botctl/supervisor/mutant", "botctl/supervisor/token", "botctl/supervisor/clock"},
	"botctl/supervisor/clock":           {},
	"botctl/supervisor/lease":           {"botctl/supervisor/clock", "botctl/supervisor/mutant"},
	"botctl/supervisor/lease/leasetest": {"botctl/supervisor/lease"}, // which only tests import
	"botctl/supervisor/lease/postgres":  {"botctl/supervisor/lease"},
	"botctl/supervisor/lock":            {"botctl/supervisor/mutant"},
	"botctl/supervisor/logscan":         {"botctl/supervisor/mutant"},
	"botctl/supervisor/policy":          {},
	"botctl/supervisor/proc":            {"botctl/supervisor/mutant"},
	"botctl/supervisor/stale":           {"botctl/supervisor/mutant", "botctl/supervisor/token"},
	"botctl/supervisor/token":           {"botctl/supervisor/mutant"},
	"botctl/supervisor/mutant":          {},
	"botctl/supervisor/notify":          {"botctl/supervisor/mutant"},
	"botctl/supervisor/health":          {},
	"botctl/supervisor/platform":        {},
	"botctl/bot":                        {"botctl/bot/chart", "botctl/bot/coin", "botctl/bot/digest", "botctl/bot/prices", "botctl/bot/store"},
	"botctl/bot/chart":                  {"botctl/bot/coin"},
	"botctl/bot/coin":                   {},
	"botctl/bot/digest":                 {"botctl/bot/coin"},
	"botctl/bot/prices":                 {"botctl/bot/coin"},
	"botctl/bot/store":                  {"botctl/bot/coin", "botctl/bot/digest"},
	"botctl/bot/sandbox":                {"botctl/bot/sandbox/format"},
	"botctl/bot/sandbox/format":         {},
	"botctl/scripts/faultstable":        {},
	"botctl/scripts/frameworks":         {},
	"botctl/scripts/logscore":           {"botctl/supervisor/logscan"},
	"botctl/supervisor/lease/redis":     {"botctl/supervisor/lease"},
	"botctl/supervisor/botapi":          {"botctl/supervisor/token"},
	"botctl/supervisor/doctor":          {"botctl/supervisor/token"},
	"botctl/supervisor/herald":          {"botctl/supervisor/botapi", "botctl/supervisor/token"},
	"botctl/scripts/benchtable":         {"botctl/bot/sandbox", "botctl/supervisor/stale", "botctl/supervisor/token"},
	"botctl/scripts/benchtable/floor":   {},
	"botctl/scripts/benchtable/hello":   {},
}

// pure is all that package policy may import: no os, no net, no clock that ticks.
var pure = []string{"fmt", "time"}

func TestTheImportLaw(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath == "botctl" {
			continue
		}
		allowed, known := below[p.ImportPath]
		if !known {
			t.Errorf("%s has no room in the picture: add it to ARCHITECTURE.md and to this test", p.ImportPath)
		}
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, "botctl/") && !slices.Contains(allowed, imp) {
				t.Errorf("%s imports %s", p.ImportPath, imp)
			}
			if imp == "botctl/supervisor/lease/leasetest" {
				t.Errorf("%s imports leasetest, which is for tests alone", p.ImportPath)
			}
			if p.ImportPath == "botctl/supervisor/policy" && !slices.Contains(pure, imp) {
				t.Errorf("policy imports %s", imp)
			}
			checkFence(t, p.ImportPath, imp)
		}
	}
	if seen < len(below) {
		t.Errorf("%d packages seen, %d known", seen, len(below))
	}
}

func checkFence(t *testing.T, from, imp string) {
	t.Helper()
	if !strings.Contains(strings.Split(imp, "/")[0], ".") || strings.HasPrefix(imp, "golang.org/x/sys/") {
		return
	}
	for lib, owner := range fences {
		if imp == lib || strings.HasPrefix(imp, lib+"/") {
			if from != owner {
				t.Errorf("%s imports %s, whose fence is %s", from, imp, owner)
			}
			return
		}
	}
	t.Errorf("%s imports %s, which has no fence", from, imp)
}
