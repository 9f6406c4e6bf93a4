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

	"botctl/supervisor/stale"
	"botctl/supervisor/token"
)

// measureScan looks for rivals where there are none, and for ten.
func measureScan(l *lab) error {
	for _, c := range []struct {
		n, scripts int
		column     string
	}{{host, hostScripts, "among 300"}, {2000, hostScripts, "among 2,000"}, {2000, 25, "among 2,000, a quarter of them scripts"}, {10000, hostScripts, "among 10,000"}} {
		if l.quick && c.n > 2000 {
			continue
		}
		if err := l.scanAmong(c.n, c.scripts, c.column); err != nil {
			return err
		}
	}
	return nil
}

// rivals are ended by one sweep.
const rivals = 10

func (l *lab) scanAmong(n, scripts int, column string) error {
	end, err := l.crowd(n, scripts)
	if err != nil {
		return err
	}
	defer end()
	s, err := l.scene("")
	if err != nil {
		return err
	}
	defer s.close()
	finder := stale.NewFinder(token.NewMasker(token.Token(s.token)))
	target := stale.Target{Token: token.Token(s.token), Dir: s.dir, Command: []string{"python", "bot.py"}}
	timed := func(do func() error) func() ([]reading, error) {
		return func() ([]reading, error) {
			at := now()
			err := do()
			return []reading{{column, "ms", millis(at, now())}}, err
		}
	}
	subjects := []subject{
		{name: "list /proc, read each command line", as: floorRole, sample: timed(readAll)},
		{name: "sweep in the supervisor", as: ours, sample: timed(func() error {
			_, err := finder.Sweep(l.ctx, target, stale.Options{DryRun: true})
			return err
		})},
		{name: "the first sweep of a run, which reads each environment", as: ours, sample: timed(func() error {
			_, err := finder.Sweep(l.ctx, target, stale.Options{DryRun: true, Lineage: true})
			return err
		})},
		{name: "botctl kill-stale --dry-run", as: ours, sample: timed(func() error {
			return s.command(built("botctl"), "kill-stale", "--dry-run").Run()
		})},
		{name: "botctl kill-stale, ten rivals", as: ours, every: 3, sample: func() ([]reading, error) { return l.sweepRivals(s, column) }},
	}
	if pgrep := procps.path(); pgrep != "" {
		subjects = append(subjects, subject{name: "pgrep -f", as: peer, sample: timed(func() error {
			err := exec.Command(pgrep, "-f", "no process has this in its command line, but pgrep").Run()
			if cmd, ok := errors.AsType[*exec.ExitError](err); ok && cmd.ExitCode() == 1 { // it found none
				return nil
			}
			return err
		})})
	} else {
		l.found.lacks("scan", "pgrep -f", "it is not installed")
	}
	return l.rounds("scan", l.times(6, 30), subjects)
}

// readAll is the floor: the names in /proc, and one read of each command line.
func readAll() error {
	dir, err := os.Open("/proc")
	if err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return err
	}
	var buf [8192]byte
	for _, name := range names {
		if _, err := strconv.Atoi(name); err != nil {
			continue
		}
		fd, err := unix.Open("/proc/"+name+"/cmdline", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		unix.Read(fd, buf[:])
		unix.Close(fd)
	}
	return nil
}

// sweepRivals starts ten of the bot's script, and has botctl end them.
func (l *lab) sweepRivals(s *scene, column string) ([]reading, error) {
	var list []*started
	defer func() {
		for _, r := range list {
			r.end(unix.SIGKILL, patient)
		}
	}()
	for range rivals {
		cmd := s.command(built("stamp"))
		cmd.Args = []string{"python3", "bot.py"}
		r, err := start(cmd)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
		if _, err := s.await('S'); err != nil {
			return nil, err
		}
	}
	at := now()
	if text, err := s.command(built("botctl"), "kill-stale").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("kill-stale: %w: %s", err, lastLine(text))
	}
	took := millis(at, now())
	for _, r := range list {
		select {
		case <-r.done:
		case <-time.After(patient):
			return nil, errors.New("a rival lives")
		}
	}
	s.child = 0
	return []reading{{column, "ms", took}}, nil
}
