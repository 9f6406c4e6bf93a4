package doctor

import (
	"path"
	"strconv"
	"strings"
)

// framework is one that a bot may be written with. The table below is the one of the README, whose lines
// are those of the bots in scripts/frameworks; a test compares them.
type framework struct {
	title   string
	variant string // of pyTelegramBotAPI
	lang    string // the extension of its sources
	pkg     string // in pip, npm or go.mod
	module  string // what its sources import, when that is not pkg
	major   int    // of the versions that the line is for; any false and 0: versions below 2
	any     bool   // the line is for every version
	line    string
}

const (
	envPython = `os.environ.get("TELEGRAM_API_BASE", "https://api.telegram.org")`
	envNode   = `process.env.TELEGRAM_API_BASE ?? "https://api.telegram.org"`
	envGo     = `cmp.Or(os.Getenv("TELEGRAM_API_BASE"), "https://api.telegram.org")`
)

var frameworkTable = []framework{
	{title: "python-telegram-bot", lang: ".py", pkg: "python-telegram-bot", module: "telegram", any: true, line: `.base_url(` + envPython + ` + "/bot")`},
	{title: "aiogram", lang: ".py", pkg: "aiogram", any: true, line: `session = AiohttpSession(api=TelegramAPIServer.from_base(` + envPython + `))`},
	{title: "pyTelegramBotAPI", variant: "sync", lang: ".py", pkg: "pytelegrambotapi", module: "telebot", any: true, line: `apihelper.API_URL = ` + envPython + ` + "/bot{0}/{1}"`},
	{title: "pyTelegramBotAPI", variant: "async", lang: ".py", pkg: "pytelegrambotapi", module: "telebot.async_telebot", any: true, line: `asyncio_helper.API_URL = ` + envPython + ` + "/bot{0}/{1}"`},
	{title: "grammY", lang: ".js", pkg: "grammy", any: true, line: `client: { apiRoot: ` + envNode + ` },`},
	{title: "Telegraf", lang: ".js", pkg: "telegraf", any: true, line: `telegram: { apiRoot: ` + envNode + ` },`},
	{title: "node-telegram-bot-api", lang: ".js", pkg: "node-telegram-bot-api", major: 0, line: `baseApiUrl: ` + envNode + `,`},
	{title: "node-telegram-bot-api", lang: ".js", pkg: "node-telegram-bot-api", major: 2, line: `apiRoot: ` + envNode + `,`},
	{title: "go-telegram-bot-api", lang: ".go", pkg: "github.com/go-telegram-bot-api/telegram-bot-api/v5", any: true,
		line: `bot, err := tgbotapi.NewBotAPIWithAPIEndpoint(os.Getenv("TELEGRAM_BOT_TOKEN"), ` + envGo + `+"/bot%s/%s")`},
	{title: "telebot", lang: ".go", pkg: "gopkg.in/telebot.v3", major: 3, line: `URL: ` + envGo + `,`},
	{title: "telebot", lang: ".go", pkg: "gopkg.in/telebot.v4", major: 4, line: `URL: ` + envGo + `,`},
	{title: "go-telegram/bot", lang: ".go", pkg: "github.com/go-telegram/bot", any: true, line: `bot.WithServerURL(` + envGo + `),`},
	{title: "gotgbot", lang: ".go", pkg: "github.com/PaulSonOfLars/gotgbot/v2", any: true,
		line: `DefaultRequestOpts: &gotgbot.RequestOpts{APIURL: cmp.Or(os.Getenv("TELEGRAM_API_BASE"), gotgbot.DefaultAPIURL)},`},
	{title: "telego", lang: ".go", pkg: "github.com/mymmrac/telego", any: true, line: `telego.WithAPIServer(` + envGo + `),`},
}

// Used is a framework that a project is written with.
type Used struct {
	Name    string // with its variant
	Version string // as a manifest asks for it; "" when it says nothing
	Where   string // "file:line" of a manifest, or the source that imports it
	Line    string // of code, by which the bot takes its server from TELEGRAM_API_BASE
}

// frameworkOf is the package of the framework that an import of a source belongs to; "" for other modules.
func frameworkOf(ext, module string) string {
	if ext != ".py" && ext != ".go" {
		ext = ".js"
	}
	found := ""
	for _, f := range frameworkTable {
		name := f.module
		if name == "" {
			name = f.pkg
		}
		sep := "/"
		if ext == ".py" {
			sep = "."
		}
		if f.lang == ext && (module == name || strings.HasPrefix(module, name+sep)) {
			found = f.pkg
			if f.variant == "async" {
				return f.pkg + " async"
			}
		}
	}
	return found
}

// dependency is one line of a manifest.
type dependency struct {
	lang, name, version string
	where               string
}

// frameworks are those that the manifests name, and those that the sources import without it.
func (p *Project) frameworks(deps []dependency) {
	imported := map[string]string{}
	for _, file := range sorted(p.sources) {
		for _, pkg := range p.sources[file].imports {
			if imported[pkg] == "" {
				imported[pkg] = file
			}
		}
	}
	for i, f := range frameworkTable {
		u := Used{Name: f.title, Line: f.line}
		if f.variant != "" {
			u.Name += ", " + f.variant
		}
		for _, d := range deps {
			if d.lang == f.lang && d.name == f.pkg && u.Where == "" {
				u.Version, u.Where = d.version, d.where
			}
		}
		seen := imported[f.pkg]
		switch async := imported[f.pkg+" async"]; f.variant {
		case "async":
			seen = async
			if seen == "" {
				continue // the manifest does not tell the two apart
			}
		case "sync":
			if seen == "" && async != "" {
				continue
			}
		}
		if u.Where == "" {
			u.Where = seen
		}
		if u.Where == "" || !f.fits(u.Version, i) {
			continue
		}
		p.Frameworks = append(p.Frameworks, u)
	}
}

// fits compares with the major version that a manifest asks for. What names none is the newest.
func (f framework) fits(version string, i int) bool {
	if f.any || f.lang == ".go" { // whose paths tell
		return true
	}
	want, ok := major(version)
	newest := i+1 == len(frameworkTable) || frameworkTable[i+1].pkg != f.pkg
	if !ok {
		return newest
	}
	return want <= 1 && f.major == 0 || want > 1 && newest
}

// major is the first number of a version, or of what a manifest asks for: "^0.67.0".
func major(version string) (int, bool) {
	digits := strings.TrimLeft(version, "^~>=<!v ")
	if at := strings.LastIndexByte(digits, '@'); at >= 0 { // npm:name@version
		digits = strings.TrimLeft(digits[at+1:], "^~>=<v ")
	}
	digits, _, _ = strings.Cut(digits, ".")
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

func isManifest(name string) bool {
	switch name {
	case "pyproject.toml", "Pipfile", "package.json", "go.mod", ".python-version", "runtime.txt", ".nvmrc", ".node-version", "setup.cfg":
		return true
	}
	return isRequirements(name)
}

func isRequirements(name string) bool {
	return strings.HasPrefix(name, "requirements") && (path.Ext(name) == ".txt" || path.Ext(name) == ".in")
}

// isLock says that a file is full of hashes.
func isLock(name string) bool {
	return strings.Contains(name, "lock") || name == "go.sum"
}
