//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// deploy is a way to put a new version in the place of the old one.
type deploy struct {
	name  string
	as    role
	old   bool // the script has the prelude of the old system
	begin func(*town) (*started, error)
	swap  func(*town, *started) error
}

// measureRolling runs every way of a deploy, each before a Telegram of its own.
func measureRolling(l *lab) error {
	overlap := time.Duration(l.times(5, 10)) * time.Second
	prelude, err := source.ReadFile("child/old.py")
	if err != nil {
		return err
	}
	var subjects []subject
	for _, d := range deploys(overlap) {
		text := ""
		if d.old {
			text = string(prelude)
		}
		subjects = append(subjects, subject{name: d.name, as: d.as, sample: func() ([]reading, error) { return l.deploy(d, text) }})
	}
	return l.rounds("rolling", l.times(1, 3), subjects)
}

func deploys(overlap time.Duration) []deploy {
	plain := func(t *town) (*started, error) { return t.bot() }
	under := func(flags ...string) func(*town) (*started, error) {
		return func(t *town) (*started, error) { return t.supervised(flags...) }
	}
	successor := func(flags ...string) func(*town, *started) error {
		return func(t *town, old *started) error { // as a platform does it: the new one first
			if _, err := t.supervised(flags...); err != nil {
				return err
			}
			if err := t.l.pass(overlap); err != nil {
				return err
			}
			return old.end(unix.SIGTERM, patient)
		}
	}
	return []deploy{
		{"no deploy", peer, false, plain, func(*town, *started) error { return nil }},
		{fmt.Sprintf("without botctl: the old one ends %v after the new one has started", overlap), peer, false, plain, func(t *town, old *started) error {
			if _, err := t.bot(); err != nil {
				return err
			}
			if err := t.l.pass(overlap); err != nil {
				return err
			}
			return old.end(unix.SIGTERM, patient)
		}},
		{"without botctl: stop, then start", peer, false, plain, func(t *town, old *started) error {
			if err := old.end(unix.SIGTERM, patient); err != nil {
				return err
			}
			_, err := t.bot()
			return err
		}},
		{"the old system: three sweeps by substring, SIGKILL, 6 s of sleeps", peer, true, plain, func(t *town, _ *started) error {
			_, err := t.bot()
			return err
		}},
		{"botctl run, the old one runs without it and is swept away", ours, false, plain, func(t *town, _ *started) error {
			_, err := t.supervised()
			return err
		}},
		{fmt.Sprintf("botctl run --on-held wait, the old botctl is stopped %v later", overlap), ours, false, under(), successor("--on-held", "wait")},
		{"botctl restart", ours, false, under(), func(t *town, _ *started) error { return t.verb("restart") }},
		{"botctl restart, --gateway require --restart-warm", ours, false, under("--gateway", "require", "--restart-warm"),
			func(t *town, _ *started) error { return t.verb("restart") }},
	}
}

// deploy writes to the bot at a steady rate, swaps it in the middle, and counts.
func (l *lab) deploy(d deploy, prelude string) ([]reading, error) {
	const rate = 10
	n := l.times(120, 250)
	t, err := l.town(prelude)
	if err != nil {
		return nil, err
	}
	defer t.close()
	old, err := d.begin(t)
	if err != nil {
		return nil, err
	}
	if err := t.polling(); err != nil {
		return nil, t.explain(err)
	}
	if err := l.pass(time.Second); err != nil {
		return nil, err
	}
	if err := t.box.Reset(l.ctx); err != nil {
		return nil, err
	}
	if err := t.write(n, rate); err != nil {
		return nil, err
	}
	if err := l.pass(4 * time.Second); err != nil {
		return nil, err
	}
	if err := d.swap(t, old); err != nil {
		return nil, t.explain(err)
	}
	if err := t.calm(n, 12*time.Second); err != nil {
		return nil, t.explain(err)
	}
	v, err := t.verdict()
	if err != nil {
		return nil, err
	}
	missed, doubled, err := t.answers(n)
	if err != nil {
		return nil, err
	}
	return []reading{
		{"conflicts", "", float64(v.ConflictsLive)},
		{"missed", fmt.Sprintf("of %d", n), float64(missed)},
		{"doubled", "", float64(doubled)},
		{"gap", "ms", v.LongestGapSeconds * 1000},
		{"longest delay", "ms", v.DeliveryMaxMillis},
	}, nil
}

// explain adds the last lines of what was printed: they say why.
func (t *town) explain(err error) error {
	text, rerr := os.ReadFile(t.out.Name())
	if rerr != nil {
		return err
	}
	list := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(text), t.token, "***")), "\n")
	return fmt.Errorf("%w; the last output: %s", err, strings.Join(list[max(0, len(list)-3):], " | "))
}
