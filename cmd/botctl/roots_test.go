package main

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const rootsEnv = "BOTCTL_TEST_ROOTS"

// What the system has is read once a process, so each case is one.
func TestCertificatesWhereTheSystemHasNone(t *testing.T) {
	t.Parallel()
	if os.Getenv(rootsEnv) != "" {
		trustRoots()
		t.Log("trusted", trusted())
		return
	}
	own := t.TempDir()
	for name, c := range map[string]struct{ file, want string }{
		"none":           {own + "/none.pem", "trusted some"},
		"one of its own": {writeRoot(t, own), "trusted one"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), rootsEnv+"=1", "SSL_CERT_FILE="+c.file, "SSL_CERT_DIR="+own+"/none")
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Count(string(out), c.want) != 1 {
			t.Errorf("%s: want %q: %v\n%s", name, c.want, err, out)
		}
	}
}

// writeRoot is a file with one of the usual certificates.
func writeRoot(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "one.pem")
	for root := range bundle.Roots() {
		if cert, err := x509.ParseCertificate(root.Certificate); err != nil || time.Until(cert.NotAfter) < 0 {
			continue
		}
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}), 0o644); err != nil {
			t.Fatal(err)
		}
		break
	}
	return path
}

// trusted says how many of the usual certificates verify by what the process trusts.
func trusted() string {
	n := 0
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			continue
		}
		if _, err := cert.Verify(x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
			n++
		}
	}
	switch n {
	case 0:
		return "none"
	case 1:
		return "one"
	}
	return "some"
}
