/* Files that a step depends on, steps that are pure, steps that are always run, redo, and what the manual shows of them. */
#include "tests/procs.h"
#include "tests/repo.h"
#include "tests/suites.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN "orch run -r x w.orch"
#define AGAIN "orch resume -u -r x"

/* The line of `how` about the file NAME of the latest attempt of KEY. */
static const char *
digest_of(const char *key, const char *name)
{
	return help_run("grep '^%s\t' .orch/x/how | tail -n 1 | tr '\\t' '\\n' | grep '^%s '", key, name).out;
}

static void
begin(void)
{
	procs_begin();
	help_file("f", "one", NULL);
	help_file("g", "two", NULL);
}

/* Files. */

START_TEST(a_change_is_named)
{
	struct ran r;

	help_file("w.orch", "run sh as a | " HELP_MARK "cat f", "depends f", "run sh as b | " HELP_MARK "cat g", "depends g", "pure",
	    "run sh as c < a | " HELP_MARK "cat", "pure", NULL);
	help_sh(0, RUN);
	help_marks_are("a b c ");
	help_sh(0, "touch f; " AGAIN);
	help_marks_are("");
	help_file("g", "three", NULL);
	r = help_sh(0, "orch resume -r x");
	help_has(r.err, "kept      b  stale");
	help_has(r.err, "orch: 1 result is stale (b: g has changed); to re-run with what follows: orch resume -u -r x\n");
	help_has(help_sh(0, "orch resume -q -r x").err, "orch: 1 result is stale (b: g has changed)");
	help_has(help_sh(0, "orch resume -n -u -r x").out, "would run again  b  g has changed");
	r = help_run("orch diff -r x b");
	ck_assert_int_eq(r.status, 1);
	help_has(r.out, "\n-depends\tg ");
	help_has(r.out, "\n+depends\tg ");
	help_marks_are("");
	help_sh(0, AGAIN);
	help_marks_are("b ");
	help_sh(0, AGAIN);
	help_marks_are("");
	/* Of a step that is not pure all that follows is re-run. */
	help_file("f", "four", NULL);
	help_sh(0, AGAIN);
	help_marks_are("a b c ");
	ck_assert_str_eq(help_read(RESULT "c", NULL), "four\n");
}
END_TEST

START_TEST(a_missing_file_is_a_warning)
{
	struct ran r;

	help_file("w.orch", "parallel i in 1 2 3", "run sh as a-{{i}} | " HELP_MARK, "depends no/such g", "pure", "end", NULL);
	r = help_sh(0, RUN);
	ck_assert_int_eq(help_count(r.err, "no/such, which it depends on, is missing"), 1);
	help_has(r.err, "orch: warning: a-");
	help_marks_are("a-1 a-2 a-3 ");
	help_lacks(help_sh(0, AGAIN).err, "missing");
	help_marks_are("");
	help_sh(0, "mkdir no; echo >no/such");
	help_has(help_sh(0, "orch resume -r x").err, "orch: 3 results are stale (a-1, a-2, a-3: no/such has changed)");
	help_sh(0, AGAIN);
	help_marks_are("a-1 a-2 a-3 ");
	help_sh(0, "rm -r no");
	help_has(help_sh(0, AGAIN).err, "no/such, which it depends on, is missing");
	help_marks_are("a-1 a-2 a-3 ");
}
END_TEST

static const struct {
	const char *make, *said;
} refusals[] = {
	{ "mkdir d", "d is a directory: a step can depend on plain files alone" },
	{ "mkfifo d", "d is a fifo: a step can depend on plain files alone" },
	{ "ln -s /dev/null d", "d is a device: a step can depend on plain files alone" },
	{ "ln -s d d", "d, which it depends on, cannot be read: " },
};

