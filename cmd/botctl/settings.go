package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"botctl/supervisor/health"
	"botctl/supervisor/herald"
	"botctl/supervisor/lease"
	"botctl/supervisor/token"
)

// configFile is read from the working folder when it is there.
const configFile = "botctl.yaml"

// kind is the form of a setting's value.
type kind int

const (
	isText kind = iota
	isBool
	isInt
	isDuration
	isList // YAML list; in the environment separated by commas; the flag repeats
)

// setting is one row of the only list of settings: flag --NAME, environment
// BOTCTL_NAME, NAME in botctl.yaml.
type setting struct {
	name    string
	kind    kind
	def     string
	oneOf   []string
	usage   string
	checked func(string) error // its error says what is wanted
	hidden  bool               // no error quotes the value: it may be the secret itself
}

var runSettings = []setting{
	{name: "token-env", hidden: true, checked: variableName, usage: "read the bot token from this environment variable alone"},
	{name: "token-file", hidden: true, checked: fileName, usage: "read the bot token from this file, a regular one"},
	{name: "env-file", checked: fileName, usage: "read this file into the bot's environment (a variable that is set already wins)"},
	{name: "api-base", checked: validBase, usage: "Bot API server (default: TELEGRAM_API_BASE, else https://api.telegram.org)"},
	{name: "gateway", def: "auto", oneOf: []string{"auto", "require", "off"}, usage: "a gateway between the bot and the Bot API: auto (offered in TELEGRAM_API_BASE), require (the bot gets a token that only the gateway takes) or off"},
	{name: "restart-warm", kind: isBool, def: "false", usage: "at a restart, boot the next bot beside the present one and then hand over; needs --gateway require"},
	{name: "on-held", def: "fail", oneOf: []string{"fail", "wait", "takeover"}, usage: "when another supervisor on this machine holds the bot: fail (exit 75), wait, or takeover (it hands over and ends)"},
	{name: "lease", hidden: true, checked: noNewline, usage: "let one of several machines poll, by a lease at this URL: redis://, rediss://, postgres://, or env:NAME of the variable that holds it"},
	{name: "standby", def: "cold", oneOf: []string{"cold", "warm"}, usage: "while another supervisor polls: cold (start no bot) or warm (boot it, its polls held; needs --gateway require)"},
	{name: "lease-ttl", kind: isDuration, def: "0s", checked: leaseTime, usage: "how long a lease lasts without a renewal; 0: 10s with --gateway require, else 30s or what a stop needs"},
	{name: "lease-takeover", def: "strict", oneOf: []string{"strict", "fast"}, usage: "when the holder dies: strict (wait until its lease is over) or fast (PostgreSQL: 2 s after its session ended)"},
	{name: "lease-force", kind: isBool, def: "false", usage: "ask for the lease even of a newer deploy or another environment"},
	{name: "on-partition", def: "confirm", oneOf: []string{"confirm", "replay"}, usage: "updates that the bot works on when its lease ends: confirm (they are done here) or replay (the next holder gets them again)"},
	{name: "deploy-id", checked: plainName, usage: "name of this deploy (default: the platform's, else the host's); a newer one takes over, replicas of one share it"},
	{name: "listen", checked: listenAddress, usage: "answer /healthz and /readyz at this address, such as :8080 (loopback) or env:PORT (all interfaces, at $PORT)"},
	{name: "on-conflict", def: "auto", oneOf: []string{"auto", "restart", "tell"}, usage: "when a rival on another machine takes the poll: auto (one restart, then tell), restart or tell"},
	{name: "restart-on-first-sign", kind: isBool, def: "false", usage: "restart on the first line that speaks of a conflict or a broken event loop; for bots that log nothing users write"},
	{name: "webhook", def: "auto", oneOf: []string{"auto", "delete", "keep", "fail"}, usage: "a webhook that is set: delete, keep or fail (exit 78); auto deletes, but on a terminal fails"},
	{name: "stop-timeout", kind: isDuration, def: "9s", checked: stopTime, usage: "time for the whole of a stop before SIGKILL"},
	{name: "heartbeat", kind: isDuration, def: "1m0s", checked: silenceTime, usage: "restart a bot that sends sd_notify WATCHDOG=1 and then not for so long; 0: never"},
	{name: "stall-after", kind: isDuration, def: "2m0s", checked: stallTime, usage: "restart a bot behind the gateway that asks for no updates for so long while some wait (five times as long when it makes other calls); 0: never"},
	{name: "start-tries", kind: isInt, def: "5", checked: validTries, usage: "exits in a row before the bot was ever well that end botctl; -1: never"},
	{name: "give-up", def: "off", checked: validGiveUp, usage: "end with 70 after N failures within T, such as 10/10m; off: never"},
	{name: "rival", kind: isList, usage: "a script, module, app or program (glob) that competes for this bot; may be repeated"},
	{name: "spare", kind: isList, usage: "a script, module, app or program (glob) that is never ended; may be repeated"},
	{name: "scope", def: "project", oneOf: []string{"project", "host"}, usage: "where rivals are looked for: project (this folder, or this token) or host (any folder, with this token only)"},
	{name: "notify-chat", checked: herald.ValidChat, usage: "a chat that the bot itself tells of conflicts, crashes and give-ups: its id, or @name of a channel"},
	{name: "notify-url", hidden: true, checked: herald.ValidURL, usage: "an address that is told the same as JSON (docs/notify.md)"},
	{name: "log-format", def: "text", oneOf: []string{"text", "json"}, usage: "form of botctl's own lines: text or json"},
	{name: "quiet", kind: isBool, def: "false", usage: "say warnings and errors only"},
	{name: "interactive", kind: isBool, def: "false", usage: "hand the terminal to the bot"},
}

