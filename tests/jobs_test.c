/* Whole runs under a jobserver, a real make's or one that the test itself is, and runs that are one.
 *
 * What is at work writes + and - into the file log, so that it can be counted how many were at once; those
 * that must be at once wait for each other there. A test's own jobserver has a different byte for each
 * token: all must be back. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/supervise/jobserver.h"
#include "tests/fault.h"
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/pty.h"
#include "tests/suites.h"

static const char unusable[] = "the jobserver that MAKEFLAGS names cannot be used";

/* MAKEFLAGS. */

static const struct {
	const char *flags;
	enum jobserver_kind kind;
	int in, out;
	const char *path;
} named[] = {
	{ "", JOBSERVER_NONE, 0, 0, "" },
	{ "k", JOBSERVER_NONE, 0, 0, "" },
	{ " -j3", JOBSERVER_NONE, 0, 0, "" },
	{ " -j3 --jobserver-auth=3,4", JOBSERVER_PIPE, 3, 4, "" },
	{ "kw -j3 --jobserver-auth=3,4", JOBSERVER_PIPE, 3, 4, "" },
	{ "--jobserver-fds=5,6 -j", JOBSERVER_PIPE, 5, 6, "" },
	{ "  \t --jobserver-auth=3,4 \t", JOBSERVER_PIPE, 3, 4, "" },
	{ "-j3 --jobserver-auth=3,4 --jobserver-auth=7,8", JOBSERVER_PIPE, 7, 8, "" },
	{ " -j3 --jobserver-auth=3,4 -- A=--jobserver-auth=7,8 --jobserver-auth=7,8", JOBSERVER_PIPE, 3, 4, "" },
	{ " -j3 --jobserver-auth=3,4 -- X=a\\ --jobserver-auth=7,8", JOBSERVER_PIPE, 3, 4, "" },
	{ "-- --jobserver-auth=7,8", JOBSERVER_NONE, 0, 0, "" },
	{ " -j3 --jobserver-auth=fifo:/tmp/GMfifo7", JOBSERVER_FIFO, 0, 0, "/tmp/GMfifo7" },
	{ " -j3 --jobserver-auth=fifo:/tmp/a\\ b/$$x/GM\\\\7", JOBSERVER_FIFO, 0, 0, "/tmp/a b/$x/GM\\7" },
	{ "--jobserver-auth=fifo:a --jobserver-auth=fifo:bc", JOBSERVER_FIFO, 0, 0, "bc" },
	{ "--jobserver-auth=fifo:a --jobserver-auth=3,4", JOBSERVER_PIPE, 3, 4, "" },
	{ " -j3 --jobserver-auth=3,4 --jobserver-auth=-2,-2", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver-auth=", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver-auth=3", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver-auth=3,", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver-auth=,4", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver-auth=3,4,5", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver-auth=3,4x", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver-auth=3,99999999999", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver-auth=sem:GMsem", JOBSERVER_BAD, 0, 0, "" },
	{ "--jobserver", JOBSERVER_NONE, 0, 0, "" },
	{ "\\", JOBSERVER_NONE, 0, 0, "" },
	{ "$", JOBSERVER_NONE, 0, 0, "" },
};

START_TEST(what_makeflags_names)
{
	int fds[2] = { 0, 0 };
	struct buf path = { 0 };

	ck_assert_int_eq(jobserver_parse(named[_i].flags, fds, &path), named[_i].kind);
	if (named[_i].kind == JOBSERVER_PIPE) {
		ck_assert_int_eq(fds[0], named[_i].in);
		ck_assert_int_eq(fds[1], named[_i].out);
	}
	ck_assert_str_eq(buf_str(&path), named[_i].path);
	buf_free(&path);
}
END_TEST

static const struct {
	const char *old, *want;
} handed[] = {
	{ NULL, " -j7 --jobserver-auth=3,4" },
	{ "", " -j7 --jobserver-auth=3,4" },
	{ "kw", "kw -j7 --jobserver-auth=3,4" },
	{ "kw -j3 --jobserver-auth=8,9", "kw -j7 --jobserver-auth=3,4" },
	{ " -j --jobserver-fds=8,9", " -j7 --jobserver-auth=3,4" },
	{ "-k -j 3 -l 2.5", "-k -l 2.5 -j7 --jobserver-auth=3,4" },
	{ "--jobs --jobs=3 --jobs 3 --jobserver-style=fifo --jobserver-auth=fifo:/a -s", "-s -j7 --jobserver-auth=3,4" },
	{ "-j k", "k -j7 --jobserver-auth=3,4" },
	{ "w -- A=b\\ c D=$$e", "w -j7 --jobserver-auth=3,4 -- A=b\\ c D=$$e" },
	{ "w --eval=a\\ b$$c -j2 -- J=-j2 -j2", "w --eval=a\\ b$$c -j7 --jobserver-auth=3,4 -- J=-j2 -j2" },
	{ " --", " -j7 --jobserver-auth=3,4 --" },
};

