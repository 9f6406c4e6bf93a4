package redis

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Where a server listens unless the URL says so.
const defaultPort = "6379"

// target is what a lease URL says.
type target struct {
	address  string // host:port
	host     string
	user     string
	password string
	db       int
	tls      bool
	insecure bool // any certificate will do
}

// The errors of parse quote nothing: a password with a character that belongs to URLs moves anything to anywhere.
var (
	errForm    = errors.New(`lease URL: want redis://USER:PASSWORD@HOST:PORT/DB or rediss://…; special characters of a password are written as %XX`)
	errHost    = errors.New("lease URL: no host")
	errPort    = errors.New("lease URL: the port is not a number from 1 to 65535")
	errUser    = errors.New("lease URL: a user without a password; a password alone is written as redis://:PASSWORD@HOST")
	errDB      = errors.New("lease URL: the path is not the number of a database")
	errOption  = errors.New("lease URL: unknown option after the question mark; the only one is tls=insecure")
	errPlain   = errors.New("lease URL: tls=insecure belongs to rediss://")
	errAddress = errors.New("lease URL: the host has characters that no host has")
)

// parse reads redis://USER:PASSWORD@HOST:PORT/DB and rediss://…?tls=insecure. Only the host is required.
func parse(text string) (target, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Opaque != "" || u.Fragment != "" || u.Scheme != "redis" && u.Scheme != "rediss" {
		return target{}, errForm
	}
	t := target{host: u.Hostname(), tls: u.Scheme == "rediss"}
	if t.host == "" {
		return target{}, errHost
	}
	if strings.ContainsFunc(t.host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'%/?#@<>\[]`, r) }) {
		return target{}, errAddress
	}
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return target{}, errPort
	}
	t.address = net.JoinHostPort(t.host, port)
	if u.User != nil {
		t.user = u.User.Username()
		t.password, _ = u.User.Password()
		if t.user != "" && t.password == "" {
			return target{}, errUser
		}
	}
	if path := strings.TrimPrefix(u.Path, "/"); path != "" {
		n, err := strconv.ParseUint(path, 10, 31)
		if err != nil {
			return target{}, errDB
		}
		t.db = int(n)
	}
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return target{}, errOption
	}
	for name, values := range options {
		if name != "tls" || len(values) != 1 || values[0] != "insecure" {
			return target{}, errOption
		}
		t.insecure = true
	}
	if t.insecure && !t.tls {
		return target{}, errPlain
	}
	return t, nil
}
