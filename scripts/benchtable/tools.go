//go:build linux

package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// need is a program that a measurement runs, and where it comes from.
type need struct {
	command string // how it is known to be there; below .tools when install is not apt's
	deb     string // its package
	install func(tools string) error
	what    string // what is not measured without it
}

var (
	gcc        = need{command: "gcc", deb: "gcc", what: "anything with processes"}
	procps     = need{command: "pgrep", deb: "procps", what: "pgrep"}
	runit      = need{command: "runsv", deb: "runit", what: "runit"}
	s6         = need{command: "s6-supervise", deb: "s6", what: "s6"}
	supervisor = need{command: "supervisord", deb: "supervisor", what: "supervisord"}
	tini       = need{command: "tini", deb: "tini", what: "tini"}
	dumbInit   = need{command: "dumb-init", deb: "dumb-init", what: "dumb-init"}
	redis      = need{command: "redis-server", deb: "redis-server", what: "a lease"}
	nginx      = need{command: "nginx", deb: "nginx-light", what: "nginx"}
	pm2        = need{command: "bench/pm2/node_modules/.bin/pm2-runtime", install: installPM2, what: "pm2"}
	ptb        = need{command: "bench/venv/done", install: installBot, what: "a real bot"}
)

// tools is the folder of what is installed beside the system.
func tools() string {
	if dir := os.Getenv("TOOLS"); dir != "" {
		return dir
	}
	dir, _ := filepath.Abs(".tools")
	return dir
}

// path is where n is; empty when it is not there.
func (n need) path() string {
	if n.install != nil {
		path := filepath.Join(tools(), n.command)
		if _, err := os.Stat(path); err != nil {
			return ""
		}
		return path
	}
	path, err := exec.LookPath(n.command)
	if err != nil {
		return ""
	}
	return path
}

// prepare installs what the chosen measurements need and can be had, and builds the programs. What cannot be had is said, and left out.
func prepare(chosen []bench) error {
	if err := os.MkdirAll(built(""), 0o755); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, b := range chosen {
		for _, n := range b.needs {
			if seen[n.command] || n.path() != "" {
				continue
			}
			seen[n.command] = true
			if err := n.get(); err != nil {
				fmt.Fprintf(os.Stderr, "scripts/bench: %s is not measured: %v\n", n.what, err)
			}
		}
	}
	return build()
}

func (n need) get() error {
	if n.install != nil {
		return n.install(tools())
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("install the package %s", n.deb)
	}
	defer noServices()()
	for _, args := range [][]string{{"update", "-qq"}, {"install", "-y", "-qq", "-o", "DPkg::Lock::Timeout=300", n.deb}} {
		if args[0] == "update" && updated {
			continue
		}
		cmd := exec.Command("apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLine(text))
		}
		updated = true
	}
	if n.path() == "" {
		return errors.New("it is not where its package puts it")
	}
	return nil
}

var updated bool

// noServices keeps Debian from starting what it installs, by the file that is made for that, and returns what takes it away again.
func noServices() (undo func()) {
	const file = "/usr/sbin/policy-rc.d"
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return func() {} // there is one, whose word counts
	}
	f.WriteString("#!/bin/sh\nexit 101\n")
	f.Close()
	return func() { os.Remove(file) }
}

func installPM2(tools string) error {
	dir := filepath.Join(tools, "bench", "pm2")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return quietly(dir, "npm", "install", "--silent", "--no-audit", "--no-fund", "pm2@7.0.4")
}

// botPins has the version of the library that scripts/matrix uses.
const botPins = "scripts/frameworks/python/requirements.txt"

func installBot(tools string) error {
	pins, err := os.ReadFile(botPins)
	if err != nil {
		return err
	}
	venv := filepath.Join(tools, "bench", "venv")
	if err := quietly(".", "python3", "-m", "venv", venv); err != nil {
		return err
	}
	for line := range strings.Lines(string(pins)) {
		if strings.HasPrefix(line, "python-telegram-bot") {
			if err := quietly(".", filepath.Join(venv, "bin", "pip"), "install", "-q", "--disable-pip-version-check", strings.TrimSpace(line)); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(venv, "done"), nil, 0o644)
}

func quietly(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, lastLine(text))
	}
	return nil
}

func lastLine(text []byte) string {
	list := strings.Split(strings.TrimSpace(string(text)), "\n")
	return list[len(list)-1]
}

//go:embed child
var source embed.FS

// built is where a program lies that build has made.
func built(name string) string { return filepath.Join(tools(), "bench", "built", name) }

// build makes the programs of this module as a release has them, and the child. Without gcc there is none, and most is not measured.
func build() error {
	for name, pkg := range map[string]string{"botctl": "./cmd/botctl", "floor": "./scripts/benchtable/floor", "hello": "./scripts/benchtable/hello"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", built(name), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, text)
		}
	}
	if gcc.path() == "" {
		return nil
	}
	text, err := source.ReadFile("child/stamp.c")
	if err != nil {
		return err
	}
	file := built("stamp.c")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	// The crowd is another program than the bot, or a botctl without a token would end it.
	for _, name := range []string{"stamp", "crowd"} {
		if err := quietly(".", "gcc", "-static", "-O2", "-o", built(name), file); err != nil {
			return err
		}
	}
	return nil
}
