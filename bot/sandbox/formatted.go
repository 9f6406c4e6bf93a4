package sandbox

import (
	"encoding/json"
	"strings"

	"botctl/bot/sandbox/format"
)

// formatted reads a text and its entities from the parameters of a call. The last value is the server's error.
func formatted(p params, name, entitiesName string) (string, json.RawMessage, string) {
	var text string
	var entities []format.Entity
	var err error
	if mode := p.str("parse_mode"); mode == "" || strings.EqualFold(mode, "none") {
		text, entities, err = format.Explicit(p.str(name), json.RawMessage(p.str(entitiesName)))
	} else {
		text, entities, err = format.Parse(mode, p.str(name))
	}
	if err != nil {
		return "", nil, err.Error()
	}
	if format.Blank(text) {
		return "", nil, ""
	}
	return text, entityJSON(format.Find(text, entities)), ""
}

// typed is what a person writes, with what Telegram finds in it.
func typed(text string) (string, json.RawMessage) {
	clean, entities, err := format.Parse("", text)
	if err != nil {
		return "", nil
	}
	return clean, entityJSON(format.Find(clean, entities))
}

func entityJSON(list []format.Entity) json.RawMessage {
	if len(list) == 0 {
		return nil
	}
	return rawJSON(list)
}
