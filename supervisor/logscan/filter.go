package logscan

import (
	"bytes"
	"encoding/binary"
)

// needles are lower-case words of which every line that a rule accepts, or that begins a block,
// holds at least one. They must have minNeedle bytes or more.
var needles = []string{
	"conflict", "getupdates", "terminated by", "webhook is active", "apierrorresponse",
	"event loop", "different loop", "inside a task", "set_wakeup_fd",
	"unauthorized", "invalid token", "invalidtoken", "token is invalid", "bot token", "rejected by the server",
	"api key defined", "must contain a colon", "must not contain spaces", "not found",
	"auth_key", "authkeyd", "authkeyi", "authkeyu", "authkeyn", "authorization key",
	"session_revoked", "sessionrevoked", "access_token", "accesstoken",
	"promise timed out", "start_polling", "exception in bot:", "exception in another thread",
	"<response [4", "exception ignored", "fatal error on ssl",
}

const (
	gram      = 4
	minNeedle = 8
	stride    = minNeedle - gram + 1 // of any needle one gram lies on a multiple of it
	fold      = 0x20202020           // makes letters lower case; other bytes may collide, which only costs time
	gramBits  = 13
)

// candidate is a needle whose gram at offset at was seen.
type candidate struct {
	needle string
	at     int
}

// gramIndex finds the candidates of a gram: slot holds the number of a bucket, from 1.
type gramIndex struct {
	slot    [1 << gramBits]uint8
	buckets [][]candidate
}

var grams = indexGrams(needles)

func indexGrams(needles []string) *gramIndex {
	g := &gramIndex{buckets: make([][]candidate, 1)}
	for _, n := range needles {
		for at := range stride {
			s := slot(binary.LittleEndian.Uint32([]byte(n[at : at+gram])))
			if g.slot[s] == 0 {
				g.slot[s] = uint8(len(g.buckets))
				g.buckets = append(g.buckets, nil)
			}
			b := &g.buckets[g.slot[s]]
			*b = append(*b, candidate{n, at})
		}
	}
	if len(g.buckets) > 256 {
		panic("logscan: too many needles for one byte")
	}
	return g
}

func slot(v uint32) uint32 { return (v | fold) * 0x9E3779B1 >> (32 - gramBits) }

// needleIn returns a place inside the first needle in p, whatever its case, or -1.
func needleIn(p []byte) int {
	g := grams
	i := 0
	for ; i+3*stride+gram <= len(p); i += 4 * stride {
		w := p[i : i+3*stride+gram : i+3*stride+gram]
		a := g.slot[slot(binary.LittleEndian.Uint32(w))]
		b := g.slot[slot(binary.LittleEndian.Uint32(w[stride:]))]
		c := g.slot[slot(binary.LittleEndian.Uint32(w[2*stride:]))]
		d := g.slot[slot(binary.LittleEndian.Uint32(w[3*stride:]))]
		if a|b|c|d == 0 {
			continue
		}
		for k, bucket := range [4]uint8{a, b, c, d} {
			if at := i + k*stride; g.confirm(bucket, p, at) {
				return at
			}
		}
	}
	for ; i+gram <= len(p); i += stride {
		if g.confirm(g.slot[slot(binary.LittleEndian.Uint32(p[i:]))], p, i) {
			return i
		}
	}
	return -1
}

// confirm says whether a needle of the bucket really lies around p[at].
func (g *gramIndex) confirm(bucket uint8, p []byte, at int) bool {
	for _, c := range g.buckets[bucket] {
		start := at - c.at
		if start >= 0 && start+len(c.needle) <= len(p) && equalFold(p[start:start+len(c.needle)], c.needle) {
			return true
		}
	}
	return false
}

// equalFold compares bytes with a lower-case string of the same length.
func equalFold(p []byte, low string) bool {
	for i, b := range p {
		if lower(b) != low[i] {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}

func appendLower(dst, src []byte) []byte {
	n := len(dst)
	dst = append(dst, src...)
	for i, b := range dst[n:] {
		dst[n+i] = lower(b)
	}
	return dst
}

const esc = 0x1b

// dirty says whether p holds bytes that a terminal does not show and that may split a word. A
// carriage return before a line end, or at the end of p, is none.
func dirty(p []byte) bool {
	if bytes.IndexByte(p, esc) >= 0 || bytes.IndexByte(p, 0) >= 0 {
		return true
	}
	for {
		i := bytes.IndexByte(p, '\r')
		if i < 0 || i == len(p)-1 {
			return false
		}
		if p[i+1] != '\n' {
			return true
		}
		p = p[i+2:]
	}
}

// appendClean copies src without escape sequences, NUL and carriage returns.
func appendClean(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		switch b := src[i]; b {
		case 0, '\r':
			i++
		case esc:
			i += escapeLen(src[i:])
		default:
			dst = append(dst, b)
			i++
		}
	}
	return dst
}

// escapeLen is the length of the escape sequence at the beginning of p (ECMA-48).
func escapeLen(p []byte) int {
	if len(p) < 2 {
		return len(p)
	}
	switch p[1] {
	case '[':
		for i := 2; i < len(p); i++ {
			if p[i] >= 0x40 && p[i] <= 0x7e {
				return i + 1
			}
			if p[i] < 0x20 || p[i] > 0x7e {
				return i // broken off: what follows is text
			}
		}
		return len(p)
	case ']':
		for i := 2; i < len(p); i++ {
			if p[i] == 7 {
				return i + 1
			}
			if p[i] == esc && i+1 < len(p) && p[i+1] == '\\' {
				return i + 2
			}
		}
		return len(p)
	case '(', ')', '*', '+', '#', '%':
		return min(3, len(p))
	}
	if p[1] < 0x20 || p[1] > 0x7e {
		return 1
	}
	return 2
}