START_TEST(what_makeflags_becomes)
{
	const int fds[2] = { 3, 4 };
	struct buf b = { 0 };

	jobserver_flags(handed[_i].old, 7, fds, &b);
	ck_assert_str_eq(buf_str(&b), handed[_i].want);
	buf_free(&b);
}
END_TEST

/* Where the pipe cannot be opened once more, all share one way to it: nothing waits there, and its flags stay as they are. */
START_TEST(a_way_that_is_shared)
{
	struct jobserver j;
	int fds[2];
	char flags[60], token;

	ck_assert_int_eq(pipe(fds), 0);
	snprintf(flags, sizeof flags, " -j3 --jobserver-auth=%d,%d", fds[0], fds[1]);
	jobserver_look(&j, flags);
	ck_assert_int_eq(j.kind, JOBSERVER_PIPE);
	ck_assert_int_eq(jobserver_open(&j), 0);
	j.in = fds[0];
	j.out = fds[1];
	j.is_shared = 1;
	ck_assert_int_eq(jobserver_take(&j), 0);
	ck_assert_int_eq(write(fds[1], "ab", 2), 2);
	ck_assert_int_eq(jobserver_take(&j), 1);
	ck_assert_int_eq(jobserver_take(&j), 1);
	ck_assert_int_eq(jobserver_take(&j), 0);
	jobserver_give(&j);
	ck_assert_int_eq(j.held, 1);
	ck_assert_int_eq(read(fds[0], &token, 1), 1);
	ck_assert_int_eq(token, 'a');
	ck_assert_int_eq(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

/* What is at work. */

/* `work N [S]` is at work, until as N have begun or ten seconds are over, and S seconds more. The run
 * w.orch has so many steps as there are ITEMS. */
static void
write_work(const char *items)
{
	char line[200];

	help_file("work", "echo + >>log", "i=0", "while test $(grep -c + log) -lt $1 && test $i -lt 500; do sleep 0.02; i=$((i + 1)); done",
	    "test $i -lt 500 || echo alone >>alone", "sleep ${2:-0.05}", "echo - >>log", NULL);
	snprintf(line, sizeof line, "parallel i in %s", items);
	help_file("w.orch", "param n 1", line, "    run sh as s-{{i}} | sh \"$ORCH_ROOT/work\" $n", "end", NULL);
}

/* As many as N were at once, and never more. */
static void
expect_most(int n)
{
	ck_assert_msg(procs_most("log") == n, "%d at once, not %d:\n%s", procs_most("log"), n, help_read("log", NULL));
	help_none("alone");
	ck_assert_int_eq(help_count(help_read("log", NULL), "+"), help_count(help_read("log", NULL), "-"));
}

/* A make: the one that is here, and a stand-in that does with the jobserver what GNU make does since 4.4, which has a
 * style for it. */

enum style { OWN, FIFO_STYLE, PIPE_STYLE, STYLES };

/* `stand-in STYLE N TARGET...` makes the targets, N at once: each but the first takes a token. Who is not made by a line
 * with a + has no pipe, but is told of a fifo. In the end all tokens are back. */
static void
write_stand_in(void)
{
	help_file("stand-in", "style=$1 n=$2; shift 2", "mkfifo pool; exec 7<>pool 3<pool 4>pool 7>&-",
	    "dd if=/dev/zero bs=1 count=$((n - 1)) 2>/dev/null | tr '\\0' + >&4",
	    "case $style in pipe) MAKEFLAGS=\"k -j$n --jobserver-auth=3,4\"; rm pool ;;",
	    "*) MAKEFLAGS=\"k -j$n --jobserver-auth=fifo:$PWD/pool\" ;; esac; export MAKEFLAGS",
	    "make() { if test $style$1 = pipetrap; then MAKEFLAGS=\"$MAKEFLAGS --jobserver-auth=-2,-2\" sh recipe $1 3<&- 4>&-",
	    "elif test $style = pipe; then sh recipe $1; else sh recipe $1 3<&- 4>&-; fi || echo $1 >>failed; }",
	    "take() { token=$(dd bs=1 count=1 <&3 2>/dev/null); }",
	    "first=$1; shift; make $first &", "for t; do { take; make $t; printf + >&4; } & done; wait",
	    "echo >&4; read -r left <&3",   /* the line is what is there */
	    "test ${#left} = $((n - 1)) || echo \"INTERNAL: ${#left} tokens\" >&2", "test ! -e failed || exit 2", NULL);
}

static int
has_make(void)
{
	if (help_run("make --version | grep -q GNU").status == 0)
		return 1;
	help_skip("jobs_test", "make is not GNU make");
	return 0;
}

/* There is a jobserver of three for TARGETS, each made by a line of sh that has its name as $1. Make ends with STATUS,
 * and misses nothing. */
static struct ran
make(int status, int style, const char *targets, const char *recipe)
{
	struct ran r;

	if (style == OWN && !has_make())
		style = FIFO_STYLE;
	help_sh(0, "rm -f failed pool");
	help_file("recipe", recipe, NULL);
	help_file("Makefile", "a b c:", "\t+@sh recipe $@", "trap:", "\t@sh recipe $@", NULL);
	write_stand_in();
	r = style == OWN ? help_run("make -k -j3 %s", targets) :
	    help_run("sh stand-in %s 3 %s", style == PIPE_STYLE ? "pipe" : "fifo", targets);
	ck_assert_msg(r.status == status, "make %s: %d, not %d:\n%s%s", targets, r.status, status, r.out, r.err);
	help_lacks(r.err, "INTERNAL");
	return r;
}

START_TEST(three_orchs_under_make)
{
	write_work("1..6");
	help_lacks(make(0, _i, "a b c", "exec orch run -q -r $1 w.orch n=3").err, "jobserver");
	expect_most(3);
	ck_assert_int_eq(help_count(help_read("log", NULL), "+"), 18);
}
END_TEST

START_TEST(one_orch_under_make)
{
	write_work("1..9");
	help_lacks(make(0, _i, "a", "exec orch run -q -r $1 w.orch n=3").err, "jobserver");
	expect_most(3);
	ck_assert_int_eq(help_count(help_read("log", NULL), "+"), 9);
}
END_TEST

/* Some fail, are tried again, are given up, are told to stop. */
START_TEST(failures_under_make)
{
	write_work("1");
	help_file("w.orch", "parallel i in 1..4",
	    "    run sh as bad-{{i}} | sh work 1 0; exit 1", "    retry 1 0s", "    otherwise none",
	    "    run sh as worse-{{i}} | sh work 1 0; kill -9 $$", "    run sh as never-{{i}} | :", "end", NULL);
	help_lacks(make(2, _i, "a b c", "exec orch run -q -r $1 w.orch").err, "jobserver");
	ck_assert_int_le(procs_most("log"), 3);         /* they are too short to be as many each time */
	ck_assert_int_eq(help_count(help_read("log", NULL), "+"), 36);
	ck_assert_int_eq(help_count(help_read("log", NULL), "-"), 36);
	help_file("w.orch", "param n", "parallel i in 1..4", "    run sh as s-{{i}} | sh work 3; kill $(cat $n); sleep 60", "end", NULL);
	unlink("log");
	/* who is ended writes no -: only make's own count is looked at */
	help_lacks(make(2, _i, "a b", "echo $$ >$1.pid; exec orch run -q -r ${1}2 w.orch n=$1.pid").err, "jobserver");
}
END_TEST

/* A recipe without a +: descriptors that are not there any more, or that make says are none; a fifo stays. */
START_TEST(trap_of_make)
{
	struct ran r;

	write_work("1..6");
	r = make(0, _i, "trap", "echo $MAKEFLAGS >flags; exec orch run -r r w.orch n=1");
	if (!strstr(help_read("flags", NULL), "fifo:"))
		ck_assert_int_eq(help_count(r.err, unusable), 1);
	else
		ck_assert_int_le(procs_most("log"), 3);
	ck_assert_int_eq(help_count(help_read("log", NULL), "+"), 6);
}
END_TEST

/* A jobserver of the test's own. */

enum { PIPE, FIFO, KINDS };

static struct {
	int in, out;
	char tokens[64];        /* that it was begun with */
	char back[80];          /* that were read */
} pool;

static void
pool_begin(int kind, const char *tokens)
{
	char flags[4200], dir[4000];
	int fds[2];

	strcpy(pool.tokens, tokens);
	*pool.back = '\0';
	if (kind == PIPE) {
		ck_assert_int_eq(pipe(fds), 0);
		pool.in = fds[0];
		pool.out = fds[1];
		snprintf(flags, sizeof flags, "k -j9 --jobserver-auth=%d,%d -- A=b", fds[0], fds[1]);
	} else {
		ck_assert_ptr_nonnull(getcwd(dir, sizeof dir));
		ck_assert_int_eq(mkfifo("a fifo", 0600), 0);
		pool.in = pool.out = open("a fifo", O_RDWR | O_CLOEXEC);
		snprintf(flags, sizeof flags, " -j9 --jobserver-auth=fifo:%s/a\\ fifo", dir);
	}
	ck_assert_int_eq(write(pool.out, tokens, strlen(tokens)), (ssize_t)strlen(tokens));
	setenv("MAKEFLAGS", flags, 1);
}

/* How many tokens are there now; they are taken. */
static size_t
pool_count(void)
{
	size_t n = strlen(pool.back);
	ssize_t got;

	ck_assert_int_eq(fcntl(pool.in, F_GETFL) & O_NONBLOCK, 0);     /* it is everybody's */
	fcntl(pool.in, F_SETFL, fcntl(pool.in, F_GETFL) | O_NONBLOCK);
	got = read(pool.in, pool.back + n, sizeof pool.back - 1 - n);
	fcntl(pool.in, F_SETFL, fcntl(pool.in, F_GETFL) & ~O_NONBLOCK);
	pool.back[got > 0 ? n + (size_t)got : n] = '\0';
	return strlen(pool.back);
}

/* Waits until N tokens are there; the others do not come in a moment either. */
static void
pool_await(size_t n)
{
	long long until = help_ms() + SOON;

	while (pool_count() < n && help_ms() < until)
		help_pause(3);
	help_pause(100);
	ck_assert_msg(pool_count() == n, "%zu tokens, not %zu: `%s` of `%s`; orch said: %s", pool_count(), n, pool.back, pool.tokens,
	    help_read("err", NULL));
}

/* Gives back what pool_await has taken. */
static void
pool_refill(void)
{
	size_t n = strlen(pool.back);

	ck_assert_int_eq(write(pool.out, pool.back, n), (ssize_t)n);
	*pool.back = '\0';
}

/* All tokens are back, each once. */
static void
pool_whole(void)
{
	const char *s;

	pool_await(strlen(pool.tokens));
	for (s = pool.tokens; *s; s++)
		ck_assert_msg(strchr(pool.back, *s) != NULL, "`%s` of `%s`", pool.back, pool.tokens);
}

START_TEST(tokens_come_back)
{
	write_work("1..9");
	pool_begin(_i, "abc");
	help_sh(0, "orch run -q w.orch n=4");
	expect_most(4);
	pool_whole();
}
END_TEST

START_TEST(tokens_come_back_from_failures)
{
	write_work("1");
	help_file("w.orch", "filter cat", "check test $(wc -c) -gt 0", "parallel i in 1..4",
	    "    run sh as bad-{{i}} | sh work 1 0; exit 1", "    retry 2 0s", "    otherwise none",
	    "    run sh as late-{{i}} | sh work 1 0; sleep 60", "    timeout 1s", "    otherwise none",
	    "    if < late-{{i}} | sh work 1 0", "        run sh as empty-{{i}} | sh work 1 0", "        otherwise x", "    end",
	    "    run sh as worse-{{i}} | sh work 1 0; kill -9 $$", "end", NULL);
	pool_begin(_i, "abc");
	help_sh(1, "orch run -q w.orch");
	ck_assert_int_le(procs_most("log"), 4);
	ck_assert_int_ge(procs_most("log"), 2);
	pool_whole();
}
END_TEST

/* Steps that are at work until they are told, w.orch; five of them, with three tokens: four are at work. */
static pid_t
start_held(const char *command)
{
	pid_t pid;

	write_work("1");
	help_file("w.orch", "parallel i in 1..5",
	    "    run sh as s-{{i}} | echo $PPID >supervisor-$i; echo + >>log; while test ! -e go-$i; do sleep 0.02; done; echo - >>log",
	    "end", NULL);
	pid = procs_start("exec %s", command);
	procs_await_lines("log", 4, SOON);
	ck_assert_uint_eq(pool_count(), 0);
	return pid;
}

/* The step s-I ends. */
static void
let_go(int i)
{
	char name[32];

	snprintf(name, sizeof name, "go-%d", i);
	help_file(name, NULL);
}

/* Whoever ends, of those that run each but one holds a token, and the others are back. */
START_TEST(tokens_come_back_one_by_one)
{
	pid_t pid;
	int i;

	pool_begin(_i % KINDS, "abc");
	pid = start_held("orch run -q w.orch");
	let_go(1);                              /* it was begun with no token; the fifth begins in its place */
	procs_await_lines("log", 6, SOON);
	pool_await(0);
	for (i = 2; i < 5; i++) {
		let_go(_i < KINDS ? i : 6 - i);
		pool_await((size_t)i - 1);
	}
	let_go(5);
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	pool_whole();
	procs_none_left(AFTER);
}
END_TEST

START_TEST(tokens_come_back_at_signals)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	pid_t pid;

	pool_begin(_i % KINDS, "abc");
	pid = start_held("orch run -q w.orch");
	kill(pid, signals[_i / KINDS]);
	ck_assert_int_eq(procs_end(pid, SOON), 128 + signals[_i / KINDS]);
	pool_whole();
	procs_none_left(AFTER);
}
END_TEST

/* Orch is killed: its supervisors give back what it has left, where one ended in the same moment too. */
START_TEST(tokens_come_back_from_the_dead)
{
	pid_t pid;

	pool_begin(_i % KINDS, "abc");
	pid = start_held("orch run -q w.orch");
	if (_i / KINDS == 1) {
		kill(pid, SIGSTOP);             /* what ends now, orch never hears of */
		let_go(1);
		let_go(3);
		procs_await_lines("log", 6, SOON);
		help_pause(200);
		kill(pid, SIGKILL);
	} else if (_i / KINDS == 2) {
		kill(-pid, SIGKILL);
	} else {
		kill(pid, SIGKILL);
	}
	ck_assert_int_eq(procs_end(pid, SOON), 128 + SIGKILL);
	pool_whole();
	procs_none_left(AFTER);
}
END_TEST

/* Waits until the supervisors of s-1 to s-N are in the state C, as ps has it; a moment where that cannot be known. */
static void
await_supervisors(int n, char c)
{
	long long until = help_ms() + SOON;
	char name[32];
	int i, state;

	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof name, "supervisor-%d", i);
		while ((state = pty_state(procs_pid_in(name, 0))) != c && state != '?') {
			ck_assert_msg(help_ms() < until, "%s is `%c`", name, state ? state : '-');
			help_pause(3);
		}
	}
	if (pty_state(getpid()) == '?')
		help_pause(200);
}

