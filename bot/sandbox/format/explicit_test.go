package format_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"botctl/bot/sandbox/format"
)

func TestExplicitEntities(t *testing.T) {
	for _, c := range []struct{ text, raw, wantText, want string }{
		{"ab", ``, "ab", ""},
		{"ab", `no json`, "ab", ""},
		{"ab", `{"type":"bold"}`, "ab", ""},
		{"ab", `null`, "ab", ""},
		{"ab", `[{"type":"bold","offset":0,"length":1}]`, "ab", "bold 0+1"},
		{"ab", `[{"type":"bold","offset":"0","length":"2"}]`, "ab", "bold 0+2"},
		{"ab", `[{"type":"bold","offset":0,"length":0},{"type":"url","offset":0,"length":99}]`, "ab", ""},
		{"ab", `[{"type":"pre","offset":0,"length":2,"language":"go"}]`, "ab", "pre 0+2(go)"},
		{"ab", `[{"type":"text_link","offset":0,"length":2,"url":"t.me"}]`, "ab", "text_link 0+2(http://t.me/)"},
		{"ab", `[{"type":"text_link","offset":0,"length":2,"url":"tg://user?id=7"}]`, "ab", "text_mention 0+2(7)"},
		{"ab", `[{"type":"text_mention","offset":0,"length":2,"user":{"id":7}}]`, "ab", "text_mention 0+2(7)"},
		{"ab", `[{"type":"custom_emoji","offset":0,"length":2,"custom_emoji_id":"12"}]`, "ab", "custom_emoji 0+2(12)"},
		{"ab", `[{"type":"date_time","offset":0,"length":2,"unix_time":5,"date_time_format":"tw"}]`, "ab", "date_time 0+2(wt@5)"},
		// Overlaps: styles are cut, of the others the first one wins, raw ones hold nothing.
		{"abcdef", `[{"type":"bold","offset":0,"length":4},{"type":"italic","offset":2,"length":4}]`, "abcdef", "bold 0+2, italic 2+4, bold 2+2"},
		{"abcdef", `[{"type":"bold","offset":0,"length":3},{"type":"bold","offset":3,"length":3}]`, "abcdef", "bold 0+6"},
		{"abcdef", `[{"type":"code","offset":0,"length":4},{"type":"text_link","offset":2,"length":4,"url":"t.me"}]`, "abcdef", "code 0+4"},
		{"abcdef", `[{"type":"bold","offset":0,"length":6},{"type":"code","offset":2,"length":2}]`, "abcdef", "bold 0+2, code 2+2, bold 4+2"},
		{"abcdef", `[{"type":"blockquote","offset":0,"length":4},{"type":"expandable_blockquote","offset":2,"length":4}]`, "abcdef", "blockquote 0+4"},
		{"abcdef", `[{"type":"blockquote","offset":0,"length":4},{"type":"code","offset":2,"length":4}]`, "abcdef", "blockquote 0+4"},
		{"abcdef", `[{"type":"blockquote","offset":0,"length":6},{"type":"code","offset":2,"length":2}]`, "abcdef", "blockquote 0+6, code 2+2"},
		// Trimming: white space that an entity begins with stays.
		{"  ab  ", `[{"type":"bold","offset":1,"length":5}]`, " ab", "bold 0+3"},
		{"a\r\nb", `[{"type":"bold","offset":0,"length":4}]`, "a\nb", "bold 0+3"},
		{"\r", `[{"type":"bold","offset":0,"length":1}]`, "", ""},
	} {
		text, entities, err := format.Explicit(c.text, json.RawMessage(c.raw))
		if err != nil || text != c.wantText || show(entities) != c.want {
			t.Errorf("%q %s\n got %q  %s  %v\nwant %q  %s", c.text, c.raw, text, show(entities), err, c.wantText, c.want)
		}
	}
}

