package sandbox

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"image"
	_ "image/gif" // what a photo may be
	_ "image/jpeg"
	_ "image/png"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of files. Those of one file are Telegram's (core.telegram.org/bots/api: Sending files, getFile).
const (
	maxPhoto    = 10 << 20 // bytes
	maxFetch    = 20 << 20 // bytes that getFile gives
	maxSides    = 10_000   // pixels, width and height together
	maxRatio    = 20
	maxShelf    = 256 << 20 // bytes of all files; the oldest go first
	maxFileName = 255
)

// photoSize is the one size of a photo that is kept.
type photoSize struct {
	FileID   string `json:"file_id"`
	UniqueID string `json:"file_unique_id"`
	Size     int    `json:"file_size"` // bytes
	Width    int    `json:"width"`
	Height   int    `json:"height"`
}

type document struct {
	Name     string `json:"file_name,omitempty"`
	MIME     string `json:"mime_type,omitempty"`
	FileID   string `json:"file_id"`
	UniqueID string `json:"file_unique_id"`
	Size     int    `json:"file_size"` // bytes
}

// file is a stored one. It is never changed.
type file struct {
	id     string
	unique string
	bot    string // whose file_id it is
	path   string // behind /file/bot<token>/
	name   string
	mime   string
	data   []byte
	width  int // of a photo, else 0
	height int
}

// shelf keeps files within maxShelf.
type shelf struct {
	byID   map[string]*file
	byPath map[string]*file // bot id + "/" + path
	list   []*file
	size   int
	count  int
}

func (s *shelf) init() { s.byID, s.byPath = map[string]*file{}, map[string]*file{} }

// put stores a file for a bot.
func (s *shelf) put(b *bot, up upload, photo image.Config) *file {
	s.count++
	f := &file{
		id: randomID(36), unique: randomID(12), bot: b.id, name: baseName(up.name), data: up.data,
		width: photo.Width, height: photo.Height,
	}
	f.mime, _, _ = strings.Cut(cmp.Or(mime.TypeByExtension(path.Ext(f.name)), http.DetectContentType(f.data)), ";")
	folder := "documents"
	if f.width > 0 {
		folder = "photos"
	}
	f.path = fmt.Sprintf("%s/file_%d%s", folder, s.count, path.Ext(f.name))
	s.byID[f.id], s.byPath[b.id+"/"+f.path] = f, f
	s.list = append(s.list, f)
	for s.size += len(f.data); s.size > maxShelf && len(s.list) > 1; {
		old := s.list[0]
		s.list[0] = nil
		s.list = s.list[1:]
		s.size -= len(old.data)
		delete(s.byID, old.id)
		delete(s.byPath, old.bot+"/"+old.path)
	}
	return f
}

// baseName is a file's name without folders, printable and not too long.
func baseName(name string) string {
	name = strings.ToValidUTF8(name, "")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	for len(name) > maxFileName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	return name
}

func randomID(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return "SBX" + base64.RawURLEncoding.EncodeToString(b)
}

func (f *file) photo() []photoSize {
	return []photoSize{{FileID: f.id, UniqueID: f.unique, Size: len(f.data), Width: f.width, Height: f.height}}
}

func (f *file) document() *document {
	return &document{Name: f.name, MIME: f.mime, FileID: f.id, UniqueID: f.unique, Size: len(f.data)}
}

// photoConfig reads a picture's size; the text is the server's error.
func photoConfig(data []byte) (image.Config, string) {
	conf, _, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case len(data) > maxPhoto:
		return conf, fmt.Sprintf("Bad Request: file of size %d bytes is too big for a photo; the maximum size is %d bytes", len(data), maxPhoto)
	case err != nil:
		return conf, "Bad Request: IMAGE_PROCESS_FAILED"
	case conf.Width == 0 || conf.Height == 0, conf.Width+conf.Height > maxSides, conf.Width > maxRatio*conf.Height, conf.Height > maxRatio*conf.Width:
		return conf, "Bad Request: PHOTO_INVALID_DIMENSIONS"
	}
	return conf, ""
}

// attached finds the file that a parameter names: uploaded under that name or by attach://, or stored
// before. The text is the server's error.
func (s *Server) attached(c *client, p params, name string, asPhoto bool) (*file, string) {
	value := p.str(name)
	up, ok := p.files[name]
	if other, is := strings.CutPrefix(value, "attach://"); is {
		up, ok = p.files[other]
	}
	switch {
	case ok && len(up.data) == 0:
		return nil, "Bad Request: file must be non-empty"
	case ok && asPhoto:
		conf, bad := photoConfig(up.data)
		if bad != "" {
			return nil, bad
		}
		return s.files.put(c.bot, up, conf), ""
	case ok:
		return s.files.put(c.bot, up, image.Config{}), ""
	case value == "":
		return nil, fmt.Sprintf("Bad Request: there is no %s in the request", name)
	case strings.HasPrefix(value, "http://"), strings.HasPrefix(value, "https://"):
		return nil, "Bad Request: failed to get HTTP URL content"
	}
	f := s.files.byID[value]
	switch {
	case f == nil || f.bot != c.bot.id:
		return nil, "Bad Request: wrong file identifier/HTTP URL specified"
	case asPhoto && f.width == 0:
		return nil, "Bad Request: can't use file of type Document as Photo"
	case !asPhoto && f.width > 0:
		return nil, "Bad Request: can't use file of type Photo as Document"
	}
	return f, ""
}

func (s *Server) getFile(c *client, p params) reply {
	f := s.files.byID[p.str("file_id")]
	switch {
	case p.str("file_id") == "":
		return errorReply(400, "Bad Request: file_id not specified")
	case f == nil || f.bot != c.bot.id:
		return errorReply(400, "Bad Request: invalid file_id")
	case len(f.data) > maxFetch:
		return errorReply(400, "Bad Request: file is too big")
	}
	return okReply(struct {
		ID       string `json:"file_id"`
		UniqueID string `json:"file_unique_id"`
		Size     int    `json:"file_size"`
		Path     string `json:"file_path"`
	}{f.id, f.unique, len(f.data), f.path}, "")
}

// download answers /file/bot<token>/<path>.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	token, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/file/bot"), "/")
	env := ""
	if rest, test := strings.CutPrefix(name, "test/"); test {
		env, name = "/test", rest
	}
	s.mu.Lock()
	c := s.client(token, env)
	var f *file
	if c != nil {
		f = s.files.byPath[c.bot.id+"/"+name]
	}
	s.mu.Unlock()
	switch {
	case c == nil:
		errorReply(401, "Unauthorized").write(w)
	case f == nil:
		errorReply(404, "Not Found").write(w)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
	}
}

// show answers the chat page's wish to see a file. Only pictures are shown: anything else could be a page
// that runs with our origin.
func (s *Server) show(w http.ResponseWriter, r *http.Request, id string) {
	s.mu.Lock()
	f := s.files.byID[id]
	s.mu.Unlock()
	if f == nil {
		refuse(w, http.StatusNotFound, "no such file")
		return
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Type", "application/octet-stream")
	if f.width > 0 {
		h.Set("Content-Type", http.DetectContentType(f.data))
	} else {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.name}))
	}
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}
