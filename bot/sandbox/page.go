package sandbox

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// pageFiles are the chat page as it is: no build step, nothing from elsewhere.
//
//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page have its own files and calls, and nothing else. A bot's texts are hostile, and
// so is whoever would put the page into a frame.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// pageTypes are told here, because those that mime knows depend on the machine.
var pageTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// page answers when the request is for the chat page, and returns whether it was.
func (s *Server) page(w http.ResponseWriter, r *http.Request) bool {
	name, ok := pageFile(r.URL.Path)
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	data, err := fs.ReadFile(pageFiles, name)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case err != nil:
		http.Error(w, "not found", http.StatusNotFound)
	default:
		h.Set("Content-Type", pageTypes[path.Ext(name)])
		h.Set("Cache-Control", "no-cache") // asked for again each time, and answered 304: an update shows at once
		h.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	}
	return true
}

// pageFile is the embedded file behind a path. Not every file that it names exists.
func pageFile(url string) (string, bool) {
	switch {
	case url == "/":
		return "page/index.html", true
	case url == "/favicon.ico":
		return "page/icon.svg", true
	case strings.HasPrefix(url, "/page/"):
		return path.Clean(url)[1:], true
	}
	return "", false
}
