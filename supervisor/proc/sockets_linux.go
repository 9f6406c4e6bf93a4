package proc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// TreeSockets looks at the TCP connections that pids hold to peers; a peer's port 0
// stands for any. It reads /proc/PID/fd for who holds a socket and sock_diag(7) for what
// it does. ErrUnreadable: nothing can be said, so an absent connection proves nothing.
func TreeSockets(pids []int, peers []netip.AddrPort) (Sockets, error) {
	held, err := socketInodes(pids)
	if err != nil {
		return Sockets{}, err
	}
	s := Sockets{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		conns, err := diagnose(family)
		if err != nil {
			return Sockets{}, err
		}
		for _, c := range conns {
			if !held[c.inode] || !isPeer(c.peer, peers) {
				continue
			}
			if s.Open == 0 || c.quiet < s.Quiet {
				s.Quiet = c.quiet
			}
			s.Open++
		}
	}
	return s, nil
}

func isPeer(p netip.AddrPort, peers []netip.AddrPort) bool {
	return slices.ContainsFunc(peers, func(q netip.AddrPort) bool {
		return q.Addr().Unmap() == p.Addr() && (q.Port() == 0 || q.Port() == p.Port())
	})
}

// socketInodes collects the sockets that pids have open. Processes that are gone have none; one
// that may not be read, or lives in another network, makes all unreadable.
func socketInodes(pids []int) (map[uint32]bool, error) {
	net, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	held := map[uint32]bool{}
	for _, pid := range pids {
		base := "/proc/" + strconv.Itoa(pid)
		theirs, err := os.Readlink(base + "/ns/net")
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		if theirs != net {
			return nil, fmt.Errorf("%w: pid %d is in another network namespace", ErrUnreadable, pid)
		}
		fds, err := os.ReadDir(base + "/fd")
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		for _, fd := range fds {
			link, _ := os.Readlink(base + "/fd/" + fd.Name())
			if n, ok := strings.CutPrefix(link, "socket:["); ok {
				inode, _ := strconv.ParseUint(strings.TrimSuffix(n, "]"), 10, 32)
				held[uint32(inode)] = true
			}
		}
	}
	return held, nil
}

// conn is one connection as sock_diag tells it.
type conn struct {
	inode uint32
	peer  netip.AddrPort
	quiet time.Duration // since data was last sent or received
}

// Layout of struct inet_diag_req_v2, inet_diag_msg and tcp_info (linux/inet_diag.h, linux/tcp.h).
const (
	diagRequest    = 20 // SOCK_DIAG_BY_FAMILY
	diagInfo       = 2  // INET_DIAG_INFO
	reqLen         = 56
	msgLen         = 72
	offDstPort     = 6
	offDst         = 24
	offInode       = 68
	offLastSent    = 44
	offLastReceive = 52
	tcpEstablished = 1
	tcpSynSent     = 2
)

// diagnose asks the kernel for every established or opening TCP connection of one family.
func diagnose(family uint8) ([]conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("%w: sock_diag: %w", ErrUnreadable, err)
	}
	defer unix.Close(fd)
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
	req := make([]byte, unix.SizeofNlMsghdr+reqLen)
	native := binary.NativeEndian
	native.PutUint32(req[0:], uint32(len(req)))
	native.PutUint16(req[4:], diagRequest)
	native.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := req[unix.SizeofNlMsghdr:]
	body[0], body[1], body[2] = family, unix.IPPROTO_TCP, 1<<(diagInfo-1)
	native.PutUint32(body[4:], 1<<tcpEstablished|1<<tcpSynSent)
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("%w: sock_diag: %w", ErrUnreadable, err)
	}
	var conns []conn
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: sock_diag: %w", ErrUnreadable, err)
		}
		more, err := parseDump(buf[:n], &conns)
		if err != nil || !more {
			return conns, err
		}
	}
}

// parseDump reads the messages of one datagram; more is false after the last.
func parseDump(b []byte, conns *[]conn) (more bool, err error) {
	native := binary.NativeEndian
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(native.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return false, fmt.Errorf("%w: sock_diag: message of %d bytes in %d", ErrUnreadable, size, len(b))
		}
		switch native.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return false, nil
		case unix.NLMSG_ERROR:
			return false, fmt.Errorf("%w: sock_diag refused", ErrUnreadable)
		case diagRequest:
			if c, ok := parseConn(b[unix.SizeofNlMsghdr:size]); ok {
				*conns = append(*conns, c)
			}
		}
		b = b[min(align(size), len(b)):]
	}
	return true, nil
}

func parseConn(b []byte) (conn, bool) {
	if len(b) < msgLen {
		return conn{}, false
	}
	port := binary.BigEndian.Uint16(b[offDstPort:])
	addr := netip.AddrFrom16([16]byte(b[offDst : offDst+16])).Unmap()
	if b[0] == unix.AF_INET {
		addr = netip.AddrFrom4([4]byte(b[offDst : offDst+4]))
	}
	c := conn{inode: binary.NativeEndian.Uint32(b[offInode:]), peer: netip.AddrPortFrom(addr, port)}
	for b = b[msgLen:]; len(b) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		info := b[unix.SizeofRtAttr:size]
		if binary.NativeEndian.Uint16(b[2:]) == diagInfo && len(info) >= offLastReceive+4 {
			sent := binary.NativeEndian.Uint32(info[offLastSent:])
			received := binary.NativeEndian.Uint32(info[offLastReceive:])
			c.quiet = time.Duration(min(sent, received)) * time.Millisecond
		}
		b = b[min(align(size), len(b)):]
	}
	return c, true
}

// align rounds up to the four bytes of netlink.
func align(n int) int { return (n + 3) &^ 3 }
