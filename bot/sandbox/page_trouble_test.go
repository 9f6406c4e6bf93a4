package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// trouble is what a button of the page must bring about.
type trouble struct {
	wait  time.Duration // the bot's read timeout; 0: a long one
	judge func(t *testing.T, p *tab, bot *pageBot, n int)
}

// A bot that polls for a second at a time meets each of them.
var troubles = map[string]trouble{
	"rival": {judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.awaitStatus(n, 409)
		p.waitText("#poll-title", "TWO pollers")
		p.waitText("#faults", "ival")
		clearTrouble(p, bot)
	}},
	"one-409": {judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.awaitStatus(n, 409)
		bot.awaitStatus(bot.seen(), 200)
		p.waitText("#poll-title", "Conflict")
		p.wait(`document.querySelector('#counters dd').textContent === '1'`)
		p.waitText("#requests", "409 Conflict")
		p.wait(`document.querySelector('#open-panel .badge').textContent === '1'`)
		p.click("#reset")
		p.wait(`document.querySelector('#counters dd').textContent === '0' && !document.querySelector('#open-panel .badge')`)
	}},
	"storm": {judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.awaitStatus(n, 409)
		bot.awaitStatus(bot.seen(), 409)
		p.waitText("#poll-title", "Conflict")
		p.wait(`/\d+ s/.test(document.querySelector('#faults').textContent)`)
		clearTrouble(p, bot)
	}},
	"401": {judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		if o := bot.awaitStatus(n, 401); !strings.Contains(o.body, "Unauthorized") {
			t.Errorf("401 says %s", o.body)
		}
		p.waitText("#requests", "401")
		bot.awaitStatus(bot.seen(), 200)
	}},
	"429": {judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		if o := bot.awaitStatus(n, 429); !strings.Contains(o.body, `"retry_after":5`) {
			t.Errorf("429 says %s", o.body)
		}
		p.waitText("#requests", "429")
		bot.awaitStatus(bot.seen(), 200)
	}},
	"502": {judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		if o := bot.awaitStatus(n, 502); !strings.Contains(strings.ToLower(o.body), "<html") {
			t.Errorf("502 says %s", o.body)
		}
		p.waitText("#requests", "502")
		clearTrouble(p, bot)
	}},
	"slow": {judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.await(n, "a right answer 3 s late", func(o outcome) bool { return o.status == 200 && o.took >= 3*time.Second })
		p.wait(`document.querySelectorAll('#faults li').length === 1`)
	}},
	"hang": {wait: 1800 * time.Millisecond, judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.await(n, "no answer", func(o outcome) bool { return o.status == 0 && o.took >= 1800*time.Millisecond })
		p.waitText("#requests", "client left")
		bot.awaitStatus(bot.seen(), 200)
	}},
	"cut": {judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.await(n, "a reset", func(o outcome) bool {
			return o.err != nil && (strings.Contains(o.err.Error(), "reset") || strings.Contains(o.err.Error(), "forcibly closed"))
		})
		bot.awaitStatus(bot.seen(), 200)
		p.waitText("#poll-title", "One poller")
	}},
	"restart": {judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		if o := bot.awaitStatus(n, 429); !strings.Contains(o.body, `"retry_after":5`) {
			t.Errorf("429 says %s", o.body)
		}
		p.waitText("#requests", "429")
		bot.awaitStatus(bot.seen(), 200)
		p.waitText("#poll-title", "One poller")
	}},
	"webhook": {judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		bot.awaitStatus(n, 409)
		if o := bot.awaitStatus(bot.seen(), 409); !strings.Contains(o.body, "webhook is active") {
			t.Errorf("409 says %s", o.body)
		}
		p.waitText("#poll-title", "Webhook set: polling is shut out")
		p.waitText("#trouble-webhook", "delete it")
		p.shot("webhook")
		p.click("#trouble-webhook")
		bot.awaitStatus(bot.seen(), 200)
		p.waitText("#trouble-webhook", "set it")
		p.wait(`!document.querySelector('#poll-title').textContent.includes('Webhook')`)
	}},
	"inject": {judge: func(_ *testing.T, p *tab, bot *pageBot, _ int) {
		bot.awaitUpdate("message 100", func(u pageUpdate) bool { return u.Message != nil && u.Message.Text == "message 100" })
		p.wait(`document.querySelectorAll('#users .row').length >= 10`)
	}},
}

// clearTrouble ends what the button has begun, and sees the bot recover.
func clearTrouble(p *tab, bot *pageBot) {
	p.t.Helper()
	p.click("#clear-faults")
	p.wait(`document.querySelectorAll('#faults li').length === 0 && document.querySelector('#clear-faults').hidden`)
	bot.awaitStatus(bot.seen(), 200)
}

// testPageTrouble has a few pages, since opening one takes long, and a bot for each trouble.
func testPageTrouble(t *testing.T, b *browser) {
	together(t, map[string][]string{
		"one":   {"rival", "401", "inject"},
		"two":   {"hang", "one-409", "429"},
		"three": {"slow", "cut", "502"},
		"four":  {"restart", "storm", "webhook"},
	}, func(t *testing.T, buttons []string) {
		_, base := servePage(t)
		p := b.open(t, base, desktop)
		for n, button := range buttons {
			t.Run(button, func(t *testing.T) {
				defer p.judgedBy(t)()
				meetTrouble(t, p, fmt.Sprintf("10000000%d", n), button)
			})
		}
	})
	t.Run("buttons", func(t *testing.T) {
		_, base := servePage(t)
		p := b.open(t, base, desktop)
		names := strings.Split(value[string](p, `[...document.querySelectorAll('#trouble button')].map((el) => el.id.slice(8)).join(' ')`), " ")
		if len(names) != len(troubles) {
			t.Errorf("the buttons are %v", names)
		}
		if !value[bool](p, `[...document.querySelectorAll('#trouble button')].every((el) => el.disabled && el.title && document.getElementById(el.getAttribute('aria-describedby')).textContent === el.title)`) {
			t.Error("a button does not say what it does, or is offered without a bot")
		}
	})
}

func meetTrouble(t *testing.T, p *tab, id, button string) {
	tc := troubles[button]
	bot := newPageBot(t, p.base, id+":"+strings.Repeat("A", 35))
	bot.poll, bot.handle = 1, nil
	if tc.wait > 0 {
		bot.client.Timeout = tc.wait
	}
	bot.start()
	defer drive(t, p.base, "fault/clear", map[string]any{}, nil)
	bot.awaitStatus(0, 200)
	value[bool](p, `(location.hash = 'bot=`+id+`', true)`)
	p.wait(`document.documentElement.dataset.ready.startsWith('` + id + ` ')`)
	p.waitText("#poll-title", "One poller")
	n := bot.seen()
	p.click("#trouble-" + button)
	p.wait(fmt.Sprintf(`document.querySelector('#trouble-hint').textContent === document.querySelector('#trouble-%s').title`, button))
	p.wait(`document.querySelector('.toast:not(.bad)')`)
	tc.judge(t, p, bot, n)
	if button == "rival" || button == "storm" {
		p.shot("after")
	}
}
