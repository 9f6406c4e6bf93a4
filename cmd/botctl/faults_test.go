//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"botctl/bot/sandbox"
)

// beating speaks sd_notify every 100 ms, and obeys SIGTERM.
const beating = `
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"READY=1\nSTATUS=counting sheep")
print("watchdog", os.environ.get("WATCHDOG_USEC"), flush=True)
while True:
    s.send(b"WATCHDOG=1")
    time.sleep(0.1)
`

// stat reads the state letter of pid.
func stateOf(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if _, rest, ok := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " "); ok {
		return rest[:1]
	}
	return ""
}

func TestP8AStoppedSupervisorBlamesNobody(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("bot.py", beating)
	run := p.botctl("run", "--heartbeat", "3s", "--", "python3", "bot.py")
	run.stdout.await(t, patient, 1, "watchdog 3000000")
	until(t, patient, "the bot is ready", func() bool { c := p.status().Child; return c != nil && c.Ready && c.Status == "counting sheep" })
	pid := p.status().Child.PID
	run.cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(6 * time.Second) // two heartbeats long
	run.cmd.Process.Signal(syscall.SIGCONT)
	time.Sleep(2 * time.Second)
	if st := p.status(); st.Child == nil || st.Child.PID != pid || st.Restarts.Total != 0 {
		t.Errorf("%+v %+v: restarted after a pause of our own", st.Child, st.Restarts)
	}
}

func TestP39AStoppedBotIsSeenAndRestarted(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("bot.py", beating)
	run := p.botctl("run", "--heartbeat", "4s", "--", "python3", "bot.py")
	run.stdout.await(t, patient, 1, "watchdog")
	until(t, patient, "the bot is ready", func() bool { c := p.status().Child; return c != nil && c.Ready })

	// What others say is no word of the bot's.
	stranger := p.start(p.env("NOTIFY_SOCKET="+filepath.Join(p.state, p.status().Key+".notify")), "python3", "-c", `
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"WATCHDOG=trigger\nSTATUS=I am the bot")
`)
	stranger.exits(0)
	pid := p.status().Child.PID
	syscall.Kill(pid, syscall.SIGSTOP)
	until(t, patient, "status shows that it is stopped", func() bool {
		c := p.status().Child
		return c != nil && c.PID == pid && c.State == "T"
	})
	if st := p.status(); st.Well || st.Trouble == "" || st.Child.Status != "counting sheep" {
		t.Errorf("%+v", st)
	}
	run.stderr.await(t, patient, 1, "its heartbeat stopped")
	run.stdout.await(t, patient, 2, "watchdog")
	if st := p.status(); st.Restarts.ByCause["heartbeat"] != 1 || st.Restarts.Total != 1 {
		t.Errorf("%+v", st.Restarts)
	}
}

// botctl as a Type=notify unit: it is ready when the bot is, alive as long as its loop turns.
func TestTheServiceManagerHears(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	path := filepath.Join(p.state, "manager")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := newLines()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			heard.Write(append(buf[:n], '\n'))
		}
	}()
	p.write("bot.py", "import time\ntime.sleep(1)\n"+beating)
	run := p.start(p.env("NOTIFY_SOCKET="+path, "WATCHDOG_USEC=1000000"), "botctl", "run", "--", "python3", "bot.py")
	run.stdout.await(t, patient, 1, "bot started")
	if heard.count("READY=1") != 0 {
		t.Error("ready before the bot is")
	}
	heard.await(t, patient, 1, "READY=1")
	heard.await(t, patient, 1, "STATUS=running, pid ")
	heard.await(t, patient, 3, "WATCHDOG=1")
	if heard.count("sheep") != 0 {
		t.Error("the bot speaks to the service manager itself")
	}
	run.cmd.Process.Signal(syscall.SIGTERM)
	run.exits(0)
	heard.await(t, patient, 1, "STOPPING=1\nEXTEND_TIMEOUT_USEC=20000000")
	if heard.count("READY=1") != 1 {
		t.Errorf("said to be ready more than once:\n%s", heard)
	}
}

