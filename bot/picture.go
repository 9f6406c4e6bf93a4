package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"botctl/bot/chart"
	"botctl/bot/coin"
	"botctl/bot/digest"
	"botctl/bot/store"
)

// askLimit is how long a chat waits for prices: both sources together.
const askLimit = 12 * time.Second

// album keeps the charts of the newest market, and under which name Telegram has them, so that chats that follow the
// same coins share one.
type album struct {
	mu       sync.Mutex // guards what follows
	at       time.Time
	pictures map[string]*picture
}

// picture is drawn once. Its lock is held while it is.
type picture struct {
	mu     sync.Mutex
	drawn  bool
	png    []byte // empty: there is nothing to draw
	fileID string // Telegram's; "" before it was sent

	upload chan struct{} // holds one token; taken by whoever sends the picture for the first time
}

// maxPictures bounds the album: each has some 60 kB.
const maxPictures = 200

// find returns the picture of coins in market, drawn.
func (a *album) find(market coin.Market, coins []coin.Coin, dark bool) (*picture, error) {
	ids := make([]string, len(coins))
	for i, c := range coins {
		ids[i] = c.ID
	}
	key := fmt.Sprint(dark, " ", strings.Join(ids, " "))
	a.mu.Lock()
	if !a.at.Equal(market.At) || len(a.pictures) >= maxPictures {
		a.at, a.pictures = market.At, map[string]*picture{}
	}
	p := a.pictures[key]
	if p == nil {
		p = &picture{upload: make(chan struct{}, 1)}
		p.upload <- struct{}{}
		a.pictures[key] = p
	}
	a.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		return p, nil
	}
	var lines []chart.Line
	for _, c := range coins {
		lines = append(lines, chart.Line{Name: c.Symbol, Points: market.Quotes[c.ID].Line})
	}
	png, err := chart.Render(lines, dark)
	if err != nil && !errors.Is(err, chart.ErrNothing) {
		return p, err
	}
	p.png, p.drawn = png, true
	return p, nil
}

// file is the picture as it can be sent: by its name at Telegram when it has one.
func (p *picture) file() tgbotapi.RequestFileData {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fileID != "" {
		return tgbotapi.FileID(p.fileID)
	}
	return tgbotapi.FileBytes{Name: "digest.png", Bytes: p.png}
}

func (p *picture) name(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fileID = id
}

// post sends a digest: its text under a chart, or alone when there is none.
func (r *runner) post(ctx context.Context, chat int64, market coin.Market, c store.Chat, h digest.Head) error {
	text := digest.Text(market, c.Follows(), h)
	pic, err := r.album.find(market, c.Follows(), c.Dark)
	if err != nil {
		r.log.Error("chart was not drawn", "cause", err)
	}
	if len(pic.png) > 0 {
		err := r.postPicture(ctx, chat, pic, text)
		if api, ok := errors.AsType[*tgbotapi.Error](err); !ok || api.Code != http.StatusBadRequest && api.Code != http.StatusRequestEntityTooLarge {
			return err
		}
		r.log.Warn("digest is sent without its chart", "chat", chat, "cause", err)
	}
	_, err = r.out.send(ctx, chat, func(chat int64) tgbotapi.Chattable {
		m := tgbotapi.NewMessage(chat, text)
		m.ParseMode, m.DisableWebPagePreview = tgbotapi.ModeHTML, true
		return m
	})
	return err
}

// uploadWait is how long the others wait for the first one who sends a picture.
const uploadWait = 2 * time.Second

func (r *runner) postPicture(ctx context.Context, chat int64, pic *picture, text string) error {
	for {
		turn := time.NewTimer(uploadWait)
		first := false
		if pic.file().NeedsUpload() {
			select {
			case <-pic.upload:
				first = true
			case <-turn.C:
			case <-ctx.Done():
				turn.Stop()
				return &unsentError{ctx.Err()}
			}
		}
		turn.Stop()
		file := pic.file() // it may have been named meanwhile
		sent, err := r.out.send(ctx, chat, func(chat int64) tgbotapi.Chattable {
			m := tgbotapi.NewPhoto(chat, file)
			m.Caption, m.ParseMode = text, tgbotapi.ModeHTML
			return m
		})
		if n := len(sent.Photo); err == nil && n > 0 {
			pic.name(sent.Photo[n-1].FileID)
		}
		if first {
			pic.upload <- struct{}{}
		}
		if _, ok := errors.AsType[*tgbotapi.Error](err); !ok || file.NeedsUpload() {
			return err
		}
		pic.name("") // Telegram does not know it any more
	}
}
