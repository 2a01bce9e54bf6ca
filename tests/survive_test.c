/* Nobody outlives orch: however it ends, and whatever its agents have left, in rounds.
 *
 * Each round is a run of its own. On Linux the test is the subreaper of all that it starts, so that a
 * survivor becomes its child: the kernel is asked, not a list of numbers, which a fork storm wears out.
 * ORCH_TORTURE=1 makes 100 rounds of each cell and says how long the slowest took; ORCH_TEST_SEED repeats
 * the random instants of an earlier test. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/supervise/proctree.h"
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/pty.h"
#include "tests/suites.h"

enum {
	MOST = PROCS_MOST,
	LANES = 10,             /* runs beside each other */
	BUSH = 56,              /* processes that grow again */
	DEAD = 2000,            /* of a storm */
	BUSH_MS = 18000,        /* they end by themselves after 19 s */
	STORM_MS = 28000,       /* a storm ends by itself after 29 s */
	SECOND_INT_MS = 1300    /* a second signal counts from one second on */
};

/* The means. */

/* How many rounds: N, or 100. */
static int
rounds(int n)
{
	return help_torture() ? 100 : n;
}

/* All that is below PID, itself not. */
static int
below(pid_t pid, pid_t *list)
{
	int i, n = procs_children(pid, list, 0);

	for (i = 0; i < n; i++)
		n = procs_children(list[i], list, n);
	return n;
}

/* What a cell of the matrix has come to. */
static struct tally {
	const char *what, *with;
	int rounds;
	long long slowest;
} tally = { "", "", 0, 0 };

static void
count(const char *what, const char *with)
{
	tally.what = what;
	tally.with = with;
}

/* Nobody but SPARE is alive, at the time UNTIL at the latest; how long that took since SINCE is counted. */
static void
none_left(pid_t spare, long long since, long long until)
{
	char text[1024];

	while (procs_left(spare, text, sizeof text)) {
		if (help_ms() > until) {
			if (procs_portable())
				procs_kill();
			procs_end_children(spare);
			ck_abort_msg("%s, %s: alive after %lld ms, in round %d:%s", tally.what, tally.with, help_ms() - since,
			    tally.rounds + 1, text);
		}
		help_pause(2);
	}
	if (help_ms() - since > tally.slowest)
		tally.slowest = help_ms() - since;
}

static void
tell(void)
{
	if (help_torture())
		fprintf(stderr, "survive_test: %s, %s: %d rounds, no survivor, the slowest %lld ms\n", tally.what, tally.with,
		    tally.rounds, tally.slowest);
}

/* What an agent has left. */

static const struct kind {
	const char *name;
	const char *before, *commands;  /* of the shell that execs the agent; of the agent */
	int lines;                      /* in the file up, when all are there */
	int in_group;                   /* they stay in the agent's group */
} kinds[] = {
	{ "a child", "", "child 50000", 1, 1 },
	{ "a grandchild that ignores TERM", "agent ignore TERM child 50000 append up 1 sleep 50000 &", "", 2, 1 },
	{ "a double fork", "(agent append up 1 sleep 50000 &);", "", 2, 1 },
	{ "a daemon", "", "daemon 50000", 1, 0 },
	{ "a fork storm", "", "storm 4", 1, 0 },
};

enum { KINDS = LEN(kinds), DAEMON = KINDS - 2, STORM };

/* How orch ends. */

static void
kill_orch(pid_t pid)
{
	kill(pid, SIGKILL);
}

static void
kill_group(pid_t pid)
{
	kill(-pid, SIGKILL);
}

/* The supervisor of the orch PID, which is its youngest child; its agent is not ending, so that nobody reaps it. */
static void
kill_supervisor(pid_t pid)
{
	pid_t list[MOST];
	int n = procs_children(pid, list, 0);

	ck_assert_int_ge(n, 1);
	kill(list[n - 1], SIGKILL);
}

/* GNU timeout's time is over when SIGALRM comes. */
static void
end_time(pid_t pid)
{
	kill(pid, SIGALRM);
}

static void
terminate(pid_t pid)
{
	kill(pid, SIGTERM);
}

static void
interrupt(pid_t pid)
{
	kill(pid, SIGINT);
}

/* Its agent ends. */
static void
let_go(pid_t pid)
{
	(void)pid;
	help_file("go", NULL);
}

