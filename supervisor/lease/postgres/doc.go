// Package postgres is a lease.Store, and a lease.Guard, on PostgreSQL. It is tested with 15, and uses nothing that 14 lacks; the
// row alone uses nothing that 10 lacks.
//
// # The row
//
// Table botctl_lease has one row a bot. It is made when it is missing, in the first schema of the role's search path; supervisors
// whose roles have different search paths would not meet, so Warnings tells of a second table of that name. The record is text, of ASCII
// alone, so that a database of any encoding keeps it as it is; epoch, holder and updated_at are for people.
//
// Load and Swap are one query message each: settings for it, the write and the look at what is there, in one transaction that ends with
// the message. So they need no session and work through any pooler, take one round trip, and nothing of them happens unless the
// whole message has come. (A statement with parameters is several messages, and one that is cut off between them keeps the row locked
// until the server notices. Values are therefore part of the text, in base64.) A swap compares version and record. The server makes it only if
// it is durable when it answers: synchronous_commit is raised to "on" where it is "off" or "local", and stays as it is elsewhere.
//
// # After the deadline
//
// A call whose deadline is over closes its connection with a reset, so that nothing is sent any more that has not been sent, and asks the
// server to cancel what it is doing. What a stopped server or a relay has taken is still carried out later. Therefore each swap
// carries its deadline in the server's time, as known from the answer before, and does nothing after it; the server's
// clock may be wrong, but a step back between two calls takes from this protection what it steps. While it waits for the row, statement_timeout
// ends it. What remains: a commit that waits for a synchronous standby is decided already, cannot be cancelled, and
// becomes visible when that answers. Until then it holds the row, and everybody else's swap fails.
//
// # Which server
//
// Snapshot.Server is the system identifier, the timeline, and the numbers of database and table: a restart keeps it, a promoted
// standby and a table that was made anew have another. With fsync off, or for a role that may not ask, it is the
// time of the server's start. It is asked in each call, in the same round trip: a pooler may go to another server behind a
// connection that stays. A standby answers ReadOnly to Load as well, for what it has may be old.
//
// # Sessions
//
// Each of Load and Swap together, Watch, Hold and Await has one connection while it runs, and another for some milliseconds when the
// latter three begin. Watch and the guard need a session of their own. Nothing in a URL proves that there is one, so it is tried: a
// notification from a second connection must reach the first. Behind PgBouncer in transaction mode it does not, and Watch
// returns lease.ErrNoWatch, Hold and Await a lease.StoreError with Pooled. The number of the server's process, which never changes in a session, is
// looked at again with each sign of life.
//
// Hold has the server end a session that is idle for the TTL. Await looks in rounds of some seconds: a statement that waits for days
// would keep VACUUM of the whole database from its work.
//
// # The URL
//
// postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full. Where the lease is follows from the URL alone, so that two supervisors
// that have the same one meet: PGHOST, PGPORT, PGDATABASE, PGUSER, PGSERVICE, PGOPTIONS and what else libpq takes from the environment
// is not heeded, but for the password (PGPASSWORD, PGPASSFILE, ~/.pgpass) when the URL has none, and what TLS is made of
// (PGSSLMODE, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY, PGSSLPASSWORD, ~/.postgresql). A PGSERVICE that cannot be read is refused. sslmode is
// libpq's, "prefer" where it is not given. Of several hosts the first that takes writes is used. Settings of poolers and
// of other libraries that are found in such URLs (pgbouncer, pool_*, connect_timeout, …) are passed over, anything else unknown is refused.
package postgres