func TestP12AndP36StorageThatIsFull(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	full := filepath.Join(p.state, "full")
	os.Mkdir(full, 0o700)
	mount := func(options string) {
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", full).CombinedOutput(); err != nil {
			t.Fatalf("%s %v", out, err)
		}
		t.Cleanup(func() { exec.Command("umount", "-l", full).Run() })
	}
	t.Run("P12 no room for the lock", func(t *testing.T) {
		mount("mode=700,nr_inodes=1")
		run := p.start(p.env("BOTCTL_STATE_DIR="+full), "botctl", "run", "--", "touch", "ran").exits(exitLock)
		if !strings.Contains(run.stderr.String(), full) || !strings.Contains(run.stderr.String(), "no space left on device") {
			t.Errorf("%s", run.stderr)
		}
		if _, err := os.Stat(filepath.Join(p.dir, "ran")); err == nil {
			t.Error("it ran unlocked")
		}
		exec.Command("umount", full).Run()
	})
	t.Run("P12 read-only", func(t *testing.T) {
		mount("mode=700,ro")
		run := p.start(p.env("BOTCTL_STATE_DIR="+full), "botctl", "run", "--", "touch", "ran").exits(exitLock)
		if !strings.Contains(run.stderr.String(), full) || !strings.Contains(run.stderr.String(), "read-only file system") {
			t.Errorf("%s", run.stderr)
		}
		exec.Command("umount", full).Run()
	})
	t.Run("P36 no room for the state", func(t *testing.T) {
		mount("mode=700,size=16k")
		run := p.start(p.env("BOTCTL_STATE_DIR="+full), "botctl", "run", "--", "sleep", "1000")
		run.stdout.await(t, patient, 1, "bot started")
		state, _ := filepath.Glob(full + "/*.state.json")
		if len(state) != 1 {
			t.Fatal(state)
		}
		before, _ := os.ReadFile(state[0])
		os.WriteFile(filepath.Join(full, "filler"), make([]byte, 64<<10), 0o600)
		run.cmd.Process.Signal(syscall.SIGHUP)
		run.stdout.await(t, patient, 1, "bot started again")
		run.stderr.await(t, patient, 1, "the state file is out of date")
		after, err := os.ReadFile(state[0])
		if err != nil || len(after) == 0 || !bytes.Contains(after, []byte(`"supervisor_pid"`)) {
			t.Errorf("the state file was cut: %d of %d bytes (%v)", len(after), len(before), err)
		}
		time.Sleep(time.Second)
		if n := run.stderr.count("the state file is out of date"); n != 1 {
			t.Errorf("said %d times", n)
		}
		run.cmd.Process.Signal(syscall.SIGTERM)
		run.exits(0)
	})
}

func TestP19WhatIsHiddenIsNotClean(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root: other users' processes are to be hidden")
	}
	p := newProject(t)
	os.Chmod(p.dir, 0o755)
	os.Chmod(filepath.Dir(p.dir), 0o755)
	self, _ := os.Executable()
	botctl := filepath.Join(p.dir, "botctl")
	if err := os.Link(self, botctl); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(p.dir, "state")
	os.Mkdir(state, 0o700)
	os.Chown(state, 65534, 65534)
	env := append(p.env("BOTCTL_STATE_DIR="+state), playBotctl+"=1")
	p.write("bot.py", "import time\nopen('ready', 'w')\ntime.sleep(100000)\n")
	look := func(code int, options, before string) *program {
		return p.start(env, "unshare", "-pfm", "--kill-child", "sh", "-c",
			`mount -t proc -o "$1" proc /proc && eval "$2" && setpriv --reuid 65534 --regid 65534 --clear-groups "$0" kill-stale --dry-run; exit $?`,
			botctl, options, before).exits(code)
	}
	look(0, "hidepid=0", "true")
	if out := look(exitPermission, "hidepid=2", "true"); !strings.Contains(out.stderr.String()+out.stdout.String(), "hides") {
		t.Errorf("not said: %s%s", out.stdout, out.stderr)
	}
	bot := "python3 bot.py & until [ -e ready ]; do sleep 0.05; done"
	if out := look(exitPermission, "hidepid=0", bot); !strings.Contains(out.stdout.String(), "root") {
		t.Errorf("another user's bot: %s%s", out.stdout, out.stderr)
	}
}

