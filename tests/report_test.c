/* Whole runs of agents that report: what is kept as the result, what is shown, how they ended, what they have used.
 *
 * The agents are scripts called claude and codex, which write what ./says holds, or do as the test says. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/pty.h"
#include "tests/suites.h"

#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

#define INIT "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s-1\"}"
#define USES(tokens, usd) "\"model_usage_since_last_result\":{\"m\":{\"inputTokens\":" tokens ",\"outputTokens\":1,\"costUSD\":" usd "}}"
#define ANSWER(text) "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"" text "\"," USES("9", "0.25") "}"
#define ERROR(status, text) "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":" status \
	",\"result\":\"" text "\"," USES("5", "0.5") "}"
#define BASH "{\"type\":\"assistant\",\"message\":{\"id\":\"m1\",\"content\":[{\"type\":\"tool_use\",\"name\":\"Bash\"," \
	"\"input\":{\"command\":\"make check\"}}],\"usage\":{\"input_tokens\":7,\"output_tokens\":2}}}"

static char samples[4096];

/* A program of this NAME whose lines are the script's, below one that reads its prompt. */
static void
fake(const char *name, const char *script)
{
	char path[64];

	snprintf(path, sizeof path, "bin/%s", name);
	help_file(path, "#!/bin/sh", "cat >/dev/null", "echo \"$ORCH_KEY\" >>\"$ORCH_ROOT/asked\"", script, NULL);
	chmod(path, 0755);
}

static void
begin(void)
{
	char root[2000];

	ck_assert_ptr_nonnull(getcwd(root, sizeof root));
	snprintf(samples, sizeof samples, "%s%s/streams", *TESTS_DIR == '/' ? "" : root, *TESTS_DIR == '/' ? TESTS_DIR : "/" TESTS_DIR);
	procs_begin();
	mkdir("bin", 0755);
	help_path("bin");
	fake("claude", "cat \"$ORCH_ROOT/says\"; exit $(cat \"$ORCH_ROOT/status\" 2>/dev/null || echo 0)");
	fake("codex", "cat \"$ORCH_ROOT/says\"; exit $(cat \"$ORCH_ROOT/status\" 2>/dev/null || echo 0)");
	help_file("f.orch", "run claude as a | Well?", NULL);
}

static void
says(const char *text)
{
	help_bytes("says", text, strlen(text));
}

/* The result. */

static const struct {
	const char *says, *result;      /* NULL: there is none */
} results[] = {
	{ INIT "\n" BASH "\n" ANSWER("well") "\n", "well\n" },
	{ INIT "\n" ANSWER("two\\nlines\\n") "\n", "two\nlines\n" },
	{ INIT "\n" ANSWER("") "\n", "" },
	{ INIT "\n" ANSWER("\\n") "\n", "\n" },
	{ INIT "\n" ANSWER("first") "\n" ANSWER("last") "\n", "last\n" },
	{ INIT "\n{broken\n" ANSWER("well"), "well\n" },
	{ "\n\n" INIT "\n" ANSWER("well") "\n", "well\n" },
	{ "plain words, no newline", "plain words, no newline" },
	{ "\n {\"type\":\"bug\"}\n\n", "\n {\"type\":\"bug\"}\n\n" },
	{ "API Error: of whom?\nNo one.\n", "API Error: of whom?\nNo one.\n" },
	{ INIT "\n" BASH "\n", NULL },
	{ INIT, NULL },
	{ "", NULL },
	{ "API Error: 500 broke\n", NULL },
	{ INIT "\n" ANSWER("well") "\n" ERROR("500", "broke") "\n", NULL },
};

START_TEST(what_is_the_result)
{
	size_t n;
	char *got;

	says(results[_i].says);
	help_sh(results[_i].result ? 0 : 1, "orch run -r x f.orch");
	if (!results[_i].result) {
		help_none(RESULT "a");
		return;
	}
	got = help_read(RESULT "a", &n);
	ck_assert(help_exists(RESULT "a"));
	ck_assert_msg(n == strlen(results[_i].result) && !memcmp(got, results[_i].result, n), "`%s`", got);
	help_is("asked", "a\n");
	help_sh(0, "test -z \"$(ls .orch/x/tmp)\"");
	help_sh(0, "orch resume -r x || test $? = 3");
}
END_TEST

