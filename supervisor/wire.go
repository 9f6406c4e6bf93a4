package supervisor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"botctl/supervisor/gateway"
	"botctl/supervisor/policy"
)

// GatewayMode says whether a gateway stands between the bot and the Bot API.
type GatewayMode string

// The values of --gateway. The zero mode is off.
const (
	GatewayAuto    GatewayMode = "auto"    // offered to the bot, which may pass it by
	GatewayRequire GatewayMode = "require" // the bot gets a token that only the gateway takes
	GatewayOff     GatewayMode = "off"
)

// gatewayNames are the variables in which a bot finds the gateway. Of TELOXIDE_API_URL teloxide knows by itself.
var gatewayNames = []string{"TELEGRAM_API_BASE", "BOTCTL_API_URL", envTeloxide}

const envTeloxide = "TELOXIDE_API_URL"

// wireQueue is how many events of the gateway may wait for the loop. A poll makes one a second at most.
const wireQueue = 256

// openGateway listens for the bot. Without a token there is nothing that it could tell a bot by.
func (r *run) openGateway(ctx context.Context) error {
	if !r.cfg.Gateway {
		return nil
	}
	var permit func() bool
	if r.keeper != nil {
		permit = r.keeper.Valid
	}
	g, err := gateway.New(gateway.Options{
		Permit: permit,
		Base:   r.opts.APIBase, Token: r.opts.Token, Substitute: r.opts.Gateway == GatewayRequire,
		Report: func(ev gateway.Event) {
			select {
			case r.wire <- ev:
			default: // the loop is stuck, and knows enough
			}
		},
	})
	if err != nil {
		return err
	}
	ln, err := gateway.Listen(ctx)
	if err != nil && r.opts.Gateway == GatewayRequire {
		return err
	}
	if err != nil {
		r.cfg.Gateway = false
		r.opts.Log.Warn("no gateway: the bot talks to the Bot API by itself", keyCause, err.Error())
		return nil
	}
	r.gate, r.gateURL = g, "http://"+ln.Addr().String()
	r.peers.add(r.gateURL)
	r.beside(func() {
		if err := g.Serve(ctx, ln); err != nil {
			r.opts.Log.Error("the gateway has ended; the bot cannot reach the Bot API through it", keyCause, err.Error())
		}
	})
	return nil
}

// hearWire passes on what the gateway reports.
func (r *run) hearWire(ctx context.Context) {
	for {
		var ev gateway.Event
		select {
		case ev = <-r.wire:
		case <-ctx.Done():
			return
		}
		kind, ok := wireKinds[ev.Kind]
		if !ok {
			continue
		}
		if c := r.children.get(ev.Run); c != nil {
			select {
			case <-c.announced: // the loop knows of it
			case <-ctx.Done():
				return
			}
		}
		r.send(ctx, policy.WireSeen{Run: ev.Run, Kind: kind, Count: ev.Count, Since: ev.Since, Detail: ev.Detail})
	}
}

var wireKinds = map[gateway.EventKind]policy.Wire{
	gateway.Used:        policy.WireUsed,
	gateway.Polled:      policy.WirePolled,
	gateway.RealToken:   policy.WireRealToken,
	gateway.Conflict:    policy.WireConflict,
	gateway.Webhook:     policy.WireWebhook,
	gateway.Refused:     policy.WireRefused,
	gateway.Trouble:     policy.WireTrouble,
	gateway.Undisturbed: policy.WireCalm,
	gateway.Renumbered:  policy.WireRenumbered,
}

// gatewayEnv leads the child to the gateway. A server that the owner named for teloxide alone stays.
func (r *run) gatewayEnv(env []string) []string {
	names := gatewayNames
	if own := lookup(env, envTeloxide); own != "" && strings.TrimRight(own, "/") != r.opts.APIBase {
		names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == envTeloxide })
	}
	var direct []string
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		old := lookup(env, name)
		if old == "" { // a program that reads the other one first must not lose it
			old = lookup(env, map[string]string{"NO_PROXY": "no_proxy", "no_proxy": "NO_PROXY"}[name])
		}
		direct = append(direct, name+"="+withHost(old, "127.0.0.1"))
	}
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name) || name == "NO_PROXY" || name == "no_proxy"
	})
	for _, name := range names {
		env = append(env, name+"="+r.gateURL)
	}
	return append(env, direct...)
}

