package sandbox

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMarkupTaken(t *testing.T) {
	for _, c := range []struct{ raw, echo, drawn string }{
		{``, ``, `null`},
		{`{}`, ``, `null`},
		{`{"inline_keyboard":[]}`, ``, `null`},
		{`{"inline_keyboard":[[]]}`, ``, `null`},
		{`{"inline_keyboard":[[{"text":"","callback_data":"x"}]]}`, ``, `null`},
		{`{"inline_keyboard":[[{"text":"a","callback_data":"x"},{"text":"b","url":"t.me"}]]}`,
			`{"inline_keyboard":[[{"text":"a","callback_data":"x"},{"text":"b","url":"http://t.me/"}]]}`,
			`[[{"text":"a","kind":"callback_data","callback_data":"x"},{"text":"b","kind":"url","url":"http://t.me/"}]]`},
		{`{"inline_keyboard":[[{"text":"a\tb","style":"Danger","icon_custom_emoji_id":"7","url":"tg://user?id=5"}]]}`,
			`{"inline_keyboard":[[{"text":"a b","icon_custom_emoji_id":"7","style":"danger","url":"tg://user?id=5"}]]}`,
			`[[{"text":"a b","kind":"url","url":"tg://user?id=5","style":"danger"}]]`},
		{`{"inline_keyboard":[[{"text":1,"callback_data":2}]]}`, `{"inline_keyboard":[[{"text":"1","callback_data":"2"}]]}`,
			`[[{"text":"1","kind":"callback_data","callback_data":"2"}]]`},
		{`{"inline_keyboard":[[{"text":"a","switch_inline_query":""},{"text":"b","switch_inline_query_current_chat":"q"}]]}`,
			`{"inline_keyboard":[[{"text":"a","switch_inline_query":""},{"text":"b","switch_inline_query_current_chat":"q"}]]}`,
			`[[{"text":"a","kind":"switch_inline_query"},{"text":"b","kind":"switch_inline_query_current_chat"}]]`},
		{`{"inline_keyboard":[[{"text":"a","switch_inline_query_chosen_chat":{"query":"q","allow_user_chats":true}}]]}`,
			`{"inline_keyboard":[[{"text":"a","switch_inline_query_chosen_chat":{"query":"q","allow_user_chats":true}}]]}`,
			`[[{"text":"a","kind":"switch_inline_query_chosen_chat"}]]`},
		{`{"inline_keyboard":[[{"text":"a","login_url":{"url":"https://a.b"}}],[{"text":"b","web_app":{"url":"https://a.b"}},{"text":"c","copy_text":{"text":"d"}}]]}`,
			`{"inline_keyboard":[[{"text":"a","url":"https://a.b/"}],[{"text":"b","web_app":{"url":"https://a.b/"}},{"text":"c","copy_text":{"text":"d"}}]]}`,
			`[[{"text":"a","kind":"login_url","url":"https://a.b/"}],[{"text":"b","kind":"web_app","url":"https://a.b/"},{"text":"c","kind":"copy_text","copy_text":"d"}]]`},
		{`{"inline_keyboard":[[{"text":"a","callback_game":{}},{"text":"b","pay":true}]]}`,
			`{"inline_keyboard":[[{"text":"a","callback_game":{}},{"text":"b","pay":true}]]}`,
			`[[{"text":"a","kind":"callback_game"},{"text":"b","kind":"pay"}]]`},
		{`{"keyboard":[["a",{"text":"b"}],[{"text":"c","request_contact":true},{"text":"d","request_location":true},{"text":"e","request_user":{"request_id":1}}]]}`,
			``, `[[{"text":"a","kind":"text"},{"text":"b","kind":"text"}],[{"text":"c","kind":"request_contact"},{"text":"d","kind":"request_location"},{"text":"e","kind":"request_users"}]]`},
		{`{"remove_keyboard":true}`, ``, `null`},
		{`{"force_reply":true}`, ``, `null`},
	} {
		m, refusal := parseMarkup(c.raw, true)
		if refusal != "" {
			t.Errorf("%s: %s", c.raw, refusal)
			continue
		}
		drawn, err := json.Marshal(m.drawn())
		if err != nil || string(m.echo()) != c.echo || string(drawn) != c.drawn {
			t.Errorf("%s\necho %s\nwant %s\ndrawn %s\nwant  %s %v", c.raw, m.echo(), c.echo, drawn, c.drawn, err)
		}
	}
}

