/* orch and its supervisors die together, and what does not end at all.
 *
 * A round is a run whose agents have children, daemons, redirected output, or are stopped; orch and supervisors are
 * killed within milliseconds at a random instant; then the run is resumed. An agent of the second walk holds a lock that
 * everything of the first one has inherited: whoever finds it taken says so. ORCH_TORTURE=1 makes 400 rounds,
 * ORCH_TEST_SEED repeats the random instants of an earlier test. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/suites.h"

enum { STEPS = 6 };

/* Takes the step's lock, for itself and all that it starts; says that it has begun; ends at once in the second walk. */
#define BEGIN "exec 9>>\"$T/lock-$ORCH_KEY\"; flock -n 9 || echo $ORCH_KEY >>\"$T/twice\"; test -e \"$T/go\" && exit 0; " \
	"echo $$ >>\"$T/began\"; "

static char top[4096];

static int
can_be(void)
{
	if (procs_portable()) {
		help_skip("together_test", "only on Linux are they found");
		return 0;
	}
	if (help_run("command -v flock").status) {
		help_skip("together_test", "no flock");
		return 0;
	}
	ck_assert_ptr_nonnull(getcwd(top, sizeof top));
	setenv("T", top, 1);
	return 1;
}

static void
write_workflow(void)
{
	help_file("w.orch", "parallel",
	    "run sh as plain | " BEGIN "sleep 50",
	    "run sh as child | " BEGIN "sleep 50 & sleep 50",
	    "run sh as daemon | " BEGIN "setsid sh -c 'setsid sleep 50 & sleep 50' & sleep 50",
	    "run sh as quiet | " BEGIN "exec >/dev/null 2>&1; sleep 50 & sleep 50",
	    "run sh as stopped | " BEGIN "sleep 50 & kill -STOP $!; kill -STOP $$",
	    "run sh as killer | " BEGIN "sleep 50 & sleep 0.$(($$ % 10)); kill -9 $PPID; sleep 50",
	    "end", NULL);
}

/* A pause of 0 to 10 ms, most often of none. */
static void
gap(void)
{
	const struct timespec t = { 0, rand() % 10000 * 1000 };

	if (rand() % 3)
		nanosleep(&t, NULL);
}

enum way { ONE, ALL, STOPPED_ONE, ALL_STOPPED, AFTER_TERM, WAYS };

/* Kills orch and some of its supervisors, in random order. */
static void
kill_together(pid_t orch, enum way way)
{
	pid_t list[PROCS_MOST], swap;
	int n = procs_children(orch, list, 0), i, k;

	if (way == AFTER_TERM) {
		kill(orch, SIGTERM);    /* they freeze what they end just now */
		gap();
	}
	if ((way == ONE || way == STOPPED_ONE) && n > 1) {
		list[0] = list[rand() % n];
		n = 1;
	}
	for (i = 0; i < n && (way == STOPPED_ONE || way == ALL_STOPPED); i++)
		kill(list[i], SIGSTOP);
	list[n++] = orch;
	for (i = n - 1; i > 0; i--) {
		k = rand() % (i + 1);
		swap = list[i];
		list[i] = list[k];
		list[k] = swap;
	}
	for (i = 0; i < n; i++) {
		if (list[i] == orch || (way != STOPPED_ONE && way != ALL_STOPPED) || rand() % 2)
			kill(list[i], SIGKILL);
		gap();
	}
}

static void
none_left(int round, enum way way)
{
	long long until = help_ms() + AFTER;
	char text[1024];

	while (procs_left(0, text, sizeof text)) {
		if (help_ms() > until) {
			procs_end_children(0);
			ck_abort_msg("round %d, way %d: alive after the next start:%s", round, (int)way, text);
		}
		help_pause(2);
	}
}

static void
one_round(int round)
{
	enum way way = (enum way)(round % WAYS);
	struct ran r;
	pid_t orch;
	int status;

	help_run("rm -rf go began twice lock-* .orch");
	orch = procs_start("exec orch run -q -r r w.orch");
	if (rand() % 4)
		procs_await_lines("began", 1 + rand() % STEPS, SOON);
	help_pause(rand() % 40);
	kill_together(orch, way);
	status = procs_end(orch, SOON);
	/* if all supervisors were killed before it, it may have come to its end */
	ck_assert_msg(status == 128 + SIGKILL || status == 1 || (way == AFTER_TERM && status == 128 + SIGTERM), "way %d: %d", (int)way,
	    status);
	help_file("go", "", NULL);
	r = help_run("orch run -q -r r w.orch");
	if (r.status)
		procs_end_children(0);
	ck_assert_msg(r.status == 0, "round %d, way %d: the next start: %d: %s", round, (int)way, r.status, r.err);
	ck_assert_msg(!help_exists("twice"), "round %d, way %d: it ran twice at once: %s", round, (int)way, help_read("twice", NULL));
	none_left(round, way);
}

