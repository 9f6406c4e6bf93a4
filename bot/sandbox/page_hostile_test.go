package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// hostile is what somebody would write to run a script on the page.
const hostile = `"'><img src=x onerror="window.ran=1"><script>ran=1</script>`

func hostileBot(b *pageBot, u pageUpdate) {
	switch {
	case u.Callback != nil:
		b.must("answerCallbackQuery", map[string]any{"callback_query_id": u.Callback.ID, "text": hostile, "show_alert": true})
	case u.Message != nil && u.Message.Text == "/start":
		b.must("sendMessage", map[string]any{"chat_id": u.Message.Chat.ID, "text": hostile, "reply_markup": map[string]any{
			"inline_keyboard": [][]map[string]string{{{"text": hostile, "callback_data": hostile}}},
		}})
		b.must("sendMessage", map[string]any{"chat_id": u.Message.Chat.ID, "text": "a link", "reply_markup": map[string]any{
			"keyboard": [][]map[string]string{{{"text": hostile}}}, "input_field_placeholder": hostile,
		}})
		b.sendDocument(u.Message.Chat.ID, `'><img src=x onerror=window.ran=1>.html`, hostile)
		// The server may refuse these two. What it lets through must do nothing.
		for _, entity := range []map[string]any{
			{"type": "text_link", "offset": 0, "length": 4, "url": "javascript:window.ran=1"},
			{"type": "pre", "offset": 0, "length": 4, "language": hostile},
		} {
			b.ask(context.Background(), "sendMessage", map[string]any{"chat_id": u.Message.Chat.ID, "text": "bait", "entities": []any{entity}}, nil)
		}
		b.ask(context.Background(), "sendMessage", map[string]any{"chat_id": u.Message.Chat.ID, "text": "bait", "reply_markup": map[string]any{
			"inline_keyboard": [][]map[string]string{{{"text": "bait", "url": "javascript:window.ran=1"}}},
		}}, nil)
		b.must("sendMessage", map[string]any{"chat_id": u.Message.Chat.ID, "text": "that was all"})
	}
}

// testPageHostile fills every field with markup: nothing of it runs. That nothing is asked for elsewhere and
// that the policy is not violated is seen by the tab at the end of every test.
func testPageHostile(t *testing.T, b *browser) {
	_, base := servePage(t)
	var made struct{ Bot, Token string }
	drive(t, base, "bots", map[string]any{"name": hostile, "username": "hostile_bot"}, &made)
	drive(t, base, "users", map[string]any{"first_name": hostile, "username": "hostile_user"}, nil)
	bot := newPageBot(t, base, made.Token)
	bot.agent, bot.handle = hostile, hostileBot
	bot.must("setMyCommands", map[string]any{"commands": []map[string]string{{"command": "start", "description": hostile}}})
	bot.start()

	p := b.open(t, base, desktop)
	p.waitText("#poll-open", hostile)
	p.waitText("#bots .row", hostile)
	p.waitText("#users .row", hostile)
	p.waitText("#head-title", hostile)
	p.keys("/")
	p.waitText("#commands .option", hostile)
	p.keys("start\r")
	p.waitText(".message .text", "that was all")
	p.waitText(".message .text", hostile)
	p.waitText(".document", "img src=x")
	p.waitText("#keys button", hostile)
	drive(t, base, "inject", map[string]any{"bot": made.Bot, "count": 1, "text": hostile}, nil)
	p.click(`.inline-button[data-key="0.0"]`)
	p.waitText("dialog .said", hostile)
	p.keys("\r")
	p.wait(`!document.querySelector('dialog')`)
	p.shot("end")

	if value[bool](p, `'ran' in window || Boolean(document.querySelector('img[src="x"], #app script, a[href^="javascript" i], [onerror]'))`) {
		t.Error("markup of a bot became part of the page")
	}
	hostileFile(t, p, base)
	hostileAddresses(t, p)
}

// hostileFile: a file of a bot must not become a page of this origin.
func hostileFile(t *testing.T, p *tab, base string) {
	t.Helper()
	resp, err := http.Get(base + "/" + value[string](p, `document.querySelector('.document').getAttribute('href')`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	h := resp.Header
	if string(body) != hostile || h.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.HasPrefix(h.Get("Content-Disposition"), "attachment") && !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("a bot's file is served as %v", h)
	}
}

// hostileAddresses asks the page itself which addresses it follows.
func hostileAddresses(t *testing.T, p *tab) {
	t.Helper()
	for address, followed := range map[string]string{
		"https://example.org/a?b#c":       "https://example.org/a?b#c",
		"example.org":                     "https://example.org/",
		"example.org:8443/x":              "https://example.org:8443/x",
		"tg://user?id=1":                  "tg://user?id=1",
		"javascript:alert(1)":             "",
		" \tJAVA\nSCRIPT:alert(1)":        "",
		"javascript://example.org/%0aa()": "",
		"data:text/html,<script>":         "",
		"vbscript:x":                      "",
		"file:///etc/passwd":              "",
		"blob:https://example.org/1":      "",
		"":                                "",
	} {
		got := value[string](p, `import('./page/entities.js').then((m) => m.safeURL(`+quoted(address)+`) || '')`)
		if got != followed {
			t.Errorf("%q is followed to %q", address, got)
		}
	}
	const entity = `[{type: 'text_link', offset: 0, length: 4, url: 'javascript:window.ran=1'}, {type: 'bold', offset: 2, length: 99}, {type: 'new', offset: 0, length: 1}]`
	html := value[string](p, `import('./page/entities.js').then((m) => { const el = document.createElement('p'); el.append(...m.render('bait<b>', `+entity+`).flat(9)); return el.innerHTML; })`)
	if strings.Contains(html, "javascript") || !strings.Contains(html, "&lt;b&gt;") {
		t.Errorf("a hostile entity became %s", html)
	}
}

// drive makes a call below /sandbox/.
func drive(t *testing.T, base, name string, body map[string]any, into any) {
	t.Helper()
	text, _ := json.Marshal(body)
	resp, err := http.Post(base+"/sandbox/"+name, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %d %s", name, resp.StatusCode, answer)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatal(err)
		}
	}
}
