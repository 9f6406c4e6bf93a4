package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

// writeDeb makes a package for Debian and what derives from it. It needs nothing; certificates are recommended, since those in
// botctl are as old as it is.
func writeDeb(dir string, ver version, b binary, d manual) error {
	name := fmt.Sprintf("botctl_%s_%s.deb", ver.plain(), b.arch)
	out := filepath.Join(dir, name)
	stage := b.path + ".deb"
	if err := os.Mkdir(stage, 0o755); err != nil {
		return err
	}
	contents := files.Contents{debFile(b.path, "/usr/bin/botctl", 0o755, ver.when)}
	add := func(from, to string) {
		contents = append(contents, debFile(from, to, 0o644, ver.when))
	}
	add(d.license, "/usr/share/doc/botctl/copyright")
	add(d.completions["bash"], "/usr/share/bash-completion/completions/botctl")
	add(d.completions["zsh"], "/usr/share/zsh/vendor-completions/_botctl")
	add(d.completions["fish"], "/usr/share/fish/vendor_completions.d/botctl.fish")
	add(d.completions["powershell"], "/usr/share/doc/botctl/botctl.ps1")
	for name, text := range map[string][]byte{"botctl.cdx.json": b.sbom, licencesFile: b.licences} {
		from := filepath.Join(stage, name)
		if err := os.WriteFile(from, text, 0o644); err != nil {
			return err
		}
		add(from, "/usr/share/doc/botctl/"+name)
	}
	zipped := map[string]string{d.changelog: "/usr/share/doc/botctl/changelog.gz"}
	for _, page := range d.man {
		zipped[page] = "/usr/share/man/man1/" + filepath.Base(page) + ".gz"
	}
	for from, to := range zipped {
		small := filepath.Join(stage, filepath.Base(to))
		if err := gzipFile(from, small); err != nil {
			return err
		}
		add(small, to)
	}
	return packDeb(out, &nfpm.Info{
		Name: "botctl", Arch: b.arch, Platform: "linux",
		Version: ver.debian(), VersionSchema: "none",
		Section: "admin", Priority: "optional",
		Maintainer:  "The botctl authors",
		Description: summary,
		License:     "MIT",
		MTime:       ver.when, DisableGlobbing: true,
		Overridables: nfpm.Overridables{Recommends: []string{"ca-certificates"}, Umask: 0o022, Contents: contents},
	})
}

func debFile(from, to string, mode os.FileMode, when time.Time) *files.Content {
	return &files.Content{Source: from, Destination: to, FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: when}}
}

// packDeb sorts the contents itself.
func packDeb(name string, info *nfpm.Info) error {
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return fmt.Errorf("pack %q: %w", filepath.Base(name), err)
	}
	var buf bytes.Buffer
	if err := deb.Default.Package(info, &buf); err != nil {
		return fmt.Errorf("pack %q: %w", filepath.Base(name), err)
	}
	return os.WriteFile(name, buf.Bytes(), 0o644)
}

// gzipFile leaves out name and time, as gzip -9n does.
func gzipFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, buf.Bytes(), 0o644)
}