/* Every sample of an answer, through orch, is what jq finds in it. */
START_TEST(samples_through_orch)
{
	struct ran r;

	help_file("go", "while IFS='\t' read -r file how session in cached out usd bytes sum; do",
	    "  test \"$how\" = answered || continue", "  rm -rf .orch",
	    "  case $file in claude*) agent=claude;; *) agent=codex;; esac",
	    "  printf 'run %s as a | Well?\\n' $agent >s.orch", "  cp \"$1/$file\" says",
	    "  orch run -q -r x s.orch || { echo \"$file: $?\"; exit 1; }",
	    "  test -s .orch/x/result/a && test \"$(tail -c 1 .orch/x/result/a)\" && { echo \"$file: no newline\"; exit 1; }",
	    "  got=$(head -c \"$bytes\" .orch/x/result/a | cksum)",
	    "  test \"$got\" = \"$sum $bytes\" || { echo \"$file: $got, not $sum $bytes\"; exit 1; }",
	    "  n=$(($(wc -c <.orch/x/result/a) - bytes))", "  test $n = 0 || test $n = 1 || { echo \"$file: $n more\"; exit 1; }",
	    "done <\"$1/expected\"", NULL);
	r = help_run("sh go '%s'", samples);
	ck_assert_msg(r.status == 0, "%s%s", r.out, r.err);
	ck_assert_int_gt(procs_lines("asked"), 30);
}
END_TEST

/* A stream larger than all buffers, and a result of 2 MB, byte for byte. */
START_TEST(large_ones)
{
	help_file("gen", "awk 'BEGIN { print \"" "{\\\"type\\\":\\\"system\\\",\\\"subtype\\\":\\\"init\\\",\\\"session_id\\\":\\\"s\\\"}" "\"",
	    "for (i = 0; i < 20000; i++) line = line \"0123456789abcdef\"",
	    "for (i = 0; i < 30; i++) printf \"{\\\"type\\\":\\\"user\\\",\\\"tool_use_result\\\":\\\"%s\\\"}\\n\", line",
	    "printf \"{\\\"result\\\":\\\"\"; for (i = 0; i < 100000; i++) printf \"a line of twenty..\\\\n\"",
	    "print \"\\\",\\\"is_error\\\":false,\\\"type\\\":\\\"result\\\"}\" }' >says",
	    "awk 'BEGIN { for (i = 0; i < 100000; i++) print \"a line of twenty..\" }' >want", NULL);
	help_sh(0, "sh gen && test $(wc -c <says) -gt 10000000");
	help_sh(0, "orch run -q -r x f.orch && cmp want .orch/x/result/a");
	/* The same as no stream. */
	help_sh(0, "cp want says && orch run -q -r y f.orch && cmp want .orch/y/result/a");
}
END_TEST

/* What the agent leaves running holds the pipe, and writes to it: it delays nothing, and adds nothing. */
START_TEST(who_holds_the_pipe)
{
	long long began;

	fake("claude", _i ? "cat \"$ORCH_ROOT/says\"; (trap '' TERM PIPE; while :; do echo late; done) & exit 0"
	    : "cat \"$ORCH_ROOT/says\"; sleep 60 & exit 0");
	says(_i > 1 ? "plain\n" : INIT "\n" ANSWER("well") "\n");
	began = help_ms();
	help_sh(0, "orch run -q -r x f.orch");
	ck_assert_int_lt(help_ms() - began, 30000);
	if (_i > 1)
		help_sh(0, "head -n 1 .orch/x/result/a | grep -qx plain");
	else
		help_is(RESULT "a", "well\n");
	procs_none_left(AFTER);
}
END_TEST

/* Codex's texts between tools are none, its last is. */
START_TEST(result_of_codex)
{
	help_file("f.orch", "run codex as a | Well?", NULL);
	says("{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"I look\"}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"type\":\"reasoning\",\"text\":\"Hm\"}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"text\":\"It is \\ud83c\\udf89\",\"type\":\"agent_message\"}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"type\":\"command_execution\",\"command\":\"x\"}}\n"
	    "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":9,\"cached_input_tokens\":4,\"output_tokens\":3}}\n");
	help_sh(0, "orch run -q -r x f.orch");
	help_is(RESULT "a", "It is \xf0\x9f\x8e\x89\n");
	help_has(help_read(".orch/x/log", NULL), "\tusage\ta\t1\t5\t4\t3\t\t\n");
}
END_TEST

