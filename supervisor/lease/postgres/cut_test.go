package postgres

import (
	"errors"
	"io"
	"net"
	"testing"

	"botctl/supervisor/lease"
)

// A server without TLS, whose connection is cut behind that word: the URL allows a connection without, so this is no lasting trouble.
func TestAConnectionThatIsCutWhileItBeginsIsNoTroubleOfTLS(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			var ask [8]byte
			if _, err := io.ReadFull(c, ask[:]); err == nil && ask[4] == 0x04 { // 80877103, the request for TLS
				c.Write([]byte("N"))
				io.ReadFull(c, ask[:])
			}
			c.Close()
		}
	}()
	s, err := Open("postgres://me:secret@"+ln.Addr().String()+"/db", "key", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Load(t.Context())
	if se, ok := errors.AsType[*lease.StoreError](err); !ok || se.Lasting() {
		t.Errorf("%v, want trouble that passes", err)
	}
	strict, err := Open("postgres://me:secret@"+ln.Addr().String()+"/db?sslmode=require", "key", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer strict.Close()
	_, err = strict.Load(t.Context())
	if se, ok := errors.AsType[*lease.StoreError](err); !ok || se.Problem != lease.Untrusted {
		t.Errorf("%v, want trouble of TLS", err)
	}
}
