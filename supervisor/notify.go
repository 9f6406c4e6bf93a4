package supervisor

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"botctl/supervisor/control"
	"botctl/supervisor/notify"
	"botctl/supervisor/policy"
)

// openNotify gives the bot a socket to speak to. It is called with the lock held, once the locks are; without a
// socket the bot is supervised all the same. It ends with ctx.
func (r *run) openNotify(ctx context.Context) {
	l, err := notify.Listen(r.notifyPath())
	if err != nil {
		r.opts.Log.Warn("heartbeats of the bot will not be heard", keyCause, err.Error())
		return
	}
	r.seen.notify = l
	context.AfterFunc(ctx, l.Close) // the locks may be taken at the very moment when the run ends
	r.beside(func() { r.hear(l) })
}

func (r *run) notifyPath() string { return filepath.Join(r.opts.StateDir, r.key()+".notify") }

// notifyEnv is what the bot needs to speak to us.
func (r *run) notifyEnv() (env []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	server, addr := "", ""
	if r.seen.server != nil {
		server = r.seen.server.Path()
	}
	if r.seen.notify != nil {
		addr = r.seen.notify.Addr()
	}
	if r.locks == nil { // the child is started before we take over; then the sockets will be where the other one's are now
		server, addr = control.SocketPath(r.opts.StateDir, r.key()), r.notifyPath()
	}
	if server != "" {
		env = append(env, control.EnvSocket+"="+server)
	}
	if addr == "" {
		return env
	}
	env = append(env, notify.EnvSocket+"="+addr)
	if every := r.cfg.Heartbeat; every > 0 {
		env = append(env, fmt.Sprintf("%s=%d", notify.EnvWatchdog, every.Microseconds()))
	}
	return env
}

// hear passes on what processes of the living child's tree say, and nobody else. It ends when l is closed.
func (r *run) hear(l *notify.Listener) {
	for {
		m, pid, err := l.Next()
		if err != nil {
			return
		}
		c := r.children.owner(pid)
		if c == nil {
			continue
		}
		<-c.announced
		if m.Status != "" {
			r.noteBotStatus(c.run, r.mask(m.Status))
		}
		if m.Ready || m.Beat || m.Trigger || m.Every > 0 {
			r.send(c.over, policy.Notified{Run: c.run, Ready: m.Ready, Beat: m.Beat, Trigger: m.Trigger, Every: m.Every})
		}
	}
}

func (r *run) noteBotStatus(n uint32, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.botStatus, r.seen.botStatusRun = text, n
}

// manage tells the service manager that started botctl, if one did, how it is: ready when the bot is, a line of
// status at each change, and WATCHDOG=1 only as long as the loop turns.
func (r *run) manage(ctx context.Context) {
	m := r.opts.Manager
	if !m.Present() {
		return
	}
	var tick <-chan time.Time
	if m.Every > 0 {
		t := time.NewTicker(m.Every / 2)
		defer t.Stop()
		tick = t.C
	}
	var told managerNews
	for {
		select {
		case <-ctx.Done():
			// A stop may be over before its phase was looked at.
			now := r.managerNews()
			now.status, now.end = "stopped", r.stopLimit()
			m.Tell(now.since(told)...)
			return
		case <-r.news:
		case <-tick:
			if r.turns(ctx, m.Every/4) {
				m.Tell("WATCHDOG=1")
			}
			continue
		}
		now := r.managerNews()
		if lines := now.since(told); len(lines) > 0 {
			m.Tell(lines...)
		}
		now.ready = now.ready || told.ready
		told = now
	}
}

// managerNews is what a service manager may have to be told.
type managerNews struct {
	ready  bool
	status string
	end    time.Duration // what the stop may take; 0: none is under way
}

func (r *run) managerNews() managerNews {
	s := r.view.Load().state
	n := managerNews{ready: s.Ready && s.Phase == policy.Running, status: s.Phase.String()}
	if s.Phase == policy.Running {
		n.status = fmt.Sprintf("running, pid %d", s.PID)
	}
	if t := r.trouble(s); t != "" {
		n.status += ": " + t
	}
	if s.Phase == policy.Done || s.Phase == policy.Stopping && s.Then == policy.Finish {
		n.end = r.stopLimit()
	}
	return n
}

func (r *run) stopLimit() time.Duration { return r.cfg.StopTimeout + killTime }

// killTime is what a stop may take beyond its time limit: the end by force.
const killTime = 11 * time.Second

func (n managerNews) since(told managerNews) (lines []string) {
	if n.ready && !told.ready {
		lines = append(lines, "READY=1")
	}
	if n.end > 0 && told.end == 0 {
		lines = append(lines, "STOPPING=1", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", n.end.Microseconds()))
	}
	if n.status != told.status {
		lines = append(lines, "STATUS="+strings.ReplaceAll(n.status, "\n", " "))
	}
	return lines
}

// turns says whether the loop answers within limit.
func (r *run) turns(ctx context.Context, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r.pulse <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
