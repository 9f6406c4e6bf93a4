package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAConflictNeverReachesTheBot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, func(n int, rw http.ResponseWriter, r *http.Request) {
			if n <= 20 {
				fails(rw, 409, conflictText)
				return
			}
			quiet(rw, r)
		})
		start, polls := time.Now(), 0
		for len(w.requests()) < 22 {
			polls++
			got := w.get(w.bot("getUpdates?timeout=20"))
			if got.status != 200 || got.body != `{"ok":true,"result":[]}` || got.header.Get("Botctl-Parked") != "" || got.after < 19*time.Second || got.after > 22*time.Second {
				t.Fatalf("poll %d: %+v", polls, got)
			}
			if polls > 30 {
				t.Fatal("no end of it")
			}
		}
		if n := w.g.Snapshot().Conflicts; n != 20 {
			t.Errorf("%d conflicts absorbed, want 20", n)
		}
		if k := w.reported(); len(k) != 21 || k[20] != Undisturbed {
			t.Errorf("reported %v after %v", k, time.Since(start))
		}
		for i, r := range w.requests()[1:] {
			if pause := r.at - w.requests()[i].at; pause < time.Second {
				t.Errorf("request %d came %v after the one before", i+2, pause)
			}
		}
	})
}

func TestOnePollAtATimeReachesTheServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		var replies []<-chan reply
		for i := range 5 {
			replies = append(replies, w.beside(func() reply { return w.get(w.bot(fmt.Sprintf("getUpdates?timeout=30&offset=%d", i))) }))
			synctest.Wait()
		}
		var after []time.Duration
		for i, ch := range replies {
			got := <-ch
			if got.status != 200 || got.body != `{"ok":true,"result":[]}` {
				t.Errorf("poll %d: %+v", i, got)
			}
			after = append(after, got.after)
		}
		slices.Sort(after)
		if want := []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second, 30 * time.Second}; !slices.Equal(after, want) {
			t.Errorf("answered after %v, want the older ones one a second and the newest at its timeout", after)
		}
		if w.server.most != 1 {
			t.Errorf("%d polls at once were at the server", w.server.most)
		}
	})
}

func TestAClientThatLeavesTakesItsPollAlong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		ctx, leave := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+w.bot("getUpdates?timeout=50"), nil)
		ch := w.beside(func() reply { return w.do(req) })
		synctest.Wait()
		if s := w.g.Snapshot(); s.AtServer != 1 {
			t.Fatalf("%+v", s)
		}
		leave()
		if got := <-ch; !errors.Is(got.err, context.Canceled) {
			t.Fatalf("%+v", got)
		}
		synctest.Wait()
		if s := w.g.Snapshot(); s.AtServer+s.Parked != 0 || s.IdleSince.IsZero() {
			t.Errorf("%+v", s)
		}
		if w.server.open != 0 {
			t.Error("its request is still at the server")
		}
		if got := w.get(w.bot("getUpdates?timeout=1")); got.after != time.Second {
			t.Errorf("the next poll: %+v", got)
		}
	})
}

func TestHoldAndServe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		open := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=30&offset=5")) })
		synctest.Wait()
		time.Sleep(5 * time.Second)
		w.s.Hold()
		synctest.Wait()
		if s := w.g.Snapshot(); !s.Holding || s.AtServer != 0 || s.Parked != 1 || w.server.open != 0 {
			t.Fatalf("on hold: %+v, %d open at the server", s, w.server.open)
		}
		if got := <-open; got.body != `{"ok":true,"result":[]}` || got.after != 30*time.Second {
			t.Errorf("the parked poll: %+v", got)
		} else if got.header.Get("Botctl-Parked") != "1" {
			t.Errorf("headers of a parked poll's answer: %v", got.header)
		}
		for _, method := range []string{"setWebhook?url=https://x", "DELETEWEBHOOK", "close", "logOut"} {
			if got := w.get(w.bot(method)); got.body != `{"ok":true,"result":true}` || got.status != 200 {
				t.Errorf("%s while parked: %+v", method, got)
			}
		}
		if n := len(w.requests()); n != 1 {
			t.Errorf("%d requests reached the server, want the first poll alone", n)
		}
		parked := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=30&offset=5")) })
		synctest.Wait()
		time.Sleep(10 * time.Second)
		w.s.Serve()
		if got := <-parked; got.after != 30*time.Second || len(w.requests()) != 2 || formText(w.requests()[1])["timeout"] != "20" {
			t.Errorf("released after 10 s: %+v, %+v", got, w.requests())
		}
		if got := w.get(w.bot("deleteWebhook")); got.status != 200 || len(w.requests()) != 3 {
			t.Errorf("deleteWebhook of a child that serves: %+v", got)
		}
	})
}

