/* Whole runs that are stopped, continued or killed, orch or one of its supervisors: what is left then, and how they go on.
 *
 * With ORCH_TEST_PORTABLE=1 in the environment, for a program built with FEATURES=-DORCH_NO_LINUX, what
 * only Linux can promise is left out. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/suites.h"

enum {
	SEED = 46               /* of the random instants */
};

/* 48: orch is killed. */

/* Three branches with leftovers of all kinds, and one that is done. Taken up again they result at once: who has said
 * that it is up has done before what tells the next one not to sleep. */
static void
write_long(void)
{
	const char *leave = procs_portable() ? "once l-{{i}} child 50000 once m-{{i}} stubborn 50000" :
	    "once l-{{i}} child 50000 once m-{{i}} stubborn 50000 once n-{{i}} daemon 50000 once o-{{i}} holder 50000";
	char step[512];

	snprintf(step, sizeof step, "step x exec agent append ran {{i}} %s say {{i}} "
	    "once s-{{i}} exec agent append up {{i}} sleep 50000", leave);
	help_file("w.orch", step, "step q exec agent append ran quick say quick", "run q as quick", "parallel i in 1 2 3",
	    "run x as x-{{i}}", "end", "run q as last", NULL);
}

static pid_t
start_long(const char *before)
{
	pid_t pid;

	write_long();
	pid = procs_start("%s exec orch run -r r w.orch", before);
	procs_await_lines("up", 3, SOON);
	return pid;
}

/* After whatever has happened to the long run it goes on, with what is missing. */
static void
expect_resumes(void)
{
	help_sh(0, "orch resume");
	help_is(".orch/r/result/quick", "quick\n");
	help_is(".orch/r/result/x-1", "1\n");
	help_is(".orch/r/result/x-2", "2\n");
	help_is(".orch/r/result/x-3", "3\n");
	help_is(".orch/r/result/last", "quick\n");
	ck_assert_int_eq(help_count(help_read("ran", NULL), "quick\n"), 2);
	ck_assert_int_eq(procs_lines("ran"), 8);
	procs_none_left(0);
}

START_TEST(orch_is_killed)
{
	pid_t orch = start_long("");

	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	procs_none_left(AFTER);
	help_none(".orch/r/result/x-1");
	expect_resumes();
}
END_TEST

