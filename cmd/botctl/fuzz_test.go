package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/spf13/pflag"

	"botctl/supervisor"
	"botctl/supervisor/control"
	"botctl/supervisor/policy"
	"botctl/supervisor/token"
)

// fuzzToken has the form of a real token, of no bot.
const fuzzToken = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE"

// FuzzSettings: botctl.yaml, environment and flags of any content end in settings that can all be used, or
// in one line of error with its code. Neither an error nor --print-config shows a token.
func FuzzSettings(f *testing.F) {
	for _, s := range [][3]string{
		{"stop-timeout: 3s\nstart-tries: 7\nrival: [a, b]\nquiet: true\n", "BOTCTL_START_TRIES=8|BOTCTL_SPARE=c,,d,", "--quiet=false|--rival|x"},
		{"token-file: " + fuzzToken, "BOTCTL_TOKEN_ENV=" + fuzzToken, "--token-env|" + fuzzToken},
		{fuzzToken, "BOTCTL_STOP_TIMEOUT=" + fuzzToken, "--stop-timeout|" + fuzzToken}, {fuzzToken + ": x", "", "--on-held|" + fuzzToken},
		{"stop-timeout: " + fuzzToken + "\n", "BOTCTL_API_BASE=http://" + fuzzToken + "@h", "--api-base=http://h/bot" + fuzzToken}, {"", "", "--" + fuzzToken},
		{"{{{", "", ""}, {"a: &a [*a]", "", ""}, {"\"\\e[31m\\n\": 1", "", ""}, {"- a", "BOTCTL_QUIET", ""}, {"1: 2", "BOTCTL_=x", ""}, {"rival: {1: {2: 3}}", "", ""}, {"rival: [[a], null, 1.5]", "", ""},
		{"token-file: {a: b}", "", ""}, {"token-file: [a]", "", ""}, {"token-file: 007", "", ""}, {"stop-timeout:", "", ""}, {"stop-timeout: 9", "", ""}, {"heartbeat: 0", "", ""}, {"quiet: yes", "", ""}, {"give-up: off", "", ""},
		{"give-up: 3/1h", "BOTCTL_GIVE_UP=33/1m", ""}, {"", "", "--give-up|1/-1s"}, {"start-tries: 0", "BOTCTL_START_TRIES=-7", "--start-tries|-1"}, {"api-base: http://h:99999", "BOTCTL_API_BASE=http://:80", "--api-base|http://h?x#y"},
		{"rival: ['']", "BOTCTL_RIVAL=[", "--spare|[a-"}, {"rival: ~", "", ""}, {"stop.timeout: 1s", "", ""}, {"!!binary x: y", "BOTCTL_ON_HELD=wait|BOTCTL_on_held=fail", ""}, {"webhook: auto\nwebhook: keep", "", ""}, {"\xff\xfe\x00", "", ""}, {"token-file: 2027-02-11", "", ""},
	} {
		f.Add([]byte(s[0]), strings.ReplaceAll(s[1], "|", "\x00"), strings.ReplaceAll(s[2], "|", "\x00"))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, file []byte, environ, args string) {
		t.Chdir(dir)
		if err := os.WriteFile(configFile, file, 0o600); err != nil {
			t.Fatal(err)
		}
		fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
		addFlags(fs, runSettings)
		var argv []string
		if args != "" {
			argv = strings.Split(args, "\x00")
		}
		if err := fs.Parse(argv); err != nil {
			if !errors.Is(err, pflag.ErrHelp) {
				saysSo(t, flagError(newRunCmd(), err))
			}
			fs = pflag.NewFlagSet("run", pflag.ContinueOnError)
			addFlags(fs, runSettings)
		}
		set, err := loadSettings(fs, runSettings, strings.Split(environ, "\x00"))
		if err != nil {
			if set != nil {
				t.Fatalf("settings beside %v", err)
			}
			saysSo(t, err)
			return
		}
		var out bytes.Buffer
		if err := writeConfig(&out, set, runSettings); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "\n"); n != len(runSettings)+1 {
			t.Fatalf("%d lines for %d settings:\n%s", n, len(runSettings), out.String())
		}
		hidesTokens(t, out.String())
		usable(t, set)
		if bytes.ContainsFunc(file, func(c rune) bool { return c < ' ' || c > '~' || strings.ContainsRune(`"'\|>&*!%?`, c) }) {
			return
		}
		for _, s := range runSettings { // in one line of plain words a text stands as it is
			if v := set[s.name]; v.from == configFile && s.kind == isText && !bytes.Contains(file, []byte(v.text)) {
				t.Fatalf("%s: %q is not in %q", s.name, v.text, file)
			}
		}
	})
}

