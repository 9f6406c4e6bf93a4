package main

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAWheelRunsABotInACleanVirtualEnvironment(t *testing.T) {
	t.Parallel()
	o := newOwner(t, "python3")
	o.does("python3", "-m", "venv", "venv")
	venv := filepath.Join(o.dir, "venv")
	o.path = append([]string{filepath.Join(venv, "bin")}, o.path...)
	wheel := mine(t, "botctl-*-py3-none-manylinux2014_%s.*.whl", "x86_64", "aarch64")
	o.does("pip", "install", "--disable-pip-version-check", "--no-index", "--find-links", filepath.Dir(wheel), "--pre", "botctl")

	// The bot's own libraries come from the environment that the other suites use.
	libs, err := filepath.Glob(tools(t, "venv", "lib", "python3*", "site-packages"))
	if err != nil || len(libs) != 1 {
		t.Fatalf("the bots' libraries: %q, %v", libs, err)
	}
	own, err := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages"))
	if err != nil || len(own) != 1 {
		t.Fatalf("the environment's libraries: %q, %v", own, err)
	}
	if err := os.WriteFile(filepath.Join(own[0], "bots.pth"), []byte(libs[0]+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	o.bot("bot.py", "bot.py")
	botctl := filepath.Join(venv, "bin", "botctl")
	code, ran := o.runsABot(botctl, "botctl", "run", "--sandbox", "--", "python", "bot.py")
	if code != 0 || ran != botctl {
		t.Errorf("code %d; the signal went to %s, want %s itself", code, ran, botctl)
	}
	for _, name := range []string{"man/man1/botctl-run.1", "bash-completion/completions/botctl", "zsh/site-functions/_botctl", "fish/vendor_completions.d/botctl.fish"} {
		if _, err := os.Stat(filepath.Join(venv, "share", name)); err != nil {
			t.Error(err)
		}
	}
	o.does("pip", "uninstall", "--disable-pip-version-check", "-y", "botctl")
	if at, ok := o.lookup("botctl"); ok {
		t.Errorf("pip uninstall left %s", at)
	}
}

// The names that a wheel gives itself, in its name, its tags and its folders, are one and the same.
func TestAWheelIsWhatItsNameSays(t *testing.T) {
	t.Parallel()
	dist := os.Getenv("BOTCTL_DIST")
	wheels, _ := filepath.Glob(filepath.Join(dist, "*.whl"))
	if len(wheels) == 0 {
		t.Fatalf("no wheel in %q", dist)
	}
	for _, path := range wheels {
		parts := strings.Split(strings.TrimSuffix(filepath.Base(path), ".whl"), "-")
		if len(parts) != 5 {
			t.Errorf("%s has %d parts", path, len(parts))
			continue
		}
		r, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		info := "botctl-" + parts[1] + ".dist-info/"
		if last := r.File[len(r.File)-1].Name; last != info+"RECORD" {
			t.Errorf("%s ends with %s", path, last)
		}
		tags := zipText(t, &r.Reader, info+"WHEEL")
		for tag := range strings.SplitSeq(parts[4], ".") {
			if !strings.Contains(tags, "\nTag: py3-none-"+tag+"\n") {
				t.Errorf("%s: its WHEEL lacks %s:\n%s", path, tag, tags)
			}
		}
		if meta := zipText(t, &r.Reader, info+"METADATA"); !strings.Contains(meta, "\nName: botctl\nVersion: "+parts[1]+"\n") {
			t.Errorf("%s: its METADATA says\n%s", path, meta)
		}
		record := zipText(t, &r.Reader, info+"RECORD")
		for _, f := range r.File {
			if strings.Count(record, f.Name+",") != 1 {
				t.Errorf("%s: its RECORD lacks %s", path, f.Name)
			}
			if script := strings.HasSuffix(f.Name, "/scripts/botctl"); script != (f.Mode() == 0o755) {
				t.Errorf("%s: %s has mode %v", path, f.Name, f.Mode())
			}
		}
	}
}

func zipText(t *testing.T, r *zip.Reader, name string) string {
	t.Helper()
	f, err := r.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
