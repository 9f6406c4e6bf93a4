// Package store keeps what the bot must not forget: who gets the digest, when, of which coins, and which days are
// done. It is one file, with one owner at a time.
package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"botctl/bot/coin"
	"botctl/bot/digest"
)

// Chat is what is known of one.
type Chat struct {
	ID         int64      `json:"-"`
	Subscribed bool       `json:"subscribed"`
	At         *int       `json:"at,omitempty"` // minutes after midnight UTC; nil: the default
	Since      time.Time  `json:"since,omitzero"`
	Owed       bool       `json:"owed,omitempty"`
	Settled    digest.Day `json:"settled,omitempty"`
	LateTold   digest.Day `json:"late_told,omitempty"` // the day of which it was told that its digest is late
	Coins      []string   `json:"coins,omitempty"`     // ids; empty: the default
	Dark       bool       `json:"dark,omitempty"`      // the chart
}

// Plan is the chat's order, with the default hour.
func (c Chat) Plan(def digest.Minute) digest.Plan {
	at := def
	if c.At != nil {
		at = digest.Minute(*c.At)
	}
	return digest.Plan{At: at, Since: c.Since, Owed: c.Owed, Settled: c.Settled}
}

// Follows is the chat's coins.
func (c Chat) Follows() []coin.Coin {
	if coins := coin.Pick(c.Coins); len(coins) > 0 {
		return coins
	}
	return coin.Pick(coin.Default())
}

// ErrHeld says that another process has the store open.
var ErrHeld = errors.New("another process has it open")

var (
	chats = []byte("chats") // by id, 8 bytes, big endian
	meta  = []byte("meta")
	ahead = []byte("ahead")
)

// Store may be used concurrently. Every change is on disk when its method returns.
type Store struct{ db *bbolt.DB }

// Open opens the file, and makes it if need be, for this user alone. It waits up to wait for the owner before us;
// then the error is ErrHeld.
func Open(path string, wait time.Duration) (_ *Store, err error) {
	defer func() { // bbolt panics on some files that are none of its own
		if v := recover(); v != nil {
			err = fmt.Errorf("store %q: damaged: %v", path, v)
		}
	}()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: max(wait, time.Millisecond)})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("store %q: %w", path, ErrHeld)
	}
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, fmt.Errorf("store %q: %w", path, err)
	}
	db.MaxBatchDelay = together
	err = os.Chmod(path, 0o600)
	if err == nil {
		err = db.Update(func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucketIfNotExists(chats)
			if err == nil {
				_, err = tx.CreateBucketIfNotExists(meta)
			}
			return err
		})
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("store %q: %w", path, err)
	}
	return &Store{db: db}, nil
}

// Close ends all use.
func (s *Store) Close() error { return s.db.Close() }

// Chat returns what is known of a chat; ok is false for one that is new.
func (s *Store) Chat(id int64) (c Chat, ok bool, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c, ok, err = read(tx, id)
		return err
	})
	return c, ok, err
}

// Subscribed lists the chats that get the digest.
func (s *Store) Subscribed() (list []Chat, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(chats).ForEach(func(k, v []byte) error {
			c, err := decode(k, v)
			if err == nil && c.Subscribed {
				list = append(list, c)
			}
			return err
		})
	})
	return list, err
}

// Update changes a chat, which is a new one with its ID alone when it is not known. What change leaves is stored.
func (s *Store) Update(id int64, change func(*Chat)) (c Chat, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		if c, _, err = read(tx, id); err != nil {
			return err
		}
		change(&c)
		return write(tx, id, c)
	})
	return c, err
}

// Settle records that day is done for a chat. It is never taken back by an older day. Days of chats that are done at
// the same time are written together: the longer it takes, the more of them a kill makes come twice.
func (s *Store) Settle(id int64, day digest.Day) error {
	return s.db.Batch(func(tx *bbolt.Tx) error {
		c, _, err := read(tx, id)
		if err != nil {
			return err
		}
		c.Settled = max(c.Settled, day)
		return write(tx, id, c)
	})
}

// together is how long a Settle waits for others.
const together = time.Millisecond

// Move gives what is known of a group to the supergroup that it became. A day that either has done is done.
func (s *Store) Move(from, to int64) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		old, ok, err := read(tx, from)
		if err != nil || !ok {
			return err
		}
		if c, known, err := read(tx, to); err != nil {
			return err
		} else if known {
			old.Settled = max(old.Settled, c.Settled)
		}
		if err := tx.Bucket(chats).Delete(key(from)); err != nil {
			return err
		}
		return write(tx, to, old)
	})
}

// SetAhead records the updates that were answered although an older one was not, so that the next start does not
// answer them again.
func (s *Store) SetAhead(ids []int) error {
	b, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(meta).Put(ahead, b) })
}

// Ahead is what SetAhead recorded last.
func (s *Store) Ahead() (ids []int, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(meta).Get(ahead); b != nil {
			return json.Unmarshal(b, &ids)
		}
		return nil
	})
	return ids, err
}

func key(id int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

func read(tx *bbolt.Tx, id int64) (Chat, bool, error) {
	v := tx.Bucket(chats).Get(key(id))
	if v == nil {
		return Chat{ID: id}, false, nil
	}
	c, err := decode(key(id), v)
	return c, true, err
}

func decode(k, v []byte) (c Chat, err error) {
	if err := json.Unmarshal(v, &c); err != nil || len(k) != 8 {
		return c, fmt.Errorf("store: chat %x: not a record", k)
	}
	c.ID = int64(binary.BigEndian.Uint64(k))
	return c, nil
}

func write(tx *bbolt.Tx, id int64, c Chat) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return tx.Bucket(chats).Put(key(id), b)
}
