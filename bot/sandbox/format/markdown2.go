package format

import "strings"

// reserved are the characters of MarkdownV2 that mean something, or nothing but must be escaped.
const reserved = "_*[]()~`>#+-=|{}.!\n"

// titles are the names of entities in error texts.
var titles = map[string]string{
	Bold: "Bold", Italic: "Italic", Underline: "Underline", Strikethrough: "Strikethrough", Spoiler: "Spoiler",
	Code: "Code", Pre: "Pre", TextLink: "TextUrl", CustomEmoji: "CustomEmoji", Blockquote: "BlockQuote",
}

// mark is an opening mark that waits for its closing one.
type mark struct {
	kind     string
	language string // of pre
	offset   int    // of its text, in units
	begin    int    // in, in bytes
	from     int    // of its text in out, in bytes
}

func (m mark) unclosed() error {
	title := titles[m.kind]
	if m.language != "" {
		title = "PreCode"
	}
	return causef("Can't find end of %s entity at byte offset %d", title, m.begin)
}

// markdown2Parser reads the parse mode MarkdownV2.
type markdown2Parser struct {
	in        string
	i         int // the next byte of in
	out       []byte
	units     int // of out
	open      []mark
	quoting   bool
	lineStart bool // a ">" here begins a quote
	entities  []Entity
}

// parseMarkdownV2: tdlib/td MessageEntity.cpp: parse_markdown_v2.
func parseMarkdownV2(text string) (string, []Entity, error) {
	p := markdown2Parser{in: text, out: make([]byte, 0, len(text)), lineStart: true}
	for p.i < len(text) {
		if err := p.step(); err != nil {
			return "", nil, err
		}
	}
	if p.quoting {
		p.endLastQuote()
	}
	if n := len(p.open); n > 0 {
		return "", nil, p.open[n-1].unclosed()
	}
	return string(p.out), p.entities, nil
}

func (p *markdown2Parser) top() *mark { return &p.open[len(p.open)-1] }

func (p *markdown2Parser) at(i int) byte { return byteAt(p.in, i) }

func (p *markdown2Parser) has(s string) bool { return strings.HasPrefix(p.in[p.i:], s) }

// escaped says that s[i] is a backslash that takes the meaning from the character behind it.
func escaped(s string, i int) bool {
	next := byteAt(s, i+1)
	return s[i] == '\\' && 0 < next && next <= 126
}

// put passes the next byte on to out.
func (p *markdown2Parser) put(lineStart bool) {
	c := p.in[p.i]
	p.i++
	p.out = append(p.out, c)
	p.units += starts(c)
	if starts(c) > 0 && c != '\r' {
		p.lineStart = lineStart
	}
}

// step reads a character, or a whole mark.
func (p *markdown2Parser) step() error {
	if escaped(p.in, p.i) {
		p.i++
		p.put(p.in[p.i] == '\n')
		return nil
	}
	special := reserved
	if len(p.open) > 0 && (p.top().kind == Code || p.top().kind == Pre) {
		special = "`"
	}
	c := p.in[p.i]
	switch {
	case strings.IndexByte(special, c) < 0:
		p.put(false) // after a line break too: this one is within code
		return nil
	case len(p.open) == 0:
		return p.begin(c)
	case p.quoting && c == '\n' && p.at(p.i+1) != '>':
		return p.endQuote()
	case p.closes(p.top().kind):
		return p.end()
	}
	return p.begin(c)
}

// closes says whether the innermost entity ends here. Two underscores never end an italic one.
func (p *markdown2Parser) closes(kind string) bool {
	return kind != Blockquote && p.has(closing(kind)) && (kind != Italic || !p.has("__"))
}

// closing is the mark that ends a kind of entity; a quote ends with its line instead.
func closing(kind string) string {
	switch kind {
	case Bold:
		return "*"
	case Italic:
		return "_"
	case Underline:
		return "__"
	case Strikethrough:
		return "~"
	case Spoiler:
		return "||"
	case Code:
		return "`"
	case Pre:
		return "```"
	case TextLink, CustomEmoji:
		return "]"
	}
	return ""
}

