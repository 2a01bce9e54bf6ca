/* Whole runs: blocks, keys and results, the run's directory, the command, its words. The numbers are those
 * of CONFORMANCE.md. Every test has an empty directory; agents are sh steps, so that what is started can
 * be read here. Where something must be going on, a step waits on a FIFO or a file, never on the clock. */
#include "tests/help.h"
#include "tests/repo.h"
#include "tests/suites.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the tests share. */

static void
bytes_are(const char *name, const void *p, size_t n)
{
	size_t got;
	char *s = help_read(name, &got);

	ck_assert_msg(help_exists(name), "there is no %s", name);
	ck_assert_uint_eq(got, n);
	ck_assert_int_eq(memcmp(s, p, n), 0);
}

/* No control character but the newlines. */
static void
no_control(const char *s)
{
	const char *p;

	for (p = s; *p; p++)
		ck_assert_msg(*p == '\n' || ((unsigned char)*p >= 32 && *p != 127), "byte %d in:\n%s", *p, s);
}

/* Before every test. What sort and ls say must not hang on who runs the tests. */
static void
begin(void)
{
	help_start();
	setenv("LC_ALL", "C", 1);
}

/* Permissions mean nothing to root: the rest of the test is done by somebody else. */
static void
be_nobody(void)
{
	enum { NOBODY = 65534 };

	if (geteuid() != 0)
		return;
	help_share();
	help_sh(0, "chown -R 65534:65534 .. && chmod 755 .");
	ck_assert_int_eq(setgid(NOBODY), 0);
	ck_assert_int_eq(setuid(NOBODY), 0);
}

/* A step's first line: says that it was started, by its key, in the file `started`. */
#define STARTED "printf '%s\\n' \"$ORCH_KEY\" >>\"$ORCH_ROOT/started\"; "

/* Parallel, 1 to 17. */

