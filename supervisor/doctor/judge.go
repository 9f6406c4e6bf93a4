package doctor

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Judge says what the facts come to, in the order of the screen.
func Judge(f Facts) Report {
	r := Report{SchemaVersion: Schema, Version: f.Version, At: f.Now.UTC(), Dir: f.Dir, BotID: f.TokenID, APIBase: f.APIBase}
	r.tokens(f)
	r.api(f)
	r.webhook(f)
	r.clock(f)
	r.rivals(f)
	r.supervisors(f)
	r.starts(f.Project)
	r.lease(f)
	r.platform(f)
	r.gateway(f)
	r.versions(f)
	return r
}

const getToken = "get a new token from @BotFather"

func (r *Report) tokens(f Facts) {
	if f.TokenTrouble != "" {
		r.add("token", Fail, f.TokenTrouble, f.TokenAdvice...)
	}
	for _, t := range f.Tokens {
		switch {
		case t.Masked == "":
			r.add("token", Fail, t.Where+" holds no bot token", "the token stands alone, as @BotFather gave it: one line, no quotes, no NAME=")
		case t.Used:
			r.add("token", OK, t.Masked+" from "+t.Where)
		case t.Other && f.TokenID != "" && strings.HasPrefix(t.Masked, f.TokenID+":"):
			r.add("token", Warn, t.Where+" holds another token of this bot, perhaps an old one", "take out the one that @BotFather no longer knows")
		case t.Other:
			r.add("token", Warn, fmt.Sprintf("%s holds another token, %s", t.Where, t.Masked), "does the bot read that one? take out the one that is not this bot's")
		default:
			r.add("token", Note, t.Where+" holds it too")
		}
	}
	if len(f.Tokens) == 0 && f.TokenTrouble == "" {
		r.add("token", Warn, "none found in the environment or .env: token and webhook cannot be checked, and rivals are known by this folder alone",
			"set TELEGRAM_BOT_TOKEN to the token that @BotFather gave you")
	}
	for _, where := range f.Project.Secrets {
		r.add("token", Warn, where+" has a bot's token written into it", "read it from the environment; if others have seen the file, "+getToken).at(where)
	}
}

func (c *Check) at(where ...string) { c.Where = where }

func (r *Report) api(f Facts) {
	server := f.APIBase
	if f.Telegram {
		server = "Telegram"
	}
	switch a := f.API; {
	case !a.Asked:
	case a.Refused != "":
		r.add("bot api", Fail, fmt.Sprintf("%s refused the token: %s", server, a.Refused), getToken+", and check where it is set")
	case a.Trouble != "":
		r.add("bot api", Warn, "not reached, so token and webhook are not checked: "+a.Trouble, "is this machine offline, or is there a proxy to set in HTTPS_PROXY?")
	default:
		r.add("bot api", OK, fmt.Sprintf("%s takes the token: it is @%s", server, a.Name))
	}
	if !f.Telegram && !f.API.Asked {
		r.add("bot api", Note, "the server is "+server)
	}
}

func (r *Report) webhook(f Facts) {
	a := f.API
	fact := fmt.Sprintf("one is set, at %s, so nothing can poll", a.WebhookHost)
	if a.Pending > 0 {
		fact += fmt.Sprintf("; updates that wait: %d", a.Pending)
	}
	switch {
	case !a.Asked || a.Refused != "" || a.Trouble != "":
	case a.WebhookTrouble != "":
		r.add("webhook", Warn, "not known: "+a.WebhookTrouble)
	case a.WebhookHost == "" && a.Pending > 0:
		r.add("webhook", OK, fmt.Sprintf("none; updates that wait: %d", a.Pending))
	case a.WebhookHost == "":
		r.add("webhook", OK, "none")
	case f.OnWebhook == "delete":
		r.add("webhook", Note, fact+`; "botctl run" deletes it, as the setting webhook says`)
	case f.OnWebhook == "keep" || f.OnWebhook == "fail":
		r.add("webhook", Fail, fact, fmt.Sprintf("the setting webhook is %q: if this bot is to poll, run with --webhook delete", f.OnWebhook))
	default:
		r.add("webhook", Warn, fact, `if it is not in use: "botctl run" deletes it, on a terminal with --webhook delete; waiting updates are kept`)
	}
}

