//go:build unix

package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"botctl/supervisor/lease"
	"botctl/supervisor/lease/leasetest"
)

// holdFor makes the test binary a supervisor that holds the guard of a URL until it is killed.
const holdFor = "POSTGRES_TEST_HOLD"

func TestMain(m *testing.M) {
	if url := os.Getenv(holdFor); url != "" {
		s, err := Open(url, "a", Options{TTL: guardTTL})
		if err == nil {
			err = s.Hold(context.Background(), func() { fmt.Println("held") })
		}
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const guardTTL = 3 * time.Second

// holder starts such a process, and returns when it holds.
func holder(t *testing.T, url string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdFor+"="+url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewReader(out)
	if line, _ := lines.ReadString('\n'); line != "held\n" {
		t.Fatalf("the holder says %q", line)
	}
	go io.Copy(io.Discard, lines)
	return cmd
}

// open opens a store that the test closes.
func open(t *testing.T, url, key string) *Store {
	t.Helper()
	s, err := Open(url, key, Options{TTL: guardTTL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func limit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// aWhile is for what is to succeed on a busy machine.
const aWhile = 20 * time.Second

func load(t *testing.T, s *Store) lease.Snapshot {
	t.Helper()
	now, err := s.Load(limit(t, aWhile))
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// swap wants it to be done.
func swap(t *testing.T, s *Store, from, seq uint64) lease.Snapshot {
	t.Helper()
	now, swapped, err := s.Swap(limit(t, aWhile), from, record(seq))
	if err != nil || !swapped || now.Record.Seq != seq {
		t.Fatalf("swap from %d: %t, %+v, %v", from, swapped, now, err)
	}
	return now
}

func record(seq uint64) lease.Record {
	return lease.Record{Schema: lease.Schema, Epoch: 1, Seq: seq, TTL: 10 * time.Second, Holder: lease.Member{Instance: "i", Name: "wörker"}}
}

// wantProblem wants an error of one line without the password, that has says in it.
func wantProblem(t *testing.T, err error, problem lease.Problem, says string) {
	t.Helper()
	se, ok := errors.AsType[*lease.StoreError](err)
	if !ok {
		t.Fatalf("%v (%T), want a StoreError", err, err)
	}
	t.Logf("%v: %v", se.Problem, se)
	if se.Problem != problem || !strings.Contains(se.Error(), says) {
		t.Errorf("%v: %v\nwant %v and %q", se.Problem, se, problem, says)
	}
	if strings.Contains(se.Error(), leasetest.PGPassword) || strings.ContainsAny(se.Error(), "\n\r") {
		t.Errorf("%q has the password, or more than one line", se.Error())
	}
}
