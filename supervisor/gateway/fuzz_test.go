package gateway

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whatever a path looks like: what goes to the server is below its base and the real token, and nowhere else, even for
// a server that resolves dots or unescapes twice.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"/bot1:a/getMe", "/bot1%3Aa/getMe", "/bot1:a/test/getUpdates", "/file/bot1:a/photos/file 0.jpg", "/file/bot1:a/../x", "/bot1:a", "/bot", "//", "/bot1:a/%2e%2e/x",
		"/bot1:a/..\\x", "/bot1:a/?#&;", "/bot1:a/\x00", "/bot1:a/é", "/file/bot1:a/...", "/bot1:a/a//b/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, p := range []string{path, unescape(path)} {
			target, ok := parsePath(p)
			if !ok {
				continue
			}
			if strings.ContainsAny(target.token, "/") || target.token == "" {
				t.Fatalf("token %q", target.token)
			}
			out := target.under("/base", "9:real")
			want := "/base/bot9:real/"
			if target.file {
				want = "/base/file/bot9:real/"
			}
			if !strings.HasPrefix(out, want) {
				t.Fatalf("%q becomes %q", p, out)
			}
			back, err := url.PathUnescape(out)
			if err != nil || back != want+target.rest {
				t.Fatalf("%q becomes %q, which reads %q: %v", p, out, back, err)
			}
			if strings.ContainsAny(out, " ?#\r\n\x00") {
				t.Fatalf("%q becomes %q, which is no path", p, out)
			}
			for _, step := range strings.FieldsFunc(back, func(c rune) bool { return c == '/' || c == '\\' }) {
				if step == ".." || step == "." {
					t.Fatalf("%q becomes %q, which climbs", p, out)
				}
			}
			u := &url.URL{Path: back, RawPath: out}
			if u.EscapedPath() != out {
				t.Fatalf("net/url writes %q for %q", u.EscapedPath(), out)
			}
		}
	})
}

// A poll's parameters, however they come, are within the server's limits, and what is passed on reads the same.
func FuzzParams(f *testing.F) {
	const form, jsonType, multi = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b"
	for _, s := range [][4]string{
		{"offset=5&timeout=3", "", "", ""}, {"", form, "", "offset=-1&limit=0&timeout=999"}, {"", jsonType, "", `{"offset":4294967295,"limit":null,"timeout":"50"}`},
		{"", jsonType, "", "null"}, {"", jsonType, "", `{"offset":`}, {"", jsonType, "", `[1]`}, {"offset=%zz&offset=7", multi, "", part("offset", "8") + "--b--\r\n"},
		{"", jsonType, "", ` { "offset" : 1.5e3 , "allowed_updates" : [ "message" ] } `}, {"a=b&&=&c", form, "gzip", "\x1f\x8b"}, {"", multi, "", "--b\r\n\r\nx"}, {"", "multipart/form-data", "", "x"},
		{"allowed_updates=%5B%22message%22%5D", form + "; charset=utf-8", "deflate", "x"}, {"offset=99999999999999999999999", "", "", ""}, {"timeout=10&timeout=20", "", "", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	f.Fuzz(func(t *testing.T, query, kind, encoding, body string) {
		p, err := paramsOf(query, kind, encoding, []byte(body))
		if err != nil {
			if err != errTooLarge { //nolint:errorlint // it is the only one
				t.Fatal(err)
			}
			return
		}
		a := p.ask()
		if a.limit < 1 || a.limit > 100 || a.timeout < 0 || a.timeout > maxPoll || a.offset != int64(int32(a.offset)) {
			t.Fatalf("asked %+v", a)
		}
		sent, err := paramsOf("", form, "", []byte(p.query(a.offset, a.timeout)))
		if err != nil {
			t.Fatal(err)
		}
		b := sent.ask()
		if b != a {
			t.Fatalf("%+v was asked, %+v is sent: %v", a, b, sent)
		}
		if len(p) <= 100 && sent.get("allowed_updates") != p.get("allowed_updates") {
			t.Fatalf("allowed_updates %q became %q", p.get("allowed_updates"), sent.get("allowed_updates"))
		}
		var names []string
		for _, one := range sent {
			names = append(names, one.name)
		}
		if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Fatalf("a name twice in %q", names)
		}
	})
}

// integer agrees with plain arithmetic wherever that has an answer.
func FuzzInteger(f *testing.F) {
	for _, s := range []string{"", "0", "-1", "4294967295", "12abc", "abc", "-", "--1", "2147483648", " 1", "1.5", "null", "+1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := integer(s, 42)
		if got != int64(int32(got)) {
			t.Fatalf("%q reads as %d", s, got)
		}
		if n, err := strconv.ParseInt(s, 10, 32); err == nil && !strings.HasPrefix(s, "+") && got != n {
			t.Fatalf("%q reads as %d", s, got)
		}
		if s == "" && got != 42 {
			t.Fatal("empty is not the default")
		}
	})
}

