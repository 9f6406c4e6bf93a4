package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

func TestErrorsAsJSON(t *testing.T) {
	t.Setenv("BOTCTL_STATE_DIR", t.TempDir())
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	if code := run([]string{"status", "--json"}, &out, &errs); code != exitNotRunning {
		t.Errorf("exit %d", code)
	}
	var e struct {
		Error struct {
			Code    int      `json:"code"`
			Message string   `json:"message"`
			Hints   []string `json:"hints"`
		} `json:"error"`
	}
	if err := json.Unmarshal(errs.Bytes(), &e); err != nil || e.Error.Code != 3 || e.Error.Message != "no supervisor has run here" || len(e.Error.Hints) != 1 {
		t.Errorf("%s: %v", errs.String(), err)
	}
}

func TestSettingsFromEverySource(t *testing.T) {
	t.Chdir(t.TempDir())
	os.WriteFile("botctl.yaml", []byte("stop-timeout: 3s\nstart-tries: 7\nrival: [a, b]\nquiet: true\n"), 0o600)
	t.Setenv("BOTCTL_START_TRIES", "8")
	t.Setenv("BOTCTL_SPARE", "c, d,")
	var out, errs bytes.Buffer
	if code := run([]string{"run", "--print-config", "--quiet=false"}, &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	rows := map[string]string{}
	for line := range strings.Lines(out.String()) {
		name, rest, _ := strings.Cut(line, " ")
		rows[name] = strings.Join(strings.Fields(rest), " ")
	}
	for name, want := range map[string]string{
		"stop-timeout": `"3s" botctl.yaml`, "start-tries": `"8" environment BOTCTL_START_TRIES`, "rival": `"a,b" botctl.yaml`,
		"spare": `"c,d" environment BOTCTL_SPARE`, "quiet": `"false" flag --quiet`, "webhook": `"auto" default`,
	} {
		if rows[name] != want {
			t.Errorf("%s: %s, want %s", name, rows[name], want)
		}
	}
}

func TestEveryVerbHasHelpWithAnExample(t *testing.T) {
	for _, cmd := range newRoot().Commands() {
		var out, errs bytes.Buffer
		if code := run([]string{cmd.Name(), "--help"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "Examples:") && cmd.Name() != "help" && cmd.Name() != "completion" {
			t.Errorf("%s --help: exit %d without an example\n%s", cmd.Name(), code, out.String())
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		var out, errs bytes.Buffer
		if code := run([]string{"completion", shell}, &out, &errs); code != 0 || out.Len() < 1000 {
			t.Errorf("completion %s: exit %d, %d bytes", shell, code, out.Len())
		}
	}
}

func TestResolveVersion(t *testing.T) {
	setting := func(v string) []debug.BuildSetting { return []debug.BuildSetting{{Key: "vcs.revision", Value: v}} }
	for _, tc := range []struct {
		linked string
		info   *debug.BuildInfo
		want   string
	}{
		{"v1.2.3", nil, "v1.2.3"},
		{"", nil, "devel"},
		{"", &debug.BuildInfo{Main: debug.Module{Version: "v0.9.0"}}, "v0.9.0"},
		{"", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: setting("0123456789abcdef")}, "devel-0123456789ab"},
		{"", &debug.BuildInfo{Settings: setting("short")}, "devel"},
	} {
		if got := resolveVersion(tc.linked, tc.info); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc, got, tc.want)
		}
	}
}
