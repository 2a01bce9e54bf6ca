/* Results that are taken from an earlier run (-t): which, and which not; their sessions; what is left when it is killed in the middle. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/task/earlier.h"
#include "store/file.h"
#include "store/how.h"
#include "tests/fault.h"
#include "tests/help.h"
#include "tests/procs.h"
#include "tests/repo.h"
#include "tests/suites.h"

#define FIRST "orch run -q -r x w.orch"
#define TAKE "orch run -r y -t x w.orch"
#define TAKEN ".orch/y/result/"

static void
same_file(const char *part, const char *key)
{
	help_sh(0, help_run("printf %%s 'cmp .orch/x/%s/%s .orch/y/%s/%s'", part, key, part, key).out);
}

static void
begin(void)
{
	procs_begin();
	help_file("f", "one", NULL);
	help_file("g", "two", NULL);
	help_file("w.orch", "param topic cats", "run sh as a | " HELP_MARK "echo a; echo said >&2", "pure", "run sh as b < a | " HELP_MARK "cat; cat f; echo $topic",
	    "depends f", "pure", "run sh as c < b | " HELP_MARK "cat", "print | {{c}}", NULL);
}

START_TEST(what_is_the_same_is_taken)
{
	struct ran first = help_sh(0, FIRST), r;

	help_marks_are("a b c ");
	r = help_sh(0, TAKE);
	help_marks_are("c ");             /* it is not pure */
	help_has(r.err, "kept      a  from x\n");
	help_has(r.err, "kept      b  from x\n");
	help_has(r.err, "orch: run y is complete: 1 done, 2 kept, in ");
	ck_assert_str_eq(r.out, first.out);
	same_file("result", "b");
	same_file("asked", "b");
	help_none(".orch/y/asked/a");   /* it had no prompt, nor inputs */
	help_none(".orch/y/stderr/a");
	help_has(help_read(".orch/y/log", NULL), "\tkept from x\t\n");
	help_has(help_read(".orch/y/run", NULL), "\ntake\tx\n");
	r = help_sh(0, "orch status -r y");
	help_has(r.out, "  from x\n");
	help_has(r.out, "\n3 done\n");
	/* Attempts: none. No exit status. */
	ck_assert_str_eq(help_sh(0, "orch status -p -r y | cut -f 1,2,5-9 | head -n 1").out, "done\ta\t0\t\t\t\tfrom x\n");
	help_has(help_sh(0, "orch runs").out, "y");
	help_sh(0, "orch logs -r y");
	/* It is one of this run: kept, compared, and taken from it in turn. */
	help_lacks(help_sh(0, "orch run -u -r y w.orch").err, "from x");
	help_marks_are("");
	help_has(help_sh(0, "orch run -r z -t y w.orch").err, "kept      b  from y\n");
	help_marks_are("c ");
	help_sh(0, "rm -r .orch/x; orch run -q -r v -t z w.orch");
	help_marks_are("c ");
	help_file("f", "three", NULL);
	help_has(help_sh(0, "orch resume -r v").err, "orch: 1 result is stale (b: f has changed)");
	help_run("orch diff -r v b >out");
	help_has(help_read("out", NULL), "-depends\tf ");
	help_lacks(help_sh(0, "orch resume -q -u -r v").err, "x");
	help_marks_are("b c ");
}
END_TEST

START_TEST(quiet_and_dry)
{
	struct ran r;

	help_sh(0, FIRST);
	ck_assert_str_eq(help_sh(0, "orch run -q -r y -t x w.orch").err, "");
	help_marks();
	r = help_sh(0, "orch run -n -r z -t x w.orch");
	help_has(r.out, "would be kept  a  from x\n");
	/* What it sees is not in z yet. */
	help_has(r.out, "\nmight be kept  b  | echo");
	help_has(r.out, "would run  c");
	help_has(r.out, "\n1 would be kept, 1 would run, 1 might\n");
	help_none(".orch/z");
	help_file("w.orch", "run sh as a | " HELP_MARK "echo a; echo said >&2", "pure", "run sh as d | echo", "run sh as e < d | echo", NULL);
	help_file("f", "three", NULL);
	r = help_sh(0, "orch run -n -r z -t x w.orch");
	help_has(r.out, "would be kept  a  from x\nwould run  d  | echo\nwould run  e  | echo\n1 would be kept, 2 would run\n");
	/* Of a run that is there: what is stale, and what has the other run. */
	help_file("w.orch", "run sh as a | " HELP_MARK "echo other", "pure", NULL);
	help_sh(0, "orch run -q -r z w.orch");
	help_file("w.orch", "run sh as a | " HELP_MARK "echo a; echo said >&2", "pure", NULL);
	ck_assert_str_eq(help_sh(0, "orch run -n -u -r z -t x w.orch").out, "would be kept  a  from x\n1 would be kept\n");
	help_marks();
	help_has(help_sh(0, "orch run -u -r z -t x w.orch").err, "kept      a  from x\n");
	help_is(".orch/z/result/a", "a\n");
	help_marks_are("");
}
END_TEST