func formText(s seen) map[string]string {
	p, _ := paramsOf(s.query, s.header.Get("Content-Type"), "", []byte(s.body))
	m := map[string]string{}
	for _, one := range p {
		m[one.name] = one.value
	}
	return m
}

// batch answers polls with updates, each once it is asked for.
func batch(ids ...int64) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/getUpdates") {
			io.WriteString(rw, `{"ok":true,"result":true}`)
			return
		}
		a := formOf(r).ask()
		var list []string
		for _, id := range ids {
			if id >= a.offset && len(list) < a.limit {
				list = append(list, fmt.Sprintf(`{"update_id":%d,`+"\n"+`"message":{"text":"x"}}`, id))
			}
		}
		if len(list) == 0 {
			quiet(rw, r)
			return
		}
		io.WriteString(rw, `{"ok":true,"result":[`+strings.Join(list, ",\n")+`]}`)
	}
}

func TestDrainWaitsForTheBot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, batch(100))
		if got := w.get(w.bot("getUpdates?timeout=10")); !strings.Contains(got.body, `"update_id":100`) {
			t.Fatalf("%+v", got)
		}
		w.s.Hold()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.s.Drain(short); err == nil || !strings.Contains(err.Error(), "has not asked for more") {
			t.Errorf("drained while the bot handles: %v", err)
		}
		start := time.Now()
		go func() {
			time.Sleep(3 * time.Second) // its handler
			w.get(w.bot("sendMessage"))
			w.get(w.bot("getUpdates?timeout=10&offset=101"))
		}()
		if err := w.s.Drain(t.Context()); err != nil || time.Since(start) != 4*time.Second {
			t.Errorf("drained after %v: %v; want 3 s of the handler and 1 s of quiet", time.Since(start), err)
		}
		if err := w.g.Confirm(t.Context()); err != nil {
			t.Fatal(err)
		}
		last := w.requests()[len(w.requests())-1]
		if f := formText(last); f["offset"] != "101" || f["limit"] != "1" || f["timeout"] != "0" {
			t.Errorf("confirmed by %v", f)
		}
		n := len(w.requests())
		if err := w.g.Confirm(t.Context()); err != nil || len(w.requests()) != n {
			t.Errorf("confirmed twice: %v", err)
		}
		time.Sleep(20 * time.Second)
	})
}

// The server reads an offset when the request comes, and answers a hasty one after 3 s.
func TestAConfirmationIsNotWaitedForLongerThanItTakesToBeRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, func(n int, rw http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("User-Agent"), "supervisor") {
				time.Sleep(3 * time.Second)
			}
			batch(100)(n, rw, r)
		})
		w.get(w.bot("getUpdates?timeout=10"))
		ch := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=10&offset=101")) })
		synctest.Wait()
		w.s.Hold()
		start := time.Now()
		if err := w.g.Confirm(t.Context()); err != nil || time.Since(start) != readTime {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		<-ch
		if err := w.g.Confirm(t.Context()); err != nil || len(w.requests()) != 3 {
			t.Errorf("%d requests, want no second confirmation: %v", len(w.requests()), err)
		}
	})
}

// A poll that was at the server for a while has been read, so nothing is left to confirm.
func TestAPollThatWasAtTheServerConfirms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, batch(100))
		w.get(w.bot("getUpdates?timeout=10"))
		ch := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=10&offset=101")) })
		time.Sleep(readTime)
		w.s.Hold()
		synctest.Wait()
		if err := w.g.Confirm(t.Context()); err != nil || len(w.requests()) != 2 {
			t.Errorf("%d requests, want no confirmation: %v", len(w.requests()), err)
		}
		<-ch
	})
}

