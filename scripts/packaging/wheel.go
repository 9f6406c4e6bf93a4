package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// summary is the one line that every package says of itself.
const summary = "Runs a long-polling Telegram bot and keeps it the only one that polls"

// writeWheel makes a wheel in which botctl is a script of the distribution (packaging.python.org, "Binary distribution
// format", NAME-VERSION.data/scripts). Installers copy such a file into bin as it is and make it executable, so
// that no Python stands between a signal and botctl. The tags are those of any Python, and of each libc: the binary needs none.
func writeWheel(dir string, ver version, b binary, d manual) error {
	v := ver.python()
	base, data, info := "botctl-"+v, "botctl-"+v+".data/", "botctl-"+v+".dist-info/"
	files := []entry{
		{name: data + "scripts/botctl", mode: 0o755, from: b.path},
		{name: data + "data/share/bash-completion/completions/botctl", mode: 0o644, from: d.completions["bash"]},
		{name: data + "data/share/zsh/site-functions/_botctl", mode: 0o644, from: d.completions["zsh"]},
		{name: data + "data/share/fish/vendor_completions.d/botctl.fish", mode: 0o644, from: d.completions["fish"]},
		{name: data + "data/share/botctl/botctl.ps1", mode: 0o644, from: d.completions["powershell"]},
	}
	for _, page := range d.man {
		files = append(files, entry{name: data + "data/share/man/man1/" + filepath.Base(page), mode: 0o644, from: page})
	}
	var wheel strings.Builder
	wheel.WriteString("Wheel-Version: 1.0\nGenerator: botctl scripts/release\nRoot-Is-Purelib: false\n")
	for _, tag := range b.tags {
		wheel.WriteString("Tag: py3-none-" + tag + "\n")
	}
	files = append(files,
		entry{name: info + "licenses/LICENSE", mode: 0o644, from: d.license},
		entry{name: info + "licenses/" + licencesFile, mode: 0o644, text: b.licences},
		entry{name: info + "sboms/botctl.cdx.json", mode: 0o644, text: b.sbom},
		entry{name: info + "METADATA", mode: 0o644, text: metadata(v)},
		entry{name: info + "WHEEL", mode: 0o644, text: []byte(wheel.String())},
	)
	return writeZip(filepath.Join(dir, base+"-py3-none-"+strings.Join(b.tags, ".")+".whl"), info+"RECORD", ver.when, files)
}

func metadata(v string) []byte {
	return fmt.Appendf(nil, `Metadata-Version: 2.4
Name: botctl
Version: %s
Summary: %s
License-Expression: MIT
License-File: LICENSE
License-File: `+licencesFile+`
Keywords: telegram,bot,supervisor,getUpdates,409
Classifier: Environment :: Console
Classifier: Operating System :: MacOS
Classifier: Operating System :: POSIX :: Linux
Classifier: Topic :: Communications :: Chat
Description-Content-Type: text/markdown

Carries the program `+"`botctl`"+`, which is no Python and needs none: put `+"`botctl run --`"+` before your bot's command.
`, v, summary)
}

// writeZip adds the record of all hashes at the end, as the format has it.
func writeZip(name, record string, when time.Time, files []entry) error {
	var buf bytes.Buffer
	out := zip.NewWriter(&buf)
	var lines strings.Builder
	for _, e := range files {
		data, err := e.read()
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&lines, "%s,sha256=%s,%d\n", e.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(data))
		e.text, e.from = data, ""
		if err := zipEntry(out, when, e); err != nil {
			return err
		}
	}
	lines.WriteString(record + ",,\n")
	if err := zipEntry(out, when, entry{name: record, mode: 0o644, text: []byte(lines.String())}); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, buf.Bytes(), 0o644)
}

func zipEntry(out *zip.Writer, when time.Time, e entry) error {
	head := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: when}
	head.SetMode(e.mode) // the bit that makes botctl executable travels here
	w, err := out.CreateHeader(head)
	if err == nil {
		_, err = w.Write(e.text)
	}
	if err != nil {
		return fmt.Errorf("pack %q: %w", e.name, err)
	}
	return nil
}
