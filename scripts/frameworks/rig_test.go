//go:build linux

package frameworks

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"botctl/supervisor/control"
)

// patient is for what must come; whoever waits so long for it has lost it.
const patient = 60 * time.Second

// mode is one part of the matrix.
type mode struct {
	name    string
	flags   []string // of botctl run
	gateway bool
	only    string // the scenario that is of interest; empty: all
}

// rig is one bot under one botctl before one Telegram.
type rig struct {
	*telegram

	t      *testing.T
	bot    framework
	mode   mode
	dir    string
	folder string   // of locks and state
	run    *program // botctl, the latest
}

func newRig(t *testing.T, f framework, m mode) *rig {
	t.Helper()
	state, err := os.MkdirTemp("", "m") // short, for its socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(state) })
	return &rig{telegram: newTelegram(t), t: t, bot: f, mode: m, dir: t.TempDir(), folder: state}
}

// program is a started botctl.
type program struct {
	cmd  *exec.Cmd
	out  output
	done chan struct{}
}

// output collects what a program prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (r *rig) botctl(args ...string) *program {
	r.t.Helper()
	p := &program{done: make(chan struct{})}
	p.cmd = exec.Command(filepath.Join(os.Getenv(builtEnv), "botctl"), args...)
	p.cmd.Dir = r.dir
	p.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "NODE_PATH=" + filepath.Join(*tools, "node/node_modules"),
		"BOTCTL_STATE_DIR=" + r.folder, "TELEGRAM_BOT_TOKEN=" + r.token, "TELEGRAM_API_BASE=" + r.base,
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	r.t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(patient):
			p.cmd.Process.Kill()
			<-p.done
			r.t.Errorf("botctl %v did not end", args)
		}
		if _, secret, _ := strings.Cut(r.token, ":"); strings.Contains(p.out.String(), secret) {
			r.t.Errorf("botctl %v printed the token", args)
		}
		if r.t.Failed() {
			r.t.Logf("botctl %v\n%s", args, tail(p.out.String()))
		}
	})
	return p
}

// tail is the end of an output: some bots print without bounds.
func tail(text string) string { return text[max(0, len(text)-6000):] }

// slots are for what keeps a processor busy, such as a bot that boots.
var slots = make(chan struct{}, runtime.NumCPU())

// cpu takes a slot and returns what gives it back.
func (r *rig) cpu() func() {
	slots <- struct{}{}
	return func() { <-slots }
}

// begin starts botctl with the bot and waits for the first poll. It returns how long that took.
func (r *rig) begin() time.Duration {
	r.t.Helper()
	defer r.cpu()()
	return r.start()
}

// start is begin for whoever has a slot.
func (r *rig) start() time.Duration {
	r.t.Helper()
	polls := r.verdict().Polls
	begin := time.Now()
	r.run = r.botctl(r.argv()...)
	r.until("it polls", func() bool { return r.verdict().Polls > polls })
	return time.Since(begin)
}

// pass lets time pass: it is the length of a trouble. It ends early when botctl has ended.
func (r *rig) pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.run.done:
	}
}

func (r *rig) ended() bool {
	select {
	case <-r.run.done:
		return true
	default:
		return false
	}
}

// argv is how the bot is run.
func (r *rig) argv() []string {
	r.t.Helper()
	return slices.Concat([]string{"run"}, r.mode.flags, []string{"--"}, r.bot.argv(r.t))
}

// settled is begin, an answer, and the poll after it.
func (r *rig) settled() {
	r.t.Helper()
	r.begin()
	if _, ok := r.ask("settled", patient); !ok {
		r.t.Fatal("the bot does not answer")
	}
	r.until("a poll is pending", func() bool { s := r.state(); return s.Polling > 0 && s.Pending == 0 })
}

// end stops botctl as a platform does and returns how long it took and how the bot ended.
func (r *rig) end() (took time.Duration, how string) {
	r.t.Helper()
	begin := time.Now()
	r.run.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.run.done:
	case <-time.After(patient):
		r.t.Fatal("botctl does not end")
	}
	took = time.Since(begin)
	if code := r.run.cmd.ProcessState.ExitCode(); code != 0 {
		r.t.Errorf("botctl ended with %d", code)
	}
	m := regexp.MustCompile(`bot stopped exit="?([^"\n]*?)"? uptime`).FindStringSubmatch(r.run.out.String())
	if m == nil {
		r.t.Fatal("botctl does not say how the bot ended")
	}
	return took, m[1]
}

// until looks again and again for what nobody announces.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	if r.within(patient, ok) {
		return
	}
	if r.ended() {
		r.t.Fatalf("%s: botctl has ended", what)
	}
	r.t.Fatalf("%s: not within %v", what, patient)
}

// within is until for what may not come. It ends early when botctl has ended.
func (r *rig) within(limit time.Duration, ok func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !ok(); {
		if time.Now().After(end) {
			return false
		}
		select {
		case <-tick.C:
		case <-r.run.done:
			return ok()
		}
	}
	return true
}

// status asks botctl; the zero value when it does not answer.
func (r *rig) status() control.Status {
	list, _ := control.ReadStates(r.folder)
	for _, s := range list {
		if c, err := control.Dial(r.t.Context(), r.folder, s.Key); err == nil {
			if st, err := c.Status(r.t.Context()); err == nil {
				return st
			}
		}
	}
	return control.Status{}
}

// pid is the bot's.
func (r *rig) pid() int {
	r.t.Helper()
	var pid int
	r.until("the bot runs", func() bool {
		c := r.status().Child
		if c != nil {
			pid = c.PID
		}
		return c != nil
	})
	return pid
}
