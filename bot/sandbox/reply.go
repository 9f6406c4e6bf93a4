package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// reply is an answer of the Bot API before it is written.
type reply struct {
	status     int
	body       []byte
	updates    []*update
	retryAfter int  // seconds
	html       bool // the page of a proxy
	reset      bool // no answer: the connection is reset
}

// okReply wraps result, with the description that the webhook methods add.
func okReply(result any, description string) reply {
	b, err := json.Marshal(result)
	if err != nil {
		return errorReply(500, "Internal Server Error: "+err.Error())
	}
	if description == "" {
		return reply{status: 200, body: fmt.Appendf(nil, `{"ok":true,"result":%s}`, b)}
	}
	d, _ := json.Marshal(description)
	return reply{status: 200, body: fmt.Appendf(nil, `{"ok":true,"result":%s,"description":%s}`, b, d)}
}

// errorReply is Telegram's envelope, in its order of keys.
func errorReply(code int, description string) reply {
	d, _ := json.Marshal(description)
	return reply{status: code, body: fmt.Appendf(nil, `{"ok":false,"error_code":%d,"description":%s}`, code, d)}
}

func retryReply(seconds int) reply {
	d := fmt.Sprintf("Too Many Requests: retry after %d", seconds)
	return reply{
		status:     429,
		body:       fmt.Appendf(nil, `{"ok":false,"error_code":429,"description":%q,"parameters":{"retry_after":%d}}`, d, seconds),
		retryAfter: seconds,
	}
}

func updatesReply(list []*update) reply {
	var b bytes.Buffer
	size := 32
	for _, u := range list {
		size += len(u.body) + bodyPerEntry
	}
	b.Grow(size)
	b.WriteString(`{"ok":true,"result":[`)
	for i, u := range list {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "{\"update_id\":%d,\n%s}", u.id, u.body)
	}
	b.WriteString("]}")
	return reply{status: 200, body: b.Bytes(), updates: list}
}

// write sends the answer. The error is that of the connection.
func (r reply) write(w http.ResponseWriter) error {
	if r.reset {
		return resetConnection(w)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if r.html {
		h.Set("Content-Type", "text/html")
	} else {
		h.Set("Connection", "keep-alive")
	}
	h.Set("Content-Length", strconv.Itoa(len(r.body)))
	if r.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(r.retryAfter))
	}
	w.WriteHeader(r.status)
	if _, err := w.Write(r.body); err != nil {
		return err
	}
	// Only when it is on its way is it known whether the connection still takes it.
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// resetConnection ends the connection with a reset instead of an answer.
func resetConnection(w http.ResponseWriter) error {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the server then closes it
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return conn.Close()
}
