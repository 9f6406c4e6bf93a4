//go:build unix

package main

const (
	hintLease   = "hint: it is redis://, rediss:// or postgres://, as the platform gives it for its Redis or PostgreSQL"
	hintFlagURL = "hint: put the URL into BOTCTL_LEASE, or name its variable: --lease env:REDIS_URL"
	hintRequire = "hint: with --gateway require it does not matter: the gateway alone keeps the bot from polling"
	hintInTime  = "hint: the bot must be stopped before its lease is over: a longer --lease-ttl, or a shorter --stop-timeout"

	flagPassword = "error: flag --lease: a password on a command line can be read by every user\n" + hintFlagURL
)

// wrongLeases are refused before anything is started or dialled. Nothing listens at the addresses.
var wrongLeases = []wrong{
	{name: "lease with a password in a flag", args: "run --lease redis://:SECRET@127.0.0.1:1 -- x", code: 2, want: flagPassword},
	{name: "lease with a user and a password in a flag", args: "run --lease=postgres://me:SECRET@127.0.0.1:1/db -- x", code: 2, want: flagPassword},
	{name: "lease with a password without a colon in a flag", args: "run --lease redis://SECRET@127.0.0.1:1 -- x", code: 2, want: flagPassword},
	{name: "lease with a password that is not escaped in a flag", args: "run --lease redis://:SEC%zz/RET@127.0.0.1:1 -- x", code: 2, want: flagPassword},
	{name: "lease with a password behind the question mark in a flag", args: "run --lease postgres://me@127.0.0.1:1/db?password=SECRET -- x", code: 2, want: flagPassword},
	{name: "lease with a password and no scheme in a flag", args: "run --lease me:SECRET@127.0.0.1:1 -- x", code: 2, want: flagPassword},
	{name: "lease that is a bot's token in a flag", args: "run --lease " + realToken + " -- x", code: 2, want: "error: flag --lease: not the URL of a lease's server\n" + hintLease},
	{name: "lease in a variable that is not set", args: "run --lease env:NOPE -- x", code: 78, want: "error: flag --lease: environment NOPE is not set\nhint: it is to hold the URL of a Redis or PostgreSQL server"},
	{name: "lease in a variable without a name", args: "run --lease env: -- x", code: 2, want: "error: flag --lease: want env:NAME, with the name of a variable and not its value"},
	{name: "lease in a variable that is its value", args: "run --lease env:redis://:SECRET@127.0.0.1:1 -- x", code: 2, want: "error: flag --lease: want env:NAME, with the name of a variable and not its value"},
	{name: "lease in a variable that is not set, botctl.yaml", args: "run -- x", files: config("lease: env:NOPE\n"), code: 78, want: "error: botctl.yaml: environment NOPE is not set\nhint: it is to hold the URL of a Redis or PostgreSQL server"},
	{name: "lease that is no URL", args: "run --lease localhost -- x", code: 2, want: "error: flag --lease: not the URL of a lease's server\n" + hintLease},
	{name: "lease that is no URL, environment", args: "run -- x", env: "BOTCTL_LEASE=SECRET", code: 78, want: "error: environment BOTCTL_LEASE: not the URL of a lease's server\n" + hintLease},
	{name: "lease that is no URL, in a variable", args: "run --lease env:MINE -- x", env: "MINE=SECRET", code: 78, want: "error: environment MINE: not the URL of a lease's server\n" + hintLease},
	{name: "lease of another kind", args: "run --lease env:MINE -- x", env: "MINE=mysql://me:SECRET@127.0.0.1:1/db", code: 78, want: "error: environment MINE: not the URL of a lease's server\n" + hintLease},
	{name: "lease without a host", args: "run --lease redis:// -- x", code: 2, want: "error: flag --lease: lease URL: no host"},
	{name: "lease without a host, in a variable", args: "run --lease env:MINE -- x", env: "MINE=redis://:SECRET@:6379", code: 78, want: "error: environment MINE: lease URL: no host"},
	{name: "lease with a password that is not escaped", args: "run -- x", env: "BOTCTL_LEASE=redis://:SEC%zzRET@127.0.0.1:1", code: 78, want: "error: environment BOTCTL_LEASE: lease URL: want redis://USER:PASSWORD@HOST:PORT/DB or rediss://…; special characters of a password are written as %XX"},
	{name: "lease with a password that is not escaped, PostgreSQL", args: "run -- x", env: "BOTCTL_LEASE=postgres://me:SEC@RET@127.0.0.1:1/db", code: 78, want: "error: environment BOTCTL_LEASE: lease at postgres: the URL has \"@\" or \"#\" where it cannot have one: write %40, %23, %2F, %3F and %25 for @, #, /, ? and % in user and password"},
	{name: "lease of no user", args: "run -- x", env: "BOTCTL_LEASE=postgres://127.0.0.1:1/db", code: 78, want: "error: environment BOTCTL_LEASE: lease at postgres: the URL names no user"},
	{name: "lease with an unknown option", args: "run -- x", env: "BOTCTL_LEASE=redis://:SECRET@127.0.0.1:1?ssl=SECRET", code: 78, want: "error: environment BOTCTL_LEASE: lease URL: unknown option after the question mark; the only one is tls=insecure"},

	{name: "lease without a token", args: "run --lease redis://127.0.0.1:1 -- x", env: withoutToken, code: 78, want: "error: no bot token\nhint: set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you\nhint: --lease needs it, to know which bot the lease is for"},
	{name: "standby that is warm without the gateway", args: "run --standby warm --lease redis://127.0.0.1:1 -- x", code: 78, want: "error: standby warm: needs gateway require\nhint: a bot that can go round the gateway would poll while it stands by"},
	{name: "lease-takeover that Redis cannot", args: "run --lease redis://127.0.0.1:1 --lease-takeover fast -- x", code: 78, want: "error: lease-takeover fast: redis 127.0.0.1:1 has no sessions that would show a death\nhint: it is for PostgreSQL; leave it out with Redis"},
	{name: "lease-ttl that is too short for a stop", args: "run --lease redis://127.0.0.1:1 --lease-ttl 20s -- x", code: 78, want: "error: lease-ttl 20s: too short for a stop that takes 11s (stop-timeout 9s): want at least 29s\n" + hintInTime + "\n" + hintRequire},
	{name: "lease-ttl that is too short for a long stop", args: "run --lease redis://127.0.0.1:1 -- x", env: "BOTCTL_LEASE_TTL=1m\nBOTCTL_STOP_TIMEOUT=25s", code: 78, want: "error: lease-ttl 1m0s: too short for a stop that takes 27s (stop-timeout 25s): want at least 1m9s\n" + hintInTime + "\n" + hintRequire},
	{name: "lease for a stop that no lease outlasts", args: "run --lease redis://127.0.0.1:1 --stop-timeout 1h -- x", code: 78, want: "error: stop-timeout 1h0m0s: too long for a lease, which lasts at most 10m0s\nhint: the bot must be stopped before its lease is over: a shorter --stop-timeout\n" + hintRequire},

	{name: "listen at a variable that is not set", args: "run --listen env:NOPE -- x", code: 78, want: "error: listen on \"env:NOPE\": the variable is not set\nhint: platforms set it for services that they ask from outside; else set it, or name the address: --listen 0.0.0.0:8080"},
	{name: "listen at a variable without a port", args: "run --listen env:MINE -- x", env: "MINE=SECRET", code: 78, want: "error: listen on \"env:MINE\": the variable holds no port, which is a number from 1 to 65535"},
	{name: "listen at an address of somebody else", args: "run --listen 192.0.2.1:80 -- x", code: 78, want: "error: listen on \"192.0.2.1:80\": …"},
}
