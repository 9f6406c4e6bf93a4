// Command actor plays any process of the zoo: its names and its environment are what the
// finder looks at, and it does nothing but wait for the end of its standard input.
//
// It is plain Go with few imports, for hundreds of them are started per test.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// Part is what an actor does, from the environment variable ZOO_PART.
type Part struct {
	ID       int
	Stubborn bool    // ignores SIGTERM
	Comm     string  // a name as by prctl(PR_SET_NAME)
	Title    string  // overwrites the arguments, as setproctitle does
	Blank    bool    // and the environment with them
	Port     int     // holds a connection to this port here
	Children []Child // a wrapper's: it goes when they have gone
	Stay     bool    // it does not
	Dies     bool    // goes at once: its parent never asks for it
}

// Child is a process to start.
type Child struct {
	Exe       string
	Argv, Env []string
	Dir       string
	Dies      bool
}

func main() {
	var p Part
	if err := json.Unmarshal([]byte(os.Getenv("ZOO_PART")), &p); err != nil {
		fail(err)
	}
	if p.Stubborn {
		signal.Ignore(syscall.SIGTERM)
	}
	if p.Port != 0 {
		connect(p.Port)
	}
	var started []*os.Process
	for _, c := range p.Children {
		child, err := os.StartProcess(c.Exe, c.Argv, &os.ProcAttr{Dir: c.Dir, Env: c.Env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
		if err != nil {
			fail(err)
		}
		if c.Dies {
			waitForZombie(child.Pid)
			continue
		}
		started = append(started, child)
	}
	if p.Title != "" || p.Blank {
		retitle(p.Title, p.Blank)
	}
	if p.Comm != "" {
		if err := os.WriteFile("/proc/self/comm", []byte(p.Comm), 0); err != nil {
			fail(err)
		}
	}
	fmt.Printf("ready %d %d\n", p.ID, os.Getpid())
	if p.Dies {
		return
	}
	for _, child := range started {
		child.Wait()
	}
	if len(started) == 0 || p.Stay {
		for {
			if _, err := syscall.Read(0, make([]byte, 1)); err != syscall.EINTR {
				return
			}
		}
	}
}

// retitle overwrites the arguments in place, and the environment behind them.
func retitle(title string, blank bool) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		fail(err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	at := func(i int) int64 { // the fields of proc(5), from 1; the name was the second
		n, _ := strconv.ParseInt(string(fields[i-3]), 10, 64)
		return n
	}
	start, end := at(48), at(49)
	if blank {
		end = at(51)
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	if err != nil {
		fail(err)
	}
	defer memory.Close()
	text := make([]byte, end-start)
	copy(text[:len(text)-1], title)
	if _, err := memory.WriteAt(text, start); err != nil {
		fail(err)
	}
}

// connect uses the system calls: package net would double the size.
func connect(port int) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		fail(err)
	}
}

// waitForZombie returns when pid has died, and leaves it unreaped.
func waitForZombie(pid int) {
	const pPID = 1
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), 0, syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}

func fail(err error) {
	fmt.Printf("fail %q: %v\n", os.Args, err)
	os.Exit(1)
}
