package postgres

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	maxMessage = 1 << 20 // of the server; a record has some thousand bytes
	endTime    = time.Second
	cancelTime = time.Second
)

// conn is a connection. It is for one goroutine at a time.
type conn struct {
	store *Store
	pg    *pgconn.PgConn
	raw   net.Conn // below TLS
	up    atomic.Bool

	pid     string // of the server's process, which a pooler may change
	user    string // as the server calls us
	version int    // 150018
	asks    bool   // may ask for what names the server
	clock   clock
}

// clock is a moment in the server's time and in ours. Ours is that before the question: what is computed from it is early, never late.
type clock struct {
	server int64 // microseconds since 1970
	ours   time.Time
}

// at is the server's time when ours will be t.
func (c clock) at(t time.Time) int64 { return c.server + t.Sub(c.ours).Microseconds() }

// keepAlive finds a server that is gone while we wait for it, within some 11 s.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

// connect makes a connection and asks who is there. heard is called, by whoever uses the connection, with the channel of each notification.
func (s *Store) connect(ctx context.Context, heard func(channel string)) (*conn, error) {
	s.mu.Lock()
	turn := s.failed
	s.mu.Unlock()
	c := &conn{store: s}
	type ours struct{}
	config := s.config.Copy()
	dialer := &net.Dialer{KeepAliveConfig: keepAlive}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if ctx.Value(ours{}) == nil {
			if !c.up.Load() {
				return nil, errors.New("there is nothing to cancel")
			}
			return s.dialCancel(ctx, dialer, network, address)
		}
		raw, err := dialer.DialContext(ctx, network, address)
		c.raw = raw
		return raw, err
	}
	// A name may have several addresses of which the first takes nobody: each try begins with the next one, and has not all the time.
	lookup := config.LookupFunc
	config.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		list, err := lookup(ctx, host)
		if n := len(list); n > 1 {
			list = append(list[turn%n:n:n], list[:turn%n]...)
		}
		return list, err
	}
	if deadline, ok := ctx.Deadline(); ok && len(s.at.hosts) > 1 {
		config.ConnectTimeout = time.Until(deadline) / time.Duration(len(s.at.hosts))
	}
	if heard != nil {
		config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { heard(n.Channel) }
	}
	pg, err := pgconn.ConnectConfig(context.WithValue(ctx, ours{}, true), config)
	if err == nil {
		c.up.Store(true)
		c.pg = pg
		if err = c.introduce(ctx); err == nil {
			return c, nil
		}
		c.abort()
	}
	s.mu.Lock()
	s.failed++
	s.mu.Unlock()
	return nil, err
}

// dialCancel is for the driver, which asks the server to cancel what it gave up. Nobody waits for that but Close.
func (s *Store) dialCancel(ctx context.Context, dialer *net.Dialer, network, address string) (net.Conn, error) {
	ctx, cancel := s.within(ctx, cancelTime)
	defer cancel()
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(cancelTime))
	return c, nil
}

// introduction also asks whether the role may call what names a server.
const introduction = `select pg_backend_pid(), current_user, current_setting('server_version_num'), ` + clockSQL + `, (
 select bool_and(coalesce(has_function_privilege(to_regprocedure(f)::oid, 'execute'), false))
 from unnest(array['pg_control_system()', 'pg_current_wal_lsn()', 'pg_walfile_name(pg_lsn)']) f)`

const clockSQL = `(extract(epoch from clock_timestamp()) * 1000000)::bigint`

func (c *conn) introduce(ctx context.Context) error {
	before := time.Now()
	rows, err := c.rows(ctx, introduction)
	if err != nil {
		return err
	}
	if len(rows) != 1 || len(rows[0]) != 5 {
		return errors.New("an answer of another form than PostgreSQL's")
	}
	row := rows[0]
	c.pid, c.user, c.asks = string(row[0]), string(row[1]), string(row[4]) == "t"
	if c.version, err = strconv.Atoi(string(row[2])); err == nil {
		err = c.setClock(before, row[3])
	}
	return err
}

func (c *conn) setClock(before time.Time, answer []byte) error {
	us, err := strconv.ParseInt(string(answer), 10, 64)
	c.clock = clock{server: us, ours: before}
	return err
}

// query runs statements, as one message. An error of the server is returned as such; the connection is to be aborted after any.
func (c *conn) query(ctx context.Context, statements string) ([]*pgconn.Result, error) {
	return c.pg.Exec(ctx, statements).ReadAll()
}

// rows are those of the last statement.
func (c *conn) rows(ctx context.Context, statements string) ([][][]byte, error) {
	results, err := c.query(ctx, statements)
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}

// wait returns nil once a notification has come, or limit is over. Any error is that of a connection that is lost.
func (c *conn) wait(ctx context.Context, limit time.Duration) error {
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := c.pg.WaitForNotification(short)
	if err != nil && ctx.Err() == nil && pgconn.Timeout(err) {
		return nil
	}
	return err
}

// alive asks whether the session lives, and is the same.
func (c *conn) alive(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	rows, err := c.rows(ctx, "select pg_backend_pid()")
	if err != nil {
		return err
	}
	if len(rows) != 1 || string(rows[0][0]) != c.pid {
		return errPooled
	}
	return nil
}

// end takes leave of the server.
func (c *conn) end() {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	c.pg.Close(ctx)
}

// abort drops the connection at once, and what was not sent yet with it.
func (c *conn) abort() {
	if tcp, ok := c.raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.raw.Close()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	c.pg.Close(over)
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dying = slices.DeleteFunc(append(s.dying, c), func(d *conn) bool {
		select {
		case <-d.pg.CleanupDone():
			return true
		default:
			return false
		}
	})
}
