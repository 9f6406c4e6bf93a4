package stale

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAControlGroupSaysWhatKeepsAProcess(t *testing.T) {
	for groups, want := range map[string]string{
		"0::/system.slice/bot.service\n":                                                                     "systemd (bot.service)",
		"0::/user.slice/user-1000.slice/session-3.scope\n":                                                   "",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/bot.service\n":                           "systemd --user (bot.service)",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-x.scope\n":                     "",
		"0::/system.slice/cron.service\n":                                                                    "cron",
		"0::/system.slice/ssh.service\n":                                                                     "",
		"0::/system.slice/docker-0123abcd.scope\n":                                                           "docker",
		"12:pids:/docker/0123\n1:name=systemd:/docker/0123\n":                                                "docker",
		"12:pids:/other.service\n1:name=systemd:/system.slice/bot@1.service\n0::/system.slice/bot@1.service": "systemd (bot@1.service)",
		"0::/\n": "", "": "", "nonsense": "",
	} {
		if got := unitKeeper(groups); got != want {
			t.Errorf("%q: %q, want %q", groups, got, want)
		}
	}
}

// A dry run says who would bring a process back: that is where its owner must stop it.
func TestACronJobIsKnownByItsParent(t *testing.T) {
	dir := t.TempDir()
	cron := filepath.Join(dir, "cron")
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(shell, cron); err != nil {
		t.Fatal(err)
	}
	// "cron" starts a shell, which starts the job, as cron does.
	cmd := exec.Command(cron, "-c", `sh -c 'sleep 600 & echo $!; wait'; :`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	var line [32]byte
	n, err := out.Read(line[:])
	if err != nil {
		t.Fatal(err)
	}
	pid := 0
	for _, c := range strings.TrimSpace(string(line[:n])) {
		pid = pid*10 + int(c-'0')
	}
	if got := keeper(pid); !strings.HasPrefix(got, "cron (pid ") {
		t.Errorf("pid %d is restarted by %q", pid, got)
	}
}