/* Only what is understood as one of the two is read so. */
START_TEST(others_are_not_read)
{
	says(INIT "\n" ANSWER("well") "\n");
	help_file("f.orch", "agent mine cat says", "agent claude cat says", "run sh as a | cat says", "run mine as b | x", "run claude as c | x", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_sh(0, "for k in a b c; do cmp says .orch/x/result/$k; done");
	help_lacks(help_read(".orch/x/log", NULL), "usage");
	/* A wrapper that names the program reports, if it asks it to. */
	help_file("bin/there", "#!/bin/sh", "shift", "exec \"$@\"", NULL);
	chmod("bin/there", 0755);
	help_file("f.orch", "agent claude there b1 claude -p --output-format stream-json --verbose", "run claude as a | x", NULL);
	help_sh(0, "orch run -q -r y f.orch");
	help_is(".orch/y/result/a", "well\n");
}
END_TEST

/* A format of the step's own is the result, and is read all the same. */
START_TEST(own_formats)
{
	struct ran r;

	help_file("f.orch", "step j claude --output-format json", "run j as a | x", NULL);
	says(ANSWER("well") "\n");
	r = help_sh(0, "orch run -r x f.orch");
	help_sh(0, "cmp says .orch/x/result/a");
	help_has(r.err, "used 9 in, 1 out, $0.25\n");
	says(ERROR("401", "Failed to authenticate") "\n");
	help_file("f.orch", "step j claude --output-format json", "run j as b | x", "retry 3 0s", NULL);
	r = help_sh(1, "orch run -r y f.orch");
	help_has(r.err, "failed    b  exit status 0, but it reported an error (permanent error, not retried)\n    out| Failed to authenticate\n");
	help_lacks(r.err, "{");
	help_sh(0, "orch logs -r y b >logs; ! grep '{' logs");
	/* Of a format that is not read, exit status and words tell. */
	help_file("f.orch", "step j claude --output-format text", "run j as c | x", NULL);
	says("words\n");
	help_sh(0, "orch run -q -r z f.orch");
	help_is(".orch/z/result/c", "words\n");
}
END_TEST

/* The words that make it report are no part of the question; those that are given are. */
START_TEST(reporting_is_no_question)
{
	fake("claude", "echo \"$@\"; env | grep BACKGROUND || :");
	help_sh(0, "env -u CLAUDE_CODE_DISABLE_BACKGROUND_TASKS orch run -q -r x f.orch");
	help_is(RESULT "a", "-p --output-format stream-json --verbose\nCLAUDE_CODE_DISABLE_BACKGROUND_TASKS=1\n");
	help_lacks(help_read(".orch/x/how", NULL), "stream-json");
	help_has(help_read(".orch/x/how", NULL), "\tword\tclaude\tword\t-p\t%%\n");
	help_sh(0, "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=0 orch run -q -r y f.orch");
	help_has(help_read(".orch/y/result/a", NULL), "TASKS=0\n");
	help_file("f.orch", "step s claude --model m", "run s as a | Well?", "env CLAUDE_CODE_DISABLE_BACKGROUND_TASKS=", NULL);
	help_sh(0, "orch run -q -r z f.orch");
	help_is(".orch/z/result/a", "-p --output-format stream-json --verbose --model m\nCLAUDE_CODE_DISABLE_BACKGROUND_TASKS=\n");
}
END_TEST

/* Activity. */

START_TEST(activity_is_shown)
{
	struct ran r;

	fake("claude", "printf 'half a line' >&2; sleep 0.2; cat \"$ORCH_ROOT/says\"");
	says(INIT "\n" BASH "\n{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":3,\"max_retries\":10,\"error_status\":529}\n" ANSWER("well") "\n");
	r = help_sh(0, "orch run -v -r x f.orch");
	help_has(r.err, "a| half a line\na| Bash make check\na| waiting: overloaded, attempt 3 of 10\ndone      a  ");
	help_is(".orch/x/stderr/a", "half a line\nBash make check\nwaiting: overloaded, attempt 3 of 10\n");
	help_has(help_sh(0, "orch logs -r x").out, "==> a <==\nhalf a line\nBash make check\n");
}
END_TEST

START_TEST(activity_while_it_runs)
{
	pid_t pid;

	help_sh(0, "mkfifo gate");
	fake("claude", "head -n 2 \"$ORCH_ROOT/says\"; read x <\"$ORCH_ROOT/gate\"; tail -n 1 \"$ORCH_ROOT/says\"");
	says(INIT "\n" BASH "\n" ANSWER("well") "\n");
	pid = procs_start("exec orch run -r x f.orch");
	procs_await_text(".orch/x/stderr/a", "Bash make check\n");
	help_has(help_run("orch logs -r x a").out, "Bash make check\n");
	procs_await_text(".orch/x/log", "\tusage\ta\t1\t7\t0\t2\t?\t\n");
	help_has(help_run("orch status -r x").out, "used 7 in, 2 out, $?\n");
	help_sh(0, "echo >gate");
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	help_has(help_read(".orch/x/log", NULL), "\tusage\ta\t1\t9\t0\t1\t0.25\t\n");
}
END_TEST

START_TEST(activity_in_the_live_view)
{
	help_sh(0, "mkfifo gate");
	fake("claude", "head -n 2 \"$ORCH_ROOT/says\"; read x <\"$ORCH_ROOT/gate\"; tail -n 1 \"$ORCH_ROOT/says\"");
	says(INIT "\n" BASH "\n" ANSWER("well") "\n");
	pty_command("exec orch run -r x f.orch");
	pty_expect("s  Bash make check");
	pty_expect("s  9");
	help_sh(0, "echo >gate");
	pty_expect("done      a");
	pty_ends(0);
	help_lacks(pty_shown(), "session_id");
}
END_TEST

/* How it ended. */

/* What the agent itself says last on standard error counts, wherever its activity is. */
START_TEST(a_time_behind_activity)
{
	struct ran r;
	int i;

	fake("claude", "if ! test -e \"$ORCH_ROOT/once\"; then : >\"$ORCH_ROOT/once\"; echo 'retry-after: 1' >&2; cat \"$ORCH_ROOT/says\"; exit 75; fi; "
	    "echo '" INIT "'; echo '" ANSWER("well") "'");
	says(INIT "\n" BASH "\n");
	help_file("f.orch", "run claude as a | Well?", "retry 0 9s", NULL);
	for (i = 0; i < 3; i++) {
		help_sh(0, "rm -rf once .orch");
		r = help_run("timeout 1 orch run -r x f.orch");
		help_has(r.err, "waiting   a  rate-limited: exit status 75; retrying in ");
	}
}
END_TEST

/* What was tried and failed before the budget ended the retries is said. */
START_TEST(a_budget_and_a_retry)
{
	struct ran r;

	says(INIT "\n" BASH "\n");
	help_file("status", "1", NULL);
	help_file("f.orch", "budget 0.005ktok", "run claude as a | x", "retry 3 0s", NULL);
	r = help_sh(7, "orch run -r x f.orch");
	help_has(r.err, "retry     a  attempt 1: exit status 1");
	help_has(r.err, "orch: run x is unfinished: 1 not run, in ");
}
END_TEST

/* One that fails after another has used it up has failed attempts left: it is not asked again, and gets no fallback. */
START_TEST(a_budget_beside_one_that_fails)
{
	struct ran r;

	fake("claude", "echo '" INIT "'; test $ORCH_KEY = b || { while ! test -e \"$ORCH_ROOT/.orch/x/result/b\"; do sleep 0.05; done; sleep 0.3; echo '"
	    ERROR("500", "broke") "'; exit 1; }; echo '" ANSWER("well") "'");
	help_file("f.orch", "budget 0.25usd", "parallel max 2 k in a b d", "run claude as {{k}} | x", _i ? "retry 2 0s" : "retry 0", "otherwise none", "end",
	    "run claude as c | x", NULL);
	r = help_sh(7, "orch run -r x f.orch");
	help_has(r.err, "attempt   a  1 failed: exit status 1");
	help_has(r.err, "orch: run x is unfinished: 1 done, 3 not run, in ");
	help_none(RESULT "a");
	help_sh(0, "sort asked | tr '\\n' ' ' >sorted");
	help_is("sorted", "a b ");
}
END_TEST

/* What is not a result is left nowhere. */
START_TEST(nothing_is_left)
{
	help_file("f.orch", "run codex as a | Well?", NULL);
	says("{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"It is\"}}\n"
	    "{\"type\":\"item.completed\",\"item\":{\"type\":\"reasoning\",\"text\":\"Hm\"}}\n{\"type\":\"turn.completed\"}\n");
	help_sh(0, "orch run -q -r x f.orch && test -z \"$(ls .orch/x/tmp)\"");
	help_is(RESULT "a", "It is\n");
	/* But what a failed attempt has written is for `logs`. */
	help_file("status", "1", NULL);
	help_sh(1, "orch run -q -r y f.orch");
	help_has(help_run("orch logs -r y a").out, "It is\n");
}
END_TEST

static const struct {
	const char *says;
	int status, asked;      /* with retry 1 */
	const char *why;        /* after the key */
} ends[] = {
	{ INIT "\n" ERROR("401", "Failed to authenticate. API Error: 401") "\n", 1, 1,
	    "exit status 1 (permanent error, not retried)\n    out| Failed to authenticate. API Error: 401\n" },
	{ INIT "\n" ERROR("500", "API Error: 500 broke") "\n", 1, 2, "exit status 1 (2 attempts)\n    out| API Error: 500 broke\n" },
	{ INIT "\n{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":true,\"errors\":[\"Reached it\"]}\n", 1, 1,
	    "exit status 1 (permanent error, not retried)\n    out| Reached it\n" },
	{ INIT "\n{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true,\"errors\":[\"cut\"]}\n", 0, 2,
	    "exit status 0, but it reported an error (2 attempts)\n    out| cut\n" },
	{ INIT "\n" BASH "\n", 0, 2, "interrupted: exit status 0, but no result was written (2 attempts)\n    err| You were interrupted " },
	{ INIT "\n" ANSWER("well") "\n", 3, 2, "exit status 3 (2 attempts)\n" },
	{ INIT "\n" BASH "\n", 143, 2, "exit status 143 (2 attempts)\n    err| You were interrupted " },
};

START_TEST(how_it_ended)
{
	struct ran r;
	char status[20];

	says(ends[_i].says);
	snprintf(status, sizeof status, "%d", ends[_i].status);
	help_file("status", status, NULL);
	help_file("f.orch", "run claude as a | Well?", "retry 1 0s", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "failed    a  ");
	help_has(r.err, ends[_i].why);
	help_lacks(r.err, "{\"");
	ck_assert_int_eq(procs_lines("asked"), ends[_i].asked);
	help_none(RESULT "a");
	help_sh(0, "! ls .orch/x/tmp | grep %");
}
END_TEST

/* A limit that the stream tells holds as one of words; then the next attempt is asked. */
START_TEST(limits_of_streams)
{
	struct ran r;

	fake("claude", "if ! test -e \"$ORCH_ROOT/once\"; then : >\"$ORCH_ROOT/once\"; cat \"$ORCH_ROOT/says\"; exit 1; fi; "
	    "echo '" INIT "'; echo '" ANSWER("well") "'");
	says(INIT "\n" ERROR("529", "API Error: 529 busy") "\n");
	help_file("f.orch", "run claude as a | Well?", "retry 0 1s", NULL);
	r = help_sh(0, "orch run -r x f.orch");
	help_has(r.err, "waiting   a  rate-limited: API Error: 529 busy; retrying in ");
	help_is(RESULT "a", "well\n");
	ck_assert_int_eq(procs_lines("asked"), 2);
}
END_TEST

/* While one attempt waits by itself no other of that agent is started; as soon as it goes on they are. */
START_TEST(an_agent_that_waits_holds_the_others)
{
	pid_t pid;
	static const char *const waits[] = {
		"{\"type\":\"system\",\"subtype\":\"api_retry\",\"error_status\":429,\"error\":\"rate_limit\"}",
		"{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\"}}",
		"{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":4102444800}}",
	};

	help_sh(0, "mkfifo gate");
	fake("claude", "echo '" INIT "'; test $ORCH_KEY != a-1 || { cat \"$ORCH_ROOT/waits\"; : >\"$ORCH_ROOT/waiting\"; read x <\"$ORCH_ROOT/gate\"; };"
	    "echo '" ANSWER("well") "'");
	help_file("waits", waits[_i], NULL);
	/* The others come when it waits, since a fast step goes before them. */
	help_file("f.orch", "step others claude", "parallel n in 1 2 3", "run sh as w-{{n}}",
	    "| test $n = 1 || while ! test -e waiting; do sleep 0.05; done; sleep 0.3", "run others as a-{{n}} | x", "end", NULL);
	pid = procs_start("exec orch run -r x f.orch");
	procs_await_file(RESULT "w-3");
	procs_await_file(RESULT "w-2");
	help_pause(500);
	help_is("asked", "a-1\n");
	if (_i == 2) {
		kill(pid, SIGTERM);
		ck_assert_int_eq(procs_end(pid, SOON), 128 + SIGTERM);
		help_is("asked", "a-1\n");
		return;
	}
	help_sh(0, "echo >gate");
	ck_assert_int_eq(procs_end(pid, SOON), 0);
	ck_assert_int_eq(procs_lines("asked"), 3);
}
END_TEST

