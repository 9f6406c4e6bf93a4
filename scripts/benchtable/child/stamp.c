// The child of all measurements. It says on a named pipe when its first instruction ran, and does what it is told.
//
//	BENCH_PIPE  the named pipe; a record is "ID KIND NANOSECONDS PID TEXT\n", the time of CLOCK_MONOTONIC
//	BENCH_ID    what its records begin with
//	BENCH_MODE  empty: wait. exit: SIGUSR2 prints the line of a conflict and ends. spew BYTES: print log lines.
//	            line BYTES: print one line. crowd N S: have N processes beside, S of each hundred with the
//	            command line of a script, the others of something else.
//
// Records: S first instruction, X about to exit or all was printed (TEXT: microseconds of processor time), C a line of
// a conflict is about to be printed. SIGTERM and SIGINT end it with 0, SIGUSR1 with 1.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int records = -1;

static void record(char kind, long long at, const char *text) {
	char line[400];
	int n = snprintf(line, sizeof line, "%s %c %lld %d %s\n", getenv("BENCH_ID"), kind, at, (int)getpid(), text ? text : "");
	if (write(records, line, n) != n) _exit(3);
}

static void used(char *text, size_t size) {
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	snprintf(text, size, "%lld", (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000LL + r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static const char conflict[] = "2026-03-01 09:00:00,000 - telegram.ext.Updater - ERROR - Error while getting Updates: Conflict: "
	"terminated by other getUpdates request; make sure that only one bot instance is running\n";

static const char *const lines[] = {
	"2026-03-01 09:00:03,411 - bot.handlers - INFO - user 5512 pressed a button, answered in 12 ms from the cache\n",
	"2026-03-01 09:00:03,482 - apscheduler.executors.default - INFO - Job \"prices (trigger: interval[0:01:00])\" executed successfully\n",
	"2026-03-01 09:00:04,001 - bot.store - DEBUG - 3 rows written\n",
	"2026-03-01 09:00:04,250 - telegram.ext.Application - INFO - handled update 991182, 41 ms\n",
};

static char block[1 << 16];

// print writes total bytes, of log lines or of one line.
static void print(long long total, int one) {
	size_t n = 0, at = 0;
	for (int i = 0;; i = (i + 1) % 4) {
		size_t len = strlen(lines[i]);
		if (n + len > sizeof block) break;
		memcpy(block + n, lines[i], len);
		n += len;
	}
	if (one) {
		n = sizeof block;
		memset(block, 'x', n);
	}
	while (total > 0) {
		size_t want = n - at;
		if ((long long)want > total) want = total;
		ssize_t did = write(1, block + at, want);
		if (did <= 0) _exit(4);
		total -= did;
		at = (at + did) % n;
	}
}

static char *const scripts[][4] = {
	{"node", "/srv/shop/server.js", NULL},
	{"python3", "/srv/site/manage.py", "runserver", NULL},
	{"ruby", "/srv/worker/bin/sidekiq", NULL},
	{"/srv/ads/venv/bin/python", "worker.py", NULL},
};

static char *const others[][6] = {
	{"/usr/sbin/nginx", "-g", "daemon off;", NULL},
	{"nginx: worker process", NULL},
	{"postgres: checkpointer", NULL},
	{"/usr/lib/postgresql/15/bin/postgres", "-D", "/var/lib/postgresql/15/main", NULL},
	{"/usr/bin/redis-server 127.0.0.1:6379", NULL},
	{"-bash", NULL},
	{"sshd: deploy@pts/0", NULL},
	{"/usr/bin/java", "-Xmx512m", "-jar", "/opt/app/app.jar", NULL},
	{"/lib/systemd/systemd-journald", NULL},
};

static void crowd(long n, long part) {
	setenv("BENCH_CROWD", "1", 1);
	for (long i = 0; i < n; i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			execv("/proc/self/exe", i % 100 < part ? scripts[i % 4] : others[i % 9]);
			_exit(5);
		}
	}
}

int main(void) {
	long long at = now();
	if (getenv("BENCH_CROWD")) {
		for (;;) pause();
	}
	const char *mode = getenv("BENCH_MODE") ? getenv("BENCH_MODE") : "";
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	if (strncmp(mode, "crowd ", 6) == 0) {
		char *rest;
		long n = strtol(mode + 6, &rest, 10);
		crowd(n, atol(rest));
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	records = open(getenv("BENCH_PIPE") ? getenv("BENCH_PIPE") : "", O_WRONLY | O_CLOEXEC);
	if (records < 0) return 2;
	record('S', at, getenv("TELEGRAM_API_BASE"));
	char text[32];
	if (strncmp(mode, "spew ", 5) == 0 || strncmp(mode, "line ", 5) == 0) {
		print(atoll(mode + 5), mode[0] == 'l');
		used(text, sizeof text);
		record('X', now(), text);
	}
	for (;;) {
		int s = sigwaitinfo(&set, NULL);
		if (s == SIGUSR2) {
			record('C', now(), "");
			if (write(2, conflict, sizeof conflict - 1) < 0) _exit(4);
			if (strcmp(mode, "exit") != 0) continue;
		}
		if (s < 0) continue;
		used(text, sizeof text);
		record('X', now(), text);
		_exit(s == SIGUSR1 || s == SIGUSR2);
	}
}
