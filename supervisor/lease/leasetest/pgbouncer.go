//go:build unix

package leasetest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Bouncer is a PgBouncer of a test.
type Bouncer struct {
	server *daemon
	port   int
}

// PgBouncer starts one before target, until the test ends. mode is "transaction" or "session". settings are further lines of its file.
func PgBouncer(t testing.TB, target *PG, mode string, settings ...string) *Bouncer {
	t.Helper()
	needs(t, bouncerBin(), "pgbouncer")
	as, err := newDaemonUser()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := as.folder()
	if err != nil {
		t.Fatal(err)
	}
	reap, err := reaper(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reap)
	b := &Bouncer{port: freePort(t)}
	users := filepath.Join(dir, "users")
	ini := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
		"auth_type = scram-sha-256\nauth_file = %s\npool_mode = %s\n%s\n", target.port, b.port, users, mode, strings.Join(settings, "\n"))
	for path, text := range map[string]string{users: fmt.Sprintf("%q %q\n", PGUser, PGPassword), filepath.Join(dir, "ini"): ini} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := as.own(path); err != nil {
			t.Fatal(err)
		}
	}
	b.server, err = startDaemon(as.command(bouncerBin(), filepath.Join(dir, "ini")), "process up")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

// bouncerBin is its path. Debian has it where only administrators look.
func bouncerBin() string {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path
	}
	return "/usr/sbin/pgbouncer"
}

// Stop ends it.
func (b *Bouncer) Stop() { b.server.end(syscall.SIGINT) }

// Addr is where it listens.
func (b *Bouncer) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)) }

// URL is for a client. query is "name=value&…", or empty.
func (b *Bouncer) URL(query string) string { return PGURL(b.Addr(), query) }
