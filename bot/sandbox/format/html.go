package format

import "strings"

// tags are the elements taken, with the type that they make; span, tg-emoji, tg-time and a are looked at further.
var tags = map[string]string{
	"b": Bold, "strong": Bold, "i": Italic, "em": Italic, "u": Underline, "ins": Underline,
	"s": Strikethrough, "strike": Strikethrough, "del": Strikethrough, "tg-spoiler": Spoiler, "span": Spoiler,
	"tg-emoji": CustomEmoji, "tg-time": DateTime, "a": TextLink, "pre": Pre, "code": Code, "blockquote": Blockquote,
}

// element is a start tag that waits for its end tag.
type element struct {
	tag      string
	argument string // of the one attribute that matters
	unix     int64  // of tg-time
	offset   int    // of its text, in units
	from     int    // of its text in out, in bytes
}

// htmlParser reads the parse mode HTML. The text holds no NUL, so that at is 0 behind its end alone.
type htmlParser struct {
	in       string
	i        int // the next byte of in
	out      []byte
	units    int // of out
	broken   bool
	open     []element
	entities []Entity
}

// parseHTML: tdlib/td MessageEntity.cpp: parse_html.
func parseHTML(text string) (string, []Entity, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return "", nil, causef("Text must not contain null bytes")
	}
	p := htmlParser{in: text, out: make([]byte, 0, len(text))}
	for p.i < len(text) {
		var err error
		switch {
		case text[p.i] == '<' && p.at(p.i+1) == '/':
			err = p.endTag()
		case text[p.i] == '<':
			err = p.startTag()
		default:
			p.character()
		}
		if err != nil {
			return "", nil, err
		}
	}
	if n := len(p.open); n > 0 {
		return "", nil, causef("Can't find end tag corresponding to start tag \"%s\"", p.open[n-1].tag)
	}
	if p.broken {
		return "", nil, causef("Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units")
	}
	for i := range p.entities {
		if p.entities[i].Type == Code {
			p.entities[i].Language = ""
		}
	}
	return string(p.out), p.entities, nil
}

func (p *htmlParser) at(i int) byte {
	if i >= len(p.in) {
		return 0
	}
	return p.in[i]
}

func (p *htmlParser) character() {
	if p.in[p.i] == '&' {
		if code, next := decodeReference(p.in, p.i); code != 0 {
			p.out, p.i = appendCode(p.out, code), next
			p.units += units(code)
			p.broken = p.broken || code >= 0xd800 && code <= 0xdfff
			return
		}
	}
	p.units += starts(p.in[p.i])
	p.out = append(p.out, p.in[p.i])
	p.i++
}

// startTag reads from "<" to ">".
func (p *htmlParser) startTag() error {
	begin := p.i
	for p.i++; !isSpace(p.at(p.i)) && p.at(p.i) != '>'; p.i++ {
	}
	if p.i >= len(p.in) {
		return causef("Unclosed start tag at byte offset %d", begin)
	}
	e := element{tag: lower(p.in[begin+1 : p.i]), offset: p.units, from: len(p.out)}
	if tags[e.tag] == "" {
		return causef("Unsupported start tag \"%s\" at byte offset %d", e.tag, begin)
	}
	for p.skipSpace(); p.at(p.i) != '>'; p.skipSpace() {
		name, value, err := p.attribute(e.tag, begin)
		if err != nil {
			return err
		}
		e.set(name, value)
	}
	p.i++
	if e.tag == "span" && e.argument != "spoiler" {
		return causef("Tag \"span\" must have class \"tg-spoiler\" at byte offset %d", begin)
	}
	p.open = append(p.open, e)
	return nil
}

func (p *htmlParser) skipSpace() {
	for p.i < len(p.in) && isSpace(p.in[p.i]) {
		p.i++
	}
}

// attribute reads one attribute of the tag that begins at byte begin; value is empty if there is no "=".
func (p *htmlParser) attribute(tag string, begin int) (name, value string, err error) {
	from := p.i
	for !isSpace(p.at(p.i)) && strings.IndexByte("=>/\"'", p.at(p.i)) < 0 {
		p.i++
	}
	if name = p.in[from:p.i]; name == "" {
		return "", "", causef("Empty attribute name in the tag \"%s\" at byte offset %d", tag, begin)
	}
	p.skipSpace()
	if p.at(p.i) == '=' {
		p.i++
		p.skipSpace()
		if p.i < len(p.in) {
			value, err = p.attributeValue()
			if err == nil && p.i >= len(p.in) {
				err = causef("Unclosed start tag at byte offset %d", begin)
			}
			return name, value, err
		}
	}
	if p.i >= len(p.in) {
		return "", "", causef("Unclosed start tag \"%s\" at byte offset %d", tag, begin)
	}
	return name, "", nil
}

