package sandbox_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"botctl/bot/sandbox"
)

// testPageGone ends the server and begins it again: the page says so and comes back by itself.
func testPageGone(t *testing.T, b *browser) {
	s := sandbox.New(sandbox.Options{})
	serve := func(address string) *http.Server {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Addr: ln.Addr().String(), Handler: s}
		go srv.Serve(ln)
		t.Cleanup(func() { srv.Close() })
		return srv
	}
	srv := serve("127.0.0.1:0")
	base := "http://" + srv.Addr
	bot := newPageBot(t, base, pageToken).start()
	p := b.open(t, base, desktop)
	p.expected = []string{"Failed to load resource"}
	p.write("one")
	p.waitText(".message", "You said: one")
	srv.Close()
	p.wait(`!document.querySelector('#banner').hidden`)
	p.shot("gone")
	p.write("lost")
	p.waitText(".toast.bad", "does not answer")
	p.wait(`document.querySelector('#text').value === 'lost'`) // nothing typed is lost
	serve(srv.Addr)
	p.wait(`document.querySelector('#banner').hidden`)
	p.click("#send")
	p.waitText(".message", "You said: lost")
	bot.awaitStatus(bot.seen(), 200)
}

// testPageMany: what has not changed stays the same element, the end is followed only by whoever is there.
func testPageMany(t *testing.T, b *browser) {
	_, base := servePage(t)
	bot := newPageBot(t, base, pageToken).start()
	p := b.open(t, base, desktop)
	p.write("/start")
	p.waitText(".message", "Somebody said this.")
	say := func(text string) { bot.must("sendMessage", map[string]any{"chat_id": defaultChat, "text": text}) }
	for n := range 150 {
		say(fmt.Sprintf("message %d", n))
	}
	p.waitText(".message", "message 149")
	p.wait(`(({ scrollHeight: all, scrollTop: at, clientHeight: seen }) => all - at - seen < 2)(document.querySelector('#log'))`)
	value[bool](p, `(() => {
		document.querySelector('#log').scrollTop = 0;
		document.querySelector('.spoiler').click();
		window.kept = document.querySelector('.spoiler').closest('.message');
		getSelection().selectAllChildren(kept.querySelector('strong'));
		return true;
	})()`)
	p.wait(`document.querySelector('#log').scrollTop === 0`)
	say("while you were away")
	say("and another")
	p.waitText("#pill", "2 new messages")
	p.shot("pill")
	if !value[bool](p, `kept.isConnected && kept.querySelector('.spoiler').ariaExpanded === 'true' && String(getSelection()) === 'you' && document.querySelector('#log').scrollTop === 0`) {
		t.Error("a new message disturbed what had not changed")
	}
	p.click("#pill")
	p.wait(`document.querySelector('#pill').hidden && document.activeElement.id === 'text'`)
	for n := range 60 {
		say(fmt.Sprintf("later %d", n))
	}
	p.waitText(".message", "later 59")
	p.wait(`document.querySelectorAll('.message').length === 200 && !kept.isConnected`)
	p.shot("end")
}

// testPageFlood: thousands of updates a second make no more than five views.
func testPageFlood(t *testing.T, b *browser) {
	_, base := servePage(t)
	newPageBot(t, base, pageToken).must("getMe", nil)
	p := b.open(t, base, desktop)
	p.waitText("#poll-title", "Nobody has polled yet")
	views := func() (n int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, u := range p.requests {
			if strings.Contains(u, "/sandbox/view") {
				n++
			}
		}
		return n
	}
	began, before := time.Now(), views()
	drive(t, base, "inject", map[string]any{"count": 10_000, "rate": 5000, "text": "{n}"}, nil)
	p.wait(`parseInt(document.querySelector('#queue-count').textContent) >= 8000`)
	seconds := time.Since(began).Seconds()
	if made := views() - before; float64(made) > 5*seconds+2 {
		t.Errorf("%d views in %.1f s", made, seconds)
	}
	p.do(chromedp.Click("#theme")) // it still answers
	p.wait(`document.documentElement.dataset.theme === 'light'`)
	if n := value[int](p, `document.querySelectorAll('*').length`); n > 4000 {
		t.Errorf("the page has %d elements", n)
	}
	p.shot("end")
}