// value is a setting's text and where it came from.
type value struct {
	text string
	list []string
	from string
}

type settings map[string]value

// addFlags declares a flag for each of rows.
func addFlags(fs *pflag.FlagSet, rows []setting) {
	for _, s := range rows {
		switch s.kind {
		case isBool:
			fs.Bool(s.name, s.def == "true", s.usage)
		case isInt:
			n, _ := strconv.Atoi(s.def)
			fs.Int(s.name, n, s.usage)
		case isDuration:
			d, _ := time.ParseDuration(s.def)
			fs.Var(&durationText{d.String()}, s.name, s.usage)
		case isList:
			fs.StringArray(s.name, nil, s.usage)
		default:
			fs.String(s.name, s.def, s.usage)
		}
	}
}

// durationText is the flag of a duration that check reads: the error of time.ParseDuration quotes
// pieces of what it is given, which may be of a token.
type durationText struct{ text string }

func (d *durationText) String() string { return d.text }

func (d *durationText) Set(text string) error { d.text = text; return nil }

func (d *durationText) Type() string { return "duration" }

// loadSettings merges flag, environment, botctl.yaml and default, in this order, and
// says of each value where it came from. Its errors name the source and are of
// kind usage for a flag and configuration for the others.
func loadSettings(fs *pflag.FlagSet, rows []setting, environ []string) (settings, error) {
	defaults, fromFile, fromEnv, fromFlag := koanf.New("."), koanf.New("."), koanf.New("."), koanf.New(".")
	byDefault := map[string]any{}
	for _, s := range rows {
		byDefault[s.name] = s.def
	}
	if err := defaults.Load(confmap.Provider(byDefault, "."), nil); err != nil {
		return nil, err
	}
	if err := loadFile(fromFile); err != nil {
		return nil, err
	}
	known := func(k, v string) (string, any) {
		name := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(k, "BOTCTL_")), "_", "-")
		if indexOf(rows, name) < 0 {
			return "", nil // BOTCTL_STATE_DIR and the marks of a run are no settings of this list
		}
		return name, v
	}
	provider := env.Provider(".", env.Opt{Prefix: "BOTCTL_", TransformFunc: known, EnvironFunc: func() []string { return environ }})
	if err := fromEnv.Load(provider, nil); err != nil {
		return nil, err
	}
	if err := fromFlag.Load(posflag.ProviderWithFlag(fs, ".", nil, changedOnly), nil); err != nil {
		return nil, err
	}
	out := settings{}
	for _, s := range rows {
		v, err := pick(s, fromFlag, fromEnv, fromFile, defaults)
		if err == nil {
			err = s.check(v)
		}
		if err != nil {
			if strings.HasPrefix(v.from, "flag") {
				return nil, usageError(err)
			}
			return nil, configError(err)
		}
		out[s.name] = v
	}
	return out, nil
}

// flagSettings knows flags and defaults only.
func flagSettings(fs *pflag.FlagSet, rows []setting) (settings, error) {
	out := settings{}
	for _, s := range rows {
		v := value{text: s.def, from: "default"}
		if f := fs.Lookup(s.name); f.Changed {
			v = value{text: f.Value.String(), from: "flag --" + s.name}
		}
		if err := s.check(v); err != nil {
			return nil, usageError(err)
		}
		out[s.name] = v
	}
	return out, nil
}

