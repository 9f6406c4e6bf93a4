package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// Fault is trouble brought on purpose to the next Count calls of a method.
type Fault struct {
	Bot         string `json:"bot,omitempty"`    // id; empty: any
	Method      string `json:"method,omitempty"` // any case; empty: any
	Status      int    `json:"status,omitempty"` // 409, 401, 404, 429, 500, 502 …
	Count       int    `json:"count,omitempty"`  // 0: one
	Description string `json:"description,omitempty"`
	Hang        bool   `json:"hang,omitempty"` // never answer
}

// fault takes one off the first fault that fits. The caller holds the lock.
func (s *Server) fault(bot, method string) *Fault {
	for i, f := range s.faults {
		if f.Bot != "" && f.Bot != bot || f.Method != "" && !strings.EqualFold(f.Method, method) {
			continue
		}
		if f.Count--; f.Count <= 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return f
	}
	return nil
}

// suffer answers as f says; a nil channel never does. A 409 goes out under the throttle like a real one.
func (s *Server) suffer(c *client, f *Fault) <-chan reply {
	text := f.Description
	switch {
	case f.Hang:
		return nil
	case f.Status == http.StatusConflict:
		if text == "" {
			text = conflictOther
		}
		p := &poll{answer: make(chan reply, 1)}
		s.conflict(c, p, text)
		return p.answer
	case f.Status == http.StatusTooManyRequests:
		return at(retryReply(5))
	case text == "":
		text = map[int]string{401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error: restart", 502: "Bad Gateway"}[f.Status]
	}
	return at(errorReply(f.Status, text))
}
