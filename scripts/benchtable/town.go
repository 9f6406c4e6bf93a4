//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"botctl/bot/sandbox"
)

// town is a Telegram of its own with one real bot, which people write to.
type town struct {
	*scene
	box  *sandbox.Client
	srv  *started
	runs []*started // bots and supervisors, to be ended
}

// botSource is the bot: that of scripts/matrix.
const botSource = "scripts/frameworks/python/ptb.py"

// town begins a sandbox and puts the bot's script into its folder, behind the lines of prelude.
func (l *lab) town(prelude string) (*town, error) {
	if ptb.path() == "" {
		return nil, errors.New("python-telegram-bot is not installed")
	}
	s, err := l.scene("")
	if err != nil {
		return nil, err
	}
	t := &town{scene: s}
	script, err := os.ReadFile(botSource)
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(s.dir, "bot.py"), prelude+string(script)); err != nil {
		return nil, err
	}
	if s.out, err = os.Create(filepath.Join(s.dir, "output")); err != nil {
		return nil, err
	}
	ready := filepath.Join(s.dir, "ready")
	if t.srv, err = start(s.command(built("botctl"), "sandbox", "--port", "0", "--ready-file", ready)); err != nil {
		return nil, err
	}
	err = t.until("the sandbox listens", func() bool {
		b, _ := os.ReadFile(ready)
		s.api = strings.TrimSpace(string(b))
		return strings.HasSuffix(string(b), "\n")
	})
	t.box = &sandbox.Client{Base: s.api}
	return t, err
}

func (t *town) close() {
	for _, r := range t.runs {
		r.end(unix.SIGTERM, patient)
	}
	if t.srv != nil {
		t.srv.end(unix.SIGTERM, patient)
	}
	if t.out != nil {
		t.out.Close()
	}
	t.scene.close()
}

// python is the bot's command line.
func python() []string {
	return []string{filepath.Join(filepath.Dir(ptb.path()), "bin", "python"), "bot.py"}
}

// bot starts one without a supervisor.
func (t *town) bot() (*started, error) {
	argv := python()
	return t.begins(t.command(argv[0], argv[1:]...))
}

// supervised starts one under botctl run.
func (t *town) supervised(flags ...string) (*started, error) {
	args := append(append([]string{"run"}, flags...), "--")
	return t.begins(t.command(built("botctl"), append(args, python()...)...))
}

func (t *town) begins(cmd *exec.Cmd) (*started, error) {
	r, err := start(cmd)
	if err == nil {
		t.runs = append(t.runs, r)
	}
	return r, err
}

// verb is a short botctl.
func (t *town) verb(args ...string) error {
	if text, err := t.command2(args...).CombinedOutput(); err != nil {
		return fmt.Errorf("botctl %s: %w: %s", args[0], err, lastLine(text))
	}
	return nil
}

// command2 is botctl with an output of its own.
func (t *town) command2(args ...string) *exec.Cmd {
	cmd := t.command(built("botctl"), args...)
	cmd.Stdout, cmd.Stderr = nil, nil
	return cmd
}

// until looks again and again for what nobody announces.
func (t *town) until(what string, ok func() bool) error {
	for end := time.Now().Add(3 * patient); !ok(); {
		if time.Now().After(end) {
			return errors.New(what + ": not within a minute")
		}
		if err := t.l.pass(20 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// polling waits until the bot polls and has nothing left to fetch.
func (t *town) polling() error {
	return t.until("the bot polls", func() bool {
		list, err := t.box.State(t.l.ctx)
		return err == nil && len(list) == 1 && list[0].Polling > 0 && list[0].Pending == 0
	})
}

// verdict is the sandbox's.
func (t *town) verdict() (sandbox.Verdict, error) { return t.box.Verdict(t.l.ctx) }

// answers counts, of messages numbered 1 to n, those that were answered never and more than once. The bot repeats what it reads.
func (t *town) answers(n int) (missed, doubled int, err error) {
	list, err := t.box.Messages(t.l.ctx, 0, 0)
	if err != nil {
		return 0, 0, err
	}
	times := map[string]int{}
	for _, m := range list {
		times[m.Text]++
	}
	for i := 1; i <= n; i++ {
		switch times[fmt.Sprintf(handled, fmt.Sprint(i))] {
		case 0:
			missed++
		case 1:
		default:
			doubled++
		}
	}
	return missed, doubled, nil
}

// write lets people write n messages at a rate; it returns at once.
func (t *town) write(n int, rate float64) error {
	return t.box.Inject(t.l.ctx, sandbox.Injection{Count: n, Rate: rate, Text: fmt.Sprintf(handled, "{n}"), Users: 20})
}

// handled is a message with a number, which the bot handles for 50 ms, as if it asked a database, before it answers.
const handled = "work 50 %s"

// calm waits until nothing changes any more: n messages were made, and for quiet no further answer came.
func (t *town) calm(n int, quiet time.Duration) error {
	last, since := -1, time.Now()
	return t.until("all is answered", func() bool {
		v, err := t.verdict()
		missed, doubled, aerr := t.answers(n)
		if err != nil || aerr != nil {
			return false
		}
		if now := missed - doubled*n; now != last || v.Updates < n {
			last, since = now, time.Now()
		}
		return missed == 0 && v.Pending == 0 && time.Since(since) > 2*time.Second || time.Since(since) > quiet
	})
}
