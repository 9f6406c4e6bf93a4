package gateway

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// door bounds the connections. Whoever has not yet brought a token is a stranger. Of too many strangers those go that had
// time to bring one, and when all places are taken the oldest, so that they cannot keep the bot out: its own
// connections bring the token at once.
type door struct {
	mu        sync.Mutex
	guests    map[net.Conn]*guest
	strangers []*guest // oldest first
}

type guest struct {
	conn    net.Conn
	since   time.Time
	trusted bool
}

const (
	maxStrangers = 64
	maxGuests    = 512
	bringTime    = time.Second
)

type guestKey struct{}

func newDoor() *door { return &door{guests: map[net.Conn]*guest{}} }

// enter lets a connection in, and another one out when there are too many.
func (d *door) enter(ctx context.Context, c net.Conn) context.Context {
	now := time.Now()
	gu := &guest{conn: c, since: now}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guests[c] = gu
	d.strangers = append(d.strangers, gu)
	for len(d.strangers) > maxStrangers && now.Sub(d.strangers[0].since) >= bringTime {
		d.show(d.strangers[0])
	}
	if len(d.guests) > maxGuests {
		d.show(d.strangers[0])
	}
	return context.WithValue(ctx, guestKey{}, gu)
}

// show closes a stranger's connection. The caller holds the lock.
func (d *door) show(gu *guest) {
	gu.conn.Close()
	d.forget(gu)
}

func (d *door) forget(gu *guest) {
	delete(d.guests, gu.conn)
	d.strangers = slices.DeleteFunc(d.strangers, func(other *guest) bool { return other == gu })
}

// trust makes a stranger a guest: it has brought a token.
func (d *door) trust(ctx context.Context) {
	gu, _ := ctx.Value(guestKey{}).(*guest)
	if gu == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if gu.trusted {
		return
	}
	gu.trusted = true
	d.strangers = slices.DeleteFunc(d.strangers, func(other *guest) bool { return other == gu })
}

// state forgets connections that are closed.
func (d *door) state(c net.Conn, s http.ConnState) {
	if s != http.StateClosed && s != http.StateHijacked {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if gu := d.guests[c]; gu != nil {
		d.forget(gu)
	}
}

// empty closes what is left.
func (d *door) empty() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.guests {
		c.Close()
	}
}
