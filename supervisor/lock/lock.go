// Package lock keeps a bot to one supervisor, and its tree to one at a time, on one host.
//
// A key names what is locked: a bot id, or a folder with a script. Each key has two files.
// KEY.lock is the supervisor's own. KEY.child is held by the supervisor and by every process of
// the bot's tree, which inherit its descriptor: after a kill -9 of the supervisor it
// stays held until the last of them is gone, so nobody starts a second bot beside
// them. Only the kernel's lock decides; the owner record in KEY.lock is for people. Files are
// never deleted: a lock belongs to the file, not to its name.
package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"botctl/supervisor/mutant"
)

// Owner is the record in a lock file.
type Owner struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
	Bot   string    `json:"bot_id,omitempty"`
	Dir   string    `json:"dir,omitempty"`
}

// HeldError says that another supervisor holds a lock. PID is 0 when it did not say who it is.
type HeldError struct {
	Key   string
	Bot   string
	PID   int
	Since time.Time
}

func (e *HeldError) Error() string {
	what := "the bot of this folder"
	if e.Bot != "" {
		what = "bot " + e.Bot
	}
	if e.PID == 0 {
		return what + " is already run by another supervisor"
	}
	if e.Since.IsZero() {
		return fmt.Sprintf("%s is already run by pid %d", what, e.PID)
	}
	return fmt.Sprintf("%s is already run by pid %d, since %s", what, e.PID, e.Since.UTC().Format("15:04:05Z"))
}

// ChildHeldError says that processes of an earlier run still hold the child's lock.
type ChildHeldError struct {
	Key     string
	Holders []int // as far as they can be seen
}

func (e *ChildHeldError) Error() string {
	if len(e.Holders) == 0 {
		return "processes of an earlier run still live"
	}
	return fmt.Sprintf("processes of an earlier run still live: pid %v", e.Holders)
}

// ErrReplaced says that a lock file was replaced and the new one is held by somebody else.
var ErrReplaced = errors.New("lock file was replaced, and another supervisor holds the new one")

// BotKey names the bot of an id. It is a hash, for its place in a socket name that every user can list.
func BotKey(id string) string { return "b-" + short("bot "+id) }

// FolderKey names the bot of a folder by the folder itself, not its path, and by the script.
func FolderKey(dir, script string) (string, error) {
	id, err := folderID(dir)
	if err != nil {
		return "", fmt.Errorf("folder %q: %w", dir, bare(err))
	}
	return "d-" + short("folder "+id+" "+script), nil
}

func short(s string) string {
	sum := sha256.Sum256([]byte("botctl " + s))
	return hex.EncodeToString(sum[:8])
}

// Key is one thing to lock. Shared: others may hold it shared as well, but nobody alone. A run that
// knows its bot shares the folder's key, since two bots may live in one folder; one
// that does not know takes it alone.
type Key struct {
	Name   string
	Shared bool
}

// Set is the locks of one run. Its methods are for one goroutine at a time.
type Set struct {
	owner Owner
	locks []*keyLock
	guard io.Closer // nil without a bot id, or where there is no such thing
}

// keyLock is one key's pair.
type keyLock struct {
	key   Key
	path  string
	lock  *flock.Flock
	child *os.File // nil until TakeChild
	fresh bool     // there was no such file before
}

