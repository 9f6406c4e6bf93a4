package lock

import (
	"fmt"
	"os"
	"path/filepath"
)

// Prepared are the files of a child that is started before its supervisor has the locks, since another one is to hand over. The child
// inherits them unlocked; once they are locked, by Adopt, they are for the child too: it has the same descriptions.
type Prepared struct {
	files map[string]*os.File // by key
}

// Prepare opens the child's file of each key that is not shared.
func Prepare(dir string, keys []Key) (*Prepared, error) {
	if err := private(dir); err != nil {
		return nil, err
	}
	p := &Prepared{files: map[string]*os.File{}}
	for _, key := range keys {
		if key.Shared {
			continue
		}
		l := &keyLock{key: key, path: filepath.Join(dir, key.Name+".lock")}
		f, err := openChild(l.childPath())
		if err != nil {
			p.Close()
			return nil, err
		}
		p.files[key.Name] = f
	}
	return p, nil
}

// Files are what the child is to inherit.
func (p *Prepared) Files() []*os.File {
	var files []*os.File
	for _, f := range p.files {
		files = append(files, f)
	}
	return files
}

// Close lets go of what was not adopted.
func (p *Prepared) Close() {
	for _, f := range p.files {
		f.Close()
	}
	p.files = nil
}

// Adopt locks the files of a child that was started with p. *ChildHeldError: processes of another run still live.
func (s *Set) Adopt(p *Prepared) error {
	for _, l := range s.locks {
		f := p.files[l.key.Name]
		if f == nil || l.child != nil {
			continue
		}
		held, err := tryLock(f)
		if err != nil {
			return fmt.Errorf("lock %q: %w", l.childPath(), err)
		}
		if held {
			return &ChildHeldError{Key: l.key.Name, Holders: holdersOf(f)}
		}
		l.child = f
		delete(p.files, l.key.Name)
	}
	return nil
}

// Yield is Close for a supervisor whose child still lives but can poll no more, since the gateway was all it had: the child's lock is taken
// off the description that they share. The caller makes sure of that; nothing else may unlock.
func (s *Set) Yield() {
	for _, l := range s.locks {
		if l.child != nil {
			unlock(l.child)
		}
	}
	s.Close()
}
