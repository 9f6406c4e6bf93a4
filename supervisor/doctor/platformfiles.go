package doctor

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// tomlStarts reads what a platform's TOML file starts: railway.toml, nixpacks.toml, fly.toml.
func (p *Project) tomlStarts(file, text string) {
	var t struct {
		Deploy struct {
			StartCommand string `toml:"startCommand"`
			NumReplicas  int    `toml:"numReplicas"`
		} `toml:"deploy"`
		Start struct {
			Cmd string `toml:"cmd"`
		} `toml:"start"`
		Processes map[string]string `toml:"processes"`
	}
	if _, err := toml.Decode(text, &t); err != nil {
		p.unread(file, err)
		return
	}
	if c := t.Deploy.StartCommand; c != "" {
		p.shell(entry{file: file, line: lineOf(text, "startCommand"), name: "startCommand", group: file, many: t.Deploy.NumReplicas}, c)
	}
	if c := t.Start.Cmd; c != "" {
		p.shell(entry{file: file, line: lineOf(text, "cmd"), name: "start", group: file}, c)
	}
	for _, name := range sorted(t.Processes) {
		p.shell(entry{file: file, line: lineOf(text, name), name: name, group: file}, t.Processes[name])
	}
}

// jsonStarts reads railway.json and railpack.json.
func (p *Project) jsonStarts(file, text string) {
	var t struct {
		Deploy struct {
			StartCommand string `json:"startCommand"`
			NumReplicas  int    `json:"numReplicas"`
		} `json:"deploy"`
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		p.unread(file, err)
		return
	}
	if c := t.Deploy.StartCommand; c != "" {
		p.shell(entry{file: file, line: lineOf(text, `"startCommand"`), name: "startCommand", group: file, many: t.Deploy.NumReplicas}, c)
	}
}

// supervisord reads the programs of supervisord.conf.
func (p *Project) supervisord(file, text string) {
	name, dir := "", ""
	var e entry
	var command string
	flush := func() {
		if command != "" {
			e.dir = dir
			p.shell(e, command)
		}
		command, dir = "", ""
	}
	for n, line := range numbered(text) {
		line = strings.TrimSpace(line)
		if section, ok := strings.CutPrefix(line, "["); ok {
			flush()
			name, ok = strings.CutPrefix(strings.TrimSuffix(section, "]"), "program:")
			if !ok {
				name = ""
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || name == "" || strings.HasPrefix(line, ";") || strings.HasPrefix(line, "#") {
			continue
		}
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "command":
			e, command = entry{file: file, line: n, name: name, group: file}, value
		case "directory":
			dir = value
		}
	}
	flush()
}

// packageJSON is what is read of that file.
type packageJSON struct {
	Scripts map[string]string `json:"scripts"`
	Engines struct {
		Node string `json:"node"`
	} `json:"engines"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
}

// readPackageJSON is lenient about a field of another form, as npm is about some.
func readPackageJSON(text string) (pkg packageJSON, err error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return pkg, err
	}
	for key, into := range map[string]any{
		"scripts": &pkg.Scripts, "engines": &pkg.Engines, "dependencies": &pkg.Dependencies, "devDependencies": &pkg.DevDependencies,
	} {
		if v, ok := raw[key]; ok && json.Unmarshal(v, into) != nil {
			continue
		}
	}
	return pkg, nil
}

// npmStart is the start of a package when nothing else says how.
func (p *Project) npmStart(file, text string) {
	pkg, err := readPackageJSON(text)
	if err != nil {
		p.unread(file, err)
		return
	}
	if command := pkg.Scripts["start"]; command != "" {
		p.shell(entry{file: file, line: lineOf(text, `"start"`), name: "start", group: file, dir: path.Dir(file)}, command)
	}
}

// script is the text that "npm start", "npm run NAME", "yarn NAME" and the like run.
func (p *Project) script(words []string, dir string) (string, bool) {
	i := slices.IndexFunc(words[:min(len(words), 4)], func(w string) bool {
		return slices.Contains([]string{"npm", "yarn", "pnpm", "bun"}, path.Base(w))
	})
	if i < 0 {
		return "", false
	}
	operands := slices.DeleteFunc(slices.Clone(words[i+1:]), func(w string) bool { return strings.HasPrefix(w, "-") })
	if len(operands) > 0 && (operands[0] == "run" || operands[0] == "run-script") {
		operands = operands[1:]
	}
	if len(operands) == 0 {
		return "", false
	}
	pkg, err := readPackageJSON(p.files[path.Join(dir, "package.json")])
	if err != nil || pkg.Scripts[operands[0]] == "" {
		if pkg, err = readPackageJSON(p.files["package.json"]); err != nil {
			return "", false
		}
	}
	text := pkg.Scripts[operands[0]]
	return text, text != ""
}

// lineOf is the first line that has the text, for files whose reader knows no lines; 1 when none has.
func lineOf(text, part string) int {
	for n, line := range numbered(text) {
		if strings.Contains(line, part) {
			return n
		}
	}
	return 1
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
