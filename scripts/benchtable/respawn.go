//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// settledAfter is when every supervisor here takes a child for well; botctl's sixty seconds are the longest.
const settledAfter = 61 * time.Second

// measureRespawn has several supervisors of each kind side by side, lets all children live for 61 s, and then ends one after
// the other, in turns. So each figure is of a child that has truly settled, and nothing had to be set to measure it. Among them the
// floor is measured again and again: its children need no such time.
func measureRespawn(l *lab) error {
	end, err := l.crowd(host, hostScripts)
	if err != nil {
		return err
	}
	defer end()
	kinds := l.present("respawn", append([]keeper{floorLoop, botctl("botctl")}, those(func(k keeper) bool { return k.restarts })...))
	var all []respawned
	defer func() {
		for _, r := range all {
			r.s.close()
		}
	}()
	for _, k := range kinds {
		for range copies(l, k) {
			s, err := l.scene("")
			if err != nil {
				return err
			}
			r := respawned{k, s}
			all = append(all, r)
			if _, err := s.begin(k); err != nil {
				l.found.lacks("respawn", k.name, err.Error())
				all = all[:len(all)-1]
				s.close()
			}
		}
		l.found.known("respawn", k.name, k.as)
	}
	floor := slices.IndexFunc(all, func(r respawned) bool { return r.k.as == floorRole })
	for round := range l.times(1, 5) {
		l.say("respawn: round %d: %d children are left alone for %v", round+1, len(all), settledAfter)
		if err := l.pass(settledAfter); err != nil {
			return err
		}
		for i := range turns(all) {
			for _, r := range []respawned{all[floor], i} {
				v, err := r.respawn()
				if err != nil {
					return fmt.Errorf("%s: %w", r.k.name, err)
				}
				l.found.add("respawn", exitToFirst, "ms", r.k.name, r.k.as, v)
			}
		}
	}
	return nil
}

const exitToFirst = "exit to next first instruction"

type respawned struct {
	k keeper
	s *scene
}

func copies(l *lab, k keeper) int {
	switch k.as {
	case floorRole:
		return 1
	case ours:
		return l.times(4, 10)
	}
	return l.times(2, 5)
}

// turns are the scenes in an order in which the kinds take turns, without the floor.
func turns(all []respawned) func(func(respawned) bool) {
	return func(yield func(respawned) bool) {
		rest := slices.DeleteFunc(slices.Clone(all), func(r respawned) bool { return r.k.as == floorRole })
		for len(rest) > 0 {
			seen := map[string]bool{}
			var later []respawned
			for _, r := range rest {
				if seen[r.k.name] {
					later = append(later, r)
					continue
				}
				seen[r.k.name] = true
				if !yield(r) {
					return
				}
			}
			rest = later
		}
	}
}

// respawn tells the child to end and waits for its successor.
func (r respawned) respawn() (float64, error) {
	if err := r.s.tell(unix.SIGUSR1); err != nil {
		return 0, err
	}
	x, err := r.s.await('X')
	if err != nil {
		return 0, err
	}
	next, err := r.s.await('S')
	if err != nil {
		return 0, err
	}
	return millis(x.at, next.at), nil
}
