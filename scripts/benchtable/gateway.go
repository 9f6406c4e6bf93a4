//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// way is one of those from the client to the server.
type way struct {
	name string
	as   role
	base string
	pids []int // of the proxy
	took []time.Duration
	seen *scene // of botctl
}

// connections are as many as botctl parks polls for one bot.
const connections = 64

func measureGateway(l *lab) error {
	direct, err := l.play("api") // one of its own
	if err != nil {
		return err
	}
	ways := []*way{{name: "direct", as: floorRole, base: direct}}
	behind, err := l.behindBotctl(direct)
	if err != nil {
		return err
	}
	defer behind.seen.close()
	ways = append(ways, behind)
	proxy, pid, err := l.playAs("proxy", "BENCH_BASE="+direct)
	if err != nil {
		return err
	}
	ways = append(ways, &way{name: "httputil.ReverseProxy", as: peer, base: proxy, pids: []int{pid}})
	copier, pid, err := l.playAs("copier", "BENCH_BASE="+direct)
	if err != nil {
		return err
	}
	ways = append(ways, &way{name: "bytes copied in Go, nothing read", as: peer, base: copier, pids: []int{pid}})
	if nginx.path() != "" {
		w, end, err := l.behindNginx(direct)
		if err != nil {
			return err
		}
		defer end()
		ways = append(ways, w)
	} else {
		l.found.lacks("gateway", "nginx", "it is not installed")
	}
	token := behind.seen.token
	for range l.times(3, 20) {
		if err := l.latency(ways, token, l.times(200, 1000)); err != nil {
			return err
		}
	}
	for range l.times(1, 5) {
		for _, w := range ways {
			if err := l.throughput(w, token); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	for _, w := range ways[1:] {
		if err := l.parked(w, token); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

// behindBotctl is a botctl whose child only says where its gateway is. The client is not that child, but comes with its token.
func (l *lab) behindBotctl(direct string) (*way, error) {
	s, err := l.scene("")
	if err != nil {
		return nil, err
	}
	s.api = direct
	m, err := s.begin(botctl("botctl", "--stop-timeout", "60s"))
	if err != nil {
		return nil, err
	}
	if m.text == "" || m.text == direct {
		return nil, fmt.Errorf("the bot was given no gateway but %q", m.text)
	}
	return &way{name: "botctl's gateway", as: ours, base: m.text, pids: []int{s.run.cmd.Process.Pid}, seen: s}, nil
}

// behindNginx is set up as nginx's own documentation says for connections that are kept.
func (l *lab) behindNginx(direct string) (*way, func(), error) {
	s, err := l.scene("")
	if err != nil {
		return nil, nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, nil, err
	}
	conf := strings.NewReplacer("DIR", s.dir, "ADDR", addr, "SERVER", strings.TrimPrefix(direct, "http://")).Replace(nginxConf)
	if err := writeFile(s.dir+"/nginx.conf", conf); err != nil {
		return nil, nil, err
	}
	if s.run, err = start(s.command(nginx.path(), "-p", s.dir, "-e", s.dir+"/error.log", "-c", s.dir+"/nginx.conf")); err != nil {
		return nil, nil, err
	}
	end := func() { s.close() }
	if err := listening(l.ctx, addr); err != nil {
		end()
		return nil, nil, err
	}
	return &way{name: "nginx", as: peer, base: "http://" + addr, pids: []int{s.run.cmd.Process.Pid}}, end, nil
}

const nginxConf = `daemon off; master_process off; pid DIR/pid; error_log DIR/error.log;
events { worker_connections 512; }
http {
	access_log off; client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
	upstream api { server SERVER; keepalive 64; }
	server { listen ADDR; location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
`

// latency has one client go each way in turns.
func (l *lab) latency(ways []*way, token string, n int) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	defer client.CloseIdleConnections()
	for _, w := range ways {
		w.took = w.took[:0]
	}
	for i := range n + 20 {
		for _, w := range ways {
			begin := time.Now()
			if err := send(client, w.base, token, "sendMessage"); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if i >= 20 { // the first ones make connections
				w.took = append(w.took, time.Since(begin))
			}
		}
	}
	at := func(w *way, q float64) float64 {
		return float64(w.took[int(q*float64(len(w.took)-1))]) / float64(time.Microsecond)
	}
	for _, w := range ways {
		slices.Sort(w.took)
		l.found.add("gateway", "p50", "µs", w.name, w.as, at(w, .5))
		if w != ways[0] {
			l.found.add("gateway", "added at p50", "µs", w.name, w.as, at(w, .5)-at(ways[0], .5))
			l.found.add("gateway", "added at p99", "µs", w.name, w.as, at(w, .99)-at(ways[0], .99))
		}
	}
	return nil
}

// throughput has many clients call as fast as they can.
func (l *lab) throughput(w *way, token string) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var calls atomic.Int64
	var failed atomic.Pointer[error]
	before, err := usageOf(w.pids)
	if err != nil {
		return err
	}
	begin := time.Now()
	end := begin.Add(time.Duration(l.times(1, 5)) * time.Second)
	var clients sync.WaitGroup
	for range connections {
		clients.Go(func() {
			for time.Now().Before(end) && l.ctx.Err() == nil {
				if err := send(client, w.base, token, "sendMessage"); err != nil {
					failed.Store(&err)
					return
				}
				calls.Add(1)
			}
		})
	}
	clients.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	after, err := usageOf(w.pids)
	if err != nil {
		return err
	}
	n := float64(calls.Load())
	l.found.add("gateway", "64 connections", "calls a second", w.name, w.as, n/time.Since(begin).Seconds())
	if w.as != floorRole {
		l.found.add("gateway", "processor", "µs a call", w.name, w.as, (after.cpu-before.cpu)*1000/n)
	}
	return nil
}

// parked has as many polls open as botctl parks for one bot. It parks during a restart, which a call that is still open draws out.
func (l *lab) parked(w *way, token string) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections + 1}}
	defer client.CloseIdleConnections()
	var open sync.WaitGroup
	defer open.Wait()
	if w.seen != nil {
		if err := send(client, w.base, token, "getUpdates?timeout=0"); err != nil { // it is a bot that uses the gateway
			return err
		}
		open.Go(func() { send(client, w.base, token, "slow?timeout=8") })
		if err := l.pass(500 * time.Millisecond); err != nil {
			return err
		}
		w.seen.run.cmd.Process.Signal(unix.SIGHUP)
		if err := l.pass(500 * time.Millisecond); err != nil {
			return err
		}
	}
	before, err := usageOf(w.pids)
	if err != nil {
		return err
	}
	var early atomic.Int64
	for range connections {
		open.Go(func() {
			begin := time.Now()
			send(client, w.base, token, "getUpdates?timeout=6")
			if time.Since(begin) < 3*time.Second {
				early.Add(1)
			}
		})
	}
	if err := l.pass(3 * time.Second); err != nil {
		return err
	}
	after, err := usageOf(w.pids)
	if err != nil {
		return err
	}
	if n := early.Load(); n > connections/8 { // a few may be answered at once, for a newer one came
		return fmt.Errorf("%d of %d polls were answered early: they were not parked", n, connections)
	}
	l.found.add("gateway", "memory with 64 polls", "MiB of RSS", w.name, w.as, after.rssKiB/1024)
	l.found.add("gateway", "of it for them", "MiB", w.name, w.as, (after.rssKiB-before.rssKiB)/1024)
	return nil
}

func send(client *http.Client, base, token, method string) error {
	resp, err := client.Post(base+"/bot"+token+"/"+method, "application/json", strings.NewReader(`{"chat_id":1,"text":"hello"}`))
	if err != nil {
		return bareError(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return bareError(err)
	}
	if resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"ok":true`)) {
		return fmt.Errorf("%s: %s", method, resp.Status)
	}
	return nil
}
