package sandbox_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// testPageKeyboard goes everywhere without a mouse.
func testPageKeyboard(t *testing.T, b *browser) {
	_, base := servePage(t)
	newPageBot(t, base, pageToken).withCommands().start()
	p := b.open(t, base, desktop)
	p.keys("/start\r")
	p.waitText(".message:not(.mine)", "Hello")
	reached := tabThrough(p)
	for _, want := range []string{
		"skip", "theme", "help", "add-bot", "row", "add-user", "add-group", "log", "command", "spoiler", "inline-button", "attach", "text", "send",
		"trouble-rival", "trouble-one-409", "trouble-storm", "trouble-401", "trouble-429", "trouble-502", "trouble-slow", "trouble-hang",
		"trouble-cut", "trouble-restart", "trouble-webhook", "trouble-inject", "reset",
	} {
		if !slices.Contains(reached, want) {
			t.Errorf("Tab does not come to %s, only to %v", want, reached)
		}
	}

	p.do(chromedp.Focus("#theme"))
	p.keys(kb.Enter)
	p.wait(`document.documentElement.dataset.theme === 'light'`)
	p.keys(kb.Enter)
	p.wait(`document.documentElement.dataset.theme === 'dark' && localStorage.getItem('botctl-theme') === 'dark'`)
	for _, id := range []string{"add-bot", "add-user", "help"} {
		p.do(chromedp.Focus("#" + id))
		p.keys(kb.Enter)
		p.wait(`document.querySelector('dialog[open]').contains(document.activeElement)`)
		for range 8 {
			p.keys(kb.Tab)
			p.wait(`document.activeElement === document.body || document.querySelector('dialog[open]').contains(document.activeElement)`)
		}
		p.keys(kb.Escape)
		p.wait(`!document.querySelector('dialog') && document.activeElement.id === '` + id + `'`)
	}
	keyboardShortcuts(p)

	p.do(chromedp.Focus("#add-user"))
	p.keys(kb.Enter)
	p.wait(`document.activeElement.name === 'first_name'`)
	p.keys("Ada" + kb.Enter)
	p.waitText("#users .row[aria-current=true]", "Ada")
	p.waitText("#empty h3", "No messages here yet")
	p.do(chromedp.Focus("#add-group"))
	p.keys(kb.Enter)
	p.wait(`document.activeElement.id === 'text' && /chat=-\d+/.test(location.hash)`)
	p.keys("hello, group" + kb.Enter)
	p.waitText(".message.mine .sender", "Ada")
	p.waitText(".message:not(.mine)", "You said: hello, group")
	p.shot("group")
	p.do(chromedp.Reload())
	p.waitText(".message.mine .sender", "Ada") // the address remembers it
	p.wait(`document.documentElement.dataset.theme === 'dark'`)
}

func keyboardShortcuts(p *tab) {
	p.t.Helper()
	p.keys("?")
	p.waitText("dialog[open]", "Keyboard")
	p.keys(kb.Escape)
	p.wait(`!document.querySelector('dialog')`)
	p.keys("m", chromedp.ModifierAlt)
	p.wait(`document.activeElement.id === 'text'`)
	p.keys("?") // is text here
	p.wait(`document.querySelector('#text').value === '?'`)
	p.keys(kb.Backspace + "/ph" + kb.Tab)
	p.wait(`document.querySelector('#text').value === '/photo ' && document.activeElement.id === 'text'`)
	for range len("/photo ") {
		p.keys(kb.Backspace)
	}
	p.keys("b", chromedp.ModifierAlt)
	p.wait(`document.querySelector('#side').contains(document.activeElement)`)
	p.keys("p", chromedp.ModifierAlt)
	p.wait(`document.querySelector('#panel').contains(document.activeElement)`)
}

// tabThrough returns the ids or classes of what Tab comes to, once around.
func tabThrough(p *tab) []string {
	p.t.Helper()
	value[bool](p, `(document.activeElement.blur(), window.getSelection().removeAllRanges(), document.querySelector('#skip').focus(), true)`)
	reached := []string{"skip"}
	for range 120 {
		p.keys(kb.Tab)
		at := value[string](p, `document.activeElement.id || document.activeElement.classList[0] || document.activeElement.tagName`)
		if at == "BODY" || at == "skip" {
			break
		}
		seen := value[bool](p, `(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; })()`)
		if !seen {
			p.t.Errorf("the focus is not seen on %s", at)
		}
		reached = append(reached, at)
	}
	return reached
}

// testPageDrawers opens the drawers of a phone with the keyboard: what is behind is out of reach meanwhile.
func testPageDrawers(t *testing.T, b *browser) {
	_, base := servePage(t)
	newPageBot(t, base, pageToken).start()
	p := b.open(t, base, screens["phone light"])
	p.waitText("#poll-title", "One poller")
	for _, name := range []string{"panel", "side"} {
		p.do(chromedp.Focus("#open-" + name))
		p.keys(kb.Enter)
		p.wait(`document.querySelector('#` + name + `.open').contains(document.activeElement) && document.querySelector('#main').inert`)
		p.keys(kb.Escape)
		p.wait(`!document.querySelector('.drawer.open') && !document.querySelector('#main').inert && document.activeElement.id === 'open-` + name + `'`)
	}
	if strings.Contains(strings.Join(tabThrough(p), " "), "trouble") {
		t.Error("Tab goes into a closed drawer")
	}
}
