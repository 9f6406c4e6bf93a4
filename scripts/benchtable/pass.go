//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// measurePass counts what arrives behind each supervisor.
func measurePass(l *lab) error {
	relays := l.present("pass", append([]keeper{botctl("botctl")}, those(func(k keeper) bool { return k.relays })...))
	if path := os.Getenv("GO_SUPERVISORD"); path != "" {
		relays = append(relays, goSupervisord(path))
	} else {
		l.found.lacks("pass", "ochinchina/supervisord", "its module cannot be built by version from a proxy, for it replaces its own parts by folders; GO_SUPERVISORD=PATH names a built one")
	}
	total := int64(l.times(64, 1024)) << 20
	for _, kind := range []struct {
		mode, name string
		bytes      int64
	}{{"spew", fmt.Sprintf("%d MiB of lines", total>>20), total}, {"line", "one line of 64 MiB", 64 << 20}} {
		subjects := []subject{{name: "child, piped into cat", as: floorRole, sample: func() ([]reading, error) {
			return l.passThrough(kind.mode, kind.name, kind.bytes, keeper{command: pipeToCat})
		}}}
		for _, k := range relays {
			subjects = append(subjects, subject{name: k.name, as: k.as, every: k.slow / 2, sample: func() ([]reading, error) {
				return l.passThrough(kind.mode, kind.name, kind.bytes, k)
			}})
		}
		if err := l.rounds("pass", l.times(2, 10), subjects); err != nil {
			return err
		}
	}
	return nil
}

// pipeToCat runs the child beside a cat that is read from.
func pipeToCat(s *scene, child string) (*exec.Cmd, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	defer w.Close()
	feed := s.command(child)
	feed.Stdout = w
	if err := feed.Start(); err != nil {
		return nil, err
	}
	go feed.Wait() // until it is killed with the scene
	cat := s.command("cat")
	in, err := unix.Dup(int(r.Fd()))
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(in)
	cat.Stdin = os.NewFile(uintptr(in), "pipe")
	return cat, nil
}

func goSupervisord(path string) keeper {
	return keeper{name: "ochinchina/supervisord", as: peer, relays: true, command: func(s *scene, child string) (*exec.Cmd, error) {
		conf := s.dir + "/supervisord.conf"
		text := "[supervisord]\nlogfile=/dev/null\n\n[program:bot]\ncommand=" + child + "\nautorestart=true\nstdout_logfile=/dev/stdout\n"
		return s.command(path, "-c", conf), os.WriteFile(conf, []byte(text), 0o600)
	}}
}

// passThrough has a child print so many bytes and waits until as many have come out behind the supervisor.
func (l *lab) passThrough(mode, name string, bytes int64, k keeper) ([]reading, error) {
	s, err := l.scene(mode + " " + strconv.FormatInt(bytes, 10))
	if err != nil {
		return nil, err
	}
	defer s.close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 1<<20)
	s.out = w
	arrived := make(chan int64, 1)
	go drain(r, bytes, arrived) // until the pipe ends with the scene
	first, err := s.begin(k)
	w.Close()
	if err != nil {
		return nil, err
	}
	limit := time.NewTimer(5 * time.Minute)
	defer limit.Stop()
	var last int64
	select {
	case last = <-arrived:
	case <-limit.C:
		return nil, errors.New("not all of the output came out within 5 minutes")
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
	if last == 0 {
		return nil, errors.New("the output ended before all of it had come out")
	}
	used, err := usageOf(family(s.run.cmd.Process.Pid, s.child))
	if err != nil {
		return nil, err
	}
	seconds := float64(last-first.at) / 1e9
	return []reading{
		{name, "MB/s", float64(bytes) / 1e6 / seconds},
		{"processor for " + name, "ms", used.cpu},
	}, nil
}

// drain takes bytes out of a pipe without copying them, and says when the last of so many came; 0 when the pipe ended before. It
// goes on to the end of the pipe.
func drain(pipe *os.File, bytes int64, arrived chan<- int64) {
	defer pipe.Close()
	from := int(pipe.Fd()) // blocking from here on
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		arrived <- 0
		return
	}
	defer null.Close()
	for told := false; ; {
		n, err := unix.Splice(from, nil, int(null.Fd()), nil, 1<<20, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 || err != nil {
			if !told {
				arrived <- 0
			}
			return
		}
		if bytes -= n; bytes <= 0 && !told {
			told = true
			arrived <- now()
		}
	}
}
