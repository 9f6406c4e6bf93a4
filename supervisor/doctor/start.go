package doctor

import (
	"path"
	"slices"
	"strings"
)

// Start is one command that an entry of a file would start.
type Start struct {
	File  string // in the folder, with slashes
	Line  int
	Entry string   // "web" of a Procfile, a service, the unit's name, "CMD"
	Argv  []string // the command, through its wrappers; it may hold a secret, and is never shown
	Wrap  Wrap
	Group string // starts of one group run at the same time
	Tied  string // how the entry sets its own token: entries that differ in it are of different bots
	Many  int    // how many of it are started; 0 and 1: one
	Off   bool   // it is not started unless somebody asks for it: a profile, a release step

	Polls Polling
	Why   string // of Polls
}

// Wrap says what botctl has to do with a start.
type Wrap int

// The wraps.
const (
	Bare       Wrap = iota
	Supervised      // botctl run
	Guarded         // botctl guard
)

// Polling says whether a start polls.
type Polling int

// The answers.
const (
	No Polling = iota
	Maybe
	Yes
)

// where is "file:line".
func (s Start) where() string { return at(s.File, s.Line) }

// entry describes where an entry stands, and what it starts.
type entry struct {
	file, name, group string
	line, many        int
	tied              string
	dir               string // where its commands run, within the folder
	off               bool
}

// maxStarts bounds what is read of a folder.
const maxStarts = 256

// shell adds what a shell would start for the text.
func (p *Project) shell(e entry, text string) {
	for _, c := range commands(text) {
		p.argv(e, c.words, c.env, c.dir, 0)
	}
}

// argv adds one command, seen through botctl, shells and package.json.
func (p *Project) argv(e entry, words, env []string, dir string, depth int) {
	if len(words) == 0 || depth > 4 || len(p.Starts) >= maxStarts {
		return
	}
	s := Start{File: e.file, Line: e.line, Entry: e.name, Group: e.group, Many: e.many, Tied: tied(e.tied, env), Off: e.off}
	if wrap, rest, ok := ours(words); ok {
		s.Wrap = wrap
		words = rest
	}
	within := path.Join(e.dir, dir)
	if text := nested(words); text != "" {
		before := len(p.Starts)
		for _, c := range commands(text) {
			p.argv(e, c.words, append(slices.Clone(env), c.env...), path.Join(dir, c.dir), depth+1)
		}
		p.wrap(before, s.Wrap)
		return
	}
	if texts := many(words); texts != nil {
		before := len(p.Starts)
		for _, text := range texts {
			for _, c := range commands(text) {
				p.argv(e, c.words, append(slices.Clone(env), c.env...), dir, depth+1)
			}
		}
		p.wrap(before, s.Wrap)
		return
	}
	if text, ok := p.script(words, within); ok {
		before := len(p.Starts)
		for _, c := range commands(text) {
			p.argv(e, c.words, append(slices.Clone(env), c.env...), path.Join(dir, c.dir), depth+1)
		}
		p.wrap(before, s.Wrap)
		return
	}
	s.Argv = words
	p.judge(&s, within)
	p.Starts = append(p.Starts, s)
}

// wrap hands a wrap on to what was found inside it.
func (p *Project) wrap(from int, w Wrap) {
	for i := from; i < len(p.Starts) && w != Bare; i++ {
		p.Starts[i].Wrap = w
	}
}

// ours reads a command line of botctl itself, wherever it stands behind exec and the like. rest is the command that
// it becomes or supervises; that of the bundled bot is "botctl bot".
func ours(words []string) (wrap Wrap, rest []string, ok bool) {
	for i, w := range words[:min(len(words), 8)] {
		if path.Base(w) != "botctl" || i+1 == len(words) {
			continue
		}
		inner, dashed := behindDashes(words[i+2:])
		switch verb := words[i+1]; {
		case verb == "run" && !dashed:
			return Supervised, []string{"botctl", "bot"}, true
		case verb == "run":
			return Supervised, inner, true
		case verb == "guard" && dashed:
			return Guarded, inner, true
		}
	}
	return Bare, nil, false
}

func behindDashes(words []string) ([]string, bool) {
	i := slices.Index(words, "--")
	if i < 0 {
		return nil, false
	}
	return words[i+1:], true
}

// many are the texts of a program that runs several commands at once.
func many(words []string) []string {
	for i, w := range words[:min(len(words), 4)] {
		if path.Base(w) != "concurrently" {
			continue
		}
		return slices.DeleteFunc(slices.Clone(words[i+1:]), func(text string) bool { return !strings.Contains(text, " ") })
	}
	return nil
}

// tied adds to how an entry sets its token what stands before its command.
func tied(by string, env []string) string {
	for _, kv := range env {
		if name, _, _ := strings.Cut(kv, "="); holdsToken(name) {
			by += "\n" + kv
		}
	}
	return by
}

// holdsToken says whether a variable of that name holds a bot's token.
func holdsToken(name string) bool {
	return slices.Contains([]string{"TELEGRAM_BOT_TOKEN", "BOT_TOKEN", "TELEGRAM_TOKEN", "TOKEN", "BOTCTL_TOKEN_FILE", "BOTCTL_TOKEN_ENV"}, name)
}
