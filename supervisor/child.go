package supervisor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"botctl/supervisor/control"
	"botctl/supervisor/gateway"
	"botctl/supervisor/logscan"
	"botctl/supervisor/mutant"
	"botctl/supervisor/policy"
	"botctl/supervisor/proc"
	"botctl/supervisor/token"
)

// living is a child that lives, or has just died.
type living struct {
	*proc.Child
	run       uint32
	seat      *gateway.Seat   // nil without a gateway
	announced chan struct{}   // closed when the loop has been told of it
	over      context.Context // of the run
}

// runChild starts child number n, waits until its whole tree is gone, and reports both. The polls of one that is started
// beside another are held.
func (r *run) runChild(ctx context.Context, n uint32, beside bool) {
	files, err := r.childLock()
	if err != nil {
		r.send(ctx, policy.StartFailed{Run: n, Detail: err.Error()})
		return
	}
	r.beGuarded(ctx)
	out := r.newOutput(ctx, n)
	argv, env := r.opts.Argv, r.opts.Env
	var seat *gateway.Seat
	if r.gate != nil {
		seat = r.gate.Admit(n)
		defer seat.Leave()
		if !beside {
			seat.Serve()
		}
		argv, env = r.substituted(argv, seat), r.substituted(r.gatewayEnv(env), seat)
	}
	c, err := proc.Start(proc.Spec{
		Argv:        argv,
		Path:        r.opts.Path,
		Dir:         r.opts.Dir,
		Env:         append(slices.Clip(env), r.notifyEnv()...),
		Extra:       files,
		Mark:        r.marks[0],
		Interactive: r.opts.Interactive,
		Stdout:      out.stdout,
		Stderr:      out.stderr,
	})
	if err != nil {
		r.send(ctx, startFailure(n, r.mask(err.Error()), err))
		return
	}
	live := &living{Child: c, run: n, seat: seat, announced: make(chan struct{}), over: ctx}
	r.children.add(live)
	r.guardian.Watch(c)
	r.send(ctx, policy.ChildStarted{Run: n, PID: c.PID()})
	close(live.announced)
	// The end of ctx ends the child, should it still live: after a panic only.
	stop := context.AfterFunc(ctx, c.Kill)
	defer stop()
	tightenEarly(c)
	<-c.Done()
	out.close()
	r.children.drop(live)
	if seat != nil {
		seat.Leave()
	}
	e := c.Exit()
	r.noteExit(n, e)
	r.send(ctx, policy.ChildExited{Run: n, Exit: policy.Exit{Code: e.Code, Signal: int(e.Signal), OOM: e.OOMKilled, Survivors: len(e.Survivors)}})
}

// beGuarded returns when there is a guardian: what the child makes before that would be nobody's, were we killed.
func (r *run) beGuarded(ctx context.Context) {
	if len(r.opts.Guardian) == 0 {
		return
	}
	r.guarding.Do(func() { close(r.wantGuard) })
	select {
	case <-r.guardian.Up():
	case <-ctx.Done():
	}
}

// tightenEarly looks at the groups of a young tree more often: wrappers start what they wrap at once.
func tightenEarly(c *proc.Child) {
	wait := 10 * time.Millisecond
	pause := time.NewTimer(wait)
	defer pause.Stop()
	for ; wait < time.Second; wait *= 2 {
		select {
		case <-c.Exited():
			return
		case <-pause.C:
			c.Tighten()
			pause.Reset(wait)
		}
	}
}

func startFailure(n uint32, detail string, err error) policy.StartFailed {
	ev := policy.StartFailed{Run: n, Kind: policy.Transient, Detail: detail}
	if start, ok := errors.AsType[*proc.StartError](err); ok {
		switch start.Kind {
		case proc.NotFound:
			ev.Kind = policy.NotFound
		case proc.NotExecutable, proc.NoDir:
			ev.Kind = policy.NotExecutable
		}
	}
	return ev
}

// output carries what one child prints: masked, to our own streams, to the tail that
// "botctl logs" reads, and to the scanner.
type output struct {
	stdout, stderr *stream

	mu      sync.Mutex // the scanner is for one goroutine at a time
	scanner logscan.Scanner
	emit    func(logscan.Evidence)
	tail    *control.Tail
}

// stream is one of the two. The relay of its pipe is its only user until close.
type stream struct {
	of   *output
	kind logscan.Stream
	mask *token.Stream
	sink *proc.Sink
	buf  []byte
	line []byte // of the mutant that buffers lines
}

func (r *run) newOutput(ctx context.Context, n uint32) *output {
	o := &output{tail: r.tail}
	o.emit = func(e logscan.Evidence) {
		r.noteSign(e)
		r.send(ctx, policy.SignSeen{Run: n, Kind: kindOf(e.Kind), Logger: e.Logger})
	}
	o.stdout = &stream{of: o, kind: logscan.Stdout, mask: r.opts.Masker.NewStream(), sink: r.opts.Stdout}
	o.stderr = &stream{of: o, kind: logscan.Stderr, mask: r.opts.Masker.NewStream(), sink: r.opts.Stderr}
	return o
}

// Write never fails: what becomes of our own stdout is no concern of the child's.
func (s *stream) Write(p []byte) (int, error) {
	n := len(p)
	if mutant.Is(mutant.LineBuffer) {
		if s.line = append(s.line, p...); s.line[len(s.line)-1] != '\n' {
			return n, nil
		}
		p, s.line = s.line, nil
	}
	s.buf = s.mask.Append(s.buf[:0], p)
	s.pass(s.buf)
	return n, nil
}

func (s *stream) pass(p []byte) {
	if len(p) == 0 {
		return
	}
	s.sink.Write(p)
	s.of.tail.Write(p)
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.scanner.Write(s.kind, p, time.Now(), s.of.emit)
}

// close passes on what was held back and ends what the scanner has begun. The relays have ended.
func (o *output) close() {
	for _, s := range []*stream{o.stdout, o.stderr} {
		s.pass(s.mask.Flush(s.buf[:0]))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.scanner.Close(time.Now(), o.emit)
}

func kindOf(k logscan.Kind) policy.Kind {
	switch k {
	case logscan.Conflict:
		return policy.Conflict
	case logscan.WebhookActive:
		return policy.Webhook
	case logscan.EventLoop:
		return policy.EventLoop
	case logscan.Unauthorized:
		return policy.Unauthorized
	}
	return policy.NoSign
}
