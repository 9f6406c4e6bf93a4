package redis

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// says is a server that answers each connection with the same bytes, for what real ones say only in places that a test does not get to.
func says(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				buf := make([]byte, 1<<16)
				for {
					if _, err := c.Read(buf); err != nil {
						return
					}
					if _, err := c.Write([]byte(text)); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); work.Wait() })
	return l.Addr().String()
}

func TestWhatAServerAnswersIsExplained(t *testing.T) {
	for _, tc := range []struct {
		url, answer string
		problem     lease.Problem
		text        string
	}{
		{"", "READONLY You can't write against a read only replica.", lease.ReadOnly, "the primary"},
		{"", "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", lease.ReadOnly, "the primary"},
		{"", "NOREPLICAS Not enough good replicas to write.", lease.ReadOnly, "min-replicas-to-write"},
		{"", "LOADING Redis is loading the dataset in memory", lease.Busy, "loads"},
		{"", "OOM command not allowed when used memory > 'maxmemory'.", lease.Busy, "maxmemory"},
		{"", "@user_script: 17: -OOM command not allowed when used memory > 'maxmemory'.", lease.Busy, "maxmemory"},
		{"", "@user_script: 8: The user executing the script can't run this command or subcommand", lease.Denied, "+evalsha"},
		{"", "@user_script", lease.Busy, "has answered @user_script"},
		{"", "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", lease.Busy, "disk"},
		{"", "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", lease.Busy, "script"},
		{"", "TRYAGAIN Multiple keys request during rehashing of slot", lease.Busy, "cluster"},
		{"", "CLUSTERDOWN The cluster is down", lease.Busy, "cluster"},
		{"", "ERR max number of clients reached", lease.Busy, "maxclients"},
		{"", "MOVED 3999 10.0.0.9:6381", lease.Misconfigured, "cluster"},
		{"", "ASK 3999 10.0.0.9:6381", lease.Misconfigured, "cluster"},
		{"", "WRONGTYPE Operation against a key holding the wrong kind of value", lease.Misconfigured, "botctl"},
		{"", "ERR unknown command `EVALSHA`, with args beginning with: `a`", lease.Misconfigured, "EVALSHA"},
		{"", "NOAUTH Authentication required.", lease.Denied, "password"},
		{"", "NOPERM this user has no permissions to run the 'evalsha' command", lease.Denied, "+evalsha"},
		{"", "DENIED Redis is running in protected mode because protected mode is enabled", lease.Denied, "protected mode"},
		{"", "ERR max daily request limit exceeded", lease.Busy, "has answered ERR max daily request limit exceeded"},
		{"", "ERR " + strings.Repeat("x", 500) + "\x01", lease.Busy, "has answered ERR xxx"},
		{":hunter2@", "WRONGPASS invalid username-password pair or user is disabled.", lease.Denied, "user or password is wrong"},
		{":hunter2@", "ERR invalid password", lease.Denied, "user or password is wrong"},
		{":hunter2@", "ERR Client sent AUTH, but no password is set", lease.Misconfigured, "has no password"},
		{":hunter2@", "ERR unknown command `AUTH`, with args beginning with: `hunter2`, ", lease.Misconfigured, "AUTH"},
		{":hunter2@", "ERR hunter2", lease.Denied, "does not take the password"},
		{":hunter2@", "LOADING Redis is loading the dataset in memory", lease.Busy, "loads"},
		{"a:hunter2@", "ERR wrong number of arguments for 'auth' command", lease.Denied, "before Redis 6"},
	} {
		c := open(t, "redis://"+tc.url+says(t, "-"+tc.answer+"\r\n"), newKey())
		c.refuses(tc.problem, tc.text)
		if tc.url != "" { // the subscription logs in, too
			ctx, cancel := context.WithTimeout(t.Context(), callTime)
			if se := storeError(t, c.Watch(ctx, func() { t.Error("a hint") })); se.Problem != tc.problem || errors.Is(se, lease.ErrNoWatch) {
				t.Errorf("Watch: %v", se)
			}
			cancel()
		}
	}
}

func TestWhatIsNoRedisIsExplained(t *testing.T) {
	for _, text := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\n", "+PONG\r\n", ":1\r\n", "*0\r\n", "*1\r\n$1\r\nx\r\n", "\r\n"} {
		open(t, "redis://"+says(t, text), newKey()).refuses(lease.Misconfigured, "does not answer as Redis does")
	}
}

func TestWarnings(t *testing.T) {
	primary, replica, _ := pair(t)
	c := open(t, "redis://"+primary.Addr(), newKey())
	wants := func(texts ...string) {
		t.Helper()
		list, err := c.Warnings(t.Context())
		if err != nil || len(list) != len(texts) {
			t.Fatalf("%q, %v", list, err)
		}
		for i, text := range texts {
			if !strings.Contains(list[i], text) {
				t.Errorf("%q lacks %q", list[i], text)
			}
		}
	}
	wants("min-replicas-to-write is 0")
	primary.Do("CONFIG", "SET", "min-replicas-to-write", "1")
	wants()
	primary.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	wants() // it is never full
	primary.Do("CONFIG", "SET", "maxmemory", "100mb")
	wants("maxmemory-policy allkeys-lru")
	primary.Do("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
	wants()
	primary.Do("CONFIG", "SET", "min-replicas-to-write", "0")
	replica.Kill()
	primary.Wait("connected_slaves:0", "INFO", "replication")
	wants()
	lone := open(t, "redis://"+leasetest.Redis(t).Addr(), newKey())
	if list, err := lone.Warnings(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("%q, %v", list, err)
	}
}
