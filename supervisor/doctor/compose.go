package doctor

import (
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds how deep a value is looked into: an alias may lead round in a circle.
const maxDepth = 8

// maxMerged bounds how many mappings one is made of.
const maxMerged = 4

// compose reads the services of a compose file. One without a command runs what its Dockerfile says, when that is here.
func (p *Project) compose(file, text string) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		p.unread(file, err)
		return
	}
	dir := path.Dir(file)
	for name, service := range pairs(get(doc.Content[0], "services", 0), 0) {
		e := entry{file: file, line: name.Line, name: name.Value, group: file, dir: dir, tied: ties(service)}
		e.off = get(service, "profiles", 0) != nil
		for _, at := range []*yaml.Node{get(service, "scale", 0), get(get(service, "deploy", 0), "replicas", 0)} {
			if n, err := strconv.Atoi(scalar(at)); err == nil {
				e.many, e.off = n, e.off || n == 0
			}
		}
		im, built := p.built(service, dir)
		if wd := scalar(get(service, "working_dir", 0)); wd != "" {
			im.workdir = wd
		}
		given := false
		if at := get(service, "entrypoint", 0); at != nil {
			im.entrypoint, im.cmd, given = instructionOf(at), instruction{}, true
		}
		if at := get(service, "command", 0); at != nil {
			im.cmd, given = instructionOf(at), true
		}
		before := len(p.Starts)
		p.image(e, im)
		for i := before; i < len(p.Starts); i++ {
			if s := &p.Starts[i]; !given {
				s.Line = e.line
				p.linked[built] = true // the image's own start is this one
			}
		}
	}
}

// built is the image of a service's Dockerfile, and its name; "" when it is not here.
func (p *Project) built(service *yaml.Node, dir string) (image, string) {
	at := get(service, "build", 0)
	if at == nil {
		return image{}, ""
	}
	context, name := ".", "Dockerfile"
	if at.Kind == yaml.ScalarNode {
		context = at.Value
	} else {
		if v := scalar(get(at, "context", 0)); v != "" {
			context = v
		}
		if v := scalar(get(at, "dockerfile", 0)); v != "" {
			name = v
		}
	}
	file := path.Join(dir, context, name)
	text, ok := p.files[file]
	if !ok {
		return image{}, ""
	}
	im := readDockerfile(text)
	return im, file
}

// ties are how a service sets its own token.
func ties(service *yaml.Node) string {
	var b strings.Builder
	env := get(service, "environment", 0)
	if env != nil && env.Kind == yaml.SequenceNode {
		for _, item := range env.Content {
			if name, _, ok := strings.Cut(scalar(item), "="); ok && holdsToken(name) {
				b.WriteString("\n" + item.Value)
			}
		}
	} else {
		for name, v := range pairs(env, 0) {
			if holdsToken(name.Value) && scalar(v) != "" {
				b.WriteString("\n" + name.Value + "=" + scalar(v))
			}
		}
	}
	files := get(service, "env_file", 0)
	if files != nil && files.Kind == yaml.SequenceNode {
		for _, item := range files.Content {
			b.WriteString("\nenv_file=" + scalar(item))
		}
	} else if v := scalar(files); v != "" {
		b.WriteString("\nenv_file=" + v)
	}
	return b.String()
}

// instructionOf is a command as compose files have it: a list, or a text that is split but run without a shell.
func instructionOf(at *yaml.Node) instruction {
	at = followed(at, 0)
	i := instruction{line: at.Line, words: []string{}}
	if at.Kind == yaml.SequenceNode {
		for _, item := range at.Content {
			i.words = append(i.words, scalar(item))
		}
	} else {
		for s := (&scanner{text: scalar(at)}); ; {
			word, operator, ok := s.next()
			if !ok {
				break
			}
			if operator == "" {
				i.words = append(i.words, word)
			}
		}
	}
	if len(i.words) == 0 {
		i.line = 0
	}
	return i
}

// renderYAML reads a blueprint of Render: each service has a command of its own.
func (p *Project) renderYAML(file, text string) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		p.unread(file, err)
		return
	}
	services := followed(get(doc.Content[0], "services", 0), 0)
	if services == nil || services.Kind != yaml.SequenceNode {
		return
	}
	for _, service := range services.Content {
		for _, key := range []string{"startCommand", "dockerCommand"} {
			if at := get(service, key, 0); at != nil {
				e := entry{file: file, line: at.Line, name: scalar(get(service, "name", 0)), group: file, dir: scalar(get(service, "rootDir", 0))}
				if n, err := strconv.Atoi(scalar(get(service, "numInstances", 0))); err == nil {
					e.many = n
				}
				p.shell(e, scalar(at))
			}
		}
	}
}

// followed is what an alias stands for.
func followed(n *yaml.Node, depth int) *yaml.Node {
	for ; n != nil && n.Kind == yaml.AliasNode && depth < maxDepth; depth++ {
		n = n.Alias
	}
	return n
}

// get is the value of key in a mapping, or in what is merged into it; nil when there is none.
func get(n *yaml.Node, key string, depth int) *yaml.Node {
	for name, v := range pairs(n, depth) {
		if name.Value == key {
			return followed(v, depth)
		}
	}
	return nil
}

// pairs are the keys and values of a mapping, and then of those that are merged into it by "<<".
func pairs(n *yaml.Node, depth int) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) { walk(n, depth, yield) }
}

func walk(n *yaml.Node, depth int, yield func(key, value *yaml.Node) bool) bool {
	n = followed(n, depth)
	if n == nil || n.Kind != yaml.MappingNode || depth >= maxDepth {
		return true
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], followed(n.Content[i+1], depth)
		switch {
		case key.Value == "<<" && value != nil && value.Kind == yaml.SequenceNode:
			merged = append(merged, value.Content[:min(len(value.Content), maxMerged)]...)
		case key.Value == "<<":
			merged = append(merged, value)
		case !yield(key, value):
			return false
		}
	}
	for _, m := range merged {
		if !walk(m, depth+2, yield) {
			return false
		}
	}
	return true
}

// scalar is the text of a value; "" when it is none.
func scalar(n *yaml.Node) string {
	n = followed(n, 0)
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}
