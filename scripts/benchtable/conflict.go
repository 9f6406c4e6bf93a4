//go:build linux

package main

import (
	"errors"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// measureConflict is the way from a line in the bot's output to the next bot, for each way in which botctl confirms it.
func measureConflict(l *lab) error {
	end, err := l.crowd(host, hostScripts)
	if err != nil {
		return err
	}
	defer end()
	floor := floorLoop
	floor.command = func(s *scene, child string) (*exec.Cmd, error) {
		s.env = append(s.env, "BENCH_WATCH=1")
		return floorLoop.command(s, child)
	}
	here := botctl("botctl: a rival on this host, which is ended first")
	ends := botctl("botctl: the bot ends with the line")
	ends.command = func(s *scene, child string) (*exec.Cmd, error) {
		s.mode = "exit"
		return botctl("").command(s, child)
	}
	first := botctl("botctl: --restart-on-first-sign, after a look for a rival", "--restart-on-first-sign")
	return l.eachKeeper("conflict", l.times(6, 60), []keeper{floor, here, ends, first}, func(k keeper, s *scene) ([]reading, error) {
		if _, err := s.begin(k); err != nil {
			return nil, err
		}
		if err := l.pass(settled); err != nil {
			return nil, err
		}
		if k.name == here.name {
			rival, err := s.rival()
			if err != nil {
				return nil, err
			}
			defer rival.end(unix.SIGKILL, patient)
		}
		if err := s.tell(unix.SIGUSR2); err != nil {
			return nil, err
		}
		line, err := s.await('C')
		if err != nil {
			return nil, err
		}
		next, err := s.await('S')
		if err != nil {
			return nil, err
		}
		return []reading{{"line to next first instruction", "ms", millis(line.at, next.at)}}, nil
	})
}

// rival is the same bot once more, started by somebody else, in the same folder and with the same token. It has a pipe id of its own, so that the
// records do not mix.
func (s *scene) rival() (*started, error) {
	other := *s
	other.id, other.mode = s.id+"r", ""
	run, err := start(other.command(built("stamp")))
	if err != nil {
		return nil, err
	}
	if _, err := s.l.marks.await(other.id, 'S', patient); err != nil {
		run.end(unix.SIGKILL, patient)
		return nil, errors.New("the rival does not start")
	}
	return run, nil
}

// settled is when a supervisor that was just started has nothing more to do for the moment: what is measured is not to meet the
// end of its start. botctl's next sweep is at 5 s.
const settled = 300 * time.Millisecond
