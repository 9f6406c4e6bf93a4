package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"botctl/bot/sandbox/format"
)

// Bounds of a keyboard. What is beyond the first two is dropped in silence (tdlib/td ReplyMarkup.cpp:
// get_reply_markup). The others lead to a refusal; maxMarkup in bytes of JSON and maxInline are from public reports
// (tginfo/Telegram-Limits#187, eternnoir/pyTelegramBotAPI#511), and so is maxCopied in characters (Bot API: CopyTextButton).
const (
	maxRow      = 12
	maxButtons  = 300
	maxInline   = 100
	maxMarkup   = 10 << 10
	maxCallback = 64 // bytes
	maxCopied   = 256
)

// markupKind says what a reply_markup is.
type markupKind string

const (
	inlineMarkup   markupKind = "inline"
	keyboardMarkup markupKind = "keyboard"
	removeMarkup   markupKind = "remove"
	forceMarkup    markupKind = "force_reply"
)

// markup is a reply_markup that the server would take.
type markup struct {
	kind        markupKind
	rows        [][]button // of inlineMarkup and keyboardMarkup, never empty
	resize      bool
	oneTime     bool
	persistent  bool
	selective   bool // never in a private chat
	placeholder string
}

// button is one of an inline or a reply keyboard. Its JSON is what a message shows of an inline one, in the server's
// order (telegram-bot-api Client.cpp: JsonInlineKeyboardButton).
type button struct {
	kind          string      // the field that says what the button does: "url", "request_contact"; "text" if it only sends its text
	Text          string      `json:"text"`
	Icon          string      `json:"icon_custom_emoji_id,omitempty"`
	Style         string      `json:"style,omitempty"` // primary, success, danger
	URL           string      `json:"url,omitempty"`
	CallbackData  string      `json:"callback_data,omitempty"`
	CallbackGame  *struct{}   `json:"callback_game,omitempty"`
	Pay           bool        `json:"pay,omitempty"`
	SwitchQuery   *string     `json:"switch_inline_query,omitempty"`
	SwitchCurrent *string     `json:"switch_inline_query_current_chat,omitempty"`
	SwitchChosen  *chosenChat `json:"switch_inline_query_chosen_chat,omitempty"`
	WebApp        *webApp     `json:"web_app,omitempty"`
	CopyText      *copyText   `json:"copy_text,omitempty"`
}

type chosenChat struct {
	Query    string `json:"query"`
	Users    bool   `json:"allow_user_chats,omitempty"`
	Bots     bool   `json:"allow_bot_chats,omitempty"`
	Groups   bool   `json:"allow_group_chats,omitempty"`
	Channels bool   `json:"allow_channel_chats,omitempty"`
}

type webApp struct {
	URL string `json:"url"`
}

type copyText struct {
	Text string `json:"text"`
}

// drawnButton is a button as a chat page needs it.
type drawnButton struct {
	Text         string `json:"text"`
	Kind         string `json:"kind"` // as in button
	URL          string `json:"url,omitempty"`
	CallbackData string `json:"callback_data,omitempty"`
	CopyText     string `json:"copy_text,omitempty"`
	Style        string `json:"style,omitempty"`
}

// parseMarkup reads the parameter reply_markup of a message to a chat, which is private or not. It is nil for none:
// "", an object without a keyboard, or one whose buttons have no text. refusal is the description of a 400, or empty.
//
// Source: telegram-bot-api Client.cpp: get_reply_markup, get_inline_keyboard_button, get_keyboard_button;
// tdlib/td ReplyMarkup.cpp: get_reply_markup. BUTTON_DATA_INVALID and BUTTON_COPY_TEXT_INVALID come from behind them.
func parseMarkup(raw string, private bool) (m *markup, refusal string) {
	if raw == "" {
		return nil, ""
	}
	v, err := decodeJSON(raw)
	if err != nil {
		return nil, format.Refuse("Can't parse reply keyboard markup JSON object").Description
	}
	object, ok := v.(jsonObject)
	if !ok {
		return nil, format.Refuse("Object expected as reply markup").Description
	}
	m, err = readMarkup(object)
	if err == nil && m != nil {
		m.selective = m.selective && !private
		err = m.check(private)
	}
	if err != nil {
		return nil, format.Refuse(err.Error()).Description
	}
	if m != nil && m.rows == nil && (m.kind == inlineMarkup || m.kind == keyboardMarkup) {
		return nil, ""
	}
	return m, ""
}

// echo is the reply_markup that a message shows: of an inline keyboard alone, nil for others.
func (m *markup) echo() json.RawMessage {
	if m == nil || m.kind != inlineMarkup {
		return nil
	}
	b, err := json.Marshal(map[string]any{"inline_keyboard": m.rows})
	if err != nil {
		return nil // there is nothing in it that could fail
	}
	return b
}

// drawn is the keyboard of m for a page, inline or not; nil if it has none.
func (m *markup) drawn() [][]drawnButton {
	if m == nil {
		return nil
	}
	var rows [][]drawnButton
	for _, row := range m.rows {
		drawn := make([]drawnButton, 0, len(row))
		for _, b := range row {
			d := drawnButton{Text: b.Text, Kind: b.kind, URL: b.URL, CallbackData: b.CallbackData, Style: b.Style}
			if b.WebApp != nil {
				d.URL = b.WebApp.URL
			}
			if b.CopyText != nil {
				d.CopyText = b.CopyText.Text
			}
			drawn = append(drawn, d)
		}
		rows = append(rows, drawn)
	}
	return rows
}

