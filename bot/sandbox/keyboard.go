package sandbox

// Button is one of a keyboard as the chat page draws it.
type Button struct {
	Text string `json:"text"`
	Kind string `json:"kind,omitempty"` // callback, url, copy, or other; of a reply keyboard's buttons "" for text
	URL  string `json:"url,omitempty"`
	Data string `json:"data,omitempty"` // of callback and copy
}

// Keyboard is what stands above the composer of the chat page.
type Keyboard struct {
	Rows        [][]Button `json:"rows"`
	Placeholder string     `json:"placeholder,omitempty"`
	OneTime     bool       `json:"one_time,omitempty"`
	Persistent  bool       `json:"persistent,omitempty"`
}

// apply changes what stands below a chat; inline keyboards stay with their messages.
func (m *markup) apply(c *chat) {
	switch m.kind {
	case keyboardMarkup:
		c.keyboard = &Keyboard{Rows: m.buttons(), Placeholder: m.placeholder, OneTime: m.oneTime, Persistent: m.persistent}
	case removeMarkup:
		c.keyboard = nil
	case inlineMarkup, forceMarkup:
	}
}

// show puts an inline keyboard into a message; a nil m takes it away.
func (m *markup) show(in *message) {
	in.Markup, in.rows = m.echo(), nil
	if in.Markup != nil {
		in.rows = m.buttons()
	}
}

// buttons are the rows of m for the chat page.
func (m *markup) buttons() [][]Button {
	var rows [][]Button
	for _, row := range m.drawn() {
		var list []Button
		for _, d := range row {
			b := Button{Text: d.Text, Kind: "other", URL: d.URL}
			switch d.Kind {
			case "callback_data":
				b.Kind, b.Data = "callback", d.CallbackData
			case "copy_text":
				b.Kind, b.Data = "copy", d.CopyText
			case "url":
				b.Kind = "url"
			case "text":
				b.Kind = ""
			}
			list = append(list, b)
		}
		rows = append(rows, list)
	}
	return rows
}