func TestP23ReasonsOfAnEnd(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]struct {
		code int
		text string
	}{
		"exit 0":         {1, `exit="exit 0"`},
		"exit 1":         {1, `exit="exit 1"`},
		"exit 2":         {2, `exit="exit 2"`},
		"exit 78":        {78, "the bot exited 78"},
		"kill -SEGV $$":  {139, "killed by SIGSEGV"},
		"kill -KILL $$":  {137, "killed by SIGKILL"},
		"kill -TERM $$;": {143, "killed by SIGTERM"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			run := p.botctl("run", "--start-tries", "1", "--", "sh", "-c", script).exits(want.code)
			if run.stdout.count(want.text)+run.stderr.count(want.text) == 0 {
				t.Errorf("no %q in\n%s%s", want.text, run.stdout, run.stderr)
			}
		})
	}
}

// The kernel ends the bot for want of memory, in a cgroup of its own.
func TestP23OutOfMemory(t *testing.T) {
	t.Parallel()
	group := fmt.Sprintf("/sys/fs/cgroup/memory/botctl-test-%d", time.Now().UnixNano())
	if err := os.Mkdir(group, 0o755); err != nil {
		needsMachine(t, "a memory cgroup (v1) that can be made", err)
	}
	t.Cleanup(func() {
		until(t, patient, "the cgroup is empty", func() bool { return os.Remove(group) == nil })
	})
	if err := os.WriteFile(group+"/memory.limit_in_bytes", []byte("400000000"), 0o644); err != nil {
		needsMachine(t, "a memory limit", err)
	}
	p := newProject(t)
	p.write("bot.py", "import time\nprint('ready', flush=True)\nopen('/proc/self/oom_score_adj', 'w').write('1000')\nx = []\nwhile True:\n    x.append(bytearray(10_000_000))\n")
	self, _ := os.Executable()
	run := p.start(append(p.env(), playBotctl+"=1"), "sh", "-c",
		`echo $$ > "$1"/cgroup.procs && exec "$0" run --start-tries 1 -- python3 bot.py`, self, group).exits(137)
	if run.stderr.count("out of memory") == 0 {
		t.Errorf("not named:\n%s", run.stderr)
	}
}

// needsMachine says what this machine lacks. Where everything is to run, that is a failure unless the
// machine cannot have it, which scripts/faults lists.
func needsMachine(t *testing.T, what string, err error) {
	t.Helper()
	t.Skipf("this machine lacks %s: %v", what, err)
}

func TestP26CrashesWithoutEnd(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	begin := time.Now()
	run := p.botctl("run", "--start-tries", "-1", "--give-up", "4/10m", "--", "sh", "-c", "echo a life; exit 1").exits(exitGaveUp)
	if n := run.stdout.count("\na life"); n != 4 {
		t.Errorf("%d lives in %v, want 4", n, time.Since(begin))
	}
	if !strings.Contains(run.stderr.String(), "4 failures within 10m0s") {
		t.Error(run.stderr)
	}
}

