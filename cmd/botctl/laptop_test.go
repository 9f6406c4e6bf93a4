//go:build linux

package main

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"botctl/supervisor/lease/leasetest"
)

// What docs/platforms.md says of a laptop with production's token and store.
func TestALaptopBesideProduction(t *testing.T) {
	t.Parallel()
	fresh := func(t *testing.T) *fleet {
		t.Parallel()
		return newFleet(t, redisEngine{leasetest.Redis(t)}).known()
	}
	const refused = "another environment has this bot, and is not asked for it"
	railway := platformVars["Railway"]

	t.Run("of another environment it stands by, and gets what is free", func(t *testing.T) {
		f := fresh(t)
		production := f.boot(spec{name: "production", args: brief, env: railway})
		production.holds()
		laptop := f.boot(spec{name: "laptop", args: brief})
		laptop.stderr.await(t, patient, 1, refused)
		if got := f.say("who is it?"); !strings.HasPrefix(got, "bot-production did") {
			t.Errorf("answered by %q", got)
		}
		production.signal(syscall.SIGTERM)
		production.exits(0)
		laptop.holds()
		again := f.boot(spec{name: "again", args: brief, env: railway})
		again.stderr.await(t, patient, 1, refused)
		laptop.signal(syscall.SIGTERM)
		laptop.exits(0)
		again.holds()
		f.neverTwo()
	})
	t.Run("of another environment it takes the bot by force", func(t *testing.T) {
		f := fresh(t)
		production := f.boot(spec{name: "production", args: brief, env: railway})
		production.holds()
		laptop := f.boot(spec{name: "laptop", args: append(slices.Clone(brief), "--lease-force")})
		laptop.holds()
		f.neverTwo()
	})
	t.Run("where nobody names an environment it is a newer deploy", func(t *testing.T) {
		f := fresh(t)
		production := f.boot(spec{name: "production", args: brief})
		production.holds()
		laptop := f.boot(spec{name: "laptop", args: brief})
		laptop.holds()
		laptop.signal(syscall.SIGTERM)
		laptop.exits(0)
		production.holds()
		f.neverTwo()
	})
}
