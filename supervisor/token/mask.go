package token

import (
	"bytes"
	"strings"
)

// Mask stands in the place of a secret.
const Mask = "***"

// minSecret is the length from which any run of secret characters after "<digits>:" is
// taken for a secret. Real ones have 35; the Bot API server accepts 24 and more,
// and the tokens a Masker was told of are masked whatever their length.
const minSecret = 30

// minID is the least number of digits before the colon for that rule. Times such as
// 09:02:11 have two.
const minID = 5

// Masker hides secrets in texts. It is immutable and safe for concurrent use; the zero
// value knows no token and applies the general rule alone.
type Masker struct {
	known []known
}

// known is a token to mask: its digits, and its secret.
type known struct{ id, secret []byte }

// NewMasker masks these tokens, and whatever has the form of a real one.
func NewMasker(tokens ...Token) *Masker {
	m := &Masker{}
	for _, t := range tokens {
		if t.ID() != "" && t.Secret() != "" {
			m.known = append(m.known, known{[]byte(t.ID()), []byte(t.Secret())})
		}
	}
	return m
}

// String masks a whole text.
func (m *Masker) String(s string) string {
	if !strings.Contains(s, ":") && !strings.Contains(s, "%3") {
		return s
	}
	st := m.NewStream()
	out := st.Append(nil, []byte(s))
	return string(st.Flush(out))
}

// NewStream masks a text that comes in pieces.
func (m *Masker) NewStream() *Stream { return &Stream{m: m} }

// Stream masks one flow of bytes. Its output does not depend on how the input is cut: only
// bytes that may be the beginning of a secret are held back, until the byte that decides or
// Flush. It is for one goroutine at a time; its memory is bounded by the longest
// known secret.
type Stream struct {
	m    *Masker
	in   state
	held []byte        // possible beginning of a secret
	need []*known      // known tokens whose secret may begin here
	any  bool          // the general rule applies here
	look [maxLook]byte // the last bytes that were passed on or masked, to find digits before a colon
	seen int           // how many of look are filled
	join [2 * maxLook]byte
}

// state is where a Stream stands between two bytes.
type state uint8

const (
	outside    state = iota // not behind "<digits>:"
	deciding                // held may be the beginning of a secret
	swallowing              // a secret was masked; the rest of its characters go too
)

// maxLook is how far back a Stream looks: for 16 digits and "%3A".
const maxLook = 24

// Append masks p and appends what may be passed on to dst.
func (s *Stream) Append(dst, p []byte) []byte {
	for len(p) > 0 {
		n := 1
		switch s.in {
		case outside:
			dst, n = s.scan(dst, p)
		case deciding:
			dst, n = s.decide(dst, p[0])
		case swallowing:
			n = s.swallow(p)
		}
		p = p[n:]
	}
	return dst
}

// Flush ends the flow: what was held back was no secret.
func (s *Stream) Flush(dst []byte) []byte {
	if s.in == deciding {
		dst = s.release(dst)
	}
	s.in = outside
	return dst
}

// scan passes on p up to the next place behind which a secret may begin.
func (s *Stream) scan(dst, p []byte) ([]byte, int) {
	i := s.straddles(p)
	for i == 0 || !s.opens(p[:i]) {
		k := nextColon(p[i:])
		if k < 0 {
			s.remember(p)
			return append(dst, p...), len(p)
		}
		i += k
	}
	s.in, s.held = deciding, s.held[:0]
	s.remember(p[:i])
	return append(dst, p[:i]...), i
}

// straddles is the length of the beginning of p that ends a "%3A" begun before p, or 0.
func (s *Stream) straddles(p []byte) int {
	for n := 1; n <= min(2, len(p)); n++ {
		if p[n-1]|0x20 == 'a' && len(cutColon(s.tail(p[:n]))) > 0 {
			return n
		}
	}
	return 0
}