func changedOnly(f *pflag.Flag) (string, any) {
	if !f.Changed {
		return "", nil
	}
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return f.Name, list.GetSlice()
	}
	return f.Name, f.Value.String()
}

// maxConfig bounds botctl.yaml, in bytes. Real ones have a few hundred.
const maxConfig = 1 << 20

// loadFile reads botctl.yaml. A key that is no setting is an error: a typing mistake must not
// silently leave the default in force. The keys of every verb are known to all: they share the file.
func loadFile(k *koanf.Koanf) error {
	switch info, err := os.Stat(configFile); {
	case err != nil:
		if _, err := os.Lstat(configFile); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return configError(fmt.Errorf("read %s: %w", configFile, pathCause(err))) // such as a link that leads nowhere
	case !info.Mode().IsRegular():
		return configError(fmt.Errorf("read %s: not a regular file", configFile))
	case info.Size() > maxConfig:
		return configError(fmt.Errorf("read %s: larger than 1 MiB", configFile))
	}
	if err := k.Load(file.Provider(configFile), yaml.Parser()); err != nil {
		return configError(fmt.Errorf("read %s: %w", configFile, yamlCause(err))).
			hint(configFile + ` has one "setting: value" a line, such as "stop-timeout: 20s"`)
	}
	for _, key := range slices.Sorted(maps.Keys(k.Raw())) {
		if indexOf(runSettings, key) < 0 {
			return configError(fmt.Errorf("%s: %q is not a setting", configFile, key)).
				hint(`"botctl run --print-config" lists every setting`)
		}
	}
	return nil
}

// yamlCause is what the parser stumbled over, without what it quotes of the file and without Go's names.
func yamlCause(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	text := oneLine(strings.TrimPrefix(err.Error(), "yaml: "))
	text = strings.TrimPrefix(text, "unmarshal errors: | ")
	if strings.Contains(text, "cannot unmarshal") {
		return errors.New("not a list of settings with their values")
	}
	return errors.New(strings.TrimSpace(text))
}

// pick takes s from the first source that has it.
func pick(s setting, flag, environ, file, defaults *koanf.Koanf) (value, error) {
	for _, source := range []struct {
		k    *koanf.Koanf
		from string
	}{
		{flag, "flag --" + s.name},
		{environ, "environment " + envName(s.name)},
		{file, configFile},
		{defaults, "default"},
	} {
		if raw := source.k.Get(s.name); raw != nil { // nothing behind the colon in YAML is the default
			return s.read(raw, source.from)
		}
	}
	return value{text: s.def, from: "default"}, nil
}

// read makes a value of what a source holds: text, what YAML makes of a word without quotes, or a list.
func (s setting) read(raw any, from string) (value, error) {
	v := value{from: from}
	fail := func(want string) (value, error) { return v, fmt.Errorf("%s: %s: want %s", from, s.name, want) }
	switch raw := raw.(type) {
	case string:
		v.text = raw
		if s.kind == isList {
			v.list = slices.DeleteFunc(strings.Split(raw, ","), func(item string) bool { return strings.TrimSpace(item) == "" })
		}
	case []string: // a flag that was repeated
		v.list = slices.Clone(raw)
	case []any:
		if s.kind != isList {
			return fail("one value, not a list")
		}
		for _, item := range raw {
			text, ok := item.(string)
			if !ok {
				return fail("a list of texts; put quotes round a number")
			}
			v.list = append(v.list, text)
		}
	case bool, int, int64, uint64, float64:
		if s.kind == isText || s.kind == isList {
			return fail("a text; put quotes round it") // 007 would become 7
		}
		v.text = fmt.Sprint(raw)
	default:
		return fail("one value")
	}
	for i, item := range v.list {
		v.list[i] = strings.TrimSpace(item)
	}
	if s.kind == isList {
		v.text = strings.Join(v.list, ",")
	}
	return v, nil
}

