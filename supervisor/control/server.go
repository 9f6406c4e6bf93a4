package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Supervisor is what the server serves. Its methods are called concurrently.
type Supervisor interface {
	Status() Status
	Restart() // asks; returns at once
	Stop()    // asks; returns at once
	Logs() *Tail
	// HandOut lets the bot finish, and returns when another supervisor on this machine may take its locks, or when it has been told
	// to end for that.
	HandOut(ctx context.Context) (HandedOut, error)
}

// HandedOut is the answer to a hand-over on one machine.
type HandedOut struct {
	// Cursor: every update below it is handled; 0: unknown.
	Cursor int64 `json:"cursor"`
	// Ending says that the bot is being ended in order, so that the locks become free with the end of the supervisor.
	Ending bool `json:"ending"`
}

// Server answers on the unix socket of one key.
type Server struct {
	http *http.Server
	ln   net.Listener
}

// maxSocketPath is how long a socket's path may be on every system (104 on macOS, 108 on Linux,
// with the final zero).
const maxSocketPath = 103

// socketPath is where the socket of key is: in dir, or where that is too deep for a
// socket, in a folder of this user under the temporary one, named by dir.
func socketPath(dir, key string) (string, error) {
	path := filepath.Join(dir, key+".sock")
	if len(path) <= maxSocketPath {
		return path, nil
	}
	short := filepath.Join(os.TempDir(), fmt.Sprintf("botctl-%d-sock", os.Getuid()))
	if err := os.MkdirAll(short, 0o700); err != nil {
		return "", fmt.Errorf("socket folder %q: %w", short, bare(err))
	}
	if err := checkPrivate(short); err != nil {
		return "", fmt.Errorf("socket folder %q: %w", short, err)
	}
	return filepath.Join(short, key+".sock"), nil
}

// SocketPath is where the socket of key is, or will be; "" where there can be none.
func SocketPath(dir, key string) string {
	path, err := socketPath(dir, key)
	if err != nil {
		return ""
	}
	return path
}

// Serve listens on the socket of key and answers until Close. A socket file is replaced only
// when nobody answers on it; the caller holds the key's lock, so that there is no race.
func Serve(dir, key string, s Supervisor) (*Server, error) {
	path, err := socketPath(dir, key)
	if err != nil {
		return nil, err
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("socket %q: somebody answers on it", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("socket %q: %w", path, bare(err))
	}
	ln, err := listenPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("socket %q: %w", path, err)
	}
	srv := &Server{ln: ln, http: &http.Server{
		Handler:           routes(s),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          discard(),
	}}
	go srv.http.Serve(peerListener{ln})
	return srv, nil
}

// EnvSocket names the environment variable by which the bot learns where its supervisor answers.
const EnvSocket = "BOTCTL_CONTROL"

// Path is that of the socket.
func (s *Server) Path() string { return s.ln.Addr().String() }

// Retire removes the socket, and ends when the requests that are under way are answered, at the latest with ctx.
func (s *Server) Retire(ctx context.Context) {
	s.http.Shutdown(ctx) //nolint:errcheck // what is not answered by then is cut off
	s.Close()
}

// Close ends every request and removes the socket.
func (s *Server) Close() {
	s.http.Close()
	s.ln.Close() // Serve may not have begun
}

func routes(s Supervisor) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(s.Status())
	})
	mux.HandleFunc("POST /v1/restart", func(w http.ResponseWriter, _ *http.Request) {
		s.Restart()
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /v1/stop", func(w http.ResponseWriter, _ *http.Request) {
		s.Stop()
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /v1/handout", func(w http.ResponseWriter, r *http.Request) {
		out, err := s.HandOut(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(out)
	})
	mux.HandleFunc("GET /v1/logs", func(w http.ResponseWriter, r *http.Request) { logs(w, r, s.Logs()) })
	return mux
}

// logs writes the last n lines, and with follow=1 what comes after them.
func logs(w http.ResponseWriter, r *http.Request, t *Tail) {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil {
		http.Error(w, "n: want a number of lines", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	begin, more := t.Follow(ctx, n)
	w.Header().Set("Content-Type", "application/octet-stream")
	out := http.NewResponseController(w)
	w.Write(begin)
	if r.FormValue("follow") != "1" {
		return
	}
	out.Flush()
	for chunk := range more {
		out.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := w.Write(chunk); err != nil {
			return
		}
		out.Flush()
	}
}

// peerListener hands on connections of this user and of root only.
type peerListener struct{ net.Listener }

func (l peerListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || mayTalk(c) {
			return c, err
		}
		c.Close()
	}
}
