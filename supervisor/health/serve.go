package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	maxConns  = 64              // at a time
	readTime  = 5 * time.Second // for a whole request; probes send theirs at once
	writeTime = 5 * time.Second
	headLimit = 8 << 10 // bytes of a request's head; more is 431
)

// Serve answers on ln until ctx ends. Every connection is closed and each of its goroutines has ended when it returns; the error is nil
// after ctx. probe says how it is now: it is called for each request, from several goroutines, and must return at once.
func Serve(ctx context.Context, ln net.Listener, probe func() Health) error {
	d := &door{}
	srv := &http.Server{
		Handler: handler(probe), ReadHeaderTimeout: readTime, ReadTimeout: readTime, WriteTimeout: writeTime,
		MaxHeaderBytes: headLimit - 4096, // net/http adds as much
		ConnState:      d.state, DisableGeneralOptionsHandler: true,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	srv.SetKeepAlivesEnabled(false)
	served := make(chan struct{})
	var closer sync.WaitGroup
	closer.Go(func() {
		select {
		case <-ctx.Done():
		case <-served:
		}
		srv.Close()
	})
	err := srv.Serve(ln)
	close(served)
	closer.Wait()
	srv.Close() // what was accepted while the first Close was at it
	d.inside.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("health checks at %s: %w", ln.Addr(), bare(err))
	}
	return nil
}

// door bounds the connections and knows when the last one has gone.
type door struct {
	inside sync.WaitGroup
	mu     sync.Mutex
	conns  []net.Conn // oldest first
}

// state is told by net/http of a connection before its goroutine begins, and at the end of that.
func (d *door) state(c net.Conn, s http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch s {
	case http.StateNew:
		d.inside.Add(1)
		d.conns = append(d.conns, c)
		if len(d.conns) > maxConns {
			d.conns[0].Close()
			d.conns = d.conns[1:]
		}
	case http.StateClosed:
		d.conns = slices.DeleteFunc(d.conns, func(other net.Conn) bool { return other == c })
		d.inside.Done()
	}
}
