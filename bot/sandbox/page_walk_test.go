package sandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// testPageWalk is a person's way from opening the page to a reply, and on.
func testPageWalk(t *testing.T, b *browser) {
	_, base := servePage(t)
	p := b.open(t, base, desktop)
	p.waitText("#empty h3", "Point a bot at this server")
	p.waitText("#empty code", "TELEGRAM_API_BASE="+base)
	p.shot("1-empty")

	bot := newPageBot(t, base, pageToken).withCommands().start()
	p.wait(`document.querySelectorAll('#bots .row').length === 1 && !document.querySelector('#composer').hidden`)
	p.waitText("#poll-title", "One poller")
	p.wait(`/127\.0\.0\.1:\d+ · page-bot\/1/.test(document.querySelector('#poll-open').textContent)`)

	p.keys("/") // from anywhere on the page
	p.wait(`document.querySelectorAll('#commands .option').length === 3 && document.activeElement.id === 'text'`)
	p.shot("2-commands")
	p.keys(kb.ArrowDown)
	p.wait(`document.querySelector('#commands [aria-selected="true"]').textContent.includes('/photo')`)
	p.keys(kb.ArrowUp)
	p.keys(kb.Enter)
	p.waitText(".message.mine", "/start")
	for selector, text := range map[string]string{
		"strong": "you", "em": "italic", "u": "underlined", "s": "struck", ".text > code": "code", ".spoiler": "secret",
		"blockquote": "Somebody said this.", ".pre-lang": "go", "pre code": "fmt.Println", `a[rel="noopener noreferrer"][target="_blank"]`: "the Bot API",
		".command": "/help",
	} {
		p.waitText(".message:not(.mine) "+selector, text)
	}
	p.click(".spoiler")
	p.wait(`document.querySelector('.spoiler').getAttribute('aria-expanded') === 'true'`)
	p.shot("3-reply")

	walkButtons(p)

	p.write("/photo")
	p.wait(`(() => { const img = document.querySelector('.photo-button img'); return img.complete && img.naturalWidth === 640 && img.height > 0; })()`)
	p.waitText(".message .text", "The coast, this evening")
	p.click(".photo-button")
	p.wait(`document.querySelector('dialog.photo img').naturalWidth === 640`)
	p.keys(kb.Escape)
	p.wait(`!document.querySelector('dialog') && document.activeElement.matches('.photo-button')`)

	walkKeyboard(p, bot)
	walkFile(p, bot)
	p.shot("4-end")
}

// walkButtons presses the inline buttons.
func walkButtons(p *tab) {
	p.t.Helper()
	p.click(`.inline-button[data-key="0.0"]`)
	p.waitText(".toast", "Counted.")
	p.waitText(".message .text strong", "1")
	p.waitText(".meta", "edited")
	p.waitText(".inline-button", "Count: 1")
	p.wait(`!document.querySelector('.inline-button[aria-busy]')`)
	p.wait(`document.activeElement.matches('.inline-button[data-key="0.0"]')`) // though the keyboard has been replaced
	p.click(`.inline-button[data-key="0.1"]`)
	p.waitText(`dialog[role="alertdialog"]`, "Think twice.")
	p.keys(kb.Enter)
	p.wait(`!document.querySelector('dialog') && document.activeElement.matches('.inline-button[data-key="0.1"]')`)
}

// walkKeyboard uses the reply keyboard, recalls a text, and replies to a message.
func walkKeyboard(p *tab, bot *pageBot) {
	p.t.Helper()
	p.write("/keys")
	p.wait(`document.querySelectorAll('#keys button').length === 2 && document.querySelector('#text').placeholder === 'Tea or coffee'`)
	p.click("#keys button:nth-child(2)")
	p.waitText(".message:not(.mine)", "You said: Coffee")
	p.do(chromedp.Focus("#text"))
	p.keys(kb.ArrowUp)
	p.wait(`document.querySelector('#text').value === 'Coffee'`)
	p.keys(" again")
	p.keys(kb.Enter, chromedp.ModifierShift)
	p.keys("and again")
	p.keys(kb.ArrowUp, chromedp.ModifierCtrl)
	p.waitText("#reply-to", "You said: Coffee")
	p.keys(kb.Enter)
	u := bot.awaitUpdate("a reply", func(u pageUpdate) bool { return u.Message != nil && u.Message.ReplyTo != nil })
	if u.Message.Text != "Coffee again\nand again" || u.Message.ReplyTo.Text != "You said: Coffee" {
		p.t.Errorf("the reply was %+v", u.Message)
	}
	p.waitText(".message.mine button.quote", "You said: Coffee")
}

// walkFile sends a document and a picture.
func walkFile(p *tab, bot *pageBot) {
	p.t.Helper()
	dir := p.t.TempDir()
	note, photo := filepath.Join(dir, "note.txt"), filepath.Join(dir, "hill.png")
	os.WriteFile(note, []byte("a note"), 0o600)
	os.WriteFile(photo, picture(300, 200), 0o600)

	p.do(chromedp.SetUploadFiles("#file", []string{note}))
	p.waitText("#attached", "note.txt")
	p.do(chromedp.Focus("#text"))
	p.keys("for you")
	p.keys(kb.Enter)
	u := bot.awaitUpdate("a document", func(u pageUpdate) bool { return u.Message != nil && u.Message.Document != nil })
	if u.Message.Document.Name != "note.txt" || u.Message.Caption != "for you" {
		p.t.Errorf("the document came as %+v", u.Message)
	}
	p.waitText(".message.mine .document", "note.txt")

	p.do(chromedp.SetUploadFiles("#file", []string{photo}))
	p.wait(`document.querySelector('#attached canvas')`)
	p.click("#send")
	bot.awaitUpdate("a photo", func(u pageUpdate) bool { return u.Message != nil && len(u.Message.Photo) > 0 })
	p.wait(`document.querySelector('.message.mine img').naturalWidth === 300`)
}