func withHost(list, host string) string {
	switch {
	case list == "":
		return host
	case list == "*", slices.Contains(strings.Split(list, ","), host):
		return list
	}
	return list + "," + host
}

// lookup is the value that counts of a variable, the last one.
func lookup(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// substituted puts the seat's token wherever the real one stands. A bot that is to find its token in a file finds it in the
// environment too, where it looks first or not at all.
func (r *run) substituted(list []string, seat *gateway.Seat) []string {
	real, by := r.opts.Token.Reveal(), seat.Token().Reveal()
	if real == by {
		return list
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ReplaceAll(s, real, by)
	}
	return out
}

// seatOf is the seat of child number run; nil without one.
func (r *run) seatOf(run uint32) *gateway.Seat {
	if c := r.children.get(run); c != nil {
		return c.seat
	}
	return nil
}

var errDrainTime = errors.New("its time to finish is over")

// drain lets a child finish what it was given.
func (r *run) drain(ctx context.Context, a policy.Drain) {
	if seat := r.seatOf(a.Run); seat != nil {
		seat.Hold()
		ctx, cancel := context.WithTimeoutCause(ctx, a.Limit, errDrainTime)
		defer cancel()
		if err := seat.Drain(ctx); err != nil {
			r.opts.Log.Warn("the bot is ended while it works; it may handle its last updates again", keyCause, err.Error())
		}
	}
	r.send(ctx, policy.Drained{Run: a.Run})
}

// handOver gives the poll from one child to the other, at the place up to which the first one has got.
func (r *run) handOver(ctx context.Context, a policy.HandOver) {
	if old := r.seatOf(a.From); old != nil {
		old.Hold()
		limited, cancel := context.WithTimeoutCause(ctx, a.Limit, errDrainTime)
		defer cancel()
		if err := old.Asked(limited); err != nil {
			r.opts.Log.Warn("handed over while the bot works; its last updates may be handled twice", keyCause, err.Error())
		}
	}
	if seat := r.seatOf(a.To); seat != nil {
		seat.Serve()
	}
	r.send(ctx, policy.HandedOver{Run: a.To})
}

// confirm tells the server what was handled.
func (r *run) confirm(ctx context.Context, limit time.Duration) {
	limited, cancel := context.WithTimeoutCause(ctx, limit, errDrainTime)
	defer cancel()
	if r.gate != nil {
		if err := r.gate.Confirm(limited); err != nil {
			r.opts.Log.Warn("the server may not know what was handled; the last updates may come again", keyCause, r.mask(err.Error()))
		}
	}
	r.send(ctx, policy.Confirmed{})
}

// lookAtWire says what the gateway has seen of a child.
func (r *run) lookAtWire(ctx context.Context, a policy.LookAtWire) {
	if r.gate == nil {
		return
	}
	now, seen := time.Now(), r.gate.Snapshot()
	ev := policy.WireLooked{Run: a.Run, Open: seen.AtServer+seen.Parked > 0, Gap: seen.UsualGap, Begun: seen.LastPoll, Call: seen.CallBegan, Asked: a.Pending}
	if seen.CallsOpen > 0 {
		ev.Call = now
	}
	if seen.CallBegan.After(ev.Begun) {
		ev.Begun = seen.CallBegan
	}
	if !ev.Open && !seen.IdleSince.IsZero() {
		ev.Idle = now.Sub(seen.IdleSince)
	}
	if a.Pending {
		ev.Pending = r.pending(ctx)
	}
	r.send(ctx, ev)
}

// pending asks how many updates wait; -1 when there is no answer.
func (r *run) pending(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, preflightLimit)
	defer cancel()
	info, err := r.api.GetWebhookInfo(ctx)
	if err != nil {
		return -1
	}
	return info.Pending
}
