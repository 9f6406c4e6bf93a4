package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"botctl/supervisor/token"
)

// Exit codes, the same for all verbs. Nothing else in botctl decides one.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
	exitCannotTell = 4
	exitGaveUp     = 70
	exitLock       = 73
	exitHeld       = 75
	exitPermission = 77
	exitConfig     = 78
	exitNotExec    = 126
	exitNotFound   = 127
	exitUnwell     = 150 // status: running, but not well
)

// failure is an error with the exit code and the advice that go with it. A failure
// without an error ends with its code and says nothing: all has been said.
type failure struct {
	code  int
	err   error
	hints []string
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// hint adds a next step.
func (f *failure) hint(text string) *failure {
	f.hints = append(f.hints, text)
	return f
}

func fail(code int, err error) *failure { return &failure{code: code, err: err} }

func usageError(err error) *failure  { return fail(exitUsage, err) }
func configError(err error) *failure { return fail(exitConfig, err) }

// quietExit ends with code; what there is to say has been said.
func quietExit(code int) error {
	if code == exitDone {
		return nil
	}
	return &failure{code: code}
}

// report writes err for a person, or as JSON, and returns the exit code.
func report(w io.Writer, err error, asJSON bool) int {
	if err == nil {
		return exitDone
	}
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = foreign(err)
	}
	if f.err == nil {
		return f.code
	}
	message, hints := shown(f.Error()), make([]string, 0, len(f.hints))
	for _, h := range f.hints {
		hints = append(hints, shown(h))
	}
	if asJSON {
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": f.code, "message": message, "hints": hints}})
		return f.code
	}
	fmt.Fprintf(w, "botctl: error: %s\n", message)
	for _, h := range hints {
		fmt.Fprintf(w, "botctl: hint: %s\n", h)
	}
	return f.code
}

// foreign is an error that no verb has judged: an unknown verb, which cobra refuses, or an output that
// cannot be written to.
func foreign(err error) *failure {
	message, suggestion, _ := strings.Cut(err.Error(), "\n")
	if !strings.HasPrefix(message, "unknown command ") {
		return fail(exitFailed, err)
	}
	f := usageError(errors.New(message))
	if _, names, ok := strings.Cut(suggestion, "Did you mean this?"); ok {
		f.hint(didYouMean(strings.Fields(names)))
	}
	return f.hint(`"botctl --help" lists the verbs, "botctl VERB --help" their flags`)
}

func didYouMean(names []string) string { return "did you mean " + strings.Join(names, " or ") + "?" }

// flagError says in botctl's words what pflag says in Go's.
func flagError(cmd *cobra.Command, err error) error {
	f := usageError(err)
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		want := wanted(e.GetFlag().Value.Type())
		if errors.Is(err, strconv.ErrRange) {
			want = "a smaller number"
		}
		f.err = fmt.Errorf("flag --%s %q: want %s", e.GetFlag().Name, e.GetValue(), want)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		f.err = fmt.Errorf("flag --%s: its value is missing", e.GetFlag().Name)
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		f.err = fmt.Errorf("unknown flag: --%s", e.GetSpecifiedName())
		if e.GetSpecifiedShortnames() != "" { // what follows the letter may be a value, and a secret
			f.err = fmt.Errorf("unknown flag: -%s", e.GetSpecifiedName())
		}
		if strings.HasPrefix(e.GetSpecifiedName(), "token") {
			f.hint("every user can read a command line: put the token in TELEGRAM_BOT_TOKEN, in .env, or in the file that --token-file names")
		}
	}
	return f.hint(helpHint(cmd))
}

func helpHint(cmd *cobra.Command) string {
	return fmt.Sprintf(`"%s --help" shows what it takes`, cmd.CommandPath())
}

// wanted names the form of a value, by pflag's name for it.
func wanted(form string) string {
	switch form {
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "duration":
		return "a duration such as 9s"
	}
	return "another value"
}

// noArgs refuses an argument of a verb that has none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	f := usageError(fmt.Errorf("unexpected argument %q", args[0]))
	if cmd.HasSubCommands() {
		f.err = fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
		cmd.SuggestionsMinimumDistance = 2 // as cobra does for the verbs
		if names := cmd.SuggestionsFor(args[0]); len(names) > 0 {
			f.hint(didYouMean(names))
		}
	}
	return f.hint(helpHint(cmd))
}

// oneArg wants exactly one argument, what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usageError(fmt.Errorf("%s is missing", what)).hint(helpHint(cmd))
		case len(args) > 1:
			return usageError(fmt.Errorf("unexpected argument %q", args[1])).hint("quotes keep several words together").hint(helpHint(cmd))
		}
		return nil
	}
}

// commandArgs refuses a command that does not stand behind "--", and one without a name.
func commandArgs(cmd *cobra.Command, argv []string) error {
	switch dash := cmd.ArgsLenAtDash(); {
	case len(argv) > 0 && dash != 0:
		return usageError(fmt.Errorf("unexpected argument %q", argv[0])).
			hint(fmt.Sprintf(`put the bot's command behind "--": %s -- %s`, cmd.CommandPath(), strings.Join(argv, " ")))
	case len(argv) == 0 && dash == 0:
		return usageError(errors.New(`there is no command behind "--"`)).
			hint("was it in a variable that is not set? without \"--\" none is needed")
	}
	return namedCommand(argv)
}

func namedCommand(argv []string) error {
	if len(argv) > 0 && argv[0] == "" {
		return usageError(errors.New("the command's name is empty")).hint("was it in a variable that is not set?")
	}
	return nil
}

// commandHint is the advice for a command that was not started.
func (f *failure) commandHint() *failure {
	switch f.code {
	case exitNotFound:
		f.hint("the command is what follows --; it is looked up in PATH of this environment")
	case exitNotExec:
		f.hint("a program is made executable by chmod +x; a script is started by its interpreter: python bot.py")
	}
	return f
}

// shown is a text in one line without a token: an owner may have put one in the place of any name or value
// that the text quotes.
func shown(s string) string { return token.NewMasker().String(oneLine(s)) }
