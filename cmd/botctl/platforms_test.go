//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// notYet are flags that docs/platforms.md uses and "botctl run" does not have. Each takes a value, and both are left out when a recipe is run.
var notYet = []string{"lease", "standby", "listen"}

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

// The start commands of docs/platforms.md, as their platforms run them: the bot polls, the stop signal ends everything with 0, and nobody ever
// polled beside it.
func TestTheRecipesOfThePlatforms(t *testing.T) {
	t.Parallel()
	list := readRecipes(t, "../../docs/platforms.md")
	if len(list) < 12 {
		t.Fatalf("%d recipes are marked to be run", len(list))
	}
	for _, name := range notYet {
		if indexOf(runSettings, name) >= 0 {
			t.Errorf("--%s is there: take it out of notYet", name)
		}
	}
	for _, r := range list {
		for _, s := range r.starts(t) {
			t.Run(r.where+", "+s.how, func(t *testing.T) {
				t.Parallel()
				runRecipe(t, s)
			})
		}
	}
}

func runRecipe(t *testing.T, s start) {
	p := newProject(t)
	for name, text := range lineBots {
		p.write(name, text)
	}
	bin := p.installShims()
	env := append(p.env("PORT="+freePort(t)), "PATH="+bin+":"+os.Getenv("PATH"))
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
	run := p.start(env, argv...)
	until(t, patient, "the bot polls", func() bool {
		if run.ended() {
			t.Fatalf("it ended with %d", run.cmd.ProcessState.ExitCode())
		}
		list, err := p.box.State(t.Context())
		return err == nil && len(list) == 1 && list[0].Polling > 0
	})
	if s.notify {
		awaitReady(t, ready)
	}
	target := run.cmd.Process.Pid
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
	if v := p.verdict(); v.ConflictsLive != 0 || v.Overlaps != 0 {
		t.Errorf("two polled: %+v", v)
	}
	if left := processesIn(p.dir); len(left) > 0 {
		t.Errorf("still there: %v", left)
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
	var skip strings.Builder
	for _, name := range notYet {
		fmt.Fprintf(&skip, "    --%[1]s) shift 2 ;;\n    --%[1]s=*) shift ;;\n", name)
	}
	shim := fmt.Sprintf(`#!/bin/sh
# botctl, without the flags that it does not have yet
n=$#
while [ $n -gt 0 ]; do
  before=$#
  case "$1" in
    --) break ;;
%s    *) set -- "$@" "$1"; shift; n=$((n-1)); continue ;;
  esac
  n=$((n-(before-$#)))
done
while [ $n -gt 0 ]; do set -- "$@" "$1"; shift; n=$((n-1)); done
%s=1 exec %q "$@"
`, skip.String(), playBotctl, self)
	p.write("bin/botctl", shim)
	p.write("out", shim)
	python, err := exec.LookPath("python3")
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("bin/python", fmt.Sprintf("#!/bin/sh\nexec %q \"$@\"\n", python))
	return bin
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
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

// onlyChild is the process that a process has started.
func onlyChild(t *testing.T, pid int) (child int) {
	t.Helper()
	until(t, patient, "the container has begun", func() bool {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		fields := strings.Fields(string(text))
		if len(fields) != 1 {
			return false
		}
		var err error
		child, err = strconv.Atoi(fields[0])
		return err == nil
	})
	return child
}
