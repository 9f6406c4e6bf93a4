package platform

import (
	"cmp"
	"strconv"
	"time"
)

// Railway. Variables: docs.railway.com/variables/reference; signal and times: docs.railway.com/deployments/reference ("given 0 seconds ... before
// being forcefully stopped with a SIGKILL"; a forum answer of 2025 said 3).
//
// It is recognised by RAILWAY_DEPLOYMENT_ID. "railway run" gives a laptop the variables of a service (docs.railway.com/cli/run), and that must
// not pass for its environment; that this one is not among them is unverified.
func railway(h host) (Platform, bool) {
	id := h.env("RAILWAY_DEPLOYMENT_ID")
	if id == "" {
		return Platform{}, false
	}
	return Platform{
		Name: "railway", Deploy: id, Replica: h.env("RAILWAY_REPLICA_ID"),
		Env:     join("railway", h.env("RAILWAY_PROJECT_ID"), h.env("RAILWAY_ENVIRONMENT_ID")),
		EnvName: cmp.Or(join(h.env("RAILWAY_PROJECT_NAME"), h.env("RAILWAY_ENVIRONMENT_NAME")), h.env("RAILWAY_ENVIRONMENT_NAME")),
		// A variable of the service, so the process sees it. Of drainingSeconds in railway.json that is unverified.
		StopGrace: seconds(h.env("RAILWAY_DEPLOYMENT_DRAINING_SECONDS")),
	}, true
}

// seconds reads a number of seconds; 0 if it is none, or out of all proportion.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Render. Variables: render.com/docs/environment-variables. maxShutdownDelaySeconds is 30 by default (render.com/articles/
// how-render-handles-zero-downtime-deploys).
//
// It has no id of the deploy. The commit stands for it: a deploy of the same commit (another setting, say) is taken for a replica, so it does
// not claim and polls when its predecessor is ended, a minute later. A service made from an image has no commit, and there it is the host.
func render(h host) (Platform, bool) {
	if h.env("RENDER") == "" {
		return Platform{}, false
	}
	return Platform{
		Name: "render", Deploy: h.env("RENDER_GIT_COMMIT"), Replica: h.env("RENDER_INSTANCE_ID"),
		Env: join("render", h.env("RENDER_SERVICE_ID")), EnvName: h.env("RENDER_SERVICE_NAME"),
		StopGrace: 30 * time.Second,
	}, true
}

// Fly. Variables: fly.io/docs/machines/runtime-environment; kill_timeout is 5 s by default: fly.io/docs/reference/configuration. One that is set
// there cannot be seen from inside.
//
// FLY_MACHINE_VERSION is of one machine's configuration: it is new with each deploy, stays through restarts, and differs between replicas.
func fly(h host) (Platform, bool) {
	app := h.env("FLY_APP_NAME")
	if app == "" || h.env("FLY_MACHINE_ID") == "" {
		return Platform{}, false
	}
	return Platform{
		Name: "fly", Deploy: h.env("FLY_MACHINE_VERSION"), Replica: h.env("FLY_MACHINE_ID"),
		Env: join("fly", app), EnvName: app,
		StopGrace: 5 * time.Second,
	}, true
}

// Koyeb. Its variables are unverified: public programs read these, no page of Koyeb that lists them was found. Nor was one that says what it
// leaves between the signal and the end.
func koyeb(h host) (Platform, bool) {
	app := h.env("KOYEB_APP_NAME")
	if app == "" {
		return Platform{}, false
	}
	return Platform{
		Name: "koyeb", Deploy: h.env("KOYEB_REGIONAL_DEPLOYMENT_ID"), Replica: h.env("KOYEB_INSTANCE_ID"),
		Env: join("koyeb", h.env("KOYEB_SERVICE_ID")), EnvName: cmp.Or(join(app, h.env("KOYEB_SERVICE_NAME")), app),
		StopGrace: UnknownGrace,
	}, true
}

// Dokku looks like Heroku to a program, and its apps are containers of Docker. That DOKKU_APP_NAME is set in them, and that the old one is
// given 30 s, is unverified.
func dokku(h host) (Platform, bool) {
	app := h.env("DOKKU_APP_NAME")
	if app == "" {
		return Platform{}, false
	}
	return Platform{
		Name: "dokku", Deploy: containerID(h), Replica: h.env("DYNO"),
		Env: join("dokku", app), EnvName: app,
		StopGrace: 30 * time.Second,
	}, true
}

// Heroku. DYNO is always there; all else only with the labs feature runtime-dyno-metadata (devcenter.heroku.com/articles/dyno-metadata).
// 30 s between SIGTERM and SIGKILL: devcenter.heroku.com/articles/dyno-shutdown-behavior.
//
// Without the feature the deploy is the dyno's host name, which is new for each start of a dyno (unverified). DYNO itself cannot serve: during a
// deploy two dynos may have the same (devcenter.heroku.com/articles/dyno-startup-behavior). Then a dyno that Heroku restarts counts as
// the newest, also one of the old release: with one worker that is the same thing, since its predecessor is gone by then. And there is no
// environment, so staging that has production's token and store would not be kept from it.
func heroku(h host) (Platform, bool) {
	dyno := h.env("DYNO")
	if dyno == "" {
		return Platform{}, false
	}
	app := cmp.Or(h.env("HEROKU_APP_ID"), h.env("HEROKU_APP_NAME"))
	return Platform{
		Name: "heroku", Deploy: h.env("HEROKU_RELEASE_VERSION"), Replica: dyno,
		Env: join("heroku", app), EnvName: cmp.Or(h.env("HEROKU_APP_NAME"), app),
		StopGrace: 30 * time.Second,
	}, true
}
