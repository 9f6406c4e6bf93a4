package postgres

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/jackc/pgx/v5/pgconn"

	"botctl/supervisor/lease"
)

// Load is lease.Store's.
func (s *Store) Load(ctx context.Context) (lease.Snapshot, error) {
	var now lease.Snapshot
	err := s.call(ctx, func(ctx context.Context, c *conn) error {
		var err error
		now, err = s.load(ctx, c)
		return err
	})
	if err != nil {
		return lease.Snapshot{}, err
	}
	return now, nil
}

func (s *Store) load(ctx context.Context, c *conn) (lease.Snapshot, error) {
	before := time.Now()
	results, err := s.ask(ctx, c, s.look(c))
	if err != nil {
		return lease.Snapshot{}, err
	}
	return s.read(c, before, results)
}

// ask makes the table when there is none.
func (s *Store) ask(ctx context.Context, c *conn, statements string) ([]*pgconn.Result, error) {
	results, err := c.query(ctx, s.settings(ctx)+statements)
	if missingTable(err) {
		if err := s.create(ctx, c); err != nil {
			return nil, err
		}
		results, err = c.query(ctx, s.settings(ctx)+statements)
	}
	return results, err
}

// Swap is lease.Store's.
func (s *Store) Swap(ctx context.Context, from uint64, to lease.Record) (now lease.Snapshot, swapped bool, err error) {
	text, err := asciiJSON(to)
	if err != nil {
		return lease.Snapshot{}, false, &lease.StoreError{Problem: lease.Misconfigured, Server: s.String(), Err: err}
	}
	err = s.call(ctx, func(ctx context.Context, c *conn) error {
		// What is not known to be a record that we understand is never overwritten.
		if from > 0 && s.seen.version != from {
			if now, err = s.load(ctx, c); err != nil || now.Version != from {
				return err
			}
		}
		old := ""
		if from > 0 {
			old = s.seen.text
		}
		deadline, _ := ctx.Deadline()
		before := time.Now()
		results, err := s.ask(ctx, c, durable+s.write(c, from, old, to, text, deadline)+"; "+s.look(c))
		if err != nil {
			return err
		}
		if now, err = s.read(c, before, results); err != nil {
			return err
		}
		swapped = len(results) > 1 && len(results[len(results)-2].Rows) == 1
		if !swapped && now.Version == from && s.seen.text == old {
			return errLate
		}
		return nil
	})
	if err != nil {
		return lease.Snapshot{}, false, err
	}
	return now, swapped, nil
}

// errLate says that the server has compared its clock with the deadline.
var errLate = errors.New("the server came to it after the deadline, or its clock was set")

// settings begin each message. Whatever the database's defaults are, a statement must see what was committed before it, and end with the call.
func (s *Store) settings(ctx context.Context) string {
	limit := callLimit
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(time.Until(deadline), time.Hour) // the server counts milliseconds in 31 bits
	}
	return fmt.Sprintf("set transaction isolation level read committed; set local statement_timeout = %d; ", max(1, limit.Milliseconds()*9/10))
}

// durable answers one row or none.
const durable = "select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') in ('off', 'local'); "

// write answers one row if it was done. It tells the watchers in the same transaction.
func (s *Store) write(c *conn, from uint64, old string, to lease.Record, text string, deadline time.Time) string {
	us := c.clock.at(deadline)
	inTime := fmt.Sprintf("clock_timestamp() < to_timestamp(%d.%06d)", us/1e6, us%1e6)
	epoch, holder := min(to.Epoch, math.MaxInt64), literal(people(to.Holder))
	statement := fmt.Sprintf("insert into botctl_lease (bot, version, record, epoch, holder, updated_at)"+
		" select %s, 1, %s, %d, %s, clock_timestamp() where %s on conflict (bot) do nothing returning 1",
		literal(s.key), literal(text), epoch, holder, inTime)
	if from > 0 {
		statement = fmt.Sprintf("update botctl_lease set version = version + 1, record = %s, epoch = %d, holder = %s, updated_at = clock_timestamp()"+
			" where bot = %s and version = %d and record = %s and %s returning 1",
			literal(text), epoch, holder, literal(s.key), min(from, math.MaxInt64), literal(old), inTime)
	}
	return fmt.Sprintf("with done as (%s) select pg_notify('%s', '') from done", statement, s.channel())
}

// look answers one row: what server this is, and what it has.
func (s *Store) look(c *conn) string {
	return "select pg_is_in_recovery(), current_setting('transaction_read_only'), " + clockSQL + ", " + serverSQL(c.asks) +
		", lease.version, lease.record from (select 1) one left join botctl_lease lease on lease.bot = " + literal(s.key)
}

func serverSQL(asks bool) string {
	const started = "'started ' || " + "extract(epoch from pg_postmaster_start_time())"
	name := started
	if asks {
		name = "(select system_identifier from pg_control_system()) || '/' || " +
			"case when pg_is_in_recovery() then '-' else ltrim(substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), '0') end" +
			" || case when current_setting('fsync') = 'on' then '' else '/' || " + started + " end"
	}
	return name + " || '/' || (select oid from pg_database where datname = current_database()) || '/' || 'botctl_lease'::regclass::oid"
}

// read takes the answer to look, which is the last one, and remembers it.
func (s *Store) read(c *conn, before time.Time, results []*pgconn.Result) (lease.Snapshot, error) {
	rows := results[len(results)-1].Rows
	if len(rows) != 1 || len(rows[0]) != 6 {
		return lease.Snapshot{}, errForm
	}
	row := rows[0]
	if string(row[0]) == "t" || string(row[1]) == "on" {
		return lease.Snapshot{}, errReadOnly
	}
	if err := c.setClock(before, row[2]); err != nil {
		return lease.Snapshot{}, err
	}
	now := lease.Snapshot{Server: string(row[3])}
	s.seen = seen{}
	if row[4] == nil {
		return now, nil
	}
	var err error
	if now.Version, err = strconv.ParseUint(string(row[4]), 10, 63); err != nil || now.Version == 0 {
		return lease.Snapshot{}, errForm
	}
	if err := json.Unmarshal(row[5], &now.Record); err != nil {
		return lease.Snapshot{}, &lease.StoreError{Problem: lease.Misconfigured, Server: s.String(), Err: s.told("the record of " + s.key + " in botctl_lease: " + err.Error())}
	}
	s.seen = seen{version: now.Version, text: string(row[5])}
	return now, nil
}

// literal is a text in a statement, whatever is in it and however the server reads quotes.
func literal(s string) string {
	return "convert_from(decode('" + base64.StdEncoding.EncodeToString([]byte(s)) + "', 'base64'), 'UTF8')"
}

// asciiJSON is r in JSON, with everything beyond ASCII escaped.
func asciiJSON(r lease.Record) (string, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out.WriteByte(byte(r))
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, hi, lo)
		}
	}
	return out.String(), nil
}

// people is a member for whoever looks into the table.
func people(m lease.Member) string {
	name := strings.TrimSpace(m.Name + " " + m.Instance)
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
	return name[:min(len(name), 200)]
}
