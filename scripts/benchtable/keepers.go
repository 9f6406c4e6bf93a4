//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// keeper is a program that runs another one.
type keeper struct {
	name     string
	as       role
	needs    *need // nil: built here
	slow     int   // of many rounds it takes part in every so-manieth, since it takes long
	restarts bool  // what has ended
	relays   bool  // what the child prints
	command  func(s *scene, child string) (*exec.Cmd, error)
}

// botctl is a keeper by flags of botctl run.
func botctl(name string, flags ...string) keeper {
	return keeper{name: name, as: ours, restarts: true, relays: true, command: func(s *scene, child string) (*exec.Cmd, error) {
		path := built("botctl")
		if s.alone {
			var err error
			if path, err = s.own(path); err != nil {
				return nil, err
			}
		}
		return s.command(path, append(append([]string{"run"}, flags...), "--", child)...), nil
	}}
}

// floorLoop restarts, and bare is a fork and exec alone.
var (
	floorLoop = keeper{name: "fork, exec, wait in Go", as: floorRole, restarts: true, command: func(s *scene, child string) (*exec.Cmd, error) {
		return s.command(built("floor"), child), nil
	}}
	bare = keeper{name: "fork and exec alone", as: floorRole, command: func(s *scene, child string) (*exec.Cmd, error) {
		return s.command(child), nil
	}}
)

var peers = []keeper{
	{name: "tini", needs: &tini, command: func(s *scene, child string) (*exec.Cmd, error) {
		return s.command(tini.path(), "-s", "--", child), nil
	}},
	{name: "dumb-init", needs: &dumbInit, command: func(s *scene, child string) (*exec.Cmd, error) {
		return s.command(dumbInit.path(), child), nil
	}},
	{name: "runit (runsv)", needs: &runit, restarts: true, command: func(s *scene, child string) (*exec.Cmd, error) {
		return s.service(runit.path(), child)
	}},
	{name: "s6 (s6-supervise)", needs: &s6, restarts: true, command: func(s *scene, child string) (*exec.Cmd, error) {
		return s.service(s6.path(), child)
	}},
	{name: "supervisord", needs: &supervisor, slow: 4, restarts: true, relays: true, command: func(s *scene, child string) (*exec.Cmd, error) {
		conf := filepath.Join(s.dir, "supervisord.conf")
		text := fmt.Sprintf("[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=%s/pid\n\n"+
			"[program:bot]\ncommand=%s\nautorestart=true\nredirect_stderr=true\nstdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\n", s.dir, child)
		return s.command(supervisor.path(), "-c", conf), os.WriteFile(conf, []byte(text), 0o600)
	}},
	{name: "pm2 (pm2-runtime)", needs: &pm2, slow: 10, restarts: true, relays: true, command: func(s *scene, child string) (*exec.Cmd, error) {
		s.env = append(s.env, "PM2_HOME="+filepath.Join(s.dir, "pm2"))
		return s.command(pm2.path(), "start", child, "--interpreter", "none", "--raw"), nil
	}},
}

// service makes the folder that runit and s6 want; its file run is the child itself, not a shell.
func (s *scene) service(supervise, child string) (*exec.Cmd, error) {
	dir := filepath.Join(s.dir, "service")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	err := os.Symlink(child, filepath.Join(dir, "run"))
	return s.command(supervise, dir), err
}

// present are the keepers of a list that can be run; the others are put down as not measured.
func (l *lab) present(bench string, list []keeper) (there []keeper) {
	for _, k := range list {
		if k.as == "" {
			k.as = peer
		}
		if k.needs != nil && k.needs.path() == "" {
			l.found.lacks(bench, k.name, "it is not installed")
			continue
		}
		there = append(there, k)
	}
	return there
}

// those are the peers with a property.
func those(has func(keeper) bool) (list []keeper) {
	for _, k := range peers {
		if has(k) {
			list = append(list, k)
		}
	}
	return list
}