START_TEST(what_is_no_file_is_refused)
{
	struct ran r;

	help_file("w.orch", "run sh as a | " HELP_MARK, "depends d", "retry 3 0s", "otherwise none", NULL);
	help_sh(0, refusals[_i].make);
	r = help_run(RUN);
	ck_assert_int_eq(r.status, 1);
	help_has(r.err, "failed    a  ");
	help_has(r.err, refusals[_i].said);
	help_none(RESULT "a");
	help_marks_are("");
	help_sh(0, "rm -rf d; echo >d; orch resume -q -r x");
	help_marks_are("a ");
	/* One that has its result is kept, and stale. */
	help_sh(0, "rm d");
	help_sh(0, refusals[_i].make);
	help_has(help_sh(0, "orch resume -r x").err, "(a: d has changed)");
	help_has(help_sh(1, AGAIN).err, refusals[_i].said);
}
END_TEST

START_TEST(a_step_that_changes_its_own_file)
{
	struct ran r;

	help_file("w.orch", "run sh as a | echo new >f", "depends g f", "run sh as b | :", "depends f g", NULL);
	r = help_sh(0, "orch run -q -r x w.orch");
	help_has(r.err, "orch: warning: a file that 1 step depends on changed while it ran (a: f); if the step itself does that, -u re-runs it "
	    "every time\n");
	ck_assert_int_eq(help_count(r.err, "changed"), 1);
	/* It was asked with what was there before; the next with what it has made of it. */
	ck_assert_str_ne(digest_of("a", "f"), digest_of("b", "f"));
	help_lacks(help_sh(0, AGAIN).err, "warning");
}
END_TEST

/* A file is looked at again at each use: what a step has changed in between is seen, also where size and times of
 * writing are as before. */
START_TEST(a_file_that_changes_in_between)
{
	help_file("w.orch", "run sh as a | :", "depends f", "run sh as b | printf 'eno\\n' 1<>f; touch -r g f", "run sh as c | :", "depends f", NULL);
	help_sh(0, "touch -d '2001-01-01' f g; sleep 2.2");
	help_sh(0, RUN);
	help_is("f", "eno\n");
	ck_assert_str_ne(digest_of("a", "f"), "");
	ck_assert_str_ne(digest_of("a", "f"), digest_of("c", "f"));
}
END_TEST

/* And where the clock of the file system does not tell both times of writing apart, which happens in some of the passes. */
/* What is said about inputs is about the right one: gone, new, moved, or another content. */
START_TEST(which_input_is_named)
{
	static const struct {
		const char *edit, *says;
	} all[] = {
		{ "printf 'a\\nc\\n' >items", "rerun     sum  input n-b is gone\n" },
		{ "printf 'a\\nb\\nc\\nd\\n' >items", "rerun     sum  input n-b is new\n" },
		{ "printf 'a\\nb\\nc\\n' >items", "rerun     sum  input n-d is gone\n" },
		{ "printf 'a\\nb\\nc\\nd\\n' >items", "rerun     sum  input n-d is new\n" },
		{ "printf 'b\\na\\nc\\nd\\n' >items", "rerun     sum  the inputs are in another order\n" },
		{ "echo longer >>f-a", "rerun     sum  input n-a has changed\n" },
		{ "echo >f-a", "rerun     sum  input n-a has changed\n" },
		{ "rm f-a", "rerun     n-a  f-a is missing\n" },
		{ "echo more >>f-d", "rerun     sum  input n-d has changed\n" },
		{ "sed -i 's/Sum./Su/' w.orch", "rerun     sum  prompt has changed\n" },
		{ "sed -i 's/Su/Sum up./' w.orch", "rerun     sum  prompt has changed\n" },
	};
	int i;

	help_file("w.orch", "agent cc cat", "run sh as l | cat items", "always", "parallel x in < l",
	    "run sh as n-{{x}} | cat \"f-$x\" 2>/dev/null || echo none", "depends f-{{x}}", "pure", "end", "run cc as sum < n-* | Sum.", "run cc as plain < n-*", NULL);
	help_sh(0, "printf 'a\\nb\\nc\\n' >items; for i in a b c d; do echo $i >f-$i; done; orch run -q -r x w.orch");
	for (i = 0; i < LEN(all); i++) {
		help_sh(0, all[i].edit);
		help_has(help_sh(0, "orch run -u -r x w.orch").err, all[i].says);
	}
}
END_TEST

