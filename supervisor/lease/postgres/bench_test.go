//go:build unix

package postgres

import (
	"testing"

	"botctl/supervisor/lease/leasetest"
)

// BenchmarkSwap is beside the least that any store in a table can do: a bare update of a row of the same size, on the same connection.
func BenchmarkSwap(b *testing.B) {
	pg := leasetest.Postgres(b)
	s, err := Open(pg.URL("sslmode=disable"), "a", Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	now, _, err := s.Swap(b.Context(), 0, record(1))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("swap", func(b *testing.B) {
		for b.Loop() {
			if now, _, err = s.Swap(b.Context(), now.Version, record(now.Version)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare update", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.conn.query(b.Context(), "update botctl_lease set version = version + 1, record = record where bot = 'a'"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("connect and load", func(b *testing.B) {
		for b.Loop() {
			s.conn.end()
			s.conn = nil
			if _, err := s.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
