package redis

import (
	"context"
	"errors"
	"strings"

	"github.com/gomodule/redigo/redis"
)

// Warnings says what an owner should know of the server once, each in a line. What the server does not tell is not warned of. It is
// no warning that nothing is kept on disk: see the package's documentation.
func (s *Store) Warnings(ctx context.Context) (list []string, err error) {
	err = s.call(ctx, func(_ context.Context, c *conn) error {
		var text strings.Builder
		for _, section := range []string{"server", "memory", "replication"} {
			part, err := redis.String(c.redis.Do("INFO", section))
			if _, refused := errors.AsType[redis.Error](err); refused {
				continue
			}
			if err != nil {
				return err
			}
			text.WriteString(part + "\r\n")
		}
		list = warnings(text.String())
		return nil
	})
	return list, err
}

// warnings reads sections of INFO.
func warnings(info string) (list []string) {
	has := map[string]string{}
	for l := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(l), ":"); ok {
			has[name] = value
		}
	}
	if has["run_id"] == "" {
		list = append(list, "the server does not say which one it is (INFO is forbidden or lacks run_id), "+
			"so a restart or fail-over that loses the lease may go unnoticed")
	}
	if policy := has["maxmemory_policy"]; strings.HasPrefix(policy, "allkeys-") && has["maxmemory"] != "0" {
		list = append(list, "the server may evict the lease when its memory is full (maxmemory-policy "+line(policy)+"); "+
			"a lost lease costs a wait of its TTL; noeviction or volatile-* keeps it")
	}
	if replicas := has["connected_slaves"]; replicas != "" && replicas != "0" && has["min_slaves_good_slaves"] == "" {
		list = append(list, "the server has replicas and takes writes without them (min-replicas-to-write is 0), "+
			"so a fail-over can lose the last change of the lease, and two bots may poll until it is noticed")
	}
	return list
}
