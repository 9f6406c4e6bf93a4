package gateway

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"strings"

	"botctl/supervisor/token"
)

// substitute makes up a token that only this gateway accepts: the bot's id, and a secret of the real form (35 characters of
// base64url, the last of which has its two low bits clear).
func substitute(of token.Token) token.Token {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	const last = "AEIMQUYcgkosw048"
	b := make([]byte, 35)
	rand.Read(b)
	for i, c := range b {
		b[i] = alphabet[c%64]
	}
	b[0], b[1], b[34] = 'A', 'A', last[b[34]%16]
	return token.Token(of.ID() + ":" + string(b))
}

// swap puts one token in the place of another wherever a server says it. The zero value changes nothing.
type swap struct {
	from, to [][]byte
	header   *strings.Replacer
}

// longSecret is the length from which a secret stands for itself. Shorter ones are of tests and may be words, so they are
// only known behind their id.
const longSecret = 16

func newSwap(from, to token.Token) *swap {
	s := &swap{}
	var pairs []string
	add := func(old, by string) {
		s.from, s.to = append(s.from, []byte(old)), append(s.to, []byte(by))
		pairs = append(pairs, old, by)
	}
	if len(from.Secret()) >= longSecret {
		add(from.Secret(), to.Secret())
	} else {
		for _, colon := range []string{":", "%3A", "%3a"} {
			add(from.ID()+colon+from.Secret(), from.ID()+colon+to.Secret())
		}
	}
	s.header = strings.NewReplacer(pairs...)
	return s
}

// bytes returns p with the tokens swapped, p itself when there is none in it.
func (s *swap) bytes(p []byte) []byte {
	if s == nil {
		return p
	}
	for i, old := range s.from {
		if bytes.Contains(p, old) {
			p = bytes.ReplaceAll(p, old, s.to[i])
		}
	}
	return p
}

// headers swaps in every value.
func (s *swap) headers(h http.Header) {
	if s == nil {
		return
	}
	for _, values := range h {
		for i, v := range values {
			values[i] = s.header.Replace(v)
		}
	}
}

// reader swaps in a stream. Bytes that may be the beginning of a token are held back until the next ones decide.
func (s *swap) reader(r io.Reader) io.Reader {
	if s == nil {
		return r
	}
	return &swapReader{swap: s, r: r, chunk: make([]byte, 16<<10)}
}

type swapReader struct {
	*swap

	r     io.Reader
	chunk []byte
	held  []byte // may begin a token
	ready []byte
	err   error
}

func (s *swapReader) Read(p []byte) (int, error) {
	for len(s.ready) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		n, err := s.r.Read(s.chunk)
		s.err = err
		all := s.bytes(append(s.held, s.chunk[:n]...))
		keep := 0
		if err == nil {
			keep = s.partial(all)
		}
		s.ready = all[:len(all)-keep]
		s.held = bytes.Clone(all[len(all)-keep:])
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// partial is the length of the longest end of p that begins a token.
func (s *swapReader) partial(p []byte) int {
	longest := 0
	for _, old := range s.from {
		for n := min(len(old)-1, len(p)); n > longest; n-- {
			if bytes.HasPrefix(old, p[len(p)-n:]) {
				longest = n
			}
		}
	}
	return longest
}
