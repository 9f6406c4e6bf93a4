//go:build linux

package lock

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary plays a supervisor: botctl-test hold DIR KEY [child].
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "hold" {
		hold(os.Args[2], os.Args[3], len(os.Args) > 4)
		return
	}
	os.Exit(m.Run())
}

// hold takes the lock, says so, and keeps it until its stdin ends; with child it
// lets a sleep inherit the second file first.
func hold(dir, key string, child bool) {
	s, err := Take(dir, []Key{{Name: key}}, "", Owner{PID: os.Getpid(), Since: time.Now()})
	if held, ok := errors.AsType[*HeldError](err); ok {
		fmt.Println("held", held.PID)
		return
	}
	if err != nil {
		fmt.Println("error", err)
		return
	}
	if child {
		if err := s.TakeChild(); err != nil {
			fmt.Println("error", err)
			return
		}
		cmd := exec.Command("sleep", "60")
		cmd.ExtraFiles = s.ChildFiles()
		cmd.Start()
		fmt.Println("child", cmd.Process.Pid)
	}
	fmt.Println("taken", os.Getpid())
	io.Copy(io.Discard, os.Stdin)
}

// holder starts hold and returns its first line.
func holder(t *testing.T, args ...string) (*exec.Cmd, *bufio.Scanner, io.Closer) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"hold"}, args...)...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd, bufio.NewScanner(out), in
}

func line(t *testing.T, sc *bufio.Scanner) string {
	t.Helper()
	if !sc.Scan() {
		t.Fatal("no line")
	}
	return sc.Text()
}

