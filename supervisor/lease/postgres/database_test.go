//go:build unix

package postgres

import (
	"net/url"
	"strings"
	"sync"
	"testing"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

func TestManyMakeTheTableAtOnce(t *testing.T) {
	pg := leasetest.Postgres(t)
	const many = 12
	for round := range 5 {
		var work sync.WaitGroup
		start := make(chan struct{})
		for range many {
			s := open(t, pg.URL("sslmode=disable"), "a")
			if _, err := s.Pooled(limit(t, aWhile)); err != nil { // the way is warm
				t.Fatal(err)
			}
			work.Go(func() {
				<-start
				if now, err := s.Load(limit(t, aWhile)); err != nil || now.Version != 0 {
					t.Errorf("round %d: %+v, %v", round, now, err)
				}
				s.Close()
			})
		}
		close(start)
		work.Wait()
		pg.SQL("drop table botctl_lease")
	}
}

func TestARoleThatMayNotMakeTheTableIsToldHow(t *testing.T) {
	pg := leasetest.Postgres(t)
	pg.SQL("alter database " + leasetest.PGDatabase + " owner to postgres")
	s := open(t, pg.URL("sslmode=disable"), "a")
	_, err := s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.Denied, tableSQL)
	_, remedy, _ := strings.Cut(err.Error(), "run: ")
	create, grant, _ := strings.Cut(remedy, "; ")
	pg.SQL(create)
	_, err = s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.Denied, grant)
	pg.SQL(grant)
	swap(t, s, 0, 1)
	pg.SQL("revoke update on botctl_lease from " + leasetest.PGUser)
	_, _, err = s.Swap(limit(t, aWhile), 1, record(2))
	wantProblem(t, err, lease.Denied, "grant select, insert, update on botctl_lease to \"botctl\"")
	pg.SQL("drop table botctl_lease", "drop schema public cascade")
	_, err = s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.Denied, tableSQL)
}

func TestWhatADatabaseMayBeSetTo(t *testing.T) {
	pg := leasetest.Postgres(t)
	pg.SQL("create schema own authorization " + leasetest.PGUser)
	for _, setting := range []string{
		"default_transaction_isolation = 'serializable'", "default_transaction_isolation = 'repeatable read'", "standard_conforming_strings = off",
		"synchronous_commit = off", "synchronous_commit = local", "client_encoding = 'LATIN1'", "statement_timeout = '30s'", "intervalstyle = 'sql_standard'",
		"datestyle = 'german'", "bytea_output = 'escape'", "lc_messages = 'C'", "search_path = own, public", "backslash_quote = on", "escape_string_warning = off",
	} {
		pg.SQLIn("postgres", "alter database "+leasetest.PGDatabase+" reset all", "alter database "+leasetest.PGDatabase+" set "+setting)
		// The other's swaps are in between, which is what isolation is about.
		one, other := open(t, pg.URL("sslmode=disable"), "a"), open(t, pg.URL("sslmode=disable"), "a")
		now := swap(t, one, 0, 1)
		var work sync.WaitGroup
		for i, s := range []*Store{one, other} {
			work.Go(func() {
				for now, seq := now, uint64(10+i); now.Version < 40; seq += 2 {
					var err error
					if now, _, err = s.Swap(limit(t, aWhile), now.Version, record(seq)); err != nil {
						t.Errorf("%s: %v", setting, err)
						return
					}
				}
			})
		}
		work.Wait()
		one.Close()
		other.Close()
		pg.SQL("drop table botctl_lease")
	}
}

func TestADatabaseOfAnyEncodingKeepsARecord(t *testing.T) {
	pg := leasetest.Postgres(t)
	for _, encoding := range []string{"LATIN1", "SQL_ASCII", "EUC_JP"} {
		name := strings.ToLower(encoding)
		pg.SQL("create database " + name + " owner " + leasetest.PGUser + " encoding '" + encoding + "' template template0")
		u, err := url.Parse(pg.URL("sslmode=disable"))
		if err != nil {
			t.Fatal(err)
		}
		u.Path = "/" + name
		s := open(t, u.String(), "a")
		r := record(1)
		r.Holder.Name, r.Holder.Env = "wörker 👋", "生産"
		if now, swapped, err := s.Swap(limit(t, aWhile), 0, r); err != nil || !swapped || now.Record != r {
			t.Errorf("%s: %t, %+v, %v", encoding, swapped, now, err)
		}
	}
}

func TestARecordThatIsNotUnderstoodIsLeftAlone(t *testing.T) {
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	swap(t, s, 0, 1)
	for _, text := range []string{`{"schema":2}`, `no JSON`, ``, `{"schema":1,"epoch":"x"}`} {
		pg.SQL("update botctl_lease set record = '" + text + "'")
		// Its version is what it was: whoever wrote this does not know the rules.
		_, swapped, err := s.Swap(limit(t, aWhile), 1, record(2))
		wantProblem(t, err, lease.Misconfigured, "record")
		for range 2 {
			_, err = s.Load(limit(t, aWhile))
			wantProblem(t, err, lease.Misconfigured, "record")
			_, again, err := s.Swap(limit(t, aWhile), 1, record(2))
			wantProblem(t, err, lease.Misconfigured, "record")
			swapped = swapped || again
		}
		if there := pg.SQL("select record from botctl_lease"); there != text || swapped {
			t.Errorf("%q has become %q, %t", text, there, swapped)
		}
	}
	pg.SQL(`update botctl_lease set record = '{"schema": 1, "epoch": 7}'`) // by hand, and right
	now, swapped, err := s.Swap(limit(t, aWhile), 1, record(2))
	if err != nil || swapped || now.Record.Epoch != 7 {
		// the first one has loaded: so this one knows what it overwrites
		if !swapped || now.Record.Seq != 2 {
			t.Errorf("%t, %+v, %v", swapped, now, err)
		}
	}
	pg.SQL("drop table botctl_lease", "create table botctl_lease (bot text primary key)")
	_, err = s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.Misconfigured, "form")
}

