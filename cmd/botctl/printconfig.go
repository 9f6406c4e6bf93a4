package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// writeConfig prints each setting, its value and where it came from.
func writeConfig(w io.Writer, set settings, rows []setting) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SETTING\tVALUE\tFROM")
	for _, s := range rows {
		v := set[s.name]
		if s.name == "lease" {
			v.text = shownLease(v.text)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.name, shown(strconv.Quote(v.text)), v.from)
	}
	return t.Flush()
}
