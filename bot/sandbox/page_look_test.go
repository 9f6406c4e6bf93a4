package sandbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var screens = map[string]screen{
	"desktop light": desktop,
	"desktop dark":  {width: 1280, height: 800, theme: "dark"},
	"phone light":   {width: 360, height: 740, phone: true, theme: "light"},
	"phone dark":    {width: 360, height: 740, phone: true, theme: "dark"},
	"narrow":        {width: 320, height: 568, phone: true, theme: "light"},
	"tablet":        {width: 900, height: 700, theme: "dark"},
}

// testPageLook sees the page in every size and theme: all of it on the screen, legible, and large enough to hit.
func testPageLook(t *testing.T, b *browser) {
	together(t, screens, func(t *testing.T, on screen) {
		_, base := servePage(t)
		p := b.open(t, base, on)
		p.waitText("#empty h3", "Point a bot")
		look(p, on, "1-empty")
		bot := newPageBot(t, base, pageToken).withCommands().start()
		p.waitText("#empty h3", "No messages here yet")
		look(p, on, "2-begin")
		p.click("#empty .button")
		p.waitText(".message", "Somebody said this.")
		p.write("/photo")
		p.wait(`document.querySelector('.photo-button img').naturalWidth > 0`)
		bot.sendDocument(defaultChat, "report-of-a-very-long-name-"+strings.Repeat("x", 60)+".pdf", strings.Repeat("a", 48_000))
		p.write(strings.Repeat("word ", 120) + strings.Repeat("w", 300))
		p.waitText(".message:not(.mine)", "You said: word")
		p.write("/keys")
		p.wait(`document.querySelectorAll('#keys button').length === 2`)
		p.wait(`(({ scrollHeight: all, scrollTop: at, clientHeight: seen }) => all - at - seen < 2)(document.querySelector('#log'))`)
		look(p, on, "3-chat")
		value[bool](p, `(document.querySelector('#log').scrollTop = 0, true)`)
		look(p, on, "4-top")
		lookCommands(p, on)
		lookDrawers(p, on)
		if on.width != screens["tablet"].width {
			lookDialogs(p, on)
		}
	})
}

// defaultChat is the private chat of the user who is there from the start.
const defaultChat = 1000

func lookCommands(p *tab, on screen) {
	p.do(chromedp.Focus("#text"))
	p.keys("/")
	p.wait(`document.querySelectorAll('#commands .option').length === 3`)
	look(p, on, "5-commands")
	p.keys(kb.Escape)
	p.wait(`document.querySelector('#commands').hidden`)
	p.keys(kb.Backspace)
}

func lookDrawers(p *tab, on screen) {
	if on.width <= 780 {
		p.click("#open-panel")
		p.wait(`document.querySelector('#panel.open').getBoundingClientRect().right === innerWidth`)
		look(p, on, "6-panel")
		closeDrawer(p, "panel")
	}
	if on.width <= 1120 {
		p.click("#open-side")
		p.wait(`document.querySelector('#side.open').getBoundingClientRect().left === 0`)
		look(p, on, "7-side")
		closeDrawer(p, "side")
	}
}

// closeDrawer waits until the drawer is off the screen: it takes clicks until then.
func closeDrawer(p *tab, name string) {
	p.t.Helper()
	p.click("#" + name + " .drawer-close")
	p.wait(`getComputedStyle(document.querySelector('#` + name + `')).visibility === 'hidden'`)
}

func lookDialogs(p *tab, on screen) {
	if on.width <= 1120 {
		p.click("#open-side")
		p.wait(`document.querySelector('#side.open').getBoundingClientRect().left === 0`)
	}
	p.click("#add-bot")
	p.wait(`document.activeElement.name === 'name'`)
	look(p, on, "8-add-bot")
	p.keys("Weather and tides" + kb.Enter)
	p.waitText("dialog code", "TELEGRAM_BOT_TOKEN=")
	look(p, on, "9-token")
	p.keys(kb.Escape)
	p.wait(`!document.querySelector('dialog')`)
	p.waitText("#head-title", "Weather and tides")
}

// look takes a screenshot and judges what is on the page.
func look(p *tab, on screen, name string) {
	p.t.Helper()
	p.shot(name)
	if wide := value[int](p, `document.documentElement.scrollWidth`); wide > int(on.width) {
		p.t.Errorf("%s: the page is %d px wide", name, wide)
	}
	for _, judged := range []struct{ what, script string }{
		{"outside of the screen", outside}, {"too small to hit", tooSmall}, {"hard to read", faint},
	} {
		if judged.what == "too small to hit" && !on.phone {
			continue
		}
		for line := range strings.SplitSeq(value[string](p, fmt.Sprintf(judged.script, visible)), "\n") {
			if line != "" {
				p.t.Errorf("%s: %s: %s", name, judged.what, line)
			}
		}
	}
}

// visible lists the elements that fit a selector and are seen. While a dialog is open, only it counts.
const visible = `((selector) => [...(document.querySelector('dialog[open]') || document.body).querySelectorAll(selector)].filter((el) => {
	const r = el.getBoundingClientRect();
	return r.width > 0 && r.height > 0 && el.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true }) && !el.closest('[inert], .skip, .toasts');
}))`

const named = `const name = (el) => (el.id || el.className || el.tagName) + ' "' + el.textContent.slice(0, 30) + '"';`

// outside: what is cut off at the left or the right; a <pre> may scroll inside itself.
const outside = `(() => { ` + named + ` return %s('*').filter((el) => !el.closest('pre, svg, .drop-hint'))
	.filter((el) => { const r = el.getBoundingClientRect(); return r.left < -0.5 || r.right > innerWidth + 0.5; })
	.map((el) => name(el) + ' from ' + el.getBoundingClientRect().left + ' to ' + el.getBoundingClientRect().right).join('\n'); })()`

// tooSmall: what a finger must hit, but words within a text.
const tooSmall = `(() => { ` + named + ` return %s('button, a, input, textarea, [role="button"], [role="option"]').filter((el) => !el.closest('.text') || el.matches('.unfold'))
	.filter((el) => { const r = el.getBoundingClientRect(); return r.height < 39 || r.width < 39; })
	.map((el) => name(el) + ' is ' + el.getBoundingClientRect().width + ' x ' + el.getBoundingClientRect().height).join('\n'); })()`

// faint: text whose contrast (WCAG 2.2, 1.4.3) is below 4.5. Colours are put on a canvas, to be told as bytes.
const faint = `(() => { ` + named + `
	const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
	const over = (colors) => {
		canvas.clearRect(0, 0, 1, 1);
		for (const c of colors) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); }
		return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
	};
	const light = (rgb) => { const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const behind = (el) => { const list = []; for (; el; el = el.parentElement) list.unshift(getComputedStyle(el).backgroundColor); return list; };
	return %s('*').filter((el) => [...el.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
		.filter((el) => !el.closest('.spoiler[aria-expanded="false"], button:disabled, .meta.over, option'))
		.map((el) => {
			const back = behind(el);
			const a = light(over(back)), b = light(over([...back, getComputedStyle(el).color]));
			return [el, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
		})
		.filter(([, ratio]) => ratio < 4.5).map(([el, ratio]) => name(el) + ' has ' + ratio.toFixed(2)).join('\n'); })()`