func TestP27AStopAtAnyTimeIsImmediate(t *testing.T) {
	t.Parallel()
	t.Run("during the back-off", func(t *testing.T) {
		t.Parallel()
		p := newProject(t)
		run := p.botctl("run", "--start-tries", "-1", "--", "sh", "-c", "echo life; exit 1")
		run.stdout.await(t, patient, 3, "life")
		until(t, patient, "it waits", func() bool { return p.status().Phase == "waiting" })
		lives := run.stdout.count("life")
		run.cmd.Process.Signal(syscall.SIGTERM)
		run.exits(0)
		if n := run.stdout.count("life"); n != lives {
			t.Errorf("%d lives after %d: started again after the stop", n, lives)
		}
	})
	t.Run("during the start", func(t *testing.T) {
		t.Parallel()
		p := newProject(t)
		for i := range 20 {
			run := p.botctl("run", "--", "sh", "-c", "echo life; sleep 1000")
			time.Sleep(time.Duration(i) * 5 * time.Millisecond)
			run.cmd.Process.Signal(syscall.SIGTERM)
			// Before the signal is looked after, the kernel's own action is as good: nothing runs yet.
			<-run.done
			if code := run.cmd.ProcessState.ExitCode(); code != 0 && run.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
				t.Fatalf("after %d ms: exit %d\n%s", 5*i, code, run.stderr)
			}
		}
		if left, _ := exec.Command("pgrep", "-f", "^sleep 1000$").Output(); ours(p.dir, string(left)) {
			t.Errorf("left over: %s", left)
		}
	})
}

// ours says whether one of pids runs in dir.
func ours(dir, pids string) bool {
	for pid := range strings.FieldsSeq(pids) {
		if cwd, _ := os.Readlink("/proc/" + pid + "/cwd"); cwd == dir {
			return true
		}
	}
	return false
}

func TestP29AWebhookThatComesLater(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py")
	run := p.botctl("run", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "bot started")
	p.polling()
	resp, err := http.Get(p.base + "/bot" + p.token + "/setWebhook?url=https://example.org/x")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	run.stderr.await(t, patient, 1, "a webhook was set while the bot polled; it is deleted")
	p.polling()
	p.answers("still there?", "echo: still there?")
	if st := p.status(); st.Restarts.Total > 1 {
		t.Errorf("%+v: a loop of restarts", st.Restarts)
	}
}

func TestP31ATokenThatIsRevoked(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	p := newProject(t, "bot.py")
	run := p.botctl("run", "--", "python", "bot.py")
	run.stdout.await(t, patient, 1, "bot started")
	p.polling()
	p.box.Fault(t.Context(), sandbox.Fault{Status: 401, Count: 1 << 20})
	p.box.Send(t.Context(), "", "the last update ends the pending poll")
	run.exits(exitConfig)
	if !strings.Contains(run.stderr.String(), "the Bot API refused the token") || run.stdout.count("bot started again") != 0 {
		t.Errorf("%s%s", run.stdout, run.stderr)
	}
}

// noisy writes to stdout what its arguments say, with the token in the middle, in many small writes and few large ones.
const noisy = `
import os, sys
token = os.environ["TELEGRAM_BOT_TOKEN"].encode()
def put(b):
    while b:
        b = b[os.write(1, b):]
put(b"x" * 104857600)                                   # 100 MB without a newline
put(b" " + token[:20]); put(token[20:] + b"\n")          # split over two writes
put(b"https://api.telegram.org/bot" + token + b"/getMe " + token.replace(b":", b"%3A") + b"\n")
put(b"\xff\xfe\x00\x1b[31mred\x1b[0m\r\n\xc3(\n")
put(token[:30] + b"\n" + token[:28])                      # what only begins like it
`

