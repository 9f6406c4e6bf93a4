package supervisor

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"botctl/supervisor/stale"
)

func TestACrowdOfSuspectsIsAFewLines(t *testing.T) {
	var said bytes.Buffer
	r := &run{opts: Options{Log: slog.New(slog.NewTextHandler(&said, nil))}}
	report := stale.Report{}
	for pid := range 300 {
		report.Findings = append(report.Findings, stale.Finding{PID: pid + 1, Verdict: stale.Suspect, Outcome: stale.NotTouched})
	}
	r.noteSweep(report)
	r.noteSweep(report) // no news
	if lines := strings.Count(said.String(), "\n"); lines != maxSuspectLines+1 || !strings.Contains(said.String(), "295 more may poll") {
		t.Errorf("%d lines:\n%s", lines, said.String())
	}
	if len(r.seen.suspects) != len(report.Findings) {
		t.Errorf("status has %d of them", len(r.seen.suspects))
	}
	said.Reset()
	r.noteSweep(stale.Report{})
	r.noteSweep(stale.Report{Findings: report.Findings[:1]}) // another process has that number now
	if !strings.Contains(said.String(), "pid=1 ") {
		t.Errorf("nothing of a new one: %s", said.String())
	}
}