// nextColon is the index behind the first ":" or "%3A" in p, or -1.
func nextColon(p []byte) int {
	colon := bytes.IndexByte(p, ':')
	before := p
	if colon >= 0 {
		before = p[:colon]
	}
	for off := 0; ; {
		k := bytes.IndexByte(before[off:], '%')
		if k < 0 {
			break
		}
		off += k + 1
		if off+2 <= len(before) && before[off] == '3' && before[off+1]|0x20 == 'a' {
			return off + 2
		}
	}
	if colon < 0 {
		return -1
	}
	return colon + 1
}

// cutColon returns p without the ":" or "%3A" at its end, nil when it has neither.
func cutColon(p []byte) []byte {
	n := len(p)
	switch {
	case n > 0 && p[n-1] == ':':
		return p[:n-1]
	case n > 2 && p[n-3] == '%' && p[n-2] == '3' && p[n-1]|0x20 == 'a':
		return p[:n-3]
	}
	return nil
}

// opens says whether a secret may follow p: it ends with digits and a colon that
// name a known token, or with enough of them for the general rule.
func (s *Stream) opens(p []byte) bool {
	tail := cutColon(s.tail(p))
	digits := 0
	for digits < len(tail) && isDigit(tail[len(tail)-1-digits]) {
		digits++
	}
	if digits == 0 {
		return false
	}
	id := tail[len(tail)-digits:]
	s.need = s.need[:0]
	for i := range s.m.known {
		if bytes.HasSuffix(id, s.m.known[i].id) {
			s.need = append(s.need, &s.m.known[i])
		}
	}
	s.any = digits >= minID
	return s.any || len(s.need) > 0
}

// decide takes one more byte behind "<digits>:", or none when the bytes held were no secret.
func (s *Stream) decide(dst []byte, c byte) ([]byte, int) {
	if secretByte[c] {
		s.held = append(s.held, c)
		switch whole, open := s.match(); {
		case whole:
			s.in = outside
			if s.any {
				s.in = swallowing
			}
			s.remember(s.held)
			s.held = s.held[:0]
			return append(dst, Mask...), 1
		case open:
			return dst, 1
		}
		s.held = s.held[:len(s.held)-1]
	}
	s.in = outside
	return s.release(dst), 0
}

// swallow passes over the rest of a secret. Its end may be the digits of the next token, when two
// are printed with nothing between them, so it is remembered.
func (s *Stream) swallow(p []byte) int {
	n := 0
	for n < len(p) && secretByte[p[n]] {
		n++
	}
	s.remember(p[:n])
	if n < len(p) {
		s.in = outside
	}
	return n
}

// match says whether held is a whole secret, or may still become one.
func (s *Stream) match() (whole, open bool) {
	if s.any && len(s.held) >= minSecret {
		return true, false
	}
	open = s.any
	for _, k := range s.need {
		if bytes.Equal(s.held, k.secret) {
			return true, false
		}
		open = open || bytes.HasPrefix(k.secret, s.held)
	}
	return false, open
}

func (s *Stream) release(dst []byte) []byte {
	dst = append(dst, s.held...)
	s.remember(s.held)
	s.held = s.held[:0]
	return dst
}

// remember keeps the end of what was passed on or masked.
func (s *Stream) remember(p []byte) {
	tail := s.tail(p)
	if len(tail) > maxLook {
		tail = tail[len(tail)-maxLook:]
	}
	s.seen = copy(s.look[:], tail)
}

// tail is the end of everything that came up to and including p, good until the next call.
func (s *Stream) tail(p []byte) []byte {
	if len(p) >= maxLook {
		return p[len(p)-maxLook:]
	}
	n := copy(s.join[:], s.look[:s.seen])
	n += copy(s.join[n:], p)
	return s.join[:n]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// secretByte is the alphabet of a secret: base64url.
var secretByte = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = isDigit(b) || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == '-'
	}
	return t
}()
