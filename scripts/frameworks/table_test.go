//go:build linux

package frameworks

import (
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// table is what was seen: by mode, framework and column.
type table struct {
	mu    sync.Mutex
	cells map[place]outcome
}

type place struct{ mode, bot, column string }

func (tb *table) put(mode, bot, column string, o outcome) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.cells[place{mode, bot, column}] = o
}

// parts are the tables of a mode: title and columns.
var parts = []struct {
	title   string
	columns []string
}{
	{"Every day", []string{"start", "echo", "conflict", "stop"}},
	{"Trouble with the server", []string{"webhook", "webhook set", "401", "5xx", "refused", "hung poll"}},
	{"Handlers that take long", []string{"busy", "stuck"}},
	{"In a flow of 50 updates a second", []string{"restart", "kill -9"}},
}

// tables are the parts of one mode in Markdown, with the frameworks that were run.
func (tb *table) tables(of string) string {
	var b strings.Builder
	for _, part := range parts {
		if i := slices.IndexFunc(modes, func(m mode) bool { return m.name == of && m.only != "" }); i >= 0 {
			part.columns = slices.DeleteFunc(slices.Clone(part.columns), func(c string) bool { return c != modes[i].only })
		}
		rows := slices.DeleteFunc(slices.Clone(frameworks), func(f framework) bool {
			return !slices.ContainsFunc(part.columns, func(c string) bool { _, ok := tb.cells[place{of, f.name, c}]; return ok })
		})
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "### %s\n\n| framework |", part.title)
		for _, c := range part.columns {
			fmt.Fprintf(&b, " %s |", c)
		}
		fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---|", len(part.columns)))
		for _, f := range rows {
			fmt.Fprintf(&b, "| %s |", f.row())
			for _, c := range part.columns {
				text := "not run"
				if o, ok := tb.cells[place{of, f.name, c}]; ok {
					text = o.String()
				}
				fmt.Fprintf(&b, " %s |", text)
			}
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// report is what is written at the end: the document, or its tables alone.
func (tb *table) report(whole bool) string {
	without, with, warm := tb.tables("off"), tb.tables("auto"), tb.tables("warm")
	if !whole {
		return "## Without the gateway\n\n" + without + "## With the gateway\n\n" + with + "## Warm\n\n" + warm
	}
	return strings.NewReplacer("{lines}\n", lines(), "{without}\n\n", without, "{with}\n\n", with, "{warm}\n\n", warm).Replace(document)
}

// document is the text around the tables.
//
//go:embed document.md
var document string

// row is how the tables name a framework.
func (f framework) row() string {
	version, err := f.version()
	if err != nil {
		return f.title + " (" + err.Error() + ")"
	}
	title, variant, ok := strings.Cut(f.title, ", ")
	if ok {
		return title + " " + version + ", " + variant
	}
	return title + " " + version
}

// lines is the table of what puts the gateway in the path.
func lines() string {
	var b strings.Builder
	b.WriteString("| framework | the line |\n|---|---|\n")
	for _, f := range frameworks {
		line, err := f.line()
		if err != nil {
			line = err.Error()
		}
		fmt.Fprintf(&b, "| %s | `%s` |\n", f.row(), line)
	}
	return b.String()
}

// The tables are of the bots and the pins that are here.
func TestTheDocumentIsOfTheseBots(t *testing.T) {
	if *form != "" {
		t.Skip("it is being written")
	}
	for _, name := range []string{"docs/frameworks.md", "README.md"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), lines()) {
			t.Errorf("%s has other versions or lines: scripts/matrix --full writes docs/frameworks.md, and the README has its table", name)
		}
	}
}

func TestTables(t *testing.T) {
	tb := &table{cells: map[place]outcome{}}
	tb.put("off", "grammy", "restart", outcome{class: "stays", detail: "back in 1.0 s"})
	got := tb.tables("off")
	row := frameworks[slices.IndexFunc(frameworks, func(f framework) bool { return f.name == "grammy" })].row()
	want := "### In a flow of 50 updates a second\n\n| framework | restart | kill -9 |\n|---|---|---|\n| " + row + " | stays, back in 1.0 s | not run |\n\n"
	if got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	if tb.tables("auto") != "" {
		t.Error("a mode that was not run has a table")
	}
}
