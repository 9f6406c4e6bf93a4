package leasetest

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// readyIn is how long a server may take to start, on a machine that has much else to do.
const readyIn = 30 * time.Second

// RedisServer is a real redis-server on loopback, with a folder of its own, until the test ends. Its methods belong to the test's
// goroutine.
type RedisServer struct {
	t    testing.TB
	port int
	dir  string
	args []string
	run  *redisRun
}

// redisRun is one process of a RedisServer.
type redisRun struct {
	cmd   *exec.Cmd
	ready chan struct{} // closed when it takes connections
	ended chan struct{} // closed when it has been waited for
	work  sync.WaitGroup

	mu   sync.Mutex
	tail []string
}

// Redis starts a server with args besides its own, such as "--appendonly", "yes"; they win. It keeps nothing unless told to. With --tls-cert-file
// among them its port speaks TLS alone. A machine without redis-server skips the test, and fails it where CI is set.
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	for _, name := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: install the package redis-server", name)
		}
		t.Skipf("%s is missing: install the package redis-server", name)
	}
	s := &RedisServer{t: t, dir: t.TempDir(), args: args}
	var err error
	for range 20 { // somebody else may be faster at the port
		s.port = freePort(t)
		if err = s.start(); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// freePort is one that no outgoing connection is given, so that a server that restarts finds it free.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 20000 + rand.IntN(10000) //nolint:gosec // no secret
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// Addr is where it listens.
func (s *RedisServer) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Kill ends it with SIGKILL and waits for that.
func (s *RedisServer) Kill() {
	s.t.Helper()
	if s.run == nil {
		return
	}
	s.run.cmd.Process.Kill()
	<-s.run.ended
	s.run.work.Wait()
	s.run = nil
}

// Stop is SIGSTOP: connections stay and are accepted by the kernel, and nothing is answered.
func (s *RedisServer) Stop() {
	s.t.Helper()
	if err := stopProcess(s.run.cmd.Process); err != nil {
		s.t.Fatal(err)
	}
}

// Continue is SIGCONT.
func (s *RedisServer) Continue() {
	s.t.Helper()
	if err := continueProcess(s.run.cmd.Process); err != nil {
		s.t.Fatal(err)
	}
}

// Restart kills it and starts it again at the same address with what it has kept.
func (s *RedisServer) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// RestartEmpty kills it and starts it again at the same address with nothing.
func (s *RedisServer) RestartEmpty() {
	s.t.Helper()
	s.Kill()
	s.dir = s.t.TempDir()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// Do runs one command over redis-cli and returns its answer, an error reply included.
func (s *RedisServer) Do(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("redis-cli", append([]string{"-p", strconv.Itoa(s.port)}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("redis-cli %q: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Wait runs a command until its answer contains want.
func (s *RedisServer) Wait(want string, args ...string) {
	s.t.Helper()
	Eventually(s.t, fmt.Sprintf("%q in the answer to %q", want, args), func() bool { return strings.Contains(s.Do(args...), want) })
}

// start starts a process and waits until it takes connections.
func (s *RedisServer) start() error {
	port := "--port"
	args := map[string][]string{
		"--bind": {"127.0.0.1"}, "--dir": {s.dir}, "--save": {""}, "--repl-diskless-sync-delay": {"0"},
	}
	if slices.Contains(s.args, "--tls-cert-file") {
		port, args["--port"] = "--tls-port", []string{"0"}
	}
	args[port] = []string{strconv.Itoa(s.port)}
	var line []string
	for _, name := range slices.Sorted(maps.Keys(args)) {
		line = append(append(line, name), args[name]...)
	}
	cmd := exec.Command("redis-server", append(line, s.args...)...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = endWithUs()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	run := &redisRun{cmd: cmd, ready: make(chan struct{}), ended: make(chan struct{})}
	started := make(chan error, 1)
	run.work.Go(func() {
		defer close(run.ended)
		runtime.LockOSThread() // it ends with the thread that started it, see endWithUs
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			run.read(out)
			cmd.Wait()
		}
	})
	if err := <-started; err != nil {
		run.work.Wait()
		return err
	}
	s.run = run
	if err := run.await(); err != nil {
		s.Kill()
		return fmt.Errorf("redis-server on port %d: %w", s.port, err)
	}
	return nil
}

// read keeps the last lines of the log.
func (r *redisRun) read(out io.Reader) {
	ready := sync.OnceFunc(func() { close(r.ready) }) // newer versions say it once for each port
	for scan := bufio.NewScanner(out); scan.Scan(); {
		r.mu.Lock()
		r.tail = append(r.tail, scan.Text())
		r.tail = r.tail[max(0, len(r.tail)-20):]
		r.mu.Unlock()
		if strings.Contains(scan.Text(), "Ready to accept connections") {
			ready()
		}
	}
}

func (r *redisRun) await() error {
	limit := time.NewTimer(readyIn)
	defer limit.Stop()
	select {
	case <-r.ready:
		return nil
	case <-r.ended:
	case <-limit.C:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Errorf("not ready: %s", strings.Join(r.tail, "; "))
}
