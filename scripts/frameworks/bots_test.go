//go:build linux

package frameworks

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// framework is one row of the matrix.
type framework struct {
	name   string // on the command line of scripts/matrix
	title  string
	pin    string // its name in requirements.txt, package.json or go.mod
	source string
	full   bool // every scenario in the short form, too
	spins  bool // polls without a pause after an error
}

var frameworks = []framework{
	{name: "ptb", title: "python-telegram-bot", pin: "python-telegram-bot", source: "python/ptb.py", full: true},
	{name: "aiogram", title: "aiogram", pin: "aiogram", source: "python/aiogram3.py", full: true},
	{name: "pytelegrambotapi", title: "pyTelegramBotAPI, sync", pin: "pyTelegramBotAPI", source: "python/pytelegrambotapi.py"},
	{name: "pytelegrambotapi-async", title: "pyTelegramBotAPI, async", pin: "pyTelegramBotAPI", source: "python/pytelegrambotapi_async.py"},
	{name: "grammy", title: "grammY", pin: "grammy", source: "node/grammy.js", full: true},
	{name: "telegraf", title: "Telegraf", pin: "telegraf", source: "node/telegraf.js"},
	{name: "ntba0", title: "node-telegram-bot-api", pin: "node-telegram-bot-api-0", source: "node/ntba0.js"},
	{name: "ntba2", title: "node-telegram-bot-api", pin: "node-telegram-bot-api", source: "node/ntba2.js"},
	{name: "gtba", title: "go-telegram-bot-api", pin: "github.com/go-telegram-bot-api/telegram-bot-api/v5", source: "go/gtba/main.go", full: true},
	{name: "telebot3", title: "telebot", pin: "gopkg.in/telebot.v3", source: "go/telebot3/main.go", spins: true},
	{name: "telebot4", title: "telebot", pin: "gopkg.in/telebot.v4", source: "go/telebot4/main.go", spins: true},
	{name: "gotelegrambot", title: "go-telegram/bot", pin: "github.com/go-telegram/bot", source: "go/gotelegrambot/main.go"},
	{name: "gotgbot", title: "gotgbot", pin: "github.com/PaulSonOfLars/gotgbot/v2", source: "go/gotgbot/main.go"},
	{name: "telego", title: "telego", pin: "github.com/mymmrac/telego", source: "go/telego/main.go"},
}

// argv is how an owner starts the bot.
func (f framework) argv(t *testing.T) []string {
	t.Helper()
	path, err := filepath.Abs(f.source)
	if err != nil {
		t.Fatal(err)
	}
	switch filepath.Ext(path) {
	case ".py":
		return []string{filepath.Join(*tools, "venv/bin/python"), path}
	case ".js":
		return []string{"node", path}
	}
	return []string{filepath.Join(os.Getenv(builtEnv), filepath.Base(filepath.Dir(path)))}
}

// version is the one that is pinned.
func (f framework) version() (string, error) {
	pins := map[string]string{".py": "python/requirements.txt", ".js": "node/package.json", ".go": "go/go.mod"}[filepath.Ext(f.source)]
	text, err := os.ReadFile(pins)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(pins, ".json") {
		var pkg struct{ Dependencies map[string]string }
		err := json.Unmarshal(text, &pkg)
		v := pkg.Dependencies[f.pin]
		return v[strings.LastIndexByte(v, '@')+1:], err
	}
	m := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(f.pin) + `(?:==| )v?(\S+)`).FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("%s does not pin %s", pins, f.pin)
	}
	return string(m[1]), nil
}

// line is the one that puts the gateway in the path.
func (f framework) line() (string, error) {
	text, err := os.ReadFile(f.source)
	if err != nil {
		return "", err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "TELEGRAM_API_BASE") {
			found = append(found, strings.Join(strings.Fields(line), " "))
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%s reads TELEGRAM_API_BASE in %d lines, want 1", f.source, len(found))
	}
	return found[0], nil
}

func TestEachBotIsPinnedAndTakesOneLine(t *testing.T) {
	for i, f := range frameworks {
		v, err := f.version()
		if err != nil || !regexp.MustCompile(`^\d+\.\d+`).MatchString(v) {
			t.Errorf("%s: version %q, %v", f.name, v, err)
		}
		if _, err := f.line(); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		if slices.ContainsFunc(frameworks[:i], func(g framework) bool { return g.name == f.name }) {
			t.Errorf("two are named %s", f.name)
		}
	}
}

// A lock file that names the registry it was made with would only work beside it.
func TestTheLockFileNamesNoRegistry(t *testing.T) {
	text, err := os.ReadFile("node/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"resolved"`) || !strings.Contains(string(text), `"integrity"`) {
		t.Error("node/package-lock.json: want integrity and no resolved; .npmrc says so to npm")
	}
}