func (s setting) check(v value) error {
	where := v.from
	if where == configFile {
		where += ": " + s.name
	}
	fail := func(want string) error {
		if s.hidden {
			return fmt.Errorf("%s: want %s", where, want)
		}
		return fmt.Errorf("%s %q: want %s", where, withoutUser(v.text), want)
	}
	if strings.Contains(v.text, "\x00") {
		return fail("a text without a zero byte")
	}
	switch s.kind {
	case isBool:
		if _, err := strconv.ParseBool(v.text); err != nil {
			return fail(wanted("bool"))
		}
	case isInt:
		if _, err := strconv.Atoi(v.text); err != nil {
			return fail(wanted("int"))
		}
	case isDuration:
		if _, err := time.ParseDuration(v.text); err != nil {
			return fail(wanted("duration"))
		}
	case isList:
		for _, item := range v.list {
			if _, err := path.Match(item, ""); err != nil || item == "" {
				return fail("names or globs such as web*.py")
			}
		}
	case isText:
		// In the environment it is as good as not set; as a flag it comes from a variable of a script that was not.
		if v.text == "" && len(s.oneOf) == 0 && strings.HasPrefix(v.from, "flag") {
			return fail("a value")
		}
	}
	if len(s.oneOf) > 0 && !slices.Contains(s.oneOf, v.text) {
		return fail(strings.Join(s.oneOf, ", "))
	}
	if s.checked != nil {
		if err := s.checked(v.text); err != nil {
			return fail(err.Error())
		}
	}
	return nil
}

func (s settings) text(name string) string { return s[name].text }

func (s settings) list(name string) []string { return s[name].list }

// The typed readers follow check, so their errors cannot happen.
func (s settings) bool(name string) bool { b, _ := strconv.ParseBool(s[name].text); return b }

func (s settings) int(name string) int { n, _ := strconv.Atoi(s[name].text); return n }

func (s settings) duration(name string) time.Duration {
	d, _ := time.ParseDuration(s[name].text)
	return d
}

// maxTime bounds the durations: what is longer is a typing mistake, and far longer ones overflow.
const maxTime = 24 * time.Hour

func stopTime(text string) error {
	if d, err := time.ParseDuration(text); err != nil || d <= 0 || d > maxTime {
		return errors.New("more than 0 and at most 24h")
	}
	return nil
}

func silenceTime(text string) error {
	if d, err := time.ParseDuration(text); err != nil || d < 0 || d > maxTime {
		return errors.New("0 or more and at most 24h")
	}
	return nil
}

func leaseTime(text string) error {
	if d, err := time.ParseDuration(text); err != nil || d != 0 && (d < lease.MinTTL || d > lease.MaxTTL) {
		return fmt.Errorf("0, or %v to %v", lease.MinTTL, lease.MaxTTL)
	}
	return nil
}

func noNewline(text string) error {
	if strings.ContainsAny(text, " \t\r\n") {
		return errors.New("one URL, or env:NAME")
	}
	return nil
}

// listenAddress does not ask what a variable holds; that is for who listens.
func listenAddress(text string) error {
	if _, err := health.Address(text, func(string) string { return "1" }); text != "" && err != nil {
		return errors.New("host:port, :port or env:PORT")
	}
	return nil
}

func plainName(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || len(text) > 128 {
		return errors.New("a name of at most 128 printable characters")
	}
	return fileName(text)
}

func stallTime(text string) error {
	if d, err := time.ParseDuration(text); err != nil || d != 0 && d < time.Second || d > maxTime {
		return errors.New("0, or 1s to 24h")
	}
	return nil
}

func validTries(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 1 && n != -1 {
		return errors.New("1 or more, or -1 for never")
	}
	return nil
}

func variableName(text string) error {
	if strings.ContainsAny(text, "=: \t\r\n") {
		return errors.New("the name of a variable, not its value")
	}
	return nil
}

func fileName(text string) error {
	if _, err := token.Parse(text); err == nil {
		return errors.New("the name of a file, not the token itself")
	}
	return nil
}

func validGiveUp(text string) error {
	_, _, err := giveUp(text)
	return err
}

// giveUp reads "N/T"; "off" is 0.
func giveUp(text string) (int, time.Duration, error) {
	if text == "off" || text == "" {
		return 0, 0, nil
	}
	n, t, ok := strings.Cut(text, "/")
	count, err := strconv.Atoi(n)
	within, terr := time.ParseDuration(t)
	if !ok || err != nil || terr != nil || count < 1 || count > 32 || within <= 0 {
		return 0, 0, fmt.Errorf(`N/T such as 10/10m, with N from 1 to 32, or off`)
	}
	return count, within, nil
}

func envName(setting string) string {
	return "BOTCTL_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

func indexOf(rows []setting, name string) int {
	return slices.IndexFunc(rows, func(s setting) bool { return s.name == name })
}
