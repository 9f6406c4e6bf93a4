package redis

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/gomodule/redigo/redis"
)

// conn is one connection, logged in.
type conn struct {
	redis redis.Conn
	net   net.Conn // of TLS if there is one
	raw   net.Conn // of TCP
	spent bool     // it is not fit for a further call, although the last one came to an answer
}

// deadlines keeps redigo from setting deadlines: they are the call's, see during.
type deadlines struct{ net.Conn }

func (deadlines) SetDeadline(time.Time) error      { return nil }
func (deadlines) SetReadDeadline(time.Time) error  { return nil }
func (deadlines) SetWriteDeadline(time.Time) error { return nil }

// step is an error of a connection together with what was under way.
type step struct {
	name string
	err  error
}

func (e *step) Error() string { return e.name + ": " + e.err.Error() }

func (e *step) Unwrap() error { return e.err }

// The steps of a call. errAuth is told from other answers because the server may quote what it was sent.
const (
	stepConnect = "connection"
	stepTLS     = "TLS handshake"
	stepAuth    = "login"
	stepAnswer  = "answer"
)

// dial connects, shakes hands and logs in until ctx ends. It does not take redigo's own way, whose handshake goes on in a goroutine and whose options have
// limits of their own.
func (s *Store) dial(ctx context.Context) (*conn, error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.to.address)
	if err != nil {
		return nil, &step{stepConnect, err}
	}
	c := &conn{net: raw, raw: raw}
	if s.to.tls {
		secure := tls.Client(raw, &tls.Config{
			ServerName: s.to.host, RootCAs: s.roots, InsecureSkipVerify: s.to.insecure, MinVersion: tls.VersionTLS12,
		})
		if err := secure.HandshakeContext(ctx); err != nil {
			c.drop()
			return nil, &step{stepTLS, err}
		}
		c.net = secure
	}
	c.redis = redis.NewConn(deadlines{c.net}, 0, 0)
	if err := c.during(ctx, func() error { return c.login(s.to) }); err != nil {
		c.drop()
		return nil, err
	}
	return c, nil
}

// login sends password and database in one go.
func (c *conn) login(to target) error {
	if to.password != "" {
		args := []any{to.password}
		if to.user != "" {
			args = []any{to.user, to.password}
		}
		c.redis.Send("AUTH", args...)
	}
	if to.db != 0 {
		c.redis.Send("SELECT", to.db)
	}
	if to.password != "" || to.db != 0 {
		if err := c.redis.Flush(); err != nil {
			return &step{stepAnswer, err}
		}
	}
	if to.password != "" {
		if _, err := c.redis.Receive(); err != nil {
			return &step{stepAuth, err}
		}
	}
	if to.db != 0 {
		if _, err := c.redis.Receive(); err != nil {
			return &step{stepAnswer, err}
		}
	}
	return nil
}

// during does what reads and writes, until ctx ends: its deadline is the connection's, and when it is cancelled nothing is waited for.
func (c *conn) during(ctx context.Context, f func() error) error {
	deadline, _ := ctx.Deadline()
	if err := c.net.SetDeadline(deadline); err != nil {
		return &step{stepAnswer, err}
	}
	stop := context.AfterFunc(ctx, func() { c.net.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() {
		c.spent = true // the deadline of the past may come at any time now
	}
	return err
}

// drop closes a connection after a failure. What the kernel has not sent yet it may not send any more: a swap that comes
// when the network is back was given up long ago. A server that had it already may still carry it out.
func (c *conn) drop() {
	if tcp, ok := c.raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.raw.Close()
}
