package format_test

import (
	"testing"

	"botctl/bot/sandbox/format"
)

func TestFind(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"/start@jobs_bot", "bot_command 0+15"},
		{"/start x /help", "bot_command 0+6, bot_command 9+5"},
		{"a/b /c/ </d /e@ab", ""},
		{"@username x@nobody @ab @gif @_under", "mention 0+9, mention 23+4, mention 28+7"},
		{"#hashtag #1 #1a ##b #c#d #тег", "hashtag 0+8, hashtag 12+3, hashtag 17+2, hashtag 25+4"},
		{"#tag@chan #tag@ab", "hashtag 0+9, hashtag 10+4"},
		{"$USD $TOOLONGNAME $1INCH $EUR@chan $a", "cashtag 0+4, cashtag 18+6, cashtag 25+9"},
		{"https://telegram.org", "url 0+20"},
		{"see telegram.org/x(y). Or Foo.Bar", "url 4+17"},
		{"(http://a.co/b_(c)), x", "url 1+17"},
		{"a.com:8080/x a.com:99999 sub.b.co.uk", "url 0+12, url 13+5, url 25+11"},
		{"1.2.3.4 1.2.3 1.2.3.400", "url 0+7"},
		{"http://user:pw@host.example/p", "url 0+29"},
		{"xhttp://a.com ssh://a.com tg://resolve?domain=x", "url 1+12, url 26+21"},
		{"End.Of sentence.The END.COM", "url 20+7"},
		{"пример.рф localhost foo.invalidtld", "url 0+9"},
		{"do-not-reply@telegram.org mailto:a-b@d.io @a.b", "email 0+25, email 33+8"},
		{"+1-212-555-0123 +12345 +49 (30) 1234567.", "phone_number 0+15, phone_number 23+16"},
		{"😀 #a 😀 @username", "hashtag 3+2, mention 9+9"},
		{"", ""},
	} {
		if got := show(format.Find(c.text, nil)); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestFindLeavesMarkedTextAlone(t *testing.T) {
	for _, c := range []struct{ html, want string }{
		{"<code>/start</code> /help", "code 0+6, bot_command 7+5"},
		{"<b>see /help now</b>", "bold 0+4, bot_command 4+5, bold 4+5, bold 9+4"},
		{"<a href='t.me'>@username</a>", "text_link 0+9(http://t.me/)"},
		{"<blockquote>@user</blockquote>name", "blockquote 0+5"},
		{"<blockquote>@username</blockquote> x", "blockquote 0+9, mention 0+9"},
	} {
		text, entities, err := format.Parse("HTML", c.html)
		if err != nil {
			t.Fatal(err)
		}
		before := show(entities)
		if got := show(format.Find(text, entities)); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.html, got, c.want)
		}
		if show(entities) != before {
			t.Errorf("%s: the given entities changed", c.html)
		}
	}
}
