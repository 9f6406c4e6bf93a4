// Package chart draws the lines of the last seven days as a picture for a phone: large text, each line named at its
// end, on a ground of its own, so that it does not depend on the colours of the chat around it.
package chart

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-analyze/charts"

	"botctl/bot/coin"
)

// The picture's size in pixels. On a phone it is shown about 360 wide, a third of its size.
const (
	width  = 1080
	height = 900
)

// Line is one coin.
type Line struct {
	Name   string
	Points []coin.Point // oldest first
}

// ErrNothing says that there is no line with two points.
var ErrNothing = errors.New("nothing to draw")

// look is the colours of a chart.
type look struct {
	ground, text, faint, zero charts.Color
	lines                     []charts.Color
}

// looks are light and dark. The colours of the lines differ in brightness too, and stand out from their ground.
func looks(dark bool) look {
	if dark {
		return look{
			ground: hex(0x17212b), text: hex(0xe8edf2), faint: hex(0x2b3947), zero: hex(0x5d7185),
			lines: []charts.Color{
				hex(0xf7931a), hex(0x6f9bff), hex(0x2ec4b6), hex(0xffd54a), hex(0xe46bff),
				hex(0xff6b6b), hex(0x9be564), hex(0x4dd0ff), hex(0xffa8d5), hex(0xb8c4d0),
			},
		}
	}
	return look{
		ground: hex(0xffffff), text: hex(0x1f2933), faint: hex(0xe6ebf0), zero: hex(0x9aa8b6),
		lines: []charts.Color{
			hex(0xd96d00), hex(0x2450d8), hex(0x00857a), hex(0xa07800), hex(0xa012c4),
			hex(0xd21f3c), hex(0x3f8a12), hex(0x0077b6), hex(0xd6408f), hex(0x52606d),
		},
	}
}

func hex(rgb uint32) charts.Color {
	return charts.Color{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: 255}
}

// The plot's place in the picture, and the sizes of text, in pixels and points.
const (
	plotLeft   = 130
	plotRight  = width - 250
	plotTop    = 110
	plotBottom = height - 80
	titleSize  = 30
	labelSize  = 25
	axisSize   = 22
	labelStep  = 44 // between two names at the right
)

// Render draws the lines as changes in percent since their first points. The PNG is the same for the same lines.
// ErrNothing: no line has two points.
func Render(lines []Line, dark bool) ([]byte, error) {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return len(l.Points) < 2 || l.Points[0].Price <= 0 })
	if len(lines) == 0 {
		return nil, ErrNothing
	}
	c := &canvas{
		Painter: charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputPNG, Width: width, Height: height}),
		look:    looks(dark),
	}
	c.bounds(lines)
	c.FilledRect(0, 0, width, height, c.ground, c.ground, 0)
	c.write("7 days, change in %", 40, 62, titleSize, c.text)
	c.axes()
	ends := make([]end, len(lines))
	for i, l := range slices.Backward(lines) { // the first one on top
		colour := c.lines[i%len(c.lines)]
		points := make([]charts.Point, len(l.Points))
		for j, p := range l.Points {
			points[j] = charts.Point{X: c.x(p.At), Y: c.y(change(l, p))}
		}
		c.LineStroke(points, colour, 5)
		last := l.Points[len(l.Points)-1]
		ends[i] = end{name: l.Name, change: change(l, last), at: points[len(points)-1], colour: colour}
	}
	c.names(ends)
	return c.Bytes()
}

func change(l Line, p coin.Point) float64 { return (p.Price/l.Points[0].Price - 1) * 100 }

// canvas is a picture with its scales.
type canvas struct {
	*charts.Painter
	look
	from, to time.Time
	low, top float64 // percent
	step     float64 // between two lines of the grid
}

// bounds fits the scales to the lines, rounded to the grid.
func (c *canvas) bounds(lines []Line) {
	c.from, c.to = lines[0].Points[0].At, lines[0].Points[0].At
	for _, l := range lines {
		for _, p := range l.Points {
			if p.At.Before(c.from) {
				c.from = p.At
			}
			if p.At.After(c.to) {
				c.to = p.At
			}
			c.low, c.top = min(c.low, change(l, p)), max(c.top, change(l, p))
		}
	}
	c.step = gridStep(c.top - c.low)
	c.low, c.top = math.Floor(c.low/c.step)*c.step, math.Ceil(c.top/c.step)*c.step
	if c.top == c.low {
		c.top += c.step
	}
}

