package format_test

import (
	"encoding/json"
	"html"
	"strings"
	"testing"
	"unicode/utf16"

	"botctl/bot/sandbox/format"
)

// checkProper fails unless the entities fit the text: in bounds, on no half of a pair, sorted and nested.
func checkProper(t *testing.T, text string, entities []format.Entity) {
	t.Helper()
	all := utf16.Encode([]rune(text))
	half := func(i int) bool { return i > 0 && i < len(all) && all[i] >= 0xdc00 && all[i] <= 0xdfff }
	var open []format.Entity
	for i, e := range entities {
		end := e.Offset + e.Length
		switch {
		case e.Offset < 0 || e.Length <= 0 || end > len(all):
			t.Fatalf("%q: out of bounds: %s", text, show(entities[i:]))
		case half(e.Offset) || half(end):
			t.Fatalf("%q: half of a pair: %s", text, show(entities[i:]))
		case i > 0 && (entities[i-1].Offset > e.Offset || entities[i-1].Offset == e.Offset && entities[i-1].Length < e.Length):
			t.Fatalf("%q: not sorted: %s", text, show(entities))
		}
		for len(open) > 0 && open[len(open)-1].Offset+open[len(open)-1].Length <= e.Offset {
			open = open[:len(open)-1]
		}
		if n := len(open); n > 0 && open[n-1].Offset+open[n-1].Length < end {
			t.Fatalf("%q: not nested: %s", text, show(entities))
		}
		open = append(open, e)
	}
}

// checkFound does the same after Find, which finds nothing more the second time.
func checkFound(t *testing.T, text string, entities []format.Entity) {
	t.Helper()
	checkProper(t, text, entities)
	found := format.Find(text, entities)
	checkProper(t, text, found)
	if again := format.Find(text, found); show(again) != show(found) {
		t.Fatalf("%q: found %s\nthen %s", text, show(found), show(again))
	}
}

// fuzzMode checks what is true of any text in any mode, and that a text survives being escaped for it.
func fuzzMode(t *testing.T, mode, s string, escape func(string) string) {
	text, entities, err := format.Parse(mode, s)
	if err == nil {
		checkFound(t, text, entities)
		raw, _ := json.Marshal(entities)
		if again, same, err := format.Explicit(text, raw); err != nil || again != text || len(same) != len(entities) {
			t.Fatalf("%q with %s: %q, %s, %v", text, raw, again, show(same), err)
		}
	}
	plain, none, err := format.Parse("", s)
	if err != nil || len(escape(s)) > 1<<15 {
		return
	}
	if len(none) > 0 || strings.Trim(plain, " \n") != plain {
		t.Fatalf("%q: not plain: %q, %s", s, plain, show(none))
	}
	if back, marked, err := format.Parse(mode, escape(s)); err != nil || back != plain || len(marked) > 0 {
		t.Fatalf("%s: %q came back as %q, %s, %v", mode, plain, back, show(marked), err)
	}
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{
		"<b>bold <i>italic <u>x</u></i></b> &amp; &lt;", `<a href="tg://user?id=1">x</a><tg-emoji emoji-id='1'>😀</tg-emoji>`,
		`<pre><code class="language-go">x</code></pre>`, "<blockquote expandable>a\r\n@username</blockquote> /x example.com a@b.co #x $X +1-212-555-0123",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			return // refused
		}
		fuzzMode(t, "HTML", s, html.EscapeString)
	})
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{"*b* _i_ [x](t.me) `c` ```go\nx```", `\*\_`, "*bold _italic ~s ||x||~ __u___ b*", ">a\n**>b||", "![😀](tg://emoji?id=1)"} {
		f.Add(s)
	}
	every := func(special string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for i := range len(s) {
				if strings.IndexByte(special, s[i]) >= 0 {
					b.WriteByte('\\')
				}
				b.WriteByte(s[i])
			}
			return b.String()
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		fuzzMode(t, "MarkdownV2", s, every("\\_*[]()~`>#+-=|{}.!"))
		if strings.Contains(s, `\`) {
			s = strings.ReplaceAll(s, `\`, "/") // the legacy mode cannot escape it
		}
		fuzzMode(t, "Markdown", s, every("_*`["))
	})
}

func FuzzExplicit(f *testing.F) {
	f.Add("some 😀 text", `[{"type":"bold","offset":0,"length":4},{"type":"text_link","offset":2,"length":4,"url":"t.me"}]`)
	f.Add(" a\r\nb ", `[{"type":"blockquote","offset":0,"length":5},{"type":"code","offset":1,"length":1},{"type":"spoiler","offset":1,"length":4}]`)
	f.Fuzz(func(t *testing.T, s, raw string) {
		if text, entities, err := format.Explicit(s, json.RawMessage(raw)); err == nil {
			checkFound(t, text, entities)
		}
	})
}

func BenchmarkParseHTML(b *testing.B) {
	s := strings.Repeat("<b>bold</b> and <i>it <u>al</u> ic</i> &amp; 😀 example.com @username\n", 50)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		if _, _, err := format.Parse("HTML", s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	s := strings.Repeat("see example.com, ask @username or a.b@example.org about #topic: /help 12.30\n", 50)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		format.Find(s, nil)
	}
}