// begin opens an entity with c, or refuses c.
func (p *markdown2Parser) begin(c byte) error {
	m := mark{begin: p.i, offset: p.units, from: len(p.out)}
	next := p.i + 1
	switch {
	case p.has("__"):
		m.kind, next = Underline, p.i+2
	case c == '_':
		m.kind = Italic
	case c == '*':
		m.kind = Bold
	case c == '~':
		m.kind = Strikethrough
	case p.has("||"):
		m.kind, next = Spoiler, p.i+2
	case c == '[':
		m.kind = TextLink
	case p.has("```"):
		m.kind = Pre
		m.language, next = fence(p.in, p.i+3)
	case c == '`':
		m.kind = Code
	case p.has("!["):
		m.kind, next = CustomEmoji, p.i+2
	case c == '\n':
		p.put(true)
		return nil
	case c == '>' && p.lineStart && p.quoting:
		p.i++
		return nil
	case c == '>' && p.lineStart:
		m.kind = Blockquote
		p.quoting = true
	default:
		return causef("Character '%c' is reserved and must be escaped with the preceding '\\'", c)
	}
	p.i = next
	p.open = append(p.open, m)
	return nil
}

// end closes the innermost entity, whose mark stands here.
func (p *markdown2Parser) end() error {
	m := *p.top()
	p.open = p.open[:len(p.open)-1]
	p.i += len(closing(m.kind))
	e := Entity{Type: m.kind, Language: m.language, Offset: m.offset, Length: p.units - m.offset}
	keep := e.Length > 0
	switch m.kind {
	case TextLink:
		address := string(p.out[m.from:])
		if p.at(p.i) == '(' {
			var err error
			if address, err = p.address(); err != nil {
				return err
			}
		}
		keep = e.link(address) && keep
	case CustomEmoji:
		if p.at(p.i) != '(' {
			return causef("The entity must contain a tg://emoji or tg://time URL")
		}
		address, err := p.address()
		if err != nil {
			return err
		}
		if err := e.emojiOrTime(address); err != nil {
			return err
		}
	}
	if keep {
		p.entities = append(p.entities, e)
	}
	return nil
}

// emojiOrTime makes e what its link says.
func (e *Entity) emojiOrTime(link string) error {
	if id, ok := linkedEmoji(link); ok {
		e.CustomEmojiID = id
		return nil
	}
	unix, format, ok := linkedTime(link)
	if !ok {
		return causef("Invalid tg://emoji or tg://time URL specified")
	}
	e.Type, e.UnixTime = DateTime, unix
	if e.DateTimeFormat, ok = dateFormat(format); !ok {
		return causef("Invalid date format used")
	}
	return nil
}

// address reads from a parenthesis to behind its pair.
func (p *markdown2Parser) address() (string, error) {
	p.i++
	begin := p.i
	var b strings.Builder
	for ; p.i < len(p.in) && p.in[p.i] != ')'; p.i++ {
		if escaped(p.in, p.i) {
			p.i++
		}
		b.WriteByte(p.in[p.i])
	}
	if p.i >= len(p.in) {
		return "", causef("Can't find end of a URL at byte offset %d", begin)
	}
	p.i++
	return b.String(), nil
}

// endQuote ends a quote with the line break here, which belongs to it. A spoiler that was begun right before, with
// nothing in it, makes the quote expandable.
func (p *markdown2Parser) endQuote() error {
	kind := Blockquote
	if m := *p.top(); m.kind != Blockquote {
		gap := p.i - m.begin
		if m.kind != Spoiler || gap != 2 && (gap != 3 || p.in[p.i-1] != '\r') {
			return m.unclosed()
		}
		p.open = p.open[:len(p.open)-1]
		if p.top().kind != Blockquote {
			return p.top().unclosed()
		}
		kind = ExpandableQuote
	}
	p.put(true)
	p.closeQuote(kind)
	return nil
}

// endLastQuote ends a quote with the text; what else is open is for the caller to refuse.
func (p *markdown2Parser) endLastQuote() {
	kind := Blockquote
	if m := *p.top(); m.kind == Spoiler && m.begin == len(p.in)-2 {
		p.open = p.open[:len(p.open)-1]
		kind = ExpandableQuote
	}
	if p.top().kind == Blockquote {
		p.closeQuote(kind)
	}
}

func (p *markdown2Parser) closeQuote(kind string) {
	if length := p.units - p.top().offset; length > 0 {
		p.entities = append(p.entities, Entity{Type: kind, Offset: p.top().offset, Length: length})
	}
	p.open = p.open[:len(p.open)-1]
	p.quoting = false
}
