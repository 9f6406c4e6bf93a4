// Command logscore scores the log scanner on a corpus of labelled events.
//
// Usage: go run ./scripts/logscore [-v] FILE.jsonl
//
// Each line of FILE is an object with id, lines (a list of strings) and label. An event counts
// for a label when the scanner reports that kind for it. The last line of the output is the precision and
// recall over all labels. -v lists every miss and false alarm.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"botctl/supervisor/logscan"
)

func main() {
	verbose := flag.Bool("v", false, "list misses and false alarms")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: go run ./scripts/logscore [-v] FILE.jsonl")
		os.Exit(2)
	}
	if err := score(os.Stdout, flag.Arg(0), *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "logscore:", err)
		os.Exit(1)
	}
}

var labels = []string{"conflict", "webhook_active", "event_loop", "unauthorized"}

// event is one line of a corpus.
type event struct {
	ID    string   `json:"id"`
	Lines []string `json:"lines"`
	Label string   `json:"label"`
}

// tally counts the outcomes of one label.
type tally struct{ tp, fp, fn int }

func (t tally) precision() float64 { return ratio(t.tp, t.tp+t.fp) }
func (t tally) recall() float64    { return ratio(t.tp, t.tp+t.fn) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

func score(w io.Writer, path string, verbose bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	counts, all := map[string]*tally{}, tally{}
	for _, l := range labels {
		counts[l] = &tally{}
	}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 16<<20)
	for n := 1; in.Scan(); n++ {
		if len(in.Bytes()) == 0 {
			continue
		}
		var e event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil || e.Label == "" {
			return fmt.Errorf("%s:%d: want an object with id, lines and label", path, n)
		}
		got := kinds(e.Lines)
		for _, l := range labels {
			switch {
			case got[l] && e.Label == l:
				counts[l].tp++
			case got[l]:
				counts[l].fp++
				note(w, verbose, "false alarm", l, e)
			case e.Label == l:
				counts[l].fn++
				note(w, verbose, "missed", l, e)
			}
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	fmt.Fprintf(w, "%-16s %4s %4s %4s  %9s  %6s\n", "LABEL", "TP", "FP", "FN", "PRECISION", "RECALL")
	for _, l := range labels {
		t := *counts[l]
		fmt.Fprintf(w, "%-16s %4d %4d %4d  %9.3f  %6.3f\n", l, t.tp, t.fp, t.fn, t.precision(), t.recall())
		all.tp, all.fp, all.fn = all.tp+t.tp, all.fp+t.fp, all.fn+t.fn
	}
	_, err = fmt.Fprintf(w, "overall precision %.3f recall %.3f\n", all.precision(), all.recall())
	return err
}

// kinds are what the scanner reports for lines.
func kinds(lines []string) map[string]bool {
	got := map[string]bool{}
	emit := func(e logscan.Evidence) { got[e.Kind.String()] = true }
	var s logscan.Scanner
	now := time.Unix(0, 0)
	for _, line := range lines {
		s.Write(logscan.Stderr, []byte(line+"\n"), now, emit)
	}
	s.Close(now, emit)
	return got
}

func note(w io.Writer, verbose bool, what, label string, e event) {
	if verbose && len(e.Lines) > 0 {
		fmt.Fprintf(w, "%s %s %s: %.150s\n", what, label, e.ID, e.Lines[0])
	}
}
