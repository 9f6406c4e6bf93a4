package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// trustRoots lets botctl trust the usual certificates where the system has none, as the slim images of Node and empty ones: Node
// brings its own, so that a bot which reaches Telegram by itself there would not reach it through the gateway. A
// system that has some, or SSL_CERT_FILE, decides alone. Every verb that speaks HTTPS calls it before it asks anything (run for the gateway, the
// check, the lease and the words to the owner).
var trustRoots = sync.OnceFunc(func() {
	if systemHasRoots() {
		return
	}
	if system, err := x509.SystemCertPool(); err == nil && !system.Equal(x509.NewCertPool()) {
		return
	}
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil: // of a form that this Go does not read: nothing is signed by it then
		case root.Constraint == nil:
			pool.AddCert(cert)
		default:
			pool.AddCertWithConstraint(cert, root.Constraint)
		}
	}
	x509.SetFallbackRoots(pool)
})

// systemHasRoots sees without reading them all that there are certificates where nearly every system has them. To parse them takes
// twelve milliseconds, more than all else before the start of a bot, and is left to the first call that needs one. False: look closely.
func systemHasRoots() bool {
	usual := []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"} // crypto/x509 reads the first that it finds
	if own := os.Getenv("SSL_CERT_FILE"); own != "" {
		usual = []string{own}
	}
	for _, name := range usual {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		defer f.Close()
		begin := make([]byte, 8<<10)
		n, err := io.ReadFull(f, begin)
		return (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) && bytes.Contains(begin[:n], []byte("-----BEGIN CERTIFICATE-----"))
	}
	return false
}
