/* Whole runs whose agents take no more for now, or say by their words that there is no use in asking again.
 *
 * The file refuse holds how often an agent refuses yet; each that is asked adds its key to the file asked. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/suites.h"

/* Refuses while ./refuse says so. */
#define TAKES_NO_MORE "cat >/dev/null; echo \"$ORCH_KEY\" >>asked", \
	"if ln -s x turn 2>/dev/null && read n <refuse && test $n -gt 0; then", "echo $((n - 1)) >refuse; rm turn", \
	"cat words >&2; exit 75", "fi", "rm -f turn", "echo answer"

static void
begin(void)
{
	procs_begin();
	help_file("agent", "#!/bin/sh", TAKES_NO_MORE, NULL);
	chmod("agent", 0755);
	help_file("refuse", "1", NULL);
	help_file("words", "slow down", "retry-after: 1", NULL);
}

/* A program of this NAME on PATH, that writes OUT and ERR and ends with STATUS. */
static void
fake(const char *name, const char *out, const char *err, int status)
{
	char path[4096], last[32];

	if (!mkdir("bin", 0755))
		help_path("bin");
	snprintf(path, sizeof path, "bin/%s", name);
	snprintf(last, sizeof last, "exit %d", status);
	help_bytes("says", out, strlen(out));
	help_file("complains", err, NULL);
	help_file(path, "#!/bin/sh", "cat >/dev/null", "echo x >>asked", "cat \"$ORCH_ROOT/says\"", "cat \"$ORCH_ROOT/complains\" >&2", last, NULL);
	chmod(path, 0755);
}

START_TEST(one_refusal_holds_all)
{
	struct ran r;

	help_file("f.orch", "agent model ./agent", "parallel max 1 x in 1..3", "run model as a{{x}} | {{x}}", "end", NULL);
	r = help_sh(0, "orch run -r x f.orch");
	help_is("asked", "a1\na1\na2\na3\n");
	help_has(r.err, "waiting   a1  rate-limited: slow down; retrying in ");
	help_has(r.err, "\ndone      a1  ");
	help_has(r.err, "  attempt 2\n");
	help_lacks(r.err, "failed    ");
	help_is(RESULT "a1", "answer\n");
	help_has(help_read(".orch/x/log", NULL), "\tlimited\ta1\t1\t");
	ck_assert_str_eq(help_sh(0, "orch run -q -r y f.orch").err, "");
}
END_TEST

/* No place and no token is taken by who waits, and other agents go on. */
START_TEST(others_go_on)
{
	help_file("f.orch", "agent model ./agent", "parallel", "run model as a | a", "run sh as b | cp asked seen", "end", NULL);
	help_sh(0, "orch run -j 1 -r x f.orch");
	help_is("seen", "a\n");
	help_is("asked", "a\na\n");
}
END_TEST

START_TEST(a_held_run_is_waiting)
{
	struct ran r;
	pid_t pid;

	help_file("words", "retry-after: 1000", NULL);
	help_file("f.orch", "agent model ./agent", "parallel max 1 x in 1..3", "run model as a{{x}} | {{x}}", "end", NULL);
	pid = procs_start("exec orch run -r x f.orch");
	procs_await_text("err", "retrying in 16m40s\n");
	r = help_run("orch status -r x");
	ck_assert_int_eq(r.status, 5);
	help_has(r.out, "waiting      a1  ");
	help_has(r.out, "rate-limited: exit status 75\n");
	help_has(r.out, "\n3 waiting\n");
	help_has(help_run("orch status -p -r x").out, "waiting\ta1\t");
	kill(pid, _i ? SIGTERM : SIGKILL);
	ck_assert_int_eq(procs_end(pid, SOON), 128 + (_i ? SIGTERM : SIGKILL));
	help_is("asked", "a1\n");
	r = help_run("orch status -r x");
	ck_assert_int_eq(r.status, 6);
	help_has(r.out, "\n3 not run\n");
	help_sh(0, "orch resume -r x");
	help_is("asked", "a1\na1\na2\na3\n");
}
END_TEST

/* The words of the two programs. */
static const struct {
	const char *name, *out, *err;
	int status;
	const char *says;       /* after the key */
	int asked;              /* how often, with retry 1 */
} words[] = {
	{ "claude", "Failed to authenticate. API Error: 401 no", "", 1, "exit status 1 (permanent error, not retried)\n", 1 },
	{ "claude", "API Error: 500 it broke", "", 1, "exit status 1 (2 attempts)\n", 2 },
	{ "claude", "Execution error", "", 0, "exit status 0, but 'Execution error' is not a result (2 attempts)\n", 2 },
	{ "claude", "", "", 0, "exit status 0, but no result was written (2 attempts)\n", 2 },
	{ "codex", "", "x\nERROR: Quota exceeded. Check your plan", 1, "exit status 1 (permanent error, not retried)\n", 1 },
	{ "codex", "", "ERROR: stream disconnected", 1, "exit status 1 (2 attempts)\n", 2 },
};

START_TEST(words_of_the_programs)
{
	struct ran r;

	fake(words[_i].name, words[_i].out, words[_i].err, words[_i].status);
	help_file("f.orch", words[_i].name[1] == 'l' ? "run claude as a | Well?" : "run codex as a | Well?", "retry 1 0s", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, words[_i].says);
	ck_assert_int_eq(help_count(help_read("asked", NULL), "x\n"), words[_i].asked);
	help_none(RESULT "a");
}
END_TEST

START_TEST(a_limit_of_a_program)
{
	static const char *const flows[] = { "run claude as a | Well?", "run fast as a | Well?" };
	pid_t pid;

	fake("claude", "API Error: Request rejected (429) - too many", "", 1);
	help_file("f.orch", "agent fast ./bin/claude -p --model small", flows[_i], "print | {{a}}", NULL);
	pid = procs_start("exec orch run -r x f.orch");
	procs_await_text("err", "waiting   a  rate-limited: API Error: Request rejected (429) - too many; retrying");
	fake("claude", "An answer", "", 0);
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	help_is("out", "An answer\n");
	ck_assert_int_eq(help_count(help_read("asked", NULL), "x\n"), 2);
}
END_TEST

Suite *
held_suite(void)
{
	Suite *s = suite_create("held");
	TCase *tc = help_case(s, "agents that take no more for now", begin, 60);

	tcase_add_test(tc, one_refusal_holds_all);
	tcase_add_test(tc, others_go_on);
	tcase_add_loop_test(tc, a_held_run_is_waiting, 0, 2);
	tcase_add_loop_test(tc, words_of_the_programs, 0, LEN(words));
	tcase_add_loop_test(tc, a_limit_of_a_program, 0, 2);
	return s;
}
