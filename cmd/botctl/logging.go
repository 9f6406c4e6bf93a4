package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// lineHandler is the slog.Handler of botctl's own words. Information goes to out,
// warnings and errors to err, since platforms colour by stream. Both take one line
// without its end and must be safe for concurrent use.
type lineHandler struct {
	out, err func(line string)
	json     bool
	quiet    bool // no information
	attrs    []slog.Attr
}

func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || level >= slog.LevelInfo && !h.quiet
}

func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append(c.attrs[:len(c.attrs):len(c.attrs)], attrs...)
	return &c
}

// WithGroup is not used by botctl: its attributes come from one flat list.
func (h *lineHandler) WithGroup(string) slog.Handler { return h }

func (h *lineHandler) Handle(_ context.Context, rec slog.Record) error {
	attrs := h.attrs
	rec.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs[:len(attrs):len(attrs)], a)
		return true
	})
	write := h.out
	if rec.Level >= slog.LevelWarn {
		write = h.err
	}
	if h.json {
		write(jsonLine(rec, attrs))
		return nil
	}
	write(textLine(rec, attrs))
	return nil
}

// textLine is "botctl: [warning: |error: ]message key=value".
func textLine(rec slog.Record, attrs []slog.Attr) string {
	var b strings.Builder
	b.WriteString("botctl: ")
	switch {
	case rec.Level >= slog.LevelError:
		b.WriteString("error: ")
	case rec.Level >= slog.LevelWarn:
		b.WriteString("warning: ")
	}
	b.WriteString(oneLine(rec.Message))
	for _, a := range attrs {
		v := attrText(a.Value)
		if v == "" {
			continue
		}
		if strings.ContainsAny(v, " \"=\n\t") {
			v = strconv.Quote(v)
		}
		b.WriteString(" " + a.Key + "=" + v)
	}
	return b.String()
}

func jsonLine(rec slog.Record, attrs []slog.Attr) string {
	fields := map[string]any{
		"time":  rec.Time.UTC().Format(time.RFC3339Nano),
		"level": strings.ToLower(rec.Level.String()),
		"msg":   rec.Message,
		"by":    "botctl",
	}
	for _, a := range attrs {
		v := a.Value.Resolve()
		switch v.Kind() {
		case slog.KindDuration:
			fields[a.Key+"_seconds"] = v.Duration().Seconds()
		case slog.KindInt64:
			fields[a.Key] = v.Int64()
		case slog.KindBool:
			fields[a.Key] = v.Bool()
		default:
			fields[a.Key] = attrText(v)
		}
	}
	line, err := json.Marshal(fields)
	if err != nil {
		return fmt.Sprintf(`{"by":"botctl","level":"error","msg":%q}`, rec.Message)
	}
	return string(line)
}

func attrText(v slog.Value) string {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindDuration:
		return shortDuration(v.Duration())
	case slog.KindTime:
		return v.Time().UTC().Format(time.RFC3339)
	default:
		return v.String()
	}
}

// shortDuration drops the digits nobody reads: 1.2s, 350ms, 2m3s.
func shortDuration(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

// oneLine makes a text fit for one line of a terminal or a log: nothing in it ends the line or moves
// the cursor.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\r\n", "\n")
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t':
			return ' '
		case !unicode.IsPrint(c):
			return '?'
		}
		return c
	}, strings.ReplaceAll(s, "\n", " | "))
}
