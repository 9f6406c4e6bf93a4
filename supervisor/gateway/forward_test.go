package gateway

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"botctl/supervisor/token"
)

func TestCallsPassAsTheyCome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, func(_ int, rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X-Server", "yes")
			rw.Header().Set("Connection", "X-Hop")
			rw.Header().Set("X-Hop", "no")
			rw.WriteHeader(http.StatusTeapot)
			io.WriteString(rw, "short and stout")
		})
		req, _ := http.NewRequest(http.MethodPost, "http://localhost"+w.bot("sendMessage?chat_id=1&text=a%20b+c"), strings.NewReader(`{"x":1}`))
		req.Header = http.Header{
			"Content-Type": {"application/json"}, "X-Own": {"a", "b"}, "User-Agent": {"ptb"}, "Connection": {"X-Secret-Hop"}, "X-Secret-Hop": {"1"},
			"Te": {"trailers"}, "Proxy-Authorization": {"Basic x"}, "Accept-Encoding": {"br"},
		}
		got := w.do(req)
		if got.status != 418 || got.body != "short and stout" || got.header.Get("X-Server") != "yes" || got.header.Get("X-Hop") != "" {
			t.Errorf("%+v", got)
		}
		s := w.requests()[0]
		if s.method != "POST" || s.path != "/bot"+realToken.Reveal()+"/sendMessage" || s.query != "chat_id=1&text=a%20b+c" || s.body != `{"x":1}` || s.length != 7 {
			t.Errorf("the server got %+v", s)
		}
		h := s.header
		if h.Get("User-Agent") != "ptb" || len(h["X-Own"]) != 2 || h.Get("X-Secret-Hop") != "" || h.Get("Te") != "" || h.Get("Proxy-Authorization") != "" || h.Get("Accept-Encoding") != "br" {
			t.Errorf("headers %v", h)
		}
	})
}

func TestBodiesOfEveryFormPass(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 40_000)
	for name, one := range map[string]struct {
		method string
		body   io.Reader
		want   string
	}{
		"none":                   {http.MethodPost, nil, ""},
		"GET with a body":        {http.MethodGet, strings.NewReader("a=b"), "a=b"},
		"large, of known size":   {http.MethodPost, strings.NewReader(big), big},
		"chunks":                 {http.MethodPost, struct{ io.Reader }{strings.NewReader("in chunks")}, "in chunks"},
		"large, in chunks":       {http.MethodPost, struct{ io.Reader }{strings.NewReader(big)}, big},
		"GET with chunks":        {http.MethodGet, struct{ io.Reader }{strings.NewReader("a=b")}, "a=b"},
		"bytes that are no text": {http.MethodPost, strings.NewReader("\x00\xff\r\n\r\n"), "\x00\xff\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := build(t, Options{}, nil)
				req, _ := http.NewRequest(one.method, "http://localhost"+w.bot("sendDocument"), one.body)
				if got := w.do(req); got.status != 200 {
					t.Fatalf("%+v", got)
				}
				if s := w.requests()[0]; s.body != one.want || s.method != one.method {
					t.Errorf("%s of %d bytes came, want %s of %d", s.method, len(s.body), one.method, len(one.want))
				}
			})
		})
	}
}

// An upload and a download are both seen at the other end while they still go on.
func TestBothDirectionsStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		arrived := make(chan string, 10)
		w := build(t, Options{}, nil)
		w.server.answer = nil
		// The world's server reads bodies whole, so this one goes before it.
		w.g.up.transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			buf := make([]byte, 100)
			for {
				n, err := r.Body.Read(buf)
				if n > 0 {
					arrived <- string(buf[:n])
				}
				if err != nil {
					break
				}
			}
			pr, pw := io.Pipe()
			go func() {
				for i := range 3 {
					fmt.Fprintf(pw, "part %d;", i)
					time.Sleep(time.Second)
				}
				pw.Close()
			}()
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: pr, ContentLength: 21}, nil
		})
		up, upload := io.Pipe()
		var form bytes.Buffer
		form.WriteString("begin")
		req, _ := http.NewRequest(http.MethodPost, "http://localhost"+w.bot("sendDocument"), up)
		type half struct {
			resp *http.Response
			err  error
		}
		got := make(chan half, 1)
		go func() {
			resp, err := w.client.Do(req)
			got <- half{resp, err}
		}()
		for i := range 3 {
			fmt.Fprintf(upload, "chunk %d", i)
			synctest.Wait()
			if s := <-arrived; s != fmt.Sprintf("chunk %d", i) {
				t.Fatalf("arrived %q", s)
			}
			time.Sleep(30 * time.Second)
		}
		upload.Close()
		h := <-got
		if h.err != nil {
			t.Fatal(h.err)
		}
		defer h.resp.Body.Close()
		start := time.Now()
		buf := make([]byte, 100)
		for i := range 3 {
			n, err := h.resp.Body.Read(buf)
			if err != nil || string(buf[:n]) != fmt.Sprintf("part %d;", i) || time.Since(start) != time.Duration(i)*time.Second {
				t.Errorf("%q after %v: %v", buf[:n], time.Since(start), err)
			}
		}
		time.Sleep(time.Second) // the server ends its answer
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAMultipartUploadInChunks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		pr, pw := io.Pipe()
		form := multipart.NewWriter(pw)
		file := bytes.Repeat([]byte{0, 1, 2, 3, 255}, 200_000)
		go func() {
			form.WriteField("chat_id", "1")
			part, _ := form.CreateFormFile("document", "x.bin")
			part.Write(file)
			form.Close()
			pw.Close()
		}()
		req, _ := http.NewRequest(http.MethodPost, "http://localhost"+w.bot("sendDocument"), pr)
		req.Header.Set("Content-Type", form.FormDataContentType())
		if got := w.do(req); got.status != 200 {
			t.Fatalf("%+v", got)
		}
		s := w.requests()[0]
		if !s.chunked || !strings.Contains(s.body, string(file)) || !strings.HasPrefix(s.header.Get("Content-Type"), "multipart/form-data; boundary=") {
			t.Errorf("chunked %v, %d bytes of %q", s.chunked, len(s.body), s.header.Get("Content-Type"))
		}
	})
}