// A server that is away is asked again, until the time is over.
func TestAConfirmationThatFailsIsRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		away := true
		w := build(t, Options{}, func(n int, rw http.ResponseWriter, r *http.Request) {
			if away && strings.Contains(r.Header.Get("User-Agent"), "supervisor") {
				fails(rw, 502, "Bad Gateway")
				return
			}
			batch(100)(n, rw, r)
		})
		w.get(w.bot("getUpdates?timeout=10"))
		w.s.Hold()
		w.get(w.bot("getUpdates?timeout=0&offset=101"))
		short, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		if err := w.g.Confirm(short); err == nil || !strings.Contains(err.Error(), "confirm offset 101: 502 Bad Gateway") || len(w.requests()) != 5 {
			t.Errorf("%d requests: %v", len(w.requests()), err)
		}
		away = false
		if err := w.g.Confirm(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestDrainOfAnIdleBotIsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		w.get(w.bot("getMe"))
		ch := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=10")) })
		time.Sleep(5 * time.Second)
		w.s.Hold()
		start := time.Now()
		if err := w.s.Drain(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		<-ch
	})
}

func TestAnotherChildTakesOverWhereTheFirstEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{Substitute: true}, batch(100, 101))
		w.get(w.bot("getUpdates?timeout=10&limit=1"))
		second := w.g.Admit(2)
		fresh := w.beside(func() reply { return w.get("/bot" + second.Token().Reveal() + "/getUpdates?timeout=30") })
		if err := second.Polled(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.s.Hold()
		asked := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=30&offset=101")) })
		if err := w.s.Asked(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		second.Serve()
		if got := <-fresh; strings.Contains(got.body, `:100,`) || !strings.Contains(got.body, `:101,`) || time.Since(start) != 0 {
			t.Errorf("the newcomer got %+v after %v", got, time.Since(start))
		}
		w.s.Leave()
		if got := <-asked; got.body != `{"ok":true,"result":[]}` {
			t.Errorf("the old one got %+v", got)
		}
		if got := w.get(w.bot("getMe")); got.status != 401 {
			t.Errorf("its token after it left: %+v", got)
		}
	})
}

func TestTroubleIsSitOutWithinThePoll(t *testing.T) {
	for name, trouble := range map[string]func(rw http.ResponseWriter){
		"JSON": func(rw http.ResponseWriter) { fails(rw, 502, "Bad Gateway") },
		"HTML": func(rw http.ResponseWriter) {
			rw.WriteHeader(http.StatusBadGateway)
			io.WriteString(rw, "<html>502</html>")
		},
		"reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"empty": func(http.ResponseWriter) {},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := build(t, Options{}, func(n int, rw http.ResponseWriter, r *http.Request) {
					if n <= 3 {
						trouble(rw)
						return
					}
					batch(7)(n, rw, r)
				})
				got := w.get(w.bot("getUpdates?timeout=50"))
				if got.status != 200 || !strings.Contains(got.body, `"update_id":7`) || got.after < 3*time.Second || got.after > 10*time.Second {
					t.Errorf("%+v", got)
				}
				if k := w.reported(); !slices.Equal(k, []EventKind{Trouble, Trouble, Trouble, Undisturbed}) {
					t.Errorf("reported %v", k)
				}
			})
		})
	}
}

func TestAHungPollIsFreed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		if got := w.get(w.bot("getUpdates?timeout=10")); got.after != 12*time.Second || got.body != `{"ok":true,"result":[]}` {
			t.Errorf("by itself: %+v", got)
		}
		ch := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=50")) })
		time.Sleep(5 * time.Second)
		if n := w.s.FreePoll(); n != 1 {
			t.Errorf("%d freed", n)
		}
		if got := <-ch; got.after != 5*time.Second || got.body != `{"ok":true,"result":[]}` {
			t.Errorf("on request: %+v", got)
		}
	})
}

