package format

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// readEntities reads a JSON array of MessageEntity. Source: telegram-bot-api Client.cpp: get_formatted_text,
// get_text_entity; tdlib/td JsonBuilder.cpp for the errors of single fields.
func readEntities(raw json.RawMessage) ([]Entity, error) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil, nil
	}
	var entities []Entity
	for _, item := range list {
		e, automatic, err := readEntity(item)
		if err != nil {
			return nil, err
		}
		if !automatic {
			entities = append(entities, e)
		}
	}
	return entities, nil
}

func readEntity(raw json.RawMessage) (e Entity, automatic bool, err error) {
	f, err := fields(raw)
	if err != nil {
		return e, false, err
	}
	offset, err := f.number("offset", 32)
	if err != nil {
		return e, false, err
	}
	length, err := f.number("length", 32)
	if err != nil {
		return e, false, err
	}
	e.Offset, e.Length = int(offset), int(length)
	if e.Type, err = f.text("type", true); err != nil {
		return e, false, err
	}
	switch e.Type {
	case "":
		return e, false, causef("Type is not specified")
	case Mention, Hashtag, Cashtag, BotCommand, URL, Email, PhoneNumber, "bank_card_number":
		return e, true, nil
	}
	return e, false, e.detail(f)
}

// detail reads the fields that e's type has.
func (e *Entity) detail(f object) (err error) {
	switch e.Type {
	case Bold, Italic, Underline, Strikethrough, Spoiler, Code, Blockquote, ExpandableQuote:
	case Pre:
		e.Language, err = f.text("language", false)
	case TextLink:
		e.URL, err = f.text("url", true)
	case TextMention:
		user, isObject := f["user"]
		if !isObject {
			return causef("Can't find field \"user\"")
		}
		of, err := fields(user)
		if err != nil {
			return causef("Field \"user\" must be of type Object")
		}
		e.User = new(User)
		e.User.ID, err = of.number("id", 64)
		return err
	case CustomEmoji:
		id, err := f.number("custom_emoji_id", 64)
		e.CustomEmojiID = strconv.FormatInt(id, 10)
		return err
	case DateTime:
		if e.UnixTime, err = f.number("unix_time", 32); err != nil {
			return err
		}
		s, err := f.text("date_time_format", false)
		if err != nil {
			return err
		}
		ok := false
		if e.DateTimeFormat, ok = dateFormat(s); !ok {
			return causef("Invalid date format used")
		}
	default:
		return causef("Unsupported type specified")
	}
	return err
}

// object is a JSON object whose fields are read one by one; numbers may stand in quotes and texts without.
type object map[string]json.RawMessage

func fields(raw json.RawMessage) (object, error) {
	var f object
	if json.Unmarshal(raw, &f) != nil || f == nil {
		return nil, causef("expected an Object")
	}
	return f, nil
}

// scalar is the text of a string or a number; ok is false for anything else.
func scalar(raw json.RawMessage) (s string, ok bool) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

func (f object) number(name string, bits int) (int64, error) {
	raw, ok := f[name]
	if !ok {
		return 0, causef("Can't find field \"%s\"", name)
	}
	s, ok := scalar(raw)
	if !ok {
		if bits == 64 {
			return 0, causef("Field \"%s\" must be a Number", name)
		}
		return 0, causef("Field \"%s\" must be of type Number", name)
	}
	return integer(s, bits)
}

func (f object) text(name string, required bool) (string, error) {
	raw, ok := f[name]
	switch {
	case !ok && required:
		return "", causef("Can't find field \"%s\"", name)
	case !ok:
		return "", nil
	}
	s, ok := scalar(raw)
	if !ok {
		return "", causef("Field \"%s\" must be of type String", name)
	}
	return s, nil
}