/* With -x nothing more is begun from the moment on in which one has failed: if none is left to wait for either,
 * that is the end, and what was held for the others goes back then. */
START_TEST(tokens_come_back_when_all_fail_at_once)
{
	pid_t pid;

	pool_begin(_i, "abc");
	help_file("w.orch", "parallel i in 1..4",
	    "    run sh as s-{{i}} | echo $PPID >supervisor-$i; echo + >>log; while test ! -e go; do sleep 0.02; done; exit 1", "end", NULL);
	pid = procs_start("exec orch run -q -x w.orch");
	procs_await_lines("log", 4, SOON);
	kill(pid, SIGSTOP);                     /* it hears of all at once */
	help_file("go", NULL);
	await_supervisors(4, 'Z');
	kill(pid, SIGCONT);
	ck_assert_int_eq(procs_end(pid, SOON), 1);
	pool_whole();
}
END_TEST

/* Orch is killed when the agents have ended, and their supervisors have not said so yet. */
START_TEST(tokens_come_back_from_the_dead_when_all_is_done)
{
	static const char preload[] = "LD_PRELOAD=\"$TREE/tests/fault.so\" FAULT='fsync 1 stop+' FAULT_PAGE=\"$PWD/page\"";
	struct fault_page page = { 0 };
	pid_t pid;
	int i;

	help_bytes("page", &page, sizeof page);
	if (procs_portable() || help_run("%s orch -V", preload).status) {
		help_skip("tokens_come_back_from_the_dead_when_all_is_done", "faults cannot be put into orch here");
		return;
	}
	pool_begin(_i, "ab");
	help_file("w.orch", "parallel i in 1..3", "    run sh as s-{{i}} | echo $PPID >supervisor-$i; echo + >>log", "end", NULL);
	pid = procs_start("export %s; exec orch run -q w.orch", preload);
	procs_await_lines("log", 3, SOON);
	await_supervisors(3, 'T');
	ck_assert_uint_eq(pool_count(), 0);
	kill(pid, SIGKILL);
	ck_assert_int_eq(procs_end(pid, SOON), 128 + SIGKILL);
	for (i = 1; i <= 3; i++) {
		char name[32];

		snprintf(name, sizeof name, "supervisor-%d", i);
		kill(procs_pid_in(name, 0), SIGCONT);
	}
	pool_whole();
	procs_none_left(AFTER);
}
END_TEST

