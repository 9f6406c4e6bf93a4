package bot

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"botctl/bot/digest"
	"botctl/bot/prices"
)

// Config is what the bot needs. Token and StateDir must be set.
type Config struct {
	Token   string
	APIBase string // default https://api.telegram.org
	Log     *slog.Logger
	// PollSeconds is how long a poll may wait, 1 to 50; 0: 50.
	PollSeconds int
	HTTP        *http.Client // default: one whose limit is above that of a poll

	StateDir   string        // the folder of the store; it is made when it is not there
	Admins     []int64       // user ids; empty: everybody may do everything
	DigestChat int64         // subscribed from the start; 0: none
	DigestAt   digest.Minute // for chats that chose no hour of their own
	Prices     prices.Config
	Control    string // path of the supervisor's control socket; "": none

	now   func() time.Time // of the schedule; nil: time.Now
	retry time.Duration    // until a digest that was not sent is tried again; 0: retryAgain
}

// SettingError says which environment variable is wrong and what it should hold. It does not quote the value
// of one that may be a secret.
type SettingError struct{ Name, Value, Want string }

func (e *SettingError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("environment %s: want %s", e.Name, e.Want)
	}
	return fmt.Sprintf("environment %s %q: want %s", e.Name, e.Value, e.Want)
}

// Names of the environment variables that FromEnv reads, beside those of the token and of the Bot API.
const (
	envAdmins      = "BOT_ADMINS"
	envChat        = "DIGEST_CHAT_ID"
	envAt          = "DIGEST_AT"
	envGecko       = "COINGECKO_API_BASE"
	envGeckoKey    = "COINGECKO_API_KEY"
	envPaprika     = "COINPAPRIKA_API_BASE"
	envControl     = "BOTCTL_CONTROL"
	defaultAt      = "09:00"
	defaultAPIBase = "https://api.telegram.org"
)

// FromEnv reads what the owner may set in the environment. Its error is the first *SettingError.
func FromEnv(getenv func(string) string) (Config, error) {
	var first error
	wrong := func(name, value, want string) {
		if first == nil {
			first = &SettingError{name, value, want}
		}
	}
	get := func(name string) string { return strings.TrimSpace(getenv(name)) }
	cfg := Config{Control: get(envControl)}
	for _, id := range strings.FieldsFunc(get(envAdmins), func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || n <= 0 {
			wrong(envAdmins, get(envAdmins), "user ids with commas between them, such as 12345,67890")
			break
		}
		cfg.Admins = append(cfg.Admins, n)
	}
	if text := get(envChat); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n == 0 {
			wrong(envChat, text, "a chat's id, such as 12345, or -1001234567890 for a group or channel")
		}
		cfg.DigestChat = n
	}
	at, err := digest.ParseMinute(cmp.Or(get(envAt), defaultAt))
	if err != nil {
		wrong(envAt, get(envAt), err.Error())
	}
	cfg.DigestAt = at
	for _, base := range []struct {
		name string
		into *string
	}{{envGecko, &cfg.Prices.GeckoBase}, {envPaprika, &cfg.Prices.PaprikaBase}} {
		*base.into = get(base.name)
		if !isBase(*base.into) {
			wrong(base.name, "", "a URL such as "+prices.GeckoBase)
		}
	}
	cfg.Prices.GeckoKey = get(envGeckoKey)
	if strings.ContainsFunc(cfg.Prices.GeckoKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		wrong(envGeckoKey, "", "the key as CoinGecko gave it: letters, digits and signs without a blank")
	}
	return cfg, first
}

// isBase says whether text is empty or a URL behind which a path can be put.
func isBase(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && !strings.ContainsAny(text, "?# ")
}

// ErrBase says that Config.APIBase is no URL.
var ErrBase = errors.New("API base")

// complete checks cfg and fills in what was left out.
func (cfg Config) complete() (Config, error) {
	// Before the library quotes it, token and all, in an error.
	u, err := url.Parse(cfg.APIBase)
	if cfg.APIBase != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return cfg, fmt.Errorf("%w %q: want a URL such as %s", ErrBase, cfg.APIBase, defaultAPIBase)
	}
	cfg.APIBase = cmp.Or(cfg.APIBase, defaultAPIBase)
	if cfg.PollSeconds <= 0 || cfg.PollSeconds > maxPollSeconds {
		cfg.PollSeconds = maxPollSeconds
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: time.Duration(cfg.PollSeconds)*time.Second + conflictDelay + margin}
	}
	cfg.retry = cmp.Or(cfg.retry, retryAgain)
	if cfg.now == nil {
		cfg.now = time.Now
	}
	return cfg, nil
}
