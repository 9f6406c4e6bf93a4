package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"botctl/supervisor"
	"botctl/supervisor/health"
	"botctl/supervisor/lease"
	"botctl/supervisor/lease/postgres"
	"botctl/supervisor/lease/redis"
	"botctl/supervisor/lock"
	"botctl/supervisor/platform"
)

// bypassTTL is the lease of a bot that can go round the gateway: it must be long enough to stop the bot within it.
const bypassTTL = 30 * time.Second

// endTime is what the end of a bot may take beyond its stop time: SIGKILL, and the look at what is left.
const endTime = 2 * time.Second

// leaseURL finds the URL of the lease's server, and says where it stands; "" when there is to be none. A password never stands on a
// command line.
func leaseURL(set settings, env []string) (text, from string, err error) {
	v := set["lease"]
	if v.text == "" {
		return "", "", nil
	}
	if name, ok := strings.CutPrefix(v.text, "env:"); ok {
		if name == "" || variableName(name) != nil {
			return "", "", leaseFailure(v.from, errors.New("want env:NAME, with the name of a variable and not its value"))
		}
		from = "environment " + name
		if text = lookupEnv(env)(name); text == "" {
			return "", "", configError(fmt.Errorf("%s: environment %s is not set", v.from, name)).hint("it is to hold the URL of a Redis or PostgreSQL server")
		}
		return text, from, validLease(text, from)
	}
	if strings.HasPrefix(v.from, "flag") && mayHoldPassword(v.text) {
		return "", "", usageError(errors.New("flag --lease: a password on a command line can be read by every user")).
			hint("put the URL into BOTCTL_LEASE, or name its variable: --lease env:REDIS_URL")
	}
	return v.text, v.from, validLease(v.text, v.from)
}

// mayHoldPassword errs on the side of yes.
func mayHoldPassword(text string) bool {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		rest = text
	}
	user, _, found := strings.Cut(rest, "@")
	return found && (scheme != "postgres" && scheme != "postgresql" || strings.Contains(user, ":")) || strings.Contains(text, "password=")
}

func validLease(text, from string) error {
	scheme, _, _ := strings.Cut(text, "://")
	switch scheme {
	case "redis", "rediss", "postgres", "postgresql":
		return nil
	}
	return leaseFailure(from, errors.New("not the URL of a lease's server")).
		hint("it is redis://, rediss:// or postgres://, as the platform gives it for its Redis or PostgreSQL")
}

// leaseFailure is wrong usage or wrong configuration, as from says. A StoreError names the server, and from says which that is.
func leaseFailure(from string, err error) *failure {
	err = fmt.Errorf("%s: %w", from, err)
	if strings.HasPrefix(from, "flag") {
		return usageError(err)
	}
	return configError(err)
}

// shownLease is a lease's URL for people: where its server is, and nothing that may be a password.
func shownLease(text string) string {
	if name, ok := strings.CutPrefix(text, "env:"); text == "" || ok && variableName(name) == nil {
		return text
	}
	store, err := openStore(text, "shown", lease.DefaultTTL)
	if err != nil {
		return "***" // what is what in it nobody knows
	}
	store.Close()
	text, query, _ := strings.Cut(withoutUser(text), "?")
	if query != "" {
		text += "?***"
	}
	return text
}

// leaseStore is what both engines offer.
type leaseStore interface {
	lease.Store
	fmt.Stringer
	Warnings(ctx context.Context) ([]string, error)
}

// openStore opens the store of a URL. Nothing is dialled yet.
func openStore(text, key string, ttl time.Duration) (leaseStore, error) {
	if strings.HasPrefix(text, "postgres") {
		return postgres.Open(text, key, postgres.Options{TTL: ttl})
	}
	return redis.Open(text, key)
}

