package format

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Find adds to the entities of a clean text those that nobody marked: mention, hashtag, cashtag, bot_command, url,
// email and phone_number, where no other entity but a style or a quote is. The result is a new list, sorted.
//
// Left out: card numbers (the Bot API does not show them), media timestamps, and the rarer top-level domains of
// addresses without a scheme. How the server knows a phone number is not public: here it is one with a plus sign
// and 7 to 15 digits.
//
// Source: tdlib/td MessageEntity.cpp: find_entities, merge_new_entities.
func Find(text string, entities []Entity) []Entity {
	found := inUnits(text, automatic(text))
	solid, quotes, style := split(sorted(slices.Clone(entities)))
	found = besideQuotes(found, quotes)
	solid = sorted(append(solid, beside(found, solid)...))
	return woven(style, sorted(append(solid, quotes...)))
}

// beside drops of found what overlaps one of solid; both are sorted and disjoint
// (MessageEntity.cpp: merge_entities).
func beside(found, solid []Entity) []Entity {
	i := 0
	return slices.DeleteFunc(found, func(e Entity) bool {
		for i < len(solid) && solid[i].end() <= e.Offset {
			i++
		}
		return i < len(solid) && solid[i].Offset < e.end()
	})
}

// span is a piece of a text, in bytes.
type span struct{ from, to int }

// automatic finds everything, in bytes, sorted; where two overlap the first one wins.
func automatic(text string) []Entity {
	var all []Entity
	add := func(kind string, spans []span) {
		for _, s := range spans {
			all = append(all, Entity{Type: kind, Offset: s.from, Length: s.to - s.from})
		}
	}
	add(Mention, mentions(text))
	add(BotCommand, commands(text))
	add(Hashtag, hashtags(text))
	add(Cashtag, cashtags(text))
	add(URL, tgURLs(text))
	urls, emails := addresses(text)
	add(URL, urls)
	add(Email, emails)
	add(PhoneNumber, phones(text))
	return disjoint(sorted(all))
}

// inUnits turns byte offsets into units; the entities are sorted and disjoint.
func inUnits(text string, entities []Entity) []Entity {
	at, done := 0, 0
	for i := range entities {
		e := &entities[i]
		from, to := e.Offset, e.end()
		at += Length(text[done:from])
		e.Offset, e.Length = at, Length(text[from:to])
		at, done = at+e.Length, to
	}
	return entities
}

// marked finds the places of a byte that no character of the kind tied stands before, and what body makes of each:
// the end of the find in s[from:], or 0 for none, and where to go on.
func marked(s string, sign byte, tied func(rune) bool, body func(from int) (end, next int)) []span {
	var out []span
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], sign)
		if n < 0 {
			break
		}
		i += n
		if tied(runeBefore(s, i)) {
			i++
			continue
		}
		end, next := body(i + 1)
		if end > 0 {
			out = append(out, span{i, end})
		}
		i = next
	}
	return out
}

// runeBefore and runeAt are 0 where the text ends.
func runeBefore(s string, i int) rune {
	if i == 0 {
		return 0
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return r
}

func runeAt(s string, i int) rune {
	if i >= len(s) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return r
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// isTag says that r can be within a hashtag (MessageEntity.cpp: is_hashtag_letter).
func isTag(r rune) bool {
	return r == '_' || r == 0x200c || r == 0xb7 || r >= 0xd80 && r <= 0xdff || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// nameEnd is the end of the ASCII letters, digits and underscores from i on.
func nameEnd(s string, i int) int {
	for i < len(s) && (isAlnum(s[i]) || s[i] == '_') {
		i++
	}
	return i
}

// shortNames are the names of less than four characters (MessageEntity.cpp: get_valid_short_usernames).
var shortNames = []string{"gif", "nft", "pic", "ufc", "vid"}

func mentions(s string) []span {
	return marked(s, '@', isWord, func(from int) (end, next int) {
		end = nameEnd(s, from)
		if n := end - from; n < 2 || n > 32 || isWord(runeAt(s, end)) || n < 4 && !slices.Contains(shortNames, lower(s[from:end])) {
			return 0, end
		}
		return end, end
	})
}

func commands(s string) []span {
	tied := func(r rune) bool { return isWord(r) || r == '/' || r == '<' || r == '>' }
	return marked(s, '/', tied, func(from int) (end, next int) {
		end = nameEnd(s, from)
		if n := end - from; n < 1 || n > 64 {
			return 0, end
		}
		if byteAt(s, end) == '@' {
			bot := end + 1
			end = nameEnd(s, bot)
			if n := end - bot; n < 3 || n > 32 {
				return 0, end
			}
		}
		if tied(runeAt(s, end)) {
			return 0, end
		}
		return end, end
	})
}

// maxTag is how many characters of a hashtag count.
const maxTag = 256

func hashtags(s string) []span {
	return marked(s, '#', isTag, func(from int) (end, next int) {
		n, letter := 0, false
		for next = from; next < len(s); n++ {
			r, size := utf8.DecodeRuneInString(s[next:])
			if !isTag(r) {
				break
			}
			next += size
			if n < maxTag {
				end = next
				letter = letter || unicode.IsLetter(r)
			}
		}
		if end == next && byteAt(s, next) == '@' {
			if name := min(nameEnd(s, next+1), next+33); name-next-1 >= 3 {
				end, next = name, name
			}
		}
		if !letter || byteAt(s, next) == '#' {
			return 0, next
		}
		return end, next
	})
}

func cashtags(s string) []span {
	tied := func(r rune) bool { return isTag(r) || r == '$' }
	return marked(s, '$', tied, func(from int) (end, next int) {
		end = from
		if strings.HasPrefix(s[from:], "1INCH") {
			end += len("1INCH")
		}
		for end < len(s) && end-from < 9 && 'A' <= s[end] && s[end] <= 'Z' && s[from] != '1' {
			end++
		}
		if n := end - from; n < 1 || n > 8 {
			return 0, end
		}
		if byteAt(s, end) == '@' {
			if name := nameEnd(s, end+1); name-end-1 >= 3 && name-end-1 <= 32 {
				end = name
			}
		}
		if tied(runeAt(s, end)) {
			return 0, end
		}
		return end, end
	})
}

// phones finds international numbers: a plus sign, then digits in groups of any size with one of " -.()" or two of
// them between.
func phones(s string) []span {
	tied := func(r rune) bool { return isWord(r) || r == '+' }
	return marked(s, '+', tied, func(from int) (end, next int) {
		digits, gap := 0, 0
		for next = from; next < len(s) && gap <= 2; next++ {
			if isDigit(s[next]) {
				digits, gap, end = digits+1, 0, next+1
			} else if gap++; strings.IndexByte(" -.()", s[next]) < 0 {
				break
			}
		}
		next = max(end, from)
		if digits < 7 || digits > 15 || !isDigit(byteAt(s, from)) || isWord(runeAt(s, end)) {
			return 0, next
		}
		return end, next
	})
}
