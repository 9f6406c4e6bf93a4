package logscan

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// outputs are all that the tables of shapes hold, with line ends.
func outputs() []string {
	var all []string
	for _, s := range slices.Concat(pythonShapes, loopShapes, nodeShapes, goShapes, otherShapes) {
		all = append(all, s.out+"\n")
	}
	for _, r := range ownReports {
		all = append(all, r.out+"\n")
	}
	for _, out := range harmlessOutputs {
		all = append(all, out+"\n")
	}
	return all
}

// chunked feeds out in the pieces that cut says, which holds ends of pieces in order.
func chunked(out []byte, cut []int) []Evidence {
	var sc Scanner
	var got []Evidence
	emit := func(e Evidence) { got = append(got, e) }
	start := 0
	for _, end := range append(cut, len(out)) {
		piece := bytes.Clone(out[start:end])
		sc.Write(Stdout, piece, at, emit)
		clear(piece) // it is the caller's
		start = end
	}
	sc.Close(at, emit)
	return got
}

func TestAnySplitGivesTheSame(t *testing.T) {
	for _, out := range outputs() {
		out = "starting\n" + out + "goes on\n"
		want := scan(out)
		for i := range len(out) {
			if got := chunked([]byte(out), []int{i}); !reflect.DeepEqual(got, want) {
				t.Fatalf("split at %d: %+v, want %+v of\n%s", i, got, want, out)
			}
		}
		every := make([]int, len(out))
		for i := range every {
			every[i] = i
		}
		if got := chunked([]byte(out), every); !reflect.DeepEqual(got, want) {
			t.Fatalf("byte by byte: %+v, want %+v of\n%s", got, want, out)
		}
	}
}

func TestPrefixesDoNotMatter(t *testing.T) {
	prefixes := []string{
		"bot-1  | ", "0|bot  | ", "10:00:03 worker.1  | ", "Feb 11 10:00:03 vps python3[7]: ",
		"2027-02-11T10:00:03.411624+00:00 app[worker.1]: ", "2027-02-11T10:00:03Z app[1a2b] ams [info] ", "[pod/bot-7/bot] ",
		"2027-02-11T10:00:03+0000 vps bot[7]: ",
	}
	for _, s := range slices.Concat(pythonShapes, loopShapes, nodeShapes, goShapes) {
		for _, p := range prefixes {
			out := p + strings.ReplaceAll(s.out, "\n", "\n"+p) + "\n"
			got := scan(out)
			if len(got) == 0 || got[0].Kind != s.kind {
				t.Errorf("%s behind %q: got %+v, want %v", s.name, p, got, s.kind)
			}
		}
	}
}

func TestEvents(t *testing.T) {
	line := "Error while getting Updates: " + taken + "\n"
	tests := []struct {
		name  string
		lines []string
		after []time.Duration // of each line, since the first
		want  int
	}{
		{"one line is one event", []string{line}, []time.Duration{0}, 1},
		{"lines within half a second are one", []string{line, line, line}, []time.Duration{0, 400 * time.Millisecond, 800 * time.Millisecond}, 1},
		{"lines further apart are two", []string{line, line}, []time.Duration{0, 501 * time.Millisecond}, 2},
		{"another kind is another event", []string{line, "RuntimeError: Event loop is closed\n"}, []time.Duration{0, 0}, 2},
		{"a slow traceback is one", []string{"telegram.error.Conflict: " + taken + "\n", "\nDuring handling of the above exception, another exception occurred:\n\n", "Traceback (most recent call last):\n  File \"b.py\", line 1, in x\n", "telegram.error.Conflict: " + taken + "\n"},
			[]time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}, 1},
		{"a clock set back begins a new one", []string{line, line}, []time.Duration{0, -time.Hour}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var sc Scanner
			n := 0
			for i, l := range test.lines {
				sc.Write(Stream(i%2*0), []byte(l), at.Add(test.after[i]), func(Evidence) { n++ })
			}
			if n != test.want {
				t.Errorf("%d events, want %d", n, test.want)
			}
		})
	}
}

func TestEndlessLinesAreSeveralEvents(t *testing.T) {
	var sc Scanner
	n := 0
	for i := range 600 { // ten a second for a minute
		sc.Write(Stderr, []byte("[E] Polling error: Event loop is closed\n"), at.Add(time.Duration(i)*100*time.Millisecond), func(Evidence) { n++ })
	}
	if n < 5 || n > 7 {
		t.Errorf("%d events in a minute, want one each 10 s", n)
	}
}

func TestStreamsAreApart(t *testing.T) {
	var sc Scanner
	var got []Evidence
	emit := func(e Evidence) { got = append(got, e) }
	sc.Write(Stderr, []byte("Exception ignored in: <function f at 0x7f>\n"), at, emit)
	sc.Write(Stdout, []byte("Error while getting Upd"), at, emit)
	sc.Write(Stderr, []byte("Traceback (most recent call last):\n"), at, emit)
	sc.Write(Stdout, []byte("ates: "+taken+"\n"), at, emit)
	sc.Write(Stderr, []byte("RuntimeError: Event loop is closed\n"), at, emit)
	if len(got) != 1 || got[0].Kind != Conflict {
		t.Errorf("got %+v, want one conflict", got)
	}
}