/* A supervisor is killed: its token is orch's to give back. */
START_TEST(tokens_come_back_from_a_dead_supervisor)
{
	pid_t pid;
	int i;

	pool_begin(_i, "abc");
	pid = start_held("orch run -q w.orch");
	kill(procs_pid_in("supervisor-2", 0), SIGKILL);
	procs_await_lines("log", 5, SOON);      /* the fifth begins in its place */
	pool_await(0);
	kill(procs_pid_in("supervisor-5", 0), SIGKILL);
	pool_await(1);
	for (i = 1; i < 6; i++)
		let_go(i);
	ck_assert_int_eq(procs_end(pid, SOON), 1);
	pool_whole();
	procs_none_left(AFTER);
}
END_TEST

/* Where there is no token, orch waits for one, and for everything else as well. */
START_TEST(nothing_blocks)
{
	pid_t pid;

	write_work("1..3");
	pool_begin(_i, "");
	pid = procs_start("exec orch run -q w.orch n=2");
	procs_await_lines("log", 1, SOON);
	help_pause(100);
	ck_assert_int_eq(procs_lines("log"), 1);
	ck_assert_int_eq(write(pool.out, "x", 1), 1);
	strcpy(pool.tokens, "x");
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	expect_most(2);
	pool_whole();
	unlink("log");
	pid = procs_start("exec orch run -q w.orch n=2");
	procs_await_lines("log", 1, SOON);
	help_pause(100);
	kill(pid, SIGTERM);
	ck_assert_int_eq(procs_end(pid, SOON), 128 + SIGTERM);
	procs_none_left(AFTER);
}
END_TEST

