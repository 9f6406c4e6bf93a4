package format

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxMarked is how many entities of a message the server keeps, custom emoji and automatic ones not counted
// (MessageEntity.cpp: get_input_message_entities).
const maxMarked = 100

// fix cleans and trims text and makes its entities proper. Source: MessageEntity.cpp: fix_formatted_text.
func fix(text string, entities []Entity) (string, []Entity, error) {
	if !utf8.ValidString(text) {
		return "", nil, Refuse("Strings must be encoded in UTF-8")
	}
	if len(entities) == 0 {
		text, _ = Clean(text)
		return strings.Trim(text, " \n"), nil, nil
	}
	if err := accept(entities); err != nil {
		return "", nil, Refuse(err.Error())
	}
	entities = proper(withoutEmpty(entities))
	text, err := cleanMarked(text, entities)
	if err != nil {
		return "", nil, Refuse(err.Error())
	}
	text, entities = trim(text, proper(withoutEmpty(entities)))
	return text, capped(entities), nil
}

// accept checks what entities hold (MessageEntity.cpp: get_message_entities and the head of fix_formatted_text).
func accept(entities []Entity) error {
	for i := range entities {
		if err := entities[i].accept(); err != nil {
			return err
		}
	}
	for _, e := range entities {
		if e.Offset < 0 || e.Offset > 1_000_000 {
			return causef("Receive an entity with incorrect offset %d", e.Offset)
		}
		if e.Length < 0 || e.Length > 1_000_000 {
			return causef("Receive an entity with incorrect length %d", e.Length)
		}
	}
	return nil
}

func (e *Entity) accept() error {
	var ok bool
	switch e.Type {
	case Pre:
		if e.Language, ok = Clean(e.Language); !ok {
			return causef("MessageEntityPreCode.language must be encoded in UTF-8")
		}
	case TextLink:
		if e.URL, ok = Clean(e.URL); !ok {
			return causef("MessageEntityTextUrl.url must be encoded in UTF-8")
		}
		if id := LinkedUser(e.URL); id != 0 {
			e.Type, e.URL, e.User = TextMention, "", &User{ID: id}
			return nil
		}
		link, err := CheckLink(e.URL, AnyLink)
		if err != nil {
			return causef("Entity %s", err.Error())
		}
		e.URL = link
	case TextMention:
		if !validUser(e.User.ID) {
			return causef("User not found")
		}
	case CustomEmoji:
		if e.CustomEmojiID == "" || e.CustomEmojiID == "0" {
			return causef("Invalid custom emoji identifier specified")
		}
	case DateTime:
		if e.UnixTime <= 0 {
			return causef("Invalid date specified")
		}
	}
	return nil
}

func withoutEmpty(entities []Entity) []Entity {
	return slices.DeleteFunc(entities, func(e Entity) bool { return e.Length <= 0 })
}

// trim cuts white space off both ends; in front it stops at the first entity.
func trim(text string, entities []Entity) (string, []Entity) {
	text = strings.TrimRight(text, " \n")
	if text == "" {
		return "", nil
	}
	end := Length(text)
	entities = slices.DeleteFunc(entities, func(e Entity) bool { return e.Offset >= end })
	front := len(text) - len(strings.TrimLeft(text, " \n"))
	if len(entities) > 0 {
		front = min(front, entities[0].Offset)
	}
	for i := range entities {
		e := &entities[i]
		e.Length = min(e.end(), end) - e.Offset
		e.Offset -= front
	}
	return text[front:], sorted(entities)
}

// capped drops what is beyond the server's limit: first of the styles, the last ones.
func capped(entities []Entity) []Entity {
	if len(entities) <= maxMarked {
		return entities
	}
	var solid, style []Entity
	room := maxMarked
	for _, e := range entities {
		switch {
		case e.isStyle():
			style = append(style, e)
		case e.Type == CustomEmoji:
			solid = append(solid, e)
		case room > 0:
			room--
			solid = append(solid, e)
		}
	}
	style = woven(style, nil)
	return woven(style[:min(room, len(style))], solid)
}
