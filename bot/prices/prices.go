// Package prices gets the market from public sources: CoinGecko, and CoinPaprika when that fails.
package prices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"botctl/bot/coin"
)

// Bases of the sources.
const (
	GeckoBase    = "https://api.coingecko.com/api/v3"
	GeckoProBase = "https://pro-api.coingecko.com/api/v3"
	PaprikaBase  = "https://api.coinpaprika.com/v1"
)

// Limits of an answer.
const (
	askLimit  = 10 * time.Second // one source, one request
	maxAnswer = 16 << 20         // bytes; CoinPaprika's list of all coins has about 3 MiB
	maxAge    = 15 * time.Minute // older prices are no answer: the source has stopped
)

// source is a place that knows prices. Its market has neither At nor Instead.
type source interface {
	name() string
	market(ctx context.Context) (coin.Market, error)
}

// StatusError is an answer without prices. RetryAfter is what the server asked for; 0: nothing.
type StatusError struct {
	Status     int
	RetryAfter time.Duration
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
}

// get asks for JSON. Its errors name neither the URL nor a key.
func get(ctx context.Context, c *http.Client, target string, header http.Header, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "botctl")
	resp, err := c.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &StatusError{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads seconds or a date (RFC 9110, 10.2.3).
func retryAfter(text string, now time.Time) time.Duration {
	var wait time.Duration
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(text); err == nil {
		wait = t.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// newClient is for the sources alone: it follows no redirect, which would take a key elsewhere.
func newClient() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// stamp is a time in JSON. One that cannot be read is zero, and so an old one: it must not spoil the whole list.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(b []byte) error {
	if s.Time.UnmarshalJSON(b) != nil {
		s.Time = time.Time{}
	}
	return nil
}

// checkFresh refuses a market whose newest price is old.
func checkFresh(m coin.Market, now time.Time) error {
	var newest time.Time
	for _, q := range m.Quotes {
		if q.At.After(newest) {
			newest = q.At
		}
	}
	switch {
	case len(m.Quotes) == 0:
		return errors.New("the answer holds no price")
	case now.Sub(newest) > maxAge:
		return fmt.Errorf("its newest price is of %s", newest.UTC().Format(time.RFC3339))
	}
	return nil
}
