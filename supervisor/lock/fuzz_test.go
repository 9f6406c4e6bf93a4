package lock

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzOwner: a lock file may hold anything. It is no reason not to take the lock, and whom it names, the lock
// stays with who has it.
func FuzzOwner(f *testing.F) {
	for _, text := range []string{
		"", "{}", `{"pid":1,"since":"2027-02-11T10:00:03Z","bot_id":"7","dir":"/p"}` + "\n", `{"pid":-1}`, `{"pid":4294967297}`, `{"pid":1e3}`, `{"pid":"1"}`,
		`{"pid":1,"since":"9999-12-31T23:59:59+23:59"}`, `{"pid":1,"since":"0000-01-01T00:00:00Z"}`, `{"PID":1}{`, "\x00\xff", "null", "[1]", `{"pid":1,"pid":0}`,
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "b-1.lock")
	f.Fuzz(func(t *testing.T, text []byte) {
		write(t, path, text)
		owner, ok := readOwner(path)
		if !ok && owner != (Owner{}) || ok && (owner.PID < 1 || owner.PID > math.MaxInt32) {
			t.Fatalf("%q: %+v, %v", text, owner, ok)
		}
		we := Owner{PID: os.Getpid(), Since: time.Unix(1, 0).UTC(), Bot: "7", Dir: dir}
		s, err := Take(dir, []Key{{Name: "b-1"}}, "", we)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		defer s.Close()
		if got, ok := readOwner(path); !ok || got != we {
			t.Fatalf("%q: the new owner is %+v", text, got)
		}
		if err := s.Verify(); err != nil {
			t.Fatal(err)
		}
		if !ok || !alive(owner.PID) {
			return // a loser would wait a second for the record
		}
		write(t, path, text)
		other, err := Take(dir, []Key{{Name: "b-1"}}, "", we)
		if err == nil {
			other.Close()
			t.Fatalf("%q: two have the lock", text)
		}
		held, isHeld := errors.AsType[*HeldError](err)
		if !isHeld || held.PID != owner.PID || strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 100 {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// write changes the file in place: one that is replaced would be another lock.
func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