START_TEST(the_group_of_orch_is_killed)
{
	pid_t orch = start_long("");

	kill(-orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	procs_none_left(AFTER);
	expect_resumes();
}
END_TEST

/* An agent kills orch in the midst of its own work: the signal comes from below. */
START_TEST(an_agent_kills_orch)
{
	pid_t orch;

	if (procs_portable()) {
		help_skip("kill_test", "an_agent_kills_orch: orch cannot be told from its supervisors");
		return;
	}
	help_file("w.orch", "step x exec agent daemon 50000 holder 50000 say x once a exec agent signal-group KILL sleep 50000",
	    "run x", NULL);
	orch = procs_start("exec orch run -r r w.orch");
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	procs_none_left(AFTER);
	help_sh(0, "orch resume");
	help_is(".orch/r/result/x", "x\n");
}
END_TEST

START_TEST(timeout_s_kill_leaves_nobody)
{
	int seconds;

	if (help_run("command -v timeout").status) {
		help_skip("kill_test", "timeout_s_kill_leaves_nobody: there is no timeout(1)");
		return;
	}
	/* Three seconds are enough, but on a machine that hardly moves. */
	for (seconds = 3; seconds < 60 && procs_lines("up") < 3; seconds *= 2) {
		help_sh(0, "rm -rf .orch up ran [l-os]-[123]");
		write_long();
		help_run("timeout -s KILL %d orch run -r r w.orch", seconds);
		procs_none_left(AFTER);
	}
	ck_assert_int_eq(procs_lines("up"), 3);
	expect_resumes();
}
END_TEST

/* What was a child of the process that became orch is not orch's to end. */
START_TEST(a_child_from_before_is_spared)
{
	procs_one_agent("child 50000 say hello");
	help_sh(0, "agent sleep 50000 & echo $! >before; exec orch run -r r w.orch");
	help_is(".orch/r/result/x", "hello\n");
	ck_assert(procs_alive(procs_pid_in("before", 0)));
	kill(procs_pid_in("before", 0), SIGKILL);
	procs_none_left(AFTER);
}
END_TEST

START_TEST(a_supervisor_is_killed)
{
	struct ran r;
	char text[512];

	if (procs_portable()) {
		help_skip("kill_test", "a_supervisor_is_killed: only on Linux does orch inherit what it minded");
		return;
	}
	help_file("w.orch", "step bad exec agent daemon 50000 holder 50000 stubborn 50000 append up 1 signal-supervisor KILL "
	    "sleep 50000", "step good exec agent child 50000 wait-file up sleep 300 say good", "parallel",
	    "run bad", "run good", "run good as better", "end", NULL);
	r = help_sh(1, "orch run -r r w.orch");
	ck_assert_msg(!procs_list(text, sizeof text), "alive:%s", text);
	help_has(r.err, "failed    bad");
	help_none(".orch/r/result/bad");
	help_is(".orch/r/result/good", "good\n");
	help_is(".orch/r/result/better", "good\n");
}
END_TEST

START_TEST(a_supervisor_is_killed_and_its_step_tried_again)
{
	if (procs_portable()) {
		help_skip("kill_test", "a_supervisor_is_killed_and_its_step_tried_again: as above");
		return;
	}
	help_file("w.orch", "step x exec agent append ran 1 say x once a exec agent daemon 50000 signal-supervisor KILL sleep 50000",
	    "retry 1 0s", "run x", NULL);
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/x", "x\n");
	ck_assert_int_eq(procs_lines("ran"), 2);
	procs_none_left(0);
}
END_TEST

/* Nobody but orch can tell a supervisor to stop. */
START_TEST(a_supervisor_obeys_orch_alone)
{
	help_file("w.orch", "step x exec agent signal-supervisor TERM signal-supervisor INT signal-supervisor HUP signal-supervisor TSTP "
	    "signal-supervisor QUIT signal-supervisor PIPE sleep 300 say on", "timeout 20s", "run x", NULL);
	help_sh(0, "orch run -r r w.orch");
	help_is(".orch/r/result/x", "on\n");
}
END_TEST

/* Signals that stop orch. */

static const int stops[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

START_TEST(stopped_by_a_signal)
{
	pid_t orch = start_long("");

	kill(orch, stops[_i]);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + stops[_i]);
	procs_none_left(AFTER);
	help_none(".orch/r/result/x-1");
	help_none(".orch/r/result/last");
	if (stops[_i] != SIGQUIT)
		help_has(help_read("err", NULL), "resume");
	expect_resumes();
}
END_TEST

/* ^C goes to the whole group. */
START_TEST(the_group_is_stopped_by_a_signal)
{
	pid_t orch = start_long("");

	kill(-orch, stops[_i]);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + stops[_i]);
	procs_none_left(AFTER);
	expect_resumes();
}
END_TEST

START_TEST(stopped_from_below)
{
	if (procs_portable()) {
		help_skip("kill_test", "stopped_from_below: orch cannot be told from its supervisors");
		return;
	}
	help_file("w.orch", "step x exec agent say x once a exec agent signal-parent TERM sleep 50000", "run x", NULL);
	help_sh(128 + SIGTERM, "exec orch run -r r w.orch");
	procs_none_left(AFTER);
	help_none(".orch/r/result/x");
	help_sh(0, "orch resume -r r");
	help_is(".orch/r/result/x", "x\n");
}
END_TEST