static const struct ending {
	const char *name;
	const char *start;              /* what is before orch's name */
	const char *agent;              /* what its agent does in the end */
	void (*act)(pid_t);             /* to orch, or what is before it */
	int twice, status;
	int orderly;                    /* orch lives until nobody is left */
} endings[] = {
	{ "orch killed", "", "sleep 50000", kill_orch, 0, 128 + SIGKILL, 0 },
	{ "its group killed", "", "sleep 50000", kill_group, 0, 128 + SIGKILL, 0 },
	{ "timeout -s KILL", "timeout -s KILL 1000 ", "sleep 50000", end_time, 0, 128 + SIGKILL, 0 },
	{ "a supervisor killed", "", "sleep 50000", kill_supervisor, 0, 1, 1 },
	{ "SIGTERM", "", "sleep 50000", terminate, 0, 128 + SIGTERM, 1 },
	{ "SIGINT twice", "", "ignore TERM sleep 50000", interrupt, 1, 128 + SIGINT, 1 },
	{ "the normal end", "", "wait-file go say done", let_go, 0, 0, 1 },
};

enum { ENDINGS = LEN(endings), KILL_SUPERVISOR = 3, TERMINATED, INTERRUPTED, NORMAL };

static int
can_end(const struct ending *e)
{
	if (e->act == end_time && !strstr(help_run("timeout --version").out, "GNU"))
		help_skip("survive_test", "timeout -s KILL: there is no timeout(1) of GNU's");
	else if (e->act == kill_supervisor && procs_portable())
		help_skip("survive_test", "a supervisor killed: only on Linux does orch inherit what it minded");
	else
		return 1;
	return 0;
}

static int
can_find(const struct kind *k)
{
	if (k->in_group || !procs_portable())
		return 1;
	help_skip("survive_test", k == &kinds[STORM] ? "a fork storm: only on Linux can it be stopped" :
	    "a daemon: only on Linux can it be found");
	return 0;
}

/* The matrix. */

/* A run w.orch of one agent, which leaves a KIND and then does LAST. */
static void
write_leaver(const struct kind *k, const char *last)
{
	char step[512];

	/* `up` is written when all that is left is there, and nothing was done about it yet */
	snprintf(step, sizeof step, "step x exec sh -c '%s exec agent %s append up 1 %s'", k->before, k->commands, last);
	help_file("w.orch", step, "run x", NULL);
}

static void
end_all(const struct ending *e, const pid_t *orch, int lanes)
{
	int i;

	for (i = 0; i < lanes; i++)
		e->act(orch[i]);
	if (!e->twice)
		return;
	help_pause(SECOND_INT_MS);
	for (i = 0; i < lanes; i++)
		e->act(orch[i]);
}

/* An orch that was not killed has waited for all of them: only a supervisor may still be about to exit. */
static void
no_agent_left(void)
{
	pid_t list[MOST];
	int i, n;

	if (procs_portable())
		return;
	n = procs_children(getpid(), list, 0);
	for (i = 0; i < n; i++)
		if (!strcmp(procs_name(list[i]), "agent") || !strcmp(procs_name(list[i]), "sh")) {
			procs_end_children(0);
			ck_abort_msg("%s, %s: orch has ended before an agent's process, in round %d", tally.what, tally.with,
			    tally.rounds + 1);
		}
}

/* Some rounds beside each other. */
static void
one_batch(const struct ending *e, const struct kind *k, int lanes)
{
	pid_t orch[LANES];
	long long began = help_ms(), since;
	int i, status;

	unlink("up");
	unlink("go");
	unlink("pids");
	for (i = 0; i < lanes; i++)
		orch[i] = procs_start("exec %sorch run -q -r r%d w.orch", e->start, tally.rounds + i);
	procs_await_lines("up", lanes * k->lines, SOON);
	since = help_ms();
	end_all(e, orch, lanes);
	for (i = 0; i < lanes; i++) {
		status = procs_end(orch[i], 2 * SOON);
		ck_assert_msg(status == e->status, "%s, %s: it ended with %d: %s", e->name, k->name, status,
		    help_read("err", NULL));
	}
	if (e->orderly) {
		no_agent_left();
		since = help_ms();
	}
	none_left(0, since, k == &kinds[STORM] ? began + STORM_MS : since + AFTER);
	tally.rounds += lanes;
}

