package doctor

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// image is what a container of a Dockerfile runs: ENTRYPOINT and CMD of its last stage.
type image struct {
	entrypoint, cmd instruction
	workdir         string
}

type instruction struct {
	line  int
	words []string // of the exec form
	text  string   // of the shell form
}

func (i instruction) given() bool { return i.line > 0 }

func readDockerfile(text string) image {
	var im image
	stages, stage := map[string]image{}, ""
	for n, line := range dockerLines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		switch strings.ToUpper(name) {
		case "FROM":
			stages[stage] = im
			words := slices.DeleteFunc(strings.Fields(strings.ToLower(rest)), func(w string) bool { return strings.HasPrefix(w, "--") })
			im, stage = image{}, ""
			if len(words) > 0 {
				im = stages[words[0]]
			}
			if len(words) == 3 && words[1] == "as" {
				stage = words[2]
			}
		case "WORKDIR":
			im.workdir = path.Join(im.workdir, rest)
		case "ENTRYPOINT":
			im.entrypoint = readInstruction(n, rest)
			im.cmd = instruction{} // it forgets the CMD of its parent
		case "CMD":
			im.cmd = readInstruction(n, rest)
		}
	}
	return im
}

func readInstruction(n int, rest string) instruction {
	i := instruction{line: n, text: rest}
	if json.Unmarshal([]byte(rest), &i.words) == nil && i.words != nil {
		i.text = ""
		if len(i.words) == 0 {
			i.line = 0 // [] takes away the parent's
		}
	}
	return i
}

// dockerLines joins continued lines and drops comments, also those between them.
func dockerLines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		whole, first := "", 0
		for n, line := range numbered(text) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
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

// start adds what the image runs. command and entrypoint, when given, take the place of its own.
func (p *Project) image(e entry, im image) {
	cmd, entry := im.cmd, im.entrypoint
	e.dir = path.Join(e.dir, strings.TrimPrefix(im.workdir, "/"))
	switch {
	case !entry.given() && !cmd.given():
	case !entry.given():
		e.line = cmd.line
		p.instruction(e, cmd)
	case entry.words == nil: // the shell form takes no CMD
		e.line = entry.line
		p.instruction(e, entry)
	default:
		// Many entry points are scripts that end in exec "$@": then the CMD is the command.
		e.line = entry.line
		words := entry.words
		if cmd.given() && cmd.words != nil {
			words = slices.Concat(words, cmd.words)
		} else if cmd.given() {
			words = slices.Concat(words, []string{"/bin/sh", "-c", cmd.text})
		}
		if base := path.Base(words[0]); len(words) > len(entry.words) && strings.HasSuffix(base, ".sh") {
			e.line, words = cmd.line, words[len(entry.words):]
		}
		p.argv(e, words, nil, "", 0)
	}
}

func (p *Project) instruction(e entry, i instruction) {
	if i.words != nil {
		p.argv(e, i.words, nil, "", 0)
		return
	}
	p.shell(e, i.text)
}
