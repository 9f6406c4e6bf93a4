//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// hostRole is the name under which the test binary is the host of a platform: a network namespace, in which a start command may listen on all
// interfaces and at the port that a recipe says, beside all others of its kind.
const (
	hostRole  = "host"
	hostLinks = "HOST_LINKS"
	hostPort  = "8080"
)

// platformHost is such a host. Sockets lead in and out of it: no network namespace holds them back.
type platformHost struct {
	p     *project
	inlet string // leads to hostPort
	links []string
}

func newHost(p *project) *platformHost {
	h := &platformHost{p: p, inlet: filepath.Join(p.state, "in.s")}
	h.links = []string{h.inlet + "=127.0.0.1:" + hostPort}
	return h
}

// reach makes addr reachable from inside, and returns where.
func (h *platformHost) reach(addr string) (inside string) {
	h.p.t.Helper()
	sock := filepath.Join(h.p.state, fmt.Sprintf("out%d.s", len(h.links)))
	ln, err := net.Listen("unix", sock)
	if err != nil {
		h.p.t.Fatal(err)
	}
	h.p.t.Cleanup(func() { ln.Close() })
	go bridge(ln, "tcp", func() string { return addr })
	inside = "127.0.0.1:" + strconv.Itoa(7000+len(h.links))
	h.links = append(h.links, inside+"="+sock)
	return inside
}

// start starts what the platform starts. The process that it returns is the host's.
func (h *platformHost) start(env []string, argv ...string) *program {
	h.p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.p.t.Fatal(err)
	}
	role := filepath.Join(h.p.state, hostRole)
	if err := os.Symlink(self, role); err != nil {
		h.p.t.Fatal(err)
	}
	env = append(env, hostLinks+"="+strings.Join(h.links, ","))
	return h.p.start(env, append([]string{"unshare", "-n", role}, argv...)...)
}

// get asks a health check; 0: nobody answers.
func (h *platformHost) get(t *testing.T, path string) int {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", h.inlet)
	}}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://platform"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// hostMain brings up loopback and the links, and runs what it is told to. It ends with that.
func hostMain() int {
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "loopback: %v: %s\n", err, out)
		return 1
	}
	network := map[bool]string{true: "unix", false: "tcp"}
	for pair := range strings.SplitSeq(os.Getenv(hostLinks), ",") {
		from, to, _ := strings.Cut(pair, "=")
		ln, err := net.Listen(network[filepath.IsAbs(from)], from)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		go bridge(ln, network[filepath.IsAbs(to)], func() string { return to })
	}
	os.Unsetenv(hostLinks)
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM) // at the end of a test that has failed
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		for sig := range told {
			cmd.Process.Signal(sig)
		}
	}()
	cmd.Wait()
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		return 128 + int(s.Signal())
	}
	return cmd.ProcessState.ExitCode()
}