/* Others take tokens and give them back all the time. */
START_TEST(beside_others)
{
	pid_t pid, other[2];
	char token;
	int i;

	write_work("1..40");
	pool_begin(_i, "abc");
	for (i = 0; i < 2; i++) {
		other[i] = fork();
		while (!other[i])
			if (read(pool.in, &token, 1) == 1 && write(pool.out, &token, 1) != 1)
				_exit(1);
	}
	pid = procs_start("exec orch run -q w.orch");
	ck_assert_int_eq(procs_end(pid, 2 * SOON), 0);
	ck_assert_int_le(procs_most("log"), 4);
	/* They wait in a read as soon as there is nothing more; what they hold then is nothing. */
	pool_count();
	for (i = 0; i < 2; i++) {
		kill(other[i], SIGTERM);
		procs_end(other[i], SOON);
	}
	ck_assert_uint_ge(pool_count(), 1);     /* each of them may have held one */
}
END_TEST

/* There is no room for a token that is given back: it is one that others have made too many. */
START_TEST(no_room)
{
	static char many[65536];
	pid_t pid;

	pool_begin(_i, "");
	memset(many, '+', sizeof many);
	ck_assert_int_eq(fcntl(pool.out, F_SETFL, O_NONBLOCK), 0);
	while (write(pool.out, many, sizeof many) > 0)
		;
	ck_assert_int_eq(fcntl(pool.out, F_SETFL, 0), 0);
	help_file("w.orch", "parallel i in 1..3", "    run sh as s-{{i}} | echo + >>log; while test ! -e go; do sleep 0.02; done", "end", NULL);
	pid = procs_start("exec orch run -q w.orch");
	procs_await_lines("log", 3, SOON);
	fcntl(pool.out, F_SETFL, O_NONBLOCK);
	while (write(pool.out, many, sizeof many) > 0 || write(pool.out, many, 1) > 0)
		;
	fcntl(pool.out, F_SETFL, 0);
	help_file("go", NULL);
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	procs_none_left(AFTER);
}
END_TEST

