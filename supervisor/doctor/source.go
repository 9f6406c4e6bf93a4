package doctor

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// source is what matters of one file of source.
type source struct {
	polls   []int    // lines that begin to poll
	base    []int    // lines that read the server's address
	guarded bool     // it looks at where it runs, and may refuse
	imports []string // packages of frameworks, as in frameworkTable
	local   []string // modules of the project that it may import
}

// language is how a language speaks of all that.
type language struct {
	comment string
	polls   *regexp.Regexp
	imports *regexp.Regexp // the first group that is not empty is a module
}

// reads is what source is read with. No other verb pays for it.
var reads = sync.OnceValue(func() (r struct {
	secret    *regexp.Regexp // what has the form of a token as Telegram issues them
	takesBase *regexp.Regexp // variables by which a source takes its server from botctl
	languages map[string]language
}) {
	r.secret = regexp.MustCompile(`\b[1-9][0-9]{7,10}:[A-Za-z0-9_-]{35}\b`)
	r.takesBase = regexp.MustCompile(`\b(?:TELEGRAM_API_BASE|BOTCTL_API_URL|TELOXIDE_API_URL)\b`)
	python := language{
		comment: "#",
		polls:   regexp.MustCompile(`\.(run_polling|start_polling|infinity_polling|polling|get_updates)\s*\(|getUpdates\b`),
		imports: regexp.MustCompile(`^\s*(?:from\s+([.\w]+)\s+import\s+([\w ,*]+)|import\s+([\w., ]+))`),
	}
	javascript := language{
		comment: "//",
		polls:   regexp.MustCompile(`\bstartPolling\s*\(|\bgetUpdates\b|\bpolling\s*:\s*(?:true|\{)|\.launch\s*\(|\bbot\.start\s*\(|\brun\s*\(\s*bot\b`),
		imports: regexp.MustCompile(`(?:\bfrom|\brequire\s*\(|\bimport\s*\(?)\s*["']([^"']+)["']`),
	}
	golang := language{
		comment: "//",
		polls:   regexp.MustCompile(`\.(?:GetUpdatesChan|GetUpdates|StartPolling|UpdatesViaLongPolling)\s*\(|\bLongPoller\s*\{|\bb(?:ot)?\.Start\s*\(`),
		imports: regexp.MustCompile(`^\s*(?:import\s+)?(?:[\w.]+\s+)?"([^"]+)"`),
	}
	r.languages = map[string]language{
		".py": python, ".js": javascript, ".mjs": javascript, ".cjs": javascript, ".ts": javascript, ".mts": javascript, ".go": golang,
	}
	return r
})

// isSource leaves out tests, which start bots of their own.
func isSource(file string) bool {
	name := path.Base(file)
	_, ok := reads().languages[path.Ext(name)]
	test := strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "test_") || name == "conftest.py" || strings.Contains(name, ".test.") || strings.Contains(name, ".spec.")
	return ok && !test
}

func readSource(file, text string) source {
	var s source
	lang := reads().languages[path.Ext(file)]
	for n, line := range numbered(text) {
		if strings.HasPrefix(strings.TrimSpace(line), lang.comment) {
			continue
		}
		if lang.polls.MatchString(line) {
			s.polls = append(s.polls, n)
		}
		if reads().takesBase.MatchString(line) {
			s.base = append(s.base, n)
		}
		s.guarded = s.guarded || strings.Contains(line, "RAILWAY_ENVIRONMENT") || strings.Contains(line, "RAILWAY_PROJECT_ID")
		for _, m := range lang.imports.FindAllStringSubmatch(line, 4) {
			s.imported(path.Ext(file), m[1:])
		}
	}
	// What is called start or launch is a poll in the hands of a framework alone.
	if path.Ext(file) != ".py" && len(s.imports) == 0 && !strings.Contains(text, "getUpdates") && !strings.Contains(text, "GetUpdates") {
		s.polls = nil
	}
	return s
}

