// Package policy decides what a supervisor does. It is pure: no clock, no I/O, no
// goroutine. The supervisor reports what happened as an Event, Decide answers
// with the next State and the Actions to carry out, and their outcomes come back
// as Events. Deadlines are fields of the State; State.Deadline is when a TimePassed is due.
//
// # The table
//
// What is not listed changes nothing. "start" stands for the way through
// Sweeping, Checking (the first time, and after a 401 or a webhook was seen) and Starting.
//
//	phase     event                          what follows
//	--------  -----------------------------  ------------------------------------------------
//	locking   Began                          take the locks
//	          LockTaken                      start
//	          LockHeld                       done 75, standby with --on-held wait, a take-over with takeover
//	          LockFailed                     done 73
//	standby   LockTaken                      start
//	sweeping  Swept for the start            check or start; back-off if one waits and no rival was ended
//	checking  Checked: refused, webhook stop done 78
//	          Checked: anything else         start the child: trouble with the network is no reason not to
//	starting  ChildStarted                   running; the tree is ended if a stop came meanwhile
//	          StartFailed: not found, not
//	          executable                     done 127, 126
//	          StartFailed: transient         as an exit of the child
//	running   ChildExited 78                 done 78
//	          ChildExited 0, 130, SIGINT     done 0 with --interactive: a person ended it
//	          ChildExited, ran 60 s          start
//	          ChildExited sooner             back-off 1 s doubling to 60 s, full jitter; after 5 in a
//	                                         row without any well child: done with the child's code
//	          ChildExited after a conflict   sweep; a rival was ended: start; else start once at once,
//	                                         then under back-off, never counted as a failed start
//	          SignSeen conflict              sweep, look at the sockets
//	          Swept for it, rival ended      end the tree, start at once
//	          Swept for it, none ended       nothing in the first 60 s of the child, or before the third
//	                                         sign of the framework's logger in 60 s; then the rival is
//	                                         elsewhere: one restart in 10 min, after that only words
//	          SignSeen event loop            look at the sockets; the third within 60 s restarts
//	          SignSeen webhook, 401          ask the Bot API
//	          Checked: refused, webhook stop end the tree, done 78
//	          SocketsProbed: deaf            end the tree, start (none open for 10 s, or silent for 70 s)
//	          RestartAsked                   end in order, start; warm: see below
//	          Notified heartbeat             from now on one must come every Config.Heartbeat
//	          Notified trigger, or none came end the tree, start; a fresh period if we did not run ourselves
//	          60 s have passed               the child is well; failures are forgotten
//	          5 s, then each 30 s            sweep beside the child
//	          WireSeen: first poll           from now on the wire decides, and text of a conflict, a webhook, a
//	                                         401 is none; of an event loop: restart without a call for 60 s
//	          WireSeen: conflict             sweep; told at once, at 60 s, at the end; the child is left alone
//	          WireSeen: webhook, 401         ask the Bot API
//	          WireLooked, each 30 s          no poll for Config.StallAfter (5 x that of a child that makes other calls, and at
//	                                         least 3 x its usual gap) while updates wait and do not grow fewer:
//	                                         free its poll at the second look, restart at the third
//	stopping  ChildExited                    start, or done; behind the gateway the server is told first what
//	                                         was handled
//	          Drained                        end the tree
//	          StopAsked                      done follows
//	waiting   back-off over, RestartAsked    start
//	any       StopAsked, first SIGINT        done 0, once the tree is gone
//	          KillAsked                      the same, and the tree is killed at once
//	          LockLost                       done 73, once the tree is gone
//
// With a lease between machines (Config.Lease) the start waits for it in standby: the lease is wanted when everything else is ready, or, with
// StandbyWarm, when a child that was started with its polls held has asked for its first update.
//
//	phase     event                          what follows
//	--------  -----------------------------  ------------------------------------------------
//	standby   LeaseGranted                   start
//	running   LeaseGranted                   its polls go to the server
//	          LeaseEnding                    behind a gateway that cannot be passed by: its polls are held, and the server is told
//	                                         what it works on; any other child is ended in order
//	          LeaseLost                      the same child stays parked; any other is killed
//	          LeaseTaken                     a child that is parked is ended, unless it is a warm standby
//	          LeaseClaimed                   hold its polls, wait for its acknowledgement, part, then end it in order and stand
//	                                         by; a child that can pass the gateway by is ended first
//	          HandOutAsked                   the same for another supervisor on this machine, and done 0
//	any       LeaseClaimed, no child         part at once
//	          LeaseTrouble that lasts, with a
//	          store that never answered      done 78
//
// A take-over on one machine (Config.TakeOver) is a start whose locks are held by somebody else until then: the child boots parked,
// or not at all, the other supervisor is asked to hand out, and LockTaken lets the polls go.
//
// A stop or restart in order of a child that polls through the gateway: hold its polls, drain (a third of the stop time at most),
// SIGTERM. Any other end holds the polls and goes on at once.
//
// A warm restart (--restart-warm) is a phase of its own in all but name: the next child is started beside the present one
// (Next), with its polls held. Its first poll begins the hand-over; then it is the present child, and the
// other one (Old) is drained and ended. Until the hand-over, whatever befalls the next child changes nothing for
// the present one, and if that ends, the next one takes its place.
//
// Text of the child's output alone restarts it at most once in ten minutes, unless the owner
// said --restart-on-first-sign. With a limit set by --give-up, failures past it end with 70.
//
// A rival elsewhere and a child that exits at each conflict: the pause between two starts
// grows to a minute and is forgotten only after ten minutes without such a start, so
// that two supervisors do not take the poll from each other in a hot loop.
package policy
