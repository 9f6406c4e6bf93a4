package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dpkg installs and purges with a root of its own, so that the machine of the test stays as it is.
func TestADebRunsABot(t *testing.T) {
	t.Parallel()
	need(t, "dpkg")
	o := newOwner(t, "python3", "dpkg", "dpkg-deb", "dpkg-split", "tar", "gzip", "rm", "diff")
	root := filepath.Join(o.dir, "root")
	for _, dir := range []string{"info", "updates"} {
		if err := os.MkdirAll(filepath.Join(root, "var", "lib", "dpkg", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root, "var", "lib", "dpkg", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dpkg := func(args ...string) {
		o.does("dpkg", append([]string{"--root", root, "--log", filepath.Join(root, "log"), "--force-not-root,bad-path", "--force-script-chrootless"}, args...)...)
	}
	dpkg("--install", mine(t, "botctl_*_%s.deb", "amd64", "arm64"))
	// As the owner's python has it: the bot's libraries are no matter of this package.
	o.path = append([]string{tools(t, "venv", "bin")}, o.path...)
	botctl := filepath.Join(root, "usr", "bin", "botctl")
	o.path = append(o.path, filepath.Dir(botctl))
	o.bot("bot.py", "bot.py")
	code, ran := o.runsABot(botctl, "botctl", "run", "--sandbox", "--", "python", "bot.py")
	if code != 0 || ran != botctl {
		t.Errorf("code %d; the signal went to %s", code, ran)
	}
	dpkg("--purge", "botctl")
	if _, err := os.Stat(filepath.Join(root, "usr")); err == nil {
		t.Error("the purge left usr")
	}
}

func TestADebHasItsFilesInTheirPlaces(t *testing.T) {
	t.Parallel()
	need(t, "dpkg-deb")
	debs, _ := filepath.Glob(filepath.Join(os.Getenv("BOTCTL_DIST"), "*.deb"))
	if len(debs) == 0 {
		t.Fatal("there is none")
	}
	for _, deb := range debs {
		list := command(t, "", os.Environ(), "dpkg-deb", "-c", deb)
		for _, want := range []string{
			"-rwxr-xr-x root/root usr/bin/botctl",
			"-rw-r--r-- root/root usr/share/man/man1/botctl.1.gz",
			"-rw-r--r-- root/root usr/share/man/man1/botctl-run.1.gz",
			"-rw-r--r-- root/root usr/share/bash-completion/completions/botctl",
			"-rw-r--r-- root/root usr/share/zsh/vendor-completions/_botctl",
			"-rw-r--r-- root/root usr/share/fish/vendor_completions.d/botctl.fish",
			"-rw-r--r-- root/root usr/share/doc/botctl/copyright",
			"-rw-r--r-- root/root usr/share/doc/botctl/changelog.gz",
		} {
			if !listed(list, strings.Fields(want)) {
				t.Errorf("%s lacks %s:\n%s", deb, want, list)
			}
		}
		arch := strings.TrimSuffix(deb[strings.LastIndexByte(deb, '_')+1:], ".deb")
		if got := command(t, "", os.Environ(), "dpkg-deb", "-f", deb, "Architecture"); strings.TrimSpace(got) != arch {
			t.Errorf("%s is for %s", deb, got)
		}
	}
}

// listed looks for mode, owner and path in the output of tar.
func listed(list string, want []string) bool {
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) == 6 && f[0] == want[0] && f[1] == want[1] && strings.TrimPrefix(f[5], "./") == want[2] {
			return true
		}
	}
	return false
}