START_TEST(j_caps_a_client)
{
	write_work("1..6");
	pool_begin(_i, "abcde");
	help_sh(0, "orch run -q -j2 w.orch n=2");
	expect_most(2);
	pool_whole();
	pool_refill();
	unlink("log");
	help_sh(0, "orch run -q -j90 w.orch n=6");
	expect_most(6);
	pool_whole();
}
END_TEST

START_TEST(free_steps)
{
	write_work("1");
	help_file("w.orch", "step f sh", "free", "| sh work 4", "parallel", "    run sh as a | sh work 4", "    run sh as b | sh work 4",
	    "    run f as c", "    run f as d", "    run sh as e | sh work 4", "    free", "end", NULL);
	pool_begin(_i, "");
	help_sh(0, "orch run -q w.orch");
	expect_most(4);                 /* b waits, the others do not */
	unlink("log");
	help_file("w.orch", "step f sh", "free", "| sh work 2", "parallel i in 1..6", "    run f as c-{{i}}", "end", NULL);
	help_sh(0, "orch run -q -j2 w.orch");
	expect_most(2);
}
END_TEST

/* What is not a jobserver. */

static const char *const no_jobservers[] = {
	"--jobserver-auth=100,101", "--jobserver-auth=-2,-2", "--jobserver-auth=rubbish", "--jobserver-auth=0,1",
	"--jobserver-auth=7,7", "--jobserver-auth=8,8", "--jobserver-auth=9,8", "--jobserver-auth=8,100", "--jobserver-auth=1000000000,8",
	"--jobserver-fds=3,4", "--jobserver-auth=fifo:", "--jobserver-auth=fifo:missing", "--jobserver-auth=fifo:plain",
	"--jobserver-auth=fifo:/dev/null", "--jobserver-auth=fifo:.", "--jobserver-auth=3,4 --jobserver-auth=fifo:plain",
};

/* One line, all at once, and nothing is read or written. Descriptor 7 is a plain file, 8 the end of a pipe that
 * is read, 9 one that is written. */
START_TEST(no_jobserver)
{
	char command[300];
	struct ran r;

	write_work("1..5");
	help_file("plain", "++++++++", NULL);
	snprintf(command, sizeof command, "MAKEFLAGS=' -j3 %s' orch run -r r w.orch n=5 7<>plain 8<pipe 9>other", no_jobservers[_i]);
	ck_assert_int_eq(mkfifo("pipe", 0600), 0);
	ck_assert_int_eq(mkfifo("other", 0600), 0);
	ck_assert_int_ge(open("pipe", O_RDWR | O_CLOEXEC), 0);
	ck_assert_int_ge(open("other", O_RDWR | O_CLOEXEC), 0);
	r = help_sh(0, command);
	ck_assert_int_eq(help_count(r.err, unusable), 1);
	expect_most(5);
	help_is("plain", "++++++++\n");
	r = help_sh(0, command);                /* nothing is to be done: nothing to be said */
	help_lacks(r.err, unusable);
	snprintf(command, sizeof command, "MAKEFLAGS=' -j3 %s' orch run -q w.orch n=5 7<>plain 8<pipe 9>other", no_jobservers[_i]);
	r = help_sh(0, command);
	ck_assert_str_eq(r.err, "");
}
END_TEST

