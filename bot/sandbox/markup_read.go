package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// cause is why the server refuses a parameter, in its words; format.Refuse makes a description of it.
type cause string

func (c cause) Error() string { return string(c) }

// jsonObject is an object of a parameter. As on the server a text may be a number and a number may stand in quotes, but
// null is neither (tdlib/td JsonBuilder.cpp).
type jsonObject = map[string]any

// decodeJSON reads one value; numbers stay as they are written.
func decodeJSON(s string) (any, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, cause("more than one value")
	}
	return v, nil
}

// fieldsOf reads the fields of an object one by one and keeps the first error.
type fieldsOf struct {
	object jsonObject
	err    error
}

func (f *fieldsOf) has(name string) bool {
	_, ok := f.object[name]
	return ok
}

func (f *fieldsOf) fail(text string, args ...any) {
	if f.err == nil {
		f.err = cause(fmt.Sprintf(text, args...))
	}
}

// text is "" for a field that is missing.
func (f *fieldsOf) text(name string) string {
	switch v := f.object[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	if f.has(name) {
		f.fail("Field \"%s\" must be of type String", name)
	}
	return ""
}

func (f *fieldsOf) required(name string) string {
	if !f.has(name) {
		f.fail("Can't find field \"%s\"", name)
	}
	return f.text(name)
}

// long is a decimal number of 64 bits, "" for 0 and for a field that is missing.
func (f *fieldsOf) long(name string) string {
	if !f.has(name) {
		return ""
	}
	switch f.object[name].(type) {
	case string, json.Number:
	default:
		f.fail("Field \"%s\" must be a Number", name)
		return ""
	}
	s := f.text(name)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s {
		f.fail("Can't parse as an integer string \"%s\"", s)
		return ""
	}
	if n == 0 {
		return ""
	}
	return s
}

func (f *fieldsOf) bool(name string) bool {
	v, ok := f.object[name].(bool)
	if !ok && f.has(name) {
		f.fail("Field \"%s\" must be of type Boolean", name)
	}
	return v
}

// within is the object that a field holds, to be read with the same error.
func (f *fieldsOf) within(name string) *fieldsOf {
	v, ok := f.object[name].(jsonObject)
	if !ok {
		f.fail("Field \"%s\" must be of type Object", name)
	}
	return &fieldsOf{object: v, err: f.err}
}

// rows reads an array of arrays of buttons. shape is the error for rows that are none, of names a button in errors.
func (f *fieldsOf) rows(name, shape, of string, read func(any) (button, error)) [][]button {
	list, ok := f.object[name].([]any)
	if !ok && f.has(name) {
		f.fail("Field \"%s\" must be of type Array", name)
	}
	var rows [][]button
	for _, v := range list {
		row, ok := v.([]any)
		if !ok {
			f.fail("%s", shape)
			return nil
		}
		buttons := make([]button, 0, len(row))
		for _, v := range row {
			b, err := read(v)
			if err != nil {
				f.fail("Can't parse %s: %v", of, err)
				return nil
			}
			buttons = append(buttons, b)
		}
		rows = append(rows, buttons)
	}
	return rows
}

// look reads what every button has: its text and how it looks.
func (f *fieldsOf) look() button {
	b := button{Text: f.required("text"), Icon: f.long("icon_custom_emoji_id"), Style: strings.ToLower(f.text("style"))}
	switch b.Style {
	case "", "primary", "danger", "success":
	case "default":
		b.Style = ""
	default:
		f.fail("Invalid button style specified")
	}
	return b
}

// readKey reads a button of a reply keyboard, a string or an object. Of what it asks for only the kind is kept.
func readKey(v any) (button, error) {
	if s, ok := v.(string); ok {
		return button{kind: "text", Text: s}, nil
	}
	object, ok := v.(jsonObject)
	if !ok {
		return button{}, cause("KeyboardButton must be a String or an Object")
	}
	f := &fieldsOf{object: object}
	b := f.look()
	b.kind = "text"
	phone := f.bool("request_phone_number")
	switch {
	case f.bool("request_contact") || phone:
		b.kind = "request_contact"
	case f.bool("request_location"):
		b.kind = "request_location"
	case f.has("request_poll"):
		b.kind, f = "request_poll", f.within("request_poll")
		f.text("type")
	case f.has("web_app"):
		b.kind, f = "web_app", f.within("web_app")
		b.WebApp = &webApp{URL: f.required("url")}
	default:
		for _, name := range []string{"request_users", "request_user", "request_chat", "request_managed_bot"} {
			if f.has(name) {
				if b.kind, f = name, f.within(name); name == "request_user" {
					b.kind = "request_users"
				}
				f.required("request_id")
				f.long("request_id")
				break
			}
		}
	}
	return b, f.err
}

// readInline reads a button of an inline keyboard. Of several things that it could do the first one here counts.
func readInline(v any) (button, error) {
	object, ok := v.(jsonObject)
	if !ok {
		return button{}, cause("InlineKeyboardButton must be an Object")
	}
	f := &fieldsOf{object: object}
	b := f.look()
	if b.URL = f.text("url"); b.URL != "" {
		b.kind = "url"
		return b, f.err
	}
	if b.CallbackData = f.text("callback_data"); b.CallbackData != "" {
		b.kind = "callback_data"
		return b, f.err
	}
	for _, kind := range []string{"callback_game", "pay", "switch_inline_query", "switch_inline_query_chosen_chat",
		"switch_inline_query_current_chat", "login_url", "web_app", "copy_text"} {
		if f.has(kind) {
			b.kind = kind
			b.does(f)
			return b, f.err
		}
	}
	f.fail("Text buttons are unallowed in the inline keyboard")
	return b, f.err
}

// does reads what a button of b's kind holds; an error stays in f.
func (b *button) does(f *fieldsOf) {
	in := f
	switch b.kind {
	case "callback_game":
		b.CallbackGame = &struct{}{}
	case "pay":
		b.Pay = true // whatever the field says
	case "switch_inline_query":
		b.SwitchQuery = new(f.text(b.kind))
	case "switch_inline_query_current_chat":
		b.SwitchCurrent = new(f.text(b.kind))
	case "switch_inline_query_chosen_chat":
		in = f.within(b.kind)
		c := chosenChat{
			Query: in.text("query"), Users: in.bool("allow_user_chats"), Bots: in.bool("allow_bot_chats"),
			Groups: in.bool("allow_group_chats"), Channels: in.bool("allow_channel_chats"),
		}
		if b.SwitchChosen = &c; c.Users && c.Bots && c.Groups && c.Channels {
			b.kind, b.SwitchChosen, b.SwitchQuery = "switch_inline_query", nil, &c.Query
		}
	case "login_url":
		in = f.within(b.kind)
		b.URL = in.required("url")
		bot := in.text("bot_username")
		in.bool("request_write_access")
		in.text("forward_text")
		if bot == "@" || strings.Trim(strings.ToLower(strings.TrimPrefix(bot, "@")), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			in.fail("LoginUrl bot username is invalid")
		}
	case "web_app":
		in = f.within(b.kind)
		b.WebApp = &webApp{URL: in.required("url")}
	case "copy_text":
		in = f.within(b.kind)
		b.CopyText = &copyText{Text: in.required("text")}
	}
	f.err = in.err
}
