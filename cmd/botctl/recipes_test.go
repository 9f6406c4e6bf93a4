package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// recipe is a fenced block of a document whose info string ends with the word run: "```procfile run".
type recipe struct {
	where string // the headline above it, its language, and which of these it is
	lang  string
	text  string
}

// readRecipes takes the blocks out of a document of Markdown.
func readRecipes(t *testing.T, path string) []recipe {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []recipe
	var open *recipe
	seen, headline, fenced := map[string]int{}, "", false
	for line := range strings.Lines(string(text)) {
		info, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && fenced:
			if open != nil {
				list = append(list, *open)
			}
			open, fenced = nil, false
		case fence:
			fenced = true
			if words := strings.Fields(info); len(words) == 2 && words[1] == "run" {
				open = &recipe{where: headline + " " + words[0], lang: words[0]}
				if seen[open.where]++; seen[open.where] > 1 {
					open.where += fmt.Sprint(" ", seen[open.where])
				}
			}
		case open != nil:
			open.text += line
		case !fenced && strings.HasPrefix(line, "#"):
			headline = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if fenced {
		t.Fatalf("%s: a block is not closed", path)
	}
	return list
}

// start is one way in which a platform starts what a recipe says.
type start struct {
	how    string
	argv   []string
	pid1   bool   // as process 1 of a PID namespace, as in a container
	notify bool   // under a NOTIFY_SOCKET, and ready when that has heard so
	signal string // which is sent to stop it
	health string // a command that is to succeed beside it, in a shell; "": none

	env     []string          // what the platform sets
	files   map[string]string // that it reads
	lease   string            // the variable with the lease's URL; "": there is none
	listens bool              // the platform asks for /readyz
}

// starts says how the platforms that read this kind of file start what it names.
func (r recipe) starts(t *testing.T) []start {
	t.Helper()
	list := r.commands(t)
	headline, _, _ := strings.Cut(r.where, " ")
	for i := range list {
		list[i].env = platformVars[headline]
		list[i].listens = strings.Contains(r.text, "--listen ") || strings.Contains(r.text, `"--listen"`)
		if m := leaseVariable.FindStringSubmatch(r.text); m != nil {
			list[i].lease = m[1]
		}
	}
	return list
}

// platformVars are what a platform sets, by its headline.
var platformVars = map[string][]string{
	"Railway":    {"RAILWAY_DEPLOYMENT_ID=d-1", "RAILWAY_REPLICA_ID=r-1", "RAILWAY_PROJECT_ID=p-1", "RAILWAY_ENVIRONMENT_ID=e-1", "RAILWAY_DEPLOYMENT_DRAINING_SECONDS=15"},
	"Heroku":     {"DYNO=worker.1"},
	"Render":     {"RENDER=true", "RENDER_GIT_COMMIT=c0ffee", "RENDER_INSTANCE_ID=srv-1-a", "RENDER_SERVICE_ID=srv-1"},
	"Fly":        {"FLY_APP_NAME=bot", "FLY_MACHINE_ID=m-1", "FLY_MACHINE_VERSION=v-1"},
	"Kubernetes": {"KUBERNETES_SERVICE_HOST=10.0.0.1", "POD_TEMPLATE_HASH=5d8f9c7b6", "POD_NAMESPACE=bots"},
}

// leaseVariable finds the variable in a command, or in a list of its words.
var leaseVariable = regexp.MustCompile(`--lease\W+env:(\w+)`)

// commands says what is started. In every form there is exactly one command.
func (r recipe) commands(t *testing.T) []start {
	t.Helper()
	bash := func(command string) start {
		return start{how: "bash, process 1", argv: []string{"bash", "-c", command}, pid1: true, signal: "TERM"}
	}
	// A shell such as dash stays, and is what the signal reaches, unless it is told to exec.
	shells := func(command string) []start {
		if command = strings.TrimSpace(command); !strings.HasPrefix(command, "exec ") {
			t.Errorf("%s: a shell that does not exec keeps the signal from botctl: %s", r.where, command)
		}
		return []start{bash(command), {how: "sh", argv: []string{"sh", "-c", command}, signal: "TERM"}}
	}
	exec := func(argv []string) start {
		return start{how: "no shell, process 1", argv: argv, pid1: true, signal: "TERM"}
	}
	switch r.lang {
	case "procfile":
		_, command := r.only(t, ": ")
		return shells(command)
	case "sh":
		return shells(r.text)
	case "json": // railway.json or package.json
		var file struct {
			Deploy struct {
				StartCommand string `json:"startCommand"`
			} `json:"deploy"`
			Scripts struct {
				Start string `json:"start"`
			} `json:"scripts"`
		}
		decode(t, r.text, &file)
		if file.Scripts.Start != "" {
			one := exec([]string{"npm", "start"})
			one.files = map[string]string{"package.json": r.text}
			return []start{one}
		}
		// Railpack's images have bash for an entry point; of others Railway replaces that.
		return []start{bash(file.Deploy.StartCommand), exec(strings.Fields(file.Deploy.StartCommand))}
	case "dockerfile":
		one := exec(r.list(t, "CMD "))
		_, one.health, _ = strings.Cut(r.line(t, "HEALTHCHECK "), " CMD ")
		return []start{one}
	case "console": // typed, and ended by Ctrl-C
		one := start{how: "typed", argv: strings.Fields(r.line(t, "$ ")), signal: "INT"}
		return []start{one}
	case "yaml":
		if command := r.find("startCommand: "); command != "" {
			return shells(command)
		}
		return []start{exec(r.list(t, "command: "))}
	case "toml": // fly.toml
		one := exec(strings.Fields(r.text1(t, "bot = ")))
		one.signal = "INT" // Fly's default
		if name := r.find("kill_signal = "); name != "" {
			one.signal = strings.TrimPrefix(strings.Trim(name, `"`), "SIG")
		}
		return []start{one}
	case "ini":
		return []start{{how: "as a unit", argv: strings.Fields(r.line(t, "ExecStart=")), notify: true, signal: "TERM"}}
	}
	t.Fatalf("%s: nobody knows how to run a block of %s", r.where, r.lang)
	return nil
}

// only is the two halves of a file's single line.
func (r recipe) only(t *testing.T, sep string) (name, rest string) {
	t.Helper()
	name, rest, ok := strings.Cut(strings.TrimSpace(r.text), sep)
	if !ok || strings.Contains(rest, "\n") {
		t.Fatalf("%s: want one line with %q", r.where, sep)
	}
	return name, rest
}

// find is what stands behind a mark at the beginning of a line; "" if nothing does.
func (r recipe) find(mark string) string {
	for line := range strings.Lines(r.text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), mark); ok {
			return rest
		}
	}
	return ""
}

func (r recipe) line(t *testing.T, mark string) string {
	t.Helper()
	rest := r.find(mark)
	if rest == "" {
		t.Fatalf("%s: no line begins with %q", r.where, mark)
	}
	return rest
}

// text1 is a quoted text behind a mark, and list a list of such.
func (r recipe) text1(t *testing.T, mark string) (text string) {
	t.Helper()
	r.quoted(t, mark, &text)
	return text
}

func (r recipe) list(t *testing.T, mark string) (list []string) {
	t.Helper()
	r.quoted(t, mark, &list)
	return list
}

func (r recipe) quoted(t *testing.T, mark string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.line(t, mark)), v); err != nil {
		t.Fatalf("%s: %s %v", r.where, mark, err)
	}
}
