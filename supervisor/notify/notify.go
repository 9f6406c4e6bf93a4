// Package notify speaks sd_notify(3) both ways: it hears what the bot says on a socket of its own, and tells
// the service manager of botctl what there is to tell. A message is one datagram of lines
// NAME=value.
package notify

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// The variables of the protocol.
const (
	EnvSocket       = "NOTIFY_SOCKET"
	EnvWatchdog     = "WATCHDOG_USEC" // microseconds
	EnvWatchdogPID  = "WATCHDOG_PID"
	maxStatus       = 256 // characters of a STATUS that are kept
	minEvery        = time.Second
	maxMessageBytes = 4096
)

// Message is what a datagram said. The zero Message says nothing that botctl knows of.
type Message struct {
	Ready    bool
	Beat     bool          // WATCHDOG=1
	Trigger  bool          // WATCHDOG=trigger: treat it as a heartbeat that was missed
	Every    time.Duration // WATCHDOG_USEC: another interval from now on; 0: none given
	Status   string        // one line for people, control characters removed
	Stopping bool
}

// parse reads a datagram. Lines that it does not know are skipped, as the protocol wants it.
func parse(data []byte) Message {
	var m Message
	for line := range strings.SplitSeq(string(data), "\n") {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "READY":
			m.Ready = value == "1"
		case "STOPPING":
			m.Stopping = value == "1"
		case "WATCHDOG":
			m.Beat, m.Trigger = value == "1", value == "trigger"
		case EnvWatchdog:
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 && n < int64(24*time.Hour/time.Microsecond) {
				m.Every = max(time.Duration(n)*time.Microsecond, minEvery)
			}
		case "STATUS":
			m.Status = printable(value)
		}
	}
	return m
}

func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '\ufffd' {
			return -1
		}
		return c
	}, s)
	if r := []rune(s); len(r) > maxStatus {
		s = string(r[:maxStatus])
	}
	return s
}

// Manager is the service manager that started botctl. The zero Manager is none, and Tell does nothing then.
type Manager struct {
	socket string
	Every  time.Duration // how often it wants to hear WATCHDOG=1 at least; 0: not at all
}

// ManagerOf reads the environment that a service manager has given us.
func ManagerOf(getenv func(string) string) Manager {
	m := Manager{socket: getenv(EnvSocket)}
	pid := getenv(EnvWatchdogPID)
	if usec, err := strconv.ParseInt(getenv(EnvWatchdog), 10, 64); err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.Every = time.Duration(usec) * time.Microsecond
	}
	return m
}

// Present says whether there is one.
func (m Manager) Present() bool { return m.socket != "" }

// Tell sends lines as one message. Nobody waits for an answer, so an error is for the curious.
func (m Manager) Tell(lines ...string) error {
	if m.socket == "" {
		return nil
	}
	if !strings.HasPrefix(m.socket, "/") && !strings.HasPrefix(m.socket, "@") {
		return errors.New("NOTIFY_SOCKET is neither a path nor an abstract name")
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, err = conn.Write([]byte(strings.Join(lines, "\n")))
	return err
}