/* What is done after the first run of the workflow below, and what is asked then. */
static const struct {
	const char *change, *asked;
} changes[] = {
	{ "true", "" },
	{ "touch f", "" },
	{ "cp w.orch v.orch; mv v.orch w.orch; echo >>w.orch", "" },
	{ "echo more >>f", "b " },
	{ "rm f", "b " },
	{ "sed -i 's/echo a;/echo  a;/' w.orch", "a " },         /* a's result is the same: so is b's question */
	{ "sed -i 's/echo a;/echo aa;/' w.orch", "a b " },
	{ "sed -i 's/as a/as d/; s/< a/< d/; s/{{a}}/{{d}}/' w.orch", "b d " },
	{ "sed -i 's/| <b>/| < b>/' w.orch", "b " },
	{ "sed -i '/^check/s/-n/ -n/' w.orch", "b " },
	{ "sed -i '/^env/s/1/2/' w.orch", "b " },
	{ "sed -i '/^filter/s/cat/cat -/' w.orch", "b " },
	{ "sed -i '/^param/s/cats/dogs/' w.orch", "b " },
	{ "sed -i '1a cd sub' w.orch; cp f sub", "a b " },
	{ "sed -i 's/^pure/free/' w.orch", "a b " },
	{ "sed -i 's/^pure/always/' w.orch", "a b " },
	/* What the other run has is not what it says any more. */
	{ "rm .orch/x/result/b", "b " },
	{ "rm .orch/x/asked/b", "b " },
	{ "sed -i 's/cats/dogs/' .orch/x/asked/b", "b " },
	{ "sleep 0.1; echo x >.orch/x/result/b", "b " },        /* by hand, which its log does not tell */
	{ "rm .orch/x/result/b; mkdir .orch/x/result/b", "b " },
	{ "mv .orch/x/result/b real; ln -s ../../../real .orch/x/result/b", "b " },
	{ "rm .orch/x/log", "a b " },
	{ "rm .orch/x/how", "a b " },
	{ "rm -r .orch/x/result", "a b " },
	{ "sleep 0.1; rm .orch/x/result/b; echo x >.orch/x/result/b; orch resume -q -r x", "b " },
	/* The bytes count, and not their digest alone: what was asked has the same one, by the log, and the same time. */
	{ "touch -r .orch/x/asked/b t; sed -i 's/<b>/<x>/' .orch/x/asked/b; touch -r t .orch/x/asked/b", "b " },
	{ "touch -r .orch/x/asked/b t; echo more >>.orch/x/asked/b; touch -r t .orch/x/asked/b", "b " },
	{ "sed -i 's/check\\ttest -n/check\\ttest -N/' .orch/x/how", "b " },
	/* And the digest: the entry of `how` and the question are right, the result was not to them. */
	{ "sed -i '/done.b.1/s/[0-9a-f]\\{16\\}/0123456789abcdef/' .orch/x/log", "b " },
	{ "sed -i '/done.b.1/s/[0-9a-f]\\{16\\}/0000000000000000/' .orch/x/log", "b " },
	/* It is being run again, or is to be. */
	{ "printf '\\n%s\\tstart\\tb\\t1\\t0\\tagain\\t\\n' $(date +%s000) >>.orch/x/log", "b " },
	{ "printf '\\n%s\\tredo\\tb\\t0\\t\\t\\n' $(date +%s000) >>.orch/x/log", "b " },
	{ "printf '\\n%s\\totherwise\\tb\\t1\\t\\t\\n' $(date +%s000) >>.orch/x/log", "b " },
	{ "printf '\\n%s\\tfound\\tb\\t0\\t0\\t0\\t\\t\\n' $(date +%s000) >>.orch/x/log", "b " },
	/* Its time is of another clock, which the log's file shows. */
	{ "touch -d '+1 hour' .orch/x/log .orch/x/result/b .orch/x/asked/b", "" },
};

START_TEST(what_is_not_the_same_is_asked)
{
	struct ran r;

	help_sh(0, "mkdir sub");
	help_file("agent", HELP_MARK "cat", NULL);
	help_file("w.orch", "param topic cats", "agent cat sh -eu " "\"../agent\"", "run sh as a | " HELP_MARK "echo a; echo said >&2", "pure",
	    "run cat as b < a | <b> {{topic}} {{a}}", "check test -n \"$(cat)\"", "filter cat", "env V=1", "depends f", "pure", NULL);
	help_sh(0, "sed -i 's|../agent|'\"$PWD\"'/agent|' w.orch");
	help_sh(0, FIRST);
	help_marks_are("a b ");
	help_sh(0, changes[_i].change);
	help_marks();
	r = help_run("orch run -q -r y -t x w.orch");
	ck_assert_msg(!r.status, "%s: %s", changes[_i].change, r.err);
	ck_assert_msg(!strcmp(help_marks(), changes[_i].asked) || (r.out = help_run("cat .orch/y/log").out, 0), "%s: it should ask `%s':\n%s", changes[_i].change,
	    changes[_i].asked, r.out);
	help_is(TAKEN "b", help_read(TAKEN "b", NULL));
	help_has(help_read(TAKEN "b", NULL), "<");
	help_sh(0, "orch resume -q -u -r y");
	if (strcmp(changes[_i].asked, "a b ") || !strstr(changes[_i].change, "always"))
		help_marks_are("");
}
END_TEST

/* A fallback, what was put there by hand, a failure. */
START_TEST(what_was_no_answer_is_asked)
{
	help_file("w.orch", "run sh as a | " HELP_MARK "test -e ok && echo yes", "pure", "otherwise no", "run sh as b | " HELP_MARK "test -e ok && echo yes", "pure", NULL);
	help_sh(1, FIRST);
	help_marks_are("a b ");
	help_sh(0, "touch ok; echo hand >.orch/x/result/b; orch run -q -r y -t x w.orch");
	help_marks_are("a b ");
	help_sh(0, "orch resume -q -r x; orch run -q -r z -t x w.orch");        /* now its log tells of what was found */
	help_marks_are("a b ");
	help_sh(0, "orch redo -q -F -r x; orch run -q -r v -t x w.orch");
	help_marks_are("a b ");           /* a by the redo, in x */
}
END_TEST

