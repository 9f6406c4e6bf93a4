package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"

	"github.com/gomodule/redigo/redis"

	"botctl/supervisor/lease"
)

var errReplica = errors.New("a replica, which takes no writes: the URL must name the primary")

// meaning says what an error reply means, by the beginning of its text.
type meaning struct {
	begins  string
	problem lease.Problem
	text    string
}

// replies are those to any command. The first that fits counts.
var replies = []meaning{
	{"READONLY", lease.ReadOnly, errReplica.Error()},
	{"MASTERDOWN", lease.ReadOnly, "a replica that has lost its primary: the URL must name the primary"},
	{"NOREPLICAS", lease.ReadOnly, "takes no writes, because too few replicas are connected (min-replicas-to-write)"},
	{"LOADING", lease.Busy, "has started and still loads its data"},
	{"OOM", lease.Busy, "takes no writes, because its memory is full: free some or raise maxmemory"},
	{"MISCONF", lease.Busy, "takes no writes, because it cannot save to its disk: look at its log and its disk"},
	{"BUSY", lease.Busy, "is busy with somebody's script"},
	{"UNKILLABLE", lease.Busy, "is busy with somebody's script"},
	{"TRYAGAIN", lease.Busy, "its cluster moves keys"},
	{"CLUSTERDOWN", lease.Busy, "its cluster is down"},
	{"ERR max number of clients", lease.Busy, "has no room for a further connection: close some or raise maxclients"},
	{"MOVED", lease.Misconfigured, errCluster},
	{"ASK ", lease.Misconfigured, errCluster},
	{"CROSSSLOT", lease.Misconfigured, errCluster},
	{"ERR SELECT is not allowed in cluster", lease.Misconfigured, "a cluster has no databases: leave the path out of the URL"},
	{"ERR DB index", lease.Misconfigured, "has no database of that number: see the URL's path"},
	{"ERR invalid DB index", lease.Misconfigured, "has no database of that number: see the URL's path"},
	{"ERR unknown command", lease.Misconfigured, "lacks a command that the lease needs: EVAL, EVALSHA, EXISTS, HMGET and HSET must not be renamed"},
	{"WRONGTYPE", lease.Misconfigured, "its key of the lease holds what botctl has not written"},
	{"NOAUTH", lease.Denied, "wants a password, and the URL has none"},
	{"WRONGPASS", lease.Denied, errPassword},
	{"DENIED", lease.Denied, "is in protected mode and serves nobody from another host: give it a password"},
	{"NOPERM", lease.Denied, errRights},
	{"ERR The user executing the script", lease.Denied, errRights},
	{"The user executing the script", lease.Denied, errRights}, // before Redis 7
}

const (
	errCluster  = "a node of a cluster, and the lease is on another one: use a server without cluster mode"
	errPassword = "user or password is wrong"
	errRights   = "the user may not do what the lease needs: +eval +evalsha +exists +hmget +hset on ~botctl:lease:*"
)

// logins are those to a password.
var logins = []meaning{
	{"ERR AUTH <password> called without any password", lease.Misconfigured, "has no password, and the URL has one"},
	{"ERR Client sent AUTH, but no password is set", lease.Misconfigured, "has no password, and the URL has one"},
	{"ERR wrong number of arguments", lease.Denied, "knows no users, as before Redis 6: leave the user out of the URL"},
	{"ERR unknown command", lease.Misconfigured, "has renamed AUTH"},
	{"ERR invalid password", lease.Denied, errPassword},
}

func (s *Store) fail(p lease.Problem, err error) error {
	return &lease.StoreError{Problem: p, Server: s.String(), Err: err}
}

// explain makes the *StoreError of what went wrong in a call under ctx.
func (s *Store) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*lease.StoreError](err); ok {
		return err
	}
	name := stepAnswer
	if st, ok := errors.AsType[*step](err); ok {
		name, err = st.name, st.err
	}
	if reply, ok := errors.AsType[redis.Error](err); ok {
		return s.reply(name, string(reply))
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return s.fail(lease.Unreachable, cause)
	}
	ne, ok := errors.AsType[net.Error](err)
	if ok && ne.Timeout() || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return s.fail(lease.Unreachable, errors.New("no "+name+" in time"))
	}
	return s.broken(name, err)
}

// broken is a connection that could not be made or has ended.
func (s *Store) broken(name string, err error) error {
	var text string
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	untrusted, isUntrusted := errors.AsType[*tls.CertificateVerificationError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	errno, isErrno := errors.AsType[syscall.Errno](err)
	switch {
	case plain:
		return s.fail(lease.Untrusted, errors.New("does not speak TLS on this port: redis:// is without"))
	case isUntrusted:
		text = "its certificate is not trusted: " + line(untrusted.Err.Error()) + "; if it has signed its own, ?tls=insecure takes any"
		return s.fail(lease.Untrusted, errors.New(text))
	case strings.Contains(err.Error(), "tls: "):
		return s.fail(lease.Untrusted, errors.New(line(err.Error())))
	case strings.HasPrefix(err.Error(), "redigo"): // its protocol errors have no type, and those of conversions neither
		return s.fail(lease.Misconfigured, errors.New("does not answer as Redis does"))
	case isDNS:
		text = "host not found: " + dns.Err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the server has closed the connection"
		if !s.to.tls {
			text += " (if it wants TLS: rediss://)"
		}
	case isErrno:
		text = errno.Error()
	default:
		text = err.Error()
	}
	return s.fail(lease.Unreachable, errors.New(line(text)))
}

// reply is an error that the server has answered.
func (s *Store) reply(name, text string) error {
	if after, ok := strings.CutPrefix(text, "@user_script: "); ok { // before Redis 7: "@user_script: 17: -OOM command not allowed"
		_, after, _ = strings.Cut(after, ": ")
		text = strings.TrimPrefix(after, "-")
	}
	list := replies
	if name == stepAuth {
		list = append(logins[:len(logins):len(logins)], replies...)
	}
	for _, r := range list {
		if strings.HasPrefix(text, r.begins) {
			return s.fail(r.problem, errors.New(r.text))
		}
	}
	if name == stepAuth { // the rest of its text may be the password
		return s.fail(lease.Denied, errors.New("does not take the password"))
	}
	return s.fail(lease.Busy, errors.New("has answered "+line(text)))
}

// lineLen is how much of somebody else's text an error quotes.
const lineLen = 160

// line is text as one line of bounded length.
func line(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if r := []rune(text); len(r) > lineLen {
		text = string(r[:lineLen]) + "…"
	}
	return text
}
