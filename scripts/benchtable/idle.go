//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// measureIdle has one supervisor of each kind side by side, leaves them alone, and reads what they took.
func measureIdle(l *lab) error {
	api, roots, err := l.secureAPI()
	if err != nil {
		return err
	}
	plain := botctl("botctl, --gateway off", "--gateway", "off")
	gateway := botctl("botctl, a bot polls through its gateway")
	gateway.command = l.pollerUnder()
	standing := botctl("botctl, gateway offered, not used")
	own := []keeper{plain, standing, gateway}
	store, end, err := l.redisServer()
	if err != nil {
		l.found.lacks("idle", "botctl with a lease", err.Error())
	} else {
		defer end()
		leased := botctl("botctl, the same with a lease in Redis")
		leased.command = l.pollerUnder("--gateway", "require", "--lease", store)
		own = append(own, leased)
	}
	all := l.present("idle", append(own, peers...))
	type one struct {
		k      keeper
		s      *scene
		pids   []int
		before usage
	}
	var idlers []*one
	defer func() {
		for _, x := range idlers {
			x.s.close()
		}
	}()
	for _, k := range all {
		s, err := l.scene("")
		if err != nil {
			return err
		}
		if k.as == ours {
			s.api, s.alone, s.env = api, true, append(s.env, "SSL_CERT_FILE="+roots)
		}
		x := &one{k: k, s: s}
		if _, err := s.begin(k); err != nil {
			l.found.lacks("idle", k.name, err.Error())
			s.close()
			continue
		}
		idlers = append(idlers, x)
	}
	if err := l.pass(time.Duration(l.times(8, 30)) * time.Second); err != nil { // the sweep at 5 s is over
		return err
	}
	length := time.Duration(l.times(10, 60)) * time.Second
	for _, x := range idlers {
		x.pids = family(x.s.run.cmd.Process.Pid, x.s.child)
		if x.before, err = usageOf(x.pids); err != nil {
			return fmt.Errorf("%s: %w", x.k.name, err)
		}
	}
	if err := l.pass(length); err != nil {
		return err
	}
	for _, x := range idlers {
		u, err := usageOf(x.pids)
		if err != nil {
			return fmt.Errorf("%s: %w", x.k.name, err)
		}
		per := length.Seconds()
		for _, r := range []reading{
			{"processes", "", float64(u.processes)},
			{"RSS", "MiB", u.rssKiB / 1024},
			{"PSS", "MiB", u.pssKiB / 1024},
			{"anonymous", "MiB", u.anonKiB / 1024},
			{"threads", "", u.threads},
			{"wake-ups", "a second", (u.sleeps - x.before.sleeps) / per},
			{"processor", "ms a minute", (u.cpu - x.before.cpu) / per * 60},
		} {
			l.found.add("idle", r.metric, r.unit, x.k.name, x.k.as, r.value)
		}
	}
	return nil
}

// redisServer starts one on loopback and waits until it answers.
func (l *lab) redisServer() (url string, end func(), err error) {
	path := redis.path()
	if path == "" {
		return "", nil, errors.New("redis-server is not installed")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	at := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(at)
	r, err := start(exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", l.dir))
	if err != nil {
		return "", nil, err
	}
	end = func() { r.end(unix.SIGTERM, patient) }
	for deadline := time.Now().Add(patient); ; {
		c, err := net.Dial("tcp", at)
		if err == nil {
			c.Close()
			return "redis://" + at, end, nil
		}
		if time.Now().After(deadline) {
			end()
			return "", nil, fmt.Errorf("redis-server: %w", err)
		}
		if err := l.pass(20 * time.Millisecond); err != nil {
			end()
			return "", nil, err
		}
	}
}

// pollerUnder is a keeper's command: botctl over this program as a bot that polls.
func (l *lab) pollerUnder(flags ...string) func(s *scene, _ string) (*exec.Cmd, error) {
	return func(s *scene, _ string) (*exec.Cmd, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		s.env = append(s.env, playEnv+"=poller")
		return botctl("", flags...).command(s, self)
	}
}

// own is a copy of a program for one scene, which shares its pages with no other process.
func (s *scene) own(path string) (string, error) {
	to := filepath.Join(s.dir, filepath.Base(path))
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return to, err
}

// systemRoots is where Debian keeps the certificates that are trusted.
const systemRoots = "/etc/ssl/certs/ca-certificates.crt"

// secureAPI is the Bot API over TLS, and a file of the roots that are trusted: those of the system, so that they cost what they cost
// anywhere, and that of our server.
func (l *lab) secureAPI() (base, roots string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", "", err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	all, _ := os.ReadFile(systemRoots)
	files := map[string][]byte{
		"cert": public, "roots": append(all, public...), "key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(l.dir, name), text, 0o600); err != nil {
			return "", "", err
		}
	}
	base, err = l.play("tls", "BENCH_CERT="+filepath.Join(l.dir, "cert"), "BENCH_KEY="+filepath.Join(l.dir, "key"))
	return base, filepath.Join(l.dir, "roots"), err
}