START_TEST(an_interactive_step_is_asked)
{
	help_file("w.orch", "run sh as a | " HELP_MARK, "pure", "interactive", NULL);
	help_run("orch run -q -r x w.orch");
	help_lacks(help_run("orch run -r y -t x w.orch").err, "from x");
}
END_TEST

/* The results that the question holds are compared too, large ones as well. */
START_TEST(inputs)
{
	help_file("w.orch", "param n 1", "run sh as a | " HELP_MARK "head -c 3000000 big; test $n = 1 || echo $n", "run sh as b < a | " HELP_MARK "cat | wc -c", "pure",
	    "run sh as c < a b | " HELP_MARK "tail -c 5", "pure", NULL);
	help_sh(0, "head -c 3000000 /dev/zero | tr '\\0' x >big");
	help_sh(0, FIRST);
	help_marks();
	help_sh(0, "orch run -q -r y -t x w.orch");
	help_marks_are("a ");
	help_sh(0, "orch run -q -r z -t x w.orch n=2");
	help_marks_are("a b c ");
	/* One that has become shorter. */
	help_sh(0, "head -c 2999999 /dev/zero | tr '\\0' x >big; orch run -q -r v -t x w.orch");
	help_marks_are("a b c ");
}
END_TEST

START_TEST(redo_asks)
{
	help_sh(0, FIRST);
	help_sh(0, TAKE);
	help_marks();
	help_lacks(help_sh(0, "orch redo -r y a b").err, "from x");
	help_marks_are("a b ");           /* what came out the same makes nothing after it another */
	help_lacks(help_sh(0, "orch status -r y").out, "from x");
	/* Of the rest, a walk takes what it lacks. */
	help_sh(0, "rm .orch/y/result/b");
	help_has(help_sh(0, "orch resume -r y").err, "kept      b  from x");
	help_marks_are("");
	/* Cut off in the middle it still asks, with -u too. */
	help_file("w.orch", "run sh as a | " HELP_MARK "test $ORCH_RUN = x || test ! -e bad; echo a", "pure", NULL);
	help_sh(0, "rm -r .orch; " FIRST "; orch run -q -r y -t x w.orch; orch run -q -r z -t x w.orch; rm marks; touch bad");
	help_sh(1, "orch redo -q -r y a");
	help_sh(1, "orch redo -q -r z a");
	help_marks_are("a a ");
	help_sh(0, "rm bad; orch resume -q -r y; orch resume -q -u -r z");
	help_marks_are("a a ");
}
END_TEST

/* What follows a step that was taken again is as stale as after any pure step. */
START_TEST(a_stale_step_is_taken)
{
	help_file("w.orch", "param n 1", "run sh as a | " HELP_MARK "echo $n", "pure", "run sh as b < a | " HELP_MARK "cat", "pure", "run sh as c | " HELP_MARK "echo c", NULL);
	help_sh(0, "orch run -q -r x w.orch n=2");
	help_sh(0, "orch run -q -r y w.orch n=1");
	help_marks();
	help_sh(0, "orch run -q -u -r y -t x w.orch n=2");
	help_marks_are("");
	help_is(TAKEN "b", "2\n");
	help_sh(0, "orch run -q -u -r y w.orch");
	help_marks_are("");
	/* One that comes out the same makes nothing after it stale. */
	help_sh(0, "orch run -q -r z w.orch; sed -i 's/echo $n/echo  $n/' w.orch; orch run -q -r v w.orch n=2; marks=; rm marks; orch run -q -u -r z -t v w.orch n=2");
	help_marks_are("");
	help_is(".orch/z/result/b", "2\n");
}
END_TEST

/* The run of -t. */

START_TEST(it_is_recorded)
{
	struct ran r;

	help_sh(0, "sed -i 's/run sh as c.*cat/&; test $ORCH_RUN = x || test ! -e bad/' w.orch; " FIRST "; touch bad");
	help_marks();
	help_sh(1, "orch run -q -r y -t x w.orch");
	help_marks_are("c ");
	help_is(TAKEN "a", "a\n");
	help_sh(0, "rm bad .orch/y/result/*; orch resume -q -r y");
	help_marks_are("c ");
	/* Another takes its place; and one that is gone since is said when it is missed. */
	help_sh(0, "sed -i 's/echo a;/echo aa;/' w.orch; orch run -q -r z w.orch; rm marks");
	help_sh(0, "rm .orch/y/result/*; orch run -q -r y -t z w.orch");
	help_marks_are("c ");
	help_is(TAKEN "a", "aa\n");
	help_sh(0, "rm -r .orch/z");
	ck_assert_str_eq(help_sh(0, "orch resume -q -r y").err, "");
	help_sh(0, "rm .orch/y/result/a");
	r = help_sh(0, "orch resume -q -r y");
	ck_assert_str_eq(r.err, "orch: warning: -t z: no such run; no results are taken\n");
	help_marks_are("a ");
	/* The record is what it was, also when it was accepted elsewhere. */
	help_sh(0, "cp -r .orch/y .orch/v; orch trust v");
	help_has(help_read(".orch/v/run", NULL), "\ntake\tz\n");
}
END_TEST

