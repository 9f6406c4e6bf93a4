package doctor

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// judge decides whether a start polls. Its source decides where it can be read; else its name, as it does for
// kill-stale.
func (p *Project) judge(s *Start, dir string) {
	if slices.Equal(s.Argv, []string{"botctl", "bot"}) {
		s.Polls, s.Why = Yes, "the bundled bot"
		return
	}
	prog := p.program(s.Argv)
	if prog.Kind == Unknown {
		return
	}
	if n := workers(prog); prog.Kind == App && n > 1 {
		s.Many = n * max(s.Many, 1)
	}
	if prog.Kind == Native {
		p.judgeNative(s, prog)
		return
	}
	known := p.known(prog)
	file := p.find(prog, dir)
	src := p.sources[file]
	switch {
	case file == "" && known:
		s.Polls, s.Why = Yes, "runs "+prog.Name
	case file == "":
	case len(src.polls) > 0 && src.guarded:
		s.Polls, s.Why = Maybe, at(file, src.polls[0])+" polls, and looks at where it runs"
	case len(src.polls) > 0:
		s.Polls, s.Why = Yes, at(file, src.polls[0])+" polls"
	default:
		if by := p.reaches(file, func(s source) []int { return s.polls }); by != "" {
			s.Polls, s.Why = Maybe, file+" imports "+by+", which polls"
		} else if known {
			s.Polls, s.Why = Maybe, "runs "+file
		}
	}
}

// judgeNative is for programs that are compiled: what a folder's Go sources do says something of them.
func (p *Project) judgeNative(s *Start, prog Program) {
	name := path.Base(prog.Name)
	switch {
	case name == "botctl-bot":
		s.Polls, s.Why = Yes, "the bundled bot"
		return
	case p.child.Kind == Native && path.Base(p.child.Name) == name:
		s.Polls, s.Why = Yes, "runs "+name
		return
	case name == "go" && len(prog.Args) > 1 && prog.Args[0] == "run":
		name = path.Base(prog.Args[1])
	case !strings.Contains(prog.Name, "/") && name != "out": // which is what Railway's builder calls a Go program
		return // it is found in the PATH, and is none of this folder
	}
	for _, file := range sorted(p.sources) {
		src := p.sources[file]
		if path.Ext(file) != ".go" || len(src.polls) == 0 {
			continue
		}
		if path.Base(path.Dir(file)) == name {
			s.Polls, s.Why = Yes, at(file, src.polls[0])+" polls"
			return
		}
		if s.Polls == No && !p.isMain(name) {
			s.Polls, s.Why = Maybe, at(file, src.polls[0])+" polls"
		}
	}
}

// isMain says that the folder has a folder of that name with a Go program of its own.
func (p *Project) isMain(name string) bool {
	for file := range p.sources {
		if path.Ext(file) == ".go" && path.Base(path.Dir(file)) == name {
			return true
		}
	}
	return false
}

// known says that a program has the name of one that competes for a bot.
func (p *Project) known(prog Program) bool {
	own := stem(prog)
	return own == "bot" || own == "api_server" || p.child.Kind != Unknown && p.child.Kind != Native && stem(p.child) == own
}

func stem(prog Program) string {
	name := prog.Name
	switch prog.Kind {
	case App:
		name, _, _ = strings.Cut(name, ":")
		fallthrough
	case Module:
		name = strings.ReplaceAll(strings.TrimSuffix(name, ".py"), ".", "/")
	default:
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	return path.Base(strings.TrimSuffix(name, "/__main__"))
}

// find is the file of source that a program runs; "" when it is not here. What stands before a path in a container
// or on another machine is left out piece by piece.
func (p *Project) find(prog Program, dir string) string {
	name := prog.Name
	var names []string
	switch prog.Kind {
	case App:
		name, _, _ = strings.Cut(name, ":")
		fallthrough
	case Module:
		name = strings.ReplaceAll(strings.TrimSuffix(name, ".py"), ".", "/")
		names = []string{name + ".py", name + "/__main__.py", name + "/__init__.py"}
	default:
		names = []string{name}
		if path.Ext(name) == "" {
			names = append(names, name+".py", name+".js", name+"/__main__.py", name+"/index.js")
		}
		if rest, ok := strings.CutSuffix(name, ".js"); ok { // what is built of TypeScript
			names = append(names, rest+".ts", strings.Replace(rest, "dist/", "src/", 1)+".ts", strings.Replace(rest, "build/", "src/", 1)+".ts")
		}
	}
	for _, n := range names {
		for _, full := range []string{path.Join(dir, n), path.Join("src", n), n} {
			for full = strings.TrimPrefix(path.Clean(full), "/"); full != "" && full != "."; {
				if _, ok := p.sources[full]; ok {
					return full
				}
				_, rest, ok := strings.Cut(full, "/")
				if !ok {
					break
				}
				full = rest
			}
		}
	}
	return ""
}

// workers is how many processes a server of apps makes, each of which runs the app.
func workers(prog Program) int {
	for i, a := range prog.Args {
		v, ok := strings.CutPrefix(a, "--workers=")
		if (a == "--workers" || a == "-w") && i+1 < len(prog.Args) {
			v, ok = prog.Args[i+1], true
		} else if rest, short := strings.CutPrefix(a, "-w"); short && rest != "" && !ok {
			v, ok = rest, true
		}
		if n, err := strconv.Atoi(v); ok && err == nil {
			return min(n, 1000)
		}
	}
	return 0
}
