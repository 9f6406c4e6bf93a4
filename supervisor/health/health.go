// Package health answers the health checks of platforms over HTTP.
//
//	GET /healthz   200 while the supervisor's loop turns, else 503: restart it
//	GET /readyz    200 when the bot is served from here, else 503: wait with ending the other one
//
// The body is one line that says how it is, for people, or JSON with ?format=json or Accept: application/json. HEAD works, every other path is 404. Nothing
// else can be had here and nothing can be done: it may stand open to the world, as it does where a platform probes from outside. Whoever asks
// learns the phase, who holds the lease and why this one is not ready, and no secret.
//
// Any host name is served: probes come with names of the platform's choice (Railway asks for healthcheck.railway.app), with addresses, or
// with none. Each connection gets one answer and is closed; of too many the oldest goes, so that those who
// only hold one cannot keep the platform out.
package health

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode"
)

// Health is how a supervisor is.
type Health struct {
	Alive  bool   // its loop turns
	Ready  bool   // it may poll, and the bot does
	Phase  string // such as running or standby
	Holder string // who holds the lease, for people; "": nobody, or there is no lease
	Why    string // why it is not ready; "" when it is
}

// maxText bounds each text of an answer, in bytes.
const maxText = 300

// wire is Health as JSON.
type wire struct {
	Alive  bool   `json:"alive"`
	Ready  bool   `json:"ready"`
	Phase  string `json:"phase"`
	Holder string `json:"holder,omitempty"`
	Why    string `json:"why,omitempty"`
}

// line is Health for people.
func (h Health) line(good bool, name string) string {
	b := strings.Builder{}
	if !good {
		b.WriteString("not ")
	}
	b.WriteString(name)
	if h.Phase != "" {
		b.WriteString(", " + h.Phase)
	}
	if h.Holder != "" {
		b.WriteString(", held by " + h.Holder)
	}
	if h.Why != "" && !h.Ready {
		b.WriteString(": " + h.Why)
	}
	return b.String()
}

// plain is h with each text on one line, short, and printable.
func (h Health) plain() Health {
	h.Phase, h.Holder, h.Why = plain(h.Phase), plain(h.Holder), plain(h.Why)
	return h
}

func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText-len("…")], "") + "…"
	}
	return strings.TrimSpace(text)
}

// handler answers. probe is called for each request, from several goroutines, and must return at once.
func handler(probe func() Health) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ready bool
		switch r.URL.Path {
		case "/healthz":
		case "/readyz":
			ready = true
		default:
			answer(w, r, http.StatusNotFound, "text/plain; charset=utf-8", "not found: there are /healthz and /readyz\n")
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, r, http.StatusMethodNotAllowed, "text/plain; charset=utf-8", "want GET or HEAD\n")
			return
		}
		h := probe().plain()
		good, name := h.Alive, "alive"
		if ready {
			good, name = h.Alive && h.Ready, "ready"
		}
		status := http.StatusOK
		if !good {
			status = http.StatusServiceUnavailable
		}
		if !wantsJSON(r) {
			answer(w, r, status, "text/plain; charset=utf-8", h.line(good, name)+"\n")
			return
		}
		body, err := json.Marshal(wire(h))
		if err != nil { // five plain fields
			status = http.StatusInternalServerError
		}
		answer(w, r, status, "application/json", string(body)+"\n")
	})
}

func answer(w http.ResponseWriter, r *http.Request, status int, kind, body string) {
	head := w.Header()
	head.Set("Content-Type", kind)
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write([]byte(body)) //nolint:errcheck // whoever asked has gone
	}
}

// wantsJSON: the format that is asked for, else the first kind in Accept that there is.
func wantsJSON(r *http.Request) bool {
	if format := r.URL.Query().Get("format"); format != "" {
		return format == "json"
	}
	for kind := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, _, _ = strings.Cut(kind, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "application/json", "application/*":
			return true
		case "text/plain", "text/*", "*/*", "text/html":
			return false
		}
	}
	return false
}
