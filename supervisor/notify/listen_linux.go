package notify

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Listener is the socket that the bot speaks to. Its methods are for one goroutine at a time, but Close
// may be called from any.
type Listener struct {
	conn *net.UnixConn
	path string
	temp string // a folder made for the socket, removed with it
	rate bucket

	closing sync.Once
}

// maxPath is what fits into sun_path with its final NUL.
const maxPath = 107

// Listen opens the socket at path, for this user alone; a socket that was left there is replaced. A path that
// is too long for the kernel is exchanged for one in a temporary folder: Addr tells.
func Listen(path string) (*Listener, error) {
	l := &Listener{path: path}
	if len(path) > maxPath {
		dir, err := os.MkdirTemp("", "botctl-")
		if err != nil {
			return nil, fmt.Errorf("notify socket: %w", err)
		}
		l.temp, l.path = dir, filepath.Join(dir, "notify")
	}
	if info, err := os.Lstat(l.path); err == nil && info.Mode()&os.ModeSocket != 0 {
		os.Remove(l.path)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: l.path, Net: "unixgram"})
	if err != nil {
		if l.temp != "" {
			os.Remove(l.temp)
		}
		return nil, fmt.Errorf("notify socket: %w", err)
	}
	l.conn = conn
	raw, err := conn.SyscallConn()
	if err == nil {
		var opt error
		err = raw.Control(func(fd uintptr) { opt = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
		err = errors.Join(err, opt, os.Chmod(l.path, 0o600))
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("notify socket: %w", err)
	}
	return l, nil
}

// Addr is the value of NOTIFY_SOCKET for the bot.
func (l *Listener) Addr() string { return l.path }

// Next waits for a message and returns it with the sender's process id, which the kernel vouches for. Messages
// beyond 50 a second are dropped: a bot that floods must not keep the supervisor busy. The
// error says that the socket is closed.
func (l *Listener) Next() (Message, int, error) {
	data, oob := make([]byte, maxMessageBytes), make([]byte, 1024)
	for {
		n, oobn, _, _, err := l.conn.ReadMsgUnix(data, oob)
		if err != nil {
			return Message{}, 0, err
		}
		pid := sender(oob[:oobn])
		if pid > 0 && l.rate.take(time.Now()) {
			return parse(data[:n]), pid, nil
		}
	}
}

// sender reads the credentials, and closes descriptors that came along: systemd-notify waits for that.
func sender(oob []byte) (pid int) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for i := range msgs {
		if cred, err := unix.ParseUnixCredentials(&msgs[i]); err == nil {
			pid = int(cred.Pid)
		}
		if fds, err := unix.ParseUnixRights(&msgs[i]); err == nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
		}
	}
	return pid
}

// Close ends Next and removes the socket.
func (l *Listener) Close() {
	l.closing.Do(func() { // by then the path may be somebody else's
		l.conn.Close()
		os.Remove(l.path)
		if l.temp != "" {
			os.Remove(l.temp)
		}
	})
}

// bucket allows perSecond messages a second, and as many at once.
type bucket struct {
	left float64
	at   time.Time
}

const perSecond = 50

func (b *bucket) take(now time.Time) bool {
	b.left = min(perSecond, b.left+perSecond*now.Sub(b.at).Seconds())
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