/* What is between attempt and attempt, after a full pipe, or before standard input ends, stops as well. */
START_TEST(stopped_while_it_waits)
{
	static const struct {
		const char *lines[4], *before, *sign;
	} cases[] = {
		{ { "step x exec agent exit 1", "retry 5 10m", "run x" }, "", "err" },
		{ { "step x exec agent bytes 300000", "run x", "print | {{x}}" }, "agent open 1 pipe", ".orch/r/result/x" },
		{ { "step x exec agent cat", "run x < -" }, "agent open 0 pipe", ".orch/r/lock" },
		{ { "step x exec agent say x", "filter agent touch up sleep 50000", "run x" }, "", "up" },
		{ { "step x exec agent say x", "check agent touch up sleep 50000", "run x" }, "", "up" },
		{ { "if agent touch up sleep 50000", "run sh as x | echo x", "end" }, "", "up" },
	};
	pid_t orch;

	help_file("w.orch", cases[_i].lines[0], cases[_i].lines[1], cases[_i].lines[2], NULL);
	ck_assert_int_eq(mkfifo("pipe", 0600), 0);
	orch = procs_start("exec %s%sorch run -r r w.orch", cases[_i].before, *cases[_i].before ? " exec " : "");
	if (!strcmp(cases[_i].sign, "err"))
		procs_await_lines("err", 2, SOON);
	else
		procs_await_file(cases[_i].sign);
	help_pause(50);           /* it is now where it waits; if not yet, it has to stop all the same */
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, 8000), 128 + SIGTERM);
	procs_none_left(AFTER);
	if (strcmp(cases[_i].sign, ".orch/r/result/x"))
		help_none(".orch/r/result/x");
}
END_TEST

/* An agent that goes on: ten seconds, then KILL. */
START_TEST(stopping_kills_the_deaf)
{
	long long at;
	pid_t orch;

	procs_one_agent("note notes append up 1 sleep 60000");
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	at = help_ms();
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, 30000), 128 + SIGTERM);
	ck_assert_int_ge(help_ms() - at, 9500);
	ck_assert_int_lt(help_ms() - at, 20000);
	help_is("notes", "T");
	procs_none_left(AFTER);
}
END_TEST

START_TEST(a_second_signal_kills)
{
	long long at;
	pid_t orch;

	procs_one_agent("note notes append up 1 sleep 60000");
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	kill(orch, SIGINT);
	procs_await_file("notes");
	help_pause(1300);         /* a second signal counts after one second */
	at = help_ms();
	kill(orch, SIGINT);
	/* it dies of the first one's number, be the second what it may */
	ck_assert_int_eq(procs_end(orch, 5000), 128 + SIGINT);
	ck_assert_int_lt(help_ms() - at, 5000);
	procs_none_left(AFTER);
}
END_TEST

/* timeout(1) sends two, one to orch and one to its group. */
START_TEST(a_signal_twice_at_once_counts_once)
{
	pid_t orch;

	procs_one_agent("note notes append up 1 sleep 2500 append end 1 say whole");
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	kill(orch, SIGTERM);
	kill(-orch, SIGTERM);
	procs_await_file("notes");
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGTERM);
	help_is("end", "1\n");
	help_none(".orch/r/result/x");
	procs_none_left(AFTER);
}
END_TEST

/* 39: everybody got the signal, and the agent makes the best of it. */
START_TEST(a_result_after_the_stop_is_none)
{
	int i;
	pid_t orch, agent;

	procs_one_agent("partial-on-term half append up 1 sleep 50000 say whole");
	for (i = 0; i < 20; i++) {
		help_run("rm -rf .orch up pids");
		orch = procs_start("exec orch run -r r w.orch");
		procs_await_lines("up", 1, SOON);
		agent = procs_pid_in("pids", 0);
		kill(orch, SIGTERM);
		kill(agent, SIGTERM);
		ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGTERM);
		help_none(".orch/r/result/x");
	}
	procs_none_left(AFTER);
}
END_TEST

/* The same when the result has come before orch can look at its signal. */
START_TEST(a_result_that_waits_beside_the_stop_is_none)
{
	long long until;
	pid_t orch, agent;

	procs_one_agent("partial-on-term half append up 1 sleep 50000 say whole");
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	agent = procs_pid_in("pids", 0);
	kill(orch, SIGSTOP);
	kill(orch, SIGTERM);
	kill(agent, SIGTERM);
	for (until = help_ms() + SOON; procs_alive(agent) && help_ms() < until; )
		help_pause(2);
	ck_assert(!procs_alive(agent));
	help_pause(200);          /* for its supervisor, which nobody can see; less time only proves less */
	kill(orch, SIGCONT);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGTERM);
	help_none(".orch/r/result/x");
	procs_none_left(AFTER);
}
END_TEST

