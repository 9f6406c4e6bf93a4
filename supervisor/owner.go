package supervisor

import (
	"os"

	"botctl/supervisor/herald"
)

// newHerald tells the owner of what a person should know; nil when there is nobody to tell.
func (r *run) newHerald() *herald.Herald {
	o := herald.Options{URL: r.opts.NotifyURL, BotID: r.opts.Token.ID(), Log: r.opts.Log, Masker: r.opts.Masker, Name: r.botName}
	o.Host, _ = os.Hostname()
	if r.opts.Token != "" {
		o.Chat, o.API = r.opts.NotifyChat, r.api
	}
	return herald.New(o)
}

// botName is the bot's, with its @; empty until it is known.
func (r *run) botName() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.name == "" {
		return ""
	}
	return "@" + r.seen.name
}
