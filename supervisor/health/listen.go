package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// Listen opens the address that Address reads from text.
func Listen(ctx context.Context, text string, getenv func(string) string) (net.Listener, error) {
	addr, err := Address(text, getenv)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", addr, bare(err))
	}
	return ln, nil
}

// Address is the host:port that text means:
//
//	127.0.0.1:8080, [::1]:8080, localhost:8080   that one
//	:8080                                        loopback: what stands open to the world says so
//	0.0.0.0:8080, [::]:8080                      every interface
//	port, PORT, env:PORT                         every interface, at the port in the variable PORT, as platforms ask for it
//	env:NAME                                     the same with another variable
//
// Port 0 is any free one; in a variable it is refused, since a platform would look elsewhere. The error quotes nothing of a variable's
// value, nor a text that may be a URL with a password.
func Address(text string, getenv func(string) string) (string, error) {
	if text == "port" || text == "PORT" {
		text = "env:PORT"
	}
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		port, err := portFrom(name, getenv)
		if err != nil {
			return "", err
		}
		return net.JoinHostPort("", port), nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, "/@* \t\r\n") || strings.ContainsAny(text, "\x00") {
		return "", fmt.Errorf("listen on %s: want host:port, :port or env:PORT", quoted(text))
	}
	if _, ok := parsePort(port); !ok {
		return "", fmt.Errorf("listen on %s: the port must be a number up to 65535", quoted(text))
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

func portFrom(name string, getenv func(string) string) (string, error) {
	if name == "" || len(name) > 100 || strings.ContainsAny(name, "=:/@ \t\r\n\x00") {
		return "", errors.New(`listen on "env:": want the name of a variable behind it, such as env:PORT`)
	}
	port := strings.TrimSpace(getenv(name))
	if port == "" {
		return "", fmt.Errorf("listen on %q: the variable is not set", "env:"+name)
	}
	if n, ok := parsePort(port); !ok || n == 0 {
		return "", fmt.Errorf("listen on %q: the variable holds no port, which is a number from 1 to 65535", "env:"+name)
	}
	return port, nil
}

// parsePort takes digits alone: no sign, and no name of a service.
func parsePort(text string) (uint64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return n, err == nil
}

// quoted shows what was meant to be an address, unless it may be something else.
func quoted(text string) string {
	if len(text) > 100 || strings.ContainsAny(text, "@/") {
		return "what was given"
	}
	return strconv.Quote(text)
}

// bare is the cause alone, without the call and the address that package net puts before it.
func bare(err error) error {
	if oe, ok := errors.AsType[*net.OpError](err); ok {
		err = oe.Err
	}
	if se, ok := errors.AsType[*os.SyscallError](err); ok {
		err = se.Err
	}
	return err
}