/* A run that has ended normally has a result, no other one does. */
static void
expect_results(int there)
{
	char name[64];
	int i;

	for (i = 0; i < tally.rounds; i++) {
		snprintf(name, sizeof name, ".orch/r%d/result/x", i);
		if (there)
			help_is(name, "done\n");
		else
			help_none(name);
	}
}

static void
one_cell(const struct ending *e, const struct kind *k)
{
	int n = rounds(k == &kinds[STORM] ? 1 : 2), lanes = k == &kinds[STORM] ? 1 : n < LANES ? n : LANES;

	if (!can_end(e) || !can_find(k))
		return;
	count(e->name, k->name);
	write_leaver(k, e->agent);
	while (tally.rounds < n)
		one_batch(e, k, lanes);
	expect_results(e->status == 0);
	tell();
}

/* The loop's number is an ending, and what an agent has left then. */
START_TEST(an_ending_leaves_nobody)
{
	one_cell(&endings[_i / KINDS], &kinds[_i % KINDS]);
}
END_TEST

/* The supervisor cannot look for a while, and finds thousands of the storm's dead: a pass over all that there are must
 * not take longer than they need to become more. */
static void
one_dead_round(void)
{
	pid_t orch, supervisor[MOST], list[MOST];
	long long since, began = help_ms();

	unlink("up");
	orch = procs_start("exec orch run -q -r r%d w.orch", tally.rounds);
	procs_await_lines("up", 1, SOON);
	ck_assert_int_eq(procs_children(orch, supervisor, 0), 1);
	kill(supervisor[0], SIGSTOP);
	while (procs_children(supervisor[0], list, 0) < DEAD && help_ms() < began + STORM_MS / 6)
		help_pause(2);
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	since = help_ms();
	kill(supervisor[0], SIGCONT);
	none_left(0, since, began + STORM_MS);
}

START_TEST(a_storm_with_many_dead_ends)
{
	static const struct kind big = { "a big fork storm", "", "storm 16", 1, 0 };
	int n = rounds(1);

	if (!can_find(&kinds[STORM]))
		return;
	count("orch killed", big.name);
	write_leaver(&big, "sleep 50000");
	for (; tally.rounds < n; tally.rounds++)
		one_dead_round();
	tell();
}
END_TEST

/* What grows again from any one that is forgotten: each of at most BUSH processes forks all the time, and a
 * child lives if it gets one of as many locks, which the kernel takes from the dead. To list and to kill is
 * not enough: who runs has a child by then that is in no list. */
static void
grow(int fd)
{
	time_t end = time(NULL) + 20;
	struct flock lock;
	int i;

	memset(&lock, 0, sizeof lock);
	lock.l_type = F_WRLCK;
	lock.l_whence = SEEK_SET;
	lock.l_len = 1;
	while (time(NULL) < end) {
		if (fork() != 0)
			continue;
		for (i = 0, lock.l_start = 0; i < BUSH && fcntl(fd, F_SETLK, &lock); i++)
			lock.l_start++;
		if (i == BUSH)
			_exit(0);
	}
	_exit(0);
}

static void
one_growth(int fd)
{
	pid_t pid, list[MOST];
	long long since, until = help_ms() + BUSH_MS;

	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		signal(SIGCHLD, SIG_IGN);
		grow(fd);
	}
	while (below(pid, list) < BUSH && help_ms() < until - BUSH_MS / 2)
		help_pause(1);
	since = help_ms();
	while (proctree_kill(NULL, NULL) > 0 && help_ms() < until)
		help_pause(2);
	ck_assert_msg(help_ms() < until, "it has not ended in %lld ms", help_ms() - since);
	none_left(0, since, until);
}

START_TEST(what_grows_again_is_ended)
{
	int fd = open("locks", O_RDWR | O_CREAT, 0600), n = help_torture() ? 20 : 1;

	if (procs_portable()) {
		help_skip("survive_test", "what_grows_again_is_ended: only on Linux can it be");
		return;
	}
	count("proctree_kill", "what grows again");
	for (; tally.rounds < n; tally.rounds++)
		one_growth(fd);
	tell();
}
END_TEST

/* At random instants while steps are just being started. */

static void
write_starts(void)
{
	help_file("w.orch", "step short exec agent child 50000 say {{i}}",
	    procs_portable() ? "step long exec agent child 50000 append up 1 sleep 50000" :
	    "step long exec agent child 50000 daemon 50000 append up 1 sleep 50000",
	    "parallel i in 1..16", "run short as s-{{i}}", "run long as l-{{i}}", "end", NULL);
}

