//go:build linux

package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// serveBench makes the test binary a server: its memory is then nobody else's.
const serveBench = "BOTCTL_SANDBOX_BENCH"

// TestServeForTheBenchmark is no test but that server.
func TestServeForTheBenchmark(t *testing.T) {
	if os.Getenv(serveBench) == "" {
		return
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("at", ln.Addr())
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		io.Copy(io.Discard, os.Stdin) // until the benchmark closes it
		stop()
	}()
	if err := New(Options{}).Serve(ctx, ln); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkThousandPolls is the memory of a server with 1,000 bots in long poll. The bound is 100 MB.
func BenchmarkThousandPolls(b *testing.B) {
	for b.Loop() {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestServeForTheBenchmark$", "-test.v")
		cmd.Env = append(os.Environ(), serveBench+"=1")
		stdin, _ := cmd.StdinPipe()
		stdout, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		addr := ""
		lines := bufio.NewScanner(stdout)
		for addr == "" && lines.Scan() {
			addr, _ = strings.CutPrefix(lines.Text(), "at ")
			if addr == lines.Text() {
				addr = ""
			}
		}
		before := rss(b, cmd.Process.Pid)
		for i := range 1000 {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /bot%d:abc/getUpdates?timeout=50 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", i+1)
		}
		for polling(b, addr) < 1000 {
		}
		after := rss(b, cmd.Process.Pid)
		b.ReportMetric(after, "MB")
		b.ReportMetric(after-before, "MB-for-the-polls")
		stdin.Close()
		cmd.Wait()
	}
}

func polling(b *testing.B, addr string) int {
	b.Helper()
	resp, err := http.Get("http://" + addr + "/sandbox/state")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var list []BotState
	json.NewDecoder(resp.Body).Decode(&list)
	n := 0
	for _, s := range list {
		n += s.Polling
	}
	return n
}

// rss is a process's resident memory in MB.
func rss(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}

// BenchmarkUpdatesToOnePoller is how fast one bot gets messages that come in as fast as they can, over HTTP, confirming
// each batch; beside it the floor, the same number of answers of the same size by net/http alone.
func BenchmarkUpdatesToOnePoller(b *testing.B) {
	s := New(Options{})
	srv := httptest.NewServer(s)
	defer srv.Close()
	b.Run("sandbox", func(b *testing.B) {
		http.Get(srv.URL + "/bot" + tok + "/getMe")
		c := &Client{Base: srv.URL}
		for b.Loop() {
			c.Reset(b.Context())
			if err := c.Inject(b.Context(), Injection{Count: 10_000}); err != nil {
				b.Fatal(err)
			}
			for next, seen := int64(0), 0; seen < 10_000; {
				resp, err := http.Get(fmt.Sprintf("%s/bot%s/getUpdates?timeout=20&offset=%d", srv.URL, tok, next))
				if err != nil {
					b.Fatal(err)
				}
				var got struct {
					Result []struct {
						ID int64 `json:"update_id"`
					}
				}
				json.NewDecoder(resp.Body).Decode(&got)
				resp.Body.Close()
				seen += len(got.Result)
				if n := len(got.Result); n > 0 {
					next = got.Result[n-1].ID + 1
				}
			}
			v, _ := c.Verdict(b.Context())
			b.ReportMetric(v.DeliveryP99Millis, "p99-ms")
		}
		b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "updates/s")
	})
	b.Run("floor", func(b *testing.B) {
		body := strings.Repeat(fmt.Sprintf("{\"update_id\":1,\n%s},\n", strings.Repeat("x", 220)), 100)
		flat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
		defer flat.Close()
		for b.Loop() {
			for range 100 {
				resp, err := http.Get(flat.URL)
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}
		b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "updates/s")
	})
}
