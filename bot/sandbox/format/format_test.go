package format_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"botctl/bot/sandbox/format"
)

// show writes entities as "type offset+length(detail)", one after the other.
func show(entities []format.Entity) string {
	var list []string
	for _, e := range entities {
		s := fmt.Sprintf("%s %d+%d", e.Type, e.Offset, e.Length)
		detail := e.Language + e.URL + e.CustomEmojiID + e.DateTimeFormat
		if e.User != nil {
			detail += fmt.Sprint(e.User.ID)
		}
		if e.UnixTime != 0 {
			detail += fmt.Sprint("@", e.UnixTime)
		}
		if detail != "" {
			s += "(" + detail + ")"
		}
		list = append(list, s)
	}
	return strings.Join(list, ", ")
}

type parseCase struct{ in, text, entities string }

func testParse(t *testing.T, mode string, cases []parseCase) {
	t.Helper()
	for _, c := range cases {
		text, entities, err := format.Parse(mode, c.in)
		if err != nil || text != c.text || show(entities) != c.entities {
			t.Errorf("%s %q\n got %q  %s  %v\nwant %q  %s", mode, c.in, text, show(entities), err, c.text, c.entities)
		}
	}
}

// testRefused runs pairs of a text and the cause it is refused for.
func testRefused(t *testing.T, mode string, pairs [][2]string) {
	t.Helper()
	for _, p := range pairs {
		want := "Bad Request: can't parse entities: " + p[1]
		_, _, err := format.Parse(mode, p[0])
		if refusal, ok := errors.AsType[*format.Error](err); !ok || refusal.Description != want {
			t.Errorf("%s %q: %v\nwant %s", mode, p[0], err, want)
		}
	}
}

func TestHTML(t *testing.T) {
	testParse(t, "HTML", []parseCase{
		{"<b>bold</b>, <strong>bold</strong>", "bold, bold", "bold 0+4, bold 6+4"},
		{"<i>italic</i>, <em>italic</em>", "italic, italic", "italic 0+6, italic 8+6"},
		{"<u>underline</u>, <ins>underline</ins>", "underline, underline", "underline 0+9, underline 11+9"},
		{"<s>s</s>, <strike>s</strike>, <del>s</del>", "s, s, s", "strikethrough 0+1, strikethrough 3+1, strikethrough 6+1"},
		{`<span class="tg-spoiler">spoiler</span>, <tg-spoiler>spoiler</tg-spoiler>`, "spoiler, spoiler", "spoiler 0+7, spoiler 9+7"},
		{"<b>bold <i>italic bold <s>italic bold strikethrough <span class=\"tg-spoiler\">italic bold strikethrough spoiler</span></s> <u>underline italic bold</u></i> bold</b>",
			"bold italic bold italic bold strikethrough italic bold strikethrough spoiler underline italic bold bold",
			"bold 0+5, bold 5+12, italic 5+12, bold 17+26, italic 17+26, strikethrough 17+26, bold 43+34, italic 43+34, " +
				"strikethrough 43+33, spoiler 43+33, bold 77+26, italic 77+21, underline 77+21"},
		{`<a href="http://www.example.com/">inline URL</a>`, "inline URL", "text_link 0+10(http://www.example.com/)"},
		{`<a href="tg://user?id=123456789">inline mention of a user</a>`, "inline mention of a user", "text_mention 0+24(123456789)"},
		{`<tg-emoji emoji-id="5368324170671202286">👍</tg-emoji>`, "👍", "custom_emoji 0+2(5368324170671202286)"},
		{`<tg-time unix="1647531900" format="wDT">22:45 tomorrow</tg-time>`, "22:45 tomorrow", "date_time 0+14(wDT@1647531900)"},
		{"<code>inline fixed-width code</code>", "inline fixed-width code", "code 0+23"},
		{"<pre>pre-formatted fixed-width code block</pre>", "pre-formatted fixed-width code block", "pre 0+36"},
		{`<pre><code class="language-python">x = 1</code></pre>`, "x = 1", "pre 0+5(python)"},
		{`<code class="language-python"><pre>x = 1</pre></code>`, "x = 1", "pre 0+5(python)"},
		{`<code class="language-python">x</code>`, "x", "code 0+1"},
		{"<blockquote>Quote\nof two</blockquote>", "Quote\nof two", "blockquote 0+12"},
		{"<blockquote expandable>Quote</blockquote>", "Quote", "expandable_blockquote 0+5"},
		{"&lt;b&gt; &amp; &quot; &apos; &nbsp; &#60;&#x1F600;&#X41; &lt", "<b> & \" &apos; &nbsp; <😀&#X41; <", ""},
		{"😀<b>x</b>", "😀x", "bold 2+1"},
		{"<B>x</b> <a HREF=t.me>y</a>", "x y", "bold 0+1"},
		{"<a href=t.me>y</a><a>t.me</a><a href='no link'>z</a>", "yt.mez", "text_link 0+1(http://t.me/), text_link 1+4(http://t.me/)"},
		{"<b>x</>", "x", "bold 0+1"},
		{"<b>a <code>b</code> c</b>", "a b c", "bold 0+2, code 2+1, bold 3+2"},
		{"<b></b>", "", ""},
		{"  <b>  x  </b>  ", "  x", "bold 0+3"}, // in front it ends at the first entity
		{"<b>a\r\nb</b>", "a\nb", "bold 0+3"},
		{"", "", ""},
	})
	testRefused(t, "html", [][2]string{
		{"<b>bold", `Can't find end tag corresponding to start tag "b"`},
		{"😀<br/>", `Unsupported start tag "br/" at byte offset 4`},
		{"1 < 2", `Unsupported start tag "" at byte offset 2`},
		{"a</b>", `Unexpected end tag at byte offset 1`},
		{"<b>a</i>", `Unmatched end tag at byte offset 4, expected "</b>", found "</i>"`},
		{"<b>a</b", `Unclosed end tag at byte offset 4`},
		{"a<b", `Unclosed start tag at byte offset 1`},
		{"<b />", `Empty attribute name in the tag "b" at byte offset 0`},
		{"<a href", `Unclosed start tag "a" at byte offset 0`},
		{"<a href=", `Unclosed start tag "a" at byte offset 0`},
		{"<a href='x", `Unclosed start tag at byte offset 0`},
		{"<a href=a/b>x</a>", `Unexpected end of name token at byte offset 8`},
		{"<span>x</span>", `Tag "span" must have class "tg-spoiler" at byte offset 0`},
		{"<tg-emoji emoji-id='x'>x</tg-emoji>", `Invalid custom emoji identifier specified`},
		{"<tg-time unix='1' format='x'>x</tg-time>", `Invalid date format used`},
		{"&#xD83D;&#xDE00;", "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units"},
		{"a\x00b", "Text must not contain null bytes"},
	})
}

