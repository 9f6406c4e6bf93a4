package lock

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	noFollow   = 0
	canTighten = false
)

// Lacks lists, a sentence each, what this system cannot do.
func Lacks() []string {
	return []string{
		"a second supervisor in another state folder is not noticed: there are no abstract sockets",
		"the bot inherits no lock: kill botctl and its bot together",
	}
}

func takeGuard(string, string) (io.Closer, error) { return nil, nil }

func holdersOf(*os.File) []int { return nil }

func ownedByUs(os.FileInfo) error { return nil }

func folderID(dir string) (string, error) {
	if _, err := os.Stat(dir); err != nil {
		return "", err
	}
	path, err := filepath.EvalSymlinks(dir)
	return strings.ToLower(path), err
}

func tryLock(*os.File) (bool, error) { return false, nil }

func unlock(*os.File) {}

func alive(pid int) bool {
	_, err := os.FindProcess(pid)
	return err == nil
}

// networkFS does not look here.
func networkFS(string) string { return "" }