START_TEST(killed_together_nobody_is_left)
{
	int round, rounds = help_torture() ? 400 : 20;

	if (!can_be())
		return;
	procs_seed("together_test");
	write_workflow();
	for (round = 0; round < rounds; round++)
		one_round(round);
	if (help_torture())
		fprintf(stderr, "together_test: %d rounds, no survivor, nothing twice\n", rounds);
}
END_TEST

/* Of an agent itself nothing is left before anybody looks: it dies with its supervisor. */
START_TEST(an_agent_dies_with_its_supervisor)
{
	pid_t orch, list[PROCS_MOST];
	long long until;
	char text[1024];
	int i, n;

	if (!can_be())
		return;
	help_file("w.orch", "parallel i in 1..8", "run sh as s-{{i}} | echo $$ >>\"$T/began\"; exec sleep 50", "end", NULL);
	orch = procs_start("exec orch run -q -r r w.orch");
	procs_await_lines("began", 8, SOON);
	n = procs_children(orch, list, 0);
	ck_assert_int_eq(n, 8);
	for (i = 0; i < n; i++) {
		kill(list[i], SIGSTOP); /* they do nothing more */
		kill(list[i], SIGKILL);
	}
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	for (until = help_ms() + AFTER; procs_left(0, text, sizeof text); help_pause(2))
		ck_assert_msg(help_ms() < until, "alive:%s", text);
}
END_TEST

/* Runs in runs: all that belongs to the outer one is ended when that is resumed; what belongs to another is not. */
START_TEST(runs_within_runs)
{
	pid_t orch, other;
	char text[1024];

	if (!can_be())
		return;
	help_file("in.orch", "run sh as in | " BEGIN "setsid sleep 50 & sleep 50", NULL);
	help_file("w.orch", "run sh as out | " BEGIN "cd \"$T\"; exec orch run -q -d inner -r i in.orch", NULL);
	help_file("o.orch", "run sh as other | echo $$ >>\"$T/others\"; exec sleep 50", NULL);
	other = procs_start("exec orch run -q -r o o.orch");
	procs_await_lines("others", 1, SOON);
	orch = procs_start("exec orch run -q -r r w.orch");
	procs_await_lines("began", 2, SOON);
	/* all at once, but for the agents' own children: the daemon stays */
	help_run("p=%ld; for i in 1 2 3 4 5 6; do for q in $p; do p=\"$p $(cat /proc/$q/task/$q/children 2>/dev/null)\"; done; done; "
	    "for q in $p; do grep -q sleep /proc/$q/comm || kill -9 $q; done", (long)orch);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	help_file("go", "", NULL);
	help_sh(0, "orch resume -q -r r");
	ck_assert_msg(!help_exists("twice"), "twice: %s", help_read("twice", NULL));
	ck_assert_int_eq(procs_is_dead(procs_pid_in("others", 0)), 0);
	kill(other, SIGTERM);
	ck_assert_int_eq(procs_end(other, SOON), 128 + SIGTERM);
	help_pause(50);
	ck_assert_msg(!procs_left(0, text, sizeof text), "left:%s", text);
}
END_TEST

/* What a step has started goes on when all else is killed, and resumes the run: it would end itself. */
START_TEST(a_shell_of_the_run_does_not_resume_it)
{
	pid_t orch, list[PROCS_MOST];
	struct ran r;
	int i, n;

	if (!can_be())
		return;
	help_file("w.orch", "run sh as s | " BEGIN "setsid sh -c 'until test -e \"$T/now\"; do sleep 0.02; done; "
	    "orch resume -r r >\"$T/said\" 2>&1; echo $? >\"$T/status\"; exec sleep 50' & sleep 50", NULL);
	orch = procs_start("exec orch run -q -r r w.orch");
	procs_await_lines("began", 1, SOON);
	help_pause(50);
	n = procs_children(orch, list, 0);
	kill(orch, SIGSTOP);
	for (i = 0; i < n; i++)
		kill(list[i], SIGKILL);
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	help_file("now", "", NULL);
	procs_await_file("status");
	procs_await_text("status", "\n");
	help_is("status", "4\n");
	help_has(help_read("said", NULL), "this shell belongs to run r");
	/* from elsewhere it can be resumed, and then that shell is gone */
	help_file("go", "", NULL);
	r = help_run("orch resume -q -r r");
	ck_assert_msg(r.status == 0, "%d: %s", r.status, r.err);
	none_left(0, ONE);
}
END_TEST

