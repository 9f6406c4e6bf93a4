package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"botctl/supervisor/token"
)

func findToken(set settings, env []string, dir string) (token.Found, error) {
	src := token.Sources{
		Getenv: lookupEnv(env),
		Env:    set.text("token-env"),
		File:   set.text("token-file"),
		Dir:    dir,
	}
	found, err := token.Find(src)
	if err != nil {
		return found, tokenError(err, src)
	}
	return found, nil
}

// tokenError adds the next step.
func tokenError(err error, src token.Sources) error {
	f := configError(err)
	if two, ok := errors.AsType[*token.AmbiguousError](err); ok {
		if strings.HasPrefix(two.Names[0], ".env ") {
			return f.hint("take one out of .env; or --env-file .env --token-env NAME says which one is this bot's")
		}
		return f.hint("--token-env NAME says which one is this bot's")
	}
	if errors.Is(err, token.ErrForm) {
		return f.hint("the token stands alone, as @BotFather gave it: one line, no quotes, no NAME=")
	}
	// Only a regular file is read, not the pipe of a process substitution either: a device has no end, and a
	// pipe nobody writes to never answers.
	if info, err := os.Stat(src.File); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		f.hint(`for a token that a program prints: TELEGRAM_BOT_TOKEN="$(PROGRAM)" botctl ...`)
	}
	return f
}

// malformedToken names the variable that was meant to hold the bot's token and does not; "" when there is none.
// TOKEN is not among them: it may hold anything.
func malformedToken(getenv func(string) string) string {
	for _, name := range token.EnvNames {
		if v := strings.TrimSpace(getenv(name)); name != "TOKEN" && v != "" {
			if _, err := token.Parse(v); err != nil {
				return name
			}
		}
	}
	return ""
}

// noToken is the error of a verb that cannot do without.
func noToken(getenv func(string) string) *failure {
	if name := malformedToken(getenv); name != "" {
		return configError(fmt.Errorf("environment %s: %w", name, token.ErrForm)).
			hint("the token stands alone, as @BotFather gave it: one line, no quotes, no NAME=")
	}
	return configError(errors.New("no bot token")).hint("set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you")
}
