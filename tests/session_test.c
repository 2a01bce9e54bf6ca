/* Whole runs whose agents keep their conversations: forks of them, and attempts that were cut off and are continued.
 *
 * The stand-ins keep a conversation as the file talks/ID, a prompt for each turn; they do what the file do/KEY says, a word a
 * start of that key: die (after it has done something), idle (before), half (after the final record), late (the same, but
 * that record comes late), limit, hang, wrong, lost. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/help.h"
#include "tests/procs.h"
#include "tests/suites.h"

#define TOLD "You were interrupted "

static const char *const stand_in[] = {
	"#!/bin/sh", "cd \"$ORCH_ROOT\"", "prompt=$(cat; echo .); prompt=${prompt%.}", "parent=", "kind=${0##*/}",
	"for w; do", "  case $last in --resume|fork) parent=$w;; esac", "  last=$w", "done",
	"echo \"$ORCH_KEY $parent\" >>asked", "echo \"$*\" >>args",
	"until mkdir talks/lock 2>/dev/null; do :; done", "n=$(($(cat talks/n 2>/dev/null || echo 0) + 1)); echo $n >talks/n; rmdir talks/lock",
	"id=s-$n", "do=$(head -n 1 do/$ORCH_KEY 2>/dev/null); sed -i 1d do/$ORCH_KEY 2>/dev/null",
	"if test \"$parent\" && ! test -e talks/$parent; then",
	"  if test $kind = claude; then echo '{\"type\":\"result\",\"is_error\":true,\"errors\":[\"No conversation found with session ID: x\"]}'",
	"  else echo 'Error: thread/resume failed: no rollout found for thread id x' >&2; fi", "  exit 1", "fi",
	"test -z \"$parent\" || cat talks/$parent >talks/$id", "printf '[%s]' \"$prompt\" >>talks/$id",
	"say() { printf '%s\\n' \"$1\"; }",
	"if test $kind = claude; then", "  say '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"'$id'\"}'",
	"  acts='{\"type\":\"assistant\",\"message\":{\"id\":\"'$id'\",\"content\":[{\"type\":\"tool_use\",\"name\":\"Bash\",\"input\":{\"command\":\"x\"}}]}}'",
	"  final='{\"type\":\"result\",\"is_error\":false,\"result\":\"'$ORCH_KEY' of '$id'\",\"total_cost_usd\":0.5}'",
	"else", "  say '{\"type\":\"thread.started\",\"thread_id\":\"'$id'\"}'",
	"  acts='{\"type\":\"item.started\",\"item\":{\"id\":\"i\",\"type\":\"command_execution\",\"command\":\"x\"}}'",
	"  t=$(($(tr -cd '[' <talks/$id | wc -c) * 10))",
	"  final='{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"'$ORCH_KEY' of '$id'\"}}",
	"{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":'$t',\"cached_input_tokens\":0,\"output_tokens\":'$t'}}'", "fi",
	"case $do in", "idle) exit 1;;", "hang-idle) : >hangs; sleep 1000;;", "esac",
	"say \"$acts\"", "case $do in", "die) exit 1;;", "hang) : >hangs; sleep 1000;;",
	"late) sleep 0.3; say \"$final\"; : >hangs; sleep 1000;;",
	"half) say \"$final\"; : >hangs; sleep 1000;;",
	"limit) exit 75;;", "wrong) say '{\"type\":\"result\",\"is_error\":true,\"api_error_status\":401,\"result\":\"no\"}'; exit 1;;",
	"esac", "say \"$final\"", NULL
};

static void
begin(void)
{
	char bin[2000];
	FILE *f;
	int i;

	procs_begin();
	mkdir("bin", 0755);
	mkdir("talks", 0755);
	mkdir("do", 0755);
	ck_assert_ptr_nonnull(getcwd(bin, sizeof bin - 4));
	help_path(strcat(bin, "/bin"));
	f = fopen("bin/claude", "w");
	for (i = 0; stand_in[i]; i++)
		fprintf(f, "%s\n", stand_in[i]);
	fclose(f);
	chmod("bin/claude", 0755);
	help_sh(0, "cp bin/claude bin/codex");
}

/* The conversation ID is this. */
static void
talk_is(const char *id, const char *want)
{
	char name[64];

	snprintf(name, sizeof name, "talks/%s", id);
	help_is(name, want);
}

/* Forks. */