/* Several codex at once: who could not begin is asked again, five times, and that is not an attempt of its retry. */
START_TEST(a_locked_database)
{
	struct ran r;

	fake("codex", "test $(grep -c . \"$ORCH_ROOT/asked\") -gt $(cat \"$ORCH_ROOT/times\") || { echo 'ERROR: (code: 5) database is locked' >&2; exit 1; }; echo fine");
	help_file("f.orch", "run codex as a | Well?", "retry 0 0s", NULL);
	help_file("times", _i ? "100" : "3", NULL);
	r = help_sh(_i, "orch run -r x f.orch");
	ck_assert_int_eq(procs_lines("asked"), _i ? 6 : 4);
	help_has(r.err, "waiting   a  exit status 1: ERROR: (code: 5) database is locked; retrying in ");
	if (_i)
		help_has(r.err, "failed    a  exit status 1: ERROR: (code: 5) database is locked");
}
END_TEST

/* Usage. */

START_TEST(usage_is_counted)
{
	struct ran r;

	/* The first attempt fails, and has told what it used; so has a step that failed for good. */
	fake("claude", "if test $ORCH_KEY = b || ! test -e \"$ORCH_ROOT/once\"; then : >\"$ORCH_ROOT/once\"; echo '" INIT "'; echo '"
	    ERROR("500", "broke") "'; exit 1; fi; echo '" INIT "'; echo '" ANSWER("well") "'");
	help_file("f.orch", "run claude as a | Well?", "retry 1 0s", "run claude as b | Well?", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, ", used 19 in, 3 out, $1.25\n");
	help_has(help_run("orch status -r x").out, "\nused 19 in, 3 out, $1.25\n");
	r = help_run("orch status -p -r x");
	help_has(r.out, "\t14\t0\t2\t0.75\n");
	help_has(r.out, "\t5\t0\t1\t0.50\n");
	fake("claude", "echo '" INIT "'; echo '" ANSWER("well") "'");
	r = help_sh(0, "orch resume -r x");
	help_has(r.err, ", used 9 in, 1 out, $0.25 (the run: 28 in, 4 out, $1.50)\n");
	help_has(help_run("orch status -p -r x").out, "\t14\t0\t2\t0.75\n");
	r = help_sh(0, "orch run -r x f.orch");
	help_has(r.err, " (the run used 28 in, 4 out, $1.50)\n");
}
END_TEST

