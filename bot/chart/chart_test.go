package chart

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"botctl/bot/coin"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// walk is a week of prices, one an hour.
func walk(name string, seed uint64, price, swing float64) Line {
	rnd := rand.New(rand.NewPCG(seed, 1))
	l := Line{Name: name}
	for i := range 169 {
		l.Points = append(l.Points, coin.Point{At: now.Add(time.Duration(i-168) * time.Hour), Price: price})
		price *= 1 + swing*(rnd.Float64()-0.495)
	}
	return l
}

func five() []Line {
	return []Line{walk("BTC", 1, 104000, 0.008), walk("ETH", 2, 3400, 0.012), walk("XRP", 3, 2.2, 0.015), walk("BNB", 4, 810, 0.007), walk("SOL", 5, 190, 0.018)}
}

func ten() []Line {
	list := five()
	for i, name := range []string{"TRX", "DOGE", "ADA", "AVAX", "LINK"} {
		list = append(list, walk(name, uint64(10+i), 1, 0.004))
	}
	return list
}

// points are the few that the second source knows.
func points() []Line {
	l := Line{Name: "BTC"}
	for i, h := range []int{168, 24, 12, 6, 1, 0} {
		l.Points = append(l.Points, coin.Point{At: now.Add(-time.Duration(h) * time.Hour), Price: 100 + float64(i)})
	}
	return []Line{l}
}

// UPDATE_GOLDEN=1 draws the pictures anew: look at them before they are committed.
func TestPictures(t *testing.T) {
	for name, tc := range map[string]struct {
		lines []Line
		dark  bool
	}{
		"five_light": {five(), false}, "five_dark": {five(), true}, "ten_dark": {ten(), true}, "ten_light": {ten(), false}, "few_points": {points(), false},
	} {
		got, err := Render(tc.lines, tc.dark)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".png")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if off := differ(decode(t, got), decode(t, want)); off > 0.001 {
			out := filepath.Join(t.ArtifactDir(), name+".png")
			os.WriteFile(out, got, 0o644)
			t.Errorf("%s: %.2f %% of the pixels differ from the golden picture; this one is %s", name, off*100, out)
		}
		if len(got) > 200<<10 {
			t.Errorf("%s has %d bytes", name, len(got))
		}
	}
}

func decode(t *testing.T, b []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// differ is the part of the pixels that differ to the eye; curves are computed a little differently on other
// processors.
func differ(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return 1
	}
	n := 0
	for y := range height {
		for x := range width {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			if math.Abs(float64(r1)-float64(r2))+math.Abs(float64(g1)-float64(g2))+math.Abs(float64(b1)-float64(b2)) > 3*0x1800 {
				n++
			}
		}
	}
	return float64(n) / (width * height)
}

// Every colour stands out from its ground by 3:1 or more (WCAG 2.1, 1.4.11), text by 4.5:1.
func TestContrast(t *testing.T) {
	for _, dark := range []bool{false, true} {
		l := looks(dark)
		if r := contrast(l.text, l.ground); r < 7 {
			t.Errorf("dark %v: text has %.1f:1", dark, r)
		}
		for i, c := range l.lines {
			if r := contrast(c, l.ground); r < 3.4 {
				t.Errorf("dark %v: line %d has %.1f:1", dark, i, r)
			}
		}
		if len(l.lines) < coin.MaxFollowed {
			t.Errorf("dark %v: two coins share a colour", dark)
		}
	}
}

func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	linear := func(v uint32) float64 {
		f := float64(v) / 0xffff
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

func TestNothingToDraw(t *testing.T) {
	for name, lines := range map[string][]Line{
		"no line": nil, "one point": {{Name: "BTC", Points: []coin.Point{{At: now, Price: 1}}}}, "a price of nothing": {{Name: "BTC", Points: []coin.Point{{At: now}, {At: now.Add(1), Price: 1}}}},
	} {
		if _, err := Render(lines, false); !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	flat := Line{Name: "USD", Points: []coin.Point{{At: now, Price: 1}, {At: now, Price: 1}}}
	if b, err := Render([]Line{flat}, true); err != nil || len(b) == 0 {
		t.Errorf("a flat line: %v", err)
	}
}

func TestSpread(t *testing.T) {
	for _, ys := range [][]int{{200, 201, 202}, {110, 110, 110}, {820, 820, 820}, {300, 500, 505}, {100, 100, 100, 100, 100, 100, 100, 100, 100, 100}} {
		ends := make([]end, len(ys))
		for i, y := range ys {
			ends[i].at.Y = y
		}
		got := spread(ends, plotTop, plotBottom)
		for i, y := range got {
			if y < plotTop && len(ys) < 10 && ys[i] >= plotTop || y > plotBottom || i > 0 && y-got[i-1] < labelStep {
				t.Errorf("%v became %v", ys, got)
			}
		}
	}
}

func BenchmarkRender(b *testing.B) {
	lines := five()
	for b.Loop() {
		Render(lines, true)
	}
}
