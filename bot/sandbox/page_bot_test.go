package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// outcome is what one getUpdates of a pageBot came to.
type outcome struct {
	status  int // 0: no answer
	err     error
	body    string
	took    time.Duration
	updates int
}

// pageBot is a small bot as people write them. It polls over HTTP and does what its handler says.
type pageBot struct {
	t      *testing.T
	base   string // of the Bot API, with the token
	agent  string // User-Agent
	poll   int    // seconds of a long poll
	client *http.Client
	handle func(*pageBot, pageUpdate)

	mu       sync.Mutex
	outcomes []outcome
	updates  []pageUpdate
	come     chan struct{} // closed and replaced at each outcome
}

type pageUpdate struct {
	ID      int64 `json:"update_id"`
	Message *struct {
		Chat     struct{ ID int64 }
		Text     string
		Caption  string
		Photo    []struct{ Width int }
		Document *struct {
			Name string `json:"file_name"`
		}
		ReplyTo *struct{ Text string } `json:"reply_to_message"`
	}
	Callback *struct {
		ID      string
		Data    string
		Message struct {
			ID   int64 `json:"message_id"`
			Chat struct{ ID int64 }
		}
	} `json:"callback_query"`
}

const pageToken = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0"

func newPageBot(t *testing.T, base, token string) *pageBot {
	return &pageBot{
		t: t, base: base + "/bot" + token, agent: "page-bot/1", poll: 2, handle: walkBot, come: make(chan struct{}),
		client: &http.Client{Timeout: comesWithin, Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
	}
}

// start polls the sandbox until the test ends.
func (b *pageBot) start() *pageBot {
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { b.run(ctx) })
	b.t.Cleanup(func() {
		cancel()
		loop.Wait()
		b.client.CloseIdleConnections()
	})
	return b
}

