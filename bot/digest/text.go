package digest

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"botctl/bot/coin"
)

// MaxCaption is how long the text under a picture may be, in UTF-16 units, tags not counted
// (core.telegram.org/bots/api, sendPhoto).
const MaxCaption = 1024

// Stale is the age from which on a price is marked with its time.
const Stale = 30 * time.Minute

// Head is what a digest says above the prices.
type Head struct {
	Now       time.Time
	Test      time.Time // set in a test: when the next daily digest comes
	Unordered bool      // or would come: the chat has no daily digest
	Due       time.Time // set when the digest is late
	Failed    bool      // and the sources are the reason
	Missed    int       // days before it that were left out
	Old       bool      // the prices are of Market.At, for no source answers now
}

// Text is the digest in Telegram's HTML. It is never longer than MaxCaption: what does not fit is left out,
// the movers first.
func Text(m coin.Market, coins []coin.Coin, h Head) string {
	parts := append([]string{head(m, h)}, rows(m, coins, h.Now)...)
	movers, source := movers(m.Top), source(m)
	for {
		all := slices.Concat(parts, movers, source)
		text := strings.Join(all, "\n")
		switch {
		case Length(text) <= MaxCaption:
			return text
		case movers != nil:
			movers = nil
		case len(parts) > 1:
			parts = parts[:len(parts)-1]
		default:
			return source[0]
		}
	}
}

func head(m coin.Market, h Head) string {
	title := "<b>Crypto digest</b> · " + Moment(h.Now)
	switch {
	case !h.Test.IsZero():
		title = "<b>Test of the daily digest</b> · the next one comes on " + Moment(h.Test) + ", with the prices of then"
		if h.Unordered {
			title = "<b>Test of the daily digest</b> · this chat gets none; /subscribe begins it, the first would come on " + Moment(h.Test)
		}
	case h.Old:
		title += fmt.Sprintf("\n<i>No price source answers now. These prices are %s old.</i>", Span(h.Now.Sub(m.At)))
	case !h.Due.IsZero() && h.Failed:
		title += fmt.Sprintf("\n<i>Late: it was due at %s, when no price source answered.</i>", clock(h.Due))
	case !h.Due.IsZero():
		title += fmt.Sprintf("\n<i>Late: it was due at %s.</i>", clock(h.Due))
	}
	if h.Missed > 0 {
		title += fmt.Sprintf("\n<i>Left out before it: %d.</i>", h.Missed)
	}
	return title + "\n"
}

func rows(m coin.Market, coins []coin.Coin, now time.Time) []string {
	var out []string
	for _, c := range coins {
		q, ok := m.Quotes[c.ID]
		if !ok {
			out = append(out, "<b>"+html.EscapeString(c.Symbol)+"</b> no price from "+html.EscapeString(m.Source))
			continue
		}
		row := fmt.Sprintf("<b>%s</b> %s", html.EscapeString(c.Symbol), price(q.Price))
		if !math.IsNaN(q.Cap) {
			row += " · cap " + amount(q.Cap)
		}
		row += fmt.Sprintf("\n24 h %s · 7 d %s", change(q.Day), change(q.Week))
		if now.Sub(q.At) > Stale {
			row += " · <i>of " + clock(q.At) + "</i>"
		}
		out = append(out, row)
	}
	return out
}

// moversShown is how many coins are named in each direction.
const moversShown = 3

// movers are the coins of top that moved most over the day.
func movers(top []coin.Quote) []string {
	var up, down []coin.Quote
	for _, q := range top {
		switch {
		case q.Day > 0:
			up = append(up, q)
		case q.Day < 0:
			down = append(down, q)
		}
	}
	most := func(a, b coin.Quote) int { return cmp.Compare(math.Abs(b.Day), math.Abs(a.Day)) }
	var lines []string
	for _, side := range [][]coin.Quote{up, down} {
		slices.SortStableFunc(side, most)
		var names []string
		for _, q := range side[:min(moversShown, len(side))] {
			names = append(names, html.EscapeString(short(q.Symbol))+" "+change(q.Day))
		}
		if len(names) > 0 {
			lines = append(lines, strings.Join(names, " · "))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return append([]string{fmt.Sprintf("\n<b>Movers of the day</b>, of the %d largest", len(top))}, lines...)
}

func source(m coin.Market) []string {
	line := "\n<i>" + html.EscapeString(m.Source) + ", " + clock(m.At)
	if m.Instead != "" {
		line += "; " + html.EscapeString(m.Instead) + " does not answer"
	}
	return []string{line + "</i>"}
}

// LateNote tells a chat that its digest waits for prices.
func LateNote(due time.Time) string {
	return fmt.Sprintf("The digest of %s is late: no price source answers. It comes as soon as one does.", clock(due))
}

// SkipNote tells a chat that a digest is left out.
func SkipNote(d Decision, failed bool, next time.Time) string {
	why := "it could not be sent"
	if failed {
		why = "no price source answered"
	}
	text := fmt.Sprintf("The digest of %s is left out: %s for %d hours.", Moment(d.Due), why, int(TooLate.Hours()))
	if d.Missed > 0 {
		text += fmt.Sprintf(" So are %d before it.", d.Missed)
	}
	return text + fmt.Sprintf(" The next one comes on %s; /digest sends one now.", Moment(next))
}

// Length is what Telegram counts: UTF-16 units without the tags.
func Length(text string) int {
	var plain strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "<")
		plain.WriteString(before)
		if !found {
			break
		}
		_, text, _ = strings.Cut(rest, ">")
	}
	return len(utf16.Encode([]rune(html.UnescapeString(plain.String()))))
}

// Moment is t in words, to the minute.
func Moment(t time.Time) string { return t.UTC().Format("Mon 2 Jan 2006, 15:04 UTC") }

func clock(t time.Time) string { return t.UTC().Format("15:04 UTC") }

// Span is a duration in words, to the minute, and below one to the second.
func Span(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	d = d.Round(time.Minute)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	}
	return fmt.Sprintf("%d min", minutes)
}

// short keeps a name that a source made up from filling the line.
func short(name string) string {
	if r := []rune(name); len(r) > 10 {
		return string(r[:9]) + "…"
	}
	return name
}

func change(percent float64) string {
	switch {
	case math.IsNaN(percent):
		return "–"
	case math.Abs(percent) >= 1000:
		return sign(percent) + strconv.FormatFloat(math.Abs(percent), 'f', 0, 64) + "%"
	}
	return sign(percent) + strconv.FormatFloat(math.Abs(percent), 'f', 2, 64) + "%"
}

func sign(percent float64) string {
	switch {
	case percent >= 0.005:
		return "▲ "
	case percent <= -0.005:
		return "▼ "
	}
	return "± "
}

// price has the digits that matter: cents up to a thousand dollars, four digits below one.
func price(p float64) string {
	switch {
	case math.IsNaN(p):
		return "–"
	case p >= 1000:
		return "$" + grouped(strconv.FormatFloat(p, 'f', 0, 64))
	case p >= 1, p <= 0:
		return "$" + strconv.FormatFloat(p, 'f', 2, 64)
	}
	digits := min(3-int(math.Floor(math.Log10(p))), 12)
	return "$" + strconv.FormatFloat(p, 'f', digits, 64)
}

func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func amount(v float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}} {
		if v >= unit.size {
			digits := max(0, 2-int(math.Log10(v/unit.size)))
			return "$" + strconv.FormatFloat(v/unit.size, 'f', digits, 64) + unit.name
		}
	}
	return price(v)
}
