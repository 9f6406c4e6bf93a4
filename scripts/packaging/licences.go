package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
)

// licencesFile holds the texts that the libraries in the binary want to be passed on with it.
const licencesFile = "THIRD-PARTY-LICENSES.txt"

var licenceName = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents)([.-].*)?$`)

// licencesOf collects what each module of the binary has at its top. A module without any is an error: it is looked at by
// a person first.
func licencesOf(b binary, root string) ([]byte, error) {
	info, err := buildinfo.ReadFile(b.path)
	if err != nil {
		return nil, fmt.Errorf("licences of %s: %w", b.platform, err)
	}
	args := []string{"mod", "download", "-json"}
	for _, dep := range info.Deps {
		args = append(args, dep.Path+"@"+dep.Version)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("licences of %s: go mod download: %w", b.platform, err)
	}
	var text bytes.Buffer
	if err := addLicences(&text, "Go "+runtime.Version(), goRoot()); err != nil {
		return nil, err
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Version, Dir string }
		if err := dec.Decode(&m); err == io.EOF {
			return text.Bytes(), nil
		} else if err != nil {
			return nil, fmt.Errorf("licences of %s: %w", b.platform, err)
		}
		if err := addLicences(&text, m.Path+" "+m.Version, m.Dir); err != nil {
			return nil, err
		}
	}
}

func goRoot() string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(out))
}

func addLicences(text *bytes.Buffer, of, dir string) error {
	found := 0
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("licence of %s: %w", of, err)
	}
	for _, f := range files {
		if f.IsDir() || !licenceName.MatchString(f.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "==== %s: %s\n\n%s\n\n", of, f.Name(), bytes.TrimSpace(data))
		found++
	}
	if found == 0 {
		return fmt.Errorf("licence of %s: there is none in %q", of, dir)
	}
	return nil
}
