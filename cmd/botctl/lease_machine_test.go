//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"botctl/bot/sandbox"
	"botctl/supervisor/control"
	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
	"botctl/supervisor/lock"
)

// Machines of their own on one host: each botctl runs in a PID and network namespace of its own, as in a container, and
// reaches the sandbox and the lease's server through relays that can fail.

const (
	machineName = "machine" // the name under which the test binary is PID 1 of a machine
	workerName  = "worker"  // and the name under which it is a bot that handles, answers, and then asks for more
	forwardEnv  = "MACHINE_FORWARD"
)

// machineMain brings up loopback, leads its ports to unix sockets, which no network namespace holds back, and runs botctl.
func machineMain() int {
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "loopback: %v: %s\n", err, out)
		return 1
	}
	for pair := range strings.SplitSeq(os.Getenv(forwardEnv), ",") {
		port, sock, _ := strings.Cut(pair, "=")
		ln, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		go bridge(ln, "unix", func() string { return sock })
	}
	self, _ := os.Executable()
	self = cmp.Or(os.Getenv("MACHINE_BOTCTL"), self)
	cmd := &exec.Cmd{Path: self, Args: append([]string{"botctl"}, os.Args[1:]...), Env: append(os.Environ(), playBotctl+"=1"), Stdout: os.Stdout, Stderr: os.Stderr}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		return 128 + int(s.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

// bridge carries connections on.
func bridge(ln net.Listener, network string, to func() string) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			d, err := net.Dial(network, to())
			if err != nil {
				return
			}
			defer d.Close()
			done := make(chan struct{}, 2)
			for _, way := range [][2]net.Conn{{c, d}, {d, c}} {
				go func() {
					io.Copy(way[0], way[1])
					done <- struct{}{}
				}()
			}
			<-done // an end is an end for both: no client here half-closes
		}()
	}
}

