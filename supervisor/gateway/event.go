package gateway

import (
	"fmt"
	"time"
)

// Event is what the gateway reports. Test says in which of Telegram's environments.
type Event struct {
	Kind   EventKind
	Run    uint32 // of the seat's Admit; 0 for RealToken
	Test   bool
	Count  int           // in a row
	Since  time.Time     // the first of them
	Pause  time.Duration // until the server is asked again
	Detail string        // for one line, without a secret
}

// EventKind is what an Event is about.
type EventKind uint8

// The kinds of event. Nothing is the zero kind and never reported.
const (
	Nothing     EventKind = iota
	Used                  // the first request of a seat
	Polled                // the first poll of a seat, parked or not
	RealToken             // somebody brought the real token where only substitutes are accepted
	Conflict              // another poller took the poll; the client does not see it
	Webhook               // a webhook is set, so polls wait; see Gateway.WebhookGone
	Refused               // the server refused the token, and the client was told
	Trouble               // no answer, 5xx or 429; the client does not see it
	Undisturbed           // a poll went well, after Count that did not
	Renumbered            // the ids of updates have begun anew
	numKinds
)

var kindNames = [numKinds]string{"nothing", "used", "polled", "real_token", "conflict", "webhook", "refused", "trouble", "undisturbed", "renumbered"}

func (k EventKind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", k)
}
