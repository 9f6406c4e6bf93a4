package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// trouble is what a button of the page must bring about.
type trouble struct {
	button string
	wait   time.Duration // the bot's read timeout; 0: a long one
	judge  func(t *testing.T, p *tab, bot *pageBot, n int)
}

// A bot that polls for a second at a time meets each of them.
var troubles = []trouble{
	{button: "rival", judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.awaitStatus(n, 409)
		p.waitText("#poll-title", "TWO pollers")
		p.waitText("#faults", "ival")
		clearTrouble(p, bot)
	}},
	{button: "one-409", judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.awaitStatus(n, 409)
		bot.awaitStatus(bot.seen(), 200)
		p.waitText("#poll-title", "Conflict")
		p.wait(`document.querySelector('#counters dd').textContent === '1'`)
		p.waitText("#requests", "409 Conflict")
		p.wait(`document.querySelector('#open-panel .badge').textContent === '1'`)
		p.click("#reset")
		p.wait(`document.querySelector('#counters dd').textContent === '0' && !document.querySelector('#open-panel .badge')`)
	}},
	{button: "storm", judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.awaitStatus(n, 409)
		bot.awaitStatus(bot.seen(), 409)
		p.waitText("#poll-title", "Conflict")
		p.wait(`/\d+ s/.test(document.querySelector('#faults').textContent)`)
		clearTrouble(p, bot)
	}},
	{button: "401", judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		if o := bot.awaitStatus(n, 401); !strings.Contains(o.body, "Unauthorized") {
			t.Errorf("401 says %s", o.body)
		}
		p.waitText("#requests", "401")
		bot.awaitStatus(bot.seen(), 200)
	}},
	{button: "429", judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		if o := bot.awaitStatus(n, 429); !strings.Contains(o.body, `"retry_after":5`) {
			t.Errorf("429 says %s", o.body)
		}
		p.waitText("#requests", "429")
		bot.awaitStatus(bot.seen(), 200)
	}},
	{button: "502", judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		if o := bot.awaitStatus(n, 502); !strings.Contains(strings.ToLower(o.body), "<html") {
			t.Errorf("502 says %s", o.body)
		}
		p.waitText("#requests", "502")
		clearTrouble(p, bot)
	}},
	{button: "slow", judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.await(n, "a right answer 3 s late", func(o outcome) bool { return o.status == 200 && o.took >= 3*time.Second })
		p.wait(`document.querySelectorAll('#faults li').length === 1`)
	}},
	{button: "hang", wait: 1800 * time.Millisecond, judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.await(n, "no answer", func(o outcome) bool { return o.status == 0 && o.took >= 1800*time.Millisecond })
		p.waitText("#requests", "client left")
		bot.awaitStatus(bot.seen(), 200)
	}},
	{button: "cut", judge: func(_ *testing.T, p *tab, bot *pageBot, n int) {
		bot.await(n, "a reset", func(o outcome) bool {
			return o.err != nil && (strings.Contains(o.err.Error(), "reset") || strings.Contains(o.err.Error(), "forcibly closed"))
		})
		bot.awaitStatus(bot.seen(), 200)
		p.waitText("#poll-title", "One poller")
	}},
	{button: "restart", judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		if o := bot.awaitStatus(n, 429); !strings.Contains(o.body, `"retry_after":5`) {
			t.Errorf("429 says %s", o.body)
		}
		p.waitText("#requests", "429")
		bot.awaitStatus(bot.seen(), 200)
		p.waitText("#poll-title", "One poller")
	}},
	{button: "webhook", judge: func(t *testing.T, p *tab, bot *pageBot, n int) {
		bot.awaitStatus(n, 409)
		if o := bot.awaitStatus(bot.seen(), 409); !strings.Contains(o.body, "webhook is active") {
			t.Errorf("409 says %s", o.body)
		}
		p.waitText("#poll-title", "Webhook set: polling is shut out")
		p.waitText("#trouble-webhook", "delete it")
		p.shot("webhook")
		p.click("#trouble-webhook")
		bot.awaitStatus(bot.seen(), 200)
		p.waitText("#poll-title", "One poller")
		p.waitText("#trouble-webhook", "set it")
	}},
	{button: "inject", judge: func(_ *testing.T, p *tab, bot *pageBot, _ int) {
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

func testPageTrouble(t *testing.T, b *browser) {
	for _, tc := range troubles {
		t.Run(tc.button, func(t *testing.T) {
			t.Parallel()
			_, base := servePage(t)
			bot := newPageBot(t, base, pageToken)
			bot.poll, bot.handle = 1, nil
			if tc.wait > 0 {
				bot.client.Timeout = tc.wait
			}
			bot.start()
			p := b.open(t, base, desktop)
			p.waitText("#poll-title", "One poller")
			bot.awaitStatus(bot.seen(), 200)
			n := bot.seen()
			p.click("#trouble-" + tc.button)
			p.wait(fmt.Sprintf(`document.querySelector('#trouble-hint').textContent === document.querySelector('#trouble-%s').title`, tc.button))
			p.wait(`document.querySelector('.toast:not(.bad)')`)
			tc.judge(t, p, bot, n)
			if tc.button == "rival" || tc.button == "storm" {
				p.shot("after")
			}
		})
	}
	t.Run("buttons", func(t *testing.T) {
		t.Parallel()
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