/* Kills some supervisor of the orch PID, which cannot reap it, and so give its number away, meanwhile. */
static void
kill_some_supervisor(pid_t pid)
{
	pid_t list[MOST];
	int n, status;

	kill(pid, SIGSTOP);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	n = procs_children(pid, list, 0);
	if (n)
		kill(list[rand() % n], SIGKILL);
	kill(pid, SIGCONT);
	help_pause(rand() % 30);
	kill(pid, SIGTERM);
}

static void
one_random_round(const struct ending *e)
{
	char lock[64];
	long long since;
	pid_t orch;
	int status, expected = e->act == kill_supervisor ? 128 + SIGTERM : e->status;

	unlink("pids");
	snprintf(lock, sizeof lock, ".orch/r%d/lock", tally.rounds);
	orch = procs_start("exec %sorch run -q -r r%d w.orch", e->start, tally.rounds);
	if (e->act == end_time || rand() % 2)
		procs_await_file(lock);         /* else it is perhaps not even orch yet */
	help_pause(rand() % 61);
	since = help_ms();
	if (e->act == kill_supervisor)
		kill_some_supervisor(orch);
	else
		end_all(e, &orch, 1);
	status = procs_end(orch, 2 * SOON);
	ck_assert_msg(status == expected, "%s: it ended with %d: %s", e->name, status, help_read("err", NULL));
	if (e->orderly) {
		no_agent_left();
		since = help_ms();
	}
	none_left(0, since, since + AFTER * 2);         /* up to 16 trees at once */
	tally.rounds++;
}

/* The loop's number is that of an ending; the normal one has no instant. */
START_TEST(nobody_is_left_while_steps_start)
{
	const struct ending *e = &endings[_i];
	int n = rounds(e->twice ? 1 : e->orderly ? 2 : 6);

	if (!can_end(e))
		return;
	count(e->name, "while steps are started");
	procs_seed("survive_test");
	write_starts();
	while (tally.rounds < n)
		one_random_round(e);
	tell();
}
END_TEST

/* sleep & exec orch: what was a child before is not orch's to end. */

/* With an earlier child orch adopts nobody, so what a killed supervisor has left is not orch's to end either. */
START_TEST(an_earlier_child_is_kept)
{
	static const int which[] = { 0, KILL_SUPERVISOR, TERMINATED, INTERRUPTED, NORMAL };
	const struct ending *e = &endings[which[_i]];
	long long since;
	pid_t orch, before;

	if (!can_end(e))
		return;
	write_leaver(&kinds[procs_portable() ? 0 : DAEMON], e->agent);
	count(e->name, "beside an earlier child");
	orch = procs_start("sleep 5000 & echo $! >before; exec orch run -q -r r w.orch");
	procs_await_lines("up", 1, SOON);
	before = procs_pid_in("before", 0);
	since = help_ms();
	end_all(e, &orch, 1);
	ck_assert_int_eq(procs_end(orch, 2 * SOON), e->status);
	ck_assert_msg(!procs_is_dead(before), "%s: orch has ended what was not its own", e->name);
	if (e->act != kill_supervisor)
		none_left(before, since, help_ms() + AFTER);
	kill(before, SIGKILL);
	procs_end_children(0);
}
END_TEST

/* orch is the first process of its own world. */

#define FIRST "unshare --pid --fork --mount-proc "

/* The file pids holds numbers of that world: not to be asked about, or even killed, in this one. */
static int
can_be_first(void)
{
	if (procs_portable())
		help_skip("survive_test", "orch as process 1: only on Linux");
	else if (help_run(FIRST "true").status)
		help_skip("survive_test", "no pid namespace can be made here");
	else
		return 1;
	return 0;
}

START_TEST(as_process_1_it_runs)
{
	if (!can_be_first())
		return;
	help_file("w.orch", "step x exec agent daemon 50000 child 50000 say hello", "run sh as one | cat /proc/1/comm", "run x",
	    "run sh as look | while read p; do kill -0 $p 2>/dev/null && echo $p; done <pids; true", NULL);
	help_sh(0, FIRST "orch run -q -r r w.orch");
	help_is(".orch/r/result/one", "orch\n");
	help_is(".orch/r/result/x", "hello\n");
	help_is(".orch/r/result/look", "");
	none_left(0, help_ms(), help_ms() + AFTER);
}
END_TEST

