//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"botctl/supervisor/lease/leasetest"
	"botctl/supervisor/lock"
)

// passwordOf is the password of the servers of these tests, and encoded the same in a URL.
const passwordOf = "hunter2-SECRET"

// lockedStores are real servers that want a password, each with its URL for one.
func lockedStores(t *testing.T) map[string]lockedStore {
	redis := leasetest.Redis(t, "--requirepass", passwordOf)
	pg := leasetest.Postgres(t)
	pg.SQL(fmt.Sprintf("alter role %s password '%s'", leasetest.PGUser, passwordOf))
	return map[string]lockedStore{
		"redis": {redis.Addr(), "redis " + redis.Addr(), func(password, addr string) string { return "redis://:" + password + "@" + addr + "/1" }, redis.Kill},
		"postgres": {pg.Addr(), "postgres " + pg.Addr(), func(password, addr string) string {
			return "postgres://" + leasetest.PGUser + ":" + password + "@" + addr + "/" + leasetest.PGDatabase + "?application_name=SECRET"
		}, pg.Stop},
	}
}

type lockedStore struct {
	addr string
	name string // in what botctl says
	url  func(password, addr string) string
	end  func()
}

// leased is a project's bot with a lease. It does not use the gateway unless told to.
func (p *project) leased(url string, args ...string) *program {
	p.write("bot.py", lineBots["bot.py"])
	argv := append([]string{"botctl", "run"}, args...)
	return p.start(p.env("BOTCTL_LEASE="+url), append(argv, "--", "python3", "bot.py")...)
}

// nowhere checks that no text holds a secret.
func nowhere(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for line := range strings.Lines(text) {
			if strings.Contains(line, "SECRET") {
				t.Errorf("a secret is shown: %s", line)
			}
		}
	}
}

func TestALeaseWhoseServerIsAway(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"redis":                  "redis://:" + passwordOf + "@127.0.0.1:1",
		"postgres":               "postgres://me:" + passwordOf + "@127.0.0.1:1/db",
		"redis, unknown host":    "redis://:" + passwordOf + "@no.such.host.invalid:6379",
		"postgres, unknown host": "postgres://me:" + passwordOf + "@no.such.host.invalid/db",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			run := p.leased(url)
			run.stderr.await(t, patient, 1, "the lease's server does not answer as it should; nothing polls from here until it does")
			until(t, patient, "status says it", func() bool { st := p.status(); return st.Lease != nil && st.Lease.Trouble != "" })
			status := p.botctl("status").exits(exitUnwell)
			if st := p.status(); st.Phase != "standby" || st.Ready {
				t.Errorf("%s, ready %v: want to stand by", st.Phase, st.Ready)
			}
			run.cmd.Process.Signal(syscall.SIGTERM)
			run.exits(0)
			if p.verdict().Polls > 0 {
				t.Error("it has polled without the lease")
			}
			nowhere(t, run.stdout.String(), run.stderr.String(), status.stdout.String(), status.stderr.String())
		})
	}
}

func TestALeaseWithAWrongPassword(t *testing.T) {
	t.Parallel()
	for name, s := range lockedStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			run := p.leased(s.url("no-SECRET", s.addr)).exits(exitConfig)
			for _, want := range []string{"botctl: error: lease at " + s.name + ": ", "password is wrong\n", "botctl: hint: the lease's URL is ", "with %XX for special characters of a password"} {
				if !strings.Contains(run.stderr.String(), want) {
					t.Errorf("no word of %q in\n%s", want, run.stderr)
				}
			}
			nowhere(t, run.stdout.String(), run.stderr.String())
		})
		// A bot that has booted by then has polled nothing.
		t.Run(name+", with a bot that has booted", func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			run := p.leased(s.url("no-SECRET", s.addr), warm...)
			run.exits(exitConfig)
			if run.stderr.count("password is wrong") == 0 {
				t.Error(run.stderr)
			}
			nowhere(t, run.stdout.String(), run.stderr.String())
		})
	}
}

// Whatever the owner looks at.
func TestThePasswordOfALeaseIsShownNowhere(t *testing.T) {
	t.Parallel()
	for name, s := range lockedStores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			id, _, _ := strings.Cut(p.token, ":")
			url := s.url(passwordOf, s.addr)
			releaseLease(t, url, lock.BotKey(id))
			run := p.leased(url, append([]string{"--listen", "127.0.0.1:0"}, warm...)...)
			p.polling()
			env := p.env("BOTCTL_LEASE=" + url)
			for _, args := range []string{"status", "status --json", "logs -n -1", "doctor", "doctor --json", "run --print-config", "kill-stale --dry-run"} {
				verb := p.start(env, append([]string{"botctl"}, strings.Fields(args)...)...)
				<-verb.done
				nowhere(t, verb.stdout.String(), verb.stderr.String())
			}
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, path := range lines {
				if line, _ := os.ReadFile(path); strings.Contains(string(line), passwordOf) {
					t.Errorf("in the arguments of a process: %q", line)
				}
			}
			s.end()
			run.stderr.await(t, patient, 1, "the lease's server does not answer as it should")
			run.cmd.Process.Signal(syscall.SIGTERM)
			run.exits(0)
			nowhere(t, run.stdout.String(), run.stderr.String())
			fs.WalkDir(os.DirFS(p.state), ".", func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() {
					text, _ := os.ReadFile(filepath.Join(p.state, path))
					nowhere(t, string(text))
				}
				return nil
			})
		})
	}
}

func TestTheConfigurationShowsNoPasswordOfALease(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "",
		"env:REDIS_URL":                         "env:REDIS_URL",
		"redis://cache:6379/1":                  "redis://cache:6379/1",
		"redis://:SECRET@cache:6379":            "redis://***@cache:6379",
		"rediss://me:SECRET@cache?tls=insecure": "rediss://***@cache?***",
		"postgres://me:SECRET@db/bots?sslmode=require&sslpassword=SECRET": "postgres://***@db/bots?***",
		"postgres://me:SEC@RET@db/bots":                                   "***",
		"redis://me:SECRET":                                               "***",
		"redis://:SEC/RET@cache":                                          "***",
		"SECRET":                                                          "***",
		"env:1:SECRET":                                                    "***",
		"mysql://SECRET@db":                                               "***",
	} {
		if got := shownLease(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestAnAddressThatSomebodyElseHas(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := newProject(t)
	run := p.botctl("run", "--listen", ln.Addr().String(), "--", "python3", "bot.py").exits(exitConfig)
	want := "botctl: error: listen on \"" + ln.Addr().String() + "\": address already in use\nbotctl: hint: another program has it, or a botctl that runs here already (\"botctl status\"); --listen names another address\n"
	if got := run.stderr.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
