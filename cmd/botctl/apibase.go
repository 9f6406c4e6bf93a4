package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"botctl/supervisor"
)

// apiBase is the Bot API server in force: --api-base, else TELEGRAM_API_BASE, else Telegram's.
func apiBase(set settings) (string, error) {
	base := cmp.Or(set.text("api-base"), os.Getenv("TELEGRAM_API_BASE"), supervisor.DefaultAPIBase)
	if err := validBase(base); err != nil {
		return "", configError(fmt.Errorf("environment TELEGRAM_API_BASE %q: want %w", withoutUser(base), err))
	}
	return strings.TrimRight(base, "/"), nil
}

// validBase is also the check of the setting, which may be empty. A method's path is put behind a base, and it
// is shown in logs and status.
func validBase(base string) error {
	u, err := url.Parse(base)
	switch {
	case base == "":
	case err == nil && u.User != nil:
		return errors.New("a URL without user and password: it is shown in logs and status")
	case err != nil, u.Hostname() == "", u.Scheme != "http" && u.Scheme != "https", strings.ContainsAny(base, "?# \t"), !validPort(u.Port()):
		return errors.New("a URL such as https://api.telegram.org")
	}
	return nil
}

func validPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}

// withoutUser hides what may be a password in a text that was meant to be a URL.
func withoutUser(text string) string {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return text
	}
	begin := 0
	if i := strings.Index(text, "//"); i >= 0 && i < at {
		begin = i + len("//")
	}
	return text[:begin] + "***" + text[at:]
}
