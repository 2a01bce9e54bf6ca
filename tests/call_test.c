/* Whole runs: call and cd. What a called workflow sees and gives back, what is refused before anything
 * starts, and where its names, its files and its directory are looked for.
 *
 * Agents are sh steps, so that what is started can be read here. A step that must not be started appends
 * its key to the file `started`. On Linux nothing that a test has started may be alive after it. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "tests/help.h"
#include "tests/repo.h"
#include "tests/suites.h"

#define STARTED "printf '%s\\n' \"$ORCH_KEY\" >>\"$ORCH_ROOT/started\"; "

enum { GONE_MS = 5000 };

/* The means. */

static void
begin(void)
{
	help_start();
	setenv("LC_ALL", "C", 1);
	unsetenv("prompt");
#if defined(__linux__)
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
}

/* Nothing that the test has started may be left but its directory. */
static void
end(void)
{
	struct timespec t = { 0, 5000000 };
	int i;

	for (i = 0; i < GONE_MS / 5 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		nanosleep(&t, NULL);
	ck_assert_msg(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "something that was started is alive");
	help_end();
}

/* f.orch is refused by `check` and by `run` with OPTIONS, with NEEDLE among what is said, and nothing is
 * started. Returns what `run` said. */
static const char *
refused_with(const char *options, const char *needle)
{
	struct ran r = help_sh(2, "orch check f.orch");
	char command[256];

	help_has(r.err, needle);
	snprintf(command, sizeof command, "orch run %s -r x f.orch", options);
	r = help_sh(2, command);
	help_has(r.err, needle);
	ck_assert_str_eq(r.out, "");
	help_none("started");
	help_none(".orch/x/log");
	return r.err;
}

static const char *
refused(const char *needle)
{
	return refused_with("", needle);
}

/* Results and names. */

START_TEST(results_have_names_outside_and_keys_inside)
{
	struct ran r;

	help_file("in.orch", "step cat exec cat", "run sh as one | echo first",
	    "run sh as two < one | sed s/^/seen:/", "run cat as three | <{{one}}>", "print | inside {{one}}", NULL);
	help_file("f.orch", "call in.orch as c", "run sh as out < c/two | cat", "print | {{c/one}} {{c/three}}", NULL);
	r = help_sh(0, "orch run -r x f.orch");
	ck_assert_str_eq(r.out, "inside first\nfirst <first>\n");
	help_is(RESULT "c%2Fone", "first\n");
	help_is(RESULT "c%2Ftwo", "seen:first\n");
	help_is(RESULT "out", "seen:first\n");
	help_none(RESULT "one");
	ck_assert_str_eq(help_sh(0, "orch cat -r x c/one").out, "first\n");
}
END_TEST

START_TEST(an_agent_inside_knows_its_whole_key)
{
	help_file("in.orch", "run sh as one | echo \"$ORCH_KEY\"", NULL);
	help_file("mid.orch", "call in.orch as low", NULL);
	help_file("f.orch", "call mid.orch as high", "print | {{high/low/one}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "high/low/one\n");
	help_is(RESULT "high%2Flow%2Fone", "high/low/one\n");
}
END_TEST

START_TEST(a_pattern_inside_sees_its_own_file_only)
{
	help_file("in.orch", "run sh as t-a | echo in-a", "run sh as t-b | echo in-b", "run sh as all < t-* | cat",
	    "print | {{t-*}}", NULL);
	help_file("f.orch", "run sh as t-0 | echo out-0", "call in.orch as t-c", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "in-a\nin-b\n\n");
	help_is(RESULT "t-c%2Fall", "in-a\nin-b\n");
}
END_TEST

START_TEST(a_pattern_outside_sees_called_results_in_order)
{
	help_file("in.orch", "param v", "run sh as one | echo \"$v-one\"", "run sh as two | echo \"$v-two\"", NULL);
	help_file("f.orch", "call in.orch as z v=z", "call in.orch as a v=a", "run sh as n | echo n",
	    "print | {{z/*}}", "print | {{*/one}}", "run sh as all < * | cat", "print | {{all}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out,
	    "z-one\nz-two\n\nz-one\na-one\n\nz-one\nz-two\na-one\na-two\nn\n");
}
END_TEST

START_TEST(a_pattern_that_no_key_of_a_called_file_matches)
{
	help_file("in.orch", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "call in.orch as c", "run sh as out < c/tow* | cat", NULL);
	refused("f.orch:2:");
}
END_TEST

START_TEST(a_result_that_a_called_file_has_not)
{
	help_file("in.orch", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "call in.orch as c", "print | {{c/tow}}", NULL);
	refused("f.orch:2:");
	help_file("f.orch", "print | {{c/one}}", "call in.orch as c", NULL);
	refused("f.orch:1:");
	help_file("f.orch", "call in.orch as c", "print | {{c}}", NULL);
	refused("f.orch:2:");
}
END_TEST

START_TEST(key_is_the_base_name)
{
	ck_assert_int_eq(system("mkdir -p sub/dir"), 0);
	help_file("sub/dir/look.orch", "run sh as one | echo 1", NULL);
	help_file("plain", "run sh as one | echo 2", NULL);
	help_file("f.orch", "call sub/dir/look.orch", "call plain", "print | {{look/one}}{{plain/one}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "12\n");
	help_is(RESULT "look%2Fone", "1\n");
}
END_TEST

START_TEST(one_file_many_times)
{
	help_file("in.orch", "param v", "run sh as one | echo \"$v\"", NULL);
	help_file("f.orch", "call in.orch v=0", "call in.orch as b v=1", "for i in 2..4",
	    "call in.orch as c-{{i}} v={{i}}", "end", "print | {{in/one}} {{b/one}}", "print | {{c-*/one}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "0 1\n2\n3\n4\n\n");
}
END_TEST

START_TEST(one_name_twice_is_refused)
{
	const char *said;

	help_file("in.orch", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "call in.orch", "run sh as n | :", "call in.orch", NULL);
	said = refused("f.orch:3:");
	help_has(said, "line 1");
	help_file("f.orch", "for i in 1 2", "call in.orch", "end", NULL);
	help_has(refused("f.orch:2:"), "{{i}}");
}
END_TEST

START_TEST(a_run_with_the_name_of_a_called_result)
{
	help_file("in.orch", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "run sh as in/one | " STARTED, "call in.orch", NULL);
	refused("in/one");
}
END_TEST

START_TEST(arms_may_share_a_name)
{
	help_file("in.orch", "param v", "run sh as one | echo \"$v\"", NULL);
	help_file("f.orch", "if true", "call in.orch v=a", "else", "call in.orch v=b", "end", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "in%2Fone", "a\n");
}
END_TEST

/* What is not seen, and what does not leak. */

static void
inside_is_unknown(const char *line, const char *needle)
{
	help_file("in.orch", line, NULL);
	help_has(refused("in.orch:1:"), needle);
}

START_TEST(nothing_of_the_caller_is_seen_inside)
{
	help_file("f.orch", "param v x", "agent mine sh -c cat", "step own sh | " STARTED,
	    "run sh as res | " STARTED, "for i in 1 2", "call in.orch as c-{{i}}", "end", NULL);
	inside_is_unknown("print | {{v}}", "v");
	inside_is_unknown("print | {{i}}", "i");
	inside_is_unknown("print | {{res}}", "res");
	inside_is_unknown("run sh as one < res | cat", "res");
	inside_is_unknown("run own", "own");
	inside_is_unknown("run mine as one | x", "mine");
}
END_TEST

START_TEST(no_variable_of_the_caller_is_in_the_environment)
{
	help_file("in.orch", "run sh as one | echo \"${v-none} ${i-none} ${prompt-none} ${e-none}\"", NULL);
	help_file("f.orch", "env e=1", "param v x", "param prompt p", "for i in 1",
	    "call in.orch as c-{{i}}", "end", "run sh as after | echo \"$v $prompt $e\"", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "c-1%2Fone", "none none none none\n");
	help_is(RESULT "after", "x p 1\n");
}
END_TEST

START_TEST(names_of_the_caller_may_be_used_again_inside)
{
	help_file("in.orch", "param v", "step s sh | echo inner", "run s as res", "for i in 7",
	    "run sh as t-{{i}} | echo \"$v$i\"", "end", "print | {{res}} {{t-7}}", NULL);
	help_file("f.orch", "param v 1", "step s sh | echo outer", "run s as res", "for i in 8",
	    "call in.orch as c-{{i}} v=2", "end", "print | {{res}} {{v}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "inner 27\nouter 1\n");
}
END_TEST

static void
outside_is_unknown(const char *line)
{
	help_file("f.orch", "call in.orch", line, NULL);
	refused("f.orch:2:");
}

START_TEST(nothing_leaks_back)
{
	help_file("in.orch", "param v 1", "agent mine sh -c cat", "step s sh | " STARTED, "run s as one",
	    "for i in 1", "run sh as t-{{i}} | :", "end", NULL);
	outside_is_unknown("print | {{v}}");
	outside_is_unknown("print | {{i}}");
	outside_is_unknown("print | {{one}}");
	outside_is_unknown("run s as two");
	outside_is_unknown("run mine as two | x");
}
END_TEST

START_TEST(cd_inside_stays_inside)
{
	ck_assert_int_eq(system("mkdir -p a/b"), 0);
	help_file("in.orch", "run sh as at | pwd", "cd b", "run sh as below | pwd", NULL);
	help_file("f.orch", "cd a", "call in.orch", "run sh as after | pwd", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_has(help_read(RESULT "in%2Fat", NULL), "/a\n");
	help_has(help_read(RESULT "in%2Fbelow", NULL), "/a/b\n");
	help_has(help_read(RESULT "after", NULL), "/a\n");
}
END_TEST

/* Values. */

START_TEST(values_and_text_arrive)
{
	help_file("in.orch", "param prompt", "param a", "param b deflt", "param c {x}",
	    "run sh as one | printf '%s|%s|%s|%s' \"$prompt\" \"$a\" \"$b\" \"$c\"", NULL);
	help_file("f.orch", "param v 'w x'", "run sh as r | echo result; echo",
	    "call in.orch as p a={{v}}-{{r}} c='$HOME {{v}}' | first {{v}}", "| {{r}}", "| ",
	    "call in.orch as q a='' b=\"x=y z\" | {{v}}", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "p%2Fone", "first w x\nresult\n|w x-result|deflt|$HOME {{v}}");
	help_is(RESULT "q%2Fone", "w x||x=y z|{x}");
}
END_TEST

START_TEST(values_are_substituted_once)
{
	help_file("in.orch", "param prompt", "param a", "step cat exec cat",
	    "run sh as one | printf '%s %s' \"$a\" \"$prompt\"", "run cat as two | {{a}} {{prompt}}", NULL);
	help_file("f.orch", "param v", "call in.orch as c a={{v}} | {{v}}", NULL);
	help_sh(0, "orch run -r x f.orch 'v={{a}} $(touch P) `touch P` --x;'");
	help_is(RESULT "c%2Fone", "{{a}} $(touch P) `touch P` --x; {{a}} $(touch P) `touch P` --x;");
	help_has(help_read(RESULT "c%2Ftwo", NULL), "{{a}} $(touch P) `touch P` --x; {{a}} $(touch P) `touch P` --x;");
	help_none("P");
}
END_TEST

START_TEST(a_prompt_may_be_given_as_a_value)
{
	help_file("in.orch", "param prompt", "run sh as one | printf %s \"$prompt\"", NULL);
	help_file("f.orch", "call in.orch prompt=word", NULL);
	help_sh(0, "orch run -r y f.orch");
	help_is(".orch/y/result/in%2Fone", "word");
	help_file("f.orch", "call in.orch prompt=word | text", NULL);
	refused("f.orch:1:14: error:");
}
END_TEST

START_TEST(a_default_sees_nothing_of_the_caller)
{
	help_file("in.orch", "param a one", "param prompt 'nothing said'",
	    "run sh as one | printf '%s %s' \"$a\" \"$prompt\"", NULL);
	help_file("f.orch", "param a two", "param prompt three", "call in.orch", NULL);
	help_sh(0, "orch run -r x f.orch a=four 'the text'");
	help_is(RESULT "in%2Fone", "one nothing said");
}
END_TEST

START_TEST(wrong_values_are_refused_where_they_stand)
{
	const char *said;

	help_file("in.orch", "param depth", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "call in.orch depht=1 depth=2", "call in.orch as b", "call in.orch as c depth=1 depth=2",
	    "call in.orch as d depth=1 | text", NULL);
	said = refused("f.orch:1:14: error:");
	help_has(said, "did you mean");
	help_has(said, "f.orch:3:27: error:");
	help_has(said, "f.orch:2:1: error:");
	help_has(said, "twice");
	help_has(said, "f.orch:4:");
	help_has(said, "param prompt");
}
END_TEST

START_TEST(a_text_that_is_needed)
{
	help_file("in.orch", "param prompt", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "call in.orch", NULL);
	help_has(refused("f.orch:1:1: error:"), "prompt");
}
END_TEST

START_TEST(names_in_values_are_the_callers)
{
	help_file("in.orch", "param a", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "call in.orch a={{a}}", NULL);
	refused("f.orch:1:16: error:");
	help_file("f.orch", "call in.orch a=1 | {{one}}", NULL);
	refused("f.orch:1:");
}
END_TEST

/* Files. */

START_TEST(files_are_found_from_the_file_that_names_them)
{
	ck_assert_int_eq(system("mkdir -p w/sub/deep w/sub/elsewhere"), 0);
	help_file("w/f.orch", "call sub/mid.orch", "print | {{mid/low/one}} {{mid/side/one}}", NULL);
	help_file("w/sub/mid.orch", "cd /", "call deep/low.orch", "call ../side.orch", NULL);
	help_file("w/sub/deep/low.orch", "step cat exec cat", "run cat as one", "prompt text", NULL);
	help_file("w/sub/deep/text", "deep text", NULL);
	help_file("text", "wrong text", NULL);
	help_file("w/text", "wrong text", NULL);
	help_file("w/side.orch", "run sh as one | echo side", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x w/f.orch").out, "deep text side\n");
	ck_assert_str_eq(help_sh(0, "cd w/sub/elsewhere && orch run ../../f.orch").out, "deep text side\n");
	ck_assert_str_eq(help_sh(0, "p=$(pwd) && cd / && orch run -d \"$p/.orch\" \"$p/w/f.orch\"").out, "deep text side\n");
}
END_TEST

START_TEST(a_called_prompt_file_is_substituted_there)
{
	ck_assert_int_eq(system("mkdir -p sub"), 0);
	help_file("sub/in.orch", "param v", "step cat exec cat", "run cat as one", "prompt ask.txt", NULL);
	help_file("sub/ask.txt", "about {{v}}", NULL);
	help_file("f.orch", "param v outer", "call sub/in.orch v=inner", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "in%2Fone", "about inner\n");
	help_file("sub/ask.txt", "about {{w}}", NULL);
	help_has(help_sh(2, "orch check f.orch").err, "ask.txt:1:");
}
END_TEST

START_TEST(a_called_file_runs_on_its_own)
{
	ck_assert_int_eq(system("mkdir -p sub"), 0);
	help_file("sub/in.orch", "param prompt", "param v 1", "run sh as one | echo \"$prompt$v\"", "print | {{one}}",
	    NULL);
	help_file("f.orch", "call sub/in.orch | text", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "text1\n");
	ck_assert_str_eq(help_sh(0, "orch run -r y sub/in.orch v=2 alone").out, "alone2\n");
	help_is(".orch/y/result/one", "alone2\n");
}
END_TEST

START_TEST(a_missing_file)
{
	help_file("f.orch", "run sh as one | " STARTED, "call gone/in.orch", NULL);
	help_has(refused("f.orch:2:6: error:"), "gone/in.orch");
	ck_assert_int_eq(system("mkdir -p gone/in.orch"), 0);
	refused("f.orch:2:6: error:");
	ck_assert_int_eq(system("mkdir sub"), 0);
	help_file("sub/in.orch", "call f.orch", NULL);
	help_file("f.orch", "call sub/in.orch", NULL);
	refused("in.orch:1:6: error:");
}
END_TEST

START_TEST(a_file_of_a_call_holds_no_braces)
{
	help_file("in-1.orch", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "param v 1", "call in-{{v}}.orch as c", NULL);
	refused("f.orch:2:");
}
END_TEST

START_TEST(a_called_file_may_change_until_it_is_resumed)
{
	help_file("in.orch", "run sh as one | echo 1", "run sh as two | exit 3", NULL);
	help_file("f.orch", "call in.orch", "print | {{in/two}}", NULL);
	help_sh(1, "orch run -r x f.orch");
	help_file("in.orch", "run sh as one | echo 2", "run sh as two | echo repaired", NULL);
	ck_assert_str_eq(help_sh(0, "orch resume -r x").out, "repaired\n");
	help_is(RESULT "in%2Fone", "1\n");
}
END_TEST

/* Errors inside. */

START_TEST(mistakes_inside_are_told_with_their_own_file)
{
	ck_assert_int_eq(system("mkdir -p sub"), 0);
	help_file("sub/in.orch", "run sh as one | " STARTED, "  rnu sh as two | x", "run sh as three < tow | cat",
	    NULL);
	help_file("f.orch", "call sub/in.orch", "print | {{nothing}}", NULL);
	help_has(refused("sub/in.orch:2:3: error:"), "f.orch:2:");
	help_has(refused("sub/in.orch:3:"), "tow");
}
END_TEST

START_TEST(a_mistake_inside_is_told_once)
{
	help_file("in.orch", "run sh as one < tow | " STARTED, NULL);
	help_file("f.orch", "call in.orch as a", "call in.orch as b", "call in.orch as c", NULL);
	ck_assert_int_eq(help_count(refused("in.orch:1:"), "in.orch:1:17: error:"), 1);
}
END_TEST

START_TEST(a_failed_step_inside_is_named_by_its_whole_key)
{
	struct ran r;

	help_file("in.orch", "run sh as one | echo because >&2; exit 3", "run sh as two | " STARTED, NULL);
	help_file("f.orch", "call in.orch as c", "run sh as after | " STARTED, NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "c/one");
	help_has(r.err, "exit status 3");
	help_has(r.err, "because");
	help_none("started");
	help_has(help_sh(0, "orch status -r x || test $? = 1").out, "c/one");
	help_has(help_sh(0, "orch logs -r x c/one").out, "because");
}
END_TEST

START_TEST(a_failed_call_is_one_failed_branch)
{
	static const char *const order[] = { "2 of 3 branches failed", "c-1", "exit status 4", "c-3", "exit status 4" };
	struct ran r;

	help_file("in.orch", "param v", "run sh as one | test \"$v\" = 2 || exit 4", "run sh as two | " STARTED, NULL);
	help_file("f.orch", "parallel i in 1 2 3", "call in.orch as c-{{i}} v={{i}}", "run sh as then-{{i}} | " STARTED,
	    "end", "run sh as after | :", NULL);
	r = help_sh(1, "orch run -q -r x f.orch");
	help_has(r.err, order[0]);
	help_in_order(strstr(r.err, order[0]), order, LEN(order));
	help_is("started", "c-2/two\nthen-2\n");
	help_none(RESULT "after");
}
END_TEST

START_TEST(stop_inside_ends_that_file_only)
{
	struct ran r;

	help_file("in.orch", "run sh as one | echo 1", "if true", "stop | enough", "end", "run sh as two | " STARTED,
	    NULL);
	help_file("f.orch", "call in.orch", "run sh as after | echo 2", "print | {{after}}", NULL);
	r = help_sh(0, "orch run -r x f.orch");
	ck_assert_str_eq(r.out, "2\n");
	help_has(r.err, "enough");
	help_none("started");
	help_none(RESULT "in%2Ftwo");
}
END_TEST

START_TEST(stop_inside_ends_that_file_only_in_a_branch)
{
	help_file("in.orch", "param v", "if test \"$v\" = 1", "stop", "end", "run sh as two | echo \"$v\"", NULL);
	help_file("f.orch", "parallel i in 1 2", "call in.orch as c-{{i}} v={{i}}", "run sh as t-{{i}} | echo \"$i\"",
	    "end", "print | {{t-*}}{{c-*/two}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "1\n2\n2\n\n");
	help_none(RESULT "c-1%2Ftwo");
}
END_TEST

START_TEST(fail_inside_fails_the_caller_with_its_reason)
{
	struct ran r;

	help_file("in.orch", "param v", "run sh as one | echo 1", "fail | no good: {{v}}", "run sh as two | " STARTED,
	    NULL);
	help_file("f.orch", "call in.orch v=x", "run sh as after | " STARTED, NULL);
	r = help_sh(1, "orch run -q -r x f.orch");
	help_has(r.err, "no good: x");
	help_none("started");
	help_is(RESULT "in%2Fone", "1\n");
	help_file("f.orch", "parallel i in a b", "call in.orch as c-{{i}} v={{i}}", "end", NULL);
	r = help_sh(1, "orch run -q -r y f.orch");
	help_has(r.err, "2 of 2 branches failed");
	help_has(r.err, "no good: a");
	help_has(r.err, "no good: b");
}
END_TEST

START_TEST(break_inside_is_no_break_of_the_caller)
{
	help_file("in.orch", "break", NULL);
	help_file("f.orch", "for i in 1 2", "call in.orch as c-{{i}}", "end", NULL);
	refused("in.orch:1:");
}
END_TEST

/* Circles and depth. */

START_TEST(circles_are_refused_with_the_chain)
{
	static const char *const order[] = { "f.orch", "b.orch", "c.orch", "b.orch" };
	const char *said, *line;

	help_file("f.orch", "run sh as one | " STARTED, "call b.orch", NULL);
	help_file("b.orch", "call c.orch", NULL);
	help_file("c.orch", "run sh as n | :", "call b.orch", NULL);
	said = refused("c.orch:2:6: error:");
	line = strstr(said, "c.orch:2:6: error:");
	help_in_order(line + strlen("c.orch:2:6"), order + 1, 3);
	help_file("f.orch", "call f.orch", NULL);
	help_has(refused("f.orch:1:6: error:"), "circle");
	help_file("f.orch", "call ./f.orch as g", NULL);
	help_has(refused("f.orch:1:6: error:"), "circle");
	ck_assert_int_eq(system("mkdir d"), 0);
	help_file("f.orch", "if false", "call d/../f.orch as g", "end", NULL);
	help_has(refused("f.orch:2:6: error:"), "circle");
}
END_TEST

/* d0.orch calls d1.orch, and so on to dN.orch. */
static void
chain(int n)
{
	char name[16], line[32];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof name, i ? "d%d.orch" : "f.orch", i);
		snprintf(line, sizeof line, "call d%d.orch as d", i + 1);
		help_file(name, line, NULL);
	}
	snprintf(name, sizeof name, "d%d.orch", n);
	help_file(name, "run sh as one | " STARTED, NULL);
}

START_TEST(depth_8_works_and_9_is_refused)
{
	chain(8);
	help_sh(0, "orch run -r x f.orch");
	help_is("started", "d/d/d/d/d/d/d/d/one\n");
	unlink("started");
	ck_assert_int_eq(system("rm -r .orch"), 0);
	chain(9);
	refused("deep");
}
END_TEST

START_TEST(depth_does_not_hang_on_the_order_of_calls)
{
	/* d2 is known from a short way before the long one is found. */
	chain(9);
	help_file("f.orch", "call d2.orch as short", "call d1.orch as d", NULL);
	refused("deep");
}
END_TEST

/* Parallel and the guards. */

START_TEST(different_runs_at_once_take_no_call)
{
	help_file("in.orch", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "parallel", "run sh as n | " STARTED, "call in.orch", "end", NULL);
	help_has(refused("f.orch:3:1: error:"), "`parallel VAR in ITEM...`");
	help_has(refused("f.orch:3:1: error:"), "`call`");
	help_file("f.orch", "parallel", "run sh as n | " STARTED, "cd /", "end", NULL);
	help_has(refused("f.orch:3:1: error:"), "`cd`");
}
END_TEST

START_TEST(calls_at_once)
{
	/* Each waits for the other two. */
	help_file("in.orch", "param v", "run sh as one", "| : >\"$ORCH_ROOT/at-$v\"",
	    "| for n in 1 2 3; do until test -f \"$ORCH_ROOT/at-$n\"; do sleep 0.01; done; done", "| echo \"$v\"",
	    "timeout 30s", NULL);
	help_file("f.orch", "parallel i in 3 1 2", "call in.orch as c-{{i}} v={{i}}", "end", "print | {{c-*/one}}", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -r x f.orch").out, "3\n1\n2\n\n");
	help_is(RESULT "c-2%2Fone", "2\n");
}
END_TEST

START_TEST(keys_of_calls_hold_the_variables_of_their_blocks)
{
	help_file("in.orch", "run sh as one | " STARTED, NULL);
	help_file("f.orch", "parallel i in 1 2", "call in.orch", "end", NULL);
	help_has(refused("f.orch:2:"), "{{i}}");
	help_file("f.orch", "parallel i in 1 2", "for j in 1 2", "call in.orch as c-{{i}}", "end", "end", NULL);
	help_has(refused("f.orch:3:"), "{{j}}");
	help_file("f.orch", "parallel i in 1 2", "for j in 1 2", "call in.orch as c-{{i}}-{{j}}", "end", "end", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	ck_assert_int_eq(help_count(help_read("started", NULL), "\n"), 4);
	help_has(help_read("started", NULL), "c-2-1/one\n");
}
END_TEST

START_TEST(blocks_inside_called_files_need_their_own_variables_only)
{
	help_file("in.orch", "parallel max 1 j in a b", "run sh as t-{{j}} | " STARTED, "end", NULL);
	help_file("f.orch", "parallel max 1 i in 1 2", "call in.orch as c-{{i}}", "end", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is("started", "c-1/t-a\nc-1/t-b\nc-2/t-a\nc-2/t-b\n");
}
END_TEST

START_TEST(c17_guards_reach_through_calls)
{
	static const char *const lows[] = {
		"ask q yes no default no | Well?", "ask q | Well?", "run talk as i | x", "commit | all of it",
	};
	static const char *const options[] = { "", "-q", "-x", "-j 1" };
	size_t i;

	help_file("mid.orch", "run sh as n | " STARTED, "if true", "call low.orch", "end", NULL);
	for (i = 0; i < LEN(lows); i++) {
		help_file("low.orch", "step talk exec cat", "interactive", "run sh as one | " STARTED, lows[i], NULL);
		help_file("f.orch", "run sh as first | " STARTED, "parallel i in 1 2", "call mid.orch as c-{{i}}", "end",
		    NULL);
		help_has(refused_with(options[i], "f.orch:3:"), "low.orch");
		help_file("f.orch", "run sh as first | " STARTED, "parallel", "run sh as n | " STARTED, "call mid.orch",
		    "end", NULL);
		refused_with(options[i], "f.orch:4:");
		refused("f.orch:4:");
	}
}
END_TEST

START_TEST(c17_guards_hold_with_the_result_there)
{
	help_file("low.orch", "ask q yes no default no | Well?", NULL);
	help_file("f.orch", "parallel i in 1", "call low.orch as c-{{i}}", "end", NULL);
	help_file("g.orch", "run sh as n | :", NULL);
	help_sh(0, "orch run -q -r x g.orch && cp f.orch g.orch && echo yes >.orch/x/result/c-1%2Fq");
	help_has(help_sh(2, "orch run -r x g.orch").err, "low.orch");
}
END_TEST

START_TEST(c17_guards_in_the_called_file_itself)
{
	help_file("in.orch", "parallel i in 1 2", "ask q-{{i}} | Well?", "end", NULL);
	help_file("f.orch", "run sh as first | " STARTED, "call in.orch", NULL);
	refused("in.orch:2:");
}
END_TEST

START_TEST(a_worktree_of_the_caller_lets_a_called_file_commit)
{
	help_file("low.orch", "commit | all of it", NULL);
	help_file("f.orch", "parallel i in 1 2", "worktree w-{{i}} enter", "call low.orch as c-{{i}}", "end", NULL);
	help_sh(0, "orch check f.orch");
}
END_TEST

/* Kept, shown, given. */

START_TEST(resume_inside_starts_what_is_missing)
{
	struct ran r;

	help_file("in.orch", "param v", "run sh as one | " STARTED "echo 1",
	    "run sh as two | " STARTED "test -f \"$ORCH_ROOT/ok$v\"", "run sh as three | " STARTED "echo 3", NULL);
	help_file("f.orch", "call in.orch as a v=", "call in.orch as b v=2", "print | {{b/three}}", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_is("started", "a/one\na/two\n");
	help_file("ok", NULL);
	help_sh(1, "orch resume -q -r x");
	help_is("started", "a/one\na/two\na/two\na/three\nb/one\nb/two\n");
	help_file("ok2", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -q -r x f.orch").out, "3\n");
	r = help_sh(0, "orch run -r x f.orch");
	ck_assert_str_eq(r.out, "3\n");
	help_has(r.err, ": 6 kept, in ");
	help_is("started", "a/one\na/two\na/two\na/three\nb/one\nb/two\nb/two\nb/three\n");
}
END_TEST

START_TEST(a_removed_result_inside_is_asked_again)
{
	help_file("in.orch", "run sh as one | " STARTED "echo 1", "run sh as two | " STARTED "echo 2", NULL);
	help_file("f.orch", "call in.orch as a", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	unlink("started");
	ck_assert_int_eq(unlink(RESULT "a%2Fone"), 0);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("started", "a/one\n");
}
END_TEST

START_TEST(a_given_value_that_changed_is_a_hit_and_is_said)
{
	help_file("in.orch", "param v", "run sh as one | echo \"$v\"", NULL);
	help_file("f.orch", "param v 1", "call in.orch v={{v}}", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_has(help_sh(0, "orch run -r x f.orch v=2").err, "in/one");
	help_has(help_sh(0, "orch run -r x f.orch v=2").err, "stale");
	help_is(RESULT "in%2Fone", "1\n");
}
END_TEST

START_TEST(a_reaches_called_files)
{
	help_file("low.orch", "agent mine sh -c 'echo file'", "run mine as one | x", "run claude as two | y", NULL);
	help_file("mid.orch", "call low.orch", NULL);
	help_file("f.orch", "call mid.orch", NULL);
	help_sh(0, "orch run -r x -a mine='sh -c \"echo given\"' -a claude='sh -c \"cat; echo too\"' f.orch");
	help_is(RESULT "mid%2Flow%2Fone", "given\n");
	help_is(RESULT "mid%2Flow%2Ftwo", "y\ntoo\n");
	help_sh(2, "orch run -r y -a nobody='sh -c cat' -a claude=cat f.orch");
}
END_TEST

START_TEST(an_agent_of_a_called_file_is_looked_for_first)
{
	help_file("low.orch", "agent mine no-such-program", "run mine as one | x", NULL);
	help_file("f.orch", "run sh as first | " STARTED, "call low.orch", NULL);
	help_has(help_sh(2, "orch run -r x f.orch").err, "no-such-program");
	help_none("started");
}
END_TEST

START_TEST(n_and_status_show_called_steps_in_order)
{
	static const char *const order[] = { "first", "z/one", "z/two", "a/one", "a/two", "last" };
	struct ran r;

	help_file("in.orch", "run sh as one | " STARTED, "run sh as two | " STARTED, NULL);
	help_file("f.orch", "run sh as first | " STARTED, "call in.orch as z", "call in.orch as a",
	    "run sh as last | " STARTED, NULL);
	r = help_sh(0, "orch run -n f.orch");
	help_in_order(r.out, order, LEN(order));
	help_none("started");
	help_none(".orch");
	help_sh(0, "orch run -q -r x f.orch");
	help_in_order(help_sh(0, "orch status -r x").out, order, LEN(order));
	ck_assert_int_eq(help_count(help_sh(0, "orch status -r x").out, "done  "), 6);
	help_in_order(help_sh(0, "orch run -n -r x f.orch").out, order, LEN(order));
	ck_assert_int_eq(help_count(help_sh(0, "orch run -n -r x f.orch").out, "kept  "), 6);
}
END_TEST

START_TEST(attributes_of_a_file_hold_for_its_steps_only)
{
	help_file("in.orch", "filter sed s/^/in-/", "env e=in", "retry 1 0s", "run sh as one | echo \"$e\"",
	    "run sh as two | echo . >>\"$ORCH_ROOT/tries\"; exit 1", "otherwise none", NULL);
	help_file("f.orch", "filter sed s/^/out-/", "env g=out", "run sh as before | echo \"${e-none}\"",
	    "call in.orch", "run sh as after | echo \"${e-none}\"",
	    "run sh as last | echo . >>\"$ORCH_ROOT/last\"; exit 1", "otherwise none", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "in%2Fone", "in-in\n");
	help_is(RESULT "before", "out-none\n");
	help_is(RESULT "after", "out-none\n");
	help_is("tries", ".\n.\n");
	help_is("last", ".\n");
}
END_TEST

START_TEST(standard_input_is_the_runs)
{
	help_file("in.orch", "run sh as one < - | cat", NULL);
	help_file("f.orch", "call in.orch", "run sh as two < - | cat", NULL);
	help_sh(0, "echo hello | orch run -r x f.orch");
	help_is(RESULT "in%2Fone", "hello\n");
	help_is(RESULT "two", "hello\n");
	help_is(RESULT "-", "hello\n");
}
END_TEST

/* The examples. */

START_TEST(three_reviews_at_once)
{
	static const char *const order[] = { "security:", "speed:", "clarity:" };
	struct ran r;

	repo_init("");
	help_sh(0, "echo a >a && git add a");
	r = help_sh(0, "orch run -r x -a 'claude=sh -c \"cat; echo said\"' -a 'codex=sh -c \"cat; echo doubted\"' "
	    "\"$TREE/tests/workflows/thrice.orch\" base=HEAD");
	help_in_order(r.out, order, LEN(order));
	ck_assert_int_eq(help_count(help_read(".orch/x/log", NULL), "\tdone\t"), 10);
	help_has(help_read(".orch/x/asked/speed%2Ffindings", NULL), "+a\n");
	help_has(help_read(".orch/x/asked/speed%2Fverdict", NULL), "speed");
	ck_assert_int_eq(help_count(help_read(".orch/x/asked/report", NULL), "doubted\n"), 3);
	r = help_sh(0, "orch run -r y -a claude=cat -a codex=cat \"$TREE/tests/workflows/opinion.orch\" lens=one base=HEAD");
	help_has(r.out, "one:\n");
}
END_TEST

/* cd. */

START_TEST(cd_is_from_the_directory_of_its_line)
{
	ck_assert_int_eq(system("mkdir -p a/b 'c d'"), 0);
	help_file("f.orch", "param v 'c d'", "run sh as r | echo b", "cd a", "run sh as one | pwd", "cd {{r}}",
	    "run sh as two | pwd", "cd ../../{{v}}", "run sh as three | pwd", "cd /", "run sh as four | pwd", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_has(help_read(RESULT "one", NULL), "/a\n");
	help_has(help_read(RESULT "two", NULL), "/a/b\n");
	help_has(help_read(RESULT "three", NULL), "/c d\n");
	help_is(RESULT "four", "/\n");
}
END_TEST

START_TEST(cd_is_given_back_after_blocks)
{
	ck_assert_int_eq(system("mkdir -p a/b"), 0);
	help_file("f.orch", "cd a", "if true", "cd b", "run sh as arm | pwd", "end", "run sh as n1 | pwd",
	    "if false", "run sh as no | :", "else", "cd b", "run sh as other | pwd", "end", "run sh as n2 | pwd",
	    "for i in 1 2", "run sh as p-{{i}} | pwd", "cd b", "run sh as q-{{i}} | pwd", "end", "run sh as n3 | pwd",
	    "parallel i in 1 2", "cd b", "run sh as s-{{i}} | pwd", "end", "run sh as n4 | pwd",
	    "run sh as at < n1 n2 n3 n4 p-1 p-2 | sort -u | sed 's,.*/,,'",
	    "run sh as below < arm other q-1 q-2 s-1 s-2 | sort -u | sed 's,.*/a/,,'", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "at", "a\n");
	help_is(RESULT "below", "b\n");
}
END_TEST

START_TEST(cd_holds_for_commands_too)
{
	ck_assert_int_eq(system("mkdir a && touch a/here"), 0);
	help_file("f.orch", "cd a", "run sh as one | echo x", "filter ls here", "check test -f here", "if test -f here",
	    "run sh as two | echo 2", "end", NULL);
	help_sh(0, "orch run -r x f.orch");
	help_is(RESULT "one", "here\n");
	help_is(RESULT "two", "2\n");
}
END_TEST

START_TEST(cd_to_what_is_not_there)
{
	struct ran r;

	help_file("file", "x", NULL);
	help_file("f.orch", "param d", "run sh as one | echo 1", "cd {{d}}", "run sh as two | " STARTED, NULL);
	r = help_sh(1, "orch run -q -r x f.orch d=gone/there");
	help_has(r.err, "gone/there");
	help_none("started");
	help_is(RESULT "one", "1\n");
	help_has(help_sh(1, "orch run -q -r y f.orch d=file").err, "file");
	help_none("started");
	help_sh(0, "mkdir -p gone/there && orch resume -q -r x");
	help_is("started", "two\n");
}
END_TEST

START_TEST(cd_to_an_empty_name)
{
	/* An empty result must not mean: stay, and work in the wrong place. */
	help_file("f.orch", "run sh as d | :", "cd {{d}}", "run sh as two | " STARTED, NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_none("started");
}
END_TEST

START_TEST(cd_that_fails_fails_its_branch_only)
{
	struct ran r;

	ck_assert_int_eq(system("mkdir a"), 0);
	help_file("f.orch", "parallel i in a b", "cd {{i}}", "run sh as t-{{i}} | " STARTED, "end", NULL);
	r = help_sh(1, "orch run -q -r x f.orch");
	help_has(r.err, "1 of 2 branches failed");
	help_is("started", "t-a\n");
}
END_TEST

START_TEST(cd_leaves_orchs_own_places)
{
	ck_assert_int_eq(system("mkdir a && printf '#!/bin/sh\\npwd\\n' >tool && chmod +x tool"), 0);
	help_file("in.orch", "run sh as one | echo \"$ORCH_ROOT\"", NULL);
	help_file("f.orch", "step own exec ./tool", "cd a", "run own", "call in.orch", "run sh as root | echo \"$ORCH_ROOT\"",
	    NULL);
	help_sh(0, "orch run -r x f.orch");
	help_has(help_read(RESULT "own", NULL), "/a\n");
	help_lacks(help_read(RESULT "root", NULL), "/a\n");
	help_is(RESULT "in%2Fone", help_read(RESULT "root", NULL));
	help_none("a/.orch");
}
END_TEST

START_TEST(cd_of_a_hostile_name)
{
	ck_assert_int_eq(system("mkdir -- '-e' '$(touch P)' '~'"), 0);
	help_file("f.orch", "param d", "cd {{d}}", "run sh as one | pwd", NULL);
	help_sh(0, "orch run -r x f.orch d=-e && orch run -r y f.orch 'd=$(touch P)' && orch run -r z f.orch d='~'");
	help_has(help_read(RESULT "one", NULL), "/-e\n");
	help_has(help_read(".orch/y/result/one", NULL), "/$(touch P)\n");
	help_has(help_read(".orch/z/result/one", NULL), "/~\n");
	help_none("P");
}
END_TEST

/* The suite. */

static TCase *
names_case(void)
{
	TCase *t = tcase_create("names");

	tcase_add_test(t, results_have_names_outside_and_keys_inside);
	tcase_add_test(t, an_agent_inside_knows_its_whole_key);
	tcase_add_test(t, a_pattern_inside_sees_its_own_file_only);
	tcase_add_test(t, a_pattern_outside_sees_called_results_in_order);
	tcase_add_test(t, a_pattern_that_no_key_of_a_called_file_matches);
	tcase_add_test(t, a_result_that_a_called_file_has_not);
	tcase_add_test(t, key_is_the_base_name);
	tcase_add_test(t, one_file_many_times);
	tcase_add_test(t, one_name_twice_is_refused);
	tcase_add_test(t, a_run_with_the_name_of_a_called_result);
	tcase_add_test(t, arms_may_share_a_name);
	tcase_add_test(t, nothing_of_the_caller_is_seen_inside);
	tcase_add_test(t, no_variable_of_the_caller_is_in_the_environment);
	tcase_add_test(t, names_of_the_caller_may_be_used_again_inside);
	tcase_add_test(t, nothing_leaks_back);
	tcase_add_test(t, cd_inside_stays_inside);
	return t;
}

static TCase *
values_case(void)
{
	TCase *t = tcase_create("values");

	tcase_add_test(t, values_and_text_arrive);
	tcase_add_test(t, values_are_substituted_once);
	tcase_add_test(t, a_prompt_may_be_given_as_a_value);
	tcase_add_test(t, a_default_sees_nothing_of_the_caller);
	tcase_add_test(t, wrong_values_are_refused_where_they_stand);
	tcase_add_test(t, a_text_that_is_needed);
	tcase_add_test(t, names_in_values_are_the_callers);
	return t;
}

static TCase *
files_case(void)
{
	TCase *t = tcase_create("files");

	tcase_add_test(t, files_are_found_from_the_file_that_names_them);
	tcase_add_test(t, a_called_prompt_file_is_substituted_there);
	tcase_add_test(t, a_called_file_runs_on_its_own);
	tcase_add_test(t, a_missing_file);
	tcase_add_test(t, a_file_of_a_call_holds_no_braces);
	tcase_add_test(t, a_called_file_may_change_until_it_is_resumed);
	tcase_add_test(t, circles_are_refused_with_the_chain);
	tcase_add_test(t, depth_8_works_and_9_is_refused);
	tcase_add_test(t, depth_does_not_hang_on_the_order_of_calls);
	return t;
}

static TCase *
ends_case(void)
{
	TCase *t = tcase_create("ends");

	tcase_add_test(t, mistakes_inside_are_told_with_their_own_file);
	tcase_add_test(t, a_mistake_inside_is_told_once);
	tcase_add_test(t, a_failed_step_inside_is_named_by_its_whole_key);
	tcase_add_test(t, a_failed_call_is_one_failed_branch);
	tcase_add_test(t, stop_inside_ends_that_file_only);
	tcase_add_test(t, stop_inside_ends_that_file_only_in_a_branch);
	tcase_add_test(t, fail_inside_fails_the_caller_with_its_reason);
	tcase_add_test(t, break_inside_is_no_break_of_the_caller);
	return t;
}

static TCase *
guards_case(void)
{
	TCase *t = tcase_create("guards");

	tcase_add_test(t, different_runs_at_once_take_no_call);
	tcase_add_test(t, calls_at_once);
	tcase_add_test(t, keys_of_calls_hold_the_variables_of_their_blocks);
	tcase_add_test(t, blocks_inside_called_files_need_their_own_variables_only);
	tcase_add_test(t, c17_guards_reach_through_calls);
	tcase_add_test(t, c17_guards_hold_with_the_result_there);
	tcase_add_test(t, c17_guards_in_the_called_file_itself);
	tcase_add_test(t, a_worktree_of_the_caller_lets_a_called_file_commit);
	return t;
}

static TCase *
kept_case(void)
{
	TCase *t = tcase_create("kept");

	tcase_add_test(t, resume_inside_starts_what_is_missing);
	tcase_add_test(t, a_removed_result_inside_is_asked_again);
	tcase_add_test(t, a_given_value_that_changed_is_a_hit_and_is_said);
	tcase_add_test(t, a_reaches_called_files);
	tcase_add_test(t, an_agent_of_a_called_file_is_looked_for_first);
	tcase_add_test(t, n_and_status_show_called_steps_in_order);
	tcase_add_test(t, attributes_of_a_file_hold_for_its_steps_only);
	tcase_add_test(t, standard_input_is_the_runs);
	tcase_add_test(t, three_reviews_at_once);
	return t;
}

static TCase *
cd_case(void)
{
	TCase *t = tcase_create("cd");

	tcase_add_test(t, cd_is_from_the_directory_of_its_line);
	tcase_add_test(t, cd_is_given_back_after_blocks);
	tcase_add_test(t, cd_holds_for_commands_too);
	tcase_add_test(t, cd_to_what_is_not_there);
	tcase_add_test(t, cd_to_an_empty_name);
	tcase_add_test(t, cd_that_fails_fails_its_branch_only);
	tcase_add_test(t, cd_leaves_orchs_own_places);
	tcase_add_test(t, cd_of_a_hostile_name);
	return t;
}

Suite *
call_suite(void)
{
	static TCase *(*const cases[])(void) = {
		names_case, values_case, files_case, ends_case, guards_case, kept_case, cd_case,
	};
	Suite *s = suite_create("call");
	size_t i;

	for (i = 0; i < LEN(cases); i++) {
		TCase *t = cases[i]();

		tcase_set_timeout(t, 60);
		tcase_add_checked_fixture(t, begin, end);
		suite_add_tcase(s, t);
	}
	return s;
}
