package postgres

import (
	"context"
	"fmt"
	"strconv"
)

const warningsSQL = `select current_setting('synchronous_commit'), current_setting('fsync'), current_setting('synchronous_standby_names'),
 (select count(*) from pg_stat_replication),
 (select count(*) from pg_class where relname = 'botctl_lease' and relkind in ('r', 'p'))`

// Warnings are what an owner should know of the server: none of it keeps the lease from working. An error is that of a server that
// cannot be asked.
func (s *Store) Warnings(ctx context.Context) ([]string, error) {
	var list []string
	err := s.call(ctx, func(ctx context.Context, c *conn) error {
		rows, err := c.rows(ctx, s.settings(ctx)+warningsSQL)
		if err != nil {
			return err
		}
		if len(rows) != 1 || len(rows[0]) != 5 {
			return errForm
		}
		get := func(i int) string { return string(rows[0][i]) }
		if v := get(0); v == "off" {
			list = append(list, "synchronous_commit is off: botctl's own writes turn it on")
		}
		if get(1) != "on" {
			list = append(list, "fsync is off: a crash of the server may lose the lease, so each restart of it counts as another server")
		}
		if n, _ := strconv.Atoi(get(3)); n > 0 && get(2) == "" {
			list = append(list, fmt.Sprintf("%d standbys follow asynchronously (synchronous_standby_names is empty): a fail-over may lose the last write", n))
		}
		if n, _ := strconv.Atoi(get(4)); n > 1 {
			list = append(list, fmt.Sprintf("%d schemas of the database have a table botctl_lease: roles with different search paths do not meet", n))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	pooled, err := s.Pooled(ctx)
	if err != nil {
		return nil, err
	}
	if pooled {
		list = append(list, "a pooler is in between that keeps no sessions: changes are looked for each 500 ms instead of being told; the direct URL of the database makes hand-overs faster")
	}
	return list, nil
}
