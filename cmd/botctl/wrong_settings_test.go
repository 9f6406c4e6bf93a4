//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// badValues has every setting with a value it cannot have, from each source: as a flag that is wrong usage, from the
// environment and from botctl.yaml wrong configuration.
func badValues() []wrong {
	var rows []wrong
	for _, b := range []struct{ name, value, shown, want string }{
		{"token-env", "1:SECRET", "", "the name of a variable, not its value"},
		{"token-file", "1:SECRET", "", "the name of a file, not the token itself"},
		{"api-base", "localhost:8081", `"localhost:8081"`, "a URL such as https://api.telegram.org"},
		{"api-base", "https://", `"https://"`, "a URL such as https://api.telegram.org"},
		{"api-base", "https://me:SECRET@host", `"https://***@host"`, "a URL without user and password: it is shown in logs and status"},
		{"api-base", "https://host/?a=b", `"https://host/?a=b"`, "a URL such as https://api.telegram.org"},
		{"api-base", "https://host:99999", `"https://host:99999"`, "a URL such as https://api.telegram.org"},
		{"api-base", "https://host/ ", `"https://host/ "`, "a URL such as https://api.telegram.org"},
		{"on-held", "steal", `"steal"`, "fail, wait, takeover"},
		{"lease", "redis://me:SECRET@host two", "", "one URL, or env:NAME"},
		{"standby", "hot", `"hot"`, "cold, warm"},
		{"lease-ttl", "long", `"long"`, "a duration such as 9s"},
		{"lease-ttl", "10ms", `"10ms"`, "0, or 1s to 10m0s"},
		{"lease-ttl", "11m", `"11m"`, "0, or 1s to 10m0s"},
		{"lease-takeover", "soon", `"soon"`, "strict, fast"},
		{"lease-force", "perhaps", `"perhaps"`, "true or false"},
		{"on-partition", "drop", `"drop"`, "confirm, replay"},
		{"deploy-id", strings.Repeat("d", 129), `"` + strings.Repeat("d", 129) + `"`, "a name of at most 128 printable characters"},
		{"listen", "8080", `"8080"`, "host:port, :port or env:PORT"},
		{"listen", ":http", `":http"`, "host:port, :port or env:PORT"},
		{"listen", "env:", `"env:"`, "host:port, :port or env:PORT"},
		{"listen", "http://me:SECRET@host:80", `"http://***@host:80"`, "host:port, :port or env:PORT"},
		{"notify-chat", "the owner", `"the owner"`, "the id of a chat such as 123456789 or -1001234567890, or the @name of a channel"},
		{"notify-url", "hooks/SECRET", "", "a URL such as https://example.org/hook"},
		{"on-conflict", "fight", `"fight"`, "auto, restart, tell"},
		{"restart-on-first-sign", "maybe", `"maybe"`, "true or false"},
		{"webhook", "perhaps", `"perhaps"`, "auto, delete, keep, fail"},
		{"stop-timeout", "soon", `"soon"`, "a duration such as 9s"},
		{"stop-timeout", "9", `"9"`, "a duration such as 9s"},
		{"stop-timeout", "9999999999h", `"9999999999h"`, "a duration such as 9s"},
		{"stop-timeout", "0s", `"0s"`, "more than 0 and at most 24h"},
		{"stop-timeout", "25h", `"25h"`, "more than 0 and at most 24h"},
		{"gateway", "maybe", `"maybe"`, "auto, require, off"},
		{"restart-warm", "perhaps", `"perhaps"`, "true or false"},
		{"stall-after", "10ms", `"10ms"`, "0, or 1s to 24h"},
		{"heartbeat", "-1s", `"-1s"`, "0 or more and at most 24h"},
		{"heartbeat", "never", `"never"`, "a duration such as 9s"},
		{"start-tries", "many", `"many"`, "a whole number"},
		{"start-tries", "-2", `"-2"`, "1 or more, or -1 for never"},
		{"start-tries", "0", `"0"`, "1 or more, or -1 for never"},
		{"give-up", "often", `"often"`, "N/T such as 10/10m, with N from 1 to 32, or off"},
		{"give-up", "0/1m", `"0/1m"`, "N/T such as 10/10m, with N from 1 to 32, or off"},
		{"give-up", "33/1m", `"33/1m"`, "N/T such as 10/10m, with N from 1 to 32, or off"},
		{"rival", "bot[", `"bot["`, "names or globs such as web*.py"},
		{"spare", "bot[", `"bot["`, "names or globs such as web*.py"},
		{"scope", "moon", `"moon"`, "project, host"},
		{"log-format", "xml", `"xml"`, "text, json"},
		{"quiet", "yes", `"yes"`, "true or false"},
		{"interactive", "3", `"3"`, "true or false"},
	} {
		what := strings.TrimSuffix(" "+b.shown, " ") + ": want " + b.want
		flag := wrong{name: b.name + " " + b.value + ", flag", argv: []string{"run", "--" + b.name + "=" + b.value}, code: 2, want: "error: flag --" + b.name + what}
		if slices.Contains([]string{wanted("bool"), wanted("int")}, b.want) {
			flag.want += "\n" + hintRun // refused by the parser of flags
		}
		rows = append(rows, flag,
			wrong{name: b.name + " " + b.value + ", environment", args: "run", env: envName(b.name) + "=" + b.value, code: 78, want: "error: environment " + envName(b.name) + what},
			wrong{name: b.name + " " + b.value + ", botctl.yaml", args: "run", files: config(b.name + ": \"" + b.value + "\"\n"), code: 78, want: "error: botctl.yaml: " + b.name + what},
		)
	}
	return rows
}

