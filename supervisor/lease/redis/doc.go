// Package redis keeps leases on a Redis server, or one that speaks like it. It was tried with Redis 6.2 and 7.0.
//
// A lease is one hash, botctl:lease:KEY, with the fields version (a number) and record (JSON). It has no expiry: a key that may
// go by itself could go while somebody polls, and the server's clock would decide. Every change is one Lua script that compares
// version and record with what this client saw, sets both, and publishes on the channel of the key's name. The record is
// compared too because a server that was brought back to an earlier state counts the same versions again.
//
// # Which server
//
// The same script names the server: its run_id, which is another one after every start of the process; and, once it was a
// replica that was made the primary (master_replid2 is set), its master_replid, which each such change makes anew. So a
// fail-over to another server is told by the first, and a server that was a replica for a while and is the primary again by
// the second. A primary that never was a replica is not asked for master_replid: that also changes when its first replica
// comes, and nothing is lost then. One false alarm remains, which costs a wait of the TTL: an hour after a fail-over that left
// no replica (repl-backlog-ttl) Redis forgets what the server had been. A replica is never taken for the server, even one that
// takes writes.
//
// Where INFO is forbidden or renamed, the address that answered stands for the server. Then a restart and a fail-over behind
// the same address are not told, and Warnings says so.
//
// # What remains unsafe
//
// Replication is asynchronous. A fail-over can lose the last changes, an acquisition too, and then the new primary and the old
// one, while that is cut off, may each have a holder. After a change of holder the store therefore waits up to 100 ms for
// one replica to have it, where there is one (WAIT), which makes that window small and does not close it. Renewals are not waited
// for: one that is lost leaves the same holder. min-replicas-to-write bounds for how long a primary that is cut off takes
// writes. A server without persistence is fine: it comes back empty and under another name, and whoever sees that waits.
//
// # What the user of an ACL needs
//
//	ACL SETUSER NAME ~botctl:lease:* resetchannels &botctl:lease:* +eval +evalsha +exists +hmget +hset +publish +subscribe +ping +select +info +wait
//
// Without the channel, publish or subscribe, polling is all there is; without info see above; without wait it is not waited.
package redis
