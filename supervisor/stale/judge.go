package stale

import (
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"botctl/supervisor/mutant"
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

	child *Program // of Command, when it has been read
	site  *site    // of Dir, likewise
}

// site is where the project is, links followed.
type site struct {
	dir  string      // the folder
	own  string      // what the child runs
	ext  string      // its extension
	info os.FileInfo // of the folder; nil when it is not there
}

// Verdict is what a process is held for.
type Verdict string

// The verdicts. None is not reported.
const (
	None      Verdict = ""
	Rival     Verdict = "rival"      // competes for this bot
	Suspect   Verdict = "suspect"    // may poll
	Ambiguous Verdict = "ambiguous"  // the bot's script or its like, and nothing says for certain whose
	NotOurs   Verdict = "other_user" // has the role, and belongs to another user
	Zombie    Verdict = "zombie"     // dead; its parent has not reaped it
)

// facts are what is known of a process when it is judged.
type facts struct {
	pid     int
	argv    []string
	exe     string
	dir     string
	env     []string
	dotenv  []token.Token // tokens in the .env of its folder, and of its script's
	ticks   uint64
	user    string
	ours    bool // same user
	inDir   bool // its working folder, or its script's, is the project's
	same    bool // it runs what the child runs
	outside bool // its script lies outside the project

	markKeys  []string // of EnvRunID
	markAlive bool     // the supervisor of EnvSupervisor lives
}

