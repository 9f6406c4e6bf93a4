//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// program is the whole of it; the exit code.
func program() int {
	if play := os.Getenv(playEnv); play != "" {
		return perform(play)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "scripts/bench:", err)
		return 1
	}
	return 0
}

// errMoved says that the same program did the work inside a namespace, and has said what was wrong.
var errMoved = errors.New("failed inside the PID namespace")

func run() error {
	list := flag.Bool("list", false, "name the measurements")
	quick := flag.Bool("quick", false, "repeat little")
	out := flag.String("out", "", "keep figures.jsonl and tables.md in this folder")
	doc := flag.String("doc", "", "write the document to this file")
	soakFor := flag.Duration("soak", 0, "run a real bot for so long and judge")
	flag.Parse()
	if *list {
		for _, b := range benches {
			fmt.Printf("%-10s %s\n", b.name, b.title)
		}
		return nil
	}
	chosen, err := choose(flag.Args())
	if err != nil {
		return err
	}
	if *soakFor > 0 {
		chosen = []bench{soakBench}
	}
	if os.Getenv(insideEnv) == "" {
		if err := prepare(chosen); err != nil {
			return err
		}
		return moveInside()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := newLab(ctx, *quick)
	if err != nil {
		return err
	}
	defer l.close()
	if *soakFor > 0 {
		return soak(l, *soakFor)
	}
	failed := l.runAll(chosen)
	text := l.found.tables(chosen)
	fmt.Print(text)
	if err := l.keep(chosen, text, *out, *doc); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("not measured to its end: %s", strings.Join(failed, ", "))
	}
	return nil
}

// choose finds the measurements by name; none: all of them.
func choose(names []string) ([]bench, error) {
	if len(names) == 0 {
		return benches, nil
	}
	var chosen []bench
	for _, name := range names {
		i := slices.IndexFunc(benches, func(b bench) bool { return b.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no measurement %q: --list names them", name)
		}
		chosen = append(chosen, benches[i])
	}
	return chosen, nil
}

// runAll runs one after the other and names those that failed.
func (l *lab) runAll(chosen []bench) (failed []string) {
	for _, b := range chosen {
		start := time.Now()
		l.say("%s", b.name)
		if err := b.run(l); err != nil {
			l.say("%s: %v", b.name, err)
			failed = append(failed, b.name)
		}
		l.say("%s took %.0f s", b.name, time.Since(start).Seconds())
		if l.ctx.Err() != nil {
			return append(failed, "the rest, for it was interrupted")
		}
	}
	return failed
}

// keep writes the figures, the tables and the document where they are wanted.
func (l *lab) keep(chosen []bench, text, out, doc string) error {
	if out != "" {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		lines, err := l.found.jsonLines(l.machine)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, "figures.jsonl"), lines, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, "tables.md"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if doc == "" {
		return nil
	}
	return os.WriteFile(doc, []byte(l.document(chosen, text)), 0o644)
}
