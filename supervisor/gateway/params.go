package gateway

import (
	"bytes"
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

// maxParams is how much a request may bring in parameters, in bytes (HttpReader.cpp). More is 413.
const maxParams = 1 << 20

// errTooLarge says that a request brings more parameters than the real server takes.
var errTooLarge = errors.New("more than 1 MiB of parameters")

// params are the parameters of a call, in the order in which the real server finds them: query first, then
// body. Of two with one name the first counts (Query.cpp: arg).
type params []param

type param struct{ name, value string }

// get returns the value of name; "" when there is none.
func (p params) get(name string) string {
	for i := range p {
		if p[i].name == name {
			return p[i].value
		}
	}
	return ""
}

func (p *params) add(name, value string) { *p = append(*p, param{name, value}) }

// readParams reads a request whole, whatever its method, as the real server does: query, form, multipart or
// JSON; a body that it cannot read brings no parameters and is no error. Its one error is errTooLarge.
func readParams(r *http.Request) (params, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxParams+1))
	if len(body) > maxParams || len(r.URL.RawQuery) > maxParams {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, err
	}
	return paramsOf(r.URL.RawQuery, r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), body)
}

func paramsOf(query, contentType, encoding string, body []byte) (params, error) {
	var p params
	p.addForm(query)
	body, err := plain(encoding, body)
	if err != nil {
		return nil, err
	}
	kind, attrs, _ := mime.ParseMediaType(contentType)
	switch {
	case len(body) == 0:
	case kind == "application/x-www-form-urlencoded":
		p.addForm(string(body))
	case kind == "application/json":
		p.addJSON(body)
	case kind == "multipart/form-data" && attrs["boundary"] != "":
		p.addMultipart(body, attrs["boundary"])
	}
	return p, nil
}

// plain undoes the encodings that the real server knows. What cannot be undone is empty.
func plain(encoding string, body []byte) ([]byte, error) {
	var r io.Reader
	var err error
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, nil
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(body))
	case "deflate":
		r, err = zlib.NewReader(bytes.NewReader(body))
	default:
		return nil, nil
	}
	if err != nil {
		return nil, nil //nolint:nilerr // a body that cannot be read brings nothing, as on the real server
	}
	out, err := io.ReadAll(io.LimitReader(r, maxParams+1))
	switch {
	case len(out) > maxParams:
		return nil, errTooLarge
	case err != nil:
		return nil, nil //nolint:nilerr // the same
	}
	return out, nil
}

func (p *params) addForm(text string) {
	for piece := range strings.SplitSeq(text, "&") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		p.add(unescape(name), unescape(value))
	}
}

// unescape leaves what is no escape as it is, as the real server does (td: url_decode).
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			out = append(out, byte(hex(s[i+1])<<4|hex(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// addJSON takes the members of an object: strings as they read, everything else as it is written.
func (p *params) addJSON(body []byte) {
	if !json.Valid(body) {
		return
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return
		}
		key, _ := name.(string)
		value := string(raw)
		if raw[0] == '"' && json.Unmarshal(raw, &value) != nil {
			return
		}
		p.add(key, value)
	}
}

func (p *params) addMultipart(body []byte, boundary string) {
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := r.NextRawPart()
		if err != nil {
			return
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return
		}
		if part.FileName() == "" {
			p.add(part.FormName(), string(value))
		}
	}
}

// ask is what a getUpdates asks for, as the real server reads it (Client.cpp: process_get_updates_query).
type ask struct {
	offset  int64 // of int32's range; below 0: forget all but so many
	limit   int   // 1 to 100
	timeout time.Duration
}

// maxPoll is LONG_POLL_MAX_TIMEOUT of Client.h.
const maxPoll = 50 * time.Second

const defaultLimit = 100

func (p params) ask() ask {
	return ask{
		offset:  integer(p.get("offset"), 0),
		limit:   int(min(max(integer(p.get("limit"), defaultLimit), 1), defaultLimit)),
		timeout: min(max(time.Duration(integer(p.get("timeout"), 0))*time.Second, 0), maxPoll),
	}
}

// integer reads what the real server reads (td misc.h: to_integer<int32>): leading digits, junk is 0, and it
// wraps around, so that 4294967295 is -1. Missing and empty mean def.
func integer(s string, def int64) int64 {
	if s == "" {
		return def
	}
	digits, negative := strings.CutPrefix(s, "-")
	var n uint32
	for i := 0; i < len(digits) && digits[i] >= '0' && digits[i] <= '9'; i++ {
		n = n*10 + uint32(digits[i]-'0')
	}
	if negative {
		n = -n
	}
	return int64(int32(n))
}

// query is p as a form, as it goes to the server: offset and timeout as they are given, the rest as it came,
// each name once. timeout is in whole seconds.
func (p params) query(offset int64, timeout time.Duration) string {
	var b strings.Builder
	b.WriteString("offset=" + strconv.FormatInt(offset, 10))
	b.WriteString("&timeout=" + strconv.FormatInt(int64(timeout/time.Second), 10))
	for i := range p {
		name := p[i].name
		if name == "" || name == "offset" || name == "timeout" || name == "method" || p.before(i, name) {
			continue
		}
		b.WriteByte('&')
		b.WriteString(url.QueryEscape(name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p[i].value))
	}
	return b.String()
}

// before says whether name stands before index i. A poll has a handful of parameters; a request that was made to
// have thousands must not cost their square, so only the first hundred count.
func (p params) before(i int, name string) bool {
	if i > 100 {
		return true
	}
	for _, earlier := range p[:i] {
		if earlier.name == name {
			return true
		}
	}
	return false
}