// readMarkup reads all fields, then chooses: a reply keyboard before an inline one before its removal before a forced
// reply.
func readMarkup(object jsonObject) (*markup, error) {
	f := &fieldsOf{object: object}
	keyboard := f.rows("keyboard", "Field \"keyboard\" must be an Array of Arrays", "keyboard button", readKey)
	inline := f.rows("inline_keyboard", "Field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays",
		"inline keyboard button", readInline)
	hide, remove := f.bool("hide_keyboard"), f.bool("remove_keyboard")
	personal, selective := f.bool("personal_keyboard"), f.bool("selective")
	forced, force := f.bool("force_reply_keyboard"), f.bool("force_reply")
	m := &markup{selective: selective || personal, placeholder: f.text("input_field_placeholder")}
	switch {
	case len(keyboard) > 0:
		m.kind, m.rows = keyboardMarkup, keyboard
		m.resize, m.oneTime, m.persistent = f.bool("resize_keyboard"), f.bool("one_time_keyboard"), f.bool("is_persistent")
	case len(inline) > 0:
		m = &markup{kind: inlineMarkup, rows: inline}
	case remove || hide:
		m.kind = removeMarkup
	case force || forced:
		m.kind = forceMarkup
	default:
		m = nil
	}
	return m, f.err
}

// check looks at what the buttons hold and drops those without a text and those beyond the bounds.
func (m *markup) check(private bool) error {
	var rows [][]button
	total := 0
	for _, row := range m.rows {
		var kept []button
		for _, b := range row {
			if b.Text == "" && b.Icon == "" {
				continue
			}
			if len(kept) == maxRow || total == maxButtons {
				break
			}
			check := b.checkInline
			if m.kind == keyboardMarkup {
				check = func() (button, error) { return b.checkKey(private) }
			}
			b, err := check()
			if err != nil {
				return err
			}
			kept = append(kept, b)
			total++
		}
		if kept != nil {
			rows = append(rows, kept)
		}
	}
	m.rows = rows
	if m.kind != inlineMarkup {
		return nil
	}
	for b := range slices.Values(slices.Concat(rows...)) {
		if err := b.checkData(); err != nil {
			return err
		}
	}
	if total > maxInline || len(m.echo()) > maxMarkup {
		return cause("reply markup is too long")
	}
	return nil
}

// checkInline cleans an inline button and its link.
func (b button) checkInline() (button, error) {
	if b.Text, _ = format.Clean(b.Text); b.Text == "" {
		return b, cause("Inline keyboard button text must be non-empty")
	}
	var err error
	switch b.kind {
	case "url":
		if id := format.LinkedUser(b.URL); id != 0 {
			b.URL = fmt.Sprintf("tg://user?id=%d", id)
			return b, nil
		}
		if b.URL, err = format.CheckLink(b.URL, format.AnyLink); err != nil {
			return b, cause("Inline keyboard button " + err.Error())
		}
	case "login_url":
		if format.LinkedUser(b.URL) != 0 {
			return b, cause("Link to a user can't be used in login URL buttons")
		}
		if b.URL, err = format.CheckLink(b.URL, format.HTTPSLink); err != nil {
			return b, cause("Inline keyboard button login " + err.Error())
		}
	case "web_app":
		return b, b.WebApp.check("Inline keyboard button")
	case "switch_inline_query_chosen_chat":
		if c := b.SwitchChosen; !c.Users && !c.Bots && !c.Groups && !c.Channels {
			return b, cause("At least one chat type must be allowed")
		}
	}
	return b, nil
}

func (w *webApp) check(of string) (err error) {
	if format.LinkedUser(w.URL) != 0 {
		return cause("Link to a user can't be used in Web App URL buttons")
	}
	if w.URL, err = format.CheckLink(w.URL, format.HTTPSLink); err != nil {
		return cause(of + " Web App " + err.Error())
	}
	return nil
}

// checkKey cleans a button of a reply keyboard; most of what it may ask for is for private chats.
func (b button) checkKey(private bool) (button, error) {
	if b.Text, _ = format.Clean(b.Text); b.Text == "" {
		return b, cause("Keyboard button text must be non-empty")
	}
	asks := map[string]string{
		"request_contact": "Phone number can be requested", "request_location": "Location can be requested",
		"request_poll": "Poll can be requested", "web_app": "Web App buttons can be used", "request_users": "Users can be requested",
		"request_chat": "Chats can be requested", "request_managed_bot": "Managed bots can be requested",
	}[b.kind]
	if asks != "" && !private {
		return b, cause(asks + " in private chats only")
	}
	if b.kind == "web_app" {
		return b, b.WebApp.check("Keyboard button")
	}
	return b, nil
}

// checkData is what Telegram itself refuses.
func (b button) checkData() error {
	if len(b.CallbackData) > maxCallback {
		return cause("BUTTON_DATA_INVALID")
	}
	if b.CopyText != nil && (strings.TrimSpace(b.CopyText.Text) == "" || utf8.RuneCountInString(b.CopyText.Text) > maxCopied) {
		return cause("BUTTON_COPY_TEXT_INVALID")
	}
	return nil
}