func TestExplicitEntitiesRefused(t *testing.T) {
	for raw, want := range map[string]string{
		`[1]`:                                                "can't parse MessageEntity: expected an Object",
		`[{}]`:                                               `can't parse MessageEntity: Can't find field "offset"`,
		`[{"offset":0}]`:                                     `can't parse MessageEntity: Can't find field "length"`,
		`[{"offset":0,"length":1}]`:                          `can't parse MessageEntity: Can't find field "type"`,
		`[{"offset":[],"length":1}]`:                         `can't parse MessageEntity: Field "offset" must be of type Number`,
		`[{"offset":1.5,"length":1}]`:                        `can't parse MessageEntity: Can't parse as an integer string "1.5"`,
		entity("", 0, 1, ""):                                 "can't parse MessageEntity: Type is not specified",
		entity("wiggly", 0, 1, ""):                           "can't parse MessageEntity: Unsupported type specified",
		entity("text_link", 0, 1, ""):                        `can't parse MessageEntity: Can't find field "url"`,
		entity("text_mention", 0, 1, ""):                     `can't parse MessageEntity: Can't find field "user"`,
		entity("bold", -1, 1, ""):                            "receive an entity with incorrect offset -1",
		entity("bold", 0, -1, ""):                            "receive an entity with incorrect length -1",
		entity("bold", 9, 1, ""):                             "entity begins after the end of the text at UTF-16 offset 9",
		entity("bold", 1, 9, ""):                             "entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16 offset 10",
		entity("bold", 2, 1, ""):                             "entity begins in a middle of a UTF-16 symbol at byte offset 5",
		entity("bold", 0, 2, ""):                             "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte offset 5",
		entity("date_time", 0, 1, `,"unix_time":0`):          "invalid date specified",
		entity("custom_emoji", 0, 1, `,"custom_emoji_id":0`): "invalid custom emoji identifier specified",
		entity("text_mention", 0, 1, `,"user":{"id":0}`):     "user not found",
		entity("text_link", 0, 1, `,"url":"x"`):              "entity URL 'x' is invalid: Wrong HTTP URL",
	} {
		if _, _, err := format.Explicit("a😀b", json.RawMessage(raw)); err == nil || err.Error() != "Bad Request: "+want {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}

func entity(kind string, offset, length int, more string) string {
	return fmt.Sprintf(`[{"type":%q,"offset":%d,"length":%d%s}]`, kind, offset, length, more)
}

func TestAHundredEntitiesAreKept(t *testing.T) {
	_, entities, err := format.Parse("HTML", strings.Repeat("<b>x</b> <code>y</code> ", 70))
	if err != nil || len(entities) != 100 {
		t.Fatalf("%d entities, %v; want 100", len(entities), err)
	}
	bold := 0
	for _, e := range entities {
		if e.Type == format.Bold {
			bold++
		}
	}
	if bold != 30 {
		t.Errorf("%d of them bold, want 30: styles are dropped first", bold)
	}
}

func TestLinks(t *testing.T) {
	for _, c := range []struct{ link, want string }{
		{"example.com", "http://example.com/"},
		{"HTTPS://Example.COM:0443/A b?c#d ", "https://example.com:443/A%20b?c#d"},
		{"http://me:pw@example.com?x", "http://me:pw@example.com/?x"},
		{"[::1]:80", "http://[::1]:80/"},
		{"tg:resolve?domain=x", "tg://resolve?domain=x"},
		{"TG://Settings", "tg://settings/"},
		{"tonsite://foundation.ton/x", "tonsite://foundation.ton/x"},
		{"", "URL '' is invalid: URL host is empty"},
		{"localhost", "URL 'localhost' is invalid: Wrong HTTP URL"},
		{"ftp://a.b", "URL 'ftp://a.b' is invalid: Unsupported URL protocol"},
		{"a.b:0", "URL 'a.b:0' is invalid: Wrong port number specified in the URL"},
		{"a b.c", "URL 'a b.c' is invalid: Wrong URL host"},
		{"a%2.c", "URL 'a%2.c' is invalid: Wrong percent-encoded symbol in URL host"},
		{"[1]", "URL '[1]' is invalid: Wrong IPv6 address specified in the URL"},
		{"tg://a:1", "URL 'tg://a:1' is invalid: Wrong tg URL"},
		{"tg://a.b", "URL 'tg://a.b' is invalid: Unallowed characters in URL host"},
	} {
		got, err := format.CheckLink(c.link, format.AnyLink)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.link, got, c.want)
		}
	}
	if _, err := format.CheckLink("http://a.b", format.HTTPSLink); err == nil {
		t.Error("http is taken where https is demanded")
	}
}
