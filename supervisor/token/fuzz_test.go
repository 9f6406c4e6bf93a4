package token

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// masked are the tokens that the fuzzed Masker knows: one as in tests, one as Telegram hands them out,
// and two of one bot.
var masked = []Token{"123:abc", Token("110201543:" + realSecret), "7:abcdef", "7:_-_-_-"}

// maskWhole is what a Masker does, told in the simplest way: over the whole text, from left to right,
// with as many looks back as it likes.
func maskWhole(in []byte, known []Token) []byte {
	var out []byte
	for at := 0; at < len(in); {
		n := secretLen(in, at, known)
		if n == 0 {
			out = append(out, in[at])
			at++
			continue
		}
		out = append(out, Mask...)
		at += n
	}
	return out
}

// secretLen is the length of the secret that begins at in[at], 0 when none does.
func secretLen(in []byte, at int, known []Token) int {
	before, ok := bytes.CutSuffix(in[:at], []byte(":"))
	if !ok {
		if at < 3 || !bytes.EqualFold(in[at-3:at], []byte("%3a")) {
			return 0
		}
		before = in[:at-3]
	}
	id := before[len(bytes.TrimRight(before, "0123456789")):]
	run := 0
	for at+run < len(in) && secretByte[in[at+run]] {
		run++
	}
	general := len(id) >= minID
	for n := 1; n <= run; n++ {
		whole := general && n == minSecret
		for _, t := range known {
			whole = whole || bytes.HasSuffix(id, []byte(t.ID())) && string(in[at:at+n]) == t.Secret()
		}
		switch {
		case whole && general:
			return run
		case whole:
			return n
		}
	}
	return 0
}

// FuzzMask: the output is that of maskWhole however the input is cut, and no secret is in it, be it
// raw, escaped or in a URL.
func FuzzMask(f *testing.F) {
	real := "110201543:" + realSecret
	for _, in := range []string{
		"x 123:abc " + real + " 09:02:11 https://h/bot" + real + "/getUpdates?offset=1",
		"110201543%3A" + realSecret + "&x=123%3aabc", real + real, "123:abc123:abc", "12345:" + realSecret + "9:abc",
		"7:abcdef7:_-_-_-7:abc", "12345:67890:" + realSecret, "12345%3", "12345%3A%3A:", "\xff1234567890123456789012345:" + realSecret,
	} {
		f.Add([]byte(in), uint64(len(in)))
	}
	m := NewMasker(masked...)
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		want := maskWhole(in, masked)
		if got := m.String(string(in)); got != string(want) {
			t.Fatalf("%q: %q, want %q", in, got, want)
		}
		r := rand.New(rand.NewPCG(seed, 1))
		lengths := make([]int, 1+r.IntN(9))
		for i := range lengths {
			lengths[i] = 1 + r.IntN(1+r.IntN(40))
		}
		for _, lengths := range [][]int{{1}, lengths} {
			if got := cut(m, in, lengths...); !bytes.Equal(got, want) {
				t.Fatalf("%q in pieces of %v: %q, want %q", in, lengths, got, want)
			}
		}
		for _, tok := range masked {
			for _, form := range []string{tok.Reveal(), tok.ID() + "%3A" + tok.Secret(), tok.ID() + "%3a" + tok.Secret()} {
				if bytes.Contains(want, []byte(form)) {
					t.Fatalf("%q leaks %q: %q", in, form, want)
				}
			}
		}
		if bytes.Contains(want, []byte(realSecret)) && !bytes.Contains(bytes.ReplaceAll(in, []byte(real), nil), []byte(realSecret)) {
			t.Fatalf("%q leaks a secret: %q", in, want)
		}
	})
}

// FuzzDotenv: a .env of any content gives no panic and no error that quotes it; what it sets can be exported,
// and a token found in it has a token's form and stands in it, or is put together from what does.
func FuzzDotenv(f *testing.F) {
	for _, text := range []string{
		"# the bot\nexport BOT_TOKEN=\"7:dotenv\"\nOTHER=1\n", "TOKEN=110201543:" + realSecret, "BOT_TOKEN='SECRET\n=x", "A=1\nBOT_TOKEN=1${A}:b",
		"BOT_TOKEN: 1:a\nTELEGRAM_TOKEN=1:b\r\n", "\ufeffBOT_TOKEN=1:a", "\xff\xfeB\x00=\x001\x00:\x00a\x00", "BOT_TOKEN=1:a # mine", "=x", "export", "A=\"\\\"\"", "A=$\n", "A=x\x00y",
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	path := filepath.Join(dir, ".env")
	none := func(string) string { return "" }
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		vars, err := Dotenv(path)
		quotes(t, err, text, path)
		for name, v := range vars {
			if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(v, "\x00") {
				t.Fatalf("%q gives %q=%q, which no environment can hold", text, name, v)
			}
		}
		found, err := Find(Sources{Getenv: none, Dir: dir})
		quotes(t, err, text, path)
		if found.Token == "" {
			return
		}
		if !hasForm(found.Token.Reveal()) || vars[found.Name] == "" || found.Source != ".env "+found.Name {
			t.Fatalf("%q gives token %q from %q", text, found.Token.Reveal(), found.Source)
		}
		if !bytes.Contains(text, []byte(":")) {
			t.Fatalf("%q gives token %q", text, found.Token.Reveal())
		}
	})
}