func TestLongLines(t *testing.T) {
	var sc Scanner
	var got []Evidence
	emit := func(e Evidence) { got = append(got, e) }
	piece := bytes.Repeat([]byte("x"), 1<<20)
	for range 100 {
		sc.Write(Stdout, piece, at, emit)
	}
	s := &sc.streams[Stdout]
	if n := cap(s.buf) + cap(s.keep) + cap(sc.clean) + cap(sc.low); n > 4*maxObject {
		t.Errorf("%d bytes kept of a line of 100 MB", n)
	}
	sc.Write(Stdout, []byte("\n2027/02/11 10:00:03 "+taken+"\n"), at, emit)
	if len(got) != 1 || !got[0].Logger {
		t.Errorf("after a line of 100 MB: %+v, want one conflict", got)
	}
	far := strings.Repeat(" ", maxLine) + "Error while getting Updates: " + taken + "\n"
	if got := scan(far); len(got) != 0 {
		t.Errorf("got %+v from beyond the part that is looked at", got)
	}
	object := `{"message":"failed","stack":"` + strings.Repeat("at x\\n", 4000) + `","error":"` + taken + `","level":"error"}` + "\n"
	if got := scan(object); len(got) != 1 {
		t.Errorf("got %+v from a long JSON line, want a conflict", got)
	}
}

func TestLineIsShort(t *testing.T) {
	got := scan("Error while getting Updates: " + taken + strings.Repeat(" \xff€", 200) + "\n")
	if len(got) != 1 || len(got[0].Line) > maxShown || !strings.HasPrefix(got[0].Line, "Error while") || strings.ToValidUTF8(got[0].Line, "") != got[0].Line {
		t.Errorf("got %+v", got)
	}
}

func TestEveryRuleHasANeedle(t *testing.T) {
	for _, n := range needles {
		if len(n) < minNeedle || n != strings.ToLower(n) {
			t.Errorf("needle %q is too short or not in lower case", n)
		}
	}
	for _, family := range families {
		for _, r := range family {
			if r.kind != none && needleIn([]byte(r.head+" "+r.has)) < 0 {
				t.Errorf("no needle in the rule %+v", r)
			}
			if r.head != strings.ToLower(r.head) || r.has != strings.ToLower(r.has) {
				t.Errorf("not in lower case: %+v", r)
			}
		}
	}
	for _, s := range sentences {
		if needleIn([]byte(s.words)) < 0 {
			t.Errorf("no needle in %q", s.words)
		}
	}
	for _, w := range slices.Concat(conflictCodes, refusals) {
		if needleIn([]byte(w)) < 0 {
			t.Errorf("no needle in %q", w)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for name, p := range plainOutputs() {
		var sc Scanner
		emit := func(e Evidence) { t.Errorf("%s: %+v", name, e) }
		sc.Write(Stdout, p, at, emit)
		if n := testing.AllocsPerRun(20, func() { sc.Write(Stdout, p, at, emit) }); n != 0 {
			t.Errorf("%s: %v allocations for %d bytes", name, n, len(p))
		}
	}
}

// plainOutputs are chunks of 64 KiB in which nothing is found.
func plainOutputs() map[string][]byte {
	fill := func(format string) []byte {
		var b []byte
		for i := 0; len(b) < 64<<10; i++ {
			b = fmt.Appendf(b, format+"\n", i)
		}
		return b
	}
	return map[string][]byte{
		"plain":   fill("2027-02-11 10:00:03,411 - bot.handlers - INFO - user %d pressed a button, answered in 12 ms from the cache"),
		"long":    fill("{\"level\":30,\"time\":1724147000100,\"n\":%d,\"msg\":\"" + strings.Repeat("lorem ipsum dolor sit amet ", 300) + "\"}"),
		"colours": fill("\x1b[32m2027-02-11 10:00:03\x1b[0m | \x1b[1mINFO\x1b[0m | handled update %d"),
		"crlf":    fill("2027-02-11 10:00:03,411 - bot.handlers - INFO - handled update %d\r"),
		"polls":   fill("2027-02-11 10:00:03,400 - httpx - INFO - HTTP Request: POST https://api.telegram.org/bot%d:***/getUpdates \"HTTP/1.1 200 OK\""),
		"chat":    fill("INFO:bot:user %d: what is a 409 Conflict: terminated by other getUpdates request?"),
		"json":    fill("{\"level\":30,\"n\":%d,\"msg\":\"received\",\"text\":\"409 Conflict: terminated by other getUpdates request\"}"),
	}
}

func BenchmarkScan(b *testing.B) {
	all := plainOutputs()
	all["matching"] = []byte(strings.Repeat("2027-02-11 10:00:03,443 - telegram.ext.updater - ERROR - Error while getting Updates: "+taken+"\n", 300))
	for _, name := range []string{"plain", "long", "colours", "crlf", "polls", "chat", "json", "matching"} {
		b.Run(name, func(b *testing.B) {
			var sc Scanner
			p := all[name]
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				sc.Write(Stdout, p, at, func(Evidence) {})
			}
		})
	}
}