func TestWhyAServerCannotBeUsed(t *testing.T) {
	pg := leasetest.Postgres(t)
	good := pg.URL("sslmode=disable")
	swap(t, open(t, good, "a"), 0, 1)
	changed := func(f func(*url.URL)) string {
		u, err := url.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		f(u)
		return u.String()
	}
	for _, tc := range []struct {
		name, url string
		before    []string
		problem   lease.Problem
		says      string
	}{
		{"wrong password", changed(func(u *url.URL) { u.User = url.UserPassword("botctl", "an0ther") }), nil, lease.Denied, "user botctl or its password"},
		{"no password", changed(func(u *url.URL) { u.User = url.User("botctl") }), nil, lease.Denied, "user botctl or its password"},
		{"unknown user", changed(func(u *url.URL) { u.User = url.UserPassword("nobody", leasetest.PGPassword) }), nil, lease.Denied, "user nobody"},
		{"no such database", changed(func(u *url.URL) { u.Path = "/nothing" }), nil, lease.Misconfigured, "no database nothing"},
		{"a server without TLS", pg.URL("sslmode=require"), nil, lease.Untrusted, "no TLS"},
		{"an unknown setting", pg.URL("sslmode=disable&options=-c%20no_such=1"), nil, lease.Misconfigured, "no_such"},
		{"nobody listens", changed(func(u *url.URL) { u.Host = "127.0.0.1:1" }), nil, lease.Unreachable, "connection refused"},
		{"no such host", changed(func(u *url.URL) { u.Host = "no-such-host.invalid:1" }), nil, lease.Unreachable, "look up host"},
		{"no socket", changed(func(u *url.URL) { u.Host = ""; u.RawQuery = "host=/nowhere" }), nil, lease.Unreachable, "no such file"},
		{"no more connections", good, []string{"alter role botctl connection limit 0"}, lease.Busy, "too many connections"},
		{"a database that is closed", good, []string{"alter role botctl connection limit -1", "alter database botctl with allow_connections false"}, lease.Busy, "not currently accepting"},
		{"a role that may not log in", good, []string{"", "alter role botctl nologin"}, lease.Denied, "not permitted to log in"},
		{"read only", good, []string{"", "alter role botctl login", "alter role botctl set default_transaction_read_only = on"}, lease.ReadOnly, "default_transaction_read_only"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for i, statement := range tc.before {
				if i == 0 && statement == "" {
					pg.SQLIn("postgres", "alter database botctl with allow_connections true")
				} else {
					pg.SQLIn("postgres", statement)
				}
			}
			s := open(t, tc.url, "a")
			for range 2 {
				_, err := s.Load(limit(t, aWhile))
				wantProblem(t, err, tc.problem, tc.says)
				_, _, err = s.Swap(limit(t, aWhile), 1, record(2))
				wantProblem(t, err, tc.problem, tc.says)
			}
			wantProblem(t, s.Await(limit(t, aWhile)), tc.problem, tc.says)
			if tc.problem != lease.ReadOnly {
				wantProblem(t, s.Watch(limit(t, aWhile), func() {}), tc.problem, tc.says)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	pg := leasetest.Postgres(t, "ssl=on")
	s := open(t, pg.URL("sslmode=verify-full"), "a")
	_, err := s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.Untrusted, "signed")
	s = open(t, pg.URL("sslmode=verify-ca"), "a")
	_, err = s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.Untrusted, "signed")
	for _, query := range []string{"sslmode=require", "sslmode=prefer", "", "sslmode=verify-full&sslrootcert=" + url.QueryEscape(pg.CertFile()), "ssl=true"} {
		s := open(t, pg.URL(query), "b"+url.QueryEscape(query))
		swap(t, s, 0, 1)
		if got := pg.SQL("select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'botctl'"); got != "t" {
			t.Errorf("%q: TLS is %q", query, got)
		}
		s.Close()
	}
	u, err := url.Parse(pg.URL("sslmode=verify-full&sslrootcert=" + url.QueryEscape(pg.CertFile())))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "0.0.0.0:" + u.Port() // which is this host, by a name that nobody certifies
	s = open(t, u.String(), "a")
	_, err = s.Load(limit(t, aWhile))
	wantProblem(t, err, lease.Untrusted, "another name")
}

func TestWarnings(t *testing.T) {
	pg := leasetest.Postgres(t)
	s := open(t, pg.URL("sslmode=disable"), "a")
	if list, err := s.Warnings(limit(t, aWhile)); err != nil || len(list) != 0 {
		t.Errorf("%q, %v", list, err)
	}
	load(t, s)
	pg.SQL("create schema other", "create table other.botctl_lease ()", "alter system set synchronous_commit = off", "alter system set fsync = off", "select pg_reload_conf()")
	leasetest.Eventually(t, "all warnings", func() bool {
		list, err := s.Warnings(limit(t, aWhile))
		return err == nil && len(list) == 3
	})

}
