package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// platformMarks are the variables by which Railway is recognised, where a
// second poller beside the worker did the harm.
var platformMarks = []string{"RAILWAY_ENVIRONMENT", "RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID", "RAILWAY_ENVIRONMENT_NAME"}

func newGuardCmd() *cobra.Command {
	var deny []string
	cmd := &cobra.Command{
		Use:   "guard [flags] -- COMMAND [ARG...]",
		Short: "Refuse to start a forbidden process on the platform, start it anywhere else",
		Long: `guard refuses to start COMMAND (exit 78) when one of the --deny-env variables is set and
not empty, and becomes COMMAND otherwise. Put it before a program that must not run
beside the bot on the platform, such as an api_server that polls with the bot's token.`,
		Example: `  botctl guard -- uvicorn api_server:app
  botctl guard --deny-env DYNO --deny-env RENDER -- python api_server.py`,
		Args: func(cmd *cobra.Command, argv []string) error {
			if len(argv) == 0 {
				return usageError(errors.New("the command is missing")).hint(`put it behind "--": botctl guard -- uvicorn api_server:app`)
			}
			return namedCommand(argv)
		},
		RunE: func(_ *cobra.Command, argv []string) error {
			if slices.ContainsFunc(deny, func(name string) bool { return name == "" || strings.ContainsRune(name, '=') }) {
				return usageError(errors.New("flag --deny-env: want the name of a variable"))
			}
			if name := firstSet(deny, os.Getenv); name != "" {
				return configError(fmt.Errorf("refused to start %q: %s is set, and where it is set this command would poll beside the bot", strings.Join(argv, " "), name)).
					hint("take the entry out of the Procfile, or run it without its poller").
					hint(`"botctl guard --deny-env NAME" changes the variables that forbid it`)
			}
			return become(argv)
		},
	}
	cmd.Flags().StringArrayVar(&deny, "deny-env", platformMarks, "a variable that forbids the start; replaces the whole list, may be repeated")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func firstSet(names []string, getenv func(string) string) string {
	i := slices.IndexFunc(names, func(n string) bool { return getenv(n) != "" })
	if i < 0 {
		return ""
	}
	return names[i]
}

// become replaces botctl by argv; on systems without exec it runs it and ends with its code.
func become(argv []string) error {
	path, err := exec.LookPath(argv[0])
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return fail(exitNotFound, fmt.Errorf("start %q: not found", argv[0])).commandHint()
	case err != nil && !errors.Is(err, exec.ErrDot):
		return fail(exitNotExec, fmt.Errorf("start %q: %w", argv[0], errors.Unwrap(err))).commandHint()
	}
	return execute(path, argv)
}
