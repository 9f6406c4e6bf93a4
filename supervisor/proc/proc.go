// Package proc starts a bot and ends it with everything it has begun: its process
// group, and what left the group (setsid, double fork) but descends from it. It reads what
// the bot prints, and what its connections do.
//
// On Linux the supervisor is a child subreaper (BecomeSubreaper), so that a daemonised
// descendant becomes a child of ours instead of disappearing; the direct child
// gets SIGKILL when the supervisor dies. Other systems build and end the group
// (macOS) or the process (Windows) only; Lacks says so.
package proc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Spec is what to start. Argv and Dir must be set.
type Spec struct {
	Argv        []string // Argv[0] is looked up in the PATH of Env
	Path        string   // the program to run when Argv[0] does not name it
	Dir         string
	Env         []string
	Extra       []*os.File // inherited as descriptors 3, 4, …
	Mark        string     // an entry of Env by which the tree is recognised, "NAME=value"
	Interactive bool       // stdin is ours and the group gets the terminal; otherwise stdin is the null device
	Stdout      io.Writer  // gets what the tree writes, in chunks of up to 64 KiB, from one goroutine
	Stderr      io.Writer
}

// Exit is how a child ended.
type Exit struct {
	Code      int            // -1 when a signal ended it
	Signal    syscall.Signal // 0 when it exited by itself
	CoreDump  bool
	OOMKilled bool          // the kernel ended it for want of memory, as far as that can be known
	Uptime    time.Duration // of the leader
	Survivors []int         // processes of its tree that the kernel did not end
}

func (e Exit) String() string {
	switch {
	case e.OOMKilled:
		return "killed by the kernel: out of memory"
	case e.Signal == 0:
		return fmt.Sprintf("exit %d", e.Code)
	case e.CoreDump:
		return fmt.Sprintf("killed by %s (core dumped)", signalName(e.Signal))
	default:
		return "killed by " + signalName(e.Signal)
	}
}

// StartFailure is why a child was not started.
type StartFailure int

// The failures of a start. Transient ones may pass: no memory, too many processes or files.
const (
	Transient StartFailure = iota
	NotFound
	NotExecutable
	NoDir
)

// StartError says that Path was not started.
type StartError struct {
	Kind StartFailure
	Path string
	Err  error
}

func (e *StartError) Error() string { return fmt.Sprintf("start %q: %v", e.Path, e.Err) }
func (e *StartError) Unwrap() error { return e.Err }

// find resolves the program of spec and says early what execve says badly.
func find(spec Spec) (string, error) {
	if info, err := os.Stat(spec.Dir); err != nil || !info.IsDir() {
		if err == nil {
			err = syscall.ENOTDIR
		}
		return "", &StartError{Kind: NoDir, Path: spec.Argv[0], Err: fmt.Errorf("working folder %q: %w", spec.Dir, bare(err))}
	}
	if spec.Path != "" {
		return spec.Path, nil
	}
	name := spec.Argv[0]
	if strings.ContainsRune(name, filepath.Separator) {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(spec.Dir, path)
		}
		return path, executable(name, path)
	}
	var denied error
	for _, dir := range filepath.SplitList(lookup(spec.Env, "PATH")) {
		if dir == "" {
			dir = "."
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(spec.Dir, dir)
		}
		path, err := exec.LookPath(filepath.Join(dir, name))
		if err == nil {
			return path, nil
		}
		// A folder of PATH that may not be searched says nothing about a program in it.
		if _, there := os.Stat(filepath.Join(dir, name)); there == nil && errors.Is(err, fs.ErrPermission) {
			denied = &StartError{Kind: NotExecutable, Path: filepath.Join(dir, name), Err: syscall.EACCES}
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", &StartError{Kind: NotFound, Path: name, Err: errors.New("not found in PATH")}
}

func executable(name, path string) error {
	_, err := exec.LookPath(path)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return &StartError{Kind: NotFound, Path: name, Err: errors.New("not found")}
	default:
		return &StartError{Kind: NotExecutable, Path: name, Err: bare(err)}
	}
}

// classify turns what the start of path returned into a StartError.
func classify(path string, err error) error {
	e := &StartError{Kind: NotExecutable, Path: path, Err: bare(err)}
	switch {
	case errors.Is(err, syscall.ENOENT):
		// The file is there, so what is missing is the interpreter of its first line.
		e.Err = errors.New("its interpreter is not there")
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE),
		errors.Is(err, syscall.ENFILE), errors.Is(err, errBusy):
		e.Kind = Transient
	}
	return e
}

// bare drops what *os.PathError and *exec.Error put before the cause.
func bare(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func lookup(env []string, name string) string {
	value := ""
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	return value
}
