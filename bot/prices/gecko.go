package prices

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"botctl/bot/coin"
)

// gecko is CoinGecko (docs.coingecko.com, /coins/markets).
type gecko struct {
	base   string
	header http.Header
	http   *http.Client
}

// newGecko takes an empty key for the public API. A key goes with the header of its plan.
func newGecko(base, key string) *gecko {
	g := &gecko{base: strings.TrimRight(cmp.Or(base, GeckoBase), "/"), header: http.Header{}, http: newClient()}
	switch {
	case key == "":
	case strings.Contains(g.base, "//pro-api."):
		g.header.Set("x-cg-pro-api-key", key)
	default:
		g.header.Set("x-cg-demo-api-key", key)
	}
	return g
}

func (g *gecko) name() string { return "CoinGecko" }

// geckoCoin is what is read of an answer. Any number may be null.
type geckoCoin struct {
	ID        string   `json:"id"`
	Symbol    string   `json:"symbol"`
	Name      string   `json:"name"`
	Price     *float64 `json:"current_price"`
	Cap       *float64 `json:"market_cap"`
	Day       *float64 `json:"price_change_percentage_24h"`
	Week      *float64 `json:"price_change_percentage_7d_in_currency"`
	Updated   stamp    `json:"last_updated"`
	Sparkline struct {
		Price []float64 `json:"price"`
	} `json:"sparkline_in_7d"`
}

// market asks for the coins with their lines, and for the hundred largest for the movers. Without the second
// answer there are no movers; it is no reason to have no digest.
func (g *gecko) market(ctx context.Context) (coin.Market, error) {
	var ids []string
	for _, c := range coin.All() {
		ids = append(ids, c.ID)
	}
	var list, top []geckoCoin
	if err := g.ask(ctx, url.Values{"ids": {strings.Join(ids, ",")}, "sparkline": {"true"}, "price_change_percentage": {"7d"}}, &list); err != nil {
		return coin.Market{}, err
	}
	m := coin.Market{Source: g.name(), Quotes: map[string]coin.Quote{}}
	for _, c := range list {
		if _, ok := coin.ByID(c.ID); ok && c.Price != nil {
			m.Quotes[c.ID] = c.quote()
		}
	}
	if err := g.ask(ctx, url.Values{"order": {"market_cap_desc"}, "per_page": {"100"}, "page": {"1"}}, &top); err == nil {
		for _, c := range top {
			m.Top = append(m.Top, c.quote())
		}
	}
	return m, nil
}

func (g *gecko) ask(ctx context.Context, q url.Values, into any) error {
	q.Set("vs_currency", "usd")
	return get(ctx, g.http, g.base+"/coins/markets?"+q.Encode(), g.header, into)
}

func (c geckoCoin) quote() coin.Quote {
	q := coin.Quote{
		Symbol: strings.ToUpper(c.Symbol), Name: c.Name,
		Price: number(c.Price), Day: number(c.Day), Week: number(c.Week), Cap: number(c.Cap), At: c.Updated.Time,
	}
	// One price an hour, the last one at most an hour old.
	n := len(c.Sparkline.Price)
	for i, p := range c.Sparkline.Price {
		q.Line = append(q.Line, coin.Point{At: c.Updated.Add(-time.Duration(n-i) * 7 * 24 * time.Hour / time.Duration(n)), Price: p})
	}
	if n > 0 && c.Price != nil {
		q.Line = append(q.Line, coin.Point{At: c.Updated.Time, Price: *c.Price})
	}
	return q
}

func number(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
