//go:build unix

package lock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

const (
	noFollow   = syscall.O_NOFOLLOW
	canTighten = true
)

func ownedByUs(info os.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Getuid() {
		return fmt.Errorf("belongs to user %d", st.Uid)
	}
	return nil
}

// folderID is the folder's device and inode.
func folderID(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", errors.New("has no inode")
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino), nil
}

// tryLock takes the lock of f; held says that another description has it.
func tryLock(f *os.File) (held bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// unlock takes a lock off a description, and so off every process that has it.
func unlock(f *os.File) {
	syscall.Flock(int(f.Fd()), syscall.LOCK_UN) //nolint:errcheck // a lock that stays is found by whoever wants it
}

// alive says whether a process has that number. It names a holder for people and decides nothing.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