static const char *const not_meant[] = { "", "k", "-j3", " -j --no-print-directory", "-- --jobserver-auth=100,101", "\\\\ $ ,,, =" };

START_TEST(none_is_meant)
{
	write_work("1..5");
	setenv("MAKEFLAGS", not_meant[_i], 1);
	help_lacks(help_sh(0, "orch run w.orch n=5").err, "MAKEFLAGS");
	expect_most(5);
}
END_TEST

/* Descriptors. */

static const char fds_of_agents[] = "agent fds | tr '\\n' ' '";

START_TEST(agents_have_the_jobserver)
{
	char want[100], line[100];

	snprintf(line, sizeof line, "run sh as x | %s; echo \"$MAKEFLAGS\"", fds_of_agents);
	help_file("w.orch", line, NULL);
	pool_begin(PIPE, "abc");
	help_sh(0, "agent open 100 plain exec orch run -r r w.orch");
	snprintf(want, sizeof want, "0 1 2 %d %d k -j9 --jobserver-auth=%d,%d -- A=b\n", pool.in, pool.out, pool.in, pool.out);
	help_is(".orch/r/result/x", want);
	help_sh(0, "MAKEFLAGS='--jobserver-auth=7,8' orch run -r s w.orch 7<w.orch 8>/dev/null");
	help_is(".orch/s/result/x", "0 1 2 --jobserver-auth=7,8\n");
	help_sh(0, "MAKEFLAGS='--jobserver-auth=7,7' orch run -r t w.orch 7<>plain");
	help_is(".orch/t/result/x", "0 1 2 --jobserver-auth=7,7\n");
	pool_whole();
}
END_TEST

START_TEST(agents_have_a_fifo)
{
	char line[100];

	snprintf(line, sizeof line, "run sh as x | %s", fds_of_agents);
	help_file("w.orch", line, NULL);
	pool_begin(FIFO, "abc");
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/x", "0 1 2 ");
	pool_whole();
}
END_TEST

/* Serving. */

/* What an agent was given as MAKEFLAGS, `FLAGS -jN --jobserver-auth=R,W REST`, and as descriptors. */
static void
expect_given(const char *key, const char *flags, int n, const char *rest)
{
	char path[100], want[300];
	const char *text;
	int in = 0, out = 0;

	snprintf(path, sizeof path, ".orch/%s/result/x", key);
	text = help_read(path, NULL);
	ck_assert_msg(strstr(text, "auth=") && sscanf(strstr(text, "auth="), "auth=%d,%d", &in, &out) == 2, "%s", text);
	snprintf(want, sizeof want, "0 1 2 %d %d %s -j%d --jobserver-auth=%d,%d%s\n", in < out ? in : out, in < out ? out : in, flags, n,
	    in, out, rest);
	ck_assert_str_eq(text, want);
}

START_TEST(agents_are_served)
{
	char line[100];

	snprintf(line, sizeof line, "run sh as x | %s; echo \"${MAKEFLAGS-none}\"", fds_of_agents);
	help_file("w.orch", line, NULL);
	help_sh(0, "agent open 100 plain exec orch run -r a -j4 w.orch");
	expect_given("a", "", 4, "");
	help_sh(0, "MAKEFLAGS='kw -j9 -- A=b' orch run -r b -j1 w.orch");
	expect_given("b", "kw", 1, " -- A=b");
	ck_assert_int_eq(help_count(help_sh(0, "MAKEFLAGS='-j9 --jobserver-auth=100,101' orch run -r c -j4096 w.orch").err, unusable), 1);
	expect_given("c", "", 4096, "");
	help_sh(0, "orch run -r d w.orch && orch run -r e -j4097 w.orch && orch run -r f -j1000000000 w.orch");
	help_is(".orch/d/result/x", "0 1 2 none\n");
	help_is(".orch/e/result/x", "0 1 2 none\n");
	help_is(".orch/f/result/x", "0 1 2 none\n");
	help_file("own.orch", line, "env MAKEFLAGS=-s", NULL);
	help_sh(0, "orch run -r g -j4 own.orch");
	help_has(help_read(".orch/g/result/x", NULL), " -s\n");
	help_sh(0, "MAKEFLAGS=-k orch run -r h -j4 own.orch");
	help_has(help_read(".orch/h/result/x", NULL), " -s\n");
}
END_TEST