func TestMarkupFlags(t *testing.T) {
	keys := `"keyboard":[["a"]],"resize_keyboard":true,"one_time_keyboard":true,"is_persistent":true,"input_field_placeholder":"p"`
	all := markup{kind: keyboardMarkup, rows: [][]button{{{kind: "text", Text: "a"}}}, resize: true, oneTime: true, persistent: true, placeholder: "p"}
	personal := all
	personal.selective = true
	for _, c := range []struct {
		raw     string
		private bool
		want    markup
	}{
		{`{` + keys + `}`, true, all},
		{`{` + keys + `,"selective":true}`, true, all},
		{`{` + keys + `,"selective":true}`, false, personal},
		{`{` + keys + `,"inline_keyboard":[[{"text":"x","url":"t.me"}]],"force_reply":true}`, true, all},
		{`{"remove_keyboard":true,"selective":true}`, false, markup{kind: removeMarkup, selective: true}},
		{`{"hide_keyboard":true,"force_reply":true}`, false, markup{kind: removeMarkup}},
		{`{"force_reply":true,"input_field_placeholder":"p"}`, true, markup{kind: forceMarkup, placeholder: "p"}},
	} {
		if m, refusal := parseMarkup(c.raw, c.private); refusal != "" || !reflect.DeepEqual(*m, c.want) {
			t.Errorf("%s: %+v %s\nwant %+v", c.raw, m, refusal, c.want)
		}
	}
}

func TestMarkupRefused(t *testing.T) {
	inline := func(button string) string { return `{"inline_keyboard":[[{"text":"a",` + button + `}]]}` }
	for raw, want := range map[string]string{
		`{`:                                    "can't parse reply keyboard markup JSON object",
		`{} {}`:                                "can't parse reply keyboard markup JSON object",
		`[]`:                                   "object expected as reply markup",
		`null`:                                 "object expected as reply markup",
		`{"keyboard":1}`:                       `field "keyboard" must be of type Array`,
		`{"keyboard":["a"]}`:                   `field "keyboard" must be an Array of Arrays`,
		`{"keyboard":[[1]]}`:                   "can't parse keyboard button: KeyboardButton must be a String or an Object",
		`{"keyboard":[[{}]]}`:                  `can't parse keyboard button: Can't find field "text"`,
		`{"force_reply":1}`:                    `field "force_reply" must be of type Boolean`,
		`{"inline_keyboard":[{}]}`:             `field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays`,
		`{"inline_keyboard":[[1]]}`:            "can't parse inline keyboard button: InlineKeyboardButton must be an Object",
		`{"inline_keyboard":[[{"text":"a"}]]}`: "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
		inline(`"callback_data":""`):           "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
		inline(`"url":null`):                   `can't parse inline keyboard button: Field "url" must be of type String`,
		inline(`"web_app":"x"`):                `can't parse inline keyboard button: Field "web_app" must be of type Object`,
		inline(`"web_app":{}`):                 `can't parse inline keyboard button: Can't find field "url"`,
		inline(`"style":"loud","url":"t.me"`):  "can't parse inline keyboard button: Invalid button style specified",
		inline(`"icon_custom_emoji_id":"x","url":"t.me"`):    `can't parse inline keyboard button: Can't parse as an integer string "x"`,
		inline(`"login_url":{"url":"x","bot_username":"@"}`): "can't parse inline keyboard button: LoginUrl bot username is invalid",
		inline(`"url":"x"`):                                         "inline keyboard button URL 'x' is invalid: Wrong HTTP URL",
		inline(`"login_url":{"url":"http://a.b"}`):                  "inline keyboard button login URL 'http://a.b' is invalid: Only HTTPS links are allowed",
		inline(`"web_app":{"url":"http://a.b"}`):                    "inline keyboard button Web App URL 'http://a.b' is invalid: Only HTTPS links are allowed",
		inline(`"web_app":{"url":"tg://user?id=1"}`):                "link to a user can't be used in Web App URL buttons",
		inline(`"switch_inline_query_chosen_chat":{}`):              "at least one chat type must be allowed",
		inline(`"callback_data":"` + strings.Repeat("é", 33) + `"`): "BUTTON_DATA_INVALID",
		inline(`"copy_text":{"text":""}`):                           "BUTTON_COPY_TEXT_INVALID",
		`{"inline_keyboard":[[{"text":"\r","url":"t.me"}]]}`:        "inline keyboard button text must be non-empty",
		`{"keyboard":[[{"text":"a","request_contact":true}]]}`:      "phone number can be requested in private chats only",
		`{"keyboard":[[{"text":"a","request_chat":{}}]]}`:           `can't parse keyboard button: Can't find field "request_id"`,
		inlineOf(101, "a"):                                          "reply markup is too long",
		inlineOf(30, strings.Repeat("x", 400)):                      "reply markup is too long",
	} {
		if _, refusal := parseMarkup(raw, false); refusal != "Bad Request: "+want {
			t.Errorf("%.200s: %q, want %q", raw, refusal, want)
		}
	}
}

