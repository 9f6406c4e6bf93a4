package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const sumsFile = "SHA256SUMS"

// publish moves what was made into the folder for it, with the sums as sha256sum has them. What an earlier run left there goes,
// known by its sums; anything else stays.
func publish(made, out string) ([]string, error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	old, err := os.ReadFile(filepath.Join(out, sumsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(old)) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && filepath.Base(name) == name {
			os.Remove(filepath.Join(out, name))
		}
	}
	found, err := os.ReadDir(made)
	if err != nil {
		return nil, err
	}
	var names []string
	var sums bytes.Buffer
	for _, f := range found { // sorted
		data, err := os.ReadFile(filepath.Join(made, f.Name()))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), f.Name())
		if err := os.WriteFile(filepath.Join(out, f.Name()), data, 0o644); err != nil {
			return nil, err
		}
		names = append(names, f.Name())
	}
	return append(names, sumsFile), os.WriteFile(filepath.Join(out, sumsFile), sums.Bytes(), 0o644)
}
