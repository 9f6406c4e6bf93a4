package supervisor

import (
	"slices"
	"sync"
)

// children are those that live, or have just died: one, and two during a warm restart. It may be used concurrently.
type children struct {
	mu   sync.Mutex
	list []*living // in the order of their starts
}

func (c *children) add(l *living) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, l)
}

func (c *children) drop(l *living) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = slices.DeleteFunc(c.list, func(other *living) bool { return other == l })
}

// get returns child number run, nil without it.
func (c *children) get(run uint32) *living {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.list {
		if l.run == run {
			return l
		}
	}
	return nil
}

// latest is the one that was started last, nil without any.
func (c *children) latest() *living {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) == 0 {
		return nil
	}
	return c.list[len(c.list)-1]
}

func (c *children) all() []*living {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// owner returns the child to whose tree pid belongs.
func (c *children) owner(pid int) *living {
	for _, l := range c.all() {
		if l.Owns(pid) {
			return l
		}
	}
	return nil
}

// trees lists every process of every tree.
func (c *children) trees() (pids []int) {
	for _, l := range c.all() {
		pids = append(pids, l.Tree()...)
	}
	return pids
}