START_TEST(as_process_1_it_fails)
{
	if (!can_be_first())
		return;
	help_file("w.orch", "step x exec agent daemon 50000 exit 7", "run x", NULL);
	help_has(help_sh(1, FIRST "orch run -q -r r w.orch").err, "exit status 7");
	help_none(".orch/r/result/x");
	none_left(0, help_ms(), help_ms() + AFTER);
}
END_TEST

START_TEST(as_process_1_it_loses_a_supervisor)
{
	if (!can_be_first())
		return;
	help_file("w.orch", "step x exec agent daemon 50000 signal-supervisor KILL sleep 50000", "otherwise none", "run x",
	    "run sh as look | while read p; do kill -0 $p 2>/dev/null && echo $p; done <pids; true", NULL);
	help_sh(0, FIRST "orch run -q -r r w.orch");
	help_is(".orch/r/result/x", "none");
	help_is(".orch/r/result/look", "");
	none_left(0, help_ms(), help_ms() + AFTER);
}
END_TEST

/* Starts orch as process 1, its agent being one that tells when it was told to end; *ORCH is its number outside. */
static pid_t
start_first(pid_t *orch)
{
	pid_t list[MOST], unshare;

	help_file("w.orch", "step x exec sh -c 'agent daemon 50000; trap \"echo told >told; exit 0\" TERM; echo up >>up; "
	    "while :; do sleep 0.05; done'", "run x", NULL);
	unshare = procs_start("exec " FIRST "orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	ck_assert_int_eq(procs_children(unshare, list, 0), 1);
	*orch = list[0];
	return unshare;
}

START_TEST(as_process_1_it_is_terminated)
{
	pid_t unshare, orch;

	if (!can_be_first())
		return;
	unshare = start_first(&orch);
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(unshare, SOON), 128 + SIGTERM);
	help_is("told", "told\n");
	help_has(help_read("err", NULL), "resume");
	help_none(".orch/r/result/x");
	none_left(0, help_ms(), help_ms() + AFTER);
}
END_TEST

START_TEST(as_process_1_it_is_killed)
{
	long long since;
	pid_t unshare, orch;

	if (!can_be_first())
		return;
	unshare = start_first(&orch);
	since = help_ms();
	kill(orch, SIGKILL);
	procs_end(unshare, SOON);
	none_left(0, since, since + AFTER);
	help_none("told");
	help_none(".orch/r/result/x");
}
END_TEST

/* Job control: a block of several agents is one job. */

static const char *const shells[] = { "bash", "dash" };

enum { AGENTS = 3, BELOW = 3 * AGENTS };        /* each agent has a child, and one in a session of its own */

/* Starts SHELL on a terminal. 0: it cannot be; that is said once. */
static int
jobs_begin(const char *shell, int say)
{
	const char *why = procs_portable() ? "jobs: what stands below can be found on Linux only" :
	    help_run("command -v setsid").status ? "jobs: there is no setsid(1)" : NULL;

	setenv("LC_ALL", "C", 1);
	setenv("TERM", "dumb", 1);
	unsetenv("ENV");
	signal(SIGHUP, SIG_DFL);
	if (!why && pty_shell(shell))
		return 1;
	if (say)
		help_skip("survive_test", why ? why : shell);
	return 0;
}

/* A word that nobody used before. */
static const char *
new_word(void)
{
	static char word[32];
	static int n;

	snprintf(word, sizeof word, "back-%d-", ++n);
	return word;
}

static void
shell_back(void)
{
	pty_shell_back(new_word());
}

static void
await_lines(const char *file, int n)
{
	long long until = help_ms() + SOON;

	while (procs_lines(file) < n) {
		ck_assert_msg(help_ms() < until, "%s has %d lines, not %d; the terminal shows:\n%s", file, procs_lines(file), n,
		    pty_shown());
		pty_look(3);
	}
}

/* The job that the shell has, and that alone. */
static pid_t
job(void)
{
	pid_t list[MOST];

	ck_assert_int_eq(procs_children(pty.pid, list, 0), 1);
	return list[0];
}

/* The shell has reaped its last job, and said so: the next one is %1 again. */
static void
await_no_job(void)
{
	pid_t list[MOST];
	long long until = help_ms() + SOON;

	do {
		ck_assert_msg(help_ms() < until, "the shell keeps its job; it shows:\n%s", pty_shown());
		/* some look at their jobs when they have waited for another, and not before each prompt */
		pty_type("sh -c :; jobs\n");
		shell_back();
	} while (procs_children(pty.pid, list, 0));
	pty_type("jobs\n");
	shell_back();
}

