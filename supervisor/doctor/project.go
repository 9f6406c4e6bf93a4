package doctor

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Folder is what a project's folder holds.
type Folder struct {
	// Files are the texts of the files that Wanted names, by their path in the folder, with slashes.
	Files map[string]string
	// Dir is where the folder is on this machine.
	Dir string
	// Units and Crontabs are files of this machine, outside the folder, that speak of it, by their absolute path.
	Units, Crontabs map[string]string
	// Program reads a command line. It knows which words of it are the script.
	Program func(argv []string) Program
	// Command is the bot's own command line, when it is known.
	Command []string
}

// Program is what a command line runs.
type Program struct {
	Kind Kind
	Name string   // script path, module, app ("api_server:app") or program path
	Args []string // what follows it
}

// Kind is what a Program's Name names.
type Kind int

// The kinds.
const (
	Unknown Kind = iota
	Script
	Module
	App
	Native
)

// Project is what Read has found in a folder.
type Project struct {
	Starts     []Start
	Frameworks []Used
	Versions   []Version
	TakesBase  []string // "file:line" where a source that polls takes its server from TELEGRAM_API_BASE
	LacksBase  []string // "file:line" of the sources that poll and do not
	Sources    int      // how many files of source there are
	Secrets    []string // "file:line" where a token stands in a file that is no .env
	Unread     []string // files that could not be read, with the cause

	files   map[string]string
	sources map[string]source
	program func([]string) Program
	child   Program
	linked  map[string]bool // Dockerfiles that a compose file builds
}

// Version is what a file says of a language.
type Version struct {
	What, Version string
	File          string
	Line          int
}

// Wanted says whether Read looks at a file, by its path in the folder. Sources lie deeper than the other files.
func Wanted(file string) bool {
	deep := strings.Count(file, "/")
	return deep <= 5 && isSource(file) || deep <= 3 && (reader(file) != nil || isManifest(path.Base(file)))
}

// reader is what reads the starts of a file; nil for other files. Dockerfiles come behind the compose files that
// may build them.
func reader(file string) func(p *Project, file, text string) {
	switch name := strings.ToLower(path.Base(file)); {
	case name == "procfile" || strings.HasPrefix(name, "procfile."):
		return (*Project).procfile
	case isCompose(name):
		return (*Project).compose
	case path.Ext(name) == ".service":
		return (*Project).unit
	case name == "railway.toml" || name == "nixpacks.toml" || name == "fly.toml":
		return (*Project).tomlStarts
	case name == "railway.json" || name == "railpack.json":
		return (*Project).jsonStarts
	case name == "render.yaml":
		return (*Project).renderYAML
	case name == "supervisord.conf":
		return (*Project).supervisord
	case isDockerfile(name):
		return (*Project).dockerfile
	case name == "package.json":
		return (*Project).npmStart
	}
	return nil
}

func isCompose(name string) bool {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	return (ext == ".yml" || ext == ".yaml") &&
		(stem == "compose" || stem == "docker-compose" || strings.HasPrefix(stem, "compose.") || strings.HasPrefix(stem, "docker-compose."))
}

func isDockerfile(name string) bool {
	return name == "dockerfile" || name == "containerfile" || strings.HasPrefix(name, "dockerfile.") || path.Ext(name) == ".dockerfile"
}

// Read looks at everything in a folder.
func Read(f Folder) Project {
	p := Project{files: f.Files, sources: map[string]source{}, program: f.Program, linked: map[string]bool{}}
	if p.program == nil {
		p.program = func([]string) Program { return Program{} }
	}
	p.child = p.program(f.Command)
	names := sorted(f.Files)
	for _, name := range names {
		if isSource(name) {
			p.sources[name] = readSource(name, f.Files[name])
			p.Sources++
		}
	}
	// Dockerfiles come last: a compose file may have taken one for a service of its own.
	slices.SortStableFunc(names, func(a, b string) int {
		return order(a) - order(b)
	})
	for _, name := range names {
		if read := reader(name); read != nil {
			read(&p, name, f.Files[name])
		}
	}
	for _, name := range sorted(f.Units) {
		p.unit(name, f.Units[name])
	}
	for _, name := range sorted(f.Crontabs) {
		p.crontab(name, f.Crontabs[name], f.Dir, strings.HasPrefix(name, "/etc/"))
	}
	p.manifests(names)
	p.findBase(names)
	p.findSecrets(names)
	return p
}

func order(file string) int {
	if isDockerfile(strings.ToLower(path.Base(file))) {
		return 1
	}
	return 0
}

// dockerfile reads one that no compose file has taken.
func (p *Project) dockerfile(file, text string) {
	if !p.linked[file] {
		p.image(entry{file: file, name: "CMD", group: file, dir: path.Dir(file)}, readDockerfile(text))
	}
}

// unread notes a file whose form is not its own. The cause may quote the file, so it is not told.
func (p *Project) unread(file string, err error) {
	if err != nil {
		p.Unread = append(p.Unread, file)
	}
}

// findSecrets looks for tokens in files that are not made for them.
func (p *Project) findSecrets(names []string) {
	for _, name := range names {
		if isLock(path.Base(name)) {
			continue
		}
		for n, line := range numbered(p.files[name]) {
			if reads().secret.MatchString(line) {
				p.Secrets = append(p.Secrets, at(name, n))
			}
		}
	}
}

func at(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
