package health

import (
	"net"
	"strings"
	"testing"
)

func variables(name string) string {
	return map[string]string{
		"PORT": "8080", "SPACED": " 9000\n", "ZERO": "0", "NAMED": "http", "BIG": "65536", "NEGATIVE": "-1", "SIGNED": "+80",
		"URL": "redis://user:hunter2@cache:6379", "EMPTY": "",
	}[name]
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:8080":     "127.0.0.1:8080",
		":8080":              "127.0.0.1:8080", // never the world by leaving something out
		":0":                 "127.0.0.1:0",
		"0.0.0.0:8080":       "0.0.0.0:8080",
		"[::]:8080":          "[::]:8080",
		"[::1]:8080":         "[::1]:8080",
		"localhost:80":       "localhost:80",
		"10.0.0.7:65535":     "10.0.0.7:65535",
		"fly-local-6pn:8080": "fly-local-6pn:8080",
		"port":               ":8080",
		"PORT":               ":8080",
		"env:PORT":           ":8080",
		"env:SPACED":         ":9000",
	} {
		if got, err := Address(text, variables); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                  `listen on "": want host:port, :port or env:PORT`,
		"8080":              `listen on "8080": want host:port, :port or env:PORT`,
		"127.0.0.1":         `listen on "127.0.0.1": want host:port, :port or env:PORT`,
		"::1:8080":          `listen on "::1:8080": want host:port, :port or env:PORT`,
		"*:8080":            `listen on "*:8080": want host:port, :port or env:PORT`,
		"a b:80":            `listen on "a b:80": want host:port, :port or env:PORT`,
		":":                 `listen on ":": the port must be a number up to 65535`,
		":http":             `listen on ":http": the port must be a number up to 65535`,
		":-1":               `listen on ":-1": the port must be a number up to 65535`,
		":+80":              `listen on ":+80": the port must be a number up to 65535`,
		":65536":            `listen on ":65536": the port must be a number up to 65535`,
		":$PORT":            `listen on ":$PORT": the port must be a number up to 65535`,
		"Port":              `listen on "Port": want host:port, :port or env:PORT`,
		"env:":              `listen on "env:": want the name of a variable behind it, such as env:PORT`,
		"env:A=B":           `listen on "env:": want the name of a variable behind it, such as env:PORT`,
		"env:NONE":          `listen on "env:NONE": the variable is not set`,
		"env:EMPTY":         `listen on "env:EMPTY": the variable is not set`,
		"env:ZERO":          `listen on "env:ZERO": the variable holds no port, which is a number from 1 to 65535`,
		"env:NAMED":         `listen on "env:NAMED": the variable holds no port, which is a number from 1 to 65535`,
		"env:BIG":           `listen on "env:BIG": the variable holds no port, which is a number from 1 to 65535`,
		"env:NEGATIVE":      `listen on "env:NEGATIVE": the variable holds no port, which is a number from 1 to 65535`,
		"env:SIGNED":        `listen on "env:SIGNED": the variable holds no port, which is a number from 1 to 65535`,
		"env:URL":           `listen on "env:URL": the variable holds no port, which is a number from 1 to 65535`,
		"redis://u:pw@h:80": `listen on what was given: want host:port, :port or env:PORT`,
		"user:pw@host:80":   `listen on what was given: want host:port, :port or env:PORT`,
		"http://x:80":       `listen on what was given: want host:port, :port or env:PORT`,
	} {
		if got, err := Address(text, variables); err == nil || err.Error() != want {
			t.Errorf("%q: %q, %v, want %s", text, got, err, want)
		}
	}
}

func TestListening(t *testing.T) {
	first, err := Listen(t.Context(), ":0", variables)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	addr := first.Addr().(*net.TCPAddr)
	if !addr.IP.IsLoopback() {
		t.Errorf("without a host it listens on %s", addr)
	}
	_, err = Listen(t.Context(), addr.String(), variables)
	if want := `listen on "` + addr.String() + `": address already in use`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	_, err = Listen(t.Context(), "192.0.2.1:8080", variables) // an address of nobody
	if want := `listen on "192.0.2.1:8080": cannot assign requested address`; err == nil || !strings.HasPrefix(err.Error(), `listen on "192.0.2.1:8080": `) {
		t.Errorf("%v, want %s", err, want)
	}
	first.Close()
	_, port, _ := net.SplitHostPort(addr.String())
	second, err := Listen(t.Context(), "env:PORT", func(string) string { return port })
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if !second.Addr().(*net.TCPAddr).IP.IsUnspecified() {
		t.Errorf("for a platform it listens on %s alone", second.Addr())
	}
}

// FuzzAddress: what is accepted is host:port, with a host unless a variable named the port; what is refused is so in one short line that holds
// nothing of a variable's value.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{":8080", "0.0.0.0:8080", "[::1]:8080", "env:PORT", "port", "env:", "redis://u:p@h:1", "a:b:c", "[::1%eth0]:80", "\x00:80", ":080"} {
		f.Add(text, "8080")
	}
	f.Add("env:X", "hunter2")
	f.Fuzz(func(t *testing.T, text, value string) {
		addr, err := Address(text, func(string) string { return value })
		if err != nil {
			if line := err.Error(); strings.ContainsAny(line, "\r\n\x00") || len(line) > 600 {
				t.Errorf("%q: %s", text, line)
			}
			if _, other := Address(text, func(string) string { return "x" }); strings.TrimSpace(value) != "" && err.Error() != other.Error() {
				t.Errorf("%q: the error depends on the value: %v, or %v", text, err, other)
			}
			return
		}
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatalf("%q: %q: %v", text, addr, err)
		}
		if n, ok := parsePort(port); !ok || n == 0 && strings.HasPrefix(text, "env:") {
			t.Errorf("%q: port %q", text, port)
		}
		fromVariable := text == "port" || text == "PORT" || strings.HasPrefix(text, "env:")
		if (host == "") != fromVariable {
			t.Errorf("%q: %q", text, addr)
		}
	})
}
