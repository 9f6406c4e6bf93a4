package main

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"text/tabwriter"
)

// writeConfig prints each setting, its value and where it came from.
func writeConfig(w io.Writer, set settings, rows []setting) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SETTING\tVALUE\tFROM")
	for _, s := range rows {
		v := set[s.name]
		switch s.name {
		case "lease":
			v.text = shownLease(v.text)
		case "notify-url":
			v.text = shownURL(v.text)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.name, shown(strconv.Quote(v.text)), v.from)
	}
	return t.Flush()
}

// shownURL is a URL without what may be a secret in it: all behind the host.
func shownURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return ""
	case err != nil || u.Host == "":
		return "***"
	}
	return u.Scheme + "://" + u.Host + "/***"
}
