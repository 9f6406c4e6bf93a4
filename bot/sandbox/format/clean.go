package format

import (
	"strings"
	"unicode/utf8"
)

// Length is how long s is in UTF-16 units. Bytes that are no UTF-8 count one each.
func Length(s string) int {
	n := 0
	for _, r := range s {
		n += units(r)
	}
	return n
}

func units(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

// starts says that b is the first byte of a character, and how many units that one has; else 0.
func starts(b byte) int {
	switch {
	case b >= 0xf0:
		return 2
	case b&0xc0 != 0x80:
		return 1
	}
	return 0
}

// Clean does to any string what the server does first: control characters but the line feed become spaces,
// carriage returns, line separators, overrides of the writing direction and vertical strokes go, and of several
// direction marks in a row the last one stays one. ok is false for what is no UTF-8.
//
// Source: tdlib/td misc.cpp: clean_input_string.
func Clean(s string) (clean string, ok bool) {
	if !utf8.ValidString(s) {
		return "", false
	}
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] > ' ' && s[i] != 0xcc && s[i] != 0xe2 || s[i] == ' ' || s[i] == '\n'
	}
	if plain {
		return s, true
	}
	b := make([]rune, 0, len(s))
	for _, r := range s {
		if r, keep := cleanRune(r); keep {
			b = append(b, r)
		}
	}
	tameMarks(b)
	return string(b), true
}

func cleanRune(r rune) (clean rune, keep bool) {
	switch {
	case r == '\r', r >= 0x2028 && r <= 0x202e, r == 0x333, r == 0x33f, r == 0x30a:
		return 0, false
	case r < ' ' && r != '\n':
		return ' ', true
	}
	return r, true
}

// tameMarks makes each direction mark that another one follows a zero-width non-joiner
// (misc.cpp: replace_offending_characters).
func tameMarks(text []rune) {
	mark := func(r rune) bool { return r == 0x200e || r == 0x200f }
	for i := 1; i < len(text); i++ {
		if mark(text[i-1]) && mark(text[i]) {
			text[i-1] = 0x200c
		}
	}
}

// Blank says that the server takes text for empty and refuses a message with "Bad Request: text must be non-empty":
// spaces and invisible characters only. A message whose text parameter was empty to begin with is refused with
// "Bad Request: message text is empty".
//
// Source: tdlib/td misc.cpp: strip_empty_characters, Client.cpp: get_input_message_text.
func Blank(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !invisible(r) }) < 0
}

func invisible(r rune) bool {
	switch {
	case r < 0x80:
		return isSpace(byte(r))
	case r >= 0x2000 && r <= 0x200f, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	switch r {
	case 0xa0, 0x1680, 0x180e, 0x202e, 0x202f, 0x205f, 0x2800, 0x3000, 0xfeff, 0xfffc:
		return true
	}
	return false
}

// cleanMarked is Clean for a text with entities, which shrink with what is removed from them. The entities are sorted
// and nested; one that begins or ends inside of a character or behind the text is an error.
//
// Source: tdlib/td MessageEntity.cpp: clean_input_string_with_entities.
func cleanMarked(text string, entities []Entity) (string, error) {
	m := marker{entities: entities}
	out := make([]rune, 0, len(text))
	for pos, r := range text {
		if err := m.reach(pos); err != nil {
			return "", err
		}
		m.at += units(r)
		if r, keep := cleanRune(r); keep {
			out = append(out, r)
		} else {
			m.removed++
		}
	}
	if err := m.reach(len(text)); err != nil {
		return "", err
	}
	if m.next < len(entities) {
		return "", causef("Entity begins after the end of the text at UTF-16 offset %d", entities[m.next].Offset)
	}
	if n := len(m.open); n > 0 {
		e := m.open[n-1].entity
		return "", causef("Entity beginning at UTF-16 offset %d ends after the end of the text at UTF-16 offset %d", e.Offset, e.Offset+e.Length)
	}
	tameMarks(out)
	return string(out), nil
}

// marker walks along a text and moves the entities to where they are once it is clean.
type marker struct {
	entities []Entity
	next     int // of entities, not begun yet
	open     []begun
	at       int // units walked
	removed  int // units among them, each a character of its own
}

type begun struct {
	entity  *Entity
	removed int // as of its beginning
}

// reach begins and ends what is due before the character at byte pos.
func (m *marker) reach(pos int) error {
	for n := len(m.open) - 1; n >= 0; n-- {
		b := m.open[n]
		end := b.entity.Offset + b.entity.Length
		if m.at < end {
			break
		}
		if m.at > end {
			return causef("Entity beginning at UTF-16 offset %d ends in a middle of a UTF-16 symbol at byte offset %d", b.entity.Offset, pos)
		}
		b.entity.Offset -= b.removed
		b.entity.Length -= m.removed - b.removed
		m.open = m.open[:n]
	}
	for ; m.next < len(m.entities) && m.at >= m.entities[m.next].Offset; m.next++ {
		if m.at > m.entities[m.next].Offset {
			return causef("Entity begins in a middle of a UTF-16 symbol at byte offset %d", pos)
		}
		m.open = append(m.open, begun{&m.entities[m.next], m.removed})
	}
	return nil
}
