package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"botctl/supervisor/lease"
)

func TestURLs(t *testing.T) {
	for _, tc := range []struct{ url, hosts, user, password, database, query string }{
		{"postgres://u:p@h/d", "h:5432", "u", "p", "d", ""},
		{"postgresql://u@h:6000", "h:6000", "u", "", "u", ""},
		{"postgres://u%40t:a%2Fb%3Ac%40%23%3F%25%27%5C@h/d%20e?sslmode=require", "h:5432", "u@t", `a/b:c@#?%'\`, "d e", "sslmode=require"},
		{"postgres://u:p:q@h/d", "h:5432", "u", "p:q", "d", ""},
		{"postgres://u:p@[::1]:6000,h2,[fe80::1%25eth0]/d", "::1:6000 h2:5432 fe80::1%25eth0:5432", "u", "p", "d", ""},
		{"postgres://u:p@%2Fvar%2Frun%2Fpg/d", "/var/run/pg:5432", "u", "p", "d", ""},
		{"postgres://u:p@/d?host=/var/run/pg", "/var/run/pg:5432", "u", "p", "d", ""},
		{"postgres://u:p@h/d?ssl=true&pgbouncer=true&connection_limit=1&pool_timeout=3&", "h:5432", "u", "p", "d", "sslmode=require"},
		{"postgres://u:+@h/d?options=endpoint%3Dx+y", "h:5432", "u", "+", "d", "options=endpoint=x+y"},
	} {
		p, err := parsePlace(tc.url)
		if err != nil {
			t.Errorf("%s: %v", tc.url, err)
			continue
		}
		var hosts, query []string
		for i := range p.hosts {
			hosts = append(hosts, p.hosts[i]+":"+p.ports[i])
		}
		for k, v := range p.query {
			query = append(query, k+"="+v)
		}
		if strings.Join(hosts, " ") != tc.hosts || p.user != tc.user || p.password != tc.password || p.database != tc.database || strings.Join(query, " ") != tc.query {
			t.Errorf("%s: %q %+v", tc.url, hosts, p)
		}
		if _, err := p.config(); err != nil {
			t.Errorf("%s: %v", tc.url, err)
		}
	}
}

func TestURLsThatAreRefusedAreNotQuoted(t *testing.T) {
	for _, tc := range []struct{ url, says string }{
		{"", "want postgres://"},
		{"redis://u:hunter2@h", "want postgres://"},
		{"host=h password=hunter2", "want postgres://"},
		{"postgres://u:hun/ter2@h/d", "%40"},
		{"postgres://u:hunter2@x@h/d", "%40"},
		{"postgres://u:hun#ter2@h/d", "%40"},
		{"postgres://u:hun?ter2@h/d", "%40"},
		{"postgres://u:12/hunter2@h/d", "%40"},
		{"postgres://u:hunter%zz@h/d", "%25"},
		{"postgres://u:hun%00ter2@h/d", "control"},
		{"postgres://u:hunter2@h:hunter2/d", "port"},
		{"postgres://u:hunter2@h:0/d", "port"},
		{"postgres://u:hunter2@h:70000/d", "port"},
		{"postgres://u:hunter2@/d", "no host"},
		{"postgres://u:hunter2@h,/d", "no host"},
		{"postgres://h/d", "no user"},
		{"postgres://u:hunter2@::1/d", "no host"},
		{"postgres://u:hunter2@[hunter2]/d", "brackets"},
		{"postgres://u:hunter2@a b/d", "%20"}, {"postgres://u:hunter2@a!/d", "neither"}, {"postgres://u:hunter2@h/d\n", "control"},
		{"postgres://u:hunter2@h/d/e", "name of the database"},
		{"postgres://u@h/d?password=hunter2", "places of their own"},
		{"postgres://u:hunter2@h/d?sslmode=maybe", "verify-full"},
		{"postgres://u:hunter2@h/d?sslmod=require", `"sslmod"`},
		{"postgres://u:hunter2@h/d?sslmode", `"sslmode"`},
		{"postgres://u:hunter2@h/d?service=x", `"service"`},
		{"postgres://u:hunter2@h/d?sslpassword=a&hunter=b", "not known"},
		{"postgres://u:hunter2@h/d?sslrootcert=/no/such/file", "/no/such/file"},
		{"postgres://u:hunter2@h/d?sslcert=/x", "TLS"},
		{"postgres://u:hunter2@h/d?target_session_attrs=x", "target_session_attrs"},
		{"postgres://u:hunter2@h/d?channel_binding=x", "channel_binding"},
		{"postgres://u:hunter2@h/d?require_auth=x", "require_auth"},
		{"postgres://u:hunter2@h/d?sslcertmode=x", "sslcertmode"},
	} {
		_, err := Open(tc.url, "a", Options{})
		if err == nil {
			t.Errorf("%s is taken", tc.url)
			continue
		}
		se, ok := err.(*lease.StoreError) //nolint:errorlint // the contract says so
		if !ok || se.Problem != lease.Misconfigured || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", tc.url, err)
		}
	}
	for _, key := range []string{"", "a b", "ü", strings.Repeat("x", 201)} {
		if _, err := Open("postgres://u:p@h/d", key, Options{}); err == nil {
			t.Errorf("key %q is taken", key)
		}
	}
}

func TestTheEnvironmentSaysNothingOfThePlace(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	for name, value := range map[string]string{
		"PGHOST": "other", "PGPORT": "1", "PGDATABASE": "other", "PGUSER": "other", "PGOPTIONS": "-c x=y", "PGTZ": "Mars", "PGAPPNAME": "other",
		"PGTARGETSESSIONATTRS": "nonsense", "PGCONNECT_TIMEOUT": "nonsense", "PGCHANNELBINDING": "nonsense", "PGREQUIREAUTH": "nonsense",
		"PGMINPROTOCOLVERSION": "9.9", "PGMAXPROTOCOLVERSION": "9.9", "PGSSLCERTMODE": "nonsense", "PGSSLNEGOTIATION": "direct",
	} {
		t.Setenv(name, value)
	}
	s, err := Open("postgres://u@h/", "a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := s.config
	if c.Host != "h" || c.Port != 5432 || c.User != "u" || c.Database != "u" || c.Password != "" || c.ConnectTimeout != 0 || c.SSLNegotiation != "" ||
		len(c.RuntimeParams) != 1 || c.RuntimeParams["application_name"] != "botctl" || c.ValidateConnect != nil {
		t.Errorf("%+v", c)
	}
	t.Setenv("PGPASSFILE", filepath.Join(dir, "passes"))
	if err := os.WriteFile(filepath.Join(dir, "passes"), []byte("h:5432:u:u:of-the-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSSLMODE", "verify-full")
	s, err = Open("postgres://u@h/", "a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.config; c.Password != "of-the-file" || len(c.Fallbacks) != 0 || c.TLSConfig == nil || c.TLSConfig.InsecureSkipVerify {
		t.Errorf("%+v", c)
	}
	if got := s.clean("its password is of-the-file"); strings.Contains(got, "of-the") {
		t.Errorf("%s", got)
	}
	t.Setenv("PGSERVICE", "other")
	if _, err = Open("postgres://u@h/", "a", Options{}); err == nil || !strings.Contains(err.Error(), "PGSERVICE") {
		t.Errorf("%v", err)
	}
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{
		"u:%s@h/d", "u:%s@h:1,h2:2/d?sslmode=require", "u:%s@[::1]/d", "u:%s@%2Frun/d?options=x", "u@h/d?password=%s", "u:%s@h/%s", "%s", "u:%s@h?sslpassword=%s",
	} {
		f.Add(s, "hunter2secret")
	}
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "PG") {
			f.Fatalf("%s is set", name)
		}
	}
	f.Fuzz(func(t *testing.T, form, secret string) {
		raw := "postgres://" + strings.ReplaceAll(form, "%s", secret)
		s, err := Open(raw, "a", Options{})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("more than one line: %q", err)
			}
			// Of what a URL has before its @ nothing is told.
			if user, _, ok := strings.Cut(strings.TrimPrefix(raw, "postgres://"), "@"); ok {
				if _, password, _ := strings.Cut(user, ":"); len(password) > 11 && strings.Count(raw, password) == 1 && strings.Contains(err.Error(), password) {
					t.Errorf("%q tells of %q", err, password)
				}
			}
			return
		}
		c, err := pgconn.ParseConfig(raw)
		if err != nil {
			return // it is stricter in places
		}
		if !strings.Contains(raw, "target_session_attrs") && (c.Host != s.config.Host || c.Port != s.config.Port || c.User != s.config.User || c.Password != s.config.Password ||
			c.Database != "" && c.Database != s.config.Database || (c.TLSConfig == nil) != (s.config.TLSConfig == nil)) {
			t.Errorf("%q\n%s:%d %q %q %q\nwant %s:%d %q %q %q", raw, s.config.Host, s.config.Port, s.config.User, s.config.Password, s.config.Database,
				c.Host, c.Port, c.User, c.Password, c.Database)
		}
		if strings.ContainsFunc(s.String(), func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q", s.String())
		}
	})
}
