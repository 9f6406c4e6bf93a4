//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// measureStart is the way from nothing to the child's first instruction.
func measureStart(l *lab) error {
	end, err := l.crowd(host, hostScripts)
	if err != nil {
		return err
	}
	defer end()
	tokenless := botctl("botctl, no token known")
	tokenless.command = func(s *scene, child string) (*exec.Cmd, error) {
		s.token = ""
		return botctl("").command(s, child)
	}
	alone := bare
	alone.as = peer // the floor is a program that starts a program: the least that any of the others can be
	all := append([]keeper{alone, floorLoop, tokenless, botctl("botctl, Bot API asked")}, peers...)
	return l.eachKeeper("start", l.times(8, 100), all, func(k keeper, s *scene) ([]reading, error) {
		m, err := s.begin(k)
		if err != nil {
			return nil, err
		}
		return []reading{{"start to first instruction", "ms", millis(s.run.at, m.at)}}, nil
	})
}

// measureStop is the way from SIGTERM to nothing.
func measureStop(l *lab) error {
	end, err := l.crowd(host, hostScripts)
	if err != nil {
		return err
	}
	defer end()
	polling := botctl("botctl, gateway, a bot that polls")
	polling.command = l.pollerUnder()
	all := append([]keeper{bare, botctl("botctl"), polling}, peers...)
	all[2].slow = 4
	return l.eachKeeper("stop", l.times(4, 30), all, func(k keeper, s *scene) ([]reading, error) {
		if _, err := s.begin(k); err != nil {
			return nil, err
		}
		if err := l.pass(1200 * time.Millisecond); err != nil { // runit and supervisord treat a child that is younger than a second in a way of their own
			return nil, err
		}
		at := now()
		if err := s.run.end(unix.SIGTERM, patient); err != nil {
			return nil, err
		}
		return []reading{{"SIGTERM to gone", "ms", millis(at, s.run.gone)}}, nil
	})
}

// eachKeeper measures keepers in turns, each time with a scene of its own.
func (l *lab) eachKeeper(bench string, n int, all []keeper, sample func(keeper, *scene) ([]reading, error)) error {
	var subjects []subject
	for _, k := range l.present(bench, all) {
		every := k.slow
		if l.quick && every > 0 {
			every = max(every/2, 2)
		}
		subjects = append(subjects, subject{name: k.name, as: k.as, every: every, sample: func() ([]reading, error) {
			s, err := l.scene("")
			if err != nil {
				return nil, err
			}
			list, err := sample(k, s)
			if cerr := s.close(); err == nil && cerr != nil {
				err = fmt.Errorf("%s: %w", k.name, cerr)
			}
			return list, err
		}})
	}
	return l.rounds(bench, n, subjects)
}

// measureSize compares the program with one that does nothing.
func measureSize(l *lab) error {
	for _, name := range []string{"hello", "botctl"} {
		size, err := fileSize(built(name))
		if err != nil {
			return err
		}
		l.found.add("size", "size", "MB", name, sizeRole(name), size)
	}
	var subjects []subject
	for _, name := range []string{"hello", "botctl"} {
		subjects = append(subjects, subject{name: name, as: sizeRole(name), sample: func() ([]reading, error) {
			cmd := exec.Command(built(name))
			if name == "botctl" {
				cmd.Args = append(cmd.Args, "version")
			}
			var out bytes.Buffer
			cmd.Stdout = &out
			at := now()
			if err := cmd.Run(); err != nil {
				return nil, err
			}
			return []reading{{"run time", "ms", millis(at, now())}}, nil
		}})
	}
	return l.rounds("size", l.times(20, 300), subjects)
}

func sizeRole(name string) role {
	if name == "hello" {
		return floorRole
	}
	return ours
}