// The line keeps its rules whatever happens in whatever order: one poll at the server, an answer for every poll in
// its time, no update below what was acknowledged.
func FuzzLine(f *testing.F) {
	f.Add([]byte{0, 10, 3, 1, 5, 20, 0, 0, 7, 200, 9, 9, 1, 2, 3})
	f.Add([]byte("a rather long script of what may happen, letter by letter"))
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 2000)]
		l := &line{seed: 7}
		l.serve(1)
		now := t0
		var polls []*poll
		var floor int64
		tail := int64(1000)
		end := func(p *poll) { polls = slices.DeleteFunc(polls, func(o *poll) bool { return o == p }) }
		var act func(p *poll, st step)
		act = func(p *poll, st step) {
			switch st.do {
			case empty:
				end(p)
			case cancel:
				next, _, _ := l.result(p, outcome{}, now)
				act(p, next)
			case send:
				if st.ask.offset >= 0 && st.ask.offset < floor {
					t.Fatalf("offset %d is asked for, %d is acknowledged", st.ask.offset, floor)
				}
			case wait:
				if !st.until.After(now) && p.sent.IsZero() && !l.occupied() {
					t.Fatalf("to wait until %v, and it is %v", st.until, now)
				}
			case pass:
				t.Fatal("an answer that nobody gave")
			}
		}
		for i := 0; i+1 < len(script); i += 2 {
			arg := int64(script[i+1])
			switch s := seat(1 + script[i]>>4&1); script[i] % 8 {
			case 0, 1:
				offset := arg % 4
				if offset > 0 {
					offset = min(floor+offset-1, tail)
				}
				if p, ok := l.begin(s, ask{offset: offset, limit: 100, timeout: time.Duration(arg%51) * time.Second}, now); ok {
					polls = append(polls, p)
				}
				floor = max(floor, l.ack)
			case 2:
				l.serve(s)
			case 3:
				l.serve(nobody)
			case 4:
				l.release(s)
			case 5, 6:
				for _, p := range slices.Clone(polls) {
					if p.sent.IsZero() {
						continue
					}
					out := outcome{kind: outcomeKind(arg % 8), retry: time.Duration(arg) * time.Second}
					if out.kind == answered && arg%3 == 0 && p.sentAsk.offset <= tail {
						out.ids = []int64{max(p.sentAsk.offset, 1000), tail}
						tail++
					}
					st, drop, _ := l.result(p, out, now)
					if st.do != pass {
						act(p, st)
						continue
					}
					for _, id := range out.ids {
						if id < floor && (drop == nil || !drop(id)) {
							t.Fatalf("update %d is delivered, %d is acknowledged", id, floor)
						}
					}
					end(p)
				}
			default:
				now = now.Add(time.Duration(arg) * 100 * time.Millisecond)
			}
			if l.ack < floor {
				t.Fatalf("acknowledged %d, and then %d", floor, l.ack)
			}
			atServer := 0
			for _, p := range slices.Clone(polls) {
				act(p, l.next(p, now))
			}
			for _, p := range polls {
				if !p.sent.IsZero() {
					atServer++
				}
			}
			if atServer > 1 {
				t.Fatalf("%d polls are at the server", atServer)
			}
		}
		// Whatever the state is: within a minute all are answered.
		for range 2 * maxParked {
			now = now.Add(time.Second)
			for _, p := range slices.Clone(polls) {
				act(p, l.next(p, now))
			}
		}
		for _, p := range polls {
			t.Fatalf("a poll of %v ago is not answered: %+v", now.Sub(p.begun), *p)
		}
	})
}