START_TEST(branches_from_one_session)
{
	help_file("f.orch", "run claude as explore | Read.", "parallel max 1 lens in a b", "run claude as lens-{{lens}} | Now {{lens}}.", "fork explore", "end",
	    "run claude as report < lens-* | All.", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("asked", "explore \nlens-a s-1\nlens-b s-1\nreport \n");
	talk_is("s-1", "[Read.\n]");
	talk_is("s-2", "[Read.\n][Now a.\n]");
	talk_is("s-3", "[Read.\n][Now b.\n]");
	help_has(help_read("args", NULL), "-p --output-format stream-json --verbose --resume s-1 --fork-session\n");
	help_is(".orch/x/asked/lens-a", "Now a.\n");
	ck_assert_str_eq(help_sh(0, "orch session lens-b").out, "s-3\n");
	help_has(help_sh(1, "orch session nothing").err, "nothing");
	/* A result that is gone is asked in the same session again. */
	help_sh(0, "rm .orch/x/result/lens-a; orch resume -q");
	talk_is("s-5", "[Read.\n][Now a.\n]");
	talk_is("s-1", "[Read.\n]");
	/* But for what has read the earlier result nothing is stale. */
	help_sh(0, "orch run -q -u -r x f.orch");
	help_is("asked", "explore \nlens-a s-1\nlens-b s-1\nreport \nlens-a s-1\nreport \n");
}
END_TEST

/* What the log says of the session is safe on disk before the result counts. */
START_TEST(the_log_is_synced_first)
{
	static const char *const order[] = { "/log>", "renameat" };
	char *trace;

	if (help_run("strace -f -o /dev/null true").status) {
		help_skip("the_log_is_synced_first", help_run("command -v strace").status ? "there is no strace" : "nothing can be traced here");
		return;
	}
	help_file("f.orch", "run claude as a | One.", NULL);
	help_sh(0, "strace -f -y -e trace=fsync,renameat,renameat2 -o trace orch run -q -r x f.orch");
	trace = help_sh(0, "grep -e 'fsync([0-9]*<[^>]*/log>' -e 'result>, \"a\"' trace").out;
	help_in_order(trace, order, 2);
}
END_TEST

START_TEST(a_chain_through_a_loop)
{
	help_file("f.orch", "step work codex -s danger-full-access", "run work | Do.", "for i in 1..3", "run sh as test-{{i}} | echo no",
	    "run work as fix-{{i}} < test-{{i}} | Fix {{i}}.", "fork work fix-*", "end", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("asked", "work \nfix-1 s-1\nfix-2 s-2\nfix-3 s-3\n");
	help_has(help_read("talks/s-4", NULL), "[Do.\n][Fix 1.\n");
	help_has(help_read("talks/s-4", NULL), "[Fix 3.\n");
	help_has(help_read("args", NULL), "exec --json --skip-git-repo-check -s danger-full-access fork s-3 -\n");
	/* The thread's total is told each time; only what was added counts. */
	help_has(help_read(".orch/x/log", NULL), "\tusage\tfix-3\t1\t10\t0\t10\t");
	help_has(help_run("orch status -r x").out, "used 40 in, 40 out\n");
}
END_TEST

START_TEST(another_directory)
{
	char *said;

	help_sh(0, "mkdir sub");
	help_file("f.orch", "run claude as a | One.", "cd sub", "run claude as b | Two.", "fork a", "run claude as c | Three.", "fork b", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	said = help_read("talks/s-2", NULL);
	help_has(said, "[One.\n][You now work in /");
	help_has(said, "/sub, not in /");
	help_has(said, ".\n\nTwo.\n]");
	help_has(help_read("talks/s-3", NULL), "[Three.\n]");
	help_is(".orch/x/asked/b", "Two.\n");
	help_has(help_read(".orch/x/stderr/b", NULL), "You now work in /");
}
END_TEST

START_TEST(a_called_file_s_sessions)
{
	help_file("in.orch", "run claude as plan | Plan.", "run claude as more | More.", "fork plan", NULL);
	help_file("f.orch", "call in.orch as in", "run claude as b | Two.", "fork in/more", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("asked", "in/plan \nin/more s-1\nb s-2\n");
	talk_is("s-3", "[Plan.\n][More.\n][Two.\n]");
}
END_TEST

/* Without a session the step fails before it is asked: it never starts without what it was to know. */
START_TEST(no_session)
{
	struct ran r;

	help_file("f.orch", "run claude as a | One.", "otherwise none", "run claude as b | Two.", "fork a", "retry 3 0s", "otherwise never", NULL);
	help_file("do/a", "idle", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "failed    b  a has no session (fallback)");
	help_is("asked", "a \n");
	help_none(RESULT "b");
	/* By hand. */
	help_file("f.orch", "run claude as a | One.", "run claude as b | Two.", "fork a", NULL);
	help_sh(0, "mkdir -p .orch && orch run -q -r y f.orch && rm .orch/y/result/b && rm .orch/y/log && echo mine >.orch/y/result/a");
	r = help_sh(1, "orch run -r y f.orch");
	help_has(r.err, "failed    b  a has no session");
	/* Deleted by the agent. */
	help_sh(0, "orch run -q -r z f.orch && rm .orch/z/result/b && rm talks/*; : >asked");
	r = help_sh(1, "orch resume -r z");
	help_has(r.err, "failed    b  a has no session (it was deleted)");
	ck_assert_int_eq(procs_lines("asked"), 1);
	help_file("f.orch", "run codex as a | One.", "run codex as b | Two.", "fork a", "retry 3 0s", NULL);
	help_sh(0, "orch run -q -r c f.orch && rm .orch/c/result/b && rm talks/*; : >asked");
	r = help_sh(1, "orch resume -r c");
	help_has(r.err, "failed    b  a has no session (it was deleted)");
	ck_assert_int_eq(procs_lines("asked"), 1);
}
END_TEST

/* If what it was forked from was asked again, it would be asked otherwise. */
START_TEST(the_session_is_part_of_the_question)
{
	help_file("f.orch", "param t", "run claude as a | {{t}}", "run claude as b | Two.", "fork a", NULL);
	help_sh(0, "orch run -q -r x f.orch t=1");
	help_has(help_read(".orch/x/how", NULL), "\tfork\ta s-1");
	help_sh(0, "orch run -q -u -r x f.orch t=2");
	help_is("asked", "a \nb s-1\na \nb s-3\n");
	help_sh(0, "rm .orch/x/result/a && orch resume -q -r x");
	help_has(help_run("orch diff -r x b").out, "-fork\ta s-3\n+fork\ta s-5");
	help_has(help_run("orch resume -r x 2>&1; orch run -r x f.orch 2>&1").out, "1 result is stale (b: the session of a has changed)");
}
END_TEST

START_TEST(a_stand_in_has_no_sessions)
{
	struct ran r;

	help_file("f.orch", "run claude as a | One.", "run claude as b | Two.", "fork a", NULL);
	r = help_sh(0, "orch run -r x -a claude='sh -c cat' f.orch");
	help_has(r.err, "f.orch:3:1: warning: a stand-in of -a has no sessions: this step is asked with its own prompt alone\n");
	help_is(RESULT "b", "Two.\n");
}
END_TEST

/* Random interruptions: whatever is killed, and when, each step is one conversation that goes on, no parent ever changes, and
 * nothing is asked that has its result. The stand-in notes each start in `turns`: key, parent, id; it takes a moment for
 * everything. */

static const char slow[] = "#!/bin/sh\ncd \"$ORCH_ROOT\"; parent=; for w; do test \"$last\" != --resume || parent=$w; last=$w; done\n"
    "test ! -e .orch/x/result/$ORCH_KEY || echo $ORCH_KEY >>twice\n"
    "prompt=$(cat; echo .); id=s-$$-$(date +%N); sleep 0.0$(($$ % 5))\n"
    "test -z \"$parent\" || cat talks/$parent >talks/$id.new || exit 1\n"
    "printf '[%s]' \"${prompt%.}\" >>talks/$id.new; mv talks/$id.new talks/$id; cp talks/$id talks/$id.sum; mv talks/$id.sum sums/$id\n"
    "echo '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"'$id'\"}'; echo \"$ORCH_KEY ${parent:--} $id\" >>turns; sleep 0.0$(($$ % 7))\n"
    "echo '{\"type\":\"assistant\",\"message\":{\"id\":\"'$id'\",\"content\":[{\"type\":\"tool_use\",\"name\":\"Bash\",\"input\":{\"command\":\"x\"}}]}}'; sleep 0.0$(($$ % 9))\n"
    "test $(($$ % 11)) != 0 || exit 75\n"
    "echo '{\"type\":\"result\",\"is_error\":false,\"result\":\"'$ORCH_KEY' of '$id'\"}'; sleep 0.0$(($$ % 4))\n";

/* What `turns` says: the parent of each start is the session that its key was to be asked in a copy of. */
static const char judge[] = "awk -F '\\t' '$2 == \"session\" && $8 ~ /(^| )active / { print $5 }' .orch/x/log >active\n"
    "awk '\n"
    "function bad(why) { print NR \": \" $0 \": \" why; failed = 1 }\n"
    "FILENAME == \"active\" { acted[$1] = 1; next }\n"
    "{ want = last[$1] != \"\" ? last[$1] : $1 ~ /^leaf/ ? session[\"root\"] : $1 == \"last\" ? session[\"leaf-2\"] : \"-\"\n"
    "  if ($2 != want) bad(\"not \" want); else if (last[$1] != \"\") went++\n"
    "  if (acted[$3]) last[$1] = $3\n"
    "  session[$1] = $3 }\n"
    "END { print went + 0; exit failed }' active turns";

START_TEST(random_interruptions)
{
	int round, rounds = help_torture() ? 40 : 4, i, status;
	long went = 0;
	uint32_t seed;
	struct ran r;

	procs_seed("random_interruptions");
	seed = (uint32_t)rand();
	help_bytes("bin/claude", slow, sizeof slow - 1);
	help_bytes("judge", judge, sizeof judge - 1);
	help_file("f.orch", "retry 0 0s", "run claude as root | Root.", "parallel max 2 n in 1 2", "run claude as leaf-{{n}} | Leaf {{n}}.", "fork root", "end",
	    "run claude as last | Last.", "fork leaf-*", "run claude as own | Own.", NULL);
	for (round = 0; round < rounds; round++) {
		help_sh(0, "rm -rf .orch talks sums turns twice; mkdir talks sums; : >turns");
		for (i = 0, status = 1; status && i < 40; i++) {
			pid_t pid = procs_start("exec orch run -q -r x f.orch");

			help_pause((long)(help_random(&seed) % (i < 30 ? 160 : 20000)));
			kill(pid, help_random(&seed) % 3 ? SIGKILL : SIGTERM);
			status = procs_end(pid, SOON);
			procs_none_left(SOON);
		}
		help_sh(0, "orch run -q -r x f.orch");
		r = help_run("sh judge");
		ck_assert_msg(r.status == 0, "%s%s%s", r.out, help_read("turns", NULL), help_read(".orch/x/log", NULL));
		went += atoi(r.out);
		help_none("twice");
		help_sh(0, "for f in sums/*; do cmp $f talks/${f#sums/} || exit 1; done");
		help_sh(0, "for k in root leaf-1 leaf-2 last own; do grep -q \"^$k of s-\" .orch/x/result/$k || exit 1; done");
	}
	ck_assert_int_gt(went, 0);      /* some were continued */
}
END_TEST

/* What was cut off. */

enum { CUT_KILL, CUT_TERM, CUT_ORCH };

static void
start_and_cut(const char *flow, int how)
{
	pid_t pid = procs_start("exec orch run -r x %s", flow);

	procs_await_file("hangs");
	kill(pid, how == CUT_KILL ? SIGKILL : SIGTERM);
	procs_end(pid, SOON);
	procs_none_left(SOON);
	unlink("hangs");
}

START_TEST(what_was_cut_off_goes_on)
{
	struct ran r;

	help_file("f.orch", _i & 2 ? "run codex as a | One." : "run claude as a | One.", NULL);
	help_file("do/a", "hang", NULL);
	start_and_cut("f.orch", _i & 1 ? CUT_KILL : CUT_TERM);
	r = help_sh(0, "orch resume -r x");
	help_is("asked", "a \na s-1\n");
	help_has(help_read("talks/s-2", NULL), "[One.\n][" TOLD);
	help_has(help_read("talks/s-2", NULL), "Finish the task, then give your complete final answer again, even if you gave it before.\n]");
	help_is(RESULT "a", "a of s-2\n");
	help_is(".orch/x/asked/a", "One.\n");
	help_has(help_read(".orch/x/stderr/a", NULL), TOLD);
	help_has(r.err, "done      a  ");
	help_has(r.err, "attempt 1, continued\n");
	help_has(help_run("orch status -r x").out, "attempt 1, continued\n");
	help_has(help_read(".orch/x/log", NULL), "\tcontinued active ");
	help_lacks(help_run("orch resume -u -r x 2>&1; orch run -u -r x f.orch 2>&1").out, "rerun");
}
END_TEST

/* Between its final record and the kept result: the whole of it is asked for again. */
START_TEST(a_result_that_did_not_arrive)
{
	help_file("f.orch", "run claude as a | One.", NULL);
	help_file("do/a", "half", NULL);
	start_and_cut("f.orch", CUT_KILL);
	help_none(RESULT "a");
	help_sh(0, "orch resume -q -r x");
	help_has(help_read("talks/s-2", NULL), "[One.\n][" TOLD);
	help_is(RESULT "a", "a of s-2\n");
}
END_TEST

/* An attempt that did nothing is asked as it is, and one before it that did something is continued. */
START_TEST(who_did_nothing)
{
	help_file("f.orch", "run claude as a | One.", NULL);
	help_file("do/a", "hang-idle", NULL);
	start_and_cut("f.orch", CUT_KILL);
	help_sh(0, "orch resume -q -r x");
	help_is("asked", "a \na \n");
	talk_is("s-2", "[One.\n]");
	help_sh(0, "rm -r .orch talks/s-* asked; echo 0 >talks/n");
	help_file("do/a", "hang", "hang-idle", NULL);
	start_and_cut("f.orch", CUT_KILL);
	start_and_cut("f.orch", CUT_KILL);
	help_sh(0, "orch resume -q -r x");
	help_is("asked", "a \na s-1\na s-1\n");
}
END_TEST

/* A limit that it runs into in the middle, a lost connection: the next attempt goes on. */
START_TEST(limits_and_losses)
{
	help_file("f.orch", "run claude as a | One.", "retry 2 0s", NULL);
	help_file("do/a", _i ? "limit" : "die", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("asked", "a \na s-1\n");
	help_has(help_read("talks/s-2", NULL), "[One.\n][" TOLD);
}
END_TEST

/* One that was continued and dies by itself starts over: nothing loops. */
START_TEST(one_that_always_dies)
{
	help_file("f.orch", "run claude as a | One.", "retry 5 0s", NULL);
	help_file("do/a", "die", "die", "die", "die", "die", "die", NULL);
	help_sh(1, "orch run -q -r x f.orch");
	help_is("asked", "a \na s-1\na \na s-3\na \na s-5\n");
	help_sh(0, "orch resume -q -r x");
	help_is("asked", "a \na s-1\na \na s-3\na \na s-5\na \n");
}
END_TEST

/* Another question, an error that stays, a time that is over, `fresh`: these start over. */
START_TEST(what_starts_over)
{
	help_file("f.orch", "param t", "run claude as a | {{t}}", NULL);
	help_file("do/a", "hang", NULL);
	start_and_cut("f.orch t=1", CUT_TERM);
	help_sh(0, "orch run -q -r x f.orch t=2");
	help_is("asked", "a \na \n");
	help_sh(0, "rm -r .orch asked; echo wrong >do/a; orch run -q -r x f.orch t=1; echo wrong >do/a; orch resume -q; orch resume -q");
	help_is("asked", "a \na \na \n");
	help_file("f.orch", "run claude as a | One.", "timeout 1s", "retry 1 0s", NULL);
	help_sh(0, "rm -r .orch asked; echo hang >do/a; orch run -q -r x f.orch");
	help_is("asked", "a \na \n");
	help_file("f.orch", "run claude as a | One.", "fresh", NULL);
	help_sh(0, "rm -rf .orch asked hangs; echo hang >do/a");
	start_and_cut("f.orch", CUT_KILL);
	help_sh(0, "orch resume -q -r x");
	help_is("asked", "a \na \n");
	help_file("f.orch", "run claude as a | One.", "check false", "retry 1 0s", NULL);
	help_sh(1, "rm -rf .orch asked; orch run -q -r x f.orch");
	help_is("asked", "a \na \n");
}
END_TEST

START_TEST(a_session_that_is_gone_starts_over)
{
	struct ran r;

	help_file("f.orch", "run claude as a | One.", NULL);
	help_file("do/a", "hang", NULL);
	start_and_cut("f.orch", CUT_TERM);
	help_sh(0, "rm talks/s-1");
	r = help_sh(0, "orch resume -r x");
	help_has(r.err, "its session is gone: starting over");
	help_is("asked", "a \na s-1\na \n");
	help_has(help_read(RESULT "a", NULL), "a of s-");
}
END_TEST

/* A fork that was cut off goes on in its own session, not its parent's. */
START_TEST(a_fork_that_was_cut_off)
{
	help_file("f.orch", "run claude as a | One.", "run claude as b | Two.", "fork a", NULL);
	help_file("do/b", "hang", NULL);
	start_and_cut("f.orch", CUT_KILL);
	help_sh(0, "orch resume -q -r x");
	help_is("asked", "a \nb s-1\nb s-2\n");
	help_has(help_read("talks/s-3", NULL), "[One.\n][Two.\n][" TOLD);
	talk_is("s-1", "[One.\n]");
}
END_TEST

/* Without a sign of life the attempt is ended, and the next goes on; with each sign the time begins again. */
START_TEST(idle)
{
	struct ran r;

	help_file("f.orch", "run claude as a | One.", "idle 1s", "retry 1 0s", NULL);
	help_file("do/a", "hang", NULL);
	r = help_sh(0, "orch run -r x f.orch");
	help_has(r.err, "retry     a  attempt 1: idle for 1s; next in ");
	help_has(r.err, "attempt 2, continued\n");
	help_is("asked", "a \na s-1\n");
	/* Signs of life: what is written to either stream, and by whom. */
	help_file("f.orch", "idle 1s", "run sh as out | for i in 1 2 3 4 5 6; do echo $i; sleep 0.4; done",
	    "run sh as err | for i in 1 2 3 4 5 6; do echo $i >&2; sleep 0.4; done",
	    "run sh as none | sleep 20", NULL);
	r = help_sh(1, "orch run -r y f.orch");
	help_has(r.err, "done      out");
	help_has(r.err, "done      err");
	help_has(r.err, "failed    none  idle for 1s\n");
	help_has(help_run("orch status -p -r y").out, "\ttimeout\tidle for 1s\t");
	/* A notice that it waits is none. */
	help_file("bin/claude", "#!/bin/sh", "echo '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\"}'",
	    "for i in 1 2 3 4 5 6 7 8; do sleep 0.4; echo '{\"type\":\"system\",\"subtype\":\"api_retry\",\"error_status\":500}'; done", NULL);
	help_file("f.orch", "run claude as a | One.", "idle 1s", NULL);
	help_has(help_sh(1, "orch run -r z f.orch").err, "failed    a  idle for 1s\n");
	help_file("f.orch", "run claude as a | One.", "interactive", "idle 1s", NULL);
	help_has(help_sh(2, "orch check f.orch").err, "idle is not for an interactive step");
	help_file("f.orch", "idle soon", "run claude as a | One.", NULL);
	help_has(help_sh(2, "orch check f.orch").err, "invalid duration 'soon': use 90s, 10m or 2h; 0 is none");
}
END_TEST

/* revise. */

START_TEST(revise_in_the_session)
{
	help_file("f.orch", _i ? "run codex as a | One." : "run claude as a | One.",
	    "check echo out; echo err >&2; grep -q 's-3' || { echo \"not s-3: $(cat)\"; exit 4; }", "retry 3 0s", "revise | Mend it,",
	    "| all of it.", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("asked", "a \na s-1\na s-2\n");
	help_is(RESULT "a", "a of s-3\n");
	help_has(help_read("talks/s-2", NULL), "[One.\n][Mend it,\nall of it.\necho out; echo err >&2; grep -q 's-3'");
	help_has(help_read("talks/s-2", NULL), ": exit status 4\nout\nerr\nnot s-3: ");
	help_has(help_read("talks/s-2", NULL), "\nGive the complete result again, not only what changed.\n]");
	help_is(".orch/x/asked/a", "One.\n");
	help_sh(0, "test -z \"$(ls .orch/x/tmp)\"");
	help_lacks(help_run("orch run -u -r x f.orch 2>&1").out, "rerun");
}
END_TEST

/* Without a session the question comes again, with the refused result. */
START_TEST(revise_without_a_session)
{
	help_file("bin/mine", "#!/bin/sh", "cat >>all; echo ---- >>all; echo \"result $(grep -c -e ---- all)\"", NULL);
	chmod("bin/mine", 0755);
	help_file("f.orch", "agent mine mine", "run sh as in | echo input", "run mine as a < in | One.", _i ? "filter grep 2" : "check grep 2 >&2", "retry 1 0s",
	    "revise | Mend it.", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is(RESULT "a", "result 2\n");
	help_is("all", _i ? "One.\n\n==> in <==\ninput\n----\nOne.\n\n==> in <==\ninput\n\n==> the result that was refused <==\nresult 1\n\nMend it.\n"
	    "grep 2: exit status 1\nGive the complete result again, not only what changed.\n----\n" :
	    "One.\n\n==> in <==\ninput\n----\nOne.\n\n==> in <==\ninput\n\n==> the result that was refused <==\nresult 1\n\nMend it.\n"
	    "grep 2 >&2: exit status 1\nGive the complete result again, not only what changed.\n----\n");
	help_is(".orch/x/asked/a", "One.\n\n==> in <==\ninput\n");
}
END_TEST

/* A rate limit is not an attempt: what was refused is revised by the next. `fresh` is about what was cut off. */
START_TEST(revise_after_a_limit)
{
	help_file("f.orch", "run claude as a | One.", "check grep -q s-3", "retry 3 0s", "revise | Mend.", NULL);
	help_file("do/a", "-", "limit", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("asked", "a \na s-1\na s-1\n");
	help_has(help_read("talks/s-3", NULL), "[One.\n][Mend.\ngrep -q s-3: exit status 1\n");
	help_file("f.orch", "run claude as a | One.", "check grep -q s-5", "retry 1 0s", "fresh", "revise | Mend.", NULL);
	help_sh(0, "rm asked; orch run -q -r y f.orch");
	help_is("asked", "a \na s-4\n");
	help_sh(0, "! ls .orch/x/tmp .orch/y/tmp | grep %v");
	/* Nobody is to revise the last one. */
	help_file("f.orch", "run claude as a | One.", "check false", "retry 1 0s", "otherwise no", "revise | Mend.", NULL);
	help_sh(0, "orch run -q -r z f.orch; ! ls .orch/z/tmp | grep %v");
}
END_TEST

/* Nothing goes into a session where a fork of it is refused, since the words of the command choose it or hold the prompt. */
START_TEST(words_that_choose_the_session)
{
	static const char *const steps[] = { "codex resume s-0", "codex {}", "claude {}", "claude --no-session-persistence", "codex --ephemeral" };
	char line[80];

	snprintf(line, sizeof line, "step s %s", steps[_i]);
	help_file("talks/s-0", NULL);
	help_file("f.orch", line, "run s as a | One.", "retry 2 0s", "check grep -q s-3", "revise | Mend.", NULL);
	help_file("do/a", "limit", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_sh(0, "test $(grep -c . args) = 3 && ! grep -e ' fork s-[1-9]' -e '--resume s-[1-9]' -e '--fork-session' args");
	help_lacks(help_read(".orch/x/stderr/a", NULL), TOLD);
}
END_TEST

/* No more than the end of what a check says. */
START_TEST(revise_is_bounded)
{
	size_t n;

	help_file("f.orch", "run claude as a | One.", "check for i in $(seq 20000); do echo line $i; done; grep -q s-2", "retry 1 0s", "revise | Mend.", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_has(help_read("talks/s-2", &n), "\nline 20000\n");
	ck_assert_uint_lt(n, 4600);
}
END_TEST

static const struct {
	const char *flow, *says;
} unrevised[] = {
	{ "run claude as a | x\ncheck true\nrevise | y\n", "f.orch:3:1: error: revise needs another attempt: add `retry 2` to this step\n" },
	{ "run sh as a | x\nretry 1\ncheck true\nrevise | y\n", "revise is for a prompt: here the text is a program\n" },
	{ "run claude as a | x\nretry 1\nrevise\n", "revise | TEXT: what the next attempt is told" },
	{ "run claude as a | x\nretry 1\nrevise | {{nothing}}\n", "nothing" },
	{ "run claude as a | x\nretry 1\nrevise | y\nrevise | z\n", "`revise` is given twice" },
};

START_TEST(a_stand_in_is_no_shell)
{
	help_file("f.orch", "run claude as a | rm everything", NULL);
	help_has(help_sh(2, "orch run -r x -a claude='sh -c {}' f.orch").err,
	    "f.orch:1:1: error: -a claude=... would run this prompt as a program: pass it on standard input, without {}\n");
	help_sh(0, "orch run -q -r x -a claude='sh -c cat' f.orch");
}
END_TEST

START_TEST(what_cannot_be_revised)
{
	struct ran r;

	help_bytes("f.orch", unrevised[_i].flow, strlen(unrevised[_i].flow));
	r = help_sh(2, "orch check f.orch");
	help_has(r.err, unrevised[_i].says);
}
END_TEST

/* redo. */

static void
write_redo(void)
{
	help_file("f.orch", "run sh as a | echo a >>ran; cat base 2>/dev/null || :", "run sh as b < a | echo b >>ran; cat", "parallel x in 1 2",
	    "run sh as c-{{x}} < b | echo c-$x >>ran; test ! -e wait || { : >hangs; sleep 1000; }; echo c", "run sh as d-{{x}} | echo d-$x >>ran; echo d", "end",
	    "run sh as e | echo e >>ran; echo e", NULL);
	help_sh(0, "orch run -q -r x f.orch; rm ran");
}

/* What was named is run again, and what follows it; nothing else is. */
START_TEST(redo_and_what_follows)
{
	struct ran r;

	write_redo();
	r = help_sh(0, "orch redo c-1");
	help_is("ran", "c-1\nd-1\ne\n");
	help_has(r.err, "kept      b\n");
	help_has(r.err, "rerun     c-1  redo\n");
	help_sh(0, "rm ran; orch redo -q -r x 'c-*'; sort ran >sorted");
	help_is("sorted", "c-1\nc-2\nd-1\nd-2\ne\n");
	help_sh(0, "rm ran; orch redo -q e d-2");
	help_is("ran", "d-2\ne\n");
	help_sh(0, "rm ran; orch redo -q a");
	ck_assert_int_eq(procs_lines("ran"), 7);
	/* Shown, and nothing done. */
	help_sh(0, "rm ran; cp .orch/x/log before");
	help_has(help_sh(0, "orch redo -n b").out, "1 kept, 6 would run again\n");
	help_sh(0, "cmp before .orch/x/log && test ! -e ran");
	help_has(help_sh(2, "orch redo nothing").err, "nothing: no such step in this run");
	help_sh(2, "orch redo; test $? = 2 && orch redo -r x");
	help_sh(3, "orch redo -r y a");
	help_sh(0, "cmp before .orch/x/log && test ! -e ran");
}
END_TEST

/* It is recorded first: any later walk finishes it, and until then the earlier results stay. */
START_TEST(redo_that_was_cut_off)
{
	pid_t pid;

	write_redo();
	help_file("base", "new", NULL);
	help_file("wait", NULL);
	pid = procs_start("exec orch redo -r x a");
	procs_await_file("hangs");
	kill(pid, _i ? SIGKILL : SIGTERM);
	procs_end(pid, SOON);
	procs_none_left(SOON);
	help_is(RESULT "b", "new\n");
	help_is(RESULT "c-1", "c\n");
	help_is(RESULT "e", "e\n");
	help_has(help_run("orch status -r x").out, "to be re-run\n");
	help_sh(0, "rm wait ran; orch resume -q");
	help_sh(0, "sort ran >sorted");
	help_is("sorted", "c-1\nc-2\nd-1\nd-2\ne\n");
	help_sh(0, "rm ran; orch run -q -r x f.orch; test ! -e ran");
	help_lacks(help_run("orch status -r x").out, "to be re-run");
}
END_TEST

/* All of it is recorded, or nothing. */
START_TEST(redo_that_was_not_recorded)
{
	write_redo();
	help_sh(0, "cp .orch/x/log saved");
	help_sh(0, "orch redo -q c-1; { grep '	walk	' .orch/x/log | tail -n 1; grep '	redo	' .orch/x/log; } >lines; test $(grep -c . lines) = 4; rm ran");
	help_sh(0, "cp saved .orch/x/log; { echo; head -n 3 lines; } >>.orch/x/log; orch resume -q; test ! -e ran");
	help_lacks(help_run("orch status -r x").out, "to be re-run\n");
	help_sh(0, "cat lines >>.orch/x/log");
	help_has(help_run("orch status -r x").out, "to be re-run\n");
	help_sh(0, "orch resume -q");
	help_is("ran", "c-1\nd-1\ne\n");
}
END_TEST

/* What comes into reach by what was run again follows it, as -u has it; what goes out of reach is not marked for ever. */
START_TEST(redo_of_a_list)
{
	pid_t pid;

	help_file("f.orch", "run sh as list | cat items", "parallel x in < list", "run sh as c-{{x}} | test ! -e wait || { : >hangs; sleep 1000; }; cat base", "end",
	    "run sh as all < c-* | cat", NULL);
	help_sh(0, "echo old >base; printf '1\n2\n' >items; orch run -q -r x f.orch");
	help_sh(0, "echo 1 >items; orch redo -q list");
	help_is(RESULT "all", "old\n");
	help_lacks(help_run("orch status -r x").out, "to be re-run");
	help_sh(0, "printf '1\n2\n' >items; echo new >base");
	if (_i) {
		help_file("wait", NULL);
		pid = procs_start("exec orch redo -j 1 -r x list");
		procs_await_file("hangs");
		kill(pid, SIGKILL);
		procs_end(pid, SOON);
		procs_none_left(SOON);
		help_sh(0, "rm wait; orch resume -q");
	} else {
		help_sh(0, "orch redo -q list");
	}
	help_is(RESULT "all", "new\nnew\n");
	/* It is complete: what was taken away is made again, and nothing else. */
	help_sh(0, "echo newer >base; rm .orch/x/result/c-1; orch resume -q");
	help_is(RESULT "c-2", "new\n");
}
END_TEST

/* What it needs is looked for before anything is recorded. */
START_TEST(redo_and_what_it_needs)
{
	help_file("my", "#!/bin/sh", "cat", NULL);
	chmod("my", 0755);
	help_file("f.orch", "agent my ./my", "run sh as a | echo a >>ran", "run my as b < a | x", NULL);
	help_sh(0, "orch run -q -r x f.orch; rm my ran; cp .orch/x/log before");
	help_sh(2, "orch redo -r x a");
	help_sh(0, "cmp before .orch/x/log && test ! -e ran");
}
END_TEST

/* A result whose line a crash has kept out of the log has its session, and is not asked for twice. */
START_TEST(a_result_without_its_line)
{
	help_file("f.orch", "run claude as a | One.", NULL);
	help_sh(0, "orch run -q -r x f.orch; grep -v -e '	done	a' -e '	end	' .orch/x/log >log; cp log .orch/x/log");
	help_file("f.orch", "run claude as a | One.", "run claude as b | Two.", "fork a", NULL);
	help_sh(0, _i ? "orch run -q -u -r x f.orch" : "orch run -q -r x f.orch");
	help_is("asked", "a \nb s-1\n");
	help_has(help_read(".orch/x/log", NULL), "\tdone\ta\t1\t0\t");
	/* The same of a redo, which then goes on with what follows. */
	help_file("do/b", "hang", NULL);
	help_sh(0, "sleep 0.1");
	help_sh(0, "orch redo -q -j 1 -r x a & until test -e hangs; do :; done; kill -9 $!; wait; "
	    "until orch status -r x >/dev/null; [ $? != 4 ]; do :; done; grep -v -e '	end	' .orch/x/log | awk -F'\t' "
	    "'$2 != \"done\" || $3 != \"a\" || ++n == 1' >log; cp log .orch/x/log");
	procs_none_left(SOON);
	help_sh(0, _i ? "orch resume -q -u" : "orch resume -q");
	help_is("asked", "a \nb s-1\na \nb s-3\nb s-4\n");
	/* One that somebody has put there has none. */
	help_sh(0, "rm .orch/x/result/a; echo 'die' >do/a; orch resume -q; echo mine >.orch/x/result/a; rm .orch/x/result/b");
	help_has(help_sh(1, "orch resume").err, "a has no session (result written by hand)");
}
END_TEST

/* What a conversation has used is known before it counts, so it is not counted twice. */
START_TEST(totals_are_told_with_usage)
{
	help_file("f.orch", "run codex as a | One.", NULL);
	help_file("do/a", "late", NULL);
	start_and_cut("f.orch", CUT_KILL);
	help_sh(0, "grep -e 'total=10,0,10,0 ' -e '	usage	a	1	10	' .orch/x/log | head -n 1 | grep session");
}
END_TEST

/* A session that is gone, when no more is to be started: the step has not failed. */
START_TEST(gone_while_it_stops)
{
	help_file("f.orch", "parallel", "run claude as a | One.", "run sh as b | test -e fine", "end", NULL);
	help_file("do/a", "hang", NULL);
	help_file("fine", NULL);
	start_and_cut("f.orch", CUT_KILL);
	help_sh(0, "rm -f talks/s-1 fine .orch/x/result/b; sed -i 's/^if test \"$parent\"/until grep -q \"fail.b\" .orch\\/x\\/log; do :; done; &/' bin/claude");
	help_lacks(help_sh(1, "orch resume -x -r x").err, "failed    a");
}
END_TEST

/* A fork forks again, and no attempt from before is continued. */
START_TEST(redo_of_sessions)
{
	struct ran r;

	help_file("f.orch", "run claude as a | One.", "otherwise none", "run sh as c | echo c", "run claude as b | Two.", "fork a", NULL);
	help_file("do/a", "die", NULL);
	r = help_sh(1, "orch run -r x f.orch");
	help_has(r.err, "failed    b  a has no session (fallback): orch redo -r x a re-runs it and 1 step after it\n");
	help_sh(0, "orch redo -q -r x a");
	help_is("asked", "a \na \nb s-2\n");
	help_is(RESULT "a", "a of s-2\n");
	help_sh(0, "orch redo -q a");
	help_is("asked", "a \na \nb s-2\na \nb s-4\n");
	help_sh(0, "orch redo -q b");
	help_is("asked", "a \na \nb s-2\na \nb s-4\nb s-4\n");
	/* Not of one redo by another, either; resume goes on with it. */
	help_sh(0, "rm asked; echo hang >do/a; orch redo -q -r x a & until test -e hangs; do :; done; kill -9 $!; wait; rm hangs");
	procs_none_left(SOON);
	help_sh(0, "echo hang >do/a; orch redo -q -r x a & until test -e hangs; do :; done; kill -9 $!; wait; rm hangs");
	procs_none_left(SOON);
	help_sh(0, "orch resume -q -r x; head -n 3 asked >first");
	help_is("first", "a \na \na s-8\n");
}
END_TEST

/* Whoever forks a session is asked again with the step that has it, also where that is pure and has given the same. */
START_TEST(redo_of_a_pure_step_that_is_forked)
{
	struct ran r;

	help_file("f.orch", "run claude as a | One.", "pure", "filter echo same", "run claude as b | Two.", "fork a", "run sh as c | echo c", "pure", NULL);
	help_sh(0, "orch run -q -r x f.orch");
	help_is("asked", "a \nb s-1\n");
	r = help_sh(0, "orch redo -n -r x a");
	help_has(r.out, "would run again  a");
	help_has(r.out, "would run again  b");
	r = help_sh(0, "orch redo -r x a");
	help_has(strstr(r.err, "done      a  "), "  unchanged\n");
	help_is("asked", "a \nb s-1\na \nb s-3\n");
	help_sh(0, "orch resume -q -u -r x");
	help_is("asked", "a \nb s-1\na \nb s-3\n");
}
END_TEST

START_TEST(redo_of_a_worktree)
{
	help_sh(0, "git init -q repo && cd repo && git config user.name t && git config user.email t@example.org && echo x >f && git add f && git commit -qm i");
	help_file("repo/f.orch", "worktree w enter", "run sh as a | echo a >>ran", "commit as c | c", NULL);
	help_sh(0, "cd repo && orch run -q -r x f.orch");
	help_has(help_sh(2, "cd repo && orch redo w").err, "orch: redo: w is a worktree, and is not made again");
	help_has(help_sh(2, "cd repo && orch redo 'w*'").err, "only worktrees match");
	help_sh(0, "cd repo && orch redo -q 'a*' && test $(grep -c . ../repo--w/ran) = 2");
}
END_TEST

static const struct {
	const char *flow, *says;
} refused[] = {
	{ "run codex as c | x\nrun claude as a | x\nfork c\n", "f.orch:3:6: error: `c` is a session of codex (line 1): claude cannot fork it\n" },
	{ "run claude as a | x\nfork nothing\n", "unknown name `nothing`" },
	{ "run sh as s | echo\nrun claude as a | x\nfork s\n", "`s` has no session: line 1 is not a run of claude or codex\n" },
	{ "run claude as a | x\nrun sh as s | echo\nfork a\n", "fork is for claude and codex: sh has no sessions\n" },
	{ "step s claude --resume x\nrun claude as a | x\nrun s as b | x\nfork a\n", "chooses its session itself by `--resume`: take that out\n" },
	{ "step s claude -c\nrun s as a | x\nrun claude as b | x\nfork a\n", "line 2, which makes `a`, chooses its session itself by `-c`" },
	{ "step s codex --ephemeral\nrun s as a | x\nrun codex as b | x\nfork a\n", "`--ephemeral`" },
	{ "run claude as a | x\ninteractive\nrun claude as b | x\nfork a\n", "is interactive: its session cannot be forked" },
	{ "run claude as a | x\nrun claude as b | x\nfork a\ninteractive\n", "this step is interactive" },
	{ "agent claude claude -p {}\nrun claude as a | x\nrun claude as b | x\nfork a\n", "gets its prompt in {}" },
	{ "step s claude\nfork a\nrun s as b | x\n", "`fork` must follow a run" },
	{ "fork a\nrun claude as b | x\n", "`fork` must follow a step or run; it cannot come at the top of the file" },
	{ "run claude as a | x\nrun claude as b | x\nfork\n", "fork KEY..." },
	{ "parallel\nrun claude as a | x\nrun claude as b | x\nfork a\nend\n", "f.orch:4:6: error: " },
};

START_TEST(what_is_refused)
{
	struct ran r;

	help_bytes("f.orch", refused[_i].flow, strlen(refused[_i].flow));
	r = help_sh(2, "orch check f.orch");
	help_has(r.err, refused[_i].says);
	ck_assert_msg(help_count(r.err, "error: ") == 1, "%s", r.err);
}
END_TEST

Suite *
session_suite(void)
{
	Suite *s = suite_create("session");
	TCase *tc = help_case(s, "forks", begin, 60);

	tcase_add_test(tc, branches_from_one_session);
	tcase_add_test(tc, the_log_is_synced_first);
	tcase_add_test(tc, a_chain_through_a_loop);
	tcase_add_test(tc, another_directory);
	tcase_add_test(tc, a_called_file_s_sessions);
	tcase_add_test(tc, no_session);
	tcase_add_test(tc, the_session_is_part_of_the_question);
	tcase_add_test(tc, a_stand_in_has_no_sessions);
	tcase_add_loop_test(tc, what_is_refused, 0, LEN(refused));
	tc = help_case(s, "continued", begin, 60);
	tcase_add_loop_test(tc, what_was_cut_off_goes_on, 0, 4);
	tcase_add_test(tc, a_result_that_did_not_arrive);
	tcase_add_test(tc, who_did_nothing);
	tcase_add_loop_test(tc, limits_and_losses, 0, 2);
	tcase_add_test(tc, one_that_always_dies);
	tcase_add_test(tc, what_starts_over);
	tcase_add_test(tc, a_session_that_is_gone_starts_over);
	tcase_add_test(tc, a_fork_that_was_cut_off);
	tcase_add_test(tc, idle);
	tcase_add_test(tc, random_interruptions);
	tc = help_case(s, "revise", begin, 60);
	tcase_add_loop_test(tc, revise_in_the_session, 0, 2);
	tcase_add_loop_test(tc, revise_without_a_session, 0, 2);
	tcase_add_test(tc, revise_is_bounded);
	tcase_add_test(tc, revise_after_a_limit);
	tcase_add_loop_test(tc, words_that_choose_the_session, 0, 5);
	tcase_add_test(tc, a_stand_in_is_no_shell);
	tcase_add_loop_test(tc, what_cannot_be_revised, 0, LEN(unrevised));
	tc = help_case(s, "redo", begin, 60);
	tcase_add_test(tc, redo_and_what_follows);
	tcase_add_loop_test(tc, redo_that_was_cut_off, 0, 2);
	tcase_add_test(tc, redo_of_sessions);
	tcase_add_test(tc, redo_that_was_not_recorded);
	tcase_add_loop_test(tc, redo_of_a_list, 0, 2);
	tcase_add_test(tc, redo_and_what_it_needs);
	tcase_add_loop_test(tc, a_result_without_its_line, 0, 2);
	tcase_add_test(tc, totals_are_told_with_usage);
	tcase_add_test(tc, gone_while_it_stops);
	tcase_add_test(tc, redo_of_a_pure_step_that_is_forked);
	tcase_add_test(tc, redo_of_a_worktree);
	return s;
}