func TestP32AndP33OutputIsExactAndMemoryBounded(t *testing.T) {
	p := newProject(t)
	p.write("noisy.py", noisy+"open('done', 'w')\nimport time\ntime.sleep(1000)\n")
	botctl := filepath.Join(p.dir, "botctl") // without the race detector, whose memory is not botctl's
	if out, err := exec.Command("go", "build", "-tags", os.Getenv("BOTCTL_TEST_TAGS"), "-ldflags", "-X botctl/supervisor/mutant.which="+os.Getenv("BOTCTL_TEST_MUTANT"), "-o", botctl, ".").CombinedOutput(); err != nil {
		t.Fatalf("%s %v", out, err)
	}
	path := filepath.Join(p.dir, "output")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(botctl, "run", "--quiet", "--", "python3", "noisy.py")
	cmd.Dir, cmd.Env, cmd.Stdout = p.dir, p.env(), file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, patient, "all is written", func() bool { _, err := os.Stat(filepath.Join(p.dir, "done")); return err == nil })
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	id, secret, _ := strings.Cut(p.token, ":")
	masked := id + ":***"
	want := sha256.New()
	chunk := bytes.Repeat([]byte{'x'}, 1<<20)
	for range 100 {
		want.Write(chunk)
	}
	tail := " " + masked + "\nhttps://api.telegram.org/bot" + masked + "/getMe " + id + "%3A***\n" +
		"\xff\xfe\x00\x1b[31mred\x1b[0m\r\n\xc3(\n" + p.token[:30] + "\n" + p.token[:28]
	io.WriteString(want, tail)
	got := sha256.New()
	file.Seek(0, io.SeekStart)
	n, _ := io.Copy(got, file)
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		end := make([]byte, len(tail)+100)
		file.ReadAt(end, max(n-int64(len(end)), 0))
		t.Errorf("%d bytes, want %d; the end is\n%q\nwant\n%q", n, 100<<20+len(tail), end, tail)
	}
	if strings.Contains(secret, "***") || n == 0 {
		t.Fatal("the test has no secret")
	}
	// Two sinks of up to 2 MiB each way, the tail, the scanner, and Go itself.
	const bound = 48 << 10
	if kb := field(string(status), "VmHWM:"); kb == 0 || kb > bound {
		t.Errorf("%d KiB at the peak, want at most %d", kb, bound)
	} else {
		t.Logf("peak memory %d KiB", kb)
	}
}

// field reads a number behind a name in a file of /proc.
func field(text, name string) int {
	_, rest, _ := strings.Cut(text, name)
	n, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return n
}

