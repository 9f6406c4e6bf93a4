package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fault is trouble brought on purpose to the calls that fit Bot and Method. docs/sandbox.md has the table.
type Fault struct {
	Bot         string          `json:"bot,omitempty"`         // id; empty: any
	Method      string          `json:"method,omitempty"`      // any case; empty: any
	Status      int             `json:"status,omitempty"`      // 409, 401, 404, 429, 500, 502 …
	Description string          `json:"description,omitempty"` // instead of Telegram's own
	Parameters  json.RawMessage `json:"parameters,omitempty"`  // of the error, such as {"migrate_to_chat_id":-100…}
	RetryAfter  int             `json:"retry_after,omitempty"` // seconds, of a 429; 0: 5
	HTML        bool            `json:"html,omitempty"`        // the answer is a proxy's page
	Hang        bool            `json:"hang,omitempty"`        // never answer
	Reset       bool            `json:"reset,omitempty"`       // reset the connection
	DelayMillis int             `json:"delay_millis,omitempty"`
	Rival       bool            `json:"rival,omitempty"`   // poll beside the bot for ForSeconds; 0: 30
	Restart     bool            `json:"restart,omitempty"` // the server is away for ForSeconds; 0: 3
	Early       bool            `json:"early,omitempty"`   // not even the offset of a getUpdates counts
	Late        bool            `json:"late,omitempty"`    // the method is carried out, its answer is spoiled
	Count       int             `json:"count,omitempty"`   // calls; 0: one, or with ForSeconds any number
	ForSeconds  float64         `json:"for_seconds,omitempty"`
	After       float64         `json:"after_seconds,omitempty"` // begins so much later

	id    int64
	from  time.Time
	until time.Time // zero: by count alone
	left  int       // calls; below 0: by time alone
	stop  context.CancelFunc
	what  string // of a rival or an injection
}

// Bounds of faults.
const (
	maxFaults     = 1000
	maxFaultTime  = 24 * time.Hour
	rivalTime     = 30 * time.Second
	restartTime   = 3 * time.Second
	retryDefault  = 5
	maxFaultCalls = 1 << 30
)

// check says what is wrong with a fault that somebody asks for.
func (f *Fault) check() error {
	kinds := 0
	for _, on := range []bool{f.Status != 0, f.Hang, f.Reset, f.Rival, f.Restart} {
		if on {
			kinds++
		}
	}
	limit := maxFaultTime.Seconds()
	switch {
	case kinds > 1, kinds == 0 && f.DelayMillis == 0:
		return errors.New("want one of status, hang, reset, rival, restart, delay_millis")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status %d: want 400 to 599", f.Status)
	case f.Early && f.Late:
		return errors.New("early and late exclude each other")
	case f.DelayMillis < 0 || f.RetryAfter < 0 || f.Count < 0 || f.Count > maxFaultCalls:
		return errors.New("delay_millis, retry_after and count: want no number below 0")
	case f.ForSeconds < 0 || f.ForSeconds > limit || f.After < 0 || f.After > limit || float64(f.DelayMillis) > limit*1000:
		return fmt.Errorf("for_seconds, after_seconds and delay_millis: want at most %v", maxFaultTime)
	case f.Parameters != nil && !json.Valid(f.Parameters):
		return errors.New("parameters: want JSON")
	}
	return nil
}

func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

// addFault arms a fault and returns its id. The caller holds the lock.
func (s *Server) addFault(f *Fault) (int64, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	if len(s.faults) >= maxFaults {
		return 0, fmt.Errorf("%d faults are armed: clear them first", maxFaults)
	}
	f.from = time.Now().Add(seconds(f.After))
	if f.ForSeconds > 0 {
		f.until = f.from.Add(seconds(f.ForSeconds))
	}
	f.left = f.Count
	switch {
	case f.Count == 0 && f.until.IsZero():
		f.left = 1
	case f.Count == 0:
		f.left = -1
	}
	switch {
	case f.Rival:
		if err := s.startRival(f); err != nil {
			return 0, err
		}
	case f.Restart:
		s.startRestart(f)
	}
	return s.arm(f), nil
}

// arm puts a fault, a rival or an injection on the list.
func (s *Server) arm(f *Fault) int64 {
	s.lastID++
	f.id = s.lastID
	s.faults = append(s.faults, f)
	s.touch()
	return f.id
}