/* Agents that are makes: their jobs and orch's agents are N in sum, the makes themselves being one job each. */
START_TEST(makes_are_served)
{
	if (has_make()) {
		write_work("1");
		help_file("jobs.mk", "all: 1 2 3 4 5 6", "1 2 3 4 5 6:", "\t@sh work 3", NULL);
		help_file("w.orch", "parallel i in 1..3", "    run sh as m-{{i}} | exec make -s -f jobs.mk", "end", NULL);
		help_sh(0, "orch run -r r -v -j3 w.orch");
		expect_most(3);
		ck_assert_int_eq(help_count(help_read("log", NULL), "+"), 18);
		help_file("w.orch", "run sh as m | exec make -s -f jobs.mk", NULL);
		unlink("log");
		help_lacks(help_sh(0, "orch run -v -j3 w.orch").err, "jobserver");
		expect_most(3);
		help_file("jobs.mk", "all: 1 2 3 4 5 6", "1 2 3 4 5 6:", "\t@sh work 1", NULL);
		unlink("log");
		help_sh(0, "orch run -v -j1 w.orch");
		expect_most(1);
	}
}
END_TEST

/* Tokens that an agent has lost, or made, are made good before the next begins alone. */
START_TEST(lost_tokens_are_made_good)
{
	write_work("1..6");
	help_file("outer.orch", _i ? "run sh as thief | printf +++++++ >/dev/fd/${MAKEFLAGS##*,}" :
	    "run sh as thief | f=${MAKEFLAGS##*auth=}; dd bs=1 count=2 </dev/fd/${f%,*} | wc -c",
	    "run sh as in | exec orch run -q w.orch n=3", NULL);
	help_sh(0, "orch run -r r -j3 outer.orch");
	if (!_i)
		help_is(".orch/r/result/thief", "2\n");
	expect_most(3);
}
END_TEST

/* An orch in an orch is its client. */
START_TEST(orchs_are_served)
{
	write_work("1..6");
	help_file("outer.orch", "parallel i in 1..3", "    run sh as o-{{i}} | exec orch run -q -r in-$i w.orch n=3", "end", NULL);
	help_sh(0, "orch run -q -j3 outer.orch");
	expect_most(3);
	ck_assert_int_eq(help_count(help_read("log", NULL), "+"), 18);
}
END_TEST

/* A serving orch's descriptors are few, and enough of them. */
START_TEST(few_descriptors)
{
	write_work("1..6");
	help_sh(0, "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n 28; orch run -q -j3 w.orch n=3");
	expect_most(3);
}
END_TEST

Suite *
jobs_suite(void)
{
	Suite *s = suite_create("jobs");
	TCase *tc = help_case(s, "MAKEFLAGS", help_start, 10);

	tcase_add_loop_test(tc, what_makeflags_names, 0, LEN(named));
	tcase_add_loop_test(tc, what_makeflags_becomes, 0, LEN(handed));
	tcase_add_test(tc, a_way_that_is_shared);

	tc = help_case(s, "make", help_start, 120);
	tcase_add_loop_test(tc, three_orchs_under_make, 0, STYLES);
	tcase_add_loop_test(tc, one_orch_under_make, 0, STYLES);
	tcase_add_loop_test(tc, failures_under_make, 0, STYLES);
	tcase_add_loop_test(tc, trap_of_make, 0, STYLES);

	tc = help_case(s, "client", procs_begin, 120);
	tcase_add_loop_test(tc, tokens_come_back, 0, KINDS);
	tcase_add_loop_test(tc, tokens_come_back_from_failures, 0, KINDS);
	tcase_add_loop_test(tc, tokens_come_back_one_by_one, 0, 2 * KINDS);
	tcase_add_loop_test(tc, tokens_come_back_at_signals, 0, 3 * KINDS);
	tcase_add_loop_test(tc, tokens_come_back_from_the_dead, 0, 3 * KINDS);
	tcase_add_loop_test(tc, tokens_come_back_when_all_fail_at_once, 0, KINDS);
	tcase_add_loop_test(tc, tokens_come_back_from_the_dead_when_all_is_done, 0, KINDS);
	tcase_add_loop_test(tc, tokens_come_back_from_a_dead_supervisor, 0, KINDS);
	tcase_add_loop_test(tc, nothing_blocks, 0, KINDS);
	tcase_add_loop_test(tc, beside_others, 0, KINDS);
	tcase_add_loop_test(tc, no_room, 0, KINDS);
	tcase_add_loop_test(tc, j_caps_a_client, 0, KINDS);
	tcase_add_loop_test(tc, free_steps, 0, KINDS);
	tcase_add_loop_test(tc, no_jobserver, 0, LEN(no_jobservers));
	tcase_add_loop_test(tc, none_is_meant, 0, LEN(not_meant));
	tcase_add_test(tc, agents_have_the_jobserver);
	tcase_add_test(tc, agents_have_a_fifo);

	tc = help_case(s, "server", help_start, 120);
	tcase_add_test(tc, agents_are_served);
	tcase_add_test(tc, makes_are_served);
	tcase_add_loop_test(tc, lost_tokens_are_made_good, 0, 2);
	tcase_add_test(tc, orchs_are_served);
	tcase_add_test(tc, few_descriptors);
	return s;
}
