//go:build linux

package main

import (
	"math"
	"slices"
	"strconv"
)

// role is what a subject is measured for.
type role string

const (
	floorRole role = "floor" // the least that anybody could need
	ours      role = "botctl"
	peer      role = "peer"
)

// series is all that was measured of one metric of one subject.
type series struct {
	Bench   string    `json:"bench"`
	Metric  string    `json:"metric"`
	Unit    string    `json:"unit"`
	Subject string    `json:"subject"`
	Role    role      `json:"role"`
	N       int       `json:"n"`
	Median  float64   `json:"median"`
	P10     float64   `json:"p10"`
	P90     float64   `json:"p90"`
	Min     float64   `json:"min"`
	Max     float64   `json:"max"`
	ToFloor float64   `json:"ratio_to_floor,omitempty"`
	ToOurs  float64   `json:"ratio_to_botctl,omitempty"`
	Values  []float64 `json:"values"`
	Why     string    `json:"not_measured,omitempty"`
}

// summarize fills what follows from the values.
func (s *series) summarize() {
	list := slices.Clone(s.Values)
	slices.Sort(list)
	s.N = len(list)
	if s.N == 0 {
		return
	}
	s.Median, s.P10, s.P90 = quantile(list, .5), quantile(list, .1), quantile(list, .9)
	s.Min, s.Max = list[0], list[s.N-1]
}

// quantile is that of a sorted list, between two values where it lies between them.
func quantile(list []float64, q float64) float64 {
	at := q * float64(len(list)-1)
	low := int(at)
	high := min(low+1, len(list)-1)
	return list[low] + (at-float64(low))*(list[high]-list[low])
}

// number has three digits that count.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case a == 0:
		return "0"
	case a < 0.01:
		return strconv.FormatFloat(v, 'g', 2, 64)
	case a < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	text := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// spread is the median with p10 and p90, or with the ends of few values.
func (s *series) spread() string {
	switch {
	case s.N == 0:
		return ""
	case s.N == 1:
		return ""
	case s.N < 10:
		return number(s.Min) + "–" + number(s.Max)
	}
	return number(s.P10) + "–" + number(s.P90)
}

func ratio(v, of float64) float64 {
	if of == 0 {
		return 0
	}
	return v / of
}
