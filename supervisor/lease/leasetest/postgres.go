//go:build unix

package leasetest

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// What a PG has from the start: a role without rights beyond its own database, which it owns.
const (
	PGUser     = "botctl"
	PGPassword = "pg-Secret/word@1"
	PGDatabase = "botctl"
)

// PG is a PostgreSQL server of a test. It keeps its default of writing through to the disk, so that a restart is what it is in earnest.
type PG struct {
	t        testing.TB
	as       daemonUser
	dir      string // what it is made of, and its socket
	port     int
	settings []string
	server   *daemon
}

// Postgres starts a server of its own, until the test ends. settings are "name=value"; with "ssl=on" it has a certificate that nobody has
// signed, see CertFile. A machine without PostgreSQL skips the test, and fails it where CI is set.
func Postgres(t testing.TB, settings ...string) *PG {
	t.Helper()
	needs(t, pgBin("initdb"), "postgresql")
	p := newPG(t, settings)
	empty, err := pgTemplate()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := p.as.command("cp", "-R", empty.data, p.data()).CombinedOutput(); err != nil {
		t.Fatalf("copy the empty cluster: %v\n%s", err, out)
	}
	if slices.Contains(settings, "ssl=on") {
		p.certify()
	}
	p.Start()
	return p
}

// certify gives it a certificate.
func (p *PG) certify() {
	p.t.Helper()
	cert, key := Certificate(p.t)
	for from, to := range map[string]string{cert: "server.crt", key: "server.key"} {
		text, err := os.ReadFile(from)
		if err == nil {
			to = filepath.Join(p.data(), to)
			err = os.WriteFile(to, text, 0o600)
		}
		if err == nil {
			err = p.as.own(to)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

func newPG(t testing.TB, settings []string) *PG {
	t.Helper()
	as, err := newDaemonUser()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := as.folder()
	if err != nil {
		t.Fatal(err)
	}
	p := &PG{t: t, as: as, dir: dir, settings: settings}
	reap, err := reaper(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop(syscall.SIGQUIT) // nobody will want what is in it
		reap()
	})
	return p
}

func (p *PG) data() string { return filepath.Join(p.dir, "data") }

// Start starts a server that was stopped, on the port that it had.
func (p *PG) Start() {
	p.t.Helper()
	for try := 1; ; try++ {
		if p.port == 0 || try > 1 {
			p.port = freePort(p.t)
		}
		args := []string{"-D", p.data(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + p.dir, "-c", "port=" + strconv.Itoa(p.port)}
		for _, s := range p.settings {
			args = append(args, "-c", s)
		}
		var err error
		p.server, err = startDaemon(p.as.command(pgBin("postgres"), args...), "database system is ready to accept")
		if err == nil {
			return
		}
		if try == 3 || !strings.Contains(err.Error(), "Address already in use") {
			p.t.Fatal(err)
		}
	}
}

// Stop ends the server as an administrator does who does not wait for clients.
func (p *PG) Stop() { p.stop(syscall.SIGINT) }

func (p *PG) stop(sig syscall.Signal) {
	if p.server != nil {
		p.Resume()
		p.server.end(sig)
		p.server = nil
	}
}

// Restart stops it and starts it again.
func (p *PG) Restart() {
	p.t.Helper()
	p.Stop()
	p.Start()
}

// Kill9 kills all of its processes at once, as a host does that loses its power.
func (p *PG) Kill9() {
	p.t.Helper()
	all := p.processes()
	p.server.cmd.Process.Kill()
	for _, pid := range all {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	p.server.end(syscall.SIGKILL)
	p.server = nil
	// Somebody else's process may get the number in it.
	os.Remove(filepath.Join(p.data(), "postmaster.pid"))
}

// Pause stops its processes where they are: connections stay, and what comes is taken by the kernel.
func (p *PG) Pause() {
	p.server.cmd.Process.Signal(syscall.SIGSTOP)
	for _, pid := range p.processes() {
		syscall.Kill(pid, syscall.SIGSTOP)
	}
}

// Resume ends a Pause.
func (p *PG) Resume() {
	for _, pid := range p.processes() {
		syscall.Kill(pid, syscall.SIGCONT)
	}
	p.server.cmd.Process.Signal(syscall.SIGCONT)
}

// processes are the children of the first one, which starts all others.
func (p *PG) processes() []int {
	out, _ := exec.Command("pgrep", "-P", strconv.Itoa(p.server.cmd.Process.Pid)).Output()
	var pids []int
	for s := range strings.FieldsSeq(string(out)) {
		if pid, err := strconv.Atoi(s); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Standby starts a replica, which follows within milliseconds until it is promoted.
func (p *PG) Standby(t testing.TB) *PG {
	t.Helper()
	s := newPG(t, slices.Clone(p.settings))
	cmd := s.as.command(pgBin("pg_basebackup"), "-D", s.data(), "-R", "-X", "stream", "-c", "fast", "-h", p.dir, "-p", strconv.Itoa(p.port), "-U", "postgres")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	s.Start()
	return s
}

// Promote makes a standby the primary, and waits until it takes writes.
func (p *PG) Promote() {
	p.t.Helper()
	if got := p.SQL("select pg_promote(true, 30)"); got != "t" {
		p.t.Fatalf("promotion: %s", got)
	}
}

// Follows waits until standby has all that p has written.
func (p *PG) Follows(standby *PG) {
	p.t.Helper()
	lsn := p.SQL("select pg_current_wal_lsn()")
	for range 1000 {
		if standby.SQL("select pg_last_wal_replay_lsn() >= '"+lsn+"'") == "t" {
			return
		}
		p.SQL("select pg_sleep(0.01)")
	}
	p.t.Fatal("the standby does not follow")
}

// SQL runs statements as the server's administrator in the database PGDatabase, and returns what the last one answers, without heading.
func (p *PG) SQL(statements ...string) string {
	p.t.Helper()
	return p.SQLIn(PGDatabase, statements...)
}

// SQLIn is SQL in another database; "postgres" is always there.
func (p *PG) SQLIn(database string, statements ...string) string {
	p.t.Helper()
	last := ""
	for _, s := range statements {
		cmd := p.as.command(pgBin("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", p.dir, "-p", strconv.Itoa(p.port), "-U", "postgres", "-d", database, "-c", s)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			p.t.Fatalf("psql %q: %v\n%s", s, err, errs.String())
		}
		last = strings.TrimSpace(string(out))
	}
	return last
}

// Addr is where it listens.
func (p *PG) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// URL is for a client. query is "name=value&…", or empty.
func (p *PG) URL(query string) string { return PGURL(p.Addr(), query) }

// CertFile is the server's own certificate, when it was started with "ssl=on".
func (p *PG) CertFile() string { return filepath.Join(p.dir, "data", "server.crt") }

// PGURL is the URL of a client of a server, or of something before one, at addr.
func PGURL(addr, query string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(PGUser, PGPassword), Host: addr, Path: "/" + PGDatabase, RawQuery: query}
	return u.String()
}

func needs(t testing.TB, program, pack string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: install the package %s", program, pack)
	}
	t.Skipf("%s is missing: install the package %s", program, pack)
}

// pgBin is the path of one of PostgreSQL's programs. Debian keeps most of them out of PATH, a folder a version.
func pgBin(name string) string {
	if path, err := exec.LookPath(name); err == nil && name != "psql" { // Debian's psql is a script that looks for a cluster of its own
		return path
	}
	there, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	slices.SortFunc(there, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	if len(there) > 0 {
		return there[len(there)-1]
	}
	return name
}

// template is an empty cluster. Its pipe must stay open until CleanUp, or the end of this process.
type template struct {
	data string
	reap func()
}

// pgTemplate makes an empty cluster, once for a test binary: initdb takes most of a second.
var pgTemplate = sync.OnceValues(func() (template, error) {
	as, err := newDaemonUser()
	if err != nil {
		return template{}, err
	}
	dir, err := as.folder()
	if err != nil {
		return template{}, err
	}
	reap, err := reaper(dir)
	if err != nil {
		return template{}, err
	}
	data := filepath.Join(dir, "data")
	cmd := as.command(pgBin("initdb"), "-D", data, "-U", "postgres", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256", "--locale=C", "--encoding=UTF8")
	if out, err := cmd.CombinedOutput(); err != nil {
		return template{}, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	conf, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return template{}, err
	}
	defer conf.Close()
	if _, err := conf.WriteString("shared_buffers = 16MB\nmax_connections = 40\nlog_min_messages = warning\n"); err != nil {
		return template{}, err
	}
	cmd = as.command(pgBin("postgres"), "--single", "-D", data, "postgres")
	cmd.Stdin = strings.NewReader("create role " + PGUser + " login password '" + PGPassword + "'\ncreate database " + PGDatabase + " owner " + PGUser + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return template{}, fmt.Errorf("roles: %w\n%s", err, out)
	}
	cleanUp = reap
	return template{data, reap}, nil
})

var cleanUp func() // set when there is a template

// CleanUp deletes what is shared by the tests of a binary. It is for TestMain, behind the tests, where the end of the binary ends a PID
// namespace and with it whoever would clean up later.
func CleanUp() {
	if cleanUp != nil {
		cleanUp()
	}
}

// reaper starts a shell that ends the server in a folder and deletes the folder: when the function is called, and when this
// process ends in whatever way.
func reaper(dir string) (func(), error) {
	cmd := exec.Command("sh", "-c", `cat >/dev/null; read -r pid 2>/dev/null <"$1/data/postmaster.pid" && kill -QUIT "$pid"; rm -rf "$1"`, "sh", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() { stdin.Close(); cmd.Wait() }, nil
}
