package prices

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"botctl/bot/coin"
)

// server answers in the shape of the sources, with the time of now in place of the recorded one.
func server(t *testing.T, check func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if check != nil && check(w, r) {
			return
		}
		name := "testdata/paprika.json"
		switch {
		case r.FormValue("ids") != "":
			name = "testdata/gecko.json"
		case r.URL.Path == "/coins/markets":
			name = "testdata/gecko_top.json"
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		w.Write([]byte(strings.ReplaceAll(string(b), "@NOW@", time.Now().UTC().Format(time.RFC3339))))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestGecko(t *testing.T) {
	var header http.Header
	base := server(t, func(_ http.ResponseWriter, r *http.Request) bool {
		header = r.Header
		if r.FormValue("vs_currency") != "usd" {
			t.Errorf("asked for %s", r.URL)
		}
		return false
	})
	m, err := newGecko(base+"/", "a key").market(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	btc := m.Quotes["bitcoin"]
	if btc.Symbol != "BTC" || btc.Price != 65900 || btc.Day != -2.85113 || btc.Week != 4.2 || btc.Cap != 1314895863770 || len(btc.Line) != 169 {
		t.Errorf("%+v", btc)
	}
	if first, last := btc.Line[0], btc.Line[168]; last.Price != 65900 || !last.At.Equal(btc.At) || btc.At.Sub(first.At) != 7*24*time.Hour {
		t.Errorf("line from %+v to %+v", first, last)
	}
	if eth := m.Quotes["ethereum"]; !math.IsNaN(eth.Week) || !math.IsNaN(eth.Cap) || len(eth.Line) != 0 {
		t.Errorf("nulls were read as %+v", eth)
	}
	if _, ok := m.Quotes["solana"]; ok || len(m.Quotes) != 2 {
		t.Errorf("a coin without a price: %+v", m.Quotes)
	}
	if len(m.Top) != 3 || header.Get("X-Cg-Demo-Api-Key") != "a key" {
		t.Errorf("%d movers, header %v", len(m.Top), header)
	}
	if pro := newGecko(GeckoProBase, "k"); pro.header.Get("X-Cg-Pro-Api-Key") != "k" {
		t.Errorf("the paid plan's key goes with %v", pro.header)
	}
}

func TestPaprika(t *testing.T) {
	m, err := newPaprika(server(t, nil)).market(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	btc := m.Quotes["bitcoin"]
	if btc.Price != 30538.078793975994 || btc.Day != 1.24 || btc.Week != -1.46 || btc.Cap != 593248170920 || len(btc.Line) != 6 {
		t.Errorf("%+v", btc)
	}
	if week := btc.Line[0]; math.Abs(week.Price-30990.5) > 1 || btc.At.Sub(week.At) != 7*24*time.Hour {
		t.Errorf("a week ago: %+v", week)
	}
	if len(m.Top) != 1 {
		t.Errorf("top %+v", m.Top)
	}
}

func TestFeed(t *testing.T) {
	var mu sync.Mutex
	status, retry, asked := 0, "", map[string]int{}
	base := server(t, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.Path]++
		if r.URL.Path == "/coins/markets" && status != 0 {
			w.Header().Set("Retry-After", retry)
			w.WriteHeader(status)
			return true
		}
		return false
	})
	set := func(s int, r string) { mu.Lock(); defer mu.Unlock(); status, retry = s, r; clear(asked) }
	cfg := Config{GeckoBase: base, PaprikaBase: base}
	get := func(f *Feed) coin.Market {
		m, err := f.Fresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	f := NewFeed(cfg)
	if m := get(f); m.Source != "CoinGecko" || m.Instead != "" {
		t.Errorf("%+v", m)
	}
	get(f)
	if asked["/coins/markets"] != 2 { // the coins, and the largest
		t.Errorf("asked %v, want one round", asked)
	}
	set(429, "120")
	f = NewFeed(cfg)
	if m := get(f); m.Source != "CoinPaprika" || m.Instead != "CoinGecko" {
		t.Errorf("after a 429: %+v", m)
	}
	f.latest.At = f.latest.At.Add(-2 * freshFor)
	get(f)
	if asked["/coins/markets"] != 1 || asked["/tickers"] != 2 {
		t.Errorf("Retry-After was not obeyed: %v", asked)
	}
	if rest := time.Until(f.resting["CoinGecko"].until); rest < 100*time.Second || rest > 2*time.Minute {
		t.Errorf("rests for %v", rest)
	}
	set(500, "")
	if m := get(NewFeed(cfg)); m.Source != "CoinPaprika" {
		t.Errorf("after a 500: %+v", m)
	}
}

// fake is a source of a test under a fake clock.
type fake struct {
	asked int
	do    func(ctx context.Context) (coin.Market, error)
}

func (f *fake) name() string { return "fake" }

func (f *fake) market(ctx context.Context) (coin.Market, error) {
	f.asked++
	return f.do(ctx)
}

func TestFeedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		s := &fake{}
		s.do = func(context.Context) (coin.Market, error) {
			return coin.Market{Quotes: map[string]coin.Quote{"bitcoin": {At: time.Now()}}}, nil
		}
		f := newFeed(s)
		if _, ok := f.Latest(); ok {
			t.Error("a market before the first")
		}
		began := time.Now()
		for range 10 {
			f.Fresh(t.Context())
			time.Sleep(30 * time.Second)
		}
		if s.asked != 5 {
			t.Errorf("asked %d times in five minutes, want once a minute", s.asked)
		}
		s.do = func(context.Context) (coin.Market, error) { return coin.Market{}, down }
		time.Sleep(freshFor)
		s.asked = 0
		for range 20 {
			if m, err := f.Fresh(t.Context()); !errors.Is(err, down) || len(m.Quotes) != 0 {
				t.Errorf("old prices passed off as new: %+v, %v", m, err)
			}
			time.Sleep(time.Second)
		}
		if s.asked != 2 {
			t.Errorf("asked %d times in 20 s of failure, want 2", s.asked)
		}
		if m, ok := f.Latest(); !ok || m.At.Sub(began) != 4*time.Minute {
			t.Errorf("%v, %v", m.At.Sub(began), ok)
		}
		s.do = func(context.Context) (coin.Market, error) {
			return coin.Market{Quotes: map[string]coin.Quote{"bitcoin": {At: time.Now().Add(-maxAge - time.Second)}}}, nil
		}
		time.Sleep(failedFor)
		if m, err := f.Fresh(t.Context()); err == nil {
			t.Errorf("a source that stopped was taken for one that answers: %+v", m)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s.do = func(ctx context.Context) (coin.Market, error) { cancel(); return coin.Market{}, ctx.Err() }
		time.Sleep(failedFor)
		if _, err := f.Fresh(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestWhatIsNoAnswer(t *testing.T) {
	for name, answer := range map[string]string{"html": "<html>", "an object": `{"error":"x"}`, "nothing": "[]", "cut": `[{"id":"bitc`} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(answer)) }))
		if m, err := NewFeed(Config{GeckoBase: srv.URL, PaprikaBase: srv.URL}).Fresh(t.Context()); err == nil || strings.Contains(err.Error(), srv.URL) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		srv.Close()
	}
	srv := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	defer srv.Close()
	if _, err := newGecko(srv.URL, "key").market(t.Context()); err == nil || !strings.Contains(err.Error(), "302") {
		t.Errorf("a redirect: %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "99999999": maxRetryAfter, "Tue, 24 Nov 2026 09:01:00 GMT": time.Minute, "Tue, 24 Nov 2026 08:00:00 GMT": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