/* A killed attempt counts with what it had told; what it cost is not known. Nothing is counted twice after a kill. */
START_TEST(usage_of_the_killed)
{
	struct ran r;
	pid_t pid;

	help_sh(0, "mkfifo gate");
	fake("claude", "echo '" INIT "'; echo '" BASH "'; : >\"$ORCH_ROOT/told\"; test -e \"$ORCH_ROOT/again\" || read x <\"$ORCH_ROOT/gate\"; echo '"
	    ANSWER("well") "'");
	pid = procs_start("exec orch run -r x f.orch");
	procs_await_text(".orch/x/log", "\tusage\ta\t1\t7\t0\t2\t?\t\n");
	kill(pid, _i ? SIGKILL : SIGTERM);
	procs_end(pid, SOON);
	procs_none_left(SOON);
	help_has(help_run("orch status -p -r x").out, "\t7\t0\t2\t\n");
	help_has(help_run("orch status -r x").out, "used 7 in, 2 out, $?\n");
	help_file("again", NULL);
	r = help_sh(0, "orch resume -r x");
	help_has(r.err, ", used 9 in, 1 out, $0.25 (the run: 16 in, 3 out, $0.25+?)\n");
	help_has(help_run("orch status -p -r x").out, "\t16\t0\t3\t0.25\n");
}
END_TEST