// saysSo checks how an error of the owner's is told.
func saysSo(t *testing.T, err error) {
	t.Helper()
	var text, asJSON bytes.Buffer
	code := report(&text, err, false)
	if code != exitUsage && code != exitConfig || report(&asJSON, err, true) != code {
		t.Fatalf("code %d for %v", code, err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		if i == 0 && !strings.HasPrefix(line, "botctl: error: ") || i > 0 && !strings.HasPrefix(line, "botctl: hint: ") || !isPrintable(line) {
			t.Fatalf("line %d of %q", i, text.String())
		}
	}
	if strings.Count(asJSON.String(), "\n") != 1 || !json.Valid(asJSON.Bytes()) {
		t.Fatalf("not one line of JSON: %q", asJSON.String())
	}
	hidesTokens(t, text.String()+asJSON.String())
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}

// hidesTokens checks that there is nothing left to mask.
func hidesTokens(t *testing.T, s string) {
	t.Helper()
	if token.NewMasker().String(s) != s {
		t.Fatalf("shows a token: %s", s)
	}
}

// usable checks each setting by what it is for.
func usable(t *testing.T, set settings) {
	t.Helper()
	for _, s := range runSettings {
		v := set[s.name]
		if v.from == "" || len(s.oneOf) > 0 && !slices.Contains(s.oneOf, v.text) {
			t.Fatalf("%s: %+v", s.name, v)
		}
		if s.kind != isList && len(v.list) > 0 {
			t.Fatalf("%s is no list: %+v", s.name, v)
		}
		for _, pattern := range v.list {
			if _, err := path.Match(pattern, "x"); err != nil || pattern == "" || pattern != strings.TrimSpace(pattern) {
				t.Fatalf("%s: pattern %q never matches: %v", s.name, pattern, err)
			}
		}
		if strings.Contains(v.text, "\x00") {
			t.Fatalf("%s: %q", s.name, v.text)
		}
	}
	count, within, err := giveUp(set.text("give-up"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := policy.Config{StartTries: set.int("start-tries"), GiveUp: count, GiveUpWithin: within, StopTimeout: set.duration("stop-timeout"), Heartbeat: set.duration("heartbeat")}
	full, err := cfg.Validate()
	if err != nil || full.StopTimeout != cfg.StopTimeout || full.StartTries != cfg.StartTries || full.StartTries < -1 || count > 0 && full.GiveUpWithin != within {
		t.Fatalf("%+v becomes %+v: %v", cfg, full, err)
	}
	set.bool("quiet")
	if base := set.text("api-base"); base != "" {
		u, err := url.Parse(strings.TrimRight(base, "/") + "/bot7:a/getMe")
		if err != nil || u.Hostname() == "" || !strings.HasSuffix(u.Path, "/bot7:a/getMe") || u.RawQuery+u.Fragment != "" {
			t.Fatalf("api base %q: %+v, %v", base, u, err)
		}
		supervisor.Addresses(ended(t), base, nil)
	}
}

// FuzzStatus: what a state file or a supervisor tells is printed, a line for each thing told.
func FuzzStatus(f *testing.F) {
	good, _ := json.Marshal(control.Status{Key: "d-x", Phase: "running", Child: &control.Child{PID: 7, UptimeSeconds: 3}, LastExit: &control.LastExit{Code: 1, Reason: "code 1"}, Why: "x"})
	f.Add(good, true)
	f.Add([]byte(`{"phase":"done","exit_code":70,"why":"a\nb\u001b[31m","command":["x\n"],"dir":"\r"}`), false)
	f.Add([]byte(`{"phase":"waiting","next_start_at":"9999-01-01T00:00:00Z","child":{"uptime_seconds":1e308,"processes":-1},"restarts":{"total":-1,"by_cause":{"\n":1},"last_at":"0001-01-01T00:00:00Z"}}`), true)
	f.Add([]byte(`{"conflicts":{"total":3},"stale":{"ended":[{"command":"a\tb"}],"suspects":[{}]},"token":"`+fuzzToken+`"}`), false)
	f.Fuzz(func(t *testing.T, text []byte, lives bool) {
		var st control.Status
		if json.Unmarshal(text, &st) != nil {
			return
		}
		code := statusCode(st, lives)
		if !slices.Contains([]int{exitDone, exitFailed, exitNotRunning, exitUnwell}, code) || !lives && code == exitDone {
			t.Fatalf("code %d", code)
		}
		var out bytes.Buffer
		if err := writeStatus(&out, st, time.Unix(1_800_000_000, 0)); err != nil {
			t.Fatal(err)
		}
		rows := 20 + len(st.Stale.Ended) + len(st.Stale.Suspects)
		if n := strings.Count(out.String(), "\n"); n > rows || !isPrintable(strings.ReplaceAll(out.String(), "\n", "")) {
			t.Fatalf("%d lines: %q", n, out.String())
		}
		if err := writeJSON(&out, st); err != nil {
			t.Fatal(err)
		}
		out.Reset()
		shot, seen := sample{at: time.Unix(1_800_000_000, 0), st: st, lives: lives}, &gaps{}
		seen.note(shot)
		n, err := writeFrame(&out, shot, seen, screen{width: 80, height: 24, unicode: true})
		if frame := strings.ReplaceAll(out.String(), "\x1b[K\n", ""); err != nil || n > 23 || !isPrintable(frame) || len([]rune(frame)) > n*79 || !isPrintable(changeLine(shot)) {
			t.Fatalf("%v, %d lines: %q", err, n, frame)
		}
	})
}

func TestErrorsShowNoTokenAndFitOneLine(t *testing.T) {
	err := configError(fmt.Errorf("read %s\n\x1b[31m\u2028.", fuzzToken)).hint("try\n" + fuzzToken)
	var out bytes.Buffer
	report(&out, err, false)
	if want := "botctl: error: read 110201543:*** | ?[31m?.\nbotctl: hint: try | 110201543:***\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	out.Reset()
	report(&out, err, true)
	if strings.Contains(out.String(), fuzzToken) {
		t.Error(out.String())
	}
}

// ended is a context that asks for nothing any more: no name is looked up.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
