package prices

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"botctl/bot/coin"
)

// How long an answer is kept, and a failure.
const (
	freshFor  = time.Minute
	failedFor = 10 * time.Second
	busyFor   = time.Minute // after a 429 that does not say how long
)

// Config names the sources. Empty fields are the public ones.
type Config struct {
	GeckoBase   string
	GeckoKey    string
	PaprikaBase string
}

// Feed asks CoinGecko, and CoinPaprika when that fails. Its methods may be called concurrently; they ask the
// sources once for all who wait.
type Feed struct {
	sources []source
	turn    chan struct{} // taken by whoever asks the sources

	mu      sync.Mutex // guards what follows
	latest  coin.Market
	err     error     // of the last try
	tried   time.Time // its end
	resting map[string]rest
}

// rest is how long a source is not asked, and why.
type rest struct {
	until time.Time
	why   error
}

// NewFeed asks nothing yet.
func NewFeed(cfg Config) *Feed {
	return newFeed(newGecko(cfg.GeckoBase, cfg.GeckoKey), newPaprika(cfg.PaprikaBase))
}

func newFeed(sources ...source) *Feed {
	return &Feed{sources: sources, turn: make(chan struct{}, 1), resting: map[string]rest{}}
}

// Fresh returns a market that was asked for at most a minute ago. Its error says of every source why it
// has none.
func (f *Feed) Fresh(ctx context.Context) (coin.Market, error) {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return coin.Market{}, ctx.Err()
	}
	now := time.Now()
	f.mu.Lock()
	latest, err, tried := f.latest, f.err, f.tried
	f.mu.Unlock()
	// An age below zero is that of a clock that was set back.
	if age := now.Sub(latest.At); !latest.At.IsZero() && age >= 0 && age < freshFor {
		return latest, nil
	}
	if age := now.Sub(tried); err != nil && age >= 0 && age < failedFor {
		return coin.Market{}, err
	}
	m, err := f.ask(ctx)
	if ctx.Err() != nil {
		return coin.Market{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.tried = err, time.Now()
	if err == nil {
		f.latest = m
	}
	return m, err
}

// Latest is the newest market that a source gave, whatever its age; ok is false before the first.
func (f *Feed) Latest() (m coin.Market, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest, !f.latest.At.IsZero()
}

func (f *Feed) ask(ctx context.Context) (coin.Market, error) {
	var errs []error
	instead := ""
	for _, s := range f.sources {
		m, err := f.askOne(ctx, s)
		if err == nil {
			m.Instead = instead
			return m, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", s.name(), err))
		if instead == "" {
			instead = s.name()
		}
	}
	return coin.Market{}, errors.Join(errs...)
}

func (f *Feed) askOne(ctx context.Context, s source) (coin.Market, error) {
	f.mu.Lock()
	r := f.resting[s.name()]
	f.mu.Unlock()
	if time.Now().Before(r.until) {
		return coin.Market{}, r.why
	}
	m, err := s.market(ctx)
	m.At = time.Now()
	if err == nil {
		err = checkFresh(m, m.At)
	}
	if status, ok := errors.AsType[*StatusError](err); ok {
		wait := status.RetryAfter
		if wait == 0 && status.Status == http.StatusTooManyRequests {
			wait = busyFor
		}
		f.mu.Lock()
		f.resting[s.name()] = rest{until: time.Now().Add(wait), why: err}
		f.mu.Unlock()
	}
	return m, err
}