static void
write_block(void)
{
	help_file("w.orch", "step x exec sh -c 'setsid agent append up 1 sleep 60000 & "
	    "exec agent append ran $i child 60000 append up 1 wait-file go say $i'", "parallel i in 1..3", "run x as x-{{i}}",
	    "end", "run sh as last | echo last", NULL);
}

/* A new run of the block, as a job, with SUFFIX after its command; returns orch's number. */
static pid_t
start_block(const char *suffix)
{
	await_no_job();
	help_run("rm -rf .orch ran up go pids");
	pty_type("orch run -q -r x w.orch");
	pty_type(suffix);
	pty_type("\n");
	await_lines("up", 2 * AGENTS);
	return job();
}

/* Orch, and all that is below its supervisors, are stopped, or go on. */
static void
expect_state(pid_t orch, int stopped)
{
	pid_t supervisors[MOST], list[MOST];
	int i, k, n, sum = 0;

	pty_await_state(orch, stopped);
	ck_assert_int_eq(procs_children(orch, supervisors, 0), AGENTS);
	for (i = 0; i < AGENTS; i++) {
		n = below(supervisors[i], list);
		sum += n;
		for (k = 0; k < n; k++)
			pty_await_state(list[k], stopped);
	}
	ck_assert_int_eq(sum, BELOW);
}

/* ^Z: the shell has the terminal again. */
static void
stop_job(void)
{
	pty_type("\032");
	shell_back();
}

static void
nobody_but_the_shell(void)
{
	none_left(pty.pid, help_ms(), help_ms() + AFTER);
}

/* The run is whole, each step having been started STARTS times. */
static void
expect_whole(int starts)
{
	help_is(RESULT "x-1", "1\n");
	help_is(RESULT "x-2", "2\n");
	help_is(RESULT "x-3", "3\n");
	help_is(RESULT "last", "last\n");
	ck_assert_int_eq(procs_lines("ran"), AGENTS * starts);
	nobody_but_the_shell();
}

static void
expect_resumes_at_prompt(void)
{
	help_file("go", NULL);
	pty_type("orch resume -q -r x\n");
	pty_shell_status(new_word(), 0);
	expect_whole(2);
}

static void
stop_and_continue(void)
{
	pid_t orch = start_block("");

	stop_job();
	expect_state(orch, 1);
	pty_type("fg\n");
	pty_shell_away();
	expect_state(orch, 0);
	help_file("go", NULL);
	pty_shell_status(new_word(), 0);
	expect_whole(1);
}

static void
continue_behind(void)
{
	pid_t orch = start_block("");

	stop_job();
	expect_state(orch, 1);
	pty_type("bg\n");
	expect_state(orch, 0);
	shell_back();
	help_file("go", NULL);
	pty_type("wait\n");
	pty_await_gone(orch);
	shell_back();
	expect_whole(1);
}

static void
interrupt_block(void)
{
	start_block("");
	pty_type("\003");
	pty_shell_status(new_word(), 128 + SIGINT);
	nobody_but_the_shell();
	help_none(RESULT "x-1");
	expect_resumes_at_prompt();
}

/* Not every shell continues what it ends. */
static void
end_stopped(void)
{
	pid_t orch = start_block("");

	stop_job();
	expect_state(orch, 1);
	pty_type("kill %1; kill -CONT %1\n");
	pty_await_gone(orch);
	nobody_but_the_shell();
	shell_back();
	expect_resumes_at_prompt();
}

static void
end_running(void)
{
	pid_t orch = start_block(" &");

	pty_type("kill %1\n");
	pty_await_gone(orch);
	nobody_but_the_shell();
	shell_back();
	expect_resumes_at_prompt();
}

static void
kill_stopped(void)
{
	pid_t orch = start_block("");

	stop_job();
	expect_state(orch, 1);
	pty_type("kill -9 %1\n");
	pty_await_gone(orch);
	nobody_but_the_shell();
	shell_back();
	expect_resumes_at_prompt();
}

static void
kill_running(void)
{
	pid_t orch = start_block(" &");

	pty_type("kill -9 %1\n");
	pty_await_gone(orch);
	nobody_but_the_shell();
	shell_back();
	expect_resumes_at_prompt();
}

static const char talk[] = "orch run -q -r x talk.orch";

