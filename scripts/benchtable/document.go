//go:build linux

package main

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed document.md
var documentText string

// document is docs/benchmarks.md: the text that people wrote, the machine, and the tables.
func (l *lab) document(chosen []bench, tables string) string {
	m := l.machine
	class := fmt.Sprintf("%d processors (%s), %d GiB, %s, Linux %s, %s; %s; load average %s when it began.", m.Processors, m.CPU, m.MemoryGiB, m.System, m.Kernel, m.Go, m.Date, m.Load)
	if m.Quick {
		class += " **With --quick: these figures show that the measurement works, and are no result.**"
	}
	if len(chosen) < len(benches) {
		class += " Only a part was measured."
	}
	return strings.NewReplacer("{machine}", class, "{tables}", strings.TrimRight(tables, "\n")).Replace(documentText)
}
