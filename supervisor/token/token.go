// Package token holds what botctl knows of a bot token: its form, where an
// owner keeps it, and how to keep it out of every byte that leaves the process.
//
// It is the one package below the leaves: stale, control, proc and supervisor may
// import it, and it imports none of them. Everything in it is safe for
// concurrent use unless it says otherwise.
package token

import (
	"errors"
	"log/slog"
	"strings"
)

// Token is a bot token, "<bot id>:<secret>". The empty Token means that none is
// known. It prints masked everywhere; Reveal is the only way to its text.
type Token string

// ErrForm says that a text is not of a token's form.
var ErrForm = errors.New(`not a bot token: want "<digits>:<secret>"`)

// shaped says whether s is of the form that the Bot API server and the frameworks' own checks agree on: digits, a
// colon, base64url characters; at least so many of both, and at most 16 digits. It is no regular expression, since botctl
// would compile it at every start.
func shaped(s string, digits, secret int) bool {
	id, rest, ok := strings.Cut(s, ":")
	if !ok || len(id) < digits || len(id) > 16 || id[0] == '0' || len(rest) < secret {
		return false
	}
	for _, c := range []byte(id) {
		if c < '0' || c > '9' {
			return false
		}
	}
	for _, c := range []byte(rest) {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// Parse reads a token, white space around it allowed. The error is ErrForm and
// never quotes the text.
func Parse(s string) (Token, error) {
	s = strings.TrimSpace(s)
	if len(s) > 80 || !shaped(s, 1, 1) { // tests use short secrets such as "123:abc"
		return "", ErrForm
	}
	return Token(s), nil
}

// LooksReal says whether s has the form of a token as Telegram issues them (8 to 10 digits, a secret of 35
// characters), with room on both sides. It decides whether a variable with a general name such as TOKEN
// holds a bot token.
func LooksReal(s string) bool { return shaped(s, 5, 24) }

// ID returns the bot id, the digits before the colon; "" for the empty Token.
func (t Token) ID() string {
	id, _, _ := strings.Cut(string(t), ":")
	return id
}

// Secret returns the part after the colon.
func (t Token) Secret() string {
	_, secret, _ := strings.Cut(string(t), ":")
	return secret
}

// Reveal returns the whole token. Its callers are the Bot API client, the
// child's environment and the comparison with another token: nothing that prints.
func (t Token) Reveal() string { return string(t) }

// String returns the token with its secret masked, "123456:***".
func (t Token) String() string {
	if t == "" {
		return ""
	}
	return t.ID() + ":***"
}

// GoString keeps %#v from showing the secret.
func (t Token) GoString() string { return t.String() }

// LogValue keeps slog from showing the secret.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps JSON from showing the secret.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