// A setting that nobody tried to get wrong is one whose check was forgotten.
func TestWrongInvocationsTryEverySetting(t *testing.T) {
	rows := slices.Concat(badValues(), wrongSettings, wrongTokens)
	for _, s := range runSettings {
		if !slices.ContainsFunc(rows, func(w wrong) bool { return strings.HasPrefix(w.name, s.name+" ") }) {
			t.Errorf("no bad value for %s", s.name)
		}
	}
}

func config(text string) map[string]string { return map[string]string{configFile: text} }

var wrongSettings = []wrong{
	{name: "an empty flag", argv: []string{"run", "--api-base", ""}, code: 2, want: "error: flag --api-base \"\": want a value"},
	{name: "an empty flag of a set", argv: []string{"run", "--webhook="}, code: 2, want: "error: flag --webhook \"\": want auto, delete, keep, fail"},
	{name: "an empty flag with a file's name", argv: []string{"run", "--token-file="}, code: 2, want: "error: flag --token-file: want a value"},
	{name: "an empty pattern", argv: []string{"run", "--rival", ""}, code: 2, want: "error: flag --rival \"\": want names or globs such as web*.py"},
	{name: "an empty duration in the environment", args: "run", env: "BOTCTL_STOP_TIMEOUT=", code: 78, want: "error: environment BOTCTL_STOP_TIMEOUT \"\": want a duration such as 9s"},
	{name: "a number out of range", args: "run --start-tries 99999999999999999999", code: 2, want: "error: flag --start-tries \"99999999999999999999\": want a smaller number\n" + hintRun},
	{name: "the server in the environment", args: "kill-stale", env: "TELEGRAM_API_BASE=http://bad host", code: 78, want: "error: environment TELEGRAM_API_BASE \"http://bad host\": want a URL such as https://api.telegram.org"},
	{name: "the server in the environment, with a password", args: "run", env: "TELEGRAM_API_BASE=http://me:SECRET pass@host", code: 78, want: "error: environment TELEGRAM_API_BASE \"http://***@host\": want a URL such as https://api.telegram.org"},
	{name: "the server of the bundled bot", args: "bot", env: "TELEGRAM_API_BASE=ftp://x", code: 78, want: "error: environment TELEGRAM_API_BASE \"ftp://x\": want a URL such as https://api.telegram.org"},
	{name: "the server of the bundled bot, with a password", args: "bot", env: "TELEGRAM_API_BASE=http://:SECRET@host", code: 78, want: "error: environment TELEGRAM_API_BASE \"http://***@host\": want a URL without user and password: it is shown in logs and status"},
	{name: "administrators of the bundled bot", args: "bot", env: "BOT_ADMINS=12,@me", code: 78, want: "error: environment BOT_ADMINS \"12,@me\": want user ids with commas between them, such as 12345,67890"},
	{name: "the chat of the digest", args: "bot", env: "DIGEST_CHAT_ID=@channel", code: 78, want: "error: environment DIGEST_CHAT_ID \"@channel\": want a chat's id, such as 12345, or -1001234567890 for a group or channel"},
	{name: "the hour of the digest", args: "bot", env: "DIGEST_AT=9 am", code: 78, want: "error: environment DIGEST_AT \"9 am\": want a time of day in UTC, HH:MM, such as 09:00"},
	{name: "the source of prices", args: "bot", env: "COINGECKO_API_BASE=https://user:SECRET@host", code: 78, want: "error: environment COINGECKO_API_BASE: want a URL such as https://api.coingecko.com/api/v3"},
	{name: "the second source of prices", args: "bot", env: "COINPAPRIKA_API_BASE=host", code: 78, want: "error: environment COINPAPRIKA_API_BASE: want a URL such as https://api.coingecko.com/api/v3"},
	{name: "the key of the prices", args: "bot", env: "COINGECKO_API_KEY=SECRET key", code: 78, want: "error: environment COINGECKO_API_KEY: want the key as CoinGecko gave it: letters, digits and signs without a blank"},

	{name: "botctl.yaml with an unknown key", args: "run", files: config("stop_timeout: 3s\n"), code: 78, want: "error: botctl.yaml: \"stop_timeout\" is not a setting\n" + hintList},
	{name: "botctl.yaml with a token", args: "run", files: config("token: 1:SECRET\n"), code: 78, want: "error: botctl.yaml: \"token\" is not a setting\n" + hintList},
	{name: "botctl.yaml with a token for a key", args: "run", files: config(realToken + ": x\n"), code: 78, want: "error: botctl.yaml: \"123456789:***\" is not a setting\n" + hintList},
	{name: "botctl.yaml with nested keys", args: "run", files: config("run:\n  stop-timeout: 3s\n"), code: 78, want: "error: botctl.yaml: \"run\" is not a setting\n" + hintList},
	{name: "botctl.yaml with an unknown key, kill-stale", args: "kill-stale", files: config("quiet: true\nnonsense: 1\n"), code: 78, want: "error: botctl.yaml: \"nonsense\" is not a setting\n" + hintList},
	{name: "botctl.yaml with a map for a value", args: "run", files: config("stop-timeout: {a: 1}\n"), code: 78, want: "error: botctl.yaml: stop-timeout: want one value"},
	{name: "botctl.yaml with a list for a value", args: "run", files: config("webhook: [keep]\n"), code: 78, want: "error: botctl.yaml: webhook: want one value, not a list"},
	{name: "botctl.yaml with a map for a list", args: "run", files: config("rival: {a: b}\n"), code: 78, want: "error: botctl.yaml: rival: want one value"},
	{name: "botctl.yaml with lists in a list", args: "run", files: config("spare: [[a], b]\n"), code: 78, want: "error: botctl.yaml: spare: want a list of texts; put quotes round a number"},
	{name: "botctl.yaml with nothing in a list", args: "run", files: config("rival:\n  -\n"), code: 78, want: "error: botctl.yaml: rival: want a list of texts; put quotes round a number"},
	{name: "botctl.yaml with a number for a text", args: "run", files: config("token-file: 007\n"), code: 78, want: "error: botctl.yaml: token-file: want a text; put quotes round it"},
	{name: "botctl.yaml that is a list", args: "run", files: config("- stop-timeout\n"), code: 78, want: "error: read botctl.yaml: not a list of settings with their values\n" + hintFile},
	{name: "botctl.yaml that is a word", args: "run", files: config("1:SECRET\n"), code: 78, want: "error: read botctl.yaml: not a list of settings with their values\n" + hintFile},
	{name: "botctl.yaml with a key twice", args: "run", files: config("quiet: true\nquiet: false\n"), code: 78, want: "error: read botctl.yaml: line 2: mapping key \"quiet\" already defined at line 1\n" + hintFile},
	{name: "botctl.yaml that is no YAML", args: "run", files: config("{{{"), code: 78, want: "error: read botctl.yaml: line 1: did not find expected node content\n" + hintFile},
	{name: "botctl.yaml with a tab", args: "run", files: config("\tquiet: true\n"), code: 78, want: "error: read botctl.yaml: found character that cannot start any token\n" + hintFile},
	{name: "botctl.yaml with an unknown anchor", args: "run", files: config("quiet: *SECRE\n"), code: 78, want: "error: read botctl.yaml: unknown anchor 'SECRE' referenced\n" + hintFile},
	{name: "botctl.yaml that is binary", args: "run", files: config("\x7fELF\x02\x01\x01\x00\x00\xff\xfe"), code: 78, want: "error: read botctl.yaml: control characters are not allowed\n" + hintFile},
	{name: "botctl.yaml that is a bomb", alone: true, args: "run", files: config(bomb()), code: 78, want: "error: read botctl.yaml: document contains excessive aliasing\n" + hintFile},
	{name: "botctl.yaml of 10 MB", args: "run", files: config(strings.Repeat("# SECRET\n", 10<<20/9)), code: 78, want: "error: read botctl.yaml: larger than 1 MiB"},
	{name: "botctl.yaml that is a folder", args: "run", files: map[string]string{"botctl.yaml/": ""}, code: 78, want: "error: read botctl.yaml: not a regular file"},
	{name: "botctl.yaml that is a pipe", args: "run", setup: pipe(configFile), code: 78, want: "error: read botctl.yaml: not a regular file"},
	{name: "botctl.yaml without an end", args: "run", setup: link("/dev/zero", configFile), code: 78, want: "error: read botctl.yaml: not a regular file"},
	{name: "botctl.yaml that leads nowhere", args: "run", setup: link("nope", configFile), code: 78, want: "error: read botctl.yaml: no such file or directory"},
	{name: "botctl.yaml that leads to itself", args: "run", setup: link(configFile, configFile), code: 78, want: "error: read botctl.yaml: too many levels of symbolic links"},
	{name: "botctl.yaml that may not be read", args: "run", files: config("quiet: true\n"), setup: forbidden(configFile), code: 78, want: "error: read botctl.yaml: permission denied\n" + hintFile},
}

