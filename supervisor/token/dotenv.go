package token

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// maxDotenv bounds what is read of a .env file, in bytes. Real ones have a few
// hundred; a folder may hold anything under that name.
const maxDotenv = 1 << 20

// Dotenv reads a .env file into its variables. A file that is not there gives
// an empty map and no error; one that is not a regular file, too large or cannot be
// parsed gives an error which names the path and quotes nothing of the content.
func Dotenv(path string) (map[string]string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, bare(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %q: not a regular file", path)
	}
	if info.Size() > maxDotenv {
		return nil, fmt.Errorf("read %q: larger than %d bytes", path, maxDotenv)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, bare(err))
	}
	defer f.Close()
	vars, err := godotenv.Parse(io.LimitReader(f, maxDotenv))
	if err != nil {
		// godotenv quotes the line it stumbles over, which may hold a secret.
		return nil, fmt.Errorf("read %q: not of the form NAME=value", path)
	}
	delete(vars, "") // of "=x", and of a word without a value at the end
	for _, v := range vars {
		if strings.Contains(v, "\x00") { // UTF-16, or no text at all; no process could be started with it
			return nil, fmt.Errorf("read %q: not of the form NAME=value", path)
		}
	}
	return vars, nil
}

func bare(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}
