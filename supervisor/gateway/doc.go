// Package gateway stands between a bot and the Bot API, as an HTTP server on loopback. It sees every call, keeps
// conflicts away from the bot, holds its polls while it is stopped or replaced, and lets nobody
// through who does not bring the bot's token, or the one that was put in its place.
//
// Calls, uploads and downloads pass as they come, as streams. Polls (getUpdates) are read and asked
// anew, because what becomes of them here is what this package is for:
//
//	the server says        the bot sees                what follows
//	---------------------  --------------------------  -------------------------------------------------
//	200                    the same                    updates below the acknowledged offset are left out
//	409, another poller    nothing, or [] at the end   asked again after 1 s doubling to 15 s, full jitter
//	                       of its poll's own timeout
//	409, a webhook         the same                    asked again when told, or after 30 s
//	401, 404               the same                    passed on: a bot must learn of it
//	400, 403 and the like  the same                    passed on
//	429                    nothing, or [] as above     asked again after retry_after
//	5xx, no answer         nothing, or [] as above     as for a conflict
//	no answer in time      []                          in time is the poll's own timeout and two seconds
//
// An empty answer is right whenever a poll fails: nothing was confirmed, so nothing is lost, and a bot that sees an
// error would be away for as long as its own back-off says. What goes on for long is reported.
//
// To the server goes one poll at a time. Of two polls of one child the newer is served and the older gets [].
// After any trouble, whoever caused it, one poll a second reaches the server at most, and a
// bot that comes back at once from an empty answer made here waits for its second too.
//
// The offset of a poll acknowledges every update below it. The highest is kept, over restarts of
// the bot, and no poll asks below it; that is what the real server makes of a lower one. An answer with ids far
// below it shows that Telegram has numbered updates anew, and it is forgotten.
//
// Calls that are no polls are not repeated, but for those that never left: 429 and 5xx are passed on, since only the
// bot knows whether a message may be sent twice. No connection to the server is a 502.
//
// # Parked
//
// A child whose seat does not serve (see Seat) has its polls parked: each is answered [] at its own timeout, one a second
// at most, with the header "Botctl-Parked: 1" and never with an error. Its setWebhook, deleteWebhook, close and logOut are answered true and
// go nowhere, and an offset below 0, which would forget updates, is not passed on even later.
package gateway
