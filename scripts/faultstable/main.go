// Command faultstable runs the tests that cite a fault case and tabulates the cases; with
// --mutate it runs them against botctl with one protection taken out at a time. See scripts/faults.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// tables are those of the fault cases: P, processes of one host, and L, the lease between hosts; with the number of their last case.
var tables = []struct {
	letter string
	last   int
}{{"P", 44}, {"L", 24}}

// notes stand beside cases that are covered in part, or elsewhere.
var notes = map[string]string{
	"P20": "a process in state D cannot be made at will: that it is reported as surviving is not seen",
	"P40": "a clock cannot be set for one process, so the pure policy is given the jump",
	"L15": "by a botctl whose clock a test shifts; no other clock takes part",
	"L16": "by a botctl whose clock a test shifts",
	"L23": "by stopping the process for most of the time, not by a cgroup",
}

func main() {
	full := flag.Bool("full", false, "run the long forms")
	mutate := flag.Bool("mutate", false, "take protections out and want to see their cases fail")
	all := flag.Bool("all", false, "run the other tests of the same packages, too")
	out := flag.String("out", "", "write the table to this file, too")
	flag.Parse()
	if *full {
		os.Setenv("BOTCTL_TEST_FULL", "1")
	}
	var text string
	var ok bool
	var err error
	if *mutate {
		text, ok, err = mutants(flag.Args())
	} else {
		text, ok, err = cases(flag.Args(), *all)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scripts/faults:", err)
		os.Exit(1)
	}
	fmt.Print(text)
	if *out != "" {
		if err := os.WriteFile(*out, []byte(document(text, *mutate, *full)), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "scripts/faults:", err)
			os.Exit(1)
		}
	}
	if !ok {
		os.Exit(1)
	}
}

// document is the table as it is kept in docs.
func document(table string, mutate, full bool) string {
	form := "its short form"
	if full {
		form = "its long form, --full"
	}
	title := "# Fault cases\n\nThe latest table of `scripts/faults`, from " + form + ". The numbers are those of the fault tables; each test's name cites its own.\n"
	if mutate {
		title = "# Mutants\n\nThe latest table of `scripts/faults --mutate`: what botctl lacks, and the test that then fails.\n"
	}
	return title + "\n```\n" + table + "```\n"
}

// caseOf finds the cases in a test's name: TestP12AndP36Storage is of two.
var caseOf = regexp.MustCompile(`(?:Test|And)([PL]\d+)`)

// result is what is known of a case.
type result struct {
	passed, failed int
	skipped        []string // why
	seconds        float64
}

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// cases runs every test that cites a case, or those of the given ones, or all tests.
func cases(only []string, all bool) (string, bool, error) {
	pattern := "[PL][0-9]+"
	switch {
	case all:
		pattern = "."
	case len(only) > 0:
		pattern = "(" + strings.Join(only, "|") + ")([^0-9]|$)"
	}
	packages, err := packagesOfCases()
	if err != nil {
		return "", false, err
	}
	cmd := exec.Command("go", append([]string{"test", "-race", "-json", "-shuffle=on", "-p", "1", "-parallel", "6", "-timeout", "120m", "-run", pattern}, packages...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", false, err
	}
	if err := cmd.Start(); err != nil {
		return "", false, err
	}
	results := map[string]*result{}
	output := map[string]string{}
	sc := bufio.NewScanner(pipe)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var ev event
		if json.Unmarshal(sc.Bytes(), &ev) != nil {
			continue
		}
		if ev.Test == "" { // of a package: did it build, did it end
			if ev.Action == "output" || ev.Action == "build-output" {
				fmt.Fprint(os.Stderr, ev.Output)
			}
			continue
		}
		key := ev.Package + "." + ev.Test
		if ev.Action == "output" {
			output[key] += ev.Output
			continue
		}
		tally(results, ev, output[key])
		if ev.Action == "fail" {
			fmt.Fprint(os.Stderr, output[key])
		}
	}
	failed := cmd.Wait()
	return table(results, only), failed == nil && complete(results, only), nil
}

// packagesOfCases are those whose tests cite cases, with the command last. The stores of the lease have a suite of their own.
func packagesOfCases() ([]string, error) {
	out, err := exec.Command("go", "list", "./supervisor/...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	list := slices.DeleteFunc(strings.Fields(string(out)), func(p string) bool { return strings.Contains(p, "/supervisor/lease") })
	return append(list, "./cmd/botctl"), nil
}

// tally counts a finished test for every case that its name cites. Subtests count with their parent, unless
// they cite a case themselves.
func tally(results map[string]*result, ev event, output string) {
	name := ev.Test
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		if name = "Test" + name[i+1:]; caseOf.FindString(name) == "" {
			if ev.Action != "skip" {
				return
			}
			name = ev.Test
		}
	}
	for _, m := range caseOf.FindAllStringSubmatch(name, -1) {
		r := results[m[1]]
		if r == nil {
			r = &result{}
			results[m[1]] = r
		}
		switch ev.Action {
		case "pass":
			r.passed++
		case "fail":
			r.failed++
		case "skip":
			r.skipped = append(r.skipped, reason(output))
		default:
			continue
		}
		r.seconds += ev.Elapsed
	}
}

// reason is the text of t.Skip.
func reason(output string) string {
	for line := range strings.Lines(output) {
		if _, text, ok := strings.Cut(line, "_test.go:"); ok {
			_, text, _ = strings.Cut(text, ": ")
			return strings.TrimSpace(text)
		}
	}
	return "skipped"
}