/* SIGTSTP. */

static void
await_stop(pid_t pid)
{
	long long until = help_ms() + SOON;
	int status;

	while (waitpid(pid, &status, WNOHANG | WUNTRACED) == 0) {
		ck_assert_msg(help_ms() < until, "orch has not stopped");
		help_pause(2);
	}
	ck_assert_msg(WIFSTOPPED(status), "orch has ended: %s", help_read("err", NULL));
}

/* Waits until FILE no longer grows. */
static void
await_quiet(const char *file)
{
	long long until = help_ms() + SOON;
	int n = -1;

	while (n != procs_lines(file)) {
		ck_assert_msg(help_ms() < until, "%s still grows", file);
		n = procs_lines(file);
		help_pause(400);
	}
}

START_TEST(stopped_and_continued)
{
	pid_t orch;
	int n;

	help_file("w.orch", "step x exec agent tick ticks 40 50 say whole", "timeout 4s", "run x", NULL);
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("ticks", 3, SOON);
	kill(-orch, SIGTSTP);
	await_stop(orch);
	await_quiet("ticks");
	n = procs_lines("ticks");
	help_pause(4500);         /* longer than the timeout, which does not run */
	ck_assert_int_eq(procs_lines("ticks"), n);
	ck_assert_int_lt(n, 40);
	kill(-orch, SIGCONT);
	ck_assert_int_eq(procs_end(orch, SOON), 0);
	ck_assert_int_eq(procs_lines("ticks"), 40);
	help_is(".orch/r/result/x", "whole\n");
	procs_none_left(AFTER);
}
END_TEST

START_TEST(stopped_and_continued_it_still_times_out)
{
	pid_t orch;
	long long at;

	help_file("w.orch", "step x exec agent append up 1 sleep 50000", "timeout 2s", "run x", NULL);
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	kill(orch, SIGTSTP);
	await_stop(orch);
	help_pause(2500);
	at = help_ms();
	kill(orch, SIGCONT);
	ck_assert_int_eq(procs_end(orch, SOON), 1);
	ck_assert_int_ge(help_ms() - at, 500);
	help_has(help_read("err", NULL), "timed out");
	procs_none_left(AFTER);
}
END_TEST

/* What an agent has started in a session of its own stops with it, on Linux. */
START_TEST(stopped_with_all_below)
{
	pid_t orch;

	if (procs_portable()) {
		help_skip("kill_test", "stopped_with_all_below: only on Linux are they known");
		return;
	}
	help_file("w.orch", "step x exec agent exec sh -c 'setsid agent tick ticks 60 50 & wait; agent say whole'", "run x",
	    NULL);
	if (help_run("command -v setsid").status) {
		help_skip("kill_test", "stopped_with_all_below: there is no setsid(1)");
		return;
	}
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("ticks", 3, SOON);
	kill(orch, SIGTSTP);
	await_stop(orch);
	await_quiet("ticks");
	ck_assert_int_lt(procs_lines("ticks"), 60);
	kill(orch, SIGCONT);
	ck_assert_int_eq(procs_end(orch, SOON), 0);
	ck_assert_int_eq(procs_lines("ticks"), 60);
	procs_none_left(AFTER);
}
END_TEST

START_TEST(killed_while_stopped)
{
	pid_t orch = start_long("");

	kill(orch, SIGTSTP);
	await_stop(orch);
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	procs_none_left(AFTER);
	expect_resumes();
}
END_TEST

/* As the shell's `kill %1` does it with a stopped job. */
START_TEST(ended_while_stopped)
{
	pid_t orch = start_long("");

	kill(-orch, SIGTSTP);
	await_stop(orch);
	kill(-orch, SIGTERM);
	kill(-orch, SIGCONT);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGTERM);
	procs_none_left(AFTER);
	expect_resumes();
}
END_TEST