// bomb is small and would need gigabytes.
func bomb() string {
	var text strings.Builder
	text.WriteString("a: &a [x,x,x,x,x,x,x,x,x]\n")
	for c := 'b'; c <= 'h'; c++ {
		text.WriteString(string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ",") + "]\n")
	}
	return text.String()
}

var wrongTokens = []wrong{
	{name: "two tokens", args: "run", env: "BOT_TOKEN=3:SECRET", code: 78, want: "error: environment TELEGRAM_BOT_TOKEN and environment BOT_TOKEN hold different bot tokens\nhint: --token-env NAME says which one is this bot's"},
	{name: "two tokens for the bundled bot", args: "bot", env: "BOT_TOKEN=3:SECRET", code: 78, want: "error: environment TELEGRAM_BOT_TOKEN and environment BOT_TOKEN hold different bot tokens\nhint: --token-env NAME says which one is this bot's"},
	{name: "two tokens in .env", args: "kill-stale", env: withoutToken, files: map[string]string{".env": "BOT_TOKEN=3:SECRET\nTELEGRAM_TOKEN=4:SECRET\n"}, code: 78, want: "error: .env BOT_TOKEN and .env TELEGRAM_TOKEN hold different bot tokens\nhint: take one out of .env; or --env-file .env --token-env NAME says which one is this bot's"},
	{name: "the bundled bot without a token", args: "bot", env: withoutToken, code: 78, want: "error: no bot token\nhint: set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you\nhint: \"botctl run --sandbox\" needs none"},
	{name: "the bundled bot without a token, supervised", args: "run", env: withoutToken, code: 78, want: "error: no bot token\nhint: set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you\nhint: \"botctl run --sandbox\" needs none"},
	{name: "a token of blanks", args: "bot", env: "TELEGRAM_BOT_TOKEN=  ", code: 78, want: "error: no bot token\nhint: set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you\nhint: \"botctl run --sandbox\" needs none"},
	{name: "a quoted token", args: "run", env: "TELEGRAM_BOT_TOKEN=\"1:SECRET\"", code: 78, want: "error: environment TELEGRAM_BOT_TOKEN: not a bot token: want \"<digits>:<secret>\"\n" + hintToken + "\nhint: \"botctl run --sandbox\" needs none"},
	{name: "a token with a blank", args: "bot", env: "TELEGRAM_BOT_TOKEN=\nBOT_TOKEN=1:SEC RET", code: 78, want: "error: environment BOT_TOKEN: not a bot token: want \"<digits>:<secret>\"\n" + hintToken + "\nhint: \"botctl run --sandbox\" needs none"},
	{name: "a quoted token beside a command", alone: true, args: "run -- no-such-command", env: "TELEGRAM_BOT_TOKEN='1:SECRET'", code: 127, want: "warning: environment TELEGRAM_BOT_TOKEN: not a bot token: want \"<digits>:<secret>\"; the bot is run all the same\nerror: start \"no-such-command\": not found in PATH\n" + hintPath},
	{name: "a quoted token in all of the host", args: "kill-stale --scope host", env: "TELEGRAM_BOT_TOKEN='1:SECRET'", code: 78, want: "error: --scope host needs the bot's token: environment TELEGRAM_BOT_TOKEN: not a bot token: want \"<digits>:<secret>\"\n" + hintToken},
	{name: "token variable not set", args: "run --token-env NOPE", code: 78, want: "error: environment NOPE: not set"},
	{name: "token variable not set, bundled bot", args: "bot --token-env NOPE", code: 78, want: "error: environment NOPE: not set"},
	{name: "token variable with two lines", args: "run --token-env MINE", setup: setenv("MINE=1:SECRET\n2:SECRET"), code: 78, want: "error: environment MINE: not a bot token: want \"<digits>:<secret>\"\n" + hintToken},
	{name: "token variable with a name of two words", argv: []string{"run", "--token-env", "A B"}, code: 2, want: "error: flag --token-env: want the name of a variable, not its value"},

	{name: "token file missing", args: "run --token-file nope", code: 78, want: "error: read token \"nope\": no such file or directory"},
	{name: "token file missing, bundled bot", args: "bot --token-file nope", code: 78, want: "error: read token \"nope\": no such file or directory"},
	{name: "token file missing, kill-stale", args: "kill-stale --token-file nope", code: 78, want: "error: read token \"nope\": no such file or directory"},
	{name: "token file with another text", args: "run --token-file t", files: map[string]string{"t": "SECRET text"}, code: 78, want: "error: read token \"t\": not a bot token: want \"<digits>:<secret>\"\n" + hintToken},
	{name: "token file that is empty", args: "run --token-file t", files: map[string]string{"t": "\n"}, code: 78, want: "error: read token \"t\": not a bot token: want \"<digits>:<secret>\"\n" + hintToken},
	{name: "token file with two lines", args: "run --token-file t", files: map[string]string{"t": "1:SECRET\n2:SECRET\n"}, code: 78, want: "error: read token \"t\": not a bot token: want \"<digits>:<secret>\"\n" + hintToken},
	{name: "token file with quotes", args: "run --token-file t", files: map[string]string{"t": "'1:SECRET'"}, code: 78, want: "error: read token \"t\": not a bot token: want \"<digits>:<secret>\"\n" + hintToken},
	{name: "token file with a name", args: "run --token-file t", files: map[string]string{"t": "BOT_TOKEN=1:SECRET"}, code: 78, want: "error: read token \"t\": not a bot token: want \"<digits>:<secret>\"\n" + hintToken},
	{name: "token file of 10 MB", args: "run --token-file t", files: map[string]string{"t": strings.Repeat("1:SECRET\n", 10<<20/9)}, code: 78, want: "error: read token \"t\": not a bot token: want \"<digits>:<secret>\"\n" + hintToken},
	{name: "token file that is a folder", args: "run --token-file t", files: map[string]string{"t/": ""}, code: 78, want: "error: read token \"t\": not a regular file"},
	{name: "token file that is a pipe", args: "run --token-file t", setup: pipe("t"), code: 78, want: "error: read token \"t\": not a regular file\n" + hintPipe},
	{name: "token file without an end", alone: true, args: "run --token-file /dev/zero", code: 78, want: "error: read token \"/dev/zero\": not a regular file\n" + hintPipe},
	{name: "token file that is stdin", args: "run --token-file /dev/stdin", setup: openStdin, code: 78, want: "error: read token \"/dev/stdin\": not a regular file\n" + hintPipe},
	{name: "token file that leads to itself", args: "run --token-file t", setup: link("t", "t"), code: 78, want: "error: read token \"t\": too many levels of symbolic links"},
	{name: "token file with a name that is too long", args: "run --token-file " + strings.Repeat("n", 300), code: 78, want: "error: read token \"" + strings.Repeat("n", 300) + "\": file name too long"},
	{name: "token file with a zero byte in its name", args: "run", files: config("token-file: \"a\\0b\"\n"), code: 78, want: "error: botctl.yaml: token-file: want a text without a zero byte"},
	{name: "token file that may not be read", args: "run --token-file t", files: map[string]string{"t": "1:SECRET"}, setup: forbidden("t"), code: 78, want: "error: read token \"t\": permission denied"},

	{name: "env-file missing", args: "run --env-file nope", code: 78, want: "error: env file \"nope\": no such file or directory"},
	{name: "env-file missing, environment", args: "run", env: "BOTCTL_ENV_FILE=nope", code: 78, want: "error: env file \"nope\": no such file or directory"},
	{name: "env-file missing, botctl.yaml", args: "run", files: config("env-file: nope\n"), code: 78, want: "error: env file \"nope\": no such file or directory"},
	{name: "env-file malformed", args: "run --env-file e", files: map[string]string{"e": "=SECRET\n'"}, code: 78, want: "error: read \"e\": not of the form NAME=value"},
	{name: "env-file that is a folder", args: "run --env-file e", files: map[string]string{"e/": ""}, code: 78, want: "error: read \"e\": not a regular file"},
	{name: "env-file that is a pipe", args: "run --env-file e", setup: pipe("e"), code: 78, want: "error: read \"e\": not a regular file"},
	{name: "env-file without an end", alone: true, args: "run --env-file /dev/zero", code: 78, want: "error: read \"/dev/zero\": not a regular file"},
	{name: "env-file of 10 MB", args: "run --env-file e", files: map[string]string{"e": strings.Repeat("A=SECRET\n", 10<<20/9)}, code: 78, want: "error: read \"e\": larger than 1048576 bytes"},
	{name: "env-file that may not be read", args: "run --env-file e", files: map[string]string{"e": "A=b"}, setup: forbidden("e"), code: 78, want: "error: read \"e\": permission denied"},
	{name: "env-file with a zero byte in its name", args: "run", files: config("env-file: \"a\\0b\"\n"), code: 78, want: "error: botctl.yaml: env-file \"a\\x00b\": want a text without a zero byte"},
	{name: ".env malformed", args: "run", env: withoutToken, files: map[string]string{".env": "=SECRET\n'"}, code: 78, want: "error: read \"{dir}/.env\": not of the form NAME=value"},
	{name: ".env that is a pipe", args: "run", env: withoutToken, setup: pipe(".env"), code: 78, want: "error: read \"{dir}/.env\": not a regular file"},
	{name: ".env that leads to itself", args: "run", env: withoutToken, setup: link(".env", ".env"), code: 78, want: "error: read \"{dir}/.env\": too many levels of symbolic links"},
	{name: ".env that may not be read", args: "run", env: withoutToken, files: map[string]string{".env": "A=b"}, setup: forbidden(".env"), code: 78, want: "error: read \"{dir}/.env\": permission denied"},
	{name: ".env that is a Python environment", args: "run", env: withoutToken, files: map[string]string{".env/": ""}, code: 78, want: "error: no bot token\nhint: set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you\nhint: \"botctl run --sandbox\" needs none"},
}

// setenv adds a variable whose value has several lines.
func setenv(kv string) func(*testing.T, *exec.Cmd) {
	return func(_ *testing.T, cmd *exec.Cmd) { cmd.Env = append(cmd.Env, kv) }
}

// pipe makes a named pipe, into which nobody writes.
func pipe(name string) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		path := filepath.Join(cmd.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func link(to, name string) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, cmd *exec.Cmd) {
		path := filepath.Join(cmd.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
}

// openStdin is a pipe that stays open, as that of a process substitution whose program hangs.
func openStdin(t *testing.T, cmd *exec.Cmd) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	cmd.Stdin = r
}