func table(results map[string]*result, only []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-5s  %-8s  %8s  %5s  %s\n", "CASE", "OUTCOME", "SECONDS", "TESTS", "NOTE")
	for _, name := range everyCase() {
		r := results[name]
		if len(only) > 0 && r == nil {
			continue
		}
		if r == nil {
			r = &result{}
		}
		outcome := "ok"
		switch {
		case r.failed > 0:
			outcome = "FAILED"
		case r.passed == 0 && len(r.skipped) > 0:
			outcome = "not here"
		case r.passed == 0:
			outcome = "MISSING"
		}
		remarks := r.skipped
		if notes[name] != "" {
			remarks = append(remarks, notes[name])
		}
		line := fmt.Sprintf("%-5s  %-8s  %8.1f  %5d  %s", name, outcome, r.seconds, r.passed+r.failed, strings.Join(remarks, "; "))
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	return b.String()
}

// everyCase names all of them.
func everyCase() (names []string) {
	for _, t := range tables {
		for n := 1; n <= t.last; n++ {
			names = append(names, fmt.Sprintf("%s%d", t.letter, n))
		}
	}
	return names
}

func complete(results map[string]*result, only []string) bool {
	for _, name := range everyCase() {
		if r := results[name]; len(only) == 0 && (r == nil || r.passed == 0 && len(r.skipped) == 0) {
			return false
		}
	}
	return true
}

// lacks are the mutants and the test that must fail in each.
var lacks = []struct{ mutant, pkg, test string }{
	{"no-tree-kill", "proc", "TestP4Daemonised"},
	{"no-subreaper", "proc", "TestP4Daemonised"},
	{"no-drain-limit", "proc", "TestP5Grandchild"},
	{"no-guardian", "proc", "TestP7TheGuardian"},
	{"no-leash", "proc", "TestP7TheLeashEndsTheGroup"},
	{"no-own-end", "proc", "TestP7TheLeashOutlivesTheChild"},
	{"no-child-lock", "lock", "TestP7TheChild"},
	{"no-panic-guard", "", "TestP9APanicEnds"},
	{"no-verify", "lock", "TestP11"},
	{"follow-links", "lock", "TestP12AndP13"},
	{"no-identity-check", "stale", "TestP15"},
	{"no-heir-check", "proc", "TestP16WhatWe"},
	{"no-token-acquittal", "stale", "TestP16Rivals"},
	{"first-parenthesis", "proc", "TestP17"},
	{"no-stale-kill", "stale", "TestP20"},
	{"any-namespace", "stale", "TestP21"},
	{"no-keep", "stale", "TestP16Rivals"},
	{"no-busy-retry", "proc", "TestP25"},
	{"trust-text", "cmd", "TestP30"},
	{"line-buffer", "cmd", "TestP32"},
	{"blocking-sink", "proc", "TestP34"},
	{"die-of-pipe", "cmd", "TestP35"},
	{"no-spare-files", "proc", "TestP37"},
	{"no-continue", "proc", "TestP39"},
	{"any-heartbeat", "cmd", "TestP39"},
	{"reap-everything", "proc", "TestP42"},
	{"leak-descriptors", "cmd", "TestP44"},
	{"no-fence", "cmd", "TestL6"},
	{"no-patience", "cmd", "TestL8TheHolder"},
}

// mutants builds and runs each mutant, two at a time.
func mutants(only []string) (string, bool, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return "", false, err
	}
	defer os.RemoveAll(dir)
	lines := make([]string, len(lacks))
	red := make([]bool, len(lacks))
	slots := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for i, l := range lacks {
		if len(only) > 0 && !slices.Contains(only, l.mutant) {
			red[i] = true
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			begin := time.Now()
			outcome := kill(dir, l.mutant, l.pkg, l.test)
			red[i] = outcome == "red"
			lines[i] = fmt.Sprintf("%-20s  %-8s  %7.1f  %s\n", l.mutant, outcome, time.Since(begin).Seconds(), l.test)
		})
	}
	wg.Wait()
	header := fmt.Sprintf("%-20s  %-8s  %7s  %s\n", "MUTANT", "OUTCOME", "SECONDS", "TEST")
	return header + strings.Join(lines, ""), !slices.Contains(red, false), nil
}

// kill says "red" when the test fails in the mutant, as it should. What a mutant leaves behind ends with
// its PID namespace.
func kill(dir, mutant, pkg, test string) string {
	path := map[string]string{"": "./supervisor", "cmd": "./cmd/botctl"}[pkg]
	if path == "" {
		path = "./supervisor/" + pkg
	}
	binary := filepath.Join(dir, mutant+".test")
	build := exec.Command("go", "test", "-c", "-tags", "mutate", "-ldflags", "-X botctl/supervisor/mutant.which="+mutant, "-o", binary, path)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s", out)
		return "no build"
	}
	args := []string{"-pf", "--mount-proc", "--kill-child", "sh", "-c", `"$@"; exit $?`, "sh"}
	if os.Getuid() != 0 {
		args = append([]string{"-Ur"}, args...)
	}
	run := exec.Command("unshare", append(args, binary, "-test.run", "^"+test, "-test.timeout", "120s")...)
	run.Dir = path
	run.Env = append(os.Environ(), "BOTCTL_TEST_TAGS=mutate", "BOTCTL_TEST_MUTANT="+mutant)
	pipe, err := run.StdoutPipe()
	if err != nil {
		return err.Error()
	}
	run.Stderr = run.Stdout
	if err := run.Start(); err != nil {
		return err.Error()
	}
	out, _ := io.ReadAll(pipe)
	run.Wait()
	switch {
	case strings.Contains(string(out), "--- FAIL: "+test), strings.Contains(string(out), "panic: test timed out"):
		return "red"
	case strings.Contains(string(out), "--- SKIP") || strings.Contains(string(out), "no tests to run"):
		return "not run"
	}
	return "GREEN"
}