func TestFilesAreDownloaded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		file := strings.Repeat("\x89PNG\r\n", 50_000)
		w := build(t, Options{}, func(_ int, rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, file) })
		got := w.get("/file" + w.bot("photos/file%200.jpg"))
		if got.body != file || w.requests()[0].path != "/file/bot"+realToken.Reveal()+"/photos/file%200.jpg" {
			t.Errorf("%d bytes, from %s", len(got.body), w.requests()[0].path)
		}
	})
}

func TestADownloadThatBreaksIsSeenToBreak(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, func(_ int, rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "100")
			io.WriteString(rw, "half")
			rw.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
		if got := w.get("/file" + w.bot("x")); got.err == nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestErrorsOfCallsArePassedOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, func(_ int, rw http.ResponseWriter, r *http.Request) {
			switch r.FormValue("code") {
			case "429":
				rw.Header().Set("Retry-After", "3")
				fails(rw, 429, "Too Many Requests: retry after 3")
			case "500":
				fails(rw, 500, "Internal Server Error: restart")
			case "0":
				panic(http.ErrAbortHandler)
			}
		})
		if got := w.get(w.bot("sendMessage?code=429")); got.status != 429 || got.header.Get("Retry-After") != "3" || got.after != 0 {
			t.Errorf("%+v", got)
		}
		if got := w.get(w.bot("sendMessage?code=500")); got.status != 500 || !strings.Contains(got.body, "restart") {
			t.Errorf("%+v", got)
		}
		got := w.get(w.bot("sendMessage?code=0"))
		if got.status != 502 || !strings.HasPrefix(got.body, `{"ok":false,"error_code":502,"description":"Bad Gateway: `) {
			t.Errorf("%+v", got)
		}
		if n := len(w.requests()); n != 4 && n != 3 { // net/http may try a GET again
			t.Errorf("%d requests", n)
		}
	})
}

func TestADeletedWebhookLetsPollsGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gone := false
		w := build(t, Options{}, func(n int, rw http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "deleteWebhook"):
				gone = true
				io.WriteString(rw, `{"ok":true,"result":true}`)
			case !gone:
				fails(rw, 409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
			default:
				batch(7)(n, rw, r)
			}
		})
		ch := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=50")) })
		time.Sleep(10 * time.Second)
		if !w.g.Snapshot().Webhook {
			t.Error("the webhook is not known")
		}
		w.get(w.bot("deleteWebhook"))
		if got := <-ch; got.after != 10*time.Second || !strings.Contains(got.body, ":7,") {
			t.Errorf("%+v", got)
		}
		if k := w.reported(); len(k) != 1 || k[0] != Webhook {
			t.Errorf("reported %v", k)
		}
	})
}

// What a client says wrong is answered in the server's words and goes nowhere.
func TestOnlyTheBotsTokenIsAccepted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		real := realToken.Reveal()
		escaped := strings.Replace(real, ":", "%3A", 1)
		for path, want := range map[string]int{
			"/bot" + real + "/getMe":    200,
			"/bot" + escaped + "/getMe": 200,
			"/bot" + strings.ToLower(escaped[:12]) + escaped[12:] + "/getMe": 200,
			"/bot" + real + "/test/getMe":                                    200,
			"/bot%31" + real[1:] + "/getMe":                                  200,
			"/file/bot" + real + "/a/b":                                      200,
			"/bot" + strings.ToLower(real) + "/getMe":                        401,
			"/bot" + real + "x/getMe":                                        401,
			"/bot110201543:other/getMe":                                      401,
			"/bot110201543/getMe":                                            404,
			"/bot/getMe":                                                     404,
			"/bot:/getMe":                                                    404,
			"/botx:y/getMe":                                                  404,
			"/BOT" + real + "/getMe":                                         404,
			"/bot" + real:                                                    404,
			"/":                                                              404,
			"/bot" + real + "/../bot110201543:other/getMe":                   404,
			"/file/bot" + real + "/%2e%2e/%2E%2e/bot1:a/getMe":               404,
			"/file/bot" + real + "/..%2f..%2fbot1:a/getMe":                   404,
			"/file/bot" + real + "/..;x/a":                                   404,
			"/file/bot" + real + "/a%00b":                                    404,
			"/bot" + real + "%2fgetMe":                                       200, // as the real server: unescaped, then cut
			"/bot" + strings.Repeat("1", 100) + ":a/getMe":                   404,
		} {
			before := len(w.requests())
			req, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Opaque = path // as it is written
			got := w.do(req)
			if got.status != want {
				t.Errorf("%s: %+v, want %d", strings.ReplaceAll(path, real, "TOKEN"), got, want)
			}
			if passed := len(w.requests()) > before; passed != (want == 200) {
				t.Errorf("%s: passed on: %v", path, passed)
			}
			if want != 200 && !strings.HasPrefix(got.body, fmt.Sprintf(`{"ok":false,"error_code":%d,"description":`, want)) {
				t.Errorf("%s: %s", path, got.body)
			}
		}
	})
}