func (p *htmlParser) attributeValue() (string, error) {
	from := p.i
	quote := p.in[p.i]
	if quote != '"' && quote != '\'' {
		for isAlnum(p.at(p.i)) || p.at(p.i) == '.' || p.at(p.i) == '-' {
			p.i++
		}
		if !isSpace(p.at(p.i)) && p.at(p.i) != '>' {
			return "", causef("Unexpected end of name token at byte offset %d", from)
		}
		return lower(p.in[from:p.i]), nil
	}
	var value []byte
	for p.i++; p.i < len(p.in) && p.in[p.i] != quote; {
		if p.in[p.i] == '&' {
			if code, next := decodeReference(p.in, p.i); code != 0 {
				value, p.i = appendCode(value, code), next
				continue
			}
		}
		value = append(value, p.in[p.i])
		p.i++
	}
	if p.i < len(p.in) {
		p.i++
	}
	return string(value), nil
}

// set keeps what an attribute of e means, if it means anything.
func (e *element) set(name, value string) {
	switch e.tag + " " + name {
	case "a href", "tg-emoji emoji-id", "tg-time format":
		e.argument = value
	case "code class":
		if language, ok := strings.CutPrefix(value, "language-"); ok {
			e.argument = language
		}
	case "span class":
		if class, ok := strings.CutPrefix(value, "tg-"); ok {
			e.argument = class
		}
	case "blockquote expandable":
		e.argument = "1"
	case "tg-time unix":
		e.unix = leadingInt32(value)
	}
}

// endTag reads from "</" to ">"; one without a name ends whatever is open.
func (p *htmlParser) endTag() error {
	begin := p.i
	if len(p.open) == 0 {
		return causef("Unexpected end tag at byte offset %d", begin)
	}
	for p.i++; !isSpace(p.at(p.i)) && p.at(p.i) != '>'; p.i++ {
	}
	name := lower(p.in[begin+2 : p.i])
	p.skipSpace()
	if p.at(p.i) != '>' {
		return causef("Unclosed end tag at byte offset %d", begin)
	}
	p.i++
	e := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	if name != "" && name != e.tag {
		return causef("Unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", begin, e.tag, name)
	}
	if p.units == e.offset {
		return nil
	}
	return p.add(e)
}

// add makes the entity of an element that has text.
func (p *htmlParser) add(e element) error {
	n := Entity{Type: tags[e.tag], Offset: e.offset, Length: p.units - e.offset}
	var ok bool
	switch n.Type {
	case CustomEmoji:
		if n.CustomEmojiID, ok = emojiID(e.argument); !ok {
			return causef("Invalid custom emoji identifier specified")
		}
	case DateTime:
		if n.DateTimeFormat, ok = dateFormat(e.argument); !ok {
			return causef("Invalid date format used")
		}
		if n.UnixTime = e.unix; n.UnixTime <= 0 {
			return nil
		}
	case TextLink:
		if e.argument == "" {
			e.argument = string(p.out[e.from:])
		}
		if !n.link(e.argument) {
			return nil
		}
	case Blockquote:
		if e.argument != "" {
			n.Type = ExpandableQuote
		}
	case Pre, Code:
		if p.preCode(n, e.argument) {
			return nil
		}
		n.Language = e.argument // of code: until it is known whether a pre follows
	}
	p.entities = append(p.entities, n)
	return nil
}

// preCode makes one entity of a pre and a code that hold the same text, if the code names a language.
func (p *htmlParser) preCode(n Entity, argument string) bool {
	if len(p.entities) == 0 {
		return false
	}
	last := &p.entities[len(p.entities)-1]
	switch {
	case last.Offset != n.Offset || last.Length != n.Length:
		return false
	case n.Type == Code && last.Type == Pre && last.Language == "" && argument != "":
		last.Language = argument
		return true
	case n.Type == Pre && last.Type == Code && last.Language != "":
		last.Type = Pre
		return true
	}
	return false
}

// link makes a text_link of e, or a text_mention; false if the link is faulty, which makes the text plain.
func (e *Entity) link(link string) bool {
	if id := LinkedUser(link); id != 0 {
		e.Type, e.User = TextMention, &User{ID: id}
		return true
	}
	checked, err := checkLink(link, AnyLink)
	e.Type, e.URL = TextLink, checked
	return err == nil
}
