package main

import (
	_ "embed"
	"encoding/json"
	"path/filepath"
)

// launcher is what the package's bin names: a shell script that becomes the binary of the platform package. A bin must lie in
// the package that declares it, and one in JavaScript would stay as a process between a signal and botctl.
//
//go:embed launcher.sh
var launcher []byte

// manifest is a package.json, in the order that people write it in.
type manifest struct {
	Name                 string            `json:"name"`
	Version              string            `json:"version"`
	Description          string            `json:"description"`
	License              string            `json:"license"`
	Keywords             []string          `json:"keywords,omitempty"`
	OS                   []string          `json:"os"`
	CPU                  []string          `json:"cpu"`
	Bin                  map[string]string `json:"bin,omitempty"`
	Man                  []string          `json:"man,omitempty"`
	OptionalDependencies map[string]string `json:"optionalDependencies,omitempty"`
	PreferUnplugged      bool              `json:"preferUnplugged"` // a program runs from no archive
}

// cpu is what Node calls an architecture.
func (p platform) cpu() string {
	return map[string]string{"amd64": "x64", "arm64": "arm64"}[p.arch]
}

// writeNPMPlatform makes the package that npm installs on one platform only. It has no bin of its own: two packages
// with the same one would overwrite each other's link.
func writeNPMPlatform(dir string, ver version, b binary, d manual) error {
	return writeNPM(dir, ver, d, manifest{
		Name:        "@botctl/" + b.os + "-" + b.cpu(),
		Description: "botctl for " + b.os + " on " + b.cpu() + "; install botctl",
		OS:          []string{b.os},
		CPU:         []string{b.cpu()},
	}, "botctl-"+b.os+"-"+b.cpu(), []entry{
		{name: "bin/botctl", mode: 0o755, from: b.path},
		{name: licencesFile, mode: 0o644, text: b.licences},
		{name: "botctl.cdx.json", mode: 0o644, text: b.sbom},
	})
}

// writeNPMMain makes the package that people install. It names every platform, also those that were not built now.
func writeNPMMain(dir string, ver version, d manual) error {
	m := manifest{
		Name:                 "botctl",
		Description:          summary,
		Keywords:             []string{"telegram", "bot", "supervisor", "getUpdates", "409"},
		Bin:                  map[string]string{"botctl": "bin/botctl"},
		OptionalDependencies: map[string]string{},
	}
	seen := map[string]bool{}
	for _, p := range platforms {
		m.OptionalDependencies["@botctl/"+p.os+"-"+p.cpu()] = ver.plain()
		if !seen[p.os] {
			m.OS, seen[p.os] = append(m.OS, p.os), true
		}
		if !seen[p.arch] {
			m.CPU, seen[p.arch] = append(m.CPU, p.cpu()), true
		}
	}
	files := []entry{{name: "bin/botctl", mode: 0o755, text: launcher}}
	for _, page := range d.man {
		m.Man = append(m.Man, "man/"+filepath.Base(page))
		files = append(files, entry{name: "man/" + filepath.Base(page), mode: 0o644, from: page})
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		from := d.completions[shell]
		files = append(files, entry{name: "completions/" + filepath.Base(from), mode: 0o644, from: from})
	}
	return writeNPM(dir, ver, d, m, "botctl", files)
}

func writeNPM(dir string, ver version, d manual, m manifest, name string, files []entry) error {
	m.Version, m.License, m.PreferUnplugged = ver.plain(), "MIT", true
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	files = append([]entry{
		{name: "package.json", mode: 0o644, text: append(text, '\n')},
		{name: "LICENSE", mode: 0o644, from: d.license},
		{name: "README.md", mode: 0o644, text: []byte("# " + m.Name + "\n\n" + m.Description + ".\n")},
	}, files...)
	return writeTarball(filepath.Join(dir, name+"-"+ver.plain()+".tgz"), "package", ver.when, files)
}
