//go:build linux

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"botctl/bot/sandbox"
)

// box starts "botctl sandbox" and returns its base URL.
func (p *project) sandbox() string {
	p.t.Helper()
	ready := filepath.Join(p.dir, "ready")
	run := p.botctl("sandbox", "--port", "0", "--ready-file", ready)
	run.stdout.await(p.t, patient, 1, "sandbox at")
	b, err := os.ReadFile(ready)
	if err != nil || !strings.HasSuffix(string(b), "\n") {
		p.t.Fatalf("ready file %q: %v", b, err)
	}
	return strings.TrimSpace(string(b))
}

func TestTheSandboxFromAShell(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	base := p.sandbox()
	api := base + "/bot123:abc/"
	call := func(method string, want int) {
		t.Helper()
		resp, err := http.Post(api+method, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", method, resp.StatusCode, want)
		}
	}
	call("getMe", 200)
	p.botctl("sandbox", "fault", "401", "--method", "getMe").exits(0)
	call("getMe", 401)
	call("getMe", 200)
	p.botctl("sandbox", "fault", "502", "--for", "1h").exits(0)
	call("getMe", 502)
	if out := p.botctl("sandbox", "fault", "clear").exits(0).stdout.String(); out != "ended 1\n" {
		t.Errorf("clear: %q", out)
	}
	call("getMe", 200)
	p.botctl("sandbox", "send", "n {n}", "--count", "5").exits(0)
	p.botctl("sandbox", "verdict", "--bot", "123", "--assert").exits(1) // nobody has polled them
	call("getUpdates?timeout=20", 200)
	call("getUpdates?timeout=20", 200)
	if out := p.botctl("sandbox", "verdict", "--assert").exits(1); !strings.Contains(out.stderr.String(), "updates delivered twice, 5 updates pending") {
		t.Errorf("assert: %q", out.stderr)
	}
	p.botctl("sandbox", "reset", "--all").exits(0)
	var v sandbox.Verdict
	if err := json.Unmarshal([]byte(p.botctl("sandbox", "verdict", "--assert").exits(0).stdout.String()), &v); err != nil || v != (sandbox.Verdict{}) {
		t.Errorf("after a reset: %+v, %v", v, err)
	}
}

// The examples of docs/sandbox.md are run as they stand there.
func TestTheDocumentedExamplesRun(t *testing.T) {
	t.Parallel()
	needFrameworks(t)
	doc, err := os.ReadFile("../../docs/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		lang, head, file string
		argv             []string
	}{
		{"python", "", "example.py", []string{"python3", "example.py"}},
		{"js", "", "example.js", []string{"node", "example.js"}},
		{"go", goHead, "bot_test.go", []string{"go", "test", "bot_test.go"}},
	} {
		t.Run(tc.lang, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			_, code, ok := strings.Cut(string(doc), "```"+tc.lang+"\n")
			code, _, ended := strings.Cut(code, "```")
			if !ok || !ended || strings.Count(code, "\n") > 15 {
				t.Fatalf("no example of about ten lines in docs/sandbox.md: %q", code)
			}
			if err := os.WriteFile(filepath.Join(p.dir, tc.file), []byte(tc.head+code), 0o600); err != nil {
				t.Fatal(err)
			}
			// "botctl" on the PATH is this program.
			bin := t.TempDir()
			if err := os.Symlink(self, filepath.Join(bin, "botctl")); err != nil {
				t.Fatal(err)
			}
			env := append(p.env(), "PATH="+bin+":"+os.Getenv("PATH"), playBotctl+"=1", "GOFLAGS=-mod=mod", "HOME="+os.Getenv("HOME"))
			p.start(env, tc.argv...).exits(0)
		})
	}
}

const goHead = `package bot

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

`
