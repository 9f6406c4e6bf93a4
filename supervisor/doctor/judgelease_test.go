package doctor

import (
	"strings"
	"testing"
	"time"
)

func TestWhatALeaseComesTo(t *testing.T) {
	b := &LeaseMember{Name: "replica-2", Deploy: "d2", Env: "railway/p/production"}
	reached := func(a LeaseAnswer, warnings ...string) Lease {
		return Lease{Set: true, Where: "redis cache:6379", From: "environment BOTCTL_LEASE", Answer: &a, Warnings: warnings}
	}
	const first = "ok reached, redis cache:6379 (environment BOTCTL_LEASE)"
	for name, tc := range map[string]struct {
		lease       Lease
		supervisors []Supervisor
		want        []string
	}{
		"none":        {want: []string{"note none configured"}},
		"a wrong one": {lease: Lease{Set: true, Trouble: "environment BOTCTL_LEASE: not the URL of a lease's server", Advice: []string{"it is redis://"}}, want: []string{"fail environment BOTCTL_LEASE: not the URL of a lease's server -> it is redis://"}},
		"no token":    {lease: Lease{Set: true, Where: "redis cache:6379", From: "botctl.yaml", Unasked: "no token"}, want: []string{"note configured, redis cache:6379 (botctl.yaml); not asked: no token"}},
		"unreached": {
			lease: Lease{Set: true, Where: "redis cache:6379", From: "botctl.yaml", Unreached: "user or password is wrong", Remedy: "check user and password"},
			want:  []string{"fail redis cache:6379 (botctl.yaml): user or password is wrong; until it answers nothing polls from here -> check user and password"},
		},
		"never had":    {lease: reached(LeaseAnswer{}), want: []string{first, "ok nobody has had it yet"}},
		"released":     {lease: reached(LeaseAnswer{Known: true}), want: []string{first, "ok nobody holds it"}},
		"released for": {lease: reached(LeaseAnswer{Known: true, Claim: b}), want: []string{first, "ok released; replica-2, deploy d2 is to have it"}},
		"warned of":    {lease: reached(LeaseAnswer{Known: true}, "it may evict the lease"), want: []string{first, "ok nobody holds it", "warn the server: it may evict the lease"}},
		"held by this machine": {
			lease: reached(LeaseAnswer{Known: true, Holder: b}), supervisors: []Supervisor{{PID: 7, TakesPart: true, HoldsLease: true}},
			want: []string{first, "ok held by the botctl that runs here, pid 7"},
		},
		"held by another, and ours knows nothing of it": {
			lease: reached(LeaseAnswer{Known: true, Holder: b}), supervisors: []Supervisor{{PID: 6, Silent: "no answer"}, {PID: 7}},
			want: []string{first, "warn the botctl that runs here, pid 7, takes no part in it", "note held by replica-2, deploy d2; a botctl that starts here stands by"},
		},
		"held by an older deploy": {lease: reached(LeaseAnswer{Known: true, Holder: b, Here: TakesOver}), want: []string{first, "note held by replica-2, deploy d2; a botctl that starts here is a newer deploy, and takes over"}},
		"held, and claimed":       {lease: reached(LeaseAnswer{Known: true, Holder: b, Claim: &LeaseMember{Deploy: "d3"}}), want: []string{first, "note held by", "note another machine, deploy d3 has asked for it"}},
		"of another environment":  {lease: reached(LeaseAnswer{Known: true, Holder: b, Here: IsRefused}), want: []string{first, "warn another environment holds it, railway/p/production (replica-2, deploy d2); a botctl that starts here, in no platform, is refused -> stop that one"}},
		"by force":                {lease: reached(LeaseAnswer{Known: true, Holder: b, Here: TakesByForce}), want: []string{first, "warn held by replica-2, deploy d2; a botctl that starts here takes it over, whoever that is"}},
	} {
		compare(t, name, said(Judge(Facts{Lease: tc.lease, Supervisors: tc.supervisors}), "lease"), tc.want)
	}
}

// compare wants each line to begin as it should.
func compare(t *testing.T, name string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			return
		}
	}
}

