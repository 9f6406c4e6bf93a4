package lock

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// StateDir returns the folder of locks, sockets and state files, made if need be, for this
// user alone. It does not depend on the login, so that a system unit and a shell of one
// user meet the same locks: BOTCTL_STATE_DIR, else XDG_STATE_HOME/botctl, else
// .local/state/botctl in the home that the user database names, else a folder under
// the temporary one. Never XDG_RUNTIME_DIR, which a logout deletes.
func StateDir(getenv func(string) string) (string, error) {
	if dir := getenv("BOTCTL_STATE_DIR"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("state folder %q: %w", dir, bare(err))
		}
		return abs, private(abs)
	}
	if xdg := getenv("XDG_STATE_HOME"); filepath.IsAbs(xdg) {
		dir := filepath.Join(xdg, "botctl")
		return dir, private(dir)
	}
	if home := homeOf(os.Getuid()); home != "" {
		dir := filepath.Join(home, ".local", "state", "botctl")
		if err := private(dir); err == nil {
			return dir, nil
		}
	}
	// No home, or one that cannot be written to, as services and containers have.
	dir := filepath.Join(os.TempDir(), "botctl-"+strconv.Itoa(os.Getuid()))
	return dir, private(dir)
}

func homeOf(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		u, err = user.Current() // Windows, where there are no numbers
	}
	if err != nil || !filepath.IsAbs(u.HomeDir) || u.HomeDir == "/" || u.HomeDir == "/nonexistent" {
		return ""
	}
	return u.HomeDir
}

// private makes dir if need be and refuses one that others could tamper with (P13).
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("state folder %q: %w", dir, bare(err))
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("state folder %q: %w", dir, bare(err))
	case info.Mode()&os.ModeSymlink != 0:
		return fmt.Errorf("state folder %q: is a symbolic link", dir)
	case !info.IsDir():
		return fmt.Errorf("state folder %q: is not a folder", dir)
	case info.Mode()&os.ModeSticky != 0:
		// Such as /tmp: to close it to others, as below, would break every program of the host.
		return fmt.Errorf("state folder %q: is shared by all users; name a folder inside it", dir)
	}
	if err := ownedByUs(info); err != nil {
		return fmt.Errorf("state folder %q: %w", dir, err)
	}
	if name := networkFS(dir); name != "" {
		// Its locks may be emulated, lost at a restart of the server, or local to each client.
		return fmt.Errorf("state folder %q: lies on %s, where a lock cannot be trusted", dir, name)
	}
	if info.Mode().Perm()&0o022 != 0 && canTighten {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("state folder %q: others may write to it: %w", dir, bare(err))
		}
	}
	return nil
}

func bare(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	if se, ok := errors.AsType[*os.SyscallError](err); ok {
		return se.Err
	}
	return err
}