// leaseOptions puts together how this supervisor takes part in a lease.
func leaseOptions(ctx context.Context, set settings, opts *supervisor.Options, here platform.Platform) error {
	text, from, err := leaseURL(set, opts.Env)
	if err != nil || text == "" {
		return err
	}
	if opts.Token == "" {
		return noToken(lookupEnv(opts.Env)).hint("--lease needs it, to know which bot the lease is for")
	}
	require := opts.Gateway == supervisor.GatewayRequire
	cfg := lease.Config{
		Me: lease.Member{
			Instance: newInstance(), Deploy: cmp.Or(set.text("deploy-id"), here.Deploy), Env: here.Env, Name: cmp.Or(here.Replica, hostName()),
		},
		TTL:   set.duration("lease-ttl"),
		Force: set.bool("lease-force"),
		Fast:  set.text("lease-takeover") == "fast",
	}
	if !require { // all of a stop must fit before the fence
		cfg.Lead = opts.Policy.StopTimeout + endTime
		if cfg.TTL == 0 {
			cfg.TTL = max(bypassTTL, lease.LeastTTL(cfg.Lead))
		}
	}
	if err := leaseFitsStop(cfg, opts.Policy.StopTimeout); err != nil {
		return err
	}
	if cfg, err = cfg.Validate(); err != nil {
		return configError(err)
	}
	store, err := openStore(text, lock.BotKey(opts.Token.ID()), cfg.TTL)
	if err != nil {
		return leaseFailure(from, err)
	}
	if _, ok := lease.Store(store).(lease.Guard); cfg.Fast && !ok {
		return configError(fmt.Errorf("lease-takeover fast: %s has no sessions that would show a death", store)).hint("it is for PostgreSQL; leave it out with Redis")
	}
	if cfg.Fast {
		if err := keepsSessions(ctx, store); err != nil {
			return err
		}
	}
	opts.Lease = supervisor.LeaseOptions{
		Store: store, Config: cfg, Name: store.String(), EnvName: here.EnvName, Replay: set.text("on-partition") == "replay", Warnings: store.Warnings,
	}
	return nil
}

// pooledLimit bounds the question whether there is a pooler. A server that is away is no reason not to begin.
const pooledLimit = 5 * time.Second

// keepsSessions refuses a pooler that gives every call another session.
func keepsSessions(ctx context.Context, store leaseStore) error {
	asked, ok := store.(interface {
		Pooled(ctx context.Context) (bool, error)
	})
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pooledLimit)
	defer cancel()
	if pooled, err := asked.Pooled(ctx); err == nil && pooled {
		return configError(fmt.Errorf("lease-takeover fast: %s is a pooler that keeps no sessions", store)).
			hint("give the database's direct URL, or leave --lease-takeover fast out: the rest works through the pooler")
	}
	return nil
}

// leaseFitsStop says whether a stop fits before the end of a lease, where it has to.
func leaseFitsStop(cfg lease.Config, stop time.Duration) error {
	const gateway = "with --gateway require it does not matter: the gateway alone keeps the bot from polling"
	switch least := lease.LeastTTL(cfg.Lead); {
	case cfg.Lead == 0 || least <= cfg.TTL && cfg.TTL <= lease.MaxTTL:
		return nil
	case least > lease.MaxTTL:
		return configError(fmt.Errorf("stop-timeout %v: too long for a lease, which lasts at most %v", stop, lease.MaxTTL)).
			hint("the bot must be stopped before its lease is over: a shorter --stop-timeout").hint(gateway)
	default:
		return configError(fmt.Errorf("lease-ttl %v: too short for a stop that takes %v (stop-timeout %v): want at least %v", cfg.TTL, cfg.Lead, stop, least)).
			hint("the bot must be stopped before its lease is over: a longer --lease-ttl, or a shorter --stop-timeout").hint(gateway)
	}
}

// healthAt says how the address of the health checks is opened: at once, so that one that cannot be had ends the run; later, when another botctl on
// this machine may have it until it is replaced.
func healthAt(ctx context.Context, at string, getenv func(string) string, later bool) (func(context.Context) (net.Listener, error), error) {
	if later {
		_, err := health.Address(at, getenv)
		return func(ctx context.Context) (net.Listener, error) { return health.Listen(ctx, at, getenv) }, err
	}
	ln, err := health.Listen(ctx, at, getenv)
	return func(context.Context) (net.Listener, error) { return ln, nil }, err
}

// newInstance is the number of this start.
func newInstance() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func hostName() string {
	name, _ := os.Hostname()
	return name
}
