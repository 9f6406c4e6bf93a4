// Package lease decides between machines who may poll: one supervisor of a bot holds the lease, the others stand by. Decide is the
// holder's protocol, pure: no clock, no I/O, no goroutine. Keeper carries it out on a Store.
//
// # What the record says, and who believes it
//
// A store keeps one Record for a bot and does nothing but compare and swap. It expires nothing: no clock of a store, and no wall
// clock at all, takes part. The holder renews each TTL/5, and counts its lease from the moment before it sent the request
// that was answered. It forwards nothing from the fence on, TTL/5 before that time is over. Whoever waits takes a lease that
// was not released when (Epoch, Seq) has not changed for 1.1 TTL of its own clock, counted from when it received what it compares. Both clocks
// need the same rate within 10 %, nothing else.
//
//	mode     event                          what follows
//	-------  -----------------------------  --------------------------------------------------------------
//	away     Begun                          waiting: look at the record, then at each hint and each 0.5 s
//	waiting  released, or mine, and of the  Wanted: acquire with the next epoch
//	         same server
//	         released for another's claim   the same after 1.1 TTL
//	         unchanged for 1.1 TTL          the same: the holder is dead or cut off. So for a record that was never
//	                                        written, or last by a server that is another one now: whoever had
//	                                        the lease there may believe in it for so long
//	         its session died (Fast)        the same after 2 s
//	         held by an older deploy        Wanted: claim it; by another environment: refused, unless forced
//	holding  renewed                        extended
//	         Lead before the fence          Ending; Granted again if a renewal is answered after all
//	         the fence, or it is another's  Fenced; waiting
//	         a claim of a newer deploy      Claimed, once; the owner stops polling and asks to part
//	         the server is another one      Fenced: what was written last may be lost
//	         the session is lost (Fast)     Fenced
//	parting  released                       Parted; waiting, or Left
//	         not within the lease           the same: others take it when it has run out
//
// A reply that was lost is no problem: the next look shows whether it was applied. A record that says that this very instance
// holds it is acquired anew, under the next epoch, since nobody else can have held it in between.
//
// # Deploys
//
// The record numbers deploys as it meets them. Only a higher number may claim, so a restarted container of an old deploy stands by, replicas
// of one deploy never claim from each other, and two deploys do not take turns. A deploy that nobody of was seen for 30 renewals
// of the holder gets a new number when it comes back: that is a rollback.
//
// # Limits
//
// Exclusion is as good as the store's memory: a fail-over that loses an acquisition, with the old server reachable for one supervisor and
// the new one for another, has two holders until one of them sees the other server. A pause between the check of the lease and the
// sending of a poll cannot be seen: one stale poll may be sent, and its answer is not delivered.
package lease
