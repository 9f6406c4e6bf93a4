// Package logscan finds, in what a bot prints, signs that its polling is in trouble.
// It is pure: no clock, no I/O, no goroutine.
//
// # What it is worth
//
// Text is only ever suspicion: a chat can make a bot print nearly anything. The rules are
// anchored to the beginning of a message, after time, level, logger and the prefixes of
// containers and syslog, and to the sentences which frameworks and Telegram really write.
//
// For one line of user text, of any content, this holds:
//
//   - No Evidence at all comes from a line in which the application's own words stand before
//     the text and are no report of an error: a record of a level below WARNING which
//     prints its logger's name, "[alice] TEXT", "Message from alice: TEXT", "alice: TEXT",
//     "<alice> TEXT", a field such as text=TEXT, or a field of a JSON object.
//   - No Evidence with Logger set comes from a record of a level below WARNING without
//     a logger's name ("INFO TEXT").
//
// Nothing can be promised for text printed with nothing or only a time before it, for text
// logged as an error, and for text of several lines: the same bytes come from real frameworks.
//
// # Cost
//
// Chunks are searched for a few rare words, without regard to line ends; only lines
// with such a word, and the lines of a block which one of them began, are looked at
// one by one. Nothing is allocated for lines that match nothing.
package logscan
