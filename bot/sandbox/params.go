package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Bounds of a request: 1 MiB of parameters (413 beyond), 50 MiB with files.
const (
	maxParams = 1 << 20
	maxUpload = 50 << 20
)

var errTooLarge = errors.New("request too large")

// params are the parameters of a call: query string first, then body, and the first
// occurrence of a name wins.
type params map[string]string

func (p params) add(name, v string) {
	if _, ok := p[name]; !ok {
		p[name] = v
	}
}

// readParams reads every form a request may have. What cannot be read as a form holds no
// parameters, as on the real server; only too much of it is an error.
func readParams(w http.ResponseWriter, r *http.Request) (params, error) {
	p := params{}
	p.addForm(r.URL.RawQuery)
	kind, attrs, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	if kind == "multipart/form-data" {
		return p, p.addMultipart(multipart.NewReader(r.Body, attrs["boundary"]))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxParams+1))
	if err != nil || len(body) > maxParams {
		return nil, errTooLarge
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		p.addForm(string(body))
	case "application/json":
		p.addJSON(body)
	}
	return p, nil
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
			if _, err := io.Copy(io.Discard, part); err != nil {
				return errTooLarge
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
	s, ok := p[name]
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

func (p params) bool(name string) bool {
	switch strings.ToLower(p[name]) {
	case "true", "yes", "1":
		return true
	}
	return false
}