// maxSkew is how far clocks may be apart. Certificates and leases bear more; logs of two machines cannot be compared.
const maxSkew = 30 * time.Second

func (r *Report) clock(f Facts) {
	a := f.API
	switch skew := a.Skew.Round(time.Second); {
	case !a.Asked || a.Trouble != "":
	case !a.Dated:
		r.add("clock", Note, "not compared: the server's answer has no Date")
	case a.Skew.Abs() > maxSkew && a.Skew > 0:
		r.add("clock", Warn, fmt.Sprintf("this machine is %v ahead of the server", skew), "set the clock, and let NTP keep it")
	case a.Skew.Abs() > maxSkew:
		r.add("clock", Warn, fmt.Sprintf("this machine is %v behind the server", -skew), "set the clock, and let NTP keep it")
	default:
		r.add("clock", OK, "within a second or two of the server's")
	}
}

func (r *Report) rivals(f Facts) {
	if f.RivalsFail != "" {
		r.add("rivals", Warn, "not looked for: "+f.RivalsFail)
		return
	}
	certain := 0
	for _, v := range f.Rivals {
		if v.Verdict == "rival" {
			certain++
		}
	}
	for _, v := range f.Rivals {
		fact := fmt.Sprintf("pid %d, %s: %s", v.PID, shorten(v.Command, 60), v.Evidence)
		if v.RestartedBy != "" {
			fact += "; " + v.RestartedBy + " restarts it"
		}
		next := []string{`"botctl run" ends it, and so does "botctl kill-stale"`}
		if stop := stopAt(v.RestartedBy); stop != "" {
			next = []string{stop}
		}
		switch {
		case v.Verdict == "rival" && (certain > 1 || living(f.Supervisors)):
			r.add("rivals", Fail, fact, next...)
		case v.Verdict == "rival":
			r.add("rivals", Warn, "runs without botctl: "+fact, next...)
		case v.Verdict == "other_user":
			r.add("rivals", Warn, fact, "end it as its user")
		case v.Verdict == "zombie":
			r.add("rivals", Note, fact)
		default:
			r.add("rivals", Note, "may poll: "+fact, `"--rival NAME" ends such a one, "--spare NAME" hides it`)
		}
	}
	if len(f.Rivals) == 0 {
		r.add("rivals", OK, "no other process on this machine competes for this bot")
	}
	if f.Unseen > 0 || f.Hidden {
		what := fmt.Sprintf("%d processes could not be read", f.Unseen)
		if f.Hidden {
			what = "this system hides the processes of other users"
		}
		r.add("rivals", Warn, what, "as root all of them are seen")
	}
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func living(list []Supervisor) bool {
	return slices.ContainsFunc(list, func(s Supervisor) bool { return s.Silent == "" })
}

// stopAt says how what is restarted by one is ended for good.
func stopAt(restarter string) string {
	name, rest, _ := strings.Cut(restarter, " (")
	rest = strings.TrimSuffix(rest, ")")
	switch name {
	case "":
		return ""
	case "systemd":
		return "stop it where it is started: systemctl disable --now " + rest
	case "systemd --user":
		return "stop it where it is started: systemctl --user disable --now " + rest
	case "pm2":
		return `stop it where it is started: pm2 delete NAME ("pm2 ls" has the names), then pm2 save`
	case "supervisord":
		return "stop it where it is started: supervisorctl stop NAME, and take it out of its configuration"
	case "docker":
		return `stop it where it is started: docker stop NAME ("docker ps" has the names)`
	case "cron":
		return `take it out of the crontab ("crontab -e")`
	}
	return "stop it where it is started, at " + name
}

func (r *Report) supervisors(f Facts) {
	for _, s := range f.Supervisors {
		switch {
		case s.Silent != "":
			r.add("botctl", Warn, fmt.Sprintf("pid %d runs here and does not answer: %s", s.PID, s.Silent), fmt.Sprintf(`is it stopped? "kill -CONT %d" lets it go on`, s.PID))
		case !s.Well:
			fact := fmt.Sprintf("pid %d runs here, %s, not well", s.PID, s.Phase)
			if s.Trouble != "" {
				fact += ": " + s.Trouble
			}
			r.add("botctl", Warn, fact, `"botctl status" and "botctl logs" say more`)
		default:
			r.add("botctl", OK, fmt.Sprintf("pid %d runs here, %s, well, up %v", s.PID, s.Phase, s.Uptime.Round(time.Second)))
		}
	}
	if len(f.Supervisors) == 0 {
		r.add("botctl", Note, "none runs here", "botctl run -- COMMAND")
	}
}

// gateway says whether the bot is seen on the wire, and by which line of code it is.
func (r *Report) gateway(f Facts) {
	bases, lacks, used := f.Project.TakesBase, f.Project.LacksBase, f.Project.Frameworks
	for _, s := range f.Supervisors {
		switch {
		case s.Silent != "" || s.GatewayMode == "":
		case s.PollsThrough:
			r.add("gateway", OK, "used: the bot polls through it")
			return
		case s.GatewayUsed:
			r.add("gateway", OK, "used by the bot, which has not polled")
			return
		case len(bases) > 0:
			r.add("gateway", Warn, "not used by the bot that runs, although "+bases[0]+" reads the server's address",
				"does the bot that runs have that line? it may read another variable, or an address of its own").at(bases...)
			return
		}
	}
	switch {
	case f.Gateway == "off":
		r.add("gateway", Note, "off: conflicts reach the bot, and a restart may lose what it is handling")
		return
	case len(bases) > 0 && len(lacks) == 0:
		r.add("gateway", OK, bases[0]+" takes its server from TELEGRAM_API_BASE").at(bases...)
		return
	case len(used) == 0 && f.Project.Sources == 0:
		r.add("gateway", Note, "no source of the bot is here to look into", "the bot must take its server from TELEGRAM_API_BASE: the README has the line for each framework")
		return
	case len(used) == 0:
		r.add("gateway", Note, "no source here takes its server from TELEGRAM_API_BASE, and no framework that botctl knows is recognised", "the README has the line for each framework")
		return
	}
	fact := "not used: no source here takes its server from TELEGRAM_API_BASE"
	if len(lacks) > 0 {
		fact = "not used: " + lacks[0] + " polls, and does not take its server from TELEGRAM_API_BASE"
	}
	for _, u := range used {
		r.add("gateway", Note, fmt.Sprintf("%s. With %s it is one line:", fact, u.Name), u.Line).at(lacks...)
	}
}

func (r *Report) versions(f Facts) {
	r.add("versions", OK, "botctl "+f.Version)
	for _, s := range f.Supervisors {
		if v, _, _ := strings.Cut(f.Version, " "); s.Version != "" && s.Version != v {
			r.add("versions", Note, fmt.Sprintf("the botctl that runs here, pid %d, is %s", s.PID, s.Version))
		}
	}
	for _, v := range f.Project.Versions {
		where := at(v.File, v.Line)
		r.add("versions", OK, fmt.Sprintf("%s %s (%s)", v.What, v.Version, where)).at(where)
	}
	for _, u := range f.Project.Frameworks {
		if u.Version == "" {
			r.add("versions", Note, fmt.Sprintf("%s, of no version in particular (%s)", u.Name, u.Where), "pin it: a new version may come with any deploy").at(u.Where)
			continue
		}
		r.add("versions", OK, fmt.Sprintf("%s %s (%s)", u.Name, u.Version, u.Where)).at(u.Where)
	}
	for _, file := range f.Project.Unread {
		r.add("folder", Warn, file+" cannot be read: it is not of its own form", "does "+path.Base(file)+" work where it is used?")
	}
	if f.Partial != "" {
		r.add("folder", Note, "not all of it was read: "+f.Partial)
	}
}