START_TEST(stopped_twice)
{
	pid_t orch;
	int i;

	help_file("w.orch", "step x exec agent tick ticks 60 30 say whole", "timeout 10s", "run x", NULL);
	orch = procs_start("exec orch run -r r w.orch");
	for (i = 1; i <= 4; i++) {
		procs_await_lines("ticks", i * 5, SOON);
		kill(orch, SIGTSTP);
		await_stop(orch);
		kill(orch, SIGCONT);
	}
	ck_assert_int_eq(procs_end(orch, SOON), 0);
	ck_assert_int_eq(procs_lines("ticks"), 60);
	help_is(".orch/r/result/x", "whole\n");
}
END_TEST

/* 46: at random instants. */

enum { ITEMS = 12 };

static void
write_random(void)
{
	help_file("w.orch", procs_portable() ? "step x exec agent append ran-{{i}} 1 sleep 15 bytes 3000 say {{i}}" :
	    "step x exec agent append ran-{{i}} 1 child 40000 sleep 15 bytes 3000 say {{i}}",
	    "step y exec agent append ran-end 1 sleep 10 length", "parallel max 4 i in 1..12", "run x as x-{{i}}", "end",
	    "run y as end < x-*", "print | {{end}}", NULL);
}

/* How often item I was asked, and whether it has a result. */
static int
asked(int i, int *kept)
{
	char name[64];

	snprintf(name, sizeof name, ".orch/r/result/x-%d", i);
	*kept = help_exists(name);
	snprintf(name, sizeof name, "ran-%d", i);
	return procs_lines(name);
}

/* One more start, ended by SIG after a random time. What was kept before is not asked again. */
static int
one_round(int sig)
{
	int before[ITEMS + 1], kept[ITEMS + 1], i, status, now;
	pid_t orch;

	for (i = 1; i <= ITEMS; i++)
		before[i] = asked(i, &kept[i]);
	orch = procs_start("exec orch run -r r w.orch");
	help_pause(rand() % 120);
	kill(orch, sig);
	status = procs_end(orch, 30000);
	ck_assert_msg(status == 128 + sig || status == 0, "status %d: %s", status, help_read("err", NULL));
	procs_none_left(AFTER);
	for (i = 1; i <= ITEMS; i++)
		ck_assert_msg(!kept[i] || asked(i, &now) == before[i], "item %d was asked again", i);
	return status;
}

static void
expect_whole(void)
{
	char name[64];
	int i;
	size_t n;

	for (i = 1; i <= ITEMS; i++) {
		snprintf(name, sizeof name, ".orch/r/result/x-%d", i);
		help_read(name, &n);
		ck_assert_uint_eq(n, 3000 + (size_t)(i < 10 ? 2 : 3));
	}
}

static void
stop_at_random(int sig, int rounds)
{
	struct ran r;
	int i, stopped = 0;

	srand(SEED);
	write_random();
	for (i = 0; i < rounds; i++) {
		if (one_round(sig) == 0)
			help_run("rm -rf .orch ran-*");
		else
			stopped++;
		help_run("rm -f pids");
	}
	ck_assert_int_gt(stopped, rounds / 4);
	r = help_sh(0, "orch run -r r w.orch");
	expect_whole();
	help_has(r.out, "\n");
	ck_assert_str_eq(help_sh(0, "orch run -r r w.orch").out, r.out);
	procs_none_left(0);
}

START_TEST(terminated_at_random_instants)
{
	stop_at_random(SIGTERM, 40);
}
END_TEST

START_TEST(killed_at_random_instants)
{
	stop_at_random(SIGKILL, 40);
}
END_TEST

/* Never twice at once. */

START_TEST(a_live_run_is_refused)
{
	pid_t orch = start_long("");
	char pid[32];
	struct ran r;

	snprintf(pid, sizeof pid, "%ld", (long)orch);
	r = help_sh(4, "orch run -r r w.orch");
	help_has(r.err, pid);
	r = help_sh(4, "orch resume -r r");
	help_has(r.err, pid);
	ck_assert_int_eq(procs_lines("ran"), 4);
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGTERM);
	expect_resumes();
}
END_TEST