/* pkill -9 -f 'orch run' is a habit: it finds orch alone, so its supervisors end what they have. */
START_TEST(a_supervisor_has_a_command_line_of_its_own)
{
	pid_t orch, list[PROCS_MOST];
	char file[64], *s;
	size_t n, i;

	if (!can_be())
		return;
	help_file("w.orch", "run sh as a-step | " BEGIN "setsid sleep 50 & sleep 50", NULL);
	orch = procs_start("exec orch run -q -r r w.orch");
	procs_await_lines("began", 1, SOON);
	ck_assert_int_eq(procs_children(orch, list, 0), 1);
	snprintf(file, sizeof file, "/proc/%ld/cmdline", (long)list[0]);
	s = help_read(file, &n);
	for (i = 0; i + 1 < n; i++)
		s[i] = s[i] ? s[i] : ' ';
	help_has(s, "orch-step a-step");
	help_lacks(s, "orch run");
	kill(orch, SIGKILL);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGKILL);
	none_left(0, ONE);
}
END_TEST

/* Nothing is looked for after a walk that has come to its end: what then carries the id was let be. */
START_TEST(what_was_spared_at_the_end_of_a_walk_stays)
{
	if (!can_be())
		return;
	help_file("w.orch", "run sh as s | env | grep ^ORCH_WITHIN= >\"$T/within\"", "run sh as gate | test -e \"$T/go\"", NULL);
	help_sh(1, "orch run -q -r r w.orch");
	help_sh(0, "env $(cat within) setsid sleep 50 & echo $! >pid; sleep 0.1");
	help_file("go", "", NULL);
	help_sh(0, "orch resume -q -r r");
	help_sh(0, "kill -0 $(cat pid) && kill -9 $(cat pid)");
	/* and after one that has not, it is ended */
	help_run("rm go .orch/r/result/gate; sed -i '/\tend\t/d' .orch/r/log");
	help_sh(0, "env $(cat within) setsid sleep 50 & echo $! >pid; sleep 0.1; echo >go; orch resume -q -r r; ! kill -0 $(cat pid) 2>/dev/null");
}
END_TEST

/* The list of ids: the outer one's first; what is not a list of ids is not handed on. */
START_TEST(ids_of_the_runs_around)
{
	if (!can_be())
		return;
	help_file("w.orch", "run sh as s | echo \"$ORCH_WITHIN\"", NULL);
	help_sh(0, "orch run -q -r r w.orch && grep -qE '^[0-9a-f]{16}$' .orch/r/result/s");
	help_sh(0, "ORCH_WITHIN=0123456789abcdef orch run -q -r q w.orch && grep -qE '^0123456789abcdef:[0-9a-f]{16}$' .orch/q/result/s");
	help_sh(0, "ORCH_WITHIN='x;y' orch run -q -r p w.orch && grep -qE '^[0-9a-f]{16}$' .orch/p/result/s");
	help_sh(0, "test $(cat .orch/*/result/s | sort -u | wc -l) = 3");
	help_sh(0, "grep -q \"^id\t$(cat .orch/r/result/s)$\" .orch/r/run");
}
END_TEST

/* What cannot be ended. */

/* An agent that has become root, below an orch that is not. */
static int
make_root_agent(void)
{
	if (!help_becomes("together_test"))
		return 0;
	help_sh(0, "cp \"$TREE/tests/agent\" . && chown 0 agent && chmod 4755 agent && chmod 777 .");
	if (help_run("setpriv --reuid 65534 --regid 65534 --clear-groups ./agent user 0").status) {
		help_skip("together_test", "no set-user-ID programs here, or no setpriv");
		return 0;
	}
	return 1;
}

#define AS_NOBODY "exec setpriv --reuid 65534 --regid 65534 --clear-groups "

/* SIGKILL does not end it: after ten seconds it is named, and the run goes on. */
START_TEST(an_agent_of_another_user_times_out)
{
	pid_t orch;

	if (!can_be() || !make_root_agent())
		return;
	help_file("w.orch", "step one exec ./agent user 0 append up 1 sleep 50000", "parallel", "run one", "timeout 1s", "retry 3",
	    "otherwise word", "run sh as two | echo two", "end", NULL);
	orch = procs_start(AS_NOBODY "orch run -r r w.orch");
	ck_assert_int_eq(procs_end(orch, 4 * SOON), 1);
	help_has(help_read("err", NULL), "cannot be killed, and may still run: pid ");
	help_none(".orch/r/result/one");
	help_is(".orch/r/result/two", "two\n");
	ck_assert_int_eq(procs_lines("up"), 1);
	procs_end_children(0);
}
END_TEST