// Take takes the locks of keys in their order, and the guard of guardKey when that is not
// empty, or none of them. *HeldError: another supervisor has one; any other error: it cannot be had at all.
func Take(dir string, keys []Key, guardKey string, owner Owner) (*Set, error) {
	if err := private(dir); err != nil {
		return nil, err
	}
	s := &Set{owner: owner}
	for _, key := range keys {
		l := &keyLock{key: key, path: filepath.Join(dir, key.Name+".lock")}
		if err := l.take(owner); err != nil {
			s.Close()
			return nil, err
		}
		s.locks = append(s.locks, l)
		// Found out now, it is a lock that cannot be had; later it would look like a bot that does not start.
		if err := checkFile(l.childPath()); err != nil && !key.Shared {
			s.Close()
			return nil, err
		}
	}
	if guardKey != "" {
		var err error
		if s.guard, err = takeGuard(guardKey, owner.Bot); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// take locks the file that the path names at the end: one that is deleted or
// replaced between open and lock is tried again (P11).
func (l *keyLock) take(owner Owner) error {
	for {
		if err := checkFile(l.path); err != nil {
			return err
		}
		_, err := os.Lstat(l.path)
		l.fresh = errors.Is(err, os.ErrNotExist)
		l.lock = flock.New(l.path, flock.SetFlag(os.O_CREATE|os.O_RDWR|noFollow), flock.SetPermissions(0o600))
		try := l.lock.TryLock
		if l.key.Shared {
			try = l.lock.TryRLock
		}
		ok, err := try()
		if err != nil {
			return fmt.Errorf("lock %q: %w", l.path, bare(err))
		}
		if !ok {
			return l.heldBy(owner.Bot)
		}
		if l.current() {
			l.record(owner)
			return nil
		}
		l.lock.Close()
	}
}

// Fresh says that no run has held any of the locks before, as far as this folder knows: its files are never deleted.
func (s *Set) Fresh() bool {
	return !slices.ContainsFunc(s.locks, func(l *keyLock) bool { return !l.fresh })
}

// current says whether the path still names the locked file.
func (l *keyLock) current() bool {
	ours, err := l.lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(l.path)
	return err == nil && os.SameFile(ours, there)
}

// checkFile refuses what somebody else may have put there (P13).
func checkFile(path string) error {
	if mutant.Is(mutant.FollowLinks) {
		return nil
	}
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock %q: %w", path, bare(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("lock %q: is not a regular file", path)
	}
	if err := ownedByUs(info); err != nil {
		return fmt.Errorf("lock %q: %w", path, err)
	}
	return nil
}

// record writes who holds the lock. It is for people, so a full disk is no reason to fail.
func (l *keyLock) record(owner Owner) {
	if b, err := json.Marshal(owner); err == nil {
		os.WriteFile(l.path, append(b, '\n'), 0o600)
	}
}

// How long a loser waits for the winner to write its record (P10).
const (
	recordWait  = time.Second
	recordEvery = 20 * time.Millisecond
)

// heldBy names the holder. A record of somebody who is gone is that of an earlier
// holder; the new one may not have written yet.
func (l *keyLock) heldBy(bot string) error {
	held := &HeldError{Key: l.key.Name, Bot: bot}
	tick := time.NewTicker(recordEvery)
	defer tick.Stop()
	for range int(recordWait / recordEvery) {
		if o, ok := readOwner(l.path); ok && alive(o.PID) {
			held.PID, held.Since = o.PID, o.Since
			return held
		}
		<-tick.C
	}
	return held
}

// readOwner tolerates any content (P14).
func readOwner(path string) (Owner, bool) {
	f, err := os.Open(path)
	if err != nil {
		return Owner{}, false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return Owner{}, false
	}
	var o Owner
	if json.Unmarshal(b, &o) != nil || o.PID <= 0 || o.PID > math.MaxInt32 { // the kernel would cut it to another number
		return Owner{}, false
	}
	return o, true
}

// TakeChild takes the locks that the child will inherit, one for each key that is not shared; those
// it has stay.
// *ChildHeldError: processes of an earlier run still live.
func (s *Set) TakeChild() error {
	for _, l := range s.locks {
		if l.child != nil || l.key.Shared {
			continue
		}
		f, err := openChild(l.childPath())
		if err != nil {
			return err
		}
		held, err := tryLock(f)
		if err != nil || held {
			holders := holdersOf(f)
			f.Close()
			if err != nil {
				return fmt.Errorf("lock %q: %w", l.childPath(), err)
			}
			return &ChildHeldError{Key: l.key.Name, Holders: holders}
		}
		l.child = f
	}
	return nil
}

func (l *keyLock) childPath() string { return l.path[:len(l.path)-len(".lock")] + ".child" }

func openChild(path string) (*os.File, error) {
	if err := checkFile(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|noFollow, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", path, bare(err))
	}
	return f, nil
}

// ChildFiles are the descriptors that the child is to inherit.
func (s *Set) ChildFiles() []*os.File {
	var files []*os.File
	if mutant.Is(mutant.NoChildLock) {
		return nil
	}
	for _, l := range s.locks {
		if l.child != nil {
			files = append(files, l.child)
		}
	}
	return files
}

// Verify looks whether the files are still the ones we hold. One that was deleted or
// replaced is made and locked anew; ErrReplaced: somebody else was faster.
func (s *Set) Verify() error {
	if mutant.Is(mutant.NoVerify) {
		return nil
	}
	for i, l := range s.locks {
		if !l.current() {
			fresh := &keyLock{key: l.key, path: l.path}
			err := fresh.take(s.owner)
			if _, held := errors.AsType[*HeldError](err); held {
				return fmt.Errorf("lock %q: %w", l.path, ErrReplaced)
			}
			if err != nil {
				return err
			}
			l.lock.Close()
			fresh.child = l.child
			s.locks[i], l = fresh, fresh
		}
		if err := l.verifyChild(); err != nil {
			return err
		}
	}
	return nil
}

// verifyChild also locks the file that has taken the place of ours. The old one stays open:
// the living child holds it too.
func (l *keyLock) verifyChild() error {
	if l.child == nil {
		return nil
	}
	ours, err := l.child.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(l.childPath()); err == nil && os.SameFile(ours, there) {
		return nil
	}
	f, err := openChild(l.childPath())
	if err != nil {
		return err
	}
	held, err := tryLock(f)
	if err != nil || held {
		f.Close()
		return errors.Join(err, fmt.Errorf("lock %q: %w", l.childPath(), ErrReplaced))
	}
	l.child = f
	return nil
}

// Close releases everything, in reverse order. The child's lock is only ever closed: the
// description is shared with the child, whose LOCK_UN would be everybody's.
func (s *Set) Close() {
	if s.guard != nil {
		s.guard.Close()
	}
	for _, l := range slices.Backward(s.locks) {
		if l.child != nil {
			l.child.Close()
		}
		l.lock.Close()
	}
	s.locks = nil
}
