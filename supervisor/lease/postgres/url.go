package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5/pgconn"
)

// place is what a URL says.
type place struct {
	hosts, ports             []string
	user, password, database string
	query                    map[string]string
}

// taken are the parameters of a URL that are passed on, and passedOver those that mean something to others.
var (
	taken = []string{
		"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslsni", "sslnegotiation", "sslcertmode", "channel_binding", "require_auth",
		"passfile", "target_session_attrs", "application_name", "search_path", "options",
	}
	passedOver = []string{
		"pgbouncer", "pool_*", "connection_limit", "connect_timeout", "socket_timeout", "statement_cache_size", "statement_cache_capacity", "statement_cache_mode",
		"prepared_statements", "prepare_threshold", "default_query_exec_mode", "keepalives*", "tcp_user_timeout", "uselibpqcompat",
	}
	choices = map[string][]string{
		"sslmode":              {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
		"sslcertmode":          {"disable", "allow", "require"},
		"sslnegotiation":       {"postgres", "direct"},
		"channel_binding":      {"disable", "prefer", "require"},
		"target_session_attrs": {"any", "read-write", "primary"},
	}
)

// isPlain says that a name may be shown: it is a word, not a piece of a password.
func isPlain(name string) bool {
	return 0 < len(name) && len(name) <= 40 && all(name, func(c byte) bool { return 'a' <= c && c <= 'z' || c == '_' })
}

// isPassedOver takes a star at the end for the rest of a plain name.
func isPassedOver(name string) bool {
	return isPlain(name) && slices.ContainsFunc(passedOver, func(known string) bool {
		stem, open := strings.CutSuffix(known, "*")
		return name == stem || open && strings.HasPrefix(name, stem)
	})
}

func all(s string, ok func(c byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

// parsePlace reads a URL as libpq does, but for what is ambiguous: that is refused, since a mistake in the escaping of a
// password would make a part of it the host's name. Its errors quote nothing that may be a password.
func parsePlace(raw string) (place, error) {
	p := place{query: map[string]string{}}
	rest, ok := strings.CutPrefix(raw, "postgres://")
	if !ok {
		if rest, ok = strings.CutPrefix(raw, "postgresql://"); !ok {
			return p, errors.New("want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
		}
	}
	if strings.ContainsFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return p, errors.New("has a space or a control character; write %20 for a space")
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if strings.Count(rest, "@") > 1 || strings.ContainsAny(path, "@#") {
		return p, errors.New(`has "@" or "#" where it cannot have one: write %40, %23, %2F, %3F and %25 for @, #, /, ? and % in user and password`)
	}
	path, query, _ := strings.Cut(path, "?")
	user, hosts, found := strings.Cut(authority, "@")
	if !found {
		user, hosts = "", authority
	}
	user, password, _ := strings.Cut(user, ":")
	var err error
	for part, raw := range map[*string]string{&p.user: user, &p.password: password, &p.database: strings.TrimPrefix(path, "/")} {
		if *part, err = unescape(raw); err != nil {
			return p, err
		}
	}
	if err := p.readQuery(query); err != nil {
		return p, err
	}
	if h, ok := p.query["host"]; ok && hosts == "" {
		hosts = url.PathEscape(h) // of a socket: the form in which others have it
	}
	delete(p.query, "host")
	if err := p.readHosts(hosts); err != nil {
		return p, err
	}
	switch {
	case strings.Contains(path[min(1, len(path)):], "/"):
		return p, errors.New(`has a "/" in the name of the database; write %2F in a password`)
	case p.user == "":
		return p, errors.New("names no user")
	case p.database == "":
		p.database = p.user
	}
	return p, nil
}

func unescape(s string) (string, error) {
	s, err := url.PathUnescape(s)
	if err != nil {
		return "", errors.New(`has a "%" that two hexadecimal digits do not follow; write %25`)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("has a control character")
	}
	return s, nil
}

func (p *place) readQuery(query string) error {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		value, err := unescape(value)
		if err != nil {
			return err
		}
		switch {
		case name == "ssl" && value == "true":
			name, value = "sslmode", "require"
		case name == "password" || name == "user" || name == "dbname" || name == "port":
			return errors.New("has user, password, port or database among its parameters; they have places of their own before them")
		case isPassedOver(name):
			continue
		case !found || name != "host" && !slices.Contains(taken, name):
			if _, secret := p.query["sslpassword"]; secret || !isPlain(name) {
				return errors.New("has a parameter that is not known")
			}
			return fmt.Errorf("has parameter %q, which is not known", name)
		}
		p.query[name] = value
	}
	for name, list := range choices {
		if value, ok := p.query[name]; ok && !slices.Contains(list, value) {
			return fmt.Errorf("has an unknown %s; want one of %s", name, strings.Join(list, ", "))
		}
	}
	return nil
}

// isHost takes a name, an address, or the folder of a socket.
func isHost(host string) bool {
	further := ":%"
	if strings.HasPrefix(host, "/") {
		host, further = host[1:], "/+"
	}
	return host != "" && all(host, func(c byte) bool {
		return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("_.-", c) >= 0 || strings.IndexByte(further, c) >= 0
	})
}

func (p *place) readHosts(hosts string) error {
	for one := range strings.SplitSeq(hosts, ",") {
		host, port, err := splitHost(one)
		if err != nil {
			return err
		}
		if host == "" {
			return errors.New("names no host")
		}
		if !isHost(host) {
			return errors.New("has a host that is neither a name nor an address")
		}
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
			return errors.New("has a port that is no number from 1 to 65535")
		}
		if port == "" {
			port = "5432"
		}
		p.hosts, p.ports = append(p.hosts, host), append(p.ports, port)
	}
	return nil
}

func splitHost(one string) (host, port string, err error) {
	if end := strings.Index(one, "]"); strings.HasPrefix(one, "[") && end > 0 {
		host, port = one[1:end], one[end+1:]
		if net.ParseIP(strings.SplitN(host, "%", 2)[0]) == nil || port != "" && port[0] != ':' {
			return "", "", errors.New("has a host in brackets that is no address")
		}
		return host, strings.TrimPrefix(port, ":"), nil
	}
	host, port, _ = strings.Cut(one, ":")
	if host, err = unescape(host); err == nil && strings.Contains(host, ":") {
		err = errors.New("has an address with colons; write it in brackets")
	}
	return host, port, err
}

// String is for people: where it is, and no secret.
func (p place) String() string {
	var list []string
	for i, h := range p.hosts {
		if strings.HasPrefix(h, "/") {
			list = append(list, h)
		} else {
			list = append(list, net.JoinHostPort(h, p.ports[i]))
		}
	}
	return "postgres " + strings.Join(list, ",")
}

// config is the driver's form. Everything that it would take from the environment is given, but for what the package's
// documentation lists.
func (p place) config() (*pgconn.Config, error) {
	all := map[string]string{
		"host": strings.Join(p.hosts, ","), "port": strings.Join(p.ports, ","), "user": p.user, "database": p.database,
		"target_session_attrs": "any", "application_name": "botctl", "connect_timeout": "0", "options": "", "timezone": "",
		"min_protocol_version": "3.0", "max_protocol_version": "3.0", "channel_binding": "prefer", "require_auth": "", "sslcertmode": "allow",
		"sslnegotiation": "", "sslsni": "1",
	}
	if len(p.hosts) > 1 {
		all["target_session_attrs"] = "read-write"
	}
	if p.password != "" {
		all["password"] = p.password
	}
	maps.Copy(all, p.query)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s='%s' ", name, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(all[name]))
	}
	c, err := pgconn.ParseConfig(text.String())
	if err != nil {
		return nil, reason(err)
	}
	for _, name := range []string{"options", "timezone"} {
		if c.RuntimeParams[name] == "" {
			delete(c.RuntimeParams, name)
		}
	}
	return c, nil
}

// reason is what a setting was refused for, without the settings, which the driver's error has in full.
func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("names a file that cannot be read: %s: %w", path.Path, path.Err)
	}
	for _, known := range []struct{ says, text string }{
		{"failed to read service", "does not need PGSERVICE, but the environment has one that cannot be read: unset it"},
		{"failed to configure TLS", "has TLS settings that cannot be used (sslmode, sslrootcert, sslcert, sslkey, sslpassword, or PGSSL… of the environment)"},
		{"invalid require_auth", "has an unknown require_auth"},
	} {
		if strings.Contains(err.Error(), known.says) {
			return errors.New(known.text)
		}
	}
	return errors.New("cannot be used")
}