// inlineOf is an inline keyboard of n buttons with that text, five in a row.
func inlineOf(n int, text string) string {
	var rows []string
	for ; n > 0; n -= 5 {
		one := fmt.Sprintf(`{"text":%q,"callback_data":"x"}`, text)
		rows = append(rows, "["+strings.Join(strings.Split(strings.Repeat(one+"\n", min(n, 5)), "\n")[:min(n, 5)], ",")+"]")
	}
	return `{"inline_keyboard":[` + strings.Join(rows, ",") + `]}`
}

func TestMarkupBoundsAreSilent(t *testing.T) {
	row := `["` + strings.Join(make([]string, 20), `k","`) + `k"]`
	m, refusal := parseMarkup(`{"keyboard":[`+strings.Join(make([]string, 40), row+",")+row+`]}`, true)
	if refusal != "" || len(m.rows) != 25 || len(m.rows[0]) != 12 {
		t.Fatalf("%d rows, the first one of %d, %q; want 25 of 12", len(m.rows), len(m.rows[0]), refusal)
	}
}

func FuzzMarkup(f *testing.F) {
	for _, s := range []string{
		`{"inline_keyboard":[[{"text":"a","callback_data":"x"},{"text":"b","url":"tg://user?id=1"}]]}`, inlineOf(3, "é"),
		`{"inline_keyboard":[[{"text":"a","switch_inline_query_chosen_chat":{"allow_bot_chats":true}},{"text":"c","copy_text":{"text":"d"}}]]}`,
		`{"keyboard":[["a",{"text":"c","request_contact":true,"style":"primary"}]],"selective":true}`, `{"force_reply":true}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		m, refusal := parseMarkup(raw, true)
		if m == nil || refusal != "" {
			if m != nil || refusal != "" && !strings.HasPrefix(refusal, "Bad Request: ") {
				t.Fatalf("%q: %+v and %q", raw, m, refusal)
			}
			return
		}
		for _, row := range m.drawn() {
			for _, b := range row {
				if b.Text == "" || b.Kind == "" || !utf8.ValidString(b.Text+b.URL) || len(b.CallbackData) > maxCallback {
					t.Fatalf("%q: a faulty button %+v", raw, b)
				}
			}
		}
		if echo := m.echo(); echo != nil { // what a message shows can be sent again; a login button has become one with a link
			again, refusal := parseMarkup(string(echo), true)
			if refusal != "" || string(again.echo()) != string(echo) {
				t.Fatalf("%q: %s became %s, %s", raw, echo, again.echo(), refusal)
			}
		}
	})
}