/* How the run comes to be none that is taken from, and what is said. */
static const struct {
	const char *make, *said;
} refusals[] = {
	{ "cp -r .orch/x .orch/c; rm -r .orch/x; mv .orch/c .orch/x", "orch: run x is not trusted: " },
	{ "mv .orch/x real; ln -s ../real .orch/x", "is a symbolic link" },
	{ "rm .orch/x/run", "orch: run x is not trusted: " },
	{ "echo odd >>.orch/x/run", "line 6 of this run's file `run`" },
	{ "chmod g+w .orch/x/result", "writable by others" },
};

START_TEST(what_is_not_taken_from)
{
	struct ran r;

	help_sh(0, FIRST);
	help_marks();
	help_sh(0, refusals[_i].make);
	r = help_sh(2, "orch run -r y -t x w.orch");
	help_has(r.err, refusals[_i].said);
	help_none(".orch/y");
	help_sh(2, "orch run -n -r y -t x w.orch");
	help_marks_are("");
}
END_TEST

START_TEST(a_run_that_vanishes)
{
	help_file("w.orch", "run sh as a | " HELP_MARK "test $ORCH_RUN = x || rm -r \"$ORCH_RESULTS/../../x\"", "run sh as b | " HELP_MARK "echo b", "pure", NULL);
	help_sh(0, FIRST);
	help_marks();
	help_sh(0, TAKE);
	help_marks_are("a b ");
	/* Before its log was read, and after. */
	help_file("w.orch", "run sh as p | " HELP_MARK "echo", "pure", "run sh as a | " HELP_MARK "test $ORCH_RUN = x || rm -r \"$ORCH_RESULTS/../../x\"",
	    "run sh as b | " HELP_MARK "echo b", "pure", NULL);
	help_sh(0, FIRST);
	help_marks();
	help_sh(0, "orch run -q -r z -t x w.orch");
	help_marks_are("a b ");
	help_is(".orch/z/result/b", "b\n");
}
END_TEST

/* Another orch works on it. */
START_TEST(a_run_that_goes_on)
{
	pid_t orch;

	help_file("w.orch", "run sh as a | " HELP_MARK "echo a", "pure", "run sh as b | " HELP_MARK "test $ORCH_RUN = x || exit 0; until test -e ok; do sleep 0.01; done", "pure", NULL);
	orch = procs_start("exec orch run -r x w.orch");
	procs_await_lines("marks", 2, SOON);
	help_sh(0, "orch run -r y -t x w.orch 2>said");
	help_has(help_read("said", NULL), "kept      a  from x");
	help_lacks(help_read("said", NULL), "b  from x");
	help_sh(0, "touch ok");
	ck_assert_int_eq(procs_end(orch, SOON), 0);
}
END_TEST

/* Questions that are compared while the run changes: its log says so later than it was read. */

struct earlier_of_a {
	struct earlier_run run;
	struct keys keys;
	struct store own;
	struct task task;
	char *how;
};

static void
open_run(struct earlier_of_a *e)
{
	size_t n;

	memset(e, 0, sizeof *e);
	ck_assert_int_eq(store_open(&e->run.store, ".orch", "x", 1, STORE_READ), 0);
	ck_assert_int_eq(store_open(&e->own, ".orch", "x", 1, STORE_READ), 0);
	e->run.name = strdup("x");
	ck_assert_int_eq(earlier_load(&e->run, &e->keys), 0);
	ck_assert_int_eq(how_get(e->run.store.how, 1, "a", &e->how, &n), 0);
	e->task.key = "a";
	e->task.root = "/";
	e->task.prompt = "";
	e->task.how = e->how;
	e->task.nhow = n;
}

