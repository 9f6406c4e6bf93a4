package doctor

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

// requirement reads "name[extra]==version ; marker" of pip.
var requirement = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;#@)]*)`)
})

// manifests reads what the project is written with, and which versions it asks for.
func (p *Project) manifests(names []string) {
	var deps []dependency
	for _, name := range names {
		text := p.files[name]
		switch base := path.Base(name); {
		case isRequirements(base):
			for n, line := range numbered(text) {
				deps = append(deps, python3(line, at(name, n))...)
			}
		case base == "pyproject.toml" || base == "Pipfile":
			deps = append(deps, p.pyproject(name, text)...)
		case base == "package.json":
			deps = append(deps, p.node(name, text)...)
		case base == "go.mod":
			deps = append(deps, p.goMod(name, text)...)
		case base == ".python-version" || base == "runtime.txt":
			p.version("python", strings.TrimPrefix(firstLine(text), "python-"), name, 1)
		case base == ".nvmrc" || base == ".node-version":
			p.version("node", firstLine(text), name, 1)
		}
	}
	p.frameworks(deps)
}

func (p *Project) version(what, version, file string, line int) {
	if version = plain(version); version != "" {
		p.Versions = append(p.Versions, Version{What: what, Version: version, File: file, Line: line})
	}
}

// plain is a version as it may be shown; "" for what is none.
func plain(version string) string {
	version = strings.TrimSpace(version)
	if len(version) > 40 || strings.ContainsFunc(version, func(r rune) bool { return r < ' ' || r > '~' || r == ':' }) {
		return ""
	}
	return version
}

func firstLine(text string) string {
	for _, line := range numbered(text) {
		return strings.TrimSpace(line)
	}
	return ""
}

// python3 reads one requirement.
func python3(line, where string) []dependency {
	m := requirement().FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return nil
	}
	name := strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(m[1]))
	return []dependency{{".py", name, plain(strings.TrimPrefix(strings.TrimSpace(m[2]), "==")), where}}
}

func (p *Project) pyproject(file, text string) []dependency {
	var t struct {
		Project struct {
			RequiresPython any `toml:"requires-python"`
			Dependencies   any `toml:"dependencies"`
			Optional       any `toml:"optional-dependencies"`
		} `toml:"project"`
		Groups any `toml:"dependency-groups"`
		Tool   struct {
			Poetry struct {
				Dependencies any `toml:"dependencies"`
				Group        any `toml:"group"`
			} `toml:"poetry"`
		} `toml:"tool"`
		Packages any `toml:"packages"` // of a Pipfile
		Requires struct {
			Python any `toml:"python_version"`
		} `toml:"requires"`
	}
	if _, err := toml.Decode(text, &t); err != nil {
		p.unread(file, err)
		return nil
	}
	var deps []dependency
	table := func(of any) {
		named, _ := of.(map[string]any)
		for _, name := range sorted(named) {
			version, _ := named[name].(string)
			if fields, ok := named[name].(map[string]any); ok {
				version, _ = fields["version"].(string)
			}
			if strings.EqualFold(name, "python") {
				p.version("python", version, file, lineOf(text, name))
				continue
			}
			for _, d := range python3(name, at(file, lineOf(text, name))) {
				d.version = plain(strings.TrimPrefix(version, "=="))
				deps = append(deps, d)
			}
		}
	}
	var list func(of any, depth int)
	list = func(of any, depth int) {
		switch of := of.(type) {
		case string:
			deps = append(deps, python3(of, at(file, lineOf(text, of)))...)
		case []any:
			for _, item := range of {
				list(item, depth+1)
			}
		case map[string]any:
			for _, name := range sorted(of) {
				if depth < maxDepth {
					list(of[name], depth+1)
				}
			}
		}
	}
	if v, ok := t.Project.RequiresPython.(string); ok {
		p.version("python", v, file, lineOf(text, "requires-python"))
	}
	if v, ok := t.Requires.Python.(string); ok {
		p.version("python", v, file, lineOf(text, "python_version"))
	}
	list(t.Project.Dependencies, 0)
	list(t.Project.Optional, 0)
	list(t.Groups, 0)
	table(t.Tool.Poetry.Dependencies)
	groups, _ := t.Tool.Poetry.Group.(map[string]any)
	for _, name := range sorted(groups) {
		if group, ok := groups[name].(map[string]any); ok {
			table(group["dependencies"])
		}
	}
	table(t.Packages)
	return deps
}

func (p *Project) node(file, text string) []dependency {
	pkg, err := readPackageJSON(text)
	if err != nil {
		return nil // npmStart has said so
	}
	p.version("node", pkg.Engines.Node, file, lineOf(text, `"node"`))
	var deps []dependency
	for _, table := range []map[string]string{pkg.Dependencies, pkg.DevDependencies} {
		for _, name := range sorted(table) {
			version, real := table[name], name
			if alias, ok := strings.CutPrefix(version, "npm:"); ok { // another name for it here
				if i := strings.LastIndexByte(alias, '@'); i > 0 {
					real, version = alias[:i], alias[i+1:]
				}
			}
			deps = append(deps, dependency{".js", real, plain(version), at(file, lineOf(text, `"`+name+`"`))})
		}
	}
	return deps
}

func (p *Project) goMod(file, text string) []dependency {
	var deps []dependency
	for n, line := range numbered(text) {
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(words) != 2 {
			continue
		}
		if words[0] == "go" {
			p.version("go", words[1], file, n)
			continue
		}
		deps = append(deps, dependency{".go", words[0], plain(strings.TrimPrefix(words[1], "v")), at(file, n)})
	}
	return deps
}
