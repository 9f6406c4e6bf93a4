package sandbox

import (
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of a request (telegram-bot-api HttpReader, api.telegram.org for the files).
const (
	maxParams = 1 << 20  // bytes of parameters
	maxUpload = 50 << 20 // bytes with files
	maxFiles  = 50
)

var errTooLarge = errors.New("request too large")

// params are the parameters of a call: query string first, then body, and the first
// occurrence of a name wins. Files stand beside them.
type params struct {
	values map[string]string
	files  map[string]upload
}

// upload is a file of a request.
type upload struct {
	name string // as the client called it
	data []byte
}

func (p params) add(name, v string) {
	if _, ok := p.values[name]; !ok {
		p.values[name] = v
	}
}

// str is a parameter's text, "" when it is missing.
func (p params) str(name string) string { return p.values[name] }

// readParams reads every form a request may have. What cannot be read as a form holds no
// parameters, as on the real server; only too much of it is an error.
func (s *Server) readParams(w http.ResponseWriter, r *http.Request) (params, error) {
	p := params{values: map[string]string{}, files: map[string]upload{}}
	p.addForm(r.URL.RawQuery)
	if r.ContentLength == 0 {
		return p, nil
	}
	// Not every writer offers a deadline; then there is none.
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(bodyLimit))
	defer control.SetReadDeadline(time.Time{}) // a deadline that passes later would end a poll
	kind, attrs, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	body, err := decoded(r)
	if err != nil {
		return p, nil
	}
	if kind == "multipart/form-data" {
		s.busy <- struct{}{}
		defer func() { <-s.busy }()
		return p, p.addMultipart(multipart.NewReader(body, attrs["boundary"]))
	}
	b, err := io.ReadAll(io.LimitReader(body, maxParams+1))
	if err != nil || len(b) > maxParams {
		return p, errTooLarge
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		p.addForm(string(b))
	case "application/json":
		p.addJSON(b)
	}
	return p, nil
}

// decoded undoes a Content-Encoding.
func decoded(r *http.Request) (io.Reader, error) {
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		return io.LimitReader(z, maxUpload), err
	case "deflate":
		z, err := zlib.NewReader(r.Body)
		return io.LimitReader(z, maxUpload), err
	}
	return r.Body, nil
}

func (p params) addForm(s string) {
	values, _ := url.ParseQuery(s) // what is well formed in it counts
	for name, list := range values {
		p.add(name, list[0])
	}
}

// addJSON takes the members of an object; nested ones stay JSON text.
func (p params) addJSON(body []byte) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return
	}
	for name, raw := range members {
		var s string
		if json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
			p.add(name, s)
			continue
		}
		p.add(name, string(raw))
	}
}

func (p params) addMultipart(r *multipart.Reader) error {
	total := 0
	for {
		part, end := r.NextPart()
		if end != nil {
			return nil // all parts are read, or it is not multipart after all
		}
		if part.FileName() != "" {
			data, err := io.ReadAll(part)
			if err != nil || len(p.files) >= maxFiles {
				return errTooLarge
			}
			if _, ok := p.files[part.FormName()]; !ok {
				p.files[part.FormName()] = upload{name: part.FileName(), data: data}
			}
			continue
		}
		v, err := io.ReadAll(io.LimitReader(part, int64(maxParams-total)+1))
		if total += len(v); err != nil || total > maxParams {
			return errTooLarge
		}
		p.add(part.FormName(), string(v))
	}
}

// int reads leading digits as the real server does: junk is 0, and the value wraps to 32 bits.
func (p params) int(name string, missing int64) int64 {
	s, ok := p.values[name]
	if !ok || s == "" {
		return missing
	}
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && s[end] == '-') {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil {
		return 0
	}
	return int64(int32(n))
}

func (p params) bool(name string) bool { return truth(p.str(name)) }

// truth is what the real server takes for true (td misc.h: to_bool).
func truth(s string) bool {
	switch strings.ToLower(s) {
	case "true", "yes", "1":
		return true
	}
	return false
}