static int
is_there(struct earlier_of_a *e)
{
	int fd;

	earlier_offer(&e->run, keys_find(&e->keys, "a", 1), &e->task);
	fd = earlier_open_result(&e->own, &e->task, NULL, NULL);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void
append(const char *name, const char *s)
{
	int fd = open(name, O_WRONLY | O_APPEND);

	ck_assert_int_eq(file_write(fd, s, strlen(s)), 0);
	close(fd);
}

START_TEST(the_log_is_looked_at_last)
{
	static const char *const later[] = {
		"\n9\tstart\ta\t1\t1\tagain\t\n", "\n9\totherwise\ta\t1\t\t\n", "\n9\tfound\ta\t0\t0\t0\t\t\n", "\n9\tdone\ta\t1\t1\t1\t\t\n", "\n9\tredo\ta\t0\t\t\n",
	};
	struct earlier_of_a e;
	size_t i;

	for (i = 0; i < LEN(later); i++) {
		help_file("w.orch", "run sh as a | echo a", "run sh as b | echo b", NULL);
		help_sh(0, "rm -rf .orch; " FIRST);
		open_run(&e);
		ck_assert(is_there(&e));
		append(".orch/x/log", "\n9\tstart\tb\t1\t1\tagain\t\n\n9\tend\t0\t\t\n\n9\tusage\ta\t1\t1\t1\t1\t\t\n\n9\tsta");
		ck_assert(is_there(&e));
		append(".orch/x/log", later[i]);
		ck_assert_msg(!is_there(&e), "%s", later[i]);
		help_sh(0, "rm .orch/x/log");
		ck_assert(!is_there(&e));
		task_free(&e.task);
		earlier_free(&e.run);
		keys_free(&e.keys);
		free(e.how);
		store_close(&e.own);
	}
}
END_TEST

START_TEST(another_question_is_seen_at_once)
{
	struct earlier_of_a e;
	uint32_t id;

	help_file("w.orch", "run sh as a | echo a", NULL);
	help_sh(0, FIRST);
	open_run(&e);
	id = keys_find(&e.keys, "a", 1);
	ck_assert(earlier_may_have(&e.run, id, NULL));
	ck_assert(earlier_may_have(&e.run, id, &e.task));
	e.task.prompt = "x";
	e.task.nprompt = 1;
	ck_assert(!earlier_may_have(&e.run, id, &e.task));
	ck_assert(!earlier_may_have(&e.run, id + 1, NULL));
	ck_assert(!earlier_may_have(&e.run, KEY_NONE, NULL));
	ck_assert(!is_there(&e));
}
END_TEST

/* Sessions. */

static void
begin_sessions(void)
{
	procs_begin();
	help_file("stand-in", "#!/bin/sh", "prompt=$(cat)", "n=$(($(cat \"$ORCH_ROOT/n\" 2>/dev/null || echo 0) + 1)); echo $n >\"$ORCH_ROOT/n\"",
	    "echo \"$ORCH_KEY ${*##* --verbose}: $prompt\" >>\"$ORCH_ROOT/asked\"", "echo '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s-'$n'\"}'",
	    "echo '{\"type\":\"assistant\",\"message\":{\"id\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}}'",
	    "case $* in *resume*) cost=1;; *) cost=0.5;; esac",   /* with that of the session that it is a copy of */
	    "echo '{\"type\":\"result\",\"is_error\":false,\"result\":\"'$ORCH_KEY'\",\"total_cost_usd\":'$cost',\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}'", NULL);
	help_sh(0, "mkdir bin; sed 's/\\${\\*.*verbose}/$(echo \" $*\" | sed \"s,.*--verbose *,,\")/' stand-in >bin/claude; chmod +x bin/claude");
	help_path(help_sh(0, "printf %s \"$PWD/bin\"").out);
}

START_TEST(sessions_come_along)
{
	struct ran r;

	help_file("w.orch", "run claude as explore | Read.", "pure", "parallel max 1 l in a b", "run claude as lens-{{l}} | Now {{l}}.", "fork explore", "pure", "end", NULL);
	help_sh(0, FIRST);
	help_is("asked", "explore : Read.\nlens-a --resume s-1 --fork-session: Now a.\nlens-b --resume s-1 --fork-session: Now b.\n");
	help_sh(0, "rm asked; sed -i 's/Now {{l}}/Then {{l}}/; s/ b$/ b c/' w.orch");
	r = help_sh(0, TAKE);
	help_is("asked", "lens-a --resume s-1 --fork-session: Then a.\nlens-b --resume s-1 --fork-session: Then b.\nlens-c --resume s-1 --fork-session: Then c.\n");
	/* What the earlier run has used is not this one's. */
	help_has(r.err, "orch: run y is complete: 3 done, 1 kept, in ");
	help_has(r.err, "$1.50");
	help_sh(0, "orch status -p -r y | awk -F '\\t' '$2 == \"explore\" && $13 != \"\" { exit 1 }'");
	ck_assert_str_eq(help_sh(0, "orch session -r y explore").out, "s-1\n");
	/* What forks a session is taken with it, from a run that has itself taken it. */
	help_sh(0, "rm asked; orch run -q -r z -t y w.orch");
	help_none("asked");
	ck_assert_str_eq(help_sh(0, "orch session -r z explore; orch session -r z lens-c").out, "s-1\ns-6\n");
	/* In later walks too. */
	help_sh(0, "rm .orch/z/result/lens-a; sed -i 's/Then {{l}}/Next {{l}}/' w.orch; orch resume -q -r z");
	help_is("asked", "lens-a --resume s-1 --fork-session: Next a.\n");
	/* Another session is another question. */
	help_sh(0, "sed -i 's/Read/Look/' w.orch; rm asked; orch run -q -r v -t z w.orch");
	help_has(help_read("asked", NULL), "explore : Look.\nlens-a --resume s-8 --fork-session: Next a.\n");
}
END_TEST

/* Where the earlier run was started elsewhere, its sessions are from there; a directory is seen from where each was started. */
START_TEST(a_session_from_another_directory)
{
	help_file("w.orch", "run claude as a | Read.", "pure", "cd s", "run claude as b | Read.", "pure", "run claude as c | {{b}}", "fork a", "run claude as d | {{b}}",
	    "fork b", NULL);
	help_sh(0, "mkdir p q p/s q/s; cp w.orch p; cp w.orch q; cd p && orch run -q -d ../runs -r x w.orch");
	help_sh(0, "cd q && cp ../p/n . && orch run -r y -d ../runs -t x w.orch 2>&1 | grep -c ' from x' | grep -qx 2 && test \"$(cat asked | wc -l)\" = 6");
	help_has(help_read("q/asked", NULL), help_sh(0, "printf 'You now work in %s, not in %s.' \"$(cd q/s && pwd -P)\" \"$(cd p && pwd -P)\"").out);
	help_has(help_read("q/asked", NULL), help_sh(0, "printf 'You now work in %s, not in %s.' \"$(cd q/s && pwd -P)\" \"$(cd p/s && pwd -P)\"").out);
	/* And back. */
	help_sh(0, "rm p/asked; cd p && orch run -q -r z -d ../runs -t y w.orch");
	help_has(help_read("p/asked", NULL), "c --resume s-1 --fork-session: You now work in ");
	help_has(help_read("p/asked", NULL), "d --resume s-2 --fork-session: b");
}
END_TEST

/* Where. */

START_TEST(calls_and_worktrees)
{
	repo_make();
	help_file("called.orch", "run sh as k | " HELP_MARK "echo k", "pure", NULL);
	help_file("w.orch", "call called.orch as sub", "worktree feat enter", "run sh as in | " HELP_MARK "pwd", "pure", NULL);
	repo_sh(0, FIRST);
	help_marks_are("in sub/k ");
	repo_sh(0, "git worktree remove ../repo--feat; git branch -D feat; " TAKE);
	help_marks_are("");
	same_file("result", "in");
	same_file("result", "sub%2Fk");
}
END_TEST

START_TEST(jobs_and_budgets)
{
	struct ran r;

	help_file("stand-in", "#!/bin/sh", "cat >/dev/null; echo $ORCH_KEY >>marks", "echo '{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\"}'",
	    "echo '{\"type\":\"result\",\"is_error\":false,\"result\":\"x\",\"total_cost_usd\":1}'", NULL);
	help_sh(0, "mkdir bin; cp stand-in bin/claude; chmod +x bin/claude");
	help_path(help_sh(0, "printf %s \"$PWD/bin\"").out);
	help_file("w.orch", "run claude as first | One.", "parallel i in 1..5", "run claude as r-{{i}} | Do {{i}}.", "pure", "end", "run claude as last | {{r-*}}", NULL);
	help_sh(0, FIRST);
	help_marks();
	/* The budget is used up by the first; what is taken costs nothing; the last is not started. */
	r = help_sh(7, "orch run -j 1 -b 0.5usd -r y -t x w.orch");
	help_marks_are("first ");
	ck_assert_int_eq(help_count(r.err, "  from x\n"), 5);
	help_has(r.err, "1 done, 5 kept, 1 not run");
	help_has(r.err, "used $1.00");
	/* One that is to be asked ends it; it resumes with what is missing. */
	help_sh(0, "sed -i 's/Do /Make /' w.orch");
	help_sh(7, "orch run -q -b 0.5usd -r z -t x w.orch");
	help_marks_are("first ");
	help_sh(0, "sed -i 's/Make /Do /' w.orch; orch resume -q -b 9usd -r z");
	help_marks_are("last ");
}
END_TEST

/* No token of a jobserver is taken: there is none but orch's own, which an agent has that waits for what is taken. */
START_TEST(beside_what_runs)
{
	help_file("w.orch", "parallel", "run sh as b | " HELP_MARK "echo b", "pure", "run sh as slow | " HELP_MARK "test $ORCH_RUN = x || until test -e " TAKEN "c; do sleep 0.01; done",
	    "run sh as c | " HELP_MARK "echo c", "pure", "end", NULL);
	help_sh(0, FIRST);
	help_marks();
	help_lacks(help_sh(0, "mkfifo pipe; exec 9<>pipe; MAKEFLAGS=\" -j2 --jobserver-auth=fifo:$PWD/pipe\" orch run -r y -t x w.orch").err, "jobserver");
	help_marks_are("slow ");
	help_sh(0, "orch run -q -j 1 -r z -t x w.orch </dev/null");
	help_marks_are("slow ");
}
END_TEST

/* Many. */

/* So many, of such names, that a supervisor has no memory of the keys. */
START_TEST(many_are_taken)
{
	struct ran r;
	char line[200];

	memset(line, 'k', sizeof line);
	memcpy(line, "run s as r-{{i}}", 16);
	line[sizeof line - 1] = '\0';
	help_file("w.orch", "step s exec agent append marks .", "parallel i in 1..2000", line, "pure", "end", "print | {{r-*}}", NULL);
	help_sh(0, "orch run -q -r x w.orch >first");
	help_sh(0, "rm marks");
	r = help_sh(0, "orch run -r y -t x w.orch >second");
	help_none("marks");
	ck_assert_int_eq(help_count(r.err, "  from x\n"), 2000);
	help_has(r.err, "2000 kept");
	help_sh(0, "cmp first second; diff -r .orch/x/result .orch/y/result >&2");
	help_sh(0, "orch resume -q -u -r y >third; cmp first third");
	help_none("marks");
}
END_TEST

/* Those that are to be asked begin in input order, whoever was looked at first. */
START_TEST(in_input_order)
{
	help_file("w.orch", "param n 1", "parallel i in 1..40", "run sh as r-{{i}} | " HELP_MARK "echo $n", "pure", "end", NULL);
	help_sh(0, FIRST);
	help_sh(0, "rm marks; orch run -q -j 1 -r y -t x w.orch n=2; sed 's/r-//' marks | head -n 40 | sort -n >sorted; sed 's/r-//' marks >order; wc -l <order | grep -qx 40");
}
END_TEST

START_TEST(a_large_result)
{
	if (help_sanitized())
		return;
	help_file("w.orch", "run exec as a", "pure", NULL);
	help_sh(0, "sed -i 's/run exec/step big exec head -c 200000000 zero\\nrun big/' w.orch; ln -s /dev/zero zero; " FIRST);
	help_sh(0, "ulimit -v 100000; orch run -q -r y -t x w.orch");
	same_file("result", "a");
	help_has(help_read(".orch/y/log", NULL), "kept from x");
}
END_TEST

/* Faults: calls fail, or everything is killed there. */

static struct fault_page *page;

static const struct {
	const char *kind, *what;
	int by;                 /* every how manieth call */
} faults[] = {
	{ "write", "kill", 1 }, { "write", "after", 1 }, { "write", "torn", 1 }, { "write", "ENOSPC", 1 }, { "write", "ENOSPC+", 2 }, { "fsync", "kill", 1 },
	{ "fsync", "after", 1 }, { "fsync", "EIO", 1 }, { "rename", "kill", 1 }, { "rename", "after", 1 }, { "rename", "ENOSPC", 1 }, { "read", "EIO", 2 },
	{ "open", "EMFILE", 3 }, { "fork", "EAGAIN", 1 }, { "fork", "kill", 1 }, { "unlink", "kill", 2 }, { "stat", "EIO", 4 },
};

/* Nothing half is kept: each result of y is what x has, and of a session it knows as much. */
static void
check_kept(const char *point)
{
	static const char *const keys[] = { "explore", "r-1", "r-2" };
	char command[300];
	size_t i;

	for (i = 0; i < LEN(keys); i++) {
		snprintf(command, sizeof command, "test ! -e " TAKEN "%s || cmp .orch/x/result/%s " TAKEN "%s", keys[i], keys[i], keys[i]);
		ck_assert_msg(!help_run("%s", command).status, "%s: %s is half", point, keys[i]);
	}
}

START_TEST(a_fault_anywhere)
{
	char point[200], where[4200];
	struct ran r;
	int at, killed;
	const char *how = faults[_i].what;

	snprintf(where, sizeof where, "%s/tests/fault.so", getenv("TREE"));
	help_file("w.orch", "run claude as explore | Read.", "pure", "parallel i in 1 2", "run sh as r-{{i}} | echo r-$i >>\"$ORCH_ROOT/asked\"; head -c 100000 /dev/zero",
	    "pure", "end", "run claude as last | Now.", "fork explore", NULL);
	help_sh(0, FIRST);
	help_sh(0, "mv asked first");
	page = procs_fault_page();
	for (at = 1; ; at += faults[_i].by) {
		snprintf(point, sizeof point, "%s %d %s", faults[_i].kind, at, how);
		memset(page, 0, sizeof *page);
		help_sh(0, "rm -rf .orch/y asked");
		r = help_run("LD_PRELOAD='%s' FAULT='%s' FAULT_PAGE=\"$PWD/page\" orch run -r y -t x w.orch", where, point);
		if (!page->hit)
			break;
		killed = r.status > 128;
		check_kept(point);
		ck_assert_msg(!*page->twice, "%s: %s ran twice", point, page->twice);
		/* Nobody was asked instead of what could not be kept. */
		if (!strncmp(how, "ENOSPC", 6) || !strcmp(how, "kill") || !strcmp(how, "after") || !strcmp(how, "torn"))
			ck_assert_msg(help_run("test ! -e asked || ! grep -v ^last asked").status == 0, "%s: asked: %s\n%s", point, help_read("asked", NULL), r.err);
		ck_assert_msg(killed || r.status == 0 || *r.err, "%s: %d", point, r.status);
		help_run("orch trust y");
		r = help_run("orch run -q -r y -t x w.orch");
		ck_assert_msg(!r.status, "%s, resumed: %s", point, r.err);
		check_kept(point);
		ck_assert_msg(!help_run("orch session -r y explore | grep -qx s-1").status || help_run("grep -q ^explore asked").status == 0,
		    "%s: the session is lost: %s", point, help_run("cat .orch/y/log").out);
		ck_assert_msg(!help_run("orch run -q -u -r y w.orch").status, "%s, -u", point);
	}
	ck_assert_int_gt(at, 1);
}
END_TEST

/* The supervisor that takes is killed. */
START_TEST(a_stop_in_the_middle)
{
	pid_t orch;
	int i;

	help_file("w.orch", "step big exec head -c 300000000 zero", "run big as a", "pure", NULL);
	help_sh(0, "ln -s /dev/zero zero; " FIRST);
	for (i = 0; i < 3; i++) {
		help_sh(0, "rm -rf .orch/y");
		orch = procs_start("exec orch run -r y -t x w.orch");
		while (help_run("ls .orch/y/tmp | grep -q %%w").status && procs_alive(orch))
			;
		kill(orch, i ? SIGTERM : SIGKILL);
		procs_end(orch, SOON);
		procs_none_left(AFTER);
		if (help_exists(TAKEN "a"))
			same_file("result", "a");
		help_lacks(help_sh(0, "orch resume -r y").err, "done      a");
		same_file("result", "a");
		ck_assert_str_eq(help_sh(0, "ls .orch/y/tmp").out, "");
	}
}
END_TEST

/* Some of many are taken, some wait for that, some are not reached. */
START_TEST(a_stop_of_many)
{
	pid_t orch;
	int i, n, stopped = 0;

	help_file("w.orch", "step s exec agent append marks .", "parallel i in 1..400", "run s as r-{{i}}", "pure", "end", NULL);
	help_sh(0, FIRST);
	help_sh(0, "rm marks");
	for (i = 0; i < 6; i++) {
		help_sh(0, "rm -rf .orch/y err");
		orch = procs_start("exec orch run -r y -t x w.orch");
		procs_await_text("err", "kept      r-");
		kill(orch, i % 2 ? SIGTERM : SIGKILL);
		n = procs_end(orch, SOON);
		stopped += n > 128;
		procs_none_left(AFTER);
		if (n == 128 + SIGTERM)
			help_has(help_read("err", NULL), " kept, ");
		help_sh(0, "orch resume -q -r y; diff -r .orch/x/result .orch/y/result >&2");
		help_none("marks");
		help_sh(0, "orch resume -q -u -r y");
		help_none("marks");
	}
	ck_assert_int_gt(stopped, 0);
}
END_TEST

/* The result, and what the log says of its session, are safe on disk before it is one of the run's. */
START_TEST(it_is_synced_first)
{
	static const char *const order[] = { "/log>", "/tmp/%w", "renameat", "/result>" };
	char *trace;

	if (help_run("strace -f -o /dev/null true").status) {
		help_skip("it_is_synced_first", help_run("command -v strace").status ? "there is no strace" : "nothing can be traced here");
		return;
	}
	help_file("w.orch", "run claude as a | One.", "pure", NULL);
	help_sh(0, FIRST);
	help_sh(0, "strace -f -y -e trace=fsync,fdatasync,renameat,renameat2 -o trace orch run -q -r y -t x w.orch");
	trace = help_sh(0, "grep -e 'sync([0-9]*<[^>]*/y/log>' -e 'sync([0-9]*<[^>]*/y/tmp/%w' -e 'result>, \"a\"' -e 'sync([0-9]*<[^>]*/y/result>' trace").out;
	trace = strstr(trace, "/log>");
	ck_assert_ptr_nonnull(trace);
	help_in_order(trace, order, LEN(order));
	help_is(TAKEN "a", "a\n");
}
END_TEST

/* The recipe: each night a review of what has changed since the last one. */
START_TEST(the_nightly_review)
{
	help_sh(0, "awk -f \"$TREE/tests/examples.awk\" \"$TREE/orch.1\"; sed -n '/^# nightly$/,/^\\.Ed/p' \"$TREE/orch.1\" | sed '$d; s/\\\\e/\\\\/g' >nightly; "
	    "test $(wc -l <nightly) = 6");
	help_file("stand-in", "#!/bin/sh", "cat >/dev/null; echo $ORCH_KEY >>\"$ORCH_ROOT/marks\"; echo about $file", NULL);
	help_file("bin-date", "#!/bin/sh", "cat \"$HOME/today\"", NULL);
	help_sh(0, "mkdir bin src; cp stand-in bin/claude; cp bin-date bin/date; chmod +x bin/*; for i in 1 2 3; do echo $i >src/$i.c; done");
	help_path(help_sh(0, "printf %s \"$PWD/bin\"").out);
	help_sh(0, "echo 2026-11-28 >today; sh nightly");
	help_marks_are("report review-src/1.c review-src/2.c review-src/3.c ");
	help_sh(0, "echo new >src/2.c; echo 2026-11-29 >today; sh nightly");
	help_marks_are("report review-src/2.c ");
	help_sh(0, "sh nightly");
	help_marks_are("");
	/* A night that failed is passed over; so is another run; a file that is new, one that is gone. */
	help_sh(0, "echo 2026-11-30 >today; mv bin/claude bin/away; ! sh nightly 2>/dev/null; mv bin/away bin/claude");
	help_sh(0, "orch run -q -r other nightly.orch; rm marks; echo 4 >src/4.c; rm src/1.c; echo 2026-12-01 >today; sh nightly");
	help_marks_are("report review-src/4.c ");
	help_sh(0, "orch runs -p | head -n 1 | cut -f 2 | grep -qx n-2026-12-01");
}
END_TEST

Suite *
take_suite(void)
{
	Suite *s = suite_create("take");
	TCase *c = help_case(s, "results", begin, 60);

	tcase_add_test(c, what_is_the_same_is_taken);
	tcase_add_test(c, quiet_and_dry);
	tcase_add_loop_test(c, what_is_not_the_same_is_asked, 0, LEN(changes));
	tcase_add_test(c, what_was_no_answer_is_asked);
	tcase_add_test(c, an_interactive_step_is_asked);
	tcase_add_test(c, inputs);
	tcase_add_test(c, redo_asks);
	tcase_add_test(c, a_stale_step_is_taken);
	tcase_add_test(c, jobs_and_budgets);
	tcase_add_test(c, beside_what_runs);
	tcase_add_test(c, many_are_taken);
	tcase_add_test(c, in_input_order);
	tcase_add_test(c, a_large_result);
	tcase_add_test(c, the_nightly_review);
	c = help_case(s, "runs", begin, 60);
	tcase_add_test(c, it_is_recorded);
	tcase_add_loop_test(c, what_is_not_taken_from, 0, LEN(refusals));
	tcase_add_test(c, a_run_that_vanishes);
	tcase_add_test(c, a_run_that_goes_on);
	tcase_add_test(c, the_log_is_looked_at_last);
	tcase_add_test(c, another_question_is_seen_at_once);
	c = help_case(s, "sessions", begin_sessions, 60);
	tcase_add_test(c, sessions_come_along);
	tcase_add_test(c, a_session_from_another_directory);
	c = help_case(s, "git", repo_begin, 60);
	tcase_add_test(c, calls_and_worktrees);
	c = help_case(s, "faults", begin_sessions, 300);
	tcase_add_loop_test(c, a_fault_anywhere, 0, LEN(faults));
	tcase_add_test(c, a_stop_in_the_middle);
	tcase_add_test(c, a_stop_of_many);
	tcase_add_test(c, it_is_synced_first);
	return s;
}
