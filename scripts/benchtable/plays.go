//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// playEnv makes this program play another part, as a process of its own.
const playEnv = "BENCH_PLAY"

// perform plays a part until the standard input ends, or for the poller until it is signalled.
func perform(part string) int {
	var h http.Handler
	switch part {
	case "api", "tls":
		h = http.HandlerFunc(answer)
	case "proxy":
		u, err := url.Parse(os.Getenv("BENCH_BASE"))
		if err != nil {
			return 2
		}
		h = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) },
			Transport: &http.Transport{MaxIdleConnsPerHost: 64}, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	case "poller":
		return poll()
	case "copier":
	default:
		return 2
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	if part == "copier" {
		fmt.Println("http://" + ln.Addr().String())
		go copyAll(ln, strings.TrimPrefix(os.Getenv("BENCH_BASE"), "http://"))
		io.Copy(io.Discard, os.Stdin)
		return 0
	}
	scheme := "http://"
	if part == "tls" {
		pair, err := tls.LoadX509KeyPair(os.Getenv("BENCH_CERT"), os.Getenv("BENCH_KEY"))
		if err != nil {
			return 1
		}
		scheme, ln = "https://", tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	fmt.Println(scheme + ln.Addr().String())
	srv := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go srv.Serve(ln) // until the program ends
	io.Copy(io.Discard, os.Stdin)
	srv.Close()
	return 0
}

// answer is a Bot API without a memory: every call succeeds at once, but for polls, which wait as long as they ask to, and for
// the method slow, which waits for its parameter.
func answer(w http.ResponseWriter, r *http.Request) {
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	body := `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"},"text":"hello"}}`
	switch strings.ToLower(method) {
	case "getme":
		body = `{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"bench","username":"bench_bot"}}`
	case "getwebhookinfo":
		body = `{"ok":true,"result":{"url":"","has_custom_certificate":false,"pending_update_count":0}}`
	case "getupdates", "slow":
		seconds, _ := strconv.Atoi(r.FormValue("timeout"))
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-r.Context().Done():
			return
		}
		body = `{"ok":true,"result":[]}`
	}
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, body)
}

// poll is a bot that asks for updates through whatever TELEGRAM_API_BASE names, and says so as the child does.
func poll() int {
	at := now()
	pipe, err := os.OpenFile(os.Getenv("BENCH_PIPE"), os.O_WRONLY, 0)
	if err != nil {
		return 2
	}
	fmt.Fprintf(pipe, "%s S %d %d %s\n", os.Getenv("BENCH_ID"), at, os.Getpid(), os.Getenv("TELEGRAM_API_BASE"))
	target := os.Getenv("TELEGRAM_API_BASE") + "/bot" + os.Getenv("TELEGRAM_BOT_TOKEN") + "/getUpdates?timeout=50"
	for first := true; ; first = false {
		resp, err := http.Post(target, "", nil)
		if err != nil {
			if first {
				return 1
			}
			<-time.After(100 * time.Millisecond)
			continue
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// play starts this program in another part and returns the address that it prints. It ends with the lab.
func (l *lab) play(part string, env ...string) (string, error) {
	base, _, err := l.playAs(part, env...)
	return base, err
}

func (l *lab) playAs(part string, env ...string) (base string, pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", 0, err
	}
	s := &scene{l: l, dir: l.dir}
	cmd := s.command(self)
	cmd.Env = append([]string{playEnv + "=" + part, "PATH=" + os.Getenv("PATH")}, env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", 0, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", 0, err
	}
	if err := cmd.Start(); err != nil {
		return "", 0, err
	}
	l.ends = append(l.ends, func() {
		in.Close()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", 0, errors.New(part + ": does not listen")
	}
	return strings.TrimSpace(line), cmd.Process.Pid, nil
}

// listening waits until somebody accepts connections.
func listening(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nobody listens at %s", addr)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// copyAll has a connection to the server for each client, and passes on what comes: the least that anything in Go between the two could do.
func copyAll(ln net.Listener, server string) {
	type plain struct{ io.Reader } // else the kernel would copy
	for {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", server)
		if err != nil {
			client.Close()
			continue
		}
		for _, way := range [][2]net.Conn{{client, up}, {up, client}} {
			go func() {
				io.Copy(struct{ io.Writer }{way[1]}, plain{way[0]})
				client.Close()
				up.Close()
			}()
		}
	}
}
