package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"botctl/bot/sandbox"
	"botctl/supervisor/control"
)

const (
	playBotctl = "BOTCTL_TEST_MAIN"   // the test binary is botctl
	playRival  = "BOTCTL_TEST_RIVAL"  // the test binary polls through the unix socket named here
	insideEnv  = "BOTCTL_TEST_INSIDE" // the tests run in a PID namespace of their own
)

// TestMain lets the test binary play botctl and a rival, and moves the tests into a PID namespace, so
// that no sweep ever meets a process that is not of these tests. The workers of a fuzz run are started inside, with
// the pipes they need.
func TestMain(m *testing.M) {
	switch {
	case filepath.Base(os.Args[0]) == pollerName:
		poller()
	case playedOnLinux():
	case len(os.Args) == 2 && os.Args[1] == guardianVerb:
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	case os.Getenv(playBotctl) != "":
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	case os.Getenv(playRival) != "":
		rival(os.Getenv(playRival), os.Getenv("RIVAL_TOKEN"))
	case runtime.GOOS == "linux" && os.Getenv(insideEnv) == "":
		os.Exit(moveInside())
	default:
		code := m.Run()
		cleanUp()
		os.Exit(code)
	}
}

func moveInside() int {
	// The shell is PID 1 there, and reaps.
	args := []string{"-pf", "--mount-proc", "--kill-child", "sh", "-c", `"$@"; exit $?`, "sh"}
	if os.Getuid() != 0 {
		args = append([]string{"-Ur"}, args...)
	}
	cmd := exec.Command("unshare", append(args, os.Args...)...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 {
			fmt.Fprintln(os.Stderr, "no PID namespace to be had here:", err)
		}
		return 1
	}
	return 0
}

// rival polls without end, as a bot on another machine would: nothing but a unix socket
// connects it to the sandbox.
func rival(socket, token string) {
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
	fmt.Println("polling")
	for {
		resp, err := c.Post("http://localhost/bot"+token+"/getUpdates?timeout=20", "", nil)
		if err != nil {
			return
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusConflict {
			time.Sleep(time.Second)
		}
	}
}

// pollerName is the name under which the test binary polls, as a bot of a few lines would.
const pollerName = "poller"

// poller polls until it is killed, and obeys SIGTERM.
func poller() {
	url := os.Getenv("TELEGRAM_API_BASE") + "/bot" + os.Getenv("TELEGRAM_BOT_TOKEN") + "/getUpdates?timeout=20"
	for {
		resp, err := http.Post(url, "", nil)
		if err != nil {
			continue
		}
		resp.Body.Close()
	}
}

// project is a folder with a bot, a state folder, a sandbox and a token.
type project struct {
	t     *testing.T
	dir   string
	state string
	token string
	base  string
	sock  string
	box   *sandbox.Client
}

func newProject(t *testing.T, files ...string) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir(), state: shortDir(t), token: sandbox.NewToken()}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join("testdata", "bots", name))
		if err != nil {
			t.Fatal(err)
		}
		p.write(name, string(text))
	}
	srv := httptest.NewServer(sandbox.New(sandbox.Options{Tokens: []string{p.token}}))
	t.Cleanup(srv.Close)
	p.base = srv.URL
	p.sock = filepath.Join(p.state, "sandbox.sock")
	ln, err := net.Listen("unix", p.sock)
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(ln, srv.Config.Handler)
	t.Cleanup(func() { ln.Close() })
	p.box = &sandbox.Client{Base: srv.URL}
	return p
}

// shortDir is a temporary folder whose sockets have short paths.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (p *project) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) env(more ...string) []string {
	env := []string{
		"PATH=" + venv(p.t) + "/bin:" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "NODE_PATH=" + tools(p.t) + "/node/node_modules",
		"BOTCTL_STATE_DIR=" + p.state, "TELEGRAM_BOT_TOKEN=" + p.token, "TELEGRAM_API_BASE=" + p.base, "GORACE=atexit_sleep_ms=0",
	}
	return append(env, more...)
}

// tools is where scripts/test installs the frameworks. A scene that lacks one fails: it must not pass unseen.
func tools(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TOOLS")
	if dir == "" {
		dir, _ = filepath.Abs("../../.tools")
	}
	return dir
}

func venv(t *testing.T) string { return tools(t) + "/venv" }

func needFrameworks(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(venv(t) + "/bin/python"); err != nil {
		t.Fatalf("the real bots are not installed in %s: run ./scripts/test", tools(t))
	}
}

