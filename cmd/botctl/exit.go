package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

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
		// What cobra itself refuses: unknown verbs and flags, wrong numbers of arguments.
		message, suggestion, _ := strings.Cut(err.Error(), "\n")
		f = usageError(errors.New(message))
		if _, names, ok := strings.Cut(suggestion, "Did you mean this?"); ok {
			f.hint("did you mean " + strings.Join(strings.Fields(names), " or ") + "?")
		}
		f.hint(`"botctl --help" lists the verbs, "botctl VERB --help" their flags`)
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

// shown is a text in one line without a token: an owner may have put one in the place of any name or value
// that the text quotes.
func shown(s string) string { return token.NewMasker().String(oneLine(s)) }
