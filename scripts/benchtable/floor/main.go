// Command floor is the least that a supervisor in Go can do: fork, exec, wait, and again. With BENCH_WATCH it
// reads what its child prints, and ends and restarts it at the first word. SIGTERM ends both.
package main

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

func main() {
	var child atomic.Pointer[os.Process]
	var over atomic.Bool
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		over.Store(true)
		if p := child.Load(); p != nil {
			p.Signal(syscall.SIGTERM)
		}
	}()
	for !over.Load() {
		p, err := start(os.Args[1:])
		if err != nil {
			os.Exit(1)
		}
		child.Store(p)
		if over.Load() {
			p.Signal(syscall.SIGTERM)
		}
		p.Wait()
	}
}

func start(argv []string) (*os.Process, error) {
	files := []*os.File{nil, os.Stdout, os.Stderr}
	if os.Getenv("BENCH_WATCH") == "" {
		return os.StartProcess(argv[0], argv, &os.ProcAttr{Files: files})
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	files[2] = w
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Files: files})
	w.Close()
	if err != nil {
		r.Close()
		return nil, err
	}
	go func() {
		defer r.Close()
		if n, _ := r.Read(make([]byte, 1024)); n > 0 {
			p.Signal(syscall.SIGTERM)
		}
	}()
	return p, nil
}
