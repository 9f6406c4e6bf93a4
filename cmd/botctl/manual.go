//go:build manual

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// main of this build writes the man pages and the completions of botctl into a folder, and is no botctl. A verb for it would
// put a Markdown parser into a program that never needs one.
func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "want a folder")
		os.Exit(exitUsage)
	}
	if err := writeManual(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitFailed)
	}
}

// writeManual takes the time that pages are dated with from SOURCE_DATE_EPOCH.
func writeManual(dir string) error {
	root := newRoot()
	addCompletion(root)
	for name, write := range map[string]func(path string) error{
		"botctl.bash": func(path string) error { return root.GenBashCompletionFileV2(path, true) },
		"_botctl":     root.GenZshCompletionFile,
		"botctl.fish": func(path string) error { return root.GenFishCompletionFile(path, true) },
		"botctl.ps1":  root.GenPowerShellCompletionFileWithDesc,
	} {
		if err := write(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	root.Long += manualOfAll
	root.DisableAutoGenTag = true
	flatten(root)
	return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "botctl " + thisVersion(), Manual: "botctl"}, dir)
}

// flatten leaves the shells of the verb completion to the page of that verb.
func flatten(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Use, c.Long = "completion bash|zsh|fish|powershell", "Prints the completion script for a shell; \"botctl completion SHELL --help\" says where it goes."
			c.RemoveCommand(c.Commands()...)
		}
	}
}

// manualOfAll is what concerns every verb, as the pages' Markdown.
const manualOfAll = `

# EXIT STATUS
0 done, 1 failed, 2 usage, 3 not running, 4 cannot tell, 70 gave up, 73 no lock or state, 75 another supervisor has the bot,
77 no permission, 78 configuration or token refused, 126 and 127 COMMAND not executable or not found. *botctl status* ends
with 0 when the bot is running and well, 1 when it is dead and its state is left, 3 when it is stopped and 150 when it is
running but not well.

# ENVIRONMENT
The token: *TELEGRAM_BOT_TOKEN*, *BOT_TOKEN*, *TELEGRAM_TOKEN*, or *TOKEN* if it has a token's form. The Bot API server:
*TELEGRAM_API_BASE*. The folder for locks and state: *BOTCTL_STATE_DIR*. Every setting of a verb, such as
*BOTCTL_STOP_TIMEOUT* for --stop-timeout.

# FILES
*botctl.yaml* in the working folder holds settings; *.env* there is read for the token alone.
`
