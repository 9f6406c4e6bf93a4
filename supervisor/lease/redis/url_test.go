package redis

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func sprintf(format string, v any) string { return fmt.Sprintf(format, v) }

func TestParse(t *testing.T) {
	for url, want := range map[string]target{
		"redis://cache":                                {address: "cache:6379", host: "cache"},
		" redis://cache/\n":                            {address: "cache:6379", host: "cache"},
		"redis://cache:7000/12":                        {address: "cache:7000", host: "cache", db: 12},
		"REDIS://10.0.0.7:1":                           {address: "10.0.0.7:1", host: "10.0.0.7"},
		"redis://[fd12::1]:7000":                       {address: "[fd12::1]:7000", host: "fd12::1"},
		"redis://[fd12::1]":                            {address: "[fd12::1]:6379", host: "fd12::1"},
		"redis://default:p%40ss%2Fw@redis.internal:1/": {address: "redis.internal:1", host: "redis.internal", user: "default", password: "p@ss/w"},
		"redis://:pw@cache":                            {address: "cache:6379", host: "cache", password: "pw"},
		"rediss://h:pw@cache:7001":                     {address: "cache:7001", host: "cache", user: "h", password: "pw", tls: true},
		"rediss://cache/2?tls=insecure":                {address: "cache:6379", host: "cache", db: 2, tls: true, insecure: true},
	} {
		if got, err := parse(url); err != nil || got != want {
			t.Errorf("%s: %+v, %v\nwant %+v", url, got, err, want)
		}
	}
}

func TestAWrongURLIsToldInOneLineWithoutQuotingIt(t *testing.T) {
	for url, want := range map[string]error{
		"": errForm, "cache:6379": errForm, "hunter2": errForm, "http://:hunter2@cache": errForm, "redis:cache": errForm,
		"redis://:hun#ter2@cache": errForm, "redis://:hunter2%@cache": errForm, "redis://:hunter2@cache:port": errForm,
		"redis://:hun/ter2@cache": errForm, "redis://a:hunter2\n@cache": errForm, "redis://cache#hunter2": errForm,
		"redis://": errHost, "redis:///1": errHost, "redis://:hunter2@": errHost, "redis://:hunter2@:6379": errHost,
		"redis://:hunter2@cache:0": errPort, "redis://:hunter2@cache:65536": errPort,
		"redis://hunter2@cache": errUser, "redis://hunter2:@cache": errUser,
		"redis://cache/hunter2": errDB, "redis://cache/1/2": errDB, "redis://cache/-1": errDB, "redis://cache/4294967296": errDB,
		"rediss://cache?hunter2": errOption, "rediss://cache?tls=hunter2": errOption, "rediss://cache?tls=insecure&tls=insecure": errOption,
		"rediss://cache?tls=insecure;x": errOption, "redis://cache?tls=insecure": errPlain,
		"redis://ca%25che": errAddress, "redis://]": errAddress, "redis://[::1%25\"]": errAddress,
	} {
		s, err := Open(url, "k")
		if s != nil || !errors.Is(err, want) {
			t.Errorf("%q: %v\nwant %v", url, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestAKeyIsAWord(t *testing.T) {
	for _, key := range []string{"", "a b", "a\n", "a\x00", "\xff"} {
		if _, err := Open("redis://cache", key); err == nil {
			t.Errorf("%q is taken", key)
		}
	}
}

// FuzzURL wants of any URL either an address that can be dialled or an error that is one of ours, which quote nothing.
func FuzzURL(f *testing.F) {
	for _, s := range []string{
		"redis://user:p%40ss@cache:7000/1", "rediss://[fd12::1]/?tls=insecure", "redis://", "redis://h%6fst", "redis://[::1%25lo]:1", "redis://a:b@c:65536",
	} {
		f.Add(s)
	}
	ours := []error{errForm, errHost, errPort, errUser, errDB, errOption, errPlain, errAddress}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse(text)
		if err != nil {
			if slices.Contains(ours, err) { // wrapped it could quote something
				return
			}
			t.Fatalf("%q: %v", text, err)
		}
		host, port, err := net.SplitHostPort(got.address)
		if err != nil || host != got.host || host == "" || strings.ContainsAny(host, " \t\r\n\x00/") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			t.Errorf("%q: port %q", text, port)
		}
		if got.user != "" && got.password == "" || got.db < 0 || got.insecure && !got.tls {
			t.Errorf("%q: %+v", text, got)
		}
	})
}