// program is a process under test.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *lines
	stderr *lines
	done   chan struct{}
	took   time.Duration
}

func (p *project) start(env []string, argv ...string) *program {
	p.t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	if argv[0] == "botctl" {
		self, _ := os.Executable()
		cmd = &exec.Cmd{Path: self, Args: argv}
		env = append(env, playBotctl+"=1")
	} else if path, err := exec.LookPath(venv(p.t) + "/bin/" + argv[0]); err == nil {
		cmd.Path, cmd.Err = path, nil
	}
	cmd.Dir, cmd.Env = p.dir, env
	prog := &program{t: p.t, cmd: cmd, stdout: newLines(), stderr: newLines(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = prog.stdout, prog.stderr
	cmd.WaitDelay = time.Second
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		prog.took = time.Since(begin)
		close(prog.done)
	}()
	p.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-prog.done:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-prog.done
		}
		if p.t.Failed() {
			p.t.Logf("%v\n--- stdout\n%s--- stderr\n%s", argv, prog.stdout, prog.stderr)
		}
		if _, secret, _ := strings.Cut(p.token, ":"); argv[0] == "botctl" && strings.Contains(prog.stdout.String()+prog.stderr.String(), secret) {
			p.t.Errorf("%v printed the token", argv)
		}
	})
	return prog
}

// botctl starts botctl with the project's environment.
func (p *project) botctl(args ...string) *program {
	return p.start(p.env(), append([]string{"botctl"}, args...)...)
}

// exits waits for the end and checks the code.
func (pr *program) exits(code int) *program {
	pr.t.Helper()
	select {
	case <-pr.done:
	case <-time.After(120 * time.Second):
		pr.t.Fatalf("%v has not ended", pr.cmd.Args)
	}
	if got := pr.cmd.ProcessState.ExitCode(); got != code {
		pr.t.Fatalf("%v: exit %d, want %d\n%s%s", pr.cmd.Args, got, code, pr.stdout, pr.stderr)
	}
	return pr
}

func (pr *program) ended() bool {
	select {
	case <-pr.done:
		return true
	default:
		return false
	}
}

// lines collects output and wakes who waits for a text in it.
type lines struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	come chan struct{}
}

func newLines() *lines { return &lines{come: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.come)
	l.come = make(chan struct{})
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) count(text string) int { return strings.Count(l.String(), text) }

// await waits until text was printed n times, at most for the given time.
func (l *lines) await(t *testing.T, limit time.Duration, n int, text string) {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		l.mu.Lock()
		come := l.come
		l.mu.Unlock()
		if l.count(text) >= n {
			return
		}
		select {
		case <-come:
		case <-timer.C:
			t.Fatalf("%q was printed %d times in %v, want %d\n%s", text, l.count(text), limit, n, l)
		}
	}
}

const patient = 60 * time.Second

// until polls for what nobody announces.
func until(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// status asks a running botctl.
func (p *project) status() control.Status {
	p.t.Helper()
	var st control.Status
	list, _ := control.ReadStates(p.state)
	for _, s := range list {
		if c, err := control.Dial(p.t.Context(), p.state, s.Key); err == nil {
			if st, err = c.Status(p.t.Context()); err == nil {
				return st
			}
		}
	}
	return st
}

// polling waits until somebody polls the sandbox.
func (p *project) polling() {
	p.t.Helper()
	until(p.t, patient, "a poll is pending", func() bool {
		list, err := p.box.State(p.t.Context())
		return err == nil && len(list) == 1 && list[0].Polling > 0
	})
}

// answers checks that the bot replies to a message.
func (p *project) answers(text, want string) {
	p.t.Helper()
	after, err := p.box.Send(p.t.Context(), "", text)
	if err != nil {
		p.t.Fatal(err)
	}
	list, err := p.box.Messages(p.t.Context(), after, 30*time.Second)
	if err != nil || len(list) == 0 || list[0].Text != want {
		p.t.Fatalf("%q was answered with %+v (%v), want %q", text, list, err, want)
	}
}

// hears checks that the bundled bot replies.
func (p *project) hears(text string) string {
	p.t.Helper()
	after, err := p.box.Send(p.t.Context(), "", text)
	if err != nil {
		p.t.Fatal(err)
	}
	list, err := p.box.Messages(p.t.Context(), after, 30*time.Second)
	if err != nil || len(list) == 0 {
		p.t.Fatalf("%q was not answered: %v", text, err)
	}
	return list[0].Text
}

func (p *project) verdict() sandbox.Verdict {
	p.t.Helper()
	v, err := p.box.Verdict(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}