// imported notes the modules of one statement.
func (s *source) imported(ext string, groups []string) {
	add := func(module string) {
		if f := frameworkOf(ext, module); f != "" {
			if !slices.Contains(s.imports, f) {
				s.imports = append(s.imports, f)
			}
		} else if len(s.local) < 256 && ext != ".go" {
			s.local = append(s.local, module)
		}
	}
	if ext != ".py" {
		add(groups[0])
		return
	}
	for module := range strings.SplitSeq(groups[2], ",") {
		if module, _, _ = strings.Cut(strings.TrimSpace(module), " "); module != "" {
			add(module)
		}
	}
	if from := groups[0]; from != "" {
		add(from)
		for name := range strings.SplitSeq(groups[1], ",") {
			if name, _, _ = strings.Cut(strings.TrimSpace(name), " "); name != "" && frameworkOf(ext, from) == "" {
				add(strings.TrimSuffix(from, ".") + "." + name)
			}
		}
	}
}

// candidates are the files that an import of file may mean, likeliest first.
func candidates(file, module string) []string {
	dir, ext := path.Dir(file), path.Ext(file)
	if ext != ".py" {
		if !strings.HasPrefix(module, ".") {
			return nil
		}
		base := path.Join(dir, module)
		list := []string{base}
		for _, e := range []string{".js", ".ts", ".mjs", ".cjs", ".mts"} {
			list = append(list, base+e, strings.TrimSuffix(base, path.Ext(base))+e, base+"/index"+e)
		}
		return list
	}
	dots := len(module) - len(strings.TrimLeft(module, "."))
	name := strings.ReplaceAll(module[dots:], ".", "/")
	var list []string
	if dots > 0 {
		for range dots - 1 {
			dir = path.Dir(dir)
		}
		list = append(list, path.Join(dir, name))
	} else {
		list = append(list, path.Join(dir, name), name, path.Join("src", name))
	}
	for i := len(list) - 1; i >= 0; i-- {
		list = append(list, list[i]+".py", list[i]+"/__init__.py")
	}
	return list
}

// maxReached bounds how far imports are followed, in files.
const maxReached = 64

// reaches is the first place, in what file imports, directly or not, that a source has; "" when there is none.
func (p *Project) reaches(file string, has func(source) []int) string {
	seen := map[string]bool{file: true}
	for queue := []string{file}; len(queue) > 0 && len(seen) < maxReached; queue = queue[1:] {
		for _, module := range p.sources[queue[0]].local {
			for _, c := range candidates(queue[0], module) {
				s, ok := p.sources[c]
				if !ok || seen[c] {
					continue
				}
				if lines := has(s); len(lines) > 0 {
					return at(c, lines[0])
				}
				seen[c] = true
				queue = append(queue, c)
			}
		}
	}
	return ""
}

// findBase tells the sources that poll and take their server from TELEGRAM_API_BASE, themselves or in what they
// import, from those that do not. When the bot's own command is known, its source alone counts; when no source polls, as
// far as one can see, any that reads the variable does.
func (p *Project) findBase(names []string) {
	own := p.find(p.child, "")
	polls := false
	for _, name := range names {
		s := p.sources[name]
		if len(s.polls) == 0 && name != own || own != "" && name != own {
			continue
		}
		polls = true
		switch where := p.baseOf(name); {
		case where != "":
			p.TakesBase = append(p.TakesBase, where)
		case len(s.polls) > 0:
			p.LacksBase = append(p.LacksBase, at(name, s.polls[0]))
		default:
			p.LacksBase = append(p.LacksBase, at(name, 1))
		}
	}
	for _, name := range names {
		if lines := p.sources[name].base; !polls && len(lines) > 0 {
			p.TakesBase = append(p.TakesBase, at(name, lines[0]))
		}
	}
}

// baseOf is where a source takes its server from TELEGRAM_API_BASE; "" when it does not. The packages of a Go module
// are not told apart.
func (p *Project) baseOf(file string) string {
	if lines := p.sources[file].base; len(lines) > 0 {
		return at(file, lines[0])
	}
	if path.Ext(file) == ".go" {
		for _, other := range sorted(p.sources) {
			if lines := p.sources[other].base; path.Ext(other) == ".go" && len(lines) > 0 {
				return at(other, lines[0])
			}
		}
	}
	return p.reaches(file, func(s source) []int { return s.base })
}
