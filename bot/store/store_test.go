package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"botctl/bot/digest"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestWhatIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s := open(t, path)
	noon, since := 720, time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	if _, err := s.Update(-100123, func(c *Chat) {
		c.Subscribed, c.At, c.Since, c.Coins, c.Dark = true, &noon, since, []string{"sui", "nosuch", "bitcoin"}, true
	}); err != nil {
		t.Fatal(err)
	}
	s.Update(7, func(c *Chat) { c.Settled = "2026-11-24" })
	s.Settle(-100123, "2026-11-25")
	s.Settle(-100123, "2026-11-24")
	s.SetAhead([]int{3, 5})
	s.Close()

	s = open(t, path)
	list, err := s.Subscribed()
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	c := list[0]
	if c.ID != -100123 || *c.At != 720 || !c.Since.Equal(since) || !c.Dark || c.Settled != "2026-11-25" {
		t.Errorf("%+v", c)
	}
	if coins := c.Follows(); len(coins) != 2 || coins[0].ID != "bitcoin" {
		t.Errorf("follows %+v", coins)
	}
	if p := c.Plan(540); p.At != 720 {
		t.Errorf("%+v", p)
	}
	c, ok, err := s.Chat(8)
	if ok || err != nil || c.ID != 8 || c.Plan(540).At != 540 || len(c.Follows()) != 5 {
		t.Errorf("a new chat: %+v, %v, %v", c, ok, err)
	}
	if ids, err := s.Ahead(); err != nil || !slices.Equal(ids, []int{3, 5}) {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestMove(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "bot.db"))
	s.Update(-5, func(c *Chat) { c.Subscribed, c.Settled, c.Dark = true, "2026-11-24", true })
	s.Update(-1005, func(c *Chat) { c.Settled = "2026-11-25" })
	for range 2 { // both groups say so
		if err := s.Move(-5, -1005); err != nil {
			t.Fatal(err)
		}
	}
	c, _, _ := s.Chat(-1005)
	if _, ok, _ := s.Chat(-5); ok || !c.Subscribed || !c.Dark || c.Settled != digest.Day("2026-11-25") {
		t.Errorf("%+v, the old one is there: %v", c, ok)
	}
}

func TestOneOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s := open(t, path)
	if _, err := Open(path, 20*time.Millisecond); !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second one: %v", err)
	}
	opened := make(chan error, 1)
	go func() {
		next, err := Open(path, time.Minute)
		if err == nil {
			err = next.Close()
		}
		opened <- err
	}()
	s.Close()
	if err := <-opened; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
}

func TestPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes there")
	}
	path := filepath.Join(t.TempDir(), "bot.db")
	open(t, path).Close()
	os.Chmod(path, 0o644)
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"text": "hello", "zeros": strings.Repeat("\x00", 65536), "noise": strings.Repeat("\xed\xda\x0c\xed", 20000)} {
		path := filepath.Join(dir, name)
		os.WriteFile(path, []byte(content), 0o600)
		if _, err := Open(path, 0); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if b, _ := os.ReadFile(path); string(b) != content {
			t.Errorf("%s was changed", name)
		}
	}
	if _, err := Open(filepath.Join(dir, "no", "folder"), 0); err == nil || strings.Count(err.Error(), "folder") != 1 {
		t.Errorf("%v", err)
	}
}
