// Command packaging makes the files of a release; scripts/release is what people call. It is a module of its own, so that
// botctl needs none of the libraries.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// platforms are those that a release has.
var platforms = []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}}

type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "-" + p.arch }

// request is what the command line asks for.
type request struct {
	root, out, version string
	snapshot           bool
	platforms          []platform
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "scripts/release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	req, err := parse(args)
	if err != nil {
		return err
	}
	ver, err := chooseVersion(req)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "botctl-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	docs, err := makeManual(req.root, work, ver)
	if err != nil {
		return err
	}
	made := filepath.Join(work, "made")
	if err := os.Mkdir(made, 0o755); err != nil {
		return err
	}
	for _, p := range req.platforms {
		b, err := build(req.root, work, p, ver)
		if err != nil {
			return err
		}
		if err := packAll(made, ver, b, docs); err != nil {
			return err
		}
	}
	if err := writeNPMMain(made, ver, docs); err != nil {
		return err
	}
	names, err := publish(made, req.out)
	if err != nil {
		return err
	}
	fmt.Printf("botctl %s from commit %.12s, built with %s:\n", ver.semver, ver.commit, goVersion())
	for _, name := range names {
		fmt.Println("  " + filepath.Join(req.out, name))
	}
	return nil
}

// packAll puts one binary into everything that carries it.
func packAll(dir string, ver version, b binary, docs manual) error {
	pack := []func(string, version, binary, manual) error{writeArchive, writeWheel, writeNPMPlatform}
	if b.os == "linux" {
		pack = append(pack, writeDeb)
	}
	for _, f := range pack {
		if err := f(dir, ver, b, docs); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("botctl-%s-%s.cdx.json", ver.plain(), b.platform)
	return os.WriteFile(filepath.Join(dir, name), b.sbom, 0o644)
}

func parse(args []string) (request, error) {
	req := request{platforms: platforms}
	flags := flag.NewFlagSet("scripts/release", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&req.root, "root", ".", "the repository")
	flags.StringVar(&req.out, "out", "", "the folder for the files; default: dist in the repository")
	flags.StringVar(&req.version, "version", "", "the version, such as v1.2.3 or v1.2.3-rc.1; default: the tag of this commit")
	flags.BoolVar(&req.snapshot, "snapshot", false, "a version made of the last tag, the time and the commit; uncommitted changes are allowed")
	flags.Func("platform", "some platforms only, such as linux/amd64; \"host\" is this machine's", func(text string) error {
		req.platforms = nil
		for name := range strings.SplitSeq(text, ",") {
			p, err := parsePlatform(name)
			if err != nil {
				return err
			}
			req.platforms = append(req.platforms, p)
		}
		return nil
	})
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Println("usage: scripts/release [--out DIR] [--version V | --snapshot] [--platform OS/ARCH,...]")
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		return req, err
	} else if err != nil {
		return req, err
	}
	if req.out == "" {
		req.out = filepath.Join(req.root, "dist")
	}
	if flags.NArg() > 0 {
		return req, fmt.Errorf("argument %q: want flags alone", flags.Arg(0))
	}
	if req.snapshot && req.version != "" {
		return req, errors.New("--version and --snapshot exclude each other")
	}
	return req, nil
}

func parsePlatform(name string) (platform, error) {
	p := host()
	if name != "host" {
		p.os, p.arch, _ = strings.Cut(name, "/")
	}
	if !slices.Contains(platforms, p) {
		return p, fmt.Errorf("platform %q: want linux or darwin, amd64 or arm64, such as linux/amd64", name)
	}
	return p, nil
}
