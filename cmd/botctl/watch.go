package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"botctl/supervisor/control"
)

// watchEvery is how often a watcher asks. Frames come as often.
const watchEvery = 500 * time.Millisecond

// watcher shows how a bot is until it is interrupted. On a terminal it redraws in place, with nothing that would have
// to be taken back: no other screen, no hidden cursor, no raw mode. So a watcher that is killed leaves a terminal as a
// program does that printed a few lines.
type watcher struct {
	out    io.Writer
	size   func() (screen, bool) // false: no terminal
	asJSON bool

	gaps  gaps
	last  change
	said  bool
	drawn int    // lines of the frame above the cursor
	scr   screen // that it was drawn for
}

// watch asks p until ctx ends. The first answer must be one: that nothing has run here is an error, as for status.
func watch(ctx context.Context, p *chooser, w *watcher) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	resized, afresh, release := screenSignals()
	defer release()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	st, lives, err := current(ctx, p)
	if err != nil {
		return err
	}
	latest := sample{at: time.Now(), st: st, lives: lives}
	for {
		if err := w.show(latest); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if st, lives, err = current(ctx, p); ctx.Err() != nil {
				return nil
			}
			latest = next(latest, st, lives, err, time.Now())
		case <-resized:
		case <-afresh: // the shell has printed below the frame
			w.drawn = 0
		}
	}
}

// next is the sample after s. One whose supervisor did not answer keeps what was known.
func next(s sample, st control.Status, lives bool, err error, now time.Time) sample {
	s.at, s.silent = now, ""
	if err != nil {
		s.lives, s.silent = false, err.Error()
		return s
	}
	s.st, s.lives = st, lives
	return s
}

// current is the status that p chooses. lives: a supervisor gave it.
func current(ctx context.Context, p *chooser) (st control.Status, lives bool, err error) {
	_, st, c, err := p.find(ctx)
	if err != nil {
		return st, false, err
	}
	if c != nil {
		if st, err = askStatus(ctx, c, st); err != nil {
			return st, false, err
		}
	}
	if st.SchemaVersion > control.SchemaVersion {
		return st, false, fail(exitCannotTell, fmt.Errorf("the supervisor's status is of a newer botctl: schema %d, this one knows %d", st.SchemaVersion, control.SchemaVersion)).
			hint(fmt.Sprintf("its version is %q; use that one", st.Version))
	}
	if statusCode(st, c != nil) == exitFailed {
		st.Phase, st.Well, st.Child = "dead", false, nil
	}
	return st, c != nil, nil
}

// show takes a sample in, and writes what is new in it.
func (w *watcher) show(s sample) error {
	w.gaps.note(s)
	if scr, ok := w.size(); ok && !w.asJSON {
		return w.draw(s, scr)
	}
	if c := changeOf(s); w.said && c == w.last {
		return nil
	} else {
		w.last, w.said = c, true
	}
	if w.asJSON {
		return json.NewEncoder(w.out).Encode(s.st)
	}
	_, err := io.WriteString(w.out, changeLine(s)+"\n")
	return err
}

// draw writes a frame over the one before it, in one piece.
func (w *watcher) draw(s sample, scr screen) error {
	var b bytes.Buffer
	switch {
	case w.drawn > 0 && (scr.width < w.scr.width || scr.height < w.scr.height):
		b.WriteString("\x1b[H") // who knows how the terminal has wrapped the frame that was there
	case w.drawn > 0:
		fmt.Fprintf(&b, "\x1b[%dA\r", w.drawn)
	}
	lines, err := writeFrame(&b, s, &w.gaps, scr)
	if err != nil {
		return err
	}
	b.WriteString("\x1b[J")
	w.drawn, w.scr = lines, scr
	_, err = w.out.Write(b.Bytes())
	return err
}

// terminalOf is the size of the terminal that f is; false when it is none, or one that cannot move its cursor.
func terminalOf(f *os.File, getenv func(string) string) func() (screen, bool) {
	utf8 := strings.Contains(strings.ToUpper(strings.ReplaceAll(cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")), "-", "")), "UTF8")
	return func() (screen, bool) {
		if !term.IsTerminal(int(f.Fd())) || getenv("TERM") == "dumb" {
			return screen{}, false
		}
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			width, height = 80, 24
		}
		return screen{width: width, height: height, unicode: utf8}, true
	}
}

// isGone says that what is written to is not there any more: the reader of a pipe, or the terminal.
func isGone(err error) bool { return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EIO) }
