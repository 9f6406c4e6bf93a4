package sandbox

import (
	"encoding/json"
)

// Button is one of a keyboard as the chat page draws it.
type Button struct {
	Text string `json:"text"`
	Kind string `json:"kind,omitempty"` // of an inline one: callback, url, copy, or other
	URL  string `json:"url,omitempty"`
	Data string `json:"data,omitempty"`
}

// Keyboard is what stands above the composer of the chat page.
type Keyboard struct {
	Rows        [][]Button `json:"rows"`
	Placeholder string     `json:"placeholder,omitempty"`
	OneTime     bool       `json:"one_time,omitempty"`
	Persistent  bool       `json:"persistent,omitempty"`
}

// Bounds of keyboards: rows and buttons are ours, the data's bytes Telegram's (InlineKeyboardButton).
const (
	maxButtons = 200
	maxData    = 64
)

// markup is a reply_markup that was read.
type markup struct {
	inline   json.RawMessage // the keyboard as it stands in the message; nil: none
	keyboard *Keyboard       // below the chat; nil: none
	remove   bool            // takes that one away
}

// echo is what the message shows: of all markups only inline keyboards stay with it.
func (m *markup) echo() json.RawMessage { return m.inline }

// apply changes what stands below the chat.
func (m *markup) apply(c *chat) {
	if m.keyboard != nil || m.remove {
		c.keyboard = m.keyboard
	}
}

// inlineButton is a button with its one action.
type inlineButton struct {
	Text     string          `json:"text"`
	URL      string          `json:"url"`
	Callback string          `json:"callback_data"`
	Copy     json.RawMessage `json:"copy_text"`
	Login    json.RawMessage `json:"login_url"`
	WebApp   json.RawMessage `json:"web_app"`
	Switch   *string         `json:"switch_inline_query"`
	Here     *string         `json:"switch_inline_query_current_chat"`
	Chosen   json.RawMessage `json:"switch_inline_query_chosen_chat"`
	Game     json.RawMessage `json:"callback_game"`
	Pay      bool            `json:"pay"`
}

func (b inlineButton) acts() bool {
	return b.URL != "" || b.Callback != "" || b.Copy != nil || b.Login != nil || b.WebApp != nil || b.Switch != nil || b.Here != nil || b.Chosen != nil || b.Game != nil || b.Pay
}

// parseMarkup reads reply_markup; the text is the server's error (Client.cpp: get_reply_markup).
func parseMarkup(raw string) (*markup, string) {
	if raw == "" {
		return nil, ""
	}
	var members struct {
		Inline      *[][]json.RawMessage `json:"inline_keyboard"`
		Keyboard    *[][]json.RawMessage `json:"keyboard"`
		Placeholder string               `json:"input_field_placeholder"`
		OneTime     bool                 `json:"one_time_keyboard"`
		Persistent  bool                 `json:"is_persistent"`
		Remove      bool                 `json:"remove_keyboard"`
	}
	if !json.Valid([]byte(raw)) {
		return nil, "Bad Request: can't parse reply keyboard markup JSON object"
	}
	if raw == "null" {
		return nil, ""
	}
	if json.Unmarshal([]byte(raw), &members) != nil {
		return nil, "Bad Request: object expected as reply markup"
	}
	switch {
	case members.Inline != nil:
		return parseInline(*members.Inline)
	case members.Keyboard != nil:
		k := &Keyboard{Placeholder: members.Placeholder, OneTime: members.OneTime, Persistent: members.Persistent}
		var bad string
		k.Rows, bad = parseRows(*members.Keyboard)
		return &markup{keyboard: k}, bad
	}
	return &markup{remove: members.Remove}, ""
}

// parseRows reads the buttons of a reply keyboard: texts, or objects with one.
func parseRows(rows [][]json.RawMessage) ([][]Button, string) {
	list := [][]Button{}
	for _, row := range rows {
		var buttons []Button
		for _, raw := range row {
			var b Button
			if json.Unmarshal(raw, &b.Text) != nil && json.Unmarshal(raw, &b) != nil {
				return nil, "Bad Request: can't parse keyboard button: KeyboardButton must be a String or an Object"
			}
			if b.Text == "" {
				return nil, "Bad Request: keyboard button text must be non-empty"
			}
			buttons = append(buttons, Button{Text: b.Text})
		}
		if len(buttons) > 0 {
			list = append(list, buttons)
		}
	}
	return list, ""
}

func parseInline(rows [][]json.RawMessage) (*markup, string) {
	kept, n := [][]json.RawMessage{}, 0
	for _, row := range rows {
		for _, raw := range row {
			var b inlineButton
			switch {
			case json.Unmarshal(raw, &b) != nil:
				return nil, "Bad Request: can't parse inline keyboard button: InlineKeyboardButton must be an Object"
			case b.Text == "":
				return nil, `Bad Request: can't parse inline keyboard button: Can't find field "text"`
			case !b.acts():
				return nil, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
			case len(b.Callback) > maxData:
				return nil, "Bad Request: BUTTON_DATA_INVALID"
			}
			if n++; n > maxButtons {
				return nil, "Bad Request: REPLY_MARKUP_TOO_LONG"
			}
		}
		if len(row) > 0 {
			kept = append(kept, row)
		}
	}
	if len(kept) == 0 {
		return nil, ""
	}
	raw, err := json.Marshal(map[string]any{"inline_keyboard": kept})
	if err != nil {
		return nil, "Bad Request: object expected as reply markup"
	}
	return &markup{inline: raw}, ""
}

// inlineRows is a message's inline keyboard as the chat page draws it.
func inlineRows(raw json.RawMessage) [][]Button {
	var k struct {
		Rows [][]inlineButton `json:"inline_keyboard"`
	}
	if raw == nil || json.Unmarshal(raw, &k) != nil {
		return nil
	}
	list := make([][]Button, 0, len(k.Rows))
	for _, row := range k.Rows {
		buttons := make([]Button, 0, len(row))
		for _, b := range row {
			buttons = append(buttons, drawn(b))
		}
		list = append(list, buttons)
	}
	return list
}

func drawn(b inlineButton) Button {
	switch {
	case b.Callback != "":
		return Button{Text: b.Text, Kind: "callback", Data: b.Callback}
	case b.URL != "":
		return Button{Text: b.Text, Kind: "url", URL: b.URL}
	case b.Copy != nil:
		var c struct {
			Text string `json:"text"`
		}
		if json.Unmarshal(b.Copy, &c) == nil {
			return Button{Text: b.Text, Kind: "copy", Data: c.Text}
		}
	}
	return Button{Text: b.Text, Kind: "other"}
}