// worker handles an update for WORKER_DELAY, answers it, and asks for more. It tells the sandbox its name in every request.
func worker() {
	base, tok, name := os.Getenv("TELEGRAM_API_BASE"), os.Getenv("TELEGRAM_BOT_TOKEN"), os.Getenv("WORKER_NAME")
	delay, _ := time.ParseDuration(os.Getenv("WORKER_DELAY"))
	if os.Getenv("WORKER_FAILS") != "" {
		fmt.Println("cannot work")
		os.Exit(3)
	}
	record, err := os.OpenFile(os.Getenv("WORKER_RECORD"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	c := &http.Client{}
	call := func(method string, q url.Values) (map[string]any, int) {
		req, _ := http.NewRequest(http.MethodPost, base+"/bot"+tok+"/"+method, strings.NewReader(q.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("User-Agent", name)
		resp, err := c.Do(req)
		if err != nil {
			return nil, 0
		}
		defer resp.Body.Close()
		var out map[string]any
		decodeBody(resp.Body, &out)
		return out, resp.StatusCode
	}
	fmt.Println("worker up", name)
	for offset := int64(0); ; {
		q := url.Values{"timeout": {"20"}}
		if offset > 0 {
			q.Set("offset", strconv.FormatInt(offset, 10))
		}
		out, status := call("getUpdates", q)
		if status != http.StatusOK {
			fmt.Println("worker saw status", status)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		list, _ := out["result"].([]any)
		for _, u := range list {
			m, _ := u.(map[string]any)
			id, _ := m["update_id"].(float64)
			time.Sleep(delay)
			fmt.Fprintf(record, "%s %d\n", name, int64(id))
			call("sendMessage", url.Values{"chat_id": {"1000"}, "text": {fmt.Sprintf("%s did %d", name, int64(id))}})
			offset = int64(id) + 1
		}
	}
}

// engine is a real lease server that its tests can hurt.
type engine interface {
	addr() string
	url(addr string) string // as botctl is given it, reached at addr
	kill()
	restart() // with the same data
	empty()   // lose all data
}

type redisEngine struct{ *leasetest.RedisServer }

func (e redisEngine) addr() string           { return e.Addr() }
func (e redisEngine) url(addr string) string { return "redis://" + addr }
func (e redisEngine) kill()                  { e.Kill() }
func (e redisEngine) restart()               { e.Restart() }
func (e redisEngine) empty()                 { e.RestartEmpty() }

type postgresEngine struct{ *leasetest.PG }

func (e postgresEngine) addr() string           { return e.Addr() }
func (e postgresEngine) url(addr string) string { return leasetest.PGURL(addr, "") }
func (e postgresEngine) kill()                  { e.Kill9() }
func (e postgresEngine) restart()               { e.Start() }

// empty is a server whose data was lost: a new table is another history.
func (e postgresEngine) empty() { e.SQL("DROP TABLE botctl_lease") }

// fleet is machines of one bot.
type fleet struct {
	*project

	engine   engine
	machines []*machine
	excuses  []excuse

	mu   sync.Mutex
	seen map[string]sandbox.Entry // polls
}

func newFleet(t *testing.T, e engine) *fleet {
	t.Helper()
	return &fleet{project: newProject(t), engine: e, seen: map[string]sandbox.Entry{}}
}

// known makes the lease one that somebody had and released: of a record that was never written nobody knows, and everybody waits.
func (f *fleet) known() *fleet {
	f.t.Helper()
	store, err := openStore(f.engine.url(f.engine.addr()), f.key(), lease.DefaultTTL)
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(f.t.Context(), patient)
	defer cancel()
	snap, err := store.Load(ctx)
	if err == nil {
		_, _, err = store.Swap(ctx, snap.Version, lease.Record{Epoch: 1, Seq: 1, TTL: lease.DefaultTTL, Server: snap.Server})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return f
}

// key is the lease's.
func (f *fleet) key() string {
	id, _, _ := strings.Cut(f.token, ":")
	return lock.BotKey(id)
}

// spec is what a machine runs.
type spec struct {
	name   string
	deploy string   // default: name
	args   []string // of botctl run, before the command
	env    []string
	argv   []string // default: the worker
	binary string   // default: the test binary
	home   string   // state folder; default: one of its own
}

// machine is one that runs.
type machine struct {
	*program

	f      *fleet
	name   string
	deploy string
	state  string
	store  *leasetest.Relay // between it and the lease's server; nil without an engine
	api    *leasetest.Relay // between it and the sandbox
}

// socket makes a relay to addr reachable over a unix socket.
func (f *fleet) socket(name string, relay *leasetest.Relay) string {
	path := filepath.Join(f.state, name+".s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { ln.Close() })
	go bridge(ln, "tcp", relay.Addr)
	return path
}

func (f *fleet) boot(s spec) *machine {
	f.t.Helper()
	base, _ := url.Parse(f.base)
	m := &machine{f: f, name: s.name, deploy: cmp.Or(s.deploy, s.name), state: cmp.Or(s.home, shortDir(f.t)), api: leasetest.NewRelay(f.t, base.Host)}
	forward := []string{"7001=" + f.socket(fmt.Sprint("a", len(f.machines)), m.api)}
	env := append(f.env("BOTCTL_STATE_DIR="+m.state, "TELEGRAM_API_BASE=http://127.0.0.1:7001", "WORKER_NAME=bot-"+s.name, "WORKER_RECORD="+f.record(), "BOTCTL_DEPLOY_ID="+cmp.Or(s.deploy, s.name)), s.env...)
	if f.engine != nil {
		m.store = leasetest.NewRelay(f.t, f.engine.addr())
		forward = append(forward, "7002="+f.socket(fmt.Sprint("l", len(f.machines)), m.store))
		env = append(env, "BOTCTL_LEASE="+f.engine.url("127.0.0.1:7002"))
	}
	self, _ := os.Executable()
	env = append(env, forwardEnv+"="+strings.Join(forward, ","))
	argv := s.argv
	if argv == nil {
		link := filepath.Join(f.dir, workerName)
		os.Symlink(self, link)
		argv = []string{link}
	}
	wrapper := filepath.Join(f.dir, machineName)
	os.Symlink(self, wrapper)
	if s.binary != "" {
		env = append(env, "MACHINE_BOTCTL="+s.binary)
	}
	args := append([]string{"unshare", "-pfn", "--mount-proc", "--kill-child", wrapper, "run"}, s.args...)
	m.program = f.start(env, append(append(args, "--"), argv...)...)
	f.machines = append(f.machines, m)
	f.t.Cleanup(func() { m.cmd.Process.Kill() }) // unshare passes no other signal on
	return m
}

// warm is how a bot is run that is to hand over in milliseconds.
var warm = []string{"--gateway", "require", "--standby", "warm"}

// pid is botctl's own, in the namespace of the tests.
func (m *machine) pid() int {
	m.t.Helper()
	pid := m.cmd.Process.Pid
	for range 2 { // unshare, machine
		child := 0
		until(m.t, patient, "botctl runs", func() bool {
			tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
			for _, name := range tasks {
				list, _ := os.ReadFile(name)
				if first := strings.Fields(string(list)); len(first) > 0 {
					child, _ = strconv.Atoi(first[0])
				}
			}
			return child > 0
		})
		pid = child
	}
	return pid
}

// signal sends a signal to botctl. After SIGSTOP it returns when botctl stands still: the signal is taken by one thread, and the
// others go on until that has run.
func (m *machine) signal(sig syscall.Signal) {
	m.t.Helper()
	pid := m.pid()
	if err := syscall.Kill(pid, sig); err != nil {
		m.t.Fatal(err)
	}
	if sig == syscall.SIGSTOP {
		until(m.t, patient, "botctl stands still", func() bool { return stopped(pid) })
	}
}

// stopped says whether each thread of a process is.
func stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	return len(threads) > 0 && !slices.ContainsFunc(threads, func(file string) bool {
		text, err := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(text), ") ")
		return err == nil && !strings.HasPrefix(rest, "T")
	})
}

// die ends the machine with everything on it, at once, and cuts its links without a word to anybody.
func (m *machine) die() {
	m.api.Hold()
	if m.store != nil {
		m.store.Hold()
	}
	m.cmd.Process.Kill() // unshare takes the namespace with it
	<-m.done
}

// ask is the machine's status.
func (m *machine) ask() control.Status {
	list, _ := control.ReadStates(m.state)
	for _, s := range list {
		if c, err := control.Dial(m.t.Context(), m.state, s.Key); err == nil {
			if st, err := c.Status(m.t.Context()); err == nil {
				return st
			}
		}
	}
	return control.Status{}
}

// holds waits until the machine has the lease and its bot polls.
func (m *machine) holds() {
	m.t.Helper()
	until(m.t, patient, m.name+" holds the lease and polls", func() bool {
		st := m.ask()
		return (m.store == nil || st.Lease != nil && st.Lease.Held) && st.Gateway != nil && st.Gateway.PollOpen
	})
}

// standsBy waits until it has been told that another one has the lease.
func (m *machine) standsBy() {
	m.t.Helper()
	m.stdout.await(m.t, patient, 1, "another machine has the lease")
}

// say makes the bot answer, and returns who did.
func (f *fleet) say(text string) string {
	f.t.Helper()
	return f.hears(text)
}

// polls are those that the sandbox has seen, in the order of their starts. Its journal forgets, so what was seen before is kept.
func (f *fleet) polls() []sandbox.Entry {
	f.t.Helper()
	list, err := f.box.Journal(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range list {
		if e.Method == "getupdates" && strings.HasPrefix(e.Agent, "bot-") {
			f.seen[e.Agent+e.Peer+e.Start.String()] = e
		}
	}
	return slices.SortedFunc(maps.Values(f.seen), func(a, b sandbox.Entry) int { return a.Start.Compare(b.Start) })
}