// FuzzFind: values of any content in variables, a token file, and the names of both; no error quotes a secret.
func FuzzFind(f *testing.F) {
	f.Add("110201543:"+realSecret, "BOT_TOKEN", []byte("8:file\n"))
	f.Add("", "110201543:"+realSecret, []byte("110201543:"+realSecret+"\n110201543:"+realSecret))
	f.Add("TOKEN", "TOKEN", []byte("\xff\x00"))
	f.Add("1:a b", "BOT_TOKEN", []byte("07:abc"))
	f.Add(" 1:a\n", "BOT_TOKEN", []byte("7:"+strings.Repeat("x", 79)))
	dir := f.TempDir()
	file := filepath.Join(dir, "token")
	f.Fuzz(func(t *testing.T, value, name string, text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		env := func(n string) string {
			if n == name {
				return value
			}
			return ""
		}
		for _, src := range []Sources{
			{Getenv: env}, {Getenv: env, Env: name}, {Getenv: env, Env: value}, {Getenv: env, File: file},
			{Getenv: env, File: name}, {Getenv: env, File: value},
		} {
			if src.File != file && src.File != "" {
				src.File = filepath.Join(dir, "no such folder", src.File)
			}
			found, err := Find(src)
			if err != nil {
				if found.Token != "" || strings.ContainsAny(err.Error(), "\n\r") {
					t.Fatalf("%+v: %q, %q", src, found.Token.Reveal(), err)
				}
				for _, text := range []string{value, name, string(text)} {
					for _, secret := range secretsIn(text) {
						if strings.Contains(err.Error(), secret) {
							t.Fatalf("%q quotes %q", err, secret)
						}
					}
				}
				continue
			}
			if found.Token == "" {
				continue
			}
			if !hasForm(found.Token.Reveal()) {
				t.Fatalf("%+v: accepted %q", src, found.Token.Reveal())
			}
			if !strings.Contains(value, found.Token.Reveal()) && !bytes.Contains(text, []byte(found.Token.Reveal())) {
				t.Fatalf("%+v: token %q comes from nowhere", src, found.Token.Reveal())
			}
			for _, printed := range []string{found.Token.String(), found.Token.GoString(), found.Token.LogValue().String()} {
				if printed != found.Token.ID()+":***" {
					t.Fatalf("%q prints as %q", found.Token.Reveal(), printed)
				}
			}
		}
	})
}

// quotes fails when err quotes what may be a secret in text: err may name the path, and nothing longer
// than a word of its own that text happens to hold.
func quotes(t *testing.T, err error, text []byte, path string) {
	t.Helper()
	if err == nil || errors.As(err, new(*AmbiguousError)) {
		return
	}
	msg := strings.ReplaceAll(err.Error(), path, "")
	for _, own := range []string{`read "": not of the form NAME=value`, `read "": larger than`} {
		if strings.HasPrefix(msg, own) {
			return
		}
	}
	t.Fatalf("%q: error %q", text, err)
}

// hasForm says whether s is "<digits>:<secret>", both of their alphabet and a bounded length.
func hasForm(s string) bool {
	id, secret, ok := strings.Cut(s, ":")
	notOf := func(s, alphabet string) bool { return s == "" || strings.Trim(s, alphabet) != "" }
	return ok && id[:min(1, len(id))] != "0" && len(id) <= 16 && len(s) <= 80 && !notOf(id, "0123456789") &&
		!notOf(secret, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-")
}

// secretsIn are the parts of text that have the form of a real token, with all of their digits.
func secretsIn(text string) []string {
	var list []string
	for at := range text {
		if n := secretLen([]byte(text), at, nil); n > 0 {
			id := len(strings.TrimRight(text[:strings.LastIndexAny(text[:at], ":%")], "0123456789"))
			list = append(list, text[id:at+n])
		}
	}
	return list
}
