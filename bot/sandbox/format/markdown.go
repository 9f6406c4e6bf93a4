package format

import "strings"

// markdownParser reads the legacy parse mode Markdown, in which entities do not nest.
type markdownParser struct {
	in       string
	i        int // the next byte of in
	out      strings.Builder
	units    int // of out
	entities []Entity
}

// parseMarkdown: tdlib/td MessageEntity.cpp: parse_markdown.
func parseMarkdown(text string) (string, []Entity, error) {
	p := markdownParser{in: text}
	for p.i < len(text) {
		switch c := text[p.i]; {
		case c == '\\' && strings.IndexByte("_*`[", byteAt(text, p.i+1)) >= 0:
			p.i++
			p.copy()
		case strings.IndexByte("_*`[", c) < 0:
			p.copy()
		default:
			if err := p.entity(); err != nil {
				return "", nil, err
			}
		}
	}
	return p.out.String(), p.entities, nil
}

// byteAt is 0 behind the end.
func byteAt(s string, i int) byte {
	if i >= len(s) {
		return 0
	}
	return s[i]
}

func (p *markdownParser) copy() {
	p.units += starts(p.in[p.i])
	p.out.WriteByte(p.in[p.i])
	p.i++
}

// entity reads from an opening character to behind the closing one.
func (p *markdownParser) entity() error {
	begin, offset := p.i, p.units
	e := Entity{Offset: offset}
	end := p.in[p.i : p.i+1]
	switch end {
	case "_":
		e.Type = Italic
	case "*":
		e.Type = Bold
	case "[":
		e.Type, end = TextLink, "]"
	case "`":
		e.Type = Code
		if strings.HasPrefix(p.in[p.i:], "```") {
			e.Type, end = Pre, "```"
		}
	}
	p.i += len(end)
	if e.Type == Pre {
		e.Language, p.i = fence(p.in, p.i)
	}
	for p.i < len(p.in) && !strings.HasPrefix(p.in[p.i:], end) {
		p.copy()
	}
	if p.i >= len(p.in) {
		return causef("Can't find end of the entity starting at byte offset %d", begin)
	}
	text := p.in[begin+1 : p.i]
	p.i += len(end)
	if e.Length = p.units - offset; e.Length == 0 {
		return nil
	}
	if e.Type == TextLink && !e.link(p.address(text)) {
		return nil
	}
	p.entities = append(p.entities, e)
	return nil
}

// address is what follows a link's text in parentheses; without them the text is its own address.
func (p *markdownParser) address(text string) string {
	if byteAt(p.in, p.i) != '(' {
		return text
	}
	address, _, _ := strings.Cut(p.in[p.i+1:], ")")
	p.i = min(len(p.in), p.i+len(address)+2)
	return address
}

// fence reads what follows three backticks at s[i-3:]: a word that white space ends is the language, and one line
// break does not count.
func fence(s string, i int) (language string, next int) {
	end := i
	for !isSpace(byteAt(s, end)) && s[end] != '`' {
		end++
	}
	if end > i && end < len(s) && s[end] != '`' {
		language, i = s[i:end], end
	}
	lineBreak := func(c byte) bool { return c == '\n' || c == '\r' }
	if lineBreak(byteAt(s, i)) {
		i++
		if c := byteAt(s, i); lineBreak(c) && c != s[i-1] {
			i++
		}
	}
	return language, i
}
