package token

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func env(kv ...string) func(string) string {
	m := map[string]string{}
	for _, s := range kv {
		k, v, _ := strings.Cut(s, "=")
		m[k] = v
	}
	return func(name string) string { return m[name] }
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, ".env"), []byte("# the bot\nexport BOT_TOKEN=\"7:dotenv\"\nOTHER=1\n"), 0o600)
	file := filepath.Join(dir, "token")
	os.WriteFile(file, []byte("8:file\n"), 0o600)
	long := "110201543:" + realSecret
	python := t.TempDir()
	os.Mkdir(filepath.Join(python, ".env"), 0o700) // as "python -m venv .env" makes
	for _, tc := range []struct {
		name   string
		src    Sources
		token  Token
		source string
	}{
		{"nothing", Sources{Getenv: env()}, "", ""},
		{"environment", Sources{Getenv: env("BOT_TOKEN=1:a")}, "1:a", "environment BOT_TOKEN"},
		{"the same twice", Sources{Getenv: env("BOT_TOKEN=1:a", "TELEGRAM_TOKEN=1:a")}, "1:a", "environment BOT_TOKEN"},
		{"TOKEN of another service", Sources{Getenv: env("TOKEN=ghp_abc")}, "", ""},
		{"TOKEN with a token's form", Sources{Getenv: env("TOKEN=" + long)}, Token(long), "environment TOKEN"},
		{".env", Sources{Getenv: env(), Dir: dir}, "7:dotenv", ".env BOT_TOKEN"},
		{"a folder .env", Sources{Getenv: env(), Dir: python}, "", ""},
		{"environment before .env", Sources{Getenv: env("BOT_TOKEN=1:a"), Dir: dir}, "1:a", "environment BOT_TOKEN"},
		{"named variable", Sources{Getenv: env("BOT_TOKEN=1:a", "MINE=2:b"), Env: "MINE"}, "2:b", "environment MINE"},
		{"file", Sources{Getenv: env("BOT_TOKEN=1:a"), File: file}, "8:file", "file " + file},
	} {
		got, err := Find(tc.src)
		if err != nil || got.Token != tc.token || tc.source != "" && got.Source != tc.source {
			t.Errorf("%s: %q from %q, %v; want %q from %q", tc.name, got.Token.Reveal(), got.Source, err, tc.token.Reveal(), tc.source)
		}
	}
}

func TestFindErrorsNeverQuoteAToken(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad")
	os.WriteFile(bad, []byte("not a token SECRET"), 0o600)
	os.WriteFile(filepath.Join(dir, ".env"), []byte("BOT_TOKEN='SECRET\n=x"), 0o600)
	for name, src := range map[string]Sources{
		"malformed variable": {Getenv: env("X=SECRET"), Env: "X"},
		"unset variable":     {Getenv: env(), Env: "X"},
		"malformed file":     {Getenv: env(), File: bad},
		"missing file":       {Getenv: env(), File: filepath.Join(dir, "none")},
		"a folder":           {Getenv: env(), File: dir},
		"broken .env":        {Getenv: env(), Dir: dir},
	} {
		if _, err := Find(src); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
	tok := "110201543:" + realSecret // in the place of a name
	for _, src := range []Sources{{Getenv: env(), Env: tok}, {Getenv: env(tok + "=x"), Env: tok}, {Getenv: env(), File: tok}, {Getenv: env(), File: filepath.Join(bad, tok)}} {
		if _, err := Find(src); err == nil || strings.Contains(err.Error(), realSecret) || !strings.Contains(err.Error(), "110201543:***") {
			t.Errorf("%+v: %v", src, err)
		}
	}
	_, err := Find(Sources{Getenv: env("BOT_TOKEN=1:a", "TELEGRAM_TOKEN=1:b")})
	ambiguous, ok := errors.AsType[*AmbiguousError](err)
	if !ok || !strings.Contains(ambiguous.Error(), "BOT_TOKEN and environment TELEGRAM_TOKEN") {
		t.Errorf("two tokens: %v", err)
	}
}

func TestDotenvGivesWhatAnEnvironmentCanHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".env")
	os.WriteFile(path, []byte("=x\nA=1\nexport"), 0o600)
	if vars, err := Dotenv(path); err != nil || len(vars) != 1 || vars["A"] != "1" {
		t.Errorf("%q, %v", vars, err)
	}
	os.WriteFile(path, []byte("A=x\x00y"), 0o600)
	if vars, err := Dotenv(path); err == nil {
		t.Errorf("a zero byte: %q", vars)
	}
}

func TestATokenPrintsMasked(t *testing.T) {
	tok := Token("123:secret")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", tok)
	for _, s := range []string{fmt.Sprint(tok), fmt.Sprintf("%v %+v %#v %s %q", tok, tok, tok, tok, tok), log.String()} {
		if strings.Contains(s, "secret") || !strings.Contains(s, "123:***") {
			t.Errorf("%q", s)
		}
	}
}

// The form as a regular expression: what the code that stands for it is compared with.
var (
	form     = regexp.MustCompile(`^[1-9][0-9]{0,15}:[A-Za-z0-9_-]+$`)
	realForm = regexp.MustCompile(`^[1-9][0-9]{4,15}:[A-Za-z0-9_-]{24,}$`)
)

func TestTheFormOfAToken(t *testing.T) {
	secret := strings.Repeat("aZ09_-", 6)
	for _, s := range []string{
		"", ":", "1:", ":a", "1:a", "01:a", "0:a", "1:a:b", "1:a\n", "1 :a", "１:a", "1:ä", "1:@", "1:[", "1:`", "1:{", "1:/", "1::", "x:a", "12x:a",
		"1234567890123456:a", "12345678901234567:a", "1234:" + secret, "12345:" + secret, "12345:" + secret[:24], "12345:" + secret[:23],
		"110201543:" + secret[:35], "110201543:" + secret[:35] + "\n", "-110201543:" + secret,
	} {
		if got, want := shaped(s, 1, 1), form.MatchString(s); got != want {
			t.Errorf("%q has a token's form: %v, want %v", s, got, want)
		}
		if got, want := LooksReal(s), realForm.MatchString(s); got != want {
			t.Errorf("%q looks real: %v, want %v", s, got, want)
		}
	}
}