// secretInArgs finds tokens inside arguments. Most sweeps need it for nobody.
var secretInArgs = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[1-9][0-9]{4,15}:[A-Za-z0-9_-]{24,}`) })

// possible says whether f may be held for anything, going by what it runs and where. Its environment decides about no other but what an
// earlier run has left behind.
func (t *Target) possible(p Program, f facts) bool {
	role, _ := t.role(p, f)
	return f.inDir || p.Kind != Unknown && (role || t.namesake(p))
}

// judge decides what f is to t. It is pure.
func (t *Target) judge(f facts) (Verdict, string) {
	if len(f.markKeys) > 0 {
		switch {
		case f.markAlive:
			return None, ""
		case f.ours && t.left(f.markKeys):
			return Rival, "left over from an earlier run of this bot, whose supervisor is gone"
		}
	}
	p := ReadProgram(f.argv, f.exe)
	if p.Kind == Unknown || matches(t.Spare, p, f.exe) {
		return None, ""
	}
	role, what := t.role(p, f)
	l := t.link(p, f)
	switch {
	case l.acquitted:
		return None, ""
	case !f.ours && role && (f.inDir || f.dir == ""):
		return NotOurs, what + ", and belongs to user " + f.user
	case !f.ours:
		return None, ""
	}
	namesake := !role && t.namesake(p)
	doubt := l.doubt
	if doubt == "" {
		doubt = t.otherArguments(p, f, l.how)
	}
	switch {
	case role && l.linked && doubt != "" && (f.inDir || t.HostWide):
		return Ambiguous, what + " " + l.how + ", " + doubt
	case role && l.linked && (f.inDir || t.HostWide):
		return Rival, what + " " + l.how
	case namesake && l.linked && f.inDir:
		return Ambiguous, what + " " + l.how + ", a namesake of the bot's"
	case (role || namesake) && l.linked:
		return Suspect, what + " " + l.how + ", in another folder"
	case (role || namesake) && t.Token != "" && slices.Contains(f.dotenv, t.Token):
		return Suspect, what + ", and the .env of its folder has this bot's token"
	case p.Kind == App && l.linked && f.inDir:
		return Suspect, what + " " + l.how
	case p.Kind != App && p.Kind != Native && f.inDir && l.how == withToken:
		return Suspect, what + " " + l.how
	}
	return None, ""
}

// left says whether the marks are of a run of this bot. Two bots may live in one folder: its
// key counts only where one of the two runs did not know its bot.
func (t *Target) left(marks []string) bool {
	isBot := func(key string) bool { return strings.HasPrefix(key, "b-") }
	bots := slices.ContainsFunc(marks, isBot) && slices.ContainsFunc(t.Keys, isBot)
	return slices.ContainsFunc(marks, func(k string) bool { return slices.Contains(t.Keys, k) && (!bots || isBot(k)) })
}

// program is what the child's command line runs.
func (t *Target) program() Program {
	if t.child == nil {
		p := ReadProgram(t.Command, "")
		t.child = &p
	}
	return *t.child
}

func (t *Target) place() site {
	if t.site == nil {
		own, ext := t.program().place(t.Dir)
		s := site{dir: path.Dir(realPath(filepath.ToSlash(t.Dir) + "/x")), own: realPath(own), ext: ext}
		s.info, _ = os.Stat(t.Dir)
		t.site = &s
	}
	return *t.site
}

// isHome says whether dir is the project's folder.
func (t *Target) isHome(dir string) bool {
	home := t.place().info
	if dir == "" || home == nil {
		return false
	}
	info, err := os.Stat(dir)
	return err == nil && os.SameFile(info, home)
}

// role says whether p is one of the programs that compete: what the child runs or bot.py,
// api_server in the same positions, a server that serves either, or what --rival names.
func (t *Target) role(p Program, f facts) (bool, string) {
	verb := "runs " + p.Name
	if p.Kind == App {
		verb = "serves " + p.Name
	}
	if f.same {
		return true, verb
	}
	if matches(t.Rivals, p, f.exe) {
		return true, verb + " (--rival)"
	}
	switch stem := p.Stem(); p.Kind {
	case Script:
		return stem == "api_server" || path.Base(p.Name) == "bot.py", verb
	case Module, App:
		return stem == "api_server" || stem == "bot", verb
	}
	return false, verb
}

// namesake says that p is named as what the child runs, and is another file: main.py, index.js and manage.py
// are in every second folder.
func (t *Target) namesake(p Program) bool {
	child := t.program()
	switch {
	case p.Kind == App || child.Kind == Unknown:
		return false
	case p.Kind == Native || child.Kind == Native:
		return namesakes(p, child)
	}
	return p.Stem() == child.Stem()
}

// namesakes compares with a program: "./start.sh" runs as "sh ./start.sh".
func namesakes(p, child Program) bool {
	return child.Kind == Native && (p.Kind == Native || p.Kind == Script) && path.Base(p.Name) == path.Base(child.Name)
}

// locate compares what p runs with what the child runs: the same file, or in another folder one
// at the same place. home says that the working folder is the project's. Links are followed where the files are there.
func (t *Target) locate(p Program, f *facts, home bool) {
	child := t.program()
	f.inDir = f.inDir || home
	if p.Kind == Unknown {
		return
	}
	at, ext := p.place(f.dir)
	here := t.place()
	alike := child.Kind != Unknown && (ext == here.ext || ext == "" || here.ext == "")
	if p.Kind == Native || child.Kind == Native {
		alike = namesakes(p, child) && ext == here.ext
	}
	script := realPath(at)
	inside := strings.HasPrefix(script, here.dir+"/")
	f.outside = p.Kind == Script && filepath.IsAbs(at) && !inside
	if p.Kind == Script && path.Dir(script) == here.dir {
		f.inDir = true
	}
	switch {
	case !alike:
	case script == here.own:
		f.same, f.inDir, f.outside = true, true, false
	case child.Kind == Native && !strings.Contains(child.Name, "/"):
		f.same = true // it was found in the PATH
	case child.Kind == Native:
		f.same = !home && !inside
	case !home && !inside:
		own, _ := child.place(t.Dir)
		f.same = relative(at, f.dir) == relative(own, t.Dir)
	}
}

// realPath follows the links of a file's folder, as far down as it is there.
func realPath(file string) string {
	file = path.Clean(filepath.ToSlash(file))
	for dir := path.Dir(file); dir != path.Dir(dir); dir = path.Dir(dir) {
		if found, err := filepath.EvalSymlinks(dir); err == nil {
			return path.Join(filepath.ToSlash(found), strings.TrimPrefix(file, dir))
		}
	}
	return file
}

// relative is file as seen from dir; its last element when it lies elsewhere.
func relative(file, dir string) string {
	if rest, ok := strings.CutPrefix(file, dir+"/"); ok {
		return rest
	}
	return path.Base(file)
}

// tie is what ties a process to this bot.
type tie struct {
	how       string
	linked    bool
	acquitted bool   // another token tells whose it is
	doubt     string // why the link is not certain
}

const (
	withToken = "with this bot's token"
	inFolder  = "in this project's folder"
	outsideIt = "but lies outside it"
)

// link says what ties f to this bot. The arguments win over the environment, and that over an .env.
func (t *Target) link(p Program, f facts) tie {
	switch {
	case t.Token == "" && t.HostWide:
		return tie{}
	case t.Token == "":
		l := tie{how: inFolder, linked: f.inDir}
		if f.outside {
			l.doubt = outsideIt
		}
		return l
	}
	var inArgs, strange []token.Token
	for _, a := range f.argv {
		if strings.Contains(a, t.Token.Reveal()) {
			return tie{how: withToken, linked: true}
		}
		for _, s := range secretInArgs().FindAllString(a, -1) {
			inArgs = append(inArgs, token.Token(s))
		}
	}
	seen := token.FromEnv(lookupIn(f.env), t.TokenEnv)
	for _, kv := range f.env {
		if _, v, _ := strings.Cut(kv, "="); len(seen) == 0 && token.LooksReal(v) {
			strange = append(strange, token.Token(v))
		}
	}
	ours, ourDotenv := slices.Contains(seen, t.Token), slices.Contains(f.dotenv, t.Token)
	switch {
	case len(inArgs) > 0:
		return tie{acquitted: true}
	case ours && len(seen) > 1:
		return tie{how: withToken, linked: true, doubt: "and with another bot's"}
	case ours || slices.Contains(strange, t.Token):
		return tie{how: withToken, linked: true}
	case len(seen) > 0 && !mutant.Is(mutant.NoTokenAcquittal), !t.HostWide && len(f.dotenv) > 0 && !ourDotenv:
		return tie{acquitted: true}
	case t.HostWide:
		return tie{}
	}
	l := tie{how: inFolder, linked: f.inDir}
	switch {
	case len(strange) > 0:
		l.doubt = "but has what may be another bot's token"
	case ourDotenv && len(f.dotenv) > 1:
		l.doubt = "but with another bot's token in an .env"
	case f.outside:
		l.doubt = outsideIt
	case p.Titled:
		l.doubt = "but hides its arguments" // and often its environment, which a long title overwrites
	}
	return l
}

// otherArguments says what tells p from the child when both run the same: another first word ("migrate" for "run")
// is another job of a program that does many. Without a token any difference counts, for two bots may share a
// folder so.
func (t *Target) otherArguments(p Program, f facts, how string) string {
	child := t.program()
	if !f.same || (p.Kind == App) != (child.Kind == App) {
		return ""
	}
	switch {
	case p.Kind != App && firstWord(p.Args) != firstWord(child.Args):
		return "with another command"
	case how == withToken:
		return ""
	case !slices.Equal(p.Args, child.Args), p.Kind == App && p.Name != child.Name:
		return "with other arguments"
	case !slices.Equal(p.EnvFiles, child.EnvFiles):
		return "with another env file"
	}
	return ""
}

func firstWord(args []string) string {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return ""
	}
	return args[0]
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
