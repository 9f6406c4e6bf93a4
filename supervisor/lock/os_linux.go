package lock

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// takeGuard listens on an abstract socket, which needs no folder and cannot be deleted: it
// keeps the bot to one supervisor across folders and users of one network namespace.
// Nobody is ever answered there; the kernel tells a loser who listens.
func takeGuard(key, bot string) (io.Closer, error) {
	addr := &net.UnixAddr{Name: "@botctl/" + key, Net: "unix"}
	ln, err := net.ListenUnix("unix", addr)
	if err == nil {
		return ln, nil
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("guard socket: %w", err)
	}
	held := &HeldError{Key: key, Bot: bot}
	if conn, err := net.DialUnix("unix", nil, addr); err == nil {
		held.PID = peerPID(conn)
		conn.Close()
	}
	return nil, held
}

func peerPID(conn *net.UnixConn) int {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// holdersOf lists the processes that have f's file open, as far as they can be seen. Ours is not among them.
func holdersOf(f *os.File) []int {
	want, err := f.Stat()
	if err != nil {
		return nil
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	var pids []int
	for _, fd := range fds {
		pid, err := strconv.Atoi(strings.Split(fd, "/")[2])
		if err != nil || pid == os.Getpid() || slices.Contains(pids, pid) {
			continue
		}
		if info, err := os.Stat(fd); err == nil && os.SameFile(info, want) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Lacks lists, a sentence each, what this system cannot do.
func Lacks() []string { return nil }

// networkKinds are the file systems of other machines, by statfs(2).
var networkKinds = map[int64]string{
	unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.SMB2_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "SMB",
	unix.AFS_SUPER_MAGIC: "AFS", unix.CEPH_SUPER_MAGIC: "Ceph",
}

// networkFS names the network file system that dir lies on, "" when it is on none.
func networkFS(dir string) string {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return ""
	}
	return networkKinds[int64(s.Type)] //nolint:unconvert // its type depends on the architecture
}