/* Budgets. */

static void
cheap_agent(void)
{
	fake("claude", "echo '" INIT "'; echo '" ANSWER("well") "'");
}

START_TEST(a_budget_ends_a_run)
{
	struct ran r;

	cheap_agent();
	help_file("f.orch", _i ? "budget 0.02ktok" : "budget 0.5usd", "for n in 1..4", "run claude as a-{{n}} | x", "otherwise none", "end", NULL);
	r = help_sh(7, "orch run -r x f.orch");
	help_is("asked", "a-1\na-2\n");
	help_has(r.err, _i ? "orch: the budget of 0.02ktok is used up (18 in, 2 out, $0.50); nothing more is started\n" :
	    "orch: the budget of 0.5usd is used up (18 in, 2 out, $0.50); nothing more is started\n");
	help_has(r.err, "orch: run x is unfinished: 2 done, 2 not run, in ");
	help_has(r.err, _i ? "\norch: to resume: orch resume -b 1ktok -r x\n" : "\norch: to resume: orch resume -b 1usd -r x\n");
	help_lacks(r.err, "fallback");
	r = help_run("orch status -r x");
	ck_assert_int_eq(r.status, 7);
	help_has(r.out, "run x: over-budget, ");
	/* Without more of it the results are kept, and nothing starts. */
	r = help_sh(7, "orch resume -r x");
	help_has(r.err, ": 2 kept, 2 not run, in ");
	help_is("asked", "a-1\na-2\n");
	help_sh(7, "orch resume -b 0.75usd -r x");
	help_is("asked", "a-1\na-2\na-3\n");
	/* It is recorded. */
	help_sh(7, "orch run -r x f.orch");
	help_sh(0, "orch resume -b 1Mtok");
	help_is("asked", "a-1\na-2\na-3\na-4\n");
	help_sh(0, "orch run -q -r x f.orch");
	help_none(RESULT "otherwise");
}
END_TEST

