package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"botctl/supervisor/doctor"
	"botctl/supervisor/stale"
)

// What is read of a folder at most. A bot's has a few hundred files; doctor may be called in any.
const (
	maxVisited  = 20000
	maxFileSize = 512 << 10
	maxRead     = 16 << 20
)

// foreignFolders hold what the project's owner has not written.
var foreignFolders = []string{"node_modules", "venv", "env", "site-packages", "__pycache__", "vendor", "target", "testdata", "tests", "test"}

// readFolder reads what the project's files say. partial says why not all of it was read.
func readFolder(dir string, argv []string) (p doctor.Project, partial string) {
	f := doctor.Folder{Dir: dir, Files: map[string]string{}, Command: argv, Program: readProgram}
	visited, read := 0, 0
	root, err := os.OpenRoot(dir)
	if err != nil {
		return p, pathCause(err).Error()
	}
	defer root.Close()
	fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if visited++; visited > maxVisited || read > maxRead {
			partial = fmt.Sprintf("it has more than %d files, or more than %d MiB of source", maxVisited, maxRead>>20)
			return fs.SkipAll
		}
		switch {
		case err != nil && d != nil && d.IsDir() && path != ".":
			partial = path + ": " + pathCause(err).Error()
			return fs.SkipDir
		case err != nil:
			return nil
		case d.IsDir() && path != "." && (slices.Contains(foreignFolders, d.Name()) || strings.HasPrefix(d.Name(), ".") || strings.Count(path, "/") > 5 || isVenv(root, path)):
			return fs.SkipDir
		case d.IsDir() || !d.Type().IsRegular() || !doctor.Wanted(path):
			return nil
		}
		if text, ok := readText(root.Open, path); ok {
			f.Files[path] = text
			read += len(text)
		}
		return nil
	})
	f.Units, f.Crontabs = machineFiles(dir)
	return doctor.Read(f), partial
}

func isVenv(root *os.Root, path string) bool {
	_, err := root.Stat(path + "/pyvenv.cfg")
	return err == nil
}

func readText(open func(string) (*os.File, error), path string) (string, bool) {
	file, err := open(path)
	if err != nil {
		return "", false
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return "", false
	}
	b, err := io.ReadAll(io.LimitReader(file, maxFileSize))
	return string(b), err == nil
}

// machineFiles are the units and crontabs of this machine that speak of the folder. Those that may not be read are
// passed over.
func machineFiles(dir string) (units, crontabs map[string]string) {
	pick := func(patterns ...string) map[string]string {
		found := map[string]string{}
		for _, pattern := range patterns {
			paths, _ := filepath.Glob(pattern)
			for _, path := range paths {
				if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
					continue
				}
				if text, ok := readText(os.Open, path); ok && strings.Contains(text, dir) {
					found[path] = text
				}
			}
		}
		return found
	}
	home, _ := os.UserHomeDir()
	units = pick("/etc/systemd/system/*.service", home+"/.config/systemd/user/*.service")
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	crontabs = pick("/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/"+name, "/var/spool/cron/"+name)
	return units, crontabs
}

// readProgram is what package stale reads in a command line, in doctor's words.
func readProgram(argv []string) doctor.Program {
	p := stale.ReadProgram(argv, "")
	kinds := map[stale.Kind]doctor.Kind{stale.Script: doctor.Script, stale.Module: doctor.Module, stale.App: doctor.App, stale.Native: doctor.Native}
	return doctor.Program{Kind: kinds[p.Kind], Name: p.Name, Args: p.Args}
}
