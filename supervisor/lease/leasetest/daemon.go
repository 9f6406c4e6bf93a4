//go:build unix

package leasetest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// daemonUser is whom a server runs as. PostgreSQL and PgBouncer refuse to run as root.
type daemonUser struct{ cred *syscall.Credential } // nil: as we

func newDaemonUser() (daemonUser, error) {
	if os.Getuid() != 0 {
		return daemonUser{}, nil
	}
	cred := &syscall.Credential{Uid: 65534, Gid: 65534}
	if u, err := user.Lookup("postgres"); err == nil {
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return daemonUser{cred: cred}, nil
}

// folder makes a folder of that user. Its path is short, for a socket's has no more than 107 bytes.
func (u daemonUser) folder() (string, error) {
	dir, err := os.MkdirTemp("", "lt")
	if err != nil {
		return "", err
	}
	return dir, u.own(dir)
}

func (u daemonUser) own(path string) error {
	if u.cred == nil {
		return nil
	}
	return os.Chown(path, int(u.cred.Uid), int(u.cred.Gid))
}

// command runs a program as that user, without the settings of ours that it would heed.
func (u daemonUser) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u.cred, Setpgid: true}
	return cmd
}

// daemon is a server that runs.
type daemon struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it is reaped

	mu   sync.Mutex
	said []string // its last lines
}

// startDaemon starts a server and waits for the line that says it serves.
func startDaemon(cmd *exec.Cmd, ready string) (*daemon, error) {
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &daemon{cmd: cmd, gone: make(chan struct{})}
	serves := make(chan struct{})
	go func() {
		defer close(d.gone)
		lines := bufio.NewScanner(out)
		for once := serves; lines.Scan(); {
			if once != nil && strings.Contains(lines.Text(), ready) {
				close(once)
				once = nil
			}
			d.remember(lines.Text())
		}
		cmd.Wait()
	}()
	select {
	case <-serves:
		return d, nil
	case <-d.gone:
		return nil, fmt.Errorf("%s ended: %s", cmd.Path, d.lines())
	case <-time.After(readyIn):
		d.end(syscall.SIGKILL)
		return nil, fmt.Errorf("%s does not serve: %s", cmd.Path, d.lines())
	}
}

func (d *daemon) remember(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = append(d.said, line)
	if len(d.said) > 50 {
		d.said = d.said[1:]
	}
}

func (d *daemon) lines() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.said, "\n")
}

// end sends a signal and waits for the end, at most ten seconds; then it kills.
func (d *daemon) end(sig syscall.Signal) {
	d.cmd.Process.Signal(sig)
	select {
	case <-d.gone:
	case <-time.After(10 * time.Second):
		d.cmd.Process.Kill()
		<-d.gone
	}
}
