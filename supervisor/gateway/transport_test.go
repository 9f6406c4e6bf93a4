package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Upstream is HTTP/2 where the server speaks it, and connections are kept where it does not.
func TestConnectionsToTheServer(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/2.0": true, "HTTP/1.1": false} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var protos, peers []string
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				protos, peers = append(protos, r.Proto), append(peers, r.RemoteAddr)
				body, _ := io.ReadAll(r.Body)
				w.Write(body)
			}))
			srv.EnableHTTP2 = h2
			srv.StartTLS()
			defer srv.Close()
			up := newTransport()
			up.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			up.TLSClientConfig.NextProtos = nil
			g, err := New(Options{Base: srv.URL + "/", Token: realToken, Transport: up})
			if err != nil {
				t.Fatal(err)
			}
			ln, err := Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			var over sync.WaitGroup
			over.Go(func() { g.Serve(ctx, ln) })
			defer over.Wait()
			defer stop()
			g.Admit(2).Serve()
			for i := range 5 {
				body := strings.Repeat("x", i*100_000)
				resp, err := http.Post("http://"+ln.Addr().String()+"/bot"+realToken.Reveal()+"/sendDocument", "text/plain", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(got) != body {
					t.Errorf("%d bytes came back of %d", len(got), len(body))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if slices.Sort(peers); len(slices.Compact(peers)) != 1 {
				t.Errorf("connections from %v", peers)
			}
			if !slices.Equal(protos, slices.Repeat([]string{name}, 5)) {
				t.Errorf("spoke %v", protos)
			}
		})
	}
}
