package format

import (
	"cmp"
	"slices"
)

// rank orders entities of the same place: what is drawn around comes first (MessageEntity.cpp: get_type_priority).
func (e Entity) rank() int {
	switch e.Type {
	case Blockquote, ExpandableQuote:
		return 0
	case Pre:
		if e.Language != "" {
			return 10
		}
		return 11
	case Code:
		return 20
	case DateTime:
		return 30
	case TextLink, TextMention:
		return 49
	case CustomEmoji:
		return 99
	}
	if i := slices.Index(styles, e.Type); i >= 0 {
		return 90 + i
	}
	return 50
}

// styles may overlap anything: they are cut where something else begins or ends.
var styles = []string{Bold, Italic, Underline, Strikethrough, Spoiler}

func (e Entity) isStyle() bool { return slices.Contains(styles, e.Type) }
func (e Entity) isQuote() bool { return e.Type == Blockquote || e.Type == ExpandableQuote }
func (e Entity) end() int      { return e.Offset + e.Length }

// isRaw says that nothing may be within e.
func (e Entity) isRaw() bool { return e.Type == Code || e.Type == Pre || e.Type == DateTime }

func sorted(entities []Entity) []Entity {
	slices.SortStableFunc(entities, func(a, b Entity) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(b.Length, a.Length), cmp.Compare(a.rank(), b.rank()))
	})
	return entities
}

// proper sorts entities and makes them nest: of the overlapping ones that cannot be cut the first one wins, a quote
// holds no quote, raw ones hold nothing, and styles are merged and cut. Source: MessageEntity.cpp: fix_entities.
func proper(entities []Entity) []Entity {
	entities = sorted(entities)
	if nests(entities) {
		return entities
	}
	solid, quotes, style := split(entities)
	solid = disjoint(solid)
	if len(quotes) > 0 {
		quotes = disjoint(quotes)
		solid = sorted(append(besideQuotes(solid, quotes), quotes...))
	}
	return woven(style, solid)
}

func split(entities []Entity) (solid, quotes, style []Entity) {
	for _, e := range entities {
		switch {
		case e.isStyle():
			style = append(style, e)
		case e.isQuote():
			quotes = append(quotes, e)
		default:
			solid = append(solid, e)
		}
	}
	return solid, quotes, style
}

// nests says that sorted entities need no repair. Source: MessageEntity.cpp: are_entities_valid.
func nests(entities []Entity) bool {
	var open []Entity
	styleEnd := map[string]int{}
	for _, e := range entities {
		for len(open) > 0 && e.Offset >= open[len(open)-1].end() {
			open = open[:len(open)-1]
		}
		if len(open) > 0 && (e.end() > open[len(open)-1].end() || !mayHold(open, e)) {
			return false
		}
		if e.isStyle() {
			if end, ok := styleEnd[e.Type]; ok && end >= e.Offset {
				return false
			}
			styleEnd[e.Type] = e.end()
		}
		open = append(open, e)
	}
	return true
}

// mayHold says whether e can stand within all of open, outermost first, as it is.
func mayHold(open []Entity, e Entity) bool {
	for _, o := range open {
		switch {
		case o.isStyle(), o.isRaw(), o.Type == e.Type:
			return false
		case !o.isQuote() && !e.isStyle():
			return false // two solid ones, or a quote within a solid one
		case o.isQuote() && e.isQuote():
			return false
		}
	}
	return true
}

// disjoint keeps of sorted entities those that begin behind the end of the last one kept.
func disjoint(entities []Entity) []Entity {
	end := 0
	return slices.DeleteFunc(entities, func(e Entity) bool {
		if e.Offset < end {
			return true
		}
		end = e.end()
		return false
	})
}

// besideQuotes drops the entities that stick out of a quote; both lists are sorted and disjoint.
// Source: MessageEntity.cpp: remove_entities_intersecting_blockquote.
func besideQuotes(entities, quotes []Entity) []Entity {
	i := 0
	return slices.DeleteFunc(entities, func(e Entity) bool {
		for i < len(quotes) && quotes[i].end() <= e.Offset {
			i++
		}
		if i == len(quotes) || quotes[i].Offset >= e.end() {
			return false
		}
		return e.Offset < quotes[i].Offset || e.end() > quotes[i].end()
	})
}

// woven cuts the styles at the borders of the solid entities and where another style begins, takes them out of raw
// ones, and returns all together. Styles of one type that touch become one first. solid is sorted and nests.
// Source: MessageEntity.cpp: split_entities.
func woven(style, solid []Entity) []Entity {
	if len(style) == 0 {
		return solid
	}
	runs := merged(style)
	var cuts []int
	for _, e := range solid {
		cuts = append(cuts, e.Offset, e.end())
	}
	for _, r := range runs {
		cuts = append(cuts, r.Offset)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	raw := slices.DeleteFunc(slices.Clone(solid), func(e Entity) bool { return !e.isRaw() })
	all := slices.Clone(solid)
	for _, run := range runs {
		i, _ := slices.BinarySearch(cuts, run.Offset+1)
		for from := run.Offset; from < run.end(); i++ {
			to := run.end()
			if i < len(cuts) {
				to = min(to, cuts[i])
			}
			if !within(raw, from) {
				all = append(all, Entity{Type: run.Type, Offset: from, Length: to - from})
			}
			from = to
		}
	}
	return sorted(all)
}

// merged unites sorted entities of one type that overlap or touch.
func merged(style []Entity) []Entity {
	var runs []Entity
	last := map[string]int{} // of runs, by type
	for _, e := range style {
		if i, ok := last[e.Type]; ok && e.Offset <= runs[i].end() {
			runs[i].Length = max(runs[i].end(), e.end()) - runs[i].Offset
			continue
		}
		last[e.Type] = len(runs)
		runs = append(runs, e)
	}
	return runs
}

// within says whether the unit at offset belongs to one of the entities, which are sorted and disjoint.
func within(entities []Entity, offset int) bool {
	i, _ := slices.BinarySearchFunc(entities, offset+1, func(e Entity, at int) int { return cmp.Compare(e.Offset, at) })
	return i > 0 && offset < entities[i-1].end()
}