// disarm takes it off again.
func (s *Server) disarm(f *Fault) {
	s.faults = slices.DeleteFunc(s.faults, func(g *Fault) bool { return g == f })
	s.touch()
}

// clearFaults ends those of a bot, or all, and says how many there were. A restart is not cut short.
func (s *Server) clearFaults(bot string) int {
	n := len(s.faults)
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool {
		if bot != "" && f.Bot != "" && f.Bot != bot || f.Restart {
			return false
		}
		if f.stop != nil {
			f.stop()
		}
		return true
	})
	s.touch()
	return n - len(s.faults)
}

// fault takes one off the first fault that fits. The caller holds the lock.
func (s *Server) fault(bot, method string) *Fault {
	now := time.Now()
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool { return f.stop == nil && !f.Restart && !f.until.IsZero() && !now.Before(f.until) })
	for _, f := range s.faults {
		if f.stop != nil || f.Restart || now.Before(f.from) || f.Bot != "" && f.Bot != bot || f.Method != "" && !strings.EqualFold(f.Method, method) {
			continue
		}
		if f.left > 0 {
			if f.left--; f.left == 0 {
				s.disarm(f)
			}
		}
		return f
	}
	return nil
}

// carriesOut says that the method is carried out all the same.
func (f *Fault) carriesOut() bool {
	return f.Late || f.Status == 0 && !f.Hang && !f.Reset
}

// suffer answers as f says instead of the method; a nil channel never does. A 409 goes out under the throttle
// like a real one. Where the real server would have seen the offset, it counts.
func (s *Server) suffer(c *client, f *Fault, req request) <-chan reply {
	if req.method == "getupdates" && !f.Early && f.Status != 401 && f.Status != 429 {
		c.bot.queue.seek(req.params.int("offset", 0))
	}
	switch {
	case f.Hang:
		return nil
	case f.Reset:
		return at(reply{reset: true})
	case f.Status == 409:
		p := &poll{answer: make(chan reply, 1)}
		text := f.Description
		if text == "" {
			text = conflictOther
		}
		s.conflict(c, p, text)
		return p.answer
	}
	return at(f.reply())
}

// reply is the error that f brings.
func (f *Fault) reply() reply {
	text := f.Description
	switch {
	case f.HTML:
		return reply{status: f.Status, html: true, body: fmt.Appendf(nil, "<html>\r\n<head><title>%d</title></head>\r\n<body><center><h1>%[1]d</h1></center></body>\r\n</html>\r\n", f.Status)}
	case f.Status == 429:
		after := f.RetryAfter
		if after == 0 {
			after = retryDefault
		}
		return retryReply(after)
	case text == "":
		text = map[int]string{
			400: "Bad Request", 401: "Unauthorized", 403: "Forbidden: bot was blocked by the user", 404: "Not Found", 409: conflictOther,
			500: "Internal Server Error: restart", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
		}[f.Status]
	}
	r := errorReply(f.Status, text)
	if f.Parameters != nil {
		r.body = fmt.Appendf(r.body[:len(r.body)-1], `,"parameters":%s}`, f.Parameters)
	}
	return r
}

// spoil does to an answer what f says; ok is false when the client went away meanwhile.
func (f *Fault) spoil(ctx context.Context, rep reply) (_ reply, ok bool) {
	if f == nil {
		return rep, true
	}
	if f.DelayMillis > 0 {
		timer := time.NewTimer(time.Duration(f.DelayMillis) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return rep, false
		}
	}
	switch {
	case !f.Late:
		return rep, true
	case f.Hang:
		<-ctx.Done()
		return rep, false
	case f.Reset:
		return reply{reset: true}, true
	}
	return f.reply(), true
}

// String is what the chat page says of it.
func (f *Fault) String() string {
	var what string
	switch {
	case f.what != "":
		return f.what
	case f.Restart:
		return "the server restarts"
	case f.Hang:
		what = "hang"
	case f.Reset:
		what = "reset"
	case f.Status != 0:
		what = fmt.Sprint(f.Status)
	default:
		what = fmt.Sprintf("%v slower", time.Duration(f.DelayMillis)*time.Millisecond)
	}
	if f.Method != "" {
		what += " for " + f.Method
	}
	return what
}
