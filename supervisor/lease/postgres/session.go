package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"
)

const (
	sessionTime = 5 * time.Second // to make one, and to see that it is one
	hearTime    = time.Second     // for a notification, which takes a round trip
)

// session makes a connection that has a session of the server to itself. errPooled: there is none to be had.
func (s *Store) session(ctx context.Context, heard func(channel string)) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, sessionTime)
	defer cancel()
	if s.poolerByName() {
		return nil, errPooled
	}
	name := "botctl_probe_" + strings.ToLower(rand.Text())
	probed := false
	c, err := s.connect(ctx, func(channel string) {
		if channel == name {
			probed = true
		} else if heard != nil {
			heard(channel)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := s.probe(ctx, c, name, &probed); err != nil {
		c.abort()
		return nil, err
	}
	return c, nil
}

// probe has a second connection notify the first, while that is idle. A pooler of transactions keeps no session for an idle
// connection, and so has nobody to pass it on to. It often gives both the same session, which is seen sooner.
func (s *Store) probe(ctx context.Context, c *conn, name string, probed *bool) error {
	other, err := s.connect(ctx, nil)
	if err != nil {
		return err
	}
	defer other.end()
	if other.pid == c.pid {
		return errPooled
	}
	if _, err := c.query(ctx, "listen "+name); err != nil {
		return err
	}
	if _, err := other.query(ctx, "select pg_notify('"+name+"', '')"); err != nil {
		return err
	}
	if err := c.wait(ctx, hearTime); err != nil {
		return err
	}
	was := *probed // what comes with the answer to a question proves nothing
	if _, err := c.query(ctx, "unlisten "+name); err != nil {
		return err
	}
	if err := c.alive(ctx, sessionTime); err != nil || was {
		return err
	}
	return errPooled
}

// poolerByName knows the hosts of a provider whose pooler has "-pooler" in its name, always in transaction mode (Neon).
func (s *Store) poolerByName() bool {
	for _, host := range s.at.hosts {
		first, _, _ := strings.Cut(host, ".")
		if strings.HasSuffix(first, "-pooler") {
			return true
		}
	}
	return false
}

// Pooled says whether a pooler is in between that keeps no sessions. Then Watch and the guard cannot be had.
func (s *Store) Pooled(ctx context.Context) (bool, error) {
	began := time.Now()
	if !s.begin() {
		return false, s.failure(ctx, began, errClosed)
	}
	defer s.work.Done()
	ctx, cancel := s.within(ctx, sessionTime)
	defer cancel()
	c, err := s.session(ctx, nil)
	switch {
	case errors.Is(err, errPooled):
		return true, nil
	case err != nil:
		return false, s.failure(ctx, began, err)
	}
	c.end()
	return false, nil
}