START_TEST(c01_block_waits_for_every_branch)
{
	struct ran r;

	help_file("f.orch", "parallel i in bad good",
	    "run sh as x-{{i}}",
	    "| test $i = good || exit 7",
	    "| trap 'echo signalled' TERM HUP INT",
	    "| until grep -q 'fail.x-bad' \"$ORCH_RESULTS/../log\"; do :; done",
	    "| echo late", "timeout 30s", "end", "run sh as after | :", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_is(RESULT "x-good", "late\n");
	help_has(r.err, "1 of 2 branches failed");
	help_none(RESULT "after");
}
END_TEST

START_TEST(c02_waiting_items_start_after_a_failure)
{
	help_file("f.orch", "parallel max 1 i in bad b c", "run sh as x-{{i}} | test $i != bad && echo $i", "end",
	    NULL);
	help_sh(1, "orch run -r x f.orch");
	help_is(RESULT "x-b", "b\n");
	help_is(RESULT "x-c", "c\n");
}
END_TEST

START_TEST(c02_x_starts_nothing_after_a_failure)
{
	help_file("f.orch", "parallel max 1 i in a bad c d",
	    "run sh as x-{{i}} | " STARTED "test $i != bad && echo $i", "end", NULL);
	help_sh(1, "orch run -x -r x f.orch");
	help_is("started", "x-a\nx-bad\n");
	help_is(RESULT "x-a", "a\n");
	help_sh(1, "orch resume -r x");
	help_is(RESULT "x-d", "d\n");
}
END_TEST

START_TEST(c03_failure_names_branches_in_input_order)
{
	static const char *const order[] = { "2 of 4 branches failed", "x-a", "exit status 3", "x-d",
	    "exit status 5" };
	struct ran r;

	/* The first ends last: it waits for what the others have left. */
	help_file("f.orch", "parallel i in a b c d", "run sh as x-{{i}}",
	    "| case $i in",
	    "| a) until grep -q 'fail.x-d' \"$ORCH_RESULTS/../log\"; do :; done; exit 3;;",
	    "| d) exit 5;;", "| esac", "timeout 30s", "end", NULL);
	r = help_sh(1, "orch run -q -r x f.orch");
	help_in_order(strstr(r.err, "branches failed") ? strstr(r.err, "2 of 4") : r.err, order, LEN(order));
	help_lacks(strstr(r.err, "2 of 4"), "x-b");
}
END_TEST

START_TEST(c03_block_of_one)
{
	struct ran r;

	help_file("f.orch", "parallel i in only", "run sh as x-{{i}} | exit 9", "end", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "1 of 1 branches failed: x-only");
	help_has(r.err, "exit status 9");
	help_file("g.orch", "parallel", "run sh as one | exit 9", "run sh as two | :", "end", NULL);
	r = help_sh(1, "orch run -r y g.orch");
	help_has(r.err, "1 of 2 branches failed: one");
}
END_TEST

START_TEST(c04_cap_is_a_pool)
{
	/* In batches of two the first would wait for the third for ever. */
	help_file("f.orch", "parallel max 2 i in a b c d", "run sh as x-{{i}}",
	    "| test $i != a || until test -f \"$ORCH_ROOT/d\"; do :; done", "| : >\"$ORCH_ROOT/$i\"",
	    "timeout 30s", "end", NULL);
	help_sh(0, "orch run -r x f.orch");
}
END_TEST

static int
most_at_once(const char *s)
{
	int now = 0, most = 0;

	for (; *s; s++) {
		now += *s == '+' ? 1 : *s == '-' ? -1 : 0;
		most = now > most ? now : most;
	}
	return most;
}

START_TEST(c05_never_more_than_max)
{
	char *s;

	help_file("f.orch", "parallel max 5 i in 1..50",
	    "run sh as x-{{i}} | echo + >>\"$ORCH_ROOT/n\"; sleep 0.0$((i * 7 % 10)); echo - >>\"$ORCH_ROOT/n\"",
	    "end", NULL);
	help_sh(0, "orch run -r x f.orch");
	s = help_read("n", NULL);
	ck_assert_int_eq(help_count(s, "+"), 50);
	ck_assert_int_le(most_at_once(s), 5);
	ck_assert_int_ge(most_at_once(s), 2);
}
END_TEST

START_TEST(c05_without_max_all_at_once)
{
	/* Each waits for all the others. */
	help_file("f.orch", "parallel i in 1..12", "run sh as x-{{i}}", "| : >\"$ORCH_ROOT/at-$i\"",
	    "| for n in 1 2 3 4 5 6 7 8 9 10 11 12; do until test -f \"$ORCH_ROOT/at-$n\"; do sleep 0.01; done; done",
	    "timeout 30s", "end", NULL);
	help_sh(0, "orch run -r x f.orch");
}
END_TEST

START_TEST(c05_j_caps_the_whole_run)
{
	help_file("f.orch", "parallel a in 1 2 3", "parallel b in 1 2 3",
	    "run sh as x-{{a}}-{{b}} | echo + >>\"$ORCH_ROOT/n\"; sleep 0.02; echo - >>\"$ORCH_ROOT/n\"", "end",
	    "end", NULL);
	help_sh(0, "orch run -j 2 -r x f.orch");
	ck_assert_int_eq(help_count(help_read("n", NULL), "+"), 9);
	ck_assert_int_le(most_at_once(help_read("n", NULL)), 2);
}
END_TEST

/* More and more run at once while others end: what orch keeps of them grows meanwhile. */
START_TEST(c05_many_begin_while_many_end)
{
	struct ran r;
	int i;

	help_file("f.orch", "parallel i in 1..4000", "if test \"$i\" != 1", "print | {{i}}", "else",
	    "run sh as first-{{i}} | sleep 1", "end", "end", NULL);
	for (i = 0; i < 2; i++) {
		r = help_sh(0, "timeout -s KILL 50 orch run -q f.orch >out && tail -n 1 out");
		ck_assert_str_eq(r.out, "4000\n");
	}
}
END_TEST

START_TEST(c06_cap_is_checked_for_an_empty_list)
{
	struct ran r;

	help_file("f.orch", "param m", "run sh as list | :", "parallel max {{m}} i in < list",
	    "run sh as x-{{i}} | :", "end", "run sh as after | :", NULL);
	help_sh(0, "orch run -r ok f.orch m=3");
	ck_assert(help_exists(".orch/ok/result/after"));
	r = help_sh(2, "orch run -r x f.orch m=0");
	help_has(r.err, "max");
	help_none(RESULT "after");
	help_sh(2, "orch run -r y f.orch m=");
	help_sh(2, "orch run -r z f.orch m=2x");
	help_sh(2, "orch run -r w f.orch m=-1");
}
END_TEST

START_TEST(c07_max_1_is_sequential_in_order)
{
	help_file("f.orch", "parallel max 1 i in c a d b",
	    "run sh as x-{{i}} | echo +$i >>\"$ORCH_ROOT/n\"; echo -$i >>\"$ORCH_ROOT/n\"", "end", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is("n", "+c\n-c\n+a\n-a\n+d\n-d\n+b\n-b\n");
}
END_TEST

START_TEST(c08_waiting_branches_hold_no_slot)
{
	help_file("f.orch", "parallel a in 1 2", "parallel b in 1 2", "parallel c in 1 2",
	    "run sh as x-{{a}}-{{b}}-{{c}} | echo +>>\"$ORCH_ROOT/n\"; echo ->>\"$ORCH_ROOT/n\"", "end", "end",
	    "end", NULL);
	help_sh(0, "timeout 30 orch run -j 1 -r x f.orch");
	ck_assert_int_eq(help_count(help_read("n", NULL), "+"), 8);
	ck_assert_int_eq(most_at_once(help_read("n", NULL)), 1);
}
END_TEST

START_TEST(c08_nested_max_1)
{
	help_file("f.orch", "parallel max 1 a in 1 2", "parallel max 1 b in 1 2", "parallel max 1 c in 1 2",
	    "run sh as x-{{a}}-{{b}}-{{c}} | :", "end", "end", "end", NULL);
	help_sh(0, "timeout 30 orch run -r x f.orch");
	ck_assert(help_exists(RESULT "x-2-2-2"));
}
END_TEST

START_TEST(c09_inner_failure_is_one_branch_of_the_outer)
{
	static const char *const order[] = { "1 of 2 branches failed", "1 of 3 branches failed", "x-b-2",
	    "exit status 4" };
	struct ran r;

	help_file("f.orch", "parallel a in a b", "parallel b in 1..3",
	    "run sh as x-{{a}}-{{b}} | test $a$b != b2 || exit 4", "end", "end", NULL);
	r = help_sh(1, "orch run -q -r x f.orch");
	help_in_order(strstr(r.err, "1 of 2 branches") ? strstr(r.err, "1 of 2 branches") : "", order, LEN(order));
}
END_TEST

START_TEST(c10_what_succeeded_stays_and_what_failed_twice_runs_again)
{
	help_file("f.orch", "parallel i in a b c",
	    "run sh as x-{{i}} | " STARTED "test $i != b -o -f \"$ORCH_ROOT/ok\"", "end", NULL);
	help_sh(1, "orch run -q -r x f.orch && echo >&2 wrong");
	unlink("started");
	help_sh(1, "orch resume -q -r x");
	help_is("started", "x-b\n");
	help_sh(1, "orch resume -q");
	help_is("started", "x-b\nx-b\n");
	help_file("ok", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("started", "x-b\nx-b\nx-b\n");
	ck_assert(help_exists(RESULT "x-b"));
}
END_TEST

START_TEST(c11_nothing_after_a_failed_block)
{
	help_file("f.orch", "parallel i in a b", "parallel j in 1 2", "run sh as in-{{i}}-{{j}} | test $i != a",
	    "end",
	    "run sh as then-{{i}} | :", "end", "run sh as after | :", "print | printed", NULL);
	ck_assert_str_eq(help_sh(1, "orch run -r x f.orch").out, "");
	help_none(RESULT "after");
	help_none(RESULT "then-a");
	ck_assert(help_exists(RESULT "then-b"));
}
END_TEST

START_TEST(c12_list_is_read_once)
{
	help_file("f.orch", "run sh as list | echo a; echo b", "parallel max 1 i in < list",
	    "run sh as x-{{i}} | " STARTED "echo more >>\"$ORCH_RESULTS/list\"", "end", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is("started", "x-a\nx-b\n");
}
END_TEST

START_TEST(c13_only_a_new_item_runs)
{
	help_file("g.orch", "step cat exec cat", "param l", "run sh as list-{{l}} | cat \"$ORCH_ROOT/l\"",
	    "parallel i in < list-{{l}}", "run sh as x-{{i}} | " STARTED "echo $i", "end",
	    "run cat as all-{{l}} < x-*", NULL);
	help_file("l", "b", "c", NULL);
	help_sh(0, "orch run -r x g.orch l=1");
	unlink("started");
	help_file("l", "a", "c", "b", NULL);
	help_sh(0, "orch run -r x g.orch l=2");
	help_is("started", "x-a\n");
	help_is(RESULT "all-1", "b\nc\n");
	help_is(RESULT "all-2", "a\nc\nb\n");
}
END_TEST

START_TEST(c14_one_item_twice)
{
	struct ran r;

	help_file("f.orch", "run sh as list | printf 'p\\nq\\np\\n'", "parallel i in < list",
	    "run sh as x-{{i}} | " STARTED, "end", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "x-p");
	help_none("started");
}
END_TEST

START_TEST(c14_two_items_of_one_key_are_named)
{
	struct ran r;

	help_file("f.orch", "for i in apple pear plum", "run sh as id-{{i}} | test $i = plum && echo 2 || echo 1",
	    "end",
	    "parallel i in plum apple pear", "run sh as x-{{id-{{i}}}} | " STARTED, "end", NULL);
	r = help_sh(1, "orch run -q -r x f.orch");
	help_has(r.err, "apple");
	help_has(r.err, "pear");
	help_has(r.err, "x-1");
	help_lacks(r.err, "plum");
	help_none("started");
}
END_TEST

START_TEST(c14_nested_items_of_one_key)
{
	/* Two pairs, one key: it does not show where in the key they meet. */
	help_file("f.orch", "run sh as la | printf '1\\n12\\n'", "parallel a in < la", "parallel b in 23 3",
	    "run sh as x-{{a}}{{b}} | " STARTED, "end", "end", NULL);
	help_has(help_sh(1, "orch run -r x f.orch").err, "x-123");
	ck_assert_int_le(help_count(help_read("started", NULL), "x-123\n"), 1);
}
END_TEST

static const char odd_items[] =
    "two words\n'quoted' \"twice\"\n$(touch P)\n`touch P`\n; touch P\n-rf\n--\n{{x}}\n{{i}}\n\\{{x}}\n\xff\xfe\x80\n*\n1..9\nmax\n"
    "in\n  lead\ntrail  \n~\n%s%n\n#no comment\n| no text\n< list\nend\n";

START_TEST(c15_items_arrive_byte_identical)
{
	size_t n;
	char *want;

	help_bytes("l", odd_items, sizeof odd_items - 1);
	help_file("f.orch", "step word exec printf %s\\n {{i}}", "step cat exec cat", "step text exec cat | {{i}}",
	    "run sh as list | cat \"$ORCH_ROOT/l\"", "parallel i in < list",
	    "run word as w-{{i}}", "run text as t-{{i}}", "run sh as e-{{i}} | printf '%s\\n' \"$i\"", "end",
	    "run cat as words < w-*", "run cat as texts < t-*", "run cat as envs < e-*", NULL);
	help_sh(0, "orch run -r x f.orch");
	want = help_read("l", &n);
	bytes_are(RESULT "words", want, n);
	bytes_are(RESULT "texts", want, n);
	bytes_are(RESULT "envs", want, n);
	help_none("P");
}
END_TEST

START_TEST(c15_a_value_is_never_substituted_again)
{
	help_file("f.orch", "param x secret", "param v", "step word exec printf %s {{v}}", "run word as a",
	    "run sh as b | printf '{''{x}}'", "step c exec cat | {{b}}", "run c", "print | {{v}} {{b}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch 'v={{x}}{{a}}\\{{'").out, "{{x}}{{a}}\\{{ {{x}}\n");
	help_is(RESULT "a", "{{x}}{{a}}\\{{");
	help_is(RESULT "c", "{{x}}\n");
}
END_TEST

START_TEST(c16_lists)
{
	static const char nul[] = "one\ntwo\nth\0ree\n";
	struct ran r;

	help_file("f.orch", "run sh as list | cat \"$ORCH_ROOT/l\"", "parallel max 1 i in < list",
	    "run sh as x-{{i}} | printf '[%s]' \"$i\" >>\"$ORCH_ROOT/n\"", "end", NULL);
	help_bytes("l", "\n\na\n\n\nb\n1..9\n*", 14);
	help_sh(0, "orch run -r x f.orch");
	help_is("n", "[a][b][1..9][*]");
	help_bytes("l", nul, sizeof nul - 1);
	r = help_sh(1, "orch run -r nul f.orch");
	help_has(r.err, "NUL");
	help_has(r.err, "line 3");
	help_is("n", "[a][b][1..9][*]");
	help_bytes("l", "", 0);
	help_sh(0, "orch run -r none f.orch");
	help_is("n", "[a][b][1..9][*]");
}
END_TEST

START_TEST(c16_list_of_words_then_of_results)
{
	help_file("f.orch", "run sh as la | echo c; echo d", "run sh as lb | printf e",
	    "for i in a 'b  b' 8..10 < la lb", "run sh as x-{{i}} | printf '[%s]' \"$i\" >>\"$ORCH_ROOT/n\"", "end",
	    NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is("n", "[a][b  b][8][9][10][c][d][e]");
}
END_TEST

START_TEST(c17_one_terminal_is_refused_in_parallel)
{
	static const char *const one[] = { "ask sure yes no default yes | Sure?", "run s" };
	size_t i;

	for (i = 0; i < LEN(one); i++) {
		help_file("deep.orch", "step s exec true", "interactive", one[i], NULL);
		help_file("f.orch", "run sh as first | " STARTED, "parallel i in a b", "call deep.orch as d-{{i}}",
		    "end", NULL);
		help_sh(2, "orch run -q -r x f.orch");
		help_file("f.orch", "step s exec true", "interactive", "run sh as first | " STARTED,
		    "parallel", one[i], "run sh as b | :", "end", NULL);
		help_has(help_sh(2, "orch run -q -r x f.orch").err, i ? "interactive" : "ask");
		help_none("started");
		help_none(".orch");
	}
}
END_TEST

/* COMMAND is either run, or refused before anything starts, in words that name WHAT. */
static void
refused_or_run(const char *command, const char *what)
{
	struct ran r;

	help_sh(0, "rm -rf .orch started");
	r = help_run("%s", command);
	if (r.status != 2) {
		help_lacks(r.err, "not built");
		ck_assert(help_exists("started"));
		return;
	}
	help_has(r.err, what);
	help_none("started");
	help_none(".orch");
}

START_TEST(what_is_not_built_is_refused_before_anything_starts)
{
	static const char *const statements[] = {
		"ask sure yes no default yes | Sure?", "worktree feat enter", "cd .", "commit as c | done", "call g.orch",
	};
	char word[20];
	size_t i;

	help_file("g.orch", "run sh as g | :", NULL);
	for (i = 0; i < LEN(statements); i++) {
		help_file("f.orch", "run sh as first | " STARTED, statements[i], NULL);
		sscanf(statements[i], "%19s", word);
		refused_or_run("orch run -r x f.orch", word);
	}
	help_file("f.orch", "step s exec true", "interactive", "run sh as first | " STARTED, "run s", NULL);
	refused_or_run("orch run -r x f.orch", "interactive");
}
END_TEST

static TCase *
parallel_case(void)
{
	TCase *t = tcase_create("parallel");

	tcase_add_test(t, c01_block_waits_for_every_branch);
	tcase_add_test(t, c02_waiting_items_start_after_a_failure);
	tcase_add_test(t, c02_x_starts_nothing_after_a_failure);
	tcase_add_test(t, c03_failure_names_branches_in_input_order);
	tcase_add_test(t, c03_block_of_one);
	tcase_add_test(t, c04_cap_is_a_pool);
	tcase_add_test(t, c05_never_more_than_max);
	tcase_add_test(t, c05_without_max_all_at_once);
	tcase_add_test(t, c05_j_caps_the_whole_run);
	tcase_add_test(t, c05_many_begin_while_many_end);
	tcase_add_test(t, c06_cap_is_checked_for_an_empty_list);
	tcase_add_test(t, c07_max_1_is_sequential_in_order);
	tcase_add_test(t, c08_waiting_branches_hold_no_slot);
	tcase_add_test(t, c08_nested_max_1);
	tcase_add_test(t, c09_inner_failure_is_one_branch_of_the_outer);
	tcase_add_test(t, c10_what_succeeded_stays_and_what_failed_twice_runs_again);
	tcase_add_test(t, c11_nothing_after_a_failed_block);
	tcase_add_test(t, c12_list_is_read_once);
	tcase_add_test(t, c13_only_a_new_item_runs);
	tcase_add_test(t, c14_one_item_twice);
	tcase_add_test(t, c14_two_items_of_one_key_are_named);
	tcase_add_test(t, c14_nested_items_of_one_key);
	tcase_add_test(t, c15_items_arrive_byte_identical);
	tcase_add_test(t, c15_a_value_is_never_substituted_again);
	tcase_add_test(t, c16_lists);
	tcase_add_test(t, c16_list_of_words_then_of_results);
	tcase_add_test(t, c17_one_terminal_is_refused_in_parallel);
	tcase_add_test(t, what_is_not_built_is_refused_before_anything_starts);
	return t;
}

/* Keys and results, 18 to 24. */

START_TEST(c18_a_hit_starts_and_writes_nothing)
{
	static const char *const dirs[] = { "result", "asked", "stderr", "tmp" };
	char *before[LEN(dirs)], path[64];
	struct ran r;
	size_t i;

	help_file("f.orch", "parallel i in a b", "run sh as x-{{i}} | " STARTED "echo said >&2; echo $i", "end",
	    NULL);
	help_sh(0, "orch run -r x f.orch");
	unlink("started");
	for (i = 0; i < LEN(dirs); i++) {
		snprintf(path, sizeof path, ".orch/x/%s", dirs[i]);
		before[i] = help_tree(path, 1);
	}
	r = help_sh(0, "orch run -r x f.orch");
	help_none("started");
	help_has(r.err, "kept      x-a");
	help_has(r.err, "kept      x-b");
	for (i = 0; i < LEN(dirs); i++) {
		snprintf(path, sizeof path, ".orch/x/%s", dirs[i]);
		ck_assert_str_eq(help_tree(path, 1), before[i]);
	}
}
END_TEST

START_TEST(c19_an_empty_result_is_a_result)
{
	help_file("f.orch", "run sh as e | " STARTED, "print | [{{e}}]", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "[]\n");
	help_is(RESULT "e", "");
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "[]\n");
	help_is("started", "e\n");
}
END_TEST

START_TEST(c20_what_is_not_kept)
{
	static const char *const keys[] = { "status", "check", "filter", "timeout", "signal", "program" };
	char name[64];
	struct ran r;
	size_t i;

	help_file("not-a-program", "text", NULL);
	help_file("f.orch", "step nothing exec ./not-a-program", "parallel",
	    "run sh as status | " STARTED "echo answer; exit 3",
	    "run sh as check | " STARTED "echo answer", "check grep -q other",
	    "run sh as filter | " STARTED "echo answer", "filter cat; exit 2",
	    "run sh as timeout | " STARTED "echo answer; exec sleep 60", "timeout 1s",
	    "run sh as signal | " STARTED "echo answer; kill -USR1 $$",
	    "run nothing as program", "end", NULL);
	help_sh(0, "chmod +x not-a-program");
	help_sh(0, "mkdir empty");
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "6 of 6 branches failed: status: exit status 3; check: ");
	help_has(r.err, "timed out");
	help_has(r.err, "SIGUSR1");
	for (i = 0; i < LEN(keys); i++) {
		snprintf(name, sizeof name, RESULT "%s", keys[i]);
		help_none(name);
	}
	help_sh(1, "orch resume -q -r x");
	ck_assert_int_eq(help_count(help_read("started", NULL), "\n"), 10);
	help_has(help_sh(0, "orch logs -r x status").out, "answer");
}
END_TEST

START_TEST(c20_a_write_that_failed)
{
	help_file("f.orch", "run sh as big | trap '' XFSZ; head -c 3000000 /dev/zero", NULL);
	help_sh(1, "ulimit -f 1000; orch run -r x f.orch");
	help_none(RESULT "big");
	help_sh(0, "orch resume -r x");
	ck_assert(help_exists(RESULT "big"));
}
END_TEST

static const char *const odd_keys[] = {
	".", "..", "...", "/etc/x", "a/b", "../../../x", "UPPER", "upper", "-rf", "--", "new\nline", "\xff",
	"\xfe\xff",
	"a%2Fb", "%", "%%", "\x1b[31m", " ", "a b", "*", "'", "\"", "$(touch P)", "h\xc3\xa4user", "\x7f",
	".hidden", "a.tmp", "lock",
};

START_TEST(c21_odd_keys_are_files_of_their_own)
{
	size_t i;

	help_file("f.orch", "param v", "run sh as {{v}} | printf %s \"$v\"", NULL);
	help_sh(0, "mkdir beside");
	for (i = 0; i < LEN(odd_keys); i++) {
		setenv("V", odd_keys[i], 1);
		no_control(help_sh(0, "cd beside && orch run -r x ../f.orch v=\"$V\"").err);
		if (*odd_keys[i] != '*')        /* which is a pattern to cat */
			ck_assert_str_eq(help_sh(0, "cd beside && orch cat -r x -- \"$V\"").out, odd_keys[i]);
	}
	help_sh(0, "find beside/.orch/x/result -type f >files && test $(wc -l <files) -eq 28");
	ck_assert_str_eq(help_sh(0, "find beside/.orch/x/result ! -type f").out, "beside/.orch/x/result\n");
	ck_assert_str_eq(help_sh(0, "ls -A beside beside/.orch beside/.orch/x").out,
	    "beside:\n.orch\n\nbeside/.orch:\n.gitignore\nx\n\n"
	    "beside/.orch/x:\nasked\nhow\nlock\nlog\nresult\nrun\nstderr\ntmp\n");
	help_none("/etc/x");
	help_none("P");
}
END_TEST

START_TEST(c21_keys_that_are_none)
{
	char big[400];
	struct ran r;

	/* What the parameters alone decide is told before anything starts. */
	help_file("f.orch", "param v", "param w w", "run sh as paid | " STARTED, "run sh as {{v}} | " STARTED,
	    "if true", "run sh as {{w}} | :", "else", "run sh as other | :", "end", NULL);
	help_has(help_sh(2, "orch run -r x f.orch v=").err, "f.orch:4:11: error: an empty key\n");
	help_has(help_sh(2, "orch run -r x f.orch v=-").err, "f.orch:4:11: error: the key `-` is reserved for standard input\n");
	help_has(help_sh(2, "orch run -r x f.orch v=paid").err,
	    "f.orch:4:11: error: duplicate key `paid` (first made on line 3): choose another name\n");
	help_has(help_sh(2, "orch run -r x f.orch v=b w=b").err, "f.orch:6:11: error: duplicate key `b` (first made on line 4)");
	memset(big, 'k', 300);
	big[300] = '\0';
	setenv("V", big, 1);
	r = help_sh(2, "orch run -r y f.orch v=\"$V\"");
	help_has(r.err, "long");
	help_none(".orch");
	help_sh(0, "orch run -q -r w f.orch v=b w=other && rm started");
	/* In one block: nobody starts when one item's key is none. */
	help_file("g.orch", "run sh as list | echo a; echo \"$V\"", "parallel i in < list",
	    "run sh as {{i}} | " STARTED, "end", NULL);
	help_sh(1, "orch run -r z g.orch");
	help_none("started");
	ck_assert_str_eq(help_sh(0, "ls .orch/z/result").out, "list\n");
}
END_TEST

START_TEST(c22_a_changed_prompt_is_a_hit_and_one_line_says_so)
{
	struct ran r;

	help_file("f.orch", "agent a sh -c 'cat; " "echo $ORCH_KEY >>$ORCH_ROOT/started'", "step s a",
	    "run s as one | first", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_has(help_sh(0, "orch run -r x f.orch").err, "kept      one\n");
	help_file("f.orch", "agent a sh -c 'cat; " "echo $ORCH_KEY >>$ORCH_ROOT/started'", "step s a",
	    "run s as one | second", NULL);
	r = help_sh(0, "orch run -r x f.orch");
	help_has(r.err, "orch: 1 result is stale (one: prompt has changed); to re-run with what follows: orch resume -u -r x\n");
	ck_assert_int_eq(help_count(r.err, "prompt"), 1);
	help_lacks(r.err, "command");
	help_is("started", "one\n");
	help_is(RESULT "one", "first\n");
}
END_TEST

START_TEST(c22_a_changed_command_is_a_hit)
{
	struct ran r;

	help_file("f.orch", "step s exec cat", "run s as one | text", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_file("f.orch", "step s exec cat -- -", "run s as one | text", NULL);
	r = help_sh(0, "orch run -r x f.orch");
	help_has(r.err, "command");
	help_lacks(r.err, "prompt");
	help_has(r.err, ": 1 kept, in ");
}
END_TEST

START_TEST(c22_changed_inputs_are_a_hit)
{
	struct ran r;

	help_file("f.orch", "run sh as in | cat \"$ORCH_ROOT/i\"", "step s exec cat", "run s as one < in | text",
	    NULL);
	help_file("i", "1", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_file("i", "2", NULL);
	unlink(RESULT "in");
	r = help_sh(0, "orch run -r x f.orch");
	help_has(r.err, "input");
	help_has(r.err, "1 done, 1 kept");
	help_is(RESULT "one", "text\n\n==> in <==\n1\n");
}
END_TEST

START_TEST(c22_nothing_is_asked_twice)
{
	static const char *const orders[] = { "a b c d", "d c b a", "new d b c a", "new d bad c a b" };
	char *first;
	size_t i;

	for (i = 0; i < LEN(orders); i++) {
		char line[100];

		snprintf(line, sizeof line, "parallel i in %s", orders[i]);
		help_file("f.orch", i ? "# a new line" : "", i == 2 ? "run sh as above | :" : "", line,
		    "run sh as x-{{i}} | " STARTED "test $i != bad; echo $i", "end", "print | {{x-*}}", NULL);
		help_run("orch run -q -r x f.orch");
	}
	first = help_sh(0, "grep -v bad started | sort | tr '\n' ' '").out;
	ck_assert_str_eq(first, "x-a x-b x-c x-d x-new ");
}
END_TEST

START_TEST(c22_standard_output_is_the_same_again)
{
	char *first;
	int i;

	help_file("f.orch", "print | begin", "parallel i in c a b", "run sh as x-{{i}} | test $i = b || "
	    "until test -f \"$ORCH_RESULTS/x-b\"; do :; done; echo $i-$$", "timeout 30s", "end", "print | {{x-*}}",
	    "for i in 1..3", "run sh as y-{{i}} | printf '%s\\n\\n\\n' $$", "print | {{y-{{i}}}}",
	    "if < y-{{i}} | grep -q 3", "print | three", "else", "print | none", "end", "end",
	    "parallel max 1 i in q p", "run sh as z-{{i}} | echo $i $$", "print | {{z-{{i}}}}", "end", "print",
	    "| {{z-*}}{{y-*}}", "| end", NULL);
	first = help_sh(0, "orch run -r x f.orch 2>e").out;
	help_has(first, "begin\nc-");
	help_has(first, "\nend\n");
	for (i = 0; i < 3; i++)
		ck_assert_str_eq(help_sh(0, i ? "orch run -q -r x f.orch" : "orch run -j 1 -r x f.orch").out, first);
}
END_TEST

/* A text is whole also where standard error goes to the same file: between two things that were said, never in one. */
START_TEST(print_is_whole_in_a_log_of_both)
{
	static const char *const where[] = { ">log 2>&1", "2>&1 | cat >log" };
	char line[300];

	help_file("f.orch", "agent long sh -c 'cat >/dev/null; head -c 200000 /dev/zero | tr \"\\0\" x; echo; echo the end'",
	    "run long as a | x", "parallel i in 1..20", "run sh as b-{{i}} | :", "end", "print | {{a}}",
	    "parallel i in 1..20", "run sh as c-{{i}} | :", "print | {{a}} {{i}}", "end", NULL);
	snprintf(line, sizeof line, "orch run -r r%d f.orch %s; orch resume -r r%d %s; orch run -r r%d f.orch %s", _i, where[_i], _i,
	    ">/dev/null 2>&1", _i, where[_i]);
	help_sh(0, line);
	ck_assert_str_eq(help_sh(0, "grep -xc 'x*' log; awk 'length == 200000 { n++ } END { print n }' log; "
	    "grep -cx 'the end' log; grep -c '^the end [0-9]*$' log; sed 's/^x*$//' log | grep -c .").out, "21\n21\n1\n20\n44\n");
	help_in_order(help_sh(0, "sed 's/^xx*$/text/' log").out,
	    (const char *const[]){ "orch: resuming run ", "kept      b-19\n", "text\n", "the end\n", "kept      21 more\n" }, 5);
}
END_TEST

START_TEST(c22_a_removed_result_runs_again)
{
	help_file("f.orch", "run sh as a | " STARTED "echo 1", "run sh as b | " STARTED "echo 2", NULL);
	help_sh(0, "orch run -r x f.orch");
	unlink(RESULT "a");
	help_lacks(help_sh(0, "orch status -r x || test $? = 6").out, "complete");
	help_sh(0, "orch resume -r x");
	help_is("started", "a\nb\na\n");
}
END_TEST

START_TEST(c22_a_written_result_is_a_result)
{
	help_file("f.orch", "run sh as a | exit 1", "print | {{a}}", NULL);
	help_sh(1, "orch run -r x f.orch");
	help_file(RESULT "a", "by hand", NULL);
	ck_assert_str_eq(help_sh(0, "orch resume -r x").out, "by hand\n");
}
END_TEST

START_TEST(c23_a_result_that_cannot_be_read)
{
	struct ran r;

	help_file("f.orch", "run sh as a | " STARTED "echo secret", "step s exec cat", "run s as b < a",
	    "print | {{b}}", NULL);
	be_nobody();
	help_sh(0, "orch run -r x f.orch");
	unlink("started");
	unlink(RESULT "b");
	ck_assert_int_eq(chmod(RESULT "a", 0), 0);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "ermission");
	help_none("started");
	help_none(RESULT "b");
	help_sh(1, "orch cat -r x a");
	ck_assert_int_eq(chmod(RESULT "a", 0600), 0);
	ck_assert_int_eq(chmod(".orch/x/result", 0), 0);
	help_has(help_sh(1, "orch run -r x f.orch; test $? -gt 0 -a $? -le 2 && exit 1").err, "ermission");
	help_none("started");
	ck_assert_int_eq(chmod(".orch/x/result", 0700), 0);
	help_sh(0, "orch run -r x f.orch");
	help_none("started");
}
END_TEST

START_TEST(c23_a_result_that_is_no_file)
{
	help_file("f.orch", "run sh as a | " STARTED, NULL);
	help_sh(0, "orch run -r x f.orch");
	unlink("started");
	help_sh(0, "rm .orch/x/result/a && mkdir .orch/x/result/a");
	help_sh(1, "orch run -r x f.orch");
	help_none("started");
}
END_TEST

START_TEST(c24_results_are_byte_exact)
{
	static const char *const ends[] = { "", "\n", "x", "x\n\n\n", "\r\n", "a\0b" };
	char all[256], name[64];
	size_t i;

	for (i = 0; i < sizeof all; i++)
		all[i] = (char)i;
	help_bytes("bin", all, sizeof all);
	help_file("f.orch", "run sh as bin | cat \"$ORCH_ROOT/bin\"", "for i in 0..5",
	    "run sh as e-{{i}} | cat \"$ORCH_ROOT/end-$i\"", "end", "step cat exec cat",
	    "run cat as joined < bin e-*", NULL);
	for (i = 0; i < LEN(ends); i++) {
		snprintf(name, sizeof name, "end-%zu", i);
		help_bytes(name, ends[i], i == 5 ? 3 : strlen(ends[i]));
	}
	help_sh(0, "orch run -r x f.orch");
	bytes_are(RESULT "bin", all, sizeof all);
	for (i = 0; i < LEN(ends); i++) {
		snprintf(name, sizeof name, RESULT "e-%zu", i);
		bytes_are(name, ends[i], i == 5 ? 3 : strlen(ends[i]));
	}
	/* A newline only where one ends without. */
	help_sh(0, "{ cat bin; printf '\\n\\nx\\nx\\n\\n\\n\\r\\na\\0b'; } >want");
	help_sh(0, "cmp want .orch/x/result/joined");
}
END_TEST

START_TEST(c24_200_megabytes)
{
	struct rusage used;

	help_file("f.orch", "run sh as big | head -c 200000000 /dev/zero",
	    "run sh as size < big | wc -c | tr -d ' '",
	    "if < big | test $(head -c 5 | wc -c) -eq 5", "print | {{size}}", "end", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "200000000\n");
	ck_assert_str_eq(help_sh(0, "wc -c <.orch/x/result/big | tr -d ' '").out, "200000000\n");
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "200000000\n");
	ck_assert_str_eq(help_sh(0, "orch cat -r x big | wc -c | tr -d ' '").out, "200000000\n");
	/* The largest of all that was waited for, in KiB. */
	ck_assert_int_eq(getrusage(RUSAGE_CHILDREN, &used), 0);
	ck_assert_int_lt(used.ru_maxrss, 40 * 1024);
}
END_TEST

static TCase *
keys_case(void)
{
	TCase *t = tcase_create("keys");

	tcase_add_test(t, c18_a_hit_starts_and_writes_nothing);
	tcase_add_test(t, c19_an_empty_result_is_a_result);
	tcase_add_test(t, c20_what_is_not_kept);
	tcase_add_test(t, c20_a_write_that_failed);
	tcase_add_test(t, c21_odd_keys_are_files_of_their_own);
	tcase_add_test(t, c21_keys_that_are_none);
	tcase_add_test(t, c22_a_changed_prompt_is_a_hit_and_one_line_says_so);
	tcase_add_test(t, c22_a_changed_command_is_a_hit);
	tcase_add_test(t, c22_changed_inputs_are_a_hit);
	tcase_add_test(t, c22_nothing_is_asked_twice);
	tcase_add_test(t, c22_standard_output_is_the_same_again);
	tcase_add_loop_test(t, print_is_whole_in_a_log_of_both, 0, 2);
	tcase_add_test(t, c22_a_removed_result_runs_again);
	tcase_add_test(t, c22_a_written_result_is_a_result);
	tcase_add_test(t, c23_a_result_that_cannot_be_read);
	tcase_add_test(t, c23_a_result_that_is_no_file);
	tcase_add_test(t, c24_results_are_byte_exact);
	tcase_add_test(t, c24_200_megabytes);
	return t;
}

/* Runs, 25 to 33. */

START_TEST(c25_the_directory_is_there_before_the_first_step)
{
	help_file("f.orch", "run sh as a | cd \"$ORCH_RESULTS/..\" && ls && ls -ld . | cut -c 1-10 && "
	    "test -d result && ls -l run | cut -c 1-10 && cat ../.gitignore", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_has(help_read(RESULT "a", NULL), "lock\nlog\nresult\nrun\n");
	help_has(help_read(RESULT "a", NULL), "drwx------\n-rw-------\n*\n");
	ck_assert_str_eq(help_sh(0, "find .orch/x -type f ! -perm 600; find .orch/x -type d ! -perm 700").out, "");
}
END_TEST

START_TEST(c25_the_environment_of_a_step)
{
	char want[600], here[256];

	ck_assert_ptr_nonnull(getcwd(here, sizeof here));
	help_file("f.orch", "run sh as a | echo $ORCH_RUN $ORCH_KEY $ORCH_RESULTS $ORCH_ROOT", NULL);
	snprintf(want, sizeof want, "x a %s/.orch/x/result %s\n", here, here);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "a", want);
	snprintf(want, sizeof want, "x a %s/some/where/x/result %s\n", here, here);
	help_sh(0, "mkdir some && orch run -d some/where -r x f.orch");
	help_is("some/where/x/result/a", want);
	help_sh(0, "ORCH_DIR=other orch run -r x f.orch");
	ck_assert(help_exists("other/x/result/a"));
}
END_TEST

START_TEST(c26_over_a_complete_run)
{
	help_file("f.orch", "run sh as a | " STARTED, NULL);
	help_sh(0, "orch run -r x f.orch");
	help_sh(0, "orch run -r x f.orch");
	help_is("started", "a\n");
	help_sh(3, "orch resume");
	help_sh(0, "orch resume -r x");
	help_is("started", "a\n");
}
END_TEST

/* The step says on `up` that it is started and ends when something is written to `gate`. */
#define GATED "echo up >\"$ORCH_ROOT/up\"; read x <\"$ORCH_ROOT/gate\""

START_TEST(c26_over_a_live_run_names_the_holder)
{
	struct ran r;

	help_file("f.orch", "run sh as a | " STARTED GATED, NULL);
	r = help_sh(4,
	    "mkfifo up gate; orch run -q -r x f.orch & pid=$!; read u <up; echo $pid; timeout 30 orch run -r x f.orch; s=$?;"
	    "timeout 30 orch resume -r x; echo $?; echo go >gate; wait $pid && exit $s");
	r.out[strcspn(r.out, "\n")] = '\0';
	help_has(r.err, r.out);
	ck_assert_int_eq(help_count(r.err, "in use"), 2);
	ck_assert_str_eq(r.out + strlen(r.out) + 1, "4\n");
	help_is("started", "a\n");
}
END_TEST

START_TEST(c26_fifty_at_once_one_works)
{
	/* The one that works waits until all the others have been refused. */
	help_file("f.orch",
	    "run sh as a | " STARTED "until test $(ls \"$ORCH_ROOT/refused\" | wc -l) -eq 49; do sleep 0.02; done",
	    "timeout 60s", NULL);
	help_sh(0, "mkdir refused; n=0; while test $n -lt 50; do n=$((n + 1)); { orch run -r x f.orch 2>err-$n; s=$?;"
	    "test $s -eq 0 || echo $s >refused/$n; } & done; wait");
	ck_assert_str_eq(help_sh(0, "sort refused/* | uniq -c | tr -s ' '").out, " 49 4\n");
	help_is("started", "a\n");
	help_sh(0, "cd refused; for n in *; do grep -q 'pid [0-9]' ../err-$n || exit 1; done");
}
END_TEST

START_TEST(c27_status_refuses_no_start)
{
	help_file("f.orch", "run sh as a | " STARTED, NULL);
	help_sh(0,
	    "orch run -q -r x f.orch; (n=0; while test $n -lt 200; do n=$((n + 1)); orch status -r x >out || test $? -ge 5 || echo bad >>bad; done) & "
	    "n=0; while test $n -lt 60; do n=$((n + 1)); rm -f .orch/x/result/a; orch run -q -r x f.orch || exit; done; wait");
	help_none("bad");
	ck_assert_int_eq(help_count(help_read("started", NULL), "a\n"), 61);
}
END_TEST

START_TEST(c28_status_of_a_live_and_of_a_killed_run)
{
	struct ran r;

	help_file("f.orch", "run sh as done | :", "run sh as a | " GATED, "run sh as later | :", NULL);
	r = help_sh(0,
	    "mkfifo up gate; orch run -q -r x f.orch & pid=$!; read u <up; orch status; orch runs; kill -9 $pid;"
	    "wait $pid; until orch status | grep -q 'run x: interrupted'; do sleep 0.02; done; echo --; orch status; orch runs");
	help_has(r.out, "run x: running");
	help_has(r.out, "running      a");
	help_has(r.out, "waiting      later");
	help_has(r.out, "\nrunning  ");
	r.out = strstr(r.out, "--\n");
	help_has(r.out, "run x: interrupted");
	help_has(r.out, "done         done");
	help_has(r.out, "interrupted  a");
	help_has(r.out, "\ninterrupted  2");
	help_lacks(r.out, "running");
	help_none(RESULT "a");
	help_sh(0, "(read u <up; echo >gate) & orch resume -q && wait");
	help_has(help_sh(0, "orch status").out, "run x: complete");
}
END_TEST

START_TEST(c29_looking_writes_nothing)
{
	static const char *const commands[] = {
		"orch check f.orch", "orch status || test $? = 1", "orch status -p -r x || test $? = 1", "orch logs", "orch logs -r x b a",
		"orch cat -r x a '*'",
		"orch runs", "orch runs -p", "orch completion bash", "orch run -n f.orch", "orch run -n -r x f.orch", "orch run -n -r new f.orch",
		"orch logs -f",
		"orch -h", "orch -V",
	};
	char *before;
	size_t i;

	help_file("f.orch", "run sh as a | echo 1; echo 2 >&2", "run sh as b | test -f ok", "run sh as c | :",
	    NULL);
	help_sh(0, "chmod 755 .; mkdir none");
	be_nobody();
	help_sh(1, "orch run -q -r x f.orch");
	before = help_tree(".", 1);
	for (i = 0; i < LEN(commands); i++)
		help_sh(0, commands[i]);
	ck_assert_str_eq(help_tree(".", 1), before);
	help_sh(0, "chmod -R a-w . && ! (echo >new) 2>/dev/null");
	for (i = 0; i < LEN(commands); i++)
		help_sh(0, commands[i]);
	help_sh(0, "chmod -R u+w .");
	/* Where there never was a run, too. */
	help_sh(0, "cd none && orch run -n ../f.orch && orch runs && orch check ../f.orch");
	help_sh(3, "cd none && ORCH_DIR=.orch orch status");
	help_sh(3, "cd none && ORCH_DIR=.orch orch logs");
	help_sh(3, "cd none && ORCH_DIR=.orch orch cat a");
	help_none("none/.orch");
}
END_TEST

START_TEST(c30_a_new_prompt_or_parameter_replaces_the_recorded)
{
	help_file("f.orch", "param prompt none", "param p", "param q unset",
	    "run sh as r-{{p}}-{{q}} | test -f \"$ORCH_ROOT/ok\"",
	    "print | {{prompt}} {{p}} {{q}}", NULL);
	help_sh(1, "orch run -r x f.orch p=1 first");
	help_sh(1, "orch resume -r x");
	help_sh(1, "orch run -r x f.orch q=new 'the second'");
	help_file("ok", NULL);
	ck_assert_str_eq(help_sh(0, "orch resume -r x").out, "the second 1 new\n");
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch p=2").out, "the second 2 new\n");
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch '' q=").out, " 2 \n");
	ck_assert_str_eq(help_sh(0, "orch resume -r x").out, " 2 \n");
}
END_TEST

/* What is refused has changed nothing: the run goes on as before. */
START_TEST(c30_what_is_refused_is_not_recorded)
{
	help_file("f.orch", "param p old", "agent who sh -c {}", "run who as a | test -f \"$ORCH_ROOT/ok\" && echo \"$p\"", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_file("before", NULL);
	help_sh(0, "cp .orch/x/run before");
	help_has(help_sh(2, "orch resume -r x -a 'who=nowhere -c {}'").err, "`nowhere`");
	help_sh(2, "orch run -r x -a 'who=nowhere -c {}' f.orch p=new");
	help_sh(0, "cmp before .orch/x/run && touch ok && orch resume -q -r x");
	ck_assert_str_eq(help_sh(0, "orch cat a").out, "old\n");
}
END_TEST

START_TEST(c30_a_is_recorded)
{
	help_file("f.orch", "agent ask sh -c 'cat; echo file'", "for i in 1..3", "run ask as s-{{i}} | text",
	    "if test ! -f \"$ORCH_ROOT/ok-$i\"", "fail | stopped here", "end", "end", NULL);
	help_sh(1, "orch run -r x -a \"ask=sh -c 'cat; echo given'\" f.orch");
	help_is(RESULT "s-1", "text\ngiven\n");
	help_file("ok-1", NULL);
	help_sh(1, "orch resume -r x");
	help_is(RESULT "s-2", "text\ngiven\n");
	help_file("ok-2", NULL);
	help_file("ok-3", NULL);
	help_sh(0, "orch resume -r x -a \"ask=sh -c 'cat; echo anew'\"");
	help_is(RESULT "s-3", "text\nanew\n");
	help_is(RESULT "s-2", "text\ngiven\n");
	unlink(RESULT "s-1");
	help_sh(0, "orch resume -r x");
	help_is(RESULT "s-1", "text\nanew\n");
}
END_TEST

START_TEST(c30_resume_takes_no_operands)
{
	help_file("f.orch", "run sh as a | " STARTED "test -f \"$ORCH_ROOT/ok\"", NULL);
	help_sh(1, "orch run -r nightly f.orch");
	help_sh(2, "orch resume nightly");
	help_sh(2, "orch resume -r nightly prompt");
	help_is("started", "a\n");
}
END_TEST

START_TEST(c31_runs_of_one_second_have_names_of_their_own)
{
	help_file("f.orch", "run sh as a | :", NULL);
	help_sh(0, "for n in 1 2 3 4 5 6; do orch run -q f.orch & done; wait");
	ck_assert_str_eq(help_sh(0, "ls .orch | wc -l | tr -d ' '; orch runs | grep -c '^complete'").out, "6\n6\n");
}
END_TEST

START_TEST(c31_names_that_are_taken)
{
	help_file("f.orch", "run sh as a | :", NULL);
	/* As if the clock was set back: this second's names are there already. */
	help_sh(0,
	    "mkdir .orch; n=0; until test $n -gt 4; do mkdir -p .orch/$(date +%Y%m%d-%H%M%S); orch run -q f.orch || exit; n=$((n + 1)); done");
	ck_assert_str_eq(help_sh(0, "orch runs | grep -c '^complete'").out, "5\n");
}
END_TEST

/* One that was closed is not there to be written to; a workflow that prints nothing does without. */
START_TEST(c32_standard_output_that_is_closed)
{
	help_file("f.orch", "run sh as a | echo 1", "print | {{a}}", NULL);
	help_has(help_sh(1, "orch run -r x f.orch >&-").err, "standard output: Bad file descriptor");
	help_file("g.orch", "run sh as a | echo 1", NULL);
	help_sh(0, "orch run -q -r y g.orch >&-; orch run -q -r z g.orch <&- >&- 2>&-");
	ck_assert_str_eq(help_sh(0, "cat .orch/[xyz]/result/a").out, "1\n1\n1\n");
}
END_TEST

START_TEST(c32_standard_output_that_cannot_be_written)
{
	static const char *const commands[] = {
		"orch run -r x f.orch", "orch run -q -r y f.orch", "orch cat -r x a", "orch status -r x",
		"orch runs", "orch logs -r x",
		"orch run -n f.orch", "orch -h", "orch -V",
	};
	char command[100];
	struct ran r;
	size_t i;

	help_file("f.orch", "run sh as a | echo 1; echo 2 >&2", "print | {{a}}", "run sh as b | " STARTED, NULL);
	for (i = 0; i < LEN(commands); i++) {
		snprintf(command, sizeof command, "%s >/dev/full", commands[i]);
		r = help_sh(!strncmp(command, "orch status", 11) ? 2 : 1, command);
		help_has(r.err, "No space left");
	}
	help_none("started");
	ck_assert_str_eq(help_sh(0, "orch resume -r x").out, "1\n");
}
END_TEST

START_TEST(c33_descriptors_closed_at_start)
{
	static const char *const closed[] = { "<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-",
	    "<&- >&- 2>&-" };
	char command[100], line[100];
	size_t i;

	help_file("f.orch", "param n", "run sh as out | echo answer",
	    "run sh as both | echo answer; echo error >&2",
	    "run sh as wrong | echo half; exit 1", "otherwise 'none'", "run sh as in | cat", "print | printed",
	    NULL);
	for (i = 0; i < LEN(closed); i++) {
		snprintf(command, sizeof command, "orch run -v -r r%zu f.orch n=%zu %s; test $? -le 1", i, i,
		    closed[i]);
		help_sh(0, command);
		snprintf(line, sizeof line,
		    "cd .orch/r%zu && cat result/out result/both result/wrong result/in stderr/both", i);
		ck_assert_str_eq(help_sh(0, line).out, "answer\nanswer\nnoneerror\n");
		snprintf(line, sizeof line, "cat .orch/r%zu/run .orch/r%zu/log", i, i);
		help_lacks(help_sh(0, line).out, "printed");
		help_lacks(help_sh(0, line).out, "orch: run");
	}
}
END_TEST

static TCase *
runs_case(void)
{
	TCase *t = tcase_create("runs");

	tcase_add_test(t, c25_the_directory_is_there_before_the_first_step);
	tcase_add_test(t, c25_the_environment_of_a_step);
	tcase_add_test(t, c26_over_a_complete_run);
	tcase_add_test(t, c26_over_a_live_run_names_the_holder);
	tcase_add_test(t, c26_fifty_at_once_one_works);
	tcase_add_test(t, c27_status_refuses_no_start);
	tcase_add_test(t, c28_status_of_a_live_and_of_a_killed_run);
	tcase_add_test(t, c29_looking_writes_nothing);
	tcase_add_test(t, c30_a_new_prompt_or_parameter_replaces_the_recorded);
	tcase_add_test(t, c30_what_is_refused_is_not_recorded);
	tcase_add_test(t, c30_a_is_recorded);
	tcase_add_test(t, c30_resume_takes_no_operands);
	tcase_add_test(t, c31_runs_of_one_second_have_names_of_their_own);
	tcase_add_test(t, c31_names_that_are_taken);
	tcase_add_test(t, c32_standard_output_that_is_closed);
	tcase_add_test(t, c32_standard_output_that_cannot_be_written);
	tcase_add_test(t, c33_descriptors_closed_at_start);
	return t;
}

/* Words, 57 to 60. */

/* Runs COMMAND with one end of a socket that keeps each write apart as its standard error; returns how
 * many writes that were. */
static int
writes_of(const char *command, char *all, size_t room)
{
	int ends[2], status, n = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		close(ends[0]);
		dup2(ends[1], 2);
		dup2(open("/dev/null", O_RDWR), 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	*all = '\0';
	while ((got = recv(ends[0], all, room - 1, 0)) > 0) {
		all[got] = '\0';
		n++;
	}
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	return n;
}

START_TEST(c57_a_message_is_one_write)
{
	static const char *const commands[] = {
		"exec orch run missing.orch", "exec orch status", "exec orch run bad.orch",
		"exec orch run f.orch a b", "exec orch",
		"exec orch resume", "exec orch cat x", "exec orch run -r x other.orch",
	};
	char text[4096];
	size_t i;

	help_file("bad.orch", "rum sh | x", "run nobody | y", "parallel max x i in a", NULL);
	help_file("f.orch", "param prompt", "run sh as a | :", NULL);
	for (i = 0; i < LEN(commands); i++) {
		ck_assert_msg(writes_of(commands[i], text, sizeof text) == 1, "%s: %s", commands[i], text);
		ck_assert_int_eq(text[strlen(text) - 1], '\n');
	}
}
END_TEST

START_TEST(c57_messages_say_what_where_and_what_to_do)
{
	struct ran r;

	r = help_sh(2, "orch run missing.orch");
	help_has(r.err, "missing.orch: No such file");
	ck_assert_int_eq(help_count(r.err, "\n"), 1);
	help_file("f.orch", "param n", "run sh as a | exit 3", NULL);
	r = help_sh(2, "orch run f.orch");
	help_has(r.err, "f.orch:1");
	help_has(r.err, "n=VALUE");
	r = help_sh(1, "mkdir else; orch run -d else/where -r 'my run' f.orch n=1");
	help_has(r.err, "failed    a  exit status 3");
	/* What it says is the way to resume it, as it is. */
	r.err = strstr(r.err, "orch resume");
	ck_assert_ptr_nonnull(r.err);
	r.err[strcspn(r.err, "\n")] = '\0';
	r = help_sh(1, r.err);
	help_has(r.err, "failed    a");
}
END_TEST

START_TEST(c57_control_characters_are_made_visible)
{
	static const char *const commands[] = { "orch status -r x", "orch run -n -r x f.orch v=\"$V\"", "orch runs",
	    "orch run -v -r x f.orch" };
	struct ran r;
	size_t i;

	setenv("V", "red\x1b[31m\r\a\x9b\x7f", 1);
	help_file("f.orch", "param v x", "parallel i in {{v}}", "run sh as x-{{i}}",
	    "| printf \"$v\"; printf '\\033]0;title\\007' >&2; exit 1", "end", NULL);
	r = help_sh(1, "orch run -r x f.orch v=\"$V\"");
	no_control(r.err);
	help_has(r.err, "red");
	help_lacks(r.err, "title");
	for (i = 0; i < LEN(commands); i++) {
		r = help_run("%s", commands[i]);
		no_control(r.out);
		no_control(r.err);
	}
	/* The bytes themselves are kept. */
	help_has(help_sh(0, "orch logs -r x").out, "\x1b]0;title\a");
	no_control(help_sh(2, "orch run \"$V\"").err);
	no_control(help_sh(2, "orch run f.orch \"$V\"").err);
	no_control(help_sh(2, "orch \"-$V\"").err);
	no_control(help_sh(3, "orch status -r \"$V\"").err);
	no_control(help_sh(1, "orch cat -r x \"$V\"").err);
	help_file("g.orch", "param v x", "fail | it says {{v}}", NULL);
	no_control(help_sh(1, "orch run -r y g.orch v=\"$V\"").err);
	help_bytes("h.orch", "run \x1b[31m | x\n", 13);
	no_control(help_sh(2, "orch run h.orch").err);
}
END_TEST

START_TEST(c58_every_failing_exit_says_something)
{
	static const struct {
		int status;
		const char *command;
	} all[] = {
		{ 2, "orch" }, { 2, "orch run" }, { 2, "orch -Z" }, { 2, "orch run -r" }, { 2,
		"orch run -j 0 f.orch" },
		{ 2, "orch run -j x f.orch" }, { 2, "orch chek f.orch" }, { 2, "orch run missing" }, { 2,
		"orch run bad.orch" },
		{ 2, "orch check" }, { 2, "orch check bad.orch" }, { 2, "orch check missing" }, { 2, "orch run ." },
		{ 2, "orch cat" },
		{ 2, "orch status x" }, { 2, "orch runs x" }, { 2, "orch run -a f.orch" }, { 2,
		"orch run -a x f.orch" },
		{ 2, "orch run f.orch prompt" }, { 2, "orch run f.orch nope=1" }, { 2, "orch run -d '' f.orch" },
		{ 2, "orch run -r '' f.orch" },
		{ 3, "orch resume" }, { 3, "orch resume -r none" }, { 3, "orch status" }, { 3,
		"orch status -r none" },
		{ 3, "orch logs" }, { 3, "orch cat a" }, { 3, "orch logs -r none a" }, { 3, "orch cat -r none a" },
		{ 1, "orch run -q -r x fails.orch" }, { 1, "orch resume -q -r x" }, { 1, "orch cat -r x nothing" },
		{ 1, "orch cat -r x 'n*'" }, { 1, "orch logs -r x nothing" }, { 1,
		"orch run -q -d f.orch f.orch; test $? -le 2 && exit 1" },
		{ 1, "orch run -q fail.orch" }, { 1, "orch run -q silent.orch" }, { 1, "orch run -q late.orch" },
	};
	size_t i;

	help_file("f.orch", "run sh as a | echo x >&2; echo y", NULL);
	help_file("bad.orch", "rum", NULL);
	help_file("fails.orch", "run sh as a | exit 1", NULL);
	help_file("fail.orch", "fail", NULL);
	help_file("silent.orch", "if exit 2", "end", NULL);
	help_file("late.orch", "run sh as m | echo 0", "parallel max {{m}} i in 1 2", "run sh as x-{{i}} | :", "end",
	    NULL);
	for (i = 0; i < LEN(all); i++)
		help_sh(all[i].status, all[i].command);
}
END_TEST

START_TEST(c58_q_is_silent_on_success)
{
	static const char *const commands[] = { "orch run -q -r x f.orch", "orch resume -q -r x",
	    "orch -q -r y f.orch", "orch check f.orch" };
	struct ran r;
	size_t i;

	help_file("f.orch", "run sh as a | echo x >&2; echo y", "parallel i in 1 2", "run sh as x-{{i}} | :", "end",
	    "run sh as o | exit 1", "retry 1 0s", "otherwise none", "stop | well", NULL);
	for (i = 0; i < LEN(commands); i++) {
		r = help_sh(0, commands[i]);
		ck_assert_str_eq(r.out, "");
		if (i == 1)
			ck_assert_str_eq(r.err, "orch: 1 result is a fallback (o); to re-run: orch redo -F -r x\n");
		if (i == 3)
			ck_assert_str_eq(r.err, "");
		help_lacks(r.err, "done");
		help_lacks(r.err, "complete");
	}
}
END_TEST

static const char *const hostile[] = {
	"$(touch P)", "`touch P`", "; touch P", "| touch P", "&& touch P", "|| touch P", "& touch P &", "> P",
	"2>P", "<P",
	"$(touch P); ../../x \"y\"", "'; touch P; '", "\"; touch P; \"", "\ntouch P\n", "--upload-pack=touch P",
	"-rf", "--", "-c", "*", "1..9",
	"max", "{{v}}", "\\{{v}}", "{{", "%n%s%s%n", "~", "~root", "$HOME", "${IFS}", "a  b", " lead", "tab\there",
	"\x1b[31mred",
	"\\", "\\n", "'", "\"", "# x", "\xff\xfe\x80", "{}", "=", "v=w", "\r", "|", "in", "end", "..", "../../x",
	"/etc/passwd", "!!", "[a-z]",
};

static void
result_is(const char *key, const char *value, const char *more)
{
	char name[64], want[200];

	snprintf(name, sizeof name, RESULT "%s", key);
	snprintf(want, sizeof want, "%s%s", value, more);
	help_is(name, want);
}

START_TEST(c59_hostile_values_are_only_data)
{
	static const char *const keys[] = { "word", "joined", "env", "own", "other", "deep", "filtered" };
	struct ran r;
	size_t i, k;

	help_file("f.orch", "env FILE_ENV={{v}}", "param v", "param d {{v}}", "step word exec printf %s {{v}}",
	    "step text exec cat | {{d}}",
	    "step deep exec sh -c 'printf %s \"$1\"' sh {{v}}", "step joined exec printf %s {{v}}",
	    "run word", "run text", "run deep", "run joined", "run sh as env | printf %s \"$X\"", "env X={{d}}",
	    "run sh as own | printf %s \"$v\"",
	    "run sh as other | exit 3", "otherwise {{v}}", "run sh as k-{{v}} | printf %s \"$FILE_ENV\"",
	    "for i in {{v}}",
	    "run sh as f-{{i}} | printf %s \"$i\"", "end", "parallel max 1 i in {{v}}",
	    "run sh as p-{{i}} | printf %s \"$i\"", "end",
	    "if test \"$v\" = \"$d\"", "run word as filtered", "filter test \"$v\" = \"$d\" && cat",
	    "check test \"$FILE_ENV\" = \"$d\"", "end",
	    "step cat exec cat", "run cat as again < k-* f-* p-*", "print | <{{v}}>", NULL);
	for (i = 0; i < LEN(hostile); i++) {
		setenv("V", hostile[i], 1);
		r = help_sh(0, "rm -rf .orch; orch run -r x f.orch v=\"$V\"");
		for (k = 0; k < LEN(keys); k++)
			result_is(keys[k], hostile[i], "");
		result_is("text", hostile[i], "\n");
		no_control(r.err);
		ck_assert_int_eq(help_count(help_sh(0, "cat .orch/x/result/again").out, hostile[i]), 3);
		ck_assert(!strncmp(r.out + 1, hostile[i], strlen(hostile[i])));
		help_none("P");
		help_none("../x");
	}
	ck_assert_str_eq(help_sh(0, "ls -A").out, ".orch\nf.orch\n");
}
END_TEST

START_TEST(c59_hostile_values_in_messages)
{
	static const char *const files[] = { "max.orch", "program.orch", "fail.orch", "range.orch", "timeout.orch",
	    "block.orch" };
	char command[200];
	struct ran r;
	size_t i, k;

	help_file("max.orch", "param v", "parallel max {{v}} i in a b", "run sh as x-{{i}} | touch P", "end", NULL);
	help_file("program.orch", "param v", "step s exec ./{{v}}/none", "run s", NULL);
	help_file("fail.orch", "param v", "fail | {{v}}", NULL);
	help_file("range.orch", "param v", "for i in 1..{{v}}", "run sh as x-{{i}} | touch P", "end", NULL);
	help_file("timeout.orch", "param v", "run sh as s | touch P", "timeout {{v}}", NULL);
	help_file("block.orch", "param v", "parallel i in {{v}}", "run sh as x-{{i}} | exit 1", "end", NULL);
	for (i = 0; i < LEN(hostile); i++) {
		setenv("V", hostile[i], 1);
		for (k = 0; k < LEN(files); k++) {
			snprintf(command, sizeof command, "rm -rf .orch; orch run -r x %s v=\"$V\"", files[k]);
			r = help_run("%s", command);
			ck_assert_msg(r.status == 1 || r.status == 2, "%s: %s: %d: %s", hostile[i], command,
			    r.status, r.err);
			ck_assert_str_ne(r.err, "");
			no_control(r.err);
			help_none("P");
		}
	}
}
END_TEST

START_TEST(an_item_with_everything_is_only_data)
{
	static const char item[] = "$(touch P); ../../x \"y\"";
	struct ran r;

	help_file("f.orch", "agent claude sh -c 'printf %s \"$item\" >&2; cat'",
	    "run sh as list | printf '%s\\n' \"$I\"",
	    "parallel item in < list", "run claude as x-{{item}} | Look at {{item}}",
	    "run sh as e-{{item}} | echo \"$item\"; exit 1", "end", NULL);
	setenv("I", item, 1);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, item);
	help_has(r.err, "1 of 1 branches failed");
	setenv("K", "x-$(touch P); ../../x \"y\"", 1);
	ck_assert_str_eq(help_sh(0, "orch cat -r x \"$K\"").out, "Look at $(touch P); ../../x \"y\"\n");
	help_has(help_sh(0, "orch logs -r x \"$K\"").out, item);
	help_has(help_sh(0, "orch status -r x || test $? = 1").out, item);
	help_none("P");
	ck_assert_str_eq(help_sh(0, "ls -A . .orch; ls .orch/x/result | wc -l | tr -d ' '").out,
	    ".:\n.orch\nf.orch\n\n.orch:\n.gitignore\nx\n2\n");
}
END_TEST

START_TEST(c60_long_prompts_arrive_whole)
{
	static const size_t sizes[] = { 131071, 131072, 10000000 };
	char *text;
	size_t i;

	help_file("f.orch", "agent claude cat", "run claude as a", "prompt p", NULL);
	for (i = 0; i < LEN(sizes); i++) {
		text = malloc(sizes[i]);
		memset(text, 'p', sizes[i]);
		text[sizes[i] / 2] = '\n';
		text[sizes[i] - 1] = '\n';
		help_bytes("p", text, sizes[i]);
		help_sh(0, "rm -rf .orch; orch run -r x f.orch");
		bytes_are(RESULT "a", text, sizes[i]);
		bytes_are(".orch/x/asked/a", text, sizes[i]);
		help_sh(0, "rm .orch/x/result/a; orch resume -r x");
		bytes_are(RESULT "a", text, sizes[i]);
	}
}
END_TEST

START_TEST(c60_an_argument_that_is_too_long_says_so)
{
	char *text = malloc(140000);
	struct ran r;

	memset(text, 'a', 140000);
	help_bytes("p", text, 140000);
	help_file("f.orch", "step s exec printf %s {}", "run s as a", "prompt p", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "long");
	help_none(RESULT "a");
	help_bytes("p", text, 131000);
	help_sh(0, "orch run -r x f.orch");
	bytes_are(RESULT "a", text, 131000);
}
END_TEST

START_TEST(a_long_variable_is_left_out_of_the_environment)
{
	char *text = malloc(65538);

	help_file("f.orch", "param v", "step cat exec cat | {{v}}", "run sh as a | echo ${v+there}",
	    "run cat as text", NULL);
	memset(text, 'v', 65537);
	help_bytes("v", text, 65536);
	help_sh(0, "orch run -q -r x f.orch v=\"$(cat v)\"");
	help_is(RESULT "a", "there\n");
	help_bytes("v", text, 65537);
	help_sh(0, "orch run -q -r y f.orch v=\"$(cat v)\"");
	help_is(".orch/y/result/a", "\n");
	text[65537] = '\n';
	bytes_are(".orch/y/result/text", text, 65538);
}
END_TEST

static TCase *
words_case(void)
{
	TCase *t = tcase_create("words");

	tcase_add_test(t, c57_a_message_is_one_write);
	tcase_add_test(t, c57_messages_say_what_where_and_what_to_do);
	tcase_add_test(t, c57_control_characters_are_made_visible);
	tcase_add_test(t, c58_every_failing_exit_says_something);
	tcase_add_test(t, c58_q_is_silent_on_success);
	tcase_add_test(t, c59_hostile_values_are_only_data);
	tcase_add_test(t, c59_hostile_values_in_messages);
	tcase_add_test(t, an_item_with_everything_is_only_data);
	tcase_add_test(t, c60_long_prompts_arrive_whole);
	tcase_add_test(t, c60_an_argument_that_is_too_long_says_so);
	tcase_add_test(t, a_long_variable_is_left_out_of_the_environment);
	return t;
}

/* The workflows of the acceptance. */

START_TEST(w_review_fails_on_the_third_lens_and_resumes_with_it)
{
	struct ran r;

	help_file("f.orch", "agent claude sh -c 'echo \"$ORCH_KEY\" >>\"$ORCH_ROOT/started\"; "
	    "test \"${lens-}\" != design -o -f \"$ORCH_ROOT/ok\" && cat'", "step review claude",
	    "parallel max 2 lens in security performance design",
	    "run review as review-{{lens}} | Review the diff for {{lens}}",
	    "timeout 20m", "end", "run claude as summary < review-* | What must be mended first?",
	    "print | {{summary}}", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	ck_assert_str_eq(r.out, "");
	help_has(r.err, "1 of 3 branches failed: review-design");
	ck_assert_str_eq(help_sh(0, "ls .orch/x/result").out, "review-performance\nreview-security\n");
	ck_assert_str_eq(help_sh(0, "sort started").out, "review-design\nreview-performance\nreview-security\n");
	help_file("ok", NULL);
	unlink("started");
	r = help_sh(0, "orch resume -r x");
	help_is("started", "review-design\nsummary\n");
	help_has(r.err, "2 done, 2 kept");
	ck_assert_str_eq(r.out,
	    "What must be mended first?\n\n==> review-security <==\nReview the diff for security\n\n"
	    "==> review-performance <==\nReview the diff for performance\n\n==> review-design <==\nReview the diff for design\n");
}
END_TEST

START_TEST(w_review_as_it_stands)
{
	struct ran r;

	/* The file's own `otherwise` stands for what failed; resume finds nothing to do. */
	setenv("A",
	    "claude=sh -c 'echo \"$ORCH_KEY\" >>\"$ORCH_ROOT/started\"; test \"${lens-}\" != design && cat'", 1);
	r = help_sh(0, "orch run -r x -a \"$A\" \"$TREE/tests/workflows/review.orch\"");
	help_has(r.err, "fallback  review-design");
	help_has(r.out, "==> review-design <==\nno result");
	ck_assert_str_eq(help_sh(0, "orch run -r x -a \"$A\" \"$TREE/tests/workflows/review.orch\"").out, r.out);
	ck_assert_int_eq(help_count(help_read("started", NULL), "\n"), 4);
}
END_TEST

START_TEST(w_review_resume_starts_exactly_one)
{
	help_file("f.orch", "agent claude sh -c 'echo \"$ORCH_KEY\" >>\"$ORCH_ROOT/started\"; "
	    "test \"${lens-}\" != design -o -f \"$ORCH_ROOT/ok\"'", "step review claude",
	    "parallel max 2 lens in security performance design",
	    "run review as review-{{lens}} | Review the diff for {{lens}}", "end", NULL);
	help_sh(1, "orch run -r x f.orch");
	unlink("started");
	help_file("ok", NULL);
	help_sh(0, "orch resume -r x");
	help_is("started", "review-design\n");
}
END_TEST

START_TEST(w_research_as_it_stands)
{
	setenv("A", "claude=sh -c 'echo \"$ORCH_KEY by claude\"; cat'", 1);
	setenv("B", "codex=sh -c 'echo \"$ORCH_KEY by codex\"; cat'", 1);
	ck_assert_str_eq(help_sh(0, "orch run -a \"$A\" -a \"$B\" \"$TREE/tests/workflows/research.orch\"").out,
	    "verdict by claude\nWhich approach is better, and why?\n\n==> approach-a <==\napproach-a by claude\nResearch approach A\n\n"
	    "==> approach-b <==\napproach-b by codex\nResearch approach B\n");
}
END_TEST

START_TEST(w_fix_ends_by_break_and_feeds_back)
{
	static const char prompt[] = "The tests say this, the last file being the newest. Fix the code.\n";
	char want[2000], name[40];
	size_t n;
	int i, k;

	help_file("Makefile", "check:", "\t@test -f fixed || { echo wrong $$(ls seen-* | wc -l); exit 1; }", NULL);
	setenv("A",
	    "claude=sh -c 'cat >\"seen-$ORCH_KEY\"; test $ORCH_KEY != fix-3 || : >fixed; echo \"$*\"' agent", 1);
	help_sh(0, "orch run -r x -a \"$A\" \"$TREE/tests/workflows/fix.orch\" 'do the work'");
	help_is("seen-work", "do the work\n");
	help_is(RESULT "work", "--permission-mode acceptEdits\n");
	for (i = 1; i <= 3; i++) {
		n = (size_t)snprintf(want, sizeof want, "%s", prompt);
		for (k = 1; k <= i; k++) {
			n += (size_t)snprintf(want + n, sizeof want - n, "\n==> test-%d <==\n", k);
			snprintf(name, sizeof name, RESULT "test-%d", k);
			n += (size_t)snprintf(want + n, sizeof want - n, "%s", help_read(name, NULL));
		}
		snprintf(name, sizeof name, "seen-fix-%d", i);
		help_is(name, want);
	}
	help_is(RESULT "test-4", "PASSED\n");
	ck_assert_str_eq(help_sh(0, "ls .orch/x/result").out,
	    "fix-1\nfix-2\nfix-3\ntest-1\ntest-2\ntest-3\ntest-4\nwork\n");
	/* A second walk: nobody is asked, not even make. */
	help_sh(0,
	    "rm fixed seen-*; orch run -r x -a \"$A\" \"$TREE/tests/workflows/fix.orch\" 'do the work' >again 2>said");
	help_is("again", "");
	help_has(help_read("said", NULL), ": 8 kept, in ");
	ck_assert_str_eq(help_sh(0, "ls").out, "Makefile\nagain\nsaid\n");
}
END_TEST

START_TEST(w_mend_prints_the_same_again)
{
	char *first;

	help_file("f.orch", "for i in 1..4",
	    "run sh as test-{{i}} | " STARTED "test $i = 3 && echo PASSED $$ || echo no $$",
	    "print | pass {{i}}: {{test-*}}", "if < test-{{i}} | grep -q PASSED", "break", "end",
	    "run sh as mend-{{i}} < test-* | " STARTED "cat", "end", "print | after {{mend-*}}", NULL);
	first = help_sh(0, "orch run -r x f.orch").out;
	help_is("started", "test-1\nmend-1\ntest-2\nmend-2\ntest-3\n");
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, first);
	help_is("started", "test-1\nmend-1\ntest-2\nmend-2\ntest-3\n");
	ck_assert_int_eq(help_count(first, "pass "), 3);
	ck_assert_str_eq(help_sh(0, "cat .orch/x/result/test-1 .orch/x/result/test-2").out, help_read(RESULT "mend-2",
	    NULL));
}
END_TEST

START_TEST(w_sweep_as_it_stands)
{
	setenv("A", "claude=sh -c 'cat'", 1);
	repo_init("echo fine >a && echo fine >'b b'");
	help_sh(0, "echo TODO >>'b b' && echo more >>a");
	help_sh(0, "orch run -r x -a \"$A\" \"$TREE/tests/workflows/sweep.orch\"");
	help_is(RESULT "changed", "a\nb b\n");
	help_is(RESULT "lint-a", "");
	help_is(RESULT "fix-b%20b", "Mend what is listed for b b.\n\n==> lint-b b <==\n2:TODO\n");
	help_none(RESULT "fix-a");
	ck_assert_str_eq(help_sh(0, "git status --porcelain").out, " M a\n M \"b b\"\n");
}
END_TEST

static TCase *
workflows_case(void)
{
	TCase *t = tcase_create("workflows");

	tcase_add_test(t, w_review_fails_on_the_third_lens_and_resumes_with_it);
	tcase_add_test(t, w_review_as_it_stands);
	tcase_add_test(t, w_review_resume_starts_exactly_one);
	tcase_add_test(t, w_research_as_it_stands);
	tcase_add_test(t, w_fix_ends_by_break_and_feeds_back);
	tcase_add_test(t, w_mend_prints_the_same_again);
	tcase_add_test(t, w_sweep_as_it_stands);
	return t;
}

/* Statements and attributes. */

START_TEST(s_if_and_else)
{
	struct ran r;

	help_file("f.orch", "param n", "run sh as a | echo answer", "if < a | grep -q answer", "print | yes",
	    "else", "print | no", "end",
	    "if test $n = 0", "print | zero", "else", "if exit $n", "print | never", "else", "print | one", "end",
	    "end", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch n=0").out, "yes\nzero\n");
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch n=1").out, "yes\none\n");
	r = help_sh(1, "orch run -r x f.orch n=2");
	ck_assert_str_eq(r.out, "yes\n");
	help_has(r.err, "f.orch:11");
	help_sh(1, "orch run -r x f.orch n=127");
	help_file("g.orch", "if kill -TERM $$", "end", NULL);
	help_sh(1, "orch run g.orch");
}
END_TEST

START_TEST(s_for_ranges)
{
	help_file("f.orch", "param a", "param b", "for i in {{a}}..{{b}}", "print | {{i}}", "end", NULL);
	ck_assert_str_eq(help_sh(0, "orch run f.orch a=3 b=5").out, "3\n4\n5\n");
	ck_assert_str_eq(help_sh(0, "orch run f.orch a=3 b=3").out, "3\n");
	ck_assert_str_eq(help_sh(0, "orch run f.orch a=3 b=2").out, "");
	ck_assert_str_eq(help_sh(0, "orch run f.orch a=08 b=11").out, "8\n9\n10\n11\n");
	help_sh(2, "orch run f.orch a=x b=2");
	help_sh(2, "orch run f.orch a=1 b=99999999999999999999");
}
END_TEST

START_TEST(s_break_leaves_the_innermost)
{
	help_file("f.orch", "for a in 1 2", "for b in 1..9", "if test $b = 2", "break", "end", "print | {{a}}{{b}}",
	    "end", "print | end {{a}}",
	    "end", "print | after", NULL);
	ck_assert_str_eq(help_sh(0, "orch run f.orch").out, "11\nend 1\n21\nend 2\nafter\n");
}
END_TEST

START_TEST(s_stop_and_fail)
{
	struct ran r;

	help_file("f.orch", "for i in 1..3", "print | {{i}}", "if test $i = 2", "stop | enough now", "end", "end",
	    "run sh as never | " STARTED, NULL);
	r = help_sh(0, "orch run -r x f.orch");
	ck_assert_str_eq(r.out, "1\n2\n");
	help_has(r.err, "enough now");
	help_has(help_sh(0, "orch status -r x").out, "complete");
	help_none("started");
	help_file("g.orch", "param v 7", "print | before", "fail | no good: {{v}}", "run sh as never | " STARTED,
	    NULL);
	r = help_sh(1, "orch run -q -r y g.orch");
	ck_assert_str_eq(r.out, "before\n");
	help_has(r.err, "no good: 7");
	help_none("started");
}
END_TEST

START_TEST(s_fail_in_a_branch_fails_that_branch)
{
	struct ran r;

	help_file("f.orch", "parallel i in a b c", "if test $i = b", "fail | {{i}} is wrong", "end",
	    "run sh as x-{{i}} | :", "end", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "1 of 3 branches failed");
	help_has(r.err, "b is wrong");
	ck_assert_str_eq(help_sh(0, "ls .orch/x/result").out, "x-a\nx-c\n");
}
END_TEST

START_TEST(s_print)
{
	help_file("f.orch", "param v 'a b'", "run sh as r | printf 'one\\ntwo\\n\\n\\n'", "print | {{v}}: {{r}}.",
	    "print | first", "|", "|  third {{r}}",
	    "run sh as none | :", "print | [{{none}}]", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -q f.orch").out, "a b: one\ntwo.\nfirst\n\n third one\ntwo\n[]\n");
}
END_TEST

START_TEST(s_print_is_there_when_it_is_reached)
{
	/* The step ends when the printed line has arrived. */
	help_file("f.orch", "print | ready", "run sh as a | until grep -q ready \"$ORCH_ROOT/out\"; do :; done",
	    "timeout 30s", NULL);
	help_sh(0, "orch run -q f.orch >out");
}
END_TEST

START_TEST(s_names_and_patterns)
{
	help_file("f.orch", "step cat exec cat", "parallel f in src/a src/b",
	    "run sh as lint-{{f}} | test $f = src/b || until test -f \"$ORCH_RESULTS/lint-src%2Fb\";"
	    " do :; done; echo $f", "timeout 30s", "end", "for f in src/a src/b", "print | {{lint-{{f}}}}", "end",
	    "print | {{lint-*}}{{*src*}}",
	    "run cat as joined < lint-src/b lint-*", "print | {{joined}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -q -r x f.orch").out,
	    "src/a\nsrc/b\nsrc/a\nsrc/b\nsrc/a\nsrc/b\n\nsrc/b\nsrc/a\nsrc/b\n");
}
END_TEST

START_TEST(s_a_line_sees_only_what_was_before_it)
{
	help_file("f.orch", "parallel max 1 i in a b", "run sh as x-{{i}} | echo $i",
	    "run sh as y-{{i}} < x-* | cat", "end", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "y-b", "b\n");
	help_file("g.orch", "run sh as a | :", "print | {{b}}", "run sh as b | :", NULL);
	help_sh(2, "orch run -r y g.orch");
	help_none(".orch/y");
	/* Nor what happens to lie there. */
	help_file("h.orch", "run sh as x-1 | echo 1", "print | {{x-*}}", NULL);
	help_sh(0, "orch run -q -r h h.orch");
	help_file(".orch/h/result/x-2", "2", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -q -r h h.orch").out, "1\n\n");
}
END_TEST

START_TEST(a_timeout)
{
	struct ran r;

	help_file("f.orch", "timeout 1s", "step long sh", "timeout 60s", "run sh as a | exec sleep 60",
	    "otherwise late",
	    "run long as b | sleep 1.3; echo b", "run long as c | exec sleep 60", "timeout 1s", "retry 1 0s", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "attempt   a  1 failed: timed out after 1");
	help_is(RESULT "a", "late");
	help_is(RESULT "b", "b\n");
	help_has(r.err, "failed    c  timed out after 1");
	help_has(r.err, "failed    c  timed out after 1s (2 attempts)\n");
	/* A loop gives each attempt the whole time again. */
	help_file("g.orch", "timeout 1s", "run sh as a | sleep 1.3; echo a", "timeout 0", NULL);
	help_sh(0, "orch run -r y g.orch");
}
END_TEST

START_TEST(a_retry)
{
	struct ran r;

	help_file("f.orch", "retry 9 0s", "step s sh", "retry 1 0s",
	    "run s as a | " STARTED "test $(grep -c a \"$ORCH_ROOT/started\") -eq 3; echo got",
	    "retry 2 0s", "run s as b | " STARTED "exit 1", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_is("started", "a\na\na\nb\nb\n");
	help_is(RESULT "a", "got\n");
	help_has(r.err, "done      a");
	help_has(r.err, "s  attempt 3\n");
	help_sh(1, "orch resume -r x");
	help_is("started", "a\na\na\nb\nb\nb\nb\n");
}
END_TEST

START_TEST(a_filter_and_check)
{
	struct ran r;

	help_file("f.orch", "check grep -q file >/dev/null || true", "step s sh", "filter tr a-z A-Z",
	    "check echo step >>\"$ORCH_ROOT/checks\"",
	    "run s as a | echo text", "check grep -q TEXT", "check echo run >>\"$ORCH_ROOT/checks\"",
	    "run s as b | echo text", "filter sed s/t/T/", "check grep -q text", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_is(RESULT "a", "TEXT\n");
	help_is("checks", "run\nstep\n");
	help_none(RESULT "b");
	help_has(r.err, "check");
	help_file("g.orch", "run sh as a | echo answer", "filter cat; exit 7", "otherwise 'no answer'", NULL);
	r = help_sh(0, "orch run -r y g.orch");
	help_is(".orch/y/result/a", "no answer");
	help_has(r.err, "filter");
	help_has(r.err, "exit status 7");
}
END_TEST

START_TEST(a_checks_of_all_levels_add)
{
	help_file("f.orch", "check test $where != file", "param where", "step s sh", "check test $where != step",
	    "run s as a | echo x", "check test $where != run", NULL);
	help_sh(0, "orch run -r x f.orch where=none");
	help_sh(1, "orch run f.orch where=file");
	help_sh(1, "orch run f.orch where=step");
	help_sh(1, "orch run f.orch where=run");
}
END_TEST

START_TEST(a_otherwise_is_the_last_word)
{
	help_file("f.orch", "step s sh", "retry 1 0s", "otherwise 'of the step'", "run s as a | " STARTED "exit 1",
	    "run s as b | exit 1",
	    "otherwise 'of the run'", "print | {{a}}, {{b}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "of the step, of the run\n");
	help_is("started", "a\na\n");
	help_has(help_sh(0, "orch status -r x").out, "fallback");
	ck_assert_str_eq(help_sh(0, "orch run -q -r x f.orch").out, "of the step, of the run\n");
	help_is("started", "a\na\n");
}
END_TEST

START_TEST(a_env)
{
	help_file("f.orch", "env A=file", "env B=file", "env C=file", "param v 'of v'", "step s sh", "env B=step",
	    "env C=step", "run s as a | echo $A $B $C $D $v",
	    "env C=run", "env D={{v}}", "run sh as b | echo $A $B $C ${D-none}", "check test $A = file",
	    "filter sed s/none/$B/", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "a", "file step run of v of v\n");
	help_is(RESULT "b", "file file file file\n");
}
END_TEST

START_TEST(a_text_of_the_step_comes_first)
{
	help_sh(0, "mkdir sub; printf 'from {{n}}\\n' >sub/text");
	help_file("sub/f.orch", "param n file", "step s exec cat | of the step", "step t exec cat", "prompt text",
	    "run s as a | of the run", "run t as b | then",
	    "run s as c", NULL);
	help_sh(0, "orch run -r x sub/f.orch");
	help_is(RESULT "a", "of the step\nof the run\n");
	help_is(RESULT "b", "from file\nthen\n");
	help_is(RESULT "c", "of the step\n");
	help_is(".orch/x/asked/a", "of the step\nof the run\n");
}
END_TEST

START_TEST(a_prompt_as_an_argument)
{
	help_file("f.orch", "step s exec printf [%s] before {} after", "step e exec sh -c {} name",
	    "run s as a | the text", "run e as b | echo $0",
	    "run sh as in | echo input", "step c exec sh -c 'echo \"$1\"; cat' x {}", "run c as c < in | text",
	    NULL);
	help_sh(0, "orch run -r x f.orch");
	help_has(help_read(RESULT "a", NULL), "[before][the text");
	help_has(help_read(RESULT "a", NULL), "][after]");
	help_is(RESULT "b", "name\n");
	help_has(help_read(RESULT "c", NULL), "input\n");
}
END_TEST

static TCase *
statements_case(void)
{
	TCase *t = tcase_create("statements");

	tcase_add_test(t, s_if_and_else);
	tcase_add_test(t, s_for_ranges);
	tcase_add_test(t, s_break_leaves_the_innermost);
	tcase_add_test(t, s_stop_and_fail);
	tcase_add_test(t, s_fail_in_a_branch_fails_that_branch);
	tcase_add_test(t, s_print);
	tcase_add_test(t, s_print_is_there_when_it_is_reached);
	tcase_add_test(t, s_names_and_patterns);
	tcase_add_test(t, s_a_line_sees_only_what_was_before_it);
	tcase_add_test(t, a_timeout);
	tcase_add_test(t, a_retry);
	tcase_add_test(t, a_filter_and_check);
	tcase_add_test(t, a_checks_of_all_levels_add);
	tcase_add_test(t, a_otherwise_is_the_last_word);
	tcase_add_test(t, a_env);
	tcase_add_test(t, a_text_of_the_step_comes_first);
	tcase_add_test(t, a_prompt_as_an_argument);
	return t;
}

/* The command. */

START_TEST(o_workflow_from_standard_input)
{
	help_file("f.orch", "param p", "run sh as a | " STARTED "cat", "run sh as b | test -f \"$ORCH_ROOT/ok\"",
	    "print | {{p}}{{a}}", NULL);
	help_sh(1, "orch run -r x - p=1 <f.orch");
	help_is(RESULT "a", "");
	help_file("ok", NULL);
	help_file("f.orch", "rubbish", NULL);
	ck_assert_str_eq(help_sh(0, "orch resume -r x <f.orch").out, "1\n");
	help_is("started", "a\n");
	help_sh(2, "orch run -r y - <f.orch");
	/* orch's own option before it, and the same file found again by `status`. */
	help_has(help_sh(0, "orch status -r x").out, "done         b");
	help_file("g.orch", "run sh as a | :", NULL);
	help_sh(2, "orch run -r x g.orch");
}
END_TEST

/* A result of an earlier text stays seen by its name, though an item of this one could make it too. */
START_TEST(o_earlier_results_are_seen_until_they_are_made)
{
	help_file("one", "run sh as a | echo A", NULL);
	help_file("two", "parallel x in b a", "run sh as {{x}} < a | cat", "end", "print | {{b}}", NULL);
	help_sh(0, "orch run -q -r r - <one");
	ck_assert_str_eq(help_sh(0, "orch run -q -r r - <two").out, "A\n");
}
END_TEST

START_TEST(o_standard_input_as_an_input)
{
	help_file("f.orch", "for i in < -", "run sh as x-{{i}} | test $i != c -o -f \"$ORCH_ROOT/ok\"",
	    "print | got {{i}}", "end",
	    "run sh as all < - | cat", "print | {{all}}", NULL);
	ck_assert_str_eq(help_sh(1, "printf 'a\\nb\\nc' | orch run -q -r x f.orch").out, "got a\ngot b\n");
	help_is(RESULT "-", "a\nb\nc");
	help_file("ok", NULL);
	ck_assert_str_eq(help_sh(0, "echo other | orch resume -q -r x").out, "got a\ngot b\ngot c\na\nb\nc\n");
	ck_assert_str_eq(help_sh(0, "echo other | orch run -q -r x f.orch").out, "got a\ngot b\ngot c\na\nb\nc\n");
	help_is(RESULT "all", "a\nb\nc");
	help_sh(2, "orch run -r y - <f.orch");
	help_none(".orch/y");
}
END_TEST

START_TEST(o_standard_input_binary_and_empty)
{
	static const char bytes[] = "\0\1\xff no newline";

	help_bytes("in", bytes, sizeof bytes - 1);
	help_file("f.orch", "run sh as all < - | cat", "step c exec cat", "run c as with < - | text", NULL);
	help_sh(0, "orch run -q -r x f.orch <in");
	bytes_are(RESULT "all", bytes, sizeof bytes - 1);
	bytes_are(RESULT "-", bytes, sizeof bytes - 1);
	help_sh(0, "orch run -q -r y f.orch </dev/null");
	help_is(".orch/y/result/-", "");
	help_is(".orch/y/result/all", "");
}
END_TEST

START_TEST(o_parameters)
{
	static const struct {
		int status;
		const char *args, *out;
	} all[] = {
		{ 0, "a=1", "1|x y||\n" }, { 0, "a=1 b=2 text", "1|2|text|\n" }, { 0, "text a=1", "1|x y|text|\n" },
		{ 0, "a= b=", "|||\n" }, { 0, "a=1 prompt='p q'", "1|x y|p q|\n" }, { 0, "a=b=c 'not a name=v'",
		"b=c|x y|not a name=v|\n" },
		{ 0, "a=1 A=2", "1|x y|A=2|\n" }, { 0, "a=1 a=2", "2|x y||\n" }, { 0, "-- a=1 -x", "1|x y|-x|\n" },
		{ 0, "a=1 -- -x", "1|x y|-x|\n" },
		{ 2, "", NULL }, { 2, "b=1", NULL }, { 2, "a=1 c=2", NULL }, { 2, "a=1 one two", NULL }, { 2,
		"a=1 -x", NULL },
		{ 2, "a=1 -q", NULL },
	};
	char command[200];
	struct ran r;
	size_t i;

	help_file("f.orch", "param a", "param b 'x y'", "param prompt ''", "run sh as s | " STARTED,
	    "print | {{a}}|{{b}}|{{prompt}}|", NULL);
	for (i = 0; i < LEN(all); i++) {
		unlink("started");
		snprintf(command, sizeof command, "rm -rf .orch; orch run -q f.orch %s", all[i].args);
		r = help_sh(all[i].status, command);
		if (all[i].out) {
			ck_assert_str_eq(r.out, all[i].out);
		} else {
			help_none("started");
			help_none(".orch");
		}
	}
	help_has(help_sh(2, "orch run f.orch a=1 one two").err, "quote it");
	help_has(help_sh(2, "orch run f.orch a=1 -x").err, "--");
	help_has(help_sh(2, "orch run f.orch").err, "`a`");
	help_has(help_sh(2, "orch run f.orch a=1 bb=2").err, "`bb`");
}
END_TEST

START_TEST(o_free_text_needs_a_prompt)
{
	help_file("f.orch", "run sh as s | " STARTED, NULL);
	help_has(help_sh(2, "orch run f.orch text").err, "text");
	help_file("g.orch", "param prompt", "run sh as s | " STARTED, "print | {{prompt}}", NULL);
	help_has(help_sh(2, "orch run g.orch").err, "prompt");
	help_none("started");
	help_none(".orch");
	ck_assert_str_eq(help_sh(0, "orch run -q g.orch ''").out, "\n");
}
END_TEST

START_TEST(o_a_run_is_of_one_file)
{
	help_file("f.orch", "run sh as a | :", NULL);
	help_file("g.orch", "run sh as a | " STARTED, NULL);
	help_sh(0, "orch run -r x f.orch");
	help_has(help_sh(2, "orch run -r x g.orch").err, "f.orch");
	help_none("started");
	help_sh(0, "mkdir sub; cd sub; orch run -d ../.orch -r x ../f.orch");
	help_sh(0, "orch run -r x \"$PWD/f.orch\"");
}
END_TEST

START_TEST(o_the_file_is_read_anew)
{
	help_file("f.orch", "run sh as a | " STARTED "exit 1", NULL);
	help_sh(1, "orch run -r x f.orch");
	help_file("f.orch", "run sh as a | rubbish", "rum", NULL);
	help_sh(2, "orch resume -r x");
	help_file("f.orch", "run sh as a | echo mended", NULL);
	help_sh(0, "orch resume -r x");
	help_is(RESULT "a", "mended\n");
}
END_TEST

START_TEST(o_a_file_is_a_command)
{
	help_file("f.orch", "#!/usr/bin/env orch", "param prompt none", "print | said {{prompt}}", NULL);
	ck_assert_str_eq(help_sh(0, "chmod +x f.orch; ./f.orch 'this text'").out, "said this text\n");
	ck_assert_str_eq(help_sh(0, "orch -q -r x f.orch").out, "said none\n");
	help_has(help_sh(0, "orch status -r x").out, "complete");
}
END_TEST

START_TEST(o_exit_statuses)
{
	help_file("ok.orch", "run sh as a | :", NULL);
	help_file("bad.orch", "run sh as a | exit 3", NULL);
	help_sh(0, "orch run -r ok ok.orch");
	help_sh(1, "orch run -r bad bad.orch");
	help_sh(1, "orch resume");
	help_sh(2, "orch run -r x wrong.orch");
	help_sh(3, "orch resume -r none");
	help_sh(3, "orch resume -d none");
	help_sh(0, "rm -r .orch/bad");
	help_sh(3, "orch resume");
	help_sh(3, "orch cat -d none a");
}
END_TEST

START_TEST(o_n_shows_what_would_run)
{
	struct ran r;

	help_file("f.orch", "parallel i in a b",
	    "run sh as x-{{i}} | " STARTED "test $i != b -o -f \"$ORCH_ROOT/ok\"; echo $i", "end",
	    "run sh as list < x-* | cat", "for j in < list", "run sh as y-{{j}} | :", "end", "print | printed",
	    NULL);
	r = help_sh(0, "orch run -n f.orch");
	help_has(r.out, "x-a");
	help_has(r.out, "x-b");
	help_has(r.out, "list");
	help_lacks(r.out, "printed\n");
	help_none("started");
	help_none(".orch");
	help_sh(1, "orch run -q -r x f.orch");
	r = help_sh(0, "orch run -n -r x f.orch");
	help_has(r.out, "kept       x-a");
	help_has(r.out, "would run  x-b");
	help_file("ok", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	r = help_sh(0, "orch run -n -r x f.orch");
	help_lacks(r.out, "would run  ");
	help_has(r.out, "y-a");
	help_has(r.out, "y-b");
	help_file("wrong.orch", "rum", NULL);
	help_sh(2, "orch run -n wrong.orch");
	help_sh(2, "orch run -n f.orch nope=1");
}
END_TEST

START_TEST(o_a_program_that_is_missing)
{
	struct ran r;

	help_short_path();
	help_file("f.orch", "run sh as first | " STARTED, "step s exec no-such-program", "run s", NULL);
	r = help_sh(2, "orch run -r x f.orch");
	help_has(r.err, "no-such-program");
	help_has(r.err, strlen(getenv("PATH")) <= 60 ? getenv("PATH") : "is not found in PATH\n");
	help_none("started");
	help_none(".orch");
	r = help_sh(0, "orch check f.orch");
	help_has(r.err, "no-such-program");
	help_has(r.err, "warning");
	help_sh(2, "orch run -r x -a 'exec=./nor-this' f.orch");
	help_none("started");
	setenv("A", "sh=no-such-shell -c", 1);
	help_has(help_sh(2, "orch run -r x -a \"$A\" f.orch").err, "no-such-shell");
	/* What is not known before fails when it is reached, with the same words. */
	help_file("g.orch", "param p", "step s exec {{p}}", "run s", NULL);
	r = help_sh(1, "orch run g.orch p=no-such-program");
	help_has(r.err, "no-such-program");
	help_has(r.err, getenv("PATH"));
}
END_TEST

START_TEST(o_a_overrides_agents)
{
	help_file("f.orch", "agent claude exec false", "step s claude --more 'words here'", "run s as a | text",
	    "run codex as b | other", NULL);
	setenv("A", "claude=printf '[%s]' own", 1);
	setenv("B", "codex=cat -", 1);
	help_sh(0, "orch run -r x -a \"$A\" -a \"$B\" f.orch");
	help_is(RESULT "a", "[own][--more][words here]");
	help_is(RESULT "b", "other\n");
}
END_TEST

START_TEST(o_resume_takes_the_newest_that_is_not_complete)
{
	help_file("f.orch", "param n", "run sh as a | echo $n >>\"$ORCH_ROOT/ran\"; test $n = ok", NULL);
	help_sh(1, "orch run -q -r one f.orch n=1");
	help_sh(1, "orch run -q -r two f.orch n=2");
	help_sh(0, "orch run -q -r three f.orch n=ok");
	help_sh(1, "orch resume -q");
	help_is("ran", "1\n2\nok\n2\n");
	help_in_order(help_sh(0, "orch runs").out, (const char *const[]){ "three", "two", "one" }, 3);
	help_has(help_sh(0, "orch status").out, "run three");
}
END_TEST

START_TEST(o_status)
{
	static const char *const order[] = { "run x: failed", "failed       y-a", "exit status 3", "done         z",
	    "done         y-b", "not run      last" };

	help_file("f.orch", "run sh as z | :", "parallel i in a b", "run sh as y-{{i}} | test $i = b || exit 3",
	    "end", "run sh as last | :", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_in_order(help_sh(0, "orch status -r x || test $? = 1").out, order, LEN(order));
}
END_TEST

START_TEST(o_logs)
{
	struct ran r;

	help_file("f.orch", "parallel i in b a", "run sh as x-{{i}} | echo out-$i; echo err-$i >&2; test $i = a",
	    "end", "run sh as later | :", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	r = help_sh(0, "orch logs -r x");
	help_in_order(r.out, (const char *const[]){ "==> x-b", "err-b\n", "out-b\n", "==> x-a", "err-a\n" }, 5);
	help_lacks(r.out, "out-a");
	r = help_sh(0, "orch logs -r x x-a");
	help_has(r.out, "err-a");
	help_lacks(r.out, "err-b");
	help_in_order(help_sh(0, "orch logs -r x x-a x-b").out, (const char *const[]){ "err-a", "err-b" }, 2);
	help_has(help_sh(1, "orch logs -r x nobody").err, "nobody");
}
END_TEST

START_TEST(o_logs_follow_to_the_end_of_the_run)
{
	struct ran r;

	help_file("f.orch", "run sh as a | echo early >&2; " GATED "; echo late >&2", "run sh as b | echo last >&2",
	    NULL);
	r = help_sh(0, "mkfifo up gate; orch run -q -r x f.orch & read u <up; orch logs -f -r x >followed & l=$!;"
	    "until grep -q early followed; do sleep 0.02; done; cat followed; echo >gate; wait $l && wait");
	help_has(r.out, "early");
	help_lacks(r.out, "late");
	r.out = help_read("followed", NULL);
	help_in_order(r.out, (const char *const[]){ "==> a", "early\n", "late\n", "==> b", "last\n" }, 5);
	ck_assert_int_eq(help_count(r.out, "early"), 1);
}
END_TEST

START_TEST(o_cat_is_in_the_order_of_the_workflow)
{
	help_file("f.orch", "parallel i in c a b d",
	    "run sh as x-{{i}} | test $i != c || until test -f \"$ORCH_RESULTS/x-a\"; do :; done; test $i != d; echo $i",
	    "timeout 30s", "end", "run sh as y | :", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	ck_assert_str_eq(help_sh(0, "orch cat -r x 'x-*'").out, "c\na\nb\n");
	ck_assert_str_eq(help_sh(0, "orch cat -r x '*'").out, "c\na\nb\n");
	ck_assert_str_eq(help_sh(0, "orch cat x-b").out, "b\n");
	help_sh(1, "orch cat x-d");
	help_sh(1, "orch cat y");
	help_sh(1, "orch cat 'z*'");
	/* Bytes as they are, without a terminal. */
	help_file("g.orch", "run sh as a | printf '\\033[1m\\000x'", NULL);
	help_sh(0, "orch run -q -r b g.orch; orch cat -r b a >got; printf '\\033[1m\\000x' | cmp - got");
}
END_TEST

START_TEST(o_v_shows_errors_under_their_keys)
{
	struct ran r;

	help_file("f.orch", "run sh as a | echo one >&2; echo two >&2; echo out",
	    "run sh as b | printf no-newline >&2", NULL);
	r = help_sh(0, "orch run -v -r x f.orch");
	help_has(r.err, "\na| one\na| two\n");
	help_has(r.err, "\nb| no-newline\n");
	help_lacks(r.err, "out");
	ck_assert_str_eq(r.out, "");
	help_lacks(help_sh(0, "orch run -r y f.orch").err, "two");
}
END_TEST

START_TEST(o_q_says_what_fails)
{
	struct ran r;

	help_file("f.orch", "run sh as good | :", "run sh as bad | echo the reason >&2; exit 6", NULL);
	r = help_sh(1, "orch run -q -r x f.orch");
	help_has(r.err, "bad  exit status 6");
	help_has(r.err, "the reason");
	help_has(r.err, "orch resume -r x");
	help_lacks(r.err, "good");
}
END_TEST

START_TEST(o_run_names_stay_inside)
{
	static const char *const names[] = { "../out", "/nowhere/orch-no", "a b", ".hidden", "$(touch P)", "a/b", "..",
	    "new\nline" };
	size_t i;

	help_file("f.orch", "run sh as a | echo \"$ORCH_RUN\"", NULL);
	for (i = 0; i < LEN(names); i++) {
		setenv("R", names[i], 1);
		help_sh(0, "orch run -q -r \"$R\" f.orch && orch status -r \"$R\" >s && orch cat -r \"$R\" a >c");
		help_has(help_read("c", NULL), names[i]);
	}
	ck_assert_str_eq(help_sh(0, "ls -A; ls .orch | wc -l | tr -d ' '; ls -d .orch/*/result | wc -l | tr -d ' '").out,
	    ".orch\nc\nf.orch\ns\n8\n8\n");
	help_none("../out");
	help_none("/nowhere");
}
END_TEST

START_TEST(o_check_takes_all_files)
{
	struct ran r;

	help_file("a.orch", "rum", NULL);
	help_file("b.orch", "run sh as x | :", NULL);
	help_file("c.orch", "run sh as x | :", "for i in a", NULL);
	r = help_sh(2, "orch check a.orch b.orch c.orch");
	help_has(r.err, "a.orch:1:1: error: ");
	help_has(r.err, "c.orch:");
	help_lacks(r.err, "b.orch");
	ck_assert_str_eq(r.out, "");
	help_sh(0, "orch check b.orch");
	help_none(".orch");
}
END_TEST

static TCase *
command_case(void)
{
	TCase *t = tcase_create("command");

	tcase_add_test(t, o_workflow_from_standard_input);
	tcase_add_test(t, o_earlier_results_are_seen_until_they_are_made);
	tcase_add_test(t, o_standard_input_as_an_input);
	tcase_add_test(t, o_standard_input_binary_and_empty);
	tcase_add_test(t, o_parameters);
	tcase_add_test(t, o_free_text_needs_a_prompt);
	tcase_add_test(t, o_a_run_is_of_one_file);
	tcase_add_test(t, o_the_file_is_read_anew);
	tcase_add_test(t, o_a_file_is_a_command);
	tcase_add_test(t, o_exit_statuses);
	tcase_add_test(t, o_n_shows_what_would_run);
	tcase_add_test(t, o_a_program_that_is_missing);
	tcase_add_test(t, o_a_overrides_agents);
	tcase_add_test(t, o_resume_takes_the_newest_that_is_not_complete);
	tcase_add_test(t, o_status);
	tcase_add_test(t, o_logs);
	tcase_add_test(t, o_logs_follow_to_the_end_of_the_run);
	tcase_add_test(t, o_cat_is_in_the_order_of_the_workflow);
	tcase_add_test(t, o_v_shows_errors_under_their_keys);
	tcase_add_test(t, o_q_says_what_fails);
	tcase_add_test(t, o_run_names_stay_inside);
	tcase_add_test(t, o_check_takes_all_files);
	return t;
}

/* Files. */

/* What a step that says nothing leaves: its result, and its question if it had one. No file is made to be removed: stderr/
 * is not even written to. */
START_TEST(f_a_silent_step_has_two_files)
{
	struct ran r;

	help_file("f.orch", "run sh as first | stat -c %y \"$ORCH_RESULTS/../stderr\"", "agent q cat",
	    "parallel max 4 i in 1..50", "    run q as x-{{i}}", "    | {{i}}", "end",
	    "run sh as last | stat -c %y \"$ORCH_RESULTS/../stderr\"", "print | {{first}}", "print | {{last}}", NULL);
	r = help_sh(0, "orch run -q -r x f.orch | uniq -c | awk '{ print $1 }'");
	ck_assert_str_eq(r.out, "2\n");
	ck_assert_str_eq(help_sh(0, "find .orch/x -type f | wc -l | tr -d ' '").out, "106\n");      /* run lock log how: 4 */
	ck_assert_str_eq(help_sh(0, "ls .orch/x/stderr .orch/x/tmp | wc -l | tr -d ' '").out, "3\n");
}
END_TEST

/* Standard error is kept byte by byte, whatever comes, of agent, filter and check in their order. */
START_TEST(f_standard_error_is_kept)
{
	size_t n;
	char *s;

	help_file("f.orch", "run sh as x | head -c 5000000 /dev/zero | tr '\\0' a >&2; echo end >/dev/stderr; printf '\\377\\0' >&2; echo x",
	    "filter cat; echo filter >&2", "check echo check; echo said >&2", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	s = help_read(".orch/x/stderr/x", &n);
	ck_assert_uint_eq(n, 5000000 + 4 + 2 + 7 + 6 + 5);
	ck_assert_uint_eq(strspn(s, "a"), 5000000);
	ck_assert_int_eq(memcmp(s + 5000000, "end\n\377\0filter\ncheck\nsaid\n", 24), 0);
	/* It is there while the agent still runs, and stays when all is killed. */
	help_file("g.orch", "run sh as x | echo one >&2; until grep -qs one \"$ORCH_RESULTS/../stderr/x\"; do sleep 0.01; done; "
	    "kill -9 $PPID; sleep 60", NULL);
	help_sh(1, "orch run -q -r y g.orch");
	help_is(".orch/y/stderr/x", "one\n");
	/* That of an earlier attempt is not taken for that of one that says nothing. */
	help_file("g.orch", "run sh as x | true", NULL);
	help_sh(0, "orch run -q -r y g.orch");
	help_none(".orch/y/stderr/x");
}
END_TEST

/* What an agent leaves behind, and what writes on and on, delays nothing. */
START_TEST(f_who_holds_standard_error_delays_nothing)
{
	long long began = help_ms();

	help_file("f.orch", "run sh as x | trap '' TERM; (while :; do echo more >&2; done) & (exec sleep 100) & echo x", "timeout 50s", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	ck_assert_int_lt(help_ms() - began, 40 * 1000);
	help_is(RESULT "x", "x\n");
	help_file("f.orch", "run sh as x | yes >&2", "timeout 1s", NULL);
	help_has(help_sh(1, "ulimit -f 100000; orch run -q -r y f.orch").err, "timed out after 1s");
}
END_TEST

/* A result is not lost for what was said beside it. */
START_TEST(f_standard_error_that_cannot_be_kept)
{
	help_file("f.orch", "run sh as x | head -c 5000000 /dev/zero >&2; echo x", NULL);
	help_has(help_sh(0, "ulimit -f 100; exec orch run -r x f.orch").err, "its standard error could not be kept: File too large");
	help_is(RESULT "x", "x\n");
}
END_TEST

static TCase *
files_case(void)
{
	TCase *t = tcase_create("files");

	tcase_add_test(t, f_a_silent_step_has_two_files);
	tcase_add_test(t, f_standard_error_is_kept);
	tcase_add_test(t, f_who_holds_standard_error_delays_nothing);
	tcase_add_test(t, f_standard_error_that_cannot_be_kept);
	return t;
}

/* Many items. */

START_TEST(l_10000_items)
{
	struct ran r;

	help_file("f.orch", "run sh as list | n=0; while test $n -lt 10000; do n=$((n + 1)); echo item-$n; done",
	    "parallel max 8 i in < list", "run sh as x-{{i}} | echo $i", "end",
	    "run sh as all < x-* | cmp - \"$ORCH_RESULTS/list\" && echo same", "print | {{all}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -q -r x f.orch").out, "same\n");
	ck_assert_str_eq(help_sh(0, "ls .orch/x/result | wc -l | tr -d ' '").out, "10002\n");
	ck_assert_int_eq(help_count(help_read(".orch/x/log", NULL), "\tstart\t"), 10002);
	r = help_sh(0, "orch run -r x f.orch");
	ck_assert_str_eq(r.out, "same\n");
	help_has(r.err, ": 10002 kept, in ");
	ck_assert_int_eq(help_count(help_read(".orch/x/log", NULL), "\tstart\t"), 10002);
	ck_assert_str_eq(help_sh(0,
	    "orch cat -r x 'x-*' | cmp - .orch/x/result/list && orch status -r x | grep -c '^done'").out,
	    "10002\n");
}
END_TEST

static TCase *
large_case(void)
{
	TCase *t = tcase_create("large");

	tcase_set_tags(t, "slow");

	tcase_add_test(t, l_10000_items);
	return t;
}

Suite *
run_suite(void)
{
	static const struct {
		TCase *(*make)(void);
		int seconds;
	} cases[] = {
		{ parallel_case, 120 }, { keys_case, 120 }, { runs_case, 120 }, { words_case, 240 },
		{ workflows_case, 60 },
		{ files_case, 120 }, { statements_case, 60 }, { command_case, 60 }, { large_case, 1200 },
	};
	Suite *s = suite_create("run");
	size_t i;

	for (i = 0; i < LEN(cases); i++) {
		TCase *t = cases[i].make();

		tcase_set_timeout(t, cases[i].seconds);
		tcase_add_checked_fixture(t, begin, help_end);
		suite_add_tcase(s, t);
	}
	return s;
}