func TestOnlyThisMachineIsAnswered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		for _, one := range []struct {
			host, name, value string
			want              int
		}{
			{host: "localhost", want: 200}, {host: "127.0.0.1:8080", want: 200}, {host: "[::1]:1", want: 200}, {host: "LOCALHOST:1", want: 200},
			{host: "evil.example", want: 403}, {host: "127.0.0.1.evil.example", want: 403}, {host: "10.0.0.1", want: 403}, {host: "localhost.evil.example:80", want: 403},
			{host: "localhost", name: "Origin", value: "http://evil.example", want: 403},
			{host: "localhost", name: "Origin", value: "null", want: 403},
			{host: "localhost", name: "Sec-Fetch-Site", value: "cross-site", want: 403},
		} {
			req, _ := http.NewRequest(http.MethodGet, "http://localhost"+w.bot("getMe"), nil)
			req.Host = one.host
			if one.name != "" {
				req.Header.Set(one.name, one.value)
			}
			if got := w.do(req); got.status != one.want {
				t.Errorf("%+v: %d", one, got.status)
			}
		}
		for _, method := range []string{"PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "BREW"} {
			req, _ := http.NewRequest(method, "http://localhost"+w.bot("getMe"), nil)
			if got := w.do(req); got.status != 501 || got.body != "" {
				t.Errorf("%s: %+v", method, got)
			}
		}
	})
}

func TestTheRealTokenStaysHere(t *testing.T) {
	for name, opts := range map[string]Options{"of real shape": {Substitute: true}, "of a test": {Substitute: true, Token: "123:abc"}} {
		t.Run(name, func(t *testing.T) {
			real, secret := realToken.Reveal(), realToken.Secret()
			if opts.Token == "" {
				opts.Token = realToken
			} else {
				real, secret = opts.Token.Reveal(), opts.Token.Reveal() // "abc" alone may be a word
			}
			bubble(t, func(t *testing.T) {
				w := build(t, opts, func(_ int, rw http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/getUpdates") {
						fmt.Fprintf(rw, `{"ok":true,"result":[{"update_id":1,"message":{"text":"%s"}}]}`, real)
						return
					}
					rw.Header().Set("Location", "https://api.telegram.org"+r.URL.Path)
					rw.Header().Set("X-Odd", "bot"+strings.Replace(real, ":", "%3A", 1))
					code := 404
					if r.FormValue("ok") != "" {
						code = 200
					}
					rw.WriteHeader(code)
					text := fmt.Sprintf(`{"ok":true,"result":{"url":"https://x/%s","description":"no %s here"}}`, real, real)
					for i := 0; i < len(text); i += 7 { // cut anywhere
						io.WriteString(rw, text[i:min(i+7, len(text))])
						rw.(http.Flusher).Flush()
					}
				})
				sub := w.s.Token()
				if sub == opts.Token || sub.ID() != token.Token(real).ID() || !token.LooksReal("11020"+sub.Reveal()) || len(sub.Secret()) != 35 {
					t.Errorf("the substitute is of the form %q", sub)
				}
				for range 2 {
					if got := w.get("/bot" + real + "/getMe"); got.status != 401 || len(w.requests()) != 0 {
						t.Errorf("the real token is accepted: %+v", got)
					}
				}
				if k := w.reported(); len(k) != 1 || k[0] != RealToken {
					t.Errorf("reported %v", k)
				}
				for _, path := range []string{"getWebhookInfo", "getWebhookInfo?ok=1", "getUpdates?timeout=5"} {
					got := w.get(w.bot(path))
					if got.err != nil || strings.Contains(got.body+fmt.Sprint(got.header), secret) {
						t.Errorf("%s: the real token came back, or %v: %s", path, got.err, got.body)
					}
					if !strings.Contains(got.body, sub.Reveal()) {
						t.Errorf("%s: %s", path, got.body)
					}
				}
				for _, s := range w.requests() {
					if !strings.HasPrefix(s.path, "/bot"+real+"/") || strings.Contains(fmt.Sprint(s), sub.Secret()) {
						t.Errorf("the server got %+v", s)
					}
				}
			})
		})
	}
}
