package doctor

import (
	"path"
	"strings"
)

// machine is the group of what this machine starts by itself.
const machine = "machine"

// unit reads a systemd unit: what its ExecStart starts, once it is installed.
func (p *Project) unit(file, text string) {
	e := entry{file: file, name: path.Base(file), group: "units"}
	if path.IsAbs(file) {
		e.group = machine
	}
	section, dir := "", ""
	type execStart struct {
		line int
		text string
	}
	var starts []execStart
	var tie strings.Builder
	for n, line := range joined(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || section != "Service" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch name {
		case "ExecStart":
			if value == "" {
				starts = nil // an empty one forgets those before it
				continue
			}
			starts = append(starts, execStart{n, strings.TrimLeft(value, "@-:+!|")})
		case "WorkingDirectory":
			dir = strings.TrimLeft(value, "-")
		case "Environment":
			for _, c := range commands(value) {
				for _, kv := range append(c.env, c.words...) {
					if name, _, _ := strings.Cut(kv, "="); holdsToken(name) {
						tie.WriteString("\n" + kv)
					}
				}
			}
		case "EnvironmentFile", "LoadCredential":
			tie.WriteString("\n" + name + "=" + value)
		}
	}
	e.tied, e.dir = tie.String(), dir
	for _, s := range starts {
		e.line = s.line
		// No shell reads it: operators are words.
		var words []string
		for sc := (&scanner{text: s.text}); ; {
			word, operator, ok := sc.next()
			if !ok {
				break
			}
			if operator == "" {
				words = append(words, word)
			}
		}
		p.argv(e, words, nil, "", 0)
	}
}

// joined are the lines of a text with those that end in a backslash put together, numbered by the first.
func joined(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		whole, first := "", 0
		for n, line := range numbered(text) {
			if first == 0 {
				first = n
			}
			if head, ok := strings.CutSuffix(strings.TrimRight(line, " \t\r"), `\`); ok && len(whole) < maxLine {
				whole += head + " "
				continue
			}
			if !yield(first, whole+line) {
				return
			}
			whole, first = "", 0
		}
		if whole != "" {
			yield(first, whole)
		}
	}
}
