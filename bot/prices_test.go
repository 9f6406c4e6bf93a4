package bot

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"botctl/bot/coin"
)

// priceServer answers in the shape of CoinGecko and CoinPaprika, or with trouble.
type priceServer struct {
	url string

	mu     sync.Mutex
	status int  // of every answer; 0: 200
	bare   bool // without lines to draw
	asked  int
}

func newPriceServer(t *testing.T) *priceServer {
	p := &priceServer{}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

// fail makes every answer one with this status; 0 heals it.
func (p *priceServer) fail(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

// plain leaves the lines out, so that there is nothing to draw.
func (p *priceServer) plain(bare bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bare = bare
}

func (p *priceServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.status != 0 {
		w.WriteHeader(p.status)
		return
	}
	now := time.Now().UTC().Format(time.RFC3339)
	var rows []string
	for i, c := range coin.All() {
		price := 100.0 * float64(i+1)
		if r.URL.Path == "/tickers" {
			rows = append(rows, fmt.Sprintf(`{"id":%q,"symbol":%q,"name":%q,"rank":%d,"last_updated":%q,"quotes":{"USD":{"price":%g,"market_cap":1e9,"percent_change_24h":1.5,"percent_change_7d":-2}}}`,
				c.Paprika, c.Symbol, c.Name, i+1, now, price))
			continue
		}
		line := make([]string, 168)
		if p.bare {
			line = nil
		}
		for h := range line {
			line[h] = fmt.Sprint(price * (1 + 0.001*float64(h*(i%3-1))))
		}
		rows = append(rows, fmt.Sprintf(`{"id":%q,"symbol":%q,"name":%q,"current_price":%g,"market_cap":1e9,"price_change_percentage_24h":1.5,"price_change_percentage_7d_in_currency":-2,"last_updated":%q,"sparkline_in_7d":{"price":[%s]}}`,
			c.ID, strings.ToLower(c.Symbol), c.Name, price, now, strings.Join(line, ",")))
	}
	fmt.Fprintf(w, "[%s]", strings.Join(rows, ","))
}