START_TEST(a_change_within_a_tick)
{
	help_file("w.orch", "for i in 1..40", "run sh as a-{{i}} | echo 1 >f", "run sh as b-{{i}} | echo 2 >f", "depends f", "run sh as c-{{i}} | cat f",
	    "depends f", "end", NULL);
	help_sh(0, RUN);
	ck_assert_int_eq(atoi(help_run("tr '\\t' '\\n' <.orch/x/how | grep '^f ' | sort | uniq -c | awk '$1 == 40' | wc -l").out), 2);
}
END_TEST

/* A result that names a file is gone when the step has ended: that is not a reason to wait, nor anything of the next step's. */
START_TEST(a_name_that_is_gone)
{
	help_file("w.orch", "run sh as n | echo f", "run sh as a | rm \"$ORCH_RESULTS/n\"", "depends {{n}}", "run sh as b | :", "run sh as c | :", NULL);
	help_sh(0, RUN);
	ck_assert_str_eq(digest_of("b", "f"), "");
	ck_assert_str_ne(digest_of("a", "f"), "");
	help_sh(0, "orch resume -q -r x");
}
END_TEST

/* So in the attempts of one step. */
START_TEST(each_attempt_looks_again)
{
	help_file("w.orch", "run sh as a | grep -q new f || { echo new >f; exit 1; }", "depends f", "retry 1 0s", NULL);
	help_sh(0, RUN);
	ck_assert_int_eq(atoi(help_run("grep '^a\t' .orch/x/how | tr '\\t' '\\n' | grep -c '^f '").out), 2);
	ck_assert_int_eq(atoi(help_run("grep '^a\t' .orch/x/how | tr '\\t' '\\n' | grep '^f ' | sort -u | wc -l").out), 2);
	help_lacks(help_sh(0, "orch resume -u -r x").err, "rerun");
}
END_TEST

START_TEST(names_of_files)
{
	struct ran r;

	help_sh(0, "mkdir sub; mv f \"sub/a b\"; echo x >\"sub/$(printf 'n\\nl\\t\\303\\274%%')\"; ls sub | cat");
	help_file("w.orch", "param name", "step s sh", "depends 'a b'", "cd sub", "run s as a | " HELP_MARK, "depends {{name}}", "depends ../g", NULL);
	help_sh(0, RUN " name=\"$(printf 'n\\nl\\t\\303\\274%%')\"");
	help_marks_are("a ");
	help_lacks(help_sh(0, AGAIN).err, "warning");
	help_marks_are("");
	help_sh(0, "for f in sub/n*; do echo y >\"$f\"; done");
	r = help_sh(0, "orch resume -r x");
	help_has(r.err, "orch: 1 result is stale (a: n\\x0al\\x09\xc3\xbc% has changed)");
	help_sh(0, AGAIN);
	help_marks_are("a ");
	help_sh(0, "echo >>'sub/a b'; " AGAIN);
	help_marks_are("a ");
	help_sh(0, "echo >>g; " AGAIN);
	help_marks_are("a ");
}
END_TEST

/* Slots of -j, tokens of make, limits of an agent: whoever waits for files to be looked at has what it needs, and gives it back. */
START_TEST(many_at_once)
{
	help_file("w.orch", "parallel max 5 i in 1..200", "run sh as a-{{i}} | " HELP_MARK, "depends f g", "end", NULL);
	help_sh(0, "orch run -q -j 3 -r x w.orch");
	ck_assert_int_eq(help_count(help_marks(), "a-"), 200);
	help_file("Makefile", "all:", "\t+orch resume -q -u -r x", NULL);
	help_sh(0, "echo >>f; make -s -j 2");
	ck_assert_int_eq(help_count(help_marks(), "a-"), 200);
	help_sh(0, "make -s -j 2");
	help_marks_are("");
}
END_TEST

START_TEST(a_rate_limited_agent)
{
	help_file("w.orch", "step s sh", "parallel i in 1..4",
	    "run s as a-{{i}} | test -e limit || { touch limit; echo retry-after: 1 >&2; exit 75; }; " HELP_MARK, "depends f", "end", NULL);
	help_sh(0, "orch run -q -r x w.orch");
	help_marks_are("a-1 a-2 a-3 a-4 ");
}
END_TEST

/* The process that reads. */

