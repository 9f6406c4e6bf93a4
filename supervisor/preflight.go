package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"botctl/supervisor/botapi"
	"botctl/supervisor/policy"
)

// WebhookPolicy says what becomes of a webhook that is set for a bot which polls.
type WebhookPolicy string

// The values of --webhook.
const (
	WebhookAuto   WebhookPolicy = "auto"   // delete it; on a terminal stop instead
	WebhookDelete WebhookPolicy = "delete" // delete it, pending updates kept
	WebhookKeep   WebhookPolicy = "keep"   // leave it, and say so
	WebhookFail   WebhookPolicy = "fail"   // end with 78
)

// preflightLimit bounds the whole of a preflight: the bot waits for it.
const preflightLimit = 3 * time.Second

// preflight asks the Bot API whether the token is good and no webhook is in the way.
// Trouble with the network is reported, and is no reason not to start.
func (r *run) preflight(ctx context.Context) policy.Checked {
	ctx, cancel := context.WithTimeout(ctx, preflightLimit)
	defer cancel()
	me, err := r.api.GetMe(ctx)
	if refused, ok := errors.AsType[*botapi.RefusedError](err); ok {
		return policy.Checked{
			Verdict: policy.TokenRefused,
			Detail:  fmt.Sprintf("the Bot API refused the token %s (from %s): %v", r.opts.Token, r.opts.TokenSource, refused),
		}
	}
	if err != nil {
		return policy.Checked{Verdict: policy.CheckTrouble, Detail: r.mask(err.Error())}
	}
	r.noteName(me.Username)
	info, err := r.api.GetWebhookInfo(ctx)
	switch {
	case err != nil:
		return policy.Checked{Verdict: policy.CheckTrouble, Detail: r.mask(err.Error())}
	case info.URL == "":
		return policy.Checked{Verdict: policy.CheckPassed, Detail: "@" + me.Username}
	}
	return r.treatWebhook(ctx, info)
}

func (r *run) treatWebhook(ctx context.Context, info botapi.Webhook) policy.Checked {
	host := info.Host()
	what := fmt.Sprintf("a webhook at %s is set, so the bot cannot poll", host)
	switch {
	case r.opts.Webhook == WebhookKeep:
		return policy.Checked{Verdict: policy.WebhookKept, Detail: what}
	case r.opts.Webhook == WebhookFail,
		r.opts.Webhook == WebhookAuto && r.opts.Terminal:
		return policy.Checked{Verdict: policy.WebhookStop, Detail: what}
	}
	if err := r.api.DeleteWebhook(ctx); err != nil {
		return policy.Checked{Verdict: policy.CheckTrouble, Detail: r.mask(fmt.Sprintf("%s, and it was not deleted: %v", what, err))}
	}
	return policy.Checked{
		Verdict: policy.WebhookDeleted,
		Detail:  fmt.Sprintf("deleted the webhook at %s, %d pending updates kept", host, info.Pending),
	}
}