func TestP34AReaderThatStalls(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("bot.py", "import sys\nfor i in range(400):\n    sys.stdout.write('y' * 16383 + '\\n')\nsys.stdout.flush()\nopen('done', 'w')\nimport time\ntime.sleep(1000)\n")
	r, w, _ := os.Pipe()
	defer r.Close()
	self, _ := os.Executable()
	cmd := &exec.Cmd{Path: self, Args: []string{"botctl", "run", "--quiet", "--", "python3", "bot.py"}, Dir: p.dir, Env: append(p.env(), playBotctl+"=1"), Stdout: w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	until(t, patient, "the bot is not held up for ever", func() bool { _, err := os.Stat(filepath.Join(p.dir, "done")); return err == nil })
	if st := p.status(); st.Child == nil || !st.Well {
		t.Errorf("%+v", st)
	}
	p.botctl("stop").exits(0) // it answers, although nobody reads its output
	rest, _ := io.ReadAll(r)
	cmd.Wait()
	if !bytes.Contains(rest, []byte("bytes of output dropped: the reader of stdout stalled")) {
		t.Errorf("no word about what was dropped in %d bytes", len(rest))
	}
}

func TestP35AReaderThatGoes(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("bot.py", "import time\ni = 0\nwhile True:\n    i += 1\n    print('line', i, flush=True)\n    open('count', 'w').write(str(i))\n    time.sleep(0.01)\n")
	self, _ := os.Executable()
	head := p.start(append(p.env(), playBotctl+"=1"), "sh", "-c", `"$0" run -- python3 bot.py | head -n 5`, self)
	head.stdout.await(t, patient, 5, "\n")
	count := func() int {
		b, _ := os.ReadFile(filepath.Join(p.dir, "count"))
		n, _ := strconv.Atoi(string(b))
		return n
	}
	first := count()
	until(t, patient, "the bot goes on", func() bool { return count() > first+100 })
	if st := p.status(); !st.Well || st.Restarts.Total != 0 {
		t.Errorf("%+v", st)
	}
	p.botctl("stop").exits(0)
}

// A bomb whose every process makes a session of its own, within a limit of processes.
func TestP38ABombOfSessions(t *testing.T) {
	group := fmt.Sprintf("/sys/fs/cgroup/pids/botctl-test-%d", time.Now().UnixNano())
	if err := os.Mkdir(group, 0o755); err != nil {
		needsMachine(t, "a pids cgroup (v1) that can be made", err)
	}
	t.Cleanup(func() {
		until(t, patient, "the cgroup is empty", func() bool { return os.Remove(group) == nil })
	})
	if err := os.WriteFile(group+"/pids.max", []byte("300"), 0o644); err != nil {
		needsMachine(t, "a limit of processes", err)
	}
	p := newProject(t)
	p.write("bomb.py", "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    try:\n        if os.fork() == 0:\n            os.setsid()\n    except OSError:\n        time.sleep(0.05)\n")
	// The limit is the bot's alone: botctl, with none, has to get at all of them.
	run := p.botctl("run", "--stop-timeout", "1s", "--", "sh", "-c", `echo $$ > "$0"/cgroup.procs && exec python3 bomb.py`, group)
	run.stdout.await(t, patient, 1, "bot started")
	until(t, patient, "the bomb has gone off", func() bool {
		b, _ := os.ReadFile(group + "/pids.current")
		n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		return n > 280
	})
	run.cmd.Process.Signal(syscall.SIGTERM)
	run.exits(0)
	if b, _ := os.ReadFile(group + "/cgroup.procs"); len(bytes.TrimSpace(b)) > 0 {
		t.Errorf("left over:\n%s", b)
	}
}

// As PID 1, ten thousand orphans: no zombie stays, and the bot's own status is not lost.
func TestP42TenThousandOrphans(t *testing.T) {
	p := newProject(t)
	p.write("bot.py", `
import os, sys, time
for _ in range(10000):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
print("orphaned", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
sys.exit(7)
`)
	self, _ := os.Executable()
	run := p.start(append(p.env(), playBotctl+"=1"), "unshare", "-pf", "--mount-proc", "--kill-child", self, "run", "--start-tries", "1", "--", "python3", "bot.py")
	run.stdout.await(t, 3*patient, 1, "orphaned")
	kids, _ := exec.Command("pgrep", "-P", strconv.Itoa(run.cmd.Process.Pid)).Output()
	first, _ := strconv.Atoi(strings.TrimSpace(string(kids)))
	if first == 0 {
		t.Fatalf("%q", kids)
	}
	until(t, patient, "no zombie is left", func() bool {
		list, _ := exec.Command("pgrep", "-P", strconv.Itoa(first), "-r", "Z").Output()
		return len(list) == 0
	})
	p.write("go", "")
	run.exits(7)
}

// terminal starts botctl on a terminal of its own.
func (p *project) terminal(args ...string) (master *os.File, cmd *exec.Cmd, screen *lines) {
	p.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	n := 0
	raw, _ := master.SyscallConn() // Fd would make it block, so that Close waits for a Read
	raw.Control(func(fd uintptr) {
		unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	})
	if err != nil {
		p.t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer slave.Close()
	// A shell with job control stands behind it, as a person's does.
	cmd = exec.Command("bash", append([]string{"-c", `set -m; "$@"; echo "ended $?"; sleep 1000`, "bash"}, args...)...)
	cmd.Dir, cmd.Env = p.dir, append(p.env(), playBotctl+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	screen = newLines()
	go io.Copy(screen, master)
	p.t.Cleanup(func() {
		master.Close()
		cmd.Process.Kill()
		cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("screen:\n%s", screen)
		}
	})
	return master, cmd, screen
}

// slowly takes a second to obey SIGTERM, and counts.
const slowly = `
import signal, sys, time
def end(*_):
    print("saying goodbye", flush=True)
    time.sleep(3)
    print("bye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    open("count", "a").write("x")
    time.sleep(0.02)
`

func TestP43TheKeyboard(t *testing.T) {
	t.Parallel()
	self, _ := os.Executable()
	start := func(t *testing.T) (*project, *os.File, *lines) {
		p := newProject(t)
		p.write("bot.py", slowly)
		master, _, screen := p.terminal(self, "run", "--", "python3", "bot.py")
		screen.await(t, patient, 1, "ready")
		return p, master, screen
	}
	t.Run("Ctrl-C once", func(t *testing.T) {
		t.Parallel()
		_, master, screen := start(t)
		master.WriteString("\x03")
		screen.await(t, patient, 1, "ended 0")
		if screen.count("\nbye") != 1 {
			t.Error("the bot was not given time")
		}
	})
	t.Run("Ctrl-C twice", func(t *testing.T) {
		t.Parallel()
		_, master, screen := start(t)
		master.WriteString("\x03")
		screen.await(t, patient, 1, "saying goodbye")
		master.WriteString("\x03")
		screen.await(t, patient, 1, "ended ")
		if screen.count("\nbye") != 0 {
			t.Error("the second one did not end it at once")
		}
	})
	t.Run("Ctrl-Z and fg", func(t *testing.T) {
		t.Parallel()
		p, master, _ := start(t)
		until(t, patient, "status knows the bot", func() bool { return p.status().Child != nil })
		st := p.status()
		master.WriteString("\x1a")
		until(t, patient, "both are stopped", func() bool { return stateOf(st.SupervisorPID) == "T" && stateOf(st.Child.PID) == "T" })
		size := func() int64 { info, _ := os.Stat(filepath.Join(p.dir, "count")); return info.Size() }
		before := size()
		syscall.Kill(st.SupervisorPID, syscall.SIGCONT)
		until(t, patient, "both go on", func() bool { return size() > before+5 })
		if now := p.status(); now.Child == nil || now.Child.PID != st.Child.PID {
			t.Errorf("%+v", now.Child)
		}
	})
	t.Run("the terminal is closed", func(t *testing.T) {
		t.Parallel()
		p, master, _ := start(t)
		until(t, patient, "status knows the bot", func() bool { return p.status().Child != nil })
		st := p.status()
		master.Close()
		until(t, patient, "botctl has stopped", func() bool { return stateOf(st.SupervisorPID) == "" || stateOf(st.SupervisorPID) == "Z" })
		if s := stateOf(st.Child.PID); s != "" && s != "Z" {
			t.Errorf("the bot is in state %s", s)
		}
	})
	t.Run("SIGHUP restarts", func(t *testing.T) {
		t.Parallel()
		p := newProject(t)
		run := p.botctl("run", "--", "sleep", "1000")
		run.stdout.await(t, patient, 1, "bot started")
		run.cmd.Process.Signal(syscall.SIGHUP)
		run.stdout.await(t, patient, 1, "bot started again")
	})
}

func TestP44NothingOfOursReachesTheBot(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("fds.py", `
import os, sys
for f in os.listdir("/proc/self/fd"):
    try:
        print("fd", f, os.readlink("/proc/self/fd/" + f))
    except OSError:
        pass
print("end")
sys.exit(3)
`)
	self, _ := os.Executable()
	run := p.start(append(p.env(), playBotctl+"=1"), "sh", "-c",
		`exec 9</etc/hostname; exec "$0" run --start-tries 1 -- python3 fds.py`, self).exits(3)
	run.stdout.await(t, patient, 1, "\nend\n")
	kinds := map[string]int{}
	for line := range strings.Lines(run.stdout.String()) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "fd" || f[1] == "0" || f[1] == "1" || f[1] == "2" {
			continue
		}
		switch {
		case strings.HasSuffix(f[2], ".child"):
			kinds["lock"]++
		case strings.HasPrefix(f[2], "pipe:"):
			kinds["leash"]++
		default:
			t.Errorf("the bot has %s", line)
		}
	}
	if kinds["lock"] != 1 || kinds["leash"] != 1 {
		t.Errorf("%v, want one lock and one leash:\n%s", kinds, run.stdout)
	}
}