#define READER "$(ps -e -o pid= -o ppid= -o args= | awk -v orch=\"$(ps -o ppid= -p $PPID)\" '$2 == orch + 0 && /orch-reader/ { print $1 }')"

START_TEST(a_reader_that_is_killed)
{
	if (procs_portable()) {
		help_skip("a_reader_that_is_killed", "its command line is its own on Linux only");
		return;
	}
	help_file("w.orch", "run sh as a | r=" READER "; test -n \"$r\"; kill -9 $r", "depends f", "run sh as b | :", "depends g", NULL);
	help_sh(0, RUN);
	ck_assert_str_ne(digest_of("b", "g"), "");
	procs_none_left(AFTER);
}
END_TEST

/* One that does not answer is waited for, for 30 s: the step fails, and names the file; others go on meanwhile. */
START_TEST(a_reader_that_does_not_answer)
{
	struct ran r;

	if (procs_portable()) {
		help_skip("a_reader_that_does_not_answer", "its command line is its own on Linux only");
		return;
	}
	help_sh(0, "mkdir d; echo >d/h");
	help_file("w.orch", "run sh as a | :", "depends f", "run sh as s | kill -STOP " READER, "parallel", "run sh as b | :", "depends g", "otherwise none",
	    "run sh as c | :", "run sh as d | :", "depends d/h", "end", NULL);
	r = help_run(RUN);
	ck_assert_int_eq(r.status, 1);
	help_has(r.err, "failed    b  g, which it depends on, cannot be read: no progress for 30s\n");
	help_is(RESULT "c", "");
	help_is(RESULT "d", "");
	help_none(RESULT "b");
	procs_none_left(AFTER);
}
END_TEST

START_TEST(a_signal_while_files_are_looked_at)
{
	pid_t orch;

	if (procs_portable()) {
		help_skip("a_signal_while_files_are_looked_at", "its command line is its own on Linux only");
		return;
	}
	help_file("w.orch", "run sh as a | :", "depends f", "run sh as s | kill -STOP " READER, "run sh as b | :", "depends g", NULL);
	orch = procs_start("exec orch run -r x w.orch");
	procs_await_text(".orch/x/log", "\tdone\ts\t");
	kill(orch, SIGTERM);
	ck_assert_int_eq(procs_end(orch, SOON), 128 + SIGTERM);
	procs_none_left(AFTER);
	help_sh(0, "orch resume -q -r x");
}
END_TEST

/* pure and always. */

START_TEST(the_same_again)
{
	struct ran r;

	help_file("w.orch", "run sh as a | " HELP_MARK "wc -l <f", "depends f", "pure", "run sh as b < a | " HELP_MARK "cat", "run sh as c | " HELP_MARK, NULL);
	help_sh(0, RUN);
	help_marks_are("a b c ");
	help_file("f", "other", NULL);
	r = help_sh(0, "orch resume -n -u -r x");
	help_has(r.out, "would run again  a  f has changed");
	help_has(r.out, "might run again  b\nmight run again  c\n1 would run again, 2 might\n");
	r = help_sh(0, AGAIN);
	help_has(r.err, "rerun     a  f has changed\n");
	help_has(strstr(r.err, "done      a  "), "  unchanged\n");
	help_has(r.err, "kept      b\nkept      c\n");
	help_marks_are("a ");
	ck_assert_int_eq(help_count(help_read(".orch/x/log", NULL), "\tsame\ta\t"), 1);
	help_has(help_run("orch status -p -r x").out, "done\ta\t");
	help_file("f", "other", "more", NULL);
	help_sh(0, AGAIN);
	help_marks_are("a b c ");
}
END_TEST

/* A yes to one plan is none to another; but to the same one it is. */
START_TEST(a_question_after_a_pure_step)
{
	help_file("w.orch", "run sh as plan | " HELP_MARK "wc -l <f", "depends f", "pure", "ask go yes no default yes | Go?", "run sh as act | " HELP_MARK, NULL);
	help_sh(0, RUN);
	help_marks_are("act plan ");
	help_file("f", "other", NULL);
	help_sh(0, AGAIN);
	help_marks_are("plan ");
	ck_assert_int_eq(help_count(help_read(".orch/x/log", NULL), "\tstart\tgo\t"), 1);
	help_file("f", "other", "more", NULL);
	help_sh(0, AGAIN);
	help_marks_are("act plan ");
	ck_assert_int_eq(help_count(help_read(".orch/x/log", NULL), "\tstart\tgo\t"), 2);
}
END_TEST

