package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// version is what a release is called, and the commit that it is made from. The commit's time is the time of every file in
// every package, so that the same commit makes the same bytes.
type version struct {
	semver string // v1.2.3, v1.2.3-rc.1, or a pseudo-version as Go makes them
	commit string
	when   time.Time
}

// released has the forms that every package manager can say: a pre-release is alpha, beta or rc with a number.
var released = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$`)

func chooseVersion(req request) (version, error) {
	ver := version{semver: req.version}
	facts, err := git(req.root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return ver, err
	}
	commit, seconds, _ := strings.Cut(facts, " ")
	epoch, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return ver, fmt.Errorf("time of commit %s: %w", commit, err)
	}
	ver.commit, ver.when = commit, time.Unix(epoch, 0).UTC()
	if req.snapshot {
		older, _ := git(req.root, "describe", "--tags", "--match", "v[0-9]*", "--abbrev=0") // there may be none
		if semver.Canonical(older) != older {
			older = ""
		}
		ver.semver = module.PseudoVersion(semver.Major(older), older, ver.when, commit[:12])
		return ver, nil
	}
	changes, err := git(req.root, "status", "--porcelain")
	if err != nil {
		return ver, err
	}
	if changes != "" {
		return ver, errors.New("there are uncommitted changes: commit them, or make a --snapshot")
	}
	if ver.semver == "" {
		if ver.semver, err = git(req.root, "describe", "--tags", "--match", "v[0-9]*", "--exact-match"); err != nil {
			return ver, errors.New("this commit has no tag: want --version or --snapshot")
		}
	}
	if !released.MatchString(ver.semver) {
		return ver, fmt.Errorf("version %q: want one such as v1.2.3 or v1.2.3-rc.1", ver.semver)
	}
	return ver, nil
}

// plain is the version without its v, as npm and file names have it.
func (v version) plain() string { return strings.TrimPrefix(v.semver, "v") }

// parts are the three numbers, and what follows them.
func (v version) parts() (base, pre string) {
	base, pre, _ = strings.Cut(v.plain(), "-")
	return base, pre
}

// python is the version as PEP 440 has it: 1.2.3rc1, and 1.2.3.dev20260301090000 for a snapshot.
func (v version) python() string {
	base, pre := v.parts()
	if module.IsPseudoVersion(v.semver) {
		return base + ".dev" + v.when.Format("20060102150405")
	}
	for long, short := range map[string]string{"alpha.": "a", "beta.": "b", "rc.": "rc"} {
		if n, ok := strings.CutPrefix(pre, long); ok {
			return base + short + n
		}
	}
	return base
}

// debian is the version as dpkg has it, where ~ sorts before the end.
func (v version) debian() string {
	base, pre := v.parts()
	switch {
	case module.IsPseudoVersion(v.semver):
		return base + "~" + v.when.Format("20060102150405")
	case pre != "":
		return base + "~" + pre
	}
	return base
}

func git(root string, args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", root}, args...)...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