func (b *pageBot) run(ctx context.Context) {
	offset := int64(0)
	for ctx.Err() == nil {
		var updates []pageUpdate
		o := b.ask(ctx, "getUpdates", map[string]any{"offset": offset, "timeout": b.poll}, &updates)
		if ctx.Err() != nil {
			return
		}
		o.updates = len(updates)
		b.mu.Lock()
		b.outcomes = append(b.outcomes, o)
		b.updates = append(b.updates, updates...)
		close(b.come)
		b.come = make(chan struct{})
		b.mu.Unlock()
		for _, u := range updates {
			offset = u.ID + 1
			if b.handle != nil {
				b.handle(b, u)
			}
		}
		if o.status != http.StatusOK {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// ask makes one call. Its result goes to into, unless that is nil.
func (b *pageBot) ask(ctx context.Context, method string, params map[string]any, into any) outcome {
	body, _ := json.Marshal(params)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.base+"/"+method, bytes.NewReader(body))
	if err != nil {
		return outcome{err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	return b.carry(req, into)
}

func (b *pageBot) carry(req *http.Request, into any) outcome {
	req.Header.Set("User-Agent", b.agent)
	began := time.Now()
	resp, err := b.client.Do(req)
	if err != nil {
		return outcome{err: err, took: time.Since(began)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return outcome{err: err, took: time.Since(began)}
	}
	var answer struct{ Result json.RawMessage }
	if json.Unmarshal(text, &answer) == nil && into != nil {
		json.Unmarshal(answer.Result, into)
	}
	return outcome{status: resp.StatusCode, body: string(text), took: time.Since(began)}
}

// must is a call that works.
func (b *pageBot) must(method string, params map[string]any) {
	if o := b.ask(context.Background(), method, params, nil); o.status != http.StatusOK {
		b.t.Errorf("%s: %d %s %v", method, o.status, o.body, o.err)
	}
}

func (b *pageBot) sendPhoto(chat int64, caption string) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("chat_id", fmt.Sprint(chat))
	w.WriteField("caption", caption)
	part, _ := w.CreateFormFile("photo", "coast.png")
	part.Write(picture(640, 400))
	w.Close()
	req, _ := http.NewRequest(http.MethodPost, b.base+"/sendPhoto", &form)
	req.Header.Set("Content-Type", w.FormDataContentType())
	if o := b.carry(req, nil); o.status != http.StatusOK {
		b.t.Errorf("sendPhoto: %d %s %v", o.status, o.body, o.err)
	}
}

func (b *pageBot) sendDocument(chat int64, name, content string) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("chat_id", fmt.Sprint(chat))
	part, _ := w.CreateFormFile("document", name)
	io.WriteString(part, content)
	w.Close()
	req, _ := http.NewRequest(http.MethodPost, b.base+"/sendDocument", &form)
	req.Header.Set("Content-Type", w.FormDataContentType())
	if o := b.carry(req, nil); o.status != http.StatusOK {
		b.t.Errorf("sendDocument: %d %s %v", o.status, o.body, o.err)
	}
}

// seen is how many polls have ended, to be given to await.
func (b *pageBot) seen() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.outcomes)
}

// await waits for a poll after the first n that fits.
func (b *pageBot) await(n int, what string, fits func(outcome) bool) outcome {
	b.t.Helper()
	late := time.After(comesWithin)
	for {
		b.mu.Lock()
		list, come := b.outcomes, b.come
		b.mu.Unlock()
		for ; n < len(list); n++ {
			if fits(list[n]) {
				return list[n]
			}
		}
		select {
		case <-come:
		case <-late:
			b.t.Fatalf("no poll had %s; the last ones: %+v", what, list[max(0, len(list)-5):])
		}
	}
}

func (b *pageBot) awaitStatus(n, status int) outcome {
	b.t.Helper()
	return b.await(n, fmt.Sprintf("status %d", status), func(o outcome) bool { return o.status == status })
}

// awaitUpdate waits for an update that fits.
func (b *pageBot) awaitUpdate(what string, fits func(pageUpdate) bool) pageUpdate {
	b.t.Helper()
	late := time.After(comesWithin)
	for n := 0; ; {
		b.mu.Lock()
		list, come := b.updates, b.come
		b.mu.Unlock()
		for ; n < len(list); n++ {
			if fits(list[n]) {
				return list[n]
			}
		}
		select {
		case <-come:
		case <-late:
			b.t.Fatalf("no update was %s", what)
		}
	}
}

// picture is a PNG of a hill before an evening sky.
func picture(width, height int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			fx, fy := float64(x)/float64(width), float64(y)/float64(height)
			c := color.RGBA{uint8(60 + 170*fy), uint8(100 + 70*fy), uint8(190 - 60*fy), 255}
			if fy > 0.9-0.5*fx*(1.3-fx) {
				c = color.RGBA{uint8(30 + 40*fx), 84, 86, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	png.Encode(&b, img)
	return b.Bytes()
}

// walkBot is the bot that a person talks to in the tests.
func walkBot(b *pageBot, u pageUpdate) {
	switch {
	case u.Callback != nil && u.Callback.Data == "warn":
		b.must("answerCallbackQuery", map[string]any{"callback_query_id": u.Callback.ID, "text": "Think twice.", "show_alert": true})
	case u.Callback != nil:
		b.must("editMessageText", map[string]any{
			"chat_id": u.Callback.Message.Chat.ID, "message_id": u.Callback.Message.ID, "parse_mode": "HTML",
			"text": "Counted to <b>1</b>.", "reply_markup": countKeyboard(1),
		})
		b.must("answerCallbackQuery", map[string]any{"callback_query_id": u.Callback.ID, "text": "Counted."})
	case u.Message == nil:
	case u.Message.Text == "/start":
		b.must("sendMessage", map[string]any{"chat_id": u.Message.Chat.ID, "parse_mode": "HTML", "text": welcome, "reply_markup": countKeyboard(0)})
	case u.Message.Text == "/photo":
		b.must("sendChatAction", map[string]any{"chat_id": u.Message.Chat.ID, "action": "upload_photo"})
		b.sendPhoto(u.Message.Chat.ID, "The coast, this evening")
	case u.Message.Text == "/keys":
		b.must("sendMessage", map[string]any{"chat_id": u.Message.Chat.ID, "text": "Choose:", "reply_markup": map[string]any{
			"keyboard": [][]map[string]string{{{"text": "Tea"}, {"text": "Coffee"}}}, "input_field_placeholder": "Tea or coffee",
		}})
	case u.Message.Text != "" && !strings.HasPrefix(u.Message.Text, "/"):
		b.must("sendMessage", map[string]any{"chat_id": u.Message.Chat.ID, "text": "You said: " + u.Message.Text})
	}
}

const welcome = `Hello, <b>you</b>. This is <i>italic</i>, <u>underlined</u>, <s>struck</s>, ` +
	`<code>code</code> and a <tg-spoiler>secret</tg-spoiler>.` + "\n" +
	`<blockquote>Somebody said this.</blockquote>` + "\n" +
	`<pre><code class="language-go">for range 3 { fmt.Println("hi") }</code></pre>` + "\n" +
	`See <a href="https://core.telegram.org/bots/api">the Bot API</a>, or /help.`

func countKeyboard(n int) map[string]any {
	return map[string]any{"inline_keyboard": [][]map[string]any{
		{{"text": fmt.Sprintf("Count: %d", n), "callback_data": "count"}, {"text": "Warn me", "callback_data": "warn"}},
		{{"text": "The Bot API", "url": "https://core.telegram.org/bots/api"}},
	}}
}

// withCommands sets the bot's list of commands.
func (b *pageBot) withCommands() *pageBot {
	b.must("setMyCommands", map[string]any{"commands": []map[string]string{
		{"command": "start", "description": "Begin"}, {"command": "photo", "description": "Send a photo"}, {"command": "keys", "description": "Show a keyboard"},
	}})
	return b
}
