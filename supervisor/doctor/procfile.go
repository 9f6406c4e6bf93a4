package doctor

import (
	"bufio"
	"iter"
	"strings"
)

// maxLine bounds a line of a file, in bytes. What is longer ends the reading.
const maxLine = 64 << 10

// numbered are the lines of a text, from 1.
func numbered(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		sc := bufio.NewScanner(strings.NewReader(text))
		sc.Buffer(nil, maxLine)
		for n := 1; sc.Scan() && yield(n, sc.Text()); n++ {
		}
	}
}

// procfile reads "name: command" a line. All of them are started, but for the release step.
func (p *Project) procfile(file, text string) {
	for n, line := range numbered(text) {
		name, command, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !ok || strings.HasPrefix(name, "#") || !plainName(name) {
			continue
		}
		p.shell(entry{file: file, line: n, name: name, group: file, off: name == "release"}, command)
	}
}

func plainName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// crontab reads the lines of a table of cron that speak of the project's folder. withUser: the sixth field is a user.
func (p *Project) crontab(file, text, dir string, withUser bool) {
	for n, line := range numbered(text) {
		fields := 5
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || !strings.Contains(line, dir) || isSetting(strings.SplitN(line, " ", 2)[0]):
			continue
		case line[0] == '@':
			fields = 1
		}
		if withUser {
			fields++
		}
		for range fields {
			_, rest, _ := strings.Cut(strings.TrimLeft(line, " \t"), " ")
			line = strings.TrimLeft(rest, " \t")
		}
		p.shell(entry{file: file, line: n, name: "cron", group: machine}, line)
	}
}