START_TEST(always)
{
	struct ran r;

	help_file("w.orch", "run sh as list | " HELP_MARK "ls *.md || :", "always", "parallel file in < list", "run sh as do-{{file}} | " HELP_MARK, "end",
	    "run sh as all < list | " HELP_MARK "cat", NULL);
	help_sh(0, "touch a.md; " RUN);
	help_marks_are("all do-a.md list ");
	help_has(help_sh(0, "orch resume -n -r x").out, "would run again  list");
	help_sh(0, "orch resume -q -r x");
	help_marks_are("list ");
	help_sh(0, "touch b.md");
	r = help_sh(0, "orch resume -r x");
	help_marks_are("do-b.md list ");
	help_has(r.err, "orch: 1 result is stale (all: input list has changed); to re-run with what follows: ");
	help_sh(0, AGAIN);
	help_marks_are("all list ");
	ck_assert_str_eq(help_read(RESULT "all", NULL), "a.md\nb.md\n");
	/* A failure leaves what was there. */
	help_sh(0, "sed -i 's/ls .*/false/' w.orch");
	help_sh(1, "orch resume -q -r x");
	ck_assert_str_eq(help_read(RESULT "list", NULL), "a.md\nb.md\n");
}
END_TEST

/* A complete run stays complete after its worktrees were removed, with the files that its steps depended on there. */
START_TEST(a_worktree_that_was_removed)
{
	struct ran r;

	repo_make();
	repo_sh(0, "echo one >f; git add f; git commit -qm f");
	help_file("w.orch", "param top", "worktree w enter", "run sh as a | " HELP_MARK "cat f", "depends f none {{top}}/../outside", "pure", NULL);
	help_sh(0, "touch ../outside; " RUN " top=\"$PWD\"");
	help_marks_are("a ");
	r = help_sh(0, AGAIN);
	help_lacks(r.err, "stale");
	repo_sh(0, "git worktree remove --force ../repo--w");
	r = help_sh(0, "orch resume -r x");
	help_lacks(r.err, "stale");
	help_lacks(r.err, "missing");
	help_lacks(help_sh(0, "orch resume -n -u -r x").out, "again");
	help_sh(0, AGAIN);
	help_marks_are("");
	/* But a file elsewhere that has changed is one. */
	help_sh(0, "echo >>../outside");
	help_has(help_sh(0, "orch resume -r x").err, "../outside has changed");
}
END_TEST

/* redo, and what would be. */

START_TEST(redo_of_fallbacks)
{
	struct ran r;

	help_file("w.orch", "parallel i in 1 2 3", "run sh as a-{{i}} | " HELP_MARK "test -e ok-$i", "otherwise none", "end", "run sh as b < a-* | " HELP_MARK "cat", NULL);
	help_sh(0, "touch ok-2; " RUN);
	help_marks_are("a-1 a-2 a-3 b ");
	help_has(help_sh(0, "touch ok-1; orch redo -n -F -r x").out, "1 kept, 3 would run again\n");
	help_marks_are("");
	help_sh(0, "orch redo -F -r x");
	help_marks_are("a-1 a-3 b ");
	help_sh(0, "touch ok-3; orch redo -q -F -r x");
	help_marks_are("a-3 b ");
	r = help_sh(3, "orch redo -F -r x");
	help_has(r.err, "orch: x: no result of this run is a fallback\n");
	help_has(help_sh(2, "orch redo -F -r x b").err, "orch: redo takes KEY... or -F, not both: b");
	help_has(help_sh(2, "orch redo -r x").err, "orch: redo needs KEY..., or -F for all fallbacks");
	help_marks_are("");
}
END_TEST