func TestP10OneOfAHundred(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	outcomes := map[string]int{}
	var wg sync.WaitGroup
	for range 100 {
		cmd, sc, _ := holder(t, dir, "d-x")
		wg.Go(func() {
			if !sc.Scan() {
				t.Error("no line")
				return
			}
			text := sc.Text()
			if strings.HasPrefix(text, "taken") {
				text = "held " + fmt.Sprint(cmd.Process.Pid)
				mu.Lock()
				outcomes["winners"]++
				mu.Unlock()
			}
			mu.Lock()
			outcomes[text]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if outcomes["winners"] != 1 || len(outcomes) != 2 {
		t.Errorf("outcomes %v, want one winner whom all others name", outcomes)
	}
}

func TestP7TheChildKeepsTheSecondFile(t *testing.T) {
	dir := t.TempDir()
	cmd, sc, _ := holder(t, dir, "d-x", "child")
	var pid int
	fmt.Sscanf(line(t, sc), "child %d", &pid)
	line(t, sc)
	cmd.Process.Kill()
	cmd.Wait()
	s, err := Take(dir, []Key{{Name: "d-x"}}, "", Owner{PID: os.Getpid()})
	if err != nil {
		t.Fatalf("the supervisor's lock after kill -9: %v", err)
	}
	defer s.Close()
	held, ok := errors.AsType[*ChildHeldError](s.TakeChild())
	if !ok || len(held.Holders) != 1 || held.Holders[0] != pid {
		t.Fatalf("%v, want it held by %d", held, pid)
	}
	orphan, _ := os.FindProcess(pid)
	orphan.Kill()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if err = s.TakeChild(); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if len(s.ChildFiles()) != 1 {
		t.Errorf("%d files for the child", len(s.ChildFiles()))
	}
}

func TestP11DeletedAndReplaced(t *testing.T) {
	dir := t.TempDir()
	s, err := Take(dir, []Key{{Name: "d-x"}}, "", Owner{PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.TakeChild(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d-x.lock", "d-x.child"} {
		os.Remove(filepath.Join(dir, name))
		if err := s.Verify(); err != nil {
			t.Fatalf("%s deleted: %v", name, err)
		}
	}
	if _, err := Take(dir, []Key{{Name: "d-x"}}, "", Owner{PID: 1}); err == nil {
		t.Fatal("a second one got the repaired lock")
	}
	os.Remove(filepath.Join(dir, "d-x.lock"))
	_, sc, _ := holder(t, dir, "d-x")
	line(t, sc)
	if err := s.Verify(); !errors.Is(err, ErrReplaced) {
		t.Errorf("%v, want ErrReplaced", err)
	}
}

func TestP12AndP13FoldersThatWillNotDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	shared := t.TempDir()
	os.Chmod(shared, 0o777|os.ModeSticky)
	link := filepath.Join(t.TempDir(), "link")
	os.Symlink(t.TempDir(), link)
	for _, tc := range []struct{ dir, want string }{
		{file, "not a directory"}, {shared, "shared by all users"}, {link, "symbolic link"}, {"/proc/botctl", "no such file or directory"},
	} {
		_, err := StateDir(func(name string) string { return map[string]string{"BOTCTL_STATE_DIR": tc.dir}[name] })
		if err == nil || !strings.Contains(err.Error(), tc.dir) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want the path and %q", err, tc.want)
		}
	}
	if info, err := os.Stat(shared); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("the shared folder was closed to its users: %v %v", info.Mode(), err)
	}
	dir := t.TempDir()
	for i, name := range []string{"d-x.lock", "d-z.child"} {
		os.Symlink("/etc/hostname", filepath.Join(dir, name))
		if _, err := Take(dir, []Key{{Name: []string{"d-x", "d-z"}[i]}}, "", Owner{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is a symbolic link, and was taken: %v", name, err)
		}
	}
	if os.Getuid() == 0 {
		foreign := filepath.Join(dir, "d-y.lock")
		os.WriteFile(foreign, nil, 0o600)
		os.Chown(foreign, 65534, 65534)
		if _, err := Take(dir, []Key{{Name: "d-y"}}, "", Owner{}); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
			t.Errorf("another user's file: %v", err)
		}
	}
}

func TestP14OnlyTheKernelDecides(t *testing.T) {
	dir := t.TempDir()
	for i, text := range []string{"garbage", `{"pid":1}`, `{"pid":-5}`, strings.Repeat("x", 1<<20), "\x00\xff"} {
		key := fmt.Sprintf("d-%d", i)
		os.WriteFile(filepath.Join(dir, key+".lock"), []byte(text), 0o600)
		s, err := Take(dir, []Key{{Name: key}}, "", Owner{PID: os.Getpid()})
		if err != nil {
			t.Errorf("%.20q: %v", text, err)
			continue
		}
		s.Close()
	}
}

func TestTheGuardCrossesFolders(t *testing.T) {
	key := BotKey(fmt.Sprint(time.Now().UnixNano()))
	s, err := Take(t.TempDir(), []Key{{Name: "d-x"}, {Name: key}}, key, Owner{PID: os.Getpid(), Bot: "7"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Take(t.TempDir(), []Key{{Name: "d-y"}, {Name: key}}, key, Owner{Bot: "7"})
	held, ok := errors.AsType[*HeldError](err)
	if !ok || held.PID != os.Getpid() || held.Error() != fmt.Sprintf("bot 7 is already run by pid %d", os.Getpid()) {
		t.Errorf("%v", err)
	}
	s.Close()
	if s, err = Take(t.TempDir(), []Key{{Name: key}}, key, Owner{}); err != nil {
		t.Fatalf("after release: %v", err)
	}
	s.Close()
}

func TestTheFirstRunOfABotIsKnown(t *testing.T) {
	dir := t.TempDir()
	for i, keys := range [][]Key{{{Name: "d-x"}}, {{Name: "d-x"}}, {{Name: "d-x", Shared: true}, {Name: "b-1"}}, {{Name: "b-2"}}} {
		s, err := Take(dir, keys, "", Owner{})
		if err != nil {
			t.Fatal(err)
		}
		if want := i == 0 || i == 3; s.Fresh() != want {
			t.Errorf("%v: fresh %v, want %v", keys, s.Fresh(), want)
		}
		s.Close()
	}
}

func TestTwoBotsMayShareAFolder(t *testing.T) {
	dir := t.TempDir()
	take := func(keys ...Key) (*Set, error) { return Take(dir, keys, "", Owner{PID: os.Getpid()}) }
	a, err := take(Key{"d-x", true}, Key{"b-1", false})
	if err != nil {
		t.Fatal(err)
	}
	b, err := take(Key{"d-x", true}, Key{"b-2", false})
	if err != nil {
		t.Fatalf("another bot of the folder: %v", err)
	}
	if _, err := take(Key{"d-x", false}); err == nil {
		t.Error("a run that does not know its bot joined them")
	}
	a.Close()
	b.Close()
	alone, err := take(Key{"d-x", false})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := take(Key{"d-x", true}, Key{"b-1", false}); err == nil {
		t.Error("a bot joined a run that does not know its own")
	}
	alone.Close()
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "other-name")
	os.Symlink(dir, link)
	a, _ := FolderKey(dir, "bot.py")
	b, _ := FolderKey(link, "bot.py")
	c, _ := FolderKey(dir, "other.py")
	if a != b || a == c || !strings.HasPrefix(a, "d-") {
		t.Errorf("keys %q %q %q", a, b, c)
	}
	if _, err := FolderKey(filepath.Join(dir, "none"), ""); !errors.Is(err, syscall.ENOENT) && err == nil {
		t.Error("a folder that is not there has a key")
	}
}

func TestTheStateFolderDoesNotDependOnTheLogin(t *testing.T) {
	none := func(string) string { return "" }
	a, err := StateDir(none)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("USER", "nobody")
	if b, _ := StateDir(none); a != b {
		t.Errorf("%q with one login, %q with another", a, b)
	}
}