/* The parent of the process PID: an agent's supervisor. */
static pid_t
parent_of(pid_t pid)
{
	struct ran r = help_run("ps -o ppid= -p %ld 2>/dev/null || awk '/^PPid/ { print $2 }' /proc/%ld/status",
	    (long)pid, (long)pid);

	ck_assert_int_gt(atoi(r.out), 1);
	return (pid_t)atoi(r.out);
}

/* Kills orch in the middle of a step; then a process of this test holds the lock as a supervisor does that does not come
 * to its end. */
static pid_t
leave_holder(void)
{
	struct flock l = { 0 };
	int ready[2], fd;
	pid_t pid, orch;
	char byte;

	help_file("w.orch", "step x exec agent append ran 1 say x once a exec agent append up 1 sleep 50000", "run x", NULL);
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	procs_none_left(AFTER);
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		fd = open(".orch/r/lock", O_RDWR);
		l.l_type = F_RDLCK;
		l.l_whence = SEEK_SET;
		l.l_start = 1;
		l.l_len = 1;
		if (fcntl(fd, F_SETLK, &l) == 0)
			(void)!write(ready[1], "x", 1);
		pause();
		_exit(1);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void
end_holder(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

START_TEST(a_start_waits_for_an_earlier_supervisor)
{
	pid_t holder = leave_holder(), orch;
	int i;

	orch = procs_start("exec orch resume");
	for (i = 0; i < 30; i++) {
		ck_assert_msg(waitpid(orch, NULL, WNOHANG) == 0, "it has not waited: %s", help_read("err", NULL));
		ck_assert_int_eq(procs_lines("ran"), 1);
		help_pause(50);
	}
	end_holder(holder);
	ck_assert_int_eq(procs_end(orch, SOON), 0);
	ck_assert_int_eq(procs_lines("ran"), 2);
	help_is(".orch/r/result/x", "x\n");
	procs_none_left(AFTER);
}
END_TEST

START_TEST(a_start_does_not_wait_for_ever)
{
	pid_t holder = leave_holder();
	long long at = help_ms();
	char pid[32];
	struct ran r;

	r = help_run("orch resume -r r");
	ck_assert_msg(r.status == 4, "status %d: %s", r.status, r.err);
	ck_assert_int_ge(help_ms() - at, 14000);
	snprintf(pid, sizeof pid, "pid %ld", (long)holder);
	help_has(r.err, pid);
	ck_assert_int_eq(procs_lines("ran"), 1);
	end_holder(holder);
	help_sh(0, "orch resume -r r");
	help_is(".orch/r/result/x", "x\n");
}
END_TEST

/* One that somebody has stopped goes on when orch dies, and ends what it has. */
START_TEST(a_stopped_supervisor_sees_the_end_of_orch)
{
	pid_t supervisor, orch;

	if (procs_portable()) {
		help_skip("kill_test", "a stopped supervisor whose group is orphaned is continued by the kernel");
		return;
	}
	help_file("w.orch", "step x exec agent append ran 1 say x once a exec agent append up 1 sleep 50000", "run x", NULL);
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	supervisor = parent_of(procs_pid_in("pids", 0));
	ck_assert_int_ne(supervisor, orch);
	kill(supervisor, SIGSTOP);
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	procs_none_left(AFTER);
	help_sh(0, "orch resume -r r");
	help_is(".orch/r/result/x", "x\n");
}
END_TEST

/* The number of milliseconds in field N of status's line of KEY; of the summary's last word, if KEY is NULL. */
static long long
shown_ms(const char *key)
{
	if (key)
		return atoll(help_sh(0, "orch status -p -r r | awk -F'\t' '$2 == \"x\" { print $4 }'").out);
	return atoll(help_sh(0, "tail -n 1 err | sed 's/.* in //; s/ms$//; s/\\.\\(.\\)s$/\\100/; t; s/s$/000/'").out);
}

START_TEST(a_stop_is_in_no_time_that_is_shown)
{
	const long stop = 1500;
	long long began, wall;
	pid_t orch;
	int status;

	help_file("w.orch", "step x exec agent append up 1 wait-file go", "run x", NULL);
	began = help_ms();
	orch = procs_start("exec orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	kill(orch, SIGTSTP);
	ck_assert_int_eq(waitpid(orch, &status, WUNTRACED), orch);
	ck_assert(WIFSTOPPED(status));
	help_pause(stop);
	help_file("go", NULL);
	kill(orch, SIGCONT);
	ck_assert_int_eq(procs_end(orch, SOON), 0);
	wall = help_ms() - began;
	ck_assert_msg(shown_ms("x") <= wall - stop, "the step: %lld of %lld ms", shown_ms("x"), wall);
	ck_assert_msg(shown_ms(NULL) <= wall - stop, "the summary: %lld of %lld ms", shown_ms(NULL), wall);
	help_has(help_read(".orch/r/log", NULL), "\tpaused\t1");
	help_sh(0, "orch status -r r | head -n 1 | grep -qvE 'took [1-9][0-9]*(\\.[0-9])?s'");
}
END_TEST

/* The suite. */

static void
add_kills(Suite *s)
{
	TCase *c = help_case(s, "killed", procs_begin, 60);

	tcase_add_test(c, orch_is_killed);
	tcase_add_test(c, the_group_of_orch_is_killed);
	tcase_add_test(c, an_agent_kills_orch);
	tcase_add_test(c, timeout_s_kill_leaves_nobody);
	tcase_add_test(c, a_child_from_before_is_spared);
	tcase_add_test(c, a_supervisor_is_killed);
	tcase_add_test(c, a_supervisor_is_killed_and_its_step_tried_again);
	tcase_add_test(c, a_supervisor_obeys_orch_alone);
}

static void
add_stops(Suite *s)
{
	TCase *c = help_case(s, "stopped", procs_begin, 60);

	tcase_add_loop_test(c, stopped_by_a_signal, 0, 4);
	tcase_add_loop_test(c, the_group_is_stopped_by_a_signal, 0, 4);
	tcase_add_test(c, stopped_from_below);
	tcase_add_loop_test(c, stopped_while_it_waits, 0, 6);
	tcase_add_test(c, a_second_signal_kills);
	tcase_add_test(c, a_signal_twice_at_once_counts_once);
	tcase_add_test(c, a_result_after_the_stop_is_none);
	tcase_add_test(c, a_result_that_waits_beside_the_stop_is_none);
	c = help_case(s, "halted", procs_begin, 60);
	tcase_add_test(c, stopped_and_continued);
	tcase_add_test(c, stopped_and_continued_it_still_times_out);
	tcase_add_test(c, stopped_with_all_below);
	tcase_add_test(c, killed_while_stopped);
	tcase_add_test(c, ended_while_stopped);
	tcase_add_test(c, stopped_twice);
}

Suite *
kill_suite(void)
{
	Suite *s = suite_create("kill");
	TCase *c;

	add_kills(s);
	add_stops(s);
	c = help_case(s, "slow", procs_begin, 240);
	tcase_set_tags(c, "slow");
	tcase_add_test(c, a_start_does_not_wait_for_ever);
	c = help_case(s, "deaf", procs_begin, 60);
	tcase_add_test(c, stopping_kills_the_deaf);
	c = help_case(s, "random", procs_begin, 240);
	tcase_add_test(c, terminated_at_random_instants);
	tcase_add_test(c, killed_at_random_instants);
	c = help_case(s, "once", procs_begin, 60);
	tcase_add_test(c, a_live_run_is_refused);
	tcase_add_test(c, a_start_waits_for_an_earlier_supervisor);
	tcase_add_test(c, a_stopped_supervisor_sees_the_end_of_orch);
	tcase_add_test(c, a_stop_is_in_no_time_that_is_shown);
	return s;
}
