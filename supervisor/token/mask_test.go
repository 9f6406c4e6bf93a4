package token

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

const realSecret = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE" // of the real form, of no bot

func TestMask(t *testing.T) { // the forms: raw, %3A, in URLs
	short := Token("123:abc")
	for _, tc := range []struct{ name, in, want string }{
		{"raw", "token 110201543:" + realSecret + " ok", "token 110201543:*** ok"},
		{"in a URL", "POST https://h/bot110201543:" + realSecret + "/getMe", "POST https://h/bot110201543:***/getMe"},
		{"escaped", "q=110201543%3A" + realSecret + "&x", "q=110201543%3A***&x"},
		{"escaped, lower case", "110201543%3a" + realSecret, "110201543%3a***"},
		{"known and short", "/bot123:abc/getUpdates", "/bot123:***/getUpdates"},
		{"known, at the end", "123:abc", "123:***"},
		{"begins like the known one", "123:abd 123:ab", "123:abd 123:ab"},
		{"twice", "123:abc123:abc", "123:***123:***"},
		{"twice with nothing between", "110201543:" + realSecret + "110201543:" + realSecret, "110201543:***:***"},
		{"the id of a known one ends another", "110201543:" + realSecret + "123%3Aabc!", "110201543:***%3A***!"},
		{"time", "2026-03-01 09:02:11,123 - x", "2026-03-01 09:02:11,123 - x"},
		{"too short for the general rule", "12345:abcdefghij", "12345:abcdefghij"},
		{"two colons", "12345:67890:" + realSecret, "12345:67890:***"},
		{"not UTF-8", "\xff\x00 123:abc\xfe", "\xff\x00 123:***\xfe"},
		{"secret of any length", "12345:" + strings.Repeat("x", 5000) + "!", "12345:***!"},
		{"percent that is none", "100% 3A 50%3", "100% 3A 50%3"},
	} {
		if got := NewMasker(short).String(tc.in); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// cut masks in as pieces of the given lengths, repeated.
func cut(m *Masker, in []byte, lengths ...int) []byte {
	s, out := m.NewStream(), []byte(nil)
	for i := 0; len(in) > 0; i++ {
		n := min(max(lengths[i%len(lengths)], 1), len(in))
		out = s.Append(out, in[:n])
		in = in[n:]
	}
	return s.Flush(out)
}

func TestMaskingDoesNotDependOnTheReads(t *testing.T) { // P33: a token split over two reads
	m := NewMasker("123:abc", "110201543:AAshort")
	parts := []string{"123:", "abc", "123%3A", "110201543:", "AAshort", realSecret, " ", "\n", ":", "%", "3", "A", "x", "12345:", "\xff"}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var b bytes.Buffer
		for range 1 + rnd.IntN(12) {
			b.WriteString(parts[rnd.IntN(len(parts))])
		}
		whole := cut(m, b.Bytes(), b.Len())
		for _, n := range []int{1, 2, 3, 1 + rnd.IntN(20)} {
			if got := cut(m, b.Bytes(), n, 1+rnd.IntN(7)); !bytes.Equal(got, whole) {
				t.Fatalf("%q in pieces of %d: %q, whole %q", b.String(), n, got, whole)
			}
		}
	}
}

func TestOnlyWhatMayBeASecretIsHeldBack(t *testing.T) {
	s := NewMasker("123:abc").NewStream()
	for _, tc := range []struct{ in, out string }{
		{"Enter the id 123:", "Enter the id 123:"}, {"ab", ""}, {"x", "abx"}, {"123:a", "123:"}, {"bc", "***"}, {"!", "!"},
	} {
		if got := string(s.Append(nil, []byte(tc.in))); got != tc.out {
			t.Errorf("after %q: %q, want %q", tc.in, got, tc.out)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	line := "2026-03-01 09:02:11,123 - httpx - INFO - HTTP Request: POST https://api.telegram.org/bot110201543:" + realSecret + "/getUpdates \"HTTP/1.1 200 OK\"\n"
	for _, tc := range []struct {
		name string
		in   []byte
	}{
		{"log lines", bytes.Repeat([]byte(strings.Replace(line, "110201543:"+realSecret, "x", 1)), 300)},
		{"lines with a token", bytes.Repeat([]byte(line), 200)},
		{"one line", bytes.Repeat([]byte("x"), 64<<10)},
	} {
		b.Run(tc.name, func(b *testing.B) {
			s := NewMasker(Token("110201543:" + realSecret)).NewStream()
			var out []byte
			b.SetBytes(int64(len(tc.in)))
			b.ReportAllocs()
			for b.Loop() {
				out = s.Append(out[:0], tc.in)
			}
		})
	}
}
