//go:build linux

package main

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/doctor"
	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
	"botctl/supervisor/lock"
)

// served is a server of a lease, and what doctor is to say of it.
type served struct {
	url      string // with the password
	wrong    string // with another one
	password string // no output has it
	denied   string // what is said of the wrong one
	stop     func() // it takes connections and answers nothing
	goOn     func()
	kill     func()
	rows     func() string // all that it keeps
}

// eachStore runs a case on both engines.
func eachStore(t *testing.T, run func(t *testing.T, p *project, s served)) {
	t.Helper()
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		r := leasetest.Redis(t, "--requirepass", "hunter2-secret")
		run(t, newProject(t), served{
			url: "redis://:hunter2-secret@" + r.Addr(), wrong: "redis://:hunter3-secret@" + r.Addr(), password: "hunter",
			denied: "user or password is wrong", stop: r.Stop, goOn: r.Continue, kill: r.Kill,
			rows: func() string { return r.Do("-a", "hunter2-secret", "--no-auth-warning", "--scan") },
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		pg := leasetest.Postgres(t)
		wrong := strings.Replace(pg.URL("sslmode=disable"), url.UserPassword(leasetest.PGUser, leasetest.PGPassword).String(), leasetest.PGUser+":hunter3-secret", 1)
		run(t, newProject(t), served{
			url: pg.URL("sslmode=disable"), wrong: wrong, password: "ecret",
			denied: "user botctl or its password is wrong", stop: pg.Pause, goOn: pg.Resume, kill: pg.Kill9,
			rows: func() string { return pg.SQL("select bot, version, record from botctl_lease") },
		})
	})
}