START_TEST(an_agent_of_another_user_and_interrupts)
{
	long long since;
	pid_t orch;

	if (!can_be() || !make_root_agent())
		return;
	help_file("w.orch", "step one exec ./agent user 0 append up 1 sleep 50000", "run one", NULL);
	orch = procs_start(AS_NOBODY "orch run -r r w.orch");
	procs_await_lines("up", 1, SOON);
	since = help_ms();
	kill(orch, SIGINT);
	help_pause(1300);
	kill(orch, SIGINT);
	ck_assert_int_eq(procs_end(orch, 4 * SOON), 128 + SIGINT);
	ck_assert_int_ge(help_ms() - since, 10000);
	help_has(help_read("err", NULL), "may still run: pid ");
	procs_end_children(0);
}
END_TEST

/* A file system whose daemon is stopped. */

static int
mount_dead(void)
{
	if (help_run("mkdir -p disk/d dead && cp \"$TREE/tests/agent\" disk/prog && bindfs -o nonempty disk dead && "
	    "pgrep -n bindfs >daemon").status) {
		help_skip_bindfs("together_test");
		return 0;
	}
	return 1;
}

static void
unmount_dead(void)
{
	help_run("kill -CONT $(cat daemon); sleep 0.1; umount dead || fusermount -u dead; kill -9 $(cat daemon)");
}

static void
begin_dead(void)
{
	help_run("kill -STOP $(cat daemon)");
}

START_TEST(a_directory_that_does_not_answer)
{
	struct ran r;
	pid_t orch;
	int status;

	if (!can_be() || !mount_dead())
		return;
	help_file("w.orch", "parallel", "run sh as two | echo two", "end", "cd dead/d", "run sh as one | echo one", "timeout 1s", NULL);
	begin_dead();
	r = help_run("timeout 50 orch run -r r w.orch");
	unmount_dead();
	ck_assert_msg(r.status == 1, "%d: %s", r.status, r.err);
	help_has(r.err, "does not answer");
	help_is(".orch/r/result/two", "two\n");
	help_none(".orch/r/result/one");

	/* without a timeout ten seconds; a signal ends it at once */
	help_file("v.orch", "cd dead/d", "run sh as one | echo one", NULL);
	ck_assert(mount_dead());
	begin_dead();
	orch = procs_start("exec orch run -r v v.orch");
	procs_await_file(".orch/v/log");
	help_pause(300);
	kill(orch, SIGTERM);
	status = procs_end(orch, SOON);
	if (status == 128 + SIGTERM)
		r = help_run("timeout 50 orch run -r v v.orch");
	unmount_dead();
	ck_assert_int_eq(status, 128 + SIGTERM);
	ck_assert_msg(r.status == 1, "%d: %s", r.status, r.err);
	help_has(r.err, "does not answer");
}
END_TEST

/* Without /proc nobody can be found but by group: that is said, once, under -q too. */
START_TEST(without_proc_it_is_said)
{
	char *err;

	if (!can_be())
		return;
	if (help_run("unshare -m mount -t tmpfs none /proc").status) {
		help_skip("together_test", "nothing can be mounted here");
		return;
	}
	help_file("w.orch", "for i in 1 2 3", "run sh as s-{{i}} | echo $i", "end", NULL);
	err = help_sh(0, "unshare -m --pid --fork sh -c 'mount -t tmpfs none /proc && orch run -q -r x w.orch'").err;
	ck_assert_int_eq(help_count(err, "/proc cannot be read"), 1);
	help_lacks(help_sh(0, "orch run -q -r y w.orch").err, "/proc");
}
END_TEST

static void
begin(void)
{
	procs_begin();
}

Suite *
together_suite(void)
{
	Suite *s = suite_create("together");
	TCase *t;

	t = help_case(s, "together", begin, 120);
	tcase_add_test(t, killed_together_nobody_is_left);
	tcase_add_test(t, an_agent_dies_with_its_supervisor);
	tcase_add_test(t, runs_within_runs);
	tcase_add_test(t, a_shell_of_the_run_does_not_resume_it);
	tcase_add_test(t, a_supervisor_has_a_command_line_of_its_own);
	tcase_add_test(t, what_was_spared_at_the_end_of_a_walk_stays);
	tcase_add_test(t, ids_of_the_runs_around);
	tcase_add_test(t, without_proc_it_is_said);
	t = help_case(s, "unended", begin, 120);
	tcase_set_tags(t, "slow");
	tcase_add_test(t, an_agent_of_another_user_times_out);
	tcase_add_test(t, an_agent_of_another_user_and_interrupts);
	tcase_add_test(t, a_directory_that_does_not_answer);
	return s;
}
