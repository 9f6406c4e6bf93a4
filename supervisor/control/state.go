package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// stateSuffix follows the key in the name of a state file.
const stateSuffix = ".state.json"

// maxState bounds what is read of a state file, in bytes; real ones have a few thousand.
const maxState = 1 << 20

// WriteState puts s into dir. The file is replaced as a whole, so that neither a crash
// nor a full disk leaves half of one (P36); when durable, not even a loss of power. It is for
// the holder of the lock: there is one writer at a time.
func WriteState(dir string, s Status, durable bool) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, s.Key+stateSuffix)
	tmp := filepath.Join(dir, s.Key+".state.tmp")
	os.Remove(tmp) // opened as it is, it might be a link, or a pipe that keeps us waiting
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write state %q: %w", path, bare(err))
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil && durable {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write state %q: %w", path, bare(err))
	}
	return nil
}

// ReadStates reads every state file of dir. One that cannot be read gives an error and does
// not keep the others from being read; a folder that is not there holds none.
func ReadStates(dir string) (list []Status, errs []error) {
	entries, err := os.ReadDir(dir) // no Glob: the folder's own name may look like a pattern
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, fmt.Errorf("read states in %q: %w", dir, bare(err)))
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), stateSuffix) {
			continue
		}
		s, err := readState(filepath.Join(dir, e.Name()))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, s)
	}
	return list, errs
}

func readState(path string) (Status, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return Status{}, fmt.Errorf("read state %q: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return Status{}, fmt.Errorf("read state %q: %w", path, bare(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxState))
	if err != nil {
		return Status{}, fmt.Errorf("read state %q: %w", path, bare(err))
	}
	var s Status
	if err := json.Unmarshal(b, &s); err != nil || s.Key+stateSuffix != filepath.Base(path) {
		return Status{}, fmt.Errorf("read state %q: not a state file of botctl", path)
	}
	return s, nil
}

func bare(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}
