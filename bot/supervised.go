package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"botctl/bot/digest"
)

// supervised is what the bot reads of the supervisor's status (GET /v1/status on the control socket; the fields are
// promised in docs/cli-json.md).
type supervised struct {
	Version       string  `json:"version"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Restarts      struct {
		Total     int    `json:"total"`
		LastCause string `json:"last_cause"`
	} `json:"restarts"`
	Conflicts struct {
		Total int `json:"total"`
	} `json:"conflicts"`
}

// controlLimit is how long the supervisor may take to answer.
const controlLimit = 2 * time.Second

// askSupervisor asks on its control socket.
func askSupervisor(ctx context.Context, path string) (s supervised, err error) {
	ctx, cancel := context.WithTimeout(ctx, controlLimit)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://botctl/v1/status", nil)
	if err != nil {
		return s, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("supervisor answered %s", resp.Status)
	}
	return s, json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&s)
}

func (r *runner) status(ctx context.Context, m request) error {
	now := r.cfg.now()
	var b strings.Builder
	fmt.Fprintf(&b, "Up for %s. Last poll %s ago.\n", digest.Span(now.Sub(r.began)), time.Since(r.notify.last()).Round(time.Second))
	c, _, err := r.store.Chat(m.Chat.ID)
	if err != nil {
		return err
	}
	if plan := c.Plan(r.cfg.DigestAt); c.Subscribed {
		fmt.Fprintf(&b, "This chat's next digest: %s.\n", digest.Moment(plan.Next(now)))
	} else {
		b.WriteString("This chat is not subscribed to the digest.\n")
	}
	if r.isAdmin(m.From) {
		r.statusInside(ctx, &b)
	}
	return r.say(ctx, m.Chat.ID, strings.TrimSpace(b.String()))
}

// statusInside is what administrators see besides.
func (r *runner) statusInside(ctx context.Context, b *strings.Builder) {
	if list, err := r.store.Subscribed(); err == nil {
		fmt.Fprintf(b, "Subscribed chats: %d.\n", len(list))
	}
	if market, ok := r.feed.Latest(); ok {
		fmt.Fprintf(b, "Newest prices: %s, %s ago.\n", market.Source, time.Since(market.At).Round(time.Second))
	}
	if r.cfg.Control == "" {
		b.WriteString("No supervisor: I was not started by botctl run.\n")
		return
	}
	s, err := askSupervisor(ctx, r.cfg.Control)
	if err != nil {
		r.log.Warn("supervisor was not asked", "cause", err)
		b.WriteString("The supervisor does not answer.\n")
		return
	}
	fmt.Fprintf(b, "Supervisor: botctl %s, up for %s. Restarts: %d", s.Version, digest.Span(time.Duration(s.UptimeSeconds*float64(time.Second))), s.Restarts.Total)
	if s.Restarts.LastCause != "" {
		fmt.Fprintf(b, " (the last one: %s)", s.Restarts.LastCause)
	}
	fmt.Fprintf(b, ". Conflicts: %d.\n", s.Conflicts.Total)
}
