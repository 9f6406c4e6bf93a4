package stale

import (
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"botctl/supervisor/token"
)

// The marks that every supervised process carries in its environment.
const (
	// EnvRunID is "<key>[+<key>].<random>"; the keys name the bot and its folder.
	EnvRunID = "BOTCTL_RUN_ID"
	// EnvSupervisor is "<pid>:<start>", the start in clock ticks since boot.
	EnvSupervisor = "BOTCTL_SUPERVISOR"
)

// Target is the bot whose rivals are looked for.
type Target struct {
	Token    token.Token      // zero: only the folder links a process to the bot
	TokenEnv string           // a further variable that may hold a token
	Dir      string           // the project's folder
	Command  []string         // the child's command line
	Keys     []string         // of the bot and its folder, as in EnvRunID
	Rivals   []string         // --rival
	Spare    []string         // --spare
	HostWide bool             // a role counts in any folder, but only with the token
	Peers    []netip.AddrPort // addresses of the Bot API in force
	Keep     []int            // roots of living trees that are never touched
}

// Verdict is what a process is held for.
type Verdict string

// The verdicts. None is not reported.
const (
	None      Verdict = ""
	Rival     Verdict = "rival"      // competes for this bot
	Suspect   Verdict = "suspect"    // may poll
	Ambiguous Verdict = "ambiguous"  // the bot's script, with other arguments
	NotOurs   Verdict = "other_user" // has the role, and belongs to another user
)

// facts are what is known of a process when it is judged.
type facts struct {
	pid     int
	argv    []string
	exe     string
	dir     string
	env     []string
	dotenv  []token.Token // tokens in the .env of its folder
	started time.Time
	ticks   uint64
	user    string
	ours    bool // same user
	inDir   bool // its working folder, or its script's, is the project's

	markKeys  []string // of EnvRunID
	markAlive bool     // the supervisor of EnvSupervisor lives
}

// secretInArgs finds tokens inside arguments.
var secretInArgs = regexp.MustCompile(`[1-9][0-9]{4,15}:[A-Za-z0-9_-]{24,}`)

// judge decides what f is to t. It is pure.
func (t *Target) judge(f facts) (Verdict, string) {
	if len(f.markKeys) > 0 {
		switch {
		case f.markAlive:
			return None, ""
		case f.ours && slices.ContainsFunc(f.markKeys, func(k string) bool { return slices.Contains(t.Keys, k) }):
			return Rival, "left over from an earlier run of this bot, whose supervisor is gone"
		}
	}
	p := ReadProgram(f.argv, f.exe)
	if p.Kind == Unknown || matches(t.Spare, p, f.exe) {
		return None, ""
	}
	role, what := t.role(p, f.exe)
	if !f.ours {
		if role && (f.inDir || f.dir == "") {
			return NotOurs, what + ", and belongs to user " + f.user
		}
		return None, ""
	}
	link, linked, other := t.link(f)
	switch {
	case other:
		return None, ""
	case role && linked && t.sameScriptOtherwise(p, f):
		return Ambiguous, what + " " + link + ", with other arguments"
	case role && linked && (f.inDir || t.HostWide):
		return Rival, what + " " + link
	case role && linked:
		return Suspect, what + " " + link + ", in another folder"
	case role && t.dotenvHasToken(f):
		return Suspect, what + ", and the .env of its folder has this bot's token"
	case p.Kind == App && linked && f.inDir:
		return Suspect, fmt.Sprintf("serves %s %s", p.Name, link)
	case p.Kind != App && p.Kind != Native && f.inDir && link == withToken:
		return Suspect, fmt.Sprintf("runs %s %s", p.Name, link)
	}
	return None, ""
}

const (
	withToken = "with this bot's token"
	inFolder  = "in this project's folder"
)

// role says whether p is one of the programs that compete: the child's own script or bot.py,
// api_server in the same positions, a server that serves either, or what --rival names.
func (t *Target) role(p Program, exe string) (bool, string) {
	verb := "runs " + p.Name
	if p.Kind == App {
		verb = "serves " + p.Name
	}
	if matches(t.Rivals, p, exe) {
		return true, verb + " (--rival)"
	}
	child := ReadProgram(t.Command, "")
	switch stem := p.Stem(); p.Kind {
	case Script, Module:
		own := child.Kind != Unknown && child.Kind != App && stem == child.Stem() // "./bot.sh" runs as "sh ./bot.sh"
		return own || stem == "api_server" || path.Base(p.Name) == "bot.py" || p.Kind == Module && stem == "bot", verb
	case App:
		own := child.Kind != Unknown && stem == child.Stem()
		return own || stem == "api_server" || stem == "bot", verb
	case Native:
		return child.Kind == Native && path.Base(p.Name) == path.Base(child.Name), verb
	}
	return false, verb
}

// link says what ties f to this bot, and whether another token acquits it.
func (t *Target) link(f facts) (how string, linked, other bool) {
	seen := token.FromEnv(lookupIn(f.env), t.TokenEnv)
	for _, a := range f.argv {
		for _, s := range secretInArgs.FindAllString(a, -1) {
			seen = append(seen, token.Token(s))
		}
		if t.Token != "" && strings.Contains(a, t.Token.Reveal()) {
			seen = append(seen, t.Token)
		}
	}
	switch {
	case t.Token != "" && slices.Contains(seen, t.Token):
		return withToken, true, false
	case len(seen) > 0 && t.Token != "":
		return "", false, true
	case t.HostWide:
		return "", false, false
	case t.Token != "" && len(f.dotenv) > 0 && !slices.Contains(f.dotenv, t.Token):
		return "", false, true
	}
	return inFolder, f.inDir, false
}

func (t *Target) dotenvHasToken(f facts) bool {
	return t.Token != "" && slices.Contains(f.dotenv, t.Token)
}

// sameScriptOtherwise says that p is the child's own script with other arguments or another env file, and
// no token tells whose bot it is: two bots may share a folder so.
func (t *Target) sameScriptOtherwise(p Program, f facts) bool {
	if how, _, _ := t.link(f); how == withToken {
		return false
	}
	child := ReadProgram(t.Command, "")
	if p.Kind != child.Kind || p.Stem() != child.Stem() {
		return false
	}
	return !slices.Equal(p.Args, child.Args) || !slices.Equal(envFiles(f.argv), envFiles(t.Command))
}

// matches compares patterns with the operand, its last element, its stem and the executable.
func matches(patterns []string, p Program, exe string) bool {
	names := []string{p.Name, path.Base(p.Name), p.Stem(), filepath.Base(exe)}
	for _, pattern := range patterns {
		for _, name := range names {
			if ok, err := path.Match(pattern, name); err == nil && ok {
				return true
			}
		}
	}
	return false
}

func lookupIn(env []string) func(string) string {
	return func(name string) string {
		for _, kv := range env {
			if v, ok := strings.CutPrefix(kv, name+"="); ok {
				return v
			}
		}
		return ""
	}
}
