//go:build linux

package main

import (
	"strings"
	"testing"
)

func TestNumbersHaveThreeDigitsThatCount(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.004: "0.004", 0.5: "0.50", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234: "1,234", 1234567: "1,234,567", -87.66: "-87.7", -1234: "-1,234", 999.9: "1,000"} {
		if got := number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestAQuantileLiesBetweenTwoValues(t *testing.T) {
	list := []float64{1, 2, 3, 4}
	for q, want := range map[float64]float64{0: 1, .5: 2.5, 1: 4} {
		if got := quantile(list, q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
}

func TestTables(t *testing.T) {
	f := &found{}
	f.known("x", "floor", floorRole) // the first row, whenever its value comes
	for i := range 10 {
		f.add("x", "time", "ms", "botctl", ours, float64(20+i))
		f.add("x", "time", "ms", "peer", peer, 49)
	}
	f.add("x", "time", "ms", "floor", floorRole, 10)
	f.lacks("x", "absent", "it is not installed")
	tall := f.tables([]bench{{name: "x", title: "X", what: "What."}})
	for _, want := range []string{
		"| time | median, ms | spread | n | to the floor | to botctl |",
		"| floor | 10.0 |  | 1 |  | 0.41× |\n| botctl | 24.5 | 20.9–28.1 | 10 | 2.45× |  |\n| peer | 49.0 | 49.0–49.0 | 10 | 4.90× | 2.00× |",
		"absent: not measured: it is not installed.",
	} {
		if !strings.Contains(tall, want) {
			t.Errorf("%q is not in\n%s", want, tall)
		}
	}
	if wide, want := f.tables([]bench{{name: "x", wide: true}}), "| | time, ms |\n|---|---|\n| floor | 10.0 |\n| botctl | 24.5 (20.9–28.1), 2.45× |\n| peer | 49.0, 4.90× |\n"; !strings.Contains(wide, want) {
		t.Errorf("%q is not in\n%s", want, wide)
	}
	lines, err := f.jsonLines(machine{Processors: 2})
	if n := strings.Count(string(lines), "\n"); err != nil || n != 5 {
		t.Errorf("%d lines, %v; want the machine, three series and what is absent\n%s", n, err, lines)
	}
}
