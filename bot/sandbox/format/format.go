// Package format does to the text of a message what the real server does: it reads the three parse
// modes and explicit entities, repairs what it got, and finds the entities that nobody marked.
//
// It is pure: no clock, no I/O, no state. Offsets and lengths are in UTF-16 units, as in the Bot API;
// the byte offsets of error texts count in the text as it was sent. All functions may be called
// concurrently.
//
// The rules and the texts of the errors are facts of tdlib/td MessageEntity.cpp, misc.cpp, LinkManager.cpp and
// HttpUrl.cpp, and of tdlib/telegram-bot-api Client.cpp (get_formatted_text, get_text_entity, JsonEntity);
// doc comments name the function.
package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The types of entities (MessageEntity.type of the Bot API).
const (
	Mention     = "mention"
	Hashtag     = "hashtag"
	Cashtag     = "cashtag"
	BotCommand  = "bot_command"
	URL         = "url"
	Email       = "email"
	PhoneNumber = "phone_number"

	Bold            = "bold"
	Italic          = "italic"
	Underline       = "underline"
	Strikethrough   = "strikethrough"
	Spoiler         = "spoiler"
	Blockquote      = "blockquote"
	ExpandableQuote = "expandable_blockquote"
	Code            = "code"
	Pre             = "pre"
	TextLink        = "text_link"
	TextMention     = "text_mention"
	CustomEmoji     = "custom_emoji"
	DateTime        = "date_time"
)

// maxInput is how many bytes of text are looked at at all (Client.cpp: get_formatted_text). The limit of 4096
// units of a message comes later and is the caller's.
const maxInput = 1 << 15

// Entity is one MessageEntity, with the fields in the server's order. What a type does not use is zero.
type Entity struct {
	Offset         int    `json:"offset"` // in UTF-16 units
	Length         int    `json:"length"` // in UTF-16 units, never 0
	Type           string `json:"type"`
	Language       string `json:"language,omitempty"`        // of pre; may be absent
	URL            string `json:"url,omitempty"`             // of text_link, as the server writes it
	User           *User  `json:"user,omitempty"`            // of text_mention
	CustomEmojiID  string `json:"custom_emoji_id,omitempty"` // decimal
	UnixTime       int64  `json:"unix_time,omitempty"`       // of date_time, in seconds
	DateTimeFormat string `json:"date_time_format,omitempty"`
}

// User is whom a text_mention means. This package knows the ID alone; the rest is for the caller to fill in.
type User struct {
	ID        int64  `json:"id"`
	IsBot     bool   `json:"is_bot"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name,omitempty"`
	Username  string `json:"username,omitempty"`
}

// Error is a refusal, always with status 400.
type Error struct {
	Description string // whole, with "Bad Request: "
}

func (e *Error) Error() string { return e.Description }

// Parse reads text in a parse mode: "HTML", "Markdown" or "MarkdownV2" in any case; "" and "none" take it as it is.
// It returns the clean, trimmed text and its entities, sorted, without the automatic ones: see Find.
// The text may come back empty; see Blank. Errors are of type *Error.
//
// Source: telegram-bot-api Client.cpp: get_formatted_text, tdlib/td MessageEntity.cpp: fix_formatted_text.
func Parse(mode, text string) (string, []Entity, error) {
	if len(text) > maxInput {
		return "", nil, Refuse("Text is too long")
	}
	var read func(string) (string, []Entity, error)
	switch lower(mode) {
	case "", "none":
		return fix(text, nil)
	case "html":
		read = parseHTML
	case "markdown":
		read = parseMarkdown
	case "markdownv2":
		read = parseMarkdownV2
	default:
		if text == "" {
			return "", nil, nil
		}
		return "", nil, Refuse("Unsupported parse_mode")
	}
	if !utf8.ValidString(text) {
		return "", nil, Refuse("Text must be encoded in UTF-8")
	}
	plain, entities, err := read(text)
	if err != nil {
		return "", nil, Refuse("Can't parse entities: " + err.Error())
	}
	return fix(plain, entities)
}

// Explicit is Parse for a text whose entities the caller names: raw is the "entities" parameter, a JSON array.
// As on the server, what is no array is ignored, automatic types in it are ignored too, and a faulty element is
// refused. The server looks at this parameter only if it was given no parse mode.
func Explicit(text string, raw json.RawMessage) (string, []Entity, error) {
	if len(text) > maxInput {
		return "", nil, Refuse("Text is too long")
	}
	entities, err := readEntities(raw)
	if err != nil {
		return "", nil, Refuse("Can't parse MessageEntity: " + err.Error())
	}
	return fix(text, entities)
}

// Refuse makes the server's description of a cause: the first letter becomes lower case, unless the second one says
// that it begins a constant (Client.cpp: fail_query_with_error).
func Refuse(cause string) *Error {
	if len(cause) > 1 && cause[1] != '_' && (cause[1] < 'A' || cause[1] > 'Z') {
		cause = lower(cause[:1]) + cause[1:]
	}
	return &Error{Description: "Bad Request: " + cause}
}

// causef is an error of a parser, before Refuse.
func causef(format string, args ...any) error {
	if len(args) == 0 {
		return errors.New(format)
	}
	return fmt.Errorf(format, args...)
}
