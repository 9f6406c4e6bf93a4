//go:build linux

package main

// bench is one measurement: a question that a table answers.
type bench struct {
	name  string
	title string
	what  string // is measured, and how; it stands above the table
	wide  bool   // one row a subject, one column a metric
	needs []need
	run   func(*lab) error
}

// benches are all of them, in the order of the document.
var benches = []bench{
	{name: "size", title: "The program: size and start", run: measureSize,
		what: "`botctl version` against a program in Go that prints one word, from before fork to the end. The size is that of a release: `-trimpath`, `-ldflags \"-s -w\"`, no C."},
	{name: "start", title: "Start", needs: processNeeds, run: measureStart,
		what: "From before the supervisor is started to the first instruction of its child. The floor is a program in Go that does nothing but start it. botctl sweeps and takes its locks in this time; with a token it also asks the Bot API (a server on loopback) for its webhook, and waits for it."},
	{name: "respawn", title: "Respawn", needs: processNeeds, run: measureRespawn,
		what: "From the exit of a child (the instruction before `_exit`) to the first instruction of the next one. Every child had lived for 61 seconds: before that botctl pauses on purpose, as other supervisors do after their own, shorter times. botctl's sweep among 300 processes is part of it."},
	{name: "conflict", title: "Conflict", needs: processNeeds, run: measureConflict,
		what: "From the line of a conflict in the bot's output to the first instruction of the next bot. The floor reads its child's output, ends it at the first word, waits and starts it again, without any thought."},
	{name: "stop", title: "Stop", needs: processNeeds, run: measureStop,
		what: "From SIGTERM to the supervisor until the supervisor is gone, with a child that obeys at once. The floor is SIGTERM to that child and wait."},
	{name: "idle", title: "Idle", wide: true, needs: append(processNeeds, redis), run: measureIdle,
		what: "A child that does nothing (with the gateway: one that polls through it, 50 s a poll; with the lease, of 10 s, in a Redis on loopback, the same). Of the supervisor and its helpers, without the child: memory (PSS shares a page by its users; each botctl had a file of its own, so that it shares with nobody; what is anonymous is no copy of a file that the kernel could drop), threads, voluntary context switches, processor time. botctl had made its calls to the Bot API over TLS."},
	{name: "pass", title: "Output that is passed on", wide: true, needs: passNeeds, run: measurePass,
		what: "A child prints as fast as it can; the output of the supervisor is a pipe that is emptied without copying, and counted. The floor is `child | cat`. botctl masks and scans every byte of it. Processor time is the supervisor's."},
	{name: "scan", title: "Scan and sweep", wide: true, needs: []need{gcc, procps}, run: measureScan,
		what: "A PID namespace full of idle processes with the command lines of a server, one in 25 a script of another project: those botctl looks at closely. In one program, in turns: a sweep that finds nothing, and the floor, which lists /proc and reads each command line once. As programs of their own: `botctl kill-stale --dry-run`, and `pgrep -f`. At last `botctl kill-stale` with ten rivals among them that die at SIGTERM."},
	{name: "gateway", title: "Gateway", wide: true, needs: []need{gcc, nginx}, run: measureGateway,
		what: "A client sends `sendMessage` to a server on loopback that answers at once: itself, through nginx, through a plain `httputil.ReverseProxy`, through a program in Go that copies bytes and knows nothing of HTTP, and through `botctl run`. Added is what a call takes longer than the direct one. Throughput is that of 64 connections. Memory is that of the proxy with 64 polls open; botctl's are parked, during a restart."},
	{name: "rolling", title: "Deploy of a real bot", wide: true, needs: []need{ptb}, run: measureRolling,
		what: "python-telegram-bot with an echo that takes 50 ms, against `botctl sandbox`, which writes to it ten times a second and counts; in the middle a second version takes over. Conflicts are 409 answers that somebody received; missed and doubled are answers; the gap is the longest time without a poll, the delay that of an update until it was first delivered."},
	{name: "handover", title: "Hand-over between hosts", wide: true, needs: []need{ptb}, run: measureHandover,
		what: "Two supervisors that know each other by a lease alone."},
}

var processNeeds = []need{gcc, runit, s6, supervisor, tini, dumbInit, pm2, procps}
var passNeeds = []need{gcc, supervisor, pm2}
var soakBench = bench{name: "soak", needs: []need{ptb}}
