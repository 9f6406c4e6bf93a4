package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"botctl/supervisor/lease"
)

// tableSQL is also the remedy that is told to an owner whose role may not.
const tableSQL = "create table if not exists botctl_lease (bot text primary key, version bigint not null, record text not null, " +
	"epoch bigint, holder text, updated_at timestamptz)"

// create makes the table. Somebody else may do so at the same time: "if not exists" looks once and then tries, and who loses gets
// one of several errors.
func (s *Store) create(ctx context.Context, c *conn) error {
	_, err := c.query(ctx, s.settings(ctx)+tableSQL)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "42P07", "23505", "42710": // there is one; its type, or its index, is there already
			return nil
		case "42501", "3F000": // may not, or has no schema where it could
			return &lease.StoreError{Problem: lease.Denied, Server: s.String(), Err: fmt.Errorf(
				"user %s may not make the table; as the database's owner run: %s; %s", s.clean(c.user), tableSQL, grantSQL(c.user))}
		}
	}
	return err
}

// grantSQL lets a role use the table.
func grantSQL(role string) string {
	return `grant select, insert, update on botctl_lease to "` + strings.ReplaceAll(role, `"`, `""`) + `"`
}

// missingTable says whether an error is that of a table that is not there.
func missingTable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "42P01"
}