/* COMMAND starts an agent that has the terminal, with a child and a daemon. */
static pid_t
start_talk(const char *command)
{
	await_no_job();
	help_run("rm -rf .orch up on pids");
	help_file("talk.orch", "step talk exec agent child 60000 daemon 60000 append up 1 sleep 60000", "interactive",
	    "run talk", NULL);
	pty_type(command);
	pty_type("\n");
	await_lines("up", 1);
	return job();
}

static void
kill_stopped_talk(void)
{
	pid_t orch = start_talk(talk);

	stop_job();
	pty_await_state(orch, 1);
	pty_type("kill -9 %1\n");
	pty_await_gone(orch);
	nobody_but_the_shell();
	shell_back();
}

/* Killed from elsewhere; the shell has the terminal again. */
static void
kill_talk(void)
{
	kill(start_talk(talk), SIGKILL);
	pty_shell_status(new_word(), 128 + SIGKILL);
	nobody_but_the_shell();
}

/* The same in a script, which goes on and has the terminal again: it is the script that is the shell's job. */
static void
kill_talk_in_script(void)
{
	pid_t list[MOST], script;
	long long until;

	help_file("script", "orch run -q -r x talk.orch", "until test -f on; do sleep 0.05; done",
	    "read l </dev/tty", "echo \"<$l>\"", NULL);
	start_talk("sh script");
	script = job();
	ck_assert_int_eq(procs_children(script, list, 0), 1);
	kill(list[0], SIGKILL);
	/* The supervisor gives it back; a script that read at once would be faster. */
	for (until = help_ms() + SOON; tcgetpgrp(pty.master) != script; pty_look(5))
		ck_assert_msg(help_ms() < until, "the script has not got its terminal again; it shows:\n%s", pty_shown());
	help_file("on", NULL);
	pty_type("on\n");
	pty_expect("<on>");
	pty_shell_status(new_word(), 0);
	nobody_but_the_shell();
}

static void (*const jobs[])(void) = {
	stop_and_continue, continue_behind, interrupt_block, end_stopped, end_running, kill_stopped, kill_running,
	kill_stopped_talk, kill_talk, kill_talk_in_script,
};

static const char *const job_names[] = {
	"^Z and fg", "^Z and bg", "^C", "^Z and kill %1", "kill %1", "^Z and kill -9 %1", "kill -9 %1",
	"^Z and kill -9 %1 of an agent that talks", "an agent that talks, and orch is killed",
	"an agent that talks, and orch is killed in a script",
};

/* The loop's number is one of the jobs, under one of the shells. */
START_TEST(a_block_is_one_job)
{
	const char *shell = shells[_i % LEN(shells)];
	int which = _i / LEN(shells), n = rounds(2);

	if (!jobs_begin(shell, which == 0))
		return;
	count(shell, job_names[which]);
	write_block();
	for (; tally.rounds < n; tally.rounds++)
		jobs[which]();
	await_no_job();
	pty_shell_leave();
	none_left(0, help_ms(), help_ms() + AFTER);
	tell();
}
END_TEST

/* The suite. */

Suite *
survive_suite(void)
{
	Suite *s = suite_create("survive");
	TCase *c = help_case(s, "matrix", procs_begin, 60);

	tcase_add_loop_test(c, an_ending_leaves_nobody, 0, ENDINGS * KINDS);
	tcase_add_test(c, a_storm_with_many_dead_ends);
	c = help_case(s, "bush", procs_begin, 60);
	tcase_add_test(c, what_grows_again_is_ended);
	c = help_case(s, "instants", procs_begin, 60);
	tcase_add_loop_test(c, nobody_is_left_while_steps_start, 0, NORMAL);
	c = help_case(s, "earlier child", procs_begin, 60);
	tcase_add_loop_test(c, an_earlier_child_is_kept, 0, 5);
	c = help_case(s, "process 1", procs_begin, 60);
	tcase_add_test(c, as_process_1_it_runs);
	tcase_add_test(c, as_process_1_it_fails);
	tcase_add_test(c, as_process_1_it_loses_a_supervisor);
	tcase_add_test(c, as_process_1_it_is_terminated);
	tcase_add_test(c, as_process_1_it_is_killed);
	c = help_case(s, "jobs", procs_begin, 60);
	tcase_add_loop_test(c, a_block_is_one_job, 0, (int)(LEN(jobs) * LEN(shells)));
	return s;
}
