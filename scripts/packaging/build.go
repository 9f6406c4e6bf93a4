package main

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// binary is botctl for one platform.
type binary struct {
	platform
	path     string
	sbom     []byte
	licences []byte
	tags     []string // the platforms of a wheel that it runs on
}

func host() platform { return platform{runtime.GOOS, runtime.GOARCH} }

// goVersion is that of the builds too: one go command made this program and them.
func goVersion() string { return runtime.Version() }

// build makes a static binary whose bytes depend on the sources, the version and the Go release alone: no paths, no build
// id, and nothing of the state of the clone, where a tag that is set later would change what is in it.
func build(root, work string, p platform, ver version) (binary, error) {
	b := binary{platform: p, path: filepath.Join(work, p.String(), "botctl")}
	if err := goBuild(root, b.path, p, "", "-s -w -X main.version="+ver.semver); err != nil {
		return b, err
	}
	tags, err := wheelTags(b)
	if err != nil {
		return b, err
	}
	b.tags = tags
	if b.sbom, err = makeSBOM(b, ver); err != nil {
		return b, err
	}
	b.licences, err = licencesOf(b, root)
	return b, err
}

func goBuild(root, out string, p platform, tags, ldflags string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", "-buildid= "+ldflags, "-o", out, "./cmd/botctl")
	cmd.Dir = root
	// What would change the bytes is set here, whatever the environment says.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch,
		"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off", "GOFLAGS=", "GOWORK=off")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build for %s: %w", p, err)
	}
	return nil
}

// wheelTags are read from the binary: one that is not static runs on no other libc, and Go decides which macOS it needs.
func wheelTags(b binary) ([]string, error) {
	if b.os == "darwin" {
		minimum, err := macOSMinimum(b.path)
		if err != nil {
			return nil, fmt.Errorf("binary for %s: %w", b.platform, err)
		}
		arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[b.arch]
		return []string{fmt.Sprintf("macosx_%d_%d_%s", minimum>>16, minimum>>8&0xff, arch)}, nil
	}
	f, err := elf.Open(b.path)
	if err != nil {
		return nil, fmt.Errorf("binary for %s: %w", b.platform, err)
	}
	defer f.Close()
	for _, part := range f.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			return nil, fmt.Errorf("binary for %s: it is not static", b.platform)
		}
	}
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[b.arch]
	return []string{"manylinux2014_" + arch, "manylinux_2_17_" + arch, "musllinux_1_1_" + arch}, nil
}

// macOSMinimum is the field minos of LC_BUILD_VERSION: xxxx.yy.zz in nibbles (mach-o/loader.h).
func macOSMinimum(path string) (uint32, error) {
	const buildVersion = 0x32
	f, err := macho.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for _, load := range f.Loads {
		if raw := load.Raw(); len(raw) >= 16 && f.ByteOrder.Uint32(raw) == buildVersion {
			return f.ByteOrder.Uint32(raw[12:]), nil
		}
	}
	return 0, errors.New("it does not say which macOS it needs")
}

// manual is the files that go beside the binary.
type manual struct {
	man         []string          // paths of pages, all of section 1
	completions map[string]string // shell to path
	license     string
	readme      string
	changelog   string
}

// makeManual asks botctl itself: the tag manual makes of its main a program that writes the pages and the completions.
func makeManual(root, work string, ver version) (manual, error) {
	dir := filepath.Join(work, "docs")
	d := manual{
		completions: map[string]string{
			"bash":       filepath.Join(dir, "botctl.bash"),
			"zsh":        filepath.Join(dir, "_botctl"),
			"fish":       filepath.Join(dir, "botctl.fish"),
			"powershell": filepath.Join(dir, "botctl.ps1"),
		},
		license:   filepath.Join(root, "LICENSE"),
		readme:    filepath.Join(root, "README.md"),
		changelog: filepath.Join(root, "CHANGELOG.md"),
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return d, err
	}
	writer := filepath.Join(work, "manual")
	if err := goBuild(root, writer, host(), "manual", "-X main.version="+ver.semver); err != nil {
		return d, err
	}
	cmd := exec.Command(writer, dir)
	cmd.Env = []string{"HOME=/nonexistent", fmt.Sprintf("SOURCE_DATE_EPOCH=%d", ver.when.Unix())} // and nothing of this machine's
	if out, err := cmd.CombinedOutput(); err != nil {
		return d, fmt.Errorf("write the manual: %w: %s", err, bytes.TrimSpace(out))
	}
	var err error
	d.man, err = filepath.Glob(filepath.Join(dir, "*.1"))
	return d, err
}