// gridStep is 1, 2 or 5 times a power of ten, so that there are four to eight lines.
func gridStep(span float64) float64 {
	raw := max(span, 0.1) / 5
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, n := range []float64{1, 2, 5} {
		if raw <= n*power {
			return n * power
		}
	}
	return 10 * power
}

func (c *canvas) x(t time.Time) int {
	return plotLeft + int(float64(plotRight-plotLeft)*float64(t.Sub(c.from))/float64(max(c.to.Sub(c.from), 1)))
}

func (c *canvas) y(percent float64) int {
	return plotBottom - int(math.Round(float64(plotBottom-plotTop)*(percent-c.low)/(c.top-c.low)))
}

func (c *canvas) write(text string, x, y int, size float64, colour charts.Color) {
	c.Text(text, x, y, 0, c.style(size, colour))
}

func (c *canvas) style(size float64, colour charts.Color) charts.FontStyle {
	return charts.FontStyle{FontSize: size, FontColor: colour, Font: charts.GetFont("notosans")}
}

// axes draws the grid: lines of percent, and one at each midnight in UTC with the day's name.
func (c *canvas) axes() {
	for n := math.Round(c.low / c.step); n <= math.Round(c.top/c.step); n++ {
		v := n * c.step
		colour, stroke := c.faint, 2.0
		if n == 0 {
			colour, stroke = c.zero, 3
		}
		c.LineStroke([]charts.Point{{X: plotLeft, Y: c.y(v)}, {X: plotRight, Y: c.y(v)}}, colour, stroke)
		label := fmt.Sprintf("%+.*f", decimals(c.step), v)
		if n == 0 {
			label = "0"
		}
		w := c.MeasureText(label, 0, c.style(axisSize, c.text)).Width()
		c.write(label, plotLeft-w-18, c.y(v)+11, axisSize, c.text)
	}
	day := c.from.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	for ; day.Before(c.to); day = day.AddDate(0, 0, 1) {
		x := c.x(day)
		c.LineStroke([]charts.Point{{X: x, Y: plotTop}, {X: x, Y: plotBottom}}, c.faint, 2)
		label := day.Format("Mon")
		w := c.MeasureText(label, 0, c.style(axisSize, c.text)).Width()
		if x+w/2 <= plotRight {
			c.write(label, x-w/2, plotBottom+48, axisSize, c.text)
		}
	}
}

func decimals(step float64) int { return max(0, int(math.Ceil(-math.Log10(step)-1e-9))) }

// end is where a line ends, and what stands there.
type end struct {
	name   string
	change float64
	at     charts.Point
	colour charts.Color
}

// names writes each line's name beside its end, in the order of the ends, moved apart where they would cover
// each other.
func (c *canvas) names(ends []end) {
	slices.SortStableFunc(ends, func(a, b end) int { return a.at.Y - b.at.Y })
	ys := spread(ends, plotTop, plotBottom)
	for i, e := range ends {
		c.LineStroke([]charts.Point{e.at, {X: plotRight + 22, Y: ys[i]}}, e.colour, 2)
		c.Circle(7, e.at.X, e.at.Y, e.colour, e.colour, 1)
		c.write(fmt.Sprintf("%s %+.1f", e.name, e.change), plotRight+30, ys[i]+12, labelSize, e.colour)
	}
}

// spread gives each end, from top to bottom, a place as near to its own as the others let it.
func spread(ends []end, top, bottom int) []int {
	ys := make([]int, len(ends))
	for i, e := range ends {
		ys[i] = e.at.Y
		if i > 0 {
			ys[i] = max(ys[i], ys[i-1]+labelStep)
		}
	}
	limit := bottom
	for i := range slices.Backward(ys) {
		ys[i] = min(ys[i], limit)
		limit = ys[i] - labelStep
	}
	if len(ys) > 0 && ys[0] < top { // more than fit: evenly
		for i := range ys {
			ys[i] = top + i*(bottom-top)/max(len(ys)-1, 1)
		}
	}
	return ys
}
