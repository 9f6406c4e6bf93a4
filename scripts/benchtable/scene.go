//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"botctl/bot/sandbox"
)

// patient is for what must come.
const patient = 20 * time.Second

// scene is a folder with a bot of its own, for one supervisor.
type scene struct {
	l     *lab
	id    string
	dir   string
	token string
	api   string // the Bot API
	mode  string // of the child
	env   []string
	out   *os.File // of the supervisor; nil: nowhere
	alone bool     // botctl is a copy, which shares its pages with no other process
	run   *started
	child int // pid, of the last record
}

func (l *lab) scene(mode string) (*scene, error) {
	l.scenes++
	s := &scene{l: l, id: fmt.Sprint("c", l.scenes), token: sandbox.NewToken(), mode: mode}
	s.dir = filepath.Join(l.dir, s.id)
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	s.api, err = l.api()
	return s, err
}

// api is a server that answers every call at once, started when the first one asks for it.
func (l *lab) api() (string, error) {
	if l.server == "" {
		base, err := l.play("api")
		if err != nil {
			return "", err
		}
		l.server = base
	}
	return l.server, nil
}

// environ is what supervisor and child are given. Nothing of ours comes through but PATH.
func (s *scene) environ(more ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "LANG=C.UTF-8", "BOTCTL_STATE_DIR=" + filepath.Join(s.dir, "state"),
		"TELEGRAM_BOT_TOKEN=" + s.token, "TELEGRAM_API_BASE=" + s.api,
		"BENCH_PIPE=" + s.l.marks.path, "BENCH_ID=" + s.id, "BENCH_MODE=" + s.mode,
	}
	return append(append(env, s.env...), more...)
}

// command is a program in the scene's folder and environment. It is killed with us.
func (s *scene) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = s.dir, s.environ()
	if s.out != nil {
		cmd.Stdout, cmd.Stderr = s.out, s.out
	}
	return cmd
}

// begin starts a supervisor over the child and waits for the child's first instruction.
func (s *scene) begin(k keeper) (mark, error) {
	cmd, err := k.command(s, built("stamp"))
	if err != nil {
		return mark{}, err
	}
	if s.run, err = start(cmd); err != nil {
		return mark{}, err
	}
	return s.await('S')
}

func (s *scene) await(kind byte) (mark, error) {
	m, err := s.l.marks.await(s.id, kind, patient)
	if err == nil && kind == 'S' {
		s.child = m.pid
	}
	return m, err
}

// tell sends the child a signal.
func (s *scene) tell(sig unix.Signal) error {
	if err := unix.Kill(s.child, sig); err != nil {
		return fmt.Errorf("signal the child: %w", err)
	}
	return nil
}

// close ends what was started and removes the folder.
func (s *scene) close() error {
	var err error
	if s.run != nil {
		select {
		case <-s.run.done:
		default:
			err = s.run.end(unix.SIGTERM, patient)
		}
	}
	if s.child != 0 && s.isChild(s.child) {
		unix.Kill(s.child, unix.SIGKILL) // its supervisor left it alone
	}
	os.RemoveAll(s.dir)
	return err
}

// isChild says that pid is still the child of this scene, by its environment.
func (s *scene) isChild(pid int) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && strings.Contains("\x00"+string(env), "\x00BENCH_ID="+s.id+"\x00")
}

// crowd fills the namespace up with n idle processes, so many in a hundred of which are scripts of other projects, and returns what
// ends them.
func (l *lab) crowd(n, scripts int) (end func(), err error) {
	s, err := l.scene(fmt.Sprintf("crowd %d %d", n, scripts))
	if err != nil {
		return nil, err
	}
	s.token, s.api = "", "" // they are of no bot
	cmd := s.command(built("crowd"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.run, err = start(cmd); err != nil {
		return nil, err
	}
	if _, err := s.l.marks.await(s.id, 'S', 5*time.Minute); err != nil {
		return nil, err
	}
	have := processes()
	return func() {
		if n := processes(); n < have {
			l.say("of %d processes beside the measured ones %d are left: something has ended them", have, n)
		}
		unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		<-s.run.done
		os.RemoveAll(s.dir)
		for until := time.Now().Add(patient); processes() > n/2 && time.Now().Before(until); {
			l.pass(50 * time.Millisecond) // the shell that is PID 1 reaps them
		}
	}, nil
}

// A host that botctl is measured on has so many processes, and so many scripts of other projects in a hundred of them.
const (
	host        = 300
	hostScripts = 4
)
