//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
	"botctl/supervisor/lock"
)

// lineBots are the bots of the recipes: they poll, through whatever server and with whatever token they are given.
var lineBots = map[string]string{
	"bot.py": `
import os, urllib.request
url = os.environ["TELEGRAM_API_BASE"] + "/bot" + os.environ["TELEGRAM_BOT_TOKEN"] + "/getUpdates?timeout=20"
while True:
    try:
        urllib.request.urlopen(url).read()
    except OSError:
        pass
`,
	"bot.js": `
const url = process.env.TELEGRAM_API_BASE + "/bot" + process.env.TELEGRAM_BOT_TOKEN + "/getUpdates?timeout=20";
(async () => { for (;;) { try { await (await fetch(url)).text(); } catch {} } })();
`,
}

// The start commands of docs/platforms.md, as their platforms run them: the bot polls under the lease, the checks are answered, the stop signal ends
// everything with 0 and releases the lease, and nobody ever polled beside it.
func TestTheRecipesOfThePlatforms(t *testing.T) {
	t.Parallel()
	list := readRecipes(t, "../../docs/platforms.md")
	if len(list) < 13 {
		t.Fatalf("%d recipes are marked to be run", len(list))
	}
	redis, postgres := leasetest.Redis(t), leasetest.Postgres(t)
	stores := map[string]storeAddress{
		"REDIS_URL":    {redis.Addr(), func(addr string) string { return "redis://" + addr }},
		"DATABASE_URL": {postgres.Addr(), func(addr string) string { return leasetest.PGURL(addr, "") }},
	}
	used := map[string]bool{}
	for _, r := range list {
		for _, s := range r.starts(t) {
			if s.lease != "" {
				if _, ok := stores[s.lease]; !ok {
					t.Errorf("%s: no server behind %s", r.where, s.lease)
				}
				used[s.lease] = true
			}
			t.Run(r.where+", "+s.how, func(t *testing.T) {
				t.Parallel()
				runRecipe(t, s, stores)
			})
		}
	}
	if len(used) != len(stores) {
		t.Errorf("the recipes have a lease in %v alone", used)
	}
}

// storeAddress is where a lease's server listens, and the URL of one that is reached at addr.
type storeAddress struct {
	addr string
	url  func(addr string) string
}

func runRecipe(t *testing.T, s start, stores map[string]storeAddress) {
	p := newProject(t)
	for name, text := range lineBots {
		p.write(name, text)
	}
	for name, text := range s.files {
		p.write(name, text)
	}
	bin := p.installShims()
	host := newHost(p)
	env := append(p.env("PORT="+hostPort), s.env...)
	env = append(env, "PATH="+bin+":"+os.Getenv("PATH"), "TELEGRAM_API_BASE=http://"+host.reach(strings.TrimPrefix(p.base, "http://")))
	id, _, _ := strings.Cut(p.token, ":")
	key := lock.BotKey(id)
	for name, to := range stores {
		env = append(env, name+"="+to.url(host.reach(to.addr)))
		if name == s.lease {
			releaseLease(t, to.url(to.addr), key)
		}
	}
	ready := make(chan string, 1)
	if s.notify {
		env = append(env, "NOTIFY_SOCKET="+notifySocket(t, ready))
	}
	argv := slices.Clone(s.argv)
	if filepath.IsAbs(argv[0]) { // a unit names programs by where they lie on its host
		for i, arg := range argv {
			if filepath.IsAbs(arg) {
				argv[i] = filepath.Join(bin, filepath.Base(arg))
			}
		}
	}
	if path := filepath.Join(p.dir, argv[0]); strings.Contains(argv[0], "/") && !filepath.IsAbs(argv[0]) {
		argv[0] = path // as execve in the working folder would
	} else if argv[0] == "botctl" {
		argv[0] = filepath.Join(bin, "botctl")
	}
	if s.pid1 {
		argv = append([]string{"unshare", "-pf", "--mount-proc", "--kill-child"}, argv...)
	}
	run := host.start(env, argv...)
	until(t, patient, "the bot polls", func() bool {
		if run.ended() {
			t.Fatalf("it ended with %d", run.cmd.ProcessState.ExitCode())
		}
		list, err := p.box.State(t.Context())
		return err == nil && len(list) == 1 && list[0].Polling > 0
	})
	if s.lease != "" && !leaseHeld(t, stores[s.lease], key) {
		t.Error("it polls without the lease")
	}
	if s.listens {
		until(t, patient, "/readyz says 200", func() bool { return host.get(t, "/readyz") == http.StatusOK })
		if code := host.get(t, "/healthz"); code != http.StatusOK {
			t.Errorf("/healthz says %d", code)
		}
	}
	if s.notify {
		awaitReady(t, ready)
	}
	target := onlyChild(t, run.cmd.Process.Pid)
	if s.pid1 {
		target = onlyChild(t, target)
	}
	if s.health != "" {
		check := p.start(env, "nsenter", "-t", strconv.Itoa(target), "-p", "-m", "sh", "-c", s.health)
		check.exits(0)
	}
	if err := syscall.Kill(target, map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT}[s.signal]); err != nil {
		t.Fatal(err)
	}
	run.exits(0)
	if s.lease != "" && leaseHeld(t, stores[s.lease], key) {
		t.Error("the lease was not released")
	}
	if v := p.verdict(); v.ConflictsLive != 0 || v.Overlaps != 0 {
		t.Errorf("two polled: %+v", v)
	}
	if left := processesIn(p.dir); len(left) > 0 {
		t.Errorf("still there: %v", left)
	}
}

