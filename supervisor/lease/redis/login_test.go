package redis

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

func TestPasswords(t *testing.T) {
	server := leasetest.Redis(t)
	free := open(t, "redis://:hunter2@"+server.Addr(), newKey())
	free.refuses(lease.Misconfigured, "has no password, and the URL has one")
	server.Do("CONFIG", "SET", "requirepass", "hunter2/@")
	for url, text := range map[string]string{
		"redis://":                  "wants a password, and the URL has none",
		"redis://:hunter3@":         "user or password is wrong",
		"redis://other:hunter2%2F@": "user or password is wrong",
	} {
		open(t, url+server.Addr()+"/1", newKey()).refuses(lease.Denied, text)
	}
	key := newKey()
	for i, url := range []string{"redis://:hunter2%2F%40@", "redis://default:hunter2%2f%40@"} {
		open(t, url+server.Addr()+"/1", key).written(uint64(i), held("a", 1, 1))
	}
	open(t, "redis://:hunter2%2F%40@"+server.Addr()+"/16", newKey()).refuses(lease.Misconfigured, "no database of that number")
}

// documented is the user of the package's documentation.
var documented = []string{
	"~botctl:lease:*", "resetchannels", "&botctl:lease:*", "+eval", "+evalsha", "+exists", "+hmget", "+hset", "+publish", "+subscribe", "+ping", "+select", "+info", "+wait",
}

func user(t *testing.T, server *leasetest.RedisServer, name string, rules ...string) string {
	t.Helper()
	if ok := server.Do(append([]string{"ACL", "SETUSER", name, "reset", "on", ">hunter2"}, rules...)...); ok != "OK" {
		t.Fatal(ok)
	}
	return "redis://" + name + ":hunter2@" + server.Addr() + "/1"
}

func TestTheDocumentedUserWillDo(t *testing.T) {
	server := leasetest.Redis(t)
	leasetest.Run(t, func(t *testing.T, key string) lease.Store {
		return open(t, user(t, server, "bot", documented...), key)
	})
	if log := server.Do("ACL", "LOG"); log != "" {
		t.Errorf("refused: %s", log)
	}
}

func TestAUserWhoMayNotDoEnough(t *testing.T) {
	server := leasetest.Redis(t)
	without := func(rule string) string {
		i := slices.Index(documented, rule)
		return user(t, server, fmt.Sprintf("without%d", i), slices.Delete(slices.Clone(documented), i, i+1)...)
	}
	for _, rule := range []string{"+exists", "+hmget", "~botctl:lease:*", "+evalsha"} {
		open(t, without(rule), newKey()).refuses(lease.Denied, "the user may not do")
	}
	c := open(t, without("+hset"), newKey())
	c.load()
	c.refusesCall(lease.Denied, "the user may not do", "Swap", swapOnce(c, 0, held("a", 1, 1)))

	// What is only good to have.
	for _, rule := range []string{"&botctl:lease:*", "+publish", "+info", "+wait", "+subscribe"} {
		c := open(t, without(rule), newKey())
		if now := c.written(0, held("a", 1, 1)); now.Server == "" || now != c.load() {
			t.Errorf("%s: %+v", rule, now)
		}
	}
	for _, rule := range []string{"&botctl:lease:*", "+subscribe"} {
		c := open(t, without(rule), newKey())
		err := c.Watch(t.Context(), func() { t.Error("a hint") })
		if se := storeError(t, err); se.Problem != lease.Denied || !errors.Is(err, lease.ErrNoWatch) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestWithoutINFOTheAddressStandsForTheServer(t *testing.T) {
	renamed := leasetest.Redis(t, "--rename-command", "INFO", "")
	forbidden := leasetest.Redis(t)
	for _, tc := range []struct {
		server *leasetest.RedisServer
		url    string
	}{
		{renamed, "redis://" + renamed.Addr()},
		{forbidden, user(t, forbidden, "bot", "~*", "&*", "+@all", "-info")},
	} {
		c := open(t, tc.url, newKey())
		if now := c.written(0, held("a", 1, 1)); now.Server != tc.server.Addr() || now != c.load() {
			t.Errorf("%+v", now)
		}
		list, err := c.Warnings(t.Context())
		if err != nil || len(list) != 1 || !strings.Contains(list[0], "INFO is forbidden") {
			t.Errorf("%q, %v", list, err)
		}
		c.load()
	}
}

func TestTLS(t *testing.T) {
	cert, private := leasetest.Certificate(t)
	server := leasetest.Redis(t, "--tls-cert-file", cert, "--tls-key-file", private, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no", "--requirepass", "hunter2")
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)

	key := newKey()
	lenient := open(t, "rediss://:hunter2@"+server.Addr()+"/1?tls=insecure", key)
	lenient.written(0, held("a", 1, 1))
	hints, _ := watched(t, lenient)
	<-hints
	trusting := open(t, "rediss://:hunter2@"+server.Addr()+"/1", key, Roots(roots))
	trusting.written(1, held("a", 1, 2))
	<-hints

	strict := open(t, "rediss://:hunter2@"+server.Addr(), key)
	strict.refuses(lease.Untrusted, "its certificate is not trusted: x509: certificate signed by unknown authority; if it has signed its own, ?tls=insecure")
	open(t, "redis://:hunter2@"+server.Addr(), key).refuses(lease.Unreachable, "")
	plain := leasetest.Redis(t)
	c := open(t, "rediss://:hunter2@"+plain.Addr(), key)
	for range 3 {
		se := c.fails(short, loadOnce(c))
		if se.Problem != lease.Untrusted && !strings.Contains(se.Error(), "no TLS handshake in time") {
			t.Error(se)
		}
	}

	relay := leasetest.NewRelay(t, server.Addr())
	black := open(t, "rediss://:hunter2@"+relay.Addr(), key, Roots(roots))
	black.load()
	relay.Hold()
	if se := black.fails(short, loadOnce(black)); se.Problem != lease.Unreachable || !strings.Contains(se.Error(), "no answer in time") {
		t.Error(se)
	}
	if se := black.fails(short, loadOnce(black)); se.Problem != lease.Unreachable || !strings.Contains(se.Error(), "no TLS handshake in time") {
		t.Error(se)
	}
	relay.Pass()
	black.load()
}

func TestACertificateForAnotherName(t *testing.T) {
	cert, private := leasetest.Certificate(t)
	server := leasetest.Redis(t, "--bind", "127.0.0.1", "127.0.0.2", "--tls-cert-file", cert, "--tls-key-file", private, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	_, port, _ := strings.Cut(server.Addr(), ":")
	open(t, "rediss://127.0.0.2:"+port, newKey(), Roots(roots)).refuses(lease.Untrusted, "x509: certificate is valid for 127.0.0.1")
}

func TestAServerThatWantsACertificateOfUs(t *testing.T) {
	cert, private := leasetest.Certificate(t)
	server := leasetest.Redis(t, "--tls-cert-file", cert, "--tls-key-file", private, "--tls-ca-cert-file", cert, "--tls-auth-clients", "yes")
	c := open(t, "rediss://"+server.Addr()+"?tls=insecure", newKey())
	se := c.fails(callTime, loadOnce(c))
	if !strings.Contains(se.Error(), "certificate required") && se.Problem != lease.Unreachable { // the reset may be faster than the alert
		t.Error(se)
	}
}
