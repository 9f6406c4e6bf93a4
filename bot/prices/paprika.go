package prices

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"botctl/bot/coin"
)

// paprika is CoinPaprika (docs.coinpaprika.com, /tickers), which needs no key. It gives no line of prices without
// one, but the changes over several spans, and so the prices of those moments.
type paprika struct {
	base string
	http *http.Client
}

func newPaprika(base string) *paprika {
	return &paprika{base: strings.TrimRight(cmp.Or(base, PaprikaBase), "/"), http: newClient()}
}

func (p *paprika) name() string { return "CoinPaprika" }

type paprikaCoin struct {
	ID      string `json:"id"`
	Symbol  string `json:"symbol"`
	Name    string `json:"name"`
	Rank    int    `json:"rank"` // 0: none
	Updated stamp  `json:"last_updated"`
	Quotes  struct {
		USD struct {
			Price *float64 `json:"price"`
			Cap   *float64 `json:"market_cap"`
			Hour  *float64 `json:"percent_change_1h"`
			Six   *float64 `json:"percent_change_6h"`
			Half  *float64 `json:"percent_change_12h"`
			Day   *float64 `json:"percent_change_24h"`
			Week  *float64 `json:"percent_change_7d"`
		} `json:"USD"`
	} `json:"quotes"`
}

func (p *paprika) market(ctx context.Context) (coin.Market, error) {
	var list []paprikaCoin
	if err := get(ctx, p.http, p.base+"/tickers", nil, &list); err != nil {
		return coin.Market{}, err
	}
	byID := map[string]string{}
	for _, c := range coin.All() {
		byID[c.Paprika] = c.ID
	}
	m := coin.Market{Source: p.name(), Quotes: map[string]coin.Quote{}}
	for _, c := range list {
		if id, ok := byID[c.ID]; ok && c.Quotes.USD.Price != nil {
			m.Quotes[id] = c.quote()
		}
		if c.Rank > 0 && c.Rank <= 100 {
			m.Top = append(m.Top, c.quote())
		}
	}
	return m, nil
}

func (c paprikaCoin) quote() coin.Quote {
	usd := c.Quotes.USD
	q := coin.Quote{
		Symbol: strings.ToUpper(c.Symbol), Name: c.Name,
		Price: number(usd.Price), Day: number(usd.Day), Week: number(usd.Week), Cap: number(usd.Cap), At: c.Updated.Time,
	}
	if usd.Price == nil {
		return q
	}
	for _, past := range []struct {
		hours   time.Duration
		percent *float64
	}{{7 * 24, usd.Week}, {24, usd.Day}, {12, usd.Half}, {6, usd.Six}, {1, usd.Hour}} {
		if past.percent != nil && *past.percent > -100 {
			q.Line = append(q.Line, coin.Point{At: c.Updated.Add(-past.hours * time.Hour), Price: *usd.Price / (1 + *past.percent/100)})
		}
	}
	q.Line = append(q.Line, coin.Point{At: c.Updated.Time, Price: *usd.Price})
	return q
}