// hold writes a record, as somebody else's supervisor would.
func (p *project) hold(rawURL string, change func(*lease.Record)) {
	p.t.Helper()
	id, _, _ := strings.Cut(p.token, ":")
	store, err := openStore(rawURL, lock.BotKey(id), lease.DefaultTTL)
	if err != nil {
		p.t.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(p.t.Context(), patient)
	defer cancel()
	snap, err := store.Load(ctx)
	if err == nil {
		rec := lease.Record{Epoch: 1, Seq: 1, TTL: lease.DefaultTTL, Server: snap.Server, Gens: 1, Deploys: [8]lease.Deploy{{ID: "one", Gen: 1, Seen: 1}}}
		change(&rec)
		_, _, err = store.Swap(ctx, snap.Version, rec)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// asks runs doctor with a lease, and wants no password in what it prints.
func (p *project) asks(code int, s served, lease string, env ...string) doctor.Report {
	p.t.Helper()
	began := time.Now()
	pr := p.start(p.env(append(env, "BOTCTL_LEASE="+lease)...), "botctl", "doctor", "--json").exits(code)
	if out := pr.stdout.String() + pr.stderr.String(); strings.Contains(out, s.password) {
		p.t.Errorf("it tells the password: %s", out)
	}
	if took := time.Since(began); took > patient/2 {
		p.t.Errorf("it took %v", took)
	}
	var r doctor.Report
	decode(p.t, pr.stdout.String(), &r)
	return r
}

func TestDoctorReadsTheLease(t *testing.T) {
	eachStore(t, func(t *testing.T, p *project, s served) {
		r := p.asks(0, s, s.url)
		says(t, r, "lease", doctor.OK, "reached, "+strings.SplitN(s.url, ":", 2)[0])
		says(t, r, "lease", doctor.OK, "nobody has had it yet")

		p.hold(s.url, func(*lease.Record) {})
		before := s.rows()
		says(t, p.asks(0, s, s.url), "lease", doctor.OK, "nobody holds it")

		p.hold(s.url, func(r *lease.Record) {
			r.Holder = lease.Member{Instance: "x", Deploy: "one", Gen: 1, Name: "replica-a"}
		})
		if before == s.rows() && strings.HasPrefix(s.url, "postgres") {
			t.Error("what a server keeps cannot be seen")
		}
		before = s.rows()
		c := says(t, p.asks(0, s, s.url, "BOTCTL_DEPLOY_ID=one"), "lease", doctor.Note, "held by replica-a, deploy one; a botctl that starts here stands by")
		if len(c.Next) > 0 {
			t.Errorf("%+v", c)
		}
		says(t, p.asks(0, s, s.url, "BOTCTL_DEPLOY_ID=two"), "lease", doctor.Note, "held by replica-a, deploy one; a botctl that starts here is a newer deploy, and takes over")
		if after := s.rows(); after != before {
			t.Errorf("doctor has written: %s, was %s", after, before)
		}
	})
}

func TestDoctorFindsAnotherEnvironmentInTheLease(t *testing.T) {
	eachStore(t, func(t *testing.T, p *project, s served) {
		p.hold(s.url, func(r *lease.Record) {
			r.Holder = lease.Member{Instance: "x", Deploy: "one", Gen: 1, Name: "replica-a", Env: "railway/p1/production"}
		})
		staging := []string{"RAILWAY_DEPLOYMENT_ID=two", "RAILWAY_PROJECT_ID=p1", "RAILWAY_ENVIRONMENT_ID=staging"}
		c := says(t, p.asks(0, s, s.url, staging...), "lease", doctor.Warn, "another environment holds it, railway/p1/production (replica-a, deploy one); a botctl that starts here, in railway/p1/staging, is refused")
		if len(c.Next) != 1 || !strings.Contains(c.Next[0], "--lease-force") {
			t.Errorf("%+v", c)
		}
		says(t, p.asks(0, s, s.url, append(staging, "BOTCTL_LEASE_FORCE=true")...), "lease", doctor.Warn, "takes it over, whoever that is")
	})
}

func TestDoctorCannotReadTheLease(t *testing.T) {
	eachStore(t, func(t *testing.T, p *project, s served) {
		c := says(t, p.asks(1, s, s.wrong), "lease", doctor.Fail, s.denied)
		if len(c.Next) != 1 || c.Next[0] != "check user and password" {
			t.Errorf("%+v", c)
		}
		func() {
			s.stop()
			defer s.goOn()
			says(t, p.asks(1, s, s.url), "lease", doctor.Fail, "; until it answers nothing polls from here")
		}()
		s.kill()
		c = says(t, p.asks(1, s, s.url), "lease", doctor.Fail, "connection refused")
		if len(c.Next) != 1 || !strings.Contains(c.Next[0], "is it up") {
			t.Errorf("%+v", c)
		}
	})
}

func TestDoctorAndTheSettingOfALease(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	r := leasetest.Redis(t)
	at := p.doctor(0, p.env("REDIS_URL=redis://"+r.Addr()), "--lease", "env:REDIS_URL")
	says(t, at, "lease", doctor.OK, "reached, redis "+r.Addr()+" (flag --lease)")
	says(t, p.doctor(1, p.env(), "--lease", "env:REDIS_URL"), "lease", doctor.Fail, "is not set")
	says(t, p.doctor(1, p.env("BOTCTL_LEASE=mysql://u:hunter2@h/")), "lease", doctor.Fail, "environment BOTCTL_LEASE: not the URL of a lease's server")
	says(t, p.doctor(1, p.env("BOTCTL_LEASE=redis://"+r.Addr(), "BOTCTL_LEASE_TTL=2s")), "lease", doctor.Fail, "too short for ")
	pr := p.botctl("doctor", "--lease", "redis://:hunter2@"+r.Addr()).exits(exitUsage)
	if out := pr.stdout.String() + pr.stderr.String(); strings.Contains(out, "hunter2") || !strings.Contains(out, "a password on a command line") {
		t.Error(out)
	}
	bare := []string{"TELEGRAM_BOT_TOKEN=", "BOTCTL_LEASE=redis://:hunter2@" + r.Addr()}
	says(t, p.doctor(0, p.env(bare...)), "lease", doctor.Note, "configured, redis "+r.Addr()+" (environment BOTCTL_LEASE); not asked: without the token")
}

func TestDoctorBesideABotctlWithALease(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisEngine{leasetest.Redis(t)}).known()
	m := f.boot(spec{name: "a", args: warm})
	m.holds()
	ours := f.env("BOTCTL_STATE_DIR="+m.state, "BOTCTL_LEASE="+f.engine.url(f.engine.addr()))
	says(t, f.doctor(0, ours), "lease", doctor.OK, "held by the botctl that runs here, pid ")
	says(t, f.doctor(0, f.env("BOTCTL_LEASE="+f.engine.url(f.engine.addr()))), "lease", doctor.Note, "held by ")
}

func TestDoctorOnAPlatform(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	railway := []string{"RAILWAY_DEPLOYMENT_ID=d1", "RAILWAY_PROJECT_ID=p1", "RAILWAY_ENVIRONMENT_ID=e1", "RAILWAY_ENVIRONMENT_NAME=production", "RAILWAY_REPLICA_ID=r1"}
	r := p.doctor(0, p.env(railway...))
	says(t, r, "platform", doctor.OK, "railway, deploy d1, instance r1, environment production")
	says(t, r, "platform", doctor.Warn, "railway kills at once")
	says(t, r, "platform", doctor.Warn, "in a deploy the new instance is active before the old one ends, so two poll")
	r = p.doctor(0, p.env(append(railway, "RAILWAY_DEPLOYMENT_DRAINING_SECONDS=15", "BOTCTL_STOP_TIMEOUT=20s")...))
	says(t, r, "platform", doctor.Warn, "stop-timeout 20s (environment BOTCTL_STOP_TIMEOUT) is more than the 15s that railway leaves")
	r = p.doctor(0, p.env("DYNO=worker.1"), "--stop-timeout", "10s")
	says(t, r, "platform", doctor.OK, "stop-timeout 10s (flag --stop-timeout) fits into the 30s")
	r = p.doctor(0, p.env("DYNO=worker.1"))
	says(t, r, "platform", doctor.OK, "stop-timeout 25s (platform heroku) fits into the 30s")
}