func TestEveryWayOfAskingIsRead(t *testing.T) {
	for name, ask := range map[string]func(w *world) reply{
		"query": func(w *world) reply {
			return w.get(w.bot("getUpdates?offset=5&timeout=3&limit=2&allowed_updates=%5B%5D"))
		},
		"form": func(w *world) reply {
			return w.post(w.bot("GETUPDATES"), "application/x-www-form-urlencoded", "offset=5&timeout=3&limit=2&allowed_updates=[]")
		},
		"JSON": func(w *world) reply {
			return w.post(w.bot("getUpdates"), "application/json", `{"offset":5,"timeout":"3","limit":2,"allowed_updates":[]}`)
		},
		"multipart": func(w *world) reply {
			return w.post(w.bot("getUpdates"), "multipart/form-data; boundary=b", part("offset", "5")+part("timeout", "3")+part("limit", "2")+part("allowed_updates", "[]")+"--b--\r\n")
		},
		"chunks": func(w *world) reply {
			body := struct{ io.Reader }{strings.NewReader(part("offset", "5") + part("timeout", "3") + part("limit", "2") + part("allowed_updates", "[]") + "--b--\r\n")}
			req, _ := http.NewRequest(http.MethodPost, "http://localhost"+w.bot("getUpdates"), body)
			req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			return w.do(req)
		},
		"GET with a body": func(w *world) reply {
			req, _ := http.NewRequest(http.MethodGet, "http://localhost"+w.bot("getUpdates"), strings.NewReader("offset=5&timeout=3&limit=2&allowed_updates=[]"))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return w.do(req)
		},
		"method as a parameter": func(w *world) reply {
			return w.post(w.bot(""), "application/json", `{"method":"getUpdates","offset":5,"timeout":3,"limit":2,"allowed_updates":[]}`)
		},
		"query before body": func(w *world) reply {
			return w.post(w.bot("getUpdates?offset=5"), "application/x-www-form-urlencoded", "offset=9&timeout=3&limit=2&allowed_updates=[]&limit=50")
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := build(t, Options{}, nil)
				if got := ask(w); got.status != 200 || got.after != 3*time.Second {
					t.Errorf("%+v", got)
				}
				if f := formText(w.requests()[0]); len(f) != 4 || f["offset"] != "5" || f["timeout"] != "3" || f["limit"] != "2" || f["allowed_updates"] != "[]" {
					t.Errorf("the server was asked %v", f)
				}
			})
		})
	}
}

func part(name, value string) string {
	return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
}

func TestANullBodyIsAPollWithoutArguments(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		if got := w.post(w.bot("getUpdates"), "application/json", "null"); got.status != 200 || got.body != `{"ok":true,"result":[]}` {
			t.Errorf("%+v", got)
		}
		w.post(w.bot("getMe"), "application/json", "null")
		if s := w.requests()[1]; s.body != "null" || s.header.Get("Content-Type") != "application/json" {
			t.Errorf("getMe came as %+v", s)
		}
	})
}

func TestTheTestEnvironmentHasAPollOfItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		a := w.beside(func() reply { return w.get(w.bot("getUpdates?timeout=10")) })
		b := w.beside(func() reply { return w.get(w.bot("test/getUpdates?timeout=10")) })
		if x, y := <-a, <-b; x.after != 10*time.Second || y.after != 10*time.Second || w.server.most != 2 {
			t.Errorf("%+v %+v, %d at the server at once", x, y, w.server.most)
		}
		if p := w.requests()[0].path + w.requests()[1].path; !strings.Contains(p, "/test/getUpdates") {
			t.Errorf("paths %s", p)
		}
	})
}

func TestManyParkedPollsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := build(t, Options{}, nil)
		w.s.Hold()
		codes := make(chan int, 200)
		for range 200 {
			go func() { codes <- w.get(w.bot("getUpdates?timeout=50")).status }()
		}
		synctest.Wait()
		if s := w.g.Snapshot(); s.Parked > maxParked {
			t.Errorf("%d parked", s.Parked)
		}
		count := map[int]int{}
		for range 200 {
			count[<-codes]++
		}
		if count[200] < maxParked || count[429] != 200-count[200] {
			t.Errorf("answers %v", count)
		}
	})
}
