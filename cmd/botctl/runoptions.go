package main

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"botctl/supervisor"
	"botctl/supervisor/notify"
	"botctl/supervisor/platform"
	"botctl/supervisor/policy"
	"botctl/supervisor/proc"
	"botctl/supervisor/token"
)

// runOptions puts together what a run is about, the token among it.
func runOptions(set settings, argv []string, sandboxed bool) (supervisor.Options, error) {
	dir, err := workingFolder()
	if err != nil {
		return supervisor.Options{}, err
	}
	child := os.Environ()
	if path := set.text("env-file"); path != "" {
		if child, err = withEnvFile(child, path); err != nil {
			return supervisor.Options{}, err
		}
	}
	var found token.Found
	if !sandboxed { // which has its own
		if found, err = findToken(set, child, dir); err != nil {
			return supervisor.Options{}, err
		}
	}
	state, err := stateDir()
	if err != nil {
		return supervisor.Options{}, err
	}
	base, err := apiBase(set)
	if err != nil {
		return supervisor.Options{}, err
	}
	count, within, _ := giveUp(set.text("give-up"))
	opts := supervisor.Options{
		Argv: argv, Dir: dir, Env: child,
		Interactive: set.bool("interactive"),
		Token:       found.Token, TokenSource: found.Source, TokenName: found.Name, TokenEnv: set.text("token-env"),
		APIBase:  base,
		Webhook:  supervisor.WebhookPolicy(set.text("webhook")),
		Gateway:  supervisor.GatewayMode(set.text("gateway")),
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Policy: policy.Config{
			WaitForLock:  set.text("on-held") == "wait",
			TakeOver:     set.text("on-held") == "takeover",
			StandbyWarm:  set.text("standby") == "warm",
			StartTries:   set.int("start-tries"),
			GiveUp:       count,
			GiveUpWithin: within,
			OnConflict:   map[string]policy.OnConflict{"auto": policy.Auto, "restart": policy.Restart, "tell": policy.TellIt}[set.text("on-conflict")],
			FirstSign:    set.bool("restart-on-first-sign"),
			StopTimeout:  set.duration("stop-timeout"),
			Heartbeat:    set.duration("heartbeat"),
			StallAfter:   cmp.Or(set.duration("stall-after"), -1),
			Warm:         set.bool("restart-warm"),
			Seed:         uint64(time.Now().UnixNano()),
		},
		StateDir: state,
		Rivals:   set.list("rival"), Spare: set.list("spare"), HostWide: set.text("scope") == "host",
		Version:    thisVersion(),
		NotifyChat: set.text("notify-chat"), NotifyURL: set.text("notify-url"),
		Manager:  notify.ManagerOf(os.Getenv),
		Guardian: []string{"botctl", guardianVerb},
	}
	if err := gatewayFits(set, found.Token != "" || sandboxed); err != nil {
		return opts, err
	}
	if len(argv) == 0 {
		if found.Token == "" && !sandboxed {
			return opts, noToken(lookupEnv(child)).hint(sandboxHint)
		}
		useBundledBot(&opts, found)
	}
	return opts, nil
}

// adapt gives the settings that hang on the platform the platform's value, where the owner has set none.
func (s settings) adapt(here platform.Platform) {
	if v := s["stop-timeout"]; v.from == "default" && here.Name != "" {
		s["stop-timeout"] = value{text: here.StopTimeout().String(), from: "platform " + here.Name}
	}
}

// gatewayFits says whether the gateway that is asked for can be had.
func gatewayFits(set settings, hasToken bool) error {
	require := set.text("gateway") == string(supervisor.GatewayRequire)
	switch {
	case set.bool("restart-warm") && !require:
		return configError(errors.New("restart-warm: needs gateway require")).hint("a bot that can go round the gateway would poll beside its successor")
	case set.text("standby") == "warm" && !require:
		return configError(errors.New("standby warm: needs gateway require")).hint("a bot that can go round the gateway would poll while it stands by")
	case require && !hasToken:
		return noToken(os.Getenv).hint("--gateway require puts another one in its place, so it must know it")
	}
	return nil
}

// useBundledBot makes botctl itself the child, through the running executable, not its path:
// the file may have been replaced. A token from a file and the server are handed on in the environment.
func useBundledBot(opts *supervisor.Options, found token.Found) {
	opts.Argv, opts.Path = []string{"botctl", "bot"}, proc.SelfPath()
	opts.Env = setEnv(opts.Env, "TELEGRAM_API_BASE", opts.APIBase)
	if found.Token != "" && !slices.ContainsFunc(opts.Env, func(kv string) bool { return found.Name != "" && strings.HasPrefix(kv, found.Name+"=") }) {
		opts.Env = append(opts.Env, "TELEGRAM_BOT_TOKEN="+found.Token.Reveal())
	}
}