/* From when it was last complete; a complete run is complete, whatever it has used. */
START_TEST(a_budget_begins_again)
{
	cheap_agent();
	help_file("f.orch", "param n", "run claude as a | {{n}}", "run claude as b | {{n}}", NULL);
	help_sh(0, "orch run -q -b 0.5usd -r x f.orch n=1");
	help_sh(0, "orch run -q -r x f.orch n=1");
	help_sh(0, "orch run -q -u -r x f.orch n=2");
	ck_assert_int_eq(procs_lines("asked"), 4);
	help_sh(7, "orch run -q -u -b 0.25usd -r x f.orch n=3");
	ck_assert_int_eq(procs_lines("asked"), 5);
	help_sh(7, "orch run -q -u -r x f.orch n=3");
	ck_assert_int_eq(procs_lines("asked"), 5);
}
END_TEST

/* What was not started is neither failed nor an attempt; a failure beside it changes nothing. */
START_TEST(a_budget_and_failures)
{
	struct ran r;

	fake("claude", "echo '" INIT "'; echo '" ERROR("500", "broke") "'; exit 1");
	help_file("f.orch", "parallel max 1 n in 1 2 3", "run claude as a-{{n}} | x", _i ? "retry 2 0s" : "retry 0", "otherwise none", "end", NULL);
	r = help_sh(7, "orch run -r x -b 0.1usd f.orch");
	help_is("asked", "a-1\n");
	help_sh(0, "test -z \"$(ls .orch/x/result)\"");
	help_lacks(r.err, "failed    a-1  exit");
	help_has(r.err, "orch: run x is unfinished: 3 not run, in ");
	/* One that has had its last attempt, without a fallback, has failed. */
	help_file("f.orch", "parallel max 1 n in 1 2 3", "run claude as a-{{n}} | x", "end", NULL);
	r = help_sh(7, "orch run -r y -b 0.1usd f.orch");
	help_has(r.err, "failed    a-1  exit status 1\n");
	help_has(r.err, "1 failed");
}
END_TEST

START_TEST(a_budget_survives_a_kill)
{
	pid_t pid;

	help_sh(0, "mkfifo gate");
	fake("claude", "echo '" INIT "'; test $ORCH_KEY != a-2 || { : >\"$ORCH_ROOT/there\"; read x <\"$ORCH_ROOT/gate\"; }; echo '" ANSWER("well") "'");
	help_file("f.orch", "budget 0.25usd", "parallel n in 1 2", "run claude as a-{{n}} | x", "end", "run claude as c | x", NULL);
	pid = procs_start("exec orch run -r x f.orch");
	procs_await_file(RESULT "a-1");
	procs_await_file("there");
	kill(pid, SIGKILL);
	procs_end(pid, SOON);
	procs_none_left(SOON);
	help_sh(7, "orch resume -r x");
	help_sh(0, "! grep -q c asked && test $(grep -c a-2 asked) = 1");
}
END_TEST

