package digest

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"botctl/bot/coin"
)

func market(now time.Time) coin.Market {
	m := coin.Market{Source: "CoinGecko", At: now, Quotes: map[string]coin.Quote{
		"bitcoin":     {Symbol: "BTC", Price: 104123.45, Day: 2.314, Week: -1.2, Cap: 2.0712e12, At: now},
		"ethereum":    {Symbol: "ETH", Price: 3412.5, Day: -0.5, Week: 12.345, Cap: 4.1e11, At: now},
		"dogecoin":    {Symbol: "DOGE", Price: 0.12345, Day: math.NaN(), Week: math.NaN(), Cap: math.NaN(), At: now},
		"binancecoin": {Symbol: "BNB", Price: 812.4, Day: 0.001, Week: 3, Cap: 8.81e7, At: now.Add(-time.Hour)},
	}}
	for symbol, day := range map[string]float64{"AAA": 35.2, "B<B>": 20.11, "CCC": 12, "DDD": 1, "EEE": -30.5, "FFF": -3, "A VERY LONG ONE": -8, "GGG": 0, "HHH": math.NaN()} {
		m.Top = append(m.Top, coin.Quote{Symbol: symbol, Day: day})
	}
	return m
}

// golden compares with a file in testdata; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got+"\n" {
		t.Errorf("%s: %v; got\n%s\nwant\n%s", name, err, got, want)
	}
}

func TestText(t *testing.T) {
	now := at("2026-11-24 09:00")
	coins := coin.Pick([]string{"dogecoin", "bitcoin", "ethereum", "binancecoin", "sui", "nosuch"})
	m := market(now)
	golden(t, "digest.html", Text(m, coins, Head{Now: now}))
	golden(t, "test.html", Text(m, coins[:1], Head{Now: now, Test: at("2026-11-25 09:00")}))
	m.Source, m.Instead, m.Top = "CoinPaprika", "CoinGecko", nil
	golden(t, "late.html", Text(m, coins[:1], Head{Now: now.Add(47 * time.Minute), Due: now, Failed: true}))
	golden(t, "back.html", Text(m, coins[:1], Head{Now: now.Add(20 * time.Minute), Due: now, Missed: 2}))
	golden(t, "old.html", Text(m, coins[:1], Head{Now: now.Add(90 * time.Minute), Old: true}))
}

// The longest numbers and names that can come do not break Telegram's limit, and no tag is cut.
func TestTextFits(t *testing.T) {
	now := at("2026-11-24 09:00")
	m := coin.Market{Source: strings.Repeat("S", 30), Instead: strings.Repeat("I", 30), At: now, Quotes: map[string]coin.Quote{}}
	for i, c := range coin.All() {
		m.Quotes[c.ID] = coin.Quote{Price: 123456.78, Day: -99.99, Week: 99999.9, Cap: 1.23456e12, At: now.Add(-time.Hour)}
		m.Top = append(m.Top, coin.Quote{Symbol: strings.Repeat("W", 30), Day: float64(100+i) * (1 - 2*float64(i%2))})
	}
	h := Head{Now: now.Add(time.Hour), Due: now, Failed: true, Missed: 30}
	text := Text(m, coin.All()[:coin.MaxFollowed], h)
	if n := Length(text); n > MaxCaption || n < MaxCaption/2 || strings.Count(text, "<b>") != strings.Count(text, "</b>") {
		t.Errorf("%d units:\n%s", n, text)
	}
	for _, c := range coin.All()[:coin.MaxFollowed] {
		if !strings.Contains(text, "<b>"+c.Symbol+"</b>") {
			t.Errorf("%s was left out:\n%s", c.Symbol, text)
		}
	}
	if all := Text(m, coin.All(), h); Length(all) > MaxCaption {
		t.Errorf("%d units for all coins", Length(all))
	}
}

func TestLength(t *testing.T) {
	for text, want := range map[string]int{"": 0, "<b>a</b>&amp;b": 3, "▲": 1, "𝟘": 2, "a<b": 1} {
		if got := Length(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for p, want := range map[float64]string{104123.45: "$104,123", 1234567.8: "$1,234,568", 999.999: "$1000.00", 1: "$1.00", 0.12346: "$0.1235", 0.0000123456: "$0.00001235", 0: "$0.00", math.NaN(): "–"} {
		if got := price(p); got != want {
			t.Errorf("price %v: %s, want %s", p, got, want)
		}
	}
	for v, want := range map[float64]string{2.0712e12: "$2.07T", 4.1e11: "$410B", 8.81e7: "$88.1M", 999.9e9: "$1000B", 5000: "$5,000"} {
		if got := amount(v); got != want {
			t.Errorf("amount %v: %s, want %s", v, got, want)
		}
	}
	for d, want := range map[time.Duration]string{29 * time.Minute: "29 min", 90 * time.Minute: "1 h 30 min", 50 * time.Hour: "2 d 2 h"} {
		if got := Span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestNotes(t *testing.T) {
	d := Decision{Due: at("2026-11-24 09:00"), Missed: 2}
	golden(t, "skip.html", SkipNote(d, false, at("2026-11-25 09:00")))
	golden(t, "skip_failed.html", SkipNote(Decision{Due: d.Due}, true, at("2026-11-25 09:00")))
	golden(t, "late_note.html", LateNote(d.Due))
}
