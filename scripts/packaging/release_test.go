package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheSumsVerify(t *testing.T) {
	t.Parallel()
	dist := filepath.Dir(made(t, sumsFile))
	command(t, dist, os.Environ(), "sha256sum", "--check", "--strict", "--quiet", sumsFile)
	sums, err := os.ReadFile(filepath.Join(dist, sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := os.ReadDir(dist)
	for _, f := range files {
		if f.Name() != sumsFile && !strings.Contains(string(sums), "  "+f.Name()+"\n") {
			t.Errorf("%s has no sum", f.Name())
		}
	}
}

// A second release of the same commit has the same sums, though the environment differs in what programs often let through. It is
// made in a clone elsewhere, unless there are changes that a clone would not have. With BOTCTL_TEST_FULL all is compiled anew too.
func TestASecondReleaseHasTheSameBytes(t *testing.T) {
	t.Parallel()
	first := made(t, sumsFile)
	want, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	env := append(os.Environ(), "TZ=Pacific/Auckland", "LC_ALL=C", "HOME="+os.Getenv("HOME"), "TMPDIR="+t.TempDir(),
		"GOFLAGS=-v", "GOAMD64=v3", "CGO_ENABLED=1", "SOURCE_DATE_EPOCH=1")
	args := []string{"--snapshot", "--out", out}
	if os.Getenv("BOTCTL_TEST_FULL") != "" {
		env = append(env, "GOCACHE="+filepath.Join(t.TempDir(), "cache"))
	} else {
		args = append(args, "--platform", "host")
	}
	root := filepath.Join("..", "..")
	if changes := command(t, root, os.Environ(), "git", "status", "--porcelain"); changes == "" {
		clone := filepath.Join(t.TempDir(), "elsewhere")
		command(t, root, os.Environ(), "git", "clone", "--quiet", ".", clone)
		root = clone
	} else {
		t.Logf("in the same folder, since there are changes:\n%s", changes)
	}
	cmd := exec.Command("sh", append([]string{"-c", `umask 077; exec scripts/release "$@"`, "sh"}, args...)...)
	cmd.Dir, cmd.Env = root, env
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got, err := os.ReadFile(filepath.Join(out, sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(got)) {
		if !strings.Contains(string(want), line) {
			t.Errorf("the second has %sthe first:\n%s", line, want)
		}
	}
}

func TestABillOfMaterialsNamesEveryModule(t *testing.T) {
	t.Parallel()
	dir := unpacked(t)
	info, err := buildinfo.ReadFile(filepath.Join(dir, "botctl"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "botctl.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Timestamp time.Time `json:"timestamp"`
		} `json:"metadata"`
		Components []struct {
			Name     string `json:"name"`
			Version  string `json:"version"`
			Evidence struct {
				Licenses []any `json:"licenses"`
			} `json:"evidence"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &bom); err != nil || bom.Format != "CycloneDX" || bom.Metadata.Timestamp.IsZero() {
		t.Fatalf("%+v, %v", bom, err)
	}
	listed := map[string]string{}
	for _, c := range bom.Components {
		listed[c.Name] = c.Version
		if len(c.Evidence.Licenses) == 0 && c.Name != "std" {
			t.Errorf("%s has no licence", c.Name)
		}
	}
	for _, dep := range info.Deps {
		if listed[dep.Path] != dep.Version {
			t.Errorf("%s %s is in botctl, and in the list as %q", dep.Path, dep.Version, listed[dep.Path])
		}
	}
	if listed["std"] == "" {
		t.Error("the Go release is not listed")
	}
	if strings.Contains(string(text), filepath.Dir(os.Getenv("HOME"))+"/") && filepath.Dir(os.Getenv("HOME")) != "/" {
		t.Error("a path of this machine is in the list")
	}
}

func TestAVersionInEachManagersWords(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for semver, want := range map[string][3]string{
		"v1.2.3":                               {"1.2.3", "1.2.3", "1.2.3"},
		"v1.2.3-rc.1":                          {"1.2.3-rc.1", "1.2.3rc1", "1.2.3~rc.1"},
		"v1.2.3-beta.20":                       {"1.2.3-beta.20", "1.2.3b20", "1.2.3~beta.20"},
		"v0.0.0-20260301090000-0123456789ab":   {"0.0.0-20260301090000-0123456789ab", "0.0.0.dev20260301090000", "0.0.0~20260301090000"},
		"v1.2.4-0.20260301090000-0123456789ab": {"1.2.4-0.20260301090000-0123456789ab", "1.2.4.dev20260301090000", "1.2.4~20260301090000"},
	} {
		v := version{semver: semver, when: when}
		if got := [3]string{v.plain(), v.python(), v.debian()}; got != want {
			t.Errorf("%s: npm, Python and Debian say %q, want %q", semver, got, want)
		}
	}
}

func TestWhatIsAskedWronglyIsRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--version", "v1.2.3", "--snapshot"}, {"now"}, {"--platform", "plan9/amd64"}, {"--platform", ""}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	for _, name := range []string{"1.2.3", "v1.2", "v1.2.3-next", "v1.2.3+build", "v1.2.3-rc.1.2"} {
		if released.MatchString(name) {
			t.Errorf("%q is taken for a version", name)
		}
	}
}