START_TEST(a_budget_in_money_and_codex)
{
	struct ran r;

	help_file("f.orch", "budget 5usd", "run codex as a | x", NULL);
	r = help_sh(2, "orch run -r x f.orch");
	help_has(r.err, "f.orch:2:1: error: a budget in usd: codex tells no money, only tokens; use ktok or Mtok\n");
	help_none(".orch/x");
	r = help_sh(2, "orch check f.orch");
	help_has(r.err, "codex tells no money");
	says("words\n");
	r = help_sh(0, "orch run -r x -a codex='sh -c cat' f.orch");
	help_has(r.err, "f.orch:2:1: warning: a budget in usd: codex tells no money");
	help_has(r.err, "orch: warning: a: its agent reports no usage, and counts as nothing in the budget of 5usd\n");
	r = help_sh(0, "orch run -r y -b 5Mtok f.orch");
	help_lacks(r.err, "money");
	r = help_sh(2, "orch run -r z -b 5usd f.orch");
	help_has(r.err, "codex tells no money");
	/* A called file's holds only where it is run by itself. */
	help_file("g.orch", "call f.orch as c", NULL);
	help_sh(0, "orch run -q -r c g.orch");
	help_sh(2, "orch run -q -r d -b 1usd g.orch");
}
END_TEST

START_TEST(budgets_that_are_none)
{
	static const char *const wrong[] = { "5", "usd", "5 usd", "0usd", "0.0ktok", "-1usd", "5eur", "1e3usd", "1.usd", ".5usd", "5USD", "5mtok", "99999999999usd", "" };
	struct ran r;
	int i;

	for (i = 0; i < LEN(wrong); i++) {
		r = help_run("orch run -b '%s' f.orch", wrong[i]);
		ck_assert_msg(r.status == 2, "%s: %d", wrong[i], r.status);
		help_has(r.err, "-b takes a budget in usd, ktok or Mtok, such as 5usd or 0.6ktok");
	}
	help_file("f.orch", "budget 5", "run claude as a | x", NULL);
	help_has(help_sh(2, "orch check f.orch").err, "f.orch:1:8: error: invalid budget '5': its unit is usd, ktok or Mtok, as in 5usd or 0.6ktok\n");
	help_file("f.orch", "run claude as a | x", "budget 5usd", NULL);
	help_has(help_sh(2, "orch check f.orch").err, "`budget` holds for the whole file: it must come first, above everything else\n");
	help_file("f.orch", "step s claude", "budget 5usd", "run s as a | x", NULL);
	help_has(help_sh(2, "orch check f.orch").err, "`budget` holds for the whole file");
}
END_TEST

Suite *
report_suite(void)
{
	Suite *s = suite_create("report");
	TCase *tc = help_case(s, "results", begin, 60);

	tcase_add_loop_test(tc, what_is_the_result, 0, LEN(results));
	tcase_add_test(tc, samples_through_orch);
	tcase_add_test(tc, large_ones);
	tcase_add_loop_test(tc, who_holds_the_pipe, 0, 3);
	tcase_add_test(tc, result_of_codex);
	tcase_add_test(tc, others_are_not_read);
	tcase_add_test(tc, own_formats);
	tcase_add_test(tc, reporting_is_no_question);
	tc = help_case(s, "activity", begin, 60);
	tcase_add_test(tc, activity_is_shown);
	tcase_add_test(tc, activity_while_it_runs);
	tcase_add_test(tc, activity_in_the_live_view);
	tc = help_case(s, "ends", begin, 60);
	tcase_add_loop_test(tc, how_it_ended, 0, LEN(ends));
	tcase_add_test(tc, limits_of_streams);
	tcase_add_test(tc, a_time_behind_activity);
	tcase_add_test(tc, a_budget_and_a_retry);
	tcase_add_loop_test(tc, a_budget_beside_one_that_fails, 0, 2);
	tcase_add_test(tc, nothing_is_left);
	tcase_add_loop_test(tc, an_agent_that_waits_holds_the_others, 0, 3);
	tcase_add_loop_test(tc, a_locked_database, 0, 2);
	tc = help_case(s, "usage", begin, 60);
	tcase_add_test(tc, usage_is_counted);
	tcase_add_loop_test(tc, usage_of_the_killed, 0, 2);
	tcase_add_loop_test(tc, a_budget_ends_a_run, 0, 2);
	tcase_add_test(tc, a_budget_begins_again);
	tcase_add_loop_test(tc, a_budget_and_failures, 0, 2);
	tcase_add_test(tc, a_budget_survives_a_kill);
	tcase_add_test(tc, a_budget_in_money_and_codex);
	tcase_add_test(tc, budgets_that_are_none);
	return s;
}
