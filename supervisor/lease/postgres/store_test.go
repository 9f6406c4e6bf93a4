//go:build unix

package postgres

import (
	"strings"
	"testing"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// suite runs the conformance tests on a URL; pg is the server behind it.
func suite(t *testing.T, pg *leasetest.PG, url string, noWatch bool) {
	load(t, open(t, pg.URL("sslmode=disable"), "table"))
	server := leasetest.Server{
		NoWatch: noWatch,
		Plant: func(t *testing.T, key, record string) func() string {
			pg.SQL("insert into botctl_lease (bot, version, record) values ('" + key + "', 1, '" + strings.ReplaceAll(record, "'", "''") + "')")
			return func() string {
				return pg.SQL("select version || ' ' || record from botctl_lease where bot = '" + key + "'")
			}
		},
	}
	if strings.Contains(url, pg.Addr()) { // a pooler answers for a server that stalls
		server.Stall = func(*testing.T) func() {
			pg.Pause()
			return pg.Resume
		}
	}
	leasetest.Run(t, func(t *testing.T, key string) lease.Store {
		s, err := Open(url, key, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, server)
}

func TestTheStore(t *testing.T) {
	pg := leasetest.Postgres(t)
	suite(t, pg, pg.URL("sslmode=disable"), false)
}

func TestTheStoreOverTLS(t *testing.T) {
	pg := leasetest.Postgres(t, "ssl=on")
	suite(t, pg, pg.URL("sslmode=verify-full&sslrootcert="+pg.CertFile()), false)
}

func TestTheStoreBehindAPoolerOfTransactions(t *testing.T) {
	pg := leasetest.Postgres(t)
	suite(t, pg, leasetest.PgBouncer(t, pg, "transaction").URL("sslmode=disable"), true)
}

func TestTheStoreBehindAPoolerOfSessions(t *testing.T) {
	pg := leasetest.Postgres(t)
	suite(t, pg, leasetest.PgBouncer(t, pg, "session").URL("sslmode=disable"), false)
}
