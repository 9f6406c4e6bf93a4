//go:build linux

package main

import (
	"testing"

	"botctl/supervisor/lease/leasetest"
)

func TestL1(t *testing.T) {
	f := newFleet(t, redisEngine{leasetest.Redis(t)}).known()
	a := f.boot(spec{name: "a", args: warm})
	a.holds()
	b := f.boot(spec{name: "b", args: warm})
	b.holds()
	t.Log(f.say("hello"))
	t.Log(f.neverTwo())
	f.exactly()
	t.Logf("\n%s%s\n---\n%s%s", a.stdout, a.stderr, b.stdout, b.stderr)
}
