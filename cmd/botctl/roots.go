package main

import (
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// trustRoots lets botctl trust the usual certificates where the system has none, as the slim images of Node and empty ones: Node
// brings its own, so that a bot which reaches Telegram by itself there would not reach it through the gateway. A
// system that has some, or SSL_CERT_FILE, decides alone. Every verb that speaks HTTPS calls it before it asks anything (run for the gateway, the
// check, the lease and the words to the owner); the others do not: it costs milliseconds.
var trustRoots = sync.OnceFunc(func() {
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
