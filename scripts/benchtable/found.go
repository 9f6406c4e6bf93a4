//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// found is what all measurements have come to, in the order of their first values.
type found struct{ list []*series }

func (f *found) of(bench, metric, unit, subject string, as role) *series {
	for _, s := range f.list {
		if s.Bench == bench && s.Metric == metric && s.Subject == subject {
			return s
		}
	}
	s := &series{Bench: bench, Metric: metric, Unit: unit, Subject: subject, Role: as}
	f.list = append(f.list, s)
	return s
}

func (f *found) add(bench, metric, unit, subject string, as role, v float64) {
	s := f.of(bench, metric, unit, subject, as)
	s.Values = append(s.Values, v)
}

// known makes a subject appear in the tables at this place, whenever its first value comes.
func (f *found) known(bench, subject string, as role) { f.of(bench, "", "", subject, as) }

// lacks says why a subject has no figures.
func (f *found) lacks(bench, subject string, why string) {
	s := f.of(bench, "", "", subject, peer)
	s.Why = why
}

// summarize computes medians and ratios. A ratio is to the floor of the same metric, and to botctl's first subject there.
func (f *found) summarize() {
	for _, s := range f.list {
		s.summarize()
	}
	for _, s := range f.list {
		for _, other := range f.list {
			if other.Bench != s.Bench || other.Metric != s.Metric || other.N == 0 || other == s {
				continue
			}
			if other.Role == floorRole && s.ToFloor == 0 {
				s.ToFloor = ratio(s.Median, other.Median)
			}
			if other.Role == ours && s.ToOurs == 0 && s.Role != ours {
				s.ToOurs = ratio(s.Median, other.Median)
			}
		}
	}
}

// jsonLines is the machine and then each series, a line each.
func (f *found) jsonLines(m machine) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	for _, s := range f.list {
		if s.N == 0 && s.Why == "" {
			continue
		}
		if err := enc.Encode(s); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// tables is a section of Markdown for each measurement.
func (f *found) tables(chosen []bench) string {
	f.summarize()
	var out strings.Builder
	for _, b := range chosen {
		fmt.Fprintf(&out, "## %s\n\n%s\n\n", b.title, b.what)
		of := f.bench(b.name)
		if b.wide {
			wide(&out, of)
		} else {
			tall(&out, of)
		}
		for _, s := range of {
			if s.Why != "" {
				fmt.Fprintf(&out, "%s: not measured: %s.\n\n", s.Subject, s.Why)
			}
		}
	}
	return out.String()
}

func (f *found) bench(name string) (of []*series) {
	for _, s := range f.list {
		if s.Bench == name {
			of = append(of, s)
		}
	}
	return of
}

// tall is a table for each metric: a row a subject.
func tall(out *strings.Builder, of []*series) {
	for _, m := range metrics(of) {
		fmt.Fprintf(out, "| %s | median, %s | spread | n | to the floor | to botctl |\n|---|---|---|---|---|---|\n", m.Metric, m.Unit)
		for _, row := range rows(of) {
			if s := pick(of, m.Metric, row); s != nil {
				fmt.Fprintf(out, "| %s | %s | %s | %d | %s | %s |\n", row, number(s.Median), s.spread(), s.N, times(s.ToFloor), times(s.ToOurs))
			}
		}
		out.WriteString("\n")
	}
}

// wide is one table: a row a subject, a column a metric.
func wide(out *strings.Builder, of []*series) {
	columns := metrics(of)
	if len(columns) == 0 {
		return
	}
	head, rule := "| |", "|---|"
	for _, m := range columns {
		head, rule = head+" "+strings.TrimSpace(m.Metric+", "+m.Unit)+" |", rule+"---|"
	}
	out.WriteString(strings.ReplaceAll(head, ", |", " |") + "\n" + rule + "\n")
	for _, row := range rows(of) {
		fmt.Fprintf(out, "| %s |", row)
		for _, m := range columns {
			if s := pick(of, m.Metric, row); s != nil {
				fmt.Fprintf(out, " %s |", cell(s))
			} else {
				out.WriteString(" |")
			}
		}
		out.WriteString("\n")
	}
	out.WriteString("\n")
}

// rows are the subjects that have a figure, in the order in which they were made known.
func rows(of []*series) (list []string) {
	for _, s := range of {
		if !slices.Contains(list, s.Subject) && slices.ContainsFunc(of, func(o *series) bool { return o.Subject == s.Subject && o.N > 0 }) {
			list = append(list, s.Subject)
		}
	}
	return list
}

// pick is the series of a row and a column; nil when there is none.
func pick(of []*series, metric, subject string) *series {
	for _, s := range of {
		if s.Subject == subject && s.Metric == metric && s.N > 0 {
			return s
		}
	}
	return nil
}

// cell is a median, with its spread where it says something.
func cell(s *series) string {
	text := number(s.Median)
	if spread := s.spread(); spread != "" && s.Min != s.Max {
		text += " (" + spread + ")"
	}
	if s.ToFloor != 0 && s.Role != floorRole {
		text += ", " + times(s.ToFloor)
	}
	return text
}

// metrics are those of a measurement, in their order.
func metrics(of []*series) (list []*series) {
	for _, s := range of {
		if s.N > 0 && !slices.ContainsFunc(list, func(m *series) bool { return m.Metric == s.Metric }) {
			list = append(list, s)
		}
	}
	return list
}

func times(r float64) string {
	if r == 0 {
		return ""
	}
	return number(r) + "×"
}
