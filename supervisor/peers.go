package supervisor

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// peers knows the addresses behind which the Bot API in force is reached: those of
// its host, and of the proxies in the child's environment. Every address that was ever
// resolved stays, since a connection outlives an entry in the DNS. It may be used concurrently.
type peers struct {
	hosts []hostPort

	mu    sync.Mutex
	known map[netip.AddrPort]bool
	at    time.Time // of the latest look-up that succeeded
}

type hostPort struct {
	host string
	port uint16
}

// peersFor reads the API base and the proxy variables of env.
func peersFor(base string, env []string) *peers {
	p := &peers{known: map[netip.AddrPort]bool{}}
	p.add(base)
	for _, kv := range env {
		name, v, _ := strings.Cut(kv, "=")
		switch strings.ToUpper(name) {
		case "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY":
			p.add(v)
		}
	}
	return p
}

func (p *peers) add(raw string) {
	if raw == "" {
		return
	}
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return
	}
	port := map[string]string{"https": "443", "http": "80", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	if u.Port() != "" {
		port = u.Port()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		p.hosts = append(p.hosts, hostPort{u.Hostname(), uint16(n)})
	}
}

// lookupEvery is how long a look-up is good for, and lookupLimit how long one may take.
const (
	lookupEvery = time.Minute
	lookupLimit = 2 * time.Second
)

// addresses returns what is known, after a look-up when the last one is old. ok is
// false when some host could not be resolved even once: then an absent connection
// proves nothing.
func (p *peers) addresses(ctx context.Context) (list []netip.AddrPort, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at.IsZero() || time.Since(p.at) > lookupEvery {
		if p.lookup(ctx) {
			p.at = time.Now()
		}
	}
	for a := range p.known {
		list = append(list, a)
	}
	return list, !p.at.IsZero()
}

func (p *peers) lookup(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	all := true
	for _, h := range p.hosts {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", h.host)
		if err != nil {
			all = false
			continue
		}
		for _, ip := range ips {
			p.known[netip.AddrPortFrom(ip.Unmap(), h.port)] = true
		}
	}
	return all
}

// Addresses returns what the host of an API base, and the proxies in env, resolve to now.
func Addresses(ctx context.Context, base string, env []string) []netip.AddrPort {
	list, _ := peersFor(base, env).addresses(ctx)
	return list
}
