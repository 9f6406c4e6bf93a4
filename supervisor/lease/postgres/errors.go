package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgconn"

	"botctl/supervisor/lease"
)

var (
	errReadOnly = errors.New("it is a standby, or read only (default_transaction_read_only); use the URL of the primary")
	errPooled   = errors.New("a pooler is in between that gives each transaction another session; use the direct URL of the database")
	errForm     = errors.New("table botctl_lease, or its server, is not of the form that botctl makes; drop the table, or use another database")
)

// failure makes err what the contract wants. Nothing of the driver's errors is passed on but text: some of them carry the
// configuration, and with it the password.
func (s *Store) failure(ctx context.Context, began time.Time, err error) error {
	if se, ok := errors.AsType[*lease.StoreError](err); ok {
		return se
	}
	problem, cause := s.judge(ctx, began, err)
	return &lease.StoreError{Problem: problem, Server: s.String(), Err: cause}
}

func (s *Store) judge(ctx context.Context, began time.Time, err error) (lease.Problem, error) {
	if s.ctx.Err() != nil {
		return lease.Unreachable, errClosed
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return s.judgeCode(pg)
	}
	switch {
	case errors.Is(err, errPooled):
		return lease.Pooled, errPooled
	case errors.Is(err, errReadOnly), errors.Is(err, pgconn.ErrReadOnlyConnection):
		return lease.ReadOnly, errReadOnly
	case errors.Is(err, errForm):
		return lease.Misconfigured, errForm
	case errors.Is(err, errLate):
		return lease.Unreachable, errLate
	}
	if problem, cause := s.judgeTLS(err); cause != nil {
		return problem, cause
	}
	if ctx.Err() != nil || pgconn.Timeout(err) {
		if errors.Is(ctx.Err(), context.Canceled) {
			return lease.Unreachable, context.Canceled
		}
		return lease.Unreachable, fmt.Errorf("no answer in %v: %w", time.Since(began).Round(time.Millisecond), context.DeadlineExceeded)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return lease.Unreachable, s.told("look up host: " + dns.Err)
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			return lease.Unreachable, fmt.Errorf("connect: %w", errno)
		}
		return lease.Unreachable, fmt.Errorf("the connection was cut: %w", errno)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) {
		return lease.Unreachable, errors.New("the server closed the connection")
	}
	return lease.Unreachable, s.told(err.Error())
}

// judgeTLS returns no cause for an error of another kind.
func (s *Store) judgeTLS(err error) (lease.Problem, error) {
	const remedy = "; set sslrootcert to the certificate of its authority, or sslmode to what the provider says"
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return lease.Untrusted, errors.New("the server's certificate is for another name" + remedy)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return lease.Untrusted, errors.New("nobody who is trusted has signed the server's certificate" + remedy)
	}
	if ce, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return lease.Untrusted, s.told("the server's certificate: " + ce.Error() + remedy)
	}
	if ce, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return lease.Untrusted, s.told("the server's certificate: " + ce.Err.Error() + remedy)
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return lease.Untrusted, s.told("the server refuses our side of TLS: " + alert.Error())
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return lease.Untrusted, errors.New("the server does not speak TLS")
	}
	for _, known := range []struct{ says, text string }{
		{refusedTLS, "the server has no TLS; a URL without it has sslmode=disable"},
		{"channel binding", "the server did not prove that it is the end of the connection (channel_binding)"},
		{"require_auth", "the server asks for a way of authentication that the URL forbids (require_auth)"},
		{"ServerSignature", "the server does not know the password itself"},
	} {
		if known.says == refusedTLS && s.mayBePlain() {
			continue // and what became of the connection without it is the trouble
		}
		if strings.Contains(err.Error(), known.says) {
			return lease.Untrusted, errors.New(known.text)
		}
	}
	return 0, nil
}

// refusedTLS is what pgconn says of a server without TLS.
const refusedTLS = "server refused TLS connection"

// mayBePlain says whether the URL allows a connection without TLS, now or as a second try.
func (s *Store) mayBePlain() bool {
	return s.config.TLSConfig == nil || slices.ContainsFunc(s.config.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil })
}

// judgeCode goes by what the server says in a form that no language changes.
func (s *Store) judgeCode(pg *pgconn.PgError) (lease.Problem, error) {
	text := func(before string) error { return s.told(before + ": " + pg.Message + " (" + pg.Code + ")") }
	switch pg.Code {
	case "28P01":
		return lease.Denied, fmt.Errorf("user %s or its password is wrong", s.clean(s.at.user))
	case "28000":
		return lease.Denied, text("the server does not let us in; look at user, database and sslmode, and at its pg_hba.conf")
	case "42501":
		return lease.Denied, text("the role may not use the table; as its owner run: " + grantSQL(s.at.user))
	case "3D000":
		return lease.Misconfigured, fmt.Errorf("there is no database %s", s.clean(s.at.database))
	case "25006":
		return lease.ReadOnly, errReadOnly
	case "57014":
		return lease.Unreachable, errors.New("the server had not done it in time")
	case "57P05", "25P03", "25P04":
		return lease.Unreachable, errors.New("the server ended the session, which was idle for too long")
	case "42P01", "42703", "42P10", "42804", "22P02":
		return lease.Misconfigured, errForm
	case "08P01":
		if strings.Contains(pg.Message, "startup parameter") {
			return lease.Misconfigured, text("the pooler does not take a parameter of the URL; leave it out")
		}
		return lease.Busy, text("the pooler")
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case "53", "57":
		return lease.Busy, text("the server cannot serve now")
	case "08", "40", "55", "58", "XX":
		return lease.Busy, text("the server")
	}
	return lease.Misconfigured, text("the server refuses")
}

// told is what somebody else has written, as an error.
func (s *Store) told(text string) error { return errors.New(s.clean(text)) }

// clean makes one line of what somebody else has written, and takes the password out of it.
func (s *Store) clean(text string) string {
	for _, secret := range []string{s.at.password, url.QueryEscape(s.at.password), url.PathEscape(s.at.password)} {
		if len(secret) > 3 { // a shorter one would tear words apart, and is in none of the texts that are known
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(text); len(runes) > 600 {
		text = string(runes[:600]) + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