// releaseLease makes a lease one that somebody had and released: for one that nobody ever had, everybody waits.
func releaseLease(t *testing.T, url, key string) {
	t.Helper()
	withLease(t, url, key, func(ctx context.Context, store lease.Store) error {
		snap, err := store.Load(ctx)
		if err == nil {
			_, _, err = store.Swap(ctx, snap.Version, lease.Record{Epoch: 1, Seq: 1, TTL: lease.DefaultTTL, Server: snap.Server})
		}
		return err
	})
}

func leaseHeld(t *testing.T, at storeAddress, key string) (held bool) {
	t.Helper()
	withLease(t, at.url(at.addr), key, func(ctx context.Context, store lease.Store) error {
		snap, err := store.Load(ctx)
		held = snap.Record.Held()
		return err
	})
	return held
}

func withLease(t *testing.T, url, key string, do func(context.Context, lease.Store) error) {
	t.Helper()
	store, err := openStore(url, key, lease.DefaultTTL)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	if err := do(ctx, store); err != nil {
		t.Fatal(err)
	}
}

// processesIn are those whose working folder is dir.
func processesIn(dir string) (list []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if cwd, err := os.Readlink(link); err == nil && cwd == dir {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			list = append(list, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return list
}

// installShims puts the programs that the recipes name where they look for them: on the PATH, in bin/ of the project, and beside it.
func (p *project) installShims() (bin string) {
	p.t.Helper()
	bin = filepath.Join(p.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		p.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	shim := fmt.Sprintf("#!/bin/sh\n%s=1 exec %q \"$@\"\n", playBotctl, self)
	p.write("bin/botctl", shim)
	p.write("out", shim)
	python, err := exec.LookPath("python3")
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("bin/python", fmt.Sprintf("#!/bin/sh\nexec %q \"$@\"\n", python))
	return bin
}

// notifySocket plays the service manager and passes on what it hears.
func notifySocket(t *testing.T, heard chan<- string) string {
	t.Helper()
	path := filepath.Join(shortDir(t), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 4096); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			if strings.Contains(string(buf[:n]), "READY=1") {
				select {
				case heard <- string(buf[:n]):
				default:
				}
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return path
}

func awaitReady(t *testing.T, heard <-chan string) {
	t.Helper()
	select {
	case <-heard:
	case <-time.After(patient):
		t.Fatal("the service manager was not told that it is ready")
	}
}

// onlyChild is the process that a process has started, by whatever thread.
func onlyChild(t *testing.T, pid int) (child int) {
	t.Helper()
	until(t, patient, "it has started its one process", func() bool {
		var fields []string
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		for _, name := range lists {
			text, _ := os.ReadFile(name)
			fields = append(fields, strings.Fields(string(text))...)
		}
		if len(fields) != 1 {
			return false
		}
		var err error
		child, err = strconv.Atoi(fields[0])
		return err == nil
	})
	return child
}