func TestWhatAPlatformMeans(t *testing.T) {
	set := Lease{Set: true, Where: "redis cache:6379"}
	on := func(name string, grace, stop time.Duration) *Platform {
		return &Platform{Name: name, Deploy: "d1", Env: "shop/production", Grace: grace, Stop: stop, StopFrom: "platform " + name}
	}
	listening := func(p *Platform) *Platform { p.Listens = true; return p }
	for name, tc := range map[string]struct {
		platform *Platform
		lease    Lease
		want     []string
	}{
		"not looked at": {},
		"a host":        {platform: &Platform{Deploy: "vps1", Replica: "vps1", Grace: -1, Stop: 9 * time.Second}, want: []string{"note none recognised; as a deploy counts this host, vps1"}},
		"nothing":       {platform: &Platform{Grace: -1}, want: []string{"note none recognised"}},
		"railway without anything": {platform: on("railway", 0, 9*time.Second), want: []string{
			"ok railway, deploy d1, environment shop/production",
			"warn railway kills at once: a stop by hand cuts off what the bot is doing, and a lease is free only when its time is over -> more time: RAILWAY_DEPLOYMENT_DRAINING_SECONDS=15",
			"warn in a deploy the new instance is active before the old one ends, so two poll -> a lease ends that: --lease env:REDIS_URL --gateway require --standby warm; or without one: with a volume",
		}},
		"railway with a lease and no check": {platform: on("railway", 15*time.Second, 9*time.Second), lease: set, want: []string{
			"ok railway", "ok stop-timeout 9s (platform railway) fits into the 15s that it leaves",
			"warn in a deploy the new instance is active before the old one ends, and nothing tells it when the bot has been handed over -> --listen env:PORT, and its health check at /readyz",
		}},
		"railway as it should be": {platform: listening(on("railway", 15*time.Second, 9*time.Second)), lease: set, want: []string{"ok railway", "ok stop-timeout", "ok in a deploy the new instance is active before the old one ends; the lease lets one of them poll"}},
		"a wrong lease is none":   {platform: on("render", 30*time.Second, 25*time.Second), lease: Lease{Set: true, Trouble: "no"}, want: []string{"ok render", "ok stop-timeout 25s", "warn in a deploy both instances run for a minute, so two poll"}},
		"a stop that is too long": {platform: on("docker", 10*time.Second, 30*time.Second), want: []string{
			"ok docker", "warn stop-timeout 30s (platform docker) is more than the 10s that docker leaves unless told otherwise: it kills before the stop is over -> more time: stop_grace_period in compose",
			"ok in a deploy nothing overlaps unless you have it so",
		}},
		"a stop that nothing lengthens": {platform: on("heroku", 30*time.Second, 30*time.Second), lease: set, want: []string{
			"ok heroku", "warn stop-timeout 30s (platform heroku) is more than the 30s that heroku leaves unless told otherwise: it kills before the stop is over -> a stop-timeout below 30s",
			"ok in a deploy the new dyno and the old one run for up to 30 s; the lease lets one of them poll",
		}},
		"no environment": {platform: &Platform{Name: "heroku", Grace: 30 * time.Second, Stop: 25 * time.Second}, lease: set, want: []string{
			"ok heroku", "ok stop-timeout", "ok in a deploy", "note it does not name the environment, so another one with this token and this store is not told from this one -> heroku labs:enable",
		}},
		"a time that is not known": {platform: on("koyeb", -1, 9*time.Second), lease: set, want: []string{"ok koyeb", "note koyeb does not say what it leaves for a stop; stop-timeout 9s", "ok in a deploy"}},
		"a pod without a check":    {platform: on("kubernetes", 30*time.Second, 25*time.Second), lease: set, want: []string{"ok kubernetes", "ok stop-timeout", "warn in a deploy the new pod is ready before the old one ends, and nothing tells it when the bot has been handed over -> --listen 0.0.0.0:8080"}},
	} {
		compare(t, name, said(Judge(Facts{Platform: tc.platform, Lease: tc.lease}), "platform"), tc.want)
	}
}
