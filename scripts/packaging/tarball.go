package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// entry is a file of a package: its name there, its mode, and where it comes from, a file or a text.
type entry struct {
	name string
	mode fs.FileMode
	from string
	text []byte
}

func (e entry) read() ([]byte, error) {
	if e.from == "" {
		return e.text, nil
	}
	return os.ReadFile(e.from)
}

// writeArchive is for people and for images: botctl, its manual and its completions below one folder.
func writeArchive(dir string, ver version, b binary, d manual) error {
	top := fmt.Sprintf("botctl-%s-%s", ver.plain(), b.platform)
	files := []entry{
		{name: "botctl", mode: 0o755, from: b.path},
		{name: "LICENSE", mode: 0o644, from: d.license},
		{name: licencesFile, mode: 0o644, text: b.licences},
		{name: "README.md", mode: 0o644, from: d.readme},
		{name: "CHANGELOG.md", mode: 0o644, from: d.changelog},
		{name: "botctl.cdx.json", mode: 0o644, text: b.sbom},
	}
	for _, page := range d.man {
		files = append(files, entry{name: "man/man1/" + filepath.Base(page), mode: 0o644, from: page})
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		from := d.completions[shell]
		files = append(files, entry{name: "completions/" + filepath.Base(from), mode: 0o644, from: from})
	}
	return writeTarball(filepath.Join(dir, top+".tar.gz"), top, ver.when, files)
}

// writeTarball has the entries in their order, owned by nobody in particular.
func writeTarball(name, top string, when time.Time, files []entry) error {
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, gzip.DefaultCompression)
	if err != nil {
		return err
	}
	out := tar.NewWriter(zip)
	for _, e := range files {
		data, err := e.read()
		if err != nil {
			return err
		}
		head := &tar.Header{Name: path.Join(top, e.name), Mode: int64(e.mode), Size: int64(len(data)), ModTime: when, Format: tar.FormatUSTAR}
		if err := out.WriteHeader(head); err != nil {
			return fmt.Errorf("pack %q: %w", e.name, err)
		}
		if _, err := out.Write(data); err != nil {
			return fmt.Errorf("pack %q: %w", e.name, err)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, buf.Bytes(), 0o644)
}