/* What follows a pure step that is run again is so only where it sees a difference; and a second redo does not forget the first. */
START_TEST(redo_of_a_pure_step)
{
	help_file("w.orch", "run sh as a | " HELP_MARK "cat f", "pure", "run sh as b < a | " HELP_MARK "cat", "pure", "run sh as c | " HELP_MARK, "pure", NULL);
	help_sh(0, RUN);
	help_marks_are("a b c ");
	help_sh(0, "orch redo -q -r x a");
	help_marks_are("a ");
	help_file("f", "other", NULL);
	help_sh(0, "orch redo -q -r x a");
	help_marks_are("a b ");
	ck_assert_int_eq(help_count(help_read(".orch/x/log", NULL), "\tredo\tb\t"), 0);
	help_sh(0, "orch redo -q -r x c");      /* the first is over: b is none of its */
	help_marks_are("c ");
}
END_TEST

/* What is run in any case, or for the first time, is no part of a redo: what follows it is none either. */
START_TEST(redo_and_what_else_is_run)
{
	help_file("w.orch", "run sh as al | " HELP_MARK "cat f", "always", "run sh as b < al | " HELP_MARK "cat", "ask go yes no default yes | Go?", "run sh as c | " HELP_MARK,
	    "parallel i in 1 2", "run sh as w-{{i}} | " HELP_MARK, "end", NULL);
	help_sh(0, RUN);
	help_marks_are("al b c w-1 w-2 ");
	help_file("f", "other", NULL);
	help_has(help_sh(0, "orch redo -n -r x w-2").out, "kept       b\nkept       go\nkept       c\nkept       w-1\n"
	    "would run again  w-2  redo") ;
	help_sh(0, "orch redo -q -r x w-2");
	help_marks_are("al w-2 ");
	ck_assert_int_eq(help_count(help_read(".orch/x/log", NULL), "\tstart\tgo\t"), 1);
	help_sh(0, "sed -i '1i run sh as first | echo first >>\"$ORCH_ROOT/marks\"' w.orch; orch redo -q -r x c");
	help_marks_are("al c first w-1 w-2 ");
}
END_TEST

/* A result that was written by hand in the place of a fallback is none. */
START_TEST(a_fallback_that_was_replaced)
{
	help_file("w.orch", "run sh as a | " HELP_MARK "test -e ok", "otherwise none", "run sh as b < a | cat", NULL);
	help_has(help_sh(0, RUN).err, "1 result is a fallback (a)");
	help_has(help_sh(0, "orch resume -r x").err, "1 result is a fallback (a)");
	help_sh(0, "sleep 0.05; echo hand >" RESULT "a");
	help_lacks(help_sh(0, "orch resume -r x").err, "fallback");
	help_has(help_sh(3, "orch redo -F -r x").err, "no result of this run is a fallback");
	ck_assert_str_eq(help_read(RESULT "a", NULL), "hand\n");
}
END_TEST

/* What was said in an earlier attempt is none of a step that is refused before it is asked. */
START_TEST(a_step_that_is_not_asked)
{
	struct ran r;

	help_file("w.orch", "run sh as a | echo earlier >&2; false", "depends d", NULL);
	help_has(help_sh(1, RUN).err, "    err| earlier\n");
	help_sh(0, "mkdir d");
	r = help_sh(1, "orch resume -r x");
	help_has(r.err, "d is a directory");
	help_lacks(r.err, "earlier");
}
END_TEST

START_TEST(whole_prompts)
{
	struct ran r;

	help_file("w.orch", "run sh as a | echo hi", "run claude as b < a", "| First {{a}}.", "|", "|   Third.", NULL);
	r = help_sh(0, "orch run -n -v -a 'claude=cat' -r x w.orch");
	help_has(r.out, "would run  b\n    | First {{a}}.\n    | \n    |   Third.\n    < a\n");
	help_has(help_sh(0, "orch run -n -a 'claude=cat' -r x w.orch").out, "would run  b  | First {{a}}.\n");
}
END_TEST

START_TEST(what_was_never_asked_is_shown)
{
	struct ran r;

	help_file("w.orch", "agent c cat", "run sh as a | echo hi", "run sh as stop | false", "run c as b < a | First {{a}}.", "depends f", NULL);
	help_sh(1, "orch run -q -r x w.orch");
	r = help_run("orch diff -r x b");
	ck_assert_int_eq(r.status, 1);
	help_has(r.out, "--- b (never asked)\n+++ b (current)\n");
	help_has(r.out, "+word\tcat\n+depends\tf ");
	help_has(r.out, "+First hi.\n+\n+==> a <==\n+hi\n");
}
END_TEST

