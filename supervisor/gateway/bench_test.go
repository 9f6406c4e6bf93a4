package gateway

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkAddedLatency measures one client that sends messages, in turns: to the server itself, through the gateway, and through its
// peers, a plain ReverseProxy and nginx, if that is installed. What the gateway adds is to stay within 100 µs at the median.
func BenchmarkAddedLatency(b *testing.B) {
	direct := benchServer(b)
	through := benchGateway(b, direct)
	u, _ := url.Parse(direct)
	peer := serveBench(b, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }})
	names, bases := []string{"direct", "added", "ReverseProxy", "nginx"}, []string{direct, through, peer}
	if base, ok := benchNginx(b, direct); ok {
		bases = append(bases, base)
	}
	took := make([][]time.Duration, len(bases))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 10}}
	for b.Loop() {
		for i, base := range bases {
			start := time.Now()
			call(b, client, base, "sendMessage")
			took[i] = append(took[i], time.Since(start))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	at := func(i int, q float64) float64 {
		return float64(took[i][int(q*float64(len(took[i])-1))]) / float64(time.Microsecond)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(at(0, .5), "direct-p50-µs")
	for i := range bases[1:] {
		b.ReportMetric(at(i+1, .5)-at(0, .5), names[i+1]+"-p50-µs")
		b.ReportMetric(at(i+1, .99)-at(0, .99), names[i+1]+"-p99-µs")
	}
}

// BenchmarkThroughput has 64 connections at once.
func BenchmarkThroughput(b *testing.B) {
	direct := benchServer(b)
	bases := map[string]string{"direct": direct, "gateway": benchGateway(b, direct)}
	if base, ok := benchNginx(b, direct); ok {
		bases["nginx"] = base
	}
	for name, base := range bases {
		b.Run(name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.SetParallelism(64 / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					call(b, client, base, "sendMessage")
				}
			})
		})
	}
}

// BenchmarkHandler is the gateway without any network: what it allocates for a call.
func BenchmarkHandler(b *testing.B) {
	g, err := New(Options{Base: "http://api.test", Token: realToken, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"ok":true}`)), ContentLength: 11}, nil
	})})
	if err != nil {
		b.Fatal(err)
	}
	g.Admit(2).Serve()
	w := &discard{h: http.Header{}}
	body := []byte(`{"chat_id":1,"text":"hello"}`)
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		r := &http.Request{Method: http.MethodPost, Host: "127.0.0.1:1", URL: &url.URL{Path: "/bot" + realToken.Reveal() + "/sendMessage"}, Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"x"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
		g.ServeHTTP(w, r)
	}
}

// BenchmarkParked reports the memory of a bot's whole share of parked polls.
func BenchmarkParked(b *testing.B) {
	direct := benchServer(b)
	var before, after runtime.MemStats
	for b.Loop() {
		g, s, base := startBench(b, direct)
		s.Hold()
		runtime.GC()
		runtime.ReadMemStats(&before)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		var clients sync.WaitGroup
		for range maxParked {
			clients.Go(func() { call(b, client, base, "getUpdates?timeout=50") })
		}
		for g.Snapshot().Parked < maxParked-1 { // one was answered at once, for a newer one came
			runtime.Gosched()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		s.Leave()
		clients.Wait()
		client.CloseIdleConnections()
	}
	b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/1024, "KiB/64-polls-and-clients")
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func call(b *testing.B, client *http.Client, base, method string) {
	resp, err := client.Post(base+"/bot"+realToken.Reveal()+"/"+method, "application/json", strings.NewReader(`{"chat_id":1,"text":"hello"}`))
	if err != nil {
		b.Error(err)
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func benchServer(b *testing.B) string {
	return serveBench(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"},"text":"hello"}}`)
	}))
}

// benchNginx is nginx before a server, as its own documentation sets up a proxy with kept connections. ok is false without one.
func benchNginx(b *testing.B, base string) (through string, ok bool) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		b.Log("nginx is not installed: no figures of it")
		return "", false
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		b.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	dir := b.TempDir()
	conf := strings.NewReplacer("DIR", dir, "ADDR", addr, "SERVER", strings.TrimPrefix(base, "http://")).Replace(nginxConf)
	if err := os.WriteFile(dir+"/nginx.conf", []byte(conf), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(path, "-p", dir, "-e", dir+"/error.log", "-c", dir+"/nginx.conf")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return "http://" + addr, true
		}
		if b.Context().Err() != nil || cmd.Process.Signal(syscall.Signal(0)) != nil {
			b.Fatal("nginx does not listen")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

const nginxConf = `daemon off; master_process off; pid DIR/pid; error_log DIR/error.log;
events { worker_connections 512; }
http {
	access_log off; client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
	upstream api { server SERVER; keepalive 64; }
	server { listen ADDR; location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
`

func serveBench(b *testing.B, h http.Handler) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go srv.Serve(ln)
	b.Cleanup(func() { srv.Close() })
	return "http://" + ln.Addr().String()
}

func benchGateway(b *testing.B, base string) string {
	_, s, through := startBench(b, base)
	s.Serve()
	return through
}

func startBench(b *testing.B, base string) (*Gateway, *Seat, string) {
	g, err := New(Options{Base: base, Token: realToken})
	if err != nil {
		b.Fatal(err)
	}
	ln, err := Listen(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go g.Serve(ctx, ln)
	b.Cleanup(stop)
	return g, g.Admit(2), "http://" + ln.Addr().String()
}
