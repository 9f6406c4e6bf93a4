package redis

import (
	"github.com/gomodule/redigo/redis"
)

// script looks, and swaps when it is given what to swap. KEYS[1] is the lease's key.
//
//	ARGV[1]  version to swap from, "0" for none; "" only looks
//	ARGV[2]  the record as it is expected there
//	ARGV[3]  the new version
//	ARGV[4]  the new record
//
// It answers run_id, role, master_replid, master_replid2, connected_slaves (each "" where INFO does not say), whether there is a
// key, version, record, and whether it swapped. Versions are text here: Lua's numbers end at 2^53. A replica is left alone even when it could be
// written to.
var script = redis.NewScript(1, `
local function field(section, name)
	local text = redis.pcall('INFO', section)
	if type(text) ~= 'string' then return '' end
	return string.match(text, '\n' .. name .. ':([^\r\n]*)') or ''
end
local role = field('replication', 'role')
local exists = redis.pcall('EXISTS', KEYS[1])
if type(exists) == 'table' then return exists end
local there = redis.pcall('HMGET', KEYS[1], 'version', 'record')
if there.err then return there end
local swapped = 0
if ARGV[1] ~= '' and role ~= 'slave' then
	local same
	if ARGV[1] == '0' then same = exists == 0 else same = there[1] == ARGV[1] and there[2] == ARGV[2] end
	if same then
		local set = redis.pcall('HSET', KEYS[1], 'version', ARGV[3], 'record', ARGV[4])
		if type(set) == 'table' and set.err then return set end
		redis.pcall('PUBLISH', KEYS[1], ARGV[3])
		exists, swapped, there = 1, 1, {ARGV[3], ARGV[4]}
	end
end
return {field('server', 'run_id'), role, field('replication', 'master_replid'), field('replication', 'master_replid2'),
	field('replication', 'connected_slaves'), exists, there[1], there[2], swapped}
`)

// answer is what the script says.
type answer struct {
	runID, role     string
	replid, replid2 string // of the data now, and of that which it went on with when it was made the primary
	replicas        int
	exists          bool
	version, record []byte // nil: no such field
	swapped         bool
}

// swap is what the script is to write. The zero value: only look.
type swap struct {
	from, expected, version, record string
}

func (c *conn) run(key string, s swap) (a answer, err error) {
	reply, err := redis.Values(script.Do(c.redis, key, s.from, s.expected, s.version, s.record))
	if err != nil {
		return answer{}, err
	}
	var replicas []byte
	if _, err := redis.Scan(reply, &a.runID, &a.role, &a.replid, &a.replid2, &replicas, &a.exists, &a.version, &a.record, &a.swapped); err != nil {
		return answer{}, err
	}
	a.replicas, _ = redis.Int(replicas, nil)
	return a, nil
}
