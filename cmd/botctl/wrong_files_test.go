//go:build unix

package main

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"botctl/supervisor/lock"
)

// stateText is what a supervisor has left behind; its key is d-x.
const stateText = `{"schema_version":1,"version":"v1","key":"d-x","phase":"running","supervisor_pid":77,"started_at":"2026-01-02T03:04:05Z","command":["bot"]}`

func left(text string) map[string]string {
	return map[string]string{"state/": "", "state/d-x.state.json": text}
}

var lockName = "{dir}/state/" + lock.BotKey("2")

var wrongFolders = []wrong{
	{name: "state folder that is a file", args: "status", env: "BOTCTL_STATE_DIR={dir}/f", files: map[string]string{"f": ""}, code: 73, want: "error: state folder \"{dir}/f\": not a directory\n" + hintState},
	{name: "state folder that is a device", args: "run", env: "BOTCTL_STATE_DIR=/dev/null", code: 73, want: "error: state folder \"/dev/null\": not a directory\n" + hintState},
	{name: "state folder that is a link", args: "stop", setup: link("elsewhere", "state"), files: map[string]string{"elsewhere/": ""}, code: 73, want: "error: state folder \"{dir}/state\": is a symbolic link\n" + hintState},
	{name: "state folder that leads nowhere", args: "status", setup: link("nowhere", "state"), code: 73, want: "error: state folder \"{dir}/state\": file exists\n" + hintState},
	{name: "state folder of all users", args: "run", setup: mode("state", 0o777|os.ModeSticky), files: map[string]string{"state/": ""}, code: 73, want: "error: state folder \"{dir}/state\": is shared by all users; name a folder inside it\n" + hintState},
	{name: "state folder of another user", args: "restart", setup: foreignFile("state"), files: map[string]string{"state/": ""}, code: 73, want: "error: state folder \"{dir}/state\": belongs to user 65533\n" + hintState},
	{name: "state folder that cannot be made", args: "logs", env: "BOTCTL_STATE_DIR=/proc/botctl", code: 73, want: "error: state folder \"/proc/botctl\": no such file or directory\n" + hintState},
	{name: "state folder with a name that is too long", args: "run", env: "BOTCTL_STATE_DIR={dir}/" + strings.Repeat("n", 300), code: 73, want: "error: state folder \"{dir}/" + strings.Repeat("n", 300) + "\": file name too long\n" + hintState},
	{name: "state folder that is read-only", args: "run -- true", setup: both(mode("state", 0o500), asNobody), files: map[string]string{"state/": ""}, code: 73, want: "error: lock \"{dir}/state/d-…\n" + hintState},
	{name: "state folder in one that may not be entered", args: "status", env: "BOTCTL_STATE_DIR={dir}/closed/state", setup: forbidden("closed"), files: map[string]string{"closed/": ""}, code: 73, want: "error: state folder \"{dir}/closed/state\": permission denied\n" + hintState},
	{name: "state folder for the sandbox", args: "sandbox --port 0", env: "BOTCTL_STATE_DIR=/proc/botctl", code: 73, want: "error: state folder \"/proc/botctl\": no such file or directory\n" + hintState},
	{name: "state folder for the sandbox that is read-only", args: "sandbox --port 0", setup: both(mode("state", 0o500), asNobody), files: map[string]string{"state/": ""}, code: 73, want: "error: sandbox record \"{dir}/state/sandbox.json\": permission denied\n" + hintState},

	{name: "lock that is a folder", alone: true, args: "run -- true", files: map[string]string{"state/" + lock.BotKey("2") + ".lock/": ""}, code: 73, want: "error: lock \"" + lockName + ".lock\": is not a regular file\n" + hintState},
	{name: "lock that is a link", args: "run -- true", setup: link("/etc/passwd", "state/"+lock.BotKey("2")+".lock"), code: 73, want: "error: lock \"" + lockName + ".lock\": is not a regular file\n" + hintState},
	{name: "lock that is a pipe", args: "run -- true", setup: pipe("state/" + lock.BotKey("2") + ".lock"), code: 73, want: "error: lock \"" + lockName + ".lock\": is not a regular file\n" + hintState},
	{name: "lock of another user", args: "run -- true", setup: foreignFile("state/" + lock.BotKey("2") + ".lock"), files: map[string]string{"state/" + lock.BotKey("2") + ".lock": ""}, code: 73, want: "error: lock \"" + lockName + ".lock\": belongs to user 65533\n" + hintState},
	{name: "child's lock that is a folder", alone: true, args: "run -- true", files: map[string]string{"state/" + lock.BotKey("2") + ".child/": ""}, code: 73, want: "error: lock \"" + lockName + ".child\": is not a regular file\n" + hintState},
	{name: "child's lock that is a pipe", args: "run -- true", setup: pipe("state/" + lock.BotKey("2") + ".child"), code: 73, want: "error: lock \"" + lockName + ".child\": is not a regular file\n" + hintState},
	{name: "lock that is held", args: "run -- true", env: "TELEGRAM_BOT_TOKEN=77:SECRET", setup: held("77"), code: 75, want: "error: bot 77 is already run by pid …\nhint: \"botctl status\" shows it, \"botctl stop\" ends it; \"botctl run --on-held takeover\" replaces it, \"--on-held wait\" takes over when it ends"},
	{name: "state file in the making that is a pipe", args: "run -- no-such-command", env: "TELEGRAM_BOT_TOKEN=78:SECRET", setup: pipe("state/" + lock.BotKey("78") + ".state.tmp"), code: 127, want: "warning: Bot API not reached; the bot is run all the same cause=…\nerror: start \"no-such-command\": not found in PATH\n" + hintPath},

	{name: "working folder deleted", args: "run", setup: deleted, code: 78, want: "error: working folder: no such file or directory\nhint: it may have been deleted: cd to the bot's folder again"},
	{name: "working folder deleted, kill-stale", args: "kill-stale", setup: deleted, code: 78, want: "error: working folder: no such file or directory\nhint: it may have been deleted: cd to the bot's folder again"},
	{name: "working folder deleted, bundled bot", args: "bot", setup: deleted, code: 78, want: "error: working folder: no such file or directory\nhint: it may have been deleted: cd to the bot's folder again"},
	{name: "working folder deleted, status", args: "status", setup: deleted, code: 3, want: "error: no supervisor has run here\n" + hintStart},
	{name: "working folder deleted, state folder in it", args: "status", env: "BOTCTL_STATE_DIR=here", setup: deleted, code: 73, want: "error: state folder \"here\": no such file or directory\n" + hintState},
	{name: "no home", alone: true, args: "status", env: "!HOME", code: 3, want: "error: no supervisor has run here\n" + hintStart},
	{name: "no place for the answer", args: "version", setup: fullStdout, code: 1, want: "error: write /dev/stdout: no space left on device"},
	{name: "no place for the settings", args: "run --print-config", setup: fullStdout, code: 1, want: "error: write /dev/stdout: no space left on device"},

	{name: "state file with garbage", args: "status", files: left("SECRET"), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a state file of botctl\n" + hintBad},
	{name: "state file with garbage, stop", args: "stop", files: left("\x00\xff"), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a state file of botctl\n" + hintBad},
	{name: "state file cut short", args: "status", files: left(stateText[:40]), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a state file of botctl\n" + hintBad},
	{name: "state file that is empty", args: "logs", files: left(""), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a state file of botctl\n" + hintBad},
	{name: "state file of another key", args: "status", files: left(strings.Replace(stateText, "d-x", "d-y", 1)), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a state file of botctl\n" + hintBad},
	{name: "state file of 10 MB", args: "status", files: left("[" + strings.Repeat("1,", 5<<20) + "1]"), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a state file of botctl\n" + hintBad},
	{name: "state file that is a folder", args: "status", files: map[string]string{"state/d-x.state.json/": ""}, code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a regular file\n" + hintBad},
	{name: "state file that is a pipe", args: "status", setup: pipe("state/d-x.state.json"), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a regular file\n" + hintBad},
	{name: "state file without an end", args: "restart", setup: link("/dev/zero", "state/d-x.state.json"), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": not a regular file\n" + hintBad},
	{name: "state file that may not be read", args: "status", files: left(stateText), setup: forbidden("state/d-x.state.json"), code: 4, want: "error: read state \"{dir}/state/d-x.state.json\": permission denied\n" + hintBad},
	{name: "state file with garbage, as JSON", args: "status --json", files: left("SECRET"), code: 4, want: `{"error":{"code":4,"hints":["botctl run writes it anew; delete it when none runs"],"message":"read state \"{dir}/state/d-x.state.json\": not a state file of botctl"}}`},
	{name: "state file of a newer botctl", args: "status", files: left(strings.Replace(stateText, ":1,", ":9,", 1)), code: 4, want: "error: the supervisor's status is of a newer botctl: schema 9, this one knows 1\nhint: its version is \"v1\"; use that one"},
	{name: "record of a sandbox that is a pipe", args: "sandbox verdict", setup: pipe("state/sandbox.json"), code: 3, want: "error: no sandbox is running\n" + hintBox},
	{name: "record of a sandbox without an end", args: "sandbox send hi", setup: link("/dev/zero", "state/sandbox.json"), code: 3, want: "error: no sandbox is running\n" + hintBox},
}

// What listens where a supervisor should. The answers are raw: not even the protocol can be trusted.
var wrongAnswers = []wrong{
	{name: "socket left behind", args: "stop", files: left(stateText), setup: staleSocket, code: 3, want: "error: no supervisor is running\nhint: \"botctl status\" shows how the last one ended; " + hintStart[len("hint: "):]},
	{name: "socket that is a file", args: "restart", files: map[string]string{"state/d-x.state.json": stateText, "state/d-x.sock": "SECRET"}, code: 3, want: "error: no supervisor is running\nhint: \"botctl status\" shows how the last one ended; " + hintStart[len("hint: "):]},
	{name: "socket that is a folder", args: "logs", files: map[string]string{"state/d-x.state.json": stateText, "state/d-x.sock/": ""}, code: 3, want: "error: no supervisor is running\nhint: \"botctl status\" shows how the last one ended; " + hintStart[len("hint: "):]},
	{name: "socket that is a pipe", args: "logs -f", files: left(stateText), setup: pipe("state/d-x.sock"), code: 3, want: "error: no supervisor is running\nhint: \"botctl status\" shows how the last one ended; " + hintStart[len("hint: "):]},
	{name: "no answer, status", args: "status", files: left(stateText), setup: listen(silence{}), code: 4, want: "error: ask the supervisor, pid 77: no answer in 5s\nhint: is it stopped? \"kill -CONT 77\" lets it go on"},
	{name: "no answer, logs", args: "logs -f", files: left(stateText), setup: listen(silence{}), code: 4, want: "error: ask the supervisor, pid 77: no answer in 5s\nhint: is it stopped? \"kill -CONT 77\" lets it go on"},
	{name: "no answer, stop", args: "stop", files: left(stateText), setup: listen(silence{}), code: 4, want: "error: ask the supervisor, pid 77: no answer in 5s\nhint: is it stopped? \"kill -CONT 77\" lets it go on"},
	{name: "half an answer and then nothing", args: "status", files: left(stateText), setup: listen(promised(200, 100, "{"), silence{}), code: 4, want: "error: ask the supervisor, pid 77: no answer in 5s\nhint: is it stopped? \"kill -CONT 77\" lets it go on"},
	{name: "a closed connection", args: "status", files: left(stateText), setup: listen(""), code: 4, want: "error: ask the supervisor, pid 77: the connection ended before the answer\nhint: it may be about to end; ask again"},
	{name: "half an answer", args: "status", files: left(stateText), setup: listen(promised(200, 100, `{"key":`)), code: 4, want: "error: ask the supervisor, pid 77: the connection ended before the answer\nhint: it may be about to end; ask again"},
	{name: "half an answer that says it is whole", args: "status", files: left(stateText), setup: listen(answer(200, `{"key":`)), code: 4, want: "error: ask the supervisor, pid 77: the connection ended before the answer\nhint: it may be about to end; ask again"},
	{name: "garbage", args: "status", files: left(stateText), setup: listen("\x00\x01 SECRET\r\n\r\n"), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "garbage for logs", args: "logs", files: left(stateText), setup: listen("SECRET\n"), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "a web page", args: "status", files: left(stateText), setup: listen(answer(200, "<html>SECRET")), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "JSON of another kind", args: "status", files: left(stateText), setup: listen(answer(200, `["SECRET"]`)), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "JSON with another type", args: "stop", files: left(stateText), setup: listen(answer(200, `{"key":1}`)), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "JSON of nothing", args: "restart", files: left(stateText), setup: listen(answer(200, `{}`)), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "an error of a server", args: "status", files: left(stateText), setup: listen(answer(500, "SECRET")), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "another place", args: "status", files: left(stateText), setup: listen("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/SECRET\r\nContent-Length: 0\r\n\r\n"), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "an endless answer", args: "status", files: left(stateText), setup: listen(promised(200, 1<<40, `{"key":"`), endless{}), code: 4, want: "error: ask the supervisor, pid 77: the connection ended before the answer\nhint: it may be about to end; ask again"},
	{name: "endless headers", args: "status", files: left(stateText), setup: listen("HTTP/1.1 200 OK\r\nX: ", endless{}), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "a newer botctl", args: "status", files: left(stateText), setup: listen(answer(200, `{"schema_version":9,"version":"v9","key":"d-x","child":7}`)), code: 4, want: "error: ask the supervisor, pid 77: not an answer of botctl\n" + hintOther},
	{name: "a newer botctl whose answer can be read", args: "status", files: left(stateText), setup: listen(answer(200, `{"schema_version":9,"version":"v9","key":"d-x"}`)), code: 4, want: "error: the supervisor's status is of a newer botctl: schema 9, this one knows 1\nhint: its version is \"v9\"; use that one"},

	{name: "a port in use", args: "sandbox --port PORT", setup: busyPort(""), code: 1, want: "error: listen on 127.0.0.1:…\nhint: --port 0 takes a free one"},
	{name: "a sandbox that does not answer", args: "sandbox verdict --url http://127.0.0.1:PORT", setup: busyPort(silence{}), code: 4, want: "error: sandbox at http://127.0.0.1:…"},
	{name: "a sandbox that is none", args: "sandbox send --url http://127.0.0.1:PORT hi", setup: busyPort(answer(200, "<html>SECRET")), code: 4, want: "error: sandbox at http://127.0.0.1:…"},
}

func both(first, second func(*testing.T, *exec.Cmd)) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		first(t, cmd)
		second(t, cmd)
	}
}

func mode(name string, mode os.FileMode) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		if err := os.Chmod(filepath.Join(cmd.Dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// forbidden takes every right of a file from its owner.
func forbidden(name string) func(*testing.T, *exec.Cmd) { return both(mode(name, 0), asNobody) }

// nobody has no rights here; somebody is yet another one.
const (
	nobody   = 65534
	somebody = 65533
)

// asNobody lets botctl run as a user without the rights of root, who owns its folder.
func asNobody(t *testing.T, cmd *exec.Cmd) {
	if os.Getuid() != 0 {
		return // no mode stops root; others are stopped as they are
	}
	if runtime.GOOS != "linux" {
		t.Skip("the test binary lies where only root may read")
	}
	err := filepath.WalkDir(cmd.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		t.Skip("root of a namespace without other users:", err)
	}
	cmd.Path = "/proc/self/exe" // which needs no right to the folder of the test binary
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// foreignFile gives a file to another user.
func foreignFile(name string) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		if err := os.Chown(filepath.Join(cmd.Dir, name), somebody, somebody); err != nil {
			t.Skip("only root can give a file away:", err)
		}
	}
}

// held lets another supervisor have the bot of that id.
func held(id string) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		owner := lock.Owner{PID: os.Getpid(), Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Bot: id}
		set, err := lock.Take(filepath.Join(cmd.Dir, "state"), []lock.Key{{Name: lock.BotKey(id)}}, "", owner)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(set.Close)
	}
}

// deleted starts botctl in a folder that is no more.
func deleted(t *testing.T, cmd *exec.Cmd) {
	gone := filepath.Join(cmd.Dir, "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append([]string{"sh", "-c", `cd "$1" && rmdir "$1" && shift && exec "$@"`, "sh", gone, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = sh
}

func fullStdout(t *testing.T, cmd *exec.Cmd) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no full device:", err)
	}
	t.Cleanup(func() { f.Close() })
	cmd.Stdout = f
}

// staleSocket leaves a socket behind to which nobody listens.
func staleSocket(t *testing.T, cmd *exec.Cmd) {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(cmd.Dir, "state", "d-x.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

// endless is an answer without an end, and silence one that never comes.
type (
	endless struct{}
	silence struct{}
)

// listen answers on the supervisor's socket with texts, one after the other, and then closes the connection.
func listen(texts ...any) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		ln, err := net.Listen("unix", filepath.Join(cmd.Dir, "state", "d-x.sock"))
		if err != nil {
			t.Fatal(err)
		}
		serveRaw(t, ln, texts...)
	}
}

func serveRaw(t *testing.T, ln net.Listener, texts ...any) {
	ended := make(chan struct{})
	t.Cleanup(func() {
		close(ended)
		ln.Close()
	})
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answerRaw(c, texts, ended)
			}()
		}
	}()
}

func answerRaw(c net.Conn, texts []any, ended <-chan struct{}) {
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		return // a look whether somebody listens
	}
	for _, text := range texts {
		switch text := text.(type) {
		case string:
			io.WriteString(c, text)
		case silence:
			<-ended
		case endless:
			for chunk := strings.Repeat("a", 64<<10); ; {
				if _, err := io.WriteString(c, chunk); err != nil {
					return
				}
			}
		}
	}
}

// answer is an HTTP answer, and promised one that claims to have length bytes.
func answer(code int, body string) string { return promised(code, len(body), body) }

func promised(code, length int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d SECRET\r\nContent-Length: %d\r\n\r\n%s", code, length, body)
}

// busyPort listens on a port of its own, which takes the place of PORT in the arguments, and answers with texts.
func busyPort(texts ...any) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		for i, a := range cmd.Args {
			cmd.Args[i] = strings.Replace(a, "PORT", port, 1)
		}
		serveRaw(t, ln, texts...)
	}
}
