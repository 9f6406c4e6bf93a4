package token

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// EnvNames are the variables in which owners keep a bot token, most specific first.
// TOKEN is believed only when its value looks like a bot token.
var EnvNames = []string{"TELEGRAM_BOT_TOKEN", "BOT_TOKEN", "TELEGRAM_TOKEN", "TOKEN"}

// Sources is where Find looks. Zero fields are passed over.
type Sources struct {
	Getenv func(string) string
	Env    string // --token-env: this variable alone
	File   string // --token-file
	Dir    string // folder whose .env is read, for the token alone
}

// Found is a token and where it was. The zero value means that there is none.
type Found struct {
	Token  Token
	Source string // for people: "environment BOT_TOKEN"
	Name   string // of the variable; empty for a file
}

// AmbiguousError says that two variables hold different tokens.
type AmbiguousError struct{ Names []string }

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s hold different bot tokens", strings.Join(e.Names, " and "))
}

// Find looks for the bot's token: what a flag names, else the environment, else .env in
// the working folder. It is no error that there is none. Its errors never
// quote a token.
func Find(src Sources) (Found, error) {
	switch {
	case src.File != "":
		t, err := fromFile(src.File)
		return Found{Token: t, Source: "file " + src.File}, err
	case src.Env != "":
		v := src.Getenv(src.Env)
		if v == "" {
			return Found{}, fmt.Errorf("environment %s: not set", shown(src.Env))
		}
		t, err := Parse(v)
		if err != nil {
			return Found{}, fmt.Errorf("environment %s: %w", shown(src.Env), err)
		}
		return Found{Token: t, Source: "environment " + src.Env, Name: src.Env}, nil
	}
	if f, err := search(src.Getenv, "environment "); f.Token != "" || err != nil {
		return f, err
	}
	if src.Dir == "" {
		return Found{}, nil
	}
	path := filepath.Join(src.Dir, ".env")
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return Found{}, nil // some keep their Python environment under that name
	}
	vars, err := Dotenv(path)
	if err != nil {
		return Found{}, err
	}
	return search(func(name string) string { return vars[name] }, ".env ")
}

// FromEnv returns the tokens that a set of variables holds under the usual names
// and under extra, if that is not empty. It is how another process's token is read.
func FromEnv(getenv func(string) string, extra string) []Token {
	var list []Token
	names := EnvNames
	if extra != "" {
		names = append(slices.Clone(names), extra)
	}
	for _, name := range names {
		if t := believed(name, getenv(name)); t != "" && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

func search(getenv func(string) string, where string) (Found, error) {
	var found Found
	for _, name := range EnvNames {
		t := believed(name, getenv(name))
		switch {
		case t == "":
		case found.Token == "":
			found = Found{Token: t, Source: where + name, Name: name}
		case found.Token != t:
			return Found{}, &AmbiguousError{Names: []string{where + found.Name, where + name}}
		}
	}
	return found, nil
}

// believed is v as a token, when a variable of that name may be taken to hold one.
func believed(name, v string) Token {
	t, err := Parse(v)
	if err != nil || name == "TOKEN" && !LooksReal(string(t)) {
		return ""
	}
	return t
}

func fromFile(path string) (Token, error) {
	fail := func(err error) (Token, error) {
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			err = pe.Err // without the path, which may be the token itself
		}
		return "", fmt.Errorf("read token \"%s\": %w", shown(path), err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() {
		return fail(errors.New("not a regular file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return fail(err)
	}
	t, err := Parse(string(b))
	if err != nil {
		return fail(err)
	}
	return t, nil
}

// shown is what an owner gave as the name of a variable or a file, fit for one line. A token in
// its place is a common mistake, and is masked.
func shown(name string) string {
	quoted := strconv.Quote((&Masker{}).String(name))
	return quoted[1 : len(quoted)-1]
}