/* What is refused. */

static const struct {
	const char *text, *says;        /* NULL: nothing is wrong */
} checks[] = {
	{ "run sh as a | :\ndepends\n", "2:1: error: incomplete `depends`: depends FILE..." },
	{ "run sh as a | :\ndepends *.md\n", "2:9: error: there is no globbing here: name each file, or one of a list as {{file}} inside of "
	    "`for file in < files`; or quote it to mean it as it is" },
	{ "run sh as a | :\ndepends a? `b`\n", "2:12: error: there is no globbing here" },
	{ "run sh as a | :\ndepends '*.md' \"a?\"\n", NULL },
	{ "run sh as a | :\ndepends < a\n", "2:9: error: `depends` takes no <" },
	{ "run sh as a | :\ndepends {{b}}\n", "2:9: error: unknown name `b`" },
	{ "depends f\nrun sh as a | :\n", "1:1: error: `depends` must follow a step or run; it cannot come at the top of the file" },
	{ "worktree w\ndepends f\n", "2:1: error: `depends` must follow a step or run" },
	{ "step s sh | :\ndepends f\nrun s as a\ndepends g h\ndepends i\n", NULL },
	{ "run sh as a | :\npure x\n", "2:6: error: unexpected `x`" },
	{ "run sh as a | :\npure\npure\n", "3:1: error: `pure` is given twice" },
	{ "always\nrun sh as a | :\n", "1:1: error: `always` must follow a step or run; it cannot come at the top of the file" },
	{ "run sh as a | :\npure\nalways\n", NULL },
};

START_TEST(what_check_says)
{
	struct ran r;

	help_bytes("w.orch", checks[_i].text, strlen(checks[_i].text));
	r = help_run("orch check w.orch");
	ck_assert_int_eq(r.status, checks[_i].says ? 2 : 0);
	if (checks[_i].says)
		help_has(r.err, checks[_i].says);
	else
		ck_assert_str_eq(r.err, "");
}
END_TEST

/* The manual's recipes, as they are there. */

static void
take_examples(void)
{
	help_sh(0, "awk -f \"$TREE/tests/examples.awk\" \"$TREE/orch.1\"");
}

START_TEST(the_translation)
{
	take_examples();
	help_sh(0, "mkdir docs; for i in 1 2 3 4 5 6; do echo $i >docs/$i.md; done; echo word >glossary.txt");
	help_file("agent", "cat >/dev/null", "echo $file >>$ORCH_ROOT/marks", NULL);
	help_sh(0, "orch run -q -u -r docs -a 'claude=sh ./agent' translate.orch");
	help_marks_are("docs/1.md docs/2.md docs/3.md docs/4.md docs/5.md docs/6.md ");
	help_sh(0, "echo more >>docs/4.md; echo 7 >docs/7.md; orch run -q -u -r docs translate.orch");
	help_marks_are("docs/4.md docs/7.md ");
	help_sh(0, "orch run -q -u -r docs translate.orch");
	help_marks_are("");
	help_sh(0, "echo more >>glossary.txt; orch run -q -u -r docs translate.orch");
	ck_assert_int_eq(help_count(help_marks(), "docs/"), 7);
}
END_TEST

START_TEST(the_make_rule)
{
	take_examples();
	help_file("sides.orch", "param topic", "run sh as a | " HELP_MARK "wc -c <f", "depends f", "pure", "run sh as b < a | " HELP_MARK "cat; echo $topic",
	    "print | {{b}}", NULL);
	help_path(help_sh(0, "mkdir bin; printf '#!/bin/sh\\necho pandoc >>marks; cp $3 $2\\n' >bin/pandoc; chmod +x bin/pandoc; pwd | tr -d '\\n'; printf /bin").out);
	help_sh(0, "make -s -f report.mk report.html");
	help_marks_are("a b pandoc ");
	help_sh(0, "make -s -f report.mk report.html");
	help_marks_are("");
	help_file("f", "eno", NULL);        /* of the same length */
	help_sh(0, "make -s -f report.mk report.html");
	help_marks_are("a ");
	help_sh(0, "make -s -f report.mk report.html TOPIC=spaces");
	help_marks_are("b pandoc ");
	/* A run that fails leaves the file, and the next make resumes. */
	help_sh(0, "sed -i 's/cat; echo/test -e ok; cat; echo/' sides.orch");
	help_run("make -s -f report.mk report.html TOPIC=spaces");
	help_marks_are("b ");
	help_has(help_read("report.txt", NULL), "spaces");
	help_sh(0, "touch ok; make -s -f report.mk report.html TOPIC=spaces");
	help_marks_are("b ");
	help_sh(0, "make -s -f report.mk report.html TOPIC=spaces");
	help_marks_are("");
}
END_TEST

