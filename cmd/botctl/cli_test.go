package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// TestWrongInvocations has the whole stderr and the exit code of what a person may get wrong.
func TestWrongInvocations(t *testing.T) {
	for _, tc := range []struct {
		name  string
		args  string
		env   string // NAME=value, one
		files map[string]string
		code  int
		want  string // stderr; a line is a prefix when it ends in …
	}{
		{name: "unknown verb", args: "rnu", code: 2, want: "error: unknown command \"rnu\" for \"botctl\"\nhint: did you mean run?\nhint: \"botctl --help\" lists the verbs, \"botctl VERB --help\" their flags"},
		{name: "unknown flag", args: "run --nope", code: 2, want: "error: unknown flag: --nope\nhint: …"},
		{name: "forgotten dashes", args: "run python bot.py", code: 2, want: "error: unexpected argument \"python\"\nhint: put the bot's command behind \"--\": botctl run -- python bot.py"},
		{name: "flag of another form", args: "run --stop-timeout soon", code: 2, want: "error: flag --stop-timeout \"soon\": want a duration such as 9s"},
		{name: "flag out of range", args: "run --stop-timeout -1s", code: 2, want: "error: flag --stop-timeout \"-1s\": want more than 0"},
		{name: "flag of a set", args: "run --on-held steal", code: 2, want: "error: flag --on-held \"steal\": want fail, wait"},
		{name: "give-up", args: "run --give-up often", code: 2, want: "error: flag --give-up \"often\": want N/T such as 10/10m, with N from 1 to 32, or off"},
		{name: "webhook", args: "run --webhook perhaps", code: 2, want: "error: flag --webhook \"perhaps\": want auto, delete, keep, fail"},
		{name: "environment of another form", args: "run", env: "BOTCTL_STOP_TIMEOUT=soon", code: 78, want: "error: environment BOTCTL_STOP_TIMEOUT \"soon\": want a duration such as 9s"},
		{name: "environment of a set", args: "run", env: "BOTCTL_ON_CONFLICT=fight", code: 78, want: "error: environment BOTCTL_ON_CONFLICT \"fight\": want auto, restart, tell"},
		{name: "config with an unknown key", args: "run", files: map[string]string{"botctl.yaml": "stop_timeout: 3s\n"}, code: 78, want: "error: botctl.yaml: \"stop_timeout\" is not a setting\nhint: \"botctl run --print-config\" lists every setting"},
		{name: "config of another form", args: "run", files: map[string]string{"botctl.yaml": "start-tries: many\n"}, code: 78, want: "error: botctl.yaml: start-tries \"many\": want a whole number"},
		{name: "config with a list for one value", args: "run", files: map[string]string{"botctl.yaml": "token-file: [a]\n"}, code: 78, want: "error: botctl.yaml: token-file: want one value, not a list"},
		{name: "config with a map for one value", args: "run", files: map[string]string{"botctl.yaml": "token-file: {a: b}\n"}, code: 78, want: "error: botctl.yaml: token-file: want one value"},
		{name: "config with a number for a text", args: "run", files: map[string]string{"botctl.yaml": "token-file: 007\n"}, code: 78, want: "error: botctl.yaml: token-file: want a text; put quotes round it"},
		{name: "config with a number in a list", args: "run", files: map[string]string{"botctl.yaml": "rival: [a, 7]\n"}, code: 78, want: "error: botctl.yaml: rival: want a list of texts; put quotes round a number"},
		{name: "pattern that never matches", args: "run --rival [a-", code: 2, want: "error: flag --rival \"[a-\": want names or globs such as web*.py"},
		{name: "no tries at all", args: "run --start-tries 0", code: 2, want: "error: flag --start-tries \"0\": want 1 or more, or -1"},
		{name: "API base with a query", args: "run --api-base http://h/?x", code: 2, want: "error: flag --api-base \"http://h/?x\": want a URL such as https://api.telegram.org"},
		{name: "API base with a port out of range", args: "run --api-base http://h:65536", code: 2, want: "error: flag --api-base \"http://h:65536\": want a URL such as https://api.telegram.org"},
		{name: "token in the place of a duration", args: "run --stop-timeout " + fuzzToken, code: 2, want: "error: flag --stop-timeout \"110201543:***\": want a duration such as 9s"},
		{name: "token in the place of a flag", args: "run --" + fuzzToken, code: 2, want: "error: unknown flag: --110201543:***\nhint: …"},
		{name: "token in the place of a verb", args: fuzzToken, code: 2, want: "error: unknown command \"110201543:***\" for \"botctl\"\nhint: …"},
		{name: "config that is no YAML", args: "run", files: map[string]string{"botctl.yaml": "{{{"}, code: 78, want: "error: read botctl.yaml: …"},
		{name: "API base that is no URL", args: "run --api-base localhost:8081", code: 2, want: "error: flag --api-base \"localhost:8081\": want a URL such as https://api.telegram.org"},
		{name: "the same in the environment", args: "kill-stale", env: "TELEGRAM_API_BASE=http://bad host", code: 78, want: "error: TELEGRAM_API_BASE \"http://bad host\": want a URL such as https://api.telegram.org"},
		{name: "the same for the bundled bot", args: "bot", env: "TELEGRAM_API_BASE=ftp://x", code: 78, want: "error: API base \"ftp://x\": want a URL such as https://api.telegram.org"},
		{name: "two tokens", args: "run", env: "BOT_TOKEN=1:a", files: map[string]string{"x": ""}, code: 78, want: "error: environment TELEGRAM_BOT_TOKEN and environment BOT_TOKEN hold different bot tokens\nhint: --token-env NAME says which one is this bot's"},
		{name: "token variable not set", args: "run --token-env NOPE", code: 78, want: "error: environment NOPE: not set"},
		{name: "token file missing", args: "run --token-file nope", code: 78, want: "error: read token \"nope\": no such file or directory"},
		{name: "token file malformed", args: "run --token-file t", files: map[string]string{"t": "SECRET text"}, code: 78, want: "error: read token \"t\": not a bot token: want \"<digits>:<secret>\""},
		{name: "env file missing", args: "run --env-file nope", code: 78, want: "error: --env-file \"nope\": no such file or directory"},
		{name: "env file malformed", args: "run --env-file e", files: map[string]string{"e": "=SECRET\n'"}, code: 78, want: "error: read \"e\": not of the form NAME=value"},
		{name: "state folder is a file", args: "status", env: "BOTCTL_STATE_DIR=/dev/null", code: 73, want: "error: state folder \"/dev/null\": …\nhint: BOTCTL_STATE_DIR names the folder of locks and state"},
		{name: "nothing runs", args: "status", code: 3, want: "error: no supervisor has run here\nhint: start one: \"botctl run -- COMMAND\""},
		{name: "nothing to stop", args: "stop", code: 3, want: "error: no supervisor has run here\nhint: …"},
		{name: "nothing to restart", args: "restart", code: 3, want: "error: no supervisor has run here\nhint: …"},
		{name: "nothing to follow", args: "logs -f", code: 3, want: "error: no supervisor has run here\nhint: …"},
		{name: "too many arguments", args: "status x", code: 2, want: "error: unknown command \"x\" for \"botctl status\"\nhint: …"},
		{name: "guard without a command", args: "guard", code: 2, want: "error: requires at least 1 arg(s), only received 0\nhint: …"},
		{name: "no sandbox", args: "sandbox send hi", code: 3, want: "error: no sandbox is running\nhint: start one: \"botctl run --sandbox\" or \"botctl sandbox\""},
		{name: "host scope without a token", args: "kill-stale --scope host", env: "TELEGRAM_BOT_TOKEN=", code: 78, want: "error: --scope host needs the bot's token, and none was found\nhint: …"},
		{name: "bundled bot without a token", args: "bot", env: "TELEGRAM_BOT_TOKEN=", code: 78, want: "error: no bot token\nhint: …\nhint: \"botctl run --sandbox\" needs none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			for name, text := range tc.files {
				os.WriteFile(name, []byte(text), 0o600)
			}
			t.Setenv("BOTCTL_STATE_DIR", filepath.Join(dir, "state"))
			t.Setenv("TELEGRAM_BOT_TOKEN", "2:b")
			if name, v, ok := strings.Cut(tc.env, "="); ok {
				t.Setenv(name, v)
			}
			var out, errs bytes.Buffer
			code := run(strings.Fields(tc.args), &out, &errs)
			if code != tc.code || !same(errs.String(), tc.want) || strings.Contains(errs.String(), "SECRET") {
				t.Errorf("exit %d, stderr\n%swant %d,\n%s", code, errs.String(), tc.code, tc.want)
			}
		})
	}
}

// same compares line by line; want has no "botctl: " and may cut a line short with ….
func same(got, want string) bool {
	lines, wants := strings.Split(strings.TrimSuffix(got, "\n"), "\n"), strings.Split(want, "\n")
	if len(lines) != len(wants) {
		return false
	}
	for i, w := range wants {
		line := strings.TrimPrefix(lines[i], "botctl: ")
		if prefix, cut := strings.CutSuffix(w, "…"); cut && strings.HasPrefix(line, prefix) {
			continue
		}
		if line != w {
			return false
		}
	}
	return true
}

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