func TestMarkdownV2(t *testing.T) {
	testParse(t, "MarkdownV2", []parseCase{
		{`*bold \*text*`, "bold *text", "bold 0+10"},
		{`_italic \*text_`, "italic *text", "italic 0+12"},
		{"__underline__ ~strike~ ||spoiler||", "underline strike spoiler", "underline 0+9, strikethrough 10+6, spoiler 17+7"},
		{"*bold _italic ~strike ||spoiler||~ __underline___ bold*", "bold italic strike spoiler underline bold",
			"bold 0+5, bold 5+7, italic 5+7, bold 12+7, italic 12+7, strikethrough 12+7, bold 19+8, italic 19+8, " +
				"strikethrough 19+7, spoiler 19+7, bold 27+14, italic 27+9, underline 27+9"},
		{"[inline URL](http://www.example.com/)", "inline URL", "text_link 0+10(http://www.example.com/)"},
		{"[user](tg://user?id=123456789)", "user", "text_mention 0+4(123456789)"},
		{"![👍](tg://emoji?id=5368324170671202286)", "👍", "custom_emoji 0+2(5368324170671202286)"},
		{"![22:45](tg://time?unix=1647531900&format=r)", "22:45", "date_time 0+5(r@1647531900)"},
		{"`inline fixed-width code`", "inline fixed-width code", "code 0+23"},
		{"```\npre\n```", "pre", "pre 0+3"},
		{"```python\npre\n``` x", "pre\n x", "pre 0+4(python)"},
		{"`a*b_c.d`", "a*b_c.d", "code 0+7"},
		{">one\n>two\nthree", "one\ntwo\nthree", "blockquote 0+8"},
		{">one\n**>two\n>three||", "one\ntwo\nthree", "blockquote 0+4, expandable_blockquote 4+9"},
		{">one||\nx", "one\nx", "expandable_blockquote 0+4"},
		{">*one*", "one", "blockquote 0+3, bold 0+3"},
		{"_italic_**__underline__", "italicunderline", "italic 0+6, underline 6+9"},
		{"___italic underline_**__", "italic underline", "italic 0+16, underline 0+16"},
		{`[a\]b](http://x.org/\))`, "a]b", "text_link 0+3(http://x.org/))"},
		{"[x](no link)", "x", ""},
		{`a\.b\\c\`, `a.b\c\`, ""},
		{"||😀|| x", "😀 x", "spoiler 0+2"},
		{"**", "", ""},
	})
	reserved := " is reserved and must be escaped with the preceding '\\'"
	testRefused(t, "markdownv2", [][2]string{
		{"a.b", "Character '.'" + reserved},
		{"a > b", "Character '>'" + reserved},
		{"a | b", "Character '|'" + reserved},
		{"wow!", "Character '!'" + reserved},
		{"(a)", "Character '('" + reserved},
		{"a *b", "Can't find end of Bold entity at byte offset 2"},
		{"😀_b", "Can't find end of Italic entity at byte offset 4"},
		{"_italic___underline__", "Can't find end of Underline entity at byte offset 19"}, // greedy
		{"__b", "Can't find end of Underline entity at byte offset 0"},
		{"~b", "Can't find end of Strikethrough entity at byte offset 0"},
		{"||b", "Can't find end of Spoiler entity at byte offset 0"},
		{"`b", "Can't find end of Code entity at byte offset 0"},
		{"```b", "Can't find end of Pre entity at byte offset 0"},
		{"```go\nb", "Can't find end of PreCode entity at byte offset 0"},
		{"[b", "Can't find end of TextUrl entity at byte offset 0"},
		{"![b", "Can't find end of CustomEmoji entity at byte offset 0"},
		{">*b\nc*", "Can't find end of Bold entity at byte offset 1"},
		{">*b||\nc*", "Can't find end of Bold entity at byte offset 1"},
		{">*b", "Can't find end of Bold entity at byte offset 1"},
		{"[b](t.me", "Can't find end of a URL at byte offset 4"},
		{"![b]", "The entity must contain a tg://emoji or tg://time URL"},
		{"![b](t.me)", "Invalid tg://emoji or tg://time URL specified"},
		{"![b](tg://time?unix=1&format=x)", "Invalid date format used"},
	})
}

func TestMarkdown(t *testing.T) {
	testParse(t, "Markdown", []parseCase{
		{"*bold text* _italic text_", "bold text italic text", "bold 0+9, italic 10+11"},
		{"[inline URL](http://www.example.com/)", "inline URL", "text_link 0+10(http://www.example.com/)"},
		{"[user](tg://user?id=123456789)", "user", "text_mention 0+4(123456789)"},
		{"`inline code`", "inline code", "code 0+11"},
		{"```\npre\n```", "pre", "pre 0+3"},
		{"```python\npre```", "pre", "pre 0+3(python)"},
		{`\_a\* \[b\] \x`, `_a* [b\] \x`, ""},
		{"*a_b* a.b!", "a_b a.b!", "bold 0+3"},
		{"[a](b", "a", ""},
	})
	testRefused(t, "markdown", [][2]string{
		{"a *b", "Can't find end of the entity starting at byte offset 2"},
		{"é_b", "Can't find end of the entity starting at byte offset 2"},
		{"```b``", "Can't find end of the entity starting at byte offset 0"},
	})
}

func TestPlainTextIsCleanedAndTrimmed(t *testing.T) {
	testParse(t, "", []parseCase{
		{" \n a\tb\x01\r\n c \n", "a b \n c", ""},
		{"a\u2028b\u202ec\u0333", "abc", ""},
		{"a\u200e\u200f\u200eb", "a\u200c\u200c\u200eb", ""},
		{"<b>*x*", "<b>*x*", ""},
		{" \n\t", "", ""},
	})
	testParse(t, "None", []parseCase{{"<b>", "<b>", ""}})
}

func TestRefusalsOfAnyMode(t *testing.T) {
	for _, c := range []struct{ mode, text, want string }{
		{"wiki", "x", "Bad Request: unsupported parse_mode"},
		{"", "\xff", "Bad Request: strings must be encoded in UTF-8"},
		{"HTML", "\xff", "Bad Request: text must be encoded in UTF-8"},
		{"HTML", strings.Repeat("a", 1<<15+1), "Bad Request: text is too long"},
		{"HTML", "<a href='t.me/&#xD83D;'>x</a>", "Bad Request: messageEntityTextUrl.url must be encoded in UTF-8"},
	} {
		if _, _, err := format.Parse(c.mode, c.text); err == nil || err.Error() != c.want {
			t.Errorf("%s %.20q: %v, want %s", c.mode, c.text, err, c.want)
		}
	}
}

func TestBlankAndLength(t *testing.T) {
	for text, blank := range map[string]bool{"": true, " \n": true, "\u200b\u3000\ufeff\u00a0": true, "a": false, ".": false, "\u2060": false} {
		if format.Blank(text) != blank {
			t.Errorf("Blank(%q) is %v", text, !blank)
		}
	}
	if n := format.Length("aé😀\n"); n != 5 {
		t.Errorf("Length is %d, want 5", n)
	}
}

func TestAnEntityIsWrittenAsTheServerWritesIt(t *testing.T) {
	_, entities, err := format.Parse("HTML", `<pre><code class="language-go">x</code></pre><a href="t.me">y</a><a href="tg://user?id=5">z</a>`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(entities)
	want := `[{"offset":0,"length":1,"type":"pre","language":"go"},{"offset":1,"length":1,"type":"text_link","url":"http://t.me/"},` +
		`{"offset":2,"length":1,"type":"text_mention","user":{"id":5,"is_bot":false,"first_name":""}}]`
	if err != nil || string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