START_TEST(the_merge_queue)
{
	repo_make();
	take_examples();
	repo_sh(0, "printf 'one\\ntwo\\n' >shared; printf 'check:\\n\\t! grep -q broken shared\\n' >Makefile; git add shared Makefile; git commit -qm start");
	repo_program("../bin/codex-stand-in", "#!/bin/sh\ncat >/dev/null; echo $module >>shared; echo $module >$module");
	repo_program("../bin/claude-stand-in", "#!/bin/sh\ncat; grep -v '^[<=>]' shared >s; mv s shared; git add shared; echo resolve >>\"$ORCH_ROOT/marks\"");
	help_sh(0, "orch run -q -r modules -a codex=codex-stand-in modules.orch");
	help_sh(0, "orch run -q -r queue -a claude=claude-stand-in queue.orch");
	help_marks_are("resolve ");
	ck_assert_str_eq(help_sh(0, "cat shared").out, "one\ntwo\napi\nauth\n");
	ck_assert_str_eq(help_sh(0, "git worktree list | wc -l; git branch --format='%(refname:short)'").out, "1\nmain\n");
	help_has(help_sh(0, "git log --format=%s").out, "Merge feat/auth\n");
	help_sh(0, "orch run -q -r queue queue.orch");
	help_marks_are("");
}
END_TEST

Suite *
depends_suite(void)
{
	Suite *s = suite_create("depends");
	TCase *c = help_case(s, "files", begin, 60);

	tcase_add_test(c, a_change_is_named);
	tcase_add_test(c, a_missing_file_is_a_warning);
	tcase_add_loop_test(c, what_is_no_file_is_refused, 0, LEN(refusals));
	tcase_add_test(c, a_step_that_changes_its_own_file);
	tcase_add_test(c, a_file_that_changes_in_between);
	tcase_add_test(c, a_change_within_a_tick);
	tcase_add_test(c, which_input_is_named);
	tcase_add_test(c, a_name_that_is_gone);
	tcase_add_test(c, each_attempt_looks_again);
	tcase_add_test(c, names_of_files);
	tcase_add_test(c, many_at_once);
	tcase_add_test(c, a_rate_limited_agent);
	tcase_add_loop_test(c, what_check_says, 0, LEN(checks));
	c = help_case(s, "reader", begin, 120);
	tcase_add_test(c, a_reader_that_is_killed);
	tcase_add_test(c, a_reader_that_does_not_answer);
	tcase_add_test(c, a_signal_while_files_are_looked_at);
	c = help_case(s, "pure", begin, 60);
	tcase_add_test(c, the_same_again);
	tcase_add_test(c, a_question_after_a_pure_step);
	tcase_add_test(c, always);
	tcase_add_test(c, redo_of_fallbacks);
	tcase_add_test(c, redo_of_a_pure_step);
	tcase_add_test(c, redo_and_what_else_is_run);
	tcase_add_test(c, a_fallback_that_was_replaced);
	tcase_add_test(c, a_step_that_is_not_asked);
	tcase_add_test(c, whole_prompts);
	tcase_add_test(c, what_was_never_asked_is_shown);
	tcase_add_test(c, the_translation);
	tcase_add_test(c, the_make_rule);
	c = help_case(s, "git", repo_begin, 60);
	tcase_add_test(c, a_worktree_that_was_removed);
	tcase_add_test(c, the_merge_queue);
	return s;
}
