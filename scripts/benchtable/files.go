//go:build linux

package main

import (
	"errors"
	"net"
	"net/url"
	"os"
)

// freeAddr is an address on loopback that nobody listened at a moment ago.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

// bareError is a client's error without the URL, which has the token in it.
func bareError(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
